// SPDX-License-Identifier: GPL-2.0
/*
 * Fronts: the block that was freed last comes back first, what they hold is
 * bounded, and reclaim empties them.
 */
#include <linux/cpumask.h>
#include <linux/preempt.h>
#include <linux/slab.h>

#include "fixture.h"

static void test_last_in_first_out(struct kunit *test)
{
	void *blocks[3], *again;
	unsigned int i;
	size_t size;

	for_each_class_size(size) {
		/* Else fronts may be full with what the others left. */
		pyalloc_reclaim();
		pymem_free(pymem_malloc(size, GFP_KERNEL));
		for (i = 0; i < 3; i++)
			blocks[i] = pymem_malloc(size, GFP_KERNEL);
		preempt_disable();
		for (i = 0; i < 3; i++)
			pymem_free(blocks[i]);
		again = pymem_malloc(size, GFP_ATOMIC);
		preempt_enable();
		KUNIT_EXPECT_PTR_EQ(test, again, blocks[2]);
		pymem_free(again);
	}
}

static unsigned long cached_blocks(struct kunit *test)
{
	struct pyheap_stats *stats = take_heap_stats(test);
	unsigned long cached = stats->cached;

	kfree(stats);
	return cached;
}

static void test_reclaim_empties_fronts(struct kunit *test)
{
	void *blocks[100];
	unsigned int i;

	for (i = 0; i < 100; i++)
		blocks[i] = pymem_malloc(i * 5, GFP_KERNEL);
	for (i = 0; i < 100; i++)
		pymem_free(blocks[i]);
	KUNIT_EXPECT_GT(test, cached_blocks(test), 0UL);
	pyalloc_reclaim();
	KUNIT_EXPECT_EQ(test, cached_blocks(test), 0UL);
}

static void test_what_is_held_is_bounded(struct kunit *test)
{
	enum { N = 8000 };
	void **blocks = make_array(test, N);
	struct pyheap_stats *stats;
	size_t peak, limit;
	unsigned int i;

	for (i = 0; i < N; i++)
		blocks[i] = pymem_malloc(i * 17 % 513, GFP_KERNEL);
	stats = take_heap_stats(test);
	peak = stats->live_bytes + stats->cached_bytes;
	kfree(stats);
	for (i = 0; i < N; i++)
		pymem_free(blocks[i]);
	stats = take_heap_stats(test);
	limit = max_t(size_t, SZ_128K, peak / 16) * num_possible_cpus();
	KUNIT_EXPECT_LE(test, stats->cached_bytes, limit);
	kfree(stats);
	kvfree(blocks);
}

/* A hot pair is served without the node's lock. */
static void test_hot_pairs_take_no_lock(struct kunit *test)
{
	struct pyheap_stats *stats = take_heap_stats(test);
	unsigned long before;
	void *blocks[2];
	unsigned int i;

	for (i = 0; i < 200; i++) {
		blocks[0] = pymem_malloc(96, GFP_KERNEL);
		pymem_free(blocks[0]);
	}
	preempt_disable();
	pymem_free(pymem_malloc(96, GFP_ATOMIC));
	pystats_heap(&pyheap_default, stats);
	before = stats->lock_holds;
	for (i = 0; i < 1000; i++) {
		blocks[0] = pymem_malloc(96, GFP_ATOMIC);
		blocks[1] = pyobject_malloc(96, GFP_ATOMIC);
		pymem_free(blocks[0]);
		pyobject_free(blocks[1]);
	}
	pystats_heap(&pyheap_default, stats);
	preempt_enable();
	/* A work item of another CPU may have been there. */
	KUNIT_EXPECT_LE(test, stats->lock_holds - before, 50UL);
	kfree(stats);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_last_in_first_out),
	KUNIT_CASE(test_reclaim_empties_fronts),
	KUNIT_CASE(test_what_is_held_is_bounded),
	KUNIT_CASE(test_hot_pairs_take_no_lock),
	{ }
};

PYALLOC_SUITE(front, cases);
