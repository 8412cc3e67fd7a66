/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TROUBLE_H
#define TROUBLE_H

#include <stddef.h>

extern void (*trouble_leave)(void);

void trouble_make_printable(char *text);
void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *format, ...);
void __attribute__((noreturn, format(printf, 1, 2)))
die_misused(const char *format, ...);
void __attribute__((format(printf, 1, 2)))
remark(const char *format, ...);
void *get_memory(size_t nr, size_t size);

#endif
