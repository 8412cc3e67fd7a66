/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What depends on the kernel, and nothing else: how it is configured, and what
 * it lacks of what the code is written for, which is mainline's spelling.
 * Included last.
 */
#ifndef _PYALLOC_COMPAT_H
#define _PYALLOC_COMPAT_H

#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/mmzone.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/stackdepot.h>
#include <linux/stacktrace.h>
#include <linux/swap.h>

#include "compat_version.h"

#if PYCOMPAT_LINUX_UNALIGNED
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#if !PYCOMPAT_MAX_PAGE_ORDER
/* Stable kernels may have the name from a later one. */
#ifndef MAX_PAGE_ORDER
#if PYCOMPAT_MAX_ORDER_IS_LAST
#define MAX_PAGE_ORDER MAX_ORDER
#else
#define MAX_PAGE_ORDER (MAX_ORDER - 1)
#endif
#endif
#endif

/* kfree_rcu() of a block whose type is not known. */
static inline void pycompat_kvfree_rcu(void *ptr, struct rcu_head *rcu)
{
#if !PYCOMPAT_KVFREE_RCU_BLOCK
	/* The offset of the rcu_head, as if it were a function, or the block */
	if (__same_type(&kvfree_call_rcu,
			void (*)(struct rcu_head *, rcu_callback_t)))
		ptr = (void *)((void *)rcu - ptr);
#endif
	kvfree_call_rcu(rcu, ptr);
}

/* kvrealloc(), or an error where it wants the old size: nobody knows it. */
static inline void *pycompat_vrealloc(void *ptr, size_t size, gfp_t gfp)
{
#if PYCOMPAT_KVREALLOC
	return kvrealloc(ptr, size, gfp);
#else
	return ERR_PTR(-EOPNOTSUPP);
#endif
}

#if !PYCOMPAT_SHRINKER_ALLOC
/* They were the caller's, and registered. */
static inline struct shrinker *shrinker_alloc(unsigned int flags,
					      const char *name)
{
	struct shrinker *shrinker = kzalloc(sizeof(*shrinker), GFP_KERNEL);

	if (shrinker) {
		shrinker->flags = flags;
		shrinker->seeks = DEFAULT_SEEKS;
	}
	return shrinker;
}

static inline int pycompat_shrinker_register(struct shrinker *shrinker,
					     const char *name)
{
	return register_shrinker(shrinker, "%s", name);
}

static inline void shrinker_free(struct shrinker *shrinker)
{
	unregister_shrinker(shrinker);
	kfree(shrinker);
}

#else /* PYCOMPAT_SHRINKER_ALLOC */
static inline int pycompat_shrinker_register(struct shrinker *shrinker,
					     const char *name)
{
	shrinker_register(shrinker);
	return 0;
}
#endif

#if !PYCOMPAT_ACCOUNT_RECLAIMED
static inline void mm_account_reclaimed_pages(unsigned long pages)
{
	if (current->reclaim_state)
		current->reclaim_state->reclaimed_slab += pages;
}
#endif

/*
 * Lockdep's own view of a hard interrupt: those that PREEMPT_RT would thread
 * may take the locks that sleep there.
 */
static inline bool pycompat_hardirq_may_lock(void)
{
#ifdef CONFIG_PROVE_RAW_LOCK_NESTING
	return current->hardirq_threaded || current->irq_config;
#else
	return true;
#endif
}

/* What is asked for beside a caller's own: not of the reserves, and no word. */
#define PYCOMPAT_GFP_QUIET	(GFP_NOWAIT | __GFP_NOWARN | __GFP_NOMEMALLOC)

/* Not each kernel is built with what walks stacks, or what keeps them. */
static inline unsigned int pycompat_stack_trace_save(unsigned long *frames,
						     unsigned int n,
						     unsigned int skip)
{
#ifdef CONFIG_STACKTRACE
	return stack_trace_save(frames, n, skip);
#else
	return 0;
#endif
}

static inline unsigned int pycompat_filter_irq_stacks(unsigned long *frames,
						      unsigned int n)
{
#ifdef CONFIG_STACKTRACE
	return filter_irq_stacks(frames, n);
#else
	return n;
#endif
}

/* A depot that takes flags may be entered in NMI: it waits for nobody there. */
static inline u32 pycompat_depot_save(unsigned long *frames, unsigned int n,
				      bool may_alloc)
{
#ifndef CONFIG_STACKDEPOT
	return 0;
#elif PYCOMPAT_DEPOT_FLAGS
	return stack_depot_save_flags(frames, n, PYCOMPAT_GFP_QUIET,
				      may_alloc ? STACK_DEPOT_FLAG_CAN_ALLOC :
						  0);
#elif PYCOMPAT_DEPOT_NO_EXTRA
	return in_nmi() ? 0 :
	       __stack_depot_save(frames, n, PYCOMPAT_GFP_QUIET, may_alloc);
#else
	return in_nmi() ? 0 :
	       __stack_depot_save(frames, n, 0, PYCOMPAT_GFP_QUIET,
				  may_alloc);
#endif
}

static inline int pycompat_depot_init(void)
{
#ifdef CONFIG_STACKDEPOT
	return stack_depot_init();
#else
	return -EOPNOTSUPP;
#endif
}

static inline unsigned int pycompat_depot_fetch(u32 stack,
						unsigned long **frames)
{
#ifdef CONFIG_STACKDEPOT
	return stack_depot_fetch(stack, frames);
#else
	*frames = NULL;
	return 0;
#endif
}

#if !PYCOMPAT_PREEMPT_LAZY && defined(CONFIG_PREEMPT_LAZY) && defined(CONFIG_X86)
/*
 * The PREEMPT_RT patches have each preempt_enable() ask as well whether a lazy
 * reschedule is due, one between tasks that are not real-time.  That would be
 * a quarter of what a malloc and a free take, and by its nature can wait: the
 * next interrupt asks, and whoever next enables preemption.  What can't wait
 * is looked at here as everywhere.
 */
#define pycompat_preempt_enable_notrace()				\
do {									\
	barrier();							\
	if (unlikely(____preempt_count_dec_and_test()))			\
		__preempt_schedule_notrace();				\
} while (0)
#else
#define pycompat_preempt_enable_notrace()	preempt_enable_notrace()
#endif

#if !PYCOMPAT_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

/*
 * Does a module that comes or goes use this one?  Nobody else changes what it
 * uses then.  Who uses what is built in is not known: of each module that goes
 * it would be said that it may have left what others allocated meanwhile.
 */
#ifdef CONFIG_MODULES
static inline bool pycompat_is_used_by(struct module *module)
{
#if defined(MODULE) && defined(CONFIG_MODULE_UNLOAD)
	struct module_use *use;

	list_for_each_entry(use, &module->target_list, target_list)
		if (use->target == THIS_MODULE)
			return true;
#endif
	return false;
}
#endif

#endif /* _PYALLOC_COMPAT_H */
