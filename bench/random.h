/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random numbers that cost little and are the same in every run: each run
 * does the same work.  Any context; the state is the caller's.
 */
#ifndef PYBENCH_RANDOM_H
#define PYBENCH_RANDOM_H

#include <linux/types.h>

struct rng {
	u64 state;
};

/* A different sequence for each @seed. */
static inline struct rng rng_seed(u32 seed)
{
	return (struct rng) { (seed + 1) * 0x9e3779b97f4a7c15ULL };
}

/* A number below @limit: the high bits of a 64-bit LCG, scaled. */
static inline u32 rng_below(struct rng *rng, u32 limit)
{
	rng->state = rng->state * 6364136223846793005ULL + 1442695040888963407ULL;
	return ((rng->state >> 32) * limit) >> 32;
}

#endif /* PYBENCH_RANDOM_H */
