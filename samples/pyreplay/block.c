// SPDX-License-Identifier: GPL-2.0
/*
 * Gets blocks from pyalloc, through the domain that the Python program used,
 * and writes and checks what is in them.
 *
 * A block's content is a row of 64-bit words that follow from its mark and
 * from the replayer's salt, a random number that is new each round.  So no
 * two live blocks have the same content, wherever they are, and none has what
 * an earlier round left behind: blocks that overlap, that were moved without
 * their bytes, or that were given out twice all show.
 *
 * Process context, may sleep; no locks, a block has one holder.
 */
#include <linux/gfp.h>
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/pyalloc.h>
#include <linux/string.h>

#include "block.h"

/* A trace may ask for anything: what is not there is NULL, and none's end. */
#define BLOCK_GFP	(GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)
#define BLOCK_ALIGN	8

void *block_malloc(enum trc_domain domain, size_t size)
{
	switch (domain) {
	case TRC_MEM:
		return pymem_malloc(size, BLOCK_GFP);
	case TRC_OBJ:
		return pyobject_malloc(size, BLOCK_GFP);
	default:
		return pymem_raw_malloc(size, BLOCK_GFP);
	}
}

void *block_calloc(enum trc_domain domain, size_t size)
{
	switch (domain) {
	case TRC_MEM:
		return pymem_calloc(1, size, BLOCK_GFP);
	case TRC_OBJ:
		return pyobject_calloc(1, size, BLOCK_GFP);
	default:
		return pymem_raw_calloc(1, size, BLOCK_GFP);
	}
}

void *block_realloc(enum trc_domain domain, void *ptr, size_t size)
{
	switch (domain) {
	case TRC_MEM:
		return pymem_realloc(ptr, size, BLOCK_GFP);
	case TRC_OBJ:
		return pyobject_realloc(ptr, size, BLOCK_GFP);
	default:
		return pymem_raw_realloc(ptr, size, BLOCK_GFP);
	}
}

void block_free(enum trc_domain domain, void *ptr)
{
	switch (domain) {
	case TRC_MEM:
		pymem_free(ptr);
		break;
	case TRC_OBJ:
		pyobject_free(ptr);
		break;
	default:
		pymem_raw_free(ptr);
	}
}

static u64 block_first_word(const struct block *block, u64 salt)
{
	return (salt ^ block->mark) * GOLDEN_RATIO_64;
}

/* Writes all of @block. */
void block_fill(const struct block *block, u64 salt)
{
	u64 word = block_first_word(block, salt);
	u64 *at = block->ptr, *end = at + block->size / sizeof(*at);

	for (; at < end; word += GOLDEN_RATIO_64)
		*at++ = word;
	memcpy(at, &word, block->size % sizeof(*at));
}

/* Are the first @size bytes of @block as they were written? */
bool block_intact(const struct block *block, size_t size, u64 salt)
{
	u64 word = block_first_word(block, salt);
	const u64 *at = block->ptr, *end = at + size / sizeof(*at);

	for (; at < end; word += GOLDEN_RATIO_64) {
		if (*at++ != word)
			return false;
	}
	return !memcmp(at, &word, size % sizeof(*at));
}

/* Is @block as large and as aligned as was promised? */
bool block_sound(const struct block *block)
{
	return IS_ALIGNED((unsigned long)block->ptr, BLOCK_ALIGN) &&
	       pyalloc_usable_size(block->ptr) >= block->size;
}
