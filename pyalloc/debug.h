/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reports of what callers did wrong.
 */
#ifndef _PYALLOC_DEBUG_H
#define _PYALLOC_DEBUG_H

#include <linux/types.h>

/**
 * enum pyalloc_mistake - what a pointer or an argument turned out to be
 * @PYALLOC_DOUBLE_FREE: a block that is free already
 * @PYALLOC_INTERIOR: a pointer into a block, or behind a pool's last one
 * @PYALLOC_NO_POOL: a pointer into an arena, where no pool lies
 * @PYALLOC_WILD: nothing that any allocator known here handed out
 * @PYALLOC_OVERWRITTEN: what the heap notes of a pool, or links, is damaged:
 *	the pool, or what the link led to, is left alone from now on
 * @PYALLOC_NO_MISTAKE: a live block, and not a mistake
 */
enum pyalloc_mistake {
	PYALLOC_DOUBLE_FREE,
	PYALLOC_INTERIOR,
	PYALLOC_NO_POOL,
	PYALLOC_WILD,
	PYALLOC_OVERWRITTEN,
	PYALLOC_NO_MISTAKE,
};

/**
 * struct pyalloc_report - one report
 * @mistake: what was wrong
 * @ptr: the pointer; never to be followed
 * @size: its size class in bytes, 0 where there is none
 * @pool: the pool's id, 0 where there is none
 * @caller: who gave it, or who found it while blocks were moved
 */
struct pyalloc_report {
	enum pyalloc_mistake	mistake;
	const void		*ptr;
	unsigned int		size;
	u32			pool;
	unsigned long		caller;
};

void pydebug_report(enum pyalloc_mistake mistake, const void *ptr, u32 entry,
		    unsigned long caller);
unsigned long pydebug_reports(void);

/* For tests, which make mistakes on purpose: gets each report instead. */
void pydebug_set_hook(void (*hook)(const struct pyalloc_report *report));

#endif /* _PYALLOC_DEBUG_H */
