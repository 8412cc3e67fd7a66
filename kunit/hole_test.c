// SPDX-License-Identifier: GPL-2.0
/*
 * Holes: what lies free between live blocks goes back to the kernel page by
 * page, at once when it is asked for and by and by when it is not, and what
 * is left of the arenas works on.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "../pyalloc/reclaim.h"
#include "fixture.h"

/* 4 MiB of blocks, of which one in so many outlives the rest. */
#define SIZE	256
#define N	(SZ_4M / SIZE)
#define KEPT	64

static void skip_without_holes(struct kunit *test)
{
	if (pyarena_source == PYARENA_VMALLOC)
		kunit_skip(test, "arenas from vmalloc get no holes");
}

static size_t arena_bytes(struct kunit *test)
{
	struct pyheap_stats *stats = take_heap_stats(test);
	size_t bytes = stats->arena_bytes;

	kfree(stats);
	return bytes;
}

static u8 seed_of(size_t i)
{
	return i / KEPT + 1;
}

/* Leaves one in KEPT of N blocks, with known contents, and empty fronts. */
static void **thin_out(struct kunit *test)
{
	void **blocks = make_array(test, N);
	size_t i;

	take_exactly(test, SIZE, N, blocks);
	for (i = 0; i < N; i++) {
		fill(blocks[i], SIZE, seed_of(i));
		if (i % KEPT == 0)
			continue;
		pymem_free(blocks[i]);
	}
	pyreclaim_drain();
	return blocks;
}

static void free_kept(struct kunit *test, void **blocks)
{
	size_t i;

	for (i = 0; i < N; i += KEPT) {
		KUNIT_EXPECT_TRUE(test,
				  is_filled(blocks[i], SIZE, seed_of(i)));
		pymem_free(blocks[i]);
	}
	kvfree(blocks);
}

static void test_free_pages_go(struct kunit *test)
{
	size_t before = arena_bytes(test), thin, punched;
	void **blocks;

	skip_without_holes(test);
	blocks = thin_out(test);
	thin = arena_bytes(test);
	KUNIT_EXPECT_EQ(test, pyalloc_reclaim(),
			thin - arena_bytes(test));
	expect_whole(test);
	punched = arena_bytes(test);
	/* A page for each block that is left, at most, and rounding. */
	KUNIT_EXPECT_LE(test, punched, before + 2 * PAGE_SIZE * N / KEPT);
	KUNIT_EXPECT_GE(test, punched, before + PAGE_SIZE * N / KEPT / 2);
	KUNIT_EXPECT_EQ(test, pyalloc_reclaim(), (size_t)0);
	free_kept(test, blocks);
	pyalloc_reclaim();
	KUNIT_EXPECT_EQ(test, arena_bytes(test), before);
}

/* The map has what lies in a hole for nobody's, or another arena's. */
static void test_holes_are_forgotten(struct kunit *test)
{
	size_t i, forgotten = 0;
	void **blocks;
	u32 entry;

	skip_without_holes(test);
	blocks = thin_out(test);
	pyalloc_reclaim();
	for (i = 0; i < N; i++) {
		entry = pymap_lookup(blocks[i]);
		if (i % KEPT == 0)
			KUNIT_EXPECT_EQ(test, entry & PYMAP_CODE_MASK,
					class_index(SIZE) + 1);
		else
			forgotten += !entry;
	}
	KUNIT_EXPECT_GT(test, forgotten, (size_t)N / 2);
	free_kept(test, blocks);
}

/* New blocks lie around the holes, and in arenas that may lie in holes. */
static void test_growth_after_holes(struct kunit *test)
{
	void **more, **blocks;
	size_t i;

	skip_without_holes(test);
	more = make_array(test, N);
	blocks = thin_out(test);
	pyalloc_reclaim();
	for (i = 0; i < N; i++) {
		more[i] = pymem_malloc(SIZE, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, more[i]);
		fill(more[i], SIZE, i);
	}
	expect_whole(test);
	for (i = 0; i < N; i++) {
		KUNIT_EXPECT_TRUE(test, is_filled(more[i], SIZE, i));
		pymem_free(more[i]);
	}
	kvfree(more);
	expect_whole(test);
	free_kept(test, blocks);
}

/* Half of the excess goes each time, and a quarter of the rest may stay. */
static void test_trim_punches_by_and_by(struct kunit *test)
{
	struct pynode *node = pyheap_default.node[numa_mem_id()];
	size_t thin, first;
	unsigned int rounds;
	void **blocks;

	skip_without_holes(test);
	mutex_lock(&pyreclaim_trim_lock);
	blocks = thin_out(test);
	pyreclaim_trim();
	thin = arena_bytes(test);
	pyreclaim_trim();
	first = arena_bytes(test);
	KUNIT_EXPECT_LT(test, first, thin);
	KUNIT_EXPECT_GT(test, first, thin / 3);
	for (rounds = 0; rounds < 30 && pynode_excess(node); rounds++)
		pyreclaim_trim();
	KUNIT_EXPECT_EQ(test, pynode_excess(node), 0UL);
	KUNIT_EXPECT_GT(test, READ_ONCE(node->free_granules), 0UL);
	mutex_unlock(&pyreclaim_trim_lock);
	expect_whole(test);
	free_kept(test, blocks);
}

/* What was used between two trims stays, though it is free at both. */
static void test_trim_spares_what_swings(struct kunit *test)
{
	void **blocks, **more;
	unsigned int round;
	size_t thin;

	skip_without_holes(test);
	more = make_array(test, N);
	mutex_lock(&pyreclaim_trim_lock);
	blocks = thin_out(test);
	pyreclaim_trim();
	thin = arena_bytes(test);
	for (round = 0; round < 3; round++) {
		take_exactly(test, SIZE, N - N / KEPT, more);
		pymem_free_bulk(N - N / KEPT, more);
		pyreclaim_drain();
		pyreclaim_trim();
		KUNIT_EXPECT_GE(test, arena_bytes(test), thin * 15 / 16);
	}
	mutex_unlock(&pyreclaim_trim_lock);
	kvfree(more);
	free_kept(test, blocks);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_free_pages_go),
	KUNIT_CASE(test_holes_are_forgotten),
	KUNIT_CASE(test_growth_after_holes),
	KUNIT_CASE(test_trim_punches_by_and_by),
	KUNIT_CASE(test_trim_spares_what_swings),
	{ }
};

PYALLOC_ENGINE_SUITE(hole, cases);
