// SPDX-License-Identifier: GPL-2.0
/*
 * Frees after a grace period: with the rcu_head anywhere in the block, in the
 * heap and in raw.
 */
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "fixture.h"

struct head_first {
	struct rcu_head	rcu;
	char		rest[20];
};

struct head_inside {
	u64		before[5];
	struct rcu_head	rcu;
	char		rest[100];
};

struct head_last {
	char		before[512 - sizeof(struct rcu_head)];
	struct rcu_head	rcu;
};

struct head_of_raw {
	char		before[1024];
	struct rcu_head	rcu;
	char		rest[8000];
};

#define ROUNDS	300

/* Allocates, has it freed by both domains' functions, again and again. */
#define try_free_rcu(test, type)					\
do {									\
	size_t before = pymem_get_allocated_blocks();			\
	type *block;							\
	int i;								\
									\
	for (i = 0; i < ROUNDS; i++) {					\
		block = pymem_malloc(sizeof(type), GFP_KERNEL);		\
		KUNIT_ASSERT_NOT_NULL(test, block);			\
		memset(block, 0x99, sizeof(type));			\
		pymem_free_rcu(block, rcu);				\
		block = pyobject_malloc(sizeof(type), GFP_KERNEL);	\
		KUNIT_ASSERT_NOT_NULL(test, block);			\
		memset(block, 0x99, sizeof(type));			\
		pyobject_free_rcu(block, rcu);				\
	}								\
	rcu_barrier();							\
	expect_no_report(test);						\
	KUNIT_EXPECT_EQ(test, pymem_get_allocated_blocks(), before);	\
} while (0)

static void test_head_first(struct kunit *test)
{
	try_free_rcu(test, struct head_first);
}

static void test_head_inside(struct kunit *test)
{
	try_free_rcu(test, struct head_inside);
}

static void test_head_last(struct kunit *test)
{
	try_free_rcu(test, struct head_last);
}

static void test_raw_blocks(struct kunit *test)
{
	try_free_rcu(test, struct head_of_raw);
}

/* The head at every place of the largest blocks of each class. */
static void test_head_anywhere(struct kunit *test)
{
	size_t size, offset;
	void *block;

	for_each_class_size(size) {
		if (size < sizeof(struct rcu_head))
			continue;
		for (offset = 0; offset + sizeof(struct rcu_head) <= size;
		     offset += 8) {
			block = pymem_malloc(size, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, block);
			__pymem_free_rcu(block, block + offset);
		}
	}
	rcu_barrier();
	expect_no_report(test);
}

static void test_nothing(struct kunit *test)
{
	struct head_first *none = NULL;

	pymem_free_rcu(none, rcu);
	pyobject_free_rcu(none, rcu);
	expect_no_report(test);
}

/* A reader keeps what it sees until it is done. */
static void test_a_reader_is_waited_for(struct kunit *test)
{
	struct head_inside *block = pymem_malloc(sizeof(*block), GFP_KERNEL);
	size_t before = pymem_get_allocated_blocks(), during;
	bool intact;

	KUNIT_ASSERT_NOT_NULL(test, block);
	fill(block->rest, sizeof(block->rest), 0x21);
	rcu_read_lock();
	pymem_free_rcu(block, rcu);
	intact = is_filled(block->rest, sizeof(block->rest), 0x21);
	rcu_read_unlock();
	rcu_barrier();
	during = pymem_get_allocated_blocks();
	KUNIT_EXPECT_TRUE(test, intact);
	KUNIT_EXPECT_EQ(test, during, before - 1);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_head_first),
	KUNIT_CASE(test_head_inside),
	KUNIT_CASE(test_head_last),
	KUNIT_CASE(test_raw_blocks),
	KUNIT_CASE(test_head_anywhere),
	KUNIT_CASE(test_nothing),
	KUNIT_CASE(test_a_reader_is_waited_for),
	{ }
};

/* What was freed is free then. */
static void rcu_exit(struct kunit *test)
{
	rcu_barrier();
	fixture_exit(test);
}

struct kunit_suite rcu_suite = {
	.name		= "pyalloc_rcu",
	.suite_init	= fixture_suite_init,
	.suite_exit	= fixture_suite_exit,
	.init		= fixture_init,
	.exit		= rcu_exit,
	.test_cases	= cases,
};
