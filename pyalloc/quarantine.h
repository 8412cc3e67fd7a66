/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The quarantine: where decorated blocks rest after they were freed.
 */
#ifndef _PYALLOC_QUARANTINE_H
#define _PYALLOC_QUARANTINE_H

#include <linux/percpu.h>
#include <linux/pyalloc.h>
#include <asm/local.h>

#include "front.h"
#include "heap.h"
#include "record.h"

/* Blocks that rested, and wait to be handed out again. */
#define PYQUARANTINE_READY	16

/**
 * struct pyquarantine - decorated free blocks of one class, on one CPU
 * @ring: those that rest, in the order in which they came; NULL at first
 * @at: where the next one goes, in place of the one that rested longest
 * @mask: its number of slots, a power of two, less one
 * @top: behind the ready block that goes out next
 * @ready: blocks that rested or come from the pools; below the first is a NULL
 * @mallocs: blocks that went out, by domain
 * @frees: blocks that came in
 * @folded: low bits of mallocs - frees by domain, as last seen by a fold
 * @resting: how many blocks rest
 * @busy: as a stock's
 *
 * It is for decorated blocks what a stock is for others, and who may touch it,
 * and when, is the same: see front.h.
 */
struct pyquarantine {
	void	**ring;
	u32	at;
	u32	mask;
	void	**top;
	void	*ready[PYQUARANTINE_READY + 1];
	local_t	mallocs[PYFRONT_DOMAINS];
	local_t	frees[PYFRONT_DOMAINS];
	u32	folded[PYFRONT_DOMAINS];
	u32	resting;
	u8	busy;
};

/* With preemption off. */
static __always_inline struct pyquarantine *
pyquarantine_here(struct pyheap *heap, unsigned int class)
{
	return raw_cpu_ptr(heap->quarantine) + class;
}

static __always_inline bool pyquarantine_enter(struct pyquarantine *rest)
{
	if (unlikely(rest->busy))
		return false;
	WRITE_ONCE(rest->busy, 1);
	barrier();
	return true;
}

static __always_inline void pyquarantine_leave(struct pyquarantine *rest)
{
	barrier();
	WRITE_ONCE(rest->busy, 0);
}

/* A block that is ready, or NULL.  With preemption off. */
static __always_inline void *pyquarantine_pop(struct pyquarantine *rest)
{
	void *block;

	if (!pyquarantine_enter(rest))
		return NULL;
	block = rest->top[-1];
	if (likely(block)) {
		barrier();
		rest->top--;
	}
	pyquarantine_leave(rest);
	return block;
}

/*
 * Has a block rest, and makes the one that rested longest ready.  False: there
 * is no room, or this CPU was interrupted while it was there.  With preemption
 * off.
 */
static __always_inline bool pyquarantine_push(struct pyquarantine *rest,
					      void *block)
{
	void **slot, *old;

	if (!pyquarantine_enter(rest))
		return false;
	if (unlikely(rest->top == rest->ready + PYQUARANTINE_READY + 1)) {
		pyquarantine_leave(rest);
		return false;
	}
	slot = &rest->ring[rest->at];
	old = *slot;
	*slot = block;
	rest->at = (rest->at + 1) & rest->mask;
	if (likely(old)) {
		*rest->top = old;
		barrier();
		rest->top++;
	} else {
		rest->resting++;
	}
	pyquarantine_leave(rest);
	return true;
}

/* May be asked from afar, while it changes. */
static inline unsigned int pyquarantine_cached(const struct pyquarantine *rest)
{
	return READ_ONCE(rest->resting) +
	       clamp_t(long, READ_ONCE(rest->top) - rest->ready - 1, 0,
		       PYQUARANTINE_READY);
}

void *pyquarantine_take(struct pyheap *heap, unsigned int class, gfp_t gfp,
			int nid);
void pyquarantine_put(struct pyheap *heap, unsigned int class, void *block,
		      unsigned long caller);
void pyquarantine_fold(struct pyheap *heap, struct pyquarantine *rest,
		       unsigned int class);

void pyquarantine_rest(struct pyrecord *record);
void pyquarantine_drain_raw(void);
size_t pyquarantine_raw_bytes(void);

void pyquarantine_drain_this(struct pyheap *heap);
void pyquarantine_drain_dead(struct pyheap *heap, unsigned int cpu);
void pyquarantine_check_this(struct pyheap *heap,
			     void (*visit)(struct pyheap *heap, void *block,
					   unsigned int class, void *data),
			     void *data);
size_t pyquarantine_metadata_bytes(const struct pyheap *heap);

extern unsigned int pyquarantine_kib;
int pyquarantine_init(struct pyheap *heap);
void pyquarantine_exit(struct pyheap *heap);

#endif /* _PYALLOC_QUARANTINE_H */
