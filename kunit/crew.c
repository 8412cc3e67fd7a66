// SPDX-License-Identifier: GPL-2.0
/*
 * Crews of threads, for the suites of what is done on several CPUs at once.
 */
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "crew.h"

/* Where several CPUs spin for each other they go on at once. */
#define PATIENCE	100000

/**
 * hand_meet() - go on when all of the crew are here
 * @hand: who is here
 */
void hand_meet(struct hand *hand)
{
	struct crew *crew = hand->crew;
	int all = ++hand->met * crew->nr;
	unsigned int spins = num_online_cpus() > 1 ? PATIENCE : 0;

	if (atomic_inc_return(&crew->here) == all)
		wake_up_all(&crew->meeting);
	while (spins-- && atomic_read(&crew->here) < all)
		cpu_relax();
	wait_event(crew->meeting, atomic_read(&crew->here) >= all);
}

/**
 * hand_roam() - go from CPU to CPU from now on, as the scheduler likes
 */
void hand_roam(void)
{
	set_cpus_allowed_ptr(current, cpu_possible_mask);
}

/* The crew may be gone, and the module is not before its threads. */
static void wait_for_end(void)
{
	set_current_state(TASK_INTERRUPTIBLE);
	while (!kthread_should_stop()) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
}

static int hand_thread(void *data)
{
	struct hand *hand = data;
	struct crew *crew = hand->crew;

	hand_meet(hand);
	crew->work(hand);
	if (atomic_dec_and_test(&crew->left))
		complete_all(&crew->done);
	wait_for_end();
	return 0;
}

static unsigned int next_cpu(unsigned int cpu)
{
	cpu = cpumask_next(cpu, cpu_online_mask);
	return cpu < nr_cpu_ids ? cpu : cpumask_first(cpu_online_mask);
}

static bool enlist(struct crew *crew, unsigned int cpu)
{
	struct hand *hand = &crew->hand[crew->nr];

	hand->crew = crew;
	hand->index = crew->nr;
	prandom_seed_state(&hand->random, crew->nr + 1);
	hand->thread = kthread_create(hand_thread, hand, "pyalloc_hand/%d",
				      crew->nr);
	if (IS_ERR(hand->thread))
		return false;
	kthread_bind(hand->thread, cpu);
	crew->nr++;
	return true;
}

/**
 * crew_start() - let threads begin
 * @test: the case
 * @work: what each of them does
 * @data: for @work, as the crew's data
 *
 * Return: the crew, for crew_join().
 */
struct crew *crew_start(struct kunit *test, void (*work)(struct hand *hand),
			void *data)
{
	struct crew *crew = kzalloc(sizeof(*crew), GFP_KERNEL);
	unsigned int cpu = cpumask_first(cpu_online_mask);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, crew);
	crew->work = work;
	crew->data = data;
	init_completion(&crew->done);
	init_waitqueue_head(&crew->meeting);
	while (crew->nr < CREW_HANDS && enlist(crew, cpu))
		cpu = next_cpu(cpu);
	KUNIT_EXPECT_EQ(test, crew->nr, (int)CREW_HANDS);
	atomic_set(&crew->left, crew->nr);
	if (!crew->nr)
		complete_all(&crew->done);
	for (i = 0; i < crew->nr; i++)
		wake_up_process(crew->hand[i].thread);
	return crew;
}

/**
 * crew_is_done() - is there nothing left to do, for any of them?
 * @crew: the crew
 *
 * It gives others the CPU, but not before it looks: so who asks in a loop does
 * something while they are at work, if there is one CPU alone.
 *
 * Return: true if so.
 */
bool crew_is_done(struct crew *crew)
{
	bool done = completion_done(&crew->done);

	cond_resched();
	return done;
}

/**
 * crew_join() - wait until all are done, and gone
 * @crew: the crew, which is freed
 */
void crew_join(struct crew *crew)
{
	int i;

	wait_for_completion(&crew->done);
	for (i = 0; i < crew->nr; i++)
		kthread_stop(crew->hand[i].thread);
	kfree(crew);
}

/**
 * crew_run() - both of these
 * @test: the case
 * @work: what each of them does
 * @data: for @work
 */
void crew_run(struct kunit *test, void (*work)(struct hand *hand), void *data)
{
	crew_join(crew_start(test, work, data));
}
