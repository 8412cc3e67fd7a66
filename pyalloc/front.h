/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fronts: a CPU's own stock of free blocks, and the fast path on it.
 */
#ifndef _PYALLOC_FRONT_H
#define _PYALLOC_FRONT_H

#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/pyalloc.h>
#include <asm/local.h>

#include "heap.h"
#include "compat.h"

/* Of the domains, mem and object have blocks in fronts. */
#define PYFRONT_DOMAINS		2
#define PYFRONT_DOMAIN(domain)	((unsigned long)(domain) - PYMEM_DOMAIN_MEM)

/**
 * struct pystock - free blocks of one class, on one CPU
 * @top: behind the block that goes out next; below the first is a NULL
 * @end: behind the last slot
 * @mallocs: blocks that went out, by domain
 * @object_frees: blocks that the object domain put in
 * @brought: blocks that refills brought, less those that flushes took.
 *	What the mem domain put in follows: see pystock_frees()
 * @folded: low bits of mallocs - frees by domain, as last seen by a fold
 * @reciprocal: the class's, to tell a block's start
 * @mask: what of an address is an offset in its pool
 * @busy: set by the owner from its first to its last look at the rest
 * @slots_shift: the array has 2^slots_shift slots; 0 while there is none
 * @flushed: the last batch that went to or from the pools was a flush
 * @took: the last array that was swapped with a depot brought blocks
 * @turned: the one before went the other way, shortly before it
 *
 * One cache line.  Only the CPU that it belongs to touches it, with
 * preemption off.  An interrupt or NMI can come at any instruction, finds
 * @busy set and leaves all but the counters alone; or it finds it clear, and
 * is done with the stock when the interrupted code goes on.  So the compiler
 * has to keep the order, and nothing else has to.
 */
struct pystock {
	void	**top;
	void	**end;
	local_t	mallocs[PYFRONT_DOMAINS];
	local_t	object_frees;
	local_t	brought;
	u32	folded[PYFRONT_DOMAINS];
	u32	reciprocal;
	u16	mask;
	u8	busy;
	u8	slots_shift : 3;
	u8	flushed : 1;
	u8	took : 1;
	u8	turned : 1;
} ____cacheline_aligned;

/**
 * struct pyfront - a CPU's front
 * @random: for shuffling
 * @swapped_at: low bits of each stock's mallocs when its last array was swapped
 * @stock: a stock a class
 */
struct pyfront {
	u32			random;
	u8			swapped_at[PYCLASS_MAX];
	struct pystock		stock[];
};

static inline size_t pyfront_size(unsigned int classes)
{
	return offsetof(struct pyfront, stock) +
	       classes * sizeof(struct pystock);
}

static inline unsigned int pystock_slots(const struct pystock *stock)
{
	return 1U << stock->slots_shift;
}

/* May be asked from afar, while the stock changes. */
static inline unsigned int pystock_cached(const struct pystock *stock)
{
	/* It lies in one byte with flags that change more often. */
	unsigned int slots = data_race(pystock_slots(stock));

	return clamp_t(long, READ_ONCE(stock->top) - READ_ONCE(stock->end) +
		       slots - 1, 0, slots - 1);
}

/*
 * What a domain put in.  Only the object domain's frees are counted where
 * they happen: what is in the stock was brought or freed and has not gone
 * out, which leaves the mem domain's.
 */
static inline unsigned long pystock_frees(const struct pystock *stock,
					  unsigned int domain)
{
	unsigned long object = local_read(&stock->object_frees);

	if (domain == PYFRONT_DOMAIN(PYMEM_DOMAIN_OBJ))
		return object;
	return pystock_cached(stock) - local_read(&stock->brought) +
	       local_read(&stock->mallocs[0]) +
	       local_read(&stock->mallocs[1]) - object;
}

/* The slot with the NULL; blocks lie behind it. */
static inline void **pystock_floor(const struct pystock *stock)
{
	return stock->end - pystock_slots(stock);
}

static inline unsigned int pystock_count(const struct pystock *stock)
{
	return stock->top - pystock_floor(stock) - 1;
}

/* See pystock_frees(): the mem domain's follow from the rest. */
static inline void pystock_count_frees(struct pystock *stock,
				       enum pymem_domain domain,
				       unsigned int n)
{
	if (domain == PYMEM_DOMAIN_OBJ)
		local_add(n, &stock->object_frees);
}

/* xorshift: what it is for is an order that is not the same each time. */
static inline u32 pyfront_random(struct pyfront *front)
{
	u32 random = front->random;

	random ^= random << 13;
	random ^= random >> 17;
	random ^= random << 5;
	front->random = random;
	return random;
}

/* This CPU's front, with preemption off; with a client's lock there is one. */
static inline struct pyfront *pyfront_here(const struct pyheap *heap)
{
	return unlikely(heap->is_locked) ? heap->own_front :
					   this_cpu_ptr(heap->front);
}

struct pyfront *pyfront_of(const struct pyheap *heap, int cpu);

/* The two halves of each use: nothing of the stock is touched outside. */
static __always_inline void pystock_enter(struct pystock *stock)
{
	WRITE_ONCE(stock->busy, 1);
	barrier();
}

static __always_inline void pystock_leave(struct pystock *stock)
{
	barrier();
	WRITE_ONCE(stock->busy, 0);
}

/* Set only while this CPU was interrupted inside, so it needs no volatile. */
static __always_inline bool pystock_is_busy(const struct pystock *stock)
{
	return unlikely(stock->busy);
}

static __always_inline bool pystock_is_start(const struct pystock *stock,
					     const void *block)
{
	u32 offset = (u32)(unsigned long)block & stock->mask;

	return offset * stock->reciprocal < PYCLASS_FRACTION;
}

/*
 * Why this takes neither a lock nor an atomic operation nor a memory barrier
 *
 * Who may touch a stock at the same time?  Nobody on another CPU: it is found
 * and left with preemption off, by its own CPU; and one that is offline is
 * emptied by who took it down, whom the hotplug machinery orders after all that
 * ran there.  So what is left is an interrupt or an NMI on the same CPU, which
 * begins and ends between two instructions of what it interrupted, and to which
 * a CPU shows its own stores in program order.  Only the compiler could change
 * that order, and barrier() keeps it from that.
 *
 * Let the task be interrupted
 *
 *  - before the store of 1 to @busy.  So far it has read the byte itself, and
 *    @mask and @reciprocal, which never change.  The visitor finds the byte
 *    clear, uses the stock, is done with it and leaves it clear.  The task's
 *    reads of @top, @end and the array all follow the store, and see
 *    what the visitor left.  That the task may have read the byte before the
 *    visitor came does no harm: it was clear before and is after.
 *  - between the store of 1 and that of 0.  The visitor finds the byte set and
 *    goes to the pools.  It writes to the counters only, which are local_t: one
 *    instruction, or interrupts off.
 *  - after the store of 0, which follows all others.  The stock is whole.
 *
 * Visitors may be interrupted in turn; the same holds for each pair.
 *
 * Within, the order counts once more for who only looks: statistics and an NMI
 * that reads @top.  A pop takes the block before it moves @top, a push writes
 * the slot before it moves @top, each with a barrier() between.
 *
 * What is in a block is its owner's to order.  A block that goes from one CPU
 * to another by way of pyalloc goes through a pool or a depot: the store of its
 * last owner is before that CPU's unlock of the node, and the next one's first
 * access after this CPU's lock of it.  On one CPU it is program order.
 *
 * What has been read of the map for a live block was written before the block
 * was first handed out, and is not written again while it lives: whoever has
 * the block's address has it, by whatever way, from who got it.
 */

/*
 * The default heap's stocks, as a fast path asks for them: by a request's
 * steps of 8 bytes, and by the code that the map has for a block.  Closed,
 * both lead to a stock that is always busy, as codes do that are no class.
 */
DECLARE_PER_CPU(struct pystock *, pyfront_by_step[PYALLOC_STEPS]);
DECLARE_PER_CPU(struct pystock *, pyfront_by_code[PYMAP_CODES]);

/* The same by class, never closed: for who has seen that a call is his. */
DECLARE_PER_CPU(struct pystock *, pyfront_by_class[PYCLASS_MAX]);

/*
 * Takes the block that came in last, with preemption off.  NULL: the stock is
 * empty, or this CPU was interrupted while it was there.
 */
static __always_inline void *pystock_pop(struct pystock *stock,
					 enum pymem_domain domain)
{
	void *block;

	if (pystock_is_busy(stock))
		return NULL;
	pystock_enter(stock);
	block = stock->top[-1];
	if (unlikely(!block)) {
		pystock_leave(stock);
		return NULL;
	}
	/* Not from the register: one instruction does it in memory. */
	barrier();
	stock->top--;
	local_inc(&stock->mallocs[PYFRONT_DOMAIN(domain)]);
	pystock_leave(stock);
	return block;
}

/* NULL also if the fast path is closed. */
static __always_inline void *pyfront_pop(unsigned long step,
					 enum pymem_domain domain)
{
	void *block;

	preempt_disable_notrace();
	block = pystock_pop(raw_cpu_read(pyfront_by_step[step]), domain);
	pycompat_preempt_enable_notrace();
	return block;
}

/*
 * Puts in what pystock_is_start(), with preemption off.  False: there is no
 * room, this CPU was interrupted while it was there, or @block is the one that
 * came in last, which is for the slow path to tell apart.
 */
static __always_inline bool pystock_push_start(struct pystock *stock,
					       enum pymem_domain domain,
					       void *block)
{
	void **top;

	if (pystock_is_busy(stock))
		return false;
	pystock_enter(stock);
	top = stock->top;
	if (unlikely(top == stock->end || top[-1] == block)) {
		pystock_leave(stock);
		return false;
	}
	pyheap_hide(block);
	*top = block;
	barrier();
	stock->top++;
	if (domain == PYMEM_DOMAIN_OBJ)
		local_inc(&stock->object_frees);
	pystock_leave(stock);
	return true;
}

/* False also if it is not the start of a block. */
static __always_inline bool pystock_push(struct pystock *stock,
					 enum pymem_domain domain, void *block)
{
	if (pystock_is_busy(stock) ||
	    unlikely(!pystock_is_start(stock, block)))
		return false;
	return pystock_push_start(stock, domain, block);
}

/*
 * Into the stock of the class that the block's entry in the map has as @code.
 * False also if the fast path is closed.
 */
static __always_inline bool pyfront_push(unsigned long code,
					 enum pymem_domain domain, void *block)
{
	bool done;

	preempt_disable_notrace();
	done = pystock_push(raw_cpu_read(pyfront_by_code[code]), domain, block);
	pycompat_preempt_enable_notrace();
	return done;
}

void *pyfront_malloc(struct pyheap *heap, unsigned int step, gfp_t gfp,
		     enum pymem_domain domain, int nid);
void *pyfront_malloc_sampled(struct pyheap *heap, struct pynode *node,
			     unsigned int class, gfp_t gfp,
			     enum pymem_domain domain);
void pyfront_free_sampled(struct pyheap *heap, unsigned int class,
			  enum pymem_domain domain, void *block,
			  unsigned long caller);
void pyfront_return(struct pyheap *heap, unsigned int class,
		    enum pymem_domain domain, void *block);
void pyfront_free(struct pyheap *heap, unsigned int class,
		  enum pymem_domain domain, void *block, unsigned long caller);
void pyfront_free_later(struct pyheap *heap, unsigned int class,
			enum pymem_domain domain, void *block,
			unsigned long caller);
void pyfront_park(void *block, unsigned long caller);
void pyfront_fold(struct pyheap *heap, struct pystock *stock,
		  unsigned int class);

/* What a domain gained or lost, in blocks of @size bytes, since the last time. */
static inline void pyfront_fold_domain(struct pyheap *heap, unsigned int i,
				       u32 live, u32 *folded, size_t size)
{
	long bytes = (long)(s32)(live - *folded) * (long)size;

	*folded = live;
	if (bytes)
		pyheap_add_bytes(heap, i + PYMEM_DOMAIN_MEM, bytes);
}

bool pyfront_grow(struct pyheap *heap, struct pynode *node,
		  struct pyfront *front, struct pystock *stock);

void pyfront_drain_all(struct pyheap *heap);
void pyfront_drain_this(struct pyheap *heap);
void pyfront_drain_dead(struct pyheap *heap, unsigned int cpu);
void pyfront_drain_parked(void);
void pyfront_flush_parked(void);

size_t pyfront_bytes(const struct pyheap *heap);

void pyfront_close(void);
void pyfront_open(void);
int pyfront_init(struct pyheap *heap);
void pyfront_exit(struct pyheap *heap);

void pyfront_shut(struct pyheap *heap);
void pyfront_unshut(struct pyheap *heap);
bool pyfront_make(struct pyheap *heap, gfp_t gfp);

/* Are there fronts?  They are made as a private heap is first used. */
static inline bool pyfront_any(const struct pyheap *heap)
{
	if (heap->is_locked)
		return READ_ONCE(heap->own_front);
	return READ_ONCE(heap->front);
}

static inline bool pyfront_ready(struct pyheap *heap, gfp_t gfp)
{
	return pyfront_any(heap) || pyfront_make(heap, gfp);
}

int pyfront_init_private(void);
void pyfront_exit_private(void);

#endif /* _PYALLOC_FRONT_H */
