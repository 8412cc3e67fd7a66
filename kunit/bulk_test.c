// SPDX-License-Identifier: GPL-2.0
/*
 * Many blocks at a time: around the size of a batch and of an array, of any
 * size, from wherever they are, and freed in any mixture.
 */
#include <linux/slab.h>

#include "../pyalloc/reclaim.h"
#include "burst.h"

static const size_t numbers[] = { 0, 1, 63, 64, 65, 129, 4096 };
static const size_t sizes[] = { 0, 1, 8, 24, 64, 100, 512, 513, 2000 };

static void write_all(size_t n, void **blocks, size_t size)
{
	size_t i;

	for (i = 0; i < n; i++)
		fill(blocks[i], size, i ^ i >> 8);
}

static size_t count_spoilt(size_t n, void **blocks, size_t size)
{
	size_t i, spoilt = 0;

	for (i = 0; i < n; i++)
		spoilt += !is_filled(blocks[i], size, (u8)(i ^ i >> 8));
	return spoilt;
}

static void try_bulk(struct kunit *test, size_t size, size_t n, void **blocks)
{
	size_t before = pymem_get_allocated_blocks();

	KUNIT_ASSERT_EQ(test, pymem_malloc_bulk(size, GFP_KERNEL, n, blocks),
			n);
	KUNIT_EXPECT_EQ(test, pymem_get_allocated_blocks(), before + n);
	write_all(n, blocks, size);
	KUNIT_EXPECT_EQ(test, count_spoilt(n, blocks, size), (size_t)0);
	pymem_free_bulk(n, blocks);
	KUNIT_EXPECT_EQ(test, pymem_get_allocated_blocks(), before);
}

static void test_any_number_of_any_size(struct kunit *test)
{
	void **blocks = make_array(test, 4096);
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (j = 0; j < ARRAY_SIZE(numbers); j++)
			try_bulk(test, sizes[i], numbers[j], blocks);
	kvfree(blocks);
}

static void test_bulk_over_the_limit(struct kunit *test)
{
	static const size_t too_large[] = {
		(size_t)INT_MAX + 1, LONG_MAX, SIZE_MAX,
	};
	void *blocks[4];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(too_large); i++)
		KUNIT_EXPECT_EQ(test, pymem_malloc_bulk(too_large[i],
							GFP_KERNEL, 4, blocks),
				(size_t)0);
}

static void test_bulk_of_zeros(struct kunit *test)
{
	void *blocks[100];
	unsigned int i, j;
	size_t size;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size = sizes[i];
		KUNIT_ASSERT_EQ(test, pymem_malloc_bulk(size, GFP_KERNEL, 100,
							blocks), (size_t)100);
		for (j = 0; j < 100; j++)
			fill(blocks[j], size, 0xff);
		pymem_free_bulk(100, blocks);
		KUNIT_ASSERT_EQ(test,
				pymem_malloc_bulk(size, GFP_KERNEL | __GFP_ZERO,
						  100, blocks), (size_t)100);
		for (j = 0; j < 100; j++)
			KUNIT_EXPECT_TRUE(test, is_zero(blocks[j], size));
		pymem_free_bulk(100, blocks);
	}
}

/* A heap that may not take a page gives what it has, and says how much. */
static void test_bulk_without_memory(struct kunit *test)
{
	void *blocks[16] = { };
	void *all;
	size_t got;

	preempt_disable();
	all = exhaust_heap(200);
	got = pymem_malloc_bulk(200, 0, 16, blocks);
	preempt_enable();
	free_blocks(all);
	KUNIT_EXPECT_EQ(test, got, (size_t)0);
	pymem_free_bulk(got, blocks);
}

static void test_free_of_a_mixture(struct kunit *test)
{
	enum { N = 1000 };
	void **blocks = make_array(test, N);
	size_t i, usable;

	for (i = 0; i < N; i++) {
		blocks[i] = pymem_malloc(sizes[i * i % ARRAY_SIZE(sizes)],
					 GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, blocks[i]);
	}
	/* Nothing and a foreign block are taken as well. */
	pymem_free(blocks[3]);
	blocks[3] = NULL;
	pymem_free(blocks[500]);
	blocks[500] = kmalloc(64, GFP_KERNEL);
	usable = room_of(blocks[500]);
	pymem_free_bulk(N, blocks);
	balance_foreign(test, &domains[PYMEM_DOMAIN_MEM], usable);
	expect_no_report(test);
	kvfree(blocks);
}

static void test_bulk_and_single_mix(struct kunit *test)
{
	void *blocks[65];
	unsigned int i;

	for (i = 0; i < 65; i++)
		blocks[i] = pymem_malloc(48, GFP_KERNEL);
	pymem_free_bulk(65, blocks);
	KUNIT_ASSERT_EQ(test, pymem_malloc_bulk(48, GFP_KERNEL, 65, blocks),
			(size_t)65);
	for (i = 0; i < 65; i++)
		pymem_free(blocks[i]);
}

/* === Whole arrays === */

static struct pyclass_stats class_row(struct kunit *test, size_t size)
{
	struct pyheap_stats *stats = take_heap_stats(test);
	struct pyclass_stats row = stats->class[class_index(size)];

	kfree(stats);
	return row;
}

/* The blocks of clients. */
static unsigned long live_blocks(const struct pyclass_stats *row)
{
	return row->live - row->meta - row->cached;
}

static void expect_counts(struct kunit *test, size_t size,
			  const struct pyclass_stats *before, size_t mallocs,
			  size_t frees)
{
	struct pyclass_stats now = class_row(test, size);

	KUNIT_EXPECT_EQ(test, now.mallocs - before->mallocs, mallocs);
	KUNIT_EXPECT_EQ(test, now.frees - before->frees, frees);
	KUNIT_EXPECT_EQ(test, live_blocks(&now) - live_blocks(before),
			mallocs - frees);
}

static void try_counted(struct kunit *test, size_t size, size_t n,
			void **blocks)
{
	struct pyclass_stats before = class_row(test, size);

	KUNIT_ASSERT_EQ(test, pymem_malloc_bulk(size, GFP_KERNEL, n, blocks),
			n);
	expect_counts(test, size, &before, n, 0);
	write_all(n, blocks, size);
	KUNIT_EXPECT_EQ(test, count_spoilt(n, blocks, size), (size_t)0);
	KUNIT_EXPECT_EQ(test, count_overlaps(n, blocks), 0);
	pymem_free_bulk(n, blocks);
	expect_counts(test, size, &before, n, n);
}

/* One array or batch, and more than are moved under one hold of a lock. */
static void try_around(struct kunit *test, size_t size, size_t n, void **blocks)
{
	static const unsigned int times[] = { 1, 2, 5 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(times); i++) {
		try_counted(test, size, times[i] * n - 1, blocks);
		try_counted(test, size, times[i] * n, blocks);
		try_counted(test, size, times[i] * n + 1, blocks);
	}
}

/* Each time with what the last one left in the stock and in the depot. */
static void test_numbers_around_arrays(struct kunit *test)
{
	void **blocks = make_array(test, 5 * 64 + 1);
	size_t size, each;

	for_each_class_size(size) {
		each = pyheap_class(&pyheap_default,
				    class_index(size))->slots_shift;
		each = (1UL << each) - 1;
		try_around(test, size, each, blocks);
		try_around(test, size, each + 1, blocks);
		try_around(test, size, PYHEAP_BATCH, blocks);
	}
	kvfree(blocks);
}

/* As many as are wanted, counted, distinct, and the class's. */
static void take_in_bulk(struct burst *burst, size_t n)
{
	struct kunit *test = burst->test;
	struct pyclass_stats before = class_row(test, burst->size);

	burst->n = pymem_malloc_bulk(burst->size, GFP_KERNEL, n,
				     burst->blocks);
	KUNIT_EXPECT_EQ(test, burst->n, n);
	expect_counts(test, burst->size, &before, n, 0);
	KUNIT_EXPECT_EQ(test, count_overlaps(burst->n, burst->blocks), 0);
	write_burst(burst);
}

static void put_in_bulk(struct burst *burst)
{
	struct pyclass_stats before = class_row(burst->test, burst->size);

	pymem_free_bulk(burst->n, burst->blocks);
	expect_counts(burst->test, burst->size, &before, 0, burst->n);
	burst->n = 0;
}

static void test_depot_stock_and_pools_serve(struct kunit *test)
{
	struct burst *burst;
	size_t size, n;

	skip_without_bulk(test);
	for_each_class_size(size) {
		burst = begin_burst(test, size);
		take_and_put(burst);
		KUNIT_EXPECT_GT(test, burst->depot->nr_full, 4);
		KUNIT_EXPECT_GT(test, pystock_count(burst->stock), 0);
		n = burst->depot->nr_full * burst->each +
		    pystock_count(burst->stock) + 2 * burst->each;
		take_in_bulk(burst, n);
		KUNIT_EXPECT_EQ(test, burst->depot->nr_full, 0);
		KUNIT_EXPECT_EQ(test, pystock_count(burst->stock), 0);
		end_burst(burst);
	}
}

/* Of the depot there go whole arrays; what is less comes from elsewhere. */
static void test_less_than_an_array_stays_there(struct kunit *test)
{
	struct burst *burst;
	size_t size;
	u32 full;

	skip_without_bulk(test);
	for_each_class_size(size) {
		burst = begin_burst(test, size);
		take_and_put(burst);
		full = burst->depot->nr_full;
		take_in_bulk(burst, burst->each - 1);
		KUNIT_EXPECT_EQ(test, burst->depot->nr_full, full);
		put_in_bulk(burst);
		full = burst->depot->nr_full;
		take_in_bulk(burst, 2 * burst->each - 1);
		KUNIT_EXPECT_EQ(test, burst->depot->nr_full, full - 1);
		end_burst(burst);
	}
}

/* Four arrays go there under one hold, and a flush makes room for the rest. */
static void test_frees_go_to_the_depot(struct kunit *test)
{
	struct burst *burst;
	unsigned long before;
	size_t size, n;

	skip_without_bulk(test);
	if (num_online_nodes() > 1)
		kunit_skip(test, "blocks may have to go home");
	if (pyarena_source == PYARENA_VMALLOC)
		kunit_skip(test, "blocks from vmalloc go one by one");
	for_each_class_size(size) {
		burst = begin_burst(test, size);
		n = 5 * burst->each + 7;
		take_in_bulk(burst, n);
		before = lock_holds(burst);
		put_in_bulk(burst);
		KUNIT_EXPECT_GE(test, burst->depot->nr_full, 4);
		if (frees_take_no_lock(burst))
			KUNIT_EXPECT_LE(test, lock_holds(burst) - before, 4UL);
		take_in_bulk(burst, n);
		end_burst(burst);
	}
}

static void test_frees_of_a_large_node_do_not(struct kunit *test)
{
	struct burst *burst;
	unsigned int i;
	void *all;

	for (i = 0; i < ARRAY_SIZE(burst_sizes); i++) {
		burst = begin_burst(test, burst_sizes[i]);
		all = make_large(burst);
		take_in_bulk(burst, burst->whole);
		put_in_bulk(burst);
		KUNIT_EXPECT_EQ(test, burst->depot->nr_full, 0);
		free_blocks(all);
		end_burst(burst);
	}
}

/* === Mixtures === */

enum { EACH_CLASS = 150 };

/* Blocks of all sizes, of each so many one after the other. */
static void **take_each_size(struct kunit *test)
{
	void **blocks = make_array(test, ARRAY_SIZE(sizes) * EACH_CLASS);
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (j = 0; j < EACH_CLASS; j++)
			blocks[i * EACH_CLASS + j] =
				pymem_malloc(sizes[i], GFP_KERNEL);
	return blocks;
}

/* In runs of @run blocks of one size, and back and forth between its pools. */
static void deal(void **to, void **from, unsigned int run)
{
	unsigned int used[ARRAY_SIZE(sizes)] = {};
	unsigned int size = 0, i, left = run;

	for (i = 0; i < ARRAY_SIZE(sizes) * EACH_CLASS; i++) {
		while (!left || used[size] == EACH_CLASS) {
			size = (size + 1) % ARRAY_SIZE(sizes);
			left = run;
		}
		to[i] = from[size * EACH_CLASS +
			     used[size]++ * 37 % EACH_CLASS];
		left--;
	}
}

static void free_dealt(struct kunit *test, unsigned int run)
{
	enum { N = ARRAY_SIZE(sizes) * EACH_CLASS };
	size_t before = pymem_get_allocated_blocks();
	void **blocks = take_each_size(test), **dealt = make_array(test, N);
	unsigned int i, missing = 0;

	for (i = 0; i < N; i++)
		missing += !blocks[i];
	KUNIT_EXPECT_EQ(test, missing, 0);
	deal(dealt, blocks, run);
	KUNIT_EXPECT_EQ(test, pymem_get_allocated_blocks(), before + N);
	pymem_free_bulk(N, dealt);
	KUNIT_EXPECT_EQ(test, pymem_get_allocated_blocks(), before);
	kvfree(dealt);
	kvfree(blocks);
}

static void test_frees_across_pools_and_classes(struct kunit *test)
{
	static const unsigned int runs[] = { 1, 2, 15, 16, 63, 64, 65, 149 };
	struct pyheap_stats *before = take_heap_stats(test), *after;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(runs); i++)
		free_dealt(test, runs[i]);
	expect_no_report(test);
	pyreclaim_drain();
	after = take_heap_stats(test);
	KUNIT_EXPECT_EQ(test, after->live_bytes, before->live_bytes);
	KUNIT_EXPECT_EQ(test, after->pools, before->pools);
	kfree(after);
	kfree(before);
}

/* === Mistakes === */

/* All is freed in bulk, but that one place has the block of another one. */
static void free_twice(struct burst *burst, size_t at, size_t again)
{
	void *twice, *lost, *kept;

	take_in_a_row(burst, burst->whole);
	kept = keep_one_a_pool(burst);
	twice = burst->blocks[at];
	lost = burst->blocks[again];
	burst->blocks[again] = twice;
	pymem_free_bulk(burst->n, burst->blocks);
	burst->n = 0;
	pyreclaim_drain();
	expect_report(burst->test, PYALLOC_DOUBLE_FREE, twice);
	pymem_free(lost);
	free_blocks(kept);
	pyreclaim_drain();
	expect_no_report(burst->test);
}

/* Side by side, in one array, in two, and at the seam. */
static void try_twice(struct burst *burst)
{
	size_t each = burst->each, blocks = pymem_get_allocated_blocks();

	free_twice(burst, 3, 4);
	free_twice(burst, 2, 12);
	free_twice(burst, 2, each + 2);
	free_twice(burst, each - 1, each);
	KUNIT_EXPECT_EQ(burst->test, pymem_get_allocated_blocks(), blocks);
}

static void test_twice_in_one_array(struct kunit *test)
{
	struct burst *burst;
	unsigned int i;
	void *all;

	for (i = 0; i < ARRAY_SIZE(burst_sizes); i++) {
		burst = begin_burst(test, burst_sizes[i]);
		try_twice(burst);
		all = make_large(burst);
		try_twice(burst);
		free_blocks(all);
		end_burst(burst);
	}
}

/* Amid whole arrays: they are dealt with one by one, and the rest goes on. */
static void test_strangers_in_one_array(struct kunit *test)
{
	struct burst *burst = begin_burst(test, 64);
	size_t blocks = pymem_get_allocated_blocks();
	void *inside;

	take_in_a_row(burst, burst->whole);
	inside = burst->blocks[burst->each + 3];
	pymem_free(burst->blocks[10]);
	burst->blocks[10] = NULL;
	pymem_free(burst->blocks[20]);
	burst->blocks[20] = kmalloc(64, GFP_KERNEL);
	burst->blocks[burst->each + 3] = inside + 16;
	pymem_free_bulk(burst->n, burst->blocks);
	burst->n = 0;
	expect_report(test, PYALLOC_INTERIOR, inside + 16);
	pymem_free(inside);
	KUNIT_EXPECT_EQ(test, pymem_get_allocated_blocks(), blocks);
	pyreclaim_drain();
	expect_no_report(test);
	end_burst(burst);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_any_number_of_any_size),
	KUNIT_CASE(test_bulk_over_the_limit),
	KUNIT_CASE(test_bulk_of_zeros),
	KUNIT_CASE(test_bulk_without_memory),
	KUNIT_CASE(test_free_of_a_mixture),
	KUNIT_CASE(test_bulk_and_single_mix),
	KUNIT_CASE(test_frees_across_pools_and_classes),
	{ }
};

PYALLOC_SUITE(bulk, cases);

/* Whole arrays, of which fronts and depots are made. */
static struct kunit_case array_cases[] = {
	KUNIT_CASE(test_numbers_around_arrays),
	KUNIT_CASE(test_depot_stock_and_pools_serve),
	KUNIT_CASE(test_less_than_an_array_stays_there),
	KUNIT_CASE(test_frees_go_to_the_depot),
	KUNIT_CASE(test_frees_of_a_large_node_do_not),
	KUNIT_CASE(test_twice_in_one_array),
	KUNIT_CASE(test_strangers_in_one_array),
	{ }
};

PYALLOC_ENGINE_SUITE(bulk_arrays, array_cases);
