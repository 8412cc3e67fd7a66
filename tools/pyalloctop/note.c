// SPDX-License-Identifier: GPL-2.0
/*
 * What a view needs said before its rows: what a map's characters are, and of
 * a trace how far it can be believed.
 */
#include <stdio.h>

#include "folder.h"
#include "map.h"
#include "note.h"
#include "number.h"
#include "view.h"

static bool is_of_trace(const struct view *view)
{
	return SAMPLE_BIT(view->table) & SAMPLE_TRACES;
}

/* Nothing is traced, and there is nothing of a trace in a copy. */
bool note_not_tracing(const struct scene *scene)
{
	return is_of_trace(scene->view) && !scene->now->tracing &&
	       !scene->now->table[scene->view->table].nr_rows;
}

static void tell_traced(const struct table *traced, char *text, size_t size)
{
	char current[NUMBER_TEXT], peak[NUMBER_TEXT], own[NUMBER_TEXT];

	if (!traced->nr_rows)
		return;
	number_tell_bytes(current, table_cell(traced, 0, "current")->number,
			  false);
	number_tell_bytes(peak, table_cell(traced, 0, "peak")->number, false);
	number_tell_bytes(own, table_cell(traced, 0, "trace_bytes")->number,
			  false);
	snprintf(text, size,
		 "Traced %s in %s blocks, peak %s; %s blocks missed; tracing takes %s",
		 current, table_cell(traced, 0, "blocks")->text, peak,
		 table_cell(traced, 0, "missed_blocks")->text, own);
}

void note_make(const struct scene *scene, const struct folder *folder,
	       char *text, size_t size)
{
	*text = '\0';
	if (scene->view->table == SAMPLE_ARENAS)
		snprintf(text, size, "%s", map_legend);
	else if (note_not_tracing(scene) && folder->saved)
		snprintf(text, size,
			 "Nothing was traced when the copy was made");
	else if (note_not_tracing(scene))
		snprintf(text, size,
			 "Nothing is traced; to begin: echo 1 > %s/trace/nframe",
			 folder->path);
	else if (is_of_trace(scene->view))
		tell_traced(&scene->now->table[SAMPLE_TRACED], text, size);
}
