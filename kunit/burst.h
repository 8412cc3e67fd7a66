/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bursts: blocks of one class that are taken and freed in a row, on a CPU
 * that stays the same, while nothing is trimmed; so that a case can tell to
 * the last block where they are.
 */
#ifndef _PYALLOC_KUNIT_BURST_H
#define _PYALLOC_KUNIT_BURST_H

#include "../pyalloc/front.h"
#include "fixture.h"

/* What may be out of a node's pools if it is to have depots. */
#define SMALL_NODE	SZ_512K

/* The blocks of a burst are those of so many full arrays, or some more. */
#define BURST_ARRAYS	6

/* Where the load is too much for a debug kernel to do it with every class. */
extern const size_t burst_sizes[6];

/**
 * struct burst - blocks that come and go in a row
 * @test: the case
 * @size: the blocks' class
 * @class: the same, as the heap has it
 * @each: how many of them a full array holds
 * @whole: how many fill BURST_ARRAYS
 * @node: where they come from
 * @depot: its depot of the class
 * @stock: the CPU's own
 * @n: how many are taken now
 * @blocks: these, with contents; there is room for twice the whole
 */
struct burst {
	struct kunit		*test;
	size_t			size;
	const struct pyclass	*class;
	size_t			each;
	size_t			whole;
	struct pynode		*node;
	struct pydepot		*depot;
	struct pystock		*stock;
	size_t			n;
	void			**blocks;
};

struct burst *begin_burst(struct kunit *test, size_t size);
void end_burst(struct burst *burst);

void take_in_a_row(struct burst *burst, size_t n);
void put_in_a_row(struct burst *burst, size_t n);
void take_and_put(struct burst *burst);
void empty_stock(struct burst *burst);
void write_burst(struct burst *burst);
void *keep_one_a_pool(struct burst *burst);

void *make_large(struct burst *burst);

/* Frees look at blocks of the smallest classes under the lock then. */
static inline bool frees_take_no_lock(const struct burst *burst)
{
	return !(want_init_on_free() || PYSAN_WATCHES) ||
	       !pyclass_is_far(burst->class);
}

static inline unsigned long lock_holds(const struct burst *burst)
{
	return READ_ONCE(burst->node->lock_holds);
}

#endif /* _PYALLOC_KUNIT_BURST_H */
