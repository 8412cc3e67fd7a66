/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KEYS_H
#define KEYS_H

struct screen;

extern const char *const keys_help[];

void keys_press(struct screen *screen, int key);

#endif
