// SPDX-License-Identifier: GPL-2.0
/*
 * Tuples: their items stand behind their headers, in the same block.
 *
 * There are free lists for each length up to 20, as in CPython.  The empty
 * one is made once and stays.
 *
 * Contexts: process, with the mutex of debugfs.c.
 */
#include <linux/errno.h>

#include "sequence.h"

struct tuple_object {
	struct object	base;
	size_t		length;
	struct object	*items[];
};

static struct object *empty_tuple;

static struct tuple_object *tuple_of(const struct object *obj)
{
	return (struct tuple_object *)obj;
}

static struct object *make_tuple(struct object **items, size_t n)
{
	struct tuple_object *tuple = object_new(&tuple_kind, n);

	if (!tuple)
		return NULL;
	for (; tuple->length < n; tuple->length++)
		tuple->items[tuple->length] =
			object_get(items[tuple->length]);
	return &tuple->base;
}

/**
 * tuple_new() - a tuple
 * @items: what is in it, to which it gets references
 * @n: how many
 *
 * Return: a new reference, or NULL.
 */
struct object *tuple_new(struct object **items, size_t n)
{
	if (n)
		return make_tuple(items, n);
	object_pretend_made(&tuple_kind, empty_tuple);
	return object_get(empty_tuple);
}

/**
 * tuple_create() - make the empty one
 *
 * Return: 0 or -ENOMEM.
 */
int tuple_create(void)
{
	empty_tuple = make_tuple(NULL, 0);
	return empty_tuple ? 0 : -ENOMEM;
}

/**
 * tuple_destroy() - drop what tuple_create() made
 */
void tuple_destroy(void)
{
	object_put(empty_tuple);
	empty_tuple = NULL;
}

static size_t tuple_bytes(const struct object *obj)
{
	return tuple_kind.attr.size +
	       tuple_of(obj)->length * sizeof(struct object *);
}

/*
 * Its length stays, since its block has room for so many; only the collector
 * and the end come twice.
 */
static void tuple_clear(struct object *obj)
{
	struct tuple_object *tuple = tuple_of(obj);
	struct object *item;
	size_t i;

	for (i = 0; i < tuple->length; i++) {
		item = tuple->items[i];
		tuple->items[i] = NULL;
		object_put(item);
	}
}

static void tuple_visit(struct object *obj, visit_fn fn, void *context)
{
	struct tuple_object *tuple = tuple_of(obj);
	size_t i;

	for (i = 0; i < tuple->length; i++)
		if (tuple->items[i])
			fn(tuple->items[i], context);
}

static void tuple_write(struct text *text, const struct object *obj)
{
	struct tuple_object *tuple = tuple_of(obj);
	size_t i;

	text_add(text, "(");
	for (i = 0; i < tuple->length && !text->is_cut; i++) {
		text_add(text, "%s", i ? ", " : "");
		object_write(text, tuple->items[i]);
	}
	text_add(text, tuple->length == 1 ? ",)" : ")");
}

struct kind tuple_kind = {
	.attr = {
		.name		= "tuple",
		.size		= sizeof(struct gc_head) +
				  sizeof(struct tuple_object),
		.itemsize	= sizeof(struct object *),
		.max_items	= 20,
		.max_free	= 2000,
	},
	.has_gc	= true,
	.bytes	= tuple_bytes,
	.clear	= tuple_clear,
	.visit	= tuple_visit,
	.write	= tuple_write,
};
