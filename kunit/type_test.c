// SPDX-License-Identifier: GPL-2.0
/*
 * Types, as clients see them, whatever serves: what a type may be like, its
 * objects' sizes, items and growth, immortals, grace periods, constructors, and
 * what comes of a type that is destroyed.
 */
#include <linux/err.h>
#include <linux/rcupdate.h>

#include "../pyalloc/fault.h"
#include "typed.h"

static void nothing(void *object)
{
}

/* === What a type may be like === */

static const struct pytype_attr impossible[] = {
	{ .size = 8 },
	{ .name = "", .size = 8 },
	{ .name = "Upper", .size = 8 },
	{ .name = "a.b", .size = 8 },
	{ .name = "thirty-two-characters-are-1-more", .size = 8 },
	{ .name = "no_size" },
	{ .name = "size", .size = (size_t)INT_MAX + 1 },
	{ .name = "itemsize", .size = 8, .itemsize = (size_t)INT_MAX + 1 },
	{ .name = "max_items", .size = 8, .itemsize = 8, .max_items = 65 },
	{ .name = "max_free", .size = 8, .max_free = 4097 },
	{ .name = "flags", .size = 8, .flags = 8 },
	{ .name = "ctor", .size = 8, .itemsize = 8, .ctor = nothing },
	{ .name = "stable", .size = 8, .itemsize = 8, .flags = PYTYPE_STABLE },
	{ .name = "rcu", .size = 8, .itemsize = 8, .flags = PYTYPE_RCU },
};

static void test_impossible_types_are_refused(struct kunit *test)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(test, PTR_ERR(pytype_create(NULL)), -EINVAL);
	for (i = 0; i < ARRAY_SIZE(impossible); i++)
		KUNIT_EXPECT_EQ_MSG(test,
				    PTR_ERR(pytype_create(&impossible[i])),
				    -EINVAL, "the type %u", i);
}

static const struct pytype_attr possible[] = {
	{ .name = "a", .size = 1 },
	{ .name = "thirty-one_characters_are_right", .size = 8 },
	{ .name = "items", .itemsize = 1, .max_items = 64, .max_free = 4096 },
	{ .name = "large", .size = 4000, .max_free = 10 },
	{ .name = "all", .size = 100, .max_free = 80, .ctor = nothing,
	  .flags = PYTYPE_STABLE | PYTYPE_RCU | PYTYPE_GROW },
};

static void test_possible_types_have_objects(struct kunit *test)
{
	struct pytype *type;
	unsigned int i;
	void *object;

	for (i = 0; i < ARRAY_SIZE(possible); i++) {
		type = make_type(test, &possible[i]);
		object = pytype_alloc(type, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, object);
		KUNIT_EXPECT_EQ(test, type_live(test, possible[i].name), 1UL);
		pytype_free(type, object);
		KUNIT_EXPECT_EQ(test, pytype_destroy(type), 0UL);
	}
}

static void test_nothing_is_no_type_and_no_object(struct kunit *test)
{
	const struct pytype_attr attr = { .name = "nothing", .size = 8 };
	struct pytype *type = make_type(test, &attr);

	pytype_free(type, NULL);
	KUNIT_EXPECT_EQ(test, pytype_capacity(type, NULL), 0UL);
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 0UL);
	KUNIT_EXPECT_EQ(test, pytype_destroy(NULL), 0UL);
	KUNIT_EXPECT_EQ(test, pytype_destroy(ERR_PTR(-EINVAL)), 0UL);
}

/* Each allocation that it takes fails in turn. */
static void test_creation_that_fails_leaves_nothing(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "failing", .size = 40, .ctor = nothing, .max_free = 9,
	};
	struct pytype *type;
	unsigned int nth;

	for (nth = 1; nth < 100; nth++) {
		pyfault_arm(nth);
		type = pytype_create(&attr);
		pyfault_arm(0);
		if (!IS_ERR(type))
			break;
		KUNIT_EXPECT_EQ(test, PTR_ERR(type), -ENOMEM);
	}
	KUNIT_EXPECT_GT(test, nth, 2);
	KUNIT_EXPECT_LT(test, nth, 100);
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 0UL);
}

/* === Sizes === */

static void test_objects_have_room_for_their_items(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "items", .size = 20, .itemsize = 12, .max_items = 20,
		.max_free = 50,
	};
	struct pytype *type = make_type(test, &attr);
	void *objects[100];
	size_t n;

	for (n = 0; n < 100; n++) {
		objects[n] = pytype_alloc_var(type, n, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, objects[n]);
		KUNIT_EXPECT_GE(test, pyalloc_usable_size(objects[n]),
				20 + n * 12);
		KUNIT_EXPECT_GE(test, pytype_capacity(type, objects[n]), n);
		fill(objects[n], 20 + n * 12, n);
	}
	for (n = 0; n < 100; n++) {
		KUNIT_EXPECT_TRUE(test, is_filled(objects[n], 20 + n * 12, n));
		pytype_free(type, objects[n]);
	}
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 0UL);
}

static void test_too_many_items_are_none(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "many", .size = 16, .itemsize = 8, .flags = PYTYPE_GROW,
	};
	struct pytype *type = make_type(test, &attr);
	void *object = pytype_alloc_var(type, 3, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, object);
	KUNIT_EXPECT_NULL(test, pytype_alloc_var(type, INT_MAX / 8, QUIET));
	KUNIT_EXPECT_NULL(test, pytype_alloc_var(type, SIZE_MAX / 8, QUIET));
	KUNIT_EXPECT_NULL(test, pytype_alloc_var(type, SIZE_MAX, QUIET));
	fill(object, 40, 1);
	KUNIT_EXPECT_NULL(test, pytype_resize(type, object, INT_MAX / 8, QUIET));
	KUNIT_EXPECT_NULL(test, pytype_resize(type, object, SIZE_MAX, QUIET));
	KUNIT_EXPECT_TRUE(test, is_filled(object, 40, 1));
	pytype_free(type, object);
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 0UL);
}

static void test_zeroed_objects_are_zero(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "zeroed", .size = 48, .itemsize = 40, .max_items = 8,
		.max_free = 5,
	};
	struct pytype *type = make_type(test, &attr);
	void *object;
	size_t n;

	for (n = 0; n < 20; n++) {
		object = pytype_alloc_var(type, n / 2,
					  GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, object);
		KUNIT_EXPECT_TRUE(test, is_zero(object, 48 + n / 2 * 40));
		fill(object, 48 + n / 2 * 40, n);
		pytype_free(type, object);
	}
	object = pytype_alloc(type, GFP_KERNEL | __GFP_ZERO);
	KUNIT_EXPECT_TRUE(test, is_zero(object, 48));
	pytype_free(type, object);
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 0UL);
}

/* === Resizing === */

static size_t room_for(size_t n, size_t old)
{
	size_t room = (n + n / 8 + 6) / 4 * 4;

	if (n > old && n - old > room - n)
		room = (n + 3) / 4 * 4;
	return n ? room : 0;
}

/* How many items fit where so many were asked for. */
static size_t fitting(size_t size, size_t itemsize, size_t n)
{
	void *block = pyobject_malloc(size + n * itemsize, GFP_KERNEL);
	size_t fit = (pyalloc_usable_size(block) - size) / itemsize;

	pyobject_free(block);
	return fit;
}

static void test_growth_leaves_room(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "list", .size = 24, .itemsize = 8, .flags = PYTYPE_GROW,
	};
	struct pytype *type = make_type(test, &attr);
	void *object = pytype_resize(type, NULL, 0, GFP_KERNEL), *old;
	size_t n, was, now;

	KUNIT_ASSERT_NOT_NULL(test, object);
	KUNIT_EXPECT_EQ(test, pytype_capacity(type, object), fitting(24, 8, 0));
	for (n = 1; n < 1000; n++) {
		old = object;
		was = pytype_capacity(type, object);
		object = pytype_resize(type, object, n, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, object);
		now = pytype_capacity(type, object);
		KUNIT_EXPECT_EQ(test, now, n <= was ? was :
				fitting(24, 8, room_for(n, was)));
		if (n <= was)
			KUNIT_EXPECT_PTR_EQ(test, object, old);
		memset(object + 24 + (n - 1) * 8, n, 8);
	}
	for (n = 1; n < 1000; n++)
		KUNIT_EXPECT_EQ(test, ((u8 *)object)[24 + (n - 1) * 8 + 7],
				(u8)n);
	pytype_free(type, object);
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 0UL);
}

/* One step that is larger than the room it would leave leaves none. */
static void test_a_leap_leaves_little_room(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "leap", .itemsize = 8, .flags = PYTYPE_GROW,
	};
	struct pytype *type = make_type(test, &attr);
	void *object = pytype_resize(type, NULL, 1, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, object);
	object = pytype_resize(type, object, 45, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, pytype_capacity(type, object),
			fitting(0, 8, 48));
	pytype_free(type, object);
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 0UL);
}

static void test_shrinking_below_half_gives_back(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "shrink", .size = 16, .itemsize = 8,
		.flags = PYTYPE_GROW,
	};
	struct pytype *type = make_type(test, &attr);
	void *object = pytype_alloc_var(type, 60, GFP_KERNEL), *old = object;
	size_t room;

	KUNIT_ASSERT_NOT_NULL(test, object);
	room = pytype_capacity(type, object);
	fill(object, 16 + 60 * 8, 3);
	object = pytype_resize(type, object, room / 2, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, object, old);
	KUNIT_EXPECT_EQ(test, pytype_capacity(type, object), room);
	object = pytype_resize(type, object, 10, GFP_KERNEL);
	/* krealloc() does not move what shrinks. */
	if (!kmalloc_alone())
		KUNIT_EXPECT_EQ(test, pytype_capacity(type, object),
				fitting(16, 8, room_for(10, room)));
	KUNIT_EXPECT_TRUE(test, is_filled(object, 16 + 10 * 8, 3));
	object = pytype_resize(type, object, 0, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, is_filled(object, 16, 3));
	pytype_free(type, object);
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 0UL);
}

static void test_without_growth_resizing_is_exact(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "exact", .size = 16, .itemsize = 8, .max_items = 20,
		.max_free = 10,
	};
	struct pytype *type = make_type(test, &attr);
	void *object = NULL;
	size_t n;

	for (n = 0; n < 100; n++) {
		object = pytype_resize(type, object, n, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, object);
		KUNIT_EXPECT_EQ(test, pytype_capacity(type, object),
				fitting(16, 8, n));
	}
	pytype_free(type, object);
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 0UL);
}

static void test_failed_growth_leaves_the_object(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "stuck", .size = 16, .itemsize = 8,
		.flags = PYTYPE_GROW,
	};
	struct pytype *type = make_type(test, &attr);
	void *object = pytype_alloc_var(type, 5, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, object);
	fill(object, 56, 2);
	pyfault_arm(1);
	KUNIT_EXPECT_NULL(test, pytype_resize(type, object, 10000, QUIET));
	pyfault_arm(0);
	KUNIT_EXPECT_TRUE(test, is_filled(object, 56, 2));
	KUNIT_EXPECT_EQ(test, type_live(test, "stuck"), 1UL);
	pytype_free(type, object);
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 0UL);
}

/* === Immortals === */

static void set_magic(void *object)
{
	*(u32 *)object = 0x600d;
}

static void test_immortals_outlive_their_frees(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "int", .size = 28, .max_free = 100, .itemsize = 4,
	};
	struct pytype *type = make_type(test, &attr);
	struct pytype_stats stats = {};
	void *ints = pytype_alloc_immortal(type, 262, GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, ints);
	KUNIT_EXPECT_TRUE(test, is_zero(ints, 262 * 32));
	fill(ints, 262 * 32, 7);
	for (i = 0; i < 262; i++)
		pytype_free(type, ints + i * 32);
	pytype_free(type, ints);
	KUNIT_EXPECT_TRUE(test, is_filled(ints, 262 * 32, 7));
	KUNIT_EXPECT_EQ(test, pytype_capacity(type, ints), 0UL);
	KUNIT_EXPECT_NULL(test, pytype_resize(type, ints, 1, GFP_KERNEL));
	KUNIT_EXPECT_PTR_EQ(test, pytype_resize(type, ints, 0, GFP_KERNEL),
			    ints);
	take_type_stats(test, "int", &stats);
	KUNIT_EXPECT_EQ(test, stats.immortals, 262UL);
	KUNIT_EXPECT_EQ(test, stats.live, 0UL);
	KUNIT_EXPECT_EQ(test, stats.cached, 0UL);
	KUNIT_EXPECT_NULL(test, pytype_alloc_immortal(type, 0, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, pytype_alloc_immortal(type, SIZE_MAX, QUIET));
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 0UL);
}

static void test_immortals_are_constructed(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "magic", .size = 12, .ctor = set_magic,
	};
	struct pytype *type = make_type(test, &attr);
	void *row = pytype_alloc_immortal(type, 10, GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, row);
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_EQ(test, *(u32 *)(row + i * 16), 0x600d);
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 0UL);
}

/* === Grace periods === */

static void test_freed_objects_last_a_grace_period(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "grace", .size = 100, .max_free = 4, .flags = PYTYPE_RCU,
	};
	struct pytype *type = make_type(test, &attr);
	void *object = pytype_alloc(type, GFP_KERNEL), *other;

	KUNIT_ASSERT_NOT_NULL(test, object);
	fill(object, 100, 5);
	rcu_read_lock();
	pytype_free(type, object);
	other = pytype_alloc(type, GFP_ATOMIC);
	KUNIT_EXPECT_PTR_NE(test, other, object);
	KUNIT_EXPECT_TRUE(test, is_filled(object, 100, 5));
	rcu_read_unlock();
	pytype_free(type, other);
	rcu_barrier();
	KUNIT_EXPECT_EQ(test, type_live(test, "grace"), 0UL);
	object = pytype_alloc(type, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, object);
	pytype_free(type, object);
	/* It waits for what waits. */
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 0UL);
}

static void test_a_second_free_is_told_in_the_grace_period(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "twice", .size = 24, .flags = PYTYPE_RCU,
	};
	struct pytype *type = make_type(test, &attr);
	void *object = pytype_alloc(type, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, object);
	rcu_read_lock();
	pytype_free(type, object);
	pytype_free(type, object);
	rcu_read_unlock();
	expect_report(test, PYALLOC_DOUBLE_FREE, object);
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 0UL);
}

/* === Constructors, and what is stable === */

static void test_kept_bytes_are_not_zeroed(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "kept", .size = 40, .ctor = set_magic,
	};
	struct pytype *type = make_type(test, &attr);

	KUNIT_EXPECT_NULL(test, pytype_alloc(type, GFP_KERNEL | __GFP_ZERO));
	expect_report(test, PYALLOC_ZEROED_TYPE, NULL);
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 0UL);
}

static unsigned int constructed;

static void count_ctor(void *object)
{
	set_magic(object);
	constructed++;
}

static void test_a_ctor_runs_once_a_block(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "once", .size = 64, .ctor = count_ctor,
	};
	struct pytype *type = make_type(test, &attr);
	void *objects[100];
	unsigned int i, round, first = 0;

	constructed = 0;
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 100; i++) {
			objects[i] = pytype_alloc(type, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, objects[i]);
			KUNIT_EXPECT_EQ(test, *(u32 *)objects[i], 0x600d);
		}
		KUNIT_EXPECT_EQ(test, count_overlaps(100, objects), 0);
		first = first ?: constructed;
		for (i = 0; i < 100; i++)
			pytype_free(type, objects[i]);
	}
	KUNIT_EXPECT_GE(test, first, 100);
	/* Blocks of pools that were not yet there may have come in. */
	KUNIT_EXPECT_LE(test, constructed, 200);
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 0UL);
}

/* === The end === */

static void test_live_objects_are_told(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "left", .size = 72, .max_free = 10,
	};
	struct pytype *type = make_type(test, &attr);
	void *objects[5];
	unsigned int i;

	for (i = 0; i < 5; i++) {
		objects[i] = pytype_alloc(type, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, objects[i]);
	}
	pytype_free(type, objects[0]);
	pytype_free(type, objects[1]);
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 3UL);
	for (i = 2; i < 5; i++)
		pyobject_free(objects[i]);
}

static void test_live_objects_of_own_pools_go(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "own", .size = 72, .flags = PYTYPE_STABLE,
		.max_free = 10,
	};
	struct pytype *type = make_type(test, &attr);

	KUNIT_EXPECT_NOT_NULL(test, pytype_alloc(type, GFP_KERNEL));
	KUNIT_EXPECT_NOT_NULL(test, pytype_alloc(type, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 2UL);
}

static void test_use_of_a_type_that_is_gone(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "gone", .size = 40, .itemsize = 8, .max_items = 3,
		.max_free = 10,
	};
	struct pytype *type = make_type(test, &attr);
	void *object = pytype_alloc(type, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, object);
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 1UL);
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 0UL);
	expect_gone(test, type);
	KUNIT_EXPECT_NULL(test, pytype_alloc(type, GFP_KERNEL));
	expect_gone(test, type);
	KUNIT_EXPECT_NULL(test, pytype_alloc_var(type, 2, GFP_KERNEL));
	expect_gone(test, type);
	KUNIT_EXPECT_NULL(test, pytype_alloc_immortal(type, 2, GFP_KERNEL));
	expect_gone(test, type);
	KUNIT_EXPECT_NULL(test, pytype_resize(type, object, 9, GFP_KERNEL));
	expect_gone(test, type);
	KUNIT_EXPECT_EQ(test, pytype_capacity(type, object), 0UL);
	expect_gone(test, type);
	pytype_free(type, object);
	expect_gone(test, type);
	pyobject_free(object);
}

/* Of another private heap, whose blocks have the same codes in the map. */
static void test_another_heaps_block_is_no_object(struct kunit *test)
{
	struct pytype_attr attr = { .name = "own", .size = 64, .max_free = 9 };
	struct pyheap *one = pyheap_create("one", NULL);
	struct pyheap *other = pyheap_create("other", NULL);
	struct pytype *type;
	void *victim, *object;

	KUNIT_ASSERT_TRUE(test, !IS_ERR(one) && !IS_ERR(other));
	attr.heap = one;
	type = make_type(test, &attr);
	object = pytype_alloc(type, GFP_KERNEL);
	pytype_free(type, object);
	victim = pyheap_malloc(other, 64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, victim);
	pytype_free(type, victim);
	KUNIT_EXPECT_EQ(test, last_mistake(), PYALLOC_WRONG_TYPE);
	forget_reports();
	object = pytype_alloc(type, GFP_KERNEL);
	KUNIT_EXPECT_PTR_NE(test, object, victim);
	pytype_free(type, object);
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 0UL);
	KUNIT_EXPECT_EQ(test, pyheap_destroy(one), 0UL);
	KUNIT_EXPECT_EQ(test, pyheap_destroy(other), 1UL);
}

/* Whoever has a stale pointer of it finds an object of the type there. */
static void test_stable_objects_stay(struct kunit *test)
{
	enum { N = 5000 };
	const struct pytype_attr attr = {
		.name = "stable", .size = 64, .flags = PYTYPE_STABLE,
	};
	struct pytype *type = make_type(test, &attr);
	void **objects = make_array(test, N);
	unsigned int i, gone = 0;

	for (i = 0; i < N; i++) {
		objects[i] = pytype_alloc(type, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, objects[i]);
		fill(objects[i], 64, i);
	}
	for (i = 0; i < N; i++)
		pytype_free(type, objects[i]);
	pyalloc_reclaim();
	for (i = 0; i < N; i++)
		gone += !is_filled(objects[i], 64, i);
	KUNIT_EXPECT_EQ(test, gone, 0U);
	kvfree(objects);
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 0UL);
}

/* What lies on their lists goes back, and is nobody's loss. */
static void test_a_heap_goes_before_its_types(struct kunit *test)
{
	struct pytype_attr attr = { .name = "own", .size = 64, .max_free = 9 };
	struct pyheap *heap = pyheap_create("one", NULL);
	struct pytype *type;

	KUNIT_ASSERT_TRUE(test, !IS_ERR(heap));
	attr.heap = heap;
	type = make_type(test, &attr);
	pytype_free(type, pytype_alloc(type, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, pyheap_destroy(heap), 0UL);
	expect_no_report(test);
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 0UL);
	KUNIT_EXPECT_EQ(test, last_mistake(), PYALLOC_GONE_TYPE);
	forget_reports();
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_impossible_types_are_refused),
	KUNIT_CASE(test_possible_types_have_objects),
	KUNIT_CASE(test_nothing_is_no_type_and_no_object),
	KUNIT_CASE(test_creation_that_fails_leaves_nothing),
	KUNIT_CASE(test_objects_have_room_for_their_items),
	KUNIT_CASE(test_too_many_items_are_none),
	KUNIT_CASE(test_zeroed_objects_are_zero),
	KUNIT_CASE(test_growth_leaves_room),
	KUNIT_CASE(test_a_leap_leaves_little_room),
	KUNIT_CASE(test_shrinking_below_half_gives_back),
	KUNIT_CASE(test_without_growth_resizing_is_exact),
	KUNIT_CASE(test_failed_growth_leaves_the_object),
	KUNIT_CASE(test_immortals_outlive_their_frees),
	KUNIT_CASE(test_immortals_are_constructed),
	KUNIT_CASE(test_freed_objects_last_a_grace_period),
	KUNIT_CASE(test_a_second_free_is_told_in_the_grace_period),
	KUNIT_CASE(test_kept_bytes_are_not_zeroed),
	KUNIT_CASE(test_a_ctor_runs_once_a_block),
	KUNIT_CASE(test_live_objects_are_told),
	KUNIT_CASE(test_live_objects_of_own_pools_go),
	KUNIT_CASE(test_use_of_a_type_that_is_gone),
	KUNIT_CASE(test_another_heaps_block_is_no_object),
	KUNIT_CASE(test_stable_objects_stay),
	KUNIT_CASE(test_a_heap_goes_before_its_types),
	{ }
};

PYALLOC_SUITE(type, cases);
