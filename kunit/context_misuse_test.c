// SPDX-License-Identifier: GPL-2.0
/*
 * Mistakes in every context: they are answered there as in process context,
 * and leave nothing behind.
 */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "../pyalloc/reclaim.h"
#include "context.h"
#include "fixture.h"

KUNIT_ARRAY_PARAM(context, contexts, describe_context);

static const struct domain *const mem = &domains[PYMEM_DOMAIN_MEM];

/* === Pointers that are no block === */

enum { WRONGS = 64 };

struct wrong {
	void			*ptr;
	enum pyalloc_mistake	mistake;
};

/**
 * struct misuse - bad pointers, and what became of them
 * @gfp: the context's
 * @n: how many there are
 * @missed: calls that were not answered by one report of that mistake
 * @line: what the first of them was: where it stands in this file
 * @bad: its pointer's index
 * @wrongs: the pointers
 */
struct misuse {
	gfp_t		gfp;
	unsigned int	n;
	unsigned int	missed;
	unsigned int	line;
	unsigned int	bad;
	struct wrong	wrongs[WRONGS];
};

static void add_wrong(struct misuse *misuse, const void *ptr,
		      enum pyalloc_mistake mistake)
{
	if (misuse->n == WRONGS)
		return;
	misuse->wrongs[misuse->n].ptr = (void *)ptr;
	misuse->wrongs[misuse->n++].mistake = mistake;
}

static void expect_answer(struct misuse *misuse, unsigned int index,
			  bool answered, unsigned int line)
{
	const struct wrong *wrong = &misuse->wrongs[index];
	struct pyalloc_report last;

	if (take_reports(&last) == 1 && answered &&
	    last.mistake == wrong->mistake && last.ptr == wrong->ptr)
		return;
	if (!misuse->missed++) {
		misuse->line = line;
		misuse->bad = index;
	}
}

static void try_domain(struct misuse *misuse, const struct domain *domain,
		       unsigned int index)
{
	void *ptr = misuse->wrongs[index].ptr, *now;

	domain->free(ptr);
	expect_answer(misuse, index, true, __LINE__);
	now = domain->realloc(ptr, 40, misuse->gfp);
	expect_answer(misuse, index, !now, __LINE__);
	now = domain->realloc(ptr, 4000, misuse->gfp);
	expect_answer(misuse, index, !now, __LINE__);
}

static void try_wrong(struct misuse *misuse, unsigned int index)
{
	void *ptr = misuse->wrongs[index].ptr;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(domains); i++)
		try_domain(misuse, &domains[i], index);
	expect_answer(misuse, index, (pymem_free_bulk(1, &ptr), true),
		      __LINE__);
	expect_answer(misuse, index, !pyalloc_usable_size(ptr), __LINE__);
}

/* The stack is another one in each context. */
static void try_wrongs(void *data)
{
	char here[64] __aligned(64);
	struct misuse *misuse = data;
	unsigned int i;

	OPTIMIZER_HIDE_VAR(misuse);
	add_wrong(misuse, here, PYALLOC_WILD);
	add_wrong(misuse, here + 8, PYALLOC_WILD);
	for (i = 0; i < misuse->n; i++)
		try_wrong(misuse, i);
}

static void run_misuse(struct kunit *test, struct misuse *misuse)
{
	/* In NMI a look at a pool needs the node's lock to be free. */
	mutex_lock(&pyreclaim_trim_lock);
	run_there(test, try_wrongs, misuse);
	mutex_unlock(&pyreclaim_trim_lock);
	if (misuse->missed)
		KUNIT_FAIL(test, "%u missed, first in line %u pointer %u",
			   misuse->missed, misuse->line, misuse->bad);
}

static struct misuse *make_misuse(struct kunit *test)
{
	const struct context *context = need_context(test);
	struct misuse *misuse = kzalloc(sizeof(*misuse), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, misuse);
	misuse->gfp = context->gfp;
	return misuse;
}

static void test_addresses_of_no_block(struct kunit *test)
{
	static const unsigned long addresses[] = {
		17, 64, 4095, 4096, 0x12345000, LONG_MAX, LONG_MIN, ~0UL,
		~0UL << 12,
	};
	static char data[64] __aligned(64);
	char stack[64] __aligned(64);
	struct misuse *misuse = make_misuse(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(addresses); i++)
		add_wrong(misuse, (void *)addresses[i], PYALLOC_WILD);
	add_wrong(misuse, ERR_PTR(-ENOMEM), PYALLOC_WILD);
	add_wrong(misuse, ERR_PTR(-MAX_ERRNO), PYALLOC_WILD);
	add_wrong(misuse, data, PYALLOC_WILD);
	add_wrong(misuse, data + 1, PYALLOC_WILD);
	add_wrong(misuse, test_addresses_of_no_block, PYALLOC_WILD);
	add_wrong(misuse, pymem_raw_free, PYALLOC_WILD);
	add_wrong(misuse, vfree, PYALLOC_WILD);
	add_wrong(misuse, (void *)&jiffies, PYALLOC_WILD);
	add_wrong(misuse, stack, PYALLOC_WILD);
	run_misuse(test, misuse);
	kfree(misuse);
}

static void test_inside_memory_of_the_kernel(struct kunit *test)
{
	struct misuse *misuse = make_misuse(test);
	unsigned long page = __get_free_page(GFP_KERNEL);
	void *vmalloced = vmalloc(4 * PAGE_SIZE);
	void *large = kmalloc(8 * PAGE_SIZE, GFP_KERNEL);
	void *small = kmalloc(256, GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, page && vmalloced && large && small);
	add_wrong(misuse, (void *)page, PYALLOC_WILD);
	add_wrong(misuse, (void *)page + 64, PYALLOC_WILD);
	add_wrong(misuse, vmalloced + 8, PYALLOC_WILD);
	add_wrong(misuse, vmalloced + PAGE_SIZE, PYALLOC_WILD);
	add_wrong(misuse, vmalloced + 3 * PAGE_SIZE + 1, PYALLOC_WILD);
	add_wrong(misuse, vmalloced + 4 * PAGE_SIZE, PYALLOC_WILD);
	add_wrong(misuse, large + PAGE_SIZE, PYALLOC_WILD);
	add_wrong(misuse, large + 64, PYALLOC_WILD);
	add_wrong(misuse, small + 1, PYALLOC_WILD);
	run_misuse(test, misuse);
	kfree(small);
	kfree(large);
	vfree(vmalloced);
	free_page(page);
	kfree(misuse);
}

/* One with its bits in a block, one with a rest behind the last block. */
static const size_t sizes[] = { 8, 24, 48, 64, 100, 512 };

/* Where the block would be that a pool has no room for. */
static void *behind_last(void *block, size_t size)
{
	const struct pyclass *class;
	size_t bytes;

	class = &pyheap_default.classes->class[class_index(heap_room(size))];
	bytes = (size_t)class->granules << PYGRANULE_SHIFT;
	if (class->blocks * class->size == bytes)
		return NULL;
	return (void *)ALIGN_DOWN((unsigned long)block, bytes) +
	       class->blocks * class->size;
}

static void add_inside(struct misuse *misuse, void *block, size_t size)
{
	size_t class = heap_room(size);
	void *behind;

	/* The kernel's allocators take what is aligned. */
	if (!heap_serves(mem, size)) {
		add_wrong(misuse, block + 1, PYALLOC_WILD);
		return;
	}
	behind = behind_last(block, size);
	add_wrong(misuse, block + 1, PYALLOC_INTERIOR);
	add_wrong(misuse, block + class - 1, PYALLOC_INTERIOR);
	if (class > 8)
		add_wrong(misuse, block + 8, PYALLOC_INTERIOR);
	if (behind)
		add_wrong(misuse, behind, PYALLOC_INTERIOR);
}

static void test_inside_blocks(struct kunit *test)
{
	struct misuse *misuse = make_misuse(test);
	void *blocks[ARRAY_SIZE(sizes)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		blocks[i] = pymem_malloc(sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, blocks[i]);
		fill(blocks[i], sizes[i], 0x2a);
		add_inside(misuse, blocks[i], sizes[i]);
	}
	run_misuse(test, misuse);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_TRUE(test, is_filled(blocks[i], sizes[i], 0x2a));
		pymem_free(blocks[i]);
	}
	kfree(misuse);
}

/* A granule near the block, in the same arena, where no pool lies. */
static void *no_pool(void *block)
{
	void *at = PTR_ALIGN_DOWN(block, SZ_16K), *end = at + SZ_16K;
	u32 arena = pymap_lookup(block) & ~PYMAP_CODE_MASK;

	for (; at < end; at += PYGRANULE_SIZE)
		if (pymap_lookup(at) == arena)
			return at;
	return NULL;
}

static void test_where_no_pool_lies(struct kunit *test)
{
	void *first = NULL, *block, *none = NULL;
	struct misuse *misuse;
	unsigned int tries;

	need_heap(test);
	misuse = make_misuse(test);
	for (tries = 0; !none && tries < 100; tries++) {
		block = pymem_malloc(heap_most(), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		first = push_block(first, block);
		none = no_pool(block);
	}
	KUNIT_EXPECT_NOT_NULL(test, none);
	add_wrong(misuse, none, PYALLOC_NO_POOL);
	add_wrong(misuse, none + 64, PYALLOC_NO_POOL);
	run_misuse(test, misuse);
	free_blocks(first);
	kfree(misuse);
}

/* === Blocks that are free already === */

/**
 * struct again - two blocks, of which the first is freed twice
 * @blocks: the blocks
 * @domain: who frees first; the next ones are the domains that follow
 * @between: free the other one between the two
 * @wrong: how many frees are reported as another domain's
 * @reports: how many reports came of it there
 * @last: what the last one said
 */
struct again {
	void			*blocks[2];
	unsigned int		domain;
	bool			between;
	unsigned int		wrong;
	unsigned int		reports;
	struct pyalloc_report	last;
};

static void free_by(struct again *again, unsigned int domain, void *block)
{
	const struct domain *by = &domains[domain % ARRAY_SIZE(domains)];

	again->wrong += by != mem && hooks_look(by);
	by->free(block);
}

/* On one CPU, whose front knows the last one that came in. */
static void free_again(void *data)
{
	struct again *again = data;

	preempt_disable();
	again->wrong = 0;
	free_by(again, again->domain, again->blocks[0]);
	if (again->between)
		free_by(again, again->domain + 1, again->blocks[1]);
	domains[(again->domain + 2) % ARRAY_SIZE(domains)].free(again->blocks[0]);
	preempt_enable();
	again->reports = take_reports(&again->last);
}

/* The two others keep the pool, so that the mistake is known for what it is. */
static void try_again(struct kunit *test, struct again *again, size_t size)
{
	void *kept[2];

	pyalloc_reclaim();
	kept[0] = pymem_malloc(size, GFP_KERNEL);
	kept[1] = pymem_malloc(size, GFP_KERNEL);
	again->blocks[0] = pymem_malloc(size, GFP_KERNEL);
	again->blocks[1] = pymem_malloc(size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, again->blocks[1]);
	run_there(test, free_again, again);
	pymem_free(kept[0]);
	pymem_free(kept[1]);
}

static void expect_double_free(struct kunit *test, const struct again *again)
{
	KUNIT_EXPECT_EQ(test, again->reports, 1 + again->wrong);
	KUNIT_EXPECT_EQ(test, (int)again->last.mistake,
			(int)PYALLOC_DOUBLE_FREE);
	KUNIT_EXPECT_PTR_EQ(test, again->last.ptr,
			    (const void *)again->blocks[0]);
}

static void test_free_twice_in_a_row(struct kunit *test)
{
	struct again again = {};
	unsigned int i;

	need_context(test);
	need_notes(test);
	stay_on_this_cpu(test);
	mutex_lock(&pyreclaim_trim_lock);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		again.domain = i;
		try_again(test, &again, sizes[i]);
		expect_double_free(test, &again);
		pymem_free(again.blocks[1]);
	}
	mutex_unlock(&pyreclaim_trim_lock);
}

/* With another one between them it shows when the front is emptied. */
static void test_free_twice(struct kunit *test)
{
	struct again again = { .between = true };
	struct pyalloc_report last;
	unsigned int i, later;

	need_context(test);
	need_notes(test);
	stay_on_this_cpu(test);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		again.domain = i;
		try_again(test, &again, sizes[i]);
		pyalloc_reclaim();
		later = take_reports(&last);
		if (later)
			again.last = last;
		again.reports += later;
		expect_double_free(test, &again);
	}
}

/* === What is freed later, and is no mistake === */

struct areas {
	const struct domain	*domain;
	void			*vmalloced;
	void			*mapped;
};

static void free_areas(void *data)
{
	struct areas *areas = data;

	areas->domain->free(areas->vmalloced);
	areas->domain->free(areas->mapped);
}

/* Pages that go with the area that maps them. */
static void *map_pages(struct kunit *test, unsigned int n)
{
	struct page **pages = kvcalloc(n, sizeof(*pages), GFP_KERNEL);
	unsigned int i;
	void *area;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	for (i = 0; i < n; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, pages[i]);
	}
	area = vmap(pages, n, VM_MAP | VM_MAP_PUT_PAGES, PAGE_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, area);
	return area;
}

static void test_areas_are_freed(struct kunit *test)
{
	struct areas areas = {};
	unsigned int i;

	need_context(test);
	for (i = 0; i < ARRAY_SIZE(domains); i++) {
		areas.domain = &domains[i];
		areas.vmalloced = vmalloc(5 * PAGE_SIZE);
		KUNIT_ASSERT_NOT_NULL(test, areas.vmalloced);
		areas.mapped = map_pages(test, 3);
		run_there(test, free_areas, &areas);
		pyalloc_reclaim();
		expect_no_report(test);
		KUNIT_EXPECT_NULL(test, vmalloc_to_page(areas.vmalloced));
		KUNIT_EXPECT_NULL(test, vmalloc_to_page(areas.mapped));
		balance_foreign(test, areas.domain, 5 * PAGE_SIZE);
		balance_foreign(test, areas.domain, 3 * PAGE_SIZE);
	}
}

/* === Sizes === */

static const size_t too_large[] = {
	(size_t)INT_MAX + 1, LONG_MAX, (size_t)LONG_MAX + 1, SIZE_MAX - 8,
	SIZE_MAX - 7, SIZE_MAX,
};

/* What the kernel may have, or may not. */
static const size_t very_large[] = {
	KMALLOC_MAX_SIZE - 1, KMALLOC_MAX_SIZE, KMALLOC_MAX_SIZE + 1, INT_MAX,
};

static const size_t products[][2] = {
	{ SIZE_MAX, 2 }, { SIZE_MAX / 2 + 1, 2 }, { 2, SIZE_MAX / 2 + 1 },
	{ SIZE_MAX, SIZE_MAX }, { SIZE_MAX / 8 + 1, 8 }, { SIZE_MAX, 1 },
	{ 1UL << (BITS_PER_LONG / 2), 1UL << (BITS_PER_LONG / 2) },
	{ (size_t)INT_MAX + 1, 1 }, { INT_MAX / 8 + 1, 8 },
};

/**
 * struct edges - requests that are too large, or nearly
 * @gfp: the context's, without a word about what fails
 * @takes: pages may be taken there
 * @domain: which is asked
 * @block: a block that can't grow so far
 * @failures: how often NULL was the answer
 * @wrong: how often it should have been
 * @n: blocks that were got
 * @blocks: the blocks
 */
struct edges {
	gfp_t			gfp;
	bool			takes;
	const struct domain	*domain;
	void			*block;
	unsigned int		failures;
	unsigned int		wrong;
	unsigned int		n;
	void			*blocks[ARRAY_SIZE(very_large)];
};

static void expect_null(struct edges *edges, const void *block)
{
	if (block)
		edges->wrong++;
	else
		edges->failures++;
}

static void try_too_large(struct edges *edges, size_t size)
{
	void *none;

	expect_null(edges, edges->domain->malloc(size, edges->gfp));
	expect_null(edges, edges->domain->realloc(NULL, size, edges->gfp));
	expect_null(edges, edges->domain->realloc(edges->block, size,
						  edges->gfp));
	expect_null(edges, edges->domain->calloc(1, size, edges->gfp));
	if (edges->domain->id != PYMEM_DOMAIN_MEM)
		return;
	expect_null(edges, pymem_malloc_node(size, edges->gfp, 0));
	edges->wrong += pymem_malloc_bulk(size, edges->gfp, 1, &none);
	edges->failures++;
}

static void try_very_large(struct edges *edges, size_t size)
{
	bool sleeps = gfpflags_allow_blocking(edges->gfp);
	void *block;

	/* There may be machines that have so much. */
	if (size == INT_MAX && sleeps)
		return;
	block = edges->domain->malloc(size, edges->gfp);
	if (!block) {
		edges->failures++;
		return;
	}
	edges->blocks[edges->n++] = block;
	if (!edges->takes || (size > KMALLOC_MAX_SIZE && !sleeps) ||
	    pyalloc_usable_size(block) < size)
		edges->wrong++;
}

static void try_edges(void *data)
{
	struct edges *edges = data;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(too_large); i++)
		try_too_large(edges, too_large[i]);
	for (i = 0; i < ARRAY_SIZE(products); i++)
		expect_null(edges, edges->domain->calloc(products[i][0],
							 products[i][1],
							 edges->gfp));
	for (i = 0; i < ARRAY_SIZE(very_large); i++)
		try_very_large(edges, very_large[i]);
}

static long failures_of(struct kunit *test, const struct domain *domain)
{
	struct pydomain_stats rows[PYDOMAIN_ROWS];

	take_domain_stats(test, rows);
	return rows[domain->id].failures;
}

static void try_edges_of(struct kunit *test, const struct domain *domain)
{
	const struct context *context = test->param_value;
	struct edges edges = {
		.gfp = context->gfp | __GFP_NOWARN, .takes = context->takes,
		.domain = domain,
	};
	long before;

	edges.block = domain->malloc(100, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, edges.block);
	fill(edges.block, 100, 0x1c);
	before = failures_of(test, domain);
	run_there(test, try_edges, &edges);
	KUNIT_EXPECT_EQ(test, edges.wrong, 0);
	KUNIT_EXPECT_EQ(test, failures_of(test, domain) - before,
			(long)edges.failures);
	KUNIT_EXPECT_TRUE(test, is_filled(edges.block, 100, 0x1c));
	domain->free(edges.block);
	while (edges.n)
		domain->free(edges.blocks[--edges.n]);
}

static void test_sizes_at_the_edges(struct kunit *test)
{
	const struct context *context = need_context(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(domains); i++)
		if (!context->unseen || domains[i].id != PYMEM_DOMAIN_RAW)
			try_edges_of(test, &domains[i]);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(test_addresses_of_no_block, context_gen_params),
	KUNIT_CASE_PARAM(test_inside_memory_of_the_kernel, context_gen_params),
	KUNIT_CASE_PARAM(test_inside_blocks, context_gen_params),
	KUNIT_CASE_PARAM(test_where_no_pool_lies, context_gen_params),
	KUNIT_CASE_PARAM(test_free_twice_in_a_row, context_gen_params),
	KUNIT_CASE_PARAM(test_free_twice, context_gen_params),
	KUNIT_CASE_PARAM(test_areas_are_freed, context_gen_params),
	KUNIT_CASE_PARAM(test_sizes_at_the_edges, context_gen_params),
	{ }
};

PYALLOC_SUITE(context_misuse, cases);
