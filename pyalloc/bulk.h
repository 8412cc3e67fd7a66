/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bulk: many blocks of one size at a time.
 */
#ifndef _PYALLOC_BULK_H
#define _PYALLOC_BULK_H

#include <linux/pyalloc.h>

struct pyheap;

size_t pybulk_malloc(struct pyheap *heap, unsigned int step, gfp_t gfp,
		     enum pymem_domain domain, size_t n, void **blocks);
size_t pybulk_free(struct pyheap *heap, unsigned int class,
		   enum pymem_domain domain, size_t n, void **blocks,
		   unsigned long caller);

#endif /* _PYALLOC_BULK_H */
