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
#include "record.h"

#define PYHOOK_CLEAN		0xcd
#define PYHOOK_DEAD		0xdd
#define PYHOOK_FORBIDDEN	0xfd

#define PYHOOK_WORD(byte)	(0x0101010101010101ULL * (byte))

/* What is in front of a client's bytes, and what is behind them at least. */
#define PYHOOK_HEAD		16
#define PYHOOK_TAIL		8

extern unsigned int pyhook_overhead;
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

	/* An odd number of words, since the first does not count. */
	if (unlikely(pyhook_peek(word[0]) != dead))
		return false;
	for (word++; word + 4 <= end; word += 4)
		if (unlikely(pyhook_peek(word[0]) != dead ||
			     pyhook_peek(word[1]) != dead ||
			     pyhook_peek(word[2]) != dead ||
			     pyhook_peek(word[3]) != dead))
			return false;
	return word == end || (pyhook_peek(word[0]) == dead &&
			       pyhook_peek(word[1]) == dead);
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

/* Who does not care whose block it is. */
#define PYHOOK_ANY_DOMAIN	PYMEM_NR_DOMAINS

void *pyhook_malloc(struct pyheap *heap, enum pymem_domain domain, size_t size,
		    gfp_t gfp, int nid, unsigned long caller);
void *pyhook_malloc_over(const struct pymem_allocator *inner,
			 enum pymem_domain domain, size_t size, gfp_t gfp,
			 unsigned long caller);
void pyhook_free(struct pyheap *asked, enum pymem_domain domain, void *ptr,
		 unsigned int class, unsigned long caller);
bool pyhook_free_recorded(enum pymem_domain domain, void *ptr,
			  unsigned long caller);

bool pyhook_knows(const void *ptr);
bool pyhook_is_kept(const void *ptr);

/* What of a block with a record is decorated, or dead. */
static inline size_t pyhook_room_of(const struct pyrecord *record)
{
	return ALIGN_DOWN(record->size + pyhook_overhead, 16);
}
bool pyhook_look(const void *ptr, enum pymem_domain domain,
		 unsigned long caller, struct pyhook_block *block);
void pyhook_shrink(struct pyhook_block *block, size_t size);
void pyhook_begin_grace(struct pyhook_block *block, struct rcu_head *rcu,
			rcu_callback_t free);
void pyhook_end_grace(void *ptr);

void pyhook_bury(void *pool, size_t bytes);
enum pyalloc_mistake pyhook_examine(const struct pyhook_block *block,
				    struct pyalloc_report *report);
void pyhook_report(const struct pyhook_block *block,
		   struct pyalloc_report *report);
void pyhook_keep_dead(struct pyheap *heap, unsigned int class, void *base,
		      unsigned long caller);
void pyhook_release(struct pyrecord *record);

extern atomic_long_t pyhook_kept;
void pyhook_forgive(void);
void pyhook_flush(void);
bool pyhook_was_on(void);

int pyhook_init_heap(struct pyheap *heap);
int pyhook_turn(unsigned int domains);
void pyhook_init(bool with_serials);
void pyhook_exit(void);

#endif /* _PYALLOC_HOOK_H */
