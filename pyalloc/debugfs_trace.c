// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/pyalloc/trace: starts and stops tracing, and shows what was
 * noted.
 *
 * Call sites are told as the kernel tells addresses of its code, never as
 * numbers.  No file shows where a block is.
 *
 * Contexts: process.  A file holds the lock of traces while it is read.
 */
#include <linux/debugfs.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pyalloc.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "debugfs.h"
#include "fault.h"
#include "snapshot.h"
#include "trace.h"
#include "compat.h"

/* === nframe, sample_bytes, clear, reset_peak === */

static int nframe_set(void *unused, u64 value)
{
	if (value > UINT_MAX)
		return -EINVAL;
	if (value)
		return pytrace_start(value);
	pytrace_stop();
	return 0;
}

static int nframe_get(void *unused, u64 *value)
{
	struct pytrace_sum sum;

	pytrace_sum_up(&sum);
	*value = sum.nframe;
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(nframe_fops, nframe_get, nframe_set, "%llu\n");

static int sample_bytes_set(void *unused, u64 value)
{
	return value > ULONG_MAX ? -EINVAL : pytrace_set_interval(value);
}

static int sample_bytes_get(void *unused, u64 *value)
{
	*value = pytrace_get_interval();
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(sample_bytes_fops, sample_bytes_get,
			 sample_bytes_set, "%llu\n");

static int clear_set(void *unused, u64 value)
{
	return value == 1 ? pytrace_clear() : -EINVAL;
}
DEFINE_DEBUGFS_ATTRIBUTE(clear_fops, NULL, clear_set, "%llu\n");

static int reset_peak_set(void *unused, u64 value)
{
	if (value != 1)
		return -EINVAL;
	pytrace_reset_peak();
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(reset_peak_fops, NULL, reset_peak_set, "%llu\n");

/* === traced === */

static int traced_show(struct seq_file *m, void *unused)
{
	struct pytrace_sum sum;

	pytrace_sum_up(&sum);
	seq_puts(m, "# current peak requested blocks missed_blocks missed_bytes shortened_blocks sites trace_bytes\n");
	seq_printf(m, "%zu %zu %ld %ld %ld %ld %ld %u %zu\n",
		   sum.current_bytes, sum.peak_bytes,
		   max(sum.counts.requested, 0L), max(sum.counts.blocks, 0L),
		   sum.counts.missed, sum.counts.missed_bytes,
		   sum.counts.shortened, sum.sites, sum.own_bytes);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(traced);

/* === statistics === */

static void show_sum(struct seq_file *m, const struct pysnapshot_sum *sum,
		     const char *text)
{
	seq_printf(m, "%llu %llu %llu %s\n", sum->bytes, sum->blocks,
		   div64_u64(sum->bytes, max(sum->blocks, 1ULL)), text);
}

static int show_sites(struct seq_file *m, const struct pytrace *trace,
		      const struct pysnapshot_sum *sums, unsigned int n)
{
	char *text = kmalloc(PYSITE_TEXT, GFP_KERNEL);
	unsigned int i;

	if (!text)
		return -ENOMEM;
	seq_puts(m, "# bytes blocks average call_site\n");
	for (i = 0; i < n; i++) {
		pysite_tell(trace->sites, sums[i].site, text, PYSITE_TEXT,
			    false);
		show_sum(m, &sums[i], text);
	}
	kfree(text);
	return 0;
}

/* Shows what is noted by way of its sums; an empty table without a trace. */
static int show_sums(struct seq_file *m,
		     int (*show)(struct seq_file *m,
				 const struct pytrace *trace,
				 const struct pysnapshot_sum *sums,
				 unsigned int n))
{
	struct pytrace *trace = pytrace_begin_look();
	struct pysnapshot_sum *sums = NULL;
	unsigned int n = 0;
	int error = 0;

	if (trace) {
		sums = pysnapshot_sum_up(trace, NULL, NULL, &n);
		if (!sums)
			error = -ENOMEM;
	}
	if (!error)
		error = show(m, trace, sums, n);
	pytrace_end_look();
	kvfree(sums);
	return error;
}

static int statistics_show(struct seq_file *m, void *unused)
{
	return show_sums(m, show_sites);
}
DEFINE_SHOW_ATTRIBUTE(statistics);

/* === modules === */

struct module_sum {
	char			name[MODULE_NAME_LEN];
	struct pysnapshot_sum	sum;
};

/* There are few modules, of which each has many sites; the last is for others. */
#define MOST_MODULES	256

static void add_to_module(struct module_sum *modules, unsigned int *nr,
			  const char *name, const struct pysnapshot_sum *sum)
{
	struct module_sum *module = modules;
	unsigned int i;

	for (i = 0; i < *nr && strcmp(module->name, name); i++)
		module++;
	if (i == MOST_MODULES - 1)
		name = "others";
	if (i == *nr) {
		strscpy(module->name, name, sizeof(module->name));
		++*nr;
	}
	module->sum.bytes += sum->bytes;
	module->sum.blocks += sum->blocks;
}

static int by_bytes(const void *a, const void *b)
{
	const struct module_sum *left = a, *right = b;

	return left->sum.bytes < right->sum.bytes ? 1 :
	       left->sum.bytes > right->sum.bytes ? -1 : 0;
}

static int show_modules(struct seq_file *m, const struct pytrace *trace,
			const struct pysnapshot_sum *sums, unsigned int n)
{
	struct module_sum *modules = kvcalloc(MOST_MODULES, sizeof(*modules),
					      GFP_KERNEL);
	char *text = kmalloc(PYSITE_TEXT, GFP_KERNEL);
	unsigned int nr = 0, i;

	if (!modules || !text) {
		kfree(text);
		kvfree(modules);
		return -ENOMEM;
	}
	seq_puts(m, "# bytes blocks average module\n");
	for (i = 0; i < n; i++) {
		pysite_tell_module(trace->sites, sums[i].site, text,
				   PYSITE_TEXT);
		add_to_module(modules, &nr, text, &sums[i]);
	}
	sort(modules, nr, sizeof(*modules), by_bytes, NULL);
	for (i = 0; i < nr; i++)
		show_sum(m, &modules[i].sum, modules[i].name);
	kfree(text);
	kvfree(modules);
	return 0;
}

static int modules_show(struct seq_file *m, void *unused)
{
	return show_sums(m, show_modules);
}
DEFINE_SHOW_ATTRIBUTE(modules);

/* === snapshot === */

/**
 * struct reader - who reads the file
 * @trace: the trace, from start to stop
 * @snapshot: the walk
 * @first: the position of the first row of its part
 * @text: room for the text of a site
 */
struct reader {
	const struct pytrace	*trace;
	struct pysnapshot	*snapshot;
	loff_t			first;
	char			*text;
};

/* Position 0 is the line of names. */
static void *row_at(struct reader *reader, loff_t pos)
{
	struct pysnapshot *snapshot = reader->snapshot;

	while (pos >= reader->first + snapshot->nr) {
		reader->first += snapshot->nr;
		if (!pysnapshot_fill(snapshot, reader->trace))
			return NULL;
	}
	return &snapshot->row[pos - reader->first];
}

static void *snapshot_start(struct seq_file *m, loff_t *pos)
{
	struct reader *reader = m->private;

	reader->trace = pytrace_begin_look();
	/* What was read before is another trace's. */
	if (*pos && (!reader->trace ||
		     reader->snapshot->epoch != reader->trace->epoch))
		return NULL;
	/* Nobody reads backwards, but from the beginning. */
	if (!*pos || *pos < reader->first) {
		pysnapshot_rewind(reader->snapshot);
		reader->first = 1;
	}
	return *pos ? row_at(reader, *pos) : SEQ_START_TOKEN;
}

static void *snapshot_next(struct seq_file *m, void *v, loff_t *pos)
{
	return row_at(m->private, ++*pos);
}

static void snapshot_stop(struct seq_file *m, void *v)
{
	pytrace_end_look();
}

/**
 * pydebugfs_show_domain() - show who asked for a block
 * @m: where
 * @domain: a domain, or a client's own number
 *
 * Context: Process.
 */
void pydebugfs_show_domain(struct seq_file *m, unsigned int domain)
{
	if (domain < PYMEM_NR_DOMAINS)
		seq_puts(m, pydebugfs_domains[domain]);
	else
		seq_printf(m, "%u", domain);
}

static int snapshot_show(struct seq_file *m, void *v)
{
	struct reader *reader = m->private;
	struct pysnapshot_row *row = v;
	u64 weight;

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "# domain bytes requested blocks age_ms frames\n");
		return 0;
	}
	weight = pysample_weight(row->size, reader->trace->interval);
	pysite_tell(reader->trace->sites, row->site, reader->text,
		    PYSITE_TEXTS, true);
	pydebugfs_show_domain(m, row->domain);
	seq_printf(m, " %llu %llu %llu %llu %s\n",
		   pysample_scale(row->bytes, weight),
		   pysample_scale(row->size, weight),
		   pysample_scale(1, weight),
		   jiffies64_to_msecs(row->age),
		   reader->text);
	return 0;
}

static const struct seq_operations snapshot_sops = {
	.start	= snapshot_start,
	.next	= snapshot_next,
	.stop	= snapshot_stop,
	.show	= snapshot_show,
};

static void free_reader(struct reader *reader)
{
	kfree(reader->text);
	pysnapshot_free(reader->snapshot);
}

static int snapshot_open(struct inode *inode, struct file *file)
{
	struct reader *reader = __seq_open_private(file, &snapshot_sops,
						   sizeof(*reader));

	if (!reader)
		return -ENOMEM;
	reader->text = kmalloc(PYSITE_TEXTS, GFP_KERNEL);
	reader->snapshot = reader->text ? pysnapshot_new(NULL) : NULL;
	if (!reader->snapshot) {
		free_reader(reader);
		seq_release_private(inode, file);
		return -ENOMEM;
	}
	return 0;
}

static int snapshot_release(struct inode *inode, struct file *file)
{
	free_reader(((struct seq_file *)file->private_data)->private);
	return seq_release_private(inode, file);
}

static const struct file_operations snapshot_fops = {
	.owner		= THIS_MODULE,
	.open		= snapshot_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.release	= snapshot_release,
};

/**
 * pydebugfs_add_trace() - show traces
 * @root: the module's directory
 *
 * Context: Process.  Nothing depends on its success.
 */
void __init pydebugfs_add_trace(struct dentry *root)
{
	struct dentry *dir = debugfs_create_dir("trace", root);

	debugfs_create_file_unsafe("nframe", 0600, dir, NULL, &nframe_fops);
	debugfs_create_file_unsafe("sample_bytes", 0600, dir, NULL,
				   &sample_bytes_fops);
	debugfs_create_file_unsafe("clear", 0200, dir, NULL, &clear_fops);
	debugfs_create_file_unsafe("reset_peak", 0200, dir, NULL,
				   &reset_peak_fops);
	debugfs_create_file("traced", 0400, dir, NULL, &traced_fops);
	debugfs_create_file("statistics", 0400, dir, NULL, &statistics_fops);
	debugfs_create_file("modules", 0400, dir, NULL, &modules_fops);
	debugfs_create_file("snapshot", 0400, dir, NULL, &snapshot_fops);
}
