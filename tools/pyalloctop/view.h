/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VIEW_H
#define VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "number.h"
#include "sample.h"

struct filter;

enum view_op {
	OP_END,
	OP_TEXT,
	OP_HEAP,	/* whose table the row is in */
	OP_VALUE,
	OP_SUM,		/* a + b */
	OP_PRODUCT,	/* a * b */
	OP_SHARE,	/* a of b */
	OP_SHARE_KIB,	/* a of b KiB */
	OP_PART,	/* a of a + b + c */
};

enum view_when {
	WHEN_ALWAYS,	/* it is what it is */
	WHEN_NOW,	/* a level, or with a mark what it has changed by */
	WHEN_RATE,	/* of a counter, a second */
	WHEN_GROWTH,	/* of a level, a second */
};

enum view_unit {
	UNIT_TEXT,
	UNIT_COUNT,
	UNIT_BYTES,
	UNIT_PERCENT,	/* in tenths */
};

struct view_column {
	const char	*heading;
	enum view_op	op;
	const char	*a, *b, *c;
	enum view_when	when;
	enum view_unit	unit;
	unsigned int	rank;	/* the least are shown first; 0: a label */
};

struct view {
	const char			*name;
	const char			*about;
	enum sample_table		table;
	bool				per_heap;
	const char			*sort;
	const char			*hide;	/* rows with 0 there */
	const struct view_column	*columns;
};

struct view_value {
	bool		known;
	const char	*text;
	int64_t		number;
};

/* All that a screen is made of. */
struct scene {
	const struct view	*view;
	struct sample		*now, *before, *mark;
	const char		*heap;		/* NULL: of all heaps */
	const struct filter	*filter;
	const struct view_column *sort;		/* NULL: as in the file */
	bool			reverse;
	bool			all;		/* those to be hidden, too */
};

/* A row, and the same row in the other samples. */
struct view_line {
	const char		*heap;
	const struct table	*table, *before, *mark;
	size_t			row, before_row, mark_row;
	struct view_value	sort;
	size_t			order;	/* in the files */
};

extern const struct view views[];
extern const size_t nr_views;

const struct view *view_find(const char *name);
const struct view_column *view_find_column(const struct view *view,
					   const char *name);
unsigned int view_wants(const struct view *view);
struct view_line *view_lines(const struct scene *scene, size_t *nr);
struct view_value view_value(const struct scene *scene,
			     const struct view_line *line,
			     const struct view_column *column);
void view_tell(const struct scene *scene, const struct view_line *line,
	       const struct view_column *column, char text[NUMBER_TEXT],
	       const char **told);

#endif
