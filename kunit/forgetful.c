// SPDX-License-Identifier: GPL-2.0
/*
 * A client that goes away and leaves all its blocks behind, for the test of
 * what unloading pyalloc says and does about them.
 */
#include <linux/module.h>
#include <linux/pyalloc.h>

static uint blocks = 1000;
module_param(blocks, uint, 0444);
MODULE_PARM_DESC(blocks, "how many blocks of 64 bytes to leave behind");

static int __init forgetful_init(void)
{
	uint i;

	for (i = 0; i < blocks; i++)
		if (!pymem_malloc(64, GFP_KERNEL))
			return -ENOMEM;
	return 0;
}
module_init(forgetful_init);

static void __exit forgetful_exit(void)
{
}
module_exit(forgetful_exit);

MODULE_DESCRIPTION("A client of pyalloc that frees nothing");
MODULE_LICENSE("GPL");
