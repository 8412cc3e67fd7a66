/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TABLE_NONE	((size_t)-1)

enum cell_kind {
	CELL_UNKNOWN,	/* of a column that this program does not know */
	CELL_WORD,
	CELL_NAME,	/* that of a folder, too */
	CELL_REST,	/* to the end of the line */
	CELL_MAP,	/* a character a granule */
	CELL_COUNT,	/* not below zero */
	CELL_NUMBER,
	CELL_LIMIT,	/* all that 64 bits hold, which is as good as endless */
};

struct column_spec {
	const char	*name;
	enum cell_kind	kind;
	bool		key;	/* part of what a row is found by */
};

/* What is known of a file; the last column has no name. */
struct table_spec {
	const char			*file;
	const struct column_spec	*columns;
};

struct table_column {
	const char	*name;
	enum cell_kind	kind;
	bool		key;
};

struct cell {
	const char	*text;
	int64_t		number;
};

struct table {
	const struct table_spec	*spec;		/* NULL: it was not read */
	char			*text;
	struct table_column	*columns;
	size_t			nr_columns;
	struct cell		*cells;
	size_t			nr_rows;
	/* For finding rows: made when it is first asked. */
	size_t			*slots;
	size_t			nr_slots;
	unsigned int		*nth;
};

void table_parse(struct table *table, const struct table_spec *spec,
		 const char *path, char *text, size_t size);
void table_free(struct table *table);
size_t table_column(const struct table *table, const char *name);
const struct cell *table_cell(const struct table *table, size_t row,
			      const char *name);
int64_t table_sum(const struct table *table, const char *name);
size_t table_find(struct table *older, struct table *newer, size_t row);
size_t table_twin(struct table *table);

#endif
