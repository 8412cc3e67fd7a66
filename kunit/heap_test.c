// SPDX-License-Identifier: GPL-2.0
/*
 * Pools and arenas: how they fill, which is taken from first, when they go,
 * and that every byte of them is accounted for.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "../pyalloc/check.h"
#include "../pyalloc/reclaim.h"
#include "fixture.h"

static void *granule_of(void *block)
{
	return (void *)((unsigned long)block & ~(PYGRANULE_SIZE - 1));
}

static u32 arena_of(void *block)
{
	return pymap_lookup(block) >> PYMAP_ARENA_SHIFT;
}

/* === Pools === */

static void fill_a_pool(struct kunit *test, size_t size, size_t capacity,
			void **blocks)
{
	unsigned long before = class_pools(test, size);
	void *one;

	take_exactly(test, size, capacity, blocks);
	KUNIT_EXPECT_EQ(test, class_pools(test, size), before + 1);
	take_exactly(test, size, 1, &one);
	KUNIT_EXPECT_EQ(test, class_pools(test, size), before + 2);
	pymem_free(one);
	pyalloc_reclaim();
	KUNIT_EXPECT_EQ(test, class_pools(test, size), before + 1);
	pymem_free_bulk(capacity - 1, blocks);
	pyalloc_reclaim();
	KUNIT_EXPECT_EQ(test, class_pools(test, size), before + 1);
	pymem_free(blocks[capacity - 1]);
	pyalloc_reclaim();
	KUNIT_EXPECT_EQ(test, class_pools(test, size), before);
}

static void test_a_pool_of_each_class(struct kunit *test)
{
	void **blocks = make_array(test, 2048);
	size_t size;

	skip_without_bulk(test);
	for_each_class_size(size)
		fill_a_pool(test, size,
			    pyheap_default.classes
				    ->class[class_index(size)].blocks, blocks);
	kvfree(blocks);
}

static unsigned int in_granule(void *granule, size_t n, void **blocks)
{
	unsigned int found = 0;
	size_t i;

	for (i = 0; i < n; i++)
		found += blocks[i] && granule_of(blocks[i]) == granule;
	return found;
}

/* Frees all but @left of the blocks of a granule. */
static void thin_out(void *granule, unsigned int left, size_t n,
		     void **blocks)
{
	unsigned int found = in_granule(granule, n, blocks);
	size_t i;

	for (i = 0; i < n && found > left; i++) {
		if (!blocks[i] || granule_of(blocks[i]) != granule)
			continue;
		pymem_free(blocks[i]);
		blocks[i] = NULL;
		found--;
	}
}

static void test_fullest_pool_first(struct kunit *test)
{
	enum { PER_POOL = PYGRANULE_SIZE / 64, N = 4 * PER_POOL };
	void **blocks = make_array(test, N);
	void *sparse, *dense, *next[4];
	unsigned int i;

	skip_without_bulk(test);
	take_exactly(test, 64, N, blocks);
	sparse = granule_of(blocks[0]);
	for (i = 0; i < N && granule_of(blocks[i]) == sparse; i++)
		;
	KUNIT_ASSERT_TRUE(test, i < N);
	dense = granule_of(blocks[i]);
	thin_out(sparse, 4, N, blocks);
	thin_out(dense, PER_POOL - 3, N, blocks);
	pyreclaim_drain();	/* no front has any of them */
	take_exactly(test, 64, 4, next);
	KUNIT_EXPECT_EQ(test, in_granule(dense, 4, next), 3);
	KUNIT_EXPECT_EQ(test, in_granule(sparse, 4, next), 1);
	pymem_free_bulk(4, next);
	pymem_free_bulk(N, blocks);
	kvfree(blocks);
}

/* === Arenas === */

/* Frees the blocks of an arena except those in the granules to be kept. */
static void free_in_arena(u32 arena, void *kept, bool keep, size_t n,
			  void **blocks)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!blocks[i] || arena_of(blocks[i]) != arena)
			continue;
		if ((granule_of(blocks[i]) == kept) == keep)
			continue;
		pymem_free(blocks[i]);
		blocks[i] = NULL;
	}
}

/*
 * One arena gets two free granules, one of them for the stock's new array, and
 * another all but one: the first serves.
 */
static void test_fullest_arena_first(struct kunit *test)
{
	enum { N = 512 };	/* 256 KiB */
	void **blocks = make_array(test, N);
	unsigned long neighbour;
	u32 dense, sparse;
	void *next;
	size_t i;

	skip_without_bulk(test);
	take_exactly(test, 512, N, blocks);
	dense = arena_of(blocks[0]);
	for (i = 0; i < N && arena_of(blocks[i]) == dense; i++)
		;
	if (i == N) {
		pymem_free_bulk(N, blocks);
		kvfree(blocks);
		kunit_skip(test, "an arena is larger than what is taken");
	}
	sparse = arena_of(blocks[i]);
	free_in_arena(sparse, granule_of(blocks[i]), true, N, blocks);
	neighbour = (unsigned long)granule_of(blocks[0]) ^
		    PYGRANULE_SIZE;
	free_in_arena(dense, (void *)neighbour, false, N, blocks);
	free_in_arena(dense, granule_of(blocks[0]), false, N, blocks);
	pyreclaim_drain();	/* no front has any of them */
	take_exactly(test, 64, 1, &next);
	KUNIT_EXPECT_EQ(test, arena_of(next), dense);
	pymem_free(next);
	pymem_free_bulk(N, blocks);
	kvfree(blocks);
}

static void test_all_arenas_go(struct kunit *test)
{
	enum { N = 5000 };
	unsigned long before = heap_arenas(test);
	void **blocks = make_array(test, N);
	size_t released, i;

	for (i = 0; i < N; i++)
		blocks[i] = pymem_malloc(i % 513, GFP_KERNEL);
	KUNIT_EXPECT_GT(test, heap_arenas(test), before);
	/* From both ends inwards, so that no order is the simple one. */
	for (i = 0; i < N; i++)
		pymem_free(blocks[i & 1 ? N - 1 - i / 2 : i / 2]);
	released = pyalloc_reclaim();
	KUNIT_EXPECT_EQ(test, heap_arenas(test), before);
	KUNIT_EXPECT_GT(test, released, (size_t)0);
	KUNIT_EXPECT_EQ(test, pyalloc_reclaim(), (size_t)0);
	kvfree(blocks);
}

static void test_free_arenas_are_kept_at_first(struct kunit *test)
{
	enum { N = 4096 };
	void **blocks = make_array(test, N);
	struct pyheap_stats *stats = take_heap_stats(test);
	unsigned long before;

	take_exactly(test, 256, N, blocks);
	preempt_disable();
	pystats_heap(&pyheap_default, stats);
	before = stats->arenas;
	pymem_free_bulk(N, blocks);
	pystats_heap(&pyheap_default, stats);
	preempt_enable();
	KUNIT_EXPECT_EQ(test, stats->arenas, before);
	pyalloc_reclaim();
	KUNIT_EXPECT_LT(test, heap_arenas(test), before);
	kfree(stats);
	kvfree(blocks);
}

static void test_arenas_grow_with_the_heap(struct kunit *test)
{
	enum { N = 16384 };	/* 8 MiB */
	void **blocks = make_array(test, N);
	struct pyheap_stats *stats;

	if (pyarena_fixed_shift) {
		kvfree(blocks);
		kunit_skip(test, "arenas have a fixed size");
	}
	take_exactly(test, 512, 1, blocks);
	stats = take_heap_stats(test);
	KUNIT_EXPECT_EQ(test, stats->arenas, 1UL);
	KUNIT_EXPECT_EQ(test, stats->arena_bytes, (size_t)SZ_16K);
	kfree(stats);
	take_exactly(test, 512, N - 1, blocks + 1);
	stats = take_heap_stats(test);
	/* They are larger from 4 MiB on: 512 of the smallest would hold it. */
	KUNIT_EXPECT_LT(test, stats->arenas, 400UL);
	KUNIT_EXPECT_LE(test, stats->arena_bytes, (size_t)SZ_8M * 17 / 16);
	KUNIT_EXPECT_GE(test, stats->highwater, stats->arenas);
	kfree(stats);
	pymem_free_bulk(N, blocks);
	kvfree(blocks);
}

/* === Accounts === */

static void expect_account(struct kunit *test)
{
	struct pyheap_stats *stats = take_heap_stats(test);
	size_t sum = stats->live_bytes + stats->cached_bytes +
		     stats->meta_bytes + stats->available_bytes +
		     stats->quantization_bytes + stats->unused_bytes;

	KUNIT_EXPECT_EQ(test, sum, stats->arena_bytes);
	kfree(stats);
}

static void test_every_byte_is_accounted_for(struct kunit *test)
{
	enum { N = 3000 };
	void **blocks = make_array(test, N);
	size_t i;

	for (i = 0; i < N; i++) {
		blocks[i] = pymem_malloc(i * 31 % 513, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, blocks[i]);
		if (i % 300 == 0)
			expect_account(test);
	}
	for (i = 0; i < N; i++) {
		pymem_free(blocks[i]);
		if (i % 300 == 0)
			expect_account(test);
	}
	pyalloc_reclaim();
	expect_account(test);
	kvfree(blocks);
}

static void test_check_under_every_load(struct kunit *test)
{
	enum { N = 2000 };
	void **blocks = make_array(test, N);
	unsigned int round, i;

	for (round = 1; round <= 5; round++) {
		for (i = 0; i < N; i++)
			if (!blocks[i])
				blocks[i] = pyobject_malloc(i * round % 513,
							    GFP_KERNEL);
		expect_whole(test);
		for (i = 0; i < N; i += round) {
			pyobject_free(blocks[i]);
			blocks[i] = NULL;
		}
		expect_whole(test);
	}
	for (i = 0; i < N; i++)
		pyobject_free(blocks[i]);
	kvfree(blocks);
}

/* However many pools there are, others wait for the lock for one of them. */
static void test_check_locks_for_a_pool_at_a_time(struct kunit *test)
{
	enum { N = 4000 };	/* 500 pools */
	struct pycheck *check = kzalloc(sizeof(*check), GFP_KERNEL);
	void **blocks = make_array(test, N);

	KUNIT_ASSERT_NOT_NULL(test, check);
	take_exactly(test, 512, N, blocks);
	pycheck_all(check);
	KUNIT_EXPECT_EQ_MSG(test, check->broken, 0UL, "%s", check->what);
	KUNIT_EXPECT_GE(test, check->pools, 500UL);
	KUNIT_EXPECT_EQ(test, check->most_pools, 1UL);
	KUNIT_EXPECT_GE(test, check->lock_holds, check->pools);
	pymem_free_bulk(N, blocks);
	kvfree(blocks);
	kfree(check);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_a_pool_of_each_class),
	KUNIT_CASE(test_fullest_pool_first),
	KUNIT_CASE(test_fullest_arena_first),
	KUNIT_CASE(test_all_arenas_go),
	KUNIT_CASE(test_free_arenas_are_kept_at_first),
	KUNIT_CASE(test_arenas_grow_with_the_heap),
	KUNIT_CASE(test_every_byte_is_accounted_for),
	KUNIT_CASE(test_check_under_every_load),
	KUNIT_CASE(test_check_locks_for_a_pool_at_a_time),
	{ }
};

PYALLOC_ENGINE_SUITE(heap, cases);
