// SPDX-License-Identifier: GPL-2.0
/*
 * The command line.  One table has the options, for reading them and for
 * --help.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "trouble.h"

enum {
	OPTION_ONCE = 256,
	OPTION_JSON,
	OPTION_CSV,
	OPTION_VIEW,
	OPTION_SORT,
	OPTION_FILTER,
	OPTION_HEAP,
	OPTION_FROM,
	OPTION_SAVE,
	OPTION_CHECK,
	OPTION_VERSION,
};

struct description {
	const char	*name;
	int		key;
	const char	*argument;
	const char	*help;
};

static const struct description descriptions[] = {
	{ "once", OPTION_ONCE, NULL, "print one table, and end" },
	{ "json", OPTION_JSON, NULL,
	  "print all tables as JSON, a line each sample" },
	{ "csv", OPTION_CSV, NULL,
	  "print a view's table as CSV, with the time in front" },
	{ "delay", 'd', "SECONDS", "time between samples (1)" },
	{ "count", 'n', "COUNT", "end after so many samples" },
	{ "view", OPTION_VIEW, "VIEW",
	  "classes, heaps, domains, types, sites, modules or map" },
	{ "sort", OPTION_SORT, "COLUMN",
	  "sort by that column; -COLUMN is the other way around" },
	{ "filter", OPTION_FILTER, "TEXT",
	  "only rows with TEXT in them, or that match ~REGEX" },
	{ "heap", OPTION_HEAP, "NAME",
	  "only that heap, in the views classes and map" },
	{ "from", OPTION_FROM, "DIR",
	  "read a saved copy of pyalloc's folder in debugfs" },
	{ "save", OPTION_SAVE, "DIR", "save such a copy, and end" },
	{ "check", OPTION_CHECK, NULL,
	  "with --save: the file check too, which walks all heaps" },
	{ "help", 'h', NULL, "print this, and end" },
	{ "version", OPTION_VERSION, NULL, "print the version, and end" },
};

#define NR_OPTIONS	(sizeof(descriptions) / sizeof(*descriptions))

static void __attribute__((noreturn)) print_help(void)
{
	const struct description *option = descriptions;
	char name[64];

	puts("Usage: pyalloctop [OPTION]...\n"
	     "Shows what pyalloc holds and who has it, live.\n");
	for (; option < descriptions + NR_OPTIONS; option++) {
		snprintf(name, sizeof(name), "--%s%s%s", option->name,
			 option->argument ? " " : "",
			 option->argument ? option->argument : "");
		printf("  %c%c%s %-18s %s\n",
		       option->key < 256 ? '-' : ' ',
		       option->key < 256 ? option->key : ' ',
		       option->key < 256 ? "," : " ", name, option->help);
	}
	puts("\nWithout a terminal it prints a table, or with -d or -n one each sample.");
	exit(fflush(stdout) ? 1 : 0);
}

static void __attribute__((noreturn)) print_version(void)
{
	puts("pyalloctop " VERSION);
	exit(fflush(stdout) ? 1 : 0);
}

bool options_delay(const char *text, double *delay)
{
	char *end;
	double value = strtod(text, &end);

	/* What is not a number is not within the limits, either. */
	if (end == text || *end || !(value >= OPTIONS_LEAST_DELAY &&
				     value <= OPTIONS_MOST_DELAY))
		return false;
	*delay = value;
	return true;
}

static void set_delay(struct options *options)
{
	if (!options_delay(optarg, &options->delay))
		die_misused("--delay takes seconds, from %.2f to %.0f, not '%s'",
			    OPTIONS_LEAST_DELAY, OPTIONS_MOST_DELAY, optarg);
}

static void set_count(struct options *options)
{
	char *end;

	errno = 0;
	options->count = strtol(optarg, &end, 10);
	if (end == optarg || *end || errno || options->count < 1 ||
	    options->count > INT_MAX)
		die_misused("--count takes a number from 1 on, not '%s'",
			    optarg);
}

static void set_form(struct options *options, enum options_form form)
{
	if (options->form != FORM_SCREEN && options->form != form)
		die_misused("--json and --csv do not go together");
	options->form = form;
}

static void set(struct options *options, int key)
{
	switch (key) {
	case OPTION_ONCE:
		options->once = true;
		break;
	case OPTION_JSON:
		set_form(options, FORM_JSON);
		break;
	case OPTION_CSV:
		set_form(options, FORM_CSV);
		break;
	case 'd':
		set_delay(options);
		break;
	case 'n':
		set_count(options);
		break;
	case OPTION_CHECK:
		options->check = true;
		break;
	case OPTION_VIEW:
		options->view = optarg;
		break;
	case OPTION_SORT:
		options->sort = optarg;
		break;
	case OPTION_FILTER:
		options->filter = optarg;
		break;
	case OPTION_HEAP:
		options->heap = optarg;
		break;
	case OPTION_FROM:
		options->from = optarg;
		break;
	case OPTION_SAVE:
		options->save = optarg;
		break;
	case 'h':
		print_help();
	case OPTION_VERSION:
		print_version();
	}
}

static void check_together(const struct options *options)
{
	if (options->once && (options->count || options->delay))
		die_misused("--once does not go with --count or --delay");
	if (options->form == FORM_JSON && (options->sort || options->filter ||
					   options->heap))
		die_misused("--json has whole tables: --sort, --filter and --heap do not go with it");
	if (options->save && (options->form || options->once ||
			      options->count || options->delay ||
			      options->view || options->sort ||
			      options->filter || options->heap))
		die_misused("--save goes with --from and --check only");
	if (options->check && !options->save)
		die_misused("--check goes with --save");
}

/* As getopt wants them. */
static void list_options(struct option *long_options, char *short_options)
{
	size_t i;

	for (i = 0; i < NR_OPTIONS; i++) {
		long_options[i].name = descriptions[i].name;
		long_options[i].has_arg = descriptions[i].argument ?
					  required_argument : no_argument;
		long_options[i].val = descriptions[i].key;
		if (descriptions[i].key >= 256)
			continue;
		*short_options++ = descriptions[i].key;
		if (descriptions[i].argument)
			*short_options++ = ':';
	}
}

void options_read(struct options *options, int argc, char **argv)
{
	struct option long_options[NR_OPTIONS + 1] = { };
	char short_options[2 * NR_OPTIONS + 1] = "";
	int key;

	list_options(long_options, short_options);
	while ((key = getopt_long(argc, argv, short_options, long_options,
				  NULL)) != -1) {
		if (key == '?')
			exit(2);
		set(options, key);
	}
	if (optind < argc)
		die_misused("'%s' is one argument too many", argv[optind]);
	check_together(options);
}
