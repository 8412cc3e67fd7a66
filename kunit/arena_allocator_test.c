// SPDX-License-Identifier: GPL-2.0
/*
 * Where a client has arenas come from: what it is asked, what becomes of what
 * it gives, and where that goes in the end.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "hooked.h"

enum kind { FROM_PAGES, FROM_VMALLOC, FROM_NOWHERE, MISALIGNED, NOT_MEMORY };

/**
 * struct source - where arenas come from
 * @kind: and what they are
 * @allocs: how often it was asked
 * @frees: how often something came back
 * @bytes: how much of it is out
 * @bad: calls that were not as they should be
 * @size: what was asked for last
 * @given: and what was given
 */
struct source {
	enum kind	kind;
	atomic_t	allocs;
	atomic_t	frees;
	atomic_long_t	bytes;
	atomic_t	bad;
	size_t		size;
	void		*given;
};

static void *take(struct source *source, size_t size, gfp_t gfp)
{
	void *pages;

	switch (source->kind) {
	case FROM_PAGES:
		return (void *)__get_free_pages(gfp, get_order(size));
	case FROM_VMALLOC:
		return gfpflags_allow_blocking(gfp) ? __vmalloc(size, gfp) :
						      NULL;
	case MISALIGNED:
		pages = (void *)__get_free_pages(gfp, get_order(size) + 1);
		return pages ? pages + 64 : NULL;
	case NOT_MEMORY:
		return (void *)SZ_64K;
	default:
		return NULL;
	}
}

static void *source_alloc(void *ctx, size_t size, gfp_t gfp)
{
	struct source *source = ctx;

	atomic_inc(&source->allocs);
	if (!is_power_of_2(size) || size < SZ_16K || size > SZ_1M)
		atomic_inc(&source->bad);
	source->size = size;
	source->given = take(source, size, gfp);
	if (source->given)
		atomic_long_add(size, &source->bytes);
	return source->given;
}

static void source_free(void *ctx, void *ptr, size_t size)
{
	struct source *source = ctx;

	atomic_inc(&source->frees);
	atomic_long_sub(size, &source->bytes);
	if (source->kind == FROM_VMALLOC)
		vfree(ptr);
	else if (source->kind == FROM_PAGES)
		free_pages((unsigned long)ptr, get_order(size));
	else if (source->kind == MISALIGNED)
		free_pages((unsigned long)ptr - 64, get_order(size) + 1);
}

static struct pyarena_allocator before;

static void begin_source(struct kunit *test, struct source *source)
{
	struct pyarena_allocator allocator = {
		.ctx = source, .alloc = source_alloc, .free = source_free,
	};

	pyalloc_reclaim();
	KUNIT_ASSERT_EQ(test, pyarena_get_allocator(&before), 0);
	KUNIT_ASSERT_EQ(test, pyarena_set_allocator(&allocator), 0);
}

/* Not one of its arenas is left. */
static void end_source(struct kunit *test, struct source *source)
{
	KUNIT_EXPECT_EQ(test, pyarena_set_allocator(&before), 0);
	pyalloc_reclaim();
	KUNIT_EXPECT_EQ(test, atomic_long_read(&source->bytes), 0L);
	KUNIT_EXPECT_EQ(test, atomic_read(&source->bad), 0);
}

#define N	4000
#define SIZE	200

static void **take_many(struct kunit *test)
{
	void **blocks = make_array(test, N);
	unsigned int i;

	for (i = 0; i < N; i++) {
		blocks[i] = pymem_malloc(SIZE, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, blocks[i]);
		fill(blocks[i], SIZE, i);
	}
	return blocks;
}

static void put_many(struct kunit *test, void **blocks)
{
	unsigned int i, spoilt = 0;

	for (i = 0; i < N; i++) {
		spoilt += !is_filled(blocks[i], SIZE, i);
		pymem_free(blocks[i]);
	}
	KUNIT_EXPECT_EQ(test, spoilt, 0U);
	kvfree(blocks);
}

static void try_source(struct kunit *test, enum kind kind)
{
	struct source source = { .kind = kind };
	struct pyheap_stats *stats;
	void **blocks;

	begin_source(test, &source);
	blocks = take_many(test);
	KUNIT_EXPECT_GT(test, atomic_read(&source.allocs), 2);
	KUNIT_EXPECT_EQ(test, is_vmalloc_addr(blocks[N - 1]),
			kind == FROM_VMALLOC);
	stats = take_heap_stats(test);
	KUNIT_EXPECT_EQ(test, (long)stats->arena_bytes,
			atomic_long_read(&source.bytes));
	KUNIT_EXPECT_EQ(test, (int)stats->arenas,
			atomic_read(&source.allocs) -
			atomic_read(&source.frees));
	kfree(stats);
	expect_whole(test);
	put_many(test, blocks);
	pyalloc_reclaim();
	KUNIT_EXPECT_EQ(test, atomic_read(&source.frees),
			atomic_read(&source.allocs));
	end_source(test, &source);
}

static void test_pages(struct kunit *test)
{
	try_source(test, FROM_PAGES);
}

static void test_vmalloc(struct kunit *test)
{
	try_source(test, FROM_VMALLOC);
}

static void try_nothing(struct kunit *test, enum kind kind)
{
	struct source source = { .kind = kind };
	void *blocks[20];
	unsigned int i;

	begin_source(test, &source);
	for (i = 0; i < 20; i++) {
		blocks[i] = pymem_malloc(i * 20, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, blocks[i]);
		KUNIT_EXPECT_FALSE(test, is_heaps(blocks[i]));
		fill(blocks[i], i * 20, i);
	}
	KUNIT_EXPECT_GT(test, atomic_read(&source.allocs), 0);
	for (i = 0; i < 20; i++)
		pymem_free(blocks[i]);
	KUNIT_EXPECT_EQ(test, heap_arenas(test), 0UL);
	if (kind == FROM_NOWHERE)
		KUNIT_EXPECT_EQ(test, atomic_read(&source.frees), 0);
	else
		KUNIT_EXPECT_EQ(test, atomic_read(&source.frees),
				atomic_read(&source.allocs));
	end_source(test, &source);
}

/* Then raw serves, one block after the other. */
static void test_nothing(struct kunit *test)
{
	try_nothing(test, FROM_NOWHERE);
}

/* What can't be an arena goes back at once. */
static void test_misaligned(struct kunit *test)
{
	try_nothing(test, MISALIGNED);
}

static void test_not_memory(struct kunit *test)
{
	try_nothing(test, NOT_MEMORY);
}

/* Each arena goes to where it came from, whatever is there by then. */
static void test_changed_meanwhile(struct kunit *test)
{
	struct source first = { .kind = FROM_PAGES };
	struct source second = { .kind = FROM_VMALLOC };
	struct pyarena_allocator own;
	void **blocks, **others, **more;
	int asked;

	KUNIT_ASSERT_EQ(test, pyarena_get_allocator(&own), 0);
	begin_source(test, &first);
	blocks = take_many(test);
	begin_source(test, &second);
	asked = atomic_read(&first.allocs);
	others = take_many(test);
	KUNIT_EXPECT_EQ(test, pyarena_set_allocator(&own), 0);
	more = take_many(test);
	KUNIT_EXPECT_EQ(test, atomic_read(&first.allocs), asked);
	KUNIT_EXPECT_GT(test, atomic_read(&second.allocs), 0);
	expect_whole(test);
	put_many(test, blocks);
	pyalloc_reclaim();
	KUNIT_EXPECT_GT(test, atomic_read(&first.frees), 0);
	put_many(test, more);
	put_many(test, others);
	pyalloc_reclaim();
	KUNIT_EXPECT_EQ(test, atomic_long_read(&first.bytes), 0L);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&second.bytes), 0L);
	KUNIT_EXPECT_EQ(test, atomic_read(&first.bad), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&second.bad), 0);
}

static void test_arguments(struct kunit *test)
{
	struct source source = {};
	struct pyarena_allocator now, broken = {
		.ctx = &source, .alloc = source_alloc,
	};

	KUNIT_EXPECT_EQ(test, pyarena_get_allocator(NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, pyarena_set_allocator(NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, pyarena_set_allocator(&broken), -EINVAL);
	broken.alloc = NULL;
	broken.free = source_free;
	KUNIT_EXPECT_EQ(test, pyarena_set_allocator(&broken), -EINVAL);
	begin_source(test, &source);
	KUNIT_EXPECT_EQ(test, pyarena_get_allocator(&now), 0);
	KUNIT_EXPECT_PTR_EQ(test, now.ctx, (void *)&source);
	KUNIT_EXPECT_TRUE(test, now.alloc == source_alloc);
	KUNIT_EXPECT_TRUE(test, now.free == source_free);
	end_source(test, &source);
	KUNIT_EXPECT_EQ(test, pyarena_get_allocator(&now), 0);
	KUNIT_EXPECT_TRUE(test, now.alloc == before.alloc);
}

/* What serves by itself may be called from one that is on top of it. */
static void test_own_functions(struct kunit *test)
{
	struct pyarena_allocator own;
	void *ptr;

	KUNIT_ASSERT_EQ(test, pyarena_get_allocator(&own), 0);
	ptr = own.alloc(own.ctx, SZ_64K, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptr);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)ptr, 4096));
	fill(ptr, SZ_64K, 1);
	own.free(own.ctx, ptr, SZ_64K);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_pages),
	KUNIT_CASE(test_vmalloc),
	KUNIT_CASE(test_nothing),
	KUNIT_CASE(test_misaligned),
	KUNIT_CASE(test_not_memory),
	KUNIT_CASE(test_changed_meanwhile),
	KUNIT_CASE(test_arguments),
	KUNIT_CASE(test_own_functions),
	{ }
};

/* Blocks are plain ones, so that all of them come from arenas. */
static int arena_suite_init(struct kunit_suite *suite)
{
	int error = hooked_suite_init(suite);

	return error ?: pyhook_turn(0);
}

struct kunit_suite arena_allocator_suite = {
	.name		= "pyalloc_arena_allocator",
	.suite_init	= arena_suite_init,
	.suite_exit	= hooked_suite_exit,
	.init		= hooked_init,
	.exit		= hooked_exit,
	.test_cases	= cases,
};
