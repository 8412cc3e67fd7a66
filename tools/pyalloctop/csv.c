// SPDX-License-Identifier: GPL-2.0
/*
 * A view's table as CSV: the columns of debugfs's file, as they are there, with
 * the time of the sample in front.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "print.h"
#include "trouble.h"
#include "view.h"

static void print_field(const char *text)
{
	if (!strpbrk(text, ",\"")) {
		fputs(text, stdout);
		return;
	}
	putchar('"');
	for (; *text; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	putchar('"');
}

/* Any table of the view's kind, as they all have the same columns. */
static const struct table *any_table(const struct scene *scene)
{
	struct sample *now = scene->now;

	if (!scene->view->per_heap)
		return &now->table[scene->view->table];
	return sample_heap_table(now, scene->heap, scene->view->table);
}

void print_csv_heading(const struct scene *scene)
{
	const struct table *table = any_table(scene);
	size_t i;

	fputs("time", stdout);
	for (i = 0; table && i < table->nr_columns; i++) {
		putchar(',');
		print_field(table->columns[i].name);
	}
	putchar('\n');
}

void print_csv(const struct scene *scene)
{
	const struct view_line *line;
	struct view_line *lines;
	const struct cell *cell;
	size_t nr, i;

	lines = view_lines(scene, &nr);
	for (line = lines; line < lines + nr; line++) {
		printf("%.3f", scene->now->time);
		cell = &line->table->cells[line->row * line->table->nr_columns];
		for (i = 0; i < line->table->nr_columns; i++) {
			putchar(',');
			print_field(cell[i].text);
		}
		putchar('\n');
	}
	free(lines);
}
