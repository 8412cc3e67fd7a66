// SPDX-License-Identifier: GPL-2.0
/*
 * Lets a crowd of blocks grow and shrink.  The arrays it is kept in are
 * vmalloc's, so that they are in no slab that somebody measures.
 *
 * Process context, may sleep; a crowd has one user.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "crowd.h"
#include "random.h"

/* How many blocks may be handled between two chances for others to run. */
#define CROWD_STRIDE	65536

int crowd_create(struct crowd *crowd, size_t max)
{
	*crowd = (struct crowd) {
		.blocks	= bench_array(max, sizeof(*crowd->blocks)),
		.sizes	= bench_array(max, sizeof(*crowd->sizes)),
		.max	= max,
	};
	if (crowd->blocks && crowd->sizes)
		return 0;
	crowd_destroy(crowd);
	return -ENOMEM;
}

/* The blocks are gone already. */
void crowd_destroy(struct crowd *crowd)
{
	vfree(crowd->blocks);
	vfree(crowd->sizes);
	*crowd = (struct crowd) {};
}

/* All blocks that are to come will be of @size bytes. */
void crowd_set_size(struct crowd *crowd, u32 size)
{
	size_t i;

	for (i = crowd->n; i < crowd->max; i++)
		crowd->sizes[i] = size;
}

/* They will be of any size that a heap serves. */
void crowd_mix_sizes(struct crowd *crowd)
{
	struct rng rng = rng_seed(0);
	size_t i;

	for (i = crowd->n; i < crowd->max; i++)
		crowd->sizes[i] = 1 + rng_below(&rng, PYALLOC_SMALL_MAX);
}

void crowd_shuffle(struct crowd *crowd)
{
	struct rng rng = rng_seed(1);
	size_t n = crowd->n;

	while (n > 1) {
		u32 other = rng_below(&rng, n--);

		swap(crowd->blocks[n], crowd->blocks[other]);
		swap(crowd->sizes[n], crowd->sizes[other]);
		if (n % CROWD_STRIDE == 0)
			cond_resched();
	}
}

/* The sum of what was requested. */
u64 crowd_bytes(const struct crowd *crowd)
{
	u64 sum = 0;
	size_t i;

	for (i = 0; i < crowd->n; i++)
		sum += crowd->sizes[i];
	return sum;
}

static __always_inline int grow(enum allocator allocator, struct crowd *crowd,
				size_t n)
{
	size_t i;

	for (i = crowd->n; i < n; i++) {
		crowd->blocks[i] = any_malloc(allocator, crowd->sizes[i]);
		if (unlikely(!crowd->blocks[i]))
			break;
	}
	crowd->n = i;
	return i == n ? 0 : -ENOMEM;
}

static __always_inline int shrink(enum allocator allocator,
				  struct crowd *crowd, size_t n)
{
	size_t i = crowd->n;

	while (i > n)
		any_free(allocator, crowd->blocks[--i]);
	crowd->n = n;
	return 0;
}

static __always_inline int free_some(enum allocator allocator,
				     struct crowd *crowd, size_t from,
				     size_t to)
{
	for (; from < to; from++)
		any_free(allocator, crowd->blocks[from]);
	return 0;
}

/* Allocates until there are @n.  Without memory, what came stays. */
int crowd_grow(struct crowd *crowd, enum allocator allocator, size_t n)
{
	int err = 0;

	while (crowd->n < n && !err) {
		err = fold(allocator, grow, crowd,
			   min_t(size_t, n, crowd->n + CROWD_STRIDE));
		cond_resched();
	}
	return err;
}

/* Frees the last ones until there are @n. */
void crowd_shrink(struct crowd *crowd, enum allocator allocator, size_t n)
{
	while (crowd->n > n) {
		size_t some = min_t(size_t, crowd->n - n, CROWD_STRIDE);

		fold(allocator, shrink, crowd, crowd->n - some);
		cond_resched();
	}
}

/* Frees all, those first that came first. */
void crowd_free_in_order(struct crowd *crowd, enum allocator allocator)
{
	size_t from, to;

	for (from = 0; from < crowd->n; from = to) {
		to = min_t(size_t, crowd->n, from + CROWD_STRIDE);
		fold(allocator, free_some, crowd, from, to);
		cond_resched();
	}
	crowd->n = 0;
}
