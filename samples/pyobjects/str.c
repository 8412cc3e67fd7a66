// SPDX-License-Identifier: GPL-2.0
/*
 * Strs, of ASCII alone, and bytes: their characters stand behind their
 * headers, in the same block, with a NUL at the end.
 *
 * The empty ones are made once and stay.
 *
 * Contexts: process, with the mutex of debugfs.c.
 */
#include <linux/errno.h>
#include <linux/jhash.h>
#include <linux/string.h>

#include "sequence.h"

/*
 * The header that CPython 3.11 gives a str of ASCII: 48 bytes.  Nothing is
 * ever put into @wide, where it has a pointer to the text in wide characters;
 * 3.12 left that out, and says 52 of "hello world".
 */
struct str_object {
	struct object	base;
	size_t		length;
	u64		hash;		/* 0: not yet known */
	u32		flags;
	void		*wide;
	char		text[];
};

struct bytes_object {
	struct object	base;
	size_t		length;
	u64		hash;
	char		text[];
};

static struct object *empty_str, *empty_bytes;

static struct str_object *str_of(const struct object *obj)
{
	return (struct str_object *)obj;
}

static struct bytes_object *bytes_of(const struct object *obj)
{
	return (struct bytes_object *)obj;
}

static struct object *get_empty(struct object *obj)
{
	object_pretend_made(obj->kind, obj);
	return object_get(obj);
}

static struct object *make_str(const char *text, size_t n)
{
	struct str_object *str = object_new(&str_kind, n);

	if (!str)
		return NULL;
	str->length = n;
	memcpy(str->text, text, n);
	return &str->base;
}

static struct object *make_bytes(const char *text, size_t n)
{
	struct bytes_object *bytes = object_new(&bytes_kind, n);

	if (!bytes)
		return NULL;
	bytes->length = n;
	memcpy(bytes->text, text, n);
	return &bytes->base;
}

/**
 * str_new() - a str
 * @text: its characters
 * @n: how many
 *
 * Return: a new reference, or NULL.
 */
struct object *str_new(const char *text, size_t n)
{
	return n ? make_str(text, n) : get_empty(empty_str);
}

/**
 * bytes_new() - bytes
 * @text: what they are
 * @n: how many
 *
 * Return: a new reference, or NULL.
 */
struct object *bytes_new(const char *text, size_t n)
{
	return n ? make_bytes(text, n) : get_empty(empty_bytes);
}

/**
 * str_create() - make the empty ones
 *
 * Return: 0 or -ENOMEM.
 */
int str_create(void)
{
	empty_str = make_str("", 0);
	empty_bytes = make_bytes("", 0);
	return empty_str && empty_bytes ? 0 : -ENOMEM;
}

/**
 * str_destroy() - drop what str_create() made
 */
void str_destroy(void)
{
	object_put(empty_str);
	object_put(empty_bytes);
	empty_str = NULL;
	empty_bytes = NULL;
}

/**
 * str_text() - the characters of a str
 * @obj: the str
 *
 * Return: them, with a NUL behind.
 */
const char *str_text(const struct object *obj)
{
	return str_of(obj)->text;
}

/* Never 0, so that it is known to be known. */
static u64 hash_text(const char *text, size_t n, u64 *hash)
{
	if (!*hash)
		*hash = BIT_ULL(32) | jhash(text, n, 0);
	return *hash;
}

/**
 * str_hash() - a number that equal strs, and bytes, share
 * @obj: a str or bytes, which keeps it
 *
 * Return: the number.
 */
u64 str_hash(struct object *obj)
{
	struct bytes_object *bytes = bytes_of(obj);
	struct str_object *str = str_of(obj);

	if (obj->kind == &str_kind)
		return hash_text(str->text, str->length, &str->hash);
	return hash_text(bytes->text, bytes->length, &bytes->hash);
}

/**
 * str_equals() - are two strs, or two bytes, the same?
 * @a: one
 * @b: another of its kind
 *
 * Return: true if so.
 */
bool str_equals(const struct object *a, const struct object *b)
{
	size_t n = str_of(a)->length;

	/* It is at the same place in both. */
	if (n != str_of(b)->length)
		return false;
	if (a->kind == &str_kind)
		return !memcmp(str_of(a)->text, str_of(b)->text, n);
	return !memcmp(bytes_of(a)->text, bytes_of(b)->text, n);
}

static size_t str_bytes(const struct object *obj)
{
	return str_kind.attr.size + str_of(obj)->length;
}

static size_t bytes_bytes(const struct object *obj)
{
	return bytes_kind.attr.size + bytes_of(obj)->length;
}

static void str_write(struct text *text, const struct object *obj)
{
	text_add(text, "'%s'", str_of(obj)->text);
}

static void bytes_write(struct text *text, const struct object *obj)
{
	text_add(text, "b'%s'", bytes_of(obj)->text);
}

/* Their sizes are with the NUL. */
struct kind str_kind = {
	.attr = {
		.name		= "str",
		.size		= offsetof(struct str_object, text) + 1,
		.itemsize	= 1,
	},
	.bytes	= str_bytes,
	.write	= str_write,
};

struct kind bytes_kind = {
	.attr = {
		.name		= "bytes",
		.size		= offsetof(struct bytes_object, text) + 1,
		.itemsize	= 1,
	},
	.bytes	= bytes_bytes,
	.write	= bytes_write,
};
