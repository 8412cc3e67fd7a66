// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks that the kernel allocated: each domain frees, resizes and measures
 * them as raw's own.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "fixture.h"

KUNIT_ARRAY_PARAM(domain, domains, describe_domain);

enum kind { KMALLOC, KVMALLOC, VMALLOC, KINDS };

static void *take_foreign(enum kind kind, size_t size)
{
	switch (kind) {
	case KMALLOC:
		return kmalloc(size, GFP_KERNEL);
	case KVMALLOC:
		return kvmalloc(size, GFP_KERNEL);
	default:
		return vmalloc(size);
	}
}

static const size_t sizes[] = {
	1, 8, 33, 64, 96, 192, 200, 512, 513, 1000, 4096, 8192, 16384, 1 << 20,
};

static void try_free(struct kunit *test, const struct domain *domain,
		     enum kind kind, size_t size)
{
	void *block = take_foreign(kind, size);
	size_t usable;

	KUNIT_ASSERT_NOT_NULL(test, block);
	usable = room_of(block);
	KUNIT_EXPECT_GE(test, usable, size);
	expect_usable_size(test, block, size);
	if (kind == KMALLOC)
		KUNIT_EXPECT_EQ(test, usable, ksize(block));
	else if (is_vmalloc_addr(block))
		KUNIT_EXPECT_EQ(test, usable, PAGE_ALIGN(size));
	domain->free(block);
	balance_foreign(test, domain, usable);
}

static void test_free_and_usable_size(struct kunit *test)
{
	unsigned int kind, i;

	for (kind = 0; kind < KINDS; kind++)
		for (i = 0; i < ARRAY_SIZE(sizes); i++)
			try_free(test, test->param_value, kind, sizes[i]);
	expect_no_report(test);
}

static void try_realloc(struct kunit *test, const struct domain *domain,
			void *block, size_t size, size_t to)
{
	bool may_be_heaps;
	size_t usable;
	void *now;

	KUNIT_ASSERT_NOT_NULL(test, block);
	may_be_heaps = heap_serves(domain, to);
	usable = room_of(block);
	fill(block, size, 0x3c);
	now = domain->realloc(block, to, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, now);
	KUNIT_EXPECT_TRUE(test, is_filled(now, min(size, to), 0x3c));
	KUNIT_EXPECT_GE(test, pyalloc_usable_size(now), to);
	KUNIT_EXPECT_EQ(test, is_heaps(now), may_be_heaps);
	domain->free(now);
	balance_foreign(test, domain, usable);
}

static void test_realloc(struct kunit *test)
{
	unsigned int kind, i, j;

	for (kind = 0; kind < KINDS; kind++)
		for (i = 0; i < ARRAY_SIZE(sizes); i++)
			for (j = 0; j < ARRAY_SIZE(sizes); j++)
				try_realloc(test, test->param_value,
					    take_foreign(kind, sizes[i]),
					    sizes[i], sizes[j]);
	expect_no_report(test);
}

/* kmem_cache's objects are slab's as well. */
static void test_cache_objects(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct kmem_cache *cache;
	size_t usable;
	void *object;

	cache = kmem_cache_create("pyalloc_kunit", 120, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, object);
	usable = room_of(object);
	KUNIT_EXPECT_GE(test, usable, (size_t)120);
	domain->free(object);
	balance_foreign(test, domain, usable);
	kmem_cache_destroy(cache);
}

/* The other way round: what raw gave is the kernel's to free. */
static void test_the_kernel_frees_raw_blocks(struct kunit *test)
{
	unsigned int i;
	void *block;

	if (hooks_look(&domains[PYMEM_DOMAIN_RAW]))
		kunit_skip(test, "debug hooks decorate what raw gives");
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		block = pymem_raw_malloc(sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		KUNIT_EXPECT_FALSE(test, is_heaps(block));
		kvfree(block);
		/* Raw counts a block that it did not make in return. */
		pymem_raw_free(kvmalloc(sizes[i], GFP_KERNEL));
	}
}

static void test_large_blocks_come_by_vmalloc(struct kunit *test)
{
	void *block = pymem_raw_malloc(SZ_16M, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, block);
	KUNIT_EXPECT_TRUE(test, is_vmalloc_addr(block));
	KUNIT_EXPECT_EQ(test, pyalloc_usable_size(block), (size_t)SZ_16M);
	pymem_raw_free(block);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(test_free_and_usable_size, domain_gen_params),
	KUNIT_CASE_PARAM(test_realloc, domain_gen_params),
	KUNIT_CASE_PARAM(test_cache_objects, domain_gen_params),
	KUNIT_CASE(test_the_kernel_frees_raw_blocks),
	KUNIT_CASE(test_large_blocks_come_by_vmalloc),
	{ }
};

PYALLOC_SUITE(raw, cases);
