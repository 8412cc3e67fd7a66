// SPDX-License-Identifier: GPL-2.0
/*
 * pyreplay: a client of pyalloc that does what a Python program did.
 *
 * It replays the allocations of a recorded program, as many times at once as
 * there are CPUs, through the domains that the program used, and checks every
 * block on the way.  The parameters below are read when a run starts, so they
 * can be changed between runs in /sys/module/pyreplay/parameters.
 *
 * Process context, may sleep.
 */
#define pr_fmt(fmt) "pyreplay: " fmt

#include <linux/cpumask.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "run.h"

#define MAX_THREADS	1024

static char *traces = "";
module_param(traces, charp, 0400);
MODULE_PARM_DESC(traces, "Paths of the traces to load, parted by commas");

static unsigned int threads;
module_param(threads, uint, 0600);
MODULE_PARM_DESC(threads, "Replayers, each on a CPU; 0 (default): one a CPU");

static unsigned int rounds = 1;
module_param(rounds, uint, 0600);
MODULE_PARM_DESC(rounds, "How often each replays a trace (1)");

static unsigned int limit;
module_param(limit, uint, 0600);
MODULE_PARM_DESC(limit, "Ops of a trace to replay; 0 (default) for all");

static bool cross;
module_param(cross, bool, 0600);
MODULE_PARM_DESC(cross, "Free each block on the next replayer's CPU (0)");

static bool hold;
module_param(hold, bool, 0600);
MODULE_PARM_DESC(hold, "Stop where the program holds the most (0)");

static bool verify = true;
module_param(verify, bool, 0600);
MODULE_PARM_DESC(verify, "Fill every block and check it (1)");

/* The options of a run that starts now. */
int options_get(struct options *options)
{
	unsigned int n = threads ? threads : num_online_cpus();

	*options = (struct options) {
		.threads	= n,
		.rounds		= rounds,
		.limit		= limit,
		.cross		= cross && n > 1,
		.hold		= hold,
		.verify		= verify,
	};
	if (n > MAX_THREADS) {
		pr_err("threads=%u: 0 to %u are allowed\n", threads,
		       MAX_THREADS);
		return -EINVAL;
	}
	if (!options->rounds) {
		pr_err("rounds=0: it has to be 1 or more\n");
		return -EINVAL;
	}
	return 0;
}

static int load_traces(void)
{
	char *paths = kstrdup(traces, GFP_KERNEL);
	int err;

	if (!paths)
		return -ENOMEM;
	err = run_load(paths);
	kfree(paths);
	/* Of a module that is loaded, ENOENT would mean a missing symbol. */
	return err == -ENOENT ? -EINVAL : err;
}

static int __init pyreplay_init(void)
{
	struct options options;
	int err = options_get(&options);

	if (!err)
		err = load_traces();
	if (!err)
		control_create();
	return err;
}
module_init(pyreplay_init);

static void __exit pyreplay_exit(void)
{
	control_remove();
	run_exit();
}
module_exit(pyreplay_exit);

MODULE_AUTHOR("the pyalloc authors");
MODULE_DESCRIPTION("Replays recorded Python programs through pyalloc");
MODULE_LICENSE("GPL");
