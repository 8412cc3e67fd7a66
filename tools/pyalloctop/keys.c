// SPDX-License-Identifier: GPL-2.0
/*
 * What keys do.
 */
#include <curses.h>
#include <stdio.h>
#include <string.h>

#include "keys.h"
#include "options.h"
#include "screen.h"

#define ESCAPE	27
#define CTRL(letter)	((letter) & 0x1f)

const char *const keys_help[] = {
	"1 to 7, Tab     the view: classes, heaps, domains, types, sites, modules, map",
	"[ ]             the heap whose classes or arenas are shown",
	"< >, Left Right the column that rows are sorted by",
	"r               the other way around",
	"/               filter: rows with a text; ~ before it: a regular expression",
	"Up Down PageUp PageDown Home End",
	"                move the rows",
	"m               mark: from then on columns show what has changed since",
	"u               no mark: columns show levels again",
	"p, Space        pause, and go on",
	"d               seconds between samples",
	"z               classes without a pool, too",
	"h, ?            this",
	"q               quit",
	"",
	"Held    what pyalloc has of the kernel's memory",
	"Arenas  live: with clients; cached: in fronts and depots; free: the rest",
	"Raw     blocks of kmalloc() and kvmalloc() that clients have through pyalloc",
	"Blocks  with clients; + and -: how many come and go a second",
	NULL,
};

/* === A line that is typed === */

static void end_prompt(struct screen *screen)
{
	struct top *top = screen->top;
	const char *wrong = NULL;

	if (screen->prompt == PROMPT_FILTER)
		wrong = filter_set(&top->filter, screen->typed);
	else if (!options_delay(screen->typed, &top->delay))
		wrong = "that is no delay: seconds, from 0.05 on";
	snprintf(screen->message, sizeof(screen->message), "%s",
		 wrong ? wrong : "");
	screen->prompt = PROMPT_NONE;
	screen->first = 0;
}

static void type(struct screen *screen, int key)
{
	size_t length = strlen(screen->typed);

	if (key >= ' ' && key <= '~' && length + 1 < sizeof(screen->typed)) {
		screen->typed[length] = key;
		screen->typed[length + 1] = '\0';
	}
	if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && length)
		screen->typed[length - 1] = '\0';
	if (key == CTRL('u'))
		screen->typed[0] = '\0';
	if (key == ESCAPE)
		screen->prompt = PROMPT_NONE;
	if (key == '\n' || key == '\r' || key == KEY_ENTER)
		end_prompt(screen);
}

static void begin_prompt(struct screen *screen, enum prompt prompt,
			 const char *typed)
{
	screen->prompt = prompt;
	snprintf(screen->typed, sizeof(screen->typed), "%s", typed);
}

/* === Choices === */

static void set_view(struct screen *screen, size_t number)
{
	top_set_view(screen->top, &views[number % nr_views]);
	screen->first = 0;
}

/* Among the columns that are to be seen. */
static void step_sort(struct screen *screen, int step)
{
	struct layout *layout = &screen->layout;
	struct scene *scene = &screen->top->scene;
	size_t at = 0, i;

	for (i = 0; i < layout->nr; i++)
		if (layout->column[i].column == scene->sort)
			at = i;
	at = (at + layout->nr + step) % layout->nr;
	top_set_sort(screen->top, layout->column[at].column, scene->reverse);
}

static void set_mark(struct screen *screen)
{
	if (screen->top->folder.saved)
		strcpy(screen->message, "nothing changes in a saved copy");
	else
		top_mark(screen->top);
}

static void step_heap(struct screen *screen, int step)
{
	if (!screen->top->scene.view->per_heap) {
		strcpy(screen->message, "this view is of all heaps");
		return;
	}
	top_step_heap(screen->top, step);
	screen->first = 0;
}

static void pause_or_go_on(struct screen *screen)
{
	screen->paused = !screen->paused;
	screen->again = !screen->paused;
}

/* === Moving === */

/* Never beyond the last page, as it was when it was last drawn. */
static void move_rows(struct screen *screen, long step)
{
	size_t most = screen->height > screen->page ?
		      screen->height - screen->page : 0;

	if (step < 0 && screen->first < (size_t)-step)
		screen->first = 0;
	else
		screen->first += step;
	if (screen->first > most)
		screen->first = most;
}

static bool moves(struct screen *screen, int key)
{
	long page = screen->page > 1 ? screen->page - 1 : 1;

	switch (key) {
	case KEY_UP:
		move_rows(screen, -1);
		return true;
	case KEY_DOWN:
		move_rows(screen, 1);
		return true;
	case KEY_PPAGE:
		move_rows(screen, -page);
		return true;
	case KEY_NPAGE:
		move_rows(screen, page);
		return true;
	case KEY_HOME:
		screen->first = 0;
		return true;
	case KEY_END:
		move_rows(screen, screen->height);
		return true;
	default:
		return false;
	}
}

/* === Keys === */

static bool chooses(struct screen *screen, int key)
{
	struct top *top = screen->top;

	switch (key) {
	case '\t':
		set_view(screen, top->scene.view - views + 1);
		return true;
	case KEY_BTAB:
		set_view(screen, top->scene.view - views + nr_views - 1);
		return true;
	case '[':
		step_heap(screen, -1);
		return true;
	case ']':
		step_heap(screen, 1);
		return true;
	case '<':
	case KEY_LEFT:
		step_sort(screen, -1);
		return true;
	case '>':
	case KEY_RIGHT:
		step_sort(screen, 1);
		return true;
	case 'r':
	case 'R':
		top_set_sort(top, top->scene.sort, !top->scene.reverse);
		return true;
	default:
		if (key < '1' || key >= '1' + (int)nr_views)
			return false;
		set_view(screen, key - '1');
		return true;
	}
}

static void does(struct screen *screen, int key)
{
	struct top *top = screen->top;
	char delay[32];

	switch (key) {
	case 'q':
	case 'Q':
		screen->quit = true;
		break;
	case 'h':
	case '?':
	case KEY_F(1):
		screen->help = true;
		break;
	case '/':
		begin_prompt(screen, PROMPT_FILTER, top->filter.text);
		break;
	case 'd':
		snprintf(delay, sizeof(delay), "%g", top->delay);
		begin_prompt(screen, PROMPT_DELAY, delay);
		break;
	case 'm':
		set_mark(screen);
		break;
	case 'u':
		top_unmark(top);
		break;
	case 'z':
		top->scene.all = !top->scene.all;
		break;
	case 'p':
	case ' ':
		pause_or_go_on(screen);
		break;
	}
}

void keys_press(struct screen *screen, int key)
{
	if (key == KEY_RESIZE)
		return;
	if (screen->help) {
		screen->help = false;
		screen->quit = key == 'q';
		return;
	}
	if (screen->prompt) {
		type(screen, key);
		return;
	}
	screen->message[0] = '\0';
	if (!moves(screen, key) && !chooses(screen, key))
		does(screen, key);
}
