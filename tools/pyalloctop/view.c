// SPDX-License-Identifier: GPL-2.0
/*
 * What a view shows of its samples: its rows, filtered and sorted, and the
 * values of its columns.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "trouble.h"
#include "view.h"

/* === By name === */

const struct view *view_find(const char *name)
{
	size_t i;

	for (i = 0; i < nr_views; i++)
		if (!strcmp(views[i].name, name))
			return &views[i];
	return NULL;
}

/* By its heading, or what it is called in debugfs. */
const struct view_column *view_find_column(const struct view *view,
					   const char *name)
{
	const struct view_column *column;

	for (column = view->columns; column->op; column++)
		if (!strcasecmp(column->heading, name))
			return column;
	for (column = view->columns; column->op; column++)
		if ((column->op == OP_VALUE || column->op == OP_TEXT) &&
		    column->when < WHEN_RATE && !strcmp(column->a, name))
			return column;
	return NULL;
}

/* The tables it is made of, as bits. */
unsigned int view_wants(const struct view *view)
{
	if (SAMPLE_BIT(view->table) & SAMPLE_TRACES)
		return SAMPLE_BIT(view->table) | SAMPLE_BIT(SAMPLE_TRACED);
	return SAMPLE_BIT(view->table);
}

/* === Values === */

static int64_t cell(const struct table *table, size_t row, const char *name)
{
	return name ? table_cell(table, row, name)->number : 0;
}

static int64_t share(int64_t part, int64_t whole)
{
	if (whole <= 0)
		return 0;
	return number_round(1000.0 * part / whole);
}

/* What a row has in a column, in one sample. */
static int64_t level(const struct view_column *column,
		     const struct table *table, size_t row)
{
	int64_t a = cell(table, row, column->a);
	int64_t b = cell(table, row, column->b);
	int64_t c = cell(table, row, column->c);

	switch (column->op) {
	case OP_SUM:
		return number_add(a, b);
	case OP_PRODUCT:
		return number_multiply(a, b);
	case OP_SHARE:
		return share(a, b);
	case OP_SHARE_KIB:
		return share(a, number_multiply(b, 1024));
	case OP_PART:
		return share(a, number_add(number_add(a, b), c));
	default:
		return a;
	}
}

/* A row that was not there had nothing. */
static int64_t change(const struct view_column *column,
		      const struct view_line *line,
		      const struct table *older, size_t row)
{
	int64_t now = level(column, line->table, line->row);

	if (row == TABLE_NONE)
		return now;
	return number_subtract(now, level(column, older, row));
}

static struct view_value rate(const struct scene *scene,
			      const struct view_line *line,
			      const struct view_column *column)
{
	struct view_value value = { };
	double seconds;

	if (!line->before)
		return value;
	seconds = scene->now->clock - scene->before->clock;
	value.number = number_round(change(column, line, line->before,
					   line->before_row) / seconds);
	/* A counter that goes back has begun anew. */
	value.known = column->when == WHEN_GROWTH || value.number >= 0;
	return value;
}

static struct view_value number(const struct scene *scene,
				const struct view_line *line,
				const struct view_column *column)
{
	struct view_value value = { .known = true };

	if (column->when == WHEN_NOW && scene->mark) {
		value.known = line->mark;
		if (line->mark)
			value.number = change(column, line, line->mark,
					      line->mark_row);
		return value;
	}
	value.number = level(column, line->table, line->row);
	return value;
}

struct view_value view_value(const struct scene *scene,
			     const struct view_line *line,
			     const struct view_column *column)
{
	struct view_value value = { .known = true };

	switch (column->op) {
	case OP_HEAP:
		value.text = line->heap;
		return value;
	case OP_TEXT:
		value.text = table_cell(line->table, line->row,
					column->a)->text;
		return value;
	default:
		if (column->when >= WHEN_RATE)
			return rate(scene, line, column);
		return number(scene, line, column);
	}
}

/* The cell's text, which is in the given room or as old as the sample. */
void view_tell(const struct scene *scene, const struct view_line *line,
	       const struct view_column *column, char text[NUMBER_TEXT],
	       const char **told)
{
	struct view_value value = view_value(scene, line, column);
	bool sign = column->when == WHEN_GROWTH ||
		    (column->when == WHEN_NOW && scene->mark);

	*told = text;
	if (!value.known)
		strcpy(text, "-");
	else if (value.text)
		*told = value.text;
	else if (column->unit == UNIT_PERCENT)
		snprintf(text, NUMBER_TEXT, "%.1f", value.number / 10.0);
	else if (column->unit == UNIT_BYTES)
		number_tell_bytes(text, value.number, sign);
	else
		number_tell_count(text, value.number, sign);
}

/* === Rows === */

/* Room for the labels of a row, beyond which no filter looks. */
#define LABELS	4096

static bool passes(const struct scene *scene, const struct view_line *line)
{
	const struct view_column *column;
	char labels[LABELS] = "", text[NUMBER_TEXT];
	const char *told;
	size_t at = 0;

	if (!scene->filter || !*scene->filter->text)
		return true;
	for (column = scene->view->columns; column->op; column++) {
		if (column->rank && column->op != OP_TEXT)
			continue;
		view_tell(scene, line, column, text, &told);
		if (at < sizeof(labels))
			at += snprintf(labels + at, sizeof(labels) - at,
				       "%s%s", at ? " " : "", told);
	}
	return filter_passes(scene->filter, labels);
}

static bool is_hidden(const struct scene *scene, const struct view_line *line)
{
	return scene->view->hide && !scene->all &&
	       !table_cell(line->table, line->row, scene->view->hide)->number;
}

static struct table *table_of(const struct scene *scene, struct sample *sample,
			      const char *heap)
{
	struct table *table;

	if (!sample)
		return NULL;
	if (scene->view->per_heap)
		return sample_heap_table(sample, heap, scene->view->table);
	table = &sample->table[scene->view->table];
	return table->spec ? table : NULL;
}

/* A heap that is new has come from nothing, if heaps were looked at. */
static struct table *older_table(const struct scene *scene,
				 struct sample *sample, const char *heap)
{
	static struct table nothing;

	if (sample && scene->view->table == SAMPLE_CLASSES &&
	    !sample_has_heap(sample, heap))
		return &nothing;
	return table_of(scene, sample, heap);
}

static size_t older_row(struct table *older, struct table *table, size_t row)
{
	if (!older || !older->spec)
		return TABLE_NONE;
	return table_find(older, table, row);
}

/* Adds what is to be seen of a table. */
static void add_lines(const struct scene *scene, struct table *table,
		      const char *heap, struct view_line *lines, size_t *nr)
{
	struct sample *earlier = scene->before;
	struct view_line line = { .heap = heap, .table = table };
	struct table *before, *mark;

	if (earlier && earlier->clock >= scene->now->clock)
		earlier = NULL;
	before = older_table(scene, earlier, heap);
	mark = older_table(scene, scene->mark, heap);
	line.before = before;
	line.mark = mark;
	for (line.row = 0; line.row < table->nr_rows; line.row++) {
		if (is_hidden(scene, &line))
			continue;
		line.before_row = older_row(before, table, line.row);
		line.mark_row = older_row(mark, table, line.row);
		if (!passes(scene, &line))
			continue;
		if (scene->sort)
			line.sort = view_value(scene, &line, scene->sort);
		line.order = *nr;
		lines[(*nr)++] = line;
	}
}

/* Texts and labels go up, numbers down. */
static int compare_values(const struct view_column *column,
			  const struct view_value *a,
			  const struct view_value *b)
{
	int order = (b->number > a->number) - (b->number < a->number);

	if (a->text && b->text)
		return strcmp(a->text, b->text);
	return column->rank ? order : -order;
}

/* What is not known comes last, either way. */
static int compare(const void *left, const void *right, void *data)
{
	const struct view_line *a = left, *b = right;
	const struct scene *scene = data;
	int order;

	if (a->sort.known != b->sort.known)
		return a->sort.known ? -1 : 1;
	order = compare_values(scene->sort, &a->sort, &b->sort);
	if (scene->reverse)
		order = -order;
	return order ? order : a->order < b->order ? -1 : 1;
}

static void sort_lines(const struct scene *scene, struct view_line *lines,
		       size_t nr)
{
	if (scene->sort)
		qsort_r(lines, nr, sizeof(*lines), compare, (void *)scene);
}

static size_t most_lines(const struct scene *scene)
{
	size_t sum = 0, i;
	struct table *table;

	if (!scene->view->per_heap)
		return scene->now->table[scene->view->table].nr_rows;
	for (i = 0; i < scene->now->nr_heaps; i++) {
		table = table_of(scene, scene->now, scene->now->heap[i].name);
		sum += table ? table->nr_rows : 0;
	}
	return sum;
}

/* The rows to be shown; the array is the caller's. */
struct view_line *view_lines(const struct scene *scene, size_t *nr)
{
	struct view_line *lines = get_memory(most_lines(scene),
					     sizeof(*lines));
	struct sample *now = scene->now;
	struct table *table;
	size_t i;

	*nr = 0;
	for (i = 0; scene->view->per_heap && i < now->nr_heaps; i++) {
		if (scene->heap && strcmp(scene->heap, now->heap[i].name))
			continue;
		table = table_of(scene, now, now->heap[i].name);
		if (table)
			add_lines(scene, table, now->heap[i].name, lines, nr);
	}
	table = scene->view->per_heap ? NULL : table_of(scene, now, NULL);
	if (table)
		add_lines(scene, table, NULL, lines, nr);
	sort_lines(scene, lines, *nr);
	return lines;
}
