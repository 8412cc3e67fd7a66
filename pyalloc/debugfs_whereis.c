// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/pyalloc/whereis: root writes an address, and reads whose it
 * is.
 *
 * Who has the file open reads about the address that he wrote through it; who
 * wrote none, as a shell that opens it anew, about the last that anybody wrote.
 * So programs don't disturb each other.  The answer begins with the address.
 *
 * Contexts: process.
 */
#include <linux/debugfs.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "debugfs.h"
#include "fault.h"
#include "trace.h"
#include "whereis.h"
#include "compat.h"

/* What is written is no longer than this. */
#define MOST_LETTERS	64

/**
 * struct question - what was asked
 * @is_asked: anything was
 * @address: the address
 */
struct question {
	bool		is_asked;
	unsigned long	address;
};

/* The last that anybody asked; questions change with the lock. */
static struct question last;
static DEFINE_MUTEX(question_lock);

static const char *const states[PYWHEREIS_NR_STATES] = {
	[PYWHEREIS_NONE]	= "none",
	[PYWHEREIS_LIVE]	= "live",
	[PYWHEREIS_GRACE]	= "grace",
	[PYWHEREIS_FREE]	= "free",
	[PYWHEREIS_FRONT]	= "front",
	[PYWHEREIS_DEPOT]	= "depot",
	[PYWHEREIS_LIST]	= "list",
	[PYWHEREIS_QUARANTINE]	= "quarantine",
	[PYWHEREIS_RESERVE]	= "reserve",
	[PYWHEREIS_KEPT]	= "kept",
	[PYWHEREIS_OWN]		= "own",
	[PYWHEREIS_REST]	= "rest",
	[PYWHEREIS_CONDEMNED]	= "condemned",
	[PYWHEREIS_EMPTY]	= "empty",
	[PYWHEREIS_HOLE]	= "hole",
};

static const char *const kinds[PYWHEREIS_NR_KINDS] = {
	[PYWHEREIS_PLAIN]		= "plain",
	[PYWHEREIS_META]		= "meta",
	[PYWHEREIS_DECORATED]		= "decorated",
	[PYWHEREIS_SAMPLED]		= "sampled",
	[PYWHEREIS_RAW]			= "raw",
	[PYWHEREIS_DECORATED_RAW]	= "decorated-raw",
	[PYWHEREIS_TRACKED]		= "tracked",
};

/* A column, or that there is nothing to be said in it. */
static void show(struct seq_file *m, bool has, unsigned long long value)
{
	if (has)
		seq_printf(m, " %llu", value);
	else
		seq_puts(m, " -");
}

static void show_place(struct seq_file *m, const struct pywhereis *where)
{
	bool has_pool = where->has_pool;

	seq_printf(m, "%#lx %s", (unsigned long)where->address,
		   *where->heap ? where->heap : "-");
	show(m, where->has_arena, where->arena);
	seq_printf(m, " %s", where->has_arena ? where->source : "-");
	show(m, where->has_arena, where->nid);
	show(m, where->has_arena, where->pool);
	show(m, has_pool, where->class);
	seq_printf(m, " %s", has_pool || where->has_block ?
		   kinds[where->kind] : "-");
	show(m, has_pool || where->has_block, where->size);
	show(m, has_pool && where->has_block, where->block);
	show(m, has_pool || where->has_block, where->offset);
	seq_printf(m, " %s ", states[where->state]);
}

static void show_notes(struct seq_file *m, const struct pywhereis *where,
		       const struct pytrace *trace, char *text)
{
	if (where->is_noted)
		pydebugfs_show_domain(m, where->domain);
	else
		seq_putc(m, '-');
	show(m, where->is_noted, where->bytes);
	show(m, where->site, jiffies64_to_msecs(where->age));
	strscpy(text, "-", PYSITE_TEXTS);
	if (where->site)
		pysite_tell(trace->sites, where->site, text, PYSITE_TEXTS,
			    true);
	seq_printf(m, " %s\n", text);
}

static void show_answer(struct seq_file *m, unsigned long address, char *text)
{
	struct pytrace *trace = pytrace_begin_look();
	struct pywhereis where;

	pywhereis(trace, (void *)address, &where);
	show_place(m, &where);
	show_notes(m, &where, trace, text);
	pytrace_end_look();
}

static struct question question_of(const struct seq_file *m)
{
	const struct question *own = m->private;
	struct question question;

	mutex_lock(&question_lock);
	question = own->is_asked ? *own : last;
	mutex_unlock(&question_lock);
	return question;
}

static int whereis_show(struct seq_file *m, void *unused)
{
	struct question question = question_of(m);
	char *text = pyfault_strikes(PYFAULT_STATS) ? NULL :
		     kmalloc(PYSITE_TEXTS, GFP_KERNEL);

	if (!text)
		return -ENOMEM;
	seq_puts(m, "# address heap arena source node pool class kind size block offset state domain bytes age_ms site\n");
	if (question.is_asked)
		show_answer(m, question.address, text);
	kfree(text);
	return 0;
}

/* Hexadecimal, with 0x or without, as the kernel prints addresses. */
static int parse(const char __user *from, size_t bytes, unsigned long *address)
{
	char *text;
	int error;

	if (bytes > MOST_LETTERS)
		return -EINVAL;
	text = memdup_user_nul(from, bytes);
	if (IS_ERR(text))
		return PTR_ERR(text);
	error = strlen(text) == bytes ? kstrtoul(strim(text), 16, address) :
					-EINVAL;
	kfree(text);
	return error ? -EINVAL : 0;
}

static ssize_t whereis_write(struct file *file, const char __user *from,
			     size_t bytes, loff_t *pos)
{
	struct seq_file *m = file->private_data;
	struct question *own = m->private, question = { .is_asked = true };
	int error = parse(from, bytes, &question.address);

	if (error)
		return error;
	mutex_lock(&question_lock);
	*own = question;
	last = question;
	mutex_unlock(&question_lock);
	/* What is read next is the answer, from its beginning. */
	*pos = seq_lseek(file, 0, SEEK_SET);
	return bytes;
}

static int whereis_open(struct inode *inode, struct file *file)
{
	struct question *own = kzalloc(sizeof(*own), GFP_KERNEL);
	int error = own ? single_open(file, whereis_show, own) : -ENOMEM;

	if (error)
		kfree(own);
	return error;
}

static int whereis_release(struct inode *inode, struct file *file)
{
	kfree(((struct seq_file *)file->private_data)->private);
	return single_release(inode, file);
}

static const struct file_operations whereis_fops = {
	.owner		= THIS_MODULE,
	.open		= whereis_open,
	.read		= seq_read,
	.write		= whereis_write,
	.llseek		= seq_lseek,
	.release	= whereis_release,
};

/**
 * pydebugfs_add_whereis() - have addresses asked about
 * @root: the module's directory
 *
 * Context: Process.  Nothing depends on its success.
 */
void __init pydebugfs_add_whereis(struct dentry *root)
{
	debugfs_create_file("whereis", 0600, root, NULL, &whereis_fops);
}
