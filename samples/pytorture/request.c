// SPDX-License-Identifier: GPL-2.0
/*
 * What an actor asks for, and how: drawn from its own random numbers, and such
 * as may be asked for where it is.
 *
 * Contexts: that of the actor.
 */
#include <linux/gfp.h>
#include <linux/sizes.h>

#include "torture.h"

static size_t any_size(struct actor *actor)
{
	u32 kind = actor_below(actor, 256);

	if (kind < 240)
		return actor_below(actor, 600);
	if (kind < 254 || !actor_may_sleep(actor))
		return actor_below(actor, SZ_4K);
	return actor_below(actor, SZ_64K);
}

static gfp_t sleeping_gfp(struct actor *actor)
{
	static const gfp_t choices[] = {
		GFP_KERNEL, GFP_KERNEL, GFP_KERNEL, GFP_NOFS, GFP_NOIO,
	};
	gfp_t gfp = choices[actor_below(actor, ARRAY_SIZE(choices))];

	if (run_options.short_of_memory)
		gfp |= __GFP_NORETRY | __GFP_NOWARN;
	return gfp;
}

/*
 * A request without a reclaim bit gets what the heap holds just then, which
 * depends on the time of day: none such where a run is to repeat.
 */
static gfp_t atomic_gfp(struct actor *actor)
{
	static const gfp_t choices[] = { GFP_ATOMIC, GFP_NOWAIT, 0 };
	u32 n = run_options.interrupts ? 3 : 2;

	return choices[actor_below(actor, n)] | __GFP_NOWARN;
}

/* Kinds of memory that are raw's whatever the size. */
static gfp_t odd_gfp(struct actor *actor)
{
	static const gfp_t choices[] = {
		__GFP_ACCOUNT, __GFP_HIGHMEM, __GFP_MOVABLE, __GFP_THISNODE,
	};

	return choices[actor_below(actor, ARRAY_SIZE(choices))];
}

static gfp_t any_gfp(struct actor *actor, size_t size)
{
	gfp_t gfp;

	if (!actor_may_sleep(actor) || actor_one_in(actor, 4))
		gfp = atomic_gfp(actor);
	else
		gfp = sleeping_gfp(actor);
	if (actor_one_in(actor, 16))
		gfp |= __GFP_ZERO;
	if (size <= SZ_4K && actor_one_in(actor, 64))
		gfp |= odd_gfp(actor);
	return gfp;
}

/**
 * request_any() - choose what to ask for
 * @actor: who
 *
 * Context: That of the actor.
 * Return: the request.
 */
struct request request_any(struct actor *actor)
{
	struct request request = {
		.domain = actor_below(actor, PYMEM_NR_DOMAINS),
		.size	= any_size(actor),
	};

	request.gfp = any_gfp(actor, request.size);
	return request;
}

/* Who may not wait for memory has to live without. */
static bool may_get_nothing(gfp_t gfp)
{
	return !gfpflags_allow_blocking(gfp) || gfp & __GFP_THISNODE ||
	       run_options.short_of_memory;
}

/**
 * request_got_nothing() - note that a request was answered with NULL
 * @actor: who
 * @request: the request
 *
 * Context: That of the actor.
 */
void request_got_nothing(struct actor *actor, const struct request *request)
{
	if (may_get_nothing(request->gfp))
		actor->now.nulls++;
	else
		failure_note(actor, request->size, request->gfp, "a block");
}
