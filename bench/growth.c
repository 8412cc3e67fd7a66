// SPDX-License-Identifier: GPL-2.0
/*
 * Growth: a heap grows to millions of blocks, which are then freed in random
 * order.  The row `growth` is the whole of it, and an operation a malloc or a
 * free.  Other rows tell what an allocation takes on the way, and what a hot
 * pair takes while so many live, at each power of ten.
 *
 * Process context, under the lock of run.c.
 */
#include <linux/errno.h>
#include <linux/kernel.h>

#include "clock.h"
#include "crowd.h"
#include "run.h"

#define GROWTH_FIRST	1000

/*
 * What pyalloc keeps of the last lap for the next one would make that one
 * cheaper.  The slab allocators have given back theirs.
 */
static void start_afresh(enum allocator allocator)
{
	if (allocator == ALLOCATOR_MEM)
		pyalloc_reclaim();
}

/* A lap: all of the growth, and all freed.  The shuffling is not timed. */
static int growth_lap(struct run *run, enum allocator allocator, void *data,
		      u64 *ticks)
{
	struct crowd *crowd = data;
	u64 start;
	int err;

	start_afresh(allocator);
	start = clock_now();
	err = crowd_grow(crowd, allocator, crowd->max);
	*ticks = clock_now() - start;
	crowd_shuffle(crowd);
	start = clock_now();
	crowd_shrink(crowd, allocator, 0);
	*ticks += clock_now() - start;
	return err;
}

/* From what there is to @n blocks. */
static int grow_step(struct run *run, struct crowd *crowd, size_t n)
{
	size_t some = n - crowd->n;
	u64 start = clock_now();
	int err = crowd_grow(crowd, run->allocator, n);
	u64 ticks = clock_now() - start;

	if (err)
		return err;
	snprintf(run->word, sizeof(run->word), "growth-%zu", n);
	results_time(run, "alloc_", "", ticks, some);
	return pair_measure(run, run->option[OPTION_SIZE]);
}

static int grow_steps(struct run *run, struct crowd *crowd)
{
	size_t n = min_t(size_t, GROWTH_FIRST, crowd->max);
	int err;

	start_afresh(run->allocator);
	err = grow_step(run, crowd, n);
	while (n < crowd->max && !err) {
		n = min(n * 10, crowd->max);
		err = grow_step(run, crowd, n);
	}
	crowd_shrink(crowd, run->allocator, 0);
	return err;
}

static int growth_run(struct run *run)
{
	struct crowd crowd;
	int err = crowd_create(&crowd, run->option[OPTION_N]);

	if (err)
		return err;
	crowd_set_size(&crowd, run->option[OPTION_SIZE]);
	err = measure_rounds_whole(run, run->option[OPTION_LAPS], growth_lap,
				   &crowd, 2 * (u64)crowd.max);
	if (!err)
		err = grow_steps(run, &crowd);
	crowd_destroy(&crowd);
	return err;
}

const struct workload growth_workload = {
	.name		= "growth",
	.allocators	= ALLOCATORS_ANY,
	.options	= (const struct option_range[]) {
		{ OPTION_ROUNDS, 60, 1, MAX_ROUNDS },
		{ OPTION_SIZE, 64, 1, PYALLOC_SMALL_MAX },
		{ OPTION_N, 4000000, 1, 16000000 },
		{ OPTION_LAPS, 3, 1, MAX_ROUNDS },
		{},
	},
	.run		= growth_run,
};
