// SPDX-License-Identifier: GPL-2.0
/*
 * A first lesson on Python's memory: makes an object of each kind, tells its
 * size and its place, drops all, and makes some of them again, which get the
 * blocks that were just freed.
 *
 * Contexts: process, while nobody else knows the module; sleeps.
 */
#define pr_fmt(fmt) "pyobjects: " fmt

#include <linux/bits.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/preempt.h>
#include <linux/printk.h>

#include "lesson.h"
#include "parse.h"
#include "show.h"

/**
 * struct step - an object to make
 * @expression: what it is
 * @expected: sys.getsizeof() in CPython 3.11 on 64 bits
 * @again: it is made a second time
 */
struct step {
	const char	*expression;
	unsigned int	expected;
	bool		again;
};

static const struct step steps[] = {
	{ "100", 28, true },
	{ "2**30", 32 },
	{ "10**100", 72, true },
	{ "1.5", 24, true },
	{ "''", 49 },
	{ "\"hello world\"", 60, true },
	{ "b''", 33 },
	{ "()", 40 },
	{ "(1, 2, 3)", 64, true },
	{ "[]", 56 },
	{ "[1, 2, 3, 4, 5]", 104, true },
	{ "{}", 64 },
	{ "{\"a\": 1, \"b\": 2}", 184, true },
	{ "{1: 1}", 224 },
	{ "lambda: None", 152 },
	{ "ModuleType(\"m\")", 72 },
	{ "None", 16 },
};

static struct object *made[ARRAY_SIZE(steps)];

static int make(unsigned int i)
{
	struct parser parser;

	parse_begin(&parser, steps[i].expression);
	made[i] = parse_only(&parser);
	if (!IS_ERR(made[i]))
		return 0;
	pr_err("%s: %s\n", steps[i].expression, parser.wrong ?: "no memory");
	return PTR_ERR(xchg(&made[i], NULL));
}

static void tell(unsigned int i)
{
	char line[SHOW_LINE];

	show_new(line, steps[i].expression, made[i], steps[i].expected);
	pr_info("%s\n", line);
	if (show_part(line, made[i]))
		pr_info("%s\n", line);
}

static int make_all(bool again)
{
	unsigned int i;
	int error = 0;

	pr_info("# " SHOW_NEW_COLUMNS "\n");
	for (i = 0; !error && i < ARRAY_SIZE(steps); i++) {
		if (again && !steps[i].again)
			continue;
		error = make(i);
		if (!error)
			tell(i);
	}
	return error;
}

static void compare(void)
{
	unsigned int i, same = 0;

	for (i = 0; i < ARRAY_SIZE(steps); i++)
		same += object_bytes(made[i]) == steps[i].expected;
	pr_info("%u of %zu sizes are those of CPython 3.11%s\n", same,
		ARRAY_SIZE(steps), BITS_PER_LONG == 64 ? "" :
		", whose pointers here are twice as long");
}

static void drop_all(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(steps); i++)
		object_put(xchg(&made[i], NULL));
}

static int make_and_drop(void)
{
	size_t live = objects_live();
	int error = make_all(false);

	if (!error) {
		compare();
		pr_info("now %zu objects are live, and none will refer to them\n",
			objects_live() - live);
	}
	drop_all();
	if (error)
		return error;
	pr_info("dropped: %zu are live; the blocks of floats, tuples, lists and dicts wait in free lists\n",
		objects_live() - live);
	error = make_all(true);
	drop_all();
	return error;
}

/**
 * lesson() - give it
 *
 * A CPU has its free lists for itself, so all of it is on one.
 *
 * Return: 0 or -ENOMEM.
 */
int lesson(void)
{
	int error;

	migrate_disable();
	error = make_and_drop();
	migrate_enable();
	return error;
}
