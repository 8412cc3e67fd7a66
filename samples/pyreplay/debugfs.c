// SPDX-License-Identifier: GPL-2.0
/*
 * The files in /sys/kernel/debug/pyreplay, by which a person or a script
 * conducts a run:
 *
 *	traces	 the traces that are loaded; writing paths loads others
 *	control	 writing start, continue or stop
 *	wait	 writing peak or end returns when the run has come there
 *	status	 where the run is
 *	results	 what came of it, a row a trace
 *
 * An open file holds the module, so it can't go while one is waiting.
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

#define CONTROL_MAX_TEXT	PAGE_SIZE

static struct dentry *control_dir;

/* What was written, as a string without the white space around it. */
static char *written_text(const char __user *buffer, size_t count)
{
	if (count > CONTROL_MAX_TEXT)
		return ERR_PTR(-E2BIG);
	return memdup_user_nul(buffer, count);
}

static int start(void)
{
	struct options options;
	int err = options_get(&options);

	return err ? err : run_start(&options);
}

static int control_command(const char *command)
{
	if (!strcmp(command, "start"))
		return start();
	if (!strcmp(command, "continue"))
		return run_continue();
	if (strcmp(command, "stop"))
		return -EINVAL;
	run_stop();
	return 0;
}

static int wait_command(const char *command)
{
	if (!strcmp(command, "peak"))
		return run_wait_peak();
	if (!strcmp(command, "end"))
		return run_wait_end();
	return -EINVAL;
}

static ssize_t control_write(struct file *file, const char __user *buffer,
			     size_t count, loff_t *pos)
{
	char *text = written_text(buffer, count);
	int err;

	if (IS_ERR(text))
		return PTR_ERR(text);
	err = control_command(strim(text));
	kfree(text);
	return err ? err : count;
}

static ssize_t wait_write(struct file *file, const char __user *buffer,
			  size_t count, loff_t *pos)
{
	char *text = written_text(buffer, count);
	int err;

	if (IS_ERR(text))
		return PTR_ERR(text);
	err = wait_command(strim(text));
	kfree(text);
	return err ? err : count;
}

static ssize_t traces_write(struct file *file, const char __user *buffer,
			    size_t count, loff_t *pos)
{
	char *text = written_text(buffer, count);
	int err;

	if (IS_ERR(text))
		return PTR_ERR(text);
	err = run_load(strim(text));
	kfree(text);
	return err ? err : count;
}

static int traces_show(struct seq_file *out, void *unused)
{
	run_show_traces(out);
	return 0;
}

static int traces_open(struct inode *inode, struct file *file)
{
	return single_open(file, traces_show, NULL);
}

static int status_show(struct seq_file *out, void *unused)
{
	run_show_status(out);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(status);

static int results_show(struct seq_file *out, void *unused)
{
	run_show_results(out);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(results);

static const struct file_operations traces_fops = {
	.owner		= THIS_MODULE,
	.open		= traces_open,
	.read		= seq_read,
	.write		= traces_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

static const struct file_operations control_fops = {
	.owner		= THIS_MODULE,
	.open		= simple_open,
	.write		= control_write,
};

static const struct file_operations wait_fops = {
	.owner		= THIS_MODULE,
	.open		= simple_open,
	.write		= wait_write,
};

void control_create(void)
{
	struct dentry *dir = debugfs_create_dir("pyreplay", NULL);

	debugfs_create_file("traces", 0600, dir, NULL, &traces_fops);
	debugfs_create_file("control", 0200, dir, NULL, &control_fops);
	debugfs_create_file("wait", 0200, dir, NULL, &wait_fops);
	debugfs_create_file("status", 0400, dir, NULL, &status_fops);
	debugfs_create_file("results", 0400, dir, NULL, &results_fops);
	control_dir = dir;
}

void control_remove(void)
{
	debugfs_remove(control_dir);
}
