// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks on their way from one actor to another: a row of shared places that
 * anyone may leave a block in or take one from.
 *
 * Each place is owned for the moment by whoever changed its state with xchg;
 * one who finds it otherwise engaged goes away, so that an NMI can't wait for
 * the code it interrupted.  What the state's owner wrote comes before the
 * release of the state, and so do the bytes of the block itself.
 *
 * Contexts: all.  No lock.
 */
#include <linux/atomic.h>
#include <linux/kernel.h>

#include "torture.h"

enum {
	PLACE_EMPTY,
	PLACE_ENGAGED,
	PLACE_FULL,
};

static struct {
	unsigned int	state;
	struct block	block;
} places[512];

/**
 * exchange_put() - leave a block for anyone
 * @random: chooses the place
 * @block: the block, which is the holder's no more
 *
 * Context: Any.
 * Return: false if the place was not empty.
 */
bool exchange_put(u32 random, const struct block *block)
{
	unsigned int i = random % ARRAY_SIZE(places);

	if (READ_ONCE(places[i].state) != PLACE_EMPTY ||
	    cmpxchg_acquire(&places[i].state, PLACE_EMPTY, PLACE_ENGAGED) !=
	    PLACE_EMPTY)
		return false;
	places[i].block = *block;
	smp_store_release(&places[i].state, PLACE_FULL);
	return true;
}

/**
 * exchange_take() - take what somebody left
 * @random: chooses the place
 * @block: the block, which is the caller's from now on
 *
 * Context: Any.
 * Return: false if the place had none.
 */
bool exchange_take(u32 random, struct block *block)
{
	unsigned int i = random % ARRAY_SIZE(places);

	if (READ_ONCE(places[i].state) != PLACE_FULL ||
	    cmpxchg_acquire(&places[i].state, PLACE_FULL, PLACE_ENGAGED) !=
	    PLACE_FULL)
		return false;
	*block = places[i].block;
	smp_store_release(&places[i].state, PLACE_EMPTY);
	return true;
}

/**
 * exchange_drain() - free all that was left and not taken
 * @actor: whose doing it is
 *
 * Context: Process, with no run under way.
 */
void exchange_drain(struct actor *actor)
{
	struct block block;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++)
		if (exchange_take(i, &block))
			actor_adopt(actor, &block);
}
