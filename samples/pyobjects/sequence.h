/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What has items in a row: str, bytes, tuple, list.
 */
#ifndef PYOBJECTS_SEQUENCE_H
#define PYOBJECTS_SEQUENCE_H

#include "object.h"

int str_create(void);
void str_destroy(void);
struct object *str_new(const char *text, size_t n);
struct object *bytes_new(const char *text, size_t n);
const char *str_text(const struct object *obj);
u64 str_hash(struct object *obj);
bool str_equals(const struct object *a, const struct object *b);

int tuple_create(void);
void tuple_destroy(void);
struct object *tuple_new(struct object **items, size_t n);

struct object *list_new(struct object **items, size_t n, bool are_constant);
int list_append(struct object *obj, struct object *item);
size_t list_length(const struct object *obj);
struct object *list_item(const struct object *obj, size_t index);
int list_set(struct object *obj, size_t index, struct object *item);

#endif /* PYOBJECTS_SEQUENCE_H */
