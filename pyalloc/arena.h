/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Arenas: what the heap takes from the kernel and gives back to it.
 */
#ifndef _PYALLOC_ARENA_H
#define _PYALLOC_ARENA_H

#include <linux/list.h>
#include <linux/log2.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#include "map.h"

struct pyarena_allocator;
struct pyheap;
struct pynode;

/* 16 KiB to 1 MiB; the smallest is what an atomic refill may ask for. */
#define PYARENA_MIN_SHIFT	(PAGE_SHIFT > 14 ? PAGE_SHIFT : 14)
#define PYARENA_MAX_SHIFT	(IS_ENABLED(CONFIG_64BIT) ? 20 : 18)
#define PYARENA_MAX_GRANULES	(1UL << (20 - PYGRANULE_SHIFT))
#define PYARENA_MIN_KIB		(1U << (PYARENA_MIN_SHIFT - 10))
#define PYARENA_MAX_KIB		(1U << (PYARENA_MAX_SHIFT - 10))

/* May arenas be asked to be so large?  0: as the heap grows. */
static inline bool pyarena_is_kib(unsigned int kib)
{
	return !kib || (is_power_of_2(kib) && kib >= PYARENA_MIN_KIB &&
			kib <= PYARENA_MAX_KIB);
}

static inline unsigned int pyarena_shift(unsigned int kib)
{
	return kib ? ilog2(kib) + 10 : 0;
}

/*
 * Arenas with a free granule are kept by eighths of what is free in them,
 * the fullest first; wholly free ones come last of all.
 */
enum {
	PYARENA_SHARES	= 8,
	PYARENA_EMPTY	= PYARENA_SHARES,
	PYARENA_BUCKETS,
	PYARENA_FULL	= PYARENA_BUCKETS,	/* on no list */
};

enum pyarena_source {
	PYARENA_AUTO,
	PYARENA_PAGES,
	PYARENA_VMALLOC,
	PYARENA_NR_SOURCES,
};

extern const char *const pyarena_source_names[PYARENA_NR_SOURCES];

/* Where arenas come from and how large they are; 0: as the heap grows. */
extern enum pyarena_source pyarena_source;
extern unsigned int pyarena_fixed_shift;

/**
 * struct pypool - a pool's state, kept out of reach of its blocks
 * @next: id of the next pool of the same class and fullness, 0 at the end
 * @prev: id of the one before, 0 at the front
 * @live: blocks handed out, to clients, to fronts or to the heap itself
 * @class: its size class
 * @fullness: which list it is on, or one of the states below
 * @fresh: of a typed heap's: no block from this one on was ever handed out
 * @free: a set bit a free block
 * @far_free: the same where it takes more than 128 bits: a block of the heap
 *
 * Links are ids (an entry of the map with a granule's index in place of the
 * class), half as large as pointers, and free blocks are bits, not links
 * through the blocks: nothing in freed memory is read or believed, a double
 * free shows as a bit that is set already, and the whole takes 32 bytes for
 * a granule.  Who follows a link asks whether the other end leads back.
 */
struct pypool {
	u32	next;
	u32	prev;
	u16	live;
	u8	class;
	u8	fullness;
	u16	fresh;
	union {
		unsigned long	free[128 / BITS_PER_LONG];
		unsigned long	*far_free;
	};
};

enum {
	PYPOOL_QUARTERS	= 4,
	PYPOOL_FULL	= PYPOOL_QUARTERS,	/* on no list */
	PYPOOL_TAIL,		/* a granule of the pool that begins before it */
	PYPOOL_NONE,		/* a free granule */
	PYPOOL_HOLE,		/* its page went back to the kernel */
	PYPOOL_CONDEMNED,	/* overwritten: never looked into again */
};

/* What goes back is whole pages. */
#define PYARENA_PAGE_GRANULES	(PAGE_SIZE >> PYGRANULE_SHIFT)

/**
 * struct pyarena - an arena's descriptor
 * @list: among the node's arenas that are as free
 * @rcu: in its place once the arena is gone
 * @base: its first byte
 * @pools: a descriptor a granule
 * @node: the heap's state on the NUMA node that the memory is on
 * @heap: whose it is
 * @number: what the map knows it by
 * @granules: how many it spans
 * @free_granules: how many no pool lies on
 * @holes: how many went back to the kernel
 * @bucket: which of the node's lists it is on
 * @source: PYARENA_PAGES or PYARENA_VMALLOC, by its addresses
 * @allocator: the client's that it came from, or NULL
 * @is_split: its pages are freed one by one; with the heap's walk held
 * @used_map: a set bit a granule that is not free
 */
struct pyarena {
	union {
		struct list_head	list;
		struct rcu_head		rcu;
	};
	void		*base;
	struct pypool	*pools;
	struct pynode	*node;
	struct pyheap	*heap;
	u32		number;
	u16		granules;
	u16		free_granules;
	u16		holes;
	u8		bucket;
	u8		source;
	bool		is_split;
	const struct pyarena_allocator *allocator;
	unsigned long	used_map[];
};

static inline size_t pyarena_bytes(const struct pyarena *arena)
{
	return (size_t)arena->granules << PYGRANULE_SHIFT;
}

/* Granules that it holds: all but the holes. */
static inline unsigned int pyarena_held(const struct pyarena *arena)
{
	return arena->granules - arena->holes;
}

static inline bool pyarena_has(const struct pyarena *arena, const void *ptr)
{
	return (size_t)(ptr - arena->base) < pyarena_bytes(arena);
}

static inline unsigned int pyarena_granule(const struct pyarena *arena,
					   const void *ptr)
{
	return (ptr - arena->base) >> PYGRANULE_SHIFT;
}

static inline const char *pyarena_source_name(const struct pyarena *arena)
{
	return arena->allocator ? "client" :
				  pyarena_source_names[arena->source];
}

bool pyarena_add(struct pynode *node, gfp_t gfp, enum pyarena_source source);
void pyarena_release(struct list_head *arenas);
unsigned long pyarena_punch(struct pyarena *arena, unsigned long want);
size_t pyarena_metadata_bytes(const struct pyarena *arena);
bool pyarena_may_take(gfp_t gfp);
void pyarena_forget_allocators(void);

#endif /* _PYALLOC_ARENA_H */
