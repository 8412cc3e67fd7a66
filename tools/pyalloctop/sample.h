/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SAMPLE_H
#define SAMPLE_H

#include "table.h"

struct folder;

enum sample_table {
	SAMPLE_VERSION,
	SAMPLE_DOMAINS,
	SAMPLE_HEAPS,
	SAMPLE_TYPES,
	SAMPLE_TRACED,
	SAMPLE_SITES,
	SAMPLE_MODULES,
	SAMPLE_FAULTS,
	SAMPLE_TABLES,
	/* Of each heap: */
	SAMPLE_CLASSES = SAMPLE_TABLES,
	SAMPLE_ARENAS,
	SAMPLE_ALL,
};

#define SAMPLE_BIT(table)	(1U << (table))

/* What the header needs, and what is as cheap. */
#define SAMPLE_ALWAYS	(SAMPLE_BIT(SAMPLE_VERSION) | \
			 SAMPLE_BIT(SAMPLE_DOMAINS) | \
			 SAMPLE_BIT(SAMPLE_HEAPS) | \
			 SAMPLE_BIT(SAMPLE_CLASSES))
#define SAMPLE_TRACES	(SAMPLE_BIT(SAMPLE_TRACED) | \
			 SAMPLE_BIT(SAMPLE_SITES) | \
			 SAMPLE_BIT(SAMPLE_MODULES))

/* A heap's own tables; those that were not read have no spec. */
struct sample_heap {
	const char	*name;
	struct table	classes;
	struct table	arenas;
};

/* Bytes, but for blocks.  Each sum is that of what is under it. */
struct sample_totals {
	int64_t		held;
	int64_t		arenas;
	int64_t		live;
	int64_t		cached;
	int64_t		free;
	int64_t		raw;
	int64_t		metadata;
	int64_t		clients;	/* live and raw */
	int64_t		blocks;
	int64_t		heap_blocks;
	int64_t		raw_blocks;
};

struct sample {
	unsigned int		users;
	double			time;		/* since the epoch */
	double			clock;		/* for differences */
	bool			tracing;
	struct table		table[SAMPLE_TABLES];
	struct sample_heap	*heap;
	size_t			nr_heaps;
	struct sample_totals	totals;
};

extern const struct table_spec table_specs[SAMPLE_ALL];

void sample_check_version(const struct folder *folder);
struct sample *sample_take(const struct folder *folder, unsigned int wanted);
void sample_add(const struct folder *folder, struct sample *sample,
		unsigned int wanted);
struct sample *sample_use(struct sample *sample);
void sample_drop(struct sample *sample);
struct table *sample_heap_table(struct sample *sample, const char *heap,
				enum sample_table which);
bool sample_has_heap(const struct sample *sample, const char *heap);
const char *sample_release(const struct sample *sample);

struct sample_rates {
	bool		known;
	int64_t		mallocs;
	int64_t		frees;
};

struct sample_rates sample_rates(struct sample *now, struct sample *before);

#endif
