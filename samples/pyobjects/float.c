// SPDX-License-Identifier: GPL-2.0
/*
 * Floats: 64 bits as IEEE 754 has them, and never a floating-point
 * instruction, which the kernel may not use.
 *
 * They are read and written as decimals of up to 18 digits, both exactly: what
 * is read is the nearest float, and what is written are the fewest places that
 * are read as the same one.  There are no exponents, infinities or NaNs, so a
 * float is less than 10**18 here.
 *
 * Contexts: process, with the mutex of debugfs.c.
 */
#include <linux/math64.h>
#include <linux/string.h>

#include "number.h"

#define FRACTION_BITS	52
#define BIAS		1023
#define SIGN		BIT_ULL(63)
#define HIDDEN		BIT_ULL(FRACTION_BITS)

struct float_object {
	struct object	base;
	u64		bits;
};

static u64 power_of_ten(unsigned int n)
{
	u64 power = 1;

	while (n--)
		power *= 10;
	return power;
}

/*
 * The float nearest to digits / 10^places, to the even one of two: a division
 * bit by bit, until there is one bit more than a float has.
 */
static u64 nearest_bits(u64 digits, unsigned int places)
{
	u64 divisor = power_of_ten(places), rest, bits;
	int exponent = FRACTION_BITS + 1;

	if (!digits)
		return 0;
	bits = div64_u64_rem(digits, divisor, &rest);
	for (; bits < HIDDEN << 1; exponent--) {
		rest *= 2;
		bits = bits << 1 | (rest >= divisor);
		rest -= rest >= divisor ? divisor : 0;
	}
	for (; bits >= HIDDEN << 2; exponent++) {
		rest |= bits & 1;
		bits >>= 1;
	}
	/* Half of the last bit, and what is beyond it. */
	if ((bits & 1) && (rest || (bits & 2)))
		bits++;
	bits >>= 1;
	/* If that made it 2^53, its fraction is 0 and the exponent one more. */
	return bits + ((u64)(exponent + BIAS - 1) << FRACTION_BITS);
}

/**
 * float_from_decimal() - the float nearest to a decimal
 * @digits: its digits, FLOAT_MAX_DIGITS at most
 * @places: how many of them stand behind the point
 * @is_negative: a minus stands before it
 *
 * Return: a new reference, or NULL.
 */
struct object *float_from_decimal(u64 digits, unsigned int places,
				  bool is_negative)
{
	struct float_object *number = object_new(&float_kind, 0);

	if (!number)
		return NULL;
	number->bits = nearest_bits(digits, places) | (is_negative ? SIGN : 0);
	return &number->base;
}

static u64 bits_of(const struct object *obj)
{
	return ((const struct float_object *)obj)->bits;
}

/**
 * float_hash() - a number that equal floats share
 * @obj: a float
 *
 * Return: its bits; 0.0 and -0.0 are the same.
 */
u64 float_hash(const struct object *obj)
{
	return bits_of(obj) == SIGN ? 0 : bits_of(obj);
}

static size_t float_bytes(const struct object *obj)
{
	return sizeof(struct float_object);
}

/* bits * 10^places without what is behind the point; bits are not negative. */
static u64 shifted(u64 bits, unsigned int places)
{
	int exponent = (int)(bits >> FRACTION_BITS) - BIAS - FRACTION_BITS;
	u64 fraction = (bits & (HIDDEN - 1)) | HIDDEN;

	if (!bits)
		return 0;
	if (exponent >= 0)
		return (fraction << exponent) * power_of_ten(places);
	return mul_u64_u64_shr(fraction, power_of_ten(places), -exponent);
}

static void write_decimal(struct text *text, u64 digits, unsigned int places)
{
	u64 rest, whole = div64_u64_rem(digits, power_of_ten(places), &rest);

	if (places)
		text_add(text, "%llu.%0*llu", whole, places, rest);
	else
		text_add(text, "%llu.0", whole);
}

/* One more place as long as it is not what will be read as the same. */
static void float_write(struct text *text, const struct object *obj)
{
	u64 bits = bits_of(obj) & ~SIGN, digits = 0;
	unsigned int places;

	if (bits_of(obj) & SIGN)
		text_add(text, "-");
	for (places = 0; places <= FLOAT_MAX_DIGITS; places++) {
		digits = shifted(bits, places);
		if (nearest_bits(digits, places) == bits)
			break;
		if (nearest_bits(++digits, places) == bits)
			break;
	}
	write_decimal(text, digits, min(places, FLOAT_MAX_DIGITS));
}

struct kind float_kind = {
	.attr = {
		.name		= "float",
		.size		= sizeof(struct float_object),
		.max_free	= 100,
	},
	.bytes	= float_bytes,
	.write	= float_write,
};
