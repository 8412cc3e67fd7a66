// SPDX-License-Identifier: GPL-2.0
/*
 * A sample as one line of JSON: the totals, and every table that was read, as
 * a list of rows with the names that columns have in debugfs.
 */
#include <stdio.h>
#include <string.h>

#include "folder.h"
#include "number.h"
#include "print.h"
#include "sample.h"

/* Texts of tables are printable ASCII by now; paths may be anything. */
static void print_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if (*text < ' ' || *text > '~')
			printf("\\u%04x", (unsigned char)*text);
		else
			putchar(*text);
	}
	putchar('"');
}

/* Of a column that is not known, a cell that looks like a number is one. */
static bool is_number(const struct table_column *column,
		      const struct cell *cell)
{
	int64_t number;

	switch (column->kind) {
	case CELL_COUNT:
	case CELL_NUMBER:
	case CELL_LIMIT:
		return true;
	case CELL_UNKNOWN:
		return number_parse(cell->text, &number) == NUMBER_FINE;
	default:
		return false;
	}
}

/* As JSON has numbers: without zeros in front. */
static void print_number(const char *text)
{
	if (*text == '-')
		putchar(*text++);
	text += strspn(text, "0");
	fputs(*text ? text : "0", stdout);
}

static void print_row(const struct table *table, size_t row)
{
	const struct cell *cell = &table->cells[row * table->nr_columns];
	size_t i;

	for (i = 0; i < table->nr_columns; i++) {
		putchar(i ? ',' : '{');
		print_string(table->columns[i].name);
		putchar(':');
		if (is_number(&table->columns[i], &cell[i]))
			print_number(cell[i].text);
		else
			print_string(cell[i].text);
	}
	putchar('}');
}

static void print_rows(const struct table *table)
{
	size_t row;

	putchar('[');
	for (row = 0; row < table->nr_rows; row++) {
		if (row)
			putchar(',');
		print_row(table, row);
	}
	putchar(']');
}

static void print_table(const char *name, const struct table *table)
{
	if (!table->spec)
		return;
	printf(",\"%s\":", name);
	print_rows(table);
}

static void print_heap_tables(struct sample *sample, const char *name,
			      enum sample_table which)
{
	const struct table *table;
	const char *comma = "";
	size_t i;

	printf(",\"%s\":{", name);
	for (i = 0; i < sample->nr_heaps; i++) {
		table = sample_heap_table(sample, sample->heap[i].name, which);
		if (!table)
			continue;
		fputs(comma, stdout);
		print_string(sample->heap[i].name);
		putchar(':');
		print_rows(table);
		comma = ",";
	}
	putchar('}');
}

static void print_totals(const struct sample_totals *totals)
{
	const struct {
		const char	*name;
		int64_t		value;
	} sums[] = {
		{ "held", totals->held }, { "arenas", totals->arenas },
		{ "live", totals->live }, { "cached", totals->cached },
		{ "free", totals->free }, { "raw", totals->raw },
		{ "metadata", totals->metadata },
		{ "clients", totals->clients }, { "blocks", totals->blocks },
		{ "heap_blocks", totals->heap_blocks },
		{ "raw_blocks", totals->raw_blocks },
	};
	size_t i;

	printf(",\"totals\":");
	for (i = 0; i < sizeof(sums) / sizeof(*sums); i++)
		printf("%c\"%s\":%lld", i ? ',' : '{', sums[i].name,
		       (long long)sums[i].value);
	putchar('}');
}

static void print_head(struct sample *sample, const struct folder *folder)
{
	struct table *version = &sample->table[SAMPLE_VERSION];

	printf("{\"time\":%.3f,\"folder\":", sample->time);
	print_string(folder->path);
	printf(",\"saved\":%s,\"tracing\":%s,\"version\":",
	       folder->saved ? "true" : "false",
	       sample->tracing ? "true" : "false");
	print_row(version, 0);
}

void print_json(struct sample *sample, const struct folder *folder)
{
	struct table *table = sample->table;

	print_head(sample, folder);
	print_totals(&sample->totals);
	print_table("domains", &table[SAMPLE_DOMAINS]);
	print_table("heaps", &table[SAMPLE_HEAPS]);
	print_table("types", &table[SAMPLE_TYPES]);
	print_table("faults", &table[SAMPLE_FAULTS]);
	print_table("traced", &table[SAMPLE_TRACED]);
	print_table("sites", &table[SAMPLE_SITES]);
	print_table("modules", &table[SAMPLE_MODULES]);
	print_heap_tables(sample, "classes", SAMPLE_CLASSES);
	if (sample->nr_heaps && sample->heap[0].arenas.spec)
		print_heap_tables(sample, "arenas", SAMPLE_ARENAS);
	puts("}");
}
