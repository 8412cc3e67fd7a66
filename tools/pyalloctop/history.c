// SPDX-License-Identifier: GPL-2.0
/*
 * How many bytes clients had over time, as a line of small bars.
 */
#include <langinfo.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "history.h"

#define BARS	8

void history_add(struct history *history, int64_t bytes, double time)
{
	if (history->nr == HISTORY_LENGTH) {
		history->nr--;
		memmove(history->bytes, history->bytes + 1,
			history->nr * sizeof(*history->bytes));
		memmove(history->time, history->time + 1,
			history->nr * sizeof(*history->time));
	}
	history->bytes[history->nr] = bytes;
	history->time[history->nr++] = time;
}

static const char *bar(size_t height)
{
	static const char *const blocks[BARS] = {
		"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█",
	};
	static const char *const letters[BARS] = {
		"_", ".", ":", "-", "=", "+", "*", "#",
	};
	bool utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");

	return utf8 ? blocks[height] : letters[height];
}

static struct history_range look(const struct history *history, size_t from)
{
	struct history_range range = { };
	size_t i;

	if (from == history->nr)
		return range;
	range.least = history->bytes[from];
	range.most = range.least;
	for (i = from; i < history->nr; i++) {
		if (history->bytes[i] < range.least)
			range.least = history->bytes[i];
		if (history->bytes[i] > range.most)
			range.most = history->bytes[i];
	}
	range.seconds = history->time[history->nr - 1] - history->time[from];
	return range;
}

/* The least is the lowest bar, and the most the highest. */
struct history_range history_draw(const struct history *history, size_t width,
				  char *text, size_t size)
{
	size_t from = history->nr > width ? history->nr - width : 0, i;
	struct history_range range = look(history, from);
	double span = (double)range.most - range.least;
	size_t at = 0, height;

	*text = '\0';
	for (i = from; i < history->nr && at + 4 < size; i++) {
		height = span > 0 ? (BARS - 1) *
			 (((double)history->bytes[i] - range.least) / span) +
			 0.5 : 0;
		at += snprintf(text + at, size - at, "%s", bar(height));
	}
	return range;
}
