// SPDX-License-Identifier: GPL-2.0
/*
 * Marks: what tracing notes of each block that lies in a pool, out of band.
 *
 * A pool that has a traced block gets an array with a mark for each of its
 * blocks, found by the pool's address as an entry of the map is: 16 bytes a
 * block, no look-up by hash, no list, no lock.  A block has one owner, and he
 * alone writes to its mark: who allocated it before anybody else knows the
 * block, who frees it before anybody else can get it.  So marking works
 * wherever allocation does.  What may be missing is the array, in contexts
 * where no memory may be asked for.
 *
 * An array goes with its pool, a grace period later.
 *
 * Contexts: all; arrays are made where kmalloc() may be called.
 * Lock order: takes none.
 */
#include <linux/irq_work.h>
#include <linux/kmemleak.h>
#include <linux/llist.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "fault.h"
#include "hook.h"
#include "mark.h"
#include "compat.h"

unsigned long **pymark_leaves;
EXPORT_SYMBOL_GPL(pymark_leaves);

#define LEAF_BYTES	(PYMAP_LEAF_ENTRIES * sizeof(unsigned long))

/* All zero, in place of those that are not needed yet. */
static unsigned long *no_leaf;

static atomic_long_t bytes_held;

static size_t array_bytes(unsigned long word)
{
	return sizeof(struct pymark) << (word & PYMARK_SHIFT);
}

static void free_array(unsigned long word)
{
	if (!word)
		return;
	atomic_long_sub(array_bytes(word), &bytes_held);
	kfree(pymark_array(word));
}

/* === Arrays whose pool is gone === */

/* Over the first mark, whose site is 0; who still looks at it finds nothing. */
struct retired {
	u32			site;
	u32			shift;
	struct llist_node	node;
};

static LLIST_HEAD(retired);

static void free_retired(struct work_struct *work)
{
	struct llist_node *all = llist_del_all(&retired);
	struct retired *array, *next;

	synchronize_rcu();
	llist_for_each_entry_safe(array, next, all, node)
		free_array((unsigned long)array | array->shift);
}

static DECLARE_WORK(retired_work, free_retired);

static void queue_retired(struct irq_work *work)
{
	schedule_work(&retired_work);
}

static DEFINE_IRQ_WORK(retired_irq_work, queue_retired);

static void retire(unsigned long word)
{
	struct retired *array = (struct retired *)pymark_array(word);

	BUILD_BUG_ON(sizeof(struct retired) > sizeof(struct pymark));
	WRITE_ONCE(array->site, 0);
	array->shift = word & PYMARK_SHIFT;
	if (llist_add(&array->node, &retired))
		irq_work_queue(&retired_irq_work);
}

/* Behind pymark_forget_pool(). */
void __pymark_forget_pool(const void *pool)
{
	unsigned long **leaves, *place, word;

	rcu_read_lock();
	leaves = READ_ONCE(pymark_leaves);
	place = leaves ? pymark_word(leaves, pool) : NULL;
	if (place && READ_ONCE(*place)) {
		word = xchg(place, 0);
		if (word)
			retire(word);
	}
	rcu_read_unlock();
}

/**
 * pymark_forget_area() - forget what an arena's blocks were
 * @base: its first byte
 * @granules: how many it has
 *
 * Context: Any, when nobody has a block of it any more.
 */
void pymark_forget_area(const void *base, unsigned int granules)
{
	unsigned int i;

	for (i = 0; READ_ONCE(pymark_leaves) && i < granules; i++)
		__pymark_forget_pool(base + ((size_t)i << PYGRANULE_SHIFT));
}

/* === Finding and making === */

/**
 * pymark_find_place() - where in a pool a block lies
 * @ptr: any pointer; of a decorated block what its client has
 * @place: where to put it
 *
 * Context: Any, under RCU or with preemption off.
 * Return: false if it is not the start of a client's block in a pool.
 */
bool pymark_find_place(const void *ptr, struct pyplace *place)
{
	u32 entry = pymap_lookup(ptr);
	struct pyarena *arena = pymap_arena(entry >> PYMAP_ARENA_SHIFT);
	unsigned int class = pymap_class(entry), mask;
	unsigned long offset;

	if (!(entry & PYMAP_CODE_MASK) || !arena || !pyarena_has(arena, ptr) ||
	    pyclass_is_meta(class) || !pyclass_exists(arena->node->heap, class))
		return false;
	place->class = pyheap_class(arena->node->heap, class);
	mask = (place->class->granules << PYGRANULE_SHIFT) - 1;
	offset = (unsigned long)ptr & mask;
	place->pool = ptr - offset;
	if (pyclass_is_decorated(class)) {
		if (offset < PYHOOK_HEAD)
			return false;
		offset -= PYHOOK_HEAD;
	}
	place->index = offset / place->class->size;
	return place->index * place->class->size == offset &&
	       place->index < place->class->blocks;
}

static void *ask(size_t n, size_t size)
{
	return pyfault_strikes(PYFAULT_MARKS) ? NULL :
	       kcalloc(n, size, PYCOMPAT_GFP_QUIET);
}

/* It is found through another address than its own. */
static void publish_leaf(const unsigned long *words)
{
	atomic_long_add(LEAF_BYTES, &bytes_held);
	kmemleak_not_leak(words);
}

/* Somebody else may make it at the same time. */
static bool make_leaf(const void *pool)
{
	unsigned long leaf = ((unsigned long)pool - pymap.base) >>
			     PYMAP_LEAF_SHIFT;
	unsigned long bias = leaf * PYMAP_LEAF_ENTRIES, *words;

	if (READ_ONCE(pymark_leaves[leaf]) != no_leaf - bias)
		return true;
	words = ask(PYMAP_LEAF_ENTRIES, sizeof(*words));
	if (!words)
		return false;
	if (cmpxchg(&pymark_leaves[leaf], no_leaf - bias, words - bias) ==
	    no_leaf - bias)
		publish_leaf(words);
	else
		kfree(words);
	return true;
}

/* A power of two of them is aligned to its size. */
static unsigned long make_array(unsigned int blocks)
{
	unsigned int shift = order_base_2(blocks);
	struct pymark *array = ask(1UL << shift, sizeof(*array));

	if (!array)
		return 0;
	atomic_long_add(sizeof(*array) << shift, &bytes_held);
	return (unsigned long)array | shift;
}

/**
 * pymark_make() - the mark of a block, with room made for it
 * @place: the block, which pymark_has_word()
 *
 * Context: Where kmalloc() may be called, under RCU, while there is a trace.
 * Return: the mark, or NULL: no memory.
 */
struct pymark *pymark_make(const struct pyplace *place)
{
	unsigned long array;

	if (!make_leaf(place->pool))
		return NULL;
	array = make_array(place->class->blocks);
	/* Somebody else may have made it meanwhile. */
	if (array && cmpxchg(pymark_word(pymark_leaves, place->pool), 0, array))
		free_array(array);
	return pymark_of(place);
}

/* === Making and unmaking all of it === */

/**
 * pymark_bytes() - what all marks take
 *
 * Context: Any.
 * Return: bytes.
 */
size_t pymark_bytes(void)
{
	return atomic_long_read(&bytes_held);
}

/**
 * pymark_init() - make ready for a trace
 *
 * Context: Process, one at a time.
 * Return: 0 or -ENOMEM.
 */
int pymark_init(void)
{
	unsigned long **leaves = NULL, i;

	no_leaf = pyfault_strikes(PYFAULT_TRACE) ? NULL :
		  kzalloc(LEAF_BYTES, GFP_KERNEL);
	if (no_leaf)
		leaves = kvcalloc(pymap.nr_leaves, sizeof(*leaves),
				  GFP_KERNEL);
	if (!leaves) {
		kfree(no_leaf);
		return -ENOMEM;
	}
	for (i = 0; i < pymap.nr_leaves; i++)
		leaves[i] = no_leaf - i * PYMAP_LEAF_ENTRIES;
	atomic_long_add(LEAF_BYTES + pymap.nr_leaves * sizeof(*leaves),
			&bytes_held);
	/* Who sees it sees what it leads to. */
	smp_store_release(&pymark_leaves, leaves);
	return 0;
}

static void free_leaf(unsigned long *words)
{
	unsigned long i;

	for (i = 0; words != no_leaf && i < PYMAP_LEAF_ENTRIES; i++)
		free_array(words[i]);
	atomic_long_sub(words != no_leaf ? LEAF_BYTES : 0, &bytes_held);
	if (words != no_leaf)
		kfree(words);
}

/**
 * pymark_exit() - free all marks
 *
 * Context: Process, when nobody marks any more.
 */
void pymark_exit(void)
{
	unsigned long **leaves = pymark_leaves, i;

	WRITE_ONCE(pymark_leaves, NULL);
	/* Pools that are being dissolved. */
	synchronize_rcu();
	for (i = 0; i < pymap.nr_leaves; i++) {
		free_leaf(leaves[i] + i * PYMAP_LEAF_ENTRIES);
		cond_resched();
	}
	atomic_long_sub(LEAF_BYTES + pymap.nr_leaves * sizeof(*leaves),
			&bytes_held);
	kvfree(leaves);
	kfree(no_leaf);
	irq_work_sync(&retired_irq_work);
	flush_work(&retired_work);
}
