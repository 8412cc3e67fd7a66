// SPDX-License-Identifier: GPL-2.0
/*
 * Size classes: which class serves a request, how its blocks are aligned,
 * and that no two of them share a byte.
 */
#include <linux/bitops.h>
#include <linux/slab.h>

#include "fixture.h"

static void test_class_of_every_size(struct kunit *test)
{
	void *block;
	size_t size;

	need_heap(test);
	for (size = 0; size <= heap_most(); size++) {
		block = pymem_malloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		KUNIT_EXPECT_EQ(test, room_of(block), heap_room(size));
		pymem_free(block);
	}
}

static void test_classes_are_in_order(struct kunit *test)
{
	const struct pyclasses *classes = pyheap_default.classes;
	unsigned int index = 0;
	size_t size;

	for_each_class_size(size) {
		KUNIT_ASSERT_TRUE(test, index < classes->nr);
		KUNIT_EXPECT_EQ(test, class_index(size), index);
		KUNIT_EXPECT_EQ(test, (size_t)classes->class[index].size, size);
		index++;
	}
	KUNIT_EXPECT_EQ(test, index, classes->nr);
}

static void test_natural_alignment(struct kunit *test)
{
	enum { N = 200 };
	void **blocks = make_array(test, N);
	size_t size, alignment, got, i;

	for_each_class_size(size) {
		alignment = alignment_of(&domains[PYMEM_DOMAIN_MEM], size);
		got = pymem_malloc_bulk(size, GFP_KERNEL, N, blocks);
		KUNIT_EXPECT_EQ(test, got, (size_t)N);
		for (i = 0; i < got; i++)
			if (!IS_ALIGNED((unsigned long)blocks[i], alignment))
				KUNIT_FAIL(test, "a block of %zu is not aligned to %zu",
					   size, alignment);
		pymem_free_bulk(got, blocks);
	}
	kvfree(blocks);
}

static size_t size_of(size_t i)
{
	return i * 7919 % (PYALLOC_SMALL_MAX + 1);
}

static u8 seed_of(const void *block)
{
	return (unsigned long)block >> 3 ^ (unsigned long)block >> 11;
}

static void test_live_blocks_do_not_overlap(struct kunit *test)
{
	enum { N = 50000 };
	void **blocks = make_array(test, N);
	unsigned int spoilt = 0;
	size_t i, usable;

	for (i = 0; i < N; i++) {
		blocks[i] = pyobject_malloc(size_of(i), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, blocks[i]);
		fill(blocks[i], pyalloc_usable_size(blocks[i]),
		     seed_of(blocks[i]));
	}
	KUNIT_EXPECT_EQ(test, count_overlaps(N, blocks), 0);
	for (i = 0; i < N; i++) {
		usable = pyalloc_usable_size(blocks[i]);
		if (!is_filled(blocks[i], usable, seed_of(blocks[i])))
			spoilt++;
		pyobject_free(blocks[i]);
	}
	KUNIT_EXPECT_EQ(test, spoilt, 0);
	kvfree(blocks);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_class_of_every_size),
	KUNIT_CASE(test_classes_are_in_order),
	KUNIT_CASE(test_natural_alignment),
	KUNIT_CASE(test_live_blocks_do_not_overlap),
	{ }
};

PYALLOC_SUITE(class, cases);
