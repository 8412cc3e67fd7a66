/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MAP_H
#define MAP_H

#include <stddef.h>

#include "view.h"

/* In front of each line of a map. */
#define MAP_INDENT	2

extern const char map_legend[];

const char *map_of(const struct view_line *line);
size_t map_width(size_t room);
size_t map_height(const struct view_line *line, size_t width);
size_t map_longest(const struct view_line *lines, size_t nr);
const char *map_line(const struct view_line *line, size_t width, size_t which,
		     size_t *length);

#endif
