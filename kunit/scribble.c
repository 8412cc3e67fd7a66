// SPDX-License-Identifier: GPL-2.0
/*
 * Reads and writes of memory that is not the reader's: past the end of blocks,
 * and in blocks that were freed.  This file is built without KASAN and KCSAN,
 * which would say so first.
 *
 * Contexts: all.
 */
#include <linux/compiler.h>

#include "scribble.h"

/**
 * peek_at() - a byte of somebody else's
 * @at: where
 *
 * Return: the byte.
 */
u8 peek_at(const void *at)
{
	return READ_ONCE(*(const u8 *)at);
}

/**
 * scribble() - write a byte where none should be written
 * @at: where
 * @byte: what
 */
void scribble(void *at, u8 byte)
{
	WRITE_ONCE(*(u8 *)at, byte);
}

/**
 * spoil() - make a byte another one than it is; twice is as it was
 * @at: where
 */
void spoil(void *at)
{
	scribble(at, peek_at(at) ^ 0x55);
}

/**
 * count_other() - how many bytes are not what they should be
 * @from: the first
 * @n: how many there are
 * @byte: what they should be
 *
 * Return: how many are not.
 */
size_t count_other(const void *from, size_t n, u8 byte)
{
	size_t other = 0;

	while (n--)
		other += peek_at(from++) != byte;
	return other;
}
