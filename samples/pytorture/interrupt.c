// SPDX-License-Identifier: GPL-2.0
/*
 * The actors in interrupts: on each CPU one in a hard hrtimer, in a soft one,
 * in a timer, a tasklet, an irq_work and, where there are any, in NMIs.
 *
 * The hard hrtimer sets off the irq_work, the tasklet and the next CPU's NMI.
 * How long it waits follows from how long its operations took, so that threads
 * get on however slow the CPU is.
 *
 * Contexts: see each function.  No locks.
 */
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/timer.h>

#include "torture.h"
#include "../../pyalloc/compat.h"

#define OPS_AT_ONCE	8
#define REST		16	/* times as long as it worked */
#define REST_NS		50000	/* and this */

/* What interrupts a CPU; the CPU may go, and others have it then. */
struct source {
	struct hrtimer		hard;
	struct hrtimer		soft;
	struct timer_list	timer;
	struct tasklet_struct	tasklet;
	struct irq_work		work;
	struct actor		*actor[NR_PLACES];
};

static struct source *sources;
static bool stopping;

static bool is_over(void)
{
	return READ_ONCE(stopping) || run_is_over();
}

static void set_off_nmi(void)
{
	unsigned int cpu = cpumask_next(smp_processor_id(), cpu_online_mask);

	if (cpu >= nr_cpu_ids)
		cpu = cpumask_first(cpu_online_mask);
	nmis_send(cpu);
}

/* Acts, and says how long to rest then. */
static u64 act(struct actor *actor)
{
	u64 start = ktime_get_ns();

	actor_act(actor, OPS_AT_ONCE);
	return REST_NS + REST * (ktime_get_ns() - start);
}

static enum hrtimer_restart in_hard_timer(struct hrtimer *timer)
{
	struct source *source = container_of(timer, struct source, hard);
	u64 rest;

	if (is_over())
		return HRTIMER_NORESTART;
	irq_work_queue(&source->work);
	tasklet_schedule(&source->tasklet);
	rest = act(source->actor[IN_HARD_TIMER]);
	set_off_nmi();
	hrtimer_forward_now(timer, ns_to_ktime(rest));
	return HRTIMER_RESTART;
}

static enum hrtimer_restart in_soft_timer(struct hrtimer *timer)
{
	struct source *source = container_of(timer, struct source, soft);

	if (is_over())
		return HRTIMER_NORESTART;
	hrtimer_forward_now(timer,
			    ns_to_ktime(act(source->actor[IN_SOFT_TIMER])));
	return HRTIMER_RESTART;
}

static void in_timer(struct timer_list *timer)
{
	struct source *source = container_of(timer, struct source, timer);

	if (is_over())
		return;
	actor_act(source->actor[IN_TIMER], OPS_AT_ONCE);
	mod_timer(timer, jiffies + 1);
}

static void in_tasklet(struct tasklet_struct *tasklet)
{
	struct source *source = container_of(tasklet, struct source, tasklet);

	actor_act(source->actor[IN_TASKLET], OPS_AT_ONCE);
}

static void in_irq_work(struct irq_work *work)
{
	struct source *source = container_of(work, struct source, work);

	actor_act(source->actor[IN_IRQ_WORK], OPS_AT_ONCE);
}

static struct actor *actor_in_nmi(unsigned int cpu)
{
	return sources[cpu].actor[IN_NMI];
}

/* In an interrupt from another CPU, or from this one. */
static void start_here(void *data)
{
	struct source *source = data;

	hrtimer_start(&source->hard, ns_to_ktime(REST_NS),
		      HRTIMER_MODE_REL_PINNED_HARD);
	hrtimer_start(&source->soft, ns_to_ktime(REST_NS),
		      HRTIMER_MODE_REL_PINNED_SOFT);
}

static void init_source(struct source *source)
{
	hrtimer_setup(&source->hard, in_hard_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
	hrtimer_setup(&source->soft, in_soft_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_SOFT);
	timer_setup(&source->timer, in_timer, 0);
	tasklet_setup(&source->tasklet, in_tasklet);
	source->work = IRQ_WORK_INIT_HARD(in_irq_work);
}

static int make_actors(struct source *source)
{
	enum place place;

	for (place = IN_SOFT_TIMER; place < NR_PLACES; place++) {
		source->actor[place] = actor_new(place);
		if (!source->actor[place])
			return -ENOMEM;
	}
	return 0;
}

/* Those of CPUs that are not there wait until they are. */
static int make_sources(void)
{
	unsigned int cpu;
	int err = 0;

	sources = kvcalloc(nr_cpu_ids, sizeof(*sources), GFP_KERNEL);
	if (!sources)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		init_source(&sources[cpu]);
	for_each_possible_cpu(cpu)
		err = err ?: make_actors(&sources[cpu]);
	return err;
}

/**
 * interrupts_start() - let the interrupts begin
 *
 * Context: Process; sleeps.
 * Return: 0 or an errno; then interrupts_stop() is due all the same.
 */
int interrupts_start(void)
{
	unsigned int cpu;
	int err = make_sources();

	if (err)
		return err;
	WRITE_ONCE(stopping, false);
	err = nmis_start(actor_in_nmi);
	if (err)
		return err;
	for_each_online_cpu(cpu) {
		smp_call_function_single(cpu, start_here, &sources[cpu], 1);
		mod_timer(&sources[cpu].timer, jiffies + 1);
	}
	return 0;
}

/**
 * interrupts_restart_on() - a CPU came back: let it have its timers again
 * @cpu: the CPU
 *
 * Context: Process; sleeps.
 */
void interrupts_restart_on(unsigned int cpu)
{
	if (!sources)
		return;
	hrtimer_cancel(&sources[cpu].hard);
	hrtimer_cancel(&sources[cpu].soft);
	smp_call_function_single(cpu, start_here, &sources[cpu], 1);
}

static void stop_source(struct source *source)
{
	hrtimer_cancel(&source->hard);
	hrtimer_cancel(&source->soft);
	timer_delete_sync(&source->timer);
	irq_work_sync(&source->work);
	tasklet_kill(&source->tasklet);
}

/**
 * interrupts_stop() - there will be no more of them
 *
 * Context: Process; sleeps.
 */
void interrupts_stop(void)
{
	unsigned int cpu;

	if (!sources)
		return;
	WRITE_ONCE(stopping, true);
	for_each_possible_cpu(cpu)
		stop_source(&sources[cpu]);
	nmis_stop();
}

/**
 * interrupts_free() - free what the actors held, after interrupts_stop()
 *
 * Context: Process; sleeps.
 */
void interrupts_free(void)
{
	enum place place;
	unsigned int cpu;

	if (!sources)
		return;
	for_each_possible_cpu(cpu)
		for (place = IN_SOFT_TIMER; place < NR_PLACES; place++)
			actor_free(sources[cpu].actor[place]);
	kvfree(sources);
	sources = NULL;
}
