// SPDX-License-Identifier: GPL-2.0
/*
 * Private heaps: what they serve, whose their blocks are, what they may hold,
 * what they promised, and what is left when they are destroyed.
 */
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "../pyalloc/check.h"
#include "../pyalloc/domain.h"
#include "../pyalloc/front.h"
#include "../pyalloc/hook.h"
#include "../pyalloc/lifetime.h"
#include "fixture.h"

static const size_t sizes[] = {
	0, 1, 8, 9, 16, 63, 64, 65, 100, 128, 200, 256, 300, 400, 511, 512,
	513, 1000, 4096, 5000, 20000, 200000,
};

#define for_each_size(i)	for ((i) = 0; (i) < ARRAY_SIZE(sizes); (i)++)

static struct pyheap *make_heap(struct kunit *test,
				const struct pyheap_attr *attr)
{
	struct pyheap *heap = pyheap_create("test", attr);

	KUNIT_ASSERT_TRUE(test, !IS_ERR_OR_NULL(heap));
	return heap;
}

static void *make_block(struct kunit *test, struct pyheap *heap, size_t size)
{
	void *block = pyheap_malloc(heap, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, block);
	return block;
}

/* It holds nothing any more, and could be made again. */
static void end_heap(struct kunit *test, struct pyheap *heap, size_t live)
{
	KUNIT_EXPECT_EQ(test, pyheap_destroy(heap), live);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&heap->held), 0L);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&heap->raw_bytes), 0L);
}

/* A pool's blocks and raw's, those too that are in no client's hands. */
static long blocks_of(struct kunit *test, struct pyheap *heap)
{
	struct pyheap_stats *stats = kmalloc(sizeof(*stats), GFP_KERNEL);
	long blocks;

	KUNIT_ASSERT_NOT_NULL(test, stats);
	pystats_heap(heap, stats);
	blocks = stats->blocks + atomic_long_read(&heap->raw_mallocs) -
		 atomic_long_read(&heap->raw_frees);
	kfree(stats);
	return blocks;
}

static void look_whole(struct kunit *test)
{
	struct pycheck *check = kmalloc(sizeof(*check), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, check);
	KUNIT_EXPECT_EQ(test, pycheck_all(check), 0);
	KUNIT_EXPECT_STREQ(test, check->what, "");
	kfree(check);
}

/* === Making === */

static void expect_refused(struct kunit *test, const char *name,
			   const struct pyheap_attr *attr, int error)
{
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(pyheap_create(name, attr)), error);
}

static void test_names(struct kunit *test)
{
	static const char *const bad[] = {
		"", "A", "two words", "a/b", "a.b", "ü", "\xe9",
		"a-name-of-more-than-31-letters-1",
	};
	struct pyheap *heap;
	unsigned int i;

	expect_refused(test, NULL, NULL, -EINVAL);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		expect_refused(test, bad[i], NULL, -EINVAL);
	expect_refused(test, "default", NULL, -EEXIST);
	heap = make_heap(test, NULL);
	expect_refused(test, "test", NULL, -EEXIST);
	end_heap(test, heap, 0);
	heap = make_heap(test, NULL);
	end_heap(test, heap, 0);
	heap = pyheap_create("a-name-of-exactly-31-letters_31", NULL);
	KUNIT_ASSERT_TRUE(test, !IS_ERR(heap));
	end_heap(test, heap, 0);
}

static void test_attributes(struct kunit *test)
{
	static struct lockdep_map map;
	struct pyheap_attr bad[] = {
		{ .flags = 4 }, { .flags = ~0U }, { .classes = 4 },
		{ .arena_kib = 8 }, { .arena_kib = 48 },
		{ .arena_kib = 4096 }, { .limit_bytes = SIZE_MAX },
		{ .lock = &map },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		expect_refused(test, "test", &bad[i], -EINVAL);
}

static void test_classes(struct kunit *test)
{
	static const size_t rooms[][2] = {
		[PYHEAP_CLASSES_LINEAR] = { 16, 48 },
		[PYHEAP_CLASSES_FINE] = { 8, 40 },
		[PYHEAP_CLASSES_POW2] = { 8, 64 },
	};
	struct pyheap_attr attr = { .arena_kib = 64 };
	struct pyheap *heap;
	void *small, *large;

	trace_no_more();
	for (attr.classes = 1; attr.classes <= PYHEAP_CLASSES_POW2;
	     attr.classes++) {
		heap = make_heap(test, &attr);
		small = make_block(test, heap, 1);
		large = make_block(test, heap, 33);
		if (!hooks_look(&domains[PYMEM_DOMAIN_MEM])) {
			KUNIT_EXPECT_EQ(test, pyalloc_usable_size(small),
					PYSAN_KASAN ? 1 :
					rooms[attr.classes][0]);
			KUNIT_EXPECT_EQ(test, pyalloc_usable_size(large),
					PYSAN_KASAN ? 33 :
					rooms[attr.classes][1]);
		}
		KUNIT_EXPECT_EQ(test, atomic_long_read(&heap->held),
				(long)SZ_64K);
		pyheap_free(heap, small);
		pyheap_free(heap, large);
		end_heap(test, heap, 0);
	}
	trace_as_before();
}

/* === Serving === */

static void test_every_size(struct kunit *test)
{
	struct pyheap *heap = make_heap(test, NULL);
	void *blocks[ARRAY_SIZE(sizes)];
	unsigned int i, round;

	for (round = 0; round < 3; round++) {
		for_each_size(i) {
			blocks[i] = make_block(test, heap, sizes[i]);
			fill(blocks[i], sizes[i], i);
			KUNIT_EXPECT_GE(test, pyalloc_usable_size(blocks[i]),
					sizes[i]);
		}
		for_each_size(i)
			KUNIT_EXPECT_TRUE(test, is_filled(blocks[i], sizes[i],
							  i));
		/* It sorts them. */
		KUNIT_EXPECT_EQ(test, count_overlaps(i, blocks), 0U);
		for_each_size(i)
			pyheap_free(heap, blocks[i]);
	}
	pyheap_free(heap, NULL);
	KUNIT_EXPECT_EQ(test, blocks_of(test, heap), 0L);
	expect_no_report(test);
	end_heap(test, heap, 0);
}

static void test_of_size_zero(struct kunit *test)
{
	struct pyheap *heap = make_heap(test, NULL);
	void *one = make_block(test, heap, 0), *other = make_block(test, heap, 0);

	KUNIT_EXPECT_PTR_NE(test, one, other);
	pyheap_free(heap, one);
	pyheap_free(heap, other);
	KUNIT_EXPECT_NULL(test, pyheap_malloc(heap, (size_t)INT_MAX + 1, QUIET));
	KUNIT_EXPECT_NULL(test, pyheap_calloc(heap, SIZE_MAX, 2, QUIET));
	end_heap(test, heap, 0);
}

static void test_zeroed(struct kunit *test)
{
	struct pyheap *heap = make_heap(test, NULL);
	unsigned int i;
	void *block;

	for_each_size(i) {
		block = make_block(test, heap, sizes[i]);
		fill(block, sizes[i], 0x5a);
		pyheap_free(heap, block);
		block = pyheap_calloc(heap, 1, sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		KUNIT_EXPECT_TRUE(test, is_zero(block, sizes[i]));
		pyheap_free(heap, block);
		block = pyheap_malloc(heap, sizes[i], GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, block);
		KUNIT_EXPECT_TRUE(test, is_zero(block, sizes[i]));
		pyheap_free(heap, block);
	}
	end_heap(test, heap, 0);
}

static void test_resized(struct kunit *test)
{
	struct pyheap *heap = make_heap(test, NULL);
	unsigned int i, j;
	void *block;

	for_each_size(i) {
		for (j = 0; j < ARRAY_SIZE(sizes); j++) {
			block = pyheap_realloc(heap, NULL, sizes[i], GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, block);
			fill(block, sizes[i], j);
			block = pyheap_realloc(heap, block, sizes[j],
					       GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, block);
			KUNIT_EXPECT_TRUE(test, is_filled(block, min(sizes[i],
								     sizes[j]),
							  j));
			pyheap_free(heap, block);
		}
	}
	KUNIT_EXPECT_EQ(test, blocks_of(test, heap), 0L);
	end_heap(test, heap, 0);
}

/* What can't move is as clean behind its end as what did. */
static void test_shrunk_where_it_is(struct kunit *test)
{
	struct pyheap_attr attr = { .limit_bytes = SZ_64K };
	struct pyheap *heap = make_heap(test, &attr);
	void *block = pyheap_calloc(heap, 1, 1000, GFP_KERNEL), *moved;

	KUNIT_ASSERT_NOT_NULL(test, block);
	fill(block, 1000, 0x5a);
	while (pyheap_malloc(heap, 8, QUIET))
		;
	moved = pyheap_realloc(heap, block, 8, QUIET | __GFP_ZERO);
	KUNIT_EXPECT_PTR_EQ(test, moved, block);
	KUNIT_EXPECT_TRUE(test, is_filled(moved, 8, 0x5a));
	KUNIT_EXPECT_TRUE(test, is_zero(moved + 8, 992));
	expect_no_report(test);
	KUNIT_EXPECT_GT(test, pyheap_destroy(heap), (size_t)100);
}

static void test_in_bulk(struct kunit *test)
{
	struct pyheap *heap = make_heap(test, NULL);
	void **blocks = make_array(test, 1000);
	unsigned int round;
	size_t n;

	for (round = 0; round < 3; round++) {
		n = pyheap_malloc_bulk(heap, 40, GFP_KERNEL, 1000, blocks);
		KUNIT_EXPECT_EQ(test, n, (size_t)1000);
		KUNIT_EXPECT_EQ(test, count_overlaps(n, blocks), 0U);
		KUNIT_EXPECT_EQ(test, blocks_of(test, heap), 1000L);
		pyheap_free_bulk(heap, n, blocks);
	}
	KUNIT_EXPECT_EQ(test, blocks_of(test, heap), 0L);
	kvfree(blocks);
	end_heap(test, heap, 0);
}

static void test_on_a_node(struct kunit *test)
{
	struct pyheap *heap = make_heap(test, NULL);
	void *block;

	block = pyheap_malloc_node(heap, 100, GFP_KERNEL, numa_mem_id());
	KUNIT_ASSERT_NOT_NULL(test, block);
	pyheap_free(heap, block);
	KUNIT_EXPECT_NULL(test, pyheap_malloc_node(heap, 100, GFP_KERNEL, -7));
	KUNIT_EXPECT_NULL(test, pyheap_malloc_node(heap, 100, GFP_KERNEL,
						   nr_node_ids));
	end_heap(test, heap, 0);
}

/* Where nothing may sleep it serves as well, if there is room. */
static void test_atomic(struct kunit *test)
{
	struct pyheap *heap = make_heap(test, NULL);
	void *blocks[200];
	unsigned int i;

	pyheap_free(heap, make_block(test, heap, 24));
	local_irq_disable();
	for (i = 0; i < 200; i++)
		blocks[i] = pyheap_malloc(heap, 24, GFP_ATOMIC);
	for (i = 0; i < 200; i++)
		pyheap_free(heap, blocks[i]);
	local_irq_enable();
	for (i = 0; i < 200 && !IS_ENABLED(CONFIG_PREEMPT_RT); i++)
		KUNIT_EXPECT_NOT_NULL(test, blocks[i]);
	KUNIT_EXPECT_EQ(test, blocks_of(test, heap), 0L);
	end_heap(test, heap, 0);
}

/* === Whose a block is === */

/* It goes home, whoever frees it, and to no other heap. */
static void test_freed_through_domains(struct kunit *test)
{
	struct pyheap *heap = make_heap(test, NULL);
	unsigned int i, d;
	void *block;

	for_each_size(i) {
		for (d = 0; d < PYMEM_NR_DOMAINS; d++) {
			block = make_block(test, heap, sizes[i]);
			domains[d].free(block);
			KUNIT_EXPECT_EQ(test, blocks_of(test, heap), 0L);
		}
	}
	forget_reports();	/* debug hooks say that it is another heap's */
	end_heap(test, heap, 0);
}

static void test_resized_through_domains(struct kunit *test)
{
	struct pyheap *heap;
	unsigned int i;
	void *block;

	if (hooks_look(&domains[PYMEM_DOMAIN_MEM]))
		kunit_skip(test, "debug hooks move it to the domain");
	heap = make_heap(test, NULL);
	for_each_size(i) {
		block = make_block(test, heap, sizes[i]);
		fill(block, sizes[i], 7);
		block = pymem_realloc(block, 77, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		KUNIT_EXPECT_TRUE(test, is_filled(block, min_t(size_t, sizes[i],
							       77), 7));
		KUNIT_EXPECT_EQ(test, blocks_of(test, heap), 1L);
		pymem_free(block);
		KUNIT_EXPECT_EQ(test, blocks_of(test, heap), 0L);
	}
	expect_no_report(test);
	end_heap(test, heap, 0);
}

/* No address of one heap is ever another's while the first is there. */
static void test_pools_are_not_shared(struct kunit *test)
{
	struct pyheap *one = make_heap(test, NULL);
	struct pyheap *other = pyheap_create("other", NULL);
	void **blocks = make_array(test, 500);
	unsigned int i, j;
	void *block;

	KUNIT_ASSERT_TRUE(test, !IS_ERR(other));
	for (i = 0; i < 500; i++)
		blocks[i] = make_block(test, one, 32);
	for (i = 0; i < 500; i++)
		i % 2 ? pyheap_free(one, blocks[i]) : pymem_free(blocks[i]);
	forget_reports();
	for (i = 0; i < 500; i++) {
		block = i % 2 ? make_block(test, other, 32) :
				pymem_malloc(32, GFP_KERNEL);
		for (j = 0; j < 500; j++)
			KUNIT_EXPECT_PTR_NE(test, block, blocks[j]);
		i % 2 ? pyheap_free(other, block) : pymem_free(block);
	}
	kvfree(blocks);
	end_heap(test, one, 0);
	end_heap(test, other, 0);
}

static void test_another_heaps_block(struct kunit *test)
{
	struct pyheap *one, *other;
	unsigned int i;
	void *block;

	if (hooks_look(&domains[PYMEM_DOMAIN_MEM]))
		kunit_skip(test, "debug hooks serve it, and say so");
	one = make_heap(test, NULL);
	other = pyheap_create("other", NULL);
	KUNIT_ASSERT_TRUE(test, !IS_ERR(other));
	for_each_size(i) {
		block = make_block(test, one, sizes[i]);
		fill(block, sizes[i], 3);
		pyheap_free(other, block);
		expect_report(test, PYALLOC_NOT_OWN, block);
		KUNIT_EXPECT_NULL(test, pyheap_realloc(other, block, 50, QUIET));
		expect_report(test, PYALLOC_NOT_OWN, block);
		KUNIT_EXPECT_EQ(test, blocks_of(test, one), 1L);
		KUNIT_EXPECT_TRUE(test, is_filled(block, sizes[i], 3));
		pyheap_free(one, block);
		expect_no_report(test);
	}
	block = pymem_malloc(40, GFP_KERNEL);
	pyheap_free(one, block);
	expect_report(test, PYALLOC_NOT_OWN, block);
	pymem_free(block);
	KUNIT_EXPECT_EQ(test, blocks_of(test, one), 0L);
	end_heap(test, one, 0);
	end_heap(test, other, 0);
}

static void test_no_block(struct kunit *test)
{
	struct pyheap *heap;
	char *block;
	void *mine;

	if (hooks_look(&domains[PYMEM_DOMAIN_MEM]))
		kunit_skip(test, "hook_free tests these");
	heap = make_heap(test, NULL);
	block = make_block(test, heap, 64);
	mine = kmalloc(100, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, mine);
	pyheap_free(heap, block + 8);
	expect_report(test, PYALLOC_INTERIOR, block + 8);
	pyheap_free(heap, (void *)4096);
	expect_report(test, PYALLOC_WILD, (void *)4096);
	pyheap_free(heap, mine);
	expect_report(test, PYALLOC_NOT_OWN, mine);
	pyheap_free(heap, block);
	pyheap_free(heap, block);
	expect_report(test, PYALLOC_DOUBLE_FREE, block);
	kfree(mine);
	end_heap(test, heap, 0);
}

/* === Limits === */

#define LIMIT	SZ_256K

static void test_limit(struct kunit *test)
{
	struct pyheap_attr attr = { .limit_bytes = LIMIT };
	struct pyheap *heap = make_heap(test, &attr);
	size_t size = 8, n = 0;
	void *all = NULL, *block;

	do {
		block = pyheap_malloc(heap, size, QUIET);
		if (block)
			all = push_block(all, block);
		KUNIT_EXPECT_LE(test, atomic_long_read(&heap->held),
				(long)LIMIT);
		n += !!block;
		size = size * 3 % 3001 + 8;
	} while (block);
	KUNIT_EXPECT_GT(test, n, (size_t)50);
	KUNIT_EXPECT_GT(test, atomic_long_read(&heap->refused), 0L);
	KUNIT_EXPECT_GT(test, atomic_long_read(&heap->failures), 0L);
	KUNIT_EXPECT_NULL(test, pyheap_malloc(heap, LIMIT, QUIET));
	while (all)
		pyheap_free(heap, pop_block(&all));
	/* What came back can be had again. */
	block = make_block(test, heap, LIMIT / 8);
	pyheap_free(heap, block);
	end_heap(test, heap, 0);
}

static void test_limit_and_no_fail(struct kunit *test)
{
	struct pyheap_attr attr = { .limit_bytes = SZ_16K };
	struct pyheap *heap = make_heap(test, &attr);
	void *block;

	KUNIT_EXPECT_NULL(test, pyheap_malloc(heap, SZ_32K, QUIET));
	block = pyheap_malloc(heap, 2048, GFP_KERNEL | __GFP_NOFAIL);
	pyheap_free(heap, block);
	while (pyheap_malloc(heap, 2048, QUIET))
		;
	block = pyheap_malloc(heap, 2048, GFP_KERNEL | __GFP_NOFAIL);
	KUNIT_EXPECT_NOT_NULL(test, block);
	KUNIT_EXPECT_GT(test, atomic_long_read(&heap->held), (long)SZ_16K);
	KUNIT_EXPECT_TRUE(test, heap->told_limit);
	KUNIT_EXPECT_GT(test, pyheap_destroy(heap), (size_t)4);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&heap->held), 0L);
}

/* === Reserves === */

static void use_up(struct pyheap *heap, size_t size, void **all)
{
	void *block;

	while ((block = pyheap_malloc(heap, size, QUIET)))
		*all = push_block(*all, block);
}

static void expect_promise(struct kunit *test, struct pyheap *heap, size_t size,
			   unsigned int n)
{
	void *blocks[16], *last;
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, n <= 16);
	preempt_disable();
	for (i = 0; i < n; i++)
		blocks[i] = pyheap_malloc(heap, size, GFP_NOWAIT | __GFP_NOWARN);
	last = pyheap_malloc(heap, size, GFP_NOWAIT | __GFP_NOWARN);
	preempt_enable();
	KUNIT_EXPECT_NULL(test, last);
	KUNIT_EXPECT_EQ(test, count_overlaps(n, blocks), 0U);
	for (i = 0; i < n; i++) {
		KUNIT_ASSERT_NOT_NULL(test, blocks[i]);
		fill(blocks[i], size, i);
	}
	for (i = 0; i < n; i++) {
		KUNIT_EXPECT_TRUE(test, is_filled(blocks[i], size, i));
		pyheap_free(heap, blocks[i]);
	}
}

static void test_reserve(struct kunit *test)
{
	static const size_t reserved[] = { 1, 40, 512, 600, 5000 };
	struct pyheap_attr attr = { .limit_bytes = LIMIT };
	struct pyheap *heap;
	void *all = NULL;
	unsigned int i, round;

	for (i = 0; i < ARRAY_SIZE(reserved); i++) {
		heap = make_heap(test, &attr);
		KUNIT_ASSERT_EQ(test, pyheap_reserve(heap, reserved[i], 16,
						     GFP_KERNEL), 0);
		use_up(heap, max_t(size_t, reserved[i], 8), &all);
		/* Its last blocks were those that had been promised. */
		for (round = 0; round < 16; round++)
			pyheap_free(heap, pop_block(&all));
		for (round = 0; round < 3; round++)
			expect_promise(test, heap, reserved[i], 16);
		while (all)
			pyheap_free(heap, pop_block(&all));
		end_heap(test, heap, 0);
	}
}

/* What it grows into is zero as well. */
static void expect_clean(struct kunit *test, size_t from, size_t to)
{
	struct pyheap_attr attr = { .limit_bytes = SZ_64K };
	struct pyheap *heap = make_heap(test, &attr);
	void *all = NULL, *block;

	KUNIT_ASSERT_EQ(test, pyheap_reserve(heap, to, 1, GFP_KERNEL), 0);
	use_up(heap, 8, &all);
	use_up(heap, to, &all);
	block = pop_block(&all);
	fill(block, to, 0x5a);
	pyheap_free(heap, block);
	block = pyheap_calloc(heap, 1, from, QUIET);
	KUNIT_ASSERT_NOT_NULL(test, block);
	block = pyheap_realloc(heap, block, to, QUIET | __GFP_ZERO);
	if (block)
		KUNIT_EXPECT_TRUE(test, is_zero(block, to));
	pyheap_destroy(heap);
}

static void test_reserve_is_clean(struct kunit *test)
{
	expect_clean(test, 33, 40);
	expect_clean(test, 520, 600);
}

/* Where no arena fits it is raw that has what was promised. */
static void test_reserve_without_arenas(struct kunit *test)
{
	struct pyheap_attr attr = {
		.limit_bytes = 10000, .classes = PYHEAP_CLASSES_POW2,
	};
	struct pyheap *heap = make_heap(test, &attr);
	void *all = NULL, *block;

	KUNIT_ASSERT_EQ(test, pyheap_reserve(heap, 65, 4, GFP_KERNEL), 0);
	use_up(heap, 128, &all);
	while ((block = pop_block(&all)))
		KUNIT_EXPECT_GE(test, pyalloc_usable_size(block), (size_t)128);
	pyheap_destroy(heap);
}

static void test_bad_reserves(struct kunit *test)
{
	struct pyheap_attr attr = { .limit_bytes = SZ_64K };
	struct pyheap *heap = make_heap(test, &attr);

	KUNIT_EXPECT_EQ(test, pyheap_reserve(heap, 8, 0, GFP_KERNEL), -EINVAL);
	KUNIT_EXPECT_EQ(test, pyheap_reserve(heap, SIZE_MAX, 1, GFP_KERNEL),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, pyheap_reserve(heap, 512, 1000, QUIET), -ENOMEM);
	/* What it got of them is free again. */
	KUNIT_EXPECT_EQ(test, blocks_of(test, heap), 0L);
	KUNIT_EXPECT_EQ(test, pyheap_reserve(heap, 512, 10, QUIET), 0);
	KUNIT_EXPECT_EQ(test, blocks_of(test, heap), 10L);
	end_heap(test, heap, 0);
}

/* === Destroying === */

static void test_destroyed_with_blocks(struct kunit *test)
{
	struct pyheap *heap = make_heap(test, NULL);
	unsigned int i, n;

	for (n = 0; n < 500; n++)
		make_block(test, heap, n % 600);
	for_each_size(i)
		make_block(test, heap, sizes[i]);
	KUNIT_EXPECT_EQ(test, blocks_of(test, heap), (long)(n + i));
	end_heap(test, heap, n + i);
	look_whole(test);
}

static void test_use_after_destroy(struct kunit *test)
{
	struct pyheap *heap = make_heap(test, NULL);
	void *block = make_block(test, heap, 40);
	struct rcu_head rcu;

	pyheap_free(heap, block);
	end_heap(test, heap, 0);
	KUNIT_EXPECT_EQ(test, pyheap_destroy(heap), (size_t)0);
	expect_report(test, PYALLOC_DESTROYED, NULL);
	KUNIT_EXPECT_NULL(test, pyheap_malloc(heap, 40, GFP_KERNEL));
	expect_report(test, PYALLOC_DESTROYED, NULL);
	KUNIT_EXPECT_NULL(test, pyheap_malloc(heap, 4000, GFP_KERNEL));
	expect_report(test, PYALLOC_DESTROYED, NULL);
	KUNIT_EXPECT_NULL(test, pyheap_calloc(heap, 4, 4, GFP_KERNEL));
	expect_report(test, PYALLOC_DESTROYED, NULL);
	KUNIT_EXPECT_NULL(test, pyheap_realloc(heap, block, 4, GFP_KERNEL));
	expect_report(test, PYALLOC_DESTROYED, NULL);
	KUNIT_EXPECT_EQ(test, pyheap_malloc_bulk(heap, 8, GFP_KERNEL, 1, &block),
			(size_t)0);
	expect_report(test, PYALLOC_DESTROYED, NULL);
	KUNIT_EXPECT_EQ(test, pyheap_reserve(heap, 8, 1, GFP_KERNEL), -EINVAL);
	expect_report(test, PYALLOC_DESTROYED, NULL);
	pyheap_free(heap, &rcu);
	expect_report(test, PYALLOC_DESTROYED, NULL);
	__pyheap_free_rcu(heap, &rcu, &rcu);
	expect_report(test, PYALLOC_DESTROYED, NULL);
	KUNIT_EXPECT_EQ(test, pyheap_destroy(NULL), (size_t)0);
	KUNIT_EXPECT_EQ(test, pyheap_destroy(ERR_PTR(-ENOMEM)), (size_t)0);
}

struct late {
	struct rcu_head	rcu;
	char		rest[1000];
};

static void test_freed_after_grace(struct kunit *test)
{
	struct pyheap_attr attr = {};
	struct pyheap *heap;
	struct late *late;
	size_t size;

	for (; attr.flags <= (PYHEAP_EXTERNAL_LOCK | PYHEAP_SMALL_ONLY);
	     attr.flags++) {
		heap = make_heap(test, &attr);
		for (size = sizeof(late->rcu); size < 700; size += 50) {
			late = make_block(test, heap, size);
			pyheap_free_rcu(heap, late, rcu);
		}
		late = NULL;
		pyheap_free_rcu(heap, late, rcu);
		rcu_barrier();
		if (!hooks_look(&domains[PYMEM_DOMAIN_MEM]) &&
		    !(attr.flags & PYHEAP_SMALL_ONLY))
			KUNIT_EXPECT_EQ(test, blocks_of(test, heap), 0L);
		look_whole(test);
		end_heap(test, heap, 0);
	}
}

/* Those that wait as their heap is destroyed are waited for. */
static void test_destroyed_in_grace(struct kunit *test)
{
	struct pyheap *heap = make_heap(test, NULL);
	struct late *late;
	unsigned int i;

	for (i = 0; i < 100; i++) {
		late = make_block(test, heap, 100 + 10 * i);
		pyheap_free_rcu(heap, late, rcu);
	}
	end_heap(test, heap, 0);
}

static void test_many_heaps(struct kunit *test)
{
	enum { N = 100 };
	struct pyheap **heaps = (struct pyheap **)make_array(test, N);
	unsigned int i, j;
	char name[16];

	for (i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "test-%u", i);
		heaps[i] = pyheap_create(name, NULL);
		KUNIT_ASSERT_TRUE(test, !IS_ERR(heaps[i]));
	}
	for (j = 0; j < 20; j++)
		for (i = 0; i < N; i++)
			make_block(test, heaps[i], i + 30 * j);
	look_whole(test);
	for (i = 0; i < N; i++)
		end_heap(test, heaps[i], 20);
	kvfree(heaps);
}

/* === The kmalloc header's flag === */

static void test_small_only(struct kunit *test)
{
	struct pyheap_attr attr = { .flags = PYHEAP_SMALL_ONLY };
	struct pyheap *heap;
	void *mine, *large;

	heap = make_heap(test, &attr);
	mine = kmalloc(100, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, mine);
	pyheap_free(heap, mine);
	large = make_block(test, heap, 3000);
	kfree(large);
	large = make_block(test, heap, 3000);
	large = pyheap_realloc(heap, large, 30, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, large);
	KUNIT_EXPECT_TRUE(test, is_heaps(large));
	pyheap_free(heap, large);
	expect_no_report(test);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&heap->raw_mallocs), 2L);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&heap->raw_frees), 2L);
	pyheap_destroy(heap);
}

/* === A client's lock === */

static DEFINE_SPINLOCK(own_lock);

static void test_own_lock(struct kunit *test)
{
	struct pyheap_attr attr = {
		.flags = PYHEAP_EXTERNAL_LOCK, .lock = PYHEAP_LOCK(&own_lock),
	};
	struct pyheap *heap = make_heap(test, &attr);
	void **blocks = make_array(test, 2000);
	unsigned int i, round, n = 0;

	for (round = 0; round < 4; round++) {
		spin_lock(&own_lock);
		for (i = 0; i < 2000; i++) {
			blocks[i] = pyheap_malloc(heap, i % 600, GFP_ATOMIC);
			n += !!blocks[i];
		}
		for (i = 0; i < 2000; i += 2) {
			pyheap_free(heap, blocks[i]);
			blocks[i] = NULL;
		}
		for (i = 0; i < 2000; i++)
			pyheap_free(heap, blocks[i]);
		spin_unlock(&own_lock);
		look_whole(test);
		pyalloc_reclaim();
	}
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		KUNIT_EXPECT_EQ(test, n, 8000U);
	KUNIT_EXPECT_EQ(test, blocks_of(test, heap), 0L);
	expect_no_report(test);
	kvfree(blocks);
	end_heap(test, heap, 0);
}

static void test_lock_that_is_not_held(struct kunit *test)
{
	struct pyheap_attr attr = {
		.flags = PYHEAP_EXTERNAL_LOCK, .lock = PYHEAP_LOCK(&own_lock),
	};
	struct pyheap *heap;
	void *block;

	if (!attr.lock)
		kunit_skip(test, "there is no lockdep");
	heap = make_heap(test, &attr);
	block = pyheap_malloc(heap, 10, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, block);
	expect_report(test, PYALLOC_UNLOCKED, NULL);
	pyheap_free(heap, block);
	expect_report(test, PYALLOC_UNLOCKED, NULL);
	end_heap(test, heap, 0);
}

/* Debug hooks see it where there is no lockdep. */
static void test_two_inside(struct kunit *test)
{
	struct pyheap_attr attr = { .flags = PYHEAP_EXTERNAL_LOCK };
	struct pyheap *heap;
	void *block;

	if (!hooks_look(&domains[PYMEM_DOMAIN_MEM]))
		kunit_skip(test, "there are no debug hooks");
	heap = make_heap(test, &attr);
	heap->inside = true;
	block = make_block(test, heap, 10);
	expect_report(test, PYALLOC_TWO_INSIDE, NULL);
	pyheap_free(heap, block);
	expect_no_report(test);
	end_heap(test, heap, 0);
}

/* === What reviews found === */

/* A heap that was not used so far is not opened by what others do. */
static void test_bulk_first(struct kunit *test)
{
	struct pyheap *heap = make_heap(test, NULL);
	void *blocks[20];

	pydomain_wrap(PYWRAP_TEST);
	pydomain_unwrap(PYWRAP_TEST);
	KUNIT_EXPECT_FALSE(test, heap->is_open);
	KUNIT_EXPECT_EQ(test, pyheap_malloc_bulk(heap, 40, GFP_KERNEL, 20,
						 blocks), (size_t)20);
	pyheap_free_bulk(heap, 20, blocks);
	if (!pylifetime_is_wrapped())
		KUNIT_EXPECT_TRUE(test, heap->is_open);
	end_heap(test, heap, 0);
}

/* Its pool is gone, and its arena is not. */
static void test_resized_after_the_pool(struct kunit *test)
{
	struct pyheap_attr attr = { .arena_kib = 64 };
	struct pyalloc_report report;
	struct pyheap *heap;
	void *kept, *block;

	if (hooks_look(&domains[PYMEM_DOMAIN_MEM]))
		kunit_skip(test, "hook_free tests these");
	heap = make_heap(test, &attr);
	kept = make_block(test, heap, 512);
	block = make_block(test, heap, 24);
	pyheap_free(heap, block);
	pyalloc_reclaim();
	KUNIT_EXPECT_NULL(test, pyheap_realloc(heap, block, 30, QUIET));
	KUNIT_EXPECT_EQ(test, take_reports(&report), 1U);
	KUNIT_EXPECT_NULL(test, pymem_realloc(block, 30, QUIET));
	KUNIT_EXPECT_EQ(test, take_reports(&report), 1U);
	pyheap_free(heap, kept);
	end_heap(test, heap, 0);
}

static void test_limit_of_small_blocks_only(struct kunit *test)
{
	struct pyheap_attr attr = {
		.limit_bytes = SZ_64K, .flags = PYHEAP_SMALL_ONLY,
	};
	struct pyheap *heap = make_heap(test, &attr);
	void *all = NULL;
	unsigned int n = 0;

	if (!hooks_look(&domains[PYMEM_DOMAIN_MEM])) {
		use_up(heap, 100, &all);
		KUNIT_EXPECT_EQ(test, atomic_long_read(&heap->raw_mallocs), 0L);
	}
	for (; all; n++)
		pyheap_free(heap, pop_block(&all));
	KUNIT_EXPECT_LE(test, n, SZ_64K / 100U);
	KUNIT_EXPECT_EQ(test, pyheap_reserve(heap, 4096, 2, QUIET), -EINVAL);
	end_heap(test, heap, 0);
}

/* Frees after a grace period come to it as well. */
static void fill_by_rcu(struct kunit *test, unsigned int flags, size_t size)
{
	struct pyheap_attr attr = { .limit_bytes = LIMIT, .flags = flags };
	struct pyheap *heap = make_heap(test, &attr);
	struct late *late;
	void *all = NULL;

	KUNIT_ASSERT_EQ(test, pyheap_reserve(heap, size, 4, GFP_KERNEL), 0);
	use_up(heap, size, &all);
	KUNIT_EXPECT_EQ(test, atomic_read(&heap->short_of), 4);
	while (all) {
		late = pop_block(&all);
		pyheap_free_rcu(heap, late, rcu);
	}
	rcu_barrier();
	if (!hooks_look(&domains[PYMEM_DOMAIN_MEM]))
		KUNIT_EXPECT_EQ(test, atomic_read(&heap->short_of), 0);
	end_heap(test, heap, 0);
}

static void test_reserve_and_grace(struct kunit *test)
{
	fill_by_rcu(test, 0, 40);
	fill_by_rcu(test, 0, 800);
	fill_by_rcu(test, PYHEAP_EXTERNAL_LOCK, 40);
}

static void test_freed_twice_into_reserve(struct kunit *test)
{
	struct pyheap_attr attr = { .limit_bytes = LIMIT };
	struct pyheap *heap = make_heap(test, &attr);
	void *all = NULL, *one, *other;

	KUNIT_ASSERT_EQ(test, pyheap_reserve(heap, 40, 4, GFP_KERNEL), 0);
	use_up(heap, 40, &all);
	one = pop_block(&all);
	other = pop_block(&all);
	pyheap_free(heap, one);
	pyheap_free(heap, other);
	expect_no_report(test);
	pyheap_free(heap, one);
	expect_report(test, PYALLOC_DOUBLE_FREE, one);
	while (all)
		pyheap_free(heap, pop_block(&all));
	end_heap(test, heap, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_names),
	KUNIT_CASE(test_attributes),
	KUNIT_CASE(test_classes),
	KUNIT_CASE(test_every_size),
	KUNIT_CASE(test_of_size_zero),
	KUNIT_CASE(test_zeroed),
	KUNIT_CASE(test_resized),
	KUNIT_CASE(test_shrunk_where_it_is),
	KUNIT_CASE(test_in_bulk),
	KUNIT_CASE(test_on_a_node),
	KUNIT_CASE(test_atomic),
	KUNIT_CASE(test_freed_through_domains),
	KUNIT_CASE(test_resized_through_domains),
	KUNIT_CASE(test_pools_are_not_shared),
	KUNIT_CASE(test_another_heaps_block),
	KUNIT_CASE(test_no_block),
	KUNIT_CASE(test_limit),
	KUNIT_CASE(test_limit_and_no_fail),
	KUNIT_CASE(test_reserve),
	KUNIT_CASE(test_reserve_is_clean),
	KUNIT_CASE(test_reserve_without_arenas),
	KUNIT_CASE(test_bad_reserves),
	KUNIT_CASE(test_destroyed_with_blocks),
	KUNIT_CASE(test_use_after_destroy),
	KUNIT_CASE(test_freed_after_grace),
	KUNIT_CASE(test_destroyed_in_grace),
	KUNIT_CASE(test_many_heaps),
	KUNIT_CASE(test_small_only),
	KUNIT_CASE(test_own_lock),
	KUNIT_CASE(test_lock_that_is_not_held),
	KUNIT_CASE(test_two_inside),
	KUNIT_CASE(test_bulk_first),
	KUNIT_CASE(test_resized_after_the_pool),
	KUNIT_CASE(test_limit_of_small_blocks_only),
	KUNIT_CASE(test_reserve_and_grace),
	KUNIT_CASE(test_freed_twice_into_reserve),
	{ }
};

PYALLOC_SUITE(private, cases);
