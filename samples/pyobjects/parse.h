/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From text to an object.
 */
#ifndef PYOBJECTS_PARSE_H
#define PYOBJECTS_PARSE_H

#include "object.h"

/* How deep lists may be in lists, and how many items there may be in all. */
#define PARSE_MAX_DEPTH	8
#define PARSE_MAX_ITEMS	256

/**
 * struct parser - an expression that is being read
 * @at: what is next
 * @wrong: what is wrong, once something is
 * @depth: in how many lists, tuples and dicts this is
 * @nr_items: how many items are waiting for those to be complete
 * @is_constant: of what was read so far nothing can change
 */
struct parser {
	const char	*at;
	const char	*wrong;
	unsigned int	depth;
	unsigned int	nr_items;
	bool		is_constant;
};

void parse_begin(struct parser *parser, const char *text);
struct object *parse_next(struct parser *parser);
struct object *parse_only(struct parser *parser);

#endif /* PYOBJECTS_PARSE_H */
