// SPDX-License-Identifier: GPL-2.0
/*
 * Every context: allocation and free of the heap's blocks and of the
 * kernel's, while the heap has what is asked for.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "context.h"
#include "fixture.h"

KUNIT_ARRAY_PARAM(context, contexts, describe_context);

static const struct domain *const mem = &domains[PYMEM_DOMAIN_MEM];

/* === Alone === */

#define STEPS	(PYALLOC_SMALL_MAX / 8)

struct visit {
	gfp_t		gfp;
	unsigned int	failures;
	unsigned int	spoilt;
	void		*blocks[STEPS + 1];
};

static void take_each_size(void *data)
{
	struct visit *visit = data;
	unsigned int i;

	for (i = 0; i <= STEPS; i++) {
		visit->blocks[i] = pymem_malloc(i * 8, visit->gfp);
		if (visit->blocks[i])
			fill(visit->blocks[i], i * 8, i);
		else
			visit->failures++;
	}
}

/* Frees what is mem's as object's, which debug hooks report. */
static void put_each_size(void *data)
{
	struct visit *visit = data;
	unsigned int i;

	for (i = 0; i <= STEPS; i++) {
		if (visit->blocks[i] &&
		    !is_filled(visit->blocks[i], i * 8, i))
			visit->spoilt++;
		pyobject_free(visit->blocks[i]);
	}
}

static void expect_put(struct kunit *test, struct visit *visit)
{
	unsigned int i, n = 0;

	for (i = 0; i <= STEPS; i++)
		n += !!visit->blocks[i];
	expect_wrong_domain(test, n);
	KUNIT_EXPECT_EQ(test, visit->spoilt, 0);
}

/* How many sizes there is nothing of where no page can be taken. */
static unsigned int not_to_be_had(struct kunit *test)
{
	const struct context *context = test->param_value;
	unsigned int i, n = 0;

	for (i = 0; i <= STEPS; i++)
		n += !context->takes && !heap_serves(mem, i * 8);
	return n;
}

static struct visit *make_visit(struct kunit *test)
{
	const struct context *context = need_context(test);
	struct visit *visit;

	visit = kzalloc(sizeof(*visit), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, visit);
	visit->gfp = context->gfp;
	return visit;
}

/*
 * A block of each class stays with the task, so that there is a pool for the
 * contexts that can't get another one.
 */
static void test_malloc(struct kunit *test)
{
	struct visit *mine = make_visit(test), *visit = make_visit(test);

	mine->gfp = GFP_KERNEL;
	take_each_size(mine);
	run_there(test, take_each_size, visit);
	KUNIT_EXPECT_EQ(test, visit->failures, not_to_be_had(test));
	put_each_size(visit);
	expect_put(test, visit);
	put_each_size(mine);
	expect_put(test, mine);
	kfree(visit);
	kfree(mine);
}

static void test_free(struct kunit *test)
{
	struct visit *visit = make_visit(test);

	visit->gfp = GFP_KERNEL;
	take_each_size(visit);
	KUNIT_EXPECT_EQ(test, visit->failures, 0);
	run_there(test, put_each_size, visit);
	expect_put(test, visit);
	kfree(visit);
}

static void measure_each(void *data)
{
	struct visit *visit = data;
	unsigned int i;

	for (i = 0; i <= STEPS; i++)
		if (pyalloc_usable_size(visit->blocks[i]) < i * 8)
			visit->failures++;
}

static void test_usable_size(struct kunit *test)
{
	struct visit *visit = make_visit(test);

	visit->gfp = GFP_KERNEL;
	take_each_size(visit);
	run_there(test, measure_each, visit);
	KUNIT_EXPECT_EQ(test, visit->failures, 0);
	put_each_size(visit);
	expect_put(test, visit);
	kfree(visit);
}

static void resize_each(void *data)
{
	struct visit *visit = data;
	unsigned int i;
	void *block;

	for (i = 0; i <= STEPS; i++) {
		block = pymem_realloc(visit->blocks[i], i * 4, visit->gfp);
		if (block)
			visit->blocks[i] = block;
		else
			visit->failures++;
		if (!is_filled(visit->blocks[i], i * 4, i))
			visit->spoilt++;
	}
}

static void test_shrinking(struct kunit *test)
{
	struct visit *visit = make_visit(test);
	gfp_t gfp = visit->gfp;
	unsigned int i;

	visit->gfp = GFP_KERNEL;
	take_each_size(visit);
	visit->gfp = gfp;
	run_there(test, resize_each, visit);
	KUNIT_EXPECT_EQ(test, visit->failures, 0);
	KUNIT_EXPECT_EQ(test, visit->spoilt, 0);
	for (i = 0; i <= STEPS; i++)
		pymem_free(visit->blocks[i]);
	kfree(visit);
}

static void bulk_there(void *data)
{
	struct visit *visit = data;
	size_t got = pymem_malloc_bulk(64, visit->gfp, STEPS, visit->blocks);

	if (!got)
		visit->failures++;
	pymem_free_bulk(got, visit->blocks);
}

static void test_bulk(struct kunit *test)
{
	struct visit *visit = make_visit(test);
	const struct context *context = test->param_value;
	void *mine = pymem_malloc(64, GFP_KERNEL);
	bool can_be_had = context->takes || heap_serves(mem, 64);

	run_there(test, bulk_there, visit);
	KUNIT_EXPECT_EQ(test, !visit->failures, can_be_had);
	pymem_free(mine);
	kfree(visit);
}

/* === What is too large for the heap === */

static const size_t large[] = { PYALLOC_SMALL_MAX + 1, 2000, 8000 };

struct large {
	gfp_t			gfp;
	const struct domain	*domain;
	void			*plain[ARRAY_SIZE(large)];
	void			*zeroed[ARRAY_SIZE(large)];
};

static void ask_large(void *data)
{
	struct large *asked = data;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(large); i++) {
		asked->plain[i] = asked->domain->malloc(large[i], asked->gfp);
		asked->zeroed[i] = asked->domain->calloc(large[i], 1,
							 asked->gfp);
	}
}

static void expect_large(struct kunit *test, const struct domain *domain,
			 void *block, size_t size)
{
	const struct context *context = test->param_value;

	KUNIT_EXPECT_EQ(test, !!block, context->takes);
	KUNIT_EXPECT_FALSE(test, is_heaps(block));
	if (block)
		KUNIT_EXPECT_GE(test, pyalloc_usable_size(block), size);
	domain->free(block);
}

static void test_large_requests(struct kunit *test)
{
	const struct context *context = need_context(test);
	struct large asked = { .gfp = context->gfp };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(domains); i++) {
		asked.domain = &domains[i];
		if (context->unseen && asked.domain->id == PYMEM_DOMAIN_RAW)
			continue;
		run_there(test, ask_large, &asked);
		for (j = 0; j < ARRAY_SIZE(large); j++) {
			if (asked.zeroed[j])
				KUNIT_EXPECT_TRUE(test, is_zero(asked.zeroed[j],
								large[j]));
			expect_large(test, asked.domain, asked.plain[j],
				     large[j]);
			expect_large(test, asked.domain, asked.zeroed[j],
				     large[j]);
		}
	}
}

/* === What the kernel allocated === */

enum { FOREIGNERS = 24 };

struct foreigners {
	unsigned int		n;
	const struct domain	*domain;
	void			*blocks[FOREIGNERS];
	size_t			usable[FOREIGNERS];
};

static void add_foreigner(struct foreigners *foreigners, void *block)
{
	if (!block)
		return;
	foreigners->blocks[foreigners->n] = block;
	foreigners->usable[foreigners->n++] = room_of(block);
}

static void fetch_foreigners(struct foreigners *foreigners)
{
	size_t size;

	for (size = 8; size <= 8192; size *= 2) {
		add_foreigner(foreigners, kmalloc(size, GFP_KERNEL));
		if (size > 8)
			add_foreigner(foreigners, kzalloc(size - 3,
							  GFP_KERNEL));
	}
	add_foreigner(foreigners, kvmalloc(SZ_1M, GFP_KERNEL));
	add_foreigner(foreigners, vmalloc(5 * PAGE_SIZE));
	add_foreigner(foreigners, vzalloc(10));
}

static void free_foreigners(void *data)
{
	struct foreigners *foreigners = data;
	unsigned int i;

	for (i = 0; i < foreigners->n; i++)
		foreigners->domain->free(foreigners->blocks[i]);
}

static void test_free_of_foreign_blocks(struct kunit *test)
{
	struct foreigners *foreigners;
	unsigned int i, j;

	need_context(test);
	foreigners = kzalloc(sizeof(*foreigners), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, foreigners);
	for (i = 0; i < ARRAY_SIZE(domains); i++) {
		foreigners->n = 0;
		foreigners->domain = &domains[i];
		fetch_foreigners(foreigners);
		run_there(test, free_foreigners, foreigners);
		for (j = 0; j < foreigners->n; j++)
			balance_foreign(test, &domains[i],
					foreigners->usable[j]);
	}
	expect_no_report(test);
	kfree(foreigners);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(test_malloc, context_gen_params),
	KUNIT_CASE_PARAM(test_free, context_gen_params),
	KUNIT_CASE_PARAM(test_usable_size, context_gen_params),
	KUNIT_CASE_PARAM(test_shrinking, context_gen_params),
	KUNIT_CASE_PARAM(test_bulk, context_gen_params),
	KUNIT_CASE_PARAM(test_large_requests, context_gen_params),
	KUNIT_CASE_PARAM(test_free_of_foreign_blocks, context_gen_params),
	{ }
};

PYALLOC_SUITE(context, cases);
