// SPDX-License-Identifier: GPL-2.0
/*
 * Where a block lies: what a client may know of it without its address, in
 * the numbers that the files in debugfs have.
 *
 * Of a live block nothing that is read here changes, so no lock is taken but
 * by pyheap_judge() for the smallest classes; of all else it is found out that
 * it is not one.
 *
 * Contexts: all.
 */
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/pyalloc.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "arena.h"
#include "heap.h"
#include "map.h"
#include "mark.h"

/* A decorated block begins before what its client has. */
static bool is_live(const struct pyplace *place)
{
	size_t offset = place->index * place->class->size;

	return pyheap_judge(place->pool + offset) == PYALLOC_NO_MISTAKE;
}

static void fill_in(struct pyalloc_place *to, const struct pyarena *arena,
		    const struct pyplace *from)
{
	strscpy(to->heap, arena->node->heap->name, sizeof(to->heap));
	to->class_size = from->class->size;
	to->arena = arena->number;
	to->pool = pyarena_granule(arena, from->pool);
	to->block = from->index;
}

/**
 * pyalloc_describe() - where a block lies
 * @ptr: any pointer
 * @place: where to put it; written only if there is something to say
 *
 * What it says holds as long as the block is the caller's.  Of a block that
 * is free it says nothing while that lies in a pool, and where it lies while a
 * CPU or a type keeps it for the next who asks.
 *
 * Context: Any; in NMI a pointer of the smallest classes is believed while
 * somebody else is at its node.
 * Return: 0, or -ENOENT: @ptr is not the start of a block of a heap (it may be
 * one of the raw domain, or a large one), or it is NULL.
 */
int pyalloc_describe(const void *ptr, struct pyalloc_place *place)
{
	struct pyarena *arena;
	struct pyplace found;
	int error = -ENOENT;

	rcu_read_lock();
	if (pymark_find_place(ptr, &found) && is_live(&found)) {
		arena = pymap_arena_of(ptr);
		if (arena && pyarena_has(arena, ptr)) {
			fill_in(place, arena, &found);
			error = 0;
		}
	}
	rcu_read_unlock();
	return error;
}
EXPORT_SYMBOL_GPL(pyalloc_describe);
