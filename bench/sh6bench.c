// SPDX-License-Identifier: GPL-2.0
/*
 * sh6bench: blocks of mostly very small sizes go into a ring.  When it is
 * full, a window of a fifth of it is kept, and moved on by one window each
 * time; what is below is freed in the order of allocation, what is above in
 * reverse.  An operation is one block.
 *
 * Process context, in two threads for each CPU.
 */
#include <linux/compiler.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "threads.h"

/* Slots of all rings together. */
#define RING_SLOTS	10000
#define SIZE_LIMIT	1000
/* Blocks of one size in a row, up to which size, and above it. */
#define SMALL_BLOCKS	250
#define SMALL_LIMIT	100
#define LARGE_BLOCKS	50
/* The blocks of one pass through all sizes. */
#define PASS_BLOCKS	19300

/**
 * struct ring - a thread's blocks
 * @slots: these, NULL where there is none
 * @n: how many slots
 * @at: the next one to fill
 * @kept: the first slot of the window that is kept
 * @kept_end: the first one behind it
 */
struct ring {
	void **slots;
	unsigned int n;
	unsigned int at;
	unsigned int kept;
	unsigned int kept_end;
};

static __always_inline void free_slot(enum allocator allocator, void **slot)
{
	if (*slot)
		any_free(allocator, *slot);
	*slot = NULL;
}

/* The ring is full: keeps the next window, and frees what is around it. */
static __always_inline void turn(enum allocator allocator, struct ring *ring)
{
	unsigned int i;

	ring->kept = ring->kept_end < ring->n ? ring->kept_end : 0;
	ring->kept_end = min(ring->kept + max(ring->n / 5, 1U), ring->n);
	for (i = 0; i < ring->kept; i++)
		free_slot(allocator, &ring->slots[i]);
	for (i = ring->n; i > ring->kept_end; i--)
		free_slot(allocator, &ring->slots[i - 1]);
	ring->at = ring->kept ? 0 : ring->kept_end;
}

static __always_inline int put_block(enum allocator allocator,
				     struct ring *ring, size_t size)
{
	u8 *block = any_malloc(allocator, size);

	if (unlikely(!block))
		return -ENOMEM;
	WRITE_ONCE(block[0], 0);
	WRITE_ONCE(block[size - 1], 0);
	ring->slots[ring->at++] = block;
	if (ring->at == ring->kept)
		ring->at = ring->kept_end;
	if (ring->at == ring->n)
		turn(allocator, ring);
	return 0;
}

static __always_inline int put_blocks(enum allocator allocator,
				      struct ring *ring, size_t size)
{
	unsigned int n = size < SMALL_LIMIT ? SMALL_BLOCKS : LARGE_BLOCKS;
	int err = 0;

	while (n-- && !err)
		err = put_block(allocator, ring, size);
	return err;
}

static __always_inline int pass(enum allocator allocator, struct ring *ring)
{
	size_t base, size;
	int err = 0;

	for (base = 1; base < SIZE_LIMIT && !err; base = base * 3 / 2 + 1) {
		for (size = base; size && !err; size /= 2)
			err = put_blocks(allocator, ring, size);
	}
	return err;
}

static __always_inline int passes(enum allocator allocator, struct ring *ring,
				  unsigned int n)
{
	unsigned int i;
	int err = 0;

	while (n-- && !err) {
		err = pass(allocator, ring);
		cond_resched();
	}
	for (i = 0; i < ring->n; i++)
		free_slot(allocator, &ring->slots[i]);
	return err;
}

static int sh6bench_work(struct team *team, unsigned int id)
{
	const struct run *run = team->run;
	/* No window is kept before the ring is full for the first time. */
	struct ring ring = { .n = RING_SLOTS / team->n };
	int err;

	ring.kept = ring.n;
	ring.kept_end = ring.n;
	ring.slots = vzalloc(array_size(ring.n, sizeof(*ring.slots)));
	if (!ring.slots)
		return -ENOMEM;
	err = fold(run->allocator, passes, &ring,
		   run->option[OPTION_PASSES]);
	vfree(ring.slots);
	return err;
}

static int sh6bench_round(struct run *run, enum allocator allocator,
			  void *data, u64 *ticks)
{
	return team_work(data, sh6bench_work, ticks);
}

static int sh6bench_run(struct run *run)
{
	struct team team = {
		.run	= run,
		.n	= min(2 * num_online_cpus(), RING_SLOTS / 10U),
	};

	run->cpus = num_online_cpus();
	return measure_whole(run, sh6bench_round, &team,
			     (u64)team.n * run->option[OPTION_PASSES] *
			     PASS_BLOCKS);
}

const struct workload sh6bench_workload = {
	.name		= "sh6bench",
	.allocators	= ALLOCATORS_ANY,
	.options	= (const struct option_range[]) {
		{ OPTION_ROUNDS, 3, 1, MAX_ROUNDS },
		{ OPTION_PASSES, 10, 1, RING_SLOTS },
		{},
	},
	.run		= sh6bench_run,
};
