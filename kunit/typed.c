// SPDX-License-Identifier: GPL-2.0
/*
 * What the suites of types share.
 */
#include <linux/err.h>

#include "typed.h"

/**
 * make_type() - make a type, or fail the case
 * @test: the case
 * @attr: what it is to be like
 *
 * Return: the type.
 */
struct pytype *make_type(struct kunit *test, const struct pytype_attr *attr)
{
	struct pytype *type = pytype_create(attr);

	KUNIT_ASSERT_TRUE(test, !IS_ERR_OR_NULL(type));
	return type;
}

struct search {
	const char		*name;
	struct pytype_stats	*stats;
	unsigned int		found;
};

static void compare(void *to, const struct pytype_stats *stats)
{
	struct search *search = to;

	if (strcmp(stats->name, search->name))
		return;
	*search->stats = *stats;
	search->found++;
}

/**
 * take_type_stats() - a snapshot of a type
 * @test: the case
 * @name: its name, which no other type has
 * @stats: where to put it
 */
void take_type_stats(struct kunit *test, const char *name,
		     struct pytype_stats *stats)
{
	struct search search = { .name = name, .stats = stats };

	pytype_walk(compare, &search);
	KUNIT_ASSERT_EQ(test, search.found, 1);
}

/**
 * type_live() - how many objects of a type clients have
 * @test: the case
 * @name: its name
 *
 * Return: their number.
 */
unsigned long type_live(struct kunit *test, const char *name)
{
	struct pytype_stats stats = {};

	take_type_stats(test, name, &stats);
	return stats.live;
}

/**
 * type_cached() - how many objects of a type lie on lists
 * @test: the case
 * @name: its name
 *
 * Return: their number.
 */
unsigned long type_cached(struct kunit *test, const char *name)
{
	struct pytype_stats stats = {};

	take_type_stats(test, name, &stats);
	return stats.cached;
}

/**
 * expect_gone() - one report came: the type was destroyed before
 * @test: the case
 * @type: the type
 */
void expect_gone(struct kunit *test, struct pytype *type)
{
	expect_report(test, PYALLOC_GONE_TYPE, type);
}
