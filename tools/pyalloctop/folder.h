/* SPDX-License-Identifier: GPL-2.0 */
#ifndef FOLDER_H
#define FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct folder {
	const char	*path;
	bool		saved;	/* a copy, in which nothing moves */
};

void folder_open(struct folder *folder, const char *from);
char *folder_read(const struct folder *folder, const char *name, size_t *size);
char *folder_path(const struct folder *folder, const char *name);
time_t folder_time(const struct folder *folder);
void __attribute__((noreturn)) folder_die(const char *path, int error);

#endif
