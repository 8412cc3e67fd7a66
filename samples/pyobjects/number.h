/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ints and floats.
 */
#ifndef PYOBJECTS_NUMBER_H
#define PYOBJECTS_NUMBER_H

#include "object.h"

/* An int of this sample has no more digits of 30 bits: 3000 bits. */
#define INT_MAX_DIGITS	100

int int_create(void);
size_t int_destroy(void);
bool int_is_cached(const struct object *obj);
struct object *int_from_long(long value);
struct object *int_from_decimal(const char *digits, size_t n, bool is_negative);
struct object *int_power(const struct object *base, unsigned int exponent);
struct object *int_negate(const struct object *obj);
bool int_to_long(const struct object *obj, long *value);
u64 int_hash(const struct object *obj);
bool int_equals(const struct object *a, const struct object *b);

/* Decimals of more digits than these are not read, and none are written. */
#define FLOAT_MAX_DIGITS	18

struct object *float_from_decimal(u64 digits, unsigned int places,
				  bool is_negative);
u64 float_hash(const struct object *obj);

#endif /* PYOBJECTS_NUMBER_H */
