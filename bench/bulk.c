// SPDX-License-Identifier: GPL-2.0
/*
 * Arrays of blocks, allocated and freed in bulk.  An operation is one block
 * of an array.
 *
 * Process context, under the lock of run.c.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "clock.h"
#include "run.h"

struct bulk {
	struct source source;
	size_t size;
	unsigned int n;
	void **blocks;
};

static __always_inline int bulk_loop(enum allocator allocator,
				     const struct bulk *bulk, u64 *ticks)
{
	struct source source = bulk->source;
	size_t size = bulk->size, n = bulk->n;
	u64 start = clock_now();
	unsigned int i;

	for (i = 0; i < LOOP_PAIRS / n; i++) {
		if (unlikely(!bulk_malloc(allocator, source, size, n,
					  bulk->blocks)))
			return -ENOMEM;
		bulk_free(allocator, source, n, bulk->blocks);
	}
	*ticks = clock_now() - start;
	return 0;
}

static int bulk_round(struct run *run, enum allocator allocator, void *data,
		      u64 *ticks)
{
	return fold(allocator, bulk_loop, data, ticks);
}

static int bulk_run(struct run *run)
{
	struct bulk bulk = {
		.size	= run->option[OPTION_SIZE],
		.n	= run->option[OPTION_N],
	};
	int err;

	snprintf(run->word, sizeof(run->word), "bulk-%u", bulk.n);
	bulk.blocks = kvmalloc_array(bulk.n, sizeof(*bulk.blocks), GFP_KERNEL);
	if (!bulk.blocks)
		return -ENOMEM;
	err = source_open(&bulk.source, run->allocator, bulk.size);
	if (!err) {
		err = measure_net(run, bulk_round, &bulk,
				  LOOP_PAIRS / bulk.n * bulk.n);
		source_close(&bulk.source);
	}
	kvfree(bulk.blocks);
	return err;
}

const struct workload bulk_workload = {
	.name		= "bulk",
	.allocators	= BIT(ALLOCATOR_KMALLOC) | BIT(ALLOCATOR_CACHE_BULK) |
			  BIT(ALLOCATOR_MEM_BULK) | BIT(ALLOCATOR_NONE),
	.options	= (const struct option_range[]) {
		{ OPTION_ROUNDS, 60, 1, MAX_ROUNDS },
		{ OPTION_SIZE, 64, 1, PYALLOC_SMALL_MAX },
		{ OPTION_N, 256, 1, LOOP_PAIRS },
		{},
	},
	.run		= bulk_run,
};
