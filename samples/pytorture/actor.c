// SPDX-License-Identifier: GPL-2.0
/*
 * One who does operations on blocks, wherever it runs.
 *
 * All that an actor chooses (what it does, on which of its blocks, how many
 * bytes, with which gfp) it draws from its own random numbers.  What it does
 * next also depends on which of its slots are empty, and so on what others
 * left in the exchange and on which requests got nothing.
 *
 * Every block is filled when it is had and when it is resized, and verified
 * before it is resized, freed or handed over, and by who takes it.
 *
 * Contexts: that of its place.  An actor is at work once at a time; one that
 * finds itself at work, having interrupted itself, goes away.
 */
#include <linux/bottom_half.h>
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/nodemask.h>
#include <linux/overflow.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "../../pyalloc/check.h"
#include "torture.h"

#define THREAD_SLOTS	512
#define OTHER_SLOTS	64

/* Actors grow what they hold for so many operations, then shrink it. */
#define TIDE		4096

#define TAG_SERIAL_BITS	22

const char *const place_names[NR_PLACES] = {
	[IN_THREAD]	= "a thread",
	[IN_SOFT_TIMER]	= "a soft hrtimer",
	[IN_HARD_TIMER]	= "a hard hrtimer",
	[IN_TIMER]	= "a timer",
	[IN_TASKLET]	= "a tasklet",
	[IN_IRQ_WORK]	= "an irq_work",
	[IN_NMI]	= "an NMI",
};

/* What is asked for, and how. */
struct request {
	enum pymem_domain	domain;
	size_t			size;
	gfp_t			gfp;
};

/* === Choices === */

static u32 below(struct actor *actor, u32 n)
{
	return prandom_u32_state(&actor->random) % n;
}

static bool one_in(struct actor *actor, u32 n)
{
	return !below(actor, n);
}

static bool may_sleep(const struct actor *actor)
{
	return actor->place == IN_THREAD && !actor->atomic;
}

static size_t any_size(struct actor *actor)
{
	u32 kind = below(actor, 256);

	if (kind < 240)
		return below(actor, 600);
	if (kind < 254 || !may_sleep(actor))
		return below(actor, SZ_4K);
	return below(actor, SZ_64K);
}

static gfp_t sleeping_gfp(struct actor *actor)
{
	static const gfp_t choices[] = {
		GFP_KERNEL, GFP_KERNEL, GFP_KERNEL, GFP_NOFS, GFP_NOIO,
	};
	gfp_t gfp = choices[below(actor, ARRAY_SIZE(choices))];

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

	return choices[below(actor, n)] | __GFP_NOWARN;
}

/* Kinds of memory that are raw's whatever the size. */
static gfp_t odd_gfp(struct actor *actor)
{
	static const gfp_t choices[] = {
		__GFP_ACCOUNT, __GFP_HIGHMEM, __GFP_MOVABLE, __GFP_THISNODE,
	};

	return choices[below(actor, ARRAY_SIZE(choices))];
}

static gfp_t any_gfp(struct actor *actor, size_t size)
{
	gfp_t gfp;

	if (!may_sleep(actor) || one_in(actor, 4))
		gfp = atomic_gfp(actor);
	else
		gfp = sleeping_gfp(actor);
	if (one_in(actor, 16))
		gfp |= __GFP_ZERO;
	if (size <= SZ_4K && one_in(actor, 64))
		gfp |= odd_gfp(actor);
	return gfp;
}

static struct request any_request(struct actor *actor)
{
	struct request request = {
		.domain = below(actor, PYMEM_NR_DOMAINS),
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

static void got_nothing(struct actor *actor, const struct request *request)
{
	if (may_get_nothing(request->gfp))
		actor->now.nulls++;
	else
		failure_note(actor, request->size, request->gfp, "a block");
}

/* === To have a block === */

static u32 next_tag(struct actor *actor)
{
	u32 serial = actor->serial++ & (BIT(TAG_SERIAL_BITS) - 1);

	return actor->id << TAG_SERIAL_BITS | serial;
}

static void *by_calloc(struct actor *actor, struct request *request)
{
	size_t elsize = 1 + below(actor, 24);
	size_t nelem = request->size / elsize;

	actor->doing = "calloc";
	request->size = nelem * elsize;
	request->gfp |= __GFP_ZERO;
	return block_calloc(request->domain, nelem, elsize, request->gfp);
}

static void *by_node(struct actor *actor, struct request *request)
{
	int node = below(actor, nr_node_ids);

	actor->doing = "malloc on a node";
	if (!node_online(node))
		node = NUMA_NO_NODE;
	if (request->domain == PYMEM_DOMAIN_OBJ)
		return pyobject_malloc_node(request->size, request->gfp, node);
	return pymem_malloc_node(request->size, request->gfp, node);
}

/* Constants take another way through the header. */
static void *by_constant(struct actor *actor, struct request *request)
{
	actor->doing = "malloc of a constant";
	request->size = 48;
	if (may_sleep(actor) && !run_options.short_of_memory) {
		request->gfp = GFP_KERNEL;
		return pymem_malloc(48, GFP_KERNEL);
	}
	request->gfp = GFP_ATOMIC | __GFP_NOWARN;
	return pyobject_malloc(48, GFP_ATOMIC | __GFP_NOWARN);
}

/* A block that pyalloc knows nothing of. */
static void *by_kmalloc(struct actor *actor, struct request *request)
{
	if (!may_sleep(actor))
		return by_constant(actor, request);
	actor->doing = "kmalloc";
	request->size = clamp_t(size_t, request->size, 8, SZ_4K);
	request->gfp &= ~(__GFP_HIGHMEM | __GFP_MOVABLE);
	return kmalloc(request->size, request->gfp);
}

static void *by_any(struct actor *actor, struct request *request,
		    bool *foreign)
{
	*foreign = false;
	switch (below(actor, 16)) {
	case 0:
	case 1:
		return by_calloc(actor, request);
	case 2:
		return by_node(actor, request);
	case 3:
		return by_constant(actor, request);
	case 4:
		*foreign = may_sleep(actor);
		return by_kmalloc(actor, request);
	case 5:
		actor->doing = "realloc of NULL";
		return block_realloc(request->domain, NULL, request->size,
				     request->gfp);
	default:
		actor->doing = "malloc";
		return block_malloc(request->domain, request->size,
				    request->gfp);
	}
}

/* A block is as large, as aligned and as clean as was promised. */
static void judge_new(struct actor *actor, const struct block *block,
		      gfp_t gfp)
{
	if (!IS_ALIGNED((unsigned long)block->ptr, 8))
		failure_note(actor, block->size, gfp, "an aligned block");
	if (pyalloc_usable_size(block->ptr) < block->size)
		failure_note(actor, block->size, gfp, "room for all bytes");
	if (block->zero && memchr_inv(block->ptr, 0, block->size))
		failure_mismatch(actor, block->size, "zeroes");
}

static void hold(struct actor *actor, struct block *block, void *ptr,
		 size_t size, gfp_t gfp)
{
	*block = (struct block) {
		.ptr	= ptr,
		.size	= size,
		.tag	= next_tag(actor),
		.zero	= gfp & __GFP_ZERO,
	};
	actor->now.mallocs++;
	judge_new(actor, block, gfp);
	block_fill(block);
}

static void have(struct actor *actor, struct block *slot)
{
	struct request request = any_request(actor);
	bool foreign;
	void *ptr = by_any(actor, &request, &foreign);

	if (!ptr) {
		got_nothing(actor, &request);
		return;
	}
	/* It is freed by pyalloc one day, whoever does it. */
	actor->now.foreign += foreign;
	hold(actor, slot, ptr, request.size, request.gfp);
}

/* What is never granted. */
static void ask_too_much(struct actor *actor)
{
	struct request request = any_request(actor);
	size_t size = (size_t)INT_MAX + 1 + request.size;
	void *ptr;

	actor->doing = "a request of too much";
	/* The compiler would object. */
	OPTIMIZER_HIDE_VAR(size);
	request.gfp |= __GFP_NOWARN;
	switch (below(actor, 4)) {
	case 0:
		ptr = block_malloc(request.domain, size, request.gfp);
		break;
	case 1:
		ptr = block_calloc(request.domain, size, SIZE_MAX / 2,
				   request.gfp);
		break;
	case 2:
		ptr = block_realloc(request.domain, NULL, size, request.gfp);
		break;
	default:
		ptr = pymem_malloc_node(request.size, request.gfp,
					MAX_NUMNODES);
	}
	if (ptr)
		failure_note(actor, size, request.gfp, "NULL");
	block_free(request.domain, ptr);
}

/* === To resize it === */

static void resized(struct actor *actor, struct block *block, void *ptr,
		    size_t size, gfp_t gfp)
{
	u64 pattern = block_pattern(block);
	size_t old = block->size;

	actor->now.reallocs++;
	if (!pattern_intact(ptr, 0, min(old, size), pattern))
		failure_mismatch(actor, old, "its bytes after realloc");
	block->zero &= !!(gfp & __GFP_ZERO);
	if (block->zero && size > old && memchr_inv(ptr + old, 0, size - old))
		failure_mismatch(actor, size, "zeroes in what it grew by");
	block->ptr = ptr;
	block->size = size;
	block->tag = next_tag(actor);
	if (pyalloc_usable_size(ptr) < size)
		failure_note(actor, size, gfp, "room for all bytes");
	block_fill(block);
}

static void verify(struct actor *actor, const struct block *block)
{
	if (!block_intact(block))
		failure_mismatch(actor, block->size, "what was written to it");
}

static void resize(struct actor *actor, struct block *block)
{
	struct request request = any_request(actor);
	void *ptr;

	if (block->zero)
		request.gfp |= __GFP_ZERO;
	actor->doing = "realloc";
	verify(actor, block);
	ptr = block_realloc(request.domain, block->ptr, request.size,
			    request.gfp);
	if (ptr) {
		resized(actor, block, ptr, request.size, request.gfp);
		return;
	}
	if (request.size <= block->size)
		failure_note(actor, request.size, request.gfp,
			     "that shrinking succeeds");
	else
		got_nothing(actor, &request);
	verify(actor, block);
}

/* === To be rid of it === */

static void release(struct actor *actor, struct block *block)
{
	actor->doing = "free";
	verify(actor, block);
	block_free(below(actor, PYMEM_NR_DOMAINS), block->ptr);
	block->ptr = NULL;
	actor->now.frees++;
}

struct at_once {
	struct rcu_head	rcu;
};

struct later_in_it {
	u64		before[3];
	struct rcu_head	rcu;
};

static bool may_free_rcu(const struct actor *actor)
{
	if (actor->place == IN_NMI)
		return false;
	return !IS_ENABLED(CONFIG_PREEMPT_RT) ||
	       (!actor->atomic && actor->place != IN_HARD_TIMER &&
		actor->place != IN_IRQ_WORK);
}

/* A reader still sees all of the block but where the callback is linked. */
static void release_rcu(struct actor *actor, struct block *block)
{
	u64 pattern = block_pattern(block);
	size_t linked = sizeof(struct at_once);
	void *ptr = block->ptr;
	bool intact;

	actor->doing = "free after a grace period";
	verify(actor, block);
	rcu_read_lock();
	if (block->size < sizeof(struct later_in_it)) {
		pymem_free_rcu((struct at_once *)ptr, rcu);
	} else {
		pyobject_free_rcu((struct later_in_it *)ptr, rcu);
		linked = sizeof(struct later_in_it);
	}
	intact = pattern_intact(ptr, linked, block->size, pattern);
	rcu_read_unlock();
	if (!intact)
		failure_mismatch(actor, block->size,
				 "what was written to it, for a reader");
	block->ptr = NULL;
	actor->now.frees++;
	actor->now.rcu++;
}

/**
 * actor_adopt() - verify and free a block that somebody else held
 * @actor: who does it
 * @block: the block
 *
 * Context: That of the actor.
 */
void actor_adopt(struct actor *actor, struct block *block)
{
	release(actor, block);
}

/* === Many at a time === */

static unsigned int bulk_limit(const struct actor *actor)
{
	return actor->place == IN_THREAD ? MAX_BULK : 24;
}

/* Fills all before any is looked at, so that two that overlap show. */
static void verify_bulk(struct actor *actor, struct block *like,
			unsigned int n)
{
	u32 tag = like->tag;
	unsigned int i;

	for (i = 0; i < n; i++) {
		like->ptr = actor->bulk[i];
		like->tag = tag + i;
		judge_new(actor, like, 0);
		block_fill(like);
	}
	for (i = 0; i < n; i++) {
		like->ptr = actor->bulk[i];
		like->tag = tag + i;
		verify(actor, like);
		/* Some go to others; a bulk free may have holes. */
		if (one_in(actor, 8) &&
		    exchange_put(prandom_u32_state(&actor->random), like))
			actor->bulk[i] = NULL;
	}
}

static void have_bulk(struct actor *actor)
{
	struct request request = any_request(actor);
	unsigned int n = 1 + below(actor, bulk_limit(actor)), got, i;
	struct block like = {
		.size	= min_t(size_t, request.size, 600),
		.zero	= request.gfp & __GFP_ZERO,
	};

	actor->doing = "malloc in bulk";
	got = pymem_malloc_bulk(like.size, request.gfp, n, actor->bulk);
	actor->now.bulks++;
	actor->now.mallocs += got;
	if (got < n)
		got_nothing(actor, &request);
	like.tag = next_tag(actor);
	actor->serial += got;
	verify_bulk(actor, &like, got);
	for (i = 0; i < got; i++)
		actor->now.frees += !!actor->bulk[i];
	pymem_free_bulk(got, actor->bulk);
}

/* Blocks of all kinds and sizes, in a row of slots. */
static void release_bulk(struct actor *actor, unsigned int at)
{
	unsigned int n = 1 + below(actor, bulk_limit(actor)), got = 0;

	actor->doing = "free in bulk";
	n = min(n, actor->nr_slots - at);
	for (; n--; at++) {
		if (!actor->slots[at].ptr)
			continue;
		verify(actor, &actor->slots[at]);
		actor->bulk[got++] = actor->slots[at].ptr;
		actor->slots[at].ptr = NULL;
	}
	pymem_free_bulk(got, actor->bulk);
	actor->now.bulks++;
	actor->now.frees += got;
}

/* === With others === */

static void swap_with_others(struct actor *actor, struct block *slot)
{
	u32 where = prandom_u32_state(&actor->random);

	actor->doing = "a block's hand-over";
	if (!slot->ptr) {
		if (exchange_take(where, slot))
			verify(actor, slot);
		return;
	}
	verify(actor, slot);
	if (exchange_put(where, slot))
		slot->ptr = NULL;
}

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
	if (!may_sleep(actor) || actor->reclaims || !one_in(actor, 8))
		return;
	if (one_in(actor, 2)) {
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
	unsigned int at = below(actor, actor->nr_slots), i;
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
	u32 what = below(actor, 256);

	if (what < 4)
		have_bulk(actor);
	else if (what < 8)
		release_bulk(actor, slot - actor->slots);
	else if (what < 24)
		swap_with_others(actor, slot);
	else if (what == 24)
		ask_too_much(actor);
	else if (what == 25)
		maintain(actor);
	else if (!slot->ptr)
		have(actor, slot);
	else if (what < 34 && may_free_rcu(actor) &&
		 slot->size >= sizeof(struct at_once))
		release_rcu(actor, slot);
	else if (below(actor, 8) < (ebb ? 7 : 1))
		release(actor, slot);
	else
		resize(actor, slot);
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

	switch (below(actor, 3)) {
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

	switch (may_be_bare() ? below(actor, 40) : 5) {
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
		if (run_options.scopes && one_in(actor, 2))
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
			release(actor, &actor->slots[i]);
	run_add(actor);
	kvfree(actor);
}
