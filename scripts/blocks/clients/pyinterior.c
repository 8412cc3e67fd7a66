// SPDX-License-Identifier: GPL-2.0
/* A client that frees a pointer into a block. */
#include <linux/module.h>
#include <linux/pyalloc.h>

static char *block;

static int __init pyinterior_init(void)
{
	block = pymem_malloc(48, GFP_KERNEL);
	if (!block)
		return -ENOMEM;
	pymem_free(block + 8);
	return 0;
}
module_init(pyinterior_init);

static void __exit pyinterior_exit(void)
{
	pymem_free(block);
}
module_exit(pyinterior_exit);

MODULE_DESCRIPTION("A client that frees what is not the start of a block");
MODULE_LICENSE("GPL");
