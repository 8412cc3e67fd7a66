/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Marks: what tracing notes of a block that lies in a pool.
 */
#ifndef _PYALLOC_MARK_H
#define _PYALLOC_MARK_H

#include <linux/compiler.h>
#include <linux/types.h>

#include "arena.h"
#include "heap.h"

/**
 * struct pymark - what is noted of one block
 * @site: who allocated it; 0: nothing is noted
 * @epoch: of which trace this is; a mark of another says nothing
 * @birth: when, in jiffies
 * @size: bytes that were asked for
 * @domain: who asked
 * @steps: its class's size, in steps of 8 bytes
 *
 * Only who has the block writes to its mark.  Whoever else looks may see one
 * half of what was there before.
 */
struct pymark {
	u32	site;
	u32	epoch;
	u32	birth;
	u16	size;
	u8	domain;
	u8	steps;
};

/*
 * There is a word a granule of the direct map, found as an entry of the map is.
 * That of a pool's first granule leads to an array with a mark for each of its
 * blocks; its low bits are the binary logarithm of how many fit.
 */
#define PYMARK_SHIFT	15UL

/* Leaves, each as if it began at word 0; NULL while there is no trace. */
extern unsigned long **pymark_leaves;

static inline struct pymark *pymark_array(unsigned long word)
{
	return (struct pymark *)(word & ~PYMARK_SHIFT);
}

/* The word of a pool's first granule; NULL outside the direct map. */
static __always_inline unsigned long *pymark_word(unsigned long **leaves,
						  const void *pool)
{
	unsigned long offset = (unsigned long)pool - pymap.base;
	unsigned long leaf = offset >> PYMAP_LEAF_SHIFT;

	if (unlikely(leaf >= pymap.nr_leaves))
		return NULL;
	return pymap_load(leaves[leaf]) + (offset >> PYGRANULE_SHIFT);
}

/*
 * What leads to a pool's marks, while there is a trace; 0: there is no room for
 * them yet.
 */
static __always_inline unsigned long pymark_read(const void *pool)
{
	unsigned long offset = (unsigned long)pool - pymap.base;
	unsigned long leaf = offset >> PYMAP_LEAF_SHIFT, *words;

	if (unlikely(leaf >= pymap.nr_leaves))
		return 0;
	words = pymap_load(pymark_leaves[leaf]);
	return pymap_load(words[offset >> PYGRANULE_SHIFT]);
}

/* Of a pointer that may be stale: is there such a mark? */
static __always_inline bool pymark_holds(unsigned long word,
					 unsigned int index)
{
	return word && !(index >> (word & PYMARK_SHIFT));
}

static __always_inline void pymark_write(struct pymark *mark, u32 site,
					 u32 epoch, u32 birth, size_t size,
					 unsigned int domain,
					 unsigned int steps)
{
	WRITE_ONCE(mark->epoch, epoch);
	WRITE_ONCE(mark->birth, birth);
	WRITE_ONCE(mark->size, size);
	WRITE_ONCE(mark->domain, domain);
	WRITE_ONCE(mark->steps, steps);
	/* Who sees it sees the rest. */
	smp_store_release(&mark->site, site);
}

/**
 * struct pyplace - where in a pool a block lies
 * @pool: the pool's first byte
 * @class: the block's class
 * @index: which block of the pool it is
 */
struct pyplace {
	const void		*pool;
	const struct pyclass	*class;
	unsigned int		index;
};

bool pymark_find_place(const void *ptr, struct pyplace *place);

/* Can it have a mark?  What lies outside the direct map has an entry instead. */
static inline bool pymark_has_word(const struct pyplace *place)
{
	return pymark_word(pymark_leaves, place->pool);
}

/* A block's mark, or NULL: there is no room for it yet. */
static inline struct pymark *pymark_of(const struct pyplace *place)
{
	unsigned long word = pymark_read(place->pool);

	return pymark_holds(word, place->index) ?
	       pymark_array(word) + place->index : NULL;
}

struct pymark *pymark_make(const struct pyplace *place);
void __pymark_forget_pool(const void *pool);

/* A pool is dissolved, so that nobody has a block of it: with its node's lock. */
static inline void pymark_forget_pool(const void *pool)
{
	if (unlikely(READ_ONCE(pymark_leaves)))
		__pymark_forget_pool(pool);
}

void pymark_forget_area(const void *base, unsigned int granules);
size_t pymark_bytes(void);
int pymark_init(void);
void pymark_exit(void);

#endif /* _PYALLOC_MARK_H */
