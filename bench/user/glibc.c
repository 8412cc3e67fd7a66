// SPDX-License-Identifier: GPL-2.0
/*
 * The C library's malloc(), as it stands: with its caches of a thread, and
 * giving back what is free at the heap's top.
 *
 * One thread, as glibc sees it too: it leaves out its locks then.
 */
#include <stdlib.h>

#include "contender.h"

static __always_inline void *replay_malloc(unsigned int allocator, size_t size)
{
	return malloc(size);
}

static __always_inline void *replay_calloc(unsigned int allocator, size_t size)
{
	return calloc(1, size);
}

/* A realloc() to nothing would free the block. */
static __always_inline void *replay_realloc(unsigned int allocator, void *ptr,
					    size_t size)
{
	return realloc(ptr, size ? size : 1);
}

static __always_inline void replay_free(unsigned int allocator, void *ptr)
{
	free(ptr);
}

DEFINE_CONTENDER(glibc);
