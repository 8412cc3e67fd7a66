// SPDX-License-Identifier: GPL-2.0
/*
 * glibc-simple: batches of blocks of one small size.  All bytes of each block
 * are written, then the first half is freed in order and the second half in
 * reverse.  An operation is one block; writing it is included.
 *
 * Process context, under the lock of run.c.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "clock.h"
#include "run.h"

static const unsigned int simple_sizes[] = { 16, 32, 64 };
static const unsigned int simple_numbers[] = { 25, 100, 400, 1600 };

#define SIMPLE_MOST	1600

/* A kind of batch, and room for its blocks. */
struct simple {
	size_t size;
	unsigned int n;
	void **blocks;
};

static __always_inline unsigned int fill(enum allocator allocator,
					 const struct simple *simple)
{
	unsigned int i;

	for (i = 0; i < simple->n; i++) {
		simple->blocks[i] = any_malloc(allocator, simple->size);
		if (unlikely(!simple->blocks[i]))
			break;
		memset(simple->blocks[i], i, simple->size);
	}
	return i;
}

static __always_inline void empty(enum allocator allocator,
				  const struct simple *simple, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n / 2; i++)
		any_free(allocator, simple->blocks[i]);
	for (i = n; i > n / 2; i--)
		any_free(allocator, simple->blocks[i - 1]);
}

static __always_inline int simple_loop(enum allocator allocator,
				       const struct simple *simple, u32 ops)
{
	unsigned int batches, got;

	for (batches = ops / simple->n; batches; batches--) {
		got = fill(allocator, simple);
		empty(allocator, simple, got);
		if (unlikely(got < simple->n))
			return -ENOMEM;
	}
	return 0;
}

/* All numbers of blocks with one size. */
static int simple_size(struct run *run, size_t size, void **blocks)
{
	struct simple simple = { .size = size, .blocks = blocks };
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(simple_numbers) && !err; i++) {
		simple.n = simple_numbers[i];
		err = fold(run->allocator, simple_loop, &simple,
			   run->option[OPTION_OPS]);
		cond_resched();
	}
	return err;
}

static int simple_round(struct run *run, enum allocator allocator, void *data,
			u64 *ticks)
{
	u64 start = clock_now();
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(simple_sizes) && !err; i++)
		err = simple_size(run, simple_sizes[i], data);
	*ticks = clock_now() - start;
	return err;
}

/* Of OPTION_OPS, whole batches are done. */
static u64 ops_a_round(const struct run *run)
{
	u32 ops = run->option[OPTION_OPS];
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < ARRAY_SIZE(simple_numbers); i++)
		sum += rounddown(ops, simple_numbers[i]);
	return sum * ARRAY_SIZE(simple_sizes);
}

static int simple_run(struct run *run)
{
	void **blocks = vmalloc(array_size(SIMPLE_MOST, sizeof(*blocks)));
	int err;

	if (!blocks)
		return -ENOMEM;
	err = measure_whole(run, simple_round, blocks, ops_a_round(run));
	vfree(blocks);
	return err;
}

const struct workload simple_workload = {
	.name		= "glibc-simple",
	.allocators	= ALLOCATORS_ANY,
	.options	= (const struct option_range[]) {
		{ OPTION_ROUNDS, 3, 1, MAX_ROUNDS },
		{ OPTION_OPS, 100000, SIMPLE_MOST, 2000000 },
		{},
	},
	.run		= simple_run,
};
