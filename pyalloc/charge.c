// SPDX-License-Identifier: GPL-2.0
/*
 * Charges: what a private heap holds, arenas and blocks of raw, in bytes.
 *
 * Memory is charged before it is taken from the kernel and by the most that it
 * may turn out to be, so that a heap never holds a byte more than its limit,
 * however many ask at once.  What must not fail (__GFP_NOFAIL) may exceed it:
 * that is said once, and counted all the same.
 *
 * Contexts: all.  Takes no lock.
 */
#include <linux/atomic.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/slab.h>

#include "charge.h"
#include "heap.h"
#include "raw.h"
#include "compat.h"

/* Who is refused charges nothing, so that nobody else is refused for it. */
static bool fits(struct pyheap *heap, size_t bytes)
{
	long held = atomic_long_read(&heap->held);

	do {
		if (heap->limit && held + bytes > heap->limit)
			return false;
	} while (!atomic_long_try_cmpxchg(&heap->held, &held, held + bytes));
	return true;
}

static void exceed(struct pyheap *heap, size_t bytes)
{
	atomic_long_add(bytes, &heap->held);
	if (!test_and_set_bit(0, &heap->told_limit))
		pr_warn("pyalloc: heap %s exceeds its limit of %zu bytes for a request that must not fail\n",
			heap->name, heap->limit);
}

/**
 * pycharge_take() - charge memory to a heap
 * @heap: the heap
 * @bytes: how much it may be
 * @gfp: with __GFP_NOFAIL it is charged in any case
 *
 * Context: Any.
 * Return: false: the heap's limit does not allow it, which is counted.
 */
bool pycharge_take(struct pyheap *heap, size_t bytes, gfp_t gfp)
{
	if (likely(fits(heap, bytes)))
		return true;
	if (gfp & __GFP_NOFAIL) {
		exceed(heap, bytes);
		return true;
	}
	atomic_long_inc(&heap->refused);
	return false;
}

/**
 * pycharge_take_run() - charge an arena to a heap, a smaller one if need be
 * @heap: the heap
 * @shift: the size that is wanted, and then the one that was charged
 * @least: the smallest there is
 *
 * Context: Any.
 * Return: false: not even the smallest is allowed, which is counted.
 */
bool pycharge_take_run(struct pyheap *heap, unsigned int *shift,
		       unsigned int least)
{
	for (;;) {
		if (likely(fits(heap, 1UL << *shift)))
			return true;
		if (*shift <= least)
			break;
		--*shift;
	}
	atomic_long_inc(&heap->refused);
	return false;
}

/**
 * pycharge_give() - a heap holds less
 * @heap: the heap
 * @bytes: by how much
 *
 * Context: Any.
 */
void pycharge_give(struct pyheap *heap, size_t bytes)
{
	atomic_long_sub(bytes, &heap->held);
}

/* The most that raw may take for a request. */
static size_t most_for(size_t size)
{
	size = max_t(size_t, size, sizeof(u64));
	return size <= KMALLOC_MAX_SIZE ? kmalloc_size_roundup(size) :
					  PAGE_ALIGN(size);
}

/**
 * pycharge_malloc() - a block of raw, charged to a heap
 * @heap: the heap
 * @size: bytes
 * @gfp: as for kmalloc()
 * @nid: the node, or NUMA_NO_NODE
 * @room: its usable bytes, which are charged
 *
 * Context: as pyraw_malloc().
 * Return: the block, or NULL: no memory, or the heap's limit.
 */
void *pycharge_malloc(struct pyheap *heap, size_t size, gfp_t gfp, int nid,
		      size_t *room)
{
	size_t most = most_for(size);
	void *block;

	if (size > INT_MAX || !pycharge_take(heap, most, gfp))
		return NULL;
	block = pyraw_malloc(size, gfp, nid);
	*room = block ? pyraw_usable_size(block) : 0;
	pycharge_give(heap, most - *room);
	return block;
}
