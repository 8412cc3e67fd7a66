// SPDX-License-Identifier: GPL-2.0
/*
 * What rows are shown: those with a text in them, or that a regular expression
 * after a ~ matches.  Case does not matter.
 */
#include <stdio.h>
#include <string.h>

#include "filter.h"

/* Says what is wrong with it, and leaves the old one, or returns NULL. */
const char *filter_set(struct filter *filter, const char *text)
{
	static char wrong[128];
	struct filter new = { .is_regex = *text == '~' };
	int error;

	if (strlen(text) >= sizeof(new.text))
		return "the filter is too long";
	strcpy(new.text, text);
	if (new.is_regex) {
		error = regcomp(&new.regex, text + 1,
				REG_EXTENDED | REG_ICASE | REG_NOSUB);
		if (error) {
			regerror(error, &new.regex, wrong, sizeof(wrong));
			return wrong;
		}
	}
	if (filter->is_regex)
		regfree(&filter->regex);
	*filter = new;
	return NULL;
}

bool filter_passes(const struct filter *filter, const char *text)
{
	if (!filter || !*filter->text)
		return true;
	if (filter->is_regex)
		return !regexec(&filter->regex, text, 0, NULL, 0);
	return strcasestr(text, filter->text);
}
