// SPDX-License-Identifier: GPL-2.0
/*
 * larson: a server's threads, each of which replaces blocks of its table at
 * random, and then hands the table on, so that blocks are freed by a thread
 * that did not allocate them.  Handing on is done here by moving each table
 * to the next thread.  An operation is a replacement: a free and a malloc.
 *
 * Process context, in a thread for each CPU.
 */
#include <linux/compiler.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/vmalloc.h>

#include "random.h"
#include "threads.h"

#define LARSON_MIN	8
#define LARSON_MAX	PYALLOC_SMALL_MAX
/* Replacements in each table before it is measured, for each of its blocks. */
#define LARSON_WARM_UP	4

struct larson {
	void ***tables;
	unsigned int n;
};

static u32 random_size(struct rng *rng)
{
	return LARSON_MIN + rng_below(rng, LARSON_MAX - LARSON_MIN + 1);
}

static __always_inline int replace(enum allocator allocator, void **table,
				   unsigned int n, struct rng *rng, u32 ops)
{
	void **slot;

	while (ops--) {
		slot = &table[rng_below(rng, n)];
		any_free(allocator, *slot);
		*slot = any_malloc(allocator, random_size(rng));
		if (unlikely(!*slot))
			return -ENOMEM;
		/* A client writes to what it has got. */
		WRITE_ONCE(*(u16 *)*slot, ops);
	}
	return 0;
}

static __always_inline int fill_table(enum allocator allocator, void **table,
				      unsigned int n, struct rng *rng)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		table[i] = any_malloc(allocator, random_size(rng));
		if (!table[i])
			return -ENOMEM;
	}
	return replace(allocator, table, n, rng, LARSON_WARM_UP * n);
}

static __always_inline int empty_table(enum allocator allocator, void **table,
				       unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		any_free(allocator, table[i]);
	return 0;
}

static int fill_work(struct team *team, unsigned int id)
{
	struct larson *larson = team->data;
	struct rng rng = rng_seed(id);

	return fold(team->run->allocator, fill_table, larson->tables[id],
		    larson->n, &rng);
}

static int replace_work(struct team *team, unsigned int id)
{
	struct larson *larson = team->data;
	struct run *run = team->run;
	struct rng rng = rng_seed(team->n + id);
	unsigned int era;
	int err = 0;

	for (era = 0; era < run->option[OPTION_ERAS]; era++) {
		if (!err)
			err = fold(run->allocator, replace,
				   larson->tables[(id + era) % team->n],
				   larson->n, &rng,
				   run->option[OPTION_OPS]);
		team_meet(team);
	}
	return err;
}

static int larson_round(struct run *run, enum allocator allocator, void *data,
			u64 *ticks)
{
	return team_work(data, replace_work, ticks);
}

static int measure_larson(struct run *run, struct team *team)
{
	u64 ops = (u64)team->n * run->option[OPTION_ERAS] *
		  run->option[OPTION_OPS];
	u64 ignored;
	int err = team_work(team, fill_work, &ignored);

	if (!err)
		err = measure_whole(run, larson_round, team, ops);
	if (!err)
		results_count(run, "calls",
			      2 * ops * (run->option[OPTION_ROUNDS] + 1));
	return err;
}

static int larson_run(struct run *run)
{
	struct larson larson = { .n = run->option[OPTION_N] };
	struct team team = {
		.run	= run,
		.data	= &larson,
		.n	= num_online_cpus(),
	};
	unsigned int id;
	int err = 0;

	run->cpus = team.n;
	larson.tables = kcalloc(team.n, sizeof(*larson.tables), GFP_KERNEL);
	if (!larson.tables)
		return -ENOMEM;
	for (id = 0; id < team.n; id++) {
		larson.tables[id] = bench_array(larson.n, sizeof(void *));
		if (!larson.tables[id])
			err = -ENOMEM;
	}
	if (!err)
		err = measure_larson(run, &team);
	for (id = 0; id < team.n; id++) {
		if (larson.tables[id])
			fold(run->allocator, empty_table,
			     larson.tables[id], larson.n);
		vfree(larson.tables[id]);
	}
	kfree(larson.tables);
	return err;
}

const struct workload larson_workload = {
	.name		= "larson",
	.allocators	= ALLOCATORS_ANY,
	.options	= (const struct option_range[]) {
		{ OPTION_ROUNDS, 3, 1, MAX_ROUNDS },
		{ OPTION_N, 5000, 1, 1000000 },
		{ OPTION_ERAS, 4, 1, 1000 },
		{ OPTION_OPS, 50000, 1, 10000000 },
		{},
	},
	.run		= larson_run,
};
