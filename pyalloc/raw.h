/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The raw room: the kernel's own allocators, made safe to free from anywhere.
 */
#ifndef _PYALLOC_RAW_H
#define _PYALLOC_RAW_H

#include <linux/types.h>

bool pyraw_may_call(void);
void *pyraw_malloc(size_t size, gfp_t gfp, int nid);
void *pyraw_realloc(void *ptr, size_t old, size_t size, gfp_t gfp);
size_t pyraw_usable_size(const void *ptr);
void pyraw_free(void *ptr);
bool pyraw_may_be_block(const void *ptr);
bool pyraw_is_block(const void *ptr, unsigned long caller);
void *pyraw_whole(void *ptr, size_t usable);
void pyraw_flush(void);

#endif /* _PYALLOC_RAW_H */
