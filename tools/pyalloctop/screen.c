// SPDX-License-Identifier: GPL-2.0
/*
 * The terminal, by way of ncurses: draws what is watched into the room that
 * there is.
 */
#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "header.h"
#include "keys.h"
#include "map.h"
#include "note.h"
#include "screen.h"
#include "trouble.h"

/* Pairs of colours, for how full a pool is. */
enum {
	PAIR_EMPTY = 1,
	PAIR_HALF,
	PAIR_FULL,
};

/* How many lines of the screen there have to be for what is not rows. */
#define LINES_FOR_HEADER	14
#define LINES_FOR_SUMS		11
#define LINES_FOR_TABS		9
#define LINES_FOR_TITLE		6
#define LINES_FOR_FOOTER	4

static SCREEN *terminal;

/* False if there is none that ncurses knows. */
bool screen_begin(void)
{
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal)
		return false;
	trouble_leave = screen_end;
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
	if (has_colors()) {
		start_color();
		use_default_colors();
		init_pair(PAIR_EMPTY, COLOR_RED, -1);
		init_pair(PAIR_HALF, COLOR_YELLOW, -1);
		init_pair(PAIR_FULL, COLOR_GREEN, -1);
	}
	return true;
}

void screen_end(void)
{
	trouble_leave = NULL;
	endwin();
	delscreen(terminal);
}

/* SCREEN_NO_KEY when none was pressed. */
int screen_key(void)
{
	int key = getch();

	return key == ERR ? SCREEN_NO_KEY : key;
}

/* === Lines === */

static int height(void)
{
	return getmaxy(stdscr);
}

static int width(void)
{
	return getmaxx(stdscr);
}

/* As much of a text as there is room for, from a column on. */
static void put(int y, size_t x, const char *text)
{
	wchar_t wide[HEADER_TEXT];
	size_t length = mbstowcs(wide, text, HEADER_TEXT - 1);

	if (length == (size_t)-1 || y >= height() || x >= (size_t)width())
		return;
	wide[length] = L'\0';
	mvaddnwstr(y, x, wide, width() - x);
}

static size_t put_header(const struct screen *screen)
{
	struct header *header = get_memory(1, sizeof(*header));
	size_t lines = height() >= LINES_FOR_HEADER ? HEADER_LINES :
		       height() >= LINES_FOR_SUMS ? 3 :
		       height() >= LINES_FOR_TITLE ? 1 : 0, i;
	struct top *top = screen->top;

	header_make(header, &top->scene, &top->folder, &top->history, width());
	for (i = 0; i < lines; i++)
		put(i, 0, header->line[i]);
	free(header);
	return lines;
}

static size_t put_tabs(const struct screen *screen, size_t y)
{
	const struct scene *scene = &screen->top->scene;
	char text[64];
	size_t x = 0, i;

	if (height() < LINES_FOR_TABS)
		return 0;
	for (i = 0; i < nr_views; i++) {
		snprintf(text, sizeof(text), "%zu %s", i + 1, views[i].name);
		if (&views[i] == scene->view)
			attron(A_BOLD | A_UNDERLINE);
		put(y, x, text);
		attroff(A_BOLD | A_UNDERLINE);
		x += strlen(text) + 2;
	}
	return 1;
}

static size_t put_note(const struct screen *screen, size_t y)
{
	char text[HEADER_TEXT];

	note_make(&screen->top->scene, &screen->top->folder, text,
		  sizeof(text));
	if (!*text || (height() < LINES_FOR_SUMS &&
		       !note_not_tracing(&screen->top->scene)))
		return 0;
	put(y, 0, text);
	return 1;
}

static void put_heading(const struct screen *screen, size_t y)
{
	const struct layout *layout = &screen->layout;
	const struct view_column *sort = screen->top->scene.sort;
	char text[HEADER_TEXT];
	size_t i;

	layout_heading(layout, text, sizeof(text));
	attron(A_REVERSE);
	mvhline(y, 0, ' ', width());
	put(y, 0, text);
	attroff(A_REVERSE);
	for (i = 0; i < layout->nr; i++)
		if (layout->column[i].column == sort)
			mvchgat(y, layout->column[i].start,
				layout->column[i].width, A_BOLD, 0, NULL);
}

/* === Footer === */

static const char *order_of(const struct scene *scene, char text[64])
{
	snprintf(text, 64, "%s%s", scene->sort ? scene->sort->heading : "-",
		 scene->reverse ? " reversed" : "");
	return text;
}

static void tell_choices(const struct screen *screen, char *text, size_t size)
{
	const struct top *top = screen->top;
	char order[64];
	int at;

	at = snprintf(text, size, "by %s", order_of(&top->scene, order));
	if (top->scene.view->per_heap)
		at += snprintf(text + at, size - at, "  heap %s",
			       top->heap ? top->heap : "all");
	if (*top->filter.text)
		at += snprintf(text + at, size - at, "  filter %s",
			       top->filter.text);
	if (screen->paused)
		snprintf(text + at, size - at, "  PAUSED");
	else if (!top->folder.saved)
		snprintf(text + at, size - at, "  every %g s", top->delay);
}

static void tell_place(const struct screen *screen, char *text, size_t size)
{
	size_t last = screen->first + screen->page;

	if (last > screen->height)
		last = screen->height;
	snprintf(text, size, "  %zu-%zu of %zu  h help  q quit",
		 screen->height ? screen->first + 1 : 0, last, screen->height);
}

static void put_footer(const struct screen *screen)
{
	char text[512], place[64];
	size_t length;

	if (height() < LINES_FOR_FOOTER)
		return;
	if (screen->prompt) {
		snprintf(text, sizeof(text), "%s: %s_",
			 screen->prompt == PROMPT_FILTER ?
			 "filter (~ for a regular expression)" : "seconds",
			 screen->typed);
		put(height() - 1, 0, text);
		return;
	}
	if (*screen->message)
		snprintf(text, sizeof(text), "%s", screen->message);
	else
		tell_choices(screen, text, sizeof(text));
	tell_place(screen, place, sizeof(place));
	length = strlen(place);
	put(height() - 1, 0, text);
	if (length < (size_t)width())
		put(height() - 1, width() - length, place);
}

/* === Rows === */

static int colour_of(char granule)
{
	if (granule >= '0' && granule <= '2')
		return COLOR_PAIR(PAIR_EMPTY);
	if (granule >= '3' && granule <= '6')
		return COLOR_PAIR(PAIR_HALF);
	if (granule >= '7' && granule <= '9')
		return COLOR_PAIR(PAIR_FULL);
	return granule == '!' ? A_BOLD : A_DIM;
}

static void put_granules(size_t y, size_t x, const char *map, size_t length)
{
	size_t i;

	for (i = 0; i < length && x + i < (size_t)width(); i++)
		mvaddch(y, x + i, map[i] | colour_of(map[i]));
}

/* Where on the screen rows go, and which lines of theirs are next. */
struct rows {
	const struct screen	*screen;
	size_t			line;	/* of all that there are */
	size_t			y;	/* of the screen's first */
	size_t			map;	/* a map's width, 0 if beside its row */
};

/* The place of a line on the screen, or -1 if it is not to be seen. */
static int next_y(struct rows *rows)
{
	size_t line = rows->line++;

	if (line < rows->screen->first ||
	    line >= rows->screen->first + rows->screen->page)
		return -1;
	return rows->y + line - rows->screen->first;
}

static void put_map(struct rows *rows, const struct view_line *line)
{
	size_t height = map_height(line, rows->map), length, i;
	const char *map;
	int y;

	for (i = 0; i < height; i++) {
		map = map_line(line, rows->map, i, &length);
		y = next_y(rows);
		if (y >= 0)
			put_granules(y, MAP_INDENT, map, length);
	}
}

static void put_row(struct rows *rows, const struct view_line *line)
{
	const struct screen *screen = rows->screen;
	const struct scene *scene = &screen->top->scene;
	bool is_map = scene->view->table == SAMPLE_ARENAS;
	char text[HEADER_TEXT];
	int y = next_y(rows);

	if (y >= 0) {
		layout_line(&screen->layout, scene, line, text, sizeof(text));
		put(y, 0, text);
	}
	if (is_map && rows->map)
		put_map(rows, line);
	else if (is_map && y >= 0)
		put_granules(y, screen->layout.width + MAP_INDENT, map_of(line),
			     strlen(map_of(line)));
}

/* Short maps stand beside their rows, others in lines below them. */
static void place_maps(struct screen *screen, struct rows *rows,
		       const struct view_line *lines, size_t nr)
{
	const struct scene *scene = &screen->top->scene;
	size_t longest = 0, room = width();

	if (scene->view->table == SAMPLE_ARENAS) {
		longest = map_longest(lines, nr);
		rows->map = longest <= room / 2 ? 0 : map_width(room);
	}
	if (longest && !rows->map)
		room -= MAP_INDENT + longest;
	layout_make(&screen->layout, scene, lines, nr, room);
}

static size_t count_lines(const struct rows *rows,
			  const struct view_line *lines, size_t nr)
{
	size_t sum = nr, i;

	for (i = 0; rows->map && i < nr; i++)
		sum += map_height(&lines[i], rows->map);
	return sum;
}

/* The last page is a whole one. */
static void fit_first(struct screen *screen)
{
	size_t most = screen->height > screen->page ?
		      screen->height - screen->page : 0;

	if (screen->first > most)
		screen->first = most;
}

static void put_rows(struct screen *screen, size_t y)
{
	const struct scene *scene = &screen->top->scene;
	struct rows rows = { .screen = screen, .y = y + 1 };
	struct view_line *lines;
	size_t nr, i;

	lines = view_lines(scene, &nr);
	place_maps(screen, &rows, lines, nr);
	put_heading(screen, y);
	screen->height = count_lines(&rows, lines, nr);
	fit_first(screen);
	for (i = 0; i < nr; i++)
		put_row(&rows, &lines[i]);
	free(lines);
}

static void put_help(void)
{
	size_t i;

	put(0, 0, "pyalloctop " VERSION);
	for (i = 0; keys_help[i]; i++)
		put(i + 2, 0, keys_help[i]);
	put(height() - 1, 0, "any key goes back");
}

void screen_draw(struct screen *screen)
{
	size_t y, footer = height() >= LINES_FOR_FOOTER;

	erase();
	if (screen->help) {
		put_help();
	} else {
		y = put_header(screen);
		y += put_tabs(screen, y);
		y += put_note(screen, y);
		screen->page = (size_t)height() > y + 1 + footer ?
			       height() - y - 1 - footer : 0;
		put_rows(screen, y);
		put_footer(screen);
	}
	refresh();
}
