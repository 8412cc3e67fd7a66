// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks that live together: some are allocated, then all are freed, in the
 * order in which they came, in reverse, or at random.  An operation is one
 * block, its malloc and its free.
 *
 * Process context, under the lock of run.c.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "clock.h"
#include "random.h"
#include "run.h"

/**
 * struct live - what a round needs
 * @source: where the blocks come from
 * @size: of each
 * @n: how many live together
 * @blocks: these
 * @order: which of them to free, one after the other
 */
struct live {
	struct source source;
	size_t size;
	unsigned int n;
	void **blocks;
	u32 *order;
};

static __always_inline unsigned int live_malloc(enum allocator allocator,
						const struct live *live)
{
	struct source source = live->source;
	size_t size = live->size;
	unsigned int i, n = live->n;

	for (i = 0; i < n; i++) {
		live->blocks[i] = fixed_malloc(allocator, source, size);
		if (unlikely(!live->blocks[i]))
			break;
	}
	return i;
}

static __always_inline void live_free(enum allocator allocator,
				      const struct live *live)
{
	struct source source = live->source;
	unsigned int i, n = live->n;

	for (i = 0; i < n; i++)
		fixed_free(allocator, source, live->blocks[live->order[i]]);
}

/* When memory is short, those that did come go back. */
static __always_inline int live_abandon(enum allocator allocator,
					const struct live *live,
					unsigned int n)
{
	while (n--)
		fixed_free(allocator, live->source, live->blocks[n]);
	return -ENOMEM;
}

static __always_inline int live_loop(enum allocator allocator,
				     const struct live *live, u64 *ticks)
{
	u64 start = clock_now();
	unsigned int i, got;

	for (i = 0; i < LOOP_PAIRS / live->n; i++) {
		got = live_malloc(allocator, live);
		if (unlikely(got < live->n))
			return live_abandon(allocator, live, got);
		live_free(allocator, live);
	}
	*ticks = clock_now() - start;
	return 0;
}

static int live_round(struct run *run, enum allocator allocator, void *data,
		      u64 *ticks)
{
	return fold(allocator, live_loop, data, ticks);
}

static void shuffle(u32 *order, unsigned int n)
{
	struct rng rng = rng_seed(n);

	while (n > 1) {
		u32 other = rng_below(&rng, n--);

		swap(order[n], order[other]);
	}
}

static void set_order(struct live *live, enum order order)
{
	unsigned int i;

	for (i = 0; i < live->n; i++)
		live->order[i] = order == ORDER_LIFO ? live->n - 1 - i : i;
	if (order == ORDER_SHUFFLED)
		shuffle(live->order, live->n);
}

static int measure_live(struct run *run, struct live *live)
{
	int err = source_open(&live->source, run->allocator, live->size);

	if (err)
		return err;
	set_order(live, run->order);
	err = measure_net(run, live_round, live,
			  LOOP_PAIRS / live->n * live->n);
	source_close(&live->source);
	return err;
}

static int live_run(struct run *run)
{
	struct live live = {
		.size	= run->option[OPTION_SIZE],
		.n	= run->option[OPTION_N],
	};
	int err = -ENOMEM;

	live.blocks = kvmalloc_array(live.n, sizeof(*live.blocks), GFP_KERNEL);
	live.order = kvmalloc_array(live.n, sizeof(*live.order), GFP_KERNEL);
	snprintf(run->word, sizeof(run->word), "live-%u-%s", live.n,
		 order_names[run->order]);
	if (live.blocks && live.order)
		err = measure_live(run, &live);
	kvfree(live.order);
	kvfree(live.blocks);
	return err;
}

const struct workload live_workload = {
	.name		= "live",
	.allocators	= ALLOCATORS_ANY | BIT(ALLOCATOR_MEMPOOL) |
			  BIT(ALLOCATOR_NONE),
	.takes_order	= true,
	.options	= (const struct option_range[]) {
		{ OPTION_ROUNDS, 60, 1, MAX_ROUNDS },
		{ OPTION_SIZE, 64, 1, PYALLOC_SMALL_MAX },
		{ OPTION_N, LOOP_PAIRS, 1, LOOP_PAIRS },
		{},
	},
	.run		= live_run,
};
