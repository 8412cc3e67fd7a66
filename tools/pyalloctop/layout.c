// SPDX-License-Identifier: GPL-2.0
/*
 * Where columns stand: which of a view's there is room for, how wide they
 * are, and the text of a line.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "layout.h"

/* Between columns. */
#define GAP		2

/* Where there is little room, a text takes no more, but for the last column. */
#define TEXT_NARROW	16
#define LAST_LEAST	16
#define NARROW		100

/* What a number for people takes. */
#define NUMBER_WIDTH	7

static bool is_text(const struct view_column *column)
{
	return column->op == OP_TEXT || column->op == OP_HEAP;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t text_width(const struct scene *scene,
			 const struct view_column *column,
			 const struct view_line *lines, size_t nr)
{
	size_t width = strlen(column->heading), i;
	char text[NUMBER_TEXT];
	const char *told;

	for (i = 0; i < nr; i++) {
		view_tell(scene, &lines[i], column, text, &told);
		width = larger(width, strlen(told));
	}
	return width;
}

static size_t number_width(const struct view_column *column)
{
	size_t width = strlen(column->heading);

	/* Labels and percents are small. */
	if (!column->rank || column->unit == UNIT_PERCENT)
		return larger(width, 5);
	return larger(width, NUMBER_WIDTH);
}

static size_t column_width(const struct scene *scene,
			   const struct view_column *column,
			   const struct view_line *lines, size_t nr,
			   size_t room)
{
	size_t width;

	if (!is_text(column))
		return number_width(column);
	width = text_width(scene, column, lines, nr);
	if (room == LAYOUT_ENDLESS)
		return width;
	/* What a row ends with says what it is, and takes what is left. */
	if (!column->rank && !column[1].op)
		return smaller(width, larger(room / 2, LAST_LEAST));
	return room < NARROW ? smaller(width, TEXT_NARROW) : width;
}

/* === Which there is room for === */

static size_t count_columns(const struct view *view)
{
	size_t nr = 0;

	while (view->columns[nr].op)
		nr++;
	return nr;
}

static size_t next_by_rank(const struct view *view, const bool *taken,
			   size_t nr)
{
	size_t best = nr, i;

	for (i = 0; i < nr; i++)
		if (!taken[i] && (best == nr || view->columns[i].rank <
						view->columns[best].rank))
			best = i;
	return best;
}

static void choose(const struct view *view, const size_t *widths, size_t nr,
		   size_t room, bool *chosen)
{
	bool taken[LAYOUT_COLUMNS] = { };
	size_t used = 0, i, best;

	for (i = 0; i < nr; i++) {
		best = next_by_rank(view, taken, nr);
		taken[best] = true;
		if (view->columns[best].rank &&
		    used + widths[best] + GAP > room + GAP)
			continue;
		chosen[best] = true;
		used += widths[best] + GAP;
	}
}

/* Gives the last column, if it is a text, all that is left. */
static void stretch(struct layout *layout, const struct scene *scene,
		    const struct view_line *lines, size_t nr, size_t room)
{
	struct layout_column *last = &layout->column[layout->nr - 1];

	if (!is_text(last->column))
		return;
	last->width = text_width(scene, last->column, lines, nr);
	if (last->start + last->width > room)
		last->width = room > last->start ? room - last->start : 0;
	layout->width = last->start + last->width;
}

void layout_make(struct layout *layout, const struct scene *scene,
		 const struct view_line *lines, size_t nr, size_t room)
{
	const struct view_column *columns = scene->view->columns;
	size_t widths[LAYOUT_COLUMNS], count, i, at = 0;
	bool chosen[LAYOUT_COLUMNS] = { };

	count = count_columns(scene->view);
	for (i = 0; i < count; i++)
		widths[i] = column_width(scene, &columns[i], lines, nr, room);
	choose(scene->view, widths, count, room, chosen);
	layout->nr = 0;
	for (i = 0; i < count; i++) {
		if (!chosen[i])
			continue;
		layout->column[layout->nr++] = (struct layout_column) {
			&columns[i], at, widths[i]
		};
		at += widths[i] + GAP;
	}
	layout->width = at - GAP;
	stretch(layout, scene, lines, nr, room);
}

/* === Text === */

/* Into a line of blanks: texts from the left, numbers to the right. */
static void place(const struct layout_column *at, const char *told, char *text,
		  size_t size)
{
	size_t length = smaller(strlen(told), at->width);
	size_t start = at->start;

	if (!is_text(at->column))
		start += at->width - length;
	if (start + length < size)
		memcpy(text + start, told, length);
}

static void end_line(char *text, size_t width)
{
	while (width && text[width - 1] == ' ')
		width--;
	text[width] = '\0';
}

static size_t begin_line(const struct layout *layout, char *text, size_t size)
{
	size_t width = smaller(layout->width, size - 1);

	memset(text, ' ', width);
	return width;
}

void layout_heading(const struct layout *layout, char *text, size_t size)
{
	size_t width = begin_line(layout, text, size), i;

	for (i = 0; i < layout->nr; i++)
		place(&layout->column[i], layout->column[i].column->heading,
		      text, width + 1);
	end_line(text, width);
}

void layout_line(const struct layout *layout, const struct scene *scene,
		 const struct view_line *line, char *text, size_t size)
{
	size_t width = begin_line(layout, text, size), i;
	char number[NUMBER_TEXT];
	const char *told;

	for (i = 0; i < layout->nr; i++) {
		view_tell(scene, line, layout->column[i].column, number,
			  &told);
		place(&layout->column[i], told, text, width + 1);
	}
	end_line(text, width);
}
