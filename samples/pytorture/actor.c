// SPDX-License-Identifier: GPL-2.0
/*
 * One who does operations on blocks, wherever it runs.
 *
 * All that an actor chooses (what it does, on which of its blocks, how many
 * bytes, with which gfp) it draws from its own random numbers.  What it does
 * next also depends on which of its slots are empty, and so on what others
 * left in the exchange and on which requests got nothing.
 *
 * Contexts: that of its place.  An actor is at work once at a time; one that
 * finds itself at work, having interrupted itself, goes away.
 */
#include <linux/bottom_half.h>
#include <linux/hash.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "../../pyalloc/check.h"
#include "torture.h"

#define THREAD_SLOTS	512
#define OTHER_SLOTS	64

/* Actors grow what they hold for so many operations, then shrink it. */
#define TIDE		4096

const char *const place_names[NR_PLACES] = {
	[IN_THREAD]	= "a thread",
	[IN_SOFT_TIMER]	= "a soft hrtimer",
	[IN_HARD_TIMER]	= "a hard hrtimer",
	[IN_TIMER]	= "a timer",
	[IN_TASKLET]	= "a tasklet",
	[IN_IRQ_WORK]	= "an irq_work",
	[IN_NMI]	= "an NMI",
};

/**
 * actor_check() - verify every invariant of every heap
 * @actor: who does it
 *
 * Context: Process; sleeps.
 */
void actor_check(struct actor *actor)
{
	struct pycheck *check = kmalloc(sizeof(*check), GFP_KERNEL);

	actor->doing = "check";
	if (!check || pycheck_all(check)) {
		kfree(check);
		return;
	}
	actor->now.checks++;
	if (check->broken) {
		pr_err("pytorture: check: %s\n", check->what);
		failure_note(actor, 0, 0, "that every invariant holds");
	}
	kfree(check);
}

static void maintain(struct actor *actor)
{
	if (!actor_may_sleep(actor) || actor->reclaims || !actor_one_in(actor, 8))
		return;
	if (actor_one_in(actor, 2)) {
		actor_check(actor);
		return;
	}
	actor->doing = "reclaim";
	pyalloc_reclaim();
	actor->now.reclaims++;
}

/* === One operation === */

/* As the tide goes out it looks for something to free. */
static struct block *any_slot(struct actor *actor, bool ebb)
{
	unsigned int at = actor_below(actor, actor->nr_slots), i;
	struct block *slot;

	for (i = 0; i < 8; i++) {
		slot = &actor->slots[(at + i) % actor->nr_slots];
		if (!ebb || slot->ptr)
			break;
	}
	return slot;
}

static void step(struct actor *actor)
{
	bool ebb = actor->now.ops++ & TIDE;
	struct block *slot = any_slot(actor, ebb);
	u32 what = actor_below(actor, 256);

	if (what < 4)
		deed_have_bulk(actor);
	else if (what < 8)
		deed_release_bulk(actor, slot - actor->slots);
	else if (what < 24)
		deed_swap(actor, slot);
	else if (what == 24)
		deed_ask_too_much(actor);
	else if (what == 25)
		maintain(actor);
	else if (!slot->ptr)
		deed_have(actor, slot);
	else if (what < 34 && deed_may_free_rcu(actor, slot))
		deed_release_rcu(actor, slot);
	else if (actor_below(actor, 8) < (ebb ? 7 : 1))
		deed_release(actor, slot);
	else
		deed_resize(actor, slot);
}

/* === Where threads may be while they do it === */

static void step_atomically(struct actor *actor)
{
	actor->atomic = true;
	step(actor);
	actor->atomic = false;
}

static void step_in_scope(struct actor *actor)
{
	unsigned int flags;

	switch (actor_below(actor, 3)) {
	case 0:
		flags = memalloc_nofs_save();
		step(actor);
		memalloc_nofs_restore(flags);
		break;
	case 1:
		flags = memalloc_noio_save();
		step(actor);
		memalloc_noio_restore(flags);
		break;
	default:
		flags = memalloc_noreclaim_save();
		actor->reclaims = true;
		step(actor);
		actor->reclaims = false;
		memalloc_noreclaim_restore(flags);
	}
}

/*
 * Where PREEMPT_RT can't sleep, requests get what the heap holds just then: not
 * where a run is to repeat.
 */
static bool may_be_bare(void)
{
	return run_options.interrupts || !IS_ENABLED(CONFIG_PREEMPT_RT);
}

static void step_somewhere(struct actor *actor)
{
	static DEFINE_SPINLOCK(lock);
	unsigned long flags;

	switch (may_be_bare() ? actor_below(actor, 40) : 5) {
	case 0:
		preempt_disable();
		step_atomically(actor);
		preempt_enable();
		break;
	case 1:
		local_bh_disable();
		step_atomically(actor);
		local_bh_enable();
		break;
	case 2:
		local_irq_save(flags);
		step_atomically(actor);
		local_irq_restore(flags);
		break;
	case 3:
		spin_lock(&lock);
		step_atomically(actor);
		spin_unlock(&lock);
		break;
	case 4:
		rcu_read_lock();
		step_atomically(actor);
		rcu_read_unlock();
		break;
	default:
		if (run_options.scopes && actor_one_in(actor, 2))
			step_in_scope(actor);
		else
			step(actor);
	}
}

/**
 * actor_act() - do some operations
 * @actor: who
 * @n: how many
 *
 * Context: That of the actor.
 */
void actor_act(struct actor *actor, unsigned int n)
{
	if (xchg(&actor->busy, 1))
		return;
	n = run_budget(n);
	while (n--) {
		if (actor->place == IN_THREAD)
			step_somewhere(actor);
		else
			step(actor);
	}
	smp_store_release(&actor->busy, 0);
}

/**
 * actor_new() - make one
 * @place: where it will run
 *
 * Context: Process; sleeps.
 * Return: the actor, with a number and random numbers of its own, or NULL.
 */
struct actor *actor_new(enum place place)
{
	unsigned int n = place == IN_THREAD ? THREAD_SLOTS : OTHER_SLOTS;
	struct actor *actor;

	actor = kvzalloc(struct_size(actor, slots, n), GFP_KERNEL);
	if (!actor)
		return NULL;
	actor->nr_slots = n;
	actor->place = place;
	actor->atomic = place != IN_THREAD;
	actor->id = run_next_id();
	prandom_seed_state(&actor->random,
			   run_options.seed * GOLDEN_RATIO_64 + actor->id);
	return actor;
}

/**
 * actor_free() - free its blocks, add what it did to the run, and itself
 * @actor: the actor, which acts no more, or NULL
 *
 * Context: Process; sleeps.
 */
void actor_free(struct actor *actor)
{
	unsigned int i;

	if (!actor)
		return;
	for (i = 0; i < actor->nr_slots; i++)
		if (actor->slots[i].ptr)
			deed_release(actor, &actor->slots[i]);
	run_add(actor);
	kvfree(actor);
}
