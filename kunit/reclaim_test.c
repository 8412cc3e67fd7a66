// SPDX-License-Identifier: GPL-2.0
/*
 * Who has memory given back unasked: the trim, which is armed by what lies
 * free, and the shrinker, which the kernel calls.  Here it does so because all
 * shrinkers are told to, by the file that empties the kernel's caches.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../pyalloc/reclaim.h"
#include "burst.h"

static unsigned long granules(const struct burst *burst)
{
	return READ_ONCE(burst->node->granules);
}

/* === What arms the trim === */

/* 2 MiB of blocks, of which one a place of so many bytes is kept. */
#define SIZE	256
#define N	(SZ_2M / SIZE)
#define PLACE	SZ_16K

static void skip_without_holes(struct kunit *test)
{
	if (pyarena_source == PYARENA_VMALLOC)
		kunit_skip(test, "arenas from vmalloc get no holes");
}

static void **take_many(struct kunit *test)
{
	void **blocks = make_array(test, N);
	size_t i;

	for (i = 0; i < N; i++) {
		blocks[i] = pymem_malloc(SIZE, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, blocks[i]);
	}
	KUNIT_EXPECT_EQ(test, count_overlaps(N, blocks), 0);
	return blocks;
}

/* So that no arena becomes wholly free: none is smaller than a place. */
static void *keep_one_a_place(void **blocks)
{
	unsigned long place, last = 0;
	void *kept = NULL;
	size_t i;

	for (i = 0; i < N; i++) {
		place = ALIGN_DOWN((unsigned long)blocks[i], PLACE);
		if (place == last)
			continue;
		kept = push_block(kept, blocks[i]);
		blocks[i] = NULL;
		last = place;
	}
	return kept;
}

static void put_half(void **blocks, size_t first)
{
	size_t i;

	for (i = first; i < first + N / 2; i++)
		pymem_free(blocks[i]);
	pyreclaim_drain();
}

static bool is_armed(void)
{
	return READ_ONCE(pyreclaim_trim_armed);
}

static void disarm(void)
{
	WRITE_ONCE(pyreclaim_trim_armed, false);
}

/*
 * One that was armed before may go off meanwhile, and then it waits for the
 * lock; so there is a second half to arm the next.
 */
static void test_free_pages_arm_it(struct kunit *test)
{
	struct burst *burst;
	void **blocks, *large, *kept;
	bool armed;

	skip_without_holes(test);
	burst = begin_burst(test, SIZE);
	large = make_large(burst);
	blocks = take_many(test);
	kept = keep_one_a_place(blocks);
	pyreclaim_drain();
	KUNIT_EXPECT_EQ(test, pynode_excess(burst->node), 0UL);
	disarm();
	put_half(blocks, 0);
	armed = is_armed();
	KUNIT_EXPECT_GT(test, pynode_excess(burst->node), 0UL);
	put_half(blocks, N / 2);
	armed |= is_armed();
	KUNIT_EXPECT_TRUE(test, armed);
	KUNIT_EXPECT_EQ(test, READ_ONCE(burst->node->empty_granules), 0UL);
	KUNIT_EXPECT_NULL(test, burst->depot->full);
	free_blocks(kept);
	free_blocks(large);
	kvfree(blocks);
	end_burst(burst);
}

static void empty_an_arena(struct burst *burst, void **blocks)
{
	pymem_malloc_bulk(SIZE, GFP_KERNEL, 4 * PLACE / SIZE, blocks);
	pyreclaim_drain();
	pymem_free_bulk(4 * PLACE / SIZE, blocks);
	pyreclaim_drain();
	KUNIT_EXPECT_GT(burst->test, READ_ONCE(burst->node->empty_granules),
			0UL);
}

static void test_a_free_arena_arms_it(struct kunit *test)
{
	struct burst *burst = begin_burst(test, SIZE);
	void **blocks = make_array(test, 4 * PLACE / SIZE), *large;
	bool armed;

	large = make_large(burst);
	pyreclaim_drain();
	disarm();
	empty_an_arena(burst, blocks);
	armed = is_armed();
	empty_an_arena(burst, blocks);
	armed |= is_armed();
	KUNIT_EXPECT_TRUE(test, armed);
	if (!pyarena_fixed_shift)
		KUNIT_EXPECT_EQ(test, pynode_excess(burst->node), 0UL);
	KUNIT_EXPECT_NULL(test, burst->depot->full);
	free_blocks(large);
	kvfree(blocks);
	end_burst(burst);
}

/* Nobody calls anything, and it goes. */
static void test_free_pages_go_by_themselves(struct kunit *test)
{
	void **blocks, *large, *kept;
	struct burst *burst;
	unsigned long before;
	unsigned int tries;

	skip_without_holes(test);
	burst = begin_burst(test, SIZE);
	large = make_large(burst);
	blocks = take_many(test);
	kept = keep_one_a_place(blocks);
	put_half(blocks, 0);
	put_half(blocks, N / 2);
	before = granules(burst);
	mutex_unlock(&pyreclaim_trim_lock);
	for (tries = 0; granules(burst) == before && tries < 3000; tries++)
		schedule_timeout_uninterruptible(1 + HZ / 100);
	mutex_lock(&pyreclaim_trim_lock);
	KUNIT_EXPECT_LT(test, granules(burst), before);
	free_blocks(kept);
	free_blocks(large);
	kvfree(blocks);
	end_burst(burst);
}

/* === The shrinker === */

/* It only tries locks: who holds one for a moment makes it do nothing. */
static void call_shrinkers_until(struct burst *burst,
				 bool (*done)(struct burst *burst))
{
	unsigned int tries;

	for (tries = 0; tries < 10 && !done(burst); tries++)
		call_shrinkers();
	KUNIT_EXPECT_TRUE(burst->test, done(burst));
}

static bool is_drained(struct burst *burst)
{
	return !READ_ONCE(burst->depot->full) &&
	       !READ_ONCE(burst->depot->empty);
}

static void test_shrinker_drains_depots(struct kunit *test)
{
	struct burst *burst;
	unsigned int i;

	need_shrinkers(test);
	for (i = 0; i < ARRAY_SIZE(burst_sizes); i++) {
		burst = begin_burst(test, burst_sizes[i]);
		take_and_put(burst);
		KUNIT_EXPECT_GT(test, burst->depot->nr_full, 0);
		call_shrinkers_until(burst, is_drained);
		KUNIT_EXPECT_EQ(test, burst->depot->nr_full, 0);
		expect_whole(test);
		take_and_put(burst);
		end_burst(burst);
	}
}

/* Nothing is free but what the fronts have, whose pools stay. */
static bool is_squeezed(struct burst *burst)
{
	return READ_ONCE(burst->node->free_granules) <
	       PYNODE_FREE_GRANULES / 8;
}

static void test_shrinker_takes_free_pages(struct kunit *test)
{
	struct burst *burst;
	unsigned long before;
	void **blocks, *kept;

	skip_without_holes(test);
	need_shrinkers(test);
	burst = begin_burst(test, SIZE);
	blocks = take_many(test);
	kept = keep_one_a_place(blocks);
	put_half(blocks, 0);
	put_half(blocks, N / 2);
	before = granules(burst);
	call_shrinkers_until(burst, is_squeezed);
	KUNIT_EXPECT_LT(test, granules(burst), before / 2);
	expect_whole(test);
	free_blocks(kept);
	kvfree(blocks);
	end_burst(burst);
}

static bool has_reserve(struct burst *burst)
{
	unsigned long reserve = READ_ONCE(burst->node->reserve);

	return reserve && READ_ONCE(burst->node->free_granules) >= reserve;
}

/* Whoever may not take a page still gets his block then. */
static void test_shrinker_leaves_the_reserve(struct kunit *test)
{
	struct burst *burst;
	unsigned int tries;
	void *block;

	need_shrinkers(test);
	burst = begin_burst(test, 64);
	pyalloc_reclaim();
	pymem_free(pymem_malloc(64, 0));
	for (tries = 0; !has_reserve(burst) && tries < 2000; tries++)
		schedule_timeout_uninterruptible(1);
	KUNIT_EXPECT_TRUE(test, has_reserve(burst));
	for (tries = 0; tries < 3; tries++)
		call_shrinkers();
	KUNIT_EXPECT_TRUE(test, has_reserve(burst));
	block = pymem_malloc(64, 0);
	KUNIT_EXPECT_NOT_NULL(test, block);
	pymem_free(block);
	end_burst(burst);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_free_pages_arm_it),
	KUNIT_CASE(test_a_free_arena_arms_it),
	KUNIT_CASE(test_free_pages_go_by_themselves),
	KUNIT_CASE(test_shrinker_drains_depots),
	KUNIT_CASE(test_shrinker_takes_free_pages),
	KUNIT_CASE(test_shrinker_leaves_the_reserve),
	{ }
};

PYALLOC_ENGINE_SUITE(reclaim, cases);
