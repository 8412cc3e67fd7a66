// SPDX-License-Identifier: GPL-2.0
/*
 * What is in a block, and the calls of pyalloc by domain.
 *
 * A block's content is a row of 64-bit words that follow from its address, from
 * who filled it and from how many that one had filled before.  So no two blocks
 * have the same content, at one time or one after the other: what overlaps,
 * what was moved without its bytes and what was handed out twice all show.
 *
 * Contexts: all.  No locks; a block has one holder.
 */
#include <linux/hash.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "torture.h"

/**
 * block_pattern() - where a block's content begins
 * @block: the block, where it is now
 *
 * Context: Any.
 * Return: its first word; each next one is larger by GOLDEN_RATIO_64.
 */
u64 block_pattern(const struct block *block)
{
	u64 word = (unsigned long)block->ptr;

	return (word ^ (u64)block->tag << 32) * GOLDEN_RATIO_64;
}

/**
 * block_fill() - write all of a block
 * @block: the block
 *
 * Context: Any.
 */
void block_fill(const struct block *block)
{
	u64 word = block_pattern(block);
	u64 *at = block->ptr, *end = at + block->size / sizeof(*at);

	for (; at < end; word += GOLDEN_RATIO_64)
		*at++ = word;
	memcpy(at, &word, block->size % sizeof(*at));
}

/**
 * pattern_intact() - is a part of a block as it was written?
 * @ptr: the block
 * @from: the part's first byte, a multiple of 8
 * @to: the byte behind its last
 * @pattern: block_pattern() when it was written
 *
 * Context: Any.
 * Return: true if it is.
 */
bool pattern_intact(const void *ptr, size_t from, size_t to, u64 pattern)
{
	const u64 *at = ptr + from, *end = ptr + to / sizeof(*at) * sizeof(*at);
	u64 word = pattern + from / sizeof(*at) * GOLDEN_RATIO_64;

	if (to <= from)
		return true;
	for (; at < end; word += GOLDEN_RATIO_64)
		if (*at++ != word)
			return false;
	return !memcmp(at, &word, to % sizeof(*at));
}

/**
 * block_intact() - is a block as it was written?
 * @block: the block
 *
 * Context: Any.
 * Return: true if it is.
 */
bool block_intact(const struct block *block)
{
	return pattern_intact(block->ptr, 0, block->size,
			      block_pattern(block));
}

/**
 * block_malloc() - malloc by domain
 * @domain: the domain, or IN_HEAP
 * @size: bytes
 * @gfp: as for kmalloc()
 *
 * Context: as pymem_malloc().
 * Return: the block, or NULL.
 */
void *block_malloc(enum pymem_domain domain, size_t size, gfp_t gfp)
{
	switch (domain) {
	case PYMEM_DOMAIN_MEM:
		return pymem_malloc(size, gfp);
	case IN_HEAP:
		return pyheap_malloc(run_heap, size, gfp);
	case PYMEM_DOMAIN_OBJ:
		return pyobject_malloc(size, gfp);
	default:
		return pymem_raw_malloc(size, gfp);
	}
}

/**
 * block_calloc() - calloc by domain
 * @domain: the domain, or IN_HEAP
 * @nelem: how many elements
 * @elsize: bytes of each
 * @gfp: as for kmalloc()
 *
 * Context: as pymem_malloc().
 * Return: the block, or NULL.
 */
void *block_calloc(enum pymem_domain domain, size_t nelem, size_t elsize,
		   gfp_t gfp)
{
	switch (domain) {
	case PYMEM_DOMAIN_MEM:
		return pymem_calloc(nelem, elsize, gfp);
	case IN_HEAP:
		return pyheap_calloc(run_heap, nelem, elsize, gfp);
	case PYMEM_DOMAIN_OBJ:
		return pyobject_calloc(nelem, elsize, gfp);
	default:
		return pymem_raw_calloc(nelem, elsize, gfp);
	}
}

/**
 * block_realloc() - realloc by domain
 * @domain: the domain, or IN_HEAP
 * @ptr: any block, or NULL
 * @size: bytes
 * @gfp: as for kmalloc()
 *
 * Context: as pymem_realloc().
 * Return: the block, moved or not; or NULL, with @ptr as it was.
 */
void *block_realloc(enum pymem_domain domain, void *ptr, size_t size,
		    gfp_t gfp)
{
	switch (domain) {
	case PYMEM_DOMAIN_MEM:
		return pymem_realloc(ptr, size, gfp);
	case IN_HEAP:
		return pyheap_realloc(run_heap, ptr, size, gfp);
	case PYMEM_DOMAIN_OBJ:
		return pyobject_realloc(ptr, size, gfp);
	default:
		return pymem_raw_realloc(ptr, size, gfp);
	}
}

/**
 * block_free() - free by domain
 * @domain: the domain, or IN_HEAP
 * @ptr: any block, or NULL
 *
 * Context: Any.
 */
void block_free(enum pymem_domain domain, void *ptr)
{
	switch (domain) {
	case PYMEM_DOMAIN_MEM:
		pymem_free(ptr);
		break;
	case PYMEM_DOMAIN_OBJ:
		pyobject_free(ptr);
		break;
	case IN_HEAP:
		pyheap_free(run_heap, ptr);
		break;
	default:
		pymem_raw_free(ptr);
	}
}
