/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Functions and modules.
 */
#ifndef PYOBJECTS_FUNCTION_H
#define PYOBJECTS_FUNCTION_H

#include "object.h"

struct object *function_new(struct object *result);
struct object *module_new(struct object *name);
struct object *module_dict(const struct object *obj);

#endif /* PYOBJECTS_FUNCTION_H */
