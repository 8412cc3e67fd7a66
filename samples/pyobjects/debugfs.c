// SPDX-License-Identifier: GPL-2.0
/*
 * The files in /sys/kernel/debug/pyobjects:
 *
 *	command	 what is written there is done, see command.c
 *	objects	 what has a name, a row each
 *
 * And the one mutex that stands where CPython has the GIL: who has it may do
 * with objects what he likes.
 *
 * Contexts: process, may sleep.
 */
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "command.h"
#include "debugfs.h"
#include "names.h"
#include "show.h"

static DEFINE_MUTEX(lock);
static struct dentry *dir;

static ssize_t command_write(struct file *file, const char __user *buffer,
			     size_t count, loff_t *pos)
{
	char *text;
	int error;

	if (count > COMMAND_MAX_TEXT)
		return -E2BIG;
	text = memdup_user_nul(buffer, count);
	if (IS_ERR(text))
		return PTR_ERR(text);
	mutex_lock(&lock);
	error = command_do(text);
	mutex_unlock(&lock);
	kfree(text);
	return error ? error : count;
}

static const struct file_operations command_fops = {
	.owner		= THIS_MODULE,
	.open		= simple_open,
	.write		= command_write,
};

static int objects_show(struct seq_file *out, void *unused)
{
	char line[SHOW_LINE];
	struct object *obj;
	const char *name;
	size_t at = 0;

	seq_puts(out, "# " SHOW_NAME_COLUMNS "\n");
	mutex_lock(&lock);
	while (names_next(&at, &name, &obj)) {
		show_name(line, name, obj);
		seq_printf(out, "%s\n", line);
	}
	mutex_unlock(&lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(objects);

/**
 * files_create() - make the files
 */
void files_create(void)
{
	dir = debugfs_create_dir("pyobjects", NULL);
	debugfs_create_file("command", 0600, dir, NULL, &command_fops);
	debugfs_create_file("objects", 0400, dir, NULL, &objects_fops);
}

/**
 * files_remove() - remove them, and wait for who is in one
 */
void files_remove(void)
{
	debugfs_remove(dir);
}
