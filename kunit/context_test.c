// SPDX-License-Identifier: GPL-2.0
/*
 * Every context: allocation and free of the heap's blocks and of the
 * kernel's, and interrupts that come while the task is at the same front.
 */
#include <linux/hardirq.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "context.h"
#include "fixture.h"

KUNIT_ARRAY_PARAM(context, contexts, describe_context);

static void nothing(void *data)
{
}

static void need_context(struct kunit *test)
{
	const struct context *context = test->param_value;

	if (!context->run(nothing, NULL))
		kunit_skip(test, "this machine has no way to get there");
}

static void run(struct kunit *test, void (*function)(void *data), void *data)
{
	const struct context *context = test->param_value;

	KUNIT_EXPECT_TRUE(test, context->run(function, data));
}

/* === Alone === */

#define STEPS	(PYALLOC_SMALL_MAX / 8)

struct visit {
	gfp_t		gfp;
	unsigned int	failures;
	unsigned int	spoilt;
	void		*blocks[STEPS + 1];
};

static void take_each_size(void *data)
{
	struct visit *visit = data;
	unsigned int i;

	for (i = 0; i <= STEPS; i++) {
		visit->blocks[i] = pymem_malloc(i * 8, visit->gfp);
		if (visit->blocks[i])
			fill(visit->blocks[i], i * 8, i);
		else
			visit->failures++;
	}
}

static void put_each_size(void *data)
{
	struct visit *visit = data;
	unsigned int i;

	for (i = 0; i <= STEPS; i++) {
		if (visit->blocks[i] &&
		    !is_filled(visit->blocks[i], i * 8, i))
			visit->spoilt++;
		pyobject_free(visit->blocks[i]);
	}
}

static struct visit *make_visit(struct kunit *test)
{
	const struct context *context = test->param_value;
	struct visit *visit;

	need_context(test);
	visit = kzalloc(sizeof(*visit), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, visit);
	visit->gfp = context->gfp;
	return visit;
}

/*
 * A block of each class stays with the task, so that there is a pool for the
 * contexts that can't get another one.
 */
static void test_malloc(struct kunit *test)
{
	struct visit *mine = make_visit(test), *visit = make_visit(test);

	mine->gfp = GFP_KERNEL;
	take_each_size(mine);
	run(test, take_each_size, visit);
	KUNIT_EXPECT_EQ(test, visit->failures, 0);
	put_each_size(visit);
	KUNIT_EXPECT_EQ(test, visit->spoilt, 0);
	put_each_size(mine);
	kfree(visit);
	kfree(mine);
}

static void test_free(struct kunit *test)
{
	struct visit *visit = make_visit(test);

	visit->gfp = GFP_KERNEL;
	take_each_size(visit);
	KUNIT_EXPECT_EQ(test, visit->failures, 0);
	run(test, put_each_size, visit);
	KUNIT_EXPECT_EQ(test, visit->spoilt, 0);
	kfree(visit);
}

static void measure_each(void *data)
{
	struct visit *visit = data;
	unsigned int i;

	for (i = 0; i <= STEPS; i++)
		if (pyalloc_usable_size(visit->blocks[i]) < i * 8)
			visit->failures++;
}

static void test_usable_size(struct kunit *test)
{
	struct visit *visit = make_visit(test);

	visit->gfp = GFP_KERNEL;
	take_each_size(visit);
	run(test, measure_each, visit);
	KUNIT_EXPECT_EQ(test, visit->failures, 0);
	put_each_size(visit);
	kfree(visit);
}

static void resize_each(void *data)
{
	struct visit *visit = data;
	unsigned int i;
	void *block;

	for (i = 0; i <= STEPS; i++) {
		block = pymem_realloc(visit->blocks[i], i * 4, visit->gfp);
		if (block)
			visit->blocks[i] = block;
		else
			visit->failures++;
		if (!is_filled(visit->blocks[i], i * 4, i))
			visit->spoilt++;
	}
}

static void test_shrinking(struct kunit *test)
{
	struct visit *visit = make_visit(test);
	gfp_t gfp = visit->gfp;
	unsigned int i;

	visit->gfp = GFP_KERNEL;
	take_each_size(visit);
	visit->gfp = gfp;
	run(test, resize_each, visit);
	KUNIT_EXPECT_EQ(test, visit->failures, 0);
	KUNIT_EXPECT_EQ(test, visit->spoilt, 0);
	for (i = 0; i <= STEPS; i++)
		pymem_free(visit->blocks[i]);
	kfree(visit);
}

static void bulk_there(void *data)
{
	struct visit *visit = data;
	size_t got = pymem_malloc_bulk(64, visit->gfp, STEPS, visit->blocks);

	if (!got)
		visit->failures++;
	pymem_free_bulk(got, visit->blocks);
}

static void test_bulk(struct kunit *test)
{
	struct visit *visit = make_visit(test);
	void *mine = pymem_malloc(64, GFP_KERNEL);

	run(test, bulk_there, visit);
	KUNIT_EXPECT_EQ(test, visit->failures, 0);
	pymem_free(mine);
	kfree(visit);
}

/* === What the kernel allocated === */

enum { FOREIGNERS = 24 };

struct foreigners {
	unsigned int		n;
	const struct domain	*domain;
	void			*blocks[FOREIGNERS];
	size_t			usable[FOREIGNERS];
};

static void add_foreigner(struct foreigners *foreigners, void *block)
{
	if (!block)
		return;
	foreigners->blocks[foreigners->n] = block;
	foreigners->usable[foreigners->n++] = room_of(block);
}

static void fetch_foreigners(struct foreigners *foreigners)
{
	size_t size;

	for (size = 8; size <= 8192; size *= 2) {
		add_foreigner(foreigners, kmalloc(size, GFP_KERNEL));
		if (size > 8)
			add_foreigner(foreigners, kzalloc(size - 3,
							  GFP_KERNEL));
	}
	add_foreigner(foreigners, kvmalloc(SZ_1M, GFP_KERNEL));
	add_foreigner(foreigners, vmalloc(5 * PAGE_SIZE));
	add_foreigner(foreigners, vzalloc(10));
}

static void free_foreigners(void *data)
{
	struct foreigners *foreigners = data;
	unsigned int i;

	for (i = 0; i < foreigners->n; i++)
		foreigners->domain->free(foreigners->blocks[i]);
}

static void test_free_of_foreign_blocks(struct kunit *test)
{
	struct foreigners *foreigners;
	unsigned int i, j;

	need_context(test);
	foreigners = kzalloc(sizeof(*foreigners), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, foreigners);
	for (i = 0; i < ARRAY_SIZE(domains); i++) {
		foreigners->n = 0;
		foreigners->domain = &domains[i];
		fetch_foreigners(foreigners);
		run(test, free_foreigners, foreigners);
		for (j = 0; j < foreigners->n; j++)
			balance_foreign(test, &domains[i],
					foreigners->usable[j]);
	}
	expect_no_report(test);
	kfree(foreigners);
}

/* === Interrupts that meet a busy front === */

enum { SLOTS = 32 };

struct race {
	void			*slots[SLOTS];
	atomic_t		visits;
	atomic_t		spoilt;
	atomic_t		failures;
	struct hrtimer		timer;
	struct irq_work		work;
	unsigned int		period_ns;
	gfp_t			gfp;	/* of the interrupts */
	bool			by_nmi;
	bool			stop;
};

/* One size class for all, so that they meet; its blocks hold its address. */
#define RACE_SIZE	64

/* Contexts that can't take a page get what there is. */
static bool may_fail(void)
{
	if (in_nmi())
		return true;
	return in_hardirq() && (IS_ENABLED(CONFIG_PREEMPT_RT) ||
				IS_ENABLED(CONFIG_PROVE_RAW_LOCK_NESTING));
}

static void swap_block(struct race *race, unsigned int slot, gfp_t gfp)
{
	unsigned long *block = pymem_malloc(RACE_SIZE, gfp);
	unsigned long *old;

	if (!block) {
		if (!may_fail())
			atomic_inc(&race->failures);
		return;
	}
	block[0] = (unsigned long)block;
	block[RACE_SIZE / sizeof(long) - 1] = ~(unsigned long)block;
	old = xchg(&race->slots[slot % SLOTS], block);
	if (!old)
		return;
	if (old[0] != (unsigned long)old ||
	    old[RACE_SIZE / sizeof(long) - 1] != ~(unsigned long)old)
		atomic_inc(&race->spoilt);
	pymem_free(old);
}

static void visit_race(void *data)
{
	struct race *race = data;
	unsigned int visit = atomic_inc_return(&race->visits), i;

	for (i = 0; i < visit % 9; i++)
		swap_block(race, visit * 5 + i, race->gfp);
}

static void visit_by_work(struct irq_work *work)
{
	visit_race(container_of(work, struct race, work));
}

static enum hrtimer_restart visit_by_timer(struct hrtimer *timer)
{
	struct race *race = container_of(timer, struct race, timer);

	if (race->by_nmi)
		raise_nmi();
	else
		visit_race(race);
	if (READ_ONCE(race->stop))
		return HRTIMER_NORESTART;
	/* Never the same distance, so as to hit every instruction. */
	race->period_ns = 20000 + race->period_ns * 7 % 60013;
	hrtimer_forward_now(timer, ns_to_ktime(race->period_ns));
	return HRTIMER_RESTART;
}

static struct race *make_race(struct kunit *test)
{
	struct race *race = kzalloc(sizeof(*race), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, race);
	race->work = IRQ_WORK_INIT_HARD(visit_by_work);
	hrtimer_setup(&race->timer, visit_by_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
	race->period_ns = 30011;
	race->gfp = GFP_ATOMIC;
	return race;
}

static void end_race(struct kunit *test, struct race *race)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(test, atomic_read(&race->spoilt), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&race->failures), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&race->visits), 0);
	for (i = 0; i < SLOTS; i++)
		pymem_free(race->slots[i]);
	kfree(race);
}

static void run_race(struct kunit *test, struct race *race)
{
	unsigned int i;

	hrtimer_start(&race->timer, ns_to_ktime(race->period_ns),
		      HRTIMER_MODE_REL_PINNED_HARD);
	for (i = 0; i < 20000 || (atomic_read(&race->visits) < 200 &&
				  i < 100000000); i++) {
		swap_block(race, i, GFP_KERNEL);
		if (i % 4096 == 0)
			cond_resched();
	}
	WRITE_ONCE(race->stop, true);
	hrtimer_cancel(&race->timer);
	KUNIT_EXPECT_GE(test, atomic_read(&race->visits), 200);
}

static void test_timer_meets_task(struct kunit *test)
{
	struct race *race = make_race(test);

	run_race(test, race);
	end_race(test, race);
}

static void test_nmi_meets_task(struct kunit *test)
{
	struct race *race = make_race(test);

	race->gfp = __GFP_NOWARN;
	race->by_nmi = true;
	if (!prepare_nmi(visit_race, race)) {
		kfree(race);
		kunit_skip(test, "this machine has no way to get there");
	}
	run_race(test, race);
	forget_nmi();
	end_race(test, race);
}

static void test_irq_work_meets_task(struct kunit *test)
{
	struct race *race = make_race(test);
	unsigned int i;

	for (i = 0; i < 5000; i++) {
		irq_work_queue(&race->work);
		swap_block(race, i, GFP_KERNEL);
		swap_block(race, i * 3, GFP_KERNEL);
		if (i % 256 == 0)
			cond_resched();
	}
	irq_work_sync(&race->work);
	end_race(test, race);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(test_malloc, context_gen_params),
	KUNIT_CASE_PARAM(test_free, context_gen_params),
	KUNIT_CASE_PARAM(test_usable_size, context_gen_params),
	KUNIT_CASE_PARAM(test_shrinking, context_gen_params),
	KUNIT_CASE_PARAM(test_bulk, context_gen_params),
	KUNIT_CASE_PARAM(test_free_of_foreign_blocks, context_gen_params),
	KUNIT_CASE(test_timer_meets_task),
	KUNIT_CASE(test_nmi_meets_task),
	KUNIT_CASE(test_irq_work_meets_task),
	{ }
};

PYALLOC_SUITE(context, cases);
