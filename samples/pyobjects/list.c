// SPDX-License-Identifier: GPL-2.0
/*
 * Lists: the items are in a block of their own, which grows as CPython 3.11's
 * do: by an eighth and a little, so that appending costs the same on average
 * whatever the length.
 *
 * Contexts: process, with the mutex of debugfs.c.
 */
#include <linux/errno.h>

#include "sequence.h"

struct list_object {
	struct object	base;
	size_t		length;
	struct object	**items;
	size_t		allocated;	/* items that there is room for */
};

static struct list_object *list_of(const struct object *obj)
{
	return (struct list_object *)obj;
}

/* What there shall be room for when a list of so many items has outgrown it. */
static size_t room_for(size_t n)
{
	return (n + (n >> 3) + 6) & ~3UL;
}

static int give_room(struct list_object *list, size_t allocated)
{
	struct object **items;

	items = pyheap_realloc(objects_heap, list->items,
			       array_size(allocated, sizeof(*items)),
			       GFP_KERNEL);
	if (!items)
		return -ENOMEM;
	list->items = items;
	list->allocated = allocated;
	return 0;
}

/**
 * list_new() - a list
 * @items: what is in it, to which it gets references
 * @n: how many
 * @are_constant: they are written as such, all of them
 *
 * CPython makes a list of three constants and more out of a tuple, for an even
 * number of items; all others for as many as there are.
 *
 * Return: a new reference, or NULL.
 */
struct object *list_new(struct object **items, size_t n, bool are_constant)
{
	struct list_object *list = object_new(&list_kind, 0);

	if (!list)
		return NULL;
	if (n && give_room(list, are_constant && n > 2 ? n + n % 2 : n)) {
		object_put(&list->base);
		return NULL;
	}
	for (; list->length < n; list->length++)
		list->items[list->length] = object_get(items[list->length]);
	return &list->base;
}

/**
 * list_append() - put an item at a list's end
 * @obj: the list
 * @item: the item, to which it gets a reference
 *
 * Return: 0 or -ENOMEM.
 */
int list_append(struct object *obj, struct object *item)
{
	struct list_object *list = list_of(obj);

	if (list->length == list->allocated &&
	    give_room(list, room_for(list->length + 1)))
		return -ENOMEM;
	list->items[list->length++] = object_get(item);
	return 0;
}

/**
 * list_length() - how many items a list has
 * @obj: the list
 *
 * Return: that.
 */
size_t list_length(const struct object *obj)
{
	return list_of(obj)->length;
}

/**
 * list_item() - an item of a list
 * @obj: the list
 * @index: which one, less than its length
 *
 * Return: the item; the reference is the list's.
 */
struct object *list_item(const struct object *obj, size_t index)
{
	return list_of(obj)->items[index];
}

/**
 * list_set() - put an item in another's place
 * @obj: the list
 * @index: which one
 * @item: the item, to which it gets a reference
 *
 * Return: 0, or -ERANGE: there is none.
 */
int list_set(struct object *obj, size_t index, struct object *item)
{
	struct list_object *list = list_of(obj);
	struct object *old;

	if (index >= list->length)
		return -ERANGE;
	old = list->items[index];
	list->items[index] = object_get(item);
	object_put(old);
	return 0;
}

static size_t list_bytes(const struct object *obj)
{
	return list_kind.attr.size +
	       list_of(obj)->allocated * sizeof(struct object *);
}

static const void *list_part(const struct object *obj)
{
	return list_of(obj)->items;
}

/* Items that go must not find themselves in it. */
static void list_clear(struct object *obj)
{
	struct list_object *list = list_of(obj);
	struct object **items = list->items;
	size_t n = list->length;

	list->items = NULL;
	list->length = 0;
	list->allocated = 0;
	while (n)
		object_put(items[--n]);
	pyheap_free(objects_heap, items);
}

static void list_visit(struct object *obj, visit_fn fn, void *context)
{
	struct list_object *list = list_of(obj);
	size_t i;

	for (i = 0; i < list->length; i++)
		fn(list->items[i], context);
}

static void list_write(struct text *text, const struct object *obj)
{
	struct list_object *list = list_of(obj);
	size_t i;

	text_add(text, "[");
	for (i = 0; i < list->length && !text->is_cut; i++) {
		text_add(text, "%s", i ? ", " : "");
		object_write(text, list->items[i]);
	}
	text_add(text, "]");
}

struct kind list_kind = {
	.attr = {
		.name		= "list",
		.size		= sizeof(struct gc_head) +
				  sizeof(struct list_object),
		.max_free	= 80,
	},
	.has_gc		= true,
	.bytes		= list_bytes,
	.part		= list_part,
	.part_name	= "items",
	.clear		= list_clear,
	.visit		= list_visit,
	.write		= list_write,
};
