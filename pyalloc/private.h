/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private heaps, as types use them.
 */
#ifndef _PYALLOC_PRIVATE_H
#define _PYALLOC_PRIVATE_H

#include <linux/types.h>

struct module;
struct pyheap;

/* With NULL for the heap: the object domain, called from @caller. */
void *pyprivate_malloc(struct pyheap *heap, size_t size, gfp_t gfp,
		       unsigned long caller);
void *pyprivate_realloc(struct pyheap *heap, void *ptr, size_t size, gfp_t gfp,
			unsigned long caller);
void pyprivate_free(struct pyheap *heap, void *ptr, unsigned long caller);

/* A heap of blocks of one size, whose ctor ran once on each. */
struct pyheap *pyprivate_create_typed(const char *name, size_t size,
				      void (*ctor)(void *obj),
				      struct module *owner);
size_t pyprivate_destroy(struct pyheap *heap);

/* Does every call have to be seen? */
bool pyprivate_is_closed(void);

/* What the map has for plain blocks of a class, which nobody watches. */
u8 pyprivate_code(const struct pyheap *heap, unsigned int class);

/* May it be called at any time?  Not with PYHEAP_EXTERNAL_LOCK. */
bool pyprivate_is_shared(const struct pyheap *heap);

#endif /* _PYALLOC_PRIVATE_H */
