/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SCREEN_H
#define SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "layout.h"
#include "top.h"

#define SCREEN_NO_KEY	(-1)

enum prompt {
	PROMPT_NONE,
	PROMPT_FILTER,
	PROMPT_DELAY,
};

struct screen {
	struct top	*top;
	struct layout	layout;		/* as it was last drawn */
	size_t		first;		/* line of the rows at the top */
	size_t		page;		/* how many there is room for */
	size_t		height;		/* how many there are */
	bool		paused;
	bool		help;
	bool		quit;
	bool		again;		/* to be sampled at once */
	enum prompt	prompt;
	char		typed[FILTER_TEXT];
	char		message[FILTER_TEXT];
};

bool screen_begin(void);
void screen_end(void);
void screen_draw(struct screen *screen);
int screen_key(void);

#endif
