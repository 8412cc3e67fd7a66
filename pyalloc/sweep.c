// SPDX-License-Identifier: GPL-2.0
/*
 * The sweep: looks at every decorated block, and finds what was damaged
 * before somebody frees it or gets it again.
 *
 * Other CPUs allocate and free meanwhile, so that a block may be seen while
 * its decorations are being written.  That is done with preemption off, or
 * under RCU: what looks damaged is looked at again after a grace period, and
 * believed if it looks the same each time.
 *
 * Contexts: process; pools are looked at with their node's lock held, records
 * with their bucket's.
 */
#include <linux/rcupdate.h>

#include "hook.h"
#include "record.h"
#include "sweep.h"
#include "compat.h"

/* How often a suspect is looked at again. */
#define TIMES	3

static void suspect(struct pysweep *sweep, const struct pyhook_block *block,
		    enum pyalloc_mistake mistake, long offset)
{
	struct pysweep_suspect *next = &sweep->suspect[sweep->nr];

	/* What was reported, and is kept, would leave no room for others. */
	if (sweep->nr == PYSWEEP_SUSPECTS ||
	    pyhook_is_kept(block->base + PYHOOK_HEAD))
		return;
	next->base = block->base;
	next->heap = block->heap;
	next->mistake = mistake;
	next->offset = offset;
	sweep->nr++;
}

static bool is_damage(enum pyalloc_mistake mistake)
{
	return mistake != PYALLOC_NO_MISTAKE && mistake != PYALLOC_DOUBLE_FREE;
}

/* === Blocks of pools === */

/* With the node's lock: what is in the pool, and nobody's, is dead. */
static enum pyalloc_mistake look(const struct pyhook_block *block,
				 bool is_free, struct pyalloc_report *report)
{
	enum pyalloc_mistake mistake = pyhook_examine(block, report);

	return is_free && mistake != PYALLOC_DOUBLE_FREE ?
	       PYALLOC_USE_AFTER_FREE : mistake;
}

/**
 * pysweep_pool() - look at the blocks of a pool
 * @sweep: what is seen
 * @heap: whose pool it is
 * @base: where it begins
 * @pool: its state, which is sound
 *
 * Context: With the node's lock.
 */
void pysweep_pool(struct pysweep *sweep, struct pyheap *heap, void *base,
		  struct pypool *pool)
{
	const struct pyclass *class = pyheap_class(heap, pool->class);
	unsigned long *bits = pypool_bits(class, pool);
	struct pyhook_block block =
		pyhook_pooled(heap, pool->class - PYDECORATED_FIRST, base);
	struct pyalloc_report report;
	enum pyalloc_mistake mistake;
	unsigned int i;

	for (i = 0; i < class->blocks; i++, block.base += class->size) {
		if (pyhook_is_dead(block.base, block.room))
			continue;
		report.block = (struct pyreport_block) {};
		mistake = look(&block, test_bit(i, bits), &report);
		sweep->decorated += mistake == PYALLOC_NO_MISTAKE;
		if (unlikely(is_damage(mistake)))
			suspect(sweep, &block, mistake, report.block.offset);
	}
}

/* === Blocks with a record === */

struct visit {
	const struct pysweep_suspect	*again;
	enum pyalloc_mistake		mistake;
	struct pyalloc_report		*report;
};

/* Of what is free, only what rests has to be as it was left. */
static enum pyalloc_mistake look_at_record(struct pyrecord *record,
					   struct pyalloc_report *report)
{
	struct pyhook_block block = pyhook_block_of(record);

	switch (READ_ONCE(record->state)) {
	case PYRECORD_LIVE:
		return pyhook_examine(&block, report);
	case PYRECORD_FREE:
		if (!record->inner.free &&
		    pyhook_is_dead(block.base, block.room))
			return PYALLOC_DOUBLE_FREE;
		return look(&block, !record->inner.free, report);
	default:
		return PYALLOC_DOUBLE_FREE;
	}
}

static void visit_record(struct pyrecord *record, void *data)
{
	struct pysweep *sweep = data;
	struct pyalloc_report report = {};
	struct pyhook_block block = pyhook_block_of(record);
	enum pyalloc_mistake mistake;

	if (record->is_plain)
		return;
	mistake = look_at_record(record, &report);
	sweep->decorated += mistake == PYALLOC_NO_MISTAKE;
	if (unlikely(is_damage(mistake)))
		suspect(sweep, &block, mistake, report.block.offset);
}

/**
 * pysweep_records() - look at the blocks outside the pools
 * @sweep: what is seen
 *
 * Context: Process.
 */
void pysweep_records(struct pysweep *sweep)
{
	pyrecord_walk(visit_record, sweep);
}

/* === Suspects === */

static bool is_same(const struct pysweep_suspect *suspect,
		    enum pyalloc_mistake mistake,
		    const struct pyalloc_report *report)
{
	return mistake == suspect->mistake &&
	       report->block.offset == suspect->offset;
}

static void visit_again(struct pyrecord *record, void *data)
{
	struct visit *visit = data;

	if (record->base == visit->again->base && !record->is_plain)
		visit->mistake = look_at_record(record, visit->report);
}

static bool is_damaged_record(const struct pysweep_suspect *suspect,
			      struct pyalloc_report *report)
{
	struct visit visit = {
		.again = suspect, .report = report,
		.mistake = PYALLOC_NO_MISTAKE,
	};

	pyrecord_walk(visit_again, &visit);
	return is_same(suspect, visit.mistake, report);
}

/* Its pool may be gone, and its arena, and another one there. */
static bool is_damaged_block(const struct pysweep_suspect *suspect,
			     struct pyalloc_report *report)
{
	enum pyalloc_mistake mistake = PYALLOC_NO_MISTAKE, judged;
	struct pyhook_block block = { .base = (void *)suspect->base };
	struct pyarena *arena;
	unsigned long flags;
	unsigned int class;

	rcu_read_lock();
	arena = pymap_arena_of(suspect->base);
	if (arena) {
		pynode_look(arena->node, &flags);
		class = pymap_class(pymap_lookup(suspect->base));
		judged = pynode_judge(suspect->base);
		if (pyclass_is_decorated(class) &&
		    pyclass_exists(suspect->heap, class) &&
		    (judged == PYALLOC_NO_MISTAKE ||
		     judged == PYALLOC_DOUBLE_FREE)) {
			block.heap = suspect->heap;
			block.class = class - PYDECORATED_FIRST;
			block.room = pyheap_class(block.heap, class)->size;
			mistake = look(&block, judged == PYALLOC_DOUBLE_FREE,
				       report);
		}
		pynode_look_away(arena->node, flags);
	}
	rcu_read_unlock();
	return is_same(suspect, mistake, report);
}

static bool is_damaged(const struct pysweep_suspect *suspect,
		       struct pyalloc_report *report)
{
	report->block = (struct pyreport_block) {};
	return suspect->heap ? is_damaged_block(suspect, report) :
			       is_damaged_record(suspect, report);
}

static bool confirm(const struct pysweep_suspect *suspect,
		    struct pyalloc_report *report)
{
	unsigned int i;

	for (i = 0; i < TIMES; i++) {
		synchronize_rcu();
		if (!is_damaged(suspect, report))
			return false;
	}
	return true;
}

/* The neighbours of what lies in its pool may go with it. */
static void say(const struct pysweep_suspect *suspect,
		struct pyalloc_report *report)
{
	u32 entry = suspect->heap ? pymap_lookup(suspect->base) : 0;
	struct pyhook_block block = {
		.base = (void *)suspect->base, .heap = suspect->heap,
		.class = pymap_class(entry) - PYDECORATED_FIRST,
	};

	if (!entry || report->mistake == PYALLOC_USE_AFTER_FREE ||
	    !pyclass_code_is_decorated(entry & PYMAP_CODE_MASK)) {
		pydebug_say(report, entry);
		return;
	}
	block.room = pyheap_class(block.heap, block.class)->size;
	pyhook_report(&block, report);
}

/**
 * pysweep_confirm() - look again at what looked damaged, and report it
 * @sweep: what was seen
 * @first: the first of the reports
 *
 * Context: Process; sleeps.
 * Return: how many blocks are damaged, and not known to be.
 */
unsigned long pysweep_confirm(struct pysweep *sweep,
			      struct pyalloc_report *first)
{
	const struct pysweep_suspect *suspect = sweep->suspect;
	struct pyalloc_report report;
	unsigned long i, damaged = 0;

	for (i = 0; i < sweep->nr; i++, suspect++) {
		memset(&report, 0, sizeof(report));
		if (!confirm(suspect, &report))
			continue;
		report.mistake = suspect->mistake;
		report.ptr = suspect->base + PYHOOK_HEAD;
		if (!report.block.freed_by)
			report.site = (unsigned long)report.ptr;
		report.caller = _RET_IP_;
		say(suspect, &report);
		if (!damaged++)
			*first = report;
	}
	return damaged;
}
