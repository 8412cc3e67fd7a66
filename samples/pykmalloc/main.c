// SPDX-License-Identifier: GPL-2.0
/*
 * A module that knows nothing of pyalloc: its Kbuild has its kmalloc() moved.
 * It allocates in all ways there are, looks at what it gets, and does not load
 * if something is not as it should be.  With keep= it is live with so many
 * blocks, and with leak= it leaves some.
 */
#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "pykmalloc.h"

static unsigned int keep;
module_param(keep, uint, 0444);
MODULE_PARM_DESC(keep, "how many blocks it keeps while it is loaded");

static unsigned int leak;
module_param(leak, uint, 0444);
MODULE_PARM_DESC(leak, "how many of them it leaves behind");

bool anywhere;
module_param(anywhere, bool, 0444);
MODULE_PARM_DESC(anywhere, "do not look at where blocks come from");

struct kept {
	struct list_head	list;
	unsigned int		number;
};

static LIST_HEAD(kept);

static void free_kept(unsigned int but)
{
	struct kept *one, *next;

	list_for_each_entry_safe(one, next, &kept, list) {
		if (one->number < but)
			continue;
		list_del(&one->list);
		kfree(one);
	}
}

static int keep_some(void)
{
	struct kept *one;
	unsigned int i;

	for (i = 0; i < keep; i++) {
		one = kmalloc(sizeof(*one), GFP_KERNEL);
		if (!one) {
			free_kept(0);
			return -ENOMEM;
		}
		one->number = i;
		list_add_tail(&one->list, &kept);
	}
	return 0;
}

static int __init pykmalloc_sample_init(void)
{
	int error = check_names() ?: check_words() ?: check_foreign() ?:
		    check_kept() ?: check_late() ?: check_cache();

	return error ?: keep_some();
}
module_init(pykmalloc_sample_init);

static void __exit pykmalloc_sample_exit(void)
{
	free_kept(leak);
}
module_exit(pykmalloc_sample_exit);

MODULE_DESCRIPTION("A module whose kmalloc() was moved onto pyalloc");
MODULE_AUTHOR("The pyalloc authors");
MODULE_LICENSE("GPL");
