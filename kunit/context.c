// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a function in a context of the caller's choice.
 *
 * An NMI is had on x86 by the instruction that raises its vector: the entry
 * and all that follows are the real ones.
 */
#include <linux/bottom_half.h>
#include <linux/completion.h>
#include <linux/hardirq.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#if defined(CONFIG_X86) && !defined(CONFIG_UML)
#include <asm/nmi.h>
#endif

#include "../pyalloc/compat.h"
#include "context.h"

static bool run_in_process(void (*function)(void *data), void *data)
{
	function(data);
	return true;
}

static bool run_without_preemption(void (*function)(void *data), void *data)
{
	preempt_disable();
	function(data);
	preempt_enable();
	return true;
}

static bool run_without_softirqs(void (*function)(void *data), void *data)
{
	local_bh_disable();
	function(data);
	local_bh_enable();
	return true;
}

static bool run_without_interrupts(void (*function)(void *data), void *data)
{
	unsigned long flags;

	local_irq_save(flags);
	function(data);
	local_irq_restore(flags);
	return true;
}

static bool run_under_spinlock(void (*function)(void *data), void *data)
{
	static DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	function(data);
	spin_unlock(&lock);
	return true;
}

static bool run_under_raw_spinlock(void (*function)(void *data), void *data)
{
	static DEFINE_RAW_SPINLOCK(lock);

	raw_spin_lock(&lock);
	function(data);
	raw_spin_unlock(&lock);
	return true;
}

static bool run_under_raw_spinlock_irq(void (*function)(void *data),
				       void *data)
{
	static DEFINE_RAW_SPINLOCK(lock);
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	function(data);
	raw_spin_unlock_irqrestore(&lock, flags);
	return true;
}

static bool run_as_reader(void (*function)(void *data), void *data)
{
	rcu_read_lock();
	function(data);
	rcu_read_unlock();
	return true;
}

/* === Interrupts and threads === */

/* What one of them is to run; one at a time. */
static void (*pending)(void *data);
static void *pending_data;
static DECLARE_COMPLETION(finished);

static void run_pending(void)
{
	pending(pending_data);
	complete(&finished);
}

static void begin(void (*function)(void *data), void *data)
{
	pending = function;
	pending_data = data;
	reinit_completion(&finished);
}

static void run_irq_work(struct irq_work *work)
{
	run_pending();
}

static bool run_in_irq_work(void (*function)(void *data), void *data)
{
	static struct irq_work work = IRQ_WORK_INIT_HARD(run_irq_work);

	begin(function, data);
	irq_work_queue(&work);
	wait_for_completion(&finished);
	irq_work_sync(&work);
	return true;
}

static enum hrtimer_restart run_timer(struct hrtimer *timer)
{
	run_pending();
	return HRTIMER_NORESTART;
}

static void run_in_timer(enum hrtimer_mode mode)
{
	static struct hrtimer timer;

	hrtimer_setup(&timer, run_timer, CLOCK_MONOTONIC, mode);
	hrtimer_start(&timer, 0, mode);
	wait_for_completion(&finished);
	hrtimer_cancel(&timer);
}

static bool run_in_hard_timer(void (*function)(void *data), void *data)
{
	begin(function, data);
	run_in_timer(HRTIMER_MODE_REL_HARD);
	return true;
}

static bool run_in_soft_timer(void (*function)(void *data), void *data)
{
	begin(function, data);
	run_in_timer(HRTIMER_MODE_REL_SOFT);
	return true;
}

static void run_timer_list(struct timer_list *timer)
{
	run_pending();
}

static bool run_in_timer_list(void (*function)(void *data), void *data)
{
	static DEFINE_TIMER(timer, run_timer_list);

	begin(function, data);
	mod_timer(&timer, jiffies);
	wait_for_completion(&finished);
	timer_delete_sync(&timer);
	return true;
}

static void run_tasklet(struct tasklet_struct *tasklet)
{
	run_pending();
}

static bool run_in_tasklet(void (*function)(void *data), void *data)
{
	static DECLARE_TASKLET(tasklet, run_tasklet);

	begin(function, data);
	tasklet_schedule(&tasklet);
	wait_for_completion(&finished);
	tasklet_kill(&tasklet);
	return true;
}

static void run_work(struct work_struct *work)
{
	run_pending();
}

static bool run_in_workqueue(void (*function)(void *data), void *data)
{
	static DECLARE_WORK(work, run_work);

	begin(function, data);
	schedule_work(&work);
	flush_work(&work);
	return true;
}

/* === NMI === */

#if defined(CONFIG_X86) && !defined(CONFIG_UML)

static atomic_t nmi_wanted;

static int handle_nmi(unsigned int type, struct pt_regs *regs)
{
	if (!atomic_xchg(&nmi_wanted, 0))
		return NMI_DONE;
	pending(pending_data);
	return NMI_HANDLED;
}

/**
 * prepare_nmi() - have a function run by each raise_nmi()
 * @function: the function
 * @data: what it is given
 *
 * Return: false if there are no NMIs to be had.
 */
bool prepare_nmi(void (*function)(void *data), void *data)
{
	pending = function;
	pending_data = data;
	return !register_nmi_handler(NMI_LOCAL, handle_nmi, 0,
				     "pyalloc_kunit");
}

/**
 * raise_nmi() - run what was prepared, in NMI, on this CPU
 *
 * Context: Any, with preemption off; one CPU at a time.
 */
void raise_nmi(void)
{
	atomic_set(&nmi_wanted, 1);
	asm volatile("int $2" : : : "memory");
}

/**
 * forget_nmi() - undo prepare_nmi()
 */
void forget_nmi(void)
{
	unregister_nmi_handler(NMI_LOCAL, "pyalloc_kunit");
}

#else

bool prepare_nmi(void (*function)(void *data), void *data)
{
	return false;
}

void raise_nmi(void)
{
}

void forget_nmi(void)
{
}

#endif

static bool run_in_nmi(void (*function)(void *data), void *data)
{
	if (!prepare_nmi(function, data))
		return false;
	preempt_disable();
	raise_nmi();
	preempt_enable();
	forget_nmi();
	return true;
}

/*
 * Where locks that sleep can't be had, no page can: on PREEMPT_RT wherever
 * preemption is off, and for lockdep, when it holds every kernel to those
 * rules, in hard interrupts and under raw spinlocks.  Of the latter only the
 * caller can know, who asks without a reclaim bit then.
 */
#define ON_RT		IS_ENABLED(CONFIG_PREEMPT_RT)
#define AS_ON_RT	(ON_RT || IS_ENABLED(CONFIG_PROVE_RAW_LOCK_NESTING))
#define UNSEEN		(AS_ON_RT && !ON_RT)
#define GFP_RAW_LOCK	(UNSEEN ? __GFP_NOWARN : GFP_ATOMIC)

const struct context contexts[15] = {
	{ "process", GFP_KERNEL, true, false, run_in_process },
	{ "workqueue", GFP_KERNEL, true, false, run_in_workqueue },
	{ "preemption_off", GFP_ATOMIC, !ON_RT, false,
	  run_without_preemption },
	{ "softirqs_off", GFP_ATOMIC, true, false, run_without_softirqs },
	{ "interrupts_off", GFP_ATOMIC, !ON_RT, false,
	  run_without_interrupts },
	{ "spinlock", GFP_ATOMIC, true, false, run_under_spinlock },
	{ "raw_spinlock", GFP_RAW_LOCK, !AS_ON_RT, UNSEEN,
	  run_under_raw_spinlock },
	{ "raw_spinlock_irq", GFP_RAW_LOCK, !AS_ON_RT, UNSEEN,
	  run_under_raw_spinlock_irq },
	{ "rcu_reader", GFP_ATOMIC, true, false, run_as_reader },
	{ "irq_work", GFP_ATOMIC, !AS_ON_RT, false, run_in_irq_work },
	{ "hard_timer", GFP_ATOMIC, !AS_ON_RT, false, run_in_hard_timer },
	{ "soft_timer", GFP_ATOMIC, true, false, run_in_soft_timer },
	{ "timer_list", GFP_ATOMIC, true, false, run_in_timer_list },
	{ "tasklet", GFP_ATOMIC, true, false, run_in_tasklet },
	{ "nmi", __GFP_NOWARN, false, false, run_in_nmi },
};

static void nothing(void *data)
{
}

/**
 * need_context() - skip the case where there is no such context
 * @test: the case, whose parameter is the context
 *
 * Return: the context.
 */
const struct context *need_context(struct kunit *test)
{
	const struct context *context = test->param_value;

	if (!context->run(nothing, NULL))
		kunit_skip(test, "this machine has no way to get there");
	return context;
}

/**
 * run_there() - run a function in the context of the case
 * @test: the case, whose parameter is the context, which exists
 * @function: the function
 * @data: what it is given
 */
void run_there(struct kunit *test, void (*function)(void *data), void *data)
{
	const struct context *context = test->param_value;

	KUNIT_EXPECT_TRUE(test, context->run(function, data));
}
