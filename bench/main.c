// SPDX-License-Identifier: GPL-2.0
/*
 * pybench: measures pyalloc beside the kernel's own allocators, with the same
 * loops, through the API that any client has.  debugfs.c says how it is told
 * what to do, Documentation/performance.rst what came of it.
 *
 * Process context, may sleep.
 */
#define pr_fmt(fmt) "pybench: " fmt

#include <linux/init.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/string.h>

#include "clock.h"
#include "run.h"

bool clock_instructions;

static char *clock = "ns";
module_param(clock, charp, 0400);
MODULE_PARM_DESC(clock, "ns (default), or instructions: qemu -icount shift=0");

static int choose_clock(void)
{
	clock_instructions = !strcmp(clock, "instructions");
	if (!clock_instructions && strcmp(clock, "ns")) {
		pr_err("clock=%s: it can be ns or instructions\n", clock);
		return -EINVAL;
	}
	if (clock_instructions && !get_cycles()) {
		pr_err("clock=instructions: no cycle counter here\n");
		return -ENODEV;
	}
	return 0;
}

static int __init pybench_init(void)
{
	int err = choose_clock();

	if (!err)
		files_create();
	return err;
}
module_init(pybench_init);

static void __exit pybench_exit(void)
{
	files_remove();
	run_exit();
}
module_exit(pybench_exit);

MODULE_AUTHOR("the pyalloc authors");
MODULE_DESCRIPTION("Measures pyalloc beside the kernel's own allocators");
MODULE_LICENSE("GPL");
