// SPDX-License-Identifier: GPL-2.0
/*
 * An arena's map: a character for each granule, in lines that all begin at a
 * round number of granules.
 */
#include <string.h>

#include "map.h"

const char map_legend[] =
	". free  - given back  ! condemned  0-9 a pool, ninths of its blocks out";

const char *map_of(const struct view_line *line)
{
	return table_cell(line->table, line->row, "map")->text;
}

/* How many granules a line has. */
size_t map_width(size_t room)
{
	size_t width = 8;

	while (MAP_INDENT + 2 * width <= room && width < 256)
		width *= 2;
	return width;
}

size_t map_height(const struct view_line *line, size_t width)
{
	return (strlen(map_of(line)) + width - 1) / width;
}

size_t map_longest(const struct view_line *lines, size_t nr)
{
	size_t longest = 0, i, length;

	for (i = 0; i < nr; i++) {
		length = strlen(map_of(&lines[i]));
		if (length > longest)
			longest = length;
	}
	return longest;
}

/* A line of a map, which does not end there. */
const char *map_line(const struct view_line *line, size_t width, size_t which,
		     size_t *length)
{
	const char *map = map_of(line);
	size_t left = strlen(map) - which * width;

	*length = left < width ? left : width;
	return map + which * width;
}
