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
#define PYQUARANTINE_READY	32

/**
 * struct pyquarantine - decorated free blocks of one class, on one CPU
 * @at: where in the ring the next one goes, in place of the one that rested
 *	longest
 * @end: behind the ring's last slot
 * @ring: those that rest, in the order in which they came; NULL at first
 * @top: behind the ready block that goes out next
 * @reciprocal: the class's, to tell a block's start
 * @room: a block's bytes, decorations too
 * @most: how many of them a client can have
 * @offset_mask: what of an address is an offset in its pool
 * @busy: as a stock's
 * @mallocs: blocks that went out, by domain
 * @frees: blocks that came in
 * @folded: low bits of mallocs - frees by domain, as last seen by a fold
 * @resting: how many blocks rest
 * @ready: blocks that rested or come from the pools; below the first is a NULL
 *
 * It is for decorated blocks what a stock is for others, and who may touch it,
 * and when, is the same: see front.h.
 */
struct pyquarantine {
	void	**at;
	void	**end;
	void	**top;
	u32	reciprocal;
	u16	room;
	u16	most;
	u16	offset_mask;
	u8	busy;
	void	**ring;
	local_t	mallocs[PYFRONT_DOMAINS];
	local_t	frees[PYFRONT_DOMAINS];
	u32	folded[PYFRONT_DOMAINS];
	u32	resting;
	void	*ready[PYQUARANTINE_READY + 1];
};

/*
 * The default heap's, as calls ask for them: by the decorated size in steps of
 * 16 bytes, and by the class in the map.  Closed, all lead to one that is
 * always busy.
 */
#define PYQUARANTINE_STEP	16
#define PYQUARANTINE_STEPS	(PYALLOC_SMALL_MAX / PYQUARANTINE_STEP + 1)

DECLARE_PER_CPU(struct pyquarantine *, pyquarantine_by_step[PYQUARANTINE_STEPS]);
DECLARE_PER_CPU(struct pyquarantine *, pyquarantine_by_class[PYCLASS_MAX]);

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

static __always_inline bool pyquarantine_has_room(struct pyquarantine *rest)
{
	return rest->top != rest->ready + PYQUARANTINE_READY + 1;
}

/*
 * Has a block rest, and makes the one that rested longest ready, which there
 * has to be room for.  Between enter and leave.
 */
static __always_inline void __pyquarantine_push(struct pyquarantine *rest,
						void *block)
{
	void **slot = rest->at, *old = *slot;

	*slot++ = block;
	if (unlikely(slot == rest->end))
		slot = rest->ring;
	rest->at = slot;
	if (likely(old)) {
		*rest->top = old;
		barrier();
		rest->top++;
	} else {
		rest->resting++;
	}
}

/*
 * The same.  False: there is no room, or this CPU was interrupted while it
 * was there.  With preemption off.
 */
static inline bool pyquarantine_push(struct pyquarantine *rest, void *block)
{
	bool has_room;

	if (!pyquarantine_enter(rest))
		return false;
	has_room = pyquarantine_has_room(rest);
	if (has_room)
		__pyquarantine_push(rest, block);
	pyquarantine_leave(rest);
	return has_room;
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

void pyquarantine_rest(struct pyrecord *record);
void pyquarantine_drain_raw(void);
size_t pyquarantine_raw_bytes(void);
size_t pyquarantine_bytes(void);

void pyquarantine_drain(struct pyheap *heap, unsigned int cpu);
void pyquarantine_drain_all(struct pyheap *heap);
void pyquarantine_check_this(struct pyheap *heap,
			     void (*visit)(struct pyheap *heap, void *block,
					   unsigned int class, void *data),
			     void *data);
size_t pyquarantine_metadata_bytes(const struct pyheap *heap);

extern unsigned int pyquarantine_kib;
void pyquarantine_open(bool mallocs, bool frees);
int pyquarantine_init(struct pyheap *heap);
void pyquarantine_exit(struct pyheap *heap);

#endif /* _PYALLOC_QUARANTINE_H */
