// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers: as the module's tables have them, sums that stay at the ends of
 * what 64 bits hold, and how people read them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"

/* Digits, with one minus before them or without. */
enum number_error number_parse(const char *text, int64_t *number)
{
	const char *digits = text + (*text == '-');
	unsigned long long value;

	if (!*digits || digits[strspn(digits, "0123456789")])
		return NUMBER_NONE;
	errno = 0;
	value = strtoull(digits, NULL, 10);
	*number = INT64_MAX;
	if (errno == ERANGE)
		return NUMBER_TOO_LARGE;
	if (value > INT64_MAX)
		return NUMBER_LARGE;
	*number = *text == '-' ? -(int64_t)value : (int64_t)value;
	return NUMBER_FINE;
}

int64_t number_add(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

int64_t number_subtract(int64_t a, int64_t b)
{
	int64_t difference;

	if (__builtin_sub_overflow(a, b, &difference))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return difference;
}

int64_t number_multiply(int64_t a, int64_t b)
{
	int64_t product;

	if (__builtin_mul_overflow(a, b, &product))
		return (a < 0) == (b < 0) ? INT64_MAX : INT64_MIN;
	return product;
}

int64_t number_round(double number)
{
	if (number >= 9e18)
		return INT64_MAX;
	if (number <= -9e18)
		return INT64_MIN;
	return number < 0 ? number - 0.5 : number + 0.5;
}

/* Of 7 characters with its sign, whatever it is. */
static void tell(char text[NUMBER_TEXT], double number, double step,
		 double exact, const char *units, bool sign)
{
	const char *form = sign ? "%+.*f%.1s" : "%.*f%.1s";
	double size = number < 0 ? -number : number;
	int digits;

	if (size < exact)
		units = "";
	for (; size >= exact && *units; units++) {
		size /= step;
		number /= step;
		exact = 999.5;
		if (size < exact || !units[1])
			break;
	}
	digits = !*units || size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
	snprintf(text, NUMBER_TEXT, form, digits, number, units);
	/* A zero neither grows nor shrinks. */
	if (sign && number == 0)
		strcpy(text, "0");
}

void number_tell_count(char text[NUMBER_TEXT], int64_t number, bool sign)
{
	tell(text, number, 1000, 999999.5, "kMGTPE", sign);
}

void number_tell_bytes(char text[NUMBER_TEXT], int64_t number, bool sign)
{
	tell(text, number, 1024, 9999.5, "KMGTPE", sign);
}

/* One unit for all of a sum, so that a reader can add it up. */
struct number_unit number_unit_for(int64_t bytes)
{
	static const struct number_unit units[] = {
		{ 1, "B" }, { 1 << 10, "K" }, { 1 << 20, "M" }, { 1 << 30, "G" },
	};
	size_t i = 0;

	while (i < 3 && bytes / units[i].bytes >= 10000000)
		i++;
	return units[i];
}
