// SPDX-License-Identifier: GPL-2.0
/*
 * What is watched: the samples of now, of before and of the mark, and the
 * choices of view, heap and order.
 */
#include <stdlib.h>
#include <string.h>

#include "top.h"
#include "trouble.h"

/* What a mark has, so that each view can be compared with it. */
#define ALL_BUT_ARENAS	(SAMPLE_ALWAYS | SAMPLE_TRACES | \
			 SAMPLE_BIT(SAMPLE_TYPES))

static size_t view_number(const struct top *top)
{
	return top->scene.view - views;
}

void top_set_sort(struct top *top, const struct view_column *column,
		  bool reverse)
{
	top->sort[view_number(top)] = column;
	top->reverse[view_number(top)] = reverse;
	top->scene.sort = column;
	top->scene.reverse = reverse;
}

/* Its tables are read at once, if there is a sample to put them into. */
void top_set_view(struct top *top, const struct view *view)
{
	top->scene.view = view;
	top->scene.sort = top->sort[view_number(top)];
	top->scene.reverse = top->reverse[view_number(top)];
	if (top->scene.now)
		sample_add(&top->folder, top->scene.now, view_wants(view));
}

void top_begin(struct top *top, const struct view *view)
{
	size_t i;

	for (i = 0; i < nr_views; i++)
		top->sort[i] = view_find_column(&views[i], views[i].sort);
	top->scene.filter = &top->filter;
	top_set_view(top, view);
}

void top_end(struct top *top)
{
	sample_drop(top->scene.now);
	sample_drop(top->scene.before);
	top_unmark(top);
	filter_set(&top->filter, "");
	free(top->heap);
}

/* The next sample, with what the view needs and what else is wanted. */
void top_refresh(struct top *top, unsigned int wanted)
{
	struct scene *scene = &top->scene;
	struct sample *now = sample_take(&top->folder,
					 wanted | view_wants(scene->view));

	sample_drop(scene->before);
	scene->before = scene->now;
	scene->now = now;
	history_add(&top->history, now->totals.clients, now->clock);
}

void top_set_heap(struct top *top, const char *heap)
{
	char *copy = heap ? strdup(heap) : NULL;

	if (heap && !copy)
		die("out of memory");
	free(top->heap);
	top->heap = copy;
	top->scene.heap = copy;
}

/* All heaps, then each, and around. */
void top_step_heap(struct top *top, int step)
{
	struct sample *now = top->scene.now;
	size_t places = now->nr_heaps + 1, at = 0, i;

	for (i = 0; top->heap && i < now->nr_heaps; i++)
		if (!strcmp(now->heap[i].name, top->heap))
			at = i + 1;
	at = (at + places + step) % places;
	top_set_heap(top, at ? now->heap[at - 1].name : NULL);
}

void top_mark(struct top *top)
{
	top_unmark(top);
	sample_add(&top->folder, top->scene.now, ALL_BUT_ARENAS);
	top->scene.mark = sample_use(top->scene.now);
}

void top_unmark(struct top *top)
{
	sample_drop(top->scene.mark);
	top->scene.mark = NULL;
}
