/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Dicts.
 */
#ifndef PYOBJECTS_DICT_H
#define PYOBJECTS_DICT_H

#include "object.h"

int dict_create(void);
size_t dict_destroy(void);
struct object *dict_new(struct object **pairs, size_t n);
struct object *dict_get(const struct object *obj, const struct object *key);
int dict_set(struct object *obj, struct object *key, struct object *value);
int dict_delete(struct object *obj, const struct object *key);
size_t dict_length(const struct object *obj);
bool dict_next(const struct object *obj, size_t *at, struct object **key,
	       struct object **value);

#endif /* PYOBJECTS_DICT_H */
