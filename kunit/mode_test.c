// SPDX-License-Identifier: GPL-2.0
/*
 * That allocator= is in force: who serves, what is decorated, and that debug
 * hooks look at all decorations of a block, wherever it lies.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "../pyalloc/check.h"
#include "../pyalloc/domain.h"
#include "../pyalloc/hook.h"
#include "fixture.h"

KUNIT_ARRAY_PARAM(domain, domains, describe_domain);

/* Of pools and of kmalloc, with a rest behind them and without. */
static const size_t sizes[] = { 1, 8, 40, 101, 488, 489, 512, 700, 5000 };

static struct pycheck take_check(struct kunit *test)
{
	struct pycheck check = {};

	KUNIT_ASSERT_EQ(test, pycheck_all(&check), 0);
	return check;
}

/* Each block that is held is decorated, or none is. */
static void test_what_is_decorated(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	unsigned long before = take_check(test).decorated, now;
	void *blocks[ARRAY_SIZE(sizes)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		blocks[i] = domain->malloc(sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, blocks[i]);
		KUNIT_EXPECT_EQ(test, pyhook_knows(blocks[i]),
				hooks_look(domain));
	}
	now = take_check(test).decorated;
	KUNIT_EXPECT_EQ(test, now - before,
			hooks_look(domain) ? ARRAY_SIZE(sizes) : 0UL);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		domain->free(blocks[i]);
	KUNIT_EXPECT_EQ(test, take_check(test).decorated, before);
}

static void test_who_serves(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct pyheap_stats *before = take_heap_stats(test), *after;
	unsigned long served = 0;
	void *blocks[ARRAY_SIZE(sizes)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		blocks[i] = domain->malloc(sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, blocks[i]);
		served += heap_serves(domain, sizes[i]);
	}
	if (domain->id != PYMEM_DOMAIN_RAW)
		KUNIT_EXPECT_EQ(test, !!served, pydomain_uses_heap());
	after = take_heap_stats(test);
	KUNIT_EXPECT_EQ(test, after->blocks - before->blocks, served);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		domain->free(blocks[i]);
	kfree(after);
	kfree(before);
}

static void need_hooks(struct kunit *test)
{
	if (!hooks_look(&domains[PYMEM_DOMAIN_MEM]))
		kunit_skip(test, "nothing is decorated");
}

/*
 * One byte of a block's decorations is changed.  The check sees it, and who
 * frees it; then nobody gets it again.
 */
static void damage(struct kunit *test, const struct domain *domain,
		   size_t size, long offset, enum pyalloc_mistake mistake)
{
	u8 *block = domain->malloc(size, GFP_KERNEL);
	long kept = atomic_long_read(&pyhook_kept);

	KUNIT_ASSERT_NOT_NULL(test, block);
	block[offset] ^= 0x10;
	KUNIT_EXPECT_EQ(test, take_check(test).broken, 1UL);
	expect_report(test, mistake, block);
	domain->free(block);
	expect_report(test, mistake, block);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&pyhook_kept), kept + 1);
	domain->free(block);
	expect_report(test, PYALLOC_DOUBLE_FREE, block);
	pyhook_forgive();
	KUNIT_EXPECT_EQ(test, atomic_long_read(&pyhook_kept), kept);
}

/* KASAN is there for the same, and does not let a test do it. */
static void need_plain_writes(struct kunit *test)
{
	need_hooks(test);
	if (IS_ENABLED(CONFIG_KASAN))
		kunit_skip(test, "KASAN reports it before hooks can");
}

static void test_a_tail_is_damaged(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	unsigned int i;

	need_plain_writes(test);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		damage(test, domain, sizes[i], sizes[i], PYALLOC_OVERFLOW);
		damage(test, domain, sizes[i], sizes[i] + 7, PYALLOC_OVERFLOW);
	}
}

/* The pads, the domain, and the size, from the block's first byte down. */
static void test_a_head_is_damaged(struct kunit *test)
{
	static const long offsets[] = { -1, -7, -8, -9, -16 };
	const struct domain *domain = test->param_value;
	unsigned int i, j;

	need_plain_writes(test);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (j = 0; j < ARRAY_SIZE(offsets); j++)
			damage(test, domain, sizes[i], offsets[j],
			       PYALLOC_UNDERFLOW);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(test_what_is_decorated, domain_gen_params),
	KUNIT_CASE_PARAM(test_who_serves, domain_gen_params),
	KUNIT_CASE_PARAM(test_a_tail_is_damaged, domain_gen_params),
	KUNIT_CASE_PARAM(test_a_head_is_damaged, domain_gen_params),
	{ }
};

PYALLOC_SUITE(mode, cases);
