// SPDX-License-Identifier: GPL-2.0
/*
 * Private heaps while a trace is kept: what is noted of their blocks, whose
 * they are in a snapshot, and that nothing is left of a heap that is destroyed.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "../pyalloc/leak.h"
#include "traced.h"

static const size_t sizes[] = TRACED_SIZES;

#define for_each_size(i)	for ((i) = 0; (i) < ARRAY_SIZE(sizes); (i)++)

static struct pyheap *make_heap(struct kunit *test, const char *name)
{
	struct pyheap *heap = pyheap_create(name, NULL);

	KUNIT_ASSERT_TRUE(test, !IS_ERR_OR_NULL(heap));
	return heap;
}

static void end_heap(struct kunit *test, struct pyheap *heap, size_t live)
{
	KUNIT_EXPECT_EQ(test, pyheap_destroy(heap), live);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&heap->held), 0L);
}

/* === Ways to allocate and to free === */

/* What follows a call keeps it from being a jump, which has no caller. */
static __always_inline void *given(void *block)
{
	barrier();
	return block;
}

static noinline void *heap_malloc(struct pyheap *heap, size_t size)
{
	return given(pyheap_malloc(heap, size, GFP_KERNEL));
}

static noinline void *heap_calloc(struct pyheap *heap, size_t size)
{
	return given(pyheap_calloc(heap, size, 1, GFP_KERNEL));
}

static noinline void *heap_realloc(struct pyheap *heap, size_t size)
{
	return given(pyheap_realloc(heap, NULL, size, GFP_KERNEL));
}

static noinline void *heap_node(struct pyheap *heap, size_t size)
{
	return given(pyheap_malloc_node(heap, size, GFP_KERNEL,
					numa_mem_id()));
}

static noinline void *heap_bulk(struct pyheap *heap, size_t size)
{
	void *block = NULL;

	pyheap_malloc_bulk(heap, size, GFP_KERNEL, 1, &block);
	return given(block);
}

static const struct way {
	const char	*name;
	void		*(*make)(struct pyheap *heap, size_t size);
} ways[] = {
	{ "heap_malloc", heap_malloc },
	{ "heap_calloc", heap_calloc },
	{ "heap_realloc", heap_realloc },
	{ "heap_node", heap_node },
	{ "heap_bulk", heap_bulk },
};

static void describe_way(const struct way *way, char *desc)
{
	strscpy(desc, way->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(way, ways, describe_way);

static void free_by_heap(struct pyheap *heap, void *block)
{
	pyheap_free(heap, block);
}

static void free_in_bulk(struct pyheap *heap, void *block)
{
	pyheap_free_bulk(heap, 1, &block);
}

static void free_by_mem(struct pyheap *heap, void *block)
{
	pymem_free(block);
}

static void free_by_object(struct pyheap *heap, void *block)
{
	pyobject_free(block);
}

static void (*const frees[])(struct pyheap *heap, void *block) = {
	free_by_heap, free_in_bulk, free_by_mem, free_by_object,
};

/* === What is noted === */

static void expect_row(struct kunit *test, struct pyheap *heap,
		       const void *block, size_t size)
{
	struct pysnapshot_row rows[2];

	KUNIT_ASSERT_EQ(test, take_rows(test, rows, 2), 1U);
	KUNIT_EXPECT_EQ(test, rows[0].domain, PYTRACE_HEAPS + heap->id);
	KUNIT_EXPECT_EQ(test, (size_t)rows[0].bytes, room_of(block));
	KUNIT_EXPECT_EQ(test, (size_t)rows[0].size, size);
}

static void test_noted_and_forgotten(struct kunit *test)
{
	const struct way *way = test->param_value;
	struct pyheap *heap = make_heap(test, "test");
	unsigned int i, j;
	void *block;

	begin_trace(test, 1);
	for (j = 0; j < ARRAY_SIZE(frees); j++)
		for_each_size(i) {
			block = way->make(heap, sizes[i]);
			KUNIT_ASSERT_NOT_NULL(test, block);
			expect_one(test, block, sizes[i], way->name);
			expect_by(test, block, way->name);
			expect_row(test, heap, block, sizes[i]);
			frees[j](heap, block);
			expect_nothing(test, way->name, sizes[i]);
		}
	end_heap(test, heap, 0);
}

/* What the compiler knows the size of goes another way. */
static void test_known_size(struct kunit *test)
{
	struct pyheap *heap = make_heap(test, "test");
	void *block;

	begin_trace(test, 1);
	block = pyheap_malloc(heap, 37, GFP_KERNEL);
	expect_one(test, block, 37, "known");
	expect_by(test, block, "test_known_size");
	expect_row(test, heap, block, 37);
	pyheap_free(heap, block);
	expect_nothing(test, "known", 37);
	end_heap(test, heap, 0);
}

/* Its fast path was open before, and has to be shut for all that comes. */
static void test_begins_in_use(struct kunit *test)
{
	enum { N = 300 };
	struct pyheap *heap = make_heap(test, "test");
	void **before = make_array(test, N), **after = make_array(test, N);
	unsigned int i;
	long bytes = 0;

	for (i = 0; i < N; i++)
		before[i] = heap_malloc(heap, 3 * i);
	for (i = 0; i < N; i += 2)
		pyheap_free(heap, before[i]);
	begin_trace(test, 1);
	for (i = 0; i < N; i++) {
		after[i] = heap_malloc(heap, 64);
		bytes += room_of(after[i]);
	}
	for (i = 1; i < N; i += 2)
		pyheap_free(heap, before[i]);
	expect_noted(test, bytes, 64 * N, N, "in use", 64);
	pyheap_free_bulk(heap, N, after);
	expect_nothing(test, "in use", 64);
	kvfree(before);
	kvfree(after);
	end_heap(test, heap, 0);
}

static void test_resized(struct kunit *test)
{
	struct pyheap *heap = make_heap(test, "test");
	unsigned int i, j;
	void *block;

	begin_trace(test, 1);
	for_each_size(i)
		for_each_size(j) {
			block = heap_malloc(heap, sizes[i]);
			block = given(pyheap_realloc(heap, block, sizes[j],
						     GFP_KERNEL));
			KUNIT_ASSERT_NOT_NULL(test, block);
			expect_one(test, block, sizes[j], "resized");
			expect_row(test, heap, block, sizes[j]);
			pyheap_free(heap, block);
			expect_nothing(test, "resized", sizes[j]);
		}
	end_heap(test, heap, 0);
}

static void test_freed_after_grace(struct kunit *test)
{
	static const size_t large[] = { 16, 100, 512, 513, 5000, 70000 };
	struct pyheap *heap = make_heap(test, "test");
	struct graced *block;
	unsigned int i, on;

	begin_trace(test, 1);
	for (on = 0; on < 2; on++) {
		KUNIT_ASSERT_EQ(test, pyhook_turn(on ? BIT(PYMEM_DOMAIN_MEM) :
						  0), 0);
		for (i = 0; i < ARRAY_SIZE(large); i++) {
			block = heap_malloc(heap, large[i]);
			pyheap_free_rcu(heap, block, rcu);
		}
		rcu_barrier();
		expect_nothing(test, "grace", on);
	}
	KUNIT_ASSERT_EQ(test, pyhook_turn(0), 0);
	end_heap(test, heap, 0);
}

/* A heap's number is its own, also when its name is another's next. */
static void test_whose_it_is(struct kunit *test)
{
	struct pyheap *one = make_heap(test, "test");
	struct pyheap *other = make_heap(test, "other");
	unsigned int i;
	void *block;

	KUNIT_EXPECT_NE(test, one->id, other->id);
	begin_trace(test, 1);
	for_each_size(i) {
		block = heap_malloc(one, sizes[i]);
		expect_row(test, one, block, sizes[i]);
		pyheap_free(one, block);
		block = heap_malloc(other, sizes[i]);
		expect_row(test, other, block, sizes[i]);
		pyheap_free(other, block);
	}
	end_heap(test, one, 0);
	one = make_heap(test, "test");
	KUNIT_EXPECT_NE(test, one->id, other->id);
	for_each_size(i) {
		block = heap_malloc(one, sizes[i]);
		expect_row(test, one, block, sizes[i]);
		pyheap_free(one, block);
	}
	end_heap(test, one, 0);
	end_heap(test, other, 0);
}

/* === What was promised === */

#define LIMIT	SZ_128K

static void *use_up(struct pyheap *heap, size_t size)
{
	void *all = NULL, *block;

	while ((block = pyheap_malloc(heap, size, QUIET)))
		all = push_block(all, block);
	return all;
}

/* In a reserve nothing is noted; but what goes out is, and what comes back. */
static void expect_reserve(struct kunit *test, size_t size)
{
	struct pyheap_attr attr = { .limit_bytes = LIMIT };
	struct pyheap *heap = pyheap_create("test", &attr);
	void *all, *block;

	KUNIT_ASSERT_TRUE(test, !IS_ERR_OR_NULL(heap));
	begin_trace(test, 1);
	KUNIT_EXPECT_EQ(test, pyheap_reserve(heap, size, 1, GFP_KERNEL), 0);
	expect_nothing(test, "reserved", size);
	pytrace_stop();
	all = use_up(heap, size);
	pyheap_free(heap, pop_block(&all));
	begin_trace(test, 1);
	block = given(pyheap_malloc(heap, size, QUIET));
	KUNIT_ASSERT_NOT_NULL(test, block);
	expect_one(test, block, size, "taken");
	expect_row(test, heap, block, size);
	pyheap_free(heap, block);
	expect_nothing(test, "back", size);
	pyheap_destroy(heap);
	expect_nothing(test, "destroyed", size);
	pytrace_stop();
}

static void test_reserve(struct kunit *test)
{
	static const size_t promised[] = { 8, 40, 512, 600, 5000 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(promised); i++)
		expect_reserve(test, promised[i]);
}

/* === Destroyed with blocks live === */

struct leaks {
	long	bytes;
	long	requested;
	long	blocks;
};

static void leak(struct pyheap *heap, unsigned int nr_ways,
		 struct leaks *leaks)
{
	unsigned int i, j;
	void *block;

	for (i = 0; i < nr_ways; i++)
		for_each_size(j) {
			block = ways[i].make(heap, sizes[j]);
			leaks->bytes += room_of(block);
			leaks->requested += sizes[j];
			leaks->blocks++;
		}
}

static void test_destroyed_with_blocks(struct kunit *test)
{
	struct pyheap *heap = make_heap(test, "test");
	struct pyheap *other = make_heap(test, "other");
	struct leaks mine = {}, others = {};
	unsigned int n = ARRAY_SIZE(ways);
	void *block;

	begin_trace(test, 1);
	leak(heap, n, &mine);
	leak(other, 2, &others);
	block = pymem_malloc(100, GFP_KERNEL);
	expect_noted(test, mine.bytes + others.bytes + room_of(block),
		     mine.requested + others.requested + 100,
		     mine.blocks + others.blocks + 1, "all", 0);
	/* By call site, each heap's by itself. */
	KUNIT_EXPECT_EQ(test, pyleak_report_heap(heap), n);
	KUNIT_EXPECT_EQ(test, pyleak_report_heap(other), 2U);
	end_heap(test, heap, mine.blocks);
	expect_noted(test, others.bytes + room_of(block),
		     others.requested + 100, others.blocks + 1, "destroyed", 0);
	end_heap(test, other, others.blocks);
	expect_one(test, block, 100, "the domain's");
	pymem_free(block);
}

static void test_nothing_to_report(struct kunit *test)
{
	struct pyheap *heap = make_heap(test, "test");
	struct leaks leaks = {};

	leak(heap, 1, &leaks);
	KUNIT_EXPECT_EQ(test, pyleak_report_heap(heap), 0U);
	begin_trace(test, 1);
	/* It was not there yet. */
	KUNIT_EXPECT_EQ(test, pyleak_report_heap(heap), 0U);
	end_heap(test, heap, leaks.blocks);
	expect_nothing(test, "before", 0);
}

/* === Sampling === */

/* So many bytes that each of these has a point in it, and weighs 1. */
static void test_all_sampled(struct kunit *test)
{
	static const size_t large[] = { 128, 500, 512, 513, 5000, 70000 };
	struct pyheap *heap = make_heap(test, "test");
	unsigned int i;
	void *block;

	KUNIT_ASSERT_EQ(test, pytrace_set_interval(8), 0);
	begin_trace(test, 1);
	for (i = 0; i < ARRAY_SIZE(large); i++) {
		block = heap_malloc(heap, large[i]);
		expect_one(test, block, large[i], "sampled");
		expect_by(test, block, "heap_malloc");
		expect_row(test, heap, block, large[i]);
		pyheap_free(heap, block);
		expect_nothing(test, "sampled", large[i]);
	}
	end_heap(test, heap, 0);
}

static void take_many(struct pyheap *heap, void **blocks, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		blocks[i] = heap_malloc(heap, sizes[i % 6]);
}

/* Of many small ones some are noted; and none that is gone. */
static void test_some_sampled(struct kunit *test)
{
	enum { N = 3000 };
	struct pyheap *heap = make_heap(test, "test");
	void **blocks = make_array(test, N);
	struct pytrace_sum sum;
	unsigned int round;

	KUNIT_ASSERT_EQ(test, pytrace_set_interval(1024), 0);
	begin_trace(test, 1);
	for (round = 0; round < 2; round++) {
		take_many(heap, blocks, N);
		pytrace_sum_up(&sum);
		/* 600,000 bytes; e to the minus 600 is never. */
		KUNIT_EXPECT_GT(test, sum.current_bytes, (size_t)0);
		KUNIT_EXPECT_EQ(test, pyleak_report_heap(heap), 1U);
		if (!round)
			pyheap_free_bulk(heap, N, blocks);
		else
			end_heap(test, heap, N);
		expect_nothing(test, "some", round);
	}
	kvfree(blocks);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(test_noted_and_forgotten, way_gen_params),
	KUNIT_CASE(test_known_size),
	KUNIT_CASE(test_begins_in_use),
	KUNIT_CASE(test_resized),
	KUNIT_CASE(test_freed_after_grace),
	KUNIT_CASE(test_whose_it_is),
	KUNIT_CASE(test_reserve),
	KUNIT_CASE(test_destroyed_with_blocks),
	KUNIT_CASE(test_nothing_to_report),
	KUNIT_CASE(test_all_sampled),
	KUNIT_CASE(test_some_sampled),
	{ }
};

TRACED_SUITE(private_trace, cases);
