// SPDX-License-Identifier: GPL-2.0
/*
 * cache-scratch: shows whether an allocator gives two CPUs parts of one cache
 * line.  Each thread frees a small block that all got from one thread, and
 * then allocates one, writes to it many times and frees it, again and again.
 * An operation is a write.
 *
 * Process context, in a thread for each CPU.
 */
#include <linux/compiler.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "threads.h"

/* A block of one byte, and how often one is made. */
#define SCRATCH_SIZE	1
#define SCRATCH_LOOPS	1000

static __always_inline int scratch_loop(enum allocator allocator, void *given,
					u32 writes)
{
	u8 *block;
	unsigned int loop;
	u32 i;

	any_free(allocator, given);
	for (loop = 0; loop < SCRATCH_LOOPS; loop++) {
		cond_resched();
		block = any_malloc(allocator, SCRATCH_SIZE);
		if (unlikely(!block))
			return -ENOMEM;
		for (i = 0; i < writes; i++)
			WRITE_ONCE(*block, i);
		any_free(allocator, block);
	}
	return 0;
}

static __always_inline void *give(enum allocator allocator)
{
	return any_malloc(allocator, SCRATCH_SIZE);
}

static __always_inline int take_back(enum allocator allocator, void *given)
{
	any_free(allocator, given);
	return 0;
}

static int scratch_work(struct team *team, unsigned int id)
{
	const struct run *run = team->run;
	void **given = team->data, *block = given[id];

	given[id] = NULL;
	return fold(run->allocator, scratch_loop, block,
		    run->option[OPTION_WRITES]);
}

/* What the threads did not take, since there were none or not enough of it. */
static void take_back_all(const struct run *run, void **given, unsigned int n)
{
	while (n--)
		fold(run->allocator, take_back, given[n]);
}

/* One thread's blocks lie side by side; each other one gets one of them. */
static int scratch_round(struct run *run, enum allocator allocator, void *data,
			 u64 *ticks)
{
	struct team *team = data;
	void **given = team->data;
	unsigned int id;
	int err = 0;

	for (id = 0; id < team->n; id++) {
		given[id] = fold(allocator, give);
		if (!given[id])
			err = -ENOMEM;
	}
	if (!err)
		err = team_work(team, scratch_work, ticks);
	take_back_all(run, given, team->n);
	return err;
}

static int scratch_run(struct run *run)
{
	struct team team = {
		.run	= run,
		.n	= num_online_cpus(),
	};
	u64 ops = (u64)team.n * SCRATCH_LOOPS * run->option[OPTION_WRITES];
	int err;

	run->cpus = team.n;
	team.data = kcalloc(team.n, sizeof(void *), GFP_KERNEL);
	if (!team.data)
		return -ENOMEM;
	err = measure_whole(run, scratch_round, &team, ops);
	kfree(team.data);
	return err;
}

const struct workload scratch_workload = {
	.name		= "cache-scratch",
	.allocators	= ALLOCATORS_ANY,
	.options	= (const struct option_range[]) {
		{ OPTION_ROUNDS, 3, 1, MAX_ROUNDS },
		{ OPTION_WRITES, 2000, 1, 2000000 },
		{},
	},
	.run		= scratch_run,
};
