/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SAVE_H
#define SAVE_H

#include <stdbool.h>

struct folder;

void save_copy(const struct folder *folder, const char *to, bool check);

#endif
