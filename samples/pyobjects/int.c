// SPDX-License-Identifier: GPL-2.0
/*
 * Ints: of any size, in digits of 30 bits, the lowest first; the sign is that
 * of their number, as in CPython.
 *
 * Those from -5 to 256 are made once and stay, as immortal objects in a row, of
 * a type of their own: who asks for one gets a reference to that.
 *
 * Contexts: process, with the mutex of debugfs.c, which the scratch needs, too.
 */
#include <linux/err.h>
#include <linux/jhash.h>
#include <linux/math64.h>
#include <linux/string.h>

#include "number.h"

#define DIGIT_BITS	30
#define DIGIT_MASK	((1U << DIGIT_BITS) - 1)

struct int_object {
	struct object	base;
	long		size;		/* digits; negative of a negative int */
	u32		digits[];
};

/* One that is cached: with its one digit, and a size that can be in a row. */
struct small_int {
	struct int_object	number;
	u32			digit;
	u32			unused;
};

#define SMALL_MIN	(-5)
#define SMALL_MAX	256
#define NR_SMALL	(SMALL_MAX - SMALL_MIN + 1)

static struct pytype *small_type;
static struct small_int *small_ints;

static struct int_object *int_of(const struct object *obj)
{
	return (struct int_object *)obj;
}

static size_t nr_digits(const struct int_object *number)
{
	return number->size < 0 ? -number->size : number->size;
}

/* === The cache === */

static void fill_small_ints(void)
{
	unsigned int i;
	long value;

	for (i = 0; i < NR_SMALL; i++) {
		value = (long)i + SMALL_MIN;
		small_ints[i] = (struct small_int) {
			.number.base = { .refs = 1, .kind = &int_kind },
			.number.size = value < 0 ? -1 : value ? 1 : 0,
			.digit = value < 0 ? -value : value,
		};
	}
}

/**
 * int_create() - make the ints that stay
 *
 * Return: 0 or an error.
 */
int int_create(void)
{
	static struct pytype_attr attr = {
		.name	= "small_int",
		.size	= sizeof(struct small_int),
	};
	struct pytype *type;

	attr.heap = objects_heap;
	type = pytype_create(&attr);
	if (IS_ERR(type))
		return PTR_ERR(type);
	small_type = type;
	small_ints = pytype_alloc_immortal(small_type, NR_SMALL, GFP_KERNEL);
	if (!small_ints)
		return -ENOMEM;
	fill_small_ints();
	return 0;
}

/* How many of them somebody still refers to. */
static size_t nr_small_referred(void)
{
	size_t i, n = 0;

	for (i = 0; small_ints && i < NR_SMALL; i++)
		n += small_ints[i].number.base.refs != 1;
	return n;
}

/**
 * int_destroy() - free what int_create() made
 *
 * Return: how many of them were still referred to, or live otherwise.
 */
size_t int_destroy(void)
{
	size_t left = nr_small_referred();

	if (small_type)
		left += pytype_destroy(small_type);
	small_type = NULL;
	small_ints = NULL;
	return left;
}

/**
 * int_is_cached() - is it one of the ints that stay?
 * @obj: any object
 *
 * Return: true if so; then it has no block of its own.
 */
bool int_is_cached(const struct object *obj)
{
	return small_ints && (void *)obj >= (void *)small_ints &&
	       (void *)obj < (void *)(small_ints + NR_SMALL);
}

static struct object *get_small(long value)
{
	struct object *obj = &small_ints[value - SMALL_MIN].number.base;

	object_pretend_made(&int_kind, obj);
	return object_get(obj);
}

/* === Making them === */

static bool is_small(const u32 *digits, size_t n, bool is_negative)
{
	if (n > 1)
		return false;
	return !n || digits[0] <= (is_negative ? -SMALL_MIN : SMALL_MAX);
}

static struct object *from_digits(const u32 *digits, size_t n, bool is_negative)
{
	struct int_object *number;
	long value = n ? digits[0] : 0;

	if (is_small(digits, n, is_negative))
		return get_small(is_negative ? -value : value);
	number = object_new(&int_kind, n);
	if (!number)
		return NULL;
	number->size = is_negative ? -(long)n : n;
	memcpy(number->digits, digits, n * sizeof(*digits));
	return &number->base;
}

/**
 * int_from_long() - an int of a small number
 * @value: the number, of 30 bits at most
 *
 * Return: a new reference, or NULL.
 */
struct object *int_from_long(long value)
{
	u32 digit = value < 0 ? -value : value;

	return from_digits(&digit, digit ? 1 : 0, value < 0);
}

static u32 scratch[INT_MAX_DIGITS];

/* The digits times a factor of 30 bits, and more; false: too many digits. */
static bool multiply(u32 *digits, size_t *n, u32 factor, u32 more)
{
	u64 carry = more;
	size_t i;

	for (i = 0; i < *n; i++) {
		carry += (u64)digits[i] * factor;
		digits[i] = carry & DIGIT_MASK;
		carry >>= DIGIT_BITS;
	}
	if (!carry)
		return true;
	if (*n == INT_MAX_DIGITS)
		return false;
	digits[(*n)++] = carry;
	return true;
}

/**
 * int_from_decimal() - an int as it is written
 * @text: its decimal digits
 * @n: how many
 * @is_negative: a minus stands before them
 *
 * Return: a new reference; NULL: no memory; or -ERANGE as an ERR_PTR.
 */
struct object *int_from_decimal(const char *text, size_t n, bool is_negative)
{
	size_t nr = 0, i;

	for (i = 0; i < n; i++)
		if (!multiply(scratch, &nr, 10, text[i] - '0'))
			return ERR_PTR(-ERANGE);
	return from_digits(scratch, nr, is_negative);
}

/* A product, as a new object: ints never change. */
static struct object *times(const struct object *obj, u32 factor, bool negate)
{
	struct int_object *number = int_of(obj);
	size_t n = nr_digits(number);

	memcpy(scratch, number->digits, n * sizeof(*scratch));
	if (!multiply(scratch, &n, factor, 0))
		return ERR_PTR(-ERANGE);
	/* Zero times anything. */
	while (n && !scratch[n - 1])
		n--;
	return from_digits(scratch, n, (number->size < 0) != negate);
}

/**
 * int_negate() - an int with the other sign
 * @obj: the int
 *
 * Return: a new reference; NULL: no memory.
 */
struct object *int_negate(const struct object *obj)
{
	return times(obj, 1, true);
}

/**
 * int_power() - a power, multiplied out
 * @base: an int of one digit
 * @exponent: how often to multiply
 *
 * Each product is an object, and goes when there is the next.
 *
 * Return: a new reference; NULL: no memory; or as an ERR_PTR -ERANGE.
 */
struct object *int_power(const struct object *base, unsigned int exponent)
{
	struct int_object *number = int_of(base);
	u32 factor = number->size ? number->digits[0] : 0;
	struct object *power, *next;

	if (nr_digits(number) > 1)
		return ERR_PTR(-ERANGE);
	power = int_from_long(1);
	/* 0 and 1 would stay what they are for long. */
	if (factor < 2 && exponent > 2)
		exponent = 2 - exponent % 2;
	while (!IS_ERR_OR_NULL(power) && exponent--) {
		next = times(power, factor, number->size < 0);
		object_put(power);
		power = next;
	}
	return power;
}

/* === What can be asked of them === */

/**
 * int_to_long() - the value of a small int
 * @obj: an int
 * @value: where to put it
 *
 * Return: false if it has more than one digit.
 */
bool int_to_long(const struct object *obj, long *value)
{
	struct int_object *number = int_of(obj);

	if (nr_digits(number) > 1)
		return false;
	*value = number->size * (number->size ? (long)number->digits[0] : 0);
	return true;
}

/**
 * int_hash() - a number that equal ints share
 * @obj: an int
 *
 * Return: the number.
 */
u64 int_hash(const struct object *obj)
{
	struct int_object *number = int_of(obj);

	return jhash2(number->digits, nr_digits(number), number->size);
}

/**
 * int_equals() - are two ints the same?
 * @a: an int
 * @b: another
 *
 * Return: true if so.
 */
bool int_equals(const struct object *a, const struct object *b)
{
	return int_of(a)->size == int_of(b)->size &&
	       !memcmp(int_of(a)->digits, int_of(b)->digits,
		       nr_digits(int_of(a)) * sizeof(u32));
}

/* 0 has one, as in CPython from 3.11 on. */
static size_t int_bytes(const struct object *obj)
{
	return sizeof(struct int_object) +
	       max_t(size_t, nr_digits(int_of(obj)), 1) * sizeof(u32);
}

/* Divides the digits, and gives the remainder. */
static u32 divide(u32 *digits, size_t *n, u32 divisor)
{
	u32 rest = 0;
	size_t i;

	for (i = *n; i-- > 0;)
		digits[i] = div_u64_rem((u64)rest << DIGIT_BITS | digits[i],
					divisor, &rest);
	while (*n && !digits[*n - 1])
		--*n;
	return rest;
}

/* Nine decimal digits at a time, of which there is room for all. */
#define NINE		1000000000U
#define MAX_NINES	(INT_MAX_DIGITS + 4)

static void int_write(struct text *text, const struct object *obj)
{
	static u32 nines[MAX_NINES];
	size_t n = nr_digits(int_of(obj)), nr = 0;

	memcpy(scratch, int_of(obj)->digits, n * sizeof(*scratch));
	do {
		nines[nr++] = divide(scratch, &n, NINE);
	} while (n);
	text_add(text, "%s%u", int_of(obj)->size < 0 ? "-" : "", nines[--nr]);
	while (nr)
		text_add(text, "%09u", nines[--nr]);
}

struct kind int_kind = {
	.attr = {
		.name		= "int",
		.size		= sizeof(struct int_object),
		.itemsize	= sizeof(u32),
	},
	.bytes	= int_bytes,
	.write	= int_write,
};
