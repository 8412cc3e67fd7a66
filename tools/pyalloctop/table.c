// SPDX-License-Identifier: GPL-2.0
/*
 * A table of the module's: a line of names after a `#`, and a line for each
 * row, with one space between cells.
 *
 * Columns are found by their names, and those that are not known are kept as
 * they are.  Whatever is not as it should be ends the program with the file
 * and the line, as a wrong number is worse than none.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "table.h"
#include "trouble.h"

#define MOST_COLUMNS	256

/* Of rows with the same key, those that are told apart. */
#define MOST_TWINS	64

/* Where a parser is. */
struct place {
	const char	*path;
	size_t		line;
};

#define die_at(place, format, ...) \
	die("%s:%zu: " format, (place)->path, (place)->line, ##__VA_ARGS__)

/* === The line of names === */

static const struct column_spec *find_spec(const struct table_spec *spec,
					   const char *name)
{
	const struct column_spec *column;

	for (column = spec->columns; column->name; column++)
		if (!strcmp(column->name, name))
			return column;
	return NULL;
}

static void add_column(struct table *table, const struct place *place,
		       const char *name)
{
	const struct column_spec *known = find_spec(table->spec, name);
	struct table_column *column = &table->columns[table->nr_columns];
	const char *character;

	for (character = name; *character; character++)
		if (!isgraph((unsigned char)*character))
			die_at(place, "'%.40s' is no column's name", name);
	if (table_column(table, name) != TABLE_NONE)
		die_at(place, "there are two columns '%.40s'", name);
	if (table->nr_columns == MOST_COLUMNS)
		die_at(place, "there are more than %d columns", MOST_COLUMNS);
	column->name = name;
	if (known) {
		column->kind = known->kind;
		column->key = known->key;
	}
	table->nr_columns++;
}

static void check_columns(const struct table *table, const struct place *place)
{
	const struct column_spec *known;
	size_t column;

	for (known = table->spec->columns; known->name; known++) {
		column = table_column(table, known->name);
		if (column == TABLE_NONE)
			die_at(place, "there is no column '%s'", known->name);
		if (known->kind == CELL_REST && column + 1 < table->nr_columns)
			die_at(place, "'%s' is not the last column",
			       known->name);
	}
}

static void parse_names(struct table *table, const struct place *place,
			char *line)
{
	char *name, *rest = line + 1;

	if (*line != '#')
		die_at(place, "there is no line of columns' names");
	table->columns = get_memory(MOST_COLUMNS, sizeof(*table->columns));
	while ((name = strsep(&rest, " ")))
		if (*name)
			add_column(table, place, name);
	check_columns(table, place);
}

/* === Cells === */

static void check_name(const struct place *place, const char *text)
{
	if (*text == '.' || strchr(text, '/'))
		die_at(place, "'%.40s' can't be a heap's name", text);
}

static void check_map(const struct place *place, const char *text)
{
	size_t good = strspn(text, ".-!0123456789");

	if (text[good])
		die_at(place, "the map has a '%c'", text[good]);
}

static bool is_too_large(const struct table_column *column,
			 enum number_error error)
{
	if (error == NUMBER_LARGE)
		return column->kind != CELL_LIMIT;
	return error == NUMBER_TOO_LARGE;
}

static void parse_number(const struct place *place,
			 const struct table_column *column, struct cell *cell)
{
	enum number_error error = number_parse(cell->text, &cell->number);

	if (error == NUMBER_NONE)
		die_at(place, "%s is not a number: '%.40s'", column->name,
		       cell->text);
	if (is_too_large(column, error))
		die_at(place, "%s is too large: %.40s", column->name,
		       cell->text);
	if (cell->number < 0 && column->kind != CELL_NUMBER)
		die_at(place, "%s is below zero: %.40s", column->name,
		       cell->text);
}

static void parse_cell(const struct place *place,
		       const struct table_column *column, char *text,
		       struct cell *cell)
{
	cell->text = text;
	switch (column->kind) {
	case CELL_COUNT:
	case CELL_NUMBER:
	case CELL_LIMIT:
		parse_number(place, column, cell);
		break;
	case CELL_NAME:
		check_name(place, text);
		break;
	case CELL_MAP:
		check_map(place, text);
		break;
	case CELL_UNKNOWN:
	case CELL_WORD:
	case CELL_REST:
		break;
	}
	/* Names are other modules', and may be anything. */
	trouble_make_printable(text);
}

static void parse_row(struct table *table, const struct place *place,
		      char *line)
{
	struct cell *cell = &table->cells[table->nr_rows * table->nr_columns];
	const struct table_column *column;
	char *text, *rest = line;
	size_t i;

	for (i = 0; i < table->nr_columns; i++) {
		column = &table->columns[i];
		if (column->kind == CELL_REST) {
			text = rest;
			rest = NULL;
		} else {
			text = strsep(&rest, " ");
		}
		if (!text || (!*text && column->kind != CELL_REST))
			die_at(place, "there are %zu cells under %zu names",
			       i, table->nr_columns);
		parse_cell(place, column, text, &cell[i]);
	}
	if (rest)
		die_at(place, "there are more cells than the %zu names",
		       table->nr_columns);
	table->nr_rows++;
}

/* === Tables === */

static size_t count_lines(const struct place *place, const char *text,
			  size_t size)
{
	struct place here = *place;
	const char *end = text + size, *at;
	size_t lines = 0;

	for (at = text; at < end; at++) {
		here.line = lines + 1;
		if (!*at)
			die_at(&here, "this is not text");
		lines += *at == '\n';
	}
	here.line = lines + 1;
	if (size && end[-1] != '\n')
		die_at(&here, "the line is cut off");
	return lines;
}

/*
 * The text is the table's from now on; path is for messages.
 */
void table_parse(struct table *table, const struct table_spec *spec,
		 const char *path, char *text, size_t size)
{
	struct place place = { path, 1 };
	size_t lines;
	char *line;

	memset(table, 0, sizeof(*table));
	table->spec = spec;
	table->text = text;
	lines = count_lines(&place, text, size);
	line = strsep(&text, "\n");
	parse_names(table, &place, line);
	table->cells = get_memory((lines - 1) * table->nr_columns,
				  sizeof(*table->cells));
	for (place.line = 2; place.line <= lines; place.line++) {
		line = strsep(&text, "\n");
		parse_row(table, &place, line);
	}
}

void table_free(struct table *table)
{
	free(table->text);
	free(table->columns);
	free(table->cells);
	free(table->slots);
	free(table->nth);
	memset(table, 0, sizeof(*table));
}

size_t table_column(const struct table *table, const char *name)
{
	size_t i;

	for (i = 0; i < table->nr_columns; i++)
		if (!strcmp(table->columns[i].name, name))
			return i;
	return TABLE_NONE;
}

/* The columns of a spec are all there. */
const struct cell *table_cell(const struct table *table, size_t row,
			      const char *name)
{
	return &table->cells[row * table->nr_columns +
			     table_column(table, name)];
}

int64_t table_sum(const struct table *table, const char *name)
{
	int64_t sum = 0;
	size_t row;

	for (row = 0; row < table->nr_rows; row++)
		sum = number_add(sum, table_cell(table, row, name)->number);
	return sum;
}

/* === Finding rows === */

static const char *key_text(const struct table *table, size_t row, size_t i)
{
	return table->cells[row * table->nr_columns + i].text;
}

/* FNV-1a, over all of a row's keys. */
static size_t hash(const struct table *table, size_t row)
{
	uint64_t value = 14695981039346656037ULL;
	const char *at;
	size_t i;

	for (i = 0; i < table->nr_columns; i++) {
		if (!table->columns[i].key)
			continue;
		for (at = key_text(table, row, i); *at; at++)
			value = (value ^ (unsigned char)*at) * 1099511628211ULL;
		value = (value ^ ' ') * 1099511628211ULL;
	}
	return value;
}

/* By the newer's columns: those of the older may stand elsewhere. */
static bool same_key(const struct table *older, size_t old,
		     const struct table *newer, size_t new)
{
	size_t i;

	for (i = 0; i < newer->nr_columns; i++)
		if (newer->columns[i].key &&
		    strcmp(key_text(newer, new, i),
			   table_cell(older, old,
				      newer->columns[i].name)->text))
			return false;
	return true;
}

/* Rows may have the same key, and are told apart by their order. */
static void insert(struct table *table, size_t row)
{
	size_t slot = hash(table, row) & (table->nr_slots - 1);

	while (table->slots[slot]) {
		if (same_key(table, table->slots[slot] - 1, table, row) &&
		    ++table->nth[row] == MOST_TWINS)
			return;
		slot = (slot + 1) & (table->nr_slots - 1);
	}
	table->slots[slot] = row + 1;
}

static void prepare(struct table *table)
{
	size_t row;

	if (table->slots)
		return;
	table->nr_slots = 16;
	while (table->nr_slots < 2 * table->nr_rows)
		table->nr_slots *= 2;
	table->slots = get_memory(table->nr_slots, sizeof(*table->slots));
	table->nth = get_memory(table->nr_rows, sizeof(*table->nth));
	for (row = 0; row < table->nr_rows; row++)
		insert(table, row);
}

/* The row of the older table that the newer one's row has come from. */
size_t table_find(struct table *older, struct table *newer, size_t row)
{
	size_t slot, found;

	prepare(older);
	prepare(newer);
	slot = hash(newer, row) & (older->nr_slots - 1);
	for (; older->slots[slot]; slot = (slot + 1) & (older->nr_slots - 1)) {
		found = older->slots[slot] - 1;
		if (older->nth[found] == newer->nth[row] &&
		    same_key(older, found, newer, row))
			return found;
	}
	return TABLE_NONE;
}

/* The first row that has the key of one before it. */
size_t table_twin(struct table *table)
{
	size_t row;

	prepare(table);
	for (row = 0; row < table->nr_rows; row++)
		if (table->nth[row])
			return row;
	return TABLE_NONE;
}
