// SPDX-License-Identifier: GPL-2.0
/*
 * Several NUMA nodes: blocks come from the node that is asked for, or from
 * that of the CPU, go home when they are freed elsewhere, and come from
 * another node when theirs has no memory.
 */
#include <linux/cpumask.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/topology.h>

#include "../pyalloc/reclaim.h"
#include "../pyalloc/compat.h"
#include "fixture.h"

enum { SOME = 20, MANY = 3000 };

#define SIZE	64

/* So many blocks at least are to go home under one hold of its lock. */
#define BATCH	16

static bool has_cpu(int nid)
{
	return !cpumask_empty(cpumask_of_node(nid));
}

static void need_nodes(struct kunit *test)
{
	int nid, n = 0;

	for_each_online_node(nid)
		n += has_cpu(nid);
	if (n < 2)
		kunit_skip(test, "there is one node");
	if (pyarena_source == PYARENA_VMALLOC)
		kunit_skip(test, "pages of vmalloc lie on any node");
}

/* The thread is the case's own and ends with it. */
static void go_to_node(struct kunit *test, int nid)
{
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current,
						   cpumask_of_node(nid)), 0);
	KUNIT_ASSERT_EQ(test, numa_mem_id(), nid);
}

static int near_node(void)
{
	int nid;

	for_each_online_node(nid)
		if (has_cpu(nid))
			break;
	return nid;
}

static int far_node(void)
{
	int nid, near = near_node();

	for_each_online_node(nid)
		if (has_cpu(nid) && nid != near)
			break;
	return nid;
}

static int node_of(const void *block)
{
	return page_to_nid(virt_to_page(block));
}

static unsigned int count_strays(size_t n, void **blocks, int nid)
{
	unsigned int strays = 0;
	size_t i;

	for (i = 0; i < n; i++)
		strays += !blocks[i] || !is_heaps(blocks[i]) ||
			  node_of(blocks[i]) != nid;
	return strays;
}

/* === Where blocks come from === */

static void ask_node(struct kunit *test, size_t size, gfp_t gfp, int nid)
{
	void *blocks[SOME];
	unsigned int i;

	for (i = 0; i < SOME; i++)
		blocks[i] = i % 2 ? pymem_malloc_node(size, gfp, nid) :
				    pyobject_malloc_node(size, gfp, nid);
	KUNIT_EXPECT_EQ(test, count_strays(SOME, blocks, nid), 0);
	for (i = 0; i < SOME; i++)
		pymem_free(blocks[i]);
}

static void test_asked_node(struct kunit *test)
{
	int here, nid;
	size_t size;

	need_nodes(test);
	for_each_online_node(here) {
		if (!has_cpu(here))
			continue;
		go_to_node(test, here);
		for_each_online_node(nid)
			for_each_class_size(size) {
				ask_node(test, size, GFP_KERNEL, nid);
				ask_node(test, size, GFP_ATOMIC, nid);
			}
	}
}

/* Each time the first of an empty heap. */
static void test_asked_node_has_no_arena(struct kunit *test)
{
	static const gfp_t gfps[] = { GFP_KERNEL, GFP_NOFS, GFP_ATOMIC };
	unsigned int i;
	int nid;

	need_nodes(test);
	for_each_online_node(nid) {
		for (i = 0; i < ARRAY_SIZE(gfps); i++) {
			pyalloc_reclaim();
			ask_node(test, SIZE, gfps[i], nid);
		}
	}
}

static void test_own_node(struct kunit *test)
{
	void *blocks[SOME];
	size_t size, got;
	int nid;

	need_nodes(test);
	for_each_online_node(nid) {
		if (!has_cpu(nid))
			continue;
		go_to_node(test, nid);
		for_each_class_size(size) {
			blocks[0] = pymem_malloc(size, GFP_KERNEL);
			blocks[1] = pymem_calloc(1, size, GFP_ATOMIC);
			blocks[2] = pymem_realloc(NULL, size, GFP_KERNEL);
			got = pymem_malloc_bulk(size, GFP_KERNEL, SOME - 3,
						blocks + 3);
			KUNIT_EXPECT_EQ(test, got, (size_t)SOME - 3);
			KUNIT_EXPECT_EQ(test, count_strays(SOME, blocks, nid),
					0);
			pymem_free_bulk(SOME, blocks);
		}
	}
}

static void test_own_node_in_bulk(struct kunit *test)
{
	void **blocks;
	int nid;

	need_nodes(test);
	blocks = make_array(test, MANY);
	for_each_online_node(nid) {
		if (!has_cpu(nid))
			continue;
		go_to_node(test, nid);
		KUNIT_EXPECT_EQ(test, pymem_malloc_bulk(SIZE, GFP_KERNEL, MANY,
							blocks), (size_t)MANY);
		KUNIT_EXPECT_EQ(test, count_strays(MANY, blocks, nid), 0);
		pymem_free_bulk(MANY, blocks);
	}
	kvfree(blocks);
}

/* === Where they go === */

static void free_in_a_row(size_t n, void **blocks)
{
	while (n)
		pymem_free(blocks[--n]);
}

static u32 live_on(int nid)
{
	struct pynode_class *state;

	state = &pyheap_default.node[nid]->class[class_index(SIZE)];
	return READ_ONCE(state->live);
}

/* Takes on the second node what is then freed on the first. */
static void free_abroad(struct kunit *test,
			void (*put)(size_t n, void **blocks))
{
	int home = far_node(), abroad = near_node();
	struct pynode *node = pyheap_default.node[home];
	void **blocks = make_array(test, MANY);
	unsigned long holds;

	go_to_node(test, home);
	take_exactly(test, SIZE, MANY, blocks);
	KUNIT_EXPECT_EQ(test, count_strays(MANY, blocks, home), 0);
	KUNIT_EXPECT_EQ(test, live_on(home), (u32)MANY);
	go_to_node(test, abroad);
	mutex_lock(&pyreclaim_trim_lock);
	holds = READ_ONCE(node->lock_holds);
	put(MANY, blocks);
	pyreclaim_drain();
	holds = READ_ONCE(node->lock_holds) - holds;
	mutex_unlock(&pyreclaim_trim_lock);
	kunit_info(test, "%u blocks in %lu holds\n", MANY, holds);
	KUNIT_EXPECT_LE(test, holds * BATCH, (unsigned long)MANY);
	KUNIT_EXPECT_EQ(test, live_on(home), 0U);
	KUNIT_EXPECT_EQ(test, live_on(abroad), 0U);
	kvfree(blocks);
}

static void test_freed_abroad(struct kunit *test)
{
	need_nodes(test);
	free_abroad(test, free_in_a_row);
}

static void test_freed_abroad_in_bulk(struct kunit *test)
{
	need_nodes(test);
	skip_without_bulk(test);
	free_abroad(test, pymem_free_bulk);
}

/* Blocks of both nodes by turns: each goes to its own. */
static void test_mixture_goes_home(struct kunit *test)
{
	int nid, i;
	void **blocks;

	need_nodes(test);
	blocks = make_array(test, MANY);
	for (i = 0; i < MANY; i++) {
		nid = i % 2 ? near_node() : far_node();
		blocks[i] = pymem_malloc_node(SIZE, GFP_KERNEL, nid);
		KUNIT_EXPECT_EQ(test, count_strays(1, &blocks[i], nid), 0);
	}
	free_in_a_row(MANY, blocks);
	pyreclaim_drain();
	for_each_online_node(nid)
		KUNIT_EXPECT_EQ(test, live_on(nid), 0U);
	kvfree(blocks);
}

static void test_reclaim_gives_back_each_node(struct kunit *test)
{
	void **blocks;
	int nid;

	need_nodes(test);
	blocks = make_array(test, MANY);
	for_each_online_node(nid) {
		if (!has_cpu(nid))
			continue;
		go_to_node(test, nid);
		take_exactly(test, SIZE, MANY, blocks);
		KUNIT_EXPECT_GT(test, pyheap_default.node[nid]->nr_arenas,
				0UL);
		free_in_a_row(MANY, blocks);
	}
	go_to_node(test, near_node());
	KUNIT_EXPECT_GE(test, pyalloc_reclaim(), (size_t)2 * MANY * SIZE);
	for_each_online_node(nid)
		KUNIT_EXPECT_EQ(test, pyheap_default.node[nid]->nr_arenas,
				0UL);
	kvfree(blocks);
}

/* === A node that is full === */

#define ALL_OF_IT	(GFP_KERNEL | __GFP_THISNODE | __GFP_NORETRY |	\
			 __GFP_NOWARN | __GFP_NOMEMALLOC)

static void take_pages(struct list_head *pages, int nid)
{
	struct page *page;
	int order;

	for (order = MAX_PAGE_ORDER; order >= 0; order--) {
		while ((page = alloc_pages_node(nid, ALL_OF_IT, order))) {
			set_page_private(page, order);
			list_add(&page->lru, pages);
		}
	}
}

/* CPUs have free pages that others can't take. */
static void fill_node(struct kunit *test, struct list_head *pages, int nid)
{
	int cpu;

	for_each_online_cpu(cpu) {
		KUNIT_EXPECT_EQ(test, set_cpus_allowed_ptr(current,
							   cpumask_of(cpu)), 0);
		take_pages(pages, nid);
	}
}

static void empty_node(struct list_head *pages)
{
	struct page *page, *next;
	unsigned int order;

	list_for_each_entry_safe(page, next, pages, lru) {
		order = page_private(page);
		set_page_private(page, 0);
		__free_pages(page, order);
	}
}

static void expect_elsewhere(struct kunit *test, void *block, int full)
{
	KUNIT_ASSERT_NOT_NULL(test, block);
	KUNIT_EXPECT_TRUE(test, is_heaps(block));
	KUNIT_EXPECT_NE(test, node_of(block), full);
}

static void test_a_full_node(struct kunit *test)
{
	void *asked[2], *own[2];
	LIST_HEAD(pages);
	unsigned int i;
	int full;

	need_nodes(test);
	full = far_node();
	fill_node(test, &pages, full);
	go_to_node(test, near_node());
	asked[0] = pymem_malloc_node(SIZE, GFP_KERNEL, full);
	asked[1] = pyobject_malloc_node(SIZE, GFP_ATOMIC, full);
	go_to_node(test, full);
	own[0] = pymem_malloc(100, GFP_KERNEL);
	own[1] = pymem_malloc(200, GFP_ATOMIC);
	empty_node(&pages);
	for (i = 0; i < 2; i++) {
		expect_elsewhere(test, asked[i], full);
		expect_elsewhere(test, own[i], full);
	}
	pymem_free_bulk(2, asked);
	pymem_free_bulk(2, own);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_asked_node),
	KUNIT_CASE(test_asked_node_has_no_arena),
	KUNIT_CASE(test_own_node),
	KUNIT_CASE(test_own_node_in_bulk),
	KUNIT_CASE(test_freed_abroad),
	KUNIT_CASE(test_freed_abroad_in_bulk),
	KUNIT_CASE(test_mixture_goes_home),
	KUNIT_CASE(test_reclaim_gives_back_each_node),
	KUNIT_CASE(test_a_full_node),
	{ }
};

PYALLOC_ENGINE_SUITE(numa, cases);
