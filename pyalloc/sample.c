// SPDX-License-Identifier: GPL-2.0
/*
 * Sampling: points are strewn over the bytes that are asked for, at random
 * and each independent of the others, one in so many bytes on average; an
 * allocation with a point in it is noted.
 *
 * The distances between such points (of a Poisson process) are exponential.
 * An allocation of s bytes has a point with the probability 1 - exp(-s/N),
 * whatever came before, and is given the reciprocal of that as its weight: so
 * the expected sum of the weights is what was allocated, by whichever site, in
 * whichever order.  Blocks much larger than N are all noted, and weigh 1.
 *
 * Fixed point throughout: the kernel has no floating point, and its logarithm
 * is not there in all kernels.
 *
 * Contexts: all.  Takes no lock.
 */
#include <linux/bitops.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>

#include "sample.h"
#include "compat.h"

DEFINE_PER_CPU(long, pysample_left);
EXPORT_PER_CPU_SYMBOL_GPL(pysample_left);

static DEFINE_PER_CPU(struct rnd_state, randoms);

/* ln 2, in 32 bits behind the point. */
#define LN2		2977044472ULL

/* The binary logarithm of @x, in 16 bits behind the point; @x is not 0. */
static u32 log2_of(u32 x)
{
	unsigned int whole = __fls(x), bit;
	u64 rest = (u64)x << (31 - whole);
	u32 log = whole << 16;

	/* Squaring what is left doubles its logarithm: out comes a bit. */
	for (bit = 1 << 15; bit; bit >>= 1) {
		rest = rest * rest >> 31;
		if (rest >> 32) {
			rest >>= 1;
			log |= bit;
		}
	}
	return log;
}

/* -ln of a random number between 0 and 1, in 16 bits behind the point. */
static u64 exponential(struct rnd_state *state)
{
	u32 random = prandom_u32_state(state) | 1;

	return ((32ULL << 16) - log2_of(random)) * LN2 >> 32;
}

/* In steps: what is left of one is added or not, as often as it is due. */
static long distance(struct rnd_state *state, unsigned long interval)
{
	u64 bytes = exponential(state) * interval >> 16;
	u32 part = prandom_u32_state(state) >> (32 - PYSAMPLE_STEP_SHIFT);

	return (bytes + part) >> PYSAMPLE_STEP_SHIFT;
}

/**
 * pysample_advance() - the points that were passed are behind us
 * @interval: how many bytes lie between two of them on average
 *
 * Context: Any.
 */
void pysample_advance(unsigned long interval)
{
	preempt_disable();
	/*
	 * The distance to the next point does not depend on what is behind us,
	 * however many points that were.  An interrupt may draw a number as
	 * well: that is random, too.
	 */
	this_cpu_write(pysample_left,
		       distance(this_cpu_ptr(&randoms), interval));
	preempt_enable();
}
EXPORT_SYMBOL_GPL(pysample_advance);

/* exp(-x), all in 32 bits behind the point, for @x up to 22. */
static u64 exp_minus(u64 x)
{
	u64 y = x >> 8, square = y * y >> 32, cube = square * y >> 32;
	u64 e = (1ULL << 32) - y + square / 2 - cube / 6;
	unsigned int i;

	/* exp(-x/256), 8 times squared. */
	for (i = 0; i < 8; i++)
		e = mul_u64_u64_shr(e, e, 32);
	return e;
}

/**
 * pysample_weight() - for how many like itself a noted block stands
 * @size: bytes that were asked for
 * @interval: how many bytes lie between two points on average; 0: all blocks
 *	are noted
 *
 * Context: Any.
 * Return: the weight, in units of 1/PYSAMPLE_ONE.
 */
u64 pysample_weight(size_t size, unsigned long interval)
{
	u64 x;

	if (!interval)
		return PYSAMPLE_ONE;
	size = pysample_steps(size) << PYSAMPLE_STEP_SHIFT;
	if (size / interval >= 16)
		return PYSAMPLE_ONE;
	/* Small x: 1/(1 - exp(-x)) is 1/x + 1/2 + x/12 - ... */
	if (size < interval / 16)
		return div_u64((u64)interval << PYSAMPLE_ONE_SHIFT, size) +
		       PYSAMPLE_ONE / 2 +
		       div_u64((u64)size << PYSAMPLE_ONE_SHIFT, interval) / 12;
	x = div64_u64((u64)size << 32, interval);
	return div64_u64(PYSAMPLE_ONE << 32, (1ULL << 32) - exp_minus(x));
}
EXPORT_SYMBOL_GPL(pysample_weight);

/**
 * pysample_begin() - begin at each CPU, at a random place
 * @interval: how many bytes lie between two points on average
 *
 * Context: Process, while nobody samples.
 */
void pysample_begin(unsigned long interval)
{
	struct rnd_state *state;
	int cpu;

	for_each_possible_cpu(cpu) {
		state = per_cpu_ptr(&randoms, cpu);
		prandom_seed_state(state, get_random_u64());
		per_cpu(pysample_left, cpu) = distance(state, interval);
	}
}
