// SPDX-License-Identifier: GPL-2.0
/*
 * The counters: each call changes the row it belongs to by exactly what it
 * did.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "fixture.h"

KUNIT_ARRAY_PARAM(domain, domains, describe_domain);

/* The row of a domain, before and after. */
struct change {
	unsigned int		row;
	struct pydomain_stats	before[PYDOMAIN_ROWS];
	struct pydomain_stats	after[PYDOMAIN_ROWS];
};

static struct change *begin_change(struct kunit *test, unsigned int row)
{
	struct change *change = kzalloc(sizeof(*change), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, change);
	change->row = row;
	take_domain_stats(test, change->before);
	return change;
}

#define difference(change, what) \
	((change)->after[(change)->row].what - \
	 (change)->before[(change)->row].what)

static void expect_change(struct kunit *test, struct change *change,
			  const struct pydomain_stats *expected)
{
	take_domain_stats(test, change->after);
	KUNIT_EXPECT_EQ(test, difference(change, mallocs), expected->mallocs);
	KUNIT_EXPECT_EQ(test, difference(change, callocs), expected->callocs);
	KUNIT_EXPECT_EQ(test, difference(change, reallocs),
			expected->reallocs);
	KUNIT_EXPECT_EQ(test, difference(change, frees), expected->frees);
	KUNIT_EXPECT_EQ(test, difference(change, failures),
			expected->failures);
	KUNIT_EXPECT_EQ(test, difference(change, blocks), expected->blocks);
	KUNIT_EXPECT_EQ(test, difference(change, bytes), expected->bytes);
	memcpy(change->before, change->after, sizeof(change->after));
}

#define expect_counts(test, change, ...)				\
	expect_change(test, change,					\
		      &(const struct pydomain_stats){ __VA_ARGS__ })

static const size_t sizes[] = { 0, 1, 100, 512, 513, 2000, 20000 };

static void test_malloc_and_free(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct change *change = begin_change(test, domain->id);
	unsigned int i;
	long usable;
	void *block;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		block = domain->malloc(sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		usable = room_of(block);
		expect_counts(test, change, .mallocs = 1, .blocks = 1,
			      .bytes = usable);
		domain->free(block);
		expect_counts(test, change, .frees = 1, .blocks = -1,
			      .bytes = -usable);
	}
	domain->free(NULL);
	expect_counts(test, change, .frees = 0);
	kfree(change);
}

static void test_calloc(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct change *change = begin_change(test, domain->id);
	unsigned int i;
	long usable;
	void *block;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		block = domain->calloc(1, sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		usable = room_of(block);
		expect_counts(test, change, .callocs = 1, .blocks = 1,
			      .bytes = usable);
		domain->free(block);
		expect_counts(test, change, .frees = 1, .blocks = -1,
			      .bytes = -usable);
	}
	kfree(change);
}

/* NULL to each size, to each next one, moved or not, and away. */
static void test_realloc(struct kunit *test)
{
	static const size_t steps[] = {
		10, 16, 500, 505, 8, 600, 590, 700, 100, 3000, 512, 50000,
		40000, 100, 1,
	};
	const struct domain *domain = test->param_value;
	struct change *change = begin_change(test, domain->id);
	long usable = 0, now;
	void *block = NULL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		block = domain->realloc(block, steps[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		now = room_of(block);
		expect_counts(test, change, .reallocs = 1, .blocks = !usable,
			      .bytes = now - usable);
		usable = now;
	}
	domain->free(block);
	expect_counts(test, change, .frees = 1, .blocks = -1,
		      .bytes = -usable);
	kfree(change);
}

static void test_failures(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	void *block = domain->malloc(100, GFP_KERNEL);
	struct change *change = begin_change(test, domain->id);

	KUNIT_EXPECT_NULL(test, domain->malloc(SIZE_MAX, GFP_KERNEL));
	expect_counts(test, change, .failures = 1);
	KUNIT_EXPECT_NULL(test, domain->calloc(SIZE_MAX, 2, GFP_KERNEL));
	expect_counts(test, change, .failures = 1);
	KUNIT_EXPECT_NULL(test, domain->calloc(INT_MAX, 2, GFP_KERNEL));
	expect_counts(test, change, .failures = 1);
	KUNIT_EXPECT_NULL(test, domain->realloc(NULL, SIZE_MAX, GFP_KERNEL));
	expect_counts(test, change, .failures = 1);
	KUNIT_EXPECT_NULL(test, domain->realloc(block, SIZE_MAX, GFP_KERNEL));
	expect_counts(test, change, .failures = 1);
	domain->free(block);
	kfree(change);
}

static void test_failures_of_nodes(struct kunit *test)
{
	struct change *change = begin_change(test, PYMEM_DOMAIN_OBJ);

	KUNIT_EXPECT_NULL(test, pyobject_malloc_node(8, GFP_KERNEL, INT_MAX));
	expect_counts(test, change, .failures = 1);
	kfree(change);
}

/* A block that shrinks in place for want of memory is not a failure. */
static void test_shrinking_in_need_is_no_failure(struct kunit *test)
{
	void *block = pymem_malloc(400, GFP_KERNEL), *all, *now;
	struct change *change = begin_change(test, PYMEM_DOMAIN_OBJ);

	preempt_disable();
	all = exhaust_heap(40);
	now = pyobject_realloc(block, 40, 0);
	preempt_enable();
	free_blocks(all);
	KUNIT_EXPECT_PTR_EQ(test, now, block);
	expect_wrong_domain(test, 1);
	expect_counts(test, change, .reallocs = 1);
	pymem_free(now ?: block);
	kfree(change);
}

static void test_bulk(struct kunit *test)
{
	struct change *change = begin_change(test, PYMEM_DOMAIN_MEM);
	void **blocks = make_array(test, 300);
	long usable;

	KUNIT_ASSERT_EQ(test, pymem_malloc_bulk(64, GFP_KERNEL, 300, blocks),
			(size_t)300);
	usable = 300 * room_of(blocks[0]);
	expect_counts(test, change, .mallocs = 300, .blocks = 300,
		      .bytes = usable);
	pymem_free_bulk(300, blocks);
	expect_counts(test, change, .frees = 300, .blocks = -300,
		      .bytes = -usable);
	KUNIT_ASSERT_EQ(test, pymem_malloc_bulk(1024, GFP_KERNEL, 10, blocks),
			(size_t)10);
	usable = 10 * room_of(blocks[0]);
	expect_counts(test, change, .mallocs = 10, .blocks = 10,
		      .bytes = usable);
	pymem_free_bulk(10, blocks);
	expect_counts(test, change, .frees = 10, .blocks = -10,
		      .bytes = -usable);
	kvfree(blocks);
	kfree(change);
}

/* The row of what a domain had from kmalloc because of its gfp. */
static unsigned int small_raw_row(const struct domain *domain)
{
	if (domain->id == PYMEM_DOMAIN_RAW || hooks_look(domain) ||
	    !heap_serves(domain, 64))
		return domain->id;
	return PYDOMAIN_FOREIGN;
}

/*
 * While the heap serves, such a block can't be told from a foreign one when it
 * comes back, unless it is decorated, and is counted with those all along.
 */
static void test_small_blocks_from_raw(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct change *change;
	long usable;
	void *block;

	change = begin_change(test, small_raw_row(domain));
	block = domain->malloc(64, GFP_KERNEL_ACCOUNT);
	KUNIT_ASSERT_NOT_NULL(test, block);
	usable = room_of(block);
	expect_counts(test, change, .mallocs = 1, .blocks = 1,
		      .bytes = usable);
	domain->free(block);
	expect_counts(test, change, .frees = 1, .blocks = -1,
		      .bytes = -usable);
	block = domain->calloc(2, 64, GFP_KERNEL_ACCOUNT);
	KUNIT_ASSERT_NOT_NULL(test, block);
	usable = room_of(block);
	expect_counts(test, change, .callocs = 1, .blocks = 1,
		      .bytes = usable);
	domain->free(block);
	expect_counts(test, change, .frees = 1, .blocks = -1,
		      .bytes = -usable);
	kfree(change);
}

/* A foreign block of so many bytes becomes the object domain's, and goes. */
static void adopt(struct kunit *test, struct change *object, size_t size,
		  size_t to)
{
	void *block = pyobject_realloc(kmalloc(size, GFP_KERNEL), to,
				       GFP_KERNEL);
	long usable;

	KUNIT_ASSERT_NOT_NULL(test, block);
	usable = room_of(block);
	expect_counts(test, object, .reallocs = 1, .blocks = 1,
		      .bytes = usable);
	pyobject_free(block);
	expect_counts(test, object, .frees = 1, .blocks = -1,
		      .bytes = -usable);
}

/* Only their end is seen here, so there are fewer and fewer of them. */
static void test_foreign_blocks(struct kunit *test)
{
	struct change *foreign, *object;
	void *block;
	long usable;

	if (!heap_serves(&domains[PYMEM_DOMAIN_OBJ], 100))
		kunit_skip(test, "the domain's own are the kernel's as well");
	foreign = begin_change(test, PYDOMAIN_FOREIGN);
	object = begin_change(test, PYMEM_DOMAIN_OBJ);
	block = kmalloc(100, GFP_KERNEL);
	usable = room_of(block);
	pyobject_free(block);
	expect_counts(test, foreign, .frees = 1, .blocks = -1,
		      .bytes = -usable);
	expect_counts(test, object, .frees = 0);
	adopt(test, object, 100, 200);
	expect_counts(test, foreign, .blocks = -1, .bytes = -usable);
	adopt(test, object, 100, 700);
	expect_counts(test, foreign, .blocks = -1, .bytes = -usable);
	kfree(object);
	kfree(foreign);
}

/* With allocator=malloc, they are counted as the domain's own. */
static void test_foreign_blocks_without_heap(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct change *change;
	void *block;
	long usable;

	if (heap_serves(&domains[PYMEM_DOMAIN_OBJ], 100))
		kunit_skip(test, "the heap serves");
	change = begin_change(test, domain->id);
	block = kmalloc(100, GFP_KERNEL);
	usable = room_of(block);
	domain->free(block);
	expect_counts(test, change, .frees = 1, .blocks = -1,
		      .bytes = -usable);
	balance_foreign(test, domain, usable);
	kfree(change);
}

static void test_allocated_blocks(struct kunit *test)
{
	size_t before = pymem_get_allocated_blocks();
	void *raw = pymem_raw_malloc(10, GFP_KERNEL);
	void *small = pymem_malloc(10, GFP_KERNEL);
	void *large = pyobject_malloc(1000, GFP_KERNEL);

	KUNIT_EXPECT_EQ(test, pymem_get_allocated_blocks(), before + 2);
	pymem_raw_free(raw);
	KUNIT_EXPECT_EQ(test, pymem_get_allocated_blocks(), before + 2);
	pyobject_free(large);
	KUNIT_EXPECT_EQ(test, pymem_get_allocated_blocks(), before + 1);
	pymem_free(small);
	KUNIT_EXPECT_EQ(test, pymem_get_allocated_blocks(), before);
}

static void test_peak(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct change *change = begin_change(test, domain->id);
	void *block = domain->malloc(SZ_4M, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, block);
	take_domain_stats(test, change->after);
	KUNIT_EXPECT_GE(test, change->after[domain->id].peak_bytes,
			change->before[domain->id].bytes + SZ_4M);
	domain->free(block);
	take_domain_stats(test, change->after);
	KUNIT_EXPECT_GE(test, change->after[domain->id].peak_bytes,
			change->before[domain->id].bytes + SZ_4M);
	KUNIT_EXPECT_EQ(test, change->after[domain->id].bytes,
			change->before[domain->id].bytes);
	kfree(change);
}

static void test_classes(struct kunit *test)
{
	struct pyheap_stats *before, *after;
	unsigned int class;
	void *blocks[50];

	need_heap(test);
	before = take_heap_stats(test);
	class = class_index(heap_room(200));
	KUNIT_ASSERT_EQ(test, pymem_malloc_bulk(200, GFP_KERNEL, 50, blocks),
			(size_t)50);
	after = take_heap_stats(test);
	KUNIT_EXPECT_EQ(test, after->class[class].mallocs -
			      before->class[class].mallocs, 50UL);
	KUNIT_EXPECT_EQ(test, after->blocks - before->blocks, 50UL);
	KUNIT_EXPECT_EQ(test, after->bytes - before->bytes,
			50 * heap_room(200));
	kfree(after);
	pymem_free_bulk(50, blocks);
	after = take_heap_stats(test);
	KUNIT_EXPECT_EQ(test, after->class[class].frees -
			      before->class[class].frees, 50UL);
	KUNIT_EXPECT_EQ(test, after->blocks, before->blocks);
	kfree(after);
	kfree(before);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(test_malloc_and_free, domain_gen_params),
	KUNIT_CASE_PARAM(test_calloc, domain_gen_params),
	KUNIT_CASE_PARAM(test_realloc, domain_gen_params),
	KUNIT_CASE_PARAM(test_failures, domain_gen_params),
	KUNIT_CASE_PARAM(test_small_blocks_from_raw, domain_gen_params),
	KUNIT_CASE_PARAM(test_foreign_blocks_without_heap, domain_gen_params),
	KUNIT_CASE_PARAM(test_peak, domain_gen_params),
	KUNIT_CASE(test_failures_of_nodes),
	KUNIT_CASE(test_shrinking_in_need_is_no_failure),
	KUNIT_CASE(test_bulk),
	KUNIT_CASE(test_foreign_blocks),
	KUNIT_CASE(test_allocated_blocks),
	KUNIT_CASE(test_classes),
	{ }
};

PYALLOC_SUITE(stats, cases);
