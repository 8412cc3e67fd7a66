// SPDX-License-Identifier: GPL-2.0
/*
 * A view as plain text, as a screen would show it that is long enough.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "header.h"
#include "layout.h"
#include "map.h"
#include "note.h"
#include "print.h"
#include "sample.h"
#include "trouble.h"

/* Where a map takes more than one line, it has lines of so many granules. */
#define MAP_LINE	64

/* That of the terminal it goes to; into a file there is no end to it. */
static size_t width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) ||
	    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return LAYOUT_ENDLESS;
	return size.ws_col;
}

static void print_header(const struct scene *scene,
			 const struct folder *folder)
{
	struct header *header = get_memory(1, sizeof(*header));
	size_t i;

	header_make(header, scene, folder, NULL, LAYOUT_ENDLESS);
	for (i = 0; i < HEADER_LINES; i++)
		puts(header->line[i]);
	note_make(scene, folder, header->line[0], HEADER_TEXT);
	if (*header->line[0])
		puts(header->line[0]);
	putchar('\n');
	free(header);
}

static void print_map(const struct view_line *line)
{
	size_t width = map_width(MAP_INDENT + MAP_LINE), height, length, i;
	const char *map;

	height = map_height(line, width);
	for (i = 0; i < height; i++) {
		map = map_line(line, width, i, &length);
		printf("%*s%.*s\n", MAP_INDENT, "", (int)length, map);
	}
}

/* Short maps stand beside their rows. */
static void print_row(const struct layout *layout, const struct scene *scene,
		      const struct view_line *line, bool beside, char *text)
{
	bool is_map = scene->view->table == SAMPLE_ARENAS;

	layout_line(layout, scene, line, text, layout->width + 1);
	if (is_map && beside)
		printf("%-*s%*s%s\n", (int)layout->width, text, MAP_INDENT, "",
		       map_of(line));
	else
		puts(text);
	if (is_map && !beside)
		print_map(line);
}

static void print_rows(const struct scene *scene,
		       const struct view_line *lines, size_t nr)
{
	struct layout layout;
	bool beside = false;
	char *text;
	size_t i;

	layout_make(&layout, scene, lines, nr, width());
	if (scene->view->table == SAMPLE_ARENAS)
		beside = map_longest(lines, nr) <= MAP_LINE;
	text = get_memory(layout.width + 1, 1);
	layout_heading(&layout, text, layout.width + 1);
	puts(text);
	for (i = 0; i < nr; i++)
		print_row(&layout, scene, &lines[i], beside, text);
	free(text);
}

void print_tables(const struct scene *scene, const struct folder *folder)
{
	struct view_line *lines;
	size_t nr;

	lines = view_lines(scene, &nr);
	print_header(scene, folder);
	print_rows(scene, lines, nr);
	free(lines);
}
