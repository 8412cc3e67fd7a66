/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NOTE_H
#define NOTE_H

#include <stdbool.h>
#include <stddef.h>

struct folder;
struct scene;

bool note_not_tracing(const struct scene *scene);
void note_make(const struct scene *scene, const struct folder *folder,
	       char *text, size_t size);

#endif
