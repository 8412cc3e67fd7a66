// SPDX-License-Identifier: GPL-2.0
/*
 * Oscillation: a batch of some megabytes is allocated, freed in order,
 * allocated again.  An operation is one block, its malloc and its free.
 *
 * Process context, under the lock of run.c.
 */
#include <linux/errno.h>
#include <linux/sizes.h>

#include "clock.h"
#include "crowd.h"
#include "run.h"

static int oscillate_round(struct run *run, enum allocator allocator,
			   void *data, u64 *ticks)
{
	struct crowd *crowd = data;
	u64 start = clock_now();
	int err = crowd_grow(crowd, allocator, crowd->max);

	crowd_free_in_order(crowd, allocator);
	*ticks = clock_now() - start;
	return err;
}

static int oscillate_run(struct run *run)
{
	u32 size = run->option[OPTION_SIZE];
	size_t n = (size_t)run->option[OPTION_MIB] * SZ_1M / size;
	struct crowd crowd;
	int err = crowd_create(&crowd, n);

	if (err)
		return err;
	crowd_set_size(&crowd, size);
	err = measure_net(run, oscillate_round, &crowd, n);
	crowd_destroy(&crowd);
	return err;
}

const struct workload oscillate_workload = {
	.name		= "oscillate",
	.allocators	= ALLOCATORS_ANY | BIT(ALLOCATOR_NONE),
	.options	= (const struct option_range[]) {
		{ OPTION_ROUNDS, 10, 1, MAX_ROUNDS },
		{ OPTION_SIZE, 64, 1, PYALLOC_SMALL_MAX },
		{ OPTION_MIB, 6, 1, 64 },
		{},
	},
	.run		= oscillate_run,
};
