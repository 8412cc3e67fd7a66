// SPDX-License-Identifier: GPL-2.0
/*
 * Debug hooks in every context: blocks are decorated there, looked at when
 * they are freed, and reported on the spot.
 */
#include <linux/slab.h>

#include "context.h"
#include "hooked.h"

KUNIT_ARRAY_PARAM(context, contexts, describe_context);

/* In pools and in raw. */
static const size_t sizes[] = { 40, 488, 489, 3000 };

#define PLACES	(ARRAY_SIZE(sizes) * PYMEM_NR_DOMAINS)

/**
 * struct visit - what is done in a context, and what came of it
 * @gfp: the context's
 * @unseen: and whether lockdep objects to kmalloc() in it
 * @domain: of which domain each block is
 * @size: how large it is
 * @ptr: the blocks
 * @missed: frees that were not answered as they should be
 * @line: where the first of them is
 */
struct visit {
	gfp_t			gfp;
	bool			unseen;
	const struct domain	*domain[PLACES];
	size_t			size[PLACES];
	void			*ptr[PLACES];
	unsigned int		missed;
	unsigned int		line;
};

static void expect_answer(struct visit *visit, unsigned int i, unsigned int n,
			  enum pyalloc_mistake mistake, unsigned int line)
{
	struct pyalloc_report last;

	if (take_reports(&last) == n &&
	    (!n || (last.mistake == mistake && last.ptr == visit->ptr[i])))
		return;
	if (!visit->missed++)
		visit->line = line;
}

static struct visit *make_visit(struct kunit *test)
{
	const struct context *context = need_context(test);
	struct visit *visit = kzalloc(sizeof(*visit), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, visit);
	visit->gfp = context->gfp;
	visit->unseen = context->unseen;
	for (i = 0; i < PLACES; i++) {
		visit->domain[i] = &domains[i % PYMEM_NR_DOMAINS];
		visit->size[i] = sizes[i / PYMEM_NR_DOMAINS];
	}
	return visit;
}

static void take_all(struct kunit *test, struct visit *visit)
{
	unsigned int i;

	for (i = 0; i < PLACES; i++)
		visit->ptr[i] = hooked_malloc(test, visit->domain[i],
					      visit->size[i]);
}

static void run_visit(struct kunit *test, struct visit *visit,
		      void (*function)(void *data))
{
	run_there(test, function, visit);
	KUNIT_EXPECT_EQ_MSG(test, visit->missed, 0U, "first in line %u",
			    visit->line);
}

static void malloc_all(void *data)
{
	struct visit *visit = data;
	unsigned int i;

	for (i = 0; i < PLACES; i++) {
		visit->ptr[i] = NULL;
		if (visit->unseen && visit->domain[i]->id == PYMEM_DOMAIN_RAW)
			continue;
		visit->ptr[i] = visit->domain[i]->malloc(visit->size[i],
							 visit->gfp);
	}
	expect_answer(visit, 0, 0, 0, __LINE__);
}

static void free_all(void *data)
{
	struct visit *visit = data;
	unsigned int i;

	for (i = 0; i < PLACES; i++) {
		visit->domain[i]->free(visit->ptr[i]);
		expect_answer(visit, i, 0, 0, __LINE__);
	}
}

static void expect_all_decorated(struct kunit *test, struct visit *visit)
{
	const struct context *context = test->param_value;
	unsigned int i;
	u8 *ptr;

	for (i = 0; i < PLACES; i++) {
		ptr = visit->ptr[i];
		if (context->takes)
			KUNIT_EXPECT_NOT_NULL(test, ptr);
		if (!ptr)
			continue;
		KUNIT_EXPECT_TRUE(test, pyhook_knows(ptr));
		KUNIT_EXPECT_TRUE(test, is_all(ptr, visit->size[i], 0xcd));
		KUNIT_EXPECT_TRUE(test, is_all(ptr + visit->size[i], 8, 0xfd));
	}
}

static void test_malloc(struct kunit *test)
{
	struct pydomain_stats before[PYDOMAIN_ROWS];
	struct visit *visit = make_visit(test);

	take_domain_stats(test, before);
	/* So that there is something to be had without a page. */
	take_all(test, visit);
	free_all(visit);
	run_visit(test, visit, malloc_all);
	expect_all_decorated(test, visit);
	run_visit(test, visit, free_all);
	pyalloc_reclaim();
	expect_rows(test, before, 0);
	kfree(visit);
}

static void free_all_twice(void *data)
{
	struct visit *visit = data;
	unsigned int i;

	for (i = 0; i < PLACES; i++) {
		visit->domain[i]->free(visit->ptr[i]);
		expect_answer(visit, i, 0, 0, __LINE__);
		visit->domain[i]->free(visit->ptr[i]);
		expect_answer(visit, i, 1, PYALLOC_DOUBLE_FREE, __LINE__);
	}
}

static void test_double_free(struct kunit *test)
{
	struct pydomain_stats before[PYDOMAIN_ROWS];
	struct visit *visit = make_visit(test);

	take_domain_stats(test, before);
	take_all(test, visit);
	run_visit(test, visit, free_all_twice);
	pyalloc_reclaim();
	expect_rows(test, before, 0);
	kfree(visit);
}

/* One that is kept is free for everybody who frees it again. */
static void free_spoilt(void *data)
{
	struct visit *visit = data;
	unsigned int i;

	for (i = 0; i < PLACES; i++) {
		spoil(visit->ptr[i] + visit->size[i]);
		visit->domain[i]->free(visit->ptr[i]);
		expect_answer(visit, i, 1, PYALLOC_OVERFLOW, __LINE__);
		visit->domain[i]->free(visit->ptr[i]);
		expect_answer(visit, i, 1, PYALLOC_DOUBLE_FREE, __LINE__);
	}
}

/* What was kept where nothing could be allocated to know it by. */
static void forgive(void *ptr)
{
	void *base = ptr - PYHOOK_HEAD;

	if (pyhook_is_kept(ptr))
		return;
	atomic_long_dec(&pyhook_kept);
	atomic_long_dec(&pyheap_default.false_frees);
	pyheap_put(1, &base, _THIS_IP_);
}

static void test_overflow(struct kunit *test)
{
	struct pydomain_stats before[PYDOMAIN_ROWS];
	struct visit *visit = make_visit(test);
	unsigned int i;

	take_domain_stats(test, before);
	take_all(test, visit);
	run_visit(test, visit, free_spoilt);
	expect_rows(test, before, 0);
	/* It is not damaged for ever. */
	expect_whole(test);
	for (i = 0; i < PLACES; i++)
		forgive(visit->ptr[i]);
	pyhook_forgive();
	kfree(visit);
}

static void free_by_the_next(void *data)
{
	struct visit *visit = data;
	unsigned int i;

	for (i = 0; i < PLACES; i++) {
		domains[(i + 1) % PYMEM_NR_DOMAINS].free(visit->ptr[i]);
		expect_answer(visit, i, 1, PYALLOC_WRONG_DOMAIN, __LINE__);
	}
}

static void test_wrong_domain(struct kunit *test)
{
	struct pydomain_stats before[PYDOMAIN_ROWS];
	struct visit *visit = make_visit(test);

	take_domain_stats(test, before);
	take_all(test, visit);
	run_visit(test, visit, free_by_the_next);
	expect_rows(test, before, 0);
	kfree(visit);
}

/* Freed there, written to, and found here. */
static void test_use_after_free(struct kunit *test)
{
	struct visit *visit = make_visit(test);
	struct pyalloc_report report;
	unsigned int i;

	take_all(test, visit);
	run_visit(test, visit, free_all);
	/* Those of NMI are on their way. */
	pyhook_flush();
	for (i = 0; i < PLACES; i++)
		spoil(visit->ptr[i]);
	pyalloc_reclaim();
	KUNIT_EXPECT_EQ(test, take_reports(&report), (unsigned int)PLACES);
	KUNIT_EXPECT_EQ(test, (int)report.mistake, (int)PYALLOC_USE_AFTER_FREE);
	pyhook_forgive();
	kfree(visit);
}

static void resize_all(void *data)
{
	struct visit *visit = data;
	unsigned int i;
	void *new;

	for (i = 0; i < PLACES; i++) {
		if (visit->unseen && visit->domain[i]->id == PYMEM_DOMAIN_RAW)
			continue;
		new = visit->domain[i]->realloc(visit->ptr[i],
						visit->size[i] + 30,
						visit->gfp);
		if (new)
			visit->ptr[i] = new;
		new = visit->domain[i]->realloc(visit->ptr[i], 20, visit->gfp);
		/* Smaller it always gets. */
		if (!new || !is_filled(new, 20, 0x5a))
			visit->missed++;
		if (new)
			visit->ptr[i] = new;
	}
	expect_answer(visit, 0, 0, 0, __LINE__);
}

static void test_realloc(struct kunit *test)
{
	struct pydomain_stats before[PYDOMAIN_ROWS];
	struct visit *visit = make_visit(test);
	unsigned int i;

	take_domain_stats(test, before);
	take_all(test, visit);
	run_visit(test, visit, resize_all);
	for (i = 0; i < PLACES; i++)
		KUNIT_EXPECT_GE(test, pyalloc_usable_size(visit->ptr[i]),
				(size_t)20);
	free_all(visit);
	expect_rows(test, before, 0);
	kfree(visit);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(test_malloc, context_gen_params),
	KUNIT_CASE_PARAM(test_double_free, context_gen_params),
	KUNIT_CASE_PARAM(test_overflow, context_gen_params),
	KUNIT_CASE_PARAM(test_wrong_domain, context_gen_params),
	KUNIT_CASE_PARAM(test_use_after_free, context_gen_params),
	KUNIT_CASE_PARAM(test_realloc, context_gen_params),
	{ }
};

HOOKED_SUITE(hook_context, cases);
