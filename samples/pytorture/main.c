// SPDX-License-Identifier: GPL-2.0
/*
 * pytorture: a client of pyalloc that does everything at once.
 *
 * Threads, timers hard and soft, tasklets, irq_works and, on x86, NMIs call
 * every function of pyalloc that allocates, resizes or frees, with every kind
 * of gfp that is allowed where they are, and pass their blocks to each other,
 * while CPUs go and come, and memory is reclaimed and checked.  Each block is
 * filled and verified on the way.
 *
 * What a seed reproduces: the choices of each actor, as a stream of random
 * numbers.  What it does not: which actor comes when, how many of the run's
 * operations each gets to do, which blocks it finds in the exchange, and which
 * requests that may not wait for memory get none.  So threads=1 interrupts=0
 * hotplug=0 repeats exactly; there, nobody asks for what only a full heap can
 * give.  Addresses never repeat, and nothing depends on them.
 *
 * The parameters below are read when a run starts, so they can be changed
 * between runs in /sys/module/pytorture/parameters.
 *
 * Contexts: process here; see each file.
 */
#define pr_fmt(fmt) "pytorture: " fmt

#include <linux/cpumask.h>
#include <linux/init.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/pyalloc.h>
#include <linux/rcupdate.h>
#include <linux/moduleparam.h>

#include "torture.h"

#define MAX_THREADS	512

static unsigned long long seed = 1;
module_param(seed, ullong, 0600);
MODULE_PARM_DESC(seed, "What all choices follow from (1)");

static unsigned int threads;
module_param(threads, uint, 0600);
MODULE_PARM_DESC(threads, "Threads, 512 at most; 0 (default): two a CPU");

static bool interrupts = true;
module_param(interrupts, bool, 0600);
MODULE_PARM_DESC(interrupts, "Act in interrupts and NMIs as well (1)");

static bool hotplug = true;
module_param(hotplug, bool, 0600);
MODULE_PARM_DESC(hotplug, "Let CPUs go and come meanwhile (1)");

static bool scopes;
module_param(scopes, bool, 0600);
MODULE_PARM_DESC(scopes, "Let threads enter scopes that limit reclaim (0)");

static bool short_of_memory;
module_param(short_of_memory, bool, 0600);
MODULE_PARM_DESC(short_of_memory,
		 "Nobody tries hard for memory, and all may be refused (0)");

static bool loyal;
module_param(loyal, bool, 0600);
MODULE_PARM_DESC(loyal,
		 "Blocks go back to their own domain, as debug hooks want (0)");

/**
 * options_loyal() - do blocks that are held go back to their own domain?
 *
 * Context: Process.
 * Return: the parameter, as it is now.
 */
bool options_loyal(void)
{
	return READ_ONCE(loyal);
}

/**
 * options_get() - the options of a run that starts now
 * @options: where to put them
 *
 * Context: Process.
 */
void options_get(struct options *options)
{
	unsigned int n = threads ? threads : 2 * num_online_cpus();

	*options = (struct options) {
		.seed			= seed,
		.threads		= min_t(unsigned int, n, MAX_THREADS),
		.interrupts		= interrupts,
		.hotplug		= hotplug,
		.scopes			= scopes,
		.short_of_memory	= short_of_memory,
		.loyal			= loyal,
	};
}

static int __init pytorture_init(void)
{
	control_create();
	return 0;
}
module_init(pytorture_init);

struct left {
	struct rcu_head	rcu;
};

/* A client need not wait for these: pyalloc does. */
static void leave_frees_behind(void)
{
	struct left *left;
	unsigned int i;

	for (i = 0; i < 5000; i++) {
		left = pymem_malloc(sizeof(*left), GFP_KERNEL);
		pymem_free_rcu(left, rcu);
	}
}

static void __exit pytorture_exit(void)
{
	control_remove();
	run_stop();
	hold_release();
	memory_release();
	/* Actors look at blocks that wait for a grace period. */
	rcu_barrier();
	leave_frees_behind();
}
module_exit(pytorture_exit);

MODULE_AUTHOR("the pyalloc authors");
MODULE_DESCRIPTION("Does everything with pyalloc, everywhere, at once");
MODULE_LICENSE("GPL");
