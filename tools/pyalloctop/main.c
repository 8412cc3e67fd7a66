// SPDX-License-Identifier: GPL-2.0
/*
 * pyalloctop: shows what pyalloc holds and who has it, live.
 */
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "keys.h"
#include "note.h"
#include "options.h"
#include "print.h"
#include "save.h"
#include "screen.h"
#include "top.h"
#include "trouble.h"

/* The signal that ends it, once the terminal is given back. */
static volatile sig_atomic_t ended_by;

static void note_signal(int signal)
{
	ended_by = signal;
}

/* === Time === */

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static struct timespec span(double seconds)
{
	struct timespec time;

	if (seconds < 0)
		seconds = 0;
	time.tv_sec = seconds;
	time.tv_nsec = (seconds - time.tv_sec) * 1e9;
	return time;
}

/* === What was asked for === */

static const struct view *chosen_view(const struct options *options)
{
	const struct view *view;

	if (!options->view)
		return &views[0];
	view = view_find(options->view);
	if (!view)
		die_misused("there is no view '%s': it can be classes, heaps, domains, types, sites, modules or map",
			    options->view);
	return view;
}

static void choose_sort(struct top *top, const char *name)
{
	const struct view_column *column;
	bool reverse = *name == '-';

	column = view_find_column(top->scene.view, name + reverse);
	if (!column)
		die_misused("the view %s has no column '%s'",
			    top->scene.view->name, name + reverse);
	top_set_sort(top, column, reverse);
}

static void choose_heap(struct top *top, const char *heap)
{
	if (!sample_has_heap(top->scene.now, heap))
		die("there is no heap '%s'", heap);
	top_set_heap(top, heap);
}

/* CSV is as debugfs has it: of one heap, and in its order. */
static void choose_for_csv(struct top *top, const struct options *options)
{
	top->scene.all = true;
	if (!options->sort)
		top_set_sort(top, NULL, false);
	if (!options->heap && top->scene.view->per_heap)
		choose_heap(top, "default");
}

/* Without the screen's ways to say it, it is an error. */
static void check_tracing(const struct top *top)
{
	char text[1024];

	if (!note_not_tracing(&top->scene))
		return;
	note_make(&top->scene, &top->folder, text, sizeof(text));
	die("%s", text);
}

static void prepare(struct top *top, const struct options *options)
{
	const char *wrong;

	top_begin(top, chosen_view(options));
	top->delay = options->delay ? options->delay : OPTIONS_DELAY;
	if (options->sort)
		choose_sort(top, options->sort);
	wrong = options->filter ? filter_set(&top->filter, options->filter) :
				  NULL;
	if (wrong)
		die_misused("the filter '%s' is wrong: %s", options->filter,
			    wrong);
}

static unsigned int wanted(const struct options *options)
{
	if (options->form != FORM_JSON)
		return 0;
	return SAMPLE_TRACES | SAMPLE_BIT(SAMPLE_TYPES) |
	       SAMPLE_BIT(SAMPLE_FAULTS);
}

static void take_first(struct top *top, const struct options *options)
{
	top_refresh(top, wanted(options));
	if (options->heap)
		choose_heap(top, options->heap);
}

/* === Without a screen === */

static void print_sample(const struct top *top, const struct options *options,
			 bool first)
{
	if (options->form == FORM_JSON) {
		print_json(top->scene.now, &top->folder);
		return;
	}
	check_tracing(top);
	if (options->form == FORM_CSV) {
		if (first)
			print_csv_heading(&top->scene);
		print_csv(&top->scene);
		return;
	}
	if (!first)
		putchar('\n');
	print_tables(&top->scene, &top->folder);
}

static void flush(void)
{
	if (fflush(stdout) || ferror(stdout))
		die("what is printed can't be written: %s", strerror(errno));
}

/* 0 for no end: with a delay and no count. */
static long samples_to_print(const struct top *top,
			     const struct options *options)
{
	long count = options->count ? options->count : !options->delay;

	if (!top->folder.saved)
		return count;
	if (count != 1)
		remark("%s is a saved copy, in which nothing changes: one sample is all there is",
		       top->folder.path);
	return 1;
}

static void wait_until(double when)
{
	struct timespec left;

	while (now() < when) {
		left = span(when - now());
		nanosleep(&left, NULL);
	}
}

static void print_all(struct top *top, const struct options *options)
{
	long count = samples_to_print(top, options), i;
	double next = now();

	for (i = 0; !count || i < count; i++) {
		if (i) {
			next += top->delay;
			wait_until(next);
			top_refresh(top, wanted(options));
		} else {
			take_first(top, options);
			if (options->form == FORM_CSV)
				choose_for_csv(top, options);
		}
		print_sample(top, options, !i);
		flush();
	}
}

/* === With a screen === */

static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };

/* Those that are ignored stay so: nohup. */
static void set_handlers(void (*handler)(int signal))
{
	struct sigaction action = { .sa_handler = handler }, was;
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		if (!sigaction(signals[i], NULL, &was) &&
		    was.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
}

/* They come while it waits, and not while it draws. */
static void catch_signals(sigset_t *usual)
{
	sigset_t blocked;
	size_t i;

	sigemptyset(&blocked);
	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaddset(&blocked, signals[i]);
	set_handlers(note_signal);
	sigaddset(&blocked, SIGWINCH);
	sigprocmask(SIG_BLOCK, &blocked, usual);
}

static void die_by_signal(int signal, const sigset_t *usual)
{
	struct sigaction action = { .sa_handler = SIG_DFL };

	sigaction(signal, &action, NULL);
	sigprocmask(SIG_SETMASK, usual, NULL);
	raise(signal);
}

static bool is_still(const struct screen *screen)
{
	return screen->paused || screen->top->folder.saved;
}

/* Until a key, a signal or the next sample; false if there is no terminal. */
static bool wait_for_key(const struct screen *screen, double next,
			 const sigset_t *usual)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	struct timespec left = span(next - now());

	if (ppoll(&input, 1, is_still(screen) ? NULL : &left, usual) < 0)
		return errno == EINTR;
	return !(input.revents & (POLLHUP | POLLERR | POLLNVAL));
}

static void press_keys(struct screen *screen)
{
	int key;

	while ((key = screen_key()) != SCREEN_NO_KEY && !screen->quit)
		keys_press(screen, key);
}

/* True if it is time for the next sample, and there is to be one. */
static bool is_time(struct screen *screen, double *next, long *left)
{
	bool again = screen->again;

	screen->again = false;
	if (screen->top->folder.saved || (!again && (screen->paused ||
						     now() < *next)))
		return false;
	*next = again ? now() + screen->top->delay :
			*next + screen->top->delay;
	/* Those that were missed are not made up for. */
	if (*next < now())
		*next = now() + screen->top->delay;
	if (*left && !--*left)
		screen->quit = true;
	return !screen->quit;
}

static void watch(struct screen *screen, long count, const sigset_t *usual)
{
	double next = now() + screen->top->delay, delay = screen->top->delay;

	while (!ended_by && !screen->quit) {
		screen_draw(screen);
		if (!wait_for_key(screen, next, usual))
			break;
		press_keys(screen);
		if (screen->top->delay != delay)
			next += screen->top->delay - delay;
		delay = screen->top->delay;
		if (is_time(screen, &next, &count))
			top_refresh(screen->top, 0);
	}
}

/* False if there is no terminal that it knows. */
static bool show(struct top *top, const struct options *options)
{
	struct screen screen = { .top = top };
	sigset_t usual;

	if (options->form != FORM_SCREEN || options->once ||
	    !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return false;
	/* What is wrong from the beginning is said on a terminal as it was. */
	take_first(top, options);
	catch_signals(&usual);
	if (!screen_begin()) {
		/* It ends as any program does, then. */
		set_handlers(SIG_DFL);
		sigprocmask(SIG_SETMASK, &usual, NULL);
		return false;
	}
	watch(&screen, options->count, &usual);
	screen_end();
	if (ended_by)
		die_by_signal(ended_by, &usual);
	return true;
}

int main(int argc, char **argv)
{
	struct options options = { };
	struct top top = { };

	setlocale(LC_CTYPE, "");
	/* Who reads no more has had enough. */
	signal(SIGPIPE, SIG_DFL);
	options_read(&options, argc, argv);
	folder_open(&top.folder, options.from);
	if (options.save) {
		sample_check_version(&top.folder);
		save_copy(&top.folder, options.save, options.check);
		flush();
		return 0;
	}
	prepare(&top, &options);
	if (!show(&top, &options))
		print_all(&top, &options);
	top_end(&top);
	return 0;
}
