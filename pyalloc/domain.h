/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The three domains: what they count besides blocks of the heap.
 */
#ifndef _PYALLOC_DOMAIN_H
#define _PYALLOC_DOMAIN_H

#include <linux/jump_label.h>
#include <linux/percpu.h>
#include <linux/pyalloc.h>

/**
 * struct pydomain_counts - what a CPU counted for a domain
 * @callocs: blocks that calloc gave
 * @reallocs: blocks that realloc resized
 * @realloc_mallocs: blocks that realloc made, of those counted as mallocs
 * @realloc_frees: blocks that realloc freed, of those counted as frees
 * @failures: requests that were answered with NULL
 * @raw_mallocs: blocks that raw made for it
 * @raw_frees: blocks of raw that it freed
 * @raw_bytes: usable bytes of the difference
 * @raw_unfolded: those of them that the heap's totals do not have yet
 *
 * Blocks of the heap are counted by the fronts.
 */
struct pydomain_counts {
	long	callocs;
	long	reallocs;
	long	realloc_mallocs;
	long	realloc_frees;
	long	failures;
	long	raw_mallocs;
	long	raw_frees;
	long	raw_bytes;
	long	raw_unfolded;
};

/* The last row is for blocks that are foreign: somebody else allocated them. */
#define PYDOMAIN_FOREIGN	PYMEM_NR_DOMAINS
#define PYDOMAIN_ROWS		(PYMEM_NR_DOMAINS + 1)

/* What has to see every call, a bit each. */
enum {
	PYWRAP_WIPE	= 1,	/* the kernel's init_on_free */
	PYWRAP_HOOKS	= 2,	/* debug hooks */
	PYWRAP_REPLACED	= 4,	/* an allocator that a client put there */
	PYWRAP_MALLOC	= 8,	/* allocator=malloc */
	PYWRAP_TEST	= 16,	/* a test that wants it so */
	PYWRAP_TRACE	= 32,	/* tracing, of everything */
	PYWRAP_SAMPLE	= 64,	/* of a sample: the fast path stays open */
	PYWRAP_EVENTS	= 128,	/* tracepoints */
};

void pydomain_wrap(unsigned int reason);
void pydomain_unwrap(unsigned int reason);
void pydomain_init(void);
bool pydomain_is_closed(void);

/* Does the heap serve mem and object, or raw alone? */
extern bool pydomain_heap_serves;
void pydomain_use_heap(bool use);

static inline bool pydomain_uses_heap(void)
{
	return READ_ONCE(pydomain_heap_serves);
}

/* What is below replaced allocators and debug hooks. */
void *pydomain_malloc(enum pymem_domain domain, size_t size, gfp_t gfp);
void *pydomain_realloc(enum pymem_domain domain, void *ptr, size_t size,
		       gfp_t gfp, bool plain, unsigned long caller);
void pydomain_free(enum pymem_domain domain, void *ptr, unsigned long caller);

/* Blocks of raw that debug hooks made and freed. */
void pydomain_count_raw(unsigned int row, size_t usable);
void pydomain_uncount_raw(unsigned int row, size_t usable);

DECLARE_PER_CPU(struct pydomain_counts, pydomain_counts[PYDOMAIN_ROWS]);

#endif /* _PYALLOC_DOMAIN_H */
