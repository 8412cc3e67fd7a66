// SPDX-License-Identifier: GPL-2.0
/*
 * Callers who may not be called back by reclaim: the gfp flags that say so,
 * and the scopes that say it for all allocations of a task.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "fixture.h"

/* === Scopes === */

static unsigned int enter_nothing(void)
{
	return 0;
}

static void leave_nothing(unsigned int flags)
{
}

static unsigned int enter_nofs(void)
{
	return memalloc_nofs_save();
}

static void leave_nofs(unsigned int flags)
{
	memalloc_nofs_restore(flags);
}

static unsigned int enter_noio(void)
{
	return memalloc_noio_save();
}

static void leave_noio(unsigned int flags)
{
	memalloc_noio_restore(flags);
}

static unsigned int enter_noreclaim(void)
{
	return memalloc_noreclaim_save();
}

static void leave_noreclaim(unsigned int flags)
{
	memalloc_noreclaim_restore(flags);
}

struct scope {
	const char	*name;
	gfp_t		gfp;
	unsigned int	(*enter)(void);
	void		(*leave)(unsigned int flags);
};

static const struct scope scopes[] = {
	{ "gfp_nofs", GFP_NOFS, enter_nothing, leave_nothing },
	{ "gfp_noio", GFP_NOIO, enter_nothing, leave_nothing },
	{ "nofs", GFP_KERNEL, enter_nofs, leave_nofs },
	{ "noio", GFP_KERNEL, enter_noio, leave_noio },
	{ "noreclaim", GFP_KERNEL, enter_noreclaim, leave_noreclaim },
	{ "noreclaim_atomic", GFP_NOWAIT, enter_noreclaim, leave_noreclaim },
};

static void describe_scope(const struct scope *scope, char *desc)
{
	strscpy(desc, scope->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(scope, scopes, describe_scope);

/* === What is done in them === */

enum { N = IS_ENABLED(CONFIG_KASAN) ? 500 : 2000, BULK = 500 };

#define BULK_SIZE	64

static size_t size_of(size_t i)
{
	return i * 37 % 1200;
}

static unsigned int take_all(const struct scope *scope, void **blocks)
{
	unsigned int failures = 0;
	size_t i;

	for (i = 0; i < N; i++) {
		blocks[i] = pymem_malloc(size_of(i), scope->gfp);
		if (blocks[i])
			fill(blocks[i], size_of(i), i);
		else
			failures++;
	}
	return failures;
}

static unsigned int resize_all(const struct scope *scope, void **blocks)
{
	unsigned int failures = 0;
	size_t i;
	void *now;

	for (i = 0; i < N; i++) {
		now = pymem_realloc(blocks[i], size_of(i) + 20, scope->gfp);
		if (now)
			blocks[i] = now;
		else
			failures++;
	}
	return failures;
}

static unsigned int put_all(size_t first, void **blocks)
{
	unsigned int spoilt = 0;
	size_t i;

	for (i = first; i < N; i += 2) {
		spoilt += !is_filled(blocks[i], size_of(i), i);
		pymem_free(blocks[i]);
	}
	return spoilt;
}

static bool gets_arenas(const struct scope *scope)
{
	return heap_serves(&domains[PYMEM_DOMAIN_MEM], BULK_SIZE) &&
	       (pyarena_source != PYARENA_VMALLOC ||
		gfpflags_allow_blocking(scope->gfp));
}

/* Half is freed in the scope that it was taken in, and half outside. */
static void test_blocks_of_all_sizes(struct kunit *test)
{
	const struct scope *scope = test->param_value;
	void **blocks = make_array(test, N);
	unsigned int flags, failures, spoilt;

	flags = scope->enter();
	failures = take_all(scope, blocks);
	failures += resize_all(scope, blocks);
	spoilt = put_all(0, blocks);
	scope->leave(flags);
	if (gets_arenas(scope))
		KUNIT_EXPECT_GT(test, heap_arenas(test), 0UL);
	spoilt += put_all(1, blocks);
	KUNIT_EXPECT_EQ(test, failures, 0);
	KUNIT_EXPECT_EQ(test, spoilt, 0);
	pyalloc_reclaim();
	KUNIT_EXPECT_EQ(test, heap_arenas(test), 0UL);
	kvfree(blocks);
}

static void test_bulk(struct kunit *test)
{
	const struct scope *scope = test->param_value;
	void **blocks = make_array(test, BULK);
	unsigned int flags, overlaps;
	size_t got;

	flags = scope->enter();
	got = pymem_malloc_bulk(BULK_SIZE, scope->gfp, BULK, blocks);
	overlaps = count_overlaps(got, blocks);
	pymem_free_bulk(got, blocks);
	scope->leave(flags);
	KUNIT_EXPECT_EQ(test, got, (size_t)BULK);
	KUNIT_EXPECT_EQ(test, overlaps, 0U);
	kvfree(blocks);
}

/* Giving back takes memory for nothing, and may be done there as well. */
static void test_reclaim(struct kunit *test)
{
	const struct scope *scope = test->param_value;
	unsigned int flags, spoilt;
	void **blocks;
	size_t bytes;

	if (scope->enter == enter_noreclaim)
		kunit_skip(test, "who reclaims may not wait for work items");
	blocks = make_array(test, N);
	KUNIT_EXPECT_EQ(test, take_all(scope, blocks), 0);
	spoilt = put_all(0, blocks);
	flags = scope->enter();
	bytes = pyalloc_reclaim();
	scope->leave(flags);
	if (pyarena_source != PYARENA_VMALLOC && gets_arenas(scope))
		KUNIT_EXPECT_GT(test, bytes, (size_t)0);
	expect_whole(test);
	spoilt += put_all(1, blocks);
	flags = scope->enter();
	pyalloc_reclaim();
	scope->leave(flags);
	KUNIT_EXPECT_EQ(test, heap_arenas(test), 0UL);
	KUNIT_EXPECT_EQ(test, spoilt, 0);
	kvfree(blocks);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(test_blocks_of_all_sizes, scope_gen_params),
	KUNIT_CASE_PARAM(test_bulk, scope_gen_params),
	KUNIT_CASE_PARAM(test_reclaim, scope_gen_params),
	{ }
};

PYALLOC_SUITE(scope, cases);
