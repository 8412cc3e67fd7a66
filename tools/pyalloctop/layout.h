/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LAYOUT_H
#define LAYOUT_H

#include <stddef.h>

#include "view.h"

#define LAYOUT_COLUMNS	32

/* Wider than any screen: nothing is left out or cut. */
#define LAYOUT_ENDLESS	((size_t)1 << 20)

struct layout_column {
	const struct view_column	*column;
	size_t				start;
	size_t				width;
};

struct layout {
	struct layout_column	column[LAYOUT_COLUMNS];
	size_t			nr;
	size_t			width;
};

void layout_make(struct layout *layout, const struct scene *scene,
		 const struct view_line *lines, size_t nr, size_t width);
void layout_heading(const struct layout *layout, char *text, size_t size);
void layout_line(const struct layout *layout, const struct scene *scene,
		 const struct view_line *line, char *text, size_t size);

#endif
