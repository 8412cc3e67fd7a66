/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The check of every invariant.
 */
#ifndef _PYALLOC_CHECK_H
#define _PYALLOC_CHECK_H

#include <linux/types.h>

/**
 * struct pycheck - what a check saw
 * @heaps: heaps walked
 * @arenas: arenas walked
 * @pools: pools walked
 * @blocks: blocks out of them
 * @cached: blocks of fronts that were looked at
 * @lock_holds: how often a node's lock was taken for it
 * @most_pools: the most pools that anybody walked in one hold since load
 * @condemned: pools that were overwritten, and are left alone
 * @decorated: live blocks that debug hooks decorated
 * @broken: invariants that did not hold
 * @what: the first of them
 */
struct pycheck {
	unsigned long	heaps;
	unsigned long	arenas;
	unsigned long	pools;
	unsigned long	blocks;
	unsigned long	cached;
	unsigned long	lock_holds;
	unsigned long	most_pools;
	unsigned long	condemned;
	unsigned long	decorated;
	unsigned long	broken;
	char		what[160];
};

int pycheck_all(struct pycheck *check);
void pycheck_note_walk(unsigned long pools);

#endif /* _PYALLOC_CHECK_H */
