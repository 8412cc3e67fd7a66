// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks that are freed in NMI while the interrupted code is at their node and
 * at their stock: they wait, linked through their first words, until an
 * irq_work gives them back, each one once.
 */
#include <linux/preempt.h>

#include "../pyalloc/front.h"
#include "../pyalloc/link.h"
#include "../pyalloc/reclaim.h"
#include "context.h"
#include "fixture.h"

enum { N = 40, AT_MOST = 8 };

#define SIZE	64

/**
 * struct frees - what is freed in an NMI
 * @n: how many frees there are
 * @blocks: the blocks, some of them more than once
 */
struct frees {
	unsigned int	n;
	void		*blocks[N + AT_MOST];
};

static void free_all(void *data)
{
	struct frees *frees = data;
	unsigned int i;

	for (i = 0; i < frees->n; i++)
		pymem_free(frees->blocks[i]);
}

static struct pystock *this_stock(void)
{
	return &this_cpu_ptr(pyheap_default.front)->stock[class_index(SIZE)];
}

/* With the node's lock and the stock taken, so that all of them wait. */
static void free_by_nmi(struct kunit *test, struct frees *frees)
{
	struct pynode *node = pyheap_this_node(&pyheap_default);
	struct pystock *stock;
	unsigned long flags;

	if (!prepare_nmi(free_all, frees)) {
		KUNIT_FAIL(test, "there was an NMI before");
		return;
	}
	raw_spin_lock_irqsave(&node->lock, flags);
	stock = this_stock();
	pystock_enter(stock);
	raise_nmi();
	pystock_leave(stock);
	raw_spin_unlock_irqrestore(&node->lock, flags);
	forget_nmi();
}

static void nothing(void *data)
{
}

static void need_nmi(struct kunit *test)
{
	if (!prepare_nmi(nothing, NULL))
		kunit_skip(test, "this machine has no way to get there");
	forget_nmi();
}

/* So many mistakes were seen on their way, and no block was lost. */
static void expect_home(struct kunit *test, unsigned int mistakes)
{
	struct pyalloc_report last;

	pyreclaim_drain();
	KUNIT_EXPECT_EQ(test, take_reports(&last), mistakes);
	if (mistakes)
		KUNIT_EXPECT_EQ(test, (int)last.mistake,
				(int)PYALLOC_DOUBLE_FREE);
	expect_whole(test);
}

static struct frees *take_blocks(struct kunit *test)
{
	struct frees *frees = kzalloc(sizeof(*frees), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, frees);
	stay_on_this_cpu(test);
	take_exactly(test, SIZE, N, frees->blocks);
	frees->n = N;
	return frees;
}

static void again(struct frees *frees, unsigned int which)
{
	frees->blocks[frees->n++] = frees->blocks[which];
}

/* Another one keeps the pool, so that a second free is known for what it is. */
static void try_again(struct kunit *test, unsigned int n,
		      const unsigned int *which)
{
	struct frees *frees = take_blocks(test);
	void *kept = frees->blocks[N - 1];
	unsigned int i;

	frees->n = N - 1;
	for (i = 0; i < n; i++)
		again(frees, which[i]);
	free_by_nmi(test, frees);
	expect_home(test, n);
	pymem_free(kept);
	pyalloc_reclaim();
	KUNIT_EXPECT_EQ(test, heap_arenas(test), 0UL);
	kfree(frees);
}

/* What an array of a depot left where a block lies now is no chain's link. */
static void test_old_links_of_depots(struct kunit *test)
{
	struct frees *frees;
	unsigned int i;

	need_nmi(test);
	frees = take_blocks(test);
	for (i = 0; i < N; i++)
		pylink_set(frees->blocks[i], i ? frees->blocks[i - 1] : NULL);
	free_by_nmi(test, frees);
	expect_home(test, 0);
	pyalloc_reclaim();
	KUNIT_EXPECT_EQ(test, heap_arenas(test), 0UL);
	kfree(frees);
}

static void test_they_go_home(struct kunit *test)
{
	need_nmi(test);
	try_again(test, 0, NULL);
}

static void test_the_last_again(struct kunit *test)
{
	static const unsigned int which[] = { N - 2 };

	need_nmi(test);
	try_again(test, ARRAY_SIZE(which), which);
}

/* What waits behind it is not forgotten. */
static void test_an_earlier_one_again(struct kunit *test)
{
	static const unsigned int which[] = { 20 };

	need_nmi(test);
	try_again(test, ARRAY_SIZE(which), which);
}

static void test_the_first_again(struct kunit *test)
{
	static const unsigned int which[] = { 0 };

	need_nmi(test);
	try_again(test, ARRAY_SIZE(which), which);
}

static void test_several_again(struct kunit *test)
{
	static const unsigned int which[] = { 3, 30, 3, 17, 30 };

	need_nmi(test);
	try_again(test, ARRAY_SIZE(which), which);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_old_links_of_depots),
	KUNIT_CASE(test_they_go_home),
	KUNIT_CASE(test_the_last_again),
	KUNIT_CASE(test_an_earlier_one_again),
	KUNIT_CASE(test_the_first_again),
	KUNIT_CASE(test_several_again),
	{ }
};

PYALLOC_ENGINE_SUITE(parked, cases);
