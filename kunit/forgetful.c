// SPDX-License-Identifier: GPL-2.0
/*
 * A client that goes away and leaves all its blocks behind, or a heap with
 * blocks, for the tests of what is said and done about them.
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/pyalloc.h>

static uint blocks = 1000;
module_param(blocks, uint, 0444);
MODULE_PARM_DESC(blocks, "how many blocks of 64 bytes to leave behind");

static bool heap;
module_param(heap, bool, 0444);
MODULE_PARM_DESC(heap,
		 "leave a heap with as many, and twice as many large (0)");

static noinline bool leave_small(struct pyheap *own)
{
	return pyheap_malloc(own, 64, GFP_KERNEL);
}

static noinline bool leave_large(struct pyheap *own)
{
	return pyheap_malloc(own, 1000, GFP_KERNEL);
}

static int leave_heap(void)
{
	struct pyheap *own = pyheap_create("forgetful", NULL);
	uint i;

	if (IS_ERR(own))
		return PTR_ERR(own);
	for (i = 0; i < blocks; i++)
		if (!leave_small(own) || !leave_large(own) || !leave_large(own))
			return -ENOMEM;
	return 0;
}

static int __init forgetful_init(void)
{
	uint i;

	if (heap)
		return leave_heap();
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
