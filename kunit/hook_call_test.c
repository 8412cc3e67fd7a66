// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that are wrong whatever they ask for: with a gfp that may sleep where
 * nothing may, and without the heap's own lock.
 */
#include <linux/hardirq.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>

#include "context.h"
#include "hooked.h"

KUNIT_ARRAY_PARAM(context, contexts, describe_context);

struct call {
	gfp_t		gfp;
	bool		seen;	/* nothing may sleep here, as far as is known */
	unsigned int	n;
	unsigned int	reports;
	unsigned int	others;
	unsigned int	nulls;
	bool		by_caller;
};

/* On the kernels that say so themselves, below where they do. */
#define KERNEL_SAYS_SO							\
	(IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP) || IS_ENABLED(CONFIG_LOCKDEP))

static noinline void *malloc_here(const struct domain *domain, size_t size,
				  gfp_t gfp)
{
	void *ptr;

	if (KERNEL_SAYS_SO)
		ptr = pyhook_malloc(&pyheap_default, domain->id, size, gfp,
				    NUMA_NO_NODE, _THIS_IP_);
	else if (domain->id == PYMEM_DOMAIN_RAW)
		ptr = pymem_raw_malloc(size, gfp);
	else if (domain->id == PYMEM_DOMAIN_MEM)
		ptr = pymem_malloc(size, gfp);
	else
		ptr = pyobject_malloc(size, gfp);
	barrier();
	return ptr;
}

/* Without a count of preempt_disable() only interrupts are to be seen. */
static bool is_seen(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_COUNT) && !preemptible())
		return true;
	return in_interrupt() || irqs_disabled() || rcu_preempt_depth();
}

static void call_each(void *data)
{
	static const size_t sizes[] = { 40, 488, 489, 3000 };
	struct call *call = data;
	struct pyalloc_report last;
	unsigned int i, j;
	void *ptr;

	call->seen = is_seen();
	call->by_caller = true;
	for (i = 0; i < ARRAY_SIZE(domains); i++)
		for (j = 0; j < ARRAY_SIZE(sizes); j++) {
			ptr = malloc_here(&domains[i], sizes[j], call->gfp);
			call->n++;
			if (take_reports(&last)) {
				call->reports++;
				call->others += last.mistake !=
						PYALLOC_MAY_NOT_SLEEP ||
						last.ptr;
				call->by_caller &= is_by(last.caller,
							 "malloc_here");
			}
			call->nulls += !ptr;
			domains[i].free(ptr);
		}
}

static void test_gfp_that_may_sleep(struct kunit *test)
{
	const struct context *context = need_context(test);
	struct call call = { .gfp = GFP_KERNEL | __GFP_NOWARN };

	/* It is served as GFP_ATOMIC is. */
	if (context->unseen)
		kunit_skip(test, "lockdep objects to what kmalloc may do there");
	run_there(test, call_each, &call);
	if (context->gfp == GFP_KERNEL)
		KUNIT_EXPECT_FALSE(test, call.seen);
	else if (IS_ENABLED(CONFIG_PREEMPT_COUNT) &&
		 !IS_ENABLED(CONFIG_PREEMPT_RT))
		KUNIT_EXPECT_TRUE(test, call.seen);
	KUNIT_EXPECT_EQ(test, call.reports, call.seen ? call.n : 0);
	KUNIT_EXPECT_EQ(test, call.others, 0U);
	KUNIT_EXPECT_TRUE(test, call.by_caller);
	if (context->takes)
		KUNIT_EXPECT_EQ(test, call.nulls, 0U);
}

static void test_gfp_that_may_not(struct kunit *test)
{
	const struct context *context = need_context(test);
	struct call call = { .gfp = GFP_ATOMIC | __GFP_NOWARN };

	if (context->unseen)
		kunit_skip(test, "lockdep objects to what kmalloc may do there");
	run_there(test, call_each, &call);
	KUNIT_EXPECT_EQ(test, call.reports, 0U);
}

/* === The heap's own lock === */

#ifdef CONFIG_LOCKDEP
static DEFINE_MUTEX(own_lock);

static void test_own_lock(struct kunit *test)
{
	struct pyalloc_report report;
	void *with, *without;

	if (!debug_locks)
		kunit_skip(test, "lockdep has given up");
	pyheap_default.lock = &own_lock.dep_map;
	mutex_lock(&own_lock);
	with = pymem_malloc(40, GFP_KERNEL);
	mutex_unlock(&own_lock);
	expect_no_report(test);
	without = pyobject_malloc(40, GFP_KERNEL);
	take_report(test, PYALLOC_UNLOCKED, NULL, 40, &report);
	pyheap_default.lock = NULL;
	KUNIT_EXPECT_TRUE(test, with && without);
	pymem_free(with);
	pyobject_free(without);
}
#else
static void test_own_lock(struct kunit *test)
{
	kunit_skip(test, "locks are known with CONFIG_LOCKDEP");
}
#endif

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(test_gfp_that_may_sleep, context_gen_params),
	KUNIT_CASE_PARAM(test_gfp_that_may_not, context_gen_params),
	KUNIT_CASE(test_own_lock),
	{ }
};

HOOKED_SUITE(hook_call, cases);
