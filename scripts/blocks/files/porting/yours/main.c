// SPDX-License-Identifier: GPL-2.0
/* A module that knows nothing of pyalloc. */
#include <linux/module.h>
#include <linux/slab.h>
#include "yours.h"

static char *mine;

static int __init yours_init(void)
{
	mine = kmalloc(100, GFP_KERNEL);
	if (!mine)
		return -ENOMEM;
	return add_link();
}
module_init(yours_init);

static void __exit yours_exit(void)
{
	remove_link();
	kfree(mine);
}
module_exit(yours_exit);

MODULE_DESCRIPTION("A module of somebody's");
MODULE_LICENSE("GPL");
