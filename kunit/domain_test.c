// SPDX-License-Identifier: GPL-2.0
/*
 * The twelve functions, in each domain: every small size, the limits, zero
 * sizes, overflows, zeroing, and the macros and copies that stand on them.
 */
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "../pyalloc/hook.h"
#include "fixture.h"

KUNIT_ARRAY_PARAM(domain, domains, describe_domain);

static void expect_block(struct kunit *test, const struct domain *domain,
			 void *block, size_t size)
{
	KUNIT_ASSERT_NOT_NULL(test, block);
	KUNIT_EXPECT_GE(test, room_of(block), max_t(size_t, size, 1));
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)block,
					   alignment_of(domain, size)));
	/* What is raw's may have to be linked. */
	expect_usable_size(test, block,
			   is_heaps(block) || hooks_look(domain) ?
			   size : max(size, sizeof(void *)));
	KUNIT_EXPECT_EQ(test, is_heaps(block), heap_serves(domain, size));
	fill(block, size, 0xa5);
	KUNIT_EXPECT_TRUE(test, is_filled(block, size, 0xa5));
	domain->free(block);
}

static void test_malloc_every_size(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	size_t size;

	for (size = 0; size <= 520; size++)
		expect_block(test, domain, domain->malloc(size, GFP_KERNEL),
			     size);
}

static void test_calloc_every_size(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	void *block;
	size_t size;

	for (size = 0; size <= 520; size++) {
		block = domain->malloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		fill(block, size, 0xff);
		domain->free(block);
		block = domain->calloc(1, size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		KUNIT_EXPECT_TRUE(test, is_zero(block, size));
		expect_block(test, domain, block, size);
		block = domain->calloc(size, 1, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		KUNIT_EXPECT_TRUE(test, is_zero(block, size));
		expect_block(test, domain, block, size);
	}
}

static void test_realloc_of_null_every_size(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	size_t size;

	for (size = 0; size <= 520; size++)
		expect_block(test, domain,
			     domain->realloc(NULL, size, GFP_KERNEL), size);
	expect_block(test, domain,
		     domain->realloc(ZERO_SIZE_PTR, 100, GFP_KERNEL), 100);
}

static const size_t too_large[] = {
	(size_t)INT_MAX + 1, LONG_MAX, (size_t)LONG_MAX + 1, SIZE_MAX - 8,
	SIZE_MAX - 1, SIZE_MAX,
};

/* No message is asked for: a request this large must not get that far. */
static void test_over_the_limit(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	void *block = domain->malloc(40, GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, block);
	fill(block, 40, 0x5a);
	for (i = 0; i < ARRAY_SIZE(too_large); i++) {
		size_t size = too_large[i];

		KUNIT_EXPECT_NULL(test, domain->malloc(size, GFP_KERNEL));
		KUNIT_EXPECT_NULL(test, domain->calloc(1, size, GFP_KERNEL));
		KUNIT_EXPECT_NULL(test, domain->calloc(size, 1, GFP_KERNEL));
		KUNIT_EXPECT_NULL(test, domain->realloc(NULL, size,
							GFP_KERNEL));
		KUNIT_EXPECT_NULL(test, domain->realloc(block, size,
							GFP_KERNEL));
		KUNIT_EXPECT_NULL(test, domain->malloc(size, GFP_ATOMIC));
	}
	KUNIT_EXPECT_TRUE(test, is_filled(block, 40, 0x5a));
	domain->free(block);
}

/* Whether there is that much memory is not ours to say. */
static void test_at_the_limit(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	void *block = domain->malloc(40, GFP_KERNEL);
	void *large;

	KUNIT_ASSERT_NOT_NULL(test, block);
	domain->free(domain->malloc(INT_MAX, QUIET));
	domain->free(domain->calloc(INT_MAX, 1, QUIET));
	domain->free(domain->malloc(INT_MAX, GFP_ATOMIC | __GFP_NOWARN));
	large = domain->realloc(block, INT_MAX, QUIET);
	domain->free(large ?: block);
}

static void test_calloc_overflow(struct kunit *test)
{
	static const size_t factors[][2] = {
		{ SIZE_MAX, 2 }, { 2, SIZE_MAX }, { SIZE_MAX / 2 + 1, 2 },
		{ SIZE_MAX / 3 + 1, 3 }, { SIZE_MAX, SIZE_MAX },
		{ 1UL << (BITS_PER_LONG / 2), 1UL << (BITS_PER_LONG / 2) },
		{ (size_t)INT_MAX + 1, 1 }, { 1UL << 16, 1UL << 15 },
	};
	const struct domain *domain = test->param_value;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(factors); i++)
		KUNIT_EXPECT_NULL(test, domain->calloc(factors[i][0],
						       factors[i][1],
						       GFP_KERNEL));
	expect_block(test, domain, domain->calloc(0, SIZE_MAX, GFP_KERNEL), 0);
	expect_block(test, domain, domain->calloc(SIZE_MAX, 0, GFP_KERNEL), 0);
	expect_block(test, domain, domain->calloc(12, 10, GFP_KERNEL), 120);
}

static void test_zero_size_is_a_block(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	void *blocks[6], *moved;
	unsigned int i, j;

	blocks[0] = domain->malloc(0, GFP_KERNEL);
	blocks[1] = domain->malloc(0, GFP_KERNEL);
	blocks[2] = domain->calloc(0, 0, GFP_KERNEL);
	blocks[3] = domain->calloc(0, 8, GFP_KERNEL);
	blocks[4] = domain->calloc(8, 0, GFP_KERNEL);
	blocks[5] = domain->realloc(NULL, 0, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(blocks); i++) {
		KUNIT_EXPECT_FALSE(test, ZERO_OR_NULL_PTR(blocks[i]));
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_PTR_NE(test, blocks[i], blocks[j]);
	}
	moved = domain->realloc(blocks[0], 0, GFP_KERNEL);
	KUNIT_EXPECT_FALSE(test, ZERO_OR_NULL_PTR(moved));
	blocks[0] = moved;
	for (i = 0; i < ARRAY_SIZE(blocks); i++)
		domain->free(blocks[i]);
}

static void test_realloc_to_zero_keeps_a_block(struct kunit *test)
{
	static const size_t sizes[] = { 1, 16, 200, 512, 513, 9000 };
	const struct domain *domain = test->param_value;
	void *block;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		block = domain->malloc(sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		block = domain->realloc(block, 0, GFP_KERNEL);
		KUNIT_EXPECT_FALSE(test, ZERO_OR_NULL_PTR(block));
		KUNIT_EXPECT_GT(test, pyalloc_usable_size(block), (size_t)0);
		domain->free(block);
	}
}

static void test_free_of_nothing(struct kunit *test)
{
	const struct domain *domain = test->param_value;

	domain->free(NULL);
	domain->free(ZERO_SIZE_PTR);
	KUNIT_EXPECT_EQ(test, pyalloc_usable_size(NULL), (size_t)0);
	KUNIT_EXPECT_EQ(test, pyalloc_usable_size(ZERO_SIZE_PTR), (size_t)0);
	expect_no_report(test);
}

static void test_zeroing(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	void *block;
	size_t size;

	for (size = 1; size <= 600; size += 7) {
		block = domain->malloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		fill(block, size, 0xff);
		domain->free(block);
		block = domain->malloc(size, GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, block);
		KUNIT_EXPECT_TRUE(test, is_zero(block, size));
		domain->free(block);
	}
}

/*
 * What the kernel promises of its own allocators when booted this way; debug
 * hooks say what they do not know to be written.
 */
static void test_init_on_alloc(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	u8 clean = hooks_look(domain) ? PYHOOK_CLEAN : 0;
	void *block;
	size_t size;

	if (!want_init_on_alloc(0) && !hooks_look(domain))
		kunit_skip(test, "the kernel runs without init_on_alloc");
	for (size = 1; size <= 600; size++) {
		block = domain->malloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		KUNIT_EXPECT_TRUE(test, is_filled(block, size, clean));
		fill(block, size, 0xff);
		domain->free(block);
	}
}

static void test_init_on_free(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	u8 left = hooks_look(domain) ? PYHOOK_DEAD : 0;
	void *block;
	size_t size;

	if (!want_init_on_free())
		kunit_skip(test, "the kernel runs without init_on_free");
	if (!heap_serves(domain, 8) && !hooks_look(domain))
		kunit_skip(test, "what raw frees is the kernel's");
	for (size = 8; size <= PYALLOC_SMALL_MAX; size += 8) {
		block = domain->malloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		fill(block, size, 0xff);
		domain->free(block);
		KUNIT_EXPECT_TRUE(test, is_filled(block, size, left));
	}
}

struct triple {
	u64	values[3];
};

static void test_new_resize_del(struct kunit *test)
{
	struct triple *array = pymem_new(struct triple, 10, GFP_KERNEL);
	struct triple *kept = array;

	KUNIT_ASSERT_NOT_NULL(test, array);
	KUNIT_EXPECT_GE(test, pyalloc_usable_size(array), (size_t)240);
	fill(array, 240, 0x33);
	KUNIT_EXPECT_PTR_EQ(test,
			    pymem_resize(array, struct triple, 100, GFP_KERNEL),
			    array);
	KUNIT_ASSERT_NOT_NULL(test, array);
	KUNIT_EXPECT_TRUE(test, is_filled(array, 240, 0x33));
	kept = array;
	pymem_resize(array, struct triple, SIZE_MAX / 3, GFP_KERNEL);
	KUNIT_EXPECT_NULL(test, array);
	KUNIT_EXPECT_TRUE(test, is_filled(kept, 240, 0x33));
	pymem_del(kept);
	array = pymem_new(struct triple, SIZE_MAX / 24 + 1, GFP_KERNEL);
	KUNIT_EXPECT_NULL(test, array);
	pymem_del(array);
}

static void test_memdup_and_strdup(struct kunit *test)
{
	static const char *const text = "a block of its own";
	char *copy = pymem_strdup(text, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, copy);
	KUNIT_EXPECT_STREQ(test, copy, text);
	KUNIT_EXPECT_PTR_NE(test, copy, text);
	pymem_free(copy);
	copy = pymem_memdup(text, 7, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, copy);
	KUNIT_EXPECT_EQ(test, memcmp(copy, text, 7), 0);
	pymem_free(copy);
	KUNIT_EXPECT_NULL(test, pymem_strdup(NULL, GFP_KERNEL));
}

/* A size that the compiler knows takes another entry. */
static void test_constant_sizes(struct kunit *test)
{
	expect_block(test, &domains[PYMEM_DOMAIN_MEM],
		     pymem_malloc(0, GFP_KERNEL), 0);
	expect_block(test, &domains[PYMEM_DOMAIN_MEM],
		     pymem_malloc(1, GFP_KERNEL), 1);
	expect_block(test, &domains[PYMEM_DOMAIN_MEM],
		     pymem_malloc(65, GFP_KERNEL), 65);
	expect_block(test, &domains[PYMEM_DOMAIN_MEM],
		     pymem_malloc(512, GFP_KERNEL), 512);
	expect_block(test, &domains[PYMEM_DOMAIN_MEM],
		     pymem_malloc(513, GFP_KERNEL), 513);
	expect_block(test, &domains[PYMEM_DOMAIN_OBJ],
		     pyobject_malloc(0, GFP_KERNEL), 0);
	expect_block(test, &domains[PYMEM_DOMAIN_OBJ],
		     pyobject_malloc(56, GFP_KERNEL), 56);
	expect_block(test, &domains[PYMEM_DOMAIN_OBJ],
		     pyobject_malloc(512, GFP_KERNEL), 512);
	expect_block(test, &domains[PYMEM_DOMAIN_OBJ],
		     pyobject_malloc(600, GFP_KERNEL), 600);
}

/*
 * The mem and the object domain take each other's blocks.  Who frees is who
 * is counted, so blocks go both ways.  Debug hooks report it.
 */
static void test_domains_mix(struct kunit *test)
{
	static const size_t sizes[] = { 1, 100, 512, 513, 5000 };
	const struct domain *domain = test->param_value, *other;
	unsigned int i, j;
	void *block;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (j = 0; j < ARRAY_SIZE(domains); j++) {
			other = &domains[j];
			block = domain->malloc(sizes[i], GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, block);
			fill(block, sizes[i], 0x42);
			if (domain->id && other->id)
				block = other->realloc(block, sizes[i] + 100,
						       GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, block);
			KUNIT_EXPECT_TRUE(test, is_filled(block, sizes[i],
							  0x42));
			other->free(block);
			expect_wrong_domain(test, domain != other);
			balance(test, domain, other, sizes[i]);
		}
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(test_malloc_every_size, domain_gen_params),
	KUNIT_CASE_PARAM(test_calloc_every_size, domain_gen_params),
	KUNIT_CASE_PARAM(test_realloc_of_null_every_size, domain_gen_params),
	KUNIT_CASE_PARAM(test_over_the_limit, domain_gen_params),
	KUNIT_CASE_PARAM(test_at_the_limit, domain_gen_params),
	KUNIT_CASE_PARAM(test_calloc_overflow, domain_gen_params),
	KUNIT_CASE_PARAM(test_zero_size_is_a_block, domain_gen_params),
	KUNIT_CASE_PARAM(test_realloc_to_zero_keeps_a_block,
			 domain_gen_params),
	KUNIT_CASE_PARAM(test_free_of_nothing, domain_gen_params),
	KUNIT_CASE_PARAM(test_zeroing, domain_gen_params),
	KUNIT_CASE_PARAM(test_init_on_alloc, domain_gen_params),
	KUNIT_CASE_PARAM(test_init_on_free, domain_gen_params),
	KUNIT_CASE_PARAM(test_domains_mix, domain_gen_params),
	KUNIT_CASE(test_new_resize_del),
	KUNIT_CASE(test_memdup_and_strdup),
	KUNIT_CASE(test_constant_sizes),
	{ }
};

PYALLOC_SUITE(domain, cases);
