// SPDX-License-Identifier: GPL-2.0
/*
 * Several threads and several CPUs: blocks that are freed elsewhere, random
 * work on all CPUs at once, and CPUs that go.
 */
#include <linux/cpu.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "crew.h"
#include "fixture.h"

static void need_cpus(struct kunit *test)
{
	if (num_online_cpus() < 2)
		kunit_skip(test, "there is one CPU");
}

/* === Work on a CPU === */

struct errand {
	struct work_struct	work;
	void			(*function)(struct errand *errand);
	void			**blocks;
	size_t			n;
	unsigned int		spoilt;
};

static void do_errand(struct work_struct *work)
{
	struct errand *errand = container_of(work, struct errand, work);

	errand->function(errand);
}

static void send(struct errand *errand, int cpu,
		 void (*function)(struct errand *errand))
{
	errand->function = function;
	INIT_WORK_ONSTACK(&errand->work, do_errand);
	schedule_work_on(cpu, &errand->work);
	flush_work(&errand->work);
	destroy_work_on_stack(&errand->work);
}

static size_t size_of(size_t i)
{
	return i * 37 % 600;
}

static void take_all(struct errand *errand)
{
	size_t i;

	for (i = 0; i < errand->n; i++) {
		errand->blocks[i] = pymem_malloc(size_of(i), GFP_KERNEL);
		if (errand->blocks[i])
			fill(errand->blocks[i], size_of(i), i);
	}
}

static void put_all(struct errand *errand)
{
	size_t i;

	for (i = 0; i < errand->n; i++) {
		if (!errand->blocks[i] ||
		    !is_filled(errand->blocks[i], size_of(i), i))
			errand->spoilt++;
		pymem_free(errand->blocks[i]);
	}
}

static void put_all_in_bulk(struct errand *errand)
{
	pymem_free_bulk(errand->n, errand->blocks);
}

static void test_free_on_another_cpu(struct kunit *test)
{
	struct errand errand = { .n = 5000 };
	int first = cpumask_first(cpu_online_mask), cpu;

	need_cpus(test);
	errand.blocks = make_array(test, errand.n);
	for_each_online_cpu(cpu) {
		send(&errand, first, take_all);
		send(&errand, cpu, put_all);
		send(&errand, cpu, take_all);
		send(&errand, first, put_all_in_bulk);
		expect_whole(test);
	}
	KUNIT_EXPECT_EQ(test, errand.spoilt, 0);
	kvfree(errand.blocks);
}

/* What a CPU still held when it went is not lost. */
static void test_a_cpu_goes(struct kunit *test)
{
	struct errand errand = { .n = 2000 };
	int cpu = cpumask_last(cpu_online_mask);

	need_cpus(test);
	errand.blocks = make_array(test, errand.n);
	send(&errand, cpu, take_all);
	send(&errand, cpu, put_all);
	if (!cpu || remove_cpu(cpu)) {
		kvfree(errand.blocks);
		kunit_skip(test, "no CPU can be taken away");
	}
	expect_whole(test);
	pyalloc_reclaim();
	KUNIT_EXPECT_EQ(test, heap_arenas(test), 0UL);
	KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
	send(&errand, cpu, take_all);
	send(&errand, cpu, put_all);
	KUNIT_EXPECT_EQ(test, errand.spoilt, 0);
	kvfree(errand.blocks);
}

/* === Threads === */

enum {
	BLOCKS		= 256,
	SHARED		= 64,
	OPERATIONS	= IS_ENABLED(CONFIG_KASAN) ? 5000 : 20000,
};

struct held {
	u8	*block;
	size_t	size;
};

struct crowd {
	void		*shared[SHARED];
	atomic_t	spoilt;
	atomic_t	failures;
	struct held	held[CREW_HANDS][BLOCKS];
};

static bool is_intact(const struct held *held)
{
	return is_filled(held->block, held->size, held->size * 11);
}

static void mark(struct held *held)
{
	fill(held->block, held->size, held->size * 11);
}

/* Another domain's, which debug hooks would report. */
static const struct domain *lender(void)
{
	const struct domain *object = &domains[PYMEM_DOMAIN_OBJ];

	return hooks_look(object) ? &domains[PYMEM_DOMAIN_MEM] : object;
}

static void replace(struct hand *hand, struct crowd *crowd, struct held *held)
{
	const struct domain *from = lender();

	if (held->block && !is_intact(held))
		atomic_inc(&crowd->spoilt);
	pymem_free(held->block);
	held->size = hand_below(hand, 560);
	held->block = from->malloc(held->size, GFP_KERNEL);
	if (held->block)
		mark(held);
	else
		atomic_inc(&crowd->failures);
}

static void resize(struct hand *hand, struct crowd *crowd, struct held *held)
{
	size_t size = hand_below(hand, 560);
	struct held now = { .size = min(size, held->size) };

	if (!held->block)
		return;
	mark(held);
	now.block = pymem_realloc(held->block, size, GFP_KERNEL);
	if (!now.block) {
		atomic_inc(&crowd->failures);
		return;
	}
	if (!is_filled(now.block, now.size, held->size * 11))
		atomic_inc(&crowd->spoilt);
	held->block = now.block;
	held->size = size;
	mark(held);
}

/* A block for whoever comes next, who frees it: it holds its own address. */
static void exchange(struct hand *hand, struct crowd *crowd)
{
	void **block = pymem_malloc(48, GFP_KERNEL), **old;

	if (!block)
		return;
	block[0] = block;
	block[5] = block;
	old = xchg(&crowd->shared[hand_below(hand, SHARED)], (void *)block);
	if (old && (old[0] != old || old[5] != old))
		atomic_inc(&crowd->spoilt);
	pymem_free(old);
}

static void walk(struct hand *hand)
{
	struct crowd *crowd = hand->crew->data;
	struct held *mine = crowd->held[hand->index], *held;
	unsigned int i;

	hand_roam();
	for (i = 0; i < OPERATIONS; i++) {
		held = &mine[hand_below(hand, BLOCKS)];
		switch (hand_below(hand, 4)) {
		case 0:
			resize(hand, crowd, held);
			break;
		case 1:
			exchange(hand, crowd);
			break;
		default:
			replace(hand, crowd, held);
		}
		if (i % 256 == 0)
			cond_resched();
	}
	for (i = 0; i < BLOCKS; i++)
		pymem_free(mine[i].block);
}

static void disturb(struct kunit *test, struct crew *crew)
{
	unsigned int round;

	for (round = 0; round < 40 && !crew_is_done(crew); round++) {
		pyalloc_reclaim();
		expect_whole(test);
	}
}

static void run_crowd(struct kunit *test, bool disturbed)
{
	struct crowd *crowd = kzalloc(sizeof(*crowd), GFP_KERNEL);
	struct crew *crew;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, crowd);
	crew = crew_start(test, walk, crowd);
	if (disturbed)
		disturb(test, crew);
	crew_join(crew);
	KUNIT_EXPECT_EQ(test, atomic_read(&crowd->spoilt), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&crowd->failures), 0);
	for (i = 0; i < SHARED; i++)
		pymem_free(crowd->shared[i]);
	kfree(crowd);
}

static void test_threads(struct kunit *test)
{
	run_crowd(test, false);
}

static void test_threads_reclaim_and_check(struct kunit *test)
{
	run_crowd(test, true);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_free_on_another_cpu),
	KUNIT_CASE(test_a_cpu_goes),
	KUNIT_CASE(test_threads),
	KUNIT_CASE(test_threads_reclaim_and_check),
	{ }
};

PYALLOC_SUITE(smp, cases);
