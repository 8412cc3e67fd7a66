// SPDX-License-Identifier: GPL-2.0
/*
 * The gfp flags: which the heap serves, which lead to raw, and what is to be
 * had where no page may be taken; and the functions that name a node.
 */
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "fixture.h"

struct row {
	const char	*name;
	gfp_t		gfp;
	bool		heaps;
};

static const struct row rows[] = {
	{ "kernel", GFP_KERNEL, true },
	{ "nofs", GFP_NOFS, true },
	{ "noio", GFP_NOIO, true },
	{ "nowait", GFP_NOWAIT, true },
	{ "atomic", GFP_ATOMIC, true },
	{ "user", GFP_USER, true },
	{ "zero", GFP_KERNEL | __GFP_ZERO, true },
	{ "nowarn", GFP_KERNEL | __GFP_NOWARN, true },
	{ "noretry", GFP_KERNEL | __GFP_NORETRY, true },
	{ "nofail", GFP_KERNEL | __GFP_NOFAIL, true },
	{ "high", GFP_ATOMIC | __GFP_HIGH, true },
	{ "account", GFP_KERNEL_ACCOUNT, false },
	{ "dma", GFP_KERNEL | GFP_DMA, false },
	{ "thisnode", GFP_KERNEL | __GFP_THISNODE, false },
	{ "memalloc", GFP_KERNEL | __GFP_MEMALLOC, false },
};

static void describe_row(const struct row *row, char *desc)
{
	strscpy(desc, row->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(row, rows, describe_row);

static const struct domain *const mem = &domains[PYMEM_DOMAIN_MEM];
static const size_t sizes[] = { 0, 8, 64, 65, 500, 512, 513, 3000, 8192 };

/* Who may not sleep has no arena from vmalloc. */
static void need_arenas(struct kunit *test)
{
	const struct row *row = test->param_value;

	if (pyarena_source == PYARENA_VMALLOC &&
	    !gfpflags_allow_blocking(row->gfp))
		kunit_skip(test, "arenas come from vmalloc");
}

static void try_row(struct kunit *test, const struct domain *domain,
		    size_t size)
{
	const struct row *row = test->param_value;
	void *block = domain->malloc(size, row->gfp);

	KUNIT_ASSERT_NOT_NULL(test, block);
	KUNIT_EXPECT_EQ(test, is_heaps(block),
			row->heaps && heap_serves(domain, size));
	KUNIT_EXPECT_GE(test, pyalloc_usable_size(block), size);
	if (row->gfp & __GFP_ZERO)
		KUNIT_EXPECT_TRUE(test, is_zero(block, size));
	fill(block, size, 0x0f);
	block = domain->realloc(block, size + 40, row->gfp);
	KUNIT_ASSERT_NOT_NULL(test, block);
	KUNIT_EXPECT_TRUE(test, is_filled(block, size, 0x0f));
	domain->free(block);
}

static void test_every_flag(struct kunit *test)
{
	unsigned int i, j;

	need_arenas(test);
	for (i = 0; i < ARRAY_SIZE(domains); i++)
		for (j = 0; j < ARRAY_SIZE(sizes); j++)
			try_row(test, &domains[i], sizes[j]);
}

static void test_bulk_with_every_flag(struct kunit *test)
{
	const struct row *row = test->param_value;
	unsigned int from_heap = 0, i;
	void *blocks[70];

	need_arenas(test);
	KUNIT_ASSERT_EQ(test, pymem_malloc_bulk(64, row->gfp, 70, blocks),
			(size_t)70);
	for (i = 0; i < 70; i++)
		from_heap += is_heaps(blocks[i]);
	KUNIT_EXPECT_EQ(test, from_heap,
			row->heaps && heap_serves(mem, 64) ? 70U : 0U);
	pymem_free_bulk(70, blocks);
}

/* === gfp 0: the heap alone === */

static void test_no_gfp_gives_what_there_is(struct kunit *test)
{
	void *kept = pymem_malloc(64, GFP_KERNEL);
	void *block = pymem_malloc(64, 0);

	KUNIT_EXPECT_EQ(test, !!block, heap_serves(mem, 64));
	KUNIT_EXPECT_EQ(test, is_heaps(block), !!block);
	pymem_free(block);
	pymem_free(kept);
}

static void test_no_gfp_takes_no_page(struct kunit *test)
{
	struct pyheap_stats *stats = take_heap_stats(test);
	unsigned long before;
	void *small, *large, *all;

	preempt_disable();
	pystats_heap(&pyheap_default, stats);
	before = stats->taken;
	all = exhaust_heap(64);
	small = pymem_malloc(64, 0);
	large = pymem_malloc(2000, 0);
	pystats_heap(&pyheap_default, stats);
	preempt_enable();
	free_blocks(all);
	KUNIT_EXPECT_NULL(test, small);
	KUNIT_EXPECT_NULL(test, large);
	KUNIT_EXPECT_EQ(test, stats->taken, before);
	kfree(stats);
}

/* Having been asked once, the heap keeps something ready. */
static void test_no_gfp_fills_the_reserve(struct kunit *test)
{
	unsigned int tries;
	void *block;

	need_heap(test);
	block = pymem_malloc(64, 0);
	for (tries = 0; !block && tries < 2000; tries++) {
		schedule_timeout_uninterruptible(1);
		block = pymem_malloc(64, 0);
	}
	KUNIT_EXPECT_NOT_NULL(test, block);
	pymem_free(block);
}

static void test_large_is_nothing_without_gfp(struct kunit *test)
{
	void *kept = pymem_malloc(64, GFP_KERNEL), *grown;

	KUNIT_EXPECT_NULL(test, pymem_malloc(513, 0));
	KUNIT_EXPECT_NULL(test, pymem_malloc(513, __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, pymem_calloc(3, 1000, 0));
	KUNIT_EXPECT_NULL(test, pymem_realloc(NULL, 4000, 0));
	/* What is kmalloc's may grow with any. */
	grown = pymem_realloc(kept, 4000, 0);
	KUNIT_EXPECT_EQ(test, !!grown, kmalloc_alone());
	pymem_free(grown ?: kept);
}

/* === Nodes === */

static void try_nodes(struct kunit *test, const struct domain *domain,
		      void *(*malloc_node)(size_t size, gfp_t gfp, int node))
{
	static const int wrong[] = { -2, INT_MIN, INT_MAX, MAX_NUMNODES };
	unsigned int i;
	void *block;
	size_t size;
	int node;

	for (size = 0; size <= 600; size += 50) {
		for_each_online_node(node) {
			block = malloc_node(size, GFP_KERNEL, node);
			KUNIT_EXPECT_NOT_NULL(test, block);
			KUNIT_EXPECT_EQ(test, is_heaps(block),
					heap_serves(domain, size));
			domain->free(block);
		}
		block = malloc_node(size, GFP_KERNEL, NUMA_NO_NODE);
		KUNIT_EXPECT_NOT_NULL(test, block);
		domain->free(block);
		for (i = 0; i < ARRAY_SIZE(wrong); i++)
			KUNIT_EXPECT_NULL(test, malloc_node(size, GFP_KERNEL,
							    wrong[i]));
	}
	KUNIT_EXPECT_NULL(test, malloc_node(SIZE_MAX, GFP_KERNEL, 0));
}

static void test_nodes_of_mem(struct kunit *test)
{
	try_nodes(test, mem, pymem_malloc_node);
}

static void test_nodes_of_object(struct kunit *test)
{
	try_nodes(test, &domains[PYMEM_DOMAIN_OBJ], pyobject_malloc_node);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(test_every_flag, row_gen_params),
	KUNIT_CASE_PARAM(test_bulk_with_every_flag, row_gen_params),
	KUNIT_CASE(test_no_gfp_gives_what_there_is),
	KUNIT_CASE(test_no_gfp_takes_no_page),
	KUNIT_CASE(test_no_gfp_fills_the_reserve),
	KUNIT_CASE(test_large_is_nothing_without_gfp),
	KUNIT_CASE(test_nodes_of_mem),
	KUNIT_CASE(test_nodes_of_object),
	{ }
};

PYALLOC_SUITE(gfp, cases);
