/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Zeroing of blocks on fast paths.
 */
#ifndef _PYALLOC_ZERO_H
#define _PYALLOC_ZERO_H

#include <linux/compiler.h>
#include <linux/string.h>
#include <linux/types.h>

#define ZERO_INLINE	64

/*
 * Zeroes a block: stores that overlap in the middle, which up to ZERO_INLINE
 * bytes is less than a call.  @size is a class's, so 8 at least and a multiple
 * of it.
 */
static __always_inline void zero_small(void *block, unsigned int size)
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

static __always_inline void zero_block(void *block, unsigned int size)
{
	if (likely(size <= ZERO_INLINE))
		zero_small(block, size);
	else
		memset(block, 0, size);
}

#endif /* _PYALLOC_ZERO_H */
