// SPDX-License-Identifier: GPL-2.0
/*
 * Decorations: what debug hooks write around a block, and what they see when
 * they look at it.
 *
 * Of what is damaged nothing is believed: a size that does not go with its
 * class, or lies behind overwritten pads, leads nowhere.  What is seen is
 * copied, byte by byte, and reported from the copy.
 *
 * Contexts: all, NMI included.  Takes no lock.
 */
#include <linux/mm.h>
#include <linux/module.h>

#include "hook.h"
#include "sanitizer.h"
#include "trace.h"
#include "compat.h"

/* How many bytes a block takes more. */
unsigned int pyhook_overhead __ro_after_init = PYHOOK_HEAD + PYHOOK_TAIL;
EXPORT_SYMBOL_GPL(pyhook_overhead);

bool pyhook_serials __ro_after_init;

/* The largest request that a pool has room for. */
size_t pyhook_small_max __ro_after_init = PYALLOC_SMALL_MAX - PYHOOK_HEAD -
					  PYHOOK_TAIL;
static atomic64_t last_serial;

static const u8 ids[PYMEM_NR_DOMAINS] = { 'r', 'm', 'o' };

#define CAPITAL	0x20

/*
 * While a block of a pool waits for a grace period its first word has who freed
 * it in 48 bits, a check of the rest in 7, and the size in 9.
 */
#define GRACE_SIZE_BITS		9
#define GRACE_CHECK_BITS	7
#define GRACE_SHIFT		(GRACE_SIZE_BITS + GRACE_CHECK_BITS)

/* The second word of a live block, by its domain's byte. */
#define MARK(id)							\
	(IS_ENABLED(CONFIG_CPU_BIG_ENDIAN) ?				\
	 PYHOOK_WORD(PYHOOK_FORBIDDEN) >> 8 | (u64)(id) << 56 :		\
	 PYHOOK_WORD(PYHOOK_FORBIDDEN) << 8 | (id))

const u64 pyhook_marks[PYMEM_NR_DOMAINS] = { MARK('r'), MARK('m'), MARK('o') };

/* === Decorations === */

/* What a new block of @size bytes at @ptr has with serials=1. */
void *pyhook_number(void *ptr, size_t size)
{
	put_unaligned_be64(atomic64_inc_return(&last_serial),
			   ptr + size + PYHOOK_TAIL);
	return ptr;
}

/**
 * pyhook_decorate() - write all of a new block
 * @base: where its decorations begin; it has room for whole pairs of words, the
 *	last of which a pad hits
 * @size: the client's bytes
 * @domain: who asked
 * @gfp: whether they are to be zero
 *
 * Context: Any.
 * Return: what the client gets.
 */
void *pyhook_decorate(void *base, size_t size, enum pymem_domain domain,
		      gfp_t gfp)
{
	u64 fill = gfp & __GFP_ZERO ? 0 : PYHOOK_WORD(PYHOOK_CLEAN);
	u64 *word = base + PYHOOK_HEAD, *end = base + PYHOOK_HEAD + size;

	for (; word < end; word += 2) {
		word[0] = fill;
		word[1] = fill;
	}
	pyhook_write_pads(base, size, pyhook_marks[domain]);
	base += PYHOOK_HEAD;
	return pyhook_serials ? pyhook_number(base, size) : base;
}

/**
 * pyhook_bury() - make the blocks of a new pool as if they had been freed
 * @pool: where it begins
 * @bytes: how large it is
 *
 * Context: Any.
 */
void pyhook_bury(void *pool, size_t bytes)
{
	pysan_show(pool, bytes);
	memset(pool, PYHOOK_DEAD, bytes);
	pysan_hide(pool, bytes);
}

/* === Grace periods === */

static u64 grace_word(size_t size, unsigned long caller)
{
	u64 word = (u64)caller << GRACE_SHIFT | size, rest = word;
	u64 check = 0;

	for (; rest; rest >>= GRACE_CHECK_BITS)
		check ^= rest;
	check &= GENMASK_ULL(GRACE_CHECK_BITS - 1, 0);
	return word | check << GRACE_SIZE_BITS;
}

static size_t grace_size(u64 word)
{
	return word & GENMASK_ULL(GRACE_SIZE_BITS - 1, 0);
}

static unsigned long grace_caller(u64 word)
{
	return (s64)word >> GRACE_SHIFT;
}

/* In capitals. */
static u64 grace_mark(enum pymem_domain domain)
{
	return pyhook_marks[domain] ^ MARK('m') ^ MARK('M');
}

/**
 * pyhook_write_grace() - note in a block of a pool that it waits to be freed
 * @block: the block, which is live and sound
 * @caller: who freed it
 *
 * Context: Any.
 */
void pyhook_write_grace(const struct pyhook_block *block, unsigned long caller)
{
	u64 *head = block->base;

	preempt_disable();
	head[0] = grace_word(block->size, caller);
	head[1] = grace_mark(block->domain);
	preempt_enable();
}

/**
 * pyhook_end_grace() - a grace period is over
 * @ptr: a block of a pool that pyhook_begin_grace() took
 *
 * Context: Any.
 * Return: who freed it, or 0 if that was overwritten.
 */
unsigned long pyhook_end_grace(void *ptr)
{
	u64 *head = ptr - PYHOOK_HEAD, word = head[0];
	unsigned int i;

	for (i = 0; i < PYMEM_NR_DOMAINS; i++) {
		if (head[1] != grace_mark(i))
			continue;
		if (word != grace_word(grace_size(word), grace_caller(word)))
			return 0;
		preempt_disable();
		head[0] = (__force u64)cpu_to_be64(grace_size(word));
		head[1] = pyhook_marks[i];
		preempt_enable();
		return grace_caller(word);
	}
	return 0;
}

/* === Looking === */

static u8 peek_byte(const void *ptr)
{
	const u64 *word = PTR_ALIGN_DOWN(ptr, sizeof(*word));
	u64 bytes = pyhook_peek(*word);

	return ((u8 *)&bytes)[(unsigned long)ptr % sizeof(*word)];
}

static void peek_bytes(u8 *to, const void *from, size_t n)
{
	while (n--)
		*to++ = peek_byte(from++);
}

/* How many of some bytes are not @byte; the first of them is noted. */
static size_t count_wrong(const void *from, size_t n, u8 byte, const void *ptr,
			  long *first)
{
	size_t i, wrong = 0;

	for (i = 0; i < n; i++) {
		if (peek_byte(from + i) == byte)
			continue;
		if (!wrong++)
			*first = from + i - ptr;
	}
	return wrong;
}

/*
 * Is it free?  Either its second word says so, or all that follows does: a
 * live block has its tail there.
 */
static bool looks_dead(const struct pyhook_block *block)
{
	const u64 *word = block->base + 8, *end = block->base + block->room;
	const u64 dead = PYHOOK_WORD(PYHOOK_DEAD);

	if (pyhook_peek(*word) == dead)
		return true;
	for (word++; word + 1 <= end; word++)
		if (pyhook_peek(*word) != dead)
			return false;
	return true;
}

/**
 * pyhook_examine_dead() - what was done to a block that is free?
 * @block: the block
 * @seen: what is seen of it
 *
 * Context: Any; the memory has to stay.
 */
void pyhook_examine_dead(const struct pyhook_block *block,
			 struct pyreport_block *seen)
{
	u64 *head = block->base, freed_by = pyhook_peek(head[0]);

	seen->seen = true;
	seen->is_dead = true;
	if (freed_by != PYHOOK_WORD(PYHOOK_DEAD))
		seen->freed_by = freed_by;
	peek_bytes(seen->first, head + 2, PYREPORT_DATA);
	seen->wrong = count_wrong(head + 1, block->room - 8, PYHOOK_DEAD,
				  head + 2, &seen->offset);
	if (seen->wrong)
		peek_bytes(seen->stray, (void *)(head + 2) + seen->offset,
			   min_t(size_t, PYREPORT_DATA,
				 block->room - PYHOOK_HEAD - seen->offset));
}

/* No pool has blocks of raw. */
static bool is_id(const struct pyhook_block *block, u8 byte)
{
	byte |= CAPITAL;
	return memchr(ids, byte, sizeof(ids)) &&
	       (block->record || byte != ids[PYMEM_DOMAIN_RAW]);
}

/* Can a block of that room have been made for so many bytes? */
static bool is_size(const struct pyhook_block *block, u64 size)
{
	size_t total = ALIGN(size + pyhook_overhead, 16);

	if (block->record)
		return size == block->record->size;
	/* A sum might wrap. */
	return size && size <= block->room - pyhook_overhead &&
	       block->heap->classes->of_step[PYALLOC_STEP(total)] ==
	       block->class;
}

/* Of a block that waits for a grace period who freed it is there as well. */
static u64 examine_size(const struct pyhook_block *block,
			struct pyreport_block *seen)
{
	const u64 *head = block->base;
	u64 word = pyhook_peek(head[0]);

	seen->waits = !block->record && !(seen->domain & CAPITAL);
	if (!seen->waits)
		return be64_to_cpu((__force __be64)word);
	seen->freed_by = grace_caller(word);
	return word == grace_word(grace_size(word), grace_caller(word)) ?
	       grace_size(word) : 0;
}

static bool examine_head(const struct pyhook_block *block,
			 struct pyreport_block *seen)
{
	const u64 *head = block->base;
	u64 size;

	peek_bytes(seen->size_word, head, sizeof(seen->size_word));
	peek_bytes(seen->before, head + 1, sizeof(seen->before));
	seen->domain = seen->before[0];
	size = examine_size(block, seen);
	seen->wrong = count_wrong((void *)head + 9, 7, PYHOOK_FORBIDDEN,
				  head + 2, &seen->offset);
	if (!seen->wrong && !is_id(block, seen->domain)) {
		seen->wrong = 1;
		seen->offset = -8;
	} else if (!seen->wrong && !is_size(block, size)) {
		seen->wrong = 1;
		seen->offset = -PYHOOK_HEAD;
	}
	seen->requested = size;
	seen->head_intact = !seen->wrong;
	if (seen->wrong)
		seen->freed_by = 0;
	seen->waits &= seen->head_intact;
	return seen->head_intact;
}

/* With a size that can be believed. */
static bool examine_tail(const struct pyhook_block *block,
			 struct pyreport_block *seen)
{
	const void *ptr = pyhook_ptr(block), *tail = ptr + seen->requested;
	size_t some = min_t(size_t, seen->requested, PYREPORT_DATA);

	peek_bytes(seen->after, tail, sizeof(seen->after));
	peek_bytes(seen->last, tail - some, some);
	if (pyhook_serials) {
		peek_bytes((u8 *)&seen->serial, tail + 8, 8);
		seen->serial = be64_to_cpu((__force __be64)seen->serial);
		if (seen->serial > atomic64_read(&last_serial))
			seen->serial = 0;
	}
	seen->wrong = count_wrong(tail, PYHOOK_TAIL, PYHOOK_FORBIDDEN, ptr,
				  &seen->offset);
	return !seen->wrong;
}

/**
 * pyhook_examine() - what state is a decorated block in?
 * @block: the block
 * @report: its part about the block is filled in
 *
 * Context: Any; the memory has to stay.  Another CPU may be at it.
 * Return: PYALLOC_NO_MISTAKE: live and sound; PYALLOC_DOUBLE_FREE: free, or
 * to be freed after a grace period; or what was damaged.
 */
enum pyalloc_mistake pyhook_examine(const struct pyhook_block *block,
				    struct pyalloc_report *report)
{
	struct pyreport_block *seen = &report->block;

	if (looks_dead(block)) {
		pyhook_examine_dead(block, seen);
		return seen->wrong ? PYALLOC_USE_AFTER_FREE :
				     PYALLOC_DOUBLE_FREE;
	}
	seen->seen = true;
	peek_bytes(seen->first, pyhook_ptr(block), PYREPORT_DATA);
	if (!examine_head(block, seen))
		return PYALLOC_UNDERFLOW;
	if (!examine_tail(block, seen))
		return PYALLOC_OVERFLOW;
	return seen->domain & CAPITAL ? PYALLOC_NO_MISTAKE :
					PYALLOC_DOUBLE_FREE;
}

/* === Reports === */

static void look_at_neighbour(const struct pyhook_block *block, int step,
			      struct pyreport_block *seen)
{
	struct pyhook_block other = *block;
	struct pyalloc_report report = {};
	unsigned int i = step > 0;
	enum pyalloc_mistake mistake;

	other.base += step * (long)block->room;
	/* The same granules have the same pool. */
	if (pymap_lookup(other.base) != pymap_lookup(block->base))
		return;
	mistake = pyheap_judge(other.base);
	if (mistake == PYALLOC_INTERIOR)
		return;
	if (mistake == PYALLOC_NO_MISTAKE)
		mistake = pyhook_examine(&other, &report);
	seen->neighbour[i] = mistake == PYALLOC_NO_MISTAKE ? PYREPORT_LIVE :
			     mistake == PYALLOC_DOUBLE_FREE ? PYREPORT_FREE :
			     PYREPORT_DAMAGED;
	seen->neighbour_size[i] = report.block.requested;
}

/**
 * pyhook_report() - report what was seen of a block, and of those next to it
 * @block: the block, which is out of its pool, so that the pool stays
 * @report: all but what is filled in here
 *
 * Context: Any, with no lock of pyalloc's held.
 */
void pyhook_report(const struct pyhook_block *block,
		   struct pyalloc_report *report)
{
	report->ptr = pyhook_ptr(block);
	report->block.allocated_by = pytrace_caller_of(report->ptr);
	if (!block->record) {
		look_at_neighbour(block, -1, &report->block);
		look_at_neighbour(block, 1, &report->block);
	}
	pydebug_say(report, block->record ? 0 : pymap_lookup(block->base));
}

/**
 * pyhook_domain_of() - whose a block of a pool is
 * @id: the byte that says so
 *
 * Context: Any.
 * Return: mem or object; mem if that was overwritten.
 */
enum pymem_domain pyhook_domain_of(u8 id)
{
	return (id | CAPITAL) == ids[PYMEM_DOMAIN_OBJ] ? PYMEM_DOMAIN_OBJ :
							 PYMEM_DOMAIN_MEM;
}

/**
 * pyhook_init() - before the first block is decorated
 * @with_serials: number the calls
 *
 * Context: Process.
 */
void __init pyhook_init(bool with_serials)
{
	pyhook_serials = with_serials;
	pyhook_overhead = PYHOOK_HEAD + PYHOOK_TAIL + (with_serials ? 8 : 0);
	pyhook_small_max = PYALLOC_SMALL_MAX - pyhook_overhead;
	pyquarantine_open(false, false);
}
