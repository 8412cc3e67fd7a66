/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reserves: blocks that a private heap has promised.
 */
#ifndef _PYALLOC_RESERVE_H
#define _PYALLOC_RESERVE_H

#include <linux/types.h>

#include "heap.h"

void *pyreserve_take(struct pyheap *heap, size_t size);
bool __pyreserve_put(struct pyheap *heap, void *block, size_t room,
		     unsigned long caller);
bool pyreserve_has(const struct pyheap *heap, const void *block);
size_t pyreserve_count(const struct pyheap *heap);
void pyreserve_exit(struct pyheap *heap);
void pyreserve_stop(void);

/* A block that comes back: true if a reserve that lacks one has it now. */
static inline bool pyreserve_put(struct pyheap *heap, void *block, size_t room,
				 unsigned long caller)
{
	return unlikely(atomic_read(&heap->short_of)) &&
	       __pyreserve_put(heap, block, room, caller);
}

#endif /* _PYALLOC_RESERVE_H */
