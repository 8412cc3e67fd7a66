// SPDX-License-Identifier: GPL-2.0
/*
 * Names: what is made by a command is kept under one.  They are a dict, as
 * they are in Python, whose keys are strs; a look-up makes one and drops it.
 *
 * Contexts: process, with the mutex of debugfs.c.
 */
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/string.h>

#include "dict.h"
#include "names.h"
#include "sequence.h"

static struct object *names;

/**
 * names_create() - begin without any
 *
 * Return: 0 or -ENOMEM.
 */
int names_create(void)
{
	names = dict_new(NULL, 0);
	return names ? 0 : -ENOMEM;
}

/**
 * names_destroy() - forget all
 */
void names_destroy(void)
{
	object_put(names);
	names = NULL;
}

static bool is_word(const char *name, size_t n, const char *word)
{
	return n == strlen(word) && !memcmp(name, word, n);
}

/**
 * name_is_valid() - can it be a name?
 * @name: its characters
 * @n: how many
 *
 * Return: true of letters, digits and _, of which the first is no digit; not
 * of words that mean something.
 */
bool name_is_valid(const char *name, size_t n)
{
	size_t i;

	if (!n || n > NAME_MAX_LENGTH || isdigit(name[0]))
		return false;
	for (i = 0; i < n; i++)
		if (!isascii(name[i]) || (!isalnum(name[i]) && name[i] != '_'))
			return false;
	return !is_word(name, n, "None") && !is_word(name, n, "lambda") &&
	       !is_word(name, n, "ModuleType");
}

/**
 * names_get() - the object that a name means
 * @name: its characters
 * @n: how many
 *
 * Return: a new reference, or NULL: it means none, or there is no memory.
 */
struct object *names_get(const char *name, size_t n)
{
	struct object *key = str_new(name, n), *obj;

	if (!key)
		return NULL;
	obj = dict_get(names, key);
	object_put(key);
	return obj ? object_get(obj) : NULL;
}

/**
 * names_set() - let a name mean an object
 * @name: one that name_is_valid()
 * @obj: the object, to which it gets a reference
 *
 * Return: 0, -ENOMEM, or -ENOSPC: there are too many names.
 */
int names_set(const char *name, struct object *obj)
{
	struct object *key = str_new(name, strlen(name));
	int error;

	if (!key)
		return -ENOMEM;
	if (dict_length(names) >= NAMES_MAX && !dict_get(names, key))
		error = -ENOSPC;
	else
		error = dict_set(names, key, obj);
	object_put(key);
	return error;
}

/**
 * names_delete() - forget a name
 * @name: the name
 *
 * Return: 0, -ENOMEM, or -ENOENT: it means nothing.
 */
int names_delete(const char *name)
{
	struct object *key = str_new(name, strlen(name));
	int error;

	if (!key)
		return -ENOMEM;
	error = dict_delete(names, key);
	object_put(key);
	return error;
}

/**
 * names_next() - the next name
 * @at: where to look; 0 at first; moved on
 * @name: the name
 * @obj: what it means, without a new reference
 *
 * Return: false if there are no more.
 */
bool names_next(size_t *at, const char **name, struct object **obj)
{
	struct object *key;

	if (!dict_next(names, at, &key, obj))
		return false;
	*name = str_text(key);
	return true;
}
