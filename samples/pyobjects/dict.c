// SPDX-License-Identifier: GPL-2.0
/*
 * Dicts: a header, and a table in a block of its own.
 *
 * A table has a power of two of slots, 8 at least, and room for entries in two
 * thirds of them.  The entries stand in the order in which they came; a slot
 * says which of them it means, in one byte, or in two or four of a large
 * table.  An entry has its key's hash, unless all keys are strs, which know
 * their own: that is why {1: 1} takes more than {'a': 1}.
 *
 * A table of 8 slots for strs is an object of a type of its own, with a free
 * list.  An empty dict has no table.
 *
 * Contexts: process, with the mutex of debugfs.c.
 */
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/string.h>

#include "dict.h"

#define MIN_SHIFT	3

/* Of a slot that no key was ever put in, and of one whose key was deleted. */
#define SLOT_EMPTY	(-1)
#define SLOT_DELETED	(-2)

/*
 * Behind it stand the slots and then the entries.  Two of CPython's fields
 * have no use here: its reference count (tables can be shared) and its
 * version.
 */
struct table {
	long	refs;
	u8	shift;		/* binary logarithm of how many slots it has */
	u8	index_shift;	/* that of their bytes */
	u8	has_strs;	/* all keys are strs, and have their hashes */
	u32	version;
	size_t	usable;		/* entries that there is still room for */
	size_t	used;		/* entries, and those that were deleted */
	s8	slots[];
};

/* The one with the key's hash, and the one without. */
struct entry {
	u64		hash;
	struct object	*key;
	struct object	*value;
};

struct str_entry {
	struct object	*key;
	struct object	*value;
};

/* As CPython's: its version, and what it has in place of a table's values. */
struct dict_object {
	struct object	base;
	size_t		length;
	u64		version;
	struct table	*table;
	void		*values;	/* of an instance's attributes: unused */
};

static struct pytype *table_type;

static struct dict_object *dict_of(const struct object *obj)
{
	return (struct dict_object *)obj;
}

/* === Tables === */

static size_t room_of(unsigned int shift)
{
	return (2UL << shift) / 3;
}

/* An index is signed: a byte serves 128 slots. */
static unsigned int index_shift(unsigned int shift)
{
	return shift < 8 ? 0 : shift < 16 ? 1 : 2;
}

static size_t slots_bytes(unsigned int shift)
{
	return 1UL << (shift + index_shift(shift));
}

static size_t entry_bytes(bool has_strs)
{
	return has_strs ? sizeof(struct str_entry) : sizeof(struct entry);
}

static size_t table_bytes(unsigned int shift, bool has_strs)
{
	return sizeof(struct table) + slots_bytes(shift) +
	       room_of(shift) * entry_bytes(has_strs);
}

static bool has_free_list(unsigned int shift, bool has_strs)
{
	return shift == MIN_SHIFT && has_strs;
}

static struct table *new_table(unsigned int shift, bool has_strs)
{
	size_t bytes = table_bytes(shift, has_strs);
	struct table *table;

	if (has_free_list(shift, has_strs))
		table = pytype_alloc(table_type, GFP_KERNEL);
	else
		table = pyheap_malloc(objects_heap, bytes, GFP_KERNEL);
	if (!table)
		return NULL;
	*table = (struct table) {
		.refs		= 1,
		.shift		= shift,
		.index_shift	= index_shift(shift),
		.has_strs	= has_strs,
		.usable		= room_of(shift),
	};
	memset(table->slots, SLOT_EMPTY, slots_bytes(shift));
	return table;
}

static void free_table(struct table *table)
{
	if (!table)
		return;
	if (has_free_list(table->shift, table->has_strs))
		pytype_free(table_type, table);
	else
		pyheap_free(objects_heap, table);
}

static long get_slot(const struct table *table, size_t slot)
{
	switch (table->index_shift) {
	case 0:
		return table->slots[slot];
	case 1:
		return ((s16 *)table->slots)[slot];
	default:
		return ((s32 *)table->slots)[slot];
	}
}

static void set_slot(struct table *table, size_t slot, long index)
{
	switch (table->index_shift) {
	case 0:
		table->slots[slot] = index;
		break;
	case 1:
		((s16 *)table->slots)[slot] = index;
		break;
	default:
		((s32 *)table->slots)[slot] = index;
	}
}

static void *entry_at(const struct table *table, size_t index)
{
	return (void *)table->slots + slots_bytes(table->shift) +
	       index * entry_bytes(table->has_strs);
}

static struct object **key_at(const struct table *table, size_t index)
{
	void *entry = entry_at(table, index);

	return table->has_strs ? &((struct str_entry *)entry)->key :
				 &((struct entry *)entry)->key;
}

static struct object **value_at(const struct table *table, size_t index)
{
	void *entry = entry_at(table, index);

	return table->has_strs ? &((struct str_entry *)entry)->value :
				 &((struct entry *)entry)->value;
}

static bool is_key_at(const struct table *table, size_t index,
		      const struct object *key, u64 hash)
{
	const struct object *other = *key_at(table, index);

	if (other == key)
		return true;
	if (!table->has_strs &&
	    ((struct entry *)entry_at(table, index))->hash != hash)
		return false;
	return object_equals(other, key);
}

/* The slots that a hash leads to, one after the other, and to all in the end. */
struct probe {
	size_t	slot;
	size_t	mask;
	u64	rest;
};

static struct probe begin_probe(const struct table *table, u64 hash)
{
	size_t mask = (1UL << table->shift) - 1;

	return (struct probe) { hash & mask, mask, hash };
}

static void probe_on(struct probe *probe)
{
	probe->rest >>= 5;
	probe->slot = (5 * probe->slot + probe->rest + 1) & probe->mask;
}

/* The slot that has a key, or -1; and the entry that it means. */
static long find(const struct table *table, const struct object *key,
		 long *index)
{
	u64 hash = object_hash(key);
	struct probe probe;

	if (!table)
		return -1;
	for (probe = begin_probe(table, hash); ; probe_on(&probe)) {
		*index = get_slot(table, probe.slot);
		if (*index == SLOT_EMPTY)
			return -1;
		if (*index >= 0 && is_key_at(table, *index, key, hash))
			return probe.slot;
	}
}

/* There is room, and the key is not there yet.  It takes the references. */
static void add_entry(struct table *table, struct object *key,
		      struct object *value)
{
	u64 hash = object_hash(key);
	struct probe probe = begin_probe(table, hash);

	while (get_slot(table, probe.slot) >= 0)
		probe_on(&probe);
	set_slot(table, probe.slot, table->used);
	if (!table->has_strs)
		((struct entry *)entry_at(table, table->used))->hash = hash;
	*key_at(table, table->used) = key;
	*value_at(table, table->used) = value;
	table->used++;
	table->usable--;
}

/* Into a larger one, or one for other keys, without what was deleted. */
static int move_to_table(struct dict_object *dict, unsigned int shift,
			 bool has_strs)
{
	struct table *old = dict->table, *new = new_table(shift, has_strs);
	size_t i;

	if (!new)
		return -ENOMEM;
	for (i = 0; old && i < old->used; i++)
		if (*key_at(old, i))
			add_entry(new, *key_at(old, i), *value_at(old, i));
	dict->table = new;
	free_table(old);
	return 0;
}

static unsigned int shift_for(size_t slots)
{
	return max_t(unsigned int, order_base_2(slots), MIN_SHIFT);
}

/* A full one makes room for three times as many slots as it has keys. */
static int make_room(struct dict_object *dict, const struct object *key)
{
	struct table *table = dict->table;
	bool has_strs = (!table || table->has_strs) && key->kind == &str_kind;

	if (table && table->usable && table->has_strs == has_strs)
		return 0;
	return move_to_table(dict, shift_for(3 * dict->length), has_strs);
}

/* === Dicts === */

/* The table that a dict of these pairs begins with. */
static int begin_table(struct dict_object *dict, struct object **pairs,
		       size_t n)
{
	bool has_strs = true;
	size_t i;

	for (i = 0; i < n; i++)
		has_strs = has_strs && pairs[2 * i]->kind == &str_kind;
	if (!n)
		return 0;
	return move_to_table(dict, shift_for((3 * n + 1) / 2), has_strs);
}

/**
 * dict_new() - a dict
 * @pairs: its keys, each of which object_is_key(), with a value behind each
 * @n: how many pairs
 *
 * Of two keys that are the same the later one's value counts.
 *
 * Return: a new reference, or NULL.
 */
struct object *dict_new(struct object **pairs, size_t n)
{
	struct dict_object *dict = object_new(&dict_kind, 0);
	int error;
	size_t i;

	if (!dict)
		return NULL;
	error = begin_table(dict, pairs, n);
	for (i = 0; !error && i < n; i++)
		error = dict_set(&dict->base, pairs[2 * i],
				 pairs[2 * i + 1]);
	if (!error)
		return &dict->base;
	object_put(&dict->base);
	return NULL;
}

/**
 * dict_get() - a key's value
 * @obj: the dict
 * @key: one that object_is_key()
 *
 * Return: the value, the reference to which is the dict's, or NULL.
 */
struct object *dict_get(const struct object *obj, const struct object *key)
{
	struct table *table = dict_of(obj)->table;
	long index;

	return find(table, key, &index) < 0 ? NULL : *value_at(table, index);
}

/**
 * dict_set() - give a key a value
 * @obj: the dict
 * @key: one that object_is_key()
 * @value: the value; the dict gets references to both
 *
 * Return: 0 or -ENOMEM.
 */
int dict_set(struct object *obj, struct object *key, struct object *value)
{
	struct dict_object *dict = dict_of(obj);
	struct object **at, *old;
	long index;

	if (find(dict->table, key, &index) >= 0) {
		at = value_at(dict->table, index);
		old = *at;
		*at = object_get(value);
		object_put(old);
	} else {
		if (make_room(dict, key))
			return -ENOMEM;
		add_entry(dict->table, object_get(key), object_get(value));
		dict->length++;
	}
	dict->version++;
	return 0;
}

/**
 * dict_delete() - take a key out
 * @obj: the dict
 * @key: one that object_is_key()
 *
 * The table stays as large as it is.
 *
 * Return: 0, or -ENOENT: it is not there.
 */
int dict_delete(struct object *obj, const struct object *key)
{
	struct dict_object *dict = dict_of(obj);
	struct object *old_key, *old_value;
	long index, slot = find(dict->table, key, &index);

	if (slot < 0)
		return -ENOENT;
	old_key = *key_at(dict->table, index);
	old_value = *value_at(dict->table, index);
	set_slot(dict->table, slot, SLOT_DELETED);
	*key_at(dict->table, index) = NULL;
	*value_at(dict->table, index) = NULL;
	dict->length--;
	dict->version++;
	object_put(old_key);
	object_put(old_value);
	return 0;
}

/**
 * dict_length() - how many keys a dict has
 * @obj: the dict
 *
 * Return: that.
 */
size_t dict_length(const struct object *obj)
{
	return dict_of(obj)->length;
}

/**
 * dict_next() - the next key, in the order in which they came
 * @obj: the dict
 * @at: where to look; 0 at first; moved on
 * @key: the key, the reference to which is the dict's
 * @value: its value, likewise
 *
 * Return: false if there are no more.
 */
bool dict_next(const struct object *obj, size_t *at, struct object **key,
	       struct object **value)
{
	struct table *table = dict_of(obj)->table;

	for (; table && *at < table->used; ++*at) {
		*key = *key_at(table, *at);
		*value = *value_at(table, *at);
		if (*key) {
			++*at;
			return true;
		}
	}
	return false;
}

static size_t dict_bytes(const struct object *obj)
{
	struct table *table = dict_of(obj)->table;

	return dict_kind.attr.size +
	       (table ? table_bytes(table->shift, table->has_strs) : 0);
}

static const void *dict_part(const struct object *obj)
{
	return dict_of(obj)->table;
}

static void dict_clear(struct object *obj)
{
	struct dict_object *dict = dict_of(obj);
	struct table *table = dict->table;
	size_t i;

	dict->table = NULL;
	dict->length = 0;
	for (i = 0; table && i < table->used; i++) {
		object_put(*key_at(table, i));
		object_put(*value_at(table, i));
	}
	free_table(table);
}

static void dict_visit(struct object *obj, visit_fn fn, void *context)
{
	struct object *key, *value;
	size_t at = 0;

	while (dict_next(obj, &at, &key, &value)) {
		fn(key, context);
		fn(value, context);
	}
}

static void dict_write(struct text *text, const struct object *obj)
{
	struct object *key, *value;
	size_t at = 0;

	text_add(text, "{");
	while (!text->is_cut) {
		size_t before = at;

		if (!dict_next(obj, &at, &key, &value))
			break;
		text_add(text, "%s", before ? ", " : "");
		object_write(text, key);
		text_add(text, ": ");
		object_write(text, value);
	}
	text_add(text, "}");
}

struct kind dict_kind = {
	.attr = {
		.name		= "dict",
		.size		= sizeof(struct gc_head) +
				  sizeof(struct dict_object),
		.max_free	= 80,
	},
	.has_gc		= true,
	.bytes		= dict_bytes,
	.part		= dict_part,
	.part_name	= "table",
	.clear		= dict_clear,
	.visit		= dict_visit,
	.write		= dict_write,
};

/**
 * dict_create() - make the tables' type
 *
 * Return: 0 or an error.
 */
int dict_create(void)
{
	struct pytype *type = pytype_create(&(struct pytype_attr) {
		.name		= "dict_table",
		.size		= table_bytes(MIN_SHIFT, true),
		.max_free	= 80,
		.heap		= objects_heap,
	});

	if (IS_ERR(type))
		return PTR_ERR(type);
	table_type = type;
	return 0;
}

/**
 * dict_destroy() - destroy it
 *
 * Return: how many tables were still live.
 */
size_t dict_destroy(void)
{
	size_t live = table_type ? pytype_destroy(table_type) : 0;

	table_type = NULL;
	return live;
}
