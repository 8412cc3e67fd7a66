// SPDX-License-Identifier: GPL-2.0
/*
 * Depots: between the fronts and the pools, full arrays of free blocks.
 *
 * What a burst of frees brings back is often wanted soon after by the next
 * burst of mallocs, here or on another CPU.  A front leaves what is too much
 * for it in its node's depot, and another takes it from there: a full array
 * of 63 blocks for an empty one, with no look at the blocks or their pools.
 *
 * Blocks in a depot keep their pools alive and come back in no order, so that
 * a heap with depots does not get dense.  A small one may do that; when it
 * outgrows DEPOT_HEAP it empties them into the pools and goes without.  So it
 * does with what was not needed for an interval, and for the shrinker.
 *
 * An array in a depot leads to the next one by its slot 0, which is NULL
 * while a front has it.  The link is encoded, and believed if it leads to an
 * array.
 *
 * Contexts: all, NMI included, where a node's lock is only tried.
 * Lock order: the node's lock, for a few stores at a time.
 */
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/nodemask.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "depot.h"
#include "heap.h"
#include "link.h"
#include "reclaim.h"
#include "compat.h"

/* A node with more bytes out of its pools has no depots. */
#define DEPOT_HEAP	SZ_512K

static size_t slots_of(struct pynode *node, unsigned int class)
{
	return pyclass_slots(pyheap_class(node->heap, class));
}

/* Does the map have a place for an array like @array there? */
static noinline void **follow_by_map(void **array, void **next, size_t bytes)
{
	u32 code = pymap_lookup(array) & PYMAP_CODE_MASK;

	if (!IS_ALIGNED((unsigned long)next, bytes) ||
	    (pymap_lookup(next) & PYMAP_CODE_MASK) != code)
		return NULL;
	return next;
}

/*
 * What @array leads to; NULL at the end, and for what can't be an array of
 * @bytes, a power of two.  The map is asked if it is not aligned like one, or
 * far away (from vmalloc, mostly): a link that was overwritten decodes to
 * nothing else.  In 32 bits all of memory is near.
 */
static __always_inline void **follow(void **array, size_t bytes)
{
	void **next = pylink_get(array);
	unsigned long apart = (unsigned long)array ^ (unsigned long)next;
	unsigned long near = IS_ENABLED(CONFIG_64BIT) ? ULONG_MAX >> 24 : 0;

	if (unlikely(apart & ~(near & ~(bytes - 1))))
		return next ? follow_by_map(array, next, bytes) : NULL;
	return next;
}

/**
 * pydepot_next() - follow the link of an array in a depot
 * @node: the node
 * @class: the depot's size class
 * @array: the array
 *
 * Context: With the node's lock.
 * Return: the next one; NULL at the end, and for a link that leads astray.
 */
void **pydepot_next(struct pynode *node, unsigned int class, void **array)
{
	return follow(array, slots_of(node, class) * sizeof(void *));
}

/**
 * pydepot_nth() - a full array of a depot
 * @node: the node
 * @class: the depot's size class
 * @n: how many came in after it
 *
 * Context: With the node's lock.
 * Return: the array, or NULL: there are no more.
 */
void **pydepot_nth(struct pynode *node, unsigned int class, unsigned int n)
{
	void **array = node->class[class].depot.full;

	while (array && n--)
		array = pydepot_next(node, class, array);
	return array;
}

static __always_inline void push_array(void ***list, void **array)
{
	pylink_set(array, *list);
	*list = array;
}

static __always_inline void **pop_array(void ***list, size_t slots)
{
	void **array = *list;

	if (array)
		*list = follow(array, slots * sizeof(void *));
	return array;
}

/* The arrays of @from up to @last, which leads to @rest, become @to's first. */
static __always_inline void move_run(void ***from, void **last, void **rest,
				     void ***to)
{
	pylink_set(last, *to);
	*to = *from;
	*from = rest;
}

/* A link was overwritten: the list ends before all its arrays are there. */
static noinline void lose_arrays(struct pynode *node, unsigned int class)
{
	struct pydepot *depot = &node->class[class].depot;
	long blocks = 0;

	if (!depot->full) {
		/* They were freed, and nobody gets them any more. */
		blocks = depot->nr_full * (slots_of(node, class) - 1);
		depot->nr_full = 0;
	}
	if (!depot->empty)
		depot->nr_empty = 0;
	atomic_long_add(blocks, &node->heap->false_frees);
	pynode_note_damage(node, node);
}

static void count_arrays(struct pynode *node, unsigned int class, int full,
			 int empty)
{
	struct pydepot *depot = &node->class[class].depot;

	depot->nr_full += full;
	depot->nr_empty += empty;
	if (unlikely((!depot->full && depot->nr_full) ||
		     (!depot->empty && depot->nr_empty)))
		lose_arrays(node, class);
	depot->low = min(depot->low, depot->nr_full);
	depot->empty_low = min(depot->empty_low, depot->nr_empty);
}

/* Who frees can't take an arena for it, but whoever next allocates can. */
static void **make_empty(struct pynode *node, unsigned int class)
{
	void **array = pynode_take_meta(node, slots_of(node, class) *
					      sizeof(void *), false);

	if (!array)
		WRITE_ONCE(node->wants_arena, true);
	return array;
}

/* With the node's lock; @empty counts what comes to the depot or goes. */
static void **get_empty(struct pynode *node, unsigned int class, int *empty)
{
	void **array = pop_array(&node->class[class].depot.empty,
				 slots_of(node, class));

	if (!array)
		return make_empty(node, class);
	--*empty;
	return array;
}

/**
 * pydepot_take() - a full array for an empty one
 * @node: the node
 * @class: size class of the blocks
 * @empty: an array of the class's largest size
 *
 * Context: Any.
 * Return: the array that came in last, or NULL: @empty is still the caller's.
 */
void **pydepot_take(struct pynode *node, unsigned int class, void **empty)
{
	struct pydepot *depot = &node->class[class].depot;
	unsigned long flags;
	void **full;

	if (!READ_ONCE(depot->full) || !pynode_lock(node, &flags))
		return NULL;
	full = pop_array(&depot->full, slots_of(node, class));
	if (full) {
		push_array(&depot->empty, empty);
		count_arrays(node, class, -1, 1);
	}
	pynode_unlock(node, flags);
	return full;
}

static bool is_small(struct pynode *node)
{
	return READ_ONCE(node->live_bytes) <= DEPOT_HEAP;
}

/*
 * Blocks of other nodes have to go home.  One that is free already, which is
 * found out in its pool, may have no arena any more.
 */
static bool are_here(struct pynode *node, unsigned int class, void **blocks)
{
	struct pyarena *arena;
	size_t i;

	if (nr_online_nodes == 1)
		return true;
	for (i = 0; i < slots_of(node, class) - 1; i++) {
		arena = pymap_arena_of(blocks[i]);
		if (!arena || arena->node != node)
			return false;
	}
	return true;
}

/**
 * pydepot_put() - an empty array for a full one
 * @node: the node
 * @class: size class of the blocks
 * @full: a full array of the class's largest size
 *
 * Context: Any.
 * Return: the empty array, or NULL: the node has no depots, no memory for
 * the array, or some of the blocks belong to another node.  @full is still
 * the caller's then.
 */
void **pydepot_put(struct pynode *node, unsigned int class, void **full)
{
	struct pydepot *depot = &node->class[class].depot;
	unsigned long flags;
	void **array;
	int empty = 0;

	if (!is_small(node) || !are_here(node, class, full + 1) ||
	    !pynode_lock(node, &flags))
		return NULL;
	array = get_empty(node, class, &empty);
	if (array) {
		push_array(&depot->full, full);
		count_arrays(node, class, 1, empty);
	}
	pynode_unlock(node, flags);
	if (array)
		pyreclaim_note_free();
	return array;
}

/* === Many at a time === */

/**
 * pydepot_take_blocks() - copy the blocks of whole arrays out
 * @node: the node
 * @class: their size class
 * @n: how many are wanted
 * @blocks: where to put them
 *
 * Context: Any.
 * Return: how many it got, a multiple of what the largest array holds.
 */
size_t pydepot_take_blocks(struct pynode *node, unsigned int class, size_t n,
			   void **blocks)
{
	struct pydepot *depot = &node->class[class].depot;
	size_t each = slots_of(node, class) - 1, taken = 0;
	void **array, **last = NULL;
	unsigned long flags;
	int arrays = 0;

	n = min(n, each * PYDEPOT_BATCH);
	if (n < each || !READ_ONCE(depot->full) || !pynode_lock(node, &flags))
		return 0;
	for (array = depot->full; array && taken + each <= n; arrays++) {
		pyheap_copy_pointers(blocks + taken, array + 1, each);
		taken += each;
		last = array;
		array = follow(array, (each + 1) * sizeof(void *));
	}
	if (last)
		move_run(&depot->full, last, array, &depot->empty);
	count_arrays(node, class, -arrays, arrays);
	pynode_unlock(node, flags);
	return taken;
}

/* The first is; where several classes mix the second or the last tells. */
static bool may_be_of(unsigned long code, size_t n, void **blocks)
{
	return pymap_code(blocks[1]) == code &&
	       pymap_code(blocks[n - 1]) == code;
}

/* The largest arrays are worth a loop that knows its end. */
static size_t copy_blocks(const struct pyclass *class, unsigned long code,
			  size_t n, void **to, void **from)
{
	if (n == BIT(PYARRAY_MAX_SHIFT) - 1)
		return pyclass_copy_blocks(class, code, NULL,
					   BIT(PYARRAY_MAX_SHIFT) - 1, to,
					   from);
	return pyclass_copy_blocks(class, code, NULL, n, to, from);
}

/* With the node's lock: one more empty array, behind @last or alone. */
static void **append_empty(struct pynode *node, unsigned int class,
			   void **last)
{
	void **array = make_empty(node, class);

	if (!array)
		return NULL;
	pylink_set(array, NULL);
	if (last)
		pylink_set(last, array);
	else
		node->class[class].depot.empty = array;
	return array;
}

/* With the node's lock: fills the first empty arrays, which become full. */
static __always_inline size_t fill_arrays(struct pynode *node,
					  unsigned int class, size_t each,
					  size_t n, void **blocks)
{
	const struct pyclass *size = pyheap_class(node->heap, class);
	struct pydepot *depot = &node->class[class].depot;
	void **array = depot->empty, **last = NULL;
	int arrays = 0, made = 0;

	for (; (arrays + 1) * each <= n; arrays++) {
		if (!array) {
			array = append_empty(node, class, last);
			if (!array)
				break;
			made++;
		}
		if (copy_blocks(size, class + 1, each, array + 1,
				blocks + arrays * each) < each)
			break;
		pyclass_hide_blocks(size, each, array + 1);
		last = array;
		array = follow(array, (each + 1) * sizeof(void *));
	}
	if (last)
		move_run(&depot->empty, last, array, &depot->full);
	count_arrays(node, class, arrays, made - arrays);
	return arrays * each;
}

/**
 * pydepot_put_blocks() - copy blocks into whole arrays
 * @node: the node
 * @class: their size class
 * @n: how many there are
 * @blocks: the blocks, the first one of that class, which are looked at as
 *	pyfront_push() does
 *
 * Context: Any.
 * Return: how many of the first it took, a multiple of what the largest array
 * holds.
 */
size_t pydepot_put_blocks(struct pynode *node, unsigned int class, size_t n,
			  void **blocks)
{
	size_t each = slots_of(node, class) - 1, put;
	unsigned long flags;

	n = min(n, each * PYDEPOT_BATCH);
	if (n < each || !is_small(node) || nr_online_nodes > 1 ||
	    !may_be_of(class + 1, each, blocks) || !pynode_lock(node, &flags))
		return 0;
	put = fill_arrays(node, class, each, n, blocks);
	pynode_unlock(node, flags);
	pyreclaim_note_free();
	return put;
}

/**
 * pydepot_free_array() - give an array back to the heap
 * @array: the array, which nobody looks at any more
 * @slots: how many it has
 *
 * Context: Any but NMI.
 */
void pydepot_free_array(void **array, size_t slots)
{
	if (want_init_on_free())
		memset(array, 0, slots * sizeof(*array));
	pyheap_put_meta(array);
}

static bool drain_empty(struct pynode *node, unsigned int class)
{
	struct pydepot *depot = &node->class[class].depot;
	unsigned long flags;
	void **array;

	if (!READ_ONCE(depot->empty) || !pynode_lock(node, &flags))
		return false;
	array = pop_array(&depot->empty, slots_of(node, class));
	if (array)
		count_arrays(node, class, 0, -1);
	pynode_unlock(node, flags);
	if (array)
		pydepot_free_array(array, slots_of(node, class));
	return array;
}

/* With preemption off, for the check's accounts: they wait for that to end. */
static bool drain_array(struct pynode *node, unsigned int class)
{
	struct pydepot *depot = &node->class[class].depot;
	size_t slots = slots_of(node, class);
	unsigned long flags;
	void **array;

	if (!READ_ONCE(depot->full) || !pynode_lock(node, &flags))
		return false;
	array = pop_array(&depot->full, slots);
	if (array)
		count_arrays(node, class, -1, 0);
	pynode_unlock(node, flags);
	if (!array)
		return false;
	pyheap_put(slots - 1, array + 1, _THIS_IP_);
	pydepot_free_array(array, slots);
	return true;
}

static bool drain_full(struct pynode *node, unsigned int class)
{
	bool drained;

	preempt_disable();
	drained = drain_array(node, class);
	preempt_enable();
	return drained;
}

/**
 * pydepot_bytes() - what lies in a node's depots
 * @node: the node
 *
 * Context: Any.
 * Return: bytes of blocks, and of the arrays.
 */
size_t pydepot_bytes(struct pynode *node)
{
	struct pydepot *depot;
	unsigned int class;
	size_t bytes = 0, slots;

	for (class = 0; class < node->heap->classes->nr; class++) {
		depot = &node->class[class].depot;
		slots = slots_of(node, class);
		bytes += READ_ONCE(depot->nr_full) * (slots - 1) *
			 pyheap_class(node->heap, class)->size;
		bytes += (READ_ONCE(depot->nr_full) +
			  READ_ONCE(depot->nr_empty)) * slots * sizeof(void *);
	}
	return bytes;
}

/**
 * pydepot_drain() - give all arrays and their blocks back to the pools
 * @node: the node
 *
 * Context: Any but NMI.
 * Return: whether there was one.
 */
bool pydepot_drain(struct pynode *node)
{
	bool drained = false;
	unsigned int class;

	for (class = 0; class < node->heap->classes->nr; class++)
		while (drain_empty(node, class) || drain_full(node, class))
			drained = true;
	return drained;
}

/**
 * pydepot_outgrow() - drain all before a node grows beyond depots
 * @node: the node, which is about to take an arena
 * @gfp: the caller's; who may not sleep has no time for it
 *
 * Context: Any but NMI.  There is at most DEPOT_HEAP in depots.
 * Return: whether there was anything.
 */
bool pydepot_outgrow(struct pynode *node, gfp_t gfp)
{
	return !is_small(node) && gfpflags_allow_blocking(gfp) &&
	       pydepot_drain(node);
}

/**
 * pydepot_trim() - drain what was not needed since the last time
 * @node: the node
 *
 * Context: Any but NMI.
 */
void pydepot_trim(struct pynode *node)
{
	struct pydepot *depot;
	unsigned int class;
	u32 low;

	for (class = 0; class < node->heap->classes->nr; class++) {
		depot = &node->class[class].depot;
		for (low = READ_ONCE(depot->low); low; low--)
			drain_full(node, class);
		for (low = READ_ONCE(depot->empty_low); low; low--)
			drain_empty(node, class);
		WRITE_ONCE(depot->low, READ_ONCE(depot->nr_full));
		WRITE_ONCE(depot->empty_low, READ_ONCE(depot->nr_empty));
	}
}
