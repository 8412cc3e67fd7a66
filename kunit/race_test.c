// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts that meet a busy front: the task and what interrupts it allocate,
 * resize and free blocks of one size class, one by one, in bulk, and so many
 * in a row that whole arrays go to the depot and come from there.  Each block
 * carries its address and its owner.
 */
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../pyalloc/front.h"
#include "../pyalloc/compat.h"
#include "context.h"
#include "fixture.h"

enum {
	SLOTS	= 32,
	MANY	= 150,	/* more than two arrays hold */
	VISITS	= 200,	/* so many interrupts there are to be, */
	WORKS	= 20,	/* or of those that may only come with a tick */
	ROUNDS	= IS_ENABLED(CONFIG_KASAN) ? 1000 : 4000,
};

#define RACE_SIZE	64

/**
 * struct party - one of the two, the task or the interrupts
 * @race: what they meet in
 * @gfp: what it asks with
 * @may_fail: which may get it nothing
 * @visits: how often it came
 * @blocks: those that it has for itself
 */
struct party {
	struct race	*race;
	gfp_t		gfp;
	bool		may_fail;
	unsigned int	visits;
	void		*blocks[MANY];
};

/**
 * struct race - a task and interrupts at the same front
 * @task: the one
 * @visitor: the others
 * @slots: blocks for whoever comes next, who frees them
 * @spoilt: blocks that were not as their owner left them
 * @failures: requests that got nothing and should not have
 * @timer: makes the interrupts, each after another time
 * @period_ns: the last one
 * @took_ns: how long the last visit took
 * @work: another way to make them
 * @tasklet: the same
 * @by: how the timer does it, if it is not the visitor itself
 * @stop: it is enough
 */
struct race {
	struct party		task;
	struct party		visitor;
	void			*slots[SLOTS];
	atomic_t		spoilt;
	atomic_t		failures;
	struct hrtimer		timer;
	unsigned int		period_ns;
	u64			took_ns;
	struct irq_work		work;
	struct tasklet_struct	tasklet;
	void			(*by)(struct race *race);
	bool			stop;
};

/* === Blocks === */

/* The last word, so that two blocks which overlap are seen as well. */
static unsigned long *tail(unsigned long *block, size_t size)
{
	return block + size / sizeof(*block) - 1;
}

static void stamp(struct party *party, unsigned long *block, size_t size)
{
	block[0] = (unsigned long)block;
	block[1] = (unsigned long)party;
	*tail(block, size) = ~(unsigned long)block;
}

static void expect_stamp(struct race *race, const struct party *owner,
			 unsigned long *block)
{
	if (block[0] != (unsigned long)block ||
	    block[1] != (unsigned long)owner ||
	    *tail(block, RACE_SIZE) != ~(unsigned long)block)
		atomic_inc(&race->spoilt);
}

/* Of a block that either may have left. */
static void expect_a_stamp(struct race *race, unsigned long *block)
{
	bool by_task = block[1] == (unsigned long)&race->task;

	expect_stamp(race, by_task ? &race->task : &race->visitor, block);
}

static unsigned long *take(struct party *party)
{
	unsigned long *block = pymem_malloc(RACE_SIZE, party->gfp);

	if (block)
		stamp(party, block, RACE_SIZE);
	else if (!party->may_fail)
		atomic_inc(&party->race->failures);
	return block;
}

static void put(struct race *race, unsigned long *block)
{
	if (!block)
		return;
	expect_a_stamp(race, block);
	pymem_free(block);
}

/* === What a party does === */

static void **slot_of(struct party *party, unsigned int i)
{
	return &party->race->slots[(party->visits * 5 + i) % SLOTS];
}

static void swap_some(struct party *party)
{
	unsigned long *block;
	unsigned int i;

	for (i = 0; i < party->visits % 9; i++) {
		block = take(party);
		if (block)
			put(party->race, xchg(slot_of(party, i), block));
	}
}

/* Grows it, if that can be had, and shrinks it again, which always can. */
static void resize_one(struct party *party)
{
	struct race *race = party->race;
	unsigned long *block = xchg(slot_of(party, 0), NULL), *larger;

	if (!block)
		return;
	expect_a_stamp(race, block);
	stamp(party, block, RACE_SIZE);
	larger = pymem_realloc(block, RACE_SIZE * 3, party->gfp);
	if (larger) {
		if (larger[0] != (unsigned long)block ||
		    larger[1] != (unsigned long)party ||
		    *tail(larger, RACE_SIZE) != ~(unsigned long)block)
			atomic_inc(&race->spoilt);
		stamp(party, larger, RACE_SIZE);
		*tail(larger, RACE_SIZE * 3) = 0;
		block = pymem_realloc(larger, RACE_SIZE, party->gfp);
		if (block[0] != (unsigned long)larger)
			atomic_inc(&race->spoilt);
		stamp(party, block, RACE_SIZE);
	} else if (!party->may_fail) {
		atomic_inc(&race->failures);
	}
	put(race, xchg(slot_of(party, 0), block));
}

static void expect_mine(struct party *party, unsigned int n)
{
	while (n--)
		expect_stamp(party->race, party, party->blocks[n]);
}

/* So that the next request has to refill it; only its owner may look at it. */
static unsigned int empty_stock(struct party *party)
{
	unsigned int class = class_index(RACE_SIZE), n = 0, i;
	struct pystock *stock;

	if (party != &party->race->task)
		return 0;
	stock = &raw_cpu_ptr(pyheap_default.front)->stock[class];
	for (i = 0; i < MANY / 2 && pystock_count(stock); i++) {
		party->blocks[n] = take(party);
		n += !!party->blocks[n];
	}
	return n;
}

static void take_and_put_bulk(struct party *party, unsigned int n)
{
	unsigned int first = empty_stock(party), i;
	size_t got;

	n = min(n, MANY - first);
	got = pymem_malloc_bulk(RACE_SIZE, party->gfp, n,
				party->blocks + first);
	if (got < n && !party->may_fail)
		atomic_inc(&party->race->failures);
	for (i = first; i < first + got; i++)
		stamp(party, party->blocks[i], RACE_SIZE);
	expect_mine(party, first + got);
	pymem_free_bulk(first + got, party->blocks);
}

static void take_and_put_burst(struct party *party)
{
	unsigned int n = 0, i;

	for (i = 0; i < MANY; i++) {
		party->blocks[n] = take(party);
		n += !!party->blocks[n];
	}
	expect_mine(party, n);
	while (n)
		pymem_free(party->blocks[--n]);
}

static void do_next(struct party *party)
{
	switch (party->visits++ % 16) {
	case 3:
		take_and_put_burst(party);
		break;
	case 11:
		take_and_put_bulk(party, MANY);
		break;
	case 1:
	case 5:
	case 6:
	case 9:
	case 13:
		take_and_put_bulk(party, party->visits % 24 + 1);
		break;
	case 2:
	case 7:
	case 10:
	case 14:
		resize_one(party);
		break;
	default:
		swap_some(party);
	}
}

static void visit(struct party *party)
{
	u64 began = ktime_get_mono_fast_ns();

	do_next(party);
	WRITE_ONCE(party->race->took_ns, ktime_get_mono_fast_ns() - began);
}

/* === Who interrupts === */

static void visit_by_work(struct irq_work *work)
{
	visit(&container_of(work, struct race, work)->visitor);
}

static void visit_by_tasklet(struct tasklet_struct *tasklet)
{
	visit(&container_of(tasklet, struct race, tasklet)->visitor);
}

static void visit_by_nmi(void *data)
{
	visit(data);
}

static void by_itself(struct race *race)
{
	visit(&race->visitor);
}

static void by_tasklet(struct race *race)
{
	tasklet_schedule(&race->tasklet);
}

static void by_nmi(struct race *race)
{
	raise_nmi();
}

static enum hrtimer_restart tick(struct hrtimer *timer)
{
	struct race *race = container_of(timer, struct race, timer);

	race->by(race);
	if (READ_ONCE(race->stop))
		return HRTIMER_NORESTART;
	/* Never the same distance, so as to hit every instruction. */
	race->period_ns = 20000 + race->period_ns * 7 % 60013;
	/* The task has to come on as well, however slow the kernel is. */
	hrtimer_forward_now(timer, ns_to_ktime(race->period_ns +
					       4 * READ_ONCE(race->took_ns)));
	return HRTIMER_RESTART;
}

/* === Races === */

static struct race *make_race(struct kunit *test, void (*by)(struct race *race))
{
	struct race *race = kzalloc(sizeof(*race), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, race);
	stay_on_this_cpu(test);
	race->by = by;
	race->period_ns = 30011;
	race->work = IRQ_WORK_INIT_HARD(visit_by_work);
	tasklet_setup(&race->tasklet, visit_by_tasklet);
	race->task.race = race;
	race->task.gfp = GFP_KERNEL;
	race->visitor.race = race;
	race->visitor.gfp = GFP_ATOMIC;
	return race;
}

static void end_race(struct kunit *test, struct race *race,
		     unsigned int visits)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(test, atomic_read(&race->spoilt), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&race->failures), 0);
	KUNIT_EXPECT_GE(test, race->visitor.visits, visits);
	for (i = 0; i < SLOTS; i++)
		put(race, race->slots[i]);
	kfree(race);
}

static void run_race(struct race *race, unsigned int visits,
		     void (*poke)(struct race *race))
{
	unsigned int i;

	for (i = 0; i < ROUNDS || (READ_ONCE(race->visitor.visits) < visits &&
				   i < 100000000); i++) {
		if (poke)
			poke(race);
		visit(&race->task);
		if (i % 64 == 0)
			cond_resched();
	}
	WRITE_ONCE(race->stop, true);
}

static void run_timed_race(struct race *race, enum hrtimer_mode mode)
{
	hrtimer_setup(&race->timer, tick, CLOCK_MONOTONIC, mode);
	hrtimer_start(&race->timer, ns_to_ktime(race->period_ns), mode);
	run_race(race, VISITS, NULL);
	hrtimer_cancel(&race->timer);
}

/* As contexts.rst says of hard interrupts. */
static bool hardirqs_may_fail(void)
{
	return IS_ENABLED(CONFIG_PREEMPT_RT) ||
	       IS_ENABLED(CONFIG_PROVE_RAW_LOCK_NESTING);
}

static void test_hard_timer_meets_task(struct kunit *test)
{
	struct race *race = make_race(test, by_itself);

	race->visitor.may_fail = hardirqs_may_fail();
	run_timed_race(race, HRTIMER_MODE_REL_PINNED_HARD);
	end_race(test, race, VISITS);
}

static void test_soft_timer_meets_task(struct kunit *test)
{
	struct race *race = make_race(test, by_itself);

	run_timed_race(race, HRTIMER_MODE_REL_PINNED_SOFT);
	end_race(test, race, VISITS);
}

static void test_tasklet_meets_task(struct kunit *test)
{
	struct race *race = make_race(test, by_tasklet);

	run_timed_race(race, HRTIMER_MODE_REL_PINNED_HARD);
	tasklet_kill(&race->tasklet);
	end_race(test, race, VISITS);
}

static void test_nmi_meets_task(struct kunit *test)
{
	struct race *race = make_race(test, by_nmi);

	race->visitor.gfp = __GFP_NOWARN;
	race->visitor.may_fail = true;
	if (!prepare_nmi(visit_by_nmi, &race->visitor)) {
		kfree(race);
		kunit_skip(test, "this machine has no way to get there");
	}
	run_timed_race(race, HRTIMER_MODE_REL_PINNED_HARD);
	forget_nmi();
	end_race(test, race, VISITS);
}

static void poke_irq_work(struct race *race)
{
	irq_work_queue(&race->work);
}

static void test_irq_work_meets_task(struct kunit *test)
{
	struct race *race = make_race(test, NULL);

	race->visitor.may_fail = hardirqs_may_fail();
	run_race(race, WORKS, poke_irq_work);
	irq_work_sync(&race->work);
	end_race(test, race, WORKS);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_hard_timer_meets_task),
	KUNIT_CASE(test_soft_timer_meets_task),
	KUNIT_CASE(test_tasklet_meets_task),
	KUNIT_CASE(test_nmi_meets_task),
	KUNIT_CASE(test_irq_work_meets_task),
	{ }
};

PYALLOC_SUITE(race, cases);
