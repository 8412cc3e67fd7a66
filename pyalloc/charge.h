/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Charges: what a private heap holds, against the most that it may hold.
 */
#ifndef _PYALLOC_CHARGE_H
#define _PYALLOC_CHARGE_H

#include <linux/types.h>

struct pyheap;

bool pycharge_take(struct pyheap *heap, size_t bytes, gfp_t gfp);
bool pycharge_take_run(struct pyheap *heap, unsigned int *shift,
		       unsigned int least);
void pycharge_give(struct pyheap *heap, size_t bytes);
void *pycharge_malloc(struct pyheap *heap, size_t size, gfp_t gfp, int nid,
		      size_t *room);

#endif /* _PYALLOC_CHARGE_H */
