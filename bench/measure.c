// SPDX-License-Identifier: GPL-2.0
/*
 * Measures a workload's round many times, and takes the least and the median.
 *
 * Interrupts stay enabled, since on PREEMPT_RT allocating without them is
 * another matter.  A round is short where it can be, so that the least of
 * them has no tick in it and no other task.
 *
 * Process context, may sleep between the rounds, under the lock of run.c.
 */
#include <linux/errno.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sort.h>

#include "run.h"

struct figures {
	u64 least;
	u64 median;
};

static int compare_ticks(const void *a, const void *b)
{
	const u64 *one = a, *other = b;

	return *one < *other ? -1 : *one > *other;
}

/* The first round warms up and does not count. */
static int measure_rounds(struct run *run, enum allocator allocator,
			  unsigned int n, round_fn *round, void *data,
			  struct figures *figures)
{
	unsigned int i;
	int err = round(run, allocator, data, &run->ticks[0]);

	for (i = 0; i < n && !err; i++) {
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
		err = round(run, allocator, data, &run->ticks[i]);
	}
	if (err)
		return err;
	sort(run->ticks, n, sizeof(*run->ticks), compare_ticks, NULL);
	figures->least = run->ticks[0];
	figures->median = run->ticks[n / 2];
	return 0;
}

static u64 less(u64 whole, u64 part)
{
	return whole > part ? whole - part : 0;
}

static int measure(struct run *run, unsigned int n, round_fn *round,
		   void *data, u64 ops, const struct figures *empty)
{
	struct figures figures;
	int err = measure_rounds(run, run->allocator, n, round, data, &figures);

	if (err)
		return err;
	results_time(run, "", "", less(figures.least, empty->least), ops);
	results_time(run, "", "_median", less(figures.median, empty->median),
		     ops);
	return 0;
}

/* All that one of @n rounds of @ops operations takes, the loop included. */
int measure_rounds_whole(struct run *run, unsigned int n, round_fn *round,
			 void *data, u64 ops)
{
	const struct figures empty = { 0, 0 };

	return measure(run, n, round, data, ops, &empty);
}

/* The same with as many rounds as were asked for. */
int measure_whole(struct run *run, round_fn *round, void *data, u64 ops)
{
	return measure_rounds_whole(run, run->option[OPTION_ROUNDS], round,
				    data, ops);
}

/* The same without what the loop takes with no allocator in it. */
int measure_net(struct run *run, round_fn *round, void *data, u64 ops)
{
	unsigned int n = run->option[OPTION_ROUNDS];
	struct figures empty;
	int err;

	if (run->allocator == ALLOCATOR_NONE)
		return measure_whole(run, round, data, ops);
	err = measure_rounds(run, ALLOCATOR_NONE, n, round, data, &empty);
	return err ? err : measure(run, n, round, data, ops, &empty);
}
