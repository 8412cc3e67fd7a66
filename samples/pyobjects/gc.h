/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The collector of cycles.
 */
#ifndef PYOBJECTS_GC_H
#define PYOBJECTS_GC_H

#include "object.h"

static inline struct gc_head *gc_head_of(const struct object *obj)
{
	return (struct gc_head *)obj - 1;
}

static inline struct object *gc_object(struct gc_head *head)
{
	return (struct object *)(head + 1);
}

void gc_track(struct object *obj);
void gc_untrack(struct object *obj);
size_t gc_collect(void);

#endif /* PYOBJECTS_GC_H */
