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
#include <linux/irq_work.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>

#if defined(CONFIG_X86) && !defined(CONFIG_UML)
#include <asm/nmi.h>
#endif

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

static bool run_as_reader(void (*function)(void *data), void *data)
{
	rcu_read_lock();
	function(data);
	rcu_read_unlock();
	return true;
}

/* === Interrupts === */

/* What an interrupt is to run; one at a time. */
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

const struct context contexts[10] = {
	{ "process", GFP_KERNEL, run_in_process },
	{ "preemption_off", GFP_ATOMIC, run_without_preemption },
	{ "softirqs_off", GFP_ATOMIC, run_without_softirqs },
	{ "interrupts_off", GFP_ATOMIC, run_without_interrupts },
	{ "spinlock", GFP_ATOMIC, run_under_spinlock },
	{ "rcu_reader", GFP_ATOMIC, run_as_reader },
	{ "irq_work", GFP_ATOMIC, run_in_irq_work },
	{ "hard_timer", GFP_ATOMIC, run_in_hard_timer },
	{ "soft_timer", GFP_ATOMIC, run_in_soft_timer },
	{ "nmi", __GFP_NOWARN, run_in_nmi },
};
