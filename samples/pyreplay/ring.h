/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Blocks on their way from the replayer that freed them to the one that will
 * return them to pyalloc, on another CPU.  One side puts, one side takes.
 *
 * The order of ops on a slot stays right without more than this, because what
 * goes through the ring is the block and not its slot.  The replayer that owns
 * the slots empties one before it puts the block that was there; from then on
 * it can't resize or free that block again, and may fill the slot with another
 * at once.  The taker never looks at slots.  So a block's realloc comes before
 * its free for being earlier in one thread, its free happens once for being
 * in one ring once, and the release and acquire of @put make the block's bytes
 * visible to the CPU that checks and frees it.
 */
#ifndef PYREPLAY_RING_H
#define PYREPLAY_RING_H

#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/types.h>
#include <asm/barrier.h>

#include "block.h"

#define RING_SIZE	1024

/**
 * struct ring - a bounded queue with one putter and one taker
 * @put: how many were ever put
 * @taken: how many were ever taken
 * @attended: the taker is at work: a full ring will not stay full.  It takes
 *	from it also while it waits for the next ring itself, so a circle of
 *	replayers that wait for each other always moves on
 * @parcels: the blocks, each with the salt of what is in it
 */
struct ring {
	u32 put ____cacheline_aligned_in_smp;
	u32 taken ____cacheline_aligned_in_smp;
	bool attended;
	struct parcel {
		struct block block;
		u64 salt;
	} parcels[RING_SIZE] ____cacheline_aligned_in_smp;
};

static inline u32 ring_waiting(const struct ring *ring)
{
	return READ_ONCE(ring->put) - READ_ONCE(ring->taken);
}

static inline bool ring_put(struct ring *ring, const struct parcel *parcel)
{
	u32 put = ring->put;

	/* Pairs with the release in ring_take(): the place was read. */
	if (put - smp_load_acquire(&ring->taken) == RING_SIZE)
		return false;
	ring->parcels[put % RING_SIZE] = *parcel;
	/* Pairs with the acquire in ring_take(): parcel, then its number. */
	smp_store_release(&ring->put, put + 1);
	return true;
}

static inline bool ring_take(struct ring *ring, struct parcel *parcel)
{
	u32 taken = ring->taken;

	/* Pairs with the release in ring_put(). */
	if (smp_load_acquire(&ring->put) == taken)
		return false;
	*parcel = ring->parcels[taken % RING_SIZE];
	/* Pairs with the acquire in ring_put(). */
	smp_store_release(&ring->taken, taken + 1);
	return true;
}

#endif /* PYREPLAY_RING_H */
