// SPDX-License-Identifier: GPL-2.0
/*
 * Frees that are wrong, with debug hooks: a block that is free already,
 * another domain's, another heap's, and pointers that are no block.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "hooked.h"

KUNIT_ARRAY_PARAM(domain, domains, describe_domain);

#define EXPECT(test, condition, size)					\
	KUNIT_EXPECT_TRUE_MSG(test, condition, "%zu bytes", size)

#define for_each_domain(domain)						\
	for (domain = domains; domain < domains + ARRAY_SIZE(domains);	\
	     domain++)

struct with_head {
	u8		first[40];
	struct rcu_head	rcu;
};

/* === Blocks that are free already === */

/* Each function that takes a block says so, and leaves everything alone. */
static void try_freed(struct kunit *test, void *ptr, size_t size, bool by_known)
{
	struct pydomain_stats before[PYDOMAIN_ROWS];
	const struct domain *domain;
	struct pyalloc_report report;
	void *array[1] = { ptr };

	take_domain_stats(test, before);
	for_each_domain(domain) {
		free_here(domain, ptr);
		if (take_report(test, PYALLOC_DOUBLE_FREE, ptr, size, &report)) {
			EXPECT(test, !report.kept, size);
			EXPECT(test, is_by(report.caller, "free_here"), size);
			if (by_known)
				EXPECT(test, is_by(report.block.freed_by,
						   "free_here"), size);
		}
		EXPECT(test, !domain->realloc(ptr, 50, GFP_KERNEL), size);
		take_report(test, PYALLOC_DOUBLE_FREE, ptr, size, &report);
		EXPECT(test, !domain->realloc(ptr, 5000, GFP_KERNEL), size);
		take_report(test, PYALLOC_DOUBLE_FREE, ptr, size, &report);
	}
	pymem_free_bulk(1, array);
	take_report(test, PYALLOC_DOUBLE_FREE, ptr, size, &report);
	EXPECT(test, !pyalloc_usable_size(ptr), size);
	take_report(test, PYALLOC_DOUBLE_FREE, ptr, size, &report);
	__pymem_free_rcu(ptr, ptr);
	take_report(test, PYALLOC_DOUBLE_FREE, ptr, size, &report);
	__pyobject_free_rcu(ptr, ptr);
	take_report(test, PYALLOC_DOUBLE_FREE, ptr, size, &report);
	rcu_barrier();
	expect_no_report(test);
	expect_rows(test, before, size);
}

static void test_at_once(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	unsigned int i;
	size_t size;
	void *ptr;

	for_each_hooked_size(size, i) {
		if (size > RESTS_MOST)
			continue;
		ptr = hooked_malloc(test, domain, size);
		free_here(domain, ptr);
		expect_no_report(test);
		try_freed(test, ptr, size, true);
	}
}

/* While others come and go, as long as it rests. */
static void test_later(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	static const size_t sizes[] = { 20, 100, 488, 489 };
	unsigned int i;
	void *ptr;

	stay_on_this_cpu(test);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ptr = hooked_malloc(test, domain, sizes[i]);
		free_here(domain, ptr);
		EXPECT(test, !comes_again(domain, sizes[i], ptr, 8), sizes[i]);
		try_freed(test, ptr, sizes[i], true);
	}
}

/* Back in its pool, beside one that keeps the pool. */
static void test_in_its_pool(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	unsigned int i;
	size_t size;
	void *ptr, *kept;

	if (domain->id == PYMEM_DOMAIN_RAW)
		kunit_skip(test, "raw has no pools");
	stay_on_this_cpu(test);
	for_each_hooked_size(size, i) {
		if (!is_pooled(domain, size))
			continue;
		pyalloc_reclaim();
		kept = hooked_malloc(test, domain, size);
		ptr = hooked_malloc(test, domain, size);
		free_here(domain, ptr);
		pyalloc_reclaim();
		if (pymap_lookup(ptr) == pymap_lookup(kept))
			try_freed(test, ptr, size, false);
		domain->free(kept);
	}
}

/* The pool has gone, too, and the arena has not. */
static void test_without_its_pool(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct pyalloc_report report;
	void *ptr, *kept;

	if (domain->id == PYMEM_DOMAIN_RAW)
		kunit_skip(test, "raw has no pools");
	kept = hooked_malloc(test, domain, 488);
	ptr = hooked_malloc(test, domain, 20);
	domain->free(ptr);
	pyalloc_reclaim();
	if (is_heaps(ptr)) {
		domain->free(ptr);
		take_report(test, PYALLOC_NO_POOL, ptr, 20, &report);
	}
	domain->free(kept);
}

static void test_before_the_grace_period_is_over(struct kunit *test)
{
	static const size_t sizes[] = { sizeof(struct with_head), 2000 };
	struct with_head *ptr;
	unsigned int i;

	for (i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		ptr = i % 2 ? pyobject_malloc(sizes[i / 2], GFP_KERNEL) :
			      pymem_malloc(sizes[i / 2], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, ptr);
		rcu_read_lock();
		if (i % 2)
			pyobject_free_rcu(ptr, rcu);
		else
			pymem_free_rcu(ptr, rcu);
		__pymem_free_rcu(ptr, &ptr->rcu);
		KUNIT_EXPECT_EQ(test, reports_seen(), 1);
		KUNIT_EXPECT_EQ(test, (int)last_mistake(),
				(int)PYALLOC_DOUBLE_FREE);
		pymem_free(ptr);
		KUNIT_EXPECT_EQ(test, reports_seen(), 2);
		pymem_raw_free(ptr);
		KUNIT_EXPECT_EQ(test, reports_seen(), 3);
		KUNIT_EXPECT_NULL(test, pymem_realloc(ptr, 20, GFP_ATOMIC));
		KUNIT_EXPECT_EQ(test, reports_seen(), 4);
		KUNIT_EXPECT_EQ(test, (int)last_mistake(),
				(int)PYALLOC_DOUBLE_FREE);
		rcu_read_unlock();
		forget_reports();
		rcu_barrier();
		expect_no_report(test);
		try_freed(test, ptr, sizes[i / 2], false);
	}
}

/* === Another domain === */

static void expect_wrong_client(struct kunit *test, const struct domain *from,
				const struct domain *by, void *ptr, size_t size)
{
	struct pyalloc_report report;

	if (from == by) {
		expect_no_report(test);
		return;
	}
	if (!take_report(test, PYALLOC_WRONG_DOMAIN, ptr, size, &report))
		return;
	EXPECT(test, report.by == by->id, size);
	EXPECT(test, report.block.seen, size);
	EXPECT(test, report.block.domain == from->name[0], size);
	EXPECT(test, report.block.requested == size, size);
	EXPECT(test, !report.kept, size);
}

/* It is served, and counted where the block came from. */
static void test_freed_by_another_domain(struct kunit *test)
{
	const struct domain *from = test->param_value, *by;
	struct pydomain_stats before[PYDOMAIN_ROWS];
	unsigned int i;
	size_t size;
	void *ptr;

	for_each_hooked_size(size, i)
		for_each_domain(by) {
			take_domain_stats(test, before);
			ptr = hooked_malloc(test, from, size);
			free_here(by, ptr);
			expect_wrong_client(test, from, by, ptr, size);
			if (size <= RESTS_MOST)
				EXPECT(test, is_all(ptr, size, 0xdd), size);
			expect_rows(test, before, size);
		}
}

static void test_resized_by_another_domain(struct kunit *test)
{
	const struct domain *from = test->param_value, *by;
	static const size_t sizes[] = { 1, 40, 488, 489, 3000 };
	struct pydomain_stats before[PYDOMAIN_ROWS];
	unsigned int i, j;
	void *ptr, *new;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (j = 0; j < ARRAY_SIZE(sizes); j++)
			for_each_domain(by) {
				take_domain_stats(test, before);
				ptr = hooked_malloc(test, from, sizes[i]);
				new = by->realloc(ptr, sizes[j], GFP_KERNEL);
				KUNIT_ASSERT_NOT_NULL(test, new);
				expect_wrong_client(test, from, by, ptr,
						    sizes[i]);
				EXPECT(test, is_filled(new, min(sizes[i],
								sizes[j]),
						       0x5a), sizes[j]);
				/* From now on it is the other's. */
				by->free(new);
				expect_no_report(test);
				expect_rows(test, before, sizes[i]);
			}
}

static void test_freed_by_another_domain_later(struct kunit *test)
{
	const struct domain *from = test->param_value;
	static const size_t sizes[] = { sizeof(struct with_head), 2000 };
	struct pydomain_stats before[PYDOMAIN_ROWS];
	struct with_head *ptr;
	unsigned int i;

	take_domain_stats(test, before);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ptr = hooked_malloc(test, from, sizes[i]);
		pymem_free_rcu(ptr, rcu);
		expect_wrong_client(test, from, &domains[PYMEM_DOMAIN_MEM],
				    ptr, sizes[i]);
		ptr = hooked_malloc(test, from, sizes[i]);
		pyobject_free_rcu(ptr, rcu);
		expect_wrong_client(test, from, &domains[PYMEM_DOMAIN_OBJ],
				    ptr, sizes[i]);
	}
	rcu_barrier();
	expect_no_report(test);
	expect_rows(test, before, 0);
}

static void test_freed_by_another_domain_in_bulk(struct kunit *test)
{
	const struct domain *from = test->param_value;
	struct pydomain_stats before[PYDOMAIN_ROWS];
	struct pyalloc_report report;
	void *blocks[10];
	unsigned int i;

	take_domain_stats(test, before);
	for (i = 0; i < 10; i++)
		blocks[i] = hooked_malloc(test, from, 100 * i);
	pymem_free_bulk(10, blocks);
	KUNIT_EXPECT_EQ(test, take_reports(&report),
			from->id == PYMEM_DOMAIN_MEM ? 0 : 10);
	expect_rows(test, before, 0);
}

/* === Another heap === */

static struct pyheap other_heap;

/* With the default heap's classes nothing but the heap tells its blocks. */
static void begin_other_heap(struct kunit *test)
{
	memset(&other_heap, 0, sizeof(other_heap));
	KUNIT_ASSERT_EQ(test, pyheap_init(&other_heap, "other",
					  pyheap_default.classes), 0);
	KUNIT_ASSERT_TRUE(test, pyfront_ready(&other_heap, GFP_KERNEL));
}

static void end_other_heap(struct kunit *test)
{
	struct pyheap_stats *stats = kzalloc(sizeof(*stats), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, stats);
	pystats_heap(&other_heap, stats);
	KUNIT_EXPECT_EQ(test, stats->blocks, 0UL);
	KUNIT_EXPECT_EQ(test, stats->domain_blocks[0], 0L);
	KUNIT_EXPECT_EQ(test, stats->domain_blocks[1], 0L);
	kfree(stats);
	pyalloc_reclaim();
	pyheap_exit(&other_heap);
}

static void *other_malloc(struct kunit *test, enum pymem_domain domain,
			  size_t size)
{
	void *ptr = pyhook_malloc(&other_heap, domain, size, GFP_KERNEL,
				  NUMA_NO_NODE, _THIS_IP_);

	KUNIT_ASSERT_NOT_NULL(test, ptr);
	return ptr;
}

static long other_live(struct kunit *test)
{
	struct pyheap_stats *stats = kzalloc(sizeof(*stats), GFP_KERNEL);
	long live;

	KUNIT_ASSERT_NOT_NULL(test, stats);
	pystats_heap(&other_heap, stats);
	live = stats->domain_blocks[0] + stats->domain_blocks[1];
	kfree(stats);
	return live;
}

/* Served by the heap that it is of, and counted there. */
static void test_another_heap(struct kunit *test)
{
	struct pyalloc_report report;
	size_t size, before;
	void *ptr;

	begin_other_heap(test);
	before = pymem_get_allocated_blocks();
	for (size = 1; size <= LAST_POOLED; size += 29) {
		ptr = other_malloc(test, PYMEM_DOMAIN_MEM, size);
		KUNIT_EXPECT_EQ(test, other_live(test), 1L);
		pymem_free(ptr);
		if (take_report(test, PYALLOC_WRONG_HEAP, ptr, size, &report))
			EXPECT(test, report.block.requested == size, size);
		KUNIT_EXPECT_EQ(test, other_live(test), 0L);
		ptr = other_malloc(test, PYMEM_DOMAIN_OBJ, size);
		pyobject_free(ptr);
		take_report(test, PYALLOC_WRONG_HEAP, ptr, size, &report);
		pyobject_free(ptr);
		take_report(test, PYALLOC_DOUBLE_FREE, ptr, size, &report);
	}
	KUNIT_EXPECT_EQ(test, pymem_get_allocated_blocks(), before);
	expect_whole(test);
	end_other_heap(test);
}

/* Through the function for that heap nothing is wrong. */
static void test_its_own_heap(struct kunit *test)
{
	unsigned int i;
	void *ptr;

	begin_other_heap(test);
	for (i = 0; i < 500; i++) {
		ptr = other_malloc(test, PYMEM_DOMAIN_MEM, i % LAST_POOLED + 1);
		pyhook_free(&other_heap, PYMEM_DOMAIN_MEM, ptr, &other_heap,
			    pymap_class(pymap_lookup(ptr)) - PYDECORATED_FIRST,
			    _THIS_IP_);
	}
	expect_no_report(test);
	end_other_heap(test);
}

/* Damage of its blocks is found as well, and a block that rests is its own. */
static void test_damage_in_another_heap(struct kunit *test)
{
	struct pyalloc_report report;
	void *ptr, *kept;

	begin_other_heap(test);
	kept = other_malloc(test, PYMEM_DOMAIN_MEM, 50);
	ptr = other_malloc(test, PYMEM_DOMAIN_MEM, 50);
	spoil(ptr + 50);
	expect_found(test, PYALLOC_OVERFLOW, ptr, 50, &report);
	spoil(ptr + 50);
	pymem_free(ptr);
	take_report(test, PYALLOC_WRONG_HEAP, ptr, 50, &report);
	spoil(ptr);
	expect_found(test, PYALLOC_USE_AFTER_FREE, ptr, 50, &report);
	pyalloc_reclaim();
	take_report(test, PYALLOC_USE_AFTER_FREE, ptr, 50, &report);
	pyhook_forgive();
	pymem_free(kept);
	take_report(test, PYALLOC_WRONG_HEAP, kept, 50, &report);
	end_other_heap(test);
}

/* === No block === */

static void try_wrong(struct kunit *test, void *wrong,
		      enum pyalloc_mistake mistake, size_t size)
{
	const struct domain *domain;
	struct pyalloc_report report;

	for_each_domain(domain) {
		domain->free(wrong);
		take_report(test, mistake, wrong, size, &report);
		EXPECT(test, !domain->realloc(wrong, 30, GFP_KERNEL), size);
		take_report(test, mistake, wrong, size, &report);
	}
	EXPECT(test, !pyalloc_usable_size(wrong), size);
	take_report(test, mistake, wrong, size, &report);
	__pymem_free_rcu(wrong, wrong);
	take_report(test, mistake, wrong, size, &report);
}

static void test_inside_a_block(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	static const long offsets[] = { -8, 1, 8, 15, 16, 24 };
	unsigned int i, j;
	size_t size;
	void *ptr;

	if (domain->id == PYMEM_DOMAIN_RAW)
		kunit_skip(test, "a slab's objects are the kernel's to know");
	for_each_hooked_size(size, i) {
		if (!is_pooled(domain, size))
			continue;
		ptr = hooked_malloc(test, domain, size);
		for (j = 0; j < ARRAY_SIZE(offsets); j++)
			if (offsets[j] < (long)size)
				try_wrong(test, ptr + offsets[j],
					  PYALLOC_INTERIOR, size);
		EXPECT(test, is_filled(ptr, size, 0x5a), size);
		domain->free(ptr);
		expect_no_report(test);
	}
}

/*
 * Where the block's decorations begin.  Of the first block of a pool that is
 * where the pool begins, and what lies before it is somebody else's.
 */
static void test_where_decorations_begin(struct kunit *test)
{
	struct pyalloc_report report;
	unsigned int i, first = 0;
	void *small, *blocks[64];
	size_t size;

	for (size = 1; size <= LAST_POOLED; size += 16) {
		for (i = 0; i < 64; i++) {
			/* So that pools of small blocks lie next to them. */
			small = pymem_malloc(1, GFP_KERNEL);
			blocks[i] = pymem_malloc(size, GFP_KERNEL);
			KUNIT_ASSERT_TRUE(test, small && blocks[i]);
			pymem_free(small);
		}
		for (i = 0; i < 64; i++) {
			first += !((unsigned long)(blocks[i] - 16) % 4096);
			pymem_free(blocks[i] - 16);
			take_report(test, PYALLOC_INTERIOR, blocks[i] - 16,
				    size, &report);
			KUNIT_EXPECT_NULL(test, pymem_realloc(blocks[i] - 16,
							      20, GFP_KERNEL));
			take_report(test, PYALLOC_INTERIOR, blocks[i] - 16,
				    size, &report);
			KUNIT_EXPECT_FALSE(test, report.kept);
		}
		for (i = 0; i < 64; i++)
			pymem_free(blocks[i]);
		expect_no_report(test);
	}
	KUNIT_EXPECT_GT(test, first, 0U);
}

static void test_no_memory_of_blocks(struct kunit *test)
{
	static char data[64] __aligned(64);
	char stack[64] __aligned(64);
	void *wrong[] = {
		stack, stack + 8, data, data + 1, test_inside_a_block,
		(void *)64, (void *)4096, (void *)LONG_MAX, (void *)~0UL,
	};
	void *small = kmalloc(256, GFP_KERNEL), *area = vmalloc(8 * PAGE_SIZE);
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, small && area);
	OPTIMIZER_HIDE_VAR(wrong[0]);
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		try_wrong(test, wrong[i], PYALLOC_WILD, i);
	try_wrong(test, small + 1, PYALLOC_WILD, 256);
	try_wrong(test, area + 16, PYALLOC_WILD, 1);
	try_wrong(test, area + PAGE_SIZE, PYALLOC_WILD, 2);
	kfree(small);
	vfree(area);
}

/* Blocks of the kernel's own are served as ever. */
static void test_foreign_blocks(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	static const size_t sizes[] = { 8, 64, 500, 600, 5000 };
	unsigned int i;
	size_t usable;
	void *ptr;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ptr = kmalloc(sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, ptr);
		usable = ksize(ptr);
		domain->free(ptr);
		expect_no_report(test);
		if (domain->id == PYMEM_DOMAIN_RAW || usable > 512) {
			/* Make up for what counted for the domain. */
			pyhook_turn(0);
			ptr = domain->malloc(usable, GFP_KERNEL);
			kfree(ptr);
			pyhook_turn(ALL_DOMAINS);
		}
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(test_at_once, domain_gen_params),
	KUNIT_CASE_PARAM(test_later, domain_gen_params),
	KUNIT_CASE_PARAM(test_in_its_pool, domain_gen_params),
	KUNIT_CASE_PARAM(test_without_its_pool, domain_gen_params),
	KUNIT_CASE(test_before_the_grace_period_is_over),
	KUNIT_CASE_PARAM(test_freed_by_another_domain, domain_gen_params),
	KUNIT_CASE_PARAM(test_resized_by_another_domain, domain_gen_params),
	KUNIT_CASE_PARAM(test_freed_by_another_domain_later,
			 domain_gen_params),
	KUNIT_CASE_PARAM(test_freed_by_another_domain_in_bulk,
			 domain_gen_params),
	KUNIT_CASE(test_another_heap),
	KUNIT_CASE(test_its_own_heap),
	KUNIT_CASE(test_damage_in_another_heap),
	KUNIT_CASE_PARAM(test_inside_a_block, domain_gen_params),
	KUNIT_CASE(test_where_decorations_begin),
	KUNIT_CASE(test_no_memory_of_blocks),
	KUNIT_CASE_PARAM(test_foreign_blocks, domain_gen_params),
	{ }
};

HOOKED_SUITE(hook_free, cases);
