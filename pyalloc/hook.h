/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Debug hooks: what they write around a block, and how they know it again.
 *
 *   8 bytes	how many were asked for, big-endian
 *   1 byte	the domain: r, m or o, in capitals while it waits for a grace
 *		period
 *   7 bytes	forbidden
 *   N bytes	what the client has: clean at first
 *   8 bytes	forbidden
 *   8 bytes	which call made it, big-endian, with serials=1
 *
 * Of a block that is free all bytes are dead but the first 8, which tell who
 * freed it.
 */
#ifndef _PYALLOC_HOOK_H
#define _PYALLOC_HOOK_H

#include <linux/compiler.h>
#include <linux/pyalloc.h>

#include "debug.h"
#include "heap.h"
#include "quarantine.h"
#include "record.h"
#include "compat.h"

#define PYHOOK_CLEAN		0xcd
#define PYHOOK_DEAD		0xdd
#define PYHOOK_FORBIDDEN	0xfd

#define PYHOOK_WORD(byte)	(0x0101010101010101ULL * (byte))

/* What is in front of a client's bytes, and what is behind them at least. */
#define PYHOOK_HEAD		16
#define PYHOOK_TAIL		8

extern unsigned int pyhook_overhead;
extern size_t pyhook_small_max;
extern unsigned int pyhook_domains;

/* Are blocks of the domain decorated from now on? */
static inline bool pyhook_is_on(enum pymem_domain domain)
{
	return smp_load_acquire(&pyhook_domains) & BIT(domain);
}

/*
 * A word that may be hidden from who has no business there, or be written to
 * while it is read.
 */
#define pyhook_peek(word)						\
	(IS_ENABLED(CONFIG_KASAN) || IS_ENABLED(CONFIG_KCSAN) ?		\
	 pyhook_peek_unchecked(&(word)) : (word))

static __no_kasan_or_inline u64 pyhook_peek_unchecked(const u64 *word)
{
	const unsigned long *part = (const unsigned long *)word;
	u64 both;

	if (BITS_PER_LONG == 64)
		return READ_ONCE_NOCHECK(part[0]);
	((unsigned long *)&both)[0] = READ_ONCE_NOCHECK(part[0]);
	((unsigned long *)&both)[1] = READ_ONCE_NOCHECK(part[1]);
	return both;
}

/* Is there nothing in a free block but what was left there? */
static __always_inline bool pyhook_is_dead(const void *block, size_t room)
{
	const u64 dead = PYHOOK_WORD(PYHOOK_DEAD);
	const u64 *word = block + 8, *end = block + room;

	if (unlikely(pyhook_peek(word[0]) != dead))
		return false;
	for (word++; word < end; word += 2)
		if (unlikely(pyhook_peek(word[0]) != dead ||
			     pyhook_peek(word[1]) != dead))
			return false;
	return true;
}

/**
 * struct pyhook_block - a decorated block, wherever it lies
 * @base: where its decorations begin
 * @room: its bytes, decorations too
 * @record: its record, if no pool has it
 * @heap: whose pool it lies in, if one has
 * @class: and of which class, as if it were not decorated
 * @size: bytes that were asked for, once that was looked at
 * @domain: who asked
 */
struct pyhook_block {
	void			*base;
	size_t			room;
	struct pyrecord		*record;
	struct pyheap		*heap;
	unsigned int		class;
	size_t			size;
	enum pymem_domain	domain;
};

/* One of a pool: @class is as if it were not decorated. */
static inline struct pyhook_block
pyhook_pooled(struct pyheap *heap, unsigned int class, const void *base)
{
	return (struct pyhook_block) {
		.base = (void *)base, .heap = heap, .class = class,
		.room = pyheap_class(heap, class)->size,
	};
}

/* Who does not care whose block it is. */
#define PYHOOK_ANY_DOMAIN	PYMEM_NR_DOMAINS

void *pyhook_malloc(struct pyheap *heap, enum pymem_domain domain, size_t size,
		    gfp_t gfp, int nid, unsigned long caller);
void *pyhook_malloc_over(const struct pymem_allocator *inner,
			 enum pymem_domain domain, size_t size, gfp_t gfp,
			 unsigned long caller);
void pyhook_free(struct pyheap *asked, enum pymem_domain domain, void *ptr,
		 struct pyheap *heap, unsigned int class, unsigned long caller);
bool pyhook_free_recorded(enum pymem_domain domain, void *ptr,
			  unsigned long caller);

bool pyhook_knows(const void *ptr);
bool pyhook_is_kept(const void *ptr);

/* What of a block with a record is decorated, or dead: it has whole pairs. */
static inline size_t pyhook_room_of(const struct pyrecord *record)
{
	return ALIGN(record->size + pyhook_overhead, 16);
}

static inline struct pyhook_block pyhook_block_of(struct pyrecord *record)
{
	return (struct pyhook_block) {
		.base = record->base, .record = record,
		.room = pyhook_room_of(record),
		.size = record->size, .domain = record->domain,
	};
}

bool pyhook_look(const void *ptr, enum pymem_domain domain,
		 unsigned long caller, struct pyhook_block *block);
void pyhook_shrink(struct pyhook_block *block, size_t size);
void pyhook_begin_grace(struct pyhook_block *block, struct rcu_head *rcu,
			rcu_callback_t free, unsigned long caller);
unsigned long pyhook_end_grace(void *ptr);

static inline void *pyhook_ptr(const struct pyhook_block *block)
{
	return block->base + PYHOOK_HEAD;
}

void *pyhook_decorate(void *base, size_t size, enum pymem_domain domain,
		      gfp_t gfp);
void pyhook_bury(void *pool, size_t bytes);
void pyhook_write_grace(const struct pyhook_block *block,
			unsigned long caller);
void pyhook_examine_dead(const struct pyhook_block *block,
			 struct pyreport_block *seen);
enum pymem_domain pyhook_domain_of(u8 id);
enum pyalloc_mistake pyhook_examine(const struct pyhook_block *block,
				    struct pyalloc_report *report);
void pyhook_report(const struct pyhook_block *block,
		   struct pyalloc_report *report);
void pyhook_keep_dead(struct pyheap *heap, unsigned int class, void *base,
		      unsigned long caller);
void pyhook_release(struct pyrecord *record);

extern atomic_long_t pyhook_kept;
extern atomic_long_t pyhook_kept_pooled;
void pyhook_forgive(void);
void pyhook_flush(void);
void pyhook_choose_way(void);

int pyhook_init_heap(struct pyheap *heap);
int pyhook_turn(unsigned int domains);
void pyhook_init(bool with_serials);
void pyhook_exit(void);

/* === The short way === */

extern const u64 pyhook_marks[PYMEM_NR_DOMAINS];
extern bool pyhook_serials;
void *pyhook_number(void *ptr, size_t size);

/* Where the scheduler may not be entered; in doubt it may. */
static __always_inline bool pyhook_may_sleep(void)
{
	if (rcu_preempt_depth())
		return false;
	return IS_ENABLED(CONFIG_PREEMPT_COUNT) ? preemptible() :
	       !in_interrupt() && !irqs_disabled();
}

/*
 * Fills two words that are dead.  The whole loop is most of what a malloc
 * costs, so it looks and writes in one pass.
 */
static __always_inline bool pyhook_fill_pair(u64 *word, u64 fill)
{
	const u64 dead = PYHOOK_WORD(PYHOOK_DEAD);

	if (unlikely(pyhook_peek(word[0]) != dead) ||
	    unlikely(pyhook_peek(word[1]) != dead))
		return false;
	word[0] = fill;
	word[1] = fill;
	return true;
}

/* Fills a block that is dead all over; one that is not stays as it was. */
static __always_inline bool pyhook_fill(void *base, size_t room, u64 fill)
{
	const u64 dead = PYHOOK_WORD(PYHOOK_DEAD);
	u64 *word = base + PYHOOK_HEAD, *end = base + room;

	if (unlikely(pyhook_peek(word[-1]) != dead))
		return false;
	if (!(room & 16)) {
		if (!pyhook_fill_pair(word, fill))
			return false;
		word += 2;
	}
	for (; word < end; word += 4) {
		if (!pyhook_fill_pair(word, fill))
			goto undo;
		if (!pyhook_fill_pair(word + 2, fill))
			goto undo_pair;
	}
	return true;
undo_pair:
	word += 2;
undo:
	/* Not memset(): a call would cost registers where nothing is wrong. */
	while (--word >= (u64 *)(base + PYHOOK_HEAD))
		WRITE_ONCE(*word, dead);
	return false;
}

/* All but the client's bytes. */
static __always_inline void pyhook_write_pads(void *base, size_t size, u64 mark)
{
	u64 *head = base;

	head[0] = (__force u64)cpu_to_be64(size);
	head[1] = mark;
	put_unaligned(PYHOOK_WORD(PYHOOK_FORBIDDEN),
		      (u64 *)(base + PYHOOK_HEAD + size));
}

/* It is free now: nothing of it is left but who freed it. */
static __always_inline void pyhook_kill(void *base, size_t room,
					unsigned long caller)
{
	const u64 dead = PYHOOK_WORD(PYHOOK_DEAD);
	u64 *word = base, *end = base + room;

	word[0] = caller;
	word[1] = dead;
	word += 2;
	if (!(room & 16)) {
		word[0] = dead;
		word[1] = dead;
		word += 2;
	}
	for (; word < end; word += 4) {
		word[0] = dead;
		word[1] = dead;
		word[2] = dead;
		word[3] = dead;
	}
}

/*
 * Allocates from the default heap.  NULL: the request is not as plain as most
 * are, no block is ready, or the one that is was damaged.
 */
static __always_inline void *pyhook_malloc_fast(enum pymem_domain domain,
						size_t size, gfp_t gfp)
{
	size_t total = size + pyhook_overhead + PYQUARANTINE_STEP - 1;
	struct pyquarantine *rest;
	void *base;

	if (PYSAN_WATCHES || IS_ENABLED(CONFIG_LOCKDEP) ||
	    unlikely(size - 1 >= pyhook_small_max) ||
	    (gfpflags_allow_blocking(gfp) && unlikely(!pyhook_may_sleep())))
		return NULL;
	preempt_disable_notrace();
	rest = raw_cpu_read(pyquarantine_by_step[total / PYQUARANTINE_STEP]);
	if (!pyquarantine_enter(rest))
		goto out;
	base = rest->top[-1];
	if (unlikely(!base) ||
	    unlikely(!pyhook_fill(base, rest->room,
				  PYHOOK_WORD(PYHOOK_CLEAN))))
		goto leave;
	rest->top--;
	pyhook_write_pads(base, size, pyhook_marks[domain]);
	local_inc(&rest->mallocs[PYFRONT_DOMAIN(domain)]);
	pyquarantine_leave(rest);
	pycompat_preempt_enable_notrace();
	return base + PYHOOK_HEAD;
leave:
	pyquarantine_leave(rest);
out:
	pycompat_preempt_enable_notrace();
	return NULL;
}

/* Is it a block of the domain's whose decorations are as they should be? */
static __always_inline bool pyhook_is_sound(const struct pyquarantine *rest,
					    enum pymem_domain domain,
					    const void *ptr)
{
	const u64 *head = ptr - PYHOOK_HEAD;
	/* Below 0 it is no block's, and no multiple of a class either. */
	u32 offset = ((u32)(unsigned long)ptr & rest->offset_mask) -
		     PYHOOK_HEAD;
	u64 size;

	if (unlikely(offset * rest->reciprocal >= PYCLASS_FRACTION) ||
	    unlikely(pyhook_peek(head[1]) != pyhook_marks[domain]))
		return false;
	size = be64_to_cpu((__force __be64)head[0]);
	return likely(size <= rest->most) &&
	       likely(get_unaligned((u64 *)(ptr + size)) ==
		      PYHOOK_WORD(PYHOOK_FORBIDDEN));
}

/* False: for the long way to tell why. */
static __always_inline bool pyhook_free_fast(enum pymem_domain domain,
					     void *ptr, unsigned long code,
					     unsigned long caller)
{
	unsigned long class = code - (PYMAP_CLOSED | PYDECORATED_FIRST) - 1;
	struct pyquarantine *rest;
	void *base = ptr - PYHOOK_HEAD;

	if (PYSAN_WATCHES || unlikely(class >= PYCLASS_MAX))
		return false;
	preempt_disable_notrace();
	rest = raw_cpu_read(pyquarantine_by_class[class]);
	if (!pyquarantine_enter(rest))
		goto out;
	if (unlikely(!pyquarantine_has_room(rest)) ||
	    unlikely(!pyhook_is_sound(rest, domain, ptr)))
		goto leave;
	pyhook_kill(base, rest->room, caller);
	__pyquarantine_push(rest, base);
	local_inc(&rest->frees[PYFRONT_DOMAIN(domain)]);
	pyquarantine_leave(rest);
	pycompat_preempt_enable_notrace();
	return true;
leave:
	pyquarantine_leave(rest);
out:
	pycompat_preempt_enable_notrace();
	return false;
}

#endif /* _PYALLOC_HOOK_H */
