// SPDX-License-Identifier: GPL-2.0
/*
 * What the user is told when it can't go on: one line on stderr and a status
 * that is not zero.  What a file says may be part of it, so nothing gets out
 * that a terminal would obey.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "trouble.h"

enum status {
	STATUS_TROUBLE = 1,
	STATUS_MISUSE = 2,
};

/* Gives the terminal back, while it is taken. */
void (*trouble_leave)(void);

/* What is not ASCII may as well turn the reader's line around. */
void trouble_make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static void tell(const char *format, va_list arguments)
{
	char line[1024];

	vsnprintf(line, sizeof(line), format, arguments);
	trouble_make_printable(line);
	fprintf(stderr, "pyalloctop: %s\n", line);
}

static void __attribute__((noreturn)) leave(enum status status)
{
	/* What was printed before is no lie. */
	fflush(stdout);
	exit(status);
}

void die(const char *format, ...)
{
	va_list arguments;

	if (trouble_leave)
		trouble_leave();
	va_start(arguments, format);
	tell(format, arguments);
	va_end(arguments);
	leave(STATUS_TROUBLE);
}

void die_misused(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	tell(format, arguments);
	va_end(arguments);
	fprintf(stderr, "See pyalloctop --help.\n");
	leave(STATUS_MISUSE);
}

void remark(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	tell(format, arguments);
	va_end(arguments);
}

/* Zeroed. */
void *get_memory(size_t nr, size_t size)
{
	void *memory = calloc(nr ? nr : 1, size);

	if (!memory)
		die("out of memory");
	return memory;
}
