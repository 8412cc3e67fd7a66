// SPDX-License-Identifier: GPL-2.0
/*
 * Fragmentation: blocks of all sizes up to a heap's largest are allocated and
 * held.  `release 99` then frees all but one in a hundred at random, and
 * `release` the rest; each tells what is still held.
 *
 * Process context, under the lock of run.c.
 */
#include <linux/errno.h>

#include "crowd.h"
#include "held.h"
#include "run.h"

static int fragment_run(struct run *run)
{
	struct crowd crowd;
	s64 slab_before;
	int err = crowd_create(&crowd, run->option[OPTION_N]);

	if (err)
		return err;
	crowd_mix_sizes(&crowd);
	slab_before = slab_bytes();
	err = crowd_grow(&crowd, run->allocator, crowd.max);
	if (!err) {
		held_keep(run, &crowd, slab_before);
		return 0;
	}
	crowd_shrink(&crowd, run->allocator, 0);
	crowd_destroy(&crowd);
	return err;
}

const struct workload fragment_workload = {
	.name		= "fragment",
	.allocators	= ALLOCATORS_ANY,
	.options	= (const struct option_range[]) {
		{ OPTION_N, 100000, 1, 4000000 },
		{},
	},
	.run		= fragment_run,
};
