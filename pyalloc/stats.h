/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Snapshots of what is counted, as plain structs.
 */
#ifndef _PYALLOC_STATS_H
#define _PYALLOC_STATS_H

#include "domain.h"
#include "front.h"
#include "heap.h"

/**
 * struct pyclass_stats - a size class of a heap
 * @pools: pools, full ones too
 * @live: blocks that are out of the pools
 * @cached: those of them in fronts
 * @meta: those of them that the heap uses itself: fronts' arrays, pools' bits
 * @available: free blocks in the pools
 * @mallocs: blocks handed to clients since the heap was made
 * @frees: blocks that came back from them
 */
struct pyclass_stats {
	unsigned long	pools;
	unsigned long	live;
	unsigned long	cached;
	unsigned long	meta;
	unsigned long	available;
	unsigned long	mallocs;
	unsigned long	frees;
};

/**
 * struct pyheap_stats - a heap
 * @class: a row a class
 * @domain_blocks: blocks by domain: mallocs less frees
 * @domain_bytes: the same in bytes
 * @domain_mallocs: mallocs by domain
 * @domain_frees: frees by domain
 * @blocks: blocks of clients
 * @bytes: their bytes
 * @cached: blocks in fronts
 * @pools: pools
 * @arenas: arenas now
 * @highwater: the most arenas there were, summed over nodes
 * @taken: arenas ever taken from the kernel
 * @arena_bytes: what the arenas hold
 * @metadata_bytes: descriptors, nodes, fronts; the map for the default heap
 * @live_bytes: clients' blocks
 * @cached_bytes: blocks in fronts
 * @meta_bytes: blocks that the heap uses itself
 * @available_bytes: free blocks in pools
 * @quantization_bytes: what is behind the last blocks of pools
 * @unused_bytes: granules that no pool lies on
 * @lock_holds: how often a node's lock was taken
 *
 * The last five of bytes and @live_bytes sum up to @arena_bytes.
 */
struct pyheap_stats {
	struct pyclass_stats	class[PYCLASS_MAX];
	long			domain_blocks[PYFRONT_DOMAINS];
	long			domain_bytes[PYFRONT_DOMAINS];
	unsigned long		domain_mallocs[PYFRONT_DOMAINS];
	unsigned long		domain_frees[PYFRONT_DOMAINS];
	unsigned long		blocks;
	size_t			bytes;
	unsigned long		cached;
	unsigned long		pools;
	unsigned long		arenas;
	unsigned long		highwater;
	unsigned long		taken;
	size_t			arena_bytes;
	size_t			metadata_bytes;
	size_t			live_bytes;
	size_t			cached_bytes;
	size_t			meta_bytes;
	size_t			available_bytes;
	size_t			quantization_bytes;
	size_t			unused_bytes;
	unsigned long		lock_holds;
};

/**
 * struct pydomain_stats - a row of the file domains
 * @mallocs: blocks that malloc gave, bulk too
 * @callocs: blocks that calloc gave
 * @reallocs: blocks that realloc made, moved or resized in place
 * @frees: blocks that free took, bulk and RCU too
 * @failures: requests answered with NULL
 * @blocks: blocks live now
 * @bytes: their usable bytes
 * @peak_bytes: the most of it, as seen at refills, flushes and reads
 */
struct pydomain_stats {
	long	mallocs;
	long	callocs;
	long	reallocs;
	long	frees;
	long	failures;
	long	blocks;
	long	bytes;
	long	peak_bytes;
};

struct pyheap_stats *pystats_new(void);
void pystats_heap(struct pyheap *heap, struct pyheap_stats *stats);
int pystats_domains(struct pydomain_stats stats[PYDOMAIN_ROWS]);

#endif /* _PYALLOC_STATS_H */
