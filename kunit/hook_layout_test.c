// SPDX-License-Identifier: GPL-2.0
/*
 * What debug hooks write around a block and into it, byte by byte.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "hooked.h"

KUNIT_ARRAY_PARAM(domain, domains, describe_domain);

#define EXPECT(test, condition, size)					\
	KUNIT_EXPECT_TRUE_MSG(test, condition, "%zu bytes", size)

/* As hook.h says, in front of the client's bytes and behind them. */
static void expect_decorated(struct kunit *test, const struct domain *domain,
			     void *ptr, size_t size)
{
	size_t stored = 0, i;

	for (i = 0; i < 8; i++)
		stored = stored << 8 | peek_at(ptr - 16 + i);
	EXPECT(test, stored == size, size);
	EXPECT(test, peek_at(ptr - 8) == domain->name[0], size);
	EXPECT(test, is_all(ptr - 7, 7, 0xfd), size);
	EXPECT(test, is_all(ptr + size, 8, 0xfd), size);
	EXPECT(test, IS_ALIGNED((unsigned long)ptr, 16), size);
	EXPECT(test, pyalloc_usable_size(ptr) == size, size);
	EXPECT(test, pyhook_knows(ptr), size);
	EXPECT(test, (pymap_lookup(ptr) != 0) == is_pooled(domain, size), size);
}

static void test_overhead(struct kunit *test)
{
	struct pyalloc_report report;
	void *ptr = hooked_malloc(test, &domains[PYMEM_DOMAIN_MEM], 40);

	/* With serials=1 each has a number, and 8 bytes more. */
	spoil(ptr + 40);
	free_here(&domains[PYMEM_DOMAIN_MEM], ptr);
	take_report(test, PYALLOC_OVERFLOW, ptr, 40, &report);
	KUNIT_EXPECT_EQ(test, pyhook_overhead,
			report.block.serial ? 32U : 24U);
	pyhook_forgive();
}

static void test_malloc(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	unsigned int i;
	size_t size;
	u8 *ptr;

	for_each_hooked_size(size, i) {
		ptr = domain->malloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, ptr);
		expect_decorated(test, domain, ptr, size);
		EXPECT(test, is_all(ptr, size, 0xcd), size);
		domain->free(ptr);
	}
}

static void test_zeroed(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	unsigned int i;
	size_t size;
	u8 *ptr;

	for_each_hooked_size(size, i) {
		ptr = domain->calloc(1, size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, ptr);
		expect_decorated(test, domain, ptr, size);
		EXPECT(test, is_all(ptr, size, 0), size);
		domain->free(ptr);
		ptr = domain->malloc(size, GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, ptr);
		expect_decorated(test, domain, ptr, size);
		EXPECT(test, is_all(ptr, size, 0), size);
		domain->free(ptr);
	}
}

/* A block that was used before is clean again, and zero if that is wanted. */
static void test_used_before(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	unsigned int i, round;
	u8 *ptr;

	for (i = 0; i < 2; i++)
		for (round = 0; round < 600; round++) {
			ptr = domain->malloc(77, i ? GFP_KERNEL | __GFP_ZERO :
						     GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, ptr);
			EXPECT(test, is_all(ptr, 77, i ? 0 : 0xcd), (size_t)77);
			fill(ptr, 77, round);
			domain->free(ptr);
		}
}

/* Served as one byte. */
static void test_no_bytes(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	u8 *ptr = domain->malloc(0, GFP_KERNEL);
	u8 *other = domain->calloc(0, 8, GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, ptr && other);
	KUNIT_EXPECT_PTR_NE(test, ptr, other);
	expect_decorated(test, domain, ptr, 1);
	expect_decorated(test, domain, other, 1);
	ptr = domain->realloc(ptr, 0, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptr);
	expect_decorated(test, domain, ptr, 1);
	domain->free(ptr);
	domain->free(other);
}

/* What a block grows by is clean, or zero. */
static void try_growth(struct kunit *test, const struct domain *domain,
		       size_t from, size_t to, gfp_t gfp)
{
	u8 *ptr = domain->malloc(from, gfp);
	size_t both = min(from, to);

	KUNIT_ASSERT_NOT_NULL(test, ptr);
	fill(ptr, from, 0x33);
	ptr = domain->realloc(ptr, to, gfp);
	KUNIT_ASSERT_NOT_NULL(test, ptr);
	expect_decorated(test, domain, ptr, to);
	EXPECT(test, is_all(ptr, both, 0x33), to);
	EXPECT(test, is_all(ptr + both, to - both,
			    gfp & __GFP_ZERO ? 0 : 0xcd), to);
	domain->free(ptr);
}

static void test_realloc(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	static const size_t sizes[] = {
		1, 8, 40, 104, 105, 488, 489, 600, 5000, 200000,
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (j = 0; j < ARRAY_SIZE(sizes); j++) {
			try_growth(test, domain, sizes[i], sizes[j],
				   GFP_KERNEL);
			try_growth(test, domain, sizes[i], sizes[j],
				   GFP_KERNEL | __GFP_ZERO);
		}
}

/* The old block is dead at once, so that who still uses it finds out. */
static void test_realloc_moves(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	static const size_t sizes[] = { 20, 100, 400, 2000 };
	u8 *ptr, *new;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ptr = hooked_malloc(test, domain, sizes[i]);
		new = domain->realloc(ptr, sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, new);
		KUNIT_EXPECT_PTR_NE(test, new, ptr);
		EXPECT(test, is_all(ptr, sizes[i], 0xdd), sizes[i]);
		domain->free(new);
	}
}

/* While it rests, all of it is dead but the 8 bytes that tell who freed it. */
static void test_free(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	unsigned int i;
	size_t size;
	u8 *ptr;

	for_each_hooked_size(size, i) {
		if (size > RESTS_MOST)
			continue;
		ptr = hooked_malloc(test, domain, size);
		domain->free(ptr);
		EXPECT(test, is_all(ptr - 8, size + 8, 0xdd), size);
		if (is_pooled(domain, size))
			EXPECT(test, is_all(ptr - 8, hooked_room(size) - 8,
					    0xdd), size);
	}
}

/* Blocks do not overlap, decorations included. */
static void test_many(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	enum { N = 300 };
	void **blocks = make_array(test, N);
	size_t i;

	for (i = 0; i < N; i++)
		blocks[i] = hooked_malloc(test, domain, i * 7 + 1);
	for (i = 0; i < N; i++) {
		expect_decorated(test, domain, blocks[i], i * 7 + 1);
		EXPECT(test, is_filled(blocks[i], i * 7 + 1, 0x5a), i * 7 + 1);
	}
	expect_whole(test);
	for (i = 0; i < N; i++)
		domain->free(blocks[i]);
	kvfree(blocks);
}

static void test_bulk(struct kunit *test)
{
	static const size_t sizes[] = { 1, 40, 488, 489, 3000 };
	const struct domain *mem = &domains[PYMEM_DOMAIN_MEM];
	void *blocks[40];
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_ASSERT_EQ(test, pymem_malloc_bulk(sizes[i], GFP_KERNEL,
							40, blocks),
				(size_t)40);
		for (j = 0; j < 40; j++) {
			expect_decorated(test, mem, blocks[j], sizes[i]);
			fill(blocks[j], sizes[i], j);
		}
		for (j = 0; j < 40; j++)
			EXPECT(test, is_filled(blocks[j], sizes[i], j),
			       sizes[i]);
		pymem_free_bulk(40, blocks);
	}
}

static void test_nodes(struct kunit *test)
{
	int node = numa_mem_id();
	void *mem = pymem_malloc_node(60, GFP_KERNEL, node);
	void *object = pyobject_malloc_node(600, GFP_KERNEL, node);

	KUNIT_ASSERT_TRUE(test, mem && object);
	expect_decorated(test, &domains[PYMEM_DOMAIN_MEM], mem, 60);
	expect_decorated(test, &domains[PYMEM_DOMAIN_OBJ], object, 600);
	pymem_free(mem);
	pyobject_free(object);
}

/* What kmalloc alone has by its gfp is decorated too. */
static void test_special_gfp(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	u8 *ptr = domain->malloc(60, GFP_KERNEL_ACCOUNT);
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, ptr);
	KUNIT_EXPECT_FALSE(test, is_heaps(ptr));
	KUNIT_EXPECT_TRUE(test, is_all(ptr, 60, 0xcd));
	KUNIT_EXPECT_TRUE(test, is_all(ptr + 60, 8, 0xfd));
	KUNIT_EXPECT_EQ(test, pyalloc_usable_size(ptr), (size_t)60);
	domain->free(ptr);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_NULL(test, domain->malloc((size_t)INT_MAX + 1 - i,
						       QUIET));
	KUNIT_EXPECT_NULL(test, domain->calloc(LONG_MAX, 4, QUIET));
}

/* A size too large leaves the block alone. */
static void test_realloc_fails(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	static const size_t sizes[] = { 20, 488, 489, 5000 };
	unsigned int i;
	u8 *ptr;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ptr = hooked_malloc(test, domain, sizes[i]);
		KUNIT_EXPECT_NULL(test, domain->realloc(ptr, (size_t)INT_MAX + 1,
							QUIET));
		KUNIT_EXPECT_NULL(test, domain->realloc(ptr, INT_MAX, QUIET));
		expect_decorated(test, domain, ptr, sizes[i]);
		EXPECT(test, is_filled(ptr, sizes[i], 0x5a), sizes[i]);
		domain->free(ptr);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_overhead),
	KUNIT_CASE_PARAM(test_malloc, domain_gen_params),
	KUNIT_CASE_PARAM(test_zeroed, domain_gen_params),
	KUNIT_CASE_PARAM(test_used_before, domain_gen_params),
	KUNIT_CASE_PARAM(test_no_bytes, domain_gen_params),
	KUNIT_CASE_PARAM(test_realloc, domain_gen_params),
	KUNIT_CASE_PARAM(test_realloc_moves, domain_gen_params),
	KUNIT_CASE_PARAM(test_free, domain_gen_params),
	KUNIT_CASE_PARAM(test_many, domain_gen_params),
	KUNIT_CASE(test_bulk),
	KUNIT_CASE(test_nodes),
	KUNIT_CASE_PARAM(test_special_gfp, domain_gen_params),
	KUNIT_CASE_PARAM(test_realloc_fails, domain_gen_params),
	{ }
};

HOOKED_SUITE(hook_layout, cases);
