// SPDX-License-Identifier: GPL-2.0
/*
 * realloc: when a block stays and when it moves, what it holds afterwards,
 * and what happens when there is no memory.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "fixture.h"

KUNIT_ARRAY_PARAM(domain, domains, describe_domain);

/*
 * The rule: the same class, or it fits and uses more than three quarters.
 * Debug hooks have it move always, so that who still uses the old one is seen.
 */
static bool should_stay(const struct domain *domain, size_t class, size_t size)
{
	if (size > class || hooks_look(domain))
		return false;
	return 4 * size > 3 * class || class_size(size) == class;
}

static void try_boundary(struct kunit *test, const struct domain *domain,
			 size_t class, size_t size)
{
	void *block = domain->malloc(class, GFP_KERNEL);
	bool heaps = is_heaps(block), stays;
	void *now;

	KUNIT_ASSERT_NOT_NULL(test, block);
	fill(block, class, 0x6b);
	now = domain->realloc(block, size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, now);
	stays = now == block;
	/* Blocks of the kernel's move when it likes. */
	if ((heaps || hooks_look(domain)) &&
	    stays != should_stay(domain, class, size))
		KUNIT_FAIL(test, "%zu to %zu: %s", class, size,
			   stays ? "stays" : "moves");
	KUNIT_EXPECT_TRUE(test, is_filled(now, min(class, size), 0x6b));
	KUNIT_EXPECT_EQ(test, is_heaps(now), heap_serves(domain, size));
	domain->free(now);
}

static void test_every_class_to_every_size(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	size_t class, size;

	if (domain->id == PYMEM_DOMAIN_RAW)
		kunit_skip(test, "raw has no classes");
	for_each_class_size(class)
		for (size = 0; size <= PYALLOC_SMALL_MAX + 8; size++)
			try_boundary(test, domain, class, size);
}

static void test_into_raw_and_back(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	static const size_t sizes[] = { 513, 600, 4096, 4097, 9000, 1 << 20 };
	size_t most = heap_most();
	bool heaps = heap_serves(domain, most);
	void *block;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		block = domain->malloc(most, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		fill(block, most, 0x11);
		KUNIT_EXPECT_EQ(test, is_heaps(block), heaps);
		block = domain->realloc(block, sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		KUNIT_EXPECT_FALSE(test, is_heaps(block));
		KUNIT_EXPECT_TRUE(test, is_filled(block, most, 0x11));
		block = domain->realloc(block, most, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		KUNIT_EXPECT_EQ(test, is_heaps(block), heaps);
		KUNIT_EXPECT_TRUE(test, is_filled(block, most, 0x11));
		domain->free(block);
	}
}

static void test_large_contents(struct kunit *test)
{
	static const size_t sizes[] = {
		1000, 5000, 2000, 100000, 70000, 1 << 21, 4096, 4097, 600,
		1 << 20, 513, 300000, 1,
	};
	const struct domain *domain = test->param_value;
	void *block = domain->malloc(700, GFP_KERNEL);
	size_t held = 700;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, block);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		fill(block, held, i + 1);
		block = domain->realloc(block, sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		KUNIT_EXPECT_GE(test, pyalloc_usable_size(block), sizes[i]);
		KUNIT_EXPECT_TRUE(test, is_filled(block, min(held, sizes[i]),
						  i + 1));
		held = sizes[i];
	}
	domain->free(block);
}

static void test_failure_leaves_the_block(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	static const size_t sizes[] = { 8, 500, 600, 5000 };
	void *block;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		block = domain->malloc(sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		fill(block, sizes[i], 0x77);
		KUNIT_EXPECT_NULL(test, domain->realloc(block, SIZE_MAX,
							GFP_KERNEL));
		KUNIT_EXPECT_NULL(test, domain->realloc(block, 1 << 30,
							GFP_ATOMIC |
							__GFP_NOWARN));
		KUNIT_EXPECT_TRUE(test, is_filled(block, sizes[i], 0x77));
		KUNIT_EXPECT_GE(test, pyalloc_usable_size(block), sizes[i]);
		domain->free(block);
	}
}

/* Nobody who may not take a page can get more: growing fails. */
static void test_growing_without_memory(struct kunit *test)
{
	void *block, *all, *grown, *raw;

	need_notes(test);
	block = pymem_malloc(8, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, block);
	fill(block, 8, 0x31);
	pyalloc_reclaim();
	preempt_disable();
	all = exhaust_heap(300);
	grown = pymem_realloc(block, 300, 0);
	raw = pymem_realloc(block, 700, 0);
	preempt_enable();
	free_blocks(all);
	KUNIT_EXPECT_NULL(test, grown);
	KUNIT_EXPECT_NULL(test, raw);
	KUNIT_EXPECT_TRUE(test, is_filled(block, 8, 0x31));
	pymem_free(block);
}

/* A block shrinks in place where there is nothing to move it to. */
static void try_shrinking(struct kunit *test, size_t to)
{
	size_t class, failed = 0;
	void *block, *all, *now;

	for (class = 512; class >= 32; class -= 16) {
		block = pymem_malloc(class, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		fill(block, class, 0x13);
		pyalloc_reclaim();
		preempt_disable();
		all = exhaust_heap(1);
		now = pymem_realloc(block, to, 0);
		preempt_enable();
		free_blocks(all);
		failed += !now;
		KUNIT_EXPECT_TRUE(test, is_filled(now ?: block, to, 0x13));
		pymem_free(now ?: block);
	}
	KUNIT_EXPECT_EQ(test, failed, (size_t)0);
}

static void test_shrinking_never_fails(struct kunit *test)
{
	try_shrinking(test, 1);
	try_shrinking(test, 0);
}

static void test_raw_shrinking_never_fails(struct kunit *test)
{
	static const size_t sizes[] = { 600, 5000, 300000 };
	void *block, *all, *now;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		block = pymem_malloc(sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		fill(block, sizes[i], 0x13);
		preempt_disable();
		all = exhaust_heap(200);
		now = pymem_realloc(block, 200, 0);
		preempt_enable();
		free_blocks(all);
		KUNIT_EXPECT_NOT_NULL(test, now);
		KUNIT_EXPECT_TRUE(test, is_filled(now ?: block, 200, 0x13));
		pymem_free(now ?: block);
	}
}

static bool grows_by_zeros(void **block, size_t from, size_t to)
{
	void *now = pymem_realloc(*block, to, GFP_KERNEL | __GFP_ZERO);
	bool zero;

	if (!now)
		return false;
	*block = now;
	zero = is_filled(now, from, 0xff) && is_zero(now + from, to - from);
	fill(now, to, 0xff);
	return zero;
}

static void test_growing_by_zeros(struct kunit *test)
{
	void *block = NULL;
	size_t size, step;

	for (step = 1; step <= 200; step += 11) {
		for (size = 0; size < 2000; size += step)
			if (!grows_by_zeros(&block, size, size + step))
				KUNIT_FAIL(test, "%zu to %zu", size,
					   size + step);
		pymem_free(block);
		block = NULL;
	}
}

static void test_shrinking_and_growing_by_zeros(struct kunit *test)
{
	size_t size, shorter;
	void *block;

	for (size = 8; size <= PYALLOC_SMALL_MAX; size += 8) {
		for (shorter = 0; shorter < size; shorter += 13) {
			block = pymem_calloc(1, size, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, block);
			fill(block, size, 0xff);
			block = pymem_realloc(block, shorter,
					      GFP_KERNEL | __GFP_ZERO);
			KUNIT_ASSERT_NOT_NULL(test, block);
			KUNIT_EXPECT_TRUE(test, grows_by_zeros(&block, shorter,
							       size));
			pymem_free(block);
		}
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(test_every_class_to_every_size, domain_gen_params),
	KUNIT_CASE_PARAM(test_into_raw_and_back, domain_gen_params),
	KUNIT_CASE_PARAM(test_large_contents, domain_gen_params),
	KUNIT_CASE_PARAM(test_failure_leaves_the_block, domain_gen_params),
	KUNIT_CASE(test_growing_without_memory),
	KUNIT_CASE(test_shrinking_never_fails),
	KUNIT_CASE(test_raw_shrinking_never_fails),
	KUNIT_CASE(test_growing_by_zeros),
	KUNIT_CASE(test_shrinking_and_growing_by_zeros),
	{ }
};

PYALLOC_SUITE(realloc, cases);
