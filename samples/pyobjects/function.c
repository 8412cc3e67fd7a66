// SPDX-License-Identifier: GPL-2.0
/*
 * Functions and modules, which are headers with references to others.
 *
 * There is no code here to be run.  A function refers to what it would return
 * and has nothing else, but the room for all that CPython's has.  A module has
 * a dict, in which its name is.
 *
 * Contexts: process, with the mutex of debugfs.c.
 */
#include "dict.h"
#include "function.h"
#include "sequence.h"

struct function_object {
	struct object	base;
	struct object	*result;
	/*
	 * globals, builtins, name, qualified name, defaults, keyword defaults,
	 * closure, documentation, dict, weak references, module, annotations
	 */
	struct object	*unused[12];
	void		*call;
	u32		version;
};

struct module_object {
	struct object	base;
	struct object	*dict;
	void		*unused[3];	/* definition, state, weak references */
	struct object	*name;
};

static struct function_object *function_of(const struct object *obj)
{
	return (struct function_object *)obj;
}

static struct module_object *module_of(const struct object *obj)
{
	return (struct module_object *)obj;
}

/**
 * function_new() - a function
 * @result: what it would return; it gets a reference
 *
 * Return: a new reference, or NULL.
 */
struct object *function_new(struct object *result)
{
	struct function_object *function = object_new(&function_kind, 0);

	if (!function)
		return NULL;
	function->result = object_get(result);
	return &function->base;
}

/* A dict that says what it is called. */
static struct object *dict_with_name(struct object *name)
{
	struct object *pair[] = { str_new("__name__", 8), name }, *dict;

	if (!pair[0])
		return NULL;
	dict = dict_new(pair, 1);
	object_put(pair[0]);
	return dict;
}

/**
 * module_new() - a module
 * @name: its name, a str; it gets a reference
 *
 * Return: a new reference, or NULL.
 */
struct object *module_new(struct object *name)
{
	struct module_object *module = object_new(&module_kind, 0);

	if (!module)
		return NULL;
	module->dict = dict_with_name(name);
	if (!module->dict) {
		object_put(&module->base);
		return NULL;
	}
	module->name = object_get(name);
	return &module->base;
}

/**
 * module_dict() - what a module's names mean
 * @obj: the module
 *
 * Return: a dict, the reference to which is the module's.
 */
struct object *module_dict(const struct object *obj)
{
	return module_of(obj)->dict;
}

/* === What can be asked of them === */

static size_t header_bytes(const struct object *obj)
{
	return obj->kind->attr.size;
}

static void let_go(struct object **reference)
{
	struct object *obj = *reference;

	*reference = NULL;
	object_put(obj);
}

static void function_clear(struct object *obj)
{
	let_go(&function_of(obj)->result);
}

static void function_visit(struct object *obj, visit_fn fn, void *context)
{
	if (function_of(obj)->result)
		fn(function_of(obj)->result, context);
}

static void function_write(struct text *text, const struct object *obj)
{
	text_add(text, "<function: ");
	object_write(text, function_of(obj)->result);
	text_add(text, ">");
}

static void module_clear(struct object *obj)
{
	let_go(&module_of(obj)->dict);
	let_go(&module_of(obj)->name);
}

static void module_visit(struct object *obj, visit_fn fn, void *context)
{
	if (module_of(obj)->dict)
		fn(module_of(obj)->dict, context);
	if (module_of(obj)->name)
		fn(module_of(obj)->name, context);
}

static void module_write(struct text *text, const struct object *obj)
{
	text_add(text, "<module '%s'>", str_text(module_of(obj)->name));
}

struct kind function_kind = {
	.attr = {
		.name	= "function",
		.size	= sizeof(struct gc_head) +
			  sizeof(struct function_object),
	},
	.has_gc	= true,
	.bytes	= header_bytes,
	.clear	= function_clear,
	.visit	= function_visit,
	.write	= function_write,
};

struct kind module_kind = {
	.attr = {
		.name	= "module",
		.size	= sizeof(struct gc_head) +
			  sizeof(struct module_object),
	},
	.has_gc	= true,
	.bytes	= header_bytes,
	.clear	= module_clear,
	.visit	= module_visit,
	.write	= module_write,
};
