// SPDX-License-Identifier: GPL-2.0
/*
 * What an actor does with blocks: has them, resizes them, is rid of them, one by
 * one and many at a time, and hands them over.
 *
 * Every block is filled when it is had and when it is resized, and verified
 * before it is resized, freed or handed over, and by who takes it.
 *
 * Contexts: that of the actor.
 */
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/nodemask.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "torture.h"

#define TAG_SERIAL_BITS	22

/* === To have a block === */

static u32 next_tag(struct actor *actor)
{
	u32 serial = actor->serial++ & (BIT(TAG_SERIAL_BITS) - 1);

	return actor->id << TAG_SERIAL_BITS | serial;
}

static void *by_calloc(struct actor *actor, struct request *request)
{
	size_t elsize = 1 + actor_below(actor, 24);
	size_t nelem = request->size / elsize;

	actor->doing = "calloc";
	request->size = nelem * elsize;
	request->gfp |= __GFP_ZERO;
	return block_calloc(request->domain, nelem, elsize, request->gfp);
}

static void *by_node(struct actor *actor, struct request *request)
{
	int node = actor_below(actor, nr_node_ids);

	actor->doing = "malloc on a node";
	if (!node_online(node))
		node = NUMA_NO_NODE;
	if (request->domain == IN_HEAP)
		return pyheap_malloc_node(run_heap, request->size,
					  request->gfp, node);
	if (request->domain == PYMEM_DOMAIN_OBJ)
		return pyobject_malloc_node(request->size, request->gfp, node);
	request->domain = PYMEM_DOMAIN_MEM;
	return pymem_malloc_node(request->size, request->gfp, node);
}

/* Constants take another way through the header. */
static void *by_constant(struct actor *actor, struct request *request)
{
	actor->doing = "malloc of a constant";
	request->size = 48;
	if (actor_may_sleep(actor) && !run_options.short_of_memory) {
		request->gfp = GFP_KERNEL;
		request->domain = PYMEM_DOMAIN_MEM;
		return pymem_malloc(48, GFP_KERNEL);
	}
	request->gfp = GFP_ATOMIC | __GFP_NOWARN;
	request->domain = PYMEM_DOMAIN_OBJ;
	return pyobject_malloc(48, GFP_ATOMIC | __GFP_NOWARN);
}

/* A block that pyalloc knows nothing of. */
static void *by_kmalloc(struct actor *actor, struct request *request)
{
	if (!actor_may_sleep(actor))
		return by_constant(actor, request);
	actor->doing = "kmalloc";
	request->domain %= PYMEM_NR_DOMAINS;
	request->size = clamp_t(size_t, request->size, 8, SZ_4K);
	request->gfp &= ~(__GFP_HIGHMEM | __GFP_MOVABLE);
	return kmalloc(request->size, request->gfp);
}

static void *by_any(struct actor *actor, struct request *request,
		    bool *foreign)
{
	*foreign = false;
	if (actor_one_in(actor, 4))
		request->domain = IN_HEAP;
	switch (actor_below(actor, 16)) {
	case 0:
	case 1:
		return by_calloc(actor, request);
	case 2:
		return by_node(actor, request);
	case 3:
		return by_constant(actor, request);
	case 4:
		*foreign = actor_may_sleep(actor);
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
		 const struct request *request)
{
	*block = (struct block) {
		.ptr	= ptr,
		.size	= request->size,
		.tag	= next_tag(actor),
		.zero	= request->gfp & __GFP_ZERO,
		.domain	= request->domain,
	};
	actor->now.mallocs++;
	judge_new(actor, block, request->gfp);
	block_fill(block);
}

/**
 * deed_have() - have a block
 * @actor: who
 * @slot: where it goes, empty
 *
 * Context: That of the actor.
 */
void deed_have(struct actor *actor, struct block *slot)
{
	struct request request = request_any(actor);
	bool foreign;
	void *ptr = by_any(actor, &request, &foreign);

	if (!ptr) {
		request_got_nothing(actor, &request);
		return;
	}
	/* It is freed by pyalloc one day, whoever does it. */
	actor->now.foreign += foreign;
	hold(actor, slot, ptr, &request);
}

/**
 * deed_ask_too_much() - ask for what is never granted
 * @actor: who
 *
 * Context: That of the actor.
 */
void deed_ask_too_much(struct actor *actor)
{
	struct request request = request_any(actor);
	size_t size = (size_t)INT_MAX + 1 + request.size;
	void *ptr;

	actor->doing = "a request of too much";
	/* The compiler would object. */
	OPTIMIZER_HIDE_VAR(size);
	request.gfp |= __GFP_NOWARN;
	switch (actor_below(actor, 4)) {
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

/* All domains take all blocks, and a heap its own. */
static enum pymem_domain whom_to_ask(struct actor *actor,
				     const struct block *block)
{
	enum pymem_domain domain = actor_below(actor, PYMEM_NR_DOMAINS);

	if (run_options.loyal ||
	    (block->domain == IN_HEAP && actor_one_in(actor, 2)))
		return block->domain;
	return domain;
}

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

/**
 * deed_resize() - resize a block
 * @actor: who
 * @block: the block
 *
 * Context: That of the actor.
 */
void deed_resize(struct actor *actor, struct block *block)
{
	struct request request = request_any(actor);
	void *ptr;

	if (block->zero)
		request.gfp |= __GFP_ZERO;
	request.domain = whom_to_ask(actor, block);
	actor->doing = "realloc";
	verify(actor, block);
	ptr = block_realloc(request.domain, block->ptr, request.size,
			    request.gfp);
	if (ptr) {
		block->domain = request.domain;
		resized(actor, block, ptr, request.size, request.gfp);
		return;
	}
	if (request.size <= block->size)
		failure_note(actor, request.size, request.gfp,
			     "that shrinking succeeds");
	else
		request_got_nothing(actor, &request);
	verify(actor, block);
}

/* === To be rid of it === */

/**
 * deed_release() - free a block
 * @actor: who
 * @block: the block
 *
 * Context: That of the actor.
 */
void deed_release(struct actor *actor, struct block *block)
{
	actor->doing = "free";
	verify(actor, block);
	block_free(whom_to_ask(actor, block), block->ptr);
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

/**
 * deed_may_free_rcu() - is this a place for that, and is there room for it?
 * @actor: who
 * @block: the block
 *
 * Context: That of the actor.
 * Return: whether deed_release_rcu() is for it.
 */
bool deed_may_free_rcu(const struct actor *actor, const struct block *block)
{
	if (actor->place == IN_NMI || block->size < sizeof(struct at_once))
		return false;
	if (run_options.loyal && block->domain == PYMEM_DOMAIN_RAW)
		return false;
	return !IS_ENABLED(CONFIG_PREEMPT_RT) ||
	       (!actor->atomic && actor->place != IN_HARD_TIMER &&
		actor->place != IN_IRQ_WORK);
}

/**
 * deed_release_rcu() - free a block after a grace period
 * @actor: who
 * @block: a block that deed_may_free_rcu()
 *
 * A reader still sees all of it but where the callback is linked.
 *
 * Context: That of the actor.
 */
void deed_release_rcu(struct actor *actor, struct block *block)
{
	u64 pattern = block_pattern(block);
	size_t linked = sizeof(struct at_once);
	void *ptr = block->ptr;
	bool intact;

	actor->doing = "free after a grace period";
	verify(actor, block);
	rcu_read_lock();
	if (block->domain == IN_HEAP) {
		pyheap_free_rcu(run_heap, (struct at_once *)ptr, rcu);
	} else if (run_options.loyal ? block->domain == PYMEM_DOMAIN_MEM :
	    block->size < sizeof(struct later_in_it)) {
		pymem_free_rcu((struct at_once *)ptr, rcu);
	} else if (block->size < sizeof(struct later_in_it)) {
		pyobject_free_rcu((struct at_once *)ptr, rcu);
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
	deed_release(actor, block);
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
		if (actor_one_in(actor, 8) &&
		    exchange_put(prandom_u32_state(&actor->random), like))
			actor->bulk[i] = NULL;
	}
}

/**
 * deed_have_bulk() - have many blocks
 * @actor: who
 *
 * Context: That of the actor.
 */
void deed_have_bulk(struct actor *actor)
{
	struct request request = request_any(actor);
	unsigned int n = 1 + actor_below(actor, bulk_limit(actor)), got, i;
	struct block like = {
		.size	= min_t(size_t, request.size, 600),
		.zero	= request.gfp & __GFP_ZERO,
		.domain	= PYMEM_DOMAIN_MEM,
	};

	actor->doing = "malloc in bulk";
	got = pymem_malloc_bulk(like.size, request.gfp, n, actor->bulk);
	actor->now.bulks++;
	actor->now.mallocs += got;
	if (got < n)
		request_got_nothing(actor, &request);
	like.tag = next_tag(actor);
	actor->serial += got;
	verify_bulk(actor, &like, got);
	for (i = 0; i < got; i++)
		actor->now.frees += !!actor->bulk[i];
	pymem_free_bulk(got, actor->bulk);
}

/* Blocks of all kinds and sizes, in a row of slots. */
/**
 * deed_release_bulk() - free many blocks
 * @actor: who
 * @at: the first slot that is looked at
 *
 * Context: That of the actor.
 */
void deed_release_bulk(struct actor *actor, unsigned int at)
{
	unsigned int n = 1 + actor_below(actor, bulk_limit(actor)), got = 0;

	actor->doing = "free in bulk";
	n = min(n, actor->nr_slots - at);
	for (; n--; at++) {
		if (!actor->slots[at].ptr)
			continue;
		if (run_options.loyal &&
		    actor->slots[at].domain != PYMEM_DOMAIN_MEM)
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

/**
 * deed_swap() - hand a block over, or take one that somebody handed over
 * @actor: who
 * @slot: the block, or an empty slot
 *
 * Context: That of the actor.
 */
void deed_swap(struct actor *actor, struct block *slot)
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
