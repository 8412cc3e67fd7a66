// SPDX-License-Identifier: GPL-2.0
/*
 * pyobjects: a client of pyalloc that makes Python's objects, to learn how
 * Python's memory works.
 *
 * They are laid out as CPython 3.11's are, so that what sys.getsizeof() says of
 * them is the same; they have its reference counts, its caches, its free lists
 * and its collector; and they do nothing.  All are on a private heap, named
 * pyobjects, which the files in /sys/kernel/debug/pyalloc show.
 *
 * Contexts: process.
 */
#define pr_fmt(fmt) "pyobjects: " fmt

#include <linux/err.h>
#include <linux/module.h>
#include <linux/printk.h>

#include "churn.h"
#include "debugfs.h"
#include "dict.h"
#include "gc.h"
#include "lesson.h"
#include "names.h"
#include "number.h"
#include "sequence.h"

static unsigned long objects = 1000000;
module_param(objects, ulong, 0444);
MODULE_PARM_DESC(objects, "How many short-lived objects to make at load (1000000)");

static int create(void)
{
	int error;

	objects_heap = pyheap_create("pyobjects", NULL);
	if (IS_ERR(objects_heap)) {
		error = PTR_ERR(objects_heap);
		objects_heap = NULL;
		return error;
	}
	error = kinds_create();
	error = error ?: int_create();
	error = error ?: dict_create();
	error = error ?: str_create();
	error = error ?: tuple_create();
	return error ?: names_create();
}

/* In the order in which they may hold each other. */
static void destroy(void)
{
	size_t left, collected;

	names_destroy();
	collected = gc_collect();
	if (collected)
		pr_info("%zu objects only referred to each other\n", collected);
	tuple_destroy();
	str_destroy();
	left = objects_live();
	left += kinds_destroy();
	left += dict_destroy();
	left += int_destroy();
	if (objects_heap)
		left += pyheap_destroy(objects_heap);
	if (left)
		pr_warn("%zu objects or blocks were left\n", left);
	else
		pr_info("nothing is left\n");
}

static int __init pyobjects_init(void)
{
	int error = create();

	error = error ?: lesson();
	error = error ?: churn(objects);
	if (error)
		destroy();
	else
		files_create();
	return error;
}
module_init(pyobjects_init);

static void __exit pyobjects_exit(void)
{
	files_remove();
	destroy();
}
module_exit(pyobjects_exit);

MODULE_DESCRIPTION("Python's objects, to learn how Python's memory works");
MODULE_AUTHOR("The pyalloc authors");
MODULE_LICENSE("GPL");
