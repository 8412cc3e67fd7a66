/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Zeroing: what is cheaper than a call for the sizes of most blocks, and what
 * the kernel wants to be wiped.
 */
#ifndef _PYALLOC_ZERO_H
#define _PYALLOC_ZERO_H

#include <linux/compiler.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/types.h>

#include "sanitizer.h"

#define PYZERO_INLINE	64

/*
 * Zeroes a block: stores that overlap in the middle, which up to PYZERO_INLINE
 * bytes is less than a call.  @size is a class's, so 8 at least and a multiple
 * of it.
 */
static __always_inline void pyzero_small(void *block, unsigned int size)
{
	u64 *head = block, *tail = block + size;

	if (size > 32) {
		WRITE_ONCE(head[0], 0);
		WRITE_ONCE(head[1], 0);
		WRITE_ONCE(head[2], 0);
		WRITE_ONCE(head[3], 0);
		WRITE_ONCE(tail[-4], 0);
		WRITE_ONCE(tail[-3], 0);
		WRITE_ONCE(tail[-2], 0);
	} else if (size > 8) {
		WRITE_ONCE(head[0], 0);
		WRITE_ONCE(head[1], 0);
		WRITE_ONCE(tail[-2], 0);
	}
	WRITE_ONCE(tail[-1], 0);
}

static __always_inline void pyzero_block(void *block, unsigned int size)
{
	if (likely(size <= PYZERO_INLINE))
		pyzero_small(block, size);
	else
		memset(block, 0, size);
}

/* What was in a block that comes back is nobody's to read, with init_on_free. */
static inline void pyzero_freed(void *block, size_t room)
{
	if (!want_init_on_free())
		return;
	pysan_show(block, room);
	memset(block, 0, room);
}

#endif /* _PYALLOC_ZERO_H */
