// SPDX-License-Identifier: GPL-2.0
/*
 * Many objects of all kinds that do not live long: each stays in a list until
 * the ten thousandth after it comes in its place.  At the end all go, and
 * memory goes back to the kernel.
 *
 * Contexts: process, with the mutex of debugfs.c; sleeps, ends early when its
 * process is killed.
 */
#define pr_fmt(fmt) "pyobjects: " fmt

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/sched/signal.h>

#include "churn.h"
#include "dict.h"
#include "function.h"
#include "number.h"
#include "sequence.h"

/* === One of each kind === */

/* No more than a digit has bits. */
static struct object *an_int(unsigned long i)
{
	return int_from_long(1000 + i % 1000000000);
}

static struct object *a_float(unsigned long i)
{
	return float_from_decimal(i % 1000000, 3, i % 2);
}

static struct object *a_str(unsigned long i)
{
	char text[32];

	return str_new(text, scnprintf(text, sizeof(text), "object %lu", i));
}

static struct object *some_bytes(unsigned long i)
{
	static const char zeros[96];

	return bytes_new(zeros, i % sizeof(zeros));
}

/* The container has the only references to what is in it. */
static struct object *put_all(struct object *obj, struct object **items,
			      size_t n)
{
	while (n)
		object_put(items[--n]);
	return obj;
}

static struct object *a_tuple(unsigned long i)
{
	struct object *items[] = { a_str(i), an_int(i), a_float(i) };
	struct object *obj = NULL;

	if (items[0] && items[1] && items[2])
		obj = tuple_new(items, 1 + i % 3);
	return put_all(obj, items, 3);
}

/* It grows as it is appended to. */
static struct object *a_list(unsigned long i)
{
	struct object *list = list_new(NULL, 0, false), *item;
	unsigned long n;
	int error = 0;

	for (n = 0; list && !error && n < i % 24; n++) {
		item = an_int(i + n);
		error = item ? list_append(list, item) : -ENOMEM;
		object_put(item);
	}
	if (!error)
		return list;
	object_put(list);
	return NULL;
}

static struct object *a_dict(unsigned long i)
{
	struct object *items[] = { a_str(i), an_int(i) }, *obj = NULL;

	if (items[0] && items[1])
		obj = dict_new(items, 1);
	return put_all(obj, items, 2);
}

static struct object *a_function(unsigned long i)
{
	struct object *value = an_int(i), *obj;

	obj = value ? function_new(value) : NULL;
	object_put(value);
	return obj;
}

static struct object *(*const makers[])(unsigned long i) = {
	an_int, a_float, a_str, some_bytes, a_tuple, a_list, a_dict, a_function,
};

/* === All of them === */

/**
 * struct tally - what some objects take
 * @objects: how many
 * @bytes: as sys.getsizeof() says
 * @usable: as their blocks say
 */
struct tally {
	size_t	objects;
	size_t	bytes;
	size_t	usable;
};

static void count(struct object *obj, void *context)
{
	struct tally *tally = context;

	if (obj == &none || int_is_cached(obj))
		return;
	tally->objects++;
	tally->bytes += object_bytes(obj);
	tally->usable += object_usable(obj);
	if (obj->kind->visit)
		obj->kind->visit(obj, count, context);
}

static struct object *make_window(void)
{
	struct object *window = list_new(NULL, 0, false);
	unsigned int i;

	for (i = 0; window && i < CHURN_WINDOW; i++)
		if (list_append(window, &none)) {
			object_put(window);
			return NULL;
		}
	return window;
}

static int fill_window(struct object *window, unsigned long n)
{
	struct object *obj;
	unsigned long i;

	for (i = 0; i < n; i++) {
		/* Each kind comes to each place in turn. */
		obj = makers[(i + i / CHURN_WINDOW) % ARRAY_SIZE(makers)](i);
		if (!obj)
			return -ENOMEM;
		list_set(window, i % CHURN_WINDOW, obj);
		object_put(obj);
		if (i % 256 == 0) {
			if (fatal_signal_pending(current))
				return -EINTR;
			cond_resched();
		}
	}
	return 0;
}

static size_t objects_made(void)
{
	size_t made = 0;
	unsigned int i;

	for (i = 0; i < NR_KINDS; i++)
		made += kinds[i]->made;
	return made;
}

/* With all blocks that free lists keep. */
static void give_back(size_t left)
{
	size_t bytes = pyalloc_reclaim();

	kinds_forget_kept();
	pr_info("%zu objects are left of them, and %zu bytes went back to the kernel\n",
		left, bytes);
}

static void say_what_it_holds(struct object *window, unsigned long n,
			      size_t made)
{
	struct tally tally = {};

	count(window, &tally);
	pr_info("%lu short-lived objects, with those in them %zu; %zu are live at the end\n",
		n, made, tally.objects);
	pr_info("they hold %zu bytes by sys.getsizeof(), in blocks of %zu bytes\n",
		tally.bytes, tally.usable);
}

/**
 * churn() - make objects, and drop them
 * @n: how many, without those that are in them
 *
 * Return: 0, -ENOMEM, or -EINTR: somebody kills who waits for it.
 */
int churn(unsigned long n)
{
	size_t live = objects_live(), made = objects_made();
	struct object *window = make_window();
	int error;

	if (!window)
		return -ENOMEM;
	error = fill_window(window, n);
	if (!error)
		say_what_it_holds(window, n, objects_made() - made);
	object_put(window);
	if (!error)
		give_back(objects_live() - live);
	return error;
}
