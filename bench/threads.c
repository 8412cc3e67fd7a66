// SPDX-License-Identifier: GPL-2.0
/*
 * Runs teams of threads.  What is measured is the time from when all may
 * begin until the last has ended.
 *
 * Process context, may sleep, under the lock of run.c; the threads are gone
 * when team_work() returns.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/slab.h>

#include "clock.h"
#include "threads.h"

struct member {
	struct team *team;
	unsigned int id;
	struct completion ended;
};

static int member_thread(void *data)
{
	struct member *member = data;
	struct team *team = member->team;
	int err = 0;

	wait_for_completion(&team->start);
	if (!team->called_off)
		err = team->work(team, member->id);
	if (err)
		WRITE_ONCE(team->err, err);
	if (atomic_dec_and_test(&team->working))
		team->done_at = clock_now();
	kthread_complete_and_exit(&member->ended, 0);
}

static unsigned int nth_online_cpu(unsigned int n)
{
	unsigned int cpu = cpumask_first(cpu_online_mask);

	for (n %= num_online_cpus(); n; n--)
		cpu = cpumask_next(cpu, cpu_online_mask);
	return cpu;
}

static int start_member(struct member *member)
{
	struct task_struct *task;

	init_completion(&member->ended);
	task = kthread_create(member_thread, member, "pybench/%u", member->id);
	if (IS_ERR(task))
		return PTR_ERR(task);
	cpus_read_lock();
	kthread_bind(task, nth_online_cpu(member->id));
	cpus_read_unlock();
	wake_up_process(task);
	return 0;
}

/* Starts all of @team, lets them go and waits for them. */
static void let_work(struct team *team, struct member *members, u64 *ticks)
{
	unsigned int i, started;
	u64 begin;

	for (started = 0; started < team->n; started++) {
		members[started].team = team;
		members[started].id = started;
		team->err = start_member(&members[started]);
		if (team->err)
			break;
	}
	team->called_off = started < team->n;
	atomic_set(&team->working, started);
	begin = clock_now();
	complete_all(&team->start);
	for (i = 0; i < started; i++)
		wait_for_completion(&members[i].ended);
	*ticks = team->done_at - begin;
}

/*
 * All of @team do @work, each its share; how long that took goes to @ticks.
 * When a thread can't be started, nobody does anything: the others might wait
 * for it.  Returns an error that one of them had.
 */
int team_work(struct team *team, work_fn *work, u64 *ticks)
{
	struct member *members = kcalloc(team->n, sizeof(*members), GFP_KERNEL);

	if (!members)
		return -ENOMEM;
	team->work = work;
	team->err = 0;
	atomic_set(&team->met, 0);
	init_waitqueue_head(&team->meeting);
	init_completion(&team->start);
	let_work(team, members, ticks);
	kfree(members);
	return team->err;
}

/* Waits until all of @team are here.  All have to come, whatever happened. */
void team_meet(struct team *team)
{
	int met = atomic_inc_return(&team->met);
	int all = roundup(met, (int)team->n);

	if (met == all)
		wake_up_all(&team->meeting);
	wait_event(team->meeting, atomic_read(&team->met) >= all);
}
