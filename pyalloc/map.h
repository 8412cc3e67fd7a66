/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The address map: whose is this address, and of which size class?
 */
#ifndef _PYALLOC_MAP_H
#define _PYALLOC_MAP_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/types.h>

struct pyarena;

/* The map and the pools count in granules, whatever the page size is. */
#define PYGRANULE_SHIFT		12
#define PYGRANULE_SIZE		BIT(PYGRANULE_SHIFT)

/*
 * An entry speaks for one granule:
 *   0			not the heap's
 *   bits 8-31		the number of the arena that holds it, from 1 up;
 *			the arena knows the heap that owns it
 *   bits 0-7		size class + 1, or 0 while no pool lies there.
 *			PYMAP_CLOSED keeps the fast path off: the heap's own
 *			blocks, and those that are decorated
 */
#define PYMAP_ARENA_SHIFT	8
#define PYMAP_CODE_MASK		0xff
#define PYMAP_CLOSED		0x80
#define PYMAP_CODES		0x100

/* A leaf is one page of entries, 4 MiB of memory with pages of 4 KiB. */
#define PYMAP_LEAF_ENTRIES	(PAGE_SIZE / sizeof(u32))
#define PYMAP_LEAF_SHIFT	(PYGRANULE_SHIFT + PAGE_SHIFT - 2)

/**
 * struct pymap - the direct map's part, which is what a free has to look at
 * @base: where a leaf begins, at the first memory in the direct map or below
 * @nr_leaves: how many leaves it takes to reach its end
 * @leaves: the leaves, each as if it began at entry 0 of the whole map, so
 *	that a granule's number is the index into its leaf as well; those not
 *	yet needed are all one leaf of zeros
 */
struct pymap {
	unsigned long	base;
	unsigned long	nr_leaves;
	u32		**leaves;
};

extern struct pymap pymap;

/* Arenas by number, a chunk at a time. */
#define PYMAP_PER_CHUNK		128UL

extern struct pyarena ***pymap_chunks;
extern unsigned long pymap_nr_chunks;

/*
 * Plain loads, which the compiler can fold into their use: what they see of
 * a live block does not change while it lives, and whatever they see of
 * another address is looked at again under a lock before it is believed.
 */
#define pymap_load(x)	(IS_ENABLED(CONFIG_KCSAN) ? READ_ONCE(x) : (x))

static __always_inline u32 *pymap_entry_in(unsigned long leaf,
					   unsigned long offset)
{
	return pymap_load(pymap.leaves[leaf]) + (offset >> PYGRANULE_SHIFT);
}

/*
 * Where the entry of an address in the direct map is; NULL for every other
 * address.  Any value may be asked about, in any context.
 */
static inline u32 *pymap_entry(const void *ptr)
{
	unsigned long offset = (unsigned long)ptr - pymap.base;
	unsigned long leaf = offset >> PYMAP_LEAF_SHIFT;

	return leaf < pymap.nr_leaves ? pymap_entry_in(leaf, offset) : NULL;
}

/* The code of an address's entry; 0 for no pool. */
static __always_inline unsigned long pymap_code(const void *ptr)
{
	unsigned long offset = (unsigned long)ptr - pymap.base;
	unsigned long leaf = offset >> PYMAP_LEAF_SHIFT;
	const u8 *entry;

	if (unlikely(leaf >= pymap.nr_leaves))
		return 0;
	entry = (const u8 *)pymap_entry_in(leaf, offset);
	return pymap_load(entry[IS_ENABLED(CONFIG_CPU_BIG_ENDIAN) ? 3 : 0]);
}

/* The class that an entry with a code has, whoever may serve it. */
static inline unsigned int pymap_class(u32 entry)
{
	return (entry & PYMAP_CODE_MASK & ~PYMAP_CLOSED) - 1;
}

/* Is it the code of a pool that the fast path may serve? */
static __always_inline bool pymap_is_open(unsigned long code)
{
	return code - 1 < PYMAP_CLOSED - 1;
}

/*
 * The arena behind a number that was in the map, or NULL if it is gone.
 * Context: any, under RCU or with preemption off.
 */
static inline struct pyarena *pymap_arena(u32 number)
{
	struct pyarena **chunk;

	if (unlikely(number >= pymap_nr_chunks * PYMAP_PER_CHUNK))
		return NULL;
	chunk = READ_ONCE(pymap_chunks[number / PYMAP_PER_CHUNK]);
	return chunk ? READ_ONCE(chunk[number % PYMAP_PER_CHUNK]) : NULL;
}

/* The same of a number that is known to have been an arena's, or 0. */
static __always_inline struct pyarena *pymap_arena_at(u32 number)
{
	return READ_ONCE(READ_ONCE(pymap_chunks[number / PYMAP_PER_CHUNK])
				[number % PYMAP_PER_CHUNK]);
}

u32 pymap_lookup(const void *ptr);

/*
 * The arena that an address lies in, or NULL.  In the direct map an entry has
 * the number of an arena, whose chunk was made before the entry, or it is 0,
 * and there is a chunk for number 0 and no arena behind it as soon as there
 * was any arena; so nothing needs to be asked twice.
 */
static __always_inline struct pyarena *pymap_arena_of(const void *ptr)
{
	unsigned long offset = (unsigned long)ptr - pymap.base;
	unsigned long leaf = offset >> PYMAP_LEAF_SHIFT;
	u32 number;

	if (unlikely(leaf >= pymap.nr_leaves))
		return pymap_arena(pymap_lookup(ptr) >> PYMAP_ARENA_SHIFT);
	number = READ_ONCE(*pymap_entry_in(leaf, offset)) >> PYMAP_ARENA_SHIFT;
	return pymap_arena_at(number);
}

int pymap_add_arena(struct pyarena *arena, gfp_t gfp);
void pymap_publish_arena(struct pyarena *arena);
void pymap_remove_arena(struct pyarena *arena);
void pymap_set(struct pyarena *arena, unsigned int granule,
	       unsigned int granules, u8 code);
void pymap_forget(struct pyarena *arena, unsigned int granule,
		  unsigned int granules);
struct pyarena *pymap_next_arena(u32 *number);

size_t pymap_bytes(void);
int pymap_init(void);
void pymap_exit(void);

#endif /* _PYALLOC_MAP_H */
