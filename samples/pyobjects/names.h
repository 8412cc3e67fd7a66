/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names, and the objects that they mean.
 */
#ifndef PYOBJECTS_NAMES_H
#define PYOBJECTS_NAMES_H

#include "object.h"

#define NAME_MAX_LENGTH	31
#define NAMES_MAX	1000

int names_create(void);
void names_destroy(void);
bool name_is_valid(const char *name, size_t n);
struct object *names_get(const char *name, size_t n);
int names_set(const char *name, struct object *obj);
int names_delete(const char *name);
bool names_next(size_t *at, const char **name, struct object **obj);

#endif /* PYOBJECTS_NAMES_H */
