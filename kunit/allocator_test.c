// SPDX-License-Identifier: GPL-2.0
/*
 * Allocators that a client puts in place of a domain's own: what they are
 * called with, who calls them and until when, and debug hooks above and below
 * them.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "hooked.h"

KUNIT_ARRAY_PARAM(domain, domains, describe_domain);

/* Hooks are off but where a case turns them on. */
static int allocator_suite_init(struct kunit_suite *suite)
{
	int error = hooked_suite_init(suite);

	return error ?: pyhook_turn(0);
}

static void allocator_exit(struct kunit *test)
{
	pyhook_turn(0);
	hooked_exit(test);
}

/* === One that notes what it is called with === */

/**
 * struct spy - an allocator over the one that was there
 * @below: that one
 * @domain: whose
 * @is_kmalloc: blocks are kmalloc's, and the one below is not asked
 * @ctx: what a function got last, as are those that follow
 * @ptr: a block that it got
 * @given: a block that it gave
 * @size: bytes
 * @nelem: elements
 * @elsize: bytes of each
 * @gfp: the caller's
 * @mallocs: how often it was called, as are those that follow
 * @callocs: calloc
 * @reallocs: realloc
 * @frees: free
 */
struct spy {
	struct pymem_allocator	below;
	enum pymem_domain	domain;
	bool			is_kmalloc;
	void			*ctx;
	void			*ptr;
	void			*given;
	size_t			size;
	size_t			nelem;
	size_t			elsize;
	gfp_t			gfp;
	atomic_t		mallocs;
	atomic_t		callocs;
	atomic_t		reallocs;
	atomic_t		frees;
};

static void *spy_malloc(void *ctx, size_t size, gfp_t gfp)
{
	struct spy *spy = ctx;

	spy->ctx = ctx;
	spy->size = size;
	spy->gfp = gfp;
	atomic_inc(&spy->mallocs);
	spy->given = spy->is_kmalloc ? kmalloc(size ?: 1, gfp) :
		     spy->below.malloc(spy->below.ctx, size, gfp);
	return spy->given;
}

static void *spy_calloc(void *ctx, size_t nelem, size_t elsize, gfp_t gfp)
{
	struct spy *spy = ctx;

	spy->ctx = ctx;
	spy->nelem = nelem;
	spy->elsize = elsize;
	spy->gfp = gfp;
	atomic_inc(&spy->callocs);
	spy->given = spy->is_kmalloc ? kcalloc(nelem ?: 1, elsize ?: 1, gfp) :
		     spy->below.calloc(spy->below.ctx, nelem, elsize, gfp);
	return spy->given;
}

static void *spy_realloc(void *ctx, void *ptr, size_t size, gfp_t gfp)
{
	struct spy *spy = ctx;

	spy->ctx = ctx;
	spy->ptr = ptr;
	spy->size = size;
	spy->gfp = gfp;
	atomic_inc(&spy->reallocs);
	spy->given = spy->is_kmalloc ? krealloc(ptr, size ?: 1, gfp) :
		     spy->below.realloc(spy->below.ctx, ptr, size, gfp);
	return spy->given;
}

static void spy_free(void *ctx, void *ptr)
{
	struct spy *spy = ctx;

	spy->ctx = ctx;
	spy->ptr = ptr;
	atomic_inc(&spy->frees);
	if (spy->is_kmalloc)
		kfree(ptr);
	else
		spy->below.free(spy->below.ctx, ptr);
}

static int put_spy(struct spy *spy)
{
	struct pymem_allocator allocator = {
		.ctx = spy, .malloc = spy_malloc, .calloc = spy_calloc,
		.realloc = spy_realloc, .free = spy_free,
	};

	return pymem_set_allocator(spy->domain, &allocator);
}

static struct spy *begin_spy(struct kunit *test, enum pymem_domain domain,
			     bool is_kmalloc)
{
	struct spy *spy = kzalloc(sizeof(*spy), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, spy);
	spy->domain = domain;
	spy->is_kmalloc = is_kmalloc;
	KUNIT_ASSERT_EQ(test, pymem_get_allocator(domain, &spy->below), 0);
	KUNIT_ASSERT_EQ(test, put_spy(spy), 0);
	return spy;
}

static void end_spy(struct kunit *test, struct spy *spy)
{
	KUNIT_EXPECT_EQ(test, pymem_set_allocator(spy->domain, &spy->below), 0);
	kfree(spy);
}

static bool is_same(const struct pymem_allocator *a,
		    const struct pymem_allocator *b)
{
	return a->ctx == b->ctx && a->malloc == b->malloc &&
	       a->calloc == b->calloc && a->realloc == b->realloc &&
	       a->free == b->free;
}

/* What they are given is what the caller gave, and what they give he gets. */
static void test_calls(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct spy *spy = begin_spy(test, domain->id, false);
	void *ptr, *new;

	ptr = domain->malloc(42, GFP_ATOMIC);
	KUNIT_EXPECT_PTR_EQ(test, spy->ctx, (void *)spy);
	KUNIT_EXPECT_EQ(test, spy->size, (size_t)42);
	KUNIT_EXPECT_EQ(test, (__force unsigned int)spy->gfp,
			(__force unsigned int)GFP_ATOMIC);
	KUNIT_EXPECT_PTR_EQ(test, spy->given, ptr);
	spy->ctx = NULL;
	new = domain->realloc(ptr, 200, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, spy->ctx, (void *)spy);
	KUNIT_EXPECT_PTR_EQ(test, spy->ptr, ptr);
	KUNIT_EXPECT_EQ(test, spy->size, (size_t)200);
	KUNIT_EXPECT_PTR_EQ(test, spy->given, new);
	spy->ctx = NULL;
	domain->free(new);
	KUNIT_EXPECT_PTR_EQ(test, spy->ctx, (void *)spy);
	KUNIT_EXPECT_PTR_EQ(test, spy->ptr, new);
	spy->ctx = NULL;
	ptr = domain->calloc(2, 5, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, spy->ctx, (void *)spy);
	KUNIT_EXPECT_EQ(test, spy->nelem, (size_t)2);
	KUNIT_EXPECT_EQ(test, spy->elsize, (size_t)5);
	KUNIT_EXPECT_TRUE(test, is_zero(ptr, 10));
	domain->free(ptr);
	KUNIT_EXPECT_PTR_EQ(test, spy->ptr, ptr);
	KUNIT_EXPECT_EQ(test, atomic_read(&spy->mallocs), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&spy->callocs), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&spy->reallocs), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&spy->frees), 2);
	end_spy(test, spy);
}

/* The other domains do not see it. */
static void test_other_domains(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct spy *spy = begin_spy(test, domain->id, false);
	unsigned int i;
	void *ptr;

	for (i = 0; i < ARRAY_SIZE(domains); i++) {
		if (&domains[i] == domain)
			continue;
		ptr = domains[i].malloc(40, GFP_KERNEL);
		ptr = domains[i].realloc(ptr, 4000, GFP_KERNEL);
		domains[i].free(ptr);
		domains[i].free(domains[i].calloc(3, 3, GFP_KERNEL));
	}
	KUNIT_EXPECT_NULL(test, spy->ctx);
	end_spy(test, spy);
}

/* What needs no answer does not reach it. */
static void test_not_asked(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct spy *spy = begin_spy(test, domain->id, false);

	domain->free(NULL);
	domain->free(ZERO_SIZE_PTR);
	KUNIT_EXPECT_NULL(test, domain->malloc((size_t)INT_MAX + 1, QUIET));
	KUNIT_EXPECT_NULL(test, domain->calloc(LONG_MAX, 16, QUIET));
	KUNIT_EXPECT_NULL(test, domain->calloc(INT_MAX, 2, QUIET));
	KUNIT_EXPECT_NULL(test, domain->realloc(NULL, (size_t)INT_MAX + 1,
						QUIET));
	KUNIT_EXPECT_NULL(test, spy->ctx);
	end_spy(test, spy);
}

static void test_get_and_set(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct pymem_allocator before, now, broken;
	struct spy *spy;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, pymem_get_allocator(domain->id, &before), 0);
	KUNIT_EXPECT_TRUE(test, before.malloc && before.calloc);
	KUNIT_EXPECT_TRUE(test, before.realloc && before.free);
	spy = begin_spy(test, domain->id, false);
	KUNIT_EXPECT_EQ(test, pymem_get_allocator(domain->id, &now), 0);
	KUNIT_EXPECT_PTR_EQ(test, now.ctx, (void *)spy);
	KUNIT_EXPECT_TRUE(test, now.malloc == spy_malloc);
	KUNIT_EXPECT_TRUE(test, now.calloc == spy_calloc);
	KUNIT_EXPECT_TRUE(test, now.realloc == spy_realloc);
	KUNIT_EXPECT_TRUE(test, now.free == spy_free);
	for (i = 0; i < 4; i++) {
		broken = now;
		if (i == 0)
			broken.malloc = NULL;
		else if (i == 1)
			broken.calloc = NULL;
		else if (i == 2)
			broken.realloc = NULL;
		else
			broken.free = NULL;
		KUNIT_EXPECT_EQ(test, pymem_set_allocator(domain->id, &broken),
				-EINVAL);
	}
	KUNIT_EXPECT_EQ(test, pymem_set_allocator(domain->id, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, pymem_get_allocator(domain->id, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, pymem_get_allocator(domain->id, &broken), 0);
	KUNIT_EXPECT_TRUE(test, is_same(&broken, &now));
	end_spy(test, spy);
	KUNIT_EXPECT_EQ(test, pymem_get_allocator(domain->id, &now), 0);
	KUNIT_EXPECT_TRUE(test, is_same(&before, &now));
}

static void test_no_such_domain(struct kunit *test)
{
	static const int unknown[] = { PYMEM_NR_DOMAINS, 77, -1, INT_MAX };
	struct pymem_allocator own;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, pymem_get_allocator(PYMEM_DOMAIN_MEM, &own), 0);
	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		KUNIT_EXPECT_EQ(test, pymem_get_allocator(unknown[i], &own),
				-EINVAL);
		KUNIT_EXPECT_EQ(test, pymem_set_allocator(unknown[i], &own),
				-EINVAL);
	}
}

/* It may be called by who is put on top of it, also with what is nothing. */
static void test_own_functions(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct pydomain_stats before[PYDOMAIN_ROWS];
	struct pymem_allocator own;
	void *ptr;

	take_domain_stats(test, before);
	KUNIT_ASSERT_EQ(test, pymem_get_allocator(domain->id, &own), 0);
	own.free(own.ctx, NULL);
	ptr = own.malloc(own.ctx, 0, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, ptr);
	ptr = own.realloc(own.ctx, ptr, 3000, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, ptr);
	own.free(own.ctx, ptr);
	ptr = own.calloc(own.ctx, 7, 11, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, is_zero(ptr, 77));
	own.free(own.ctx, ptr);
	ptr = own.realloc(own.ctx, NULL, 50, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, ptr);
	own.free(own.ctx, ptr);
	KUNIT_EXPECT_NULL(test, own.malloc(own.ctx, (size_t)INT_MAX + 1, QUIET));
	KUNIT_EXPECT_NULL(test, own.calloc(own.ctx, LONG_MAX, 3, QUIET));
	expect_rows(test, before, 0);
}

static void test_zero_bytes(struct kunit *test)
{
	unsigned int i, on;
	void *ptr, *other;

	for (on = 0; on < 2; on++) {
		KUNIT_ASSERT_EQ(test, pyhook_turn(on ? ALL_DOMAINS : 0), 0);
		for (i = 0; i < ARRAY_SIZE(domains); i++) {
			ptr = domains[i].malloc(0, GFP_KERNEL);
			other = domains[i].calloc(0, 0, GFP_KERNEL);
			KUNIT_EXPECT_NOT_NULL(test, ptr);
			KUNIT_EXPECT_NOT_NULL(test, other);
			KUNIT_EXPECT_PTR_NE(test, ptr, other);
			domains[i].free(ptr);
			domains[i].free(other);
		}
	}
}

/* === The rest of the functions === */

struct with_head {
	u8		first[40];
	struct rcu_head	rcu;
};

static void test_bulk(struct kunit *test)
{
	struct spy *spy = begin_spy(test, PYMEM_DOMAIN_MEM, false);
	void *blocks[20];

	KUNIT_EXPECT_EQ(test, pymem_malloc_bulk(60, GFP_KERNEL, 20, blocks),
			(size_t)20);
	KUNIT_EXPECT_EQ(test, atomic_read(&spy->mallocs), 20);
	KUNIT_EXPECT_EQ(test, spy->size, (size_t)60);
	pymem_free_bulk(20, blocks);
	KUNIT_EXPECT_EQ(test, atomic_read(&spy->frees), 20);
	end_spy(test, spy);
}

static void test_nodes(struct kunit *test)
{
	struct spy *spy = begin_spy(test, PYMEM_DOMAIN_OBJ, false);
	void *ptr = pyobject_malloc_node(60, GFP_KERNEL, numa_mem_id());

	KUNIT_EXPECT_PTR_EQ(test, ptr, spy->given);
	pyobject_free(ptr);
	KUNIT_EXPECT_PTR_EQ(test, spy->ptr, ptr);
	end_spy(test, spy);
}

static void test_free_rcu(struct kunit *test)
{
	struct spy *mem = begin_spy(test, PYMEM_DOMAIN_MEM, false);
	struct spy *object = begin_spy(test, PYMEM_DOMAIN_OBJ, true);
	struct with_head *ptr, *other;
	int during;

	ptr = pymem_malloc(sizeof(*ptr), GFP_KERNEL);
	other = pyobject_malloc(2000, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, ptr && other);
	fill(ptr->first, sizeof(ptr->first), 0x21);
	rcu_read_lock();
	pymem_free_rcu(ptr, rcu);
	pyobject_free_rcu(other, rcu);
	during = atomic_read(&mem->frees) + atomic_read(&object->frees);
	KUNIT_EXPECT_TRUE(test, is_filled(ptr->first, 40, 0x21));
	rcu_read_unlock();
	rcu_barrier();
	KUNIT_EXPECT_EQ(test, during, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&mem->frees), 1);
	KUNIT_EXPECT_PTR_EQ(test, mem->ptr, (void *)ptr);
	KUNIT_EXPECT_EQ(test, atomic_read(&object->frees), 1);
	KUNIT_EXPECT_PTR_EQ(test, object->ptr, (void *)other);
	end_spy(test, object);
	end_spy(test, mem);
}

/* Blocks that are live when a layer comes or goes are freed as ever. */
static void test_blocks_from_before(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct pydomain_stats before[PYDOMAIN_ROWS];
	static const size_t sizes[] = { 20, 500, 3000 };
	void *old[3], *during[3];
	struct spy *spy;
	unsigned int i;

	take_domain_stats(test, before);
	for (i = 0; i < 3; i++)
		old[i] = hooked_malloc(test, domain, sizes[i]);
	spy = begin_spy(test, domain->id, false);
	for (i = 0; i < 3; i++) {
		during[i] = hooked_malloc(test, domain, sizes[i]);
		domain->free(old[i]);
		KUNIT_EXPECT_PTR_EQ(test, spy->ptr, old[i]);
	}
	end_spy(test, spy);
	for (i = 0; i < 3; i++)
		domain->free(during[i]);
	expect_no_report(test);
	expect_rows(test, before, 0);
}

/* === One that fails === */

/* Over all three domains: those behind @start fail, up to @stop if there is. */
static struct {
	struct pymem_allocator	below[PYMEM_NR_DOMAINS];
	int			start;
	int			stop;
	int			count;
	bool			installed;
} memory;

/* Of one that nobody but its allocator knows. */
static void test_usable_size(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct spy *spy = begin_spy(test, domain->id, true);
	void *ptr = domain->malloc(40, GFP_KERNEL);

	KUNIT_EXPECT_GE(test, pyalloc_usable_size(ptr), (size_t)40);
	domain->free(ptr);
	/* Nobody's word is taken for what may be its own, and no report. */
	KUNIT_EXPECT_EQ(test, pyalloc_usable_size(&memory), (size_t)0);
	expect_no_report(test);
	end_spy(test, spy);
}

static bool has_no_memory(void)
{
	memory.count++;
	return memory.count > memory.start &&
	       (memory.stop <= 0 || memory.count <= memory.stop);
}

static void *failing_malloc(void *ctx, size_t size, gfp_t gfp)
{
	struct pymem_allocator *below = ctx;

	return has_no_memory() ? NULL : below->malloc(below->ctx, size, gfp);
}

static void *failing_calloc(void *ctx, size_t nelem, size_t elsize, gfp_t gfp)
{
	struct pymem_allocator *below = ctx;

	return has_no_memory() ? NULL :
	       below->calloc(below->ctx, nelem, elsize, gfp);
}

static void *failing_realloc(void *ctx, void *ptr, size_t size, gfp_t gfp)
{
	struct pymem_allocator *below = ctx;

	return has_no_memory() ? NULL :
	       below->realloc(below->ctx, ptr, size, gfp);
}

static void failing_free(void *ctx, void *ptr)
{
	struct pymem_allocator *below = ctx;

	below->free(below->ctx, ptr);
}

static void set_nomemory(struct kunit *test, int start, int stop)
{
	struct pymem_allocator failing = {
		.malloc = failing_malloc, .calloc = failing_calloc,
		.realloc = failing_realloc, .free = failing_free,
	};
	unsigned int i;

	memory.start = start;
	memory.stop = stop;
	memory.count = 0;
	if (memory.installed)
		return;
	for (i = 0; i < PYMEM_NR_DOMAINS; i++) {
		pymem_get_allocator(i, &memory.below[i]);
		failing.ctx = &memory.below[i];
		KUNIT_EXPECT_EQ(test, pymem_set_allocator(i, &failing), 0);
	}
	memory.installed = true;
}

static void remove_hooks(struct kunit *test)
{
	unsigned int i;

	if (!memory.installed)
		return;
	for (i = 0; i < PYMEM_NR_DOMAINS; i++)
		KUNIT_EXPECT_EQ(test, pymem_set_allocator(i, &memory.below[i]),
				0);
	memory.installed = false;
}

/* Which of twelve requests fail: a bit each. */
static unsigned int failures_of_twelve(void)
{
	unsigned int i, failed = 0;
	void *ptr, *new;

	for (i = 0; i < 12; i++) {
		if (i % 4 == 3) {
			ptr = NULL;
			new = domains[i % 3].realloc(ptr, 30, QUIET);
		} else if (i % 4 == 1) {
			new = domains[i % 3].calloc(3, 9, QUIET);
		} else {
			new = domains[i % 3].malloc(30 * i, QUIET);
		}
		if (!new)
			failed |= BIT(i);
		domains[i % 3].free(new);
	}
	return failed;
}

static void test_no_memory(struct kunit *test)
{
	unsigned int on;

	for (on = 0; on < 2; on++) {
		KUNIT_ASSERT_EQ(test, pyhook_turn(on ? ALL_DOMAINS : 0), 0);
		remove_hooks(test);
		set_nomemory(test, 0, 0);
		KUNIT_EXPECT_EQ(test, failures_of_twelve(), 0xfffU);
		set_nomemory(test, 5, 0);
		KUNIT_EXPECT_EQ(test, failures_of_twelve(), 0xfe0U);
		set_nomemory(test, 2, 7);
		KUNIT_EXPECT_EQ(test, failures_of_twelve(), 0x07cU);
		KUNIT_EXPECT_EQ(test, memory.count, 12);
		remove_hooks(test);
		remove_hooks(test);
		KUNIT_EXPECT_EQ(test, failures_of_twelve(), 0U);
		KUNIT_EXPECT_EQ(test, memory.count, 12);
	}
	expect_no_report(test);
}

/* A realloc that fails leaves the block. */
static void test_no_memory_for_realloc(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	u8 *ptr = hooked_malloc(test, domain, 60);

	set_nomemory(test, 0, 0);
	KUNIT_EXPECT_NULL(test, domain->realloc(ptr, 4000, QUIET));
	KUNIT_EXPECT_TRUE(test, is_filled(ptr, 60, 0x5a));
	remove_hooks(test);
	domain->free(ptr);
}

/* === Debug hooks and replaced allocators === */

static void test_setup_twice(struct kunit *test)
{
	struct pymem_allocator first[PYMEM_NR_DOMAINS], second, own;
	unsigned int i;
	void *ptr;

	KUNIT_ASSERT_EQ(test, pymem_get_allocator(PYMEM_DOMAIN_MEM, &own), 0);
	KUNIT_ASSERT_EQ(test, pymem_setup_debug_hooks(), 0);
	for (i = 0; i < PYMEM_NR_DOMAINS; i++)
		pymem_get_allocator(i, &first[i]);
	KUNIT_EXPECT_FALSE(test, is_same(&first[PYMEM_DOMAIN_MEM], &own));
	KUNIT_ASSERT_EQ(test, pymem_setup_debug_hooks(), 0);
	for (i = 0; i < PYMEM_NR_DOMAINS; i++) {
		pymem_get_allocator(i, &second);
		KUNIT_EXPECT_TRUE(test, is_same(&first[i], &second));
		ptr = domains[i].malloc(40, GFP_KERNEL);
		KUNIT_EXPECT_TRUE(test, is_all(ptr + 40, 8, 0xfd));
		KUNIT_EXPECT_EQ(test, peek_at(ptr - 9), 40);
		domains[i].free(ptr);
	}
	/* What was there is put back by name, without hooks and with them. */
	KUNIT_EXPECT_EQ(test, pymem_set_allocator(PYMEM_DOMAIN_MEM, &own), 0);
	ptr = pymem_malloc(40, GFP_KERNEL);
	KUNIT_EXPECT_FALSE(test, pyhook_knows(ptr));
	pymem_free(ptr);
	KUNIT_EXPECT_EQ(test, pymem_set_allocator(PYMEM_DOMAIN_MEM,
						  &first[PYMEM_DOMAIN_MEM]), 0);
	ptr = pymem_malloc(40, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, pyhook_knows(ptr));
	pymem_free(ptr);
}

/* Mistakes of _testcapi's: a byte too far, and raw's function for mem's. */
static void test_misuse_with_hooks(struct kunit *test)
{
	struct pyalloc_report report;
	u8 *ptr;

	KUNIT_ASSERT_EQ(test, pymem_setup_debug_hooks(), 0);
	ptr = pymem_malloc(16, GFP_KERNEL);
	spoil(ptr + 16);
	pymem_free(ptr);
	take_report(test, PYALLOC_OVERFLOW, ptr, 16, &report);
	ptr = pymem_malloc(16, GFP_KERNEL);
	pymem_raw_free(ptr);
	take_report(test, PYALLOC_WRONG_DOMAIN, ptr, 16, &report);
	KUNIT_EXPECT_EQ(test, report.block.domain, 'm');
	KUNIT_EXPECT_EQ(test, (int)report.by, (int)PYMEM_DOMAIN_RAW);
	pyhook_forgive();
}

static void try_over(struct kunit *test, const struct domain *domain,
		     bool is_kmalloc, size_t size)
{
	struct spy *spy = begin_spy(test, domain->id, is_kmalloc);
	struct pyalloc_report report;
	u8 *ptr, *new, *base;
	int frees;

	KUNIT_ASSERT_EQ(test, pymem_setup_debug_hooks(), 0);
	ptr = domain->malloc(size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptr);
	KUNIT_EXPECT_PTR_EQ(test, (void *)ptr - 16, spy->given);
	KUNIT_EXPECT_GE(test, spy->size, size + 24);
	KUNIT_EXPECT_EQ(test, pyalloc_usable_size(ptr), size);
	KUNIT_EXPECT_EQ(test, peek_at(ptr - 8), domain->name[0]);
	KUNIT_EXPECT_TRUE(test, is_all(ptr, size, 0xcd));
	KUNIT_EXPECT_TRUE(test, is_all(ptr + size, 8, 0xfd));
	fill(ptr, size, 0x5a);
	base = spy->given;
	new = domain->realloc(ptr, size + 50, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, new);
	KUNIT_EXPECT_PTR_EQ(test, spy->ptr, (void *)base);
	KUNIT_EXPECT_TRUE(test, is_filled(new, size, 0x5a));
	KUNIT_EXPECT_TRUE(test, is_all(new + size, 50, 0xcd));
	base = spy->given;
	KUNIT_EXPECT_PTR_EQ(test, (void *)new - 16, (void *)base);
	frees = atomic_read(&spy->frees);
	spoil(new - 1);
	expect_found(test, PYALLOC_UNDERFLOW, new, size, &report);
	KUNIT_EXPECT_NULL(test, domain->realloc(new, 30, GFP_KERNEL));
	take_report(test, PYALLOC_UNDERFLOW, new, size, &report);
	spoil(new - 1);
	domain->free(new);
	expect_no_report(test);
	KUNIT_EXPECT_EQ(test, atomic_read(&spy->frees), frees + 1);
	KUNIT_EXPECT_PTR_EQ(test, spy->ptr, (void *)base);
	ptr = domain->calloc(3, 20, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, is_zero(ptr, 60));
	domain->free(ptr);
	KUNIT_EXPECT_PTR_EQ(test, spy->ptr, (void *)ptr - 16);
	end_spy(test, spy);
	pyhook_turn(0);
}

static void test_hooks_over_kmalloc(struct kunit *test)
{
	const struct domain *domain = test->param_value;

	try_over(test, domain, true, 20);
	try_over(test, domain, true, 600);
	expect_no_report(test);
}

/* What it gives lies in pools, which have no decorated blocks. */
static void test_hooks_over_own(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct pydomain_stats before[PYDOMAIN_ROWS];

	take_domain_stats(test, before);
	try_over(test, domain, false, 20);
	try_over(test, domain, false, 400);
	try_over(test, domain, false, 600);
	expect_no_report(test);
	expect_rows(test, before, 0);
}

/* Nor are they lost when it is all taken down before they are freed. */
static void test_hooks_over_own_later(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	static const size_t sizes[] = { 20, 400, 600 };
	struct pydomain_stats before[PYDOMAIN_ROWS];
	void *blocks[6];
	struct spy *spy;
	unsigned int i;

	take_domain_stats(test, before);
	spy = begin_spy(test, domain->id, false);
	KUNIT_ASSERT_EQ(test, pymem_setup_debug_hooks(), 0);
	for (i = 0; i < 6; i++)
		blocks[i] = hooked_malloc(test, domain, sizes[i / 2]);
	KUNIT_EXPECT_EQ(test, pymem_set_allocator(domain->id, &spy->below), 0);
	pyhook_turn(0);
	for (i = 0; i < 6; i++) {
		KUNIT_EXPECT_EQ(test, pyalloc_usable_size(blocks[i]),
				sizes[i / 2]);
		if (i % 2)
			blocks[i] = domain->realloc(blocks[i], 50, GFP_KERNEL);
		domain->free(blocks[i]);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&spy->frees), 6);
	expect_no_report(test);
	expect_rows(test, before, 0);
	kfree(spy);
}

/* Then it sees what clients get, and hooks see what it asks for. */
static void test_over_hooks(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct pyalloc_report report;
	struct spy *spy;
	u8 *ptr;

	KUNIT_ASSERT_EQ(test, pymem_setup_debug_hooks(), 0);
	spy = begin_spy(test, domain->id, false);
	ptr = domain->malloc(40, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, (void *)ptr, spy->given);
	KUNIT_EXPECT_TRUE(test, is_all(ptr, 40, 0xcd));
	KUNIT_EXPECT_TRUE(test, is_all(ptr + 40, 8, 0xfd));
	KUNIT_EXPECT_EQ(test, pyalloc_usable_size(ptr), (size_t)40);
	ptr = domain->realloc(ptr, 600, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, is_all(ptr + 600, 8, 0xfd));
	spoil(ptr + 600);
	domain->free(ptr);
	take_report(test, PYALLOC_OVERFLOW, ptr, 600, &report);
	domain->free(ptr);
	take_report(test, PYALLOC_DOUBLE_FREE, ptr, 600, &report);
	ptr = domain->malloc(40, GFP_KERNEL);
	domain->free(ptr);
	domain->free(ptr);
	take_report(test, PYALLOC_DOUBLE_FREE, ptr, 40, &report);
	pyhook_forgive();
	end_spy(test, spy);
}

/* Hooks on both sides: each has its own decorations. */
static void test_between_hooks(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct spy *spy;
	u8 *ptr;

	KUNIT_ASSERT_EQ(test, pymem_setup_debug_hooks(), 0);
	spy = begin_spy(test, domain->id, false);
	KUNIT_ASSERT_EQ(test, pymem_setup_debug_hooks(), 0);
	ptr = domain->malloc(40, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, (void *)ptr - 16, spy->given);
	KUNIT_EXPECT_EQ(test, pyalloc_usable_size(ptr), (size_t)40);
	KUNIT_EXPECT_EQ(test, pyalloc_usable_size(spy->given), spy->size);
	ptr = domain->realloc(ptr, 4000, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, pyalloc_usable_size(ptr), (size_t)4000);
	domain->free(ptr);
	expect_no_report(test);
	end_spy(test, spy);
}

/* === While others call === */

/**
 * struct layer - an allocator that comes and goes
 * @below: what it is over
 * @gone: nobody may call it any more
 * @calls: how often it was called
 */
struct layer {
	struct pymem_allocator	below;
	bool			gone;
	atomic_t		calls;
};

static atomic_t late_calls;

/* Somewhere in it the caller loses the CPU. */
static void enter(struct layer *layer, gfp_t gfp)
{
	atomic_inc(&layer->calls);
	if (READ_ONCE(layer->gone))
		atomic_inc(&late_calls);
	if (gfpflags_allow_blocking(gfp))
		cond_resched();
}

static void leave(struct layer *layer)
{
	if (READ_ONCE(layer->gone))
		atomic_inc(&late_calls);
}

static void *layer_malloc(void *ctx, size_t size, gfp_t gfp)
{
	struct layer *layer = ctx;
	void *ptr;

	enter(layer, gfp);
	ptr = layer->below.malloc(layer->below.ctx, size, gfp);
	leave(layer);
	return ptr;
}

static void *layer_calloc(void *ctx, size_t nelem, size_t elsize, gfp_t gfp)
{
	struct layer *layer = ctx;
	void *ptr;

	enter(layer, gfp);
	ptr = layer->below.calloc(layer->below.ctx, nelem, elsize, gfp);
	leave(layer);
	return ptr;
}

static void *layer_realloc(void *ctx, void *ptr, size_t size, gfp_t gfp)
{
	struct layer *layer = ctx;
	void *new;

	enter(layer, gfp);
	new = layer->below.realloc(layer->below.ctx, ptr, size, gfp);
	leave(layer);
	return new;
}

static void layer_free(void *ctx, void *ptr)
{
	struct layer *layer = ctx;

	enter(layer, GFP_KERNEL);
	layer->below.free(layer->below.ctx, ptr);
	leave(layer);
}

enum {
	THREADS		= 3,
	ROUNDS		= IS_ENABLED(CONFIG_KASAN) ? 30 : 100,
};

struct callers {
	struct task_struct	*thread[THREADS];
	atomic_t		spoilt;
};

/* Each of its calls, over and over. */
static void call_all(struct callers *callers, unsigned int i)
{
	const struct domain *domain = &domains[i % PYMEM_NR_DOMAINS];
	size_t size = i * 37 % 700;
	u8 *ptr = domain->malloc(size, GFP_KERNEL), *new;

	if (!ptr)
		return;
	fill(ptr, size, i);
	new = domain->realloc(ptr, size + 90, GFP_KERNEL);
	ptr = new ?: ptr;
	if (!is_filled(ptr, size, i))
		atomic_inc(&callers->spoilt);
	domain->free(ptr);
	domain->free(domain->calloc(i % 9, 13, GFP_KERNEL));
}

static int caller_thread(void *data)
{
	unsigned int i = 0;

	while (!kthread_should_stop()) {
		call_all(data, i++);
		if (i % 16 == 0)
			cond_resched();
	}
	return 0;
}

/* When it was taken away, nobody is in it: it may go. */
static void put_and_take(struct kunit *test, unsigned int round)
{
	struct layer *layer = kzalloc(sizeof(*layer), GFP_KERNEL);
	enum pymem_domain domain = round % PYMEM_NR_DOMAINS;
	struct pymem_allocator allocator = {
		.ctx = layer, .malloc = layer_malloc, .calloc = layer_calloc,
		.realloc = layer_realloc, .free = layer_free,
	};
	unsigned int tries;

	KUNIT_ASSERT_NOT_NULL(test, layer);
	KUNIT_EXPECT_EQ(test, pymem_get_allocator(domain, &layer->below), 0);
	KUNIT_EXPECT_EQ(test, pymem_set_allocator(domain, &allocator), 0);
	for (tries = 0; tries < 10000 && atomic_read(&layer->calls) < 20;
	     tries++)
		schedule_timeout_uninterruptible(1);
	KUNIT_EXPECT_GE(test, atomic_read(&layer->calls), 20);
	KUNIT_EXPECT_EQ(test, pymem_set_allocator(domain, &layer->below), 0);
	WRITE_ONCE(layer->gone, true);
	memset(&layer->below, 0, sizeof(layer->below));
	kfree(layer);
}

static void test_while_others_call(struct kunit *test)
{
	struct callers callers = {};
	unsigned int i;

	atomic_set(&late_calls, 0);
	/* See hooked.h. */
	pydomain_wrap(PYWRAP_TEST);
	for (i = 0; i < THREADS; i++) {
		callers.thread[i] = kthread_run(caller_thread, &callers,
						"pyalloc_call");
		KUNIT_ASSERT_TRUE(test, !IS_ERR(callers.thread[i]));
	}
	for (i = 0; i < ROUNDS; i++) {
		/* Never none: what a client put there is what comes and goes. */
		KUNIT_EXPECT_EQ(test, pyhook_turn(i / 3 % 2 ? ALL_DOMAINS :
						  BIT(i % PYMEM_NR_DOMAINS)),
				0);
		put_and_take(test, i);
	}
	for (i = 0; i < THREADS; i++)
		kthread_stop(callers.thread[i]);
	pydomain_unwrap(PYWRAP_TEST);
	KUNIT_EXPECT_EQ(test, atomic_read(&callers.spoilt), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&late_calls), 0);
	expect_no_report(test);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(test_calls, domain_gen_params),
	KUNIT_CASE_PARAM(test_other_domains, domain_gen_params),
	KUNIT_CASE_PARAM(test_not_asked, domain_gen_params),
	KUNIT_CASE_PARAM(test_get_and_set, domain_gen_params),
	KUNIT_CASE(test_no_such_domain),
	KUNIT_CASE_PARAM(test_own_functions, domain_gen_params),
	KUNIT_CASE(test_zero_bytes),
	KUNIT_CASE(test_bulk),
	KUNIT_CASE(test_nodes),
	KUNIT_CASE(test_free_rcu),
	KUNIT_CASE_PARAM(test_blocks_from_before, domain_gen_params),
	KUNIT_CASE_PARAM(test_usable_size, domain_gen_params),
	KUNIT_CASE(test_no_memory),
	KUNIT_CASE_PARAM(test_no_memory_for_realloc, domain_gen_params),
	KUNIT_CASE(test_setup_twice),
	KUNIT_CASE(test_misuse_with_hooks),
	KUNIT_CASE_PARAM(test_hooks_over_kmalloc, domain_gen_params),
	KUNIT_CASE_PARAM(test_hooks_over_own, domain_gen_params),
	KUNIT_CASE_PARAM(test_hooks_over_own_later, domain_gen_params),
	KUNIT_CASE_PARAM(test_over_hooks, domain_gen_params),
	KUNIT_CASE_PARAM(test_between_hooks, domain_gen_params),
	KUNIT_CASE(test_while_others_call),
	{ }
};

struct kunit_suite allocator_suite = {
	.name		= "pyalloc_allocator",
	.suite_init	= allocator_suite_init,
	.suite_exit	= hooked_suite_exit,
	.init		= hooked_init,
	.exit		= allocator_exit,
	.test_cases	= cases,
};
