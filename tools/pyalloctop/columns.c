// SPDX-License-Identifier: GPL-2.0
/*
 * The views, and what columns they have, in their order on the screen.  Where
 * there is no room for all, those with a greater rank are left out; those with
 * rank 0 say what a row is, are always there, and are what a filter looks at.
 */
#include "view.h"

#define TEXT(heading, column, rank) \
	{ heading, OP_TEXT, column, NULL, NULL, WHEN_ALWAYS, UNIT_TEXT, rank }
#define LABEL(heading, column) \
	{ heading, OP_VALUE, column, NULL, NULL, WHEN_ALWAYS, UNIT_COUNT, 0 }
#define FIXED(heading, column, unit, rank) \
	{ heading, OP_VALUE, column, NULL, NULL, WHEN_ALWAYS, unit, rank }
#define COUNT(heading, column, rank) \
	{ heading, OP_VALUE, column, NULL, NULL, WHEN_NOW, UNIT_COUNT, rank }
#define BYTES(heading, column, rank) \
	{ heading, OP_VALUE, column, NULL, NULL, WHEN_NOW, UNIT_BYTES, rank }
#define RATE(heading, column, rank) \
	{ heading, OP_VALUE, column, NULL, NULL, WHEN_RATE, UNIT_COUNT, rank }
#define RATE_OF_SUM(heading, a, b, rank) \
	{ heading, OP_SUM, a, b, NULL, WHEN_RATE, UNIT_COUNT, rank }
#define GROWTH(heading, column, unit, rank) \
	{ heading, OP_VALUE, column, NULL, NULL, WHEN_GROWTH, unit, rank }
#define END { }

static const struct view_column classes_columns[] = {
	{ "HEAP", OP_HEAP, .rank = 0 },
	LABEL("CLASS", "class"),
	LABEL("SIZE", "size"),
	COUNT("POOLS", "pools", 6),
	COUNT("BLOCKS", "blocks", 1),
	{ "LIVE", OP_PRODUCT, "size", "blocks", NULL, WHEN_NOW, UNIT_BYTES, 2 },
	COUNT("CACHED", "cached", 5),
	COUNT("AVAIL", "available", 8),
	{ "USE%", OP_PART, "blocks", "cached", "available", WHEN_ALWAYS,
	  UNIT_PERCENT, 7 },
	RATE("MALLOCS/s", "mallocs", 3),
	RATE("FREES/s", "frees", 9),
	{ "GROWTH/s", OP_PRODUCT, "size", "blocks", NULL, WHEN_GROWTH,
	  UNIT_BYTES, 4 },
	COUNT("MALLOCS", "mallocs", 10),
	COUNT("FREES", "frees", 11),
	END
};

static const struct view_column heaps_columns[] = {
	TEXT("NAME", "name", 0),
	COUNT("BLOCKS", "blocks", 2),
	BYTES("LIVE", "bytes", 1),
	COUNT("CACHED", "cached_blocks", 8),
	COUNT("POOLS", "pools", 11),
	COUNT("ARENAS", "arenas", 6),
	COUNT("PEAK", "highwater_arenas", 12),
	BYTES("HELD", "held_bytes", 3),
	{ "USE%", OP_SHARE, "bytes", "arena_bytes", NULL, WHEN_ALWAYS,
	  UNIT_PERCENT, 5 },
	FIXED("LIMIT", "limit_bytes", UNIT_BYTES, 10),
	BYTES("RAW", "raw_bytes", 7),
	BYTES("META", "metadata_bytes", 9),
	COUNT("RESERVED", "reserved", 16),
	COUNT("REFUSED", "refused", 14),
	COUNT("FAILURES", "failures", 15),
	GROWTH("GROWTH/s", "bytes", UNIT_BYTES, 4),
	TEXT("CLASSES", "classes", 17),
	TEXT("MODULE", "module", 13),
	END
};

static const struct view_column domains_columns[] = {
	TEXT("NAME", "name", 0),
	COUNT("BLOCKS", "blocks", 2),
	BYTES("BYTES", "bytes", 1),
	BYTES("PEAK", "peak_bytes", 6),
	COUNT("MALLOCS", "mallocs", 8),
	COUNT("CALLOCS", "callocs", 9),
	COUNT("REALLOCS", "reallocs", 11),
	COUNT("FREES", "frees", 10),
	COUNT("FAILURES", "failures", 7),
	RATE_OF_SUM("MALLOCS/s", "mallocs", "callocs", 3),
	RATE("FREES/s", "frees", 5),
	GROWTH("GROWTH/s", "bytes", UNIT_BYTES, 4),
	END
};

static const struct view_column types_columns[] = {
	TEXT("NAME", "name", 0),
	TEXT("HEAP", "heap", 7),
	FIXED("SIZE", "size", UNIT_COUNT, 2),
	FIXED("ITEM", "itemsize", UNIT_COUNT, 12),
	COUNT("LIVE", "live", 1),
	COUNT("CACHED", "cached", 3),
	COUNT("HITS", "hits", 9),
	COUNT("MISSES", "misses", 10),
	{ "HIT%", OP_PART, "hits", "misses", NULL, WHEN_ALWAYS, UNIT_PERCENT,
	  6 },
	RATE_OF_SUM("MADE/s", "hits", "misses", 4),
	GROWTH("GROWTH/s", "live", UNIT_COUNT, 5),
	COUNT("IMMORTAL", "immortals", 11),
	TEXT("POLICY", "policy", 8),
	TEXT("OWNER", "owner", 13),
	END
};

static const struct view_column sites_columns[] = {
	BYTES("BYTES", "bytes", 1),
	COUNT("BLOCKS", "blocks", 2),
	FIXED("AVERAGE", "average", UNIT_BYTES, 5),
	GROWTH("GROWTH/s", "bytes", UNIT_BYTES, 3),
	GROWTH("BLOCKS/s", "blocks", UNIT_COUNT, 4),
	TEXT("CALL-SITE", "call_site", 0),
	END
};

static const struct view_column modules_columns[] = {
	BYTES("BYTES", "bytes", 1),
	COUNT("BLOCKS", "blocks", 2),
	FIXED("AVERAGE", "average", UNIT_BYTES, 5),
	GROWTH("GROWTH/s", "bytes", UNIT_BYTES, 3),
	GROWTH("BLOCKS/s", "blocks", UNIT_COUNT, 4),
	TEXT("MODULE", "module", 0),
	END
};

/* A mark has none of it, as to read it is dear. */
static const struct view_column map_columns[] = {
	{ "HEAP", OP_HEAP, .rank = 0 },
	LABEL("ARENA", "id"),
	TEXT("SOURCE", "source", 5),
	FIXED("NODE", "node", UNIT_COUNT, 6),
	FIXED("KIB", "kib", UNIT_COUNT, 1),
	FIXED("POOLS", "pools", UNIT_COUNT, 3),
	FIXED("FREE", "free_pools", UNIT_COUNT, 4),
	FIXED("BLOCKS", "blocks", UNIT_COUNT, 2),
	FIXED("BYTES", "bytes", UNIT_BYTES, 2),
	{ "USE%", OP_SHARE_KIB, "bytes", "kib", NULL, WHEN_ALWAYS,
	  UNIT_PERCENT, 1 },
	END
};

const struct view views[] = {
	{ "classes", "size classes of the heaps", SAMPLE_CLASSES, true,
	  "LIVE", "pools", classes_columns },
	{ "heaps", "heaps", SAMPLE_HEAPS, false,
	  "LIVE", NULL, heaps_columns },
	{ "domains", "domains", SAMPLE_DOMAINS, false,
	  "BYTES", NULL, domains_columns },
	{ "types", "types of objects", SAMPLE_TYPES, false,
	  "LIVE", NULL, types_columns },
	{ "sites", "call sites, while pyalloc traces", SAMPLE_SITES, false,
	  "BYTES", NULL, sites_columns },
	{ "modules", "modules, while pyalloc traces", SAMPLE_MODULES, false,
	  "BYTES", NULL, modules_columns },
	{ "map", "arenas of the heaps, granule by granule", SAMPLE_ARENAS, true,
	  "ARENA", NULL, map_columns },
};

const size_t nr_views = sizeof(views) / sizeof(*views);
