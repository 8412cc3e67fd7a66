// SPDX-License-Identifier: GPL-2.0
/*
 * What sanitizers know of blocks, as far as it shows in what pyalloc answers.
 *
 * What they report themselves is for scripts/guest/sanitizers.sh: a report of
 * KASAN's fails the case that is running, and ends lockdep's work for good.
 */
#include "../pyalloc/sanitizer.h"
#include "fixture.h"

/* Debug hooks know the same, with or without it. */
static void need_kasan(struct kunit *test)
{
	if (!PYSAN_KASAN && !hooks_look(&domains[PYMEM_DOMAIN_MEM]))
		kunit_skip(test, "neither KASAN nor debug hooks watch");
}

/* Without either only the last one is. */
static void test_a_free_block_is_known(struct kunit *test)
{
	void *blocks[10];
	unsigned int i;

	need_kasan(test);
	need_notes(test);
	for (i = 0; i < 10; i++)
		blocks[i] = pymem_malloc(200, GFP_KERNEL);
	for (i = 0; i < 10; i++)
		pymem_free(blocks[i]);
	pymem_free(blocks[4]);
	expect_report(test, PYALLOC_DOUBLE_FREE, blocks[4]);
	KUNIT_EXPECT_NULL(test, pymem_realloc(blocks[4], 300, GFP_KERNEL));
	expect_report(test, PYALLOC_DOUBLE_FREE, blocks[4]);
	KUNIT_EXPECT_EQ(test, pyalloc_usable_size(blocks[4]), (size_t)0);
	expect_report(test, PYALLOC_DOUBLE_FREE, blocks[4]);
}

/* What is raw's may have to be linked. */
static size_t usable_of(const void *block, size_t size)
{
	return is_heaps(block) || hooks_look(&domains[PYMEM_DOMAIN_MEM]) ?
	       size : max(size, sizeof(void *));
}

/* Where nobody asked for more, there is no more. */
static void test_usable_is_what_was_asked_for(struct kunit *test)
{
	size_t size, resized;
	void *block;

	need_kasan(test);
	for (size = 1; size <= PYALLOC_SMALL_MAX; size++) {
		block = pymem_malloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		KUNIT_EXPECT_EQ(test, pyalloc_usable_size(block),
				usable_of(block, size));
		resized = size % 300 + 1;
		block = pymem_realloc(block, resized, GFP_KERNEL);
		KUNIT_EXPECT_EQ(test, pyalloc_usable_size(block),
				usable_of(block, resized));
		pymem_free(block);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_a_free_block_is_known),
	KUNIT_CASE(test_usable_is_what_was_asked_for),
	{ }
};

PYALLOC_SUITE(sanitizer, cases);
