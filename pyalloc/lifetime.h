/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The lifetime of private heaps: made, used by whom, destroyed.
 */
#ifndef _PYALLOC_LIFETIME_H
#define _PYALLOC_LIFETIME_H

#include <linux/pyalloc.h>

struct module;
struct pyheap;

/* The longest name of a heap or a type, and its end. */
#define PYLIFETIME_NAME		32

bool pylifetime_is_name(const char *name);

bool pylifetime_is_wrapped(void);
void pylifetime_wrap(bool wrapped);
void pylifetime_choose_way(struct pyheap *heap);
void pylifetime_choose_ways(void);

struct pyheap *pyprivate_create_typed(const char *name, size_t size,
				      void (*ctor)(void *obj),
				      struct module *owner);
size_t pyprivate_destroy(struct pyheap *heap);

void pylifetime_see_off(const struct module *module);
int pylifetime_init(void);
void pylifetime_exit(void);

#endif /* _PYALLOC_LIFETIME_H */
