// SPDX-License-Identifier: GPL-2.0
/*
 * What is told of an object, as columns of a table:
 *
 *	size	what sys.getsizeof() says
 *	cpython	what CPython 3.11 says on 64 bits; - where nobody said
 *	blocks	the bytes of its blocks, which is what it takes
 *	refs	references
 *	heap class arena pool block
 *		where its own block lies, see pyalloc_describe()
 *	from	where that came from
 *
 * Contexts: process, with the mutex of debugfs.c.
 */
#include "number.h"
#include "show.h"

static void add_place(struct text *text, const void *block)
{
	struct pyalloc_place place;

	if (!block)
		text_add(text, " - - - - -");
	else if (pyalloc_describe(block, &place))
		text_add(text, " raw - - - -");
	else
		text_add(text, " %s %u %u %u %u", place.heap, place.class_size,
			 place.arena, place.pool, place.block);
}

/* None and the cached ints have no block of their own. */
static const void *own_block(const struct object *obj)
{
	return obj == &none || int_is_cached(obj) ? NULL : object_block(obj);
}

/**
 * show_name() - a row of SHOW_NAME_COLUMNS
 * @line: where to put it
 * @name: a name
 * @obj: what it means
 */
void show_name(char line[SHOW_LINE], const char *name,
	       const struct object *obj)
{
	struct text text;

	text_begin(&text, line, SHOW_LINE);
	text_add(&text, "%s %s %zu %zu %ld", name, obj->kind->attr.name,
		 object_bytes(obj), object_usable(obj), obj->refs);
	add_place(&text, own_block(obj));
	text_add(&text, " ");
	object_write(&text, obj);
	text_end(&text);
}

/**
 * show_new() - a row of SHOW_NEW_COLUMNS
 * @line: where to put it
 * @expression: what made the object
 * @obj: the object, of whose kind none was made since
 * @expected: what CPython 3.11 says of its size; 0: not known
 */
void show_new(char line[SHOW_LINE], const char *expression,
	      const struct object *obj, unsigned int expected)
{
	enum origin origin = obj == &none ? FROM_CACHE : object_origin(obj);
	struct text text;

	text_begin(&text, line, SHOW_LINE);
	text_add(&text, "%s %zu ", obj->kind->attr.name, object_bytes(obj));
	text_add(&text, expected ? "%u" : "-", expected);
	text_add(&text, " %zu", object_usable(obj));
	add_place(&text, own_block(obj));
	text_add(&text, " %s %s", origin_names[origin], expression);
	text_end(&text);
}

/**
 * show_part() - a row of SHOW_NEW_COLUMNS for what an object has besides
 * @line: where to put it
 * @obj: the object
 *
 * Return: false if it has nothing.
 */
bool show_part(char line[SHOW_LINE], const struct object *obj)
{
	const void *part = obj->kind->part ? obj->kind->part(obj) : NULL;
	struct text text;

	if (!part)
		return false;
	text_begin(&text, line, SHOW_LINE);
	text_add(&text, "+%s - - %zu", obj->kind->part_name,
		 pyalloc_usable_size(part));
	add_place(&text, part);
	text_add(&text, " - -");
	text_end(&text);
	return true;
}
