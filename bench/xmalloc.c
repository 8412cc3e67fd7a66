// SPDX-License-Identifier: GPL-2.0
/*
 * xmalloc-test: half of the threads only allocate, the others only free what
 * these hand them, in batches, through a stack under one lock.  A batch is a
 * block of the allocator itself.  An operation is a block, its malloc on one
 * side and its free on the other.
 *
 * Process context, in two threads for each CPU.
 */
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/wait.h>

#include "threads.h"

#define BATCH_BLOCKS	4096
/* So many batches may wait to be freed. */
#define MAX_WAITING	100
/* A producer writes to that much of each block. */
#define MAX_WRITTEN	128

struct batch {
	struct batch *next;
	void *blocks[BATCH_BLOCKS];
};

/**
 * struct exchange - where producers meet consumers
 * @lock: protects all but @changed; who waits for that takes it to look
 * @top: the batch that came last
 * @waiting: how many there are
 * @producers: those that will bring more
 * @changed: something did
 */
struct exchange {
	spinlock_t lock;	/* see above */
	struct batch *top;
	unsigned int waiting;
	unsigned int producers;
	wait_queue_head_t changed;
};

static bool exchange_push(struct exchange *exchange, struct batch *batch)
{
	bool room;

	spin_lock(&exchange->lock);
	room = exchange->waiting < MAX_WAITING;
	if (room) {
		batch->next = exchange->top;
		exchange->top = batch;
		exchange->waiting++;
	}
	spin_unlock(&exchange->lock);
	if (room)
		wake_up(&exchange->changed);
	return room;
}

/* True with a batch, or with none when no more will come. */
static bool exchange_pop(struct exchange *exchange, struct batch **batch)
{
	bool done;

	spin_lock(&exchange->lock);
	*batch = exchange->top;
	if (*batch) {
		exchange->top = (*batch)->next;
		exchange->waiting--;
	}
	done = *batch || !exchange->producers;
	spin_unlock(&exchange->lock);
	if (*batch)
		wake_up(&exchange->changed);
	return done;
}

static void exchange_leave(struct exchange *exchange)
{
	spin_lock(&exchange->lock);
	exchange->producers--;
	spin_unlock(&exchange->lock);
	wake_up_all(&exchange->changed);
}

static __always_inline int free_batch(enum allocator allocator,
				      struct batch *batch, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		any_free(allocator, batch->blocks[i]);
	any_free(allocator, batch);
	return 0;
}

static __always_inline struct batch *make_batch(enum allocator allocator,
						size_t size)
{
	struct batch *batch = any_malloc(allocator, sizeof(*batch));
	unsigned int i;

	if (!batch)
		return NULL;
	for (i = 0; i < BATCH_BLOCKS; i++) {
		batch->blocks[i] = any_malloc(allocator, size);
		if (unlikely(!batch->blocks[i])) {
			free_batch(allocator, batch, i);
			return NULL;
		}
		memset(batch->blocks[i], 0, min_t(size_t, size, MAX_WRITTEN));
	}
	return batch;
}

static int produce(struct team *team)
{
	struct exchange *exchange = team->data;
	const struct run *run = team->run;
	struct batch *batch;
	unsigned int i;
	int err = 0;

	for (i = 0; i < run->option[OPTION_BATCHES] && !err; i++) {
		batch = fold(run->allocator, make_batch,
			     run->option[OPTION_SIZE]);
		if (batch)
			wait_event(exchange->changed,
				   exchange_push(exchange, batch));
		else
			err = -ENOMEM;
	}
	exchange_leave(exchange);
	return err;
}

static int consume(struct team *team)
{
	struct exchange *exchange = team->data;
	struct batch *batch;

	for (;;) {
		wait_event(exchange->changed, exchange_pop(exchange, &batch));
		if (!batch)
			return 0;
		fold(team->run->allocator, free_batch, batch,
		     BATCH_BLOCKS);
	}
}

/* The first half produces; each CPU has one of either kind. */
static int xmalloc_work(struct team *team, unsigned int id)
{
	return id < team->n / 2 ? produce(team) : consume(team);
}

static int xmalloc_round(struct run *run, enum allocator allocator, void *data,
			 u64 *ticks)
{
	struct team *team = data;
	struct exchange *exchange = team->data;

	exchange->producers = team->n / 2;
	return team_work(team, xmalloc_work, ticks);
}

static int xmalloc_run(struct run *run)
{
	struct exchange exchange = {};
	struct team team = {
		.run	= run,
		.data	= &exchange,
		.n	= 2 * num_online_cpus(),
	};
	u64 ops = (u64)team.n / 2 * run->option[OPTION_BATCHES] * BATCH_BLOCKS;
	int err;

	spin_lock_init(&exchange.lock);
	init_waitqueue_head(&exchange.changed);
	run->cpus = team.n / 2;
	err = measure_whole(run, xmalloc_round, &team, ops);
	if (!err)
		results_count(run, "calls",
			      2 * ops * (run->option[OPTION_ROUNDS] + 1));
	return err;
}

const struct workload xmalloc_workload = {
	.name		= "xmalloc-test",
	.allocators	= ALLOCATORS_ANY,
	.options	= (const struct option_range[]) {
		{ OPTION_ROUNDS, 3, 1, MAX_ROUNDS },
		{ OPTION_SIZE, 64, 1, PYALLOC_SMALL_MAX },
		{ OPTION_BATCHES, 50, 1, 100000 },
		{},
	},
	.run		= xmalloc_run,
};
