// SPDX-License-Identifier: GPL-2.0
/*
 * The table of results: rows as text, in the order in which they came.
 *
 * Process context, under the lock of run.c.
 */
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "clock.h"
#include "run.h"

struct row {
	struct list_head list;
	char text[];
};

static LIST_HEAD(rows);
static bool row_lost;

static void add_row(const struct run *run, const char *metric,
		    const char *value)
{
	const char *allocator = allocator_names[run->allocator];
	int len = snprintf(NULL, 0, "%s\t%s\t%u\t%s\t%s\n", run->word,
			   allocator, run->cpus, metric, value);
	struct row *row = kmalloc(struct_size(row, text, len + 1), GFP_KERNEL);

	if (!row) {
		row_lost = true;
		return;
	}
	snprintf(row->text, len + 1, "%s\t%s\t%u\t%s\t%s\n", run->word,
		 allocator, run->cpus, metric, value);
	list_add_tail(&row->list, &rows);
}

/* A row with a plain number. */
void results_count(const struct run *run, const char *metric, s64 value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", value);
	add_row(run, metric, text);
}

/*
 * A row with what one of @ops operations took, with two digits behind the
 * point.  The metric is the clock's unit between @prefix and @suffix.
 */
void results_time(const struct run *run, const char *prefix,
		  const char *suffix, u64 ticks, u64 ops)
{
	char metric[32], text[32];
	u64 units = div64_u64_rem(ticks, ops, &ticks);

	snprintf(metric, sizeof(metric), "%s%s%s", prefix, clock_unit(),
		 suffix);
	snprintf(text, sizeof(text), "%llu.%02llu", units,
		 div64_u64(ticks * 100, ops));
	add_row(run, metric, text);
}

/* There was not enough memory for the run. */
void results_failed(const struct run *run)
{
	add_row(run, clock_unit(), "failed");
}

void results_clear(void)
{
	struct row *row, *next;

	list_for_each_entry_safe(row, next, &rows, list)
		kfree(row);
	INIT_LIST_HEAD(&rows);
	row_lost = false;
}

void results_show(struct seq_file *out)
{
	struct row *row;

	seq_puts(out, "# workload\tallocator\tcpus\tmetric\tvalue\n");
	list_for_each_entry(row, &rows, list)
		seq_puts(out, row->text);
	if (row_lost)
		seq_puts(out, "# rows are missing: there was no memory\n");
}
