/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sweep: looks at every decorated block, live or free.
 */
#ifndef _PYALLOC_SWEEP_H
#define _PYALLOC_SWEEP_H

#include "debug.h"
#include "heap.h"

/* So many blocks that look damaged are looked at again, in one sweep. */
#define PYSWEEP_SUSPECTS	16

/**
 * struct pysweep_suspect - a block that looks damaged
 * @base: where it begins
 * @heap: whose pool it lies in; NULL: it has a record
 * @mistake: what it looked like
 * @offset: and from where on
 */
struct pysweep_suspect {
	const void		*base;
	struct pyheap		*heap;
	enum pyalloc_mistake	mistake;
	long			offset;
};

/**
 * struct pysweep - what a sweep saw
 * @decorated: live blocks
 * @nr: how many look damaged
 * @suspect: the first of them
 */
struct pysweep {
	unsigned long		decorated;
	unsigned long		nr;
	struct pysweep_suspect	suspect[PYSWEEP_SUSPECTS];
};

void pysweep_pool(struct pysweep *sweep, struct pyheap *heap, void *base,
		  struct pypool *pool);
void pysweep_records(struct pysweep *sweep);
unsigned long pysweep_confirm(struct pysweep *sweep,
			      struct pyalloc_report *first);

#endif /* _PYALLOC_SWEEP_H */
