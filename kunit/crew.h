/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Crews: threads on all CPUs, bound to them one after the other, that begin at
 * once, while the case does something else or waits.
 */
#ifndef _PYALLOC_KUNIT_CREW_H
#define _PYALLOC_KUNIT_CREW_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/prandom.h>
#include <linux/wait.h>

#include "shim.h"

#define CREW_HANDS	4

struct crew;
struct task_struct;

/**
 * struct hand - one of a crew
 * @crew: the crew
 * @thread: who it is
 * @index: which one, from 0
 * @met: how often it met the others
 * @random: what its choices come from
 */
struct hand {
	struct crew		*crew;
	struct task_struct	*thread;
	unsigned int		index;
	unsigned int		met;
	struct rnd_state	random;
};

/**
 * struct crew - threads that do something together
 * @work: what each does, once
 * @data: the case's own
 * @nr: how many there are
 * @here: how often one came to meet the others
 * @meeting: where they wait for the last one
 * @left: how many are not done
 * @done: all are
 * @hand: the threads
 */
struct crew {
	void			(*work)(struct hand *hand);
	void			*data;
	int			nr;
	atomic_t		here;
	wait_queue_head_t	meeting;
	atomic_t		left;
	struct completion	done;
	struct hand		hand[CREW_HANDS];
};

struct crew *crew_start(struct kunit *test, void (*work)(struct hand *hand),
			void *data);
bool crew_is_done(struct crew *crew);
void crew_join(struct crew *crew);
void crew_run(struct kunit *test, void (*work)(struct hand *hand), void *data);
void hand_meet(struct hand *hand);
void hand_roam(void);

static inline u32 hand_below(struct hand *hand, u32 n)
{
	return prandom_u32_state(&hand->random) % n;
}

#endif /* _PYALLOC_KUNIT_CREW_H */
