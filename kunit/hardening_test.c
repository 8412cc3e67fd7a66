// SPDX-License-Identifier: GPL-2.0
/*
 * What the heap notes is overwritten on purpose: it is seen, reported, not
 * followed, and condemned; and nobody else's block comes to harm.
 *
 * The last suite: a condemned pool stays there, and its arena with it, so
 * that each case ends by putting right what it did.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "../pyalloc/check.h"
#include "../pyalloc/link.h"
#include "../pyalloc/reclaim.h"
#include "burst.h"
#include "fixture.h"

/* Any block that is not of the smallest classes, whose bits lie elsewhere. */
#define SIZE	64

/**
 * struct victim - a pool of which some blocks are live
 * @arena: its arena
 * @pool: the pool
 * @blocks: three live blocks, the first of that pool
 */
struct victim {
	struct pyarena	*arena;
	struct pypool	*pool;
	void		*blocks[3];
};

static void find_pool(struct victim *victim)
{
	const void *block = victim->blocks[0];

	rcu_read_lock();
	victim->arena = pymap_arena(pymap_lookup(block) >> PYMAP_ARENA_SHIFT);
	rcu_read_unlock();
	victim->pool = &victim->arena->pools[pyarena_granule(victim->arena,
							     block)];
}

static void take_victim(struct kunit *test, struct victim *victim)
{
	stay_on_this_cpu(test);
	take_exactly(test, SIZE, 3, victim->blocks);
	find_pool(victim);
	KUNIT_ASSERT_TRUE(test, victim->pool->fullness < PYPOOL_FULL);
}

static void expect_damage(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, reports_seen(), 1);
	KUNIT_EXPECT_EQ(test, (int)last_mistake(), (int)PYALLOC_OVERWRITTEN);
	forget_reports();
}

static unsigned long condemned(struct kunit *test)
{
	struct pycheck *check = kzalloc(sizeof(*check), GFP_KERNEL);
	unsigned long pools;

	KUNIT_ASSERT_NOT_NULL(test, check);
	KUNIT_EXPECT_EQ(test, pycheck_all(check), 0);
	KUNIT_EXPECT_EQ_MSG(test, check->broken, 0UL, "%s", check->what);
	pools = check->condemned;
	kfree(check);
	return pools;
}

/*
 * As it was before.  Who was taken off its list is let go as one that is full:
 * it finds its list with the next free.
 */
static void release_pool(struct victim *victim, u8 fullness)
{
	struct pynode *node = victim->arena->node;
	unsigned long flags;

	raw_spin_lock_irqsave(&node->lock, flags);
	victim->pool->fullness = fullness;
	raw_spin_unlock_irqrestore(&node->lock, flags);
}

static void free_victim(struct victim *victim)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		pymem_free(victim->blocks[i]);
	pyreclaim_drain();
}

/* === Pools === */

/* Live blocks stay good, and the pool is left alone. */
static void expect_condemned(struct kunit *test, struct victim *victim)
{
	size_t room = room_of(victim->blocks[1]);
	unsigned int i;
	void *block;

	KUNIT_EXPECT_EQ(test, (int)victim->pool->fullness,
			(int)PYPOOL_CONDEMNED);
	KUNIT_EXPECT_EQ(test, condemned(test), 1UL);
	KUNIT_EXPECT_EQ(test, pyalloc_usable_size(victim->blocks[1]), room);
	for (i = 0; i < 200; i++) {
		block = pymem_malloc(SIZE, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		KUNIT_EXPECT_TRUE(test, !pyarena_has(victim->arena, block) ||
				  pyarena_granule(victim->arena, block) !=
				  victim->pool - victim->arena->pools);
		pymem_free(block);
		pyreclaim_drain();
	}
	expect_no_report(test);
}

/* A bit that says a live block is free: it would be handed out twice. */
static void test_bits_that_do_not_add_up(struct kunit *test)
{
	struct victim victim;
	unsigned long bits;
	void *block;

	take_victim(test, &victim);
	bits = victim.pool->free[0];
	victim.pool->free[0] = ~0UL;
	block = pymem_malloc(SIZE, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, block);
	expect_damage(test);
	expect_condemned(test, &victim);
	victim.pool->free[0] = bits;
	release_pool(&victim, PYPOOL_FULL);
	pymem_free(block);
	free_victim(&victim);
}

/* None is free, where some are counted: the search must not run off. */
static void test_bits_that_are_gone(struct kunit *test)
{
	unsigned long bits[128 / BITS_PER_LONG];
	struct victim victim;
	void *block;

	take_victim(test, &victim);
	memcpy(bits, victim.pool->free, sizeof(bits));
	memset(victim.pool->free, 0, sizeof(bits));
	block = pymem_malloc(SIZE, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, block);
	expect_damage(test);
	expect_condemned(test, &victim);
	memcpy(victim.pool->free, bits, sizeof(bits));
	release_pool(&victim, PYPOOL_FULL);
	pymem_free(block);
	free_victim(&victim);
}

/* A free into a condemned pool is taken, and leads nowhere. */
static void test_free_into_condemned(struct kunit *test)
{
	unsigned long bits;
	struct victim victim;
	size_t blocks;
	void *block;

	take_victim(test, &victim);
	blocks = pymem_get_allocated_blocks();
	bits = victim.pool->free[0];
	victim.pool->free[0] = ~0UL;
	block = pymem_malloc(SIZE, GFP_KERNEL);
	expect_damage(test);
	pymem_free(victim.blocks[1]);
	pyreclaim_drain();
	expect_no_report(test);
	/* It is out for good, and counted so. */
	KUNIT_EXPECT_EQ(test, pymem_get_allocated_blocks(), blocks + 1);
	expect_whole(test);
	victim.pool->free[0] = bits;
	release_pool(&victim, PYPOOL_FULL);
	pymem_free(block);
	/* Once more, so that it is in its pool after all. */
	atomic_long_dec(&pyheap_default.false_frees);
	pyheap_put(1, &victim.blocks[1], _THIS_IP_);
	pymem_free(victim.blocks[0]);
	pymem_free(victim.blocks[2]);
	pyreclaim_drain();
}

/* In a condemned pool as elsewhere: what is inside a block is none. */
static void test_interior_of_condemned(struct kunit *test)
{
	struct victim victim;
	unsigned long bits;
	void *block;

	take_victim(test, &victim);
	bits = victim.pool->free[0];
	victim.pool->free[0] = ~0UL;
	block = pymem_malloc(SIZE, GFP_KERNEL);
	expect_damage(test);
	pymem_free(victim.blocks[1] + 8);
	expect_report(test, PYALLOC_INTERIOR, victim.blocks[1] + 8);
	KUNIT_EXPECT_EQ(test, pyalloc_usable_size(victim.blocks[1] + 8),
			(size_t)0);
	expect_report(test, PYALLOC_INTERIOR, victim.blocks[1] + 8);
	victim.pool->free[0] = bits;
	release_pool(&victim, PYPOOL_FULL);
	pymem_free(block);
	free_victim(&victim);
}

/* A pool that has live blocks is not dissolved, whatever its count says. */
static void test_a_count_that_is_too_low(struct kunit *test)
{
	struct victim victim;

	take_victim(test, &victim);
	victim.pool->live = 1;
	pymem_free(victim.blocks[2]);
	pyreclaim_drain();
	expect_damage(test);
	KUNIT_EXPECT_EQ(test, (int)victim.pool->fullness,
			(int)PYPOOL_CONDEMNED);
	victim.pool->live = 2;
	KUNIT_EXPECT_EQ(test, condemned(test), 1UL);
	release_pool(&victim, PYPOOL_FULL);
	pymem_free(victim.blocks[0]);
	pymem_free(victim.blocks[1]);
	pyreclaim_drain();
	KUNIT_EXPECT_EQ(test, condemned(test), 0UL);
}

/* The same of a pool of meta blocks: who gives one back is none the worse. */
static void test_condemned_meta(struct kunit *test)
{
	struct pynode *node = pyheap_this_node(&pyheap_default);
	void *kept = pymem_malloc(SIZE, GFP_KERNEL), *more;
	struct victim victim;
	unsigned long bits;

	KUNIT_ASSERT_NOT_NULL(test, kept);
	victim.blocks[0] = pyheap_take_meta(node, PYALLOC_SMALL_MAX, true);
	KUNIT_ASSERT_NOT_NULL(test, victim.blocks[0]);
	find_pool(&victim);
	bits = victim.pool->free[0];
	victim.pool->free[0] = ~0UL;
	more = pyheap_take_meta(node, PYALLOC_SMALL_MAX, true);
	KUNIT_EXPECT_NOT_NULL(test, more);
	expect_damage(test);
	pyheap_put_meta(victim.blocks[0]);
	KUNIT_EXPECT_EQ(test, condemned(test), 1UL);
	victim.pool->free[0] = bits;
	release_pool(&victim, PYPOOL_FULL);
	pyheap_put_meta(victim.blocks[0]);
	pyheap_put_meta(more);
	pymem_free(kept);
}

/* === Links between pools === */

static u32 *first_of(struct victim *victim)
{
	struct pynode_class *state;

	state = &victim->arena->node->class[victim->pool->class];
	return &state->partial[victim->pool->fullness];
}

static void try_first(struct kunit *test, u32 wrong)
{
	struct victim victim;
	void *block;

	take_victim(test, &victim);
	*first_of(&victim) = wrong;
	block = pymem_malloc(SIZE, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, block);
	expect_damage(test);
	/* The pool finds back by itself, and is dissolved like any other. */
	free_victim(&victim);
	pymem_free(block);
	KUNIT_EXPECT_EQ(test, condemned(test), 0UL);
	pyalloc_reclaim();
	KUNIT_EXPECT_EQ(test, heap_arenas(test), 0UL);
}

static void test_a_list_that_leads_astray(struct kunit *test)
{
	try_first(test, U32_MAX);
	try_first(test, BIT(PYMAP_ARENA_SHIFT) | PYMAP_CODE_MASK);
	try_first(test, 0xdead << PYMAP_ARENA_SHIFT);
}

/* Its neighbour does not lead back: nothing is written there. */
static void test_a_pool_whose_links_are_wrong(struct kunit *test)
{
	struct victim victim;
	u8 fullness;
	u32 next;

	take_victim(test, &victim);
	next = victim.pool->next;
	fullness = victim.pool->fullness;
	victim.pool->next = 0xbad << PYMAP_ARENA_SHIFT | 3;
	/* It is to be dissolved, and can't be taken off its list. */
	free_victim(&victim);
	expect_damage(test);
	KUNIT_EXPECT_EQ(test, condemned(test), 1UL);
	victim.pool->next = next;
	release_pool(&victim, fullness);
	pymem_free(pymem_malloc(SIZE, GFP_KERNEL));
	pyreclaim_drain();
	KUNIT_EXPECT_EQ(test, condemned(test), 0UL);
}

/* === Links between arrays === */

/* Puts back what the depot gave up: the arrays behind its first. */
static void find_again(struct burst *burst, void **arrays, unsigned int nr)
{
	struct pynode *node = burst->node;
	unsigned long flags;

	raw_spin_lock_irqsave(&node->lock, flags);
	burst->depot->full = arrays;
	burst->depot->nr_full = nr;
	raw_spin_unlock_irqrestore(&node->lock, flags);
	atomic_long_sub(nr * burst->each, &pyheap_default.false_frees);
}

/* What the next array's link is, in its own place. */
#define COPIED	1UL

static void try_link(struct burst *burst, unsigned long wrong)
{
	void **first, **rest;
	unsigned int lost;

	take_and_put(burst);
	first = burst->depot->full;
	if (!first || burst->depot->nr_full < 2) {
		KUNIT_FAIL(burst->test, "the depot has too few arrays");
		return;
	}
	lost = burst->depot->nr_full - 1;
	rest = pylink_get(first);
	if (wrong == COPIED)
		wrong = *(unsigned long *)rest;
	*(unsigned long *)first = wrong;
	/* The stock, and then the depot's first array. */
	take_in_a_row(burst, pystock_count(burst->stock) + 1);
	expect_damage(burst->test);
	KUNIT_EXPECT_EQ(burst->test, burst->depot->nr_full, 0);
	KUNIT_EXPECT_NULL(burst->test, burst->depot->full);
	expect_whole(burst->test);
	find_again(burst, rest, lost);
	put_in_a_row(burst, burst->n);
	expect_whole(burst->test);
}

/* Neither text, nor zeros, nor a pointer of the writer's choice is followed. */
static void test_links_of_a_depot(struct kunit *test)
{
	struct burst *burst = begin_burst(test, SIZE);

	try_link(burst, 0);
	try_link(burst, ~0UL / 255 * 0x41);
	try_link(burst, COPIED);
	try_link(burst, (unsigned long)burst->blocks);
	try_link(burst, ~0UL);
	end_burst(burst);
}

/* What is stored is neither the address nor the same in two places. */
static void test_links_are_encoded(struct kunit *test)
{
	unsigned long place[2];

	pylink_set(&place[0], test);
	pylink_set(&place[1], test);
	KUNIT_EXPECT_NE(test, place[0], (unsigned long)test);
	KUNIT_EXPECT_NE(test, place[0], place[1]);
	KUNIT_EXPECT_PTR_EQ(test, pylink_get(&place[0]), test);
	KUNIT_EXPECT_PTR_EQ(test, pylink_get(&place[1]), test);
}

/* === What clients can't reach === */

/* An array or a pool's bits: no client has such a block, or can free one. */
static void test_meta_blocks_are_apart(struct kunit *test)
{
	struct pynode *node = pyheap_this_node(&pyheap_default);
	void *block = pymem_malloc(512, GFP_KERNEL), *meta;
	size_t bytes;

	KUNIT_ASSERT_NOT_NULL(test, block);
	for (bytes = 32; bytes <= 512; bytes *= 2) {
		meta = pyheap_take_meta(node, bytes, true);
		KUNIT_ASSERT_NOT_NULL(test, meta);
		KUNIT_EXPECT_NE(test,
				pymap_lookup(meta) & PYMAP_CODE_MASK,
				(u32)class_index(bytes) + 1);
		pymem_free(meta);
		expect_report(test, PYALLOC_NO_POOL, meta);
		KUNIT_EXPECT_EQ(test, pyalloc_usable_size(meta), (size_t)0);
		expect_report(test, PYALLOC_NO_POOL, meta);
		KUNIT_EXPECT_NULL(test, pymem_realloc(meta, 8, GFP_KERNEL));
		expect_report(test, PYALLOC_NO_POOL, meta);
		pyheap_put_meta(meta);
	}
	pymem_free(block);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_bits_that_do_not_add_up),
	KUNIT_CASE(test_bits_that_are_gone),
	KUNIT_CASE(test_free_into_condemned),
	KUNIT_CASE(test_interior_of_condemned),
	KUNIT_CASE(test_a_count_that_is_too_low),
	KUNIT_CASE(test_condemned_meta),
	KUNIT_CASE(test_a_list_that_leads_astray),
	KUNIT_CASE(test_a_pool_whose_links_are_wrong),
	KUNIT_CASE(test_links_of_a_depot),
	KUNIT_CASE(test_links_are_encoded),
	KUNIT_CASE(test_meta_blocks_are_apart),
	{ }
};

PYALLOC_ENGINE_SUITE(hardening, cases);
