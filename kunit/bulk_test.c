// SPDX-License-Identifier: GPL-2.0
/*
 * Many blocks at a time: around the size of a batch, of any size, and freed
 * in any mixture.
 */
#include <linux/slab.h>

#include "fixture.h"

static const size_t numbers[] = { 0, 1, 63, 64, 65, 129, 4096 };
static const size_t sizes[] = { 0, 1, 8, 24, 64, 100, 512, 513, 2000 };

static void write_all(size_t n, void **blocks, size_t size)
{
	size_t i;

	for (i = 0; i < n; i++)
		fill(blocks[i], size, i ^ i >> 8);
}

static size_t count_spoilt(size_t n, void **blocks, size_t size)
{
	size_t i, spoilt = 0;

	for (i = 0; i < n; i++)
		spoilt += !is_filled(blocks[i], size, (u8)(i ^ i >> 8));
	return spoilt;
}

static void try_bulk(struct kunit *test, size_t size, size_t n, void **blocks)
{
	size_t before = pymem_get_allocated_blocks();

	KUNIT_ASSERT_EQ(test, pymem_malloc_bulk(size, GFP_KERNEL, n, blocks),
			n);
	KUNIT_EXPECT_EQ(test, pymem_get_allocated_blocks(), before + n);
	write_all(n, blocks, size);
	KUNIT_EXPECT_EQ(test, count_spoilt(n, blocks, size), (size_t)0);
	pymem_free_bulk(n, blocks);
	KUNIT_EXPECT_EQ(test, pymem_get_allocated_blocks(), before);
}

static void test_any_number_of_any_size(struct kunit *test)
{
	void **blocks = make_array(test, 4096);
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (j = 0; j < ARRAY_SIZE(numbers); j++)
			try_bulk(test, sizes[i], numbers[j], blocks);
	kvfree(blocks);
}

static void test_bulk_over_the_limit(struct kunit *test)
{
	static const size_t too_large[] = {
		(size_t)INT_MAX + 1, LONG_MAX, SIZE_MAX,
	};
	void *blocks[4];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(too_large); i++)
		KUNIT_EXPECT_EQ(test, pymem_malloc_bulk(too_large[i],
							GFP_KERNEL, 4, blocks),
				(size_t)0);
}

static void test_bulk_of_zeros(struct kunit *test)
{
	void *blocks[100];
	unsigned int i, j;
	size_t size;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size = sizes[i];
		KUNIT_ASSERT_EQ(test, pymem_malloc_bulk(size, GFP_KERNEL, 100,
							blocks), (size_t)100);
		for (j = 0; j < 100; j++)
			fill(blocks[j], size, 0xff);
		pymem_free_bulk(100, blocks);
		KUNIT_ASSERT_EQ(test,
				pymem_malloc_bulk(size, GFP_KERNEL | __GFP_ZERO,
						  100, blocks), (size_t)100);
		for (j = 0; j < 100; j++)
			KUNIT_EXPECT_TRUE(test, is_zero(blocks[j], size));
		pymem_free_bulk(100, blocks);
	}
}

/* A heap that may not take a page gives what it has, and says how much. */
static void test_bulk_without_memory(struct kunit *test)
{
	void *blocks[16] = { };
	void *all;
	size_t got;

	preempt_disable();
	all = exhaust_heap(200);
	got = pymem_malloc_bulk(200, 0, 16, blocks);
	preempt_enable();
	free_blocks(all);
	KUNIT_EXPECT_EQ(test, got, (size_t)0);
	pymem_free_bulk(got, blocks);
}

static void test_free_of_a_mixture(struct kunit *test)
{
	enum { N = 1000 };
	void **blocks = make_array(test, N);
	size_t i;

	for (i = 0; i < N; i++) {
		blocks[i] = pymem_malloc(sizes[i * i % ARRAY_SIZE(sizes)],
					 GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, blocks[i]);
	}
	/* Nothing and a foreign block are taken as well. */
	pymem_free(blocks[3]);
	blocks[3] = NULL;
	pymem_free(blocks[500]);
	blocks[500] = kmalloc(64, GFP_KERNEL);
	pymem_free_bulk(N, blocks);
	expect_no_report(test);
	kvfree(blocks);
}

static void test_bulk_and_single_mix(struct kunit *test)
{
	void *blocks[65];
	unsigned int i;

	for (i = 0; i < 65; i++)
		blocks[i] = pymem_malloc(48, GFP_KERNEL);
	pymem_free_bulk(65, blocks);
	KUNIT_ASSERT_EQ(test, pymem_malloc_bulk(48, GFP_KERNEL, 65, blocks),
			(size_t)65);
	for (i = 0; i < 65; i++)
		pymem_free(blocks[i]);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_any_number_of_any_size),
	KUNIT_CASE(test_bulk_over_the_limit),
	KUNIT_CASE(test_bulk_of_zeros),
	KUNIT_CASE(test_bulk_without_memory),
	KUNIT_CASE(test_free_of_a_mixture),
	KUNIT_CASE(test_bulk_and_single_mix),
	{ }
};

PYALLOC_SUITE(bulk, cases);
