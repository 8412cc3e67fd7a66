// SPDX-License-Identifier: GPL-2.0
/*
 * The actors in NMIs, where a CPU can send another one an NMI: on x86, by the
 * local APIC.  So they come at any point of what they interrupt, also with a
 * node's lock held there and interrupts off.
 *
 * A CPU has one NMI under way at most: handlers have to know theirs, and two
 * that come at once are one.
 *
 * Contexts: NMI, and those of each function.  No locks.
 */
#include <linux/delay.h>
#include <linux/percpu.h>
#include <linux/printk.h>

#include "torture.h"

#if defined(CONFIG_X86_LOCAL_APIC) && !defined(CONFIG_UML)
#include <asm/apic.h>
#include <asm/nmi.h>

#define OPS_AT_ONCE	8
#define PATIENCE	500	/* sleeps of 20 ms */

static struct actor *(*actor_of_cpu)(unsigned int cpu);
static DEFINE_PER_CPU(unsigned int, under_way);
static bool ready;

static int handle_nmi(unsigned int type, struct pt_regs *regs)
{
	if (!this_cpu_read(under_way))
		return NMI_DONE;
	actor_act(actor_of_cpu(smp_processor_id()), OPS_AT_ONCE);
	this_cpu_write(under_way, 0);
	return NMI_HANDLED;
}

/**
 * nmis_start() - have NMIs handled
 * @actor_of: who acts in those of a CPU
 *
 * Context: Process; sleeps.
 * Return: 0, also where there are none; or an errno.
 */
int nmis_start(struct actor *(*actor_of)(unsigned int cpu))
{
	int err;

	actor_of_cpu = actor_of;
	err = register_nmi_handler(NMI_LOCAL, handle_nmi, 0, "pytorture");
	WRITE_ONCE(ready, !err);
	return err;
}

/**
 * nmis_send() - send a CPU an NMI, unless it has one coming
 * @cpu: the CPU
 *
 * Context: Hardirq.
 */
void nmis_send(unsigned int cpu)
{
	if (READ_ONCE(ready) && cpu_online(cpu) &&
	    !cmpxchg(per_cpu_ptr(&under_way, cpu), 0, 1))
		apic->send_IPI_mask(cpumask_of(cpu), NMI_VECTOR);
}

/**
 * nmis_forget() - a CPU went, and with it an NMI that it had coming
 * @cpu: the CPU, which is offline
 *
 * Context: Process.
 */
void nmis_forget(unsigned int cpu)
{
	WRITE_ONCE(per_cpu(under_way, cpu), 0);
}

/**
 * nmis_stop() - wait for the last NMIs and have no more handled
 *
 * Context: Process, while nobody sends any; sleeps.
 */
void nmis_stop(void)
{
	unsigned int patience = PATIENCE;
	unsigned int cpu;

	if (!ready)
		return;
	for_each_online_cpu(cpu)
		for (; READ_ONCE(per_cpu(under_way, cpu)) && patience;
		     patience--)
			msleep(20);
	if (!patience)
		pr_err("pytorture: FAILED: an NMI never came\n");
	WRITE_ONCE(ready, false);
	unregister_nmi_handler(NMI_LOCAL, "pytorture");
	for_each_possible_cpu(cpu)
		nmis_forget(cpu);
}

#else

int nmis_start(struct actor *(*actor_of)(unsigned int cpu))
{
	return 0;
}

void nmis_send(unsigned int cpu)
{
}

void nmis_forget(unsigned int cpu)
{
}

void nmis_stop(void)
{
}

#endif
