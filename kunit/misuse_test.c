// SPDX-License-Identifier: GPL-2.0
/*
 * Mistakes of callers: each is reported once, ignored, and leaves the heap
 * whole and at work.
 *
 * Without debug hooks a block that is free already is known for certain only
 * once it is in its pool, or when it was the last to come into the front; with
 * them at once.  Of blocks of kmalloc() less is known, and what is not known
 * is not tried.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "fixture.h"

static const struct domain *const mem = &domains[PYMEM_DOMAIN_MEM];

/* What was done wrong has no consequence for others. */
static void expect_at_work(struct kunit *test)
{
	void *blocks[40];
	unsigned int i, j;

	for (i = 0; i < 40; i++) {
		blocks[i] = pymem_malloc(i * 13, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, blocks[i]);
		if (heap_serves(mem, i * 13))
			KUNIT_EXPECT_EQ(test, room_of(blocks[i]),
					heap_room(i * 13));
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_PTR_NE(test, blocks[i], blocks[j]);
	}
	for (i = 0; i < 40; i++)
		pymem_free(blocks[i]);
	expect_no_report(test);
	expect_whole(test);
}

/* Every function that takes a block is given what is none. */
static void try_wrong(struct kunit *test, void *wrong,
		      enum pyalloc_mistake mistake)
{
	void *array[1] = { wrong };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(domains); i++) {
		domains[i].free(wrong);
		expect_report(test, mistake, wrong);
		KUNIT_EXPECT_NULL(test, domains[i].realloc(wrong, 40,
							   GFP_KERNEL));
		expect_report(test, mistake, wrong);
		KUNIT_EXPECT_NULL(test, domains[i].realloc(wrong, 4000,
							   GFP_KERNEL));
		expect_report(test, mistake, wrong);
	}
	KUNIT_EXPECT_EQ(test, pyalloc_usable_size(wrong), (size_t)0);
	expect_report(test, mistake, wrong);
	pymem_free_bulk(1, array);
	expect_report(test, mistake, wrong);
}

/* === Pointers into blocks === */

/* What is asked about a pointer into a block that was asked for like that. */
static enum pyalloc_mistake mistake_inside(size_t size)
{
	return heap_serves(mem, size) ? PYALLOC_INTERIOR : PYALLOC_WILD;
}

/* The kernel's allocators take any pointer into a block that is aligned. */
static size_t offset_inside(size_t size)
{
	return heap_serves(mem, size) ? 16 : 1;
}

static void try_inside(struct kunit *test, void *block, size_t size)
{
	static const size_t offsets[] = { 1, 4, 8, 15, 16 };
	unsigned int i;

	if (!heap_serves(mem, size)) {
		try_wrong(test, block + 1, PYALLOC_WILD);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		if (offsets[i] < size)
			try_wrong(test, block + offsets[i], PYALLOC_INTERIOR);
	try_wrong(test, block + size - 1, PYALLOC_INTERIOR);
}

static void test_interior_pointers(struct kunit *test)
{
	size_t size, before;
	void *block;

	for_each_class_size(size) {
		block = pymem_malloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		before = pymem_get_allocated_blocks();
		fill(block, size, 0x2a);
		try_inside(test, block, size);
		KUNIT_EXPECT_TRUE(test, is_filled(block, size, 0x2a));
		KUNIT_EXPECT_EQ(test, pymem_get_allocated_blocks(), before);
		pymem_free(block);
	}
	expect_at_work(test);
}

static void test_interior_in_bulk(struct kunit *test)
{
	void *blocks[3], *inside, *all[200];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, pymem_malloc_bulk(64, GFP_KERNEL, 3, blocks),
			(size_t)3);
	/* So that the front has an array to put it into. */
	for (i = 0; i < 200; i++)
		all[i] = pymem_malloc(64, GFP_KERNEL);
	for (i = 0; i < 200; i++)
		pymem_free(all[i]);
	pymem_malloc_bulk(64, GFP_KERNEL, 20, all);
	inside = blocks[1] + offset_inside(64);
	swap(blocks[1], inside);
	pymem_free_bulk(3, blocks);
	expect_report(test, mistake_inside(64), blocks[1]);
	pymem_free(inside);
	pymem_free_bulk(20, all);
	expect_at_work(test);
}

static void test_interior_by_rcu(struct kunit *test)
{
	void *block = pymem_malloc(128, GFP_KERNEL), *inside;

	KUNIT_ASSERT_NOT_NULL(test, block);
	inside = block + offset_inside(128);
	__pymem_free_rcu(inside, block + 32);
	expect_report(test, mistake_inside(128), inside);
	pymem_free(block);
	expect_at_work(test);
}

/* === Blocks that are free already === */

static void test_free_twice_in_a_row(struct kunit *test)
{
	const struct domain *domain;
	unsigned int i;
	size_t size;
	void *block, *other;
	bool wrong;

	need_notes(test);
	for_each_class_size(size) {
		/* Else the front may have no room for the first one. */
		pyalloc_reclaim();
		for (i = 0; i < ARRAY_SIZE(domains); i++) {
			domain = &domains[i];
			other = pymem_malloc(size, GFP_KERNEL);
			block = pymem_malloc(size, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, block);
			preempt_disable();
			domain->free(block);
			domain->free(block);
			preempt_enable();
			wrong = domain != mem && hooks_look(domain);
			expect_reports(test, 1 + wrong, PYALLOC_DOUBLE_FREE,
				       block);
			pymem_free(other);
		}
	}
	expect_at_work(test);
}

/*
 * With another free between them it shows when the front is emptied, but to
 * debug hooks at once.
 */
static void test_free_twice(struct kunit *test)
{
	void *kept[2], *blocks[2];
	size_t size;

	need_notes(test);
	for_each_class_size(size) {
		kept[0] = pymem_malloc(size, GFP_KERNEL);
		kept[1] = pymem_malloc(size, GFP_KERNEL);
		blocks[0] = pymem_malloc(size, GFP_KERNEL);
		blocks[1] = pymem_malloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, blocks[1]);
		pymem_free(blocks[0]);
		pymem_free(blocks[1]);
		pymem_free(blocks[0]);
		if (hooks_look(mem))
			expect_report(test, PYALLOC_DOUBLE_FREE, blocks[0]);
		pyalloc_reclaim();
		if (!hooks_look(mem))
			expect_report(test, PYALLOC_DOUBLE_FREE, blocks[0]);
		pymem_free(kept[0]);
		pymem_free(kept[1]);
	}
	expect_at_work(test);
}

static void test_free_twice_in_bulk(struct kunit *test)
{
	void *kept, *blocks[3];

	need_notes(test);
	kept = pymem_malloc(80, GFP_KERNEL);
	blocks[0] = pymem_malloc(80, GFP_KERNEL);
	blocks[1] = pymem_malloc(80, GFP_KERNEL);
	blocks[2] = blocks[0];
	pymem_free_bulk(3, blocks);
	pyalloc_reclaim();
	expect_report(test, PYALLOC_DOUBLE_FREE, blocks[0]);
	pymem_free(kept);
	expect_at_work(test);
}

/*
 * Back in its pool, a free block is known to be one by all functions; outside
 * of pools, while it rests.
 */
static void test_use_of_a_free_block(struct kunit *test)
{
	void *kept[2], *block;
	size_t size;

	need_notes(test);
	for_each_class_size(size) {
		take_exactly(test, size, 2, kept);
		block = kept[1];
		pymem_free(block);
		if (heap_serves(mem, size))
			pyalloc_reclaim();
		KUNIT_EXPECT_NULL(test, pymem_realloc(block, 8, GFP_KERNEL));
		expect_report(test, PYALLOC_DOUBLE_FREE, block);
		KUNIT_EXPECT_NULL(test, pymem_realloc(block, 999, GFP_KERNEL));
		expect_report(test, PYALLOC_DOUBLE_FREE, block);
		KUNIT_EXPECT_EQ(test, pyalloc_usable_size(block), (size_t)0);
		expect_report(test, PYALLOC_DOUBLE_FREE, block);
		__pymem_free_rcu(block, block);
		expect_report(test, PYALLOC_DOUBLE_FREE, block);
		pymem_free(kept[0]);
	}
	expect_at_work(test);
}

/* Its pool is gone, its arena is not. */
static void test_use_after_the_pool(struct kunit *test)
{
	void *kept, *block;

	need_heap(test);
	kept = pymem_malloc(heap_most(), GFP_KERNEL);
	block = pymem_malloc(64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, block);
	pymem_free(block);
	pyalloc_reclaim();
	if (is_heaps(block))
		try_wrong(test, block, PYALLOC_NO_POOL);
	pymem_free(kept);
	expect_at_work(test);
}

/* === Nobody's pointers === */

static void test_addresses_of_no_block(struct kunit *test)
{
	static char data[64] __aligned(64);
	char stack[64] __aligned(64);
	void *wrong[] = {
		stack, stack + 8, data, data + 1, test_interior_pointers,
		pymem_raw_free, vfree, (void *)64, (void *)4096,
		(void *)0x12345000, (void *)LONG_MAX, (void *)LONG_MIN,
		ERR_PTR(-ENOMEM), (void *)~0UL, (void *)(~0UL << 12),
	};
	unsigned int i;

	OPTIMIZER_HIDE_VAR(wrong[0]);
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		try_wrong(test, wrong[i], PYALLOC_WILD);
	expect_at_work(test);
}

static void test_pages_that_are_no_block(struct kunit *test)
{
	unsigned long page = __get_free_page(GFP_KERNEL);
	unsigned long pages = __get_free_pages(GFP_KERNEL, 2);

	KUNIT_ASSERT_TRUE(test, page && pages);
	try_wrong(test, (void *)page, PYALLOC_WILD);
	try_wrong(test, (void *)page + 64, PYALLOC_WILD);
	try_wrong(test, (void *)pages + PAGE_SIZE, PYALLOC_WILD);
	free_pages(pages, 2);
	free_page(page);
	expect_at_work(test);
}

static void test_inside_blocks_of_the_kernel(struct kunit *test)
{
	void *vmalloced = vmalloc(4 * PAGE_SIZE);
	void *large = kmalloc(8 * PAGE_SIZE, GFP_KERNEL);
	void *small = kmalloc(256, GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, vmalloced && large && small);
	try_wrong(test, vmalloced + 8, PYALLOC_WILD);
	try_wrong(test, vmalloced + PAGE_SIZE, PYALLOC_WILD);
	try_wrong(test, vmalloced + 4 * PAGE_SIZE, PYALLOC_WILD);
	try_wrong(test, vmalloced + 3 * PAGE_SIZE + 1, PYALLOC_WILD);
	try_wrong(test, large + PAGE_SIZE, PYALLOC_WILD);
	try_wrong(test, large + 64, PYALLOC_WILD);
	try_wrong(test, small + 1, PYALLOC_WILD);
	kfree(small);
	kfree(large);
	vfree(vmalloced);
	expect_at_work(test);
}

/* Behind the last block of a pool there is nothing to free. */
/* An object of a power of two is aligned to it: this one does not begin there. */
static void test_inside_objects_of_a_power_of_two(struct kunit *test)
{
	static const size_t sizes[] = { 32, 64, 256, 1024, 4096 };
	unsigned int i, j;
	size_t offset;
	void *block;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		block = kmalloc(sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		for (offset = 8; offset < sizes[i]; offset *= 2)
			for (j = 0; j < PYMEM_NR_DOMAINS; j++) {
				domains[j].free(block + offset);
				expect_report(test, PYALLOC_WILD,
					      block + offset);
			}
		kfree(block);
	}
}

static void test_rest_of_a_pool(struct kunit *test)
{
	const struct pyclass *class;
	size_t size, bytes;
	void *block, *end;

	need_heap(test);
	for_each_class_size(size) {
		/* Of the smallest none is decorated. */
		if (size <= PYALLOC_SMALL_MAX - heap_most())
			continue;
		class = &pyheap_default.classes->class[class_index(size)];
		bytes = (size_t)class->granules << PYGRANULE_SHIFT;
		if (class->blocks * size == bytes)
			continue;
		block = pymem_malloc(size - (PYALLOC_SMALL_MAX - heap_most()),
				     GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, block);
		end = (void *)ALIGN_DOWN((unsigned long)block, bytes) + bytes;
		try_wrong(test, end - 1, PYALLOC_INTERIOR);
		pymem_free(block);
	}
	expect_at_work(test);
}

static void test_reports_are_counted(struct kunit *test)
{
	unsigned long before = pydebug_reports();

	pymem_free((void *)64);
	expect_report(test, PYALLOC_WILD, (void *)64);
	KUNIT_EXPECT_EQ(test, pydebug_reports(), before + 1);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_interior_pointers),
	KUNIT_CASE(test_interior_in_bulk),
	KUNIT_CASE(test_interior_by_rcu),
	KUNIT_CASE(test_free_twice_in_a_row),
	KUNIT_CASE(test_free_twice),
	KUNIT_CASE(test_free_twice_in_bulk),
	KUNIT_CASE(test_use_of_a_free_block),
	KUNIT_CASE(test_use_after_the_pool),
	KUNIT_CASE(test_addresses_of_no_block),
	KUNIT_CASE(test_pages_that_are_no_block),
	KUNIT_CASE(test_inside_blocks_of_the_kernel),
	KUNIT_CASE(test_inside_objects_of_a_power_of_two),
	KUNIT_CASE(test_rest_of_a_pool),
	KUNIT_CASE(test_reports_are_counted),
	{ }
};

PYALLOC_SUITE(misuse, cases);
