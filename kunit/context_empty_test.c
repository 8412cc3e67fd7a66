// SPDX-License-Identifier: GPL-2.0
/*
 * Every context on a heap that has nothing: a block in a new arena where a
 * page may be taken, and where not NULL and the reserve, which serves the next
 * one; and resizing.
 */
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../pyalloc/reclaim.h"
#include "context.h"
#include "fixture.h"

KUNIT_ARRAY_PARAM(context, contexts, describe_context);

#define SIZE	64

/* More than the reserve has, whatever the size of arenas is. */
enum { SOME = 100, MANY = 8192 };

/**
 * struct visit - a request in a context, and what came of it
 * @gfp: the context's
 * @ask: the request
 * @exhaust: take all that the heap has before it
 * @all: this, as a chain
 * @node: whose memory was asked for
 * @arenas: arenas that were taken from the kernel
 * @granules: what these hold
 * @got: blocks that it got
 * @wanted: blocks that it should get
 * @resized: how the resizing of a block went
 * @blocks: the blocks, none of more than SIZE bytes
 */
struct visit {
	gfp_t		gfp;
	void		(*ask)(struct visit *visit);
	bool		exhaust;
	void		*all;
	struct pynode	*node;
	unsigned long	arenas;
	unsigned long	granules;
	size_t		got;
	size_t		wanted;
	struct resized	*resized;
	void		*blocks[MANY];
};

static void add_block(struct visit *visit, void *block)
{
	visit->wanted++;
	if (block)
		visit->blocks[visit->got++] = block;
}

/* === Requests === */

static void ask_malloc(struct visit *visit)
{
	add_block(visit, pymem_malloc(SIZE, visit->gfp));
}

static void ask_object(struct visit *visit)
{
	add_block(visit, pyobject_malloc(8, visit->gfp));
}

static void ask_calloc(struct visit *visit)
{
	add_block(visit, pymem_calloc(4, SIZE / 4, visit->gfp));
}

static void ask_realloc(struct visit *visit)
{
	add_block(visit, pyobject_realloc(NULL, SIZE, visit->gfp));
}

static void ask_bulk(struct visit *visit)
{
	visit->wanted = SOME;
	visit->got = pymem_malloc_bulk(SIZE, visit->gfp, SOME, visit->blocks);
}

static void ask_node(struct visit *visit)
{
	add_block(visit, pymem_malloc_node(SIZE, visit->gfp, numa_mem_id()));
}

static void ask_no_node(struct visit *visit)
{
	add_block(visit, pyobject_malloc_node(SIZE, visit->gfp, NUMA_NO_NODE));
}

static void (*const requests[])(struct visit *visit) = {
	ask_malloc, ask_object, ask_calloc, ask_realloc, ask_bulk, ask_node,
	ask_no_node,
};

/* === Visits === */

static void count_held(struct visit *visit)
{
	int nid;

	visit->arenas = 0;
	visit->granules = 0;
	for_each_node(nid) {
		visit->arenas += READ_ONCE(pyheap_default.node[nid]->taken);
		visit->granules +=
			READ_ONCE(pyheap_default.node[nid]->granules);
	}
}

static void count_taken(struct visit *visit, void (*ask)(struct visit *visit))
{
	unsigned long arenas, granules;

	count_held(visit);
	arenas = visit->arenas;
	granules = visit->granules;
	ask(visit);
	count_held(visit);
	visit->arenas -= arenas;
	visit->granules -= granules;
}

static void make_request(void *data)
{
	struct visit *visit = data;

	visit->node = pyheap_default.node[numa_mem_id()];
	if (!visit->exhaust) {
		count_taken(visit, visit->ask);
		return;
	}
	/* Else more would come while it is taken. */
	preempt_disable();
	visit->all = exhaust_heap(SIZE);
	count_taken(visit, visit->ask);
	preempt_enable();
}

static struct visit *make_visit(struct kunit *test)
{
	const struct context *context = need_context(test);
	struct visit *visit = kvzalloc(sizeof(*visit), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, visit);
	visit->gfp = context->gfp;
	return visit;
}

static void put_blocks(struct visit *visit)
{
	while (visit->got)
		pymem_free(visit->blocks[--visit->got]);
	visit->wanted = 0;
	free_blocks(visit->all);
	visit->all = NULL;
}

static bool gets_arena(const struct context *context)
{
	return context->takes && (pyarena_source != PYARENA_VMALLOC ||
				  gfpflags_allow_blocking(context->gfp));
}

/* The heap is so small that its arenas are, if they are not of one size. */
static unsigned long arena_granules(gfp_t gfp)
{
	unsigned int shift = PYARENA_MIN_SHIFT;

	if (gfpflags_allow_blocking(gfp) && pyarena_fixed_shift)
		shift = pyarena_fixed_shift;
	return 1UL << (shift - PYGRANULE_SHIFT);
}

static void expect_blocks(struct kunit *test, struct visit *visit, bool heaps)
{
	size_t i;

	KUNIT_EXPECT_EQ(test, visit->got, visit->wanted);
	for (i = 0; i < visit->got; i++) {
		KUNIT_EXPECT_EQ(test, is_heaps(visit->blocks[i]), heaps);
		if (visit->ask == ask_calloc)
			KUNIT_EXPECT_TRUE(test, is_zero(visit->blocks[i],
							SIZE));
	}
	KUNIT_EXPECT_EQ(test, count_overlaps(visit->got, visit->blocks), 0);
}

/*
 * Where a page may be taken an arena is, or raw's block if there is none.  Two
 * are if one is for the reserve, which others have asked for.
 */
static void expect_served(struct kunit *test, struct visit *visit,
			  unsigned long most)
{
	const struct context *context = test->param_value;

	expect_blocks(test, visit, gets_arena(context));
	if (gets_arena(context)) {
		KUNIT_EXPECT_GE(test, visit->arenas, 1UL);
		KUNIT_EXPECT_LE(test, visit->arenas, most);
	} else {
		KUNIT_EXPECT_EQ(test, visit->arenas, 0UL);
	}
	KUNIT_EXPECT_EQ(test, visit->granules,
			visit->arenas * arena_granules(visit->gfp));
}

static void expect_nothing(struct kunit *test, struct visit *visit)
{
	KUNIT_EXPECT_EQ(test, visit->got, (size_t)0);
	KUNIT_EXPECT_EQ(test, visit->arenas, 0UL);
	KUNIT_EXPECT_EQ(test, visit->granules, 0UL);
	KUNIT_EXPECT_GT(test, READ_ONCE(visit->node->reserve), 0UL);
}

static void expect_answer(struct kunit *test, struct visit *visit,
			  unsigned long most)
{
	const struct context *context = test->param_value;

	if (context->takes)
		expect_served(test, visit, most);
	else
		expect_nothing(test, visit);
}

static void test_first_request(struct kunit *test)
{
	struct visit *visit = make_visit(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		pyalloc_reclaim();
		KUNIT_EXPECT_EQ(test, heap_arenas(test), 0UL);
		visit->ask = requests[i];
		run_there(test, make_request, visit);
		expect_answer(test, visit, 1);
		put_blocks(visit);
	}
	kvfree(visit);
}

/* With preemption off, where that leaves the context what it is. */
static void skip_if_it_can_wait(struct kunit *test)
{
	const struct context *context = test->param_value;

	if (gfpflags_allow_blocking(context->gfp) ||
	    (context->takes && IS_ENABLED(CONFIG_PREEMPT_RT)))
		kunit_skip(test, "preemption is possible there");
}

static void test_request_when_exhausted(struct kunit *test)
{
	struct visit *visit;
	unsigned int i;
	void *mine;

	skip_if_it_can_wait(test);
	visit = make_visit(test);
	visit->exhaust = true;
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		if (requests[i] == ask_object)
			continue;
		pyalloc_reclaim();
		mine = pymem_malloc(SIZE, GFP_KERNEL);
		visit->ask = requests[i];
		run_there(test, make_request, visit);
		KUNIT_EXPECT_NOT_NULL(test, visit->all);
		expect_answer(test, visit, 2);
		put_blocks(visit);
		pymem_free(mine);
	}
	kvfree(visit);
}

/* === The reserve === */

/* Asks there until something is got. */
static void wait_for_reserve(struct kunit *test, struct visit *visit)
{
	unsigned int tries;

	visit->ask = ask_malloc;
	for (tries = 0; !visit->got && tries < 2000; tries++) {
		if (tries)
			schedule_timeout_uninterruptible(1);
		run_there(test, make_request, visit);
		visit->wanted = 1;
	}
}

static void need_reserve(struct kunit *test)
{
	const struct context *context = test->param_value;

	if (context->takes)
		kunit_skip(test, "pages may be taken there");
}

/* What it has is given out to the last block, and no more. */
static void ask_many(struct visit *visit)
{
	visit->wanted = MANY;
	visit->got = pymem_malloc_bulk(SIZE, visit->gfp, MANY, visit->blocks);
	if (visit->got < MANY)
		visit->blocks[MANY - 1] = pymem_malloc(SIZE, visit->gfp);
}

static void expect_a_part(struct kunit *test, struct visit *visit)
{
	size_t i;

	KUNIT_EXPECT_GT(test, visit->got, (size_t)0);
	KUNIT_EXPECT_LT(test, visit->got, visit->wanted);
	for (i = visit->got; i < visit->wanted; i++)
		KUNIT_EXPECT_NULL(test, visit->blocks[i]);
	visit->wanted = visit->got;
	expect_blocks(test, visit, true);
	KUNIT_EXPECT_EQ(test, visit->arenas, 0UL);
}

static void test_reserve_serves(struct kunit *test)
{
	struct visit *visit;

	need_reserve(test);
	visit = make_visit(test);
	wait_for_reserve(test, visit);
	expect_blocks(test, visit, true);
	KUNIT_EXPECT_EQ(test, visit->arenas, 0UL);
	put_blocks(visit);
	memset(visit->blocks, 0, sizeof(visit->blocks));
	visit->ask = ask_many;
	run_there(test, make_request, visit);
	expect_a_part(test, visit);
	put_blocks(visit);
	kvfree(visit);
}

/* === Resizing === */

/**
 * struct resized - what became of blocks with known contents
 * @block: one of the heap's
 * @raw: one of raw's
 * @grown: how far the first could grow
 * @raw_grown: whether the second could
 * @failures: how often one could not shrink
 * @spoilt: how often its contents were lost
 */
struct resized {
	u8		*block;
	u8		*raw;
	size_t		grown;
	bool		raw_grown;
	unsigned int	failures;
	unsigned int	spoilt;
};

/* Only the first bytes have to outlive all of it. */
#define CONTENTS	10

static bool resize(struct visit *visit, u8 **block, size_t size)
{
	void *now = pymem_realloc(*block, size, visit->gfp);

	if (now)
		*block = now;
	if (!is_filled(*block, CONTENTS, 0x3d))
		visit->resized->spoilt++;
	return now;
}

static void grow_and_shrink(struct visit *visit)
{
	struct resized *resized = visit->resized;
	static const size_t sizes[] = { 300, 600, 3000 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		if (resize(visit, &resized->block, sizes[i]))
			resized->grown = sizes[i];
	resized->failures += !resize(visit, &resized->block, CONTENTS);
	if (!resized->raw)
		return;
	resized->raw_grown = resize(visit, &resized->raw, 3000);
	resized->failures += !resize(visit, &resized->raw, CONTENTS);
}

static void *make_filled(struct kunit *test, size_t size)
{
	void *block = pymem_malloc(size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, block);
	fill(block, size, 0x3d);
	return block;
}

/* Of what the kernel allocated nothing can be resized where it is not seen. */
static void test_resizing_when_exhausted(struct kunit *test)
{
	const struct context *context = test->param_value;
	struct resized resized = {};
	struct visit *visit;

	skip_if_it_can_wait(test);
	visit = make_visit(test);
	visit->ask = grow_and_shrink;
	visit->exhaust = true;
	visit->resized = &resized;
	resized.block = make_filled(test, SIZE);
	if (!context->unseen)
		resized.raw = make_filled(test, 600);
	run_there(test, make_request, visit);
	KUNIT_EXPECT_EQ(test, resized.failures, 0);
	KUNIT_EXPECT_EQ(test, resized.spoilt, 0);
	KUNIT_EXPECT_EQ(test, resized.grown,
			context->takes ? (size_t)3000 : (size_t)0);
	KUNIT_EXPECT_EQ(test, resized.raw_grown, context->takes);
	put_blocks(visit);
	pymem_free(resized.block);
	pymem_free(resized.raw);
	kvfree(visit);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(test_first_request, context_gen_params),
	KUNIT_CASE_PARAM(test_request_when_exhausted, context_gen_params),
	KUNIT_CASE_PARAM(test_reserve_serves, context_gen_params),
	KUNIT_CASE_PARAM(test_resizing_when_exhausted, context_gen_params),
	{ }
};

PYALLOC_ENGINE_SUITE(context_empty, cases);
