// SPDX-License-Identifier: GPL-2.0
/*
 * Tracing in every context, in an interrupt that came in the middle of it, and
 * on all CPUs while the trace itself comes and goes.
 *
 * Where no memory may be asked for a block may be missed; but what was counted
 * is gone in the end, to the byte.
 */
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "../pyalloc/compat.h"
#include "context.h"
#include "crew.h"
#include "traced.h"

KUNIT_ARRAY_PARAM(context, contexts, describe_context);

/* Whatever may have been missed. */
static void expect_all_gone(struct kunit *test)
{
	struct pytrace_sum sum;

	pytrace_sum_up(&sum);
	KUNIT_EXPECT_EQ(test, sum.counts.blocks, 0L);
	KUNIT_EXPECT_EQ(test, sum.counts.requested, 0L);
	KUNIT_EXPECT_EQ(test, sum.current_bytes, (size_t)0);
}

/* === Alone === */

static const size_t sizes[] = { 0, 8, 100, 512, 600, 3000 };

enum { BLOCKS = PYMEM_NR_DOMAINS * ARRAY_SIZE(sizes) };

struct visit {
	gfp_t		gfp;
	bool		unseen;
	void		*blocks[BLOCKS];
};

static const struct domain *domain_of(unsigned int i)
{
	return &domains[i % PYMEM_NR_DOMAINS];
}

static void take_each(void *data)
{
	struct visit *visit = data;
	unsigned int i;

	for (i = 0; i < BLOCKS; i++) {
		/* Of what raw may not do there only the caller knows. */
		if (visit->unseen && domain_of(i)->id == PYMEM_DOMAIN_RAW)
			continue;
		visit->blocks[i] = domain_of(i)->malloc(sizes[i / 3],
							visit->gfp);
	}
}

static void put_each(void *data)
{
	struct visit *visit = data;
	unsigned int i;

	for (i = 0; i < BLOCKS; i++) {
		domain_of(i)->free(visit->blocks[i]);
		visit->blocks[i] = NULL;
	}
}

/* What can't be had stays as it is. */
static void shrink_each(void *data)
{
	struct visit *visit = data;
	unsigned int i;
	void *block;

	for (i = 0; i < BLOCKS; i++) {
		if (visit->unseen && !is_heaps(visit->blocks[i]))
			continue;
		block = domain_of(i)->realloc(visit->blocks[i],
					      sizes[i / 3] / 2, visit->gfp);
		if (block)
			visit->blocks[i] = block;
	}
}

static long count_blocks(const struct visit *visit)
{
	unsigned int i;
	long n = 0;

	for (i = 0; i < BLOCKS; i++)
		n += !!visit->blocks[i];
	return n;
}

/* With as many frames as there may be on every second run. */
static void begin_visit(struct kunit *test, struct visit *visit,
			struct visit *mine, unsigned int run)
{
	const struct context *context = need_context(test);

	*visit = (struct visit) {
		.gfp = context->gfp, .unseen = context->unseen,
	};
	*mine = (struct visit) { .gfp = GFP_KERNEL };
	begin_trace(test, run && PYSITE_FRAMES > 1 ? 8 : 1);
}

/* Each block is noted or missed; no other is missed than what has to be. */
static void expect_each(struct kunit *test, long n)
{
	const struct context *context = test->param_value;
	struct pytrace_sum sum;

	pytrace_sum_up(&sum);
	KUNIT_EXPECT_EQ(test, sum.counts.blocks + sum.counts.missed, n);
	KUNIT_EXPECT_GT(test, sum.counts.blocks, 0L);
	if (context->takes && !IS_ENABLED(CONFIG_PROVE_RAW_LOCK_NESTING))
		KUNIT_EXPECT_EQ(test, sum.counts.missed, 0L);
}

/* The task has some of each, so that pools have room for marks. */
static void test_malloc(struct kunit *test)
{
	struct visit visit, mine;
	unsigned int run;

	for (run = 0; run < 2; run++) {
		begin_visit(test, &visit, &mine, run);
		take_each(&mine);
		KUNIT_EXPECT_EQ(test, take_rows(test, NULL, 0),
				(unsigned int)BLOCKS);
		run_there(test, take_each, &visit);
		expect_each(test, BLOCKS + count_blocks(&visit));
		run_there(test, put_each, &visit);
		put_each(&mine);
		expect_all_gone(test);
		pytrace_stop();
	}
}

static void test_free(struct kunit *test)
{
	struct visit visit, mine;
	unsigned int run;

	for (run = 0; run < 2; run++) {
		begin_visit(test, &visit, &mine, run);
		take_each(&mine);
		run_there(test, put_each, &mine);
		expect_nothing(test, "put there", run);
		/* A block at the same address is another. */
		take_each(&mine);
		KUNIT_EXPECT_EQ(test, take_rows(test, NULL, 0),
				(unsigned int)BLOCKS);
		put_each(&mine);
		expect_nothing(test, "put here", run);
		pytrace_stop();
	}
}

static void test_realloc(struct kunit *test)
{
	struct visit visit, mine;

	begin_visit(test, &visit, &mine, 0);
	take_each(&mine);
	visit = mine;
	visit.gfp = ((const struct context *)test->param_value)->gfp;
	visit.unseen = ((const struct context *)test->param_value)->unseen;
	run_there(test, shrink_each, &visit);
	expect_each(test, BLOCKS);
	put_each(&visit);
	expect_all_gone(test);
}

/* A trace that begins between, or is cleared, knows none of them. */
static void test_free_of_unknown(struct kunit *test)
{
	struct visit visit, mine;

	begin_visit(test, &visit, &mine, 0);
	take_each(&mine);
	KUNIT_EXPECT_EQ(test, pytrace_clear(), 0);
	run_there(test, put_each, &mine);
	expect_nothing(test, "cleared", 0);
	pytrace_stop();
	take_each(&mine);
	begin_trace(test, 1);
	run_there(test, put_each, &mine);
	expect_nothing(test, "from before", 0);
}

static void look_there(void *data)
{
	size_t *memory = data;

	pytrace_get_traced_memory(&memory[0], &memory[1]);
	pytrace_reset_peak();
	memory[2] = pytrace_is_tracing();
	memory[3] = pytrace_caller_of((void *)memory[3]);
}

static void test_questions(struct kunit *test)
{
	size_t memory[4] = {};
	struct visit visit, mine;
	void *block;

	begin_visit(test, &visit, &mine, 0);
	block = make_here(&domains[PYMEM_DOMAIN_MEM], 100);
	memory[3] = (size_t)block;
	run_there(test, look_there, memory);
	KUNIT_EXPECT_EQ(test, memory[0], room_of(block));
	KUNIT_EXPECT_EQ(test, memory[1], room_of(block));
	KUNIT_EXPECT_EQ(test, memory[2], (size_t)1);
	KUNIT_EXPECT_TRUE(test, is_by(memory[3], "make_here"));
	pymem_free(block);
}

/* === A visitor meets the task === */

/* A timer that can't come between two ticks takes its time. */
enum { SLOTS = 16, VISITS = IS_ENABLED(CONFIG_HIGH_RES_TIMERS) ? 3000 : 100 };

struct duel;

struct side {
	struct duel	*duel;
	gfp_t		gfp;
	unsigned int	visits;
	void		*blocks[SLOTS];
};

struct duel {
	struct hrtimer	timer;
	bool		by_nmi;
	bool		stop;
	atomic_t	is_acting;
	u32		period_ns;
	void		*shared;
	struct side	task;
	struct side	visitor;
};

/* One is freed and another taken, and one goes to the other side. */
static void act(struct side *side)
{
	unsigned int visit = side->visits++;
	void **block = &side->blocks[visit * 7 % SLOTS];
	const struct domain *domain;

	domain = &domains[PYMEM_DOMAIN_MEM + visit % 2];
	domain->free(*block);
	*block = domain->malloc(visit * 8 % 700, side->gfp);
	if (visit % 3 == 0)
		*block = xchg(&side->duel->shared, *block);
	if (visit % 5 == 0)
		*block = domain->realloc(*block, 30, side->gfp) ?: *block;
}

/* Each CPU may be the one that an NMI comes to: one at a time. */
static void act_in_nmi(void *data)
{
	struct side *side = data;

	if (atomic_xchg(&side->duel->is_acting, 1))
		return;
	act(side);
	atomic_set(&side->duel->is_acting, 0);
}

static enum hrtimer_restart tick(struct hrtimer *timer)
{
	struct duel *duel = container_of(timer, struct duel, timer);

	if (duel->by_nmi)
		raise_nmi();
	else
		act(&duel->visitor);
	if (READ_ONCE(duel->stop))
		return HRTIMER_NORESTART;
	/* Never the same distance, so as to hit every instruction. */
	duel->period_ns = 20000 + duel->period_ns * 7 % 60013;
	hrtimer_forward_now(timer, ns_to_ktime(duel->period_ns));
	return HRTIMER_RESTART;
}

static void run_duel(struct duel *duel)
{
	unsigned int i;

	hrtimer_setup(&duel->timer, tick, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
	hrtimer_start(&duel->timer, ns_to_ktime(30011),
		      HRTIMER_MODE_REL_PINNED_HARD);
	for (i = 0; READ_ONCE(duel->visitor.visits) < VISITS && i < 100000000;
	     i++) {
		act(&duel->task);
		if (i % 64 == 0)
			cond_resched();
	}
	WRITE_ONCE(duel->stop, true);
	hrtimer_cancel(&duel->timer);
}

static void end_duel(struct kunit *test, struct duel *duel)
{
	unsigned int i;

	KUNIT_EXPECT_GE(test, duel->visitor.visits, (unsigned int)VISITS);
	for (i = 0; i < SLOTS; i++) {
		pymem_free(duel->task.blocks[i]);
		pymem_free(duel->visitor.blocks[i]);
	}
	pymem_free(duel->shared);
	expect_all_gone(test);
	KUNIT_EXPECT_EQ(test, take_rows(test, NULL, 0), 0U);
	expect_no_report(test);
	kfree(duel);
}

static struct duel *new_duel(struct kunit *test, gfp_t gfp)
{
	struct duel *duel = kzalloc(sizeof(*duel), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, duel);
	stay_on_this_cpu(test);
	duel->period_ns = 30011;
	duel->task.duel = duel;
	duel->task.gfp = GFP_KERNEL;
	duel->visitor.duel = duel;
	duel->visitor.gfp = gfp;
	return duel;
}

static void test_timer_meets_task(struct kunit *test)
{
	struct duel *duel = new_duel(test, GFP_ATOMIC);

	begin_trace(test, 1);
	run_duel(duel);
	end_duel(test, duel);
}

static void test_nmi_meets_task(struct kunit *test)
{
	struct duel *duel = new_duel(test, __GFP_NOWARN);

	duel->by_nmi = true;
	if (!prepare_nmi(act_in_nmi, &duel->visitor)) {
		kfree(duel);
		kunit_skip(test, "this machine has no way to get there");
	}
	begin_trace(test, 1);
	run_duel(duel);
	forget_nmi();
	end_duel(test, duel);
}

/* === All CPUs === */

enum {
	HELD		= 64,
	SHARED		= 32,
	OPERATIONS	= IS_ENABLED(CONFIG_KASAN) ||
			  IS_ENABLED(CONFIG_KCSAN) ? 3000 : 15000,
};

struct held {
	void		*block;
	unsigned int	domain;
};

struct crowd {
	void		*shared[SHARED];
	struct held	held[CREW_HANDS][HELD];
};

static size_t any_size(struct hand *hand)
{
	return hand_below(hand, hand_below(hand, 8) ? 600 : 9000);
}

static void exchange(struct hand *hand, struct crowd *crowd, size_t size)
{
	void **slot = &crowd->shared[hand_below(hand, SHARED)];

	pymem_free(xchg(slot, pymem_malloc(size, GFP_KERNEL)));
}

static void put_later(size_t size)
{
	struct graced *block;

	block = pymem_malloc(max(size, sizeof(*block)), GFP_KERNEL);
	pymem_free_rcu(block, rcu);
}

static void do_any(struct hand *hand, struct crowd *crowd)
{
	struct held *held = &crowd->held[hand->index][hand_below(hand, HELD)];
	const struct domain *domain = &domains[held->domain];
	size_t size = any_size(hand);

	switch (hand_below(hand, 8)) {
	case 0:
		put_later(size);
		break;
	case 1:
	case 2:
		exchange(hand, crowd, size);
		break;
	case 3:
	case 4:
		held->block = domain->realloc(held->block, size, GFP_KERNEL) ?:
			      held->block;
		break;
	default:
		domain->free(held->block);
		held->domain = hand_below(hand, PYMEM_NR_DOMAINS);
		held->block = domains[held->domain].malloc(size, GFP_KERNEL);
	}
}

static void work(struct hand *hand)
{
	struct crowd *crowd = hand->crew->data;
	struct held *held = crowd->held[hand->index];
	unsigned int i;

	for (i = 0; i < OPERATIONS; i++) {
		do_any(hand, crowd);
		if (i % 64 == 0)
			cond_resched();
	}
	for (i = 0; i < HELD; i++)
		domains[held[i].domain].free(held[i].block);
}

static struct crew *begin_crowd(struct kunit *test)
{
	struct crowd *crowd = kzalloc(sizeof(*crowd), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, crowd);
	return crew_start(test, work, crowd);
}

static void end_crowd(struct crew *crew)
{
	struct crowd *crowd = crew->data;
	unsigned int i;

	crew_join(crew);
	for (i = 0; i < SHARED; i++)
		pymem_free(crowd->shared[i]);
	kfree(crowd);
	rcu_barrier();
}

static void look_at_all(struct kunit *test)
{
	struct by_name sum;

	/* It may have been stopped; nobody is of that name. */
	if (pytrace_is_tracing())
		sum_up_by_name(test, "nobody", &sum);
}

static void change_something(struct kunit *test, unsigned int round)
{
	static const unsigned long intervals[] = { 0, 512, 100000 };

	switch (round % 8) {
	case 0:
		KUNIT_EXPECT_EQ(test,
				pytrace_set_interval(intervals[round / 8 % 3]),
				0);
		break;
	case 1:
		KUNIT_EXPECT_EQ(test, pytrace_start(round / 8 % 2 &&
						    PYSITE_FRAMES > 1 ? 8 : 1),
				0);
		break;
	case 3:
	case 5:
		KUNIT_EXPECT_EQ(test, pytrace_clear(), 0);
		break;
	case 7:
		pytrace_stop();
		break;
	default:
		look_at_all(test);
		pytrace_reset_peak();
	}
}

/* A trace comes and goes, is cleared and looked at, of all and of a sample. */
static void test_trace_comes_and_goes(struct kunit *test)
{
	unsigned int round = 0;
	struct crew *crew;

	/* See hooked.h; watched calls have a static key of their own. */
	pydomain_wrap(PYWRAP_TEST | PYWRAP_EVENTS);
	crew = begin_crowd(test);
	while (!crew_is_done(crew))
		change_something(test, round++);
	end_crowd(crew);
	pytrace_stop();
	KUNIT_EXPECT_EQ(test, pytrace_set_interval(0), 0);
	pydomain_unwrap(PYWRAP_TEST | PYWRAP_EVENTS);
	KUNIT_EXPECT_GT(test, round, 0U);
	begin_trace(test, 1);
	expect_nothing(test, "a fresh trace", 0);
	expect_no_report(test);
}

static void describe_interval(const unsigned long *interval, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%lu", *interval);
}

static const unsigned long intervals[] = { 0, 512 };

KUNIT_ARRAY_PARAM(interval, intervals, describe_interval);

/* One that stays counts to 0, with clears between or without. */
static void test_all_is_gone(struct kunit *test)
{
	const unsigned long *interval = test->param_value;
	unsigned int clears;
	struct crew *crew;

	for (clears = 0; clears < 2; clears++) {
		KUNIT_ASSERT_EQ(test, pytrace_set_interval(*interval), 0);
		begin_trace(test, 1);
		crew = begin_crowd(test);
		while (!crew_is_done(crew)) {
			look_at_all(test);
			if (clears)
				KUNIT_EXPECT_EQ(test, pytrace_clear(), 0);
		}
		end_crowd(crew);
		expect_all_gone(test);
		KUNIT_EXPECT_EQ(test, take_rows(test, NULL, 0), 0U);
		pytrace_stop();
	}
	expect_no_report(test);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(test_malloc, context_gen_params),
	KUNIT_CASE_PARAM(test_free, context_gen_params),
	KUNIT_CASE_PARAM(test_realloc, context_gen_params),
	KUNIT_CASE_PARAM(test_free_of_unknown, context_gen_params),
	KUNIT_CASE_PARAM(test_questions, context_gen_params),
	KUNIT_CASE(test_timer_meets_task),
	KUNIT_CASE(test_nmi_meets_task),
	KUNIT_CASE(test_trace_comes_and_goes),
	KUNIT_CASE_PARAM(test_all_is_gone, interval_gen_params),
	{ }
};

TRACED_SUITE(trace_context, cases);
