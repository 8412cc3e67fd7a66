// SPDX-License-Identifier: GPL-2.0
/*
 * The address map: every byte of a live block is known, nothing else is, and
 * what an arena left behind is forgotten.
 */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "fixture.h"

static void test_class_of_every_byte(struct kunit *test)
{
	size_t size, offset;
	void *block;
	u32 entry;

	for_each_class_size(size) {
		block = pymem_malloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		for (offset = 0; offset < size; offset++) {
			entry = pymap_lookup(block + offset);
			if ((entry & PYMAP_CODE_MASK) != class_index(size) + 1)
				KUNIT_FAIL(test, "byte %zu of %zu: %#x",
					   offset, size, entry);
		}
		pymem_free(block);
	}
}

static void test_odd_addresses(struct kunit *test)
{
	static const unsigned long odd[] = {
		0, 1, 8, 4095, 4096, 0x1234567, LONG_MAX,
		(unsigned long)LONG_MIN, ~0UL, ~0UL - 4095, ~0UL >> 1,
		~0UL << 12, 0xa5a5a5a5,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(odd); i++)
		KUNIT_EXPECT_EQ(test, pymap_lookup((void *)odd[i]), 0);
	for (i = 0; i < BITS_PER_LONG; i++)
		KUNIT_EXPECT_EQ(test, pymap_lookup((void *)(1UL << i)), 0);
	KUNIT_EXPECT_EQ(test, pymap_lookup((void *)PAGE_OFFSET - 1), 0);
	KUNIT_EXPECT_EQ(test, pymap_lookup(high_memory), 0);
	KUNIT_EXPECT_EQ(test, pymap_lookup(ERR_PTR(-ENOMEM)), 0);
}

static void test_addresses_of_others(struct kunit *test)
{
	static char data[16];
	void *live = pymem_malloc(32, GFP_KERNEL);
	void *vmalloced = vmalloc(3 * PAGE_SIZE);
	void *kmalloced = kmalloc(100, GFP_KERNEL);
	unsigned long page = __get_free_page(GFP_KERNEL);

	KUNIT_EXPECT_NE(test, pymap_lookup(live), 0);
	KUNIT_EXPECT_EQ(test, pymap_lookup(&live), 0);
	KUNIT_EXPECT_EQ(test, pymap_lookup(data), 0);
	KUNIT_EXPECT_EQ(test, pymap_lookup(test_odd_addresses), 0);
	KUNIT_EXPECT_EQ(test, pymap_lookup(pymap_lookup), 0);
	KUNIT_EXPECT_EQ(test, pymap_lookup(vmalloced), 0);
	KUNIT_EXPECT_EQ(test, pymap_lookup(kmalloced), 0);
	KUNIT_EXPECT_EQ(test, pymap_lookup((void *)page), 0);
	free_page(page);
	kfree(kmalloced);
	vfree(vmalloced);
	pymem_free(live);
}

/* The granules around an arena are not its own, unless of the next one. */
static void test_around_an_arena(struct kunit *test)
{
	void *block = pymem_malloc(64, GFP_KERNEL), *low, *high;
	u32 arena = pymap_lookup(block) >> PYMAP_ARENA_SHIFT;
	size_t bytes;

	low = PTR_ALIGN_DOWN(block, PYGRANULE_SIZE);
	for (high = low; pymap_lookup(high) >> PYMAP_ARENA_SHIFT == arena;)
		high += PYGRANULE_SIZE;
	while (pymap_lookup(low - 1) >> PYMAP_ARENA_SHIFT == arena)
		low -= PYGRANULE_SIZE;
	bytes = high - low;
	KUNIT_EXPECT_GE(test, bytes, (size_t)SZ_16K);
	KUNIT_EXPECT_LE(test, bytes, (size_t)SZ_1M);
	KUNIT_EXPECT_EQ(test, bytes & (bytes - 1), (size_t)0);
	KUNIT_EXPECT_NE(test, pymap_lookup(high - 1), 0);
	KUNIT_EXPECT_NE(test, pymap_lookup(low), 0);
	pymem_free(block);
}

static void test_released_arenas_are_forgotten(struct kunit *test)
{
	void *block = pymem_malloc(64, GFP_KERNEL);

	KUNIT_EXPECT_NE(test, pymap_lookup(block), 0);
	pymem_free(block);
	KUNIT_EXPECT_GT(test, pyalloc_reclaim(), (size_t)0);
	KUNIT_EXPECT_EQ(test, pymap_lookup(block), 0);
	expect_whole(test);
}

/* Pages go to the kernel and come back as somebody else's. */
static void test_foreign_after_release(struct kunit *test)
{
	enum { N = 2000, PAGES = 200 };
	void **blocks = make_array(test, N), **pages = make_array(test, PAGES);
	unsigned int i;

	take_exactly(test, 512, N, blocks);
	pymem_free_bulk(N, blocks);
	pyalloc_reclaim();
	for (i = 0; i < PAGES; i++) {
		pages[i] = kmalloc(PAGE_SIZE, GFP_KERNEL);
		KUNIT_EXPECT_EQ(test, pymap_lookup(pages[i]), 0);
	}
	for (i = 0; i < PAGES; i++)
		kfree(pages[i]);
	kvfree(pages);
	kvfree(blocks);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_class_of_every_byte),
	KUNIT_CASE(test_odd_addresses),
	KUNIT_CASE(test_addresses_of_others),
	KUNIT_CASE(test_around_an_arena),
	KUNIT_CASE(test_released_arenas_are_forgotten),
	KUNIT_CASE(test_foreign_after_release),
	{ }
};

PYALLOC_ENGINE_SUITE(map, cases);
