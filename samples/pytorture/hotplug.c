// SPDX-License-Identifier: GPL-2.0
/*
 * A thread that takes CPUs out and puts them back, one at a time, while a run
 * is under way.  The first CPU stays.
 *
 * Contexts: process.  No locks of its own.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/sched.h>

#include "torture.h"

#ifdef CONFIG_HOTPLUG_CPU

#define REST	(HZ / 10)

static struct task_struct *thread;

/* The next one that is online, but not the first. */
static unsigned int next_cpu(unsigned int cpu)
{
	cpu = cpumask_next(cpu, cpu_online_mask);
	if (cpu < nr_cpu_ids)
		return cpu;
	return cpumask_next(cpumask_first(cpu_online_mask), cpu_online_mask);
}

static void take_out(unsigned int cpu)
{
	if (remove_cpu(cpu))
		return;
	nmis_forget(cpu);
	schedule_timeout_idle(REST);
	if (add_cpu(cpu)) {
		pr_err("pytorture: FAILED: CPU %u does not come back\n", cpu);
		return;
	}
	interrupts_restart_on(cpu);
	run_count_hotplug();
}

static int swap_cpus(void *unused)
{
	unsigned int cpu = 0;

	while (!kthread_should_stop() && !run_is_over()) {
		cpu = next_cpu(cpu);
		take_out(cpu);
		schedule_timeout_idle(REST);
	}
	while (!kthread_should_stop())
		schedule_timeout_idle(1);
	return 0;
}

/**
 * hotplug_start() - let CPUs go and come
 *
 * Context: Process; sleeps.
 * Return: 0, also where there is one CPU; or an errno.
 */
int hotplug_start(void)
{
	struct task_struct *task;

	if (num_online_cpus() < 2)
		return 0;
	task = kthread_run(swap_cpus, NULL, "pytorture/cpus");
	if (IS_ERR(task))
		return PTR_ERR(task);
	thread = task;
	return 0;
}

/**
 * hotplug_stop() - all CPUs are back
 *
 * Context: Process; sleeps.
 */
void hotplug_stop(void)
{
	if (thread)
		kthread_stop(thread);
	thread = NULL;
}

#else

int hotplug_start(void)
{
	return 0;
}

void hotplug_stop(void)
{
}

#endif
