// SPDX-License-Identifier: GPL-2.0
/*
 * The files in /sys/kernel/debug/pybench:
 *
 *	run	 writing `WORKLOAD ALLOCATOR [KEY=VALUE...]` does that, and
 *		 `release [PERCENT]` frees what a workload left held
 *	results	 a row a figure; writing anything empties it
 *	list	 the workloads, their keys and the allocators they take
 *	trace	 the trace that is loaded; writing a path loads another
 *
 * An open file holds the module, so it can't go while a workload runs.
 *
 * Process context, may sleep.
 */
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "run.h"

#define MAX_TEXT	PAGE_SIZE

static struct dentry *debugfs_dir;

/* Hands what was written to @take, without the white space around it. */
static ssize_t take_text(const char __user *buffer, size_t count,
			 int (*take)(char *text))
{
	char *text;
	int err;

	if (count > MAX_TEXT)
		return -E2BIG;
	text = memdup_user_nul(buffer, count);
	if (IS_ERR(text))
		return PTR_ERR(text);
	err = take(strim(text));
	kfree(text);
	return err ? err : count;
}

static ssize_t run_write(struct file *file, const char __user *buffer,
			 size_t count, loff_t *pos)
{
	return take_text(buffer, count, run_command);
}

static ssize_t trace_write(struct file *file, const char __user *buffer,
			   size_t count, loff_t *pos)
{
	return take_text(buffer, count, run_load_trace);
}

static ssize_t results_write(struct file *file, const char __user *buffer,
			     size_t count, loff_t *pos)
{
	int err = run_clear_results();

	return err ? err : count;
}

static int results_show_all(struct seq_file *out, void *unused)
{
	return run_show_results(out);
}

static int results_open(struct inode *inode, struct file *file)
{
	return single_open(file, results_show_all, NULL);
}

static int trace_show(struct seq_file *out, void *unused)
{
	return run_show_trace(out);
}

static int trace_open(struct inode *inode, struct file *file)
{
	return single_open(file, trace_show, NULL);
}

static int list_show(struct seq_file *out, void *unused)
{
	request_show_list(out);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(list);

static const struct file_operations run_fops = {
	.owner		= THIS_MODULE,
	.open		= simple_open,
	.write		= run_write,
};

static const struct file_operations results_fops = {
	.owner		= THIS_MODULE,
	.open		= results_open,
	.read		= seq_read,
	.write		= results_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

static const struct file_operations trace_fops = {
	.owner		= THIS_MODULE,
	.open		= trace_open,
	.read		= seq_read,
	.write		= trace_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

void files_create(void)
{
	struct dentry *dir = debugfs_create_dir("pybench", NULL);

	debugfs_create_file("run", 0200, dir, NULL, &run_fops);
	debugfs_create_file("results", 0600, dir, NULL, &results_fops);
	debugfs_create_file("list", 0400, dir, NULL, &list_fops);
	debugfs_create_file("trace", 0600, dir, NULL, &trace_fops);
	debugfs_dir = dir;
}

void files_remove(void)
{
	debugfs_remove(debugfs_dir);
}
