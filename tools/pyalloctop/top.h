/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOP_H
#define TOP_H

#include <stdbool.h>

#include "filter.h"
#include "folder.h"
#include "history.h"
#include "view.h"

#define TOP_VIEWS	16

/* What is watched and how, whatever shows it. */
struct top {
	struct folder			folder;
	struct scene			scene;
	struct filter			filter;
	struct history			history;
	const struct view_column	*sort[TOP_VIEWS];
	bool				reverse[TOP_VIEWS];
	char				*heap;
	double				delay;
};

void top_begin(struct top *top, const struct view *view);
void top_end(struct top *top);
void top_refresh(struct top *top, unsigned int wanted);
void top_set_view(struct top *top, const struct view *view);
void top_set_sort(struct top *top, const struct view_column *column,
		  bool reverse);
void top_set_heap(struct top *top, const char *heap);
void top_step_heap(struct top *top, int step);
void top_mark(struct top *top);
void top_unmark(struct top *top);

#endif
