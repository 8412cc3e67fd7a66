/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Owned blocks: those of raw that belong to a private heap.
 */
#ifndef _PYALLOC_OWNED_H
#define _PYALLOC_OWNED_H

#include <linux/types.h>

struct pyheap;
struct pyrecord;

void *pyowned_malloc(struct pyheap *heap, size_t size, gfp_t gfp, int nid);
struct pyheap *pyowned_heap(const void *ptr);
void pyowned_free_record(struct pyrecord *record, unsigned long caller);
bool pyowned_free_rcu(void *ptr, unsigned long caller);

void pyowned_count(struct pyheap *heap, size_t room);
void pyowned_uncount(struct pyheap *heap, size_t room);

void pyowned_free_all(struct pyheap *heap);

#endif /* _PYALLOC_OWNED_H */
