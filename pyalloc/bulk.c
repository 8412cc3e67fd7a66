// SPDX-License-Identifier: GPL-2.0
/*
 * Bulk: many blocks of one size at a time, as the front's paths are for one.
 *
 * Whole arrays come from the node's depot and go there, what is less than an
 * array goes through the CPU's stock, and where there is no depot batches move
 * between the caller and the pools.
 *
 * Contexts: all, NMI included.  Preemption is off wherever a stock is used.
 * Lock order: busy, then a node's lock.
 */
#include <linux/minmax.h>

#include "bulk.h"
#include "depot.h"
#include "front.h"
#include "heap.h"
#include "reclaim.h"
#include "compat.h"

static size_t pop_many(struct pystock *stock, size_t n, void **blocks)
{
	pystock_enter(stock);
	n = min_t(size_t, n, pystock_count(stock));
	stock->top -= n;
	pyheap_copy_pointers(blocks, stock->top, n);
	pystock_leave(stock);
	return n;
}

/* Straight from the pools, and no more than are wanted. */
static size_t take_from_pools(struct pynode *node, struct pyfront *front,
			      struct pystock *stock, bool dip, size_t n,
			      void **blocks)
{
	n = min_t(size_t, PYHEAP_BATCH, n);
	return pyheap_take(node, stock - front->stock, n, blocks, dip,
			   pyfront_random(front));
}

/*
 * Fills half of an empty stock, if fewer are wanted than that; they will come
 * back to it as well, so that it is given room for them.
 */
static void refill(struct pyheap *heap, struct pynode *node,
		   struct pyfront *front, struct pystock *stock, bool dip,
		   size_t n)
{
	size_t brought;

	pystock_enter(stock);
	pyfront_grow(heap, node, front, stock);
	/* It was empty; since then an interrupt may have put blocks in. */
	if (n < pystock_slots(stock) / 2 && !pystock_count(stock)) {
		brought = pyheap_take(node, stock - front->stock,
				      pystock_slots(stock) / 2, stock->top,
				      dip, pyfront_random(front));
		stock->top += brought;
		stock->flushed = false;
		local_add(brought, &stock->brought);
	}
	pyfront_fold(heap, stock, stock - front->stock);
	pystock_leave(stock);
}

/* What the stock has, after a refill if that is nothing and little is wanted. */
static size_t take_from_stock(struct pyheap *heap, struct pynode *node,
			      struct pyfront *front, struct pystock *stock,
			      bool dip, size_t n, void **blocks)
{
	size_t popped;

	if (pystock_is_busy(stock))
		return 0;
	popped = pop_many(stock, n, blocks);
	if (popped || !n)
		return popped;
	refill(heap, node, front, stock, dip, n);
	return pop_many(stock, n, blocks);
}

static size_t take_many(struct pyheap *heap, struct pynode *node,
			unsigned int class, enum pymem_domain domain,
			bool dip, size_t n, void **blocks)
{
	struct pyfront *front;
	struct pystock *stock;
	size_t got, popped;

	preempt_disable();
	front = pyfront_here(heap);
	stock = &front->stock[class];
	got = pydepot_take_blocks(node, class, n, blocks);
	popped = take_from_stock(heap, node, front, stock, dip, n - got,
				 blocks + got);
	if (!got && !popped)
		got = take_from_pools(node, front, stock, dip, n, blocks);
	local_add(got, &stock->brought);
	got += popped;
	local_add(got, &stock->mallocs[PYFRONT_DOMAIN(domain)]);
	preempt_enable();
	return got;
}

static noinline void serve_depots(struct pynode *node, gfp_t gfp)
{
	WRITE_ONCE(node->wants_arena, false);
	pyarena_add(node, gfp, PYARENA_PAGES);
}

/**
 * pybulk_malloc() - allocate many blocks of one size
 * @heap: the heap
 * @step: the request in steps of 8 bytes
 * @gfp: the caller's
 * @domain: mem or object
 * @n: how many
 * @blocks: where to put them
 *
 * Context: Any.  May sleep if @gfp allows.
 * Return: how many it got; the rest is for the long way of a single malloc.
 */
size_t pybulk_malloc(struct pyheap *heap, unsigned int step, gfp_t gfp,
		     enum pymem_domain domain, size_t n, void **blocks)
{
	unsigned int class = heap->classes->of_step[step];
	struct pynode *node = pyheap_this_node(heap);
	bool may_take = pyarena_may_take(gfp);
	size_t got = 0, more;

	while (got < n) {
		more = take_many(heap, node, class, domain, !may_take, n - got,
				 blocks + got);
		got += more;
		if (more)
			continue;
		if (!may_take || (!pydepot_outgrow(node, gfp) &&
				  !pyarena_add(node, gfp, PYARENA_PAGES)))
			break;
	}
	if (!may_take)
		pyreclaim_want_reserve(node, got < n);
	else if (unlikely(READ_ONCE(node->wants_arena)))
		serve_depots(node, gfp);
	return got;
}

/* Up to the first that does not look like a block, as pyfront_push(). */
static size_t push_many(const struct pyclass *class, unsigned long code,
			struct pystock *stock, size_t n, void **blocks)
{
	pystock_enter(stock);
	n = min_t(size_t, n, stock->end - stock->top);
	n = pyclass_copy_blocks(class, code, stock->top[-1], n, stock->top,
				blocks);
	pyclass_hide_blocks(class, n, stock->top);
	stock->top += n;
	pystock_leave(stock);
	return n;
}

static bool same_class(size_t n, void **blocks, unsigned long code)
{
	while (n--)
		if (pymap_code(blocks[n]) != code)
			return false;
	return true;
}

/**
 * pybulk_free() - free blocks that follow each other and have one class
 * @heap: the heap
 * @class: the class of the first
 * @domain: mem or object
 * @n: how many there are, of any kind
 * @blocks: the blocks
 * @caller: whom to name if one is none
 *
 * Context: Any.
 * Return: how many of the first ones are done with.  With 0 the first one is
 * for the long way of a single free.
 */
size_t pybulk_free(struct pyheap *heap, unsigned int class,
		   enum pymem_domain domain, size_t n, void **blocks,
		   unsigned long caller)
{
	struct pystock *stock;
	size_t done;

	preempt_disable();
	stock = &pyfront_here(heap)->stock[class];
	done = pydepot_put_blocks(pyheap_this_node(heap), class, n, blocks);
	local_sub(done, &stock->brought);
	if (!pystock_is_busy(stock))
		done += push_many(pyheap_class(heap, class), class + 1, stock,
				  n - done, blocks + done);
	if (!done && n >= PYHEAP_BATCH &&
	    same_class(PYHEAP_BATCH, blocks, class + 1)) {
		done = pyheap_put(PYHEAP_BATCH, blocks, caller);
		local_sub(done, &stock->brought);
	}
	pystock_count_frees(stock, domain, done);
	preempt_enable();
	return done;
}
