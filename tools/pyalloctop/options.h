/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>

enum options_form {
	FORM_SCREEN,	/* or tables, where there is no terminal */
	FORM_TABLES,
	FORM_CSV,
	FORM_JSON,
};

struct options {
	enum options_form	form;
	bool			once;
	double			delay;		/* 0: not said */
	long			count;		/* 0: not said */
	const char		*view;
	const char		*sort;
	const char		*filter;
	const char		*heap;
	const char		*from;
	const char		*save;
	bool			check;
};

#define OPTIONS_DELAY	1.0
#define OPTIONS_LEAST_DELAY	0.05
#define OPTIONS_MOST_DELAY	86400.0

void options_read(struct options *options, int argc, char **argv);
bool options_delay(const char *text, double *delay);

#endif
