/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sampling: which allocations are noted, and what each stands for.
 */
#ifndef _PYALLOC_SAMPLE_H
#define _PYALLOC_SAMPLE_H

#include <linux/bits.h>
#include <linux/percpu.h>
#include <linux/types.h>

/* The weight of a block that stands for itself alone. */
#define PYSAMPLE_ONE_SHIFT	16
#define PYSAMPLE_ONE		BIT_ULL(PYSAMPLE_ONE_SHIFT)

/* Blocks are counted in such parts, as a weight is no whole number. */
#define PYSAMPLE_BLOCK_SHIFT	8
#define PYSAMPLE_BLOCK		((long)BIT(PYSAMPLE_BLOCK_SHIFT))

/* What a block stands for has to be counted in a long. */
#define PYSAMPLE_MAX		BIT(BITS_PER_LONG == 64 ? 30 : 20)

/* How many steps there are on a CPU to the next point; negative: it passed. */
DECLARE_PER_CPU(long, pysample_left);

/*
 * What an allocation counts for: what was asked for in whole steps of 8 bytes,
 * and one of them at least.
 */
#define PYSAMPLE_STEP_SHIFT	3

static inline size_t pysample_steps(size_t size)
{
	return (size + !size + 7) >> PYSAMPLE_STEP_SHIFT;
}

/*
 * Lies a point in so many steps?  Who is interrupted, or moved to another CPU,
 * between the two leaves his point to the next allocation here: that is one
 * instruction's time, and less on the fast path than one operation that gives
 * the result.  Any context.
 */
static __always_inline bool pysample_is_due(size_t steps)
{
	this_cpu_sub(pysample_left, (long)steps);
	return unlikely(this_cpu_read(pysample_left) < 0);
}

void pysample_advance(unsigned long interval);
u64 pysample_weight(size_t size, unsigned long interval);
void pysample_begin(unsigned long interval);

/* What @n stands for, with the weight of what it belongs to. */
static inline u64 pysample_scale(size_t n, u64 weight)
{
	return weight == PYSAMPLE_ONE ? n :
	       (n * weight + PYSAMPLE_ONE / 2) >> PYSAMPLE_ONE_SHIFT;
}

/* Whole blocks of such units. */
static inline long pysample_whole(long blocks)
{
	return (blocks + PYSAMPLE_BLOCK / 2) >> PYSAMPLE_BLOCK_SHIFT;
}

/* How many blocks one stands for, in units of 1/PYSAMPLE_BLOCK. */
static inline long pysample_blocks(u64 weight)
{
	return weight >> (PYSAMPLE_ONE_SHIFT - PYSAMPLE_BLOCK_SHIFT);
}

#endif /* _PYALLOC_SAMPLE_H */
