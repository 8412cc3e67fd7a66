/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Links: pointers that lie where somebody's stray write can reach them, and
 * chains of blocks that such links make.
 */
#ifndef _PYALLOC_LINK_H
#define _PYALLOC_LINK_H

#include <linux/bitops.h>
#include <linux/types.h>

struct irq_work;

extern unsigned long pylink_secret;

/*
 * What is stored at @place for a link to @to.  Neither a write of zeros nor a
 * link that was copied from elsewhere decodes to an address that is any good,
 * and nobody who reads it learns where anything lies.
 */
static inline unsigned long pylink_code(const void *place, unsigned long to)
{
	/* So that near places differ where addresses are the same. */
	unsigned long salt = BITS_PER_LONG == 64 ?
			     ror64((unsigned long)place, 20) :
			     ror32((unsigned long)place, 20);

	return to ^ pylink_secret ^ salt;
}

static inline void pylink_set(void *place, const void *to)
{
	*(unsigned long *)place = pylink_code(place, (unsigned long)to);
}

static inline void *pylink_get(const void *place)
{
	return (void *)pylink_code(place, *(const unsigned long *)place);
}

/**
 * struct pychain - blocks that wait, linked through their first words
 * @first: the one that came last
 * @is_block: can this be a block of the chain?
 * @work: what takes them, queued when there is one
 */
struct pychain {
	void		*first;
	bool		(*is_block)(const void *ptr);
	struct irq_work	*work;
};

bool pychain_add(struct pychain *chain, void *block, unsigned long caller);
void *pychain_take(struct pychain *chain);
void *pychain_next(struct pychain *chain, void *block);

void pylink_init(void);

#endif /* _PYALLOC_LINK_H */
