/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private heaps: what is asked of one, where the fast path does not reach.
 */
#ifndef _PYALLOC_PRIVATE_H
#define _PYALLOC_PRIVATE_H

#include <linux/pyalloc.h>

#include "heap.h"
#include "lifetime.h"

bool pyprivate_enter(struct pyheap *heap, unsigned long caller);
void pyprivate_leave(struct pyheap *heap);

/* For types: without a heap it is the default one's object domain. */
void *pyprivate_malloc(struct pyheap *heap, size_t size, gfp_t gfp,
		       unsigned long caller);
void *pyprivate_realloc(struct pyheap *heap, void *ptr, size_t size, gfp_t gfp,
			unsigned long caller);
void pyprivate_free(struct pyheap *heap, void *ptr, unsigned long caller);

/* Does every call have to be seen? */
static inline bool pyprivate_is_closed(void)
{
	return pylifetime_is_wrapped();
}

/* What the map has for plain blocks of a class, which nobody watches. */
static inline u8 pyprivate_code(const struct pyheap *heap, unsigned int class)
{
	return pyheap_code(heap ?: &pyheap_default, class);
}

/* May it be called at any time?  Not with PYHEAP_EXTERNAL_LOCK. */
static inline bool pyprivate_is_shared(const struct pyheap *heap)
{
	return !heap->is_locked;
}

/* Below debug hooks and tracing. */
void *pyprivate_malloc_plain(struct pyheap *heap, size_t size, gfp_t gfp);
void pyprivate_free_plain(struct pyheap *heap, void *ptr);

void pyprivate_put_late(struct pyheap *heap, void *block);

/* Who asked another heap, or a domain, for what is @heap's. */
void pyprivate_put(struct pyheap *heap, enum pymem_domain domain,
		   unsigned int class, void *block, unsigned long caller);

#endif /* _PYALLOC_PRIVATE_H */
