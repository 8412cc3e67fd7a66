/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all objects have in common: a reference count and a kind, and before
 * those that hold others a header for the collector.
 *
 * All of it is for who holds the one mutex of debugfs.c.
 */
#ifndef PYOBJECTS_OBJECT_H
#define PYOBJECTS_OBJECT_H

#include <linux/pyalloc.h>
#include <linux/types.h>

#include "text.h"

struct kind;

/**
 * struct object - what every object begins with
 * @refs: references to it; it goes when there are none
 * @kind: what it is
 */
struct object {
	long		refs;
	struct kind	*kind;
};

/**
 * struct gc_head - stands before each object that may hold others
 * @next: the next such object's
 * @prev: the one's before; while the collector runs, what it counts
 *
 * Two words, as in CPython, which counts them in sys.getsizeof().
 */
struct gc_head {
	struct gc_head	*next;
	uintptr_t	prev;
};

/* Where an object's block came from. */
enum origin {
	FROM_UNKNOWN,		/* it was there before others of its kind */
	FROM_CACHE,		/* there is one of it, and it stays */
	FROM_FREE_LIST,		/* the block of an object that was dropped */
	FROM_HEAP,
	FROM_RAW,		/* larger than the heap's blocks are */
};

extern const char *const origin_names[];

/* Who is told of each object that another one holds. */
typedef void (*visit_fn)(struct object *obj, void *context);

/**
 * struct kind - what objects of a kind are like
 * @attr: what pyalloc is told; its size is the object's without its items, and
 *	with its gc_head
 * @has_gc: a gc_head stands before each
 * @bytes: what sys.getsizeof() says of an object
 * @part: a block that the object has besides its own, or NULL
 * @part_name: what it is
 * @clear: let go of all that the object holds; may come twice.  NULL: it
 *	holds nothing
 * @visit: call a function for each object that it holds
 * @write: as repr() does
 * @type: as pyalloc knows it
 * @live: how many there are
 * @made: how many there were
 * @newest: the last that was made
 * @newest_origin: where its block came from
 * @kept: blocks that should be on its free lists
 * @nr_kept: how many
 */
struct kind {
	struct pytype_attr	attr;
	bool			has_gc;
	size_t			(*bytes)(const struct object *obj);
	const void		*(*part)(const struct object *obj);
	const char		*part_name;
	void			(*clear)(struct object *obj);
	void			(*visit)(struct object *obj, visit_fn fn,
					 void *context);
	void			(*write)(struct text *text,
					 const struct object *obj);
	struct pytype		*type;
	size_t			live;
	size_t			made;
	const void		*newest;
	enum origin		newest_origin;
	const void		**kept;
	unsigned int		nr_kept;
};

#define NR_KINDS	10

extern struct kind *const kinds[NR_KINDS];
extern struct kind none_kind, int_kind, float_kind, str_kind, bytes_kind;
extern struct kind tuple_kind, list_kind, dict_kind, function_kind;
extern struct kind module_kind;

/* The heap that all of it is on. */
extern struct pyheap *objects_heap;

/* There is one None, which is in no block. */
extern struct object none;

int kinds_create(void);
size_t kinds_destroy(void);
void kinds_forget_kept(void);
size_t objects_live(void);

void *object_new(struct kind *kind, size_t items);
void object_put(struct object *obj);
const void *object_block(const struct object *obj);
size_t object_bytes(const struct object *obj);
size_t object_usable(const struct object *obj);
enum origin object_origin(const struct object *obj);
void object_write(struct text *text, const struct object *obj);
void object_pretend_made(struct kind *kind, const struct object *obj);

bool object_is_key(const struct object *obj);
u64 object_hash(const struct object *obj);
bool object_equals(const struct object *a, const struct object *b);

static inline void *object_get(void *obj)
{
	((struct object *)obj)->refs++;
	return obj;
}

#endif /* PYOBJECTS_OBJECT_H */
