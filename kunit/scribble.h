/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reads and writes of memory that is not the reader's, on purpose.
 */
#ifndef _PYALLOC_KUNIT_SCRIBBLE_H
#define _PYALLOC_KUNIT_SCRIBBLE_H

#include <linux/types.h>

u8 peek_at(const void *at);
void scribble(void *at, u8 byte);
void spoil(void *at);
size_t count_other(const void *from, size_t n, u8 byte);

/* Are @n bytes all the same? */
static inline bool is_all(const void *from, size_t n, u8 byte)
{
	return !count_other(from, n, byte);
}

#endif /* _PYALLOC_KUNIT_SCRIBBLE_H */
