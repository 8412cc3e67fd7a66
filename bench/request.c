// SPDX-License-Identifier: GPL-2.0
/*
 * Takes requests apart: which workload, with which allocator, and the values
 * of its keys.
 *
 * Process context, no locks.
 */
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "run.h"

static const struct workload *const workloads[] = {
	&pair_workload, &sizes_workload, &live_workload, &bulk_workload,
	&growth_workload, &oscillate_workload, &fragment_workload,
	&larson_workload, &xmalloc_workload, &sh6bench_workload,
	&scratch_workload, &simple_workload, &trace_workload, &peak_workload,
	&read_workload,
};

const char *const order_names[NR_ORDERS] = {
	[ORDER_LIFO]		= "lifo",
	[ORDER_FIFO]		= "fifo",
	[ORDER_SHUFFLED]	= "shuffled",
};

static const char *const option_names[NR_OPTIONS] = {
	[OPTION_ROUNDS]		= "rounds",
	[OPTION_SIZE]		= "size",
	[OPTION_CONSTANT]	= "constant",
	[OPTION_N]		= "n",
	[OPTION_MIB]		= "mib",
	[OPTION_SMALL]		= "small",
	[OPTION_OPS]		= "ops",
	[OPTION_ERAS]		= "eras",
	[OPTION_BATCHES]	= "batches",
	[OPTION_WRITES]		= "writes",
	[OPTION_PASSES]		= "passes",
	[OPTION_LAPS]		= "laps",
};

static int parse_number(struct run *run, const char *key, const char *value)
{
	const struct option_range *range;
	u32 *option;

	for (range = run->workload->options; range->max; range++) {
		if (strcmp(key, option_names[range->option]))
			continue;
		option = &run->option[range->option];
		/* A key by itself, like constant, is the same as key=1. */
		if (!value)
			*option = 1;
		else if (kstrtou32(value, 0, option))
			return -EINVAL;
		if (*option < range->min || *option > range->max)
			return -ERANGE;
		return 0;
	}
	return -EINVAL;
}

static int parse_order(struct run *run, const char *value)
{
	int order = match_string(order_names, NR_ORDERS, value);

	if (order < 0)
		return -EINVAL;
	run->order = order;
	return 0;
}

static int parse_option(struct run *run, char *word)
{
	const char *key = strsep(&word, "="), *value = word;

	if (run->workload->takes_order && value && !strcmp(key, "order"))
		return parse_order(run, value);
	if (run->workload->takes_path && value && !strcmp(key, "path")) {
		run->path = value;
		return 0;
	}
	return parse_number(run, key, value);
}

static const struct workload *find_workload(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(workloads); i++) {
		if (!strcmp(workloads[i]->name, name))
			return workloads[i];
	}
	return NULL;
}

static int parse_allocator(struct run *run, const char *name)
{
	int allocator;

	if (!name)
		return -EINVAL;
	allocator = match_string(allocator_names, NR_ALLOCATORS, name);
	if (allocator < 0 || !(run->workload->allocators & BIT(allocator)))
		return -EINVAL;
	run->allocator = allocator;
	return 0;
}

/* The next word of @command, or NULL. */
char *request_word(char **command)
{
	char *word;

	do {
		word = strsep(command, " \t\n");
	} while (word && !*word);
	return word;
}

/* Takes `NAME ALLOCATOR [KEY=VALUE...]`, of which @rest has all but NAME. */
int request_parse(struct run *run, const char *name, char *rest)
{
	const struct option_range *range;
	char *word;
	int err;

	run->workload = find_workload(name);
	if (!run->workload)
		return -EINVAL;
	for (range = run->workload->options; range->max; range++)
		run->option[range->option] = range->preset;
	run->cpus = 1;
	strscpy(run->word, name, sizeof(run->word));
	err = parse_allocator(run, request_word(&rest));
	while (!err && (word = request_word(&rest)))
		err = parse_option(run, word);
	return err;
}

static void show_workload(struct seq_file *out, const struct workload *workload)
{
	const struct option_range *range;
	unsigned int i;

	seq_puts(out, workload->name);
	for (i = 0; i < NR_ALLOCATORS; i++) {
		if (workload->allocators & BIT(i))
			seq_printf(out, " %s", allocator_names[i]);
	}
	seq_puts(out, ":");
	if (workload->takes_order)
		seq_puts(out, " order=lifo|fifo|shuffled");
	if (workload->takes_path)
		seq_puts(out, " path=FILE");
	for (range = workload->options; range->max; range++)
		seq_printf(out, " %s=%u (%u to %u)",
			   option_names[range->option], range->preset,
			   range->min, range->max);
	seq_putc(out, '\n');
}

/* What can be asked for. */
void request_show_list(struct seq_file *out)
{
	unsigned int i;

	seq_puts(out, "# workload allocators: keys=preset (range)\n");
	for (i = 0; i < ARRAY_SIZE(workloads); i++)
		show_workload(out, workloads[i]);
}
