/* SPDX-License-Identifier: GPL-2.0 */
#ifndef FILTER_H
#define FILTER_H

#include <regex.h>
#include <stdbool.h>

#define FILTER_TEXT	128

struct filter {
	char	text[FILTER_TEXT];	/* "" lets all through */
	bool	is_regex;
	regex_t	regex;
};

const char *filter_set(struct filter *filter, const char *text);
bool filter_passes(const struct filter *filter, const char *text);

#endif
