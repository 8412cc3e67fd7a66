/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NUMBER_H
#define NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for a number for people, and for what they are added up from. */
#define NUMBER_TEXT	24

enum number_error {
	NUMBER_FINE,
	NUMBER_NONE,		/* it is no number */
	NUMBER_LARGE,		/* more than INT64_MAX */
	NUMBER_TOO_LARGE,	/* more than 64 bits have */
};

enum number_error number_parse(const char *text, int64_t *number);
int64_t number_add(int64_t a, int64_t b);
int64_t number_subtract(int64_t a, int64_t b);
int64_t number_multiply(int64_t a, int64_t b);
int64_t number_round(double number);
void number_tell_count(char text[NUMBER_TEXT], int64_t number, bool sign);
void number_tell_bytes(char text[NUMBER_TEXT], int64_t number, bool sign);

struct number_unit {
	int64_t		bytes;
	const char	*name;
};

struct number_unit number_unit_for(int64_t bytes);

#endif
