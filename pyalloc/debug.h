/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reports of what callers did wrong.
 */
#ifndef _PYALLOC_DEBUG_H
#define _PYALLOC_DEBUG_H

#include <linux/pyalloc.h>
#include <linux/types.h>

/**
 * enum pyalloc_mistake - what a pointer or an argument turned out to be
 * @PYALLOC_DOUBLE_FREE: a block that is free already
 * @PYALLOC_INTERIOR: a pointer into a block, or behind a pool's last one
 * @PYALLOC_NO_POOL: a pointer into an arena, where no pool lies
 * @PYALLOC_WILD: nothing that any allocator known here handed out
 * @PYALLOC_OVERWRITTEN: what the heap notes of a pool, or links, is damaged:
 *	the pool, or what the link led to, is left alone from now on
 * @PYALLOC_UNDERFLOW: written before its beginning; found by debug hooks, as
 *	are those that follow
 * @PYALLOC_OVERFLOW: written past its end
 * @PYALLOC_USE_AFTER_FREE: written after it was freed
 * @PYALLOC_WRONG_TYPE: no object of the type that it was given to
 * @PYALLOC_GONE_TYPE: no block: a type that was destroyed
 * @PYALLOC_ZEROED_TYPE: no pointer: __GFP_ZERO, of a type with a ctor or stable
 * @PYALLOC_WRONG_DOMAIN: a block of another domain
 * @PYALLOC_WRONG_HEAP: a block of another heap
 * @PYALLOC_MAY_NOT_SLEEP: no pointer: a gfp that may sleep where nothing may
 * @PYALLOC_UNLOCKED: no pointer: the heap's own lock is not held
 * @PYALLOC_TWO_INSIDE: no pointer: another caller is inside the heap, whose own
 *	lock should keep one of them out
 * @PYALLOC_NOT_OWN: not the heap's or the type's that was asked to free it
 * @PYALLOC_DESTROYED: no pointer: the heap or the type was destroyed
 * @PYALLOC_NO_MISTAKE: a live block, and not a mistake
 */
enum pyalloc_mistake {
	PYALLOC_DOUBLE_FREE,
	PYALLOC_INTERIOR,
	PYALLOC_NO_POOL,
	PYALLOC_WILD,
	PYALLOC_OVERWRITTEN,
	PYALLOC_UNDERFLOW,
	PYALLOC_OVERFLOW,
	PYALLOC_USE_AFTER_FREE,
	PYALLOC_WRONG_TYPE,
	PYALLOC_GONE_TYPE,
	PYALLOC_ZEROED_TYPE,
	PYALLOC_WRONG_DOMAIN,
	PYALLOC_WRONG_HEAP,
	PYALLOC_MAY_NOT_SLEEP,
	PYALLOC_UNLOCKED,
	PYALLOC_TWO_INSIDE,
	PYALLOC_NOT_OWN,
	PYALLOC_DESTROYED,
	PYALLOC_NO_MISTAKE,
};

/* How many bytes of a block a report has from each end of its data. */
#define PYREPORT_DATA	8

/* What a report says of a block's neighbour. */
enum pyreport_neighbour {
	PYREPORT_NOBODY,	/* none, or not looked at */
	PYREPORT_LIVE,
	PYREPORT_FREE,
	PYREPORT_DAMAGED,
};

/**
 * struct pyreport_block - what debug hooks saw of a block: copies, so that
 *	nobody follows what may be damaged
 * @seen: there is such a block, and the rest is valid
 * @domain: the byte that says whose it is, or what is there in its place
 * @head_intact: its size can be believed
 * @requested: bytes that were asked for, if @head_intact
 * @size_word: what says how many, if not @head_intact
 * @before: the 8 bytes before it
 * @after: the 8 bytes behind it, if @head_intact
 * @waits: it is to be freed after a grace period
 * @stray: what is at @offset of a dead one
 * @first: its first bytes
 * @last: and its last, if @head_intact
 * @serial: which call made it, or 0
 * @offset: the first byte that is wrong, from the pointer on
 * @wrong: how many are
 * @is_dead: it was freed before
 * @freed_by: by whom, or 0
 * @allocated_by: by whom, or 0: tracing tells
 * @neighbour: the blocks before and behind it in its pool
 * @neighbour_size: what was asked for of those that are live
 */
struct pyreport_block {
	bool		seen;
	bool		head_intact;
	bool		is_dead;
	bool		waits;
	u8		domain;
	size_t		requested;
	u8		size_word[8];
	u8		before[8];
	u8		after[8];
	u8		stray[PYREPORT_DATA];
	u8		first[PYREPORT_DATA];
	u8		last[PYREPORT_DATA];
	u64		serial;
	long		offset;
	size_t		wrong;
	unsigned long	freed_by;
	unsigned long	allocated_by;
	enum pyreport_neighbour neighbour[2];
	size_t		neighbour_size[2];
};

/**
 * struct pyalloc_report - one report
 * @mistake: what was wrong
 * @ptr: the pointer; never to be followed
 * @size: its size class in bytes, 0 where there is none
 * @pool: the pool's id, 0 where there is none
 * @caller: who gave it, or who found it while blocks were moved
 * @site: the block, if that is what is reported once; 0: each caller is
 * @by: the domain that was asked, where that is the mistake
 * @gfp: what a call came with, where that is the mistake
 * @type: the name of the type that was asked, where that is the mistake
 * @kept: the block is out of use from now on
 * @was_kept: it has been so before
 * @block: what debug hooks saw
 */
struct pyalloc_report {
	enum pyalloc_mistake	mistake;
	const void		*ptr;
	unsigned int		size;
	u32			pool;
	unsigned long		caller;
	unsigned long		site;
	enum pymem_domain	by;
	gfp_t			gfp;
	const char		*type;
	bool			kept;
	bool			was_kept;
	struct pyreport_block	block;
};

void pydebug_report(enum pyalloc_mistake mistake, const void *ptr, u32 entry,
		    unsigned long caller);
void pydebug_say(struct pyalloc_report *report, u32 entry);
void pydebug_tell(const struct pyalloc_report *report, char *text,
		  size_t bytes);
unsigned long pydebug_reports(void);

/* For tests, which make mistakes on purpose: gets each report instead. */
void pydebug_set_hook(void (*hook)(const struct pyalloc_report *report));

#endif /* _PYALLOC_DEBUG_H */
