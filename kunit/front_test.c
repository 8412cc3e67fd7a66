// SPDX-License-Identifier: GPL-2.0
/*
 * Fronts: the block that was freed last comes back first, what they hold is
 * bounded, and reclaim empties them; how large their arrays get, and how much
 * of one a refill brings and a flush takes.
 */
#include <linux/cpumask.h>
#include <linux/nodemask.h>
#include <linux/preempt.h>
#include <linux/slab.h>

#include "burst.h"

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

/* A full array of each class on each CPU, and what depots may have. */
static size_t most_cached(void)
{
	const struct pyclasses *classes = pyheap_default.classes;
	size_t bytes = 0, slots;
	unsigned int i;

	for (i = 0; i < classes->nr; i++) {
		slots = 1UL << classes->class[i].slots_shift;
		bytes += (slots - 1) * classes->class[i].size;
	}
	return bytes * num_possible_cpus() + SMALL_NODE * num_online_nodes();
}

static void test_what_is_held_is_bounded(struct kunit *test)
{
	enum { N = 8000 };
	void **blocks = make_array(test, N);
	struct pyheap_stats *stats;
	unsigned int i;

	for (i = 0; i < N; i++)
		blocks[i] = pymem_malloc(i * 17 % 513, GFP_KERNEL);
	for (i = 0; i < N; i++)
		pymem_free(blocks[i]);
	stats = take_heap_stats(test);
	KUNIT_EXPECT_LE(test, stats->cached_bytes, most_cached());
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

/* === Arrays === */

static void test_arrays_are_of_16_to_64_slots(struct kunit *test)
{
	const struct pyclasses *classes = pyheap_default.classes;
	unsigned int i, shift;

	for (i = 0; i < classes->nr; i++) {
		shift = classes->class[i].slots_shift;
		KUNIT_EXPECT_GE(test, shift, 4);
		KUNIT_EXPECT_LE(test, shift, 6);
		if (i)
			KUNIT_EXPECT_LE(test, shift,
					classes->class[i - 1].slots_shift);
	}
}

/* Takes blocks until the stock has its largest array, and that is empty. */
static void grow_array(struct burst *burst)
{
	do {
		take_in_a_row(burst, 1);
		empty_stock(burst);
	} while (burst->stock->slots_shift < burst->class->slots_shift &&
		 burst->n < burst->whole);
}

/* One more than there is: by one hold of the lock the stock gets @brought. */
static void expect_refill(struct burst *burst, size_t brought)
{
	unsigned long before = lock_holds(burst);

	KUNIT_EXPECT_EQ(burst->test, pystock_count(burst->stock), 0);
	take_in_a_row(burst, 1);
	KUNIT_EXPECT_EQ(burst->test, (size_t)pystock_count(burst->stock),
			brought - 1);
	KUNIT_EXPECT_EQ(burst->test, lock_holds(burst) - before, 1UL);
	empty_stock(burst);
}

/* One more than there is room for: @flushed go. */
static void expect_flush(struct burst *burst, size_t flushed)
{
	unsigned long before;

	put_in_a_row(burst, burst->each - pystock_count(burst->stock));
	before = lock_holds(burst);
	put_in_a_row(burst, 1);
	KUNIT_EXPECT_EQ(burst->test, (size_t)pystock_count(burst->stock),
			burst->each - flushed + 1);
	if (frees_take_no_lock(burst))
		KUNIT_EXPECT_EQ(burst->test, lock_holds(burst) - before, 1UL);
}

static void test_arrays_grow_to_their_class(struct kunit *test)
{
	struct burst *burst;
	size_t size;

	for_each_class_size(size) {
		burst = begin_burst(test, size);
		KUNIT_EXPECT_EQ(test, pystock_slots(burst->stock), 1);
		take_in_a_row(burst, 1);
		KUNIT_EXPECT_LE(test, pystock_slots(burst->stock), 4);
		take_in_a_row(burst, burst->whole - 1);
		KUNIT_EXPECT_EQ(test, (size_t)pystock_slots(burst->stock),
				burst->each + 1);
		put_in_a_row(burst, burst->n);
		KUNIT_EXPECT_EQ(test, (size_t)pystock_slots(burst->stock),
				burst->each + 1);
		end_burst(burst);
	}
}

/* Each of them, and not the second in a row more than the first. */
static void test_a_refill_is_half_an_array(struct kunit *test)
{
	struct burst *burst;
	size_t size, half;

	for_each_class_size(size) {
		burst = begin_burst(test, size);
		half = (burst->each + 1) / 2;
		grow_array(burst);
		expect_refill(burst, half);
		expect_refill(burst, half);
		expect_flush(burst, half);
		KUNIT_EXPECT_EQ(test, burst->depot->nr_full, 0);
		empty_stock(burst);
		expect_refill(burst, half);
		expect_refill(burst, half);
		end_burst(burst);
	}
}

/* In a node that has depots the second one would go there. */
static void test_a_second_flush_is_whole(struct kunit *test)
{
	struct burst *burst;
	unsigned int i;
	size_t half;
	void *all;

	for (i = 0; i < ARRAY_SIZE(burst_sizes); i++) {
		burst = begin_burst(test, burst_sizes[i]);
		half = (burst->each + 1) / 2;
		all = make_large(burst);
		take_in_a_row(burst, burst->whole);
		expect_flush(burst, half);
		expect_flush(burst, burst->each);
		expect_flush(burst, burst->each);
		empty_stock(burst);
		expect_refill(burst, half);
		expect_flush(burst, half);
		expect_flush(burst, burst->each);
		free_blocks(all);
		end_burst(burst);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_last_in_first_out),
	KUNIT_CASE(test_reclaim_empties_fronts),
	KUNIT_CASE(test_what_is_held_is_bounded),
	KUNIT_CASE(test_hot_pairs_take_no_lock),
	KUNIT_CASE(test_arrays_are_of_16_to_64_slots),
	KUNIT_CASE(test_arrays_grow_to_their_class),
	KUNIT_CASE(test_a_refill_is_half_an_array),
	KUNIT_CASE(test_a_second_flush_is_whole),
	{ }
};

PYALLOC_ENGINE_SUITE(front, cases);
