/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whose is this address?
 */
#ifndef _PYALLOC_WHEREIS_H
#define _PYALLOC_WHEREIS_H

#include <linux/pyalloc.h>
#include <linux/types.h>

struct pytrace;

/**
 * enum pywhereis_state - what an address is to pyalloc
 * @PYWHEREIS_NONE: nothing that it knows of
 * @PYWHEREIS_LIVE: in a block that a client has
 * @PYWHEREIS_GRACE: in one that is to be freed after a grace period, as far as
 *	that is noted
 * @PYWHEREIS_FREE: in a free block of a pool
 * @PYWHEREIS_FRONT: in a free block of a CPU's front
 * @PYWHEREIS_DEPOT: in a free block of a node's depot
 * @PYWHEREIS_LIST: in a free object of a type's list
 * @PYWHEREIS_QUARANTINE: in a decorated block that rests after it was freed
 * @PYWHEREIS_RESERVE: in a block that a private heap keeps as promised
 * @PYWHEREIS_KEPT: in a damaged block that is out of use for good
 * @PYWHEREIS_OWN: in a block that the heap uses itself
 * @PYWHEREIS_REST: in a pool, behind its last block
 * @PYWHEREIS_CONDEMNED: in a pool whose descriptor was overwritten
 * @PYWHEREIS_EMPTY: in a granule that no pool lies on
 * @PYWHEREIS_HOLE: in a page of an arena that went back to the kernel
 * @PYWHEREIS_NR_STATES: how many there are
 */
enum pywhereis_state {
	PYWHEREIS_NONE,
	PYWHEREIS_LIVE,
	PYWHEREIS_GRACE,
	PYWHEREIS_FREE,
	PYWHEREIS_FRONT,
	PYWHEREIS_DEPOT,
	PYWHEREIS_LIST,
	PYWHEREIS_QUARANTINE,
	PYWHEREIS_RESERVE,
	PYWHEREIS_KEPT,
	PYWHEREIS_OWN,
	PYWHEREIS_REST,
	PYWHEREIS_CONDEMNED,
	PYWHEREIS_EMPTY,
	PYWHEREIS_HOLE,
	PYWHEREIS_NR_STATES,
};

/**
 * enum pywhereis_kind - of which kind a block is
 * @PYWHEREIS_PLAIN: a pool's
 * @PYWHEREIS_META: a pool's, for the heap itself
 * @PYWHEREIS_DECORATED: a pool's, with decorations of debug hooks
 * @PYWHEREIS_SAMPLED: a pool's, picked by sampling
 * @PYWHEREIS_RAW: one of raw
 * @PYWHEREIS_DECORATED_RAW: one of raw, with decorations
 * @PYWHEREIS_TRACKED: what a client told the trace of
 * @PYWHEREIS_NR_KINDS: how many there are
 */
enum pywhereis_kind {
	PYWHEREIS_PLAIN,
	PYWHEREIS_META,
	PYWHEREIS_DECORATED,
	PYWHEREIS_SAMPLED,
	PYWHEREIS_RAW,
	PYWHEREIS_DECORATED_RAW,
	PYWHEREIS_TRACKED,
	PYWHEREIS_NR_KINDS,
};

/**
 * struct pywhereis - whose an address is
 * @address: the address
 * @state: what it is
 * @heap: the heap's name; empty: none has it, or it is not known
 * @has_arena: the next three are valid
 * @arena: the arena's number
 * @source: where that is from
 * @nid: the node of its memory
 * @has_pool: the next two are valid
 * @pool: the granule of the arena where the pool begins; of what is in no pool
 *	the one that the address lies in
 * @class: the class, as if it were neither decorated nor sampled; of a block of
 *	the heap's own, among those
 * @has_block: the next three are valid
 * @kind: of which kind the block is
 * @size: its bytes
 * @base: where it begins, decorations too
 * @block: which block of the pool it is, if @has_pool
 * @offset: how far in the block the address lies; without a block, in the pool
 * @is_noted: the next two are valid
 * @domain: who asked for it: a domain, or a client's own number
 * @bytes: bytes that were asked for
 * @site: who allocated it, in the trace that there is; 0: it is not known
 * @age: how long ago, in jiffies, if @site
 */
struct pywhereis {
	const void		*address;
	enum pywhereis_state	state;
	char			heap[48];
	bool			has_arena;
	bool			has_pool;
	bool			has_block;
	bool			is_noted;
	u32			arena;
	const char		*source;
	int			nid;
	unsigned int		pool;
	unsigned int		class;
	enum pywhereis_kind	kind;
	size_t			size;
	const void		*base;
	unsigned int		block;
	size_t			offset;
	unsigned int		domain;
	size_t			bytes;
	u32			site;
	u32			age;
};

void pywhereis(const struct pytrace *trace, const void *address,
	       struct pywhereis *where);

#endif /* _PYALLOC_WHEREIS_H */
