// SPDX-License-Identifier: GPL-2.0
/*
 * What stands above the rows: the totals, as sums that a reader can add up.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "folder.h"
#include "header.h"
#include "history.h"
#include "number.h"
#include "sample.h"
#include "view.h"

static void tell_time(double seconds, const char *form, char *text, size_t size)
{
	time_t whole = seconds;
	struct tm parts;

	if (!localtime_r(&whole, &parts) ||
	    !strftime(text, size, form, &parts))
		*text = '\0';
}

static void title(struct header *header, const struct scene *scene,
		  const struct folder *folder)
{
	struct sample *now = scene->now;
	char when[32], since[32];
	int at;

	tell_time(now->time, folder->saved ? "%F %T" : "%T", when,
		  sizeof(when));
	at = snprintf(header->line[0], HEADER_TEXT,
		      "pyalloctop  %s%s  pyalloc %.16s  %zu heap%s",
		      folder->saved ? "a saved copy of " : "", when,
		      sample_release(now), now->nr_heaps,
		      now->nr_heaps == 1 ? "" : "s");
	if (!scene->mark)
		return;
	tell_time(scene->mark->time, "%T", since, sizeof(since));
	snprintf(header->line[0] + at, HEADER_TEXT - at,
		 "  CHANGES since %s (%.0f s)", since,
		 now->clock - scene->mark->clock);
}

/* What is rounded down is put where it does not show: into the last part. */
static void sum_line(char *line, struct number_unit unit, const char *label,
		     int64_t total, const char *const names[3],
		     const int64_t parts[3])
{
	long long whole = total / unit.bytes;
	long long first = parts[0] / unit.bytes, second = parts[1] / unit.bytes;

	snprintf(line, HEADER_TEXT,
		 "%-7s %9lld%s = %-6s %9lld%s + %-6s %8lld%s + %-8s %8lld%s",
		 label, whole, unit.name, names[0], first, unit.name, names[1],
		 second, unit.name, names[2], whole - first - second,
		 unit.name);
}

static void sums(struct header *header, const struct sample_totals *totals)
{
	static const char *const of_held[3] = { "arenas", "raw", "metadata" };
	static const char *const of_arenas[3] = { "live", "cached", "free" };
	struct number_unit unit = number_unit_for(totals->held);

	if (unit.bytes == 1 && totals->held >= 100000)
		unit = (struct number_unit) { 1 << 10, "K" };
	sum_line(header->line[1], unit, "Held", totals->held, of_held,
		 (int64_t []) { totals->arenas, totals->raw,
				totals->metadata });
	sum_line(header->line[2], unit, "Arenas", totals->arenas, of_arenas,
		 (int64_t []) { totals->live, totals->cached, totals->free });
}

static void blocks(struct header *header, const struct scene *scene)
{
	const struct sample_totals *totals = &scene->now->totals;
	struct sample_rates rates = sample_rates(scene->now, scene->before);
	char mallocs[NUMBER_TEXT], frees[NUMBER_TEXT];
	int at;

	at = snprintf(header->line[3], HEADER_TEXT,
		      "%-7s %9lld  = heap   %9lld  + raw    %8lld", "Blocks",
		      (long long)totals->blocks,
		      (long long)totals->heap_blocks,
		      (long long)totals->raw_blocks);
	if (!rates.known)
		return;
	number_tell_count(mallocs, rates.mallocs, false);
	number_tell_count(frees, rates.frees, false);
	snprintf(header->line[3] + at, HEADER_TEXT - at, "   +%s/s -%s/s",
		 mallocs, frees);
}

/* The bars take what the words leave. */
static void in_use(struct header *header, const struct scene *scene,
		   const struct history *history, size_t width)
{
	char bytes[NUMBER_TEXT], least[NUMBER_TEXT], most[NUMBER_TEXT];
	char bars[3 * HISTORY_LENGTH + 8];
	struct history_range range;

	number_tell_bytes(bytes, scene->now->totals.clients, false);
	if (!history || history->nr < 2) {
		snprintf(header->line[4], HEADER_TEXT,
			 "%-7s %9s  with clients, live and raw", "In use",
			 bytes);
		return;
	}
	width = width > 60 ? width - 50 : 10;
	range = history_draw(history, width, bars, sizeof(bars));
	number_tell_bytes(least, range.least, false);
	number_tell_bytes(most, range.most, false);
	snprintf(header->line[4], HEADER_TEXT,
		 "%-7s %9s  %s  %s to %s in %.0f s", "In use", bytes,
		 bars, least, most, range.seconds);
}

void header_make(struct header *header, const struct scene *scene,
		 const struct folder *folder, const struct history *history,
		 size_t width)
{
	title(header, scene, folder);
	sums(header, &scene->now->totals);
	blocks(header, scene);
	in_use(header, scene, history, width);
}
