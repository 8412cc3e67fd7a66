// SPDX-License-Identifier: GPL-2.0
/*
 * The hot pair: a block is allocated and freed at once, again and again.  An
 * operation is a pair.
 *
 * Process context, under the lock of run.c.
 */
#include <linux/errno.h>
#include <linux/kernel.h>

#include "clock.h"
#include "run.h"

/* The one size that is measured as a constant, too. */
#define CONSTANT_SIZE	64

struct pair {
	struct source source;
	size_t size;
};

static __always_inline int pair_loop(enum allocator allocator,
				     struct source source, size_t size,
				     u64 *ticks)
{
	u64 start = clock_now();
	unsigned int i;
	void *ptr;

	for (i = 0; i < LOOP_PAIRS; i++) {
		ptr = fixed_malloc(allocator, source, size);
		if (unlikely(!ptr))
			return -ENOMEM;
		fixed_free(allocator, source, ptr);
	}
	*ticks = clock_now() - start;
	return 0;
}

static int constant_round(struct run *run, enum allocator allocator,
			  void *data, u64 *ticks)
{
	const struct pair *pair = data;

	return fold(allocator, pair_loop, pair->source, CONSTANT_SIZE,
		    ticks);
}

static int variable_round(struct run *run, enum allocator allocator,
			  void *data, u64 *ticks)
{
	const struct pair *pair = data;

	return fold(allocator, pair_loop, pair->source, pair->size,
		    ticks);
}

static int measure_pair(struct run *run, size_t size, round_fn *round)
{
	struct pair pair = { .size = size };
	int err = source_open(&pair.source, run->allocator, size);

	if (err)
		return err;
	err = measure_net(run, round, &pair, LOOP_PAIRS);
	source_close(&pair.source);
	return err;
}

/* Pairs of @size bytes; the rows are named by what @run says. */
int pair_measure(struct run *run, size_t size)
{
	return measure_pair(run, size, variable_round);
}

static int pair_run(struct run *run)
{
	if (!run->option[OPTION_CONSTANT])
		return pair_measure(run, run->option[OPTION_SIZE]);
	if (run->option[OPTION_SIZE] != CONSTANT_SIZE)
		return -EINVAL;
	snprintf(run->word, sizeof(run->word), "pair-constant");
	return measure_pair(run, CONSTANT_SIZE, constant_round);
}

const struct workload pair_workload = {
	.name		= "pair",
	.allocators	= ALLOCATORS_ANY | BIT(ALLOCATOR_MEMPOOL) |
			  ALLOCATORS_HEAP | BIT(ALLOCATOR_TYPE) |
			  BIT(ALLOCATOR_NONE),
	.options	= (const struct option_range[]) {
		{ OPTION_ROUNDS, 60, 1, MAX_ROUNDS },
		{ OPTION_SIZE, 64, 1, PYALLOC_SMALL_MAX },
		{ OPTION_CONSTANT, 0, 0, 1 },
		{},
	},
	.run		= pair_run,
};

static int sizes_run(struct run *run)
{
	unsigned int step;
	size_t size;
	int err = 0;

	for (step = 1; step <= BENCH_STEPS && !err; step++) {
		size = step << PYALLOC_STEP_SHIFT;
		snprintf(run->word, sizeof(run->word), "size-%zu", size);
		err = pair_measure(run, size);
	}
	return err;
}

const struct workload sizes_workload = {
	.name		= "sizes",
	.allocators	= ALLOCATORS_ANY | BIT(ALLOCATOR_MEMPOOL) |
			  ALLOCATORS_HEAP | BIT(ALLOCATOR_TYPE) |
			  BIT(ALLOCATOR_NONE),
	.options	= (const struct option_range[]) {
		{ OPTION_ROUNDS, 60, 1, MAX_ROUNDS },
		{},
	},
	.run		= sizes_run,
};
