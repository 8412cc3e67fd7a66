// SPDX-License-Identifier: GPL-2.0
/*
 * Bursts, and the node that they come from.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "../pyalloc/reclaim.h"
#include "burst.h"

const size_t burst_sizes[6] = { 8, 24, 64, 100, 256, 512 };

static void set_class(struct burst *burst, size_t size)
{
	unsigned int index = class_index(size);
	struct pyfront *front = raw_cpu_ptr(pyheap_default.front);

	burst->size = class_size(size);
	burst->class = pyheap_class(&pyheap_default, index);
	burst->each = (1UL << burst->class->slots_shift) - 1;
	burst->whole = BURST_ARRAYS * burst->each;
	burst->node = pyheap_this_node(&pyheap_default);
	burst->depot = &burst->node->class[index].depot;
	burst->stock = &front->stock[index];
}

static void *take_bytes(struct kunit *test, size_t wanted)
{
	void *first = NULL, *block;
	size_t bytes;

	for (bytes = 0; bytes <= wanted; bytes += PYALLOC_SMALL_MAX) {
		block = pymem_malloc(PYALLOC_SMALL_MAX, GFP_KERNEL);
		if (!block) {
			KUNIT_FAIL(test, "no more than %zu bytes", bytes);
			break;
		}
		first = push_block(first, block);
	}
	return first;
}

/* Arenas enough: to take one is a hold of the lock, and arrays wait for it. */
static void make_room(struct kunit *test)
{
	pyalloc_reclaim();
	free_blocks(take_bytes(test, SZ_128K));
	pyreclaim_drain();
}

/**
 * begin_burst() - get ready, with empty fronts, depots and pools
 * @test: the case
 * @size: of the blocks
 *
 * Until end_burst() the case should not end by an assertion: the trim waits.
 *
 * Return: the burst, without a block yet.
 */
struct burst *begin_burst(struct kunit *test, size_t size)
{
	struct burst *burst = kzalloc(sizeof(*burst), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, burst);
	stay_on_this_cpu(test);
	burst->test = test;
	set_class(burst, size);
	burst->blocks = make_array(test, 2 * burst->whole);
	mutex_lock(&pyreclaim_trim_lock);
	make_room(test);
	return burst;
}

/**
 * end_burst() - free what is left of it
 * @burst: the burst
 */
void end_burst(struct burst *burst)
{
	put_in_a_row(burst, burst->n);
	mutex_unlock(&pyreclaim_trim_lock);
	kvfree(burst->blocks);
	kfree(burst);
}

/**
 * take_in_a_row() - take blocks one by one
 * @burst: the burst
 * @n: how many
 */
void take_in_a_row(struct burst *burst, size_t n)
{
	void *block;

	for (; n; n--) {
		block = burst->n < 2 * burst->whole ?
			pymem_malloc(burst->size, GFP_KERNEL) : NULL;
		if (!block) {
			KUNIT_FAIL(burst->test, "no more than %zu of %zu bytes",
				   burst->n, burst->size);
			return;
		}
		fill(block, burst->size, burst->n);
		burst->blocks[burst->n++] = block;
	}
}

/**
 * put_in_a_row() - free blocks one by one, those first that came last
 * @burst: the burst
 * @n: how many
 */
void put_in_a_row(struct burst *burst, size_t n)
{
	unsigned int spoilt = 0;
	void *block;

	for (; n && burst->n; n--) {
		block = burst->blocks[--burst->n];
		spoilt += !is_filled(block, burst->size, burst->n);
		pymem_free(block);
	}
	KUNIT_EXPECT_EQ(burst->test, n, (size_t)0);
	KUNIT_EXPECT_EQ(burst->test, spoilt, 0);
}

/**
 * take_and_put() - take the whole of it and free all that is taken
 * @burst: the burst
 */
void take_and_put(struct burst *burst)
{
	take_in_a_row(burst, burst->whole);
	put_in_a_row(burst, burst->n);
}

/**
 * empty_stock() - take what the stock has, so that the next one is refilled
 * @burst: the burst
 */
void empty_stock(struct burst *burst)
{
	take_in_a_row(burst, pystock_count(burst->stock));
}

/**
 * write_burst() - give the blocks the contents that put_in_a_row() expects
 * @burst: the burst
 */
void write_burst(struct burst *burst)
{
	size_t i;

	for (i = 0; i < burst->n; i++)
		fill(burst->blocks[i], burst->size, i);
}

/* A pool is aligned to its size. */
static unsigned long pool_of(const struct burst *burst, const void *block)
{
	unsigned long bytes = (unsigned long)burst->class->granules <<
			      PYGRANULE_SHIFT;

	return ALIGN_DOWN((unsigned long)block, bytes);
}

/**
 * keep_one_a_pool() - take a block of each pool out of the burst
 * @burst: the burst
 *
 * While they are kept no pool of the others is dissolved.
 *
 * Return: these blocks, as a chain for free_blocks().
 */
void *keep_one_a_pool(struct burst *burst)
{
	unsigned long pool, last = 0;
	void *kept = NULL, *block;
	size_t i, n = 0;

	KUNIT_EXPECT_EQ(burst->test, count_overlaps(burst->n, burst->blocks),
			0);
	for (i = 0; i < burst->n; i++) {
		block = burst->blocks[i];
		pool = pool_of(burst, block);
		if (pool != last)
			kept = push_block(kept, block);
		else
			burst->blocks[n++] = block;
		last = pool;
	}
	burst->n = n;
	write_burst(burst);
	return kept;
}

/**
 * make_large() - take as much as makes a node too large for depots
 * @burst: the burst whose node it is
 *
 * Return: blocks of 512 bytes, as a chain for free_blocks().
 */
void *make_large(struct burst *burst)
{
	return take_bytes(burst->test, SMALL_NODE);
}
