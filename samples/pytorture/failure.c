// SPDX-License-Identifier: GPL-2.0
/*
 * What went wrong first: kept when it happens, wherever that is, and printed
 * at the end of the run.  How often something went wrong is counted by each
 * actor.
 *
 * Contexts: all; printing is for process context, with no run under way.
 */
#define pr_fmt(fmt) "pytorture: " fmt

#include <linux/atomic.h>
#include <linux/printk.h>

#include "torture.h"

static struct {
	const char	*what;
	const char	*doing;
	const char	*place;
	size_t		size;
	gfp_t		gfp;
	unsigned int	actor;
	u64		ops;
} first;

static atomic_t seen;

/**
 * failure_reset() - a new run begins
 *
 * Context: Process, with no run under way.
 */
void failure_reset(void)
{
	first.what = NULL;
	atomic_set(&seen, 0);
}

static void keep_first(struct actor *actor, size_t size, gfp_t gfp,
		       const char *what)
{
	if (atomic_fetch_inc(&seen))
		return;
	first.what = what;
	first.doing = actor->doing;
	first.place = place_names[actor->place];
	first.size = size;
	first.gfp = gfp;
	first.actor = actor->id;
	first.ops = actor->now.ops;
}

/**
 * failure_note() - something was not as promised
 * @actor: who saw it
 * @size: the request's
 * @gfp: the request's
 * @what: what was expected instead
 *
 * Context: Any.
 */
void failure_note(struct actor *actor, size_t size, gfp_t gfp,
		  const char *what)
{
	actor->now.failures++;
	keep_first(actor, size, gfp, what);
}

/**
 * failure_mismatch() - a block did not hold what it had to
 * @actor: who saw it
 * @size: the block's
 * @what: what was expected instead
 *
 * Context: Any.
 */
void failure_mismatch(struct actor *actor, size_t size, const char *what)
{
	actor->now.mismatches++;
	keep_first(actor, size, 0, what);
}

/**
 * failure_print() - tell what went wrong first, if anything did
 *
 * Context: Process, with no run under way.
 */
void failure_print(void)
{
	if (!first.what)
		return;
	pr_err("FAILED %s in %s of %zu bytes, gfp %#x, actor %u after %llu operations: expected %s\n",
	       first.doing, first.place, first.size,
	       (__force unsigned int)first.gfp, first.actor, first.ops,
	       first.what);
}
