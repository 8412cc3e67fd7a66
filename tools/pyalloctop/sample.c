// SPDX-License-Identifier: GPL-2.0
/*
 * A sample: all tables that are wanted, read one after the other, and what
 * they sum up to.
 *
 * No file that walks a heap or a trace is read unless it is wanted, and check
 * never is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "folder.h"
#include "number.h"
#include "sample.h"
#include "trouble.h"

/* === Reading === */

/* False if the file is not there. */
static bool read_table(const struct folder *folder, struct table *table,
		       const char *name, const struct table_spec *spec)
{
	size_t size;
	char *text = folder_read(folder, name, &size);
	char *path;

	if (!text)
		return false;
	path = folder_path(folder, name);
	table_parse(table, spec, path, text, size);
	free(path);
	return true;
}

/* The module may have gone while it was looked at, or be older. */
static void __attribute__((noreturn))
die_without(const struct folder *folder, const char *name)
{
	struct folder again;

	if (!folder->saved) {
		folder_open(&again, NULL);
		die("%s/%s is not there: this module is not one for pyalloctop " VERSION,
		    folder->path, name);
	}
	die("%s/%s is not there: is this a whole copy of pyalloc's folder?",
	    folder->path, name);
}

static void need_table(const struct folder *folder, struct sample *sample,
		       enum sample_table which)
{
	struct table *table = &sample->table[which];

	if (table->spec)
		return;
	if (!read_table(folder, table, table_specs[which].file, &table_specs[which]))
		die_without(folder, table_specs[which].file);
}

static void check_version(const struct folder *folder, struct sample *sample)
{
	struct table *version = &sample->table[SAMPLE_VERSION];
	int64_t tables;

	need_table(folder, sample, SAMPLE_VERSION);
	if (version->nr_rows != 1)
		die("%s/version has %zu rows", folder->path, version->nr_rows);
	tables = table_cell(version, 0, "tables")->number;
	if (tables < 1 || tables > TABLES)
		die("%s/version:2: these are tables of version %lld, of which pyalloctop " VERSION " knows nothing (it knows %d): the module's own release has one that does",
		    folder->path, (long long)tables, TABLES);
}

void sample_check_version(const struct folder *folder)
{
	struct sample *sample = get_memory(1, sizeof(*sample));

	sample->users = 1;
	check_version(folder, sample);
	need_table(folder, sample, SAMPLE_HEAPS);
	sample_drop(sample);
}

/* A file of one number, 0 if it is not there. */
static bool is_tracing(const struct folder *folder)
{
	size_t size;
	char *text = folder_read(folder, "trace/nframe", &size);
	bool tracing = text && atoi(text) > 0;

	free(text);
	return tracing;
}

static void list_heaps(const struct folder *folder, struct sample *sample)
{
	struct table *heaps = &sample->table[SAMPLE_HEAPS];
	size_t i = table_twin(heaps);

	if (i != TABLE_NONE)
		die("%s/heaps:%zu: there is another heap '%.40s'",
		    folder->path, i + 2, table_cell(heaps, i, "name")->text);
	sample->nr_heaps = heaps->nr_rows;
	sample->heap = get_memory(heaps->nr_rows, sizeof(*sample->heap));
	for (i = 0; i < heaps->nr_rows; i++)
		sample->heap[i].name = table_cell(heaps, i, "name")->text;
}

static struct table *heap_table(struct sample_heap *heap,
				enum sample_table which)
{
	return which == SAMPLE_CLASSES ? &heap->classes : &heap->arenas;
}

/* A heap of the running module may have gone meanwhile. */
static void read_heap_tables(const struct folder *folder,
			     struct sample *sample, enum sample_table which)
{
	struct table *table;
	char *name;
	size_t i;

	for (i = 0; i < sample->nr_heaps; i++) {
		table = heap_table(&sample->heap[i], which);
		if (table->spec)
			continue;
		if (asprintf(&name, "heap/%s/%s", sample->heap[i].name,
			     table_specs[which].file) < 0)
			die("out of memory");
		if (!read_table(folder, table, name, &table_specs[which]) &&
		    folder->saved)
			die_without(folder, name);
		free(name);
	}
}

/* === Sums === */

static int64_t at_least_zero(int64_t number)
{
	return number > 0 ? number : 0;
}

static int64_t cached_bytes(const struct table *classes)
{
	int64_t sum = 0, size, cached;
	size_t i;

	for (i = 0; i < classes->nr_rows; i++) {
		size = table_cell(classes, i, "size")->number;
		cached = table_cell(classes, i, "cached")->number;
		sum = number_add(sum, number_multiply(size, cached));
	}
	return sum;
}

/*
 * The domains count what the default heap has and what kmalloc gave them; the
 * private heaps count the latter themselves.
 */
static int64_t raw_total(struct sample *sample, const char *column,
			 const char *raw_column)
{
	struct table *heaps = &sample->table[SAMPLE_HEAPS];
	int64_t raw = table_sum(&sample->table[SAMPLE_DOMAINS], column);
	int64_t small;
	size_t i;

	for (i = 0; i < heaps->nr_rows; i++) {
		if (strcmp(table_cell(heaps, i, "name")->text, "default"))
			continue;
		small = table_cell(heaps, i, column)->number;
		raw = number_subtract(raw, small);
	}
	return number_add(at_least_zero(raw), table_sum(heaps, raw_column));
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Files are not of one moment, but what is shown adds up. */
static void sum_up(struct sample *sample)
{
	struct sample_totals *totals = &sample->totals;
	struct table *heaps = &sample->table[SAMPLE_HEAPS];
	int64_t cached = 0;
	size_t i;

	totals->arenas = table_sum(heaps, "arena_bytes");
	totals->live = least(table_sum(heaps, "bytes"), totals->arenas);
	for (i = 0; i < sample->nr_heaps; i++)
		cached = number_add(cached,
				    cached_bytes(&sample->heap[i].classes));
	totals->cached = least(cached, totals->arenas - totals->live);
	totals->free = totals->arenas - totals->live - totals->cached;
	totals->raw = raw_total(sample, "bytes", "raw_bytes");
	totals->metadata = table_sum(heaps, "metadata_bytes");
	totals->held = number_add(number_add(totals->arenas, totals->raw),
				  totals->metadata);
	totals->clients = number_add(totals->live, totals->raw);
	totals->heap_blocks = table_sum(heaps, "blocks");
	totals->raw_blocks = raw_total(sample, "blocks", "raw_blocks");
	totals->blocks = number_add(totals->heap_blocks, totals->raw_blocks);
}

/* === Rates === */

static int64_t counter_growth(struct table *now, size_t row,
			      struct table *before, const char *column)
{
	size_t old = table_find(before, now, row);
	int64_t value = table_cell(now, row, column)->number;
	int64_t was = 0;

	if (old != TABLE_NONE)
		was = table_cell(before, old, column)->number;
	return at_least_zero(number_subtract(value, was));
}

static int64_t table_growth(struct table *now, struct table *before,
			    const char *column)
{
	int64_t sum = 0;
	size_t row;

	if (!now || !before || !now->spec || !before->spec)
		return 0;
	for (row = 0; row < now->nr_rows; row++)
		sum = number_add(sum, counter_growth(now, row, before, column));
	return sum;
}

/* Those of private heaps are not in the domains. */
static int64_t private_growth(struct sample *now, struct sample *before,
			      const char *column)
{
	struct table *classes, *older;
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < now->nr_heaps; i++) {
		if (!strcmp(now->heap[i].name, "default"))
			continue;
		classes = &now->heap[i].classes;
		older = sample_heap_table(before, now->heap[i].name,
					  SAMPLE_CLASSES);
		sum = number_add(sum, table_growth(classes, older, column));
	}
	return sum;
}

/* How many blocks came and went a second, all over. */
struct sample_rates sample_rates(struct sample *now, struct sample *before)
{
	struct sample_rates rates = { };
	struct table *domains = &now->table[SAMPLE_DOMAINS], *older;
	double seconds;
	int64_t mallocs, frees;

	if (!before || now->clock <= before->clock)
		return rates;
	seconds = now->clock - before->clock;
	older = &before->table[SAMPLE_DOMAINS];
	mallocs = table_growth(domains, older, "mallocs");
	mallocs = number_add(mallocs, table_growth(domains, older, "callocs"));
	mallocs = number_add(mallocs, private_growth(now, before, "mallocs"));
	frees = table_growth(domains, older, "frees");
	frees = number_add(frees, private_growth(now, before, "frees"));
	rates.known = true;
	rates.mallocs = number_round(mallocs / seconds);
	rates.frees = number_round(frees / seconds);
	return rates;
}

/* === Samples === */

static double read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* Reads what is wanted and not yet there. */
void sample_add(const struct folder *folder, struct sample *sample,
		unsigned int wanted)
{
	unsigned int which;

	for (which = 0; which < SAMPLE_TABLES; which++)
		if (wanted & SAMPLE_BIT(which))
			need_table(folder, sample, which);
	for (which = SAMPLE_TABLES; which < SAMPLE_ALL; which++)
		if (wanted & SAMPLE_BIT(which))
			read_heap_tables(folder, sample, which);
	if (wanted & SAMPLE_TRACES)
		sample->tracing = is_tracing(folder);
}

struct sample *sample_take(const struct folder *folder, unsigned int wanted)
{
	struct sample *sample = get_memory(1, sizeof(*sample));

	sample->users = 1;
	sample->time = folder->saved ? folder_time(folder) :
				       read_clock(CLOCK_REALTIME);
	sample->clock = read_clock(CLOCK_MONOTONIC);
	check_version(folder, sample);
	need_table(folder, sample, SAMPLE_HEAPS);
	list_heaps(folder, sample);
	sample_add(folder, sample, wanted | SAMPLE_ALWAYS);
	sum_up(sample);
	return sample;
}

struct sample *sample_use(struct sample *sample)
{
	if (sample)
		sample->users++;
	return sample;
}

void sample_drop(struct sample *sample)
{
	size_t i;

	if (!sample || --sample->users)
		return;
	for (i = 0; i < SAMPLE_TABLES; i++)
		table_free(&sample->table[i]);
	for (i = 0; i < sample->nr_heaps; i++) {
		table_free(&sample->heap[i].classes);
		table_free(&sample->heap[i].arenas);
	}
	free(sample->heap);
	free(sample);
}

/* NULL if there is none. */
struct table *sample_heap_table(struct sample *sample, const char *heap,
				enum sample_table which)
{
	struct table *table;
	size_t i;

	for (i = 0; i < sample->nr_heaps; i++) {
		if (strcmp(sample->heap[i].name, heap))
			continue;
		table = heap_table(&sample->heap[i], which);
		return table->spec ? table : NULL;
	}
	return NULL;
}

bool sample_has_heap(const struct sample *sample, const char *heap)
{
	size_t i;

	for (i = 0; i < sample->nr_heaps; i++)
		if (!strcmp(sample->heap[i].name, heap))
			return true;
	return false;
}

const char *sample_release(const struct sample *sample)
{
	return table_cell(&sample->table[SAMPLE_VERSION], 0, "release")->text;
}
