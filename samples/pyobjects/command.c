// SPDX-License-Identifier: GPL-2.0
/*
 * Commands, which come by the file command:
 *
 *	make NAME EXPRESSION	makes an object, or takes one, under a name
 *	append NAME EXPRESSION	appends to a list
 *	set NAME KEY VALUE	changes an item of a list, a dict or a module
 *	drop NAME		forgets a name
 *	show [NAME]		puts a row of the file objects in the log, or all
 *	collect			takes away what only refers to itself
 *	churn N			makes and drops N objects
 *
 * What can't be done changes nothing, and the log says why.
 *
 * Contexts: process, with the mutex of debugfs.c.
 */
#define pr_fmt(fmt) "pyobjects: " fmt

#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "churn.h"
#include "command.h"
#include "dict.h"
#include "function.h"
#include "gc.h"
#include "names.h"
#include "number.h"
#include "parse.h"
#include "sequence.h"
#include "show.h"

#define CHURN_MAX	1000000000UL

static int refuse(const char *why)
{
	pr_notice("%s\n", why);
	return -EINVAL;
}

/* Takes the first word, and moves the text on behind it. */
static char *next_word(char **text)
{
	char *word = skip_spaces(*text);

	*text = word + strcspn(word, " \t");
	if (**text)
		*(*text)++ = '\0';
	return word;
}

/* An expression that could not be read. */
static int say_what_is_wrong(struct parser *parser, struct object *error)
{
	if (parser->wrong)
		pr_notice("%s, before '%s'\n", parser->wrong, parser->at);
	return PTR_ERR(error);
}

static int get_named(const char *name, struct object **obj)
{
	*obj = names_get(name, strlen(name));
	return *obj ? 0 : refuse("there is no such name");
}

/* === make === */

static void tell_new(const char *text, struct object *obj)
{
	char line[SHOW_LINE];

	pr_info("# " SHOW_NEW_COLUMNS "\n");
	show_new(line, text, obj, 0);
	pr_info("%s\n", line);
	if (show_part(line, obj))
		pr_info("%s\n", line);
}

static int do_make(char *text)
{
	const char *name = next_word(&text);
	struct parser parser;
	struct object *obj;
	int error;

	if (!name_is_valid(name, strlen(name)))
		return refuse("that can't be a name");
	parse_begin(&parser, text);
	obj = parse_only(&parser);
	if (IS_ERR(obj))
		return say_what_is_wrong(&parser, obj);
	/* The name's own str would be newer than a str. */
	tell_new(text, obj);
	error = names_set(name, obj);
	if (error == -ENOSPC)
		pr_notice("there are too many names\n");
	object_put(obj);
	return error;
}

/* === append, set === */

static int append(struct object *list, char *text)
{
	struct parser parser;
	struct object *item;
	int error;

	if (list->kind != &list_kind)
		return refuse("only a list can be appended to");
	parse_begin(&parser, text);
	item = parse_only(&parser);
	if (IS_ERR(item))
		return say_what_is_wrong(&parser, item);
	error = list_append(list, item);
	object_put(item);
	return error;
}

static int do_append(char *text)
{
	const char *name = next_word(&text);
	struct object *list;
	int error = get_named(name, &list);

	if (error)
		return error;
	error = append(list, text);
	object_put(list);
	return error;
}

static int set_list(struct object *list, struct object *key,
		    struct object *value)
{
	long index;

	if (key->kind != &int_kind || !int_to_long(key, &index) || index < 0 ||
	    list_set(list, index, value))
		return refuse("the list has no such item");
	return 0;
}

static int set_item(struct object *obj, struct object *key,
		    struct object *value)
{
	if (obj->kind == &list_kind)
		return set_list(obj, key, value);
	if (obj->kind == &module_kind)
		obj = module_dict(obj);
	if (obj->kind != &dict_kind)
		return refuse("only a list, a dict or a module has items to set");
	if (!object_is_key(key))
		return refuse("a key is an int, a float, a str or bytes");
	return dict_set(obj, key, value);
}

static int set(struct object *obj, char *text)
{
	struct object *key, *value;
	struct parser parser;
	int error;

	parse_begin(&parser, text);
	key = parse_next(&parser);
	if (IS_ERR(key))
		return say_what_is_wrong(&parser, key);
	value = parse_only(&parser);
	if (IS_ERR(value)) {
		error = say_what_is_wrong(&parser, value);
	} else {
		error = set_item(obj, key, value);
		object_put(value);
	}
	object_put(key);
	return error;
}

static int do_set(char *text)
{
	const char *name = next_word(&text);
	struct object *obj;
	int error = get_named(name, &obj);

	if (error)
		return error;
	error = set(obj, text);
	object_put(obj);
	return error;
}

/* === drop, show, collect, churn === */

static int do_drop(char *text)
{
	const char *name = next_word(&text);
	int error;

	if (*skip_spaces(text))
		return refuse("one name at a time");
	error = names_delete(name);
	return error == -ENOENT ? refuse("there is no such name") : error;
}

static int show_all(void)
{
	char line[SHOW_LINE];
	struct object *obj;
	const char *name;
	size_t at = 0;

	while (names_next(&at, &name, &obj)) {
		show_name(line, name, obj);
		pr_info("%s\n", line);
	}
	return 0;
}

static int do_show(char *text)
{
	const char *name = next_word(&text);
	char line[SHOW_LINE];
	struct object *obj;
	int error;

	pr_info("# " SHOW_NAME_COLUMNS "\n");
	if (!*name)
		return show_all();
	error = get_named(name, &obj);
	if (error)
		return error;
	/* But for this one. */
	object_put(obj);
	show_name(line, name, obj);
	pr_info("%s\n", line);
	return 0;
}

static int do_collect(char *text)
{
	if (*text)
		return refuse("collect stands alone");
	pr_info("collected %zu objects that only referred to each other\n",
		gc_collect());
	return 0;
}

static int do_churn(char *text)
{
	unsigned long n;

	if (kstrtoul(text, 10, &n) || n > CHURN_MAX)
		return refuse("churn takes a number of up to 1000000000");
	return churn(n);
}

/* === All of them === */

struct verb {
	const char	*name;
	int		(*do_it)(char *text);
};

static const struct verb verbs[] = {
	{ "make", do_make },
	{ "append", do_append },
	{ "set", do_set },
	{ "drop", do_drop },
	{ "show", do_show },
	{ "collect", do_collect },
	{ "churn", do_churn },
};

/**
 * command_do() - do what a command says
 * @text: the command, which is written to
 *
 * Return: 0; -EINVAL: it can't be done; -ENOMEM, -ENOSPC or -EINTR.
 */
int command_do(char *text)
{
	char *rest = strim(text);
	const char *name = next_word(&rest);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(name, verbs[i].name))
			return verbs[i].do_it(skip_spaces(rest));
	return refuse("a command is make, append, set, drop, show, collect or churn");
}
