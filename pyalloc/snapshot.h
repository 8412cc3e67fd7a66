/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Snapshots of a trace: every block that is noted, and sums of them.
 */
#ifndef _PYALLOC_SNAPSHOT_H
#define _PYALLOC_SNAPSHOT_H

#include <linux/types.h>

#include "ledger.h"

struct module;
struct pyheap;
struct pytrace;

/**
 * struct pysnapshot_row - a block that is live and noted
 * @site: who allocated it
 * @domain: who asked: a domain, or a client's own number
 * @bytes: its usable bytes
 * @size: bytes that were asked for
 * @age: how long ago, in jiffies
 */
struct pysnapshot_row {
	u32		site;
	unsigned int	domain;
	u32		bytes;
	u32		size;
	u32		age;
};

/* A pool has no more blocks than this, and a bucket hardly more than that. */
#define PYSNAPSHOT_ROWS		512
#define PYSNAPSHOT_ENTRIES	64

/**
 * struct pysnapshot - a walk over all that is noted, a part at a time
 * @only: the heap that is walked; NULL: all of them, and the ledger
 * @epoch: of which trace
 * @heap: how many heaps are behind us
 * @number: the next arena
 * @granule: and where in it
 * @bucket: the next bucket of the ledger
 * @skip: and how many of its entries are behind us
 * @nr: how many rows there are of this part
 * @row: the rows
 * @entry: room for the ledger's entries
 */
struct pysnapshot {
	const struct pyheap	*only;
	u32			epoch;
	unsigned int		heap;
	u32			number;
	unsigned int		granule;
	unsigned long		bucket;
	unsigned int		skip;
	unsigned int		nr;
	struct pysnapshot_row	row[PYSNAPSHOT_ROWS];
	struct pyledger_entry	entry[PYSNAPSHOT_ENTRIES];
};

struct pysnapshot *pysnapshot_new(const struct pyheap *only);
void pysnapshot_rewind(struct pysnapshot *snapshot);
unsigned int pysnapshot_fill(struct pysnapshot *snapshot,
			     const struct pytrace *trace);
void pysnapshot_free(struct pysnapshot *snapshot);

/**
 * struct pysnapshot_sum - what the blocks of one call site come to
 * @bytes: their usable bytes
 * @size: bytes that were asked for
 * @blocks: how many there are
 * @oldest: the age of the oldest of them, in jiffies
 * @site: who allocated them
 *
 * While a sample is noted all but the age are estimates.
 */
struct pysnapshot_sum {
	u64	bytes;
	u64	size;
	u64	blocks;
	u32	oldest;
	u32	site;
};

struct pysnapshot_sum *pysnapshot_sum_up(const struct pytrace *trace,
					 const struct pyheap *only,
					 const struct module *module,
					 unsigned int *n);

#endif /* _PYALLOC_SNAPSHOT_H */
