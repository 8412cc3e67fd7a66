/* SPDX-License-Identifier: GPL-2.0 */
#ifndef HEADER_H
#define HEADER_H

#include <stddef.h>

struct folder;
struct history;
struct scene;

#define HEADER_LINES	5
#define HEADER_TEXT	2048

struct header {
	char	line[HEADER_LINES][HEADER_TEXT];
};

void header_make(struct header *header, const struct scene *scene,
		 const struct folder *folder, const struct history *history,
		 size_t width);

#endif
