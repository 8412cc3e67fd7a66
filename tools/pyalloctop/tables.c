// SPDX-License-Identifier: GPL-2.0
/*
 * What is known of the module's tables: their columns, of which none may be
 * missing, and by which of them a row is the same in two samples.
 */
#include "sample.h"

#define COUNT(column)	{ .name = column, .kind = CELL_COUNT }
#define NUMBER(column)	{ .name = column, .kind = CELL_NUMBER }
#define LIMIT(column)	{ .name = column, .kind = CELL_LIMIT }
#define WORD(column)	{ .name = column, .kind = CELL_WORD }
#define REST(column)	{ .name = column, .kind = CELL_REST }
#define MAP(column)	{ .name = column, .kind = CELL_MAP }
#define KEY_COUNT(column)	{ .name = column, .kind = CELL_COUNT, .key = true }
#define KEY_WORD(column)	{ .name = column, .kind = CELL_WORD, .key = true }
#define KEY_NAME(column)	{ .name = column, .kind = CELL_NAME, .key = true }
#define KEY_REST(column)	{ .name = column, .kind = CELL_REST, .key = true }

static const struct column_spec version_columns[] = {
	COUNT("api"), COUNT("tables"), WORD("release"), { }
};

static const struct column_spec domains_columns[] = {
	KEY_WORD("name"), NUMBER("mallocs"), NUMBER("callocs"),
	NUMBER("reallocs"), NUMBER("frees"), NUMBER("failures"),
	NUMBER("blocks"), NUMBER("bytes"), NUMBER("peak_bytes"), { }
};

static const struct column_spec heaps_columns[] = {
	KEY_NAME("name"), WORD("classes"), COUNT("blocks"), COUNT("bytes"),
	COUNT("cached_blocks"), COUNT("pools"), COUNT("arenas"),
	COUNT("arena_bytes"), COUNT("metadata_bytes"),
	COUNT("highwater_arenas"), LIMIT("limit_bytes"), NUMBER("held_bytes"),
	COUNT("raw_blocks"), COUNT("raw_bytes"), COUNT("failures"),
	COUNT("refused"), COUNT("reserved"), COUNT("trace_domain"),
	WORD("module"), { }
};

/* Hits and misses are differences of what CPUs count meanwhile. */
static const struct column_spec types_columns[] = {
	KEY_WORD("name"), COUNT("size"), WORD("policy"), COUNT("live"),
	COUNT("cached"), LIMIT("hits"), LIMIT("misses"), KEY_WORD("heap"),
	COUNT("itemsize"), COUNT("immortals"), KEY_WORD("owner"), { }
};

static const struct column_spec traced_columns[] = {
	COUNT("current"), COUNT("peak"), NUMBER("requested"), NUMBER("blocks"),
	NUMBER("missed_blocks"), NUMBER("missed_bytes"),
	NUMBER("shortened_blocks"), COUNT("sites"), COUNT("trace_bytes"), { }
};

static const struct column_spec sites_columns[] = {
	COUNT("bytes"), COUNT("blocks"), COUNT("average"),
	KEY_REST("call_site"), { }
};

static const struct column_spec modules_columns[] = {
	COUNT("bytes"), COUNT("blocks"), COUNT("average"), KEY_REST("module"),
	{ }
};

static const struct column_spec faults_columns[] = {
	KEY_WORD("point"), COUNT("passed"), COUNT("failed"), { }
};

static const struct column_spec classes_columns[] = {
	KEY_COUNT("class"), COUNT("size"), COUNT("pools"), COUNT("blocks"),
	COUNT("available"), COUNT("cached"), COUNT("mallocs"), COUNT("frees"),
	{ }
};

static const struct column_spec arenas_columns[] = {
	KEY_COUNT("id"), WORD("source"), NUMBER("node"), COUNT("kib"),
	COUNT("pools"), COUNT("free_pools"), COUNT("blocks"), COUNT("bytes"),
	MAP("map"), { }
};

const struct table_spec table_specs[SAMPLE_ALL] = {
	[SAMPLE_VERSION]	= { "version", version_columns },
	[SAMPLE_DOMAINS]	= { "domains", domains_columns },
	[SAMPLE_HEAPS]		= { "heaps", heaps_columns },
	[SAMPLE_TYPES]		= { "types", types_columns },
	[SAMPLE_TRACED]		= { "trace/traced", traced_columns },
	[SAMPLE_SITES]		= { "trace/statistics", sites_columns },
	[SAMPLE_MODULES]	= { "trace/modules", modules_columns },
	[SAMPLE_FAULTS]		= { "faults", faults_columns },
	[SAMPLE_CLASSES]	= { "classes", classes_columns },
	[SAMPLE_ARENAS]		= { "arenas", arenas_columns },
};
