// SPDX-License-Identifier: GPL-2.0
/*
 * Objects: reference counts, and the table of kinds.
 *
 * Each kind is a type of pyalloc's with the free lists that CPython 3.11 has
 * for it: 100 floats, 2000 tuples of each length up to 20, 80 lists, 80 dicts,
 * and 80 tables of dicts (see dict.c), here on each CPU.
 *
 * An object that nobody refers to any more goes, and what it held with it.
 * That is done in a loop, not by recursion: a list in a list in a list may be
 * deeper than the kernel's stack.
 *
 * Contexts: process, with the mutex of debugfs.c.
 */
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "dict.h"
#include "gc.h"
#include "number.h"
#include "object.h"
#include "sequence.h"

struct pyheap *objects_heap;

const char *const origin_names[] = {
	[FROM_UNKNOWN]		= "-",
	[FROM_CACHE]		= "cache",
	[FROM_FREE_LIST]	= "free-list",
	[FROM_HEAP]		= "heap",
	[FROM_RAW]		= "raw",
};

/* === None === */

static size_t none_bytes(const struct object *obj)
{
	return sizeof(*obj);
}

static void none_write(struct text *text, const struct object *obj)
{
	text_add(text, "None");
}

struct kind none_kind = {
	.attr = {
		.name	= "none",
		.size	= sizeof(struct object),
	},
	.bytes	= none_bytes,
	.write	= none_write,
};

struct object none = { .refs = 1, .kind = &none_kind };

/* === The table === */

struct kind *const kinds[NR_KINDS] = {
	&none_kind, &int_kind, &float_kind, &str_kind, &bytes_kind,
	&tuple_kind, &list_kind, &dict_kind, &function_kind, &module_kind,
};

static int create(struct kind *kind)
{
	struct pytype *type;

	kind->attr.heap = objects_heap;
	kind->kept = kcalloc(max(kind->attr.max_free, 1U),
			     sizeof(*kind->kept), GFP_KERNEL);
	if (!kind->kept)
		return -ENOMEM;
	type = pytype_create(&kind->attr);
	if (IS_ERR(type))
		return PTR_ERR(type);
	kind->type = type;
	return 0;
}

/**
 * kinds_create() - make a type of each kind
 *
 * Return: 0 or an error; then some are made.
 */
int kinds_create(void)
{
	unsigned int i;
	int error = 0;

	for (i = 0; !error && i < NR_KINDS; i++)
		/* None is not on the heap. */
		if (kinds[i] != &none_kind)
			error = create(kinds[i]);
	return error;
}

/**
 * kinds_destroy() - destroy what kinds_create() made
 *
 * Return: how many objects were still live.
 */
size_t kinds_destroy(void)
{
	size_t live = 0;
	unsigned int i;

	for (i = 0; i < NR_KINDS; i++) {
		if (kinds[i]->type)
			live += pytype_destroy(kinds[i]->type);
		kinds[i]->type = NULL;
		kfree(kinds[i]->kept);
		kinds[i]->kept = NULL;
	}
	return live;
}

/**
 * objects_live() - how many objects there are, without those that are cached
 *
 * Return: that.
 */
size_t objects_live(void)
{
	size_t live = 0;
	unsigned int i;

	for (i = 0; i < NR_KINDS; i++)
		live += kinds[i]->live;
	return live;
}

/*
 * === Where a block came from ===
 *
 * pyalloc does not say whether an object came from a free list, so this is
 * worked out: by which blocks were dropped since the lists were last empty,
 * as many as one list keeps.  It is wrong where a CPU has another's
 * blocks, and where lists were emptied by others.
 */

static bool has_free_lists(const struct kind *kind, size_t items)
{
	return kind->attr.max_free && items <= kind->attr.max_items;
}

/*
 * Was it the block of one that was dropped and is kept?  Then it is not kept
 * any more.  The last one that was dropped comes first.
 */
static bool was_kept(struct kind *kind, const void *block)
{
	unsigned int i;

	for (i = kind->nr_kept; i--;)
		if (kind->kept[i] == block) {
			kind->kept[i] = kind->kept[--kind->nr_kept];
			return true;
		}
	return false;
}

static enum origin find_origin(struct kind *kind, const void *block,
			       size_t items)
{
	struct pyalloc_place place;

	if (was_kept(kind, block) && has_free_lists(kind, items))
		return FROM_FREE_LIST;
	return pyalloc_describe(block, &place) ? FROM_RAW : FROM_HEAP;
}

static void note_freed(struct kind *kind, const void *block)
{
	if (kind->nr_kept < kind->attr.max_free)
		kind->kept[kind->nr_kept++] = block;
}

/**
 * kinds_forget_kept() - the free lists are empty
 */
void kinds_forget_kept(void)
{
	unsigned int i;

	for (i = 0; i < NR_KINDS; i++)
		kinds[i]->nr_kept = 0;
}

/**
 * object_origin() - where the newest object of its kind came from
 * @obj: an object that was just made
 *
 * Return: where from; FROM_UNKNOWN if others of its kind were made since.
 */
enum origin object_origin(const struct object *obj)
{
	return obj->kind->newest == obj ? obj->kind->newest_origin :
					  FROM_UNKNOWN;
}

/**
 * object_pretend_made() - an object that is there already serves as a new one
 * @kind: its kind
 * @obj: the object
 */
void object_pretend_made(struct kind *kind, const struct object *obj)
{
	kind->newest = obj;
	kind->newest_origin = FROM_CACHE;
}

/* === Making and dropping === */

static void *alloc_block(struct kind *kind, size_t items)
{
	return kind->attr.itemsize ?
	       pytype_alloc_var(kind->type, items, GFP_KERNEL) :
	       pytype_alloc(kind->type, GFP_KERNEL);
}

/**
 * object_new() - make an object
 * @kind: of which kind
 * @items: with how many items, of a kind that has some
 *
 * Return: the object, all zeros behind its reference count of 1 and its kind,
 * or NULL: no memory.
 */
void *object_new(struct kind *kind, size_t items)
{
	size_t head = kind->has_gc ? sizeof(struct gc_head) : 0;
	void *block = alloc_block(kind, items);
	struct object *obj = block + head;

	if (!block)
		return NULL;
	kind->newest = obj;
	kind->newest_origin = find_origin(kind, block, items);
	kind->live++;
	kind->made++;
	memset(obj, 0, kind->attr.size - head + items * kind->attr.itemsize);
	obj->refs = 1;
	obj->kind = kind;
	if (kind->has_gc)
		gc_track(obj);
	return obj;
}

/* It and what it holds has nobody any more. */
static void destroy(struct object *obj)
{
	struct kind *kind = obj->kind;
	void *block = (void *)object_block(obj);

	if (kind->clear)
		kind->clear(obj);
	if (kind->has_gc)
		gc_untrack(obj);
	if (kind->newest == obj)
		kind->newest = NULL;
	kind->live--;
	note_freed(kind, block);
	pytype_free(kind->type, block);
}

/* Those that are to go, linked through their reference counts. */
static struct object *doomed;
static bool is_destroying;

static void destroy_doomed(void)
{
	struct object *obj;

	is_destroying = true;
	while (doomed) {
		obj = doomed;
		doomed = (struct object *)obj->refs;
		destroy(obj);
	}
	is_destroying = false;
}

/**
 * object_put() - drop a reference
 * @obj: the object, or NULL
 *
 * The last one takes the object away, and all that it alone held.
 */
void object_put(struct object *obj)
{
	if (!obj || --obj->refs)
		return;
	obj->refs = (long)doomed;
	doomed = obj;
	if (!is_destroying)
		destroy_doomed();
}

/* === What can be asked of every object === */

/**
 * object_block() - the block that an object is in
 * @obj: the object, which is neither None nor cached
 *
 * Return: the block.
 */
const void *object_block(const struct object *obj)
{
	return obj->kind->has_gc ? gc_head_of(obj) : (const void *)obj;
}

/**
 * object_bytes() - what sys.getsizeof() says of it
 * @obj: the object
 *
 * Return: bytes, without those of the objects that it refers to.
 */
size_t object_bytes(const struct object *obj)
{
	return obj->kind->bytes(obj);
}

/**
 * object_usable() - what it takes in truth
 * @obj: the object
 *
 * Return: the bytes of its blocks; 0 if it has none of its own.
 */
size_t object_usable(const struct object *obj)
{
	const void *part = obj->kind->part ? obj->kind->part(obj) : NULL;

	if (obj == &none || int_is_cached(obj))
		return 0;
	return pyalloc_usable_size(object_block(obj)) +
	       pyalloc_usable_size(part);
}

/**
 * object_write() - write it as repr() does
 * @text: where to
 * @obj: the object
 */
void object_write(struct text *text, const struct object *obj)
{
	if (obj->kind->has_gc && text->depth == TEXT_MAX_DEPTH) {
		text_add(text, "...");
		return;
	}
	text->depth++;
	obj->kind->write(text, obj);
	text->depth--;
}

/**
 * object_is_key() - can it be a dict's key here?
 * @obj: the object
 *
 * CPython hashes more: whatever does not change.
 *
 * Return: true for an int, a float, a str and bytes.
 */
bool object_is_key(const struct object *obj)
{
	return obj->kind == &int_kind || obj->kind == &float_kind ||
	       obj->kind == &str_kind || obj->kind == &bytes_kind;
}

/**
 * object_hash() - a number that equal keys share
 * @obj: one that object_is_key()
 *
 * Return: the number.
 */
u64 object_hash(const struct object *obj)
{
	if (obj->kind == &int_kind)
		return int_hash(obj);
	if (obj->kind == &float_kind)
		return float_hash(obj);
	return str_hash((struct object *)obj);
}

/**
 * object_equals() - are two keys the same?
 * @a: one that object_is_key()
 * @b: another
 *
 * Those of different kinds never are; in Python 1 equals 1.0.
 *
 * Return: true if so.
 */
bool object_equals(const struct object *a, const struct object *b)
{
	if (a == b)
		return true;
	if (a->kind != b->kind)
		return false;
	if (a->kind == &int_kind)
		return int_equals(a, b);
	if (a->kind == &float_kind)
		return float_hash(a) == float_hash(b);
	return str_equals(a, b);
}
