// SPDX-License-Identifier: GPL-2.0
/*
 * The threads of a run: as many as were asked for, wherever the scheduler puts
 * them.
 *
 * Contexts: process.  No locks.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "torture.h"

#define OPS_AT_ONCE	64

struct worker {
	struct actor		*actor;
	struct task_struct	*task;
};

static struct worker *workers;
static unsigned int nr_workers;
static atomic_t at_work;
static DECLARE_WAIT_QUEUE_HEAD(all_done);

static int work(void *data)
{
	struct worker *worker = data;

	while (!run_is_over()) {
		actor_act(worker->actor, OPS_AT_ONCE);
		cond_resched();
	}
	if (atomic_dec_and_test(&at_work))
		wake_up_all(&all_done);
	wait_event_idle(all_done, kthread_should_stop());
	return 0;
}

static int start_one(struct worker *worker)
{
	struct task_struct *task;

	worker->actor = actor_new(IN_THREAD);
	if (!worker->actor)
		return -ENOMEM;
	task = kthread_create(work, worker, "pytorture/%u", nr_workers);
	if (IS_ERR(task)) {
		actor_free(worker->actor);
		return PTR_ERR(task);
	}
	worker->task = task;
	nr_workers++;
	atomic_inc(&at_work);
	return 0;
}

/**
 * workers_start() - let the threads begin
 *
 * Context: Process; sleeps.
 * Return: 0 or an errno; then those that were made are there all the same.
 */
int workers_start(void)
{
	unsigned int i;
	int err = 0;

	atomic_set(&at_work, 0);
	workers = kvcalloc(run_options.threads, sizeof(*workers), GFP_KERNEL);
	if (!workers)
		return -ENOMEM;
	while (!err && nr_workers < run_options.threads)
		err = start_one(&workers[nr_workers]);
	for (i = 0; i < nr_workers; i++)
		wake_up_process(workers[i].task);
	return err;
}

/**
 * workers_wait() - wait until the threads have done all there is to do
 *
 * Context: Process; sleeps.
 */
void workers_wait(void)
{
	unsigned int i;

	wait_event_idle(all_done, !atomic_read(&at_work));
	for (i = 0; i < nr_workers; i++)
		kthread_stop(workers[i].task);
}

/**
 * workers_free() - free what the threads held, after workers_wait()
 *
 * Context: Process; sleeps.
 */
void workers_free(void)
{
	while (nr_workers)
		actor_free(workers[--nr_workers].actor);
	kvfree(workers);
	workers = NULL;
}
