// SPDX-License-Identifier: GPL-2.0
/*
 * Free lists of types: what comes from them and goes there, how much they
 * hold, what shares one, who is kept off, and what empties them.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>

#include "../pyalloc/domain.h"
#include "../pyalloc/fault.h"
#include "../pyalloc/lifetime.h"
#include "context.h"
#include "typed.h"

KUNIT_ARRAY_PARAM(context, contexts, describe_context);

/* A type with lists, on a CPU that the case stays on. */
static struct pytype *begin(struct kunit *test, const struct pytype_attr *attr)
{
	if (PYSAN_WATCHES || pylifetime_is_wrapped())
		kunit_skip(test, "every call is seen");
	stay_on_this_cpu(test);
	return make_type(test, attr);
}

static void end(struct kunit *test, struct pytype *type)
{
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), 0UL);
}

static void take(struct kunit *test, struct pytype *type, unsigned int n,
		 void **objects)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		objects[i] = pytype_alloc(type, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, objects[i]);
	}
}

static void give(struct pytype *type, unsigned int n, void **objects)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		pytype_free(type, objects[i]);
}

/* === Order and bounds === */

static void test_last_in_first_out(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "lifo", .size = 56, .max_free = 80,
	};
	struct pytype *type = begin(test, &attr);
	void *objects[60];
	unsigned int i;

	take(test, type, 60, objects);
	give(type, 60, objects);
	for (i = 60; i--;)
		KUNIT_EXPECT_PTR_EQ(test, pytype_alloc(type, GFP_KERNEL),
				    objects[i]);
	give(type, 60, objects);
	end(test, type);
}

static void test_a_list_is_bounded(struct kunit *test)
{
	static const unsigned int most[] = { 1, 2, 15, 16, 17, 80, 150 };
	struct pytype_attr attr = { .name = "bounded", .size = 32 };
	struct pytype_stats stats = {};
	struct pytype *type;
	void *objects[200];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(most); i++) {
		attr.max_free = most[i];
		type = begin(test, &attr);
		take(test, type, 200, objects);
		KUNIT_EXPECT_EQ(test, type_live(test, "bounded"), 200UL);
		give(type, 200, objects);
		take_type_stats(test, "bounded", &stats);
		KUNIT_EXPECT_EQ(test, stats.cached, (unsigned long)most[i]);
		KUNIT_EXPECT_EQ(test, stats.live, 0UL);
		KUNIT_EXPECT_EQ(test, stats.hits, 0UL);
		KUNIT_EXPECT_EQ(test, stats.misses, 200UL);
		take(test, type, 200, objects);
		take_type_stats(test, "bounded", &stats);
		KUNIT_EXPECT_EQ(test, stats.cached, 0UL);
		KUNIT_EXPECT_EQ(test, stats.live, 200UL);
		KUNIT_EXPECT_EQ(test, stats.hits, (unsigned long)most[i]);
		KUNIT_EXPECT_EQ(test, stats.misses, 400UL - most[i]);
		give(type, 200, objects);
		end(test, type);
	}
}

static void test_without_a_list_all_goes_to_the_heap(struct kunit *test)
{
	const struct pytype_attr attr = { .name = "unlisted", .size = 32 };
	struct pytype *type = begin(test, &attr);
	size_t before = pymem_get_allocated_blocks();
	void *objects[10];

	take(test, type, 10, objects);
	give(type, 10, objects);
	KUNIT_EXPECT_EQ(test, type_cached(test, "unlisted"), 0UL);
	KUNIT_EXPECT_EQ(test, pymem_get_allocated_blocks(), before);
	end(test, type);
}

static void test_what_is_listed_is_live_for_the_heap(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "listed", .size = 32, .max_free = 7,
	};
	struct pytype *type = begin(test, &attr);
	size_t before = pymem_get_allocated_blocks();
	void *objects[10];

	take(test, type, 10, objects);
	give(type, 10, objects);
	KUNIT_EXPECT_EQ(test, pymem_get_allocated_blocks(), before + 7);
	pyalloc_reclaim();
	KUNIT_EXPECT_EQ(test, pymem_get_allocated_blocks(), before);
	KUNIT_EXPECT_EQ(test, type_cached(test, "listed"), 0UL);
	take(test, type, 10, objects);
	give(type, 10, objects);
	KUNIT_EXPECT_EQ(test, type_cached(test, "listed"), 7UL);
	end(test, type);
	KUNIT_EXPECT_EQ(test, pymem_get_allocated_blocks(), before);
}

/* Nobody has written to what comes back. */
static void test_a_list_leaves_the_bytes_alone(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "untouched", .size = 64, .max_free = 7,
	};
	const struct pytype_attr kept = {
		.name = "kept", .size = 64, .max_free = 7,
		.flags = PYTYPE_STABLE,
	};
	bool zeroes = want_init_on_alloc(0);
	struct pytype *type;
	void *objects[2];

	type = begin(test, &kept);
	take(test, type, 1, objects);
	fill(objects[0], 64, 9);
	give(type, 1, objects);
	take(test, type, 1, objects + 1);
	KUNIT_EXPECT_PTR_EQ(test, objects[1], objects[0]);
	KUNIT_EXPECT_TRUE(test, is_filled(objects[1], 64, 9));
	give(type, 1, objects);
	end(test, type);
	type = begin(test, &attr);
	take(test, type, 1, objects);
	fill(objects[0], 64, 9);
	give(type, 1, objects);
	take(test, type, 1, objects + 1);
	KUNIT_EXPECT_TRUE(test, zeroes ? is_zero(objects[1], 64) :
					 is_filled(objects[1], 64, 9));
	give(type, 1, objects);
	end(test, type);
}

static void test_zero_is_for_lists_too(struct kunit *test)
{
	struct pytype_attr attr = { .name = "zero", .max_free = 7 };
	struct pytype *type;
	void *object, *again;

	for (attr.size = 1; attr.size <= PYALLOC_SMALL_MAX; attr.size++) {
		type = begin(test, &attr);
		object = pytype_alloc(type, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, object);
		fill(object, attr.size, 1);
		pytype_free(type, object);
		again = pytype_alloc(type, GFP_KERNEL | __GFP_ZERO);
		KUNIT_EXPECT_PTR_EQ(test, again, object);
		KUNIT_EXPECT_TRUE(test, is_zero(again, attr.size));
		pytype_free(type, again);
		end(test, type);
	}
}

/* === Lengths === */

/* These lengths are blocks of different classes in every scheme. */
static void test_each_length_has_a_list(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "tuple", .size = 64, .itemsize = 64, .max_items = 2,
		.max_free = 2,
	};
	static const size_t lengths[] = { 0, 1, 2, 4 };
	struct pytype *type = begin(test, &attr);
	void *objects[4][3];
	unsigned int n, i;

	for (n = 0; n < 4; n++)
		for (i = 0; i < 3; i++)
			objects[n][i] = pytype_alloc_var(type, lengths[n],
							 GFP_KERNEL);
	for (n = 0; n < 4; n++)
		give(type, 3, objects[n]);
	/* Of 4 items there is no list, and of the others no third object. */
	KUNIT_EXPECT_EQ(test, type_cached(test, "tuple"), 6UL);
	for (n = 0; n < 3; n++)
		for (i = 2; i--;)
			KUNIT_EXPECT_PTR_EQ(test, pytype_alloc_var(type, n,
								   GFP_KERNEL),
					    objects[n][i]);
	KUNIT_EXPECT_EQ(test, type_cached(test, "tuple"), 0UL);
	for (n = 0; n < 3; n++)
		give(type, 2, objects[n]);
	end(test, type);
}

/* They have what all of them may have. */
static void test_lengths_of_one_class_share(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "bytes", .size = 8, .itemsize = 1, .max_items = 8,
		.max_free = 3,
	};
	struct pytype *type = begin(test, &attr);
	/* Without items it is one of them only where 8 bytes are no class. */
	unsigned int lengths = class_size(8) == 8 ? 8 : 9, i;
	void *objects[30];

	for (i = 0; i < 30; i++)
		objects[i] = pytype_alloc_var(type, 8, GFP_KERNEL);
	give(type, 30, objects);
	KUNIT_EXPECT_EQ(test, type_cached(test, "bytes"), 3UL * lengths);
	i = 3 * lengths - 1;
	KUNIT_EXPECT_PTR_EQ(test, pytype_alloc_var(type, 1, GFP_KERNEL),
			    objects[i]);
	pytype_free(type, objects[i]);
	end(test, type);
}

static void test_what_is_no_block_is_not_listed(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "large", .size = 400, .itemsize = 100, .max_items = 3,
		.max_free = 5,
	};
	struct pytype *type = begin(test, &attr);
	void *objects[4];
	unsigned int n;

	for (n = 0; n < 4; n++)
		objects[n] = pytype_alloc_var(type, n, GFP_KERNEL);
	give(type, 4, objects);
	KUNIT_EXPECT_EQ(test, type_cached(test, "large"), 2UL);
	end(test, type);
}

/* === Who is kept off === */

/* A call that comes while the CPU is at its list goes to the heap. */
static void test_a_busy_list_is_left_alone(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "busy", .size = 40, .max_free = 10,
	};
	struct pytype *type = begin(test, &attr);
	struct pyfreelist *list;
	void *objects[3];
	u8 key;

	take(test, type, 2, objects);
	give(type, 2, objects);
	preempt_disable();
	list = this_cpu_read(pytype_cpus(type)->list[0]);
	key = list->key;
	list->key = PYFREELIST_BUSY;
	objects[2] = pytype_alloc(type, GFP_ATOMIC);
	list->key = key;
	preempt_enable();
	KUNIT_EXPECT_PTR_NE(test, objects[2], objects[0]);
	KUNIT_EXPECT_PTR_NE(test, objects[2], objects[1]);
	KUNIT_EXPECT_EQ(test, type_cached(test, "busy"), 2UL);
	preempt_disable();
	list->key = PYFREELIST_BUSY;
	pytype_free(type, objects[2]);
	list->key = key;
	preempt_enable();
	KUNIT_EXPECT_EQ(test, type_cached(test, "busy"), 2UL);
	KUNIT_EXPECT_EQ(test, type_live(test, "busy"), 0UL);
	end(test, type);
}

static void test_closed_lists_are_not_used(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "closed", .size = 40, .max_free = 10,
	};
	struct pytype *type = begin(test, &attr), *late;
	struct pytype_attr attr_late = attr;
	void *objects[3];

	attr_late.name = "late";
	take(test, type, 2, objects);
	give(type, 1, objects);
	pydomain_wrap(PYWRAP_TEST);
	late = make_type(test, &attr_late);
	pytype_free(type, objects[1]);
	KUNIT_EXPECT_EQ(test, type_cached(test, "closed"), 1UL);
	objects[1] = pytype_alloc(type, GFP_KERNEL);
	KUNIT_EXPECT_PTR_NE(test, objects[1], objects[0]);
	KUNIT_EXPECT_EQ(test, type_cached(test, "closed"), 1UL);
	objects[2] = pytype_alloc(late, GFP_KERNEL);
	pytype_free(late, objects[2]);
	KUNIT_EXPECT_EQ(test, type_cached(test, "late"), 0UL);
	pyalloc_reclaim();
	KUNIT_EXPECT_EQ(test, type_cached(test, "closed"), 0UL);
	pydomain_unwrap(PYWRAP_TEST);
	pytype_free(type, objects[1]);
	KUNIT_EXPECT_EQ(test, type_cached(test, "closed"), 1UL);
	take(test, late, 1, objects);
	give(late, 1, objects);
	KUNIT_EXPECT_EQ(test, type_cached(test, "late"), 1UL);
	end(test, late);
	end(test, type);
}

static void test_without_memory_for_a_list_there_is_none(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "poor", .size = 40, .max_free = 10,
	};
	struct pytype *type = begin(test, &attr);
	void *objects[2];

	take(test, type, 2, objects);
	pyfault_arm(1);
	give(type, 1, objects);
	pyfault_arm(0);
	KUNIT_EXPECT_EQ(test, type_cached(test, "poor"), 0UL);
	KUNIT_EXPECT_EQ(test, type_live(test, "poor"), 1UL);
	give(type, 1, objects + 1);
	KUNIT_EXPECT_EQ(test, type_cached(test, "poor"), 1UL);
	end(test, type);
}

/* === Mistakes === */

static void test_mistakes_are_told_and_left_alone(struct kunit *test)
{
	const struct pytype_attr attrs[2] = {
		{ .name = "small", .size = 40, .max_free = 10 },
		{ .name = "larger", .size = 80, .max_free = 10 },
	};
	struct pytype *types[2];
	void *objects[2];

	types[0] = begin(test, &attrs[0]);
	types[1] = make_type(test, &attrs[1]);
	take(test, types[0], 1, &objects[0]);
	take(test, types[1], 1, &objects[1]);
	pytype_free(types[1], objects[0]);
	expect_report(test, PYALLOC_WRONG_TYPE, objects[0]);
	pytype_free(types[0], objects[1]);
	expect_report(test, PYALLOC_WRONG_TYPE, objects[1]);
	pytype_free(types[0], objects[0] + 8);
	expect_report(test, PYALLOC_INTERIOR, objects[0] + 8);
	pytype_free(types[0], objects[0]);
	pytype_free(types[0], objects[0]);
	expect_report(test, PYALLOC_DOUBLE_FREE, objects[0]);
	KUNIT_EXPECT_EQ(test, type_cached(test, "small"), 1UL);
	KUNIT_EXPECT_EQ(test, type_live(test, "larger"), 1UL);
	pytype_free(types[1], objects[1]);
	end(test, types[0]);
	end(test, types[1]);
}

/* Of one size, but each in its own pools. */
static void test_own_pools_are_told_exactly(struct kunit *test)
{
	const struct pytype_attr attrs[3] = {
		{ .name = "one", .size = 48, .max_free = 10,
		  .flags = PYTYPE_STABLE },
		{ .name = "other", .size = 48, .max_free = 10,
		  .flags = PYTYPE_STABLE },
		{ .name = "plain", .size = 48, .max_free = 10 },
	};
	struct pytype *types[3];
	void *objects[3];
	unsigned int i, j;

	for (i = 0; i < 3; i++) {
		types[i] = begin(test, &attrs[i]);
		take(test, types[i], 1, &objects[i]);
	}
	for (i = 0; i < 2; i++)
		for (j = 0; j < 3; j++)
			if (i != j) {
				pytype_free(types[i], objects[j]);
				expect_report(test, PYALLOC_WRONG_TYPE,
					      objects[j]);
			}
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, type_cached(test, attrs[i].name), 0UL);
		pytype_free(types[i], objects[i]);
		KUNIT_EXPECT_EQ(test, type_cached(test, attrs[i].name), 1UL);
		end(test, types[i]);
	}
}

/* === Grace periods === */

static void test_a_list_gets_what_a_grace_period_ends(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "grace", .size = 40, .max_free = 10,
		.flags = PYTYPE_RCU | PYTYPE_STABLE,
	};
	struct pytype *type = begin(test, &attr);
	void *objects[20];
	unsigned int i;

	take(test, type, 20, objects);
	for (i = 0; i < 20; i++)
		fill(objects[i], 40, i);
	rcu_read_lock();
	give(type, 20, objects);
	KUNIT_EXPECT_EQ(test, reports_seen(), 0);
	rcu_read_unlock();
	rcu_barrier();
	KUNIT_EXPECT_GE(test, type_cached(test, "grace"), 10UL);
	KUNIT_EXPECT_EQ(test, type_live(test, "grace"), 0UL);
	for (i = 0; i < 20; i++)
		KUNIT_EXPECT_TRUE(test, is_filled(objects[i], 40, i));
	end(test, type);
}

/* === Contexts, CPUs === */

struct visit {
	struct pytype	*type;
	gfp_t		gfp;
	void		*objects[3];
};

static void take_and_give(void *data)
{
	struct visit *visit = data;
	unsigned int i;

	for (i = 0; i < 3; i++)
		visit->objects[i] = pytype_alloc(visit->type, visit->gfp);
	for (i = 0; i < 3; i++)
		pytype_free(visit->type, visit->objects[i]);
}

/* What it takes is there: two in the list, the third in the heap. */
static void test_every_context_is_served(struct kunit *test)
{
	const struct context *context = need_context(test);
	const struct pytype_attr attr = {
		.name = "anywhere", .size = 40, .max_free = 10,
	};
	struct pytype *type = begin(test, &attr);
	struct visit visit = { .type = type, .gfp = context->gfp };
	unsigned int i;

	take(test, type, 3, visit.objects);
	give(type, 2, visit.objects);
	pyobject_free(pyobject_malloc(40, GFP_KERNEL));
	memset(visit.objects, 0, 2 * sizeof(visit.objects[0]));
	pytype_free(type, visit.objects[2]);
	run_there(test, take_and_give, &visit);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_NOT_NULL(test, visit.objects[i]);
	KUNIT_EXPECT_EQ(test, type_live(test, "anywhere"), 0UL);
	end(test, type);
}

struct errand {
	struct work_struct	work;
	struct pytype		*type;
	void			*objects[50];
};

static void leave_in_list(struct work_struct *work)
{
	struct errand *errand = container_of(work, struct errand, work);
	unsigned int i;

	for (i = 0; i < 50; i++)
		errand->objects[i] = pytype_alloc(errand->type, GFP_KERNEL);
	for (i = 0; i < 50; i++)
		pytype_free(errand->type, errand->objects[i]);
}

static void test_a_dead_cpu_s_lists_are_drained(struct kunit *test)
{
	const struct pytype_attr attr = {
		.name = "hotplug", .size = 40, .max_free = 30,
	};
	int cpu = cpumask_last(cpu_online_mask);
	struct errand errand = {};

	if (num_online_cpus() == 1)
		kunit_skip(test, "one CPU");
	if (PYSAN_WATCHES)
		kunit_skip(test, "a sanitizer sees every call");
	errand.type = make_type(test, &attr);
	INIT_WORK_ONSTACK(&errand.work, leave_in_list);
	schedule_work_on(cpu, &errand.work);
	flush_work(&errand.work);
	destroy_work_on_stack(&errand.work);
	KUNIT_EXPECT_EQ(test, type_cached(test, "hotplug"), 30UL);
	if (!cpu || remove_cpu(cpu)) {
		pytype_destroy(errand.type);
		kunit_skip(test, "no CPU can be taken away");
	}
	KUNIT_EXPECT_EQ(test, type_cached(test, "hotplug"), 0UL);
	KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
	end(test, errand.type);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_last_in_first_out),
	KUNIT_CASE(test_a_list_is_bounded),
	KUNIT_CASE(test_without_a_list_all_goes_to_the_heap),
	KUNIT_CASE(test_what_is_listed_is_live_for_the_heap),
	KUNIT_CASE(test_a_list_leaves_the_bytes_alone),
	KUNIT_CASE(test_zero_is_for_lists_too),
	KUNIT_CASE(test_each_length_has_a_list),
	KUNIT_CASE(test_lengths_of_one_class_share),
	KUNIT_CASE(test_what_is_no_block_is_not_listed),
	KUNIT_CASE(test_a_busy_list_is_left_alone),
	KUNIT_CASE(test_closed_lists_are_not_used),
	KUNIT_CASE(test_without_memory_for_a_list_there_is_none),
	KUNIT_CASE(test_mistakes_are_told_and_left_alone),
	KUNIT_CASE(test_own_pools_are_told_exactly),
	KUNIT_CASE(test_a_list_gets_what_a_grace_period_ends),
	KUNIT_CASE_PARAM(test_every_context_is_served, context_gen_params),
	KUNIT_CASE(test_a_dead_cpu_s_lists_are_drained),
	{ }
};

PYALLOC_ENGINE_SUITE(freelist, cases);
