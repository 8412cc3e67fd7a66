/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sampling: which allocations are noted, and what each stands for.
 */
#ifndef _PYALLOC_SAMPLE_H
#define _PYALLOC_SAMPLE_H

#include <linux/align.h>
#include <linux/bits.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/types.h>

/* The weight of a block that stands for itself alone. */
#define PYSAMPLE_ONE_SHIFT	16
#define PYSAMPLE_ONE		BIT_ULL(PYSAMPLE_ONE_SHIFT)

#define PYSAMPLE_MAX		BIT(30)

/* How many bytes there are on a CPU to the next point; negative: it passed. */
DECLARE_PER_CPU(long, pysample_left);

/*
 * What an allocation counts for: what was asked for in whole steps of 8 bytes,
 * and one of them at least.
 */
static inline size_t pysample_size(size_t size)
{
	return max_t(size_t, ALIGN(size, 8), 8);
}

/* Lies a point in so many bytes?  Any context. */
static __always_inline bool pysample_is_due(size_t bytes)
{
	return unlikely(this_cpu_sub_return(pysample_left, (long)bytes) < 0);
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

#endif /* _PYALLOC_SAMPLE_H */
