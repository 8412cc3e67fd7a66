/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Teams of threads that do one piece of work together.
 */
#ifndef PYBENCH_THREADS_H
#define PYBENCH_THREADS_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "run.h"

/* One thread's share; @id counts from 0. */
struct team;
typedef int work_fn(struct team *team, unsigned int id);

/**
 * struct team - threads that work together
 * @run: what for
 * @data: the workload's own
 * @n: how many threads; they are bound to the online CPUs in turn
 * @work: what each does
 * @err: an error that some thread had
 * @met: how often a thread has come to a meeting
 * @meeting: where they wait for the others
 * @start: they begin at the same time
 * @called_off: or none of them begins, since not all are there
 * @working: threads that are not done
 * @done_at: when the last one was
 */
struct team {
	struct run *run;
	void *data;
	unsigned int n;
	work_fn *work;
	int err;
	atomic_t met;
	wait_queue_head_t meeting;
	struct completion start;
	bool called_off;
	atomic_t working;
	u64 done_at;
};

int team_work(struct team *team, work_fn *work, u64 *ticks);
void team_meet(struct team *team);

#endif /* PYBENCH_THREADS_H */
