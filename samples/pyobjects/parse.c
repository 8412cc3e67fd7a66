// SPDX-License-Identifier: GPL-2.0
/*
 * From text to an object, by recursive descent of bounded depth:
 *
 *	expression	number, string, list, tuple, dict, None, or a name
 *			`lambda: expression`, `ModuleType(string)`
 *	number		digits, digits ** digits, digits . digits; with - before
 *	string		"..." or '...', of printable ASCII, with no escapes;
 *			b before it makes it bytes
 *	list		[expression, ...]
 *	tuple		() or (expression,) or (expression, expression, ...)
 *	dict		{expression: expression, ...}
 *
 * An expression in parentheses is itself.  What was read of something that
 * turns out to be wrong is dropped.
 *
 * Contexts: process, with the mutex of debugfs.c, which the items are for, too.
 */
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/string.h>

#include "dict.h"
#include "function.h"
#include "names.h"
#include "number.h"
#include "parse.h"
#include "sequence.h"

/* Items of what is not yet complete, those of the innermost last. */
static struct object *items[PARSE_MAX_ITEMS];

static struct object *is_wrong(struct parser *parser, const char *how)
{
	parser->wrong = how;
	return ERR_PTR(-EINVAL);
}

/* What makes objects says NULL, or -ERANGE of an int. */
static struct object *result(struct parser *parser, struct object *obj)
{
	if (obj == ERR_PTR(-ERANGE))
		return is_wrong(parser, "an int is too large");
	return obj ? obj : ERR_PTR(-ENOMEM);
}

static char look(struct parser *parser)
{
	parser->at = skip_spaces(parser->at);
	return *parser->at;
}

static bool take(struct parser *parser, char c)
{
	if (look(parser) != c)
		return false;
	parser->at++;
	return true;
}

/* === Numbers === */

static size_t nr_digits(const char *text)
{
	size_t n = 0;

	while (isdigit(text[n]))
		n++;
	return n;
}

/* Adds decimal digits to a number; false: they are too many for a float. */
static bool add_digits(u64 *number, const char *text, size_t n)
{
	for (; n; n--, text++) {
		if (*number >= 100000000000000000ULL)
			return false;
		*number = *number * 10 + (*text - '0');
	}
	return true;
}

static struct object *parse_float(struct parser *parser, const char *whole,
				  size_t n, bool is_negative)
{
	const char *places = parser->at;
	size_t nr_places = nr_digits(places);
	u64 number = 0;

	parser->at += nr_places;
	if (nr_places > FLOAT_MAX_DIGITS || !add_digits(&number, whole, n) ||
	    !add_digits(&number, places, nr_places))
		return is_wrong(parser, "a float has too many digits");
	return result(parser, float_from_decimal(number, nr_places,
						 is_negative));
}

static struct object *negate(struct object *obj)
{
	struct object *negative;

	if (IS_ERR_OR_NULL(obj))
		return obj;
	negative = int_negate(obj);
	object_put(obj);
	return negative;
}

static struct object *parse_power(struct parser *parser, struct object *base,
				  bool is_negative)
{
	struct object *power;
	u64 exponent = 0;
	size_t n;

	look(parser);
	n = nr_digits(parser->at);
	if (!n || n > 4) {
		object_put(base);
		return is_wrong(parser, "an exponent is 0 to 9999");
	}
	add_digits(&exponent, parser->at, n);
	parser->at += n;
	power = int_power(base, exponent);
	object_put(base);
	return result(parser, is_negative ? negate(power) : power);
}

/* A minus stands before the whole power, as in Python. */
static struct object *parse_number(struct parser *parser)
{
	bool is_negative = take(parser, '-'), is_power;
	const char *digits = skip_spaces(parser->at);
	size_t n = nr_digits(digits);
	struct object *obj;

	if (!n)
		return is_wrong(parser, "a number has digits");
	parser->at = digits + n;
	if (*parser->at == '.') {
		parser->at++;
		return parse_float(parser, digits, n, is_negative);
	}
	look(parser);
	is_power = !strncmp(parser->at, "**", 2);
	obj = result(parser, int_from_decimal(digits, n,
					      is_negative && !is_power));
	if (IS_ERR(obj) || !is_power)
		return obj;
	parser->at += 2;
	return parse_power(parser, obj, is_negative);
}

/* === Strings === */

static bool is_quote(char c)
{
	return c == '"' || c == '\'';
}

static struct object *parse_string(struct parser *parser,
				   struct object *(*make)(const char *text,
							  size_t n))
{
	char quote = *parser->at++;
	const char *text = parser->at;

	for (; *parser->at != quote; parser->at++)
		if (!isascii(*parser->at) || !isprint(*parser->at) ||
		    *parser->at == '\\')
			return is_wrong(parser, *parser->at ?
					"a string is of printable ASCII without escapes" :
					"a string has no end");
	parser->at++;
	return result(parser, make(text, parser->at - 1 - text));
}

/* === What has items === */

static void drop_items(struct parser *parser, unsigned int down_to)
{
	while (parser->nr_items > down_to)
		object_put(items[--parser->nr_items]);
}

static int parse_item(struct parser *parser)
{
	struct object *item = parse_next(parser);

	if (IS_ERR(item))
		return PTR_ERR(item);
	if (parser->nr_items < PARSE_MAX_ITEMS) {
		items[parser->nr_items++] = item;
		return 0;
	}
	object_put(item);
	return PTR_ERR(is_wrong(parser, "there are too many items"));
}

static int parse_pair(struct parser *parser)
{
	int error = parse_item(parser);

	if (error)
		return error;
	if (!object_is_key(items[parser->nr_items - 1]))
		return PTR_ERR(is_wrong(parser,
					"a key is an int, a float, a str or bytes"));
	if (!take(parser, ':'))
		return PTR_ERR(is_wrong(parser, "a colon follows a key"));
	return parse_item(parser);
}

/* All up to a closing bracket; says if the last has a comma behind it. */
static int parse_items(struct parser *parser, char end,
		       int (*parse)(struct parser *parser), bool *has_comma)
{
	int error;

	parser->at++;
	*has_comma = false;
	while (!take(parser, end)) {
		error = parse(parser);
		if (error)
			return error;
		*has_comma = take(parser, ',');
		if (!*has_comma && look(parser) != end)
			return PTR_ERR(is_wrong(parser,
						"a comma or the end is missing"));
	}
	return 0;
}

static struct object *parse_list(struct parser *parser)
{
	unsigned int first = parser->nr_items;
	struct object *obj;
	bool has_comma;
	int error;

	parser->is_constant = true;
	error = parse_items(parser, ']', parse_item, &has_comma);
	obj = error ? ERR_PTR(error) :
	      result(parser, list_new(items + first, parser->nr_items - first,
				      parser->is_constant));
	drop_items(parser, first);
	/* What it is in has something that can change. */
	parser->is_constant = false;
	return obj;
}

static struct object *parse_tuple(struct parser *parser)
{
	unsigned int first = parser->nr_items, n;
	struct object *obj;
	bool has_comma;
	int error;

	error = parse_items(parser, ')', parse_item, &has_comma);
	n = parser->nr_items - first;
	if (error)
		obj = ERR_PTR(error);
	else if (n == 1 && !has_comma)
		obj = object_get(items[first]);
	else
		obj = result(parser, tuple_new(items + first, n));
	drop_items(parser, first);
	return obj;
}

static struct object *parse_dict(struct parser *parser)
{
	unsigned int first = parser->nr_items;
	struct object *obj;
	bool has_comma;
	int error;

	error = parse_items(parser, '}', parse_pair, &has_comma);
	obj = error ? ERR_PTR(error) :
	      result(parser, dict_new(items + first,
				      (parser->nr_items - first) / 2));
	drop_items(parser, first);
	parser->is_constant = false;
	return obj;
}

/* === Words === */

static struct object *parse_function(struct parser *parser)
{
	struct object *value, *obj;

	if (!take(parser, ':'))
		return is_wrong(parser, "a colon follows lambda");
	value = parse_next(parser);
	if (IS_ERR(value))
		return value;
	obj = result(parser, function_new(value));
	object_put(value);
	return obj;
}

static struct object *parse_module(struct parser *parser)
{
	struct object *name, *obj;

	if (!take(parser, '(') || !is_quote(look(parser)))
		return is_wrong(parser, "a module has a name: ModuleType(\"m\")");
	name = parse_string(parser, str_new);
	if (IS_ERR(name))
		return name;
	obj = take(parser, ')') ? result(parser, module_new(name)) :
	      is_wrong(parser, "a parenthesis is missing");
	object_put(name);
	return obj;
}

static bool is_word(const char *text, size_t n, const char *word)
{
	return n == strlen(word) && !strncmp(text, word, n);
}

static struct object *parse_word(struct parser *parser)
{
	const char *word = parser->at;
	struct object *obj;
	size_t n = 0;

	while (isalnum(word[n]) || word[n] == '_')
		n++;
	parser->at += n;
	if (is_word(word, n, "None"))
		return object_get(&none);
	parser->is_constant = false;
	if (is_word(word, n, "lambda"))
		return parse_function(parser);
	if (is_word(word, n, "ModuleType"))
		return parse_module(parser);
	obj = name_is_valid(word, n) ? names_get(word, n) : NULL;
	return obj ? obj : is_wrong(parser, "there is no such name");
}

/* === Expressions === */

static struct object *parse_this(struct parser *parser)
{
	char c = look(parser);

	if (isdigit(c) || c == '-')
		return parse_number(parser);
	if (is_quote(c))
		return parse_string(parser, str_new);
	if (c == 'b' && is_quote(parser->at[1])) {
		parser->at++;
		return parse_string(parser, bytes_new);
	}
	if (c == '[')
		return parse_list(parser);
	if (c == '(')
		return parse_tuple(parser);
	if (c == '{')
		return parse_dict(parser);
	if (isascii(c) && (isalpha(c) || c == '_'))
		return parse_word(parser);
	return is_wrong(parser, c ? "nothing begins like that" :
				    "an expression is missing");
}

/**
 * parse_begin() - begin to read a text
 * @parser: with what
 * @text: the text
 */
void parse_begin(struct parser *parser, const char *text)
{
	*parser = (struct parser) { .at = text, .is_constant = true };
}

/**
 * parse_next() - read one expression
 * @parser: where it is
 *
 * Return: a new reference; or as an ERR_PTR -ENOMEM, or -EINVAL, and the
 * parser says what is wrong.
 */
struct object *parse_next(struct parser *parser)
{
	struct object *obj;

	if (parser->depth == PARSE_MAX_DEPTH)
		return is_wrong(parser, "that is too deep");
	parser->depth++;
	obj = parse_this(parser);
	parser->depth--;
	return obj;
}

/**
 * parse_only() - read one expression, and there is to be no more
 * @parser: where it is
 *
 * Return: as parse_next().
 */
struct object *parse_only(struct parser *parser)
{
	struct object *obj = parse_next(parser);

	if (IS_ERR(obj) || !look(parser))
		return obj;
	object_put(obj);
	return is_wrong(parser, "something follows the expression");
}
