// SPDX-License-Identifier: GPL-2.0
/*
 * The files in /sys/kernel/debug/pytorture:
 *
 *	control	 what is written there is done:
 *		 run N		begins a run of N operations
 *		 stop		ends it
 *		 hold N GFP	holds N more blocks of the heap, of all sizes
 *		 hog GFP	takes all memory that GFP gets, and frees it
 *		 release	frees those that are held
 *		 fragment K	leaves no free run of more than 2^K pages
 *		 mend		gives back the pages that this took
 *		 op NAME [N]	one operation, see op.c
 *	wait	 writing `end` returns when the run has ended
 *	results	 what came of it, in one row
 *
 * GFP is kernel, noretry, atomic, nowait, nofs, noio, or a scope: nofs-scope,
 * noio-scope, noreclaim-scope.
 *
 * An open file holds the module, so it can't go while one is waiting.
 *
 * Context: process, may sleep.
 */
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "torture.h"

#define MAX_TEXT	64

static struct dentry *control_dir;

/* A word, and what it does with what is written behind it. */
struct verb {
	const char	*name;
	int		(*do_it)(const char *argument);
};

static int do_run(const char *argument)
{
	unsigned long ops;
	int err = kstrtoul(argument, 10, &ops);

	if (err)
		return err;
	return ops && ops <= LONG_MAX ? run_start(ops) : -EINVAL;
}

static int do_stop(const char *argument)
{
	if (*argument)
		return -EINVAL;
	run_stop();
	return 0;
}

/* A number, and what is behind it. */
static int do_hold(const char *argument)
{
	char name[16];
	unsigned long n;

	if (sscanf(argument, "%lu %15s", &n, name) != 2)
		return -EINVAL;
	return hold_blocks(n, name);
}

static int do_release(const char *argument)
{
	return *argument ? -EINVAL : hold_release();
}

static int do_mend(const char *argument)
{
	if (*argument)
		return -EINVAL;
	memory_release();
	return 0;
}

static int do_fragment(const char *argument)
{
	unsigned int order;
	int err = kstrtouint(argument, 10, &order);

	return err ? err : memory_fragment(order);
}

static int do_op(const char *argument)
{
	unsigned long how_much = 0;
	char name[16];

	if (sscanf(argument, "%15s %lu", name, &how_much) < 1)
		return -EINVAL;
	return op_run(name, how_much);
}

static const struct verb control_verbs[] = {
	{ "run", do_run },
	{ "stop", do_stop },
	{ "hold", do_hold },
	{ "hog", hold_hog },
	{ "fragment", do_fragment },
	{ "mend", do_mend },
	{ "release", do_release },
	{ "op", do_op },
	{}
};

static int do_end(const char *argument)
{
	return *argument ? -EINVAL : run_wait_end();
}

static const struct verb wait_verbs[] = {
	{ "end", do_end },
	{}
};

static int obey(const struct verb *verb, char *text)
{
	char *argument = strim(text);
	char *name = strsep(&argument, " ");

	for (; verb->name; verb++)
		if (!strcmp(name, verb->name))
			return verb->do_it(argument ? strim(argument) : "");
	return -EINVAL;
}

static ssize_t command_write(struct file *file, const char __user *buffer,
			     size_t count, loff_t *pos)
{
	char text[MAX_TEXT + 1];
	int err;

	if (count > MAX_TEXT)
		return -E2BIG;
	if (copy_from_user(text, buffer, count))
		return -EFAULT;
	text[count] = '\0';
	err = obey(file_inode(file)->i_private, text);
	return err ? err : count;
}

static const struct file_operations command_fops = {
	.owner		= THIS_MODULE,
	.open		= simple_open,
	.write		= command_write,
};

static int results_show(struct seq_file *out, void *unused)
{
	run_show_results(out);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(results);

/**
 * control_create() - make the files
 *
 * Context: Process.
 */
void control_create(void)
{
	struct dentry *dir = debugfs_create_dir("pytorture", NULL);

	debugfs_create_file("control", 0200, dir, (void *)control_verbs,
			    &command_fops);
	debugfs_create_file("wait", 0200, dir, (void *)wait_verbs,
			    &command_fops);
	debugfs_create_file("results", 0400, dir, NULL, &results_fops);
	control_dir = dir;
}

/**
 * control_remove() - remove them, and wait for who is in one
 *
 * Context: Process.
 */
void control_remove(void)
{
	debugfs_remove(control_dir);
}
