/* SPDX-License-Identifier: GPL-2.0 */
#ifndef HISTORY_H
#define HISTORY_H

#include <stddef.h>
#include <stdint.h>

#define HISTORY_LENGTH	512

/* What clients had at each sample, the last at the end. */
struct history {
	int64_t	bytes[HISTORY_LENGTH];
	double	time[HISTORY_LENGTH];
	size_t	nr;
};

/* Of the last samples: the least, the most, and how long they took. */
struct history_range {
	int64_t	least, most;
	double	seconds;
};

void history_add(struct history *history, int64_t bytes, double time);
struct history_range history_draw(const struct history *history, size_t width,
				  char *text, size_t size);

#endif
