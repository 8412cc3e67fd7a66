/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is told of an object, as columns of a table.
 */
#ifndef PYOBJECTS_SHOW_H
#define PYOBJECTS_SHOW_H

#include "object.h"

#define SHOW_LINE	160

#define SHOW_NAME_COLUMNS \
	"name type size blocks refs heap class arena pool block value"
#define SHOW_NEW_COLUMNS \
	"type size cpython blocks heap class arena pool block from expression"

void show_name(char line[SHOW_LINE], const char *name,
	       const struct object *obj);
void show_new(char line[SHOW_LINE], const char *expression,
	      const struct object *obj, unsigned int expected);
bool show_part(char line[SHOW_LINE], const struct object *obj);

#endif /* PYOBJECTS_SHOW_H */
