// SPDX-License-Identifier: GPL-2.0
/*
 * Owned blocks: what a private heap has of raw, for requests that no pool
 * serves.  Each has a record, so that it is known whose it is whoever frees it,
 * and that all of them can be freed with their heap.
 *
 * Contexts: allocation where kmalloc may be called, all else anywhere.  In NMI
 * a record waits for an irq_work to be taken out of its bucket.
 * Lock order: that of records.
 */
#include <linux/irq_work.h>
#include <linux/llist.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "charge.h"
#include "debug.h"
#include "heap.h"
#include "hook.h"
#include "owned.h"
#include "quarantine.h"
#include "raw.h"
#include "record.h"
#include "reserve.h"
#include "trace.h"
#include "compat.h"

/**
 * pyowned_count() - count a block of raw that a private heap has
 * @heap: the heap
 * @room: its usable bytes, which are charged already if it is owned
 *
 * Context: Any.
 */
void pyowned_count(struct pyheap *heap, size_t room)
{
	atomic_long_inc(&heap->raw_mallocs);
	atomic_long_add(room, &heap->raw_bytes);
}

/**
 * pyowned_uncount() - count one that it has no longer
 * @heap: the heap
 * @room: its usable bytes, which stay charged until they are free, if so
 *
 * Context: Any.
 */
void pyowned_uncount(struct pyheap *heap, size_t room)
{
	atomic_long_inc(&heap->raw_frees);
	atomic_long_sub(room, &heap->raw_bytes);
}

static void *malloc_recorded(struct pyheap *heap, struct pyrecord *record,
			     gfp_t gfp, int nid)
{
	record->base = pycharge_malloc(heap, record->size, gfp, nid,
				       &record->room);
	if (!record->base)
		return NULL;
	record->ptr = record->base;
	record->heap = heap;
	record->is_plain = true;
	if (pyrecord_add(record)) {
		pyowned_count(heap, record->room);
		return record->base;
	}
	/* Who freed it before, past pyalloc, left its record. */
	pyraw_free(record->base);
	pycharge_give(heap, record->room);
	return NULL;
}

/* A kernel frees it perhaps: it is counted, and that is all. */
static void *malloc_unowned(struct pyheap *heap, size_t size, gfp_t gfp,
			    int nid)
{
	void *block = pyraw_malloc(size, gfp, nid);

	if (block)
		pyowned_count(heap, pyraw_usable_size(block));
	return block;
}

/**
 * pyowned_malloc() - allocate from raw for a private heap
 * @heap: the heap
 * @size: bytes; 0 is served as 1
 * @gfp: as for kmalloc()
 * @nid: the node, or NUMA_NO_NODE
 *
 * Context: as pyraw_malloc().
 * Return: the block, or NULL: no memory, or the heap's limit.
 */
void *pyowned_malloc(struct pyheap *heap, size_t size, gfp_t gfp, int nid)
{
	struct pyrecord *record;
	void *block;

	size += !size;
	if (heap->flags & PYHEAP_SMALL_ONLY)
		return malloc_unowned(heap, size, gfp, nid);
	record = pyrecord_new(PYMEM_DOMAIN_MEM, size, gfp);
	if (!record)
		return NULL;
	block = malloc_recorded(heap, record, gfp, nid);
	if (!block)
		pyraw_free(record);
	return block;
}

/**
 * pyowned_heap() - whose block of raw is this?
 * @ptr: any pointer
 *
 * Context: Any.
 * Return: the private heap, or NULL.
 */
struct pyheap *pyowned_heap(const void *ptr)
{
	struct pyheap *heap = NULL;
	struct pyrecord *record;

	if (!pyrecord_any())
		return NULL;
	rcu_read_lock();
	record = pyrecord_find(ptr);
	if (record)
		heap = record->heap;
	rcu_read_unlock();
	return heap;
}

/* === Freeing === */

static LLIST_HEAD(waiting);

static void release(struct pyrecord *record)
{
	bool is_kept = record->state == PYRECORD_KEPT;
	struct pyheap *heap = record->heap;
	size_t room = record->room;
	void *base = record->base;

	pyrecord_remove(record);
	pyrecord_free(record);
	/* A damaged block that is kept may be a pool's. */
	if (pymap_lookup(base))
		return;
	pyraw_free(base);
	/* What is kept was given when it was freed. */
	if (!is_kept)
		pycharge_give(heap, room);
}

static void release_waiting(struct irq_work *work)
{
	struct pyrecord *record, *next;

	llist_for_each_entry_safe(record, next, llist_del_all(&waiting), wait)
		release(record);
}

static DEFINE_IRQ_WORK(waiting_work, release_waiting);

/**
 * pyowned_free_record() - free a block by its record
 * @record: the record, which nobody may have claimed yet
 * @caller: whom to name if somebody has
 *
 * Context: Any, under RCU.
 */
void pyowned_free_record(struct pyrecord *record, unsigned long caller)
{
	if (!pyrecord_claim(record, PYRECORD_FREE, caller)) {
		pydebug_report(PYALLOC_DOUBLE_FREE, record->ptr, 0, caller);
		return;
	}
	pyowned_uncount(record->heap, record->room);
	if (!in_nmi())
		release(record);
	else if (llist_add(&record->wait, &waiting))
		irq_work_queue(&waiting_work);
}

static void end_grace(struct rcu_head *rcu)
{
	struct pyrecord *record = container_of(rcu, struct pyrecord, rcu);

	WRITE_ONCE(record->state, PYRECORD_LIVE);
	if (pyreserve_put(record->heap, record->base, record->room,
			  record->freed_by))
		return;
	pyowned_free_record(record, record->freed_by);
}

/**
 * pyowned_free_rcu() - free a block after a grace period
 * @ptr: any pointer
 * @caller: whom to name
 *
 * Context: Any but NMI.
 * Return: false: it is no private heap's.
 */
bool pyowned_free_rcu(void *ptr, unsigned long caller)
{
	struct pyrecord *record;
	bool found;

	if (!pyrecord_any())
		return false;
	rcu_read_lock();
	record = pyrecord_find(ptr);
	found = record && record->is_plain;
	if (found && pyrecord_claim(record, PYRECORD_GRACE, caller))
		call_rcu(&record->rcu, end_grace);
	else if (found)
		pydebug_report(PYALLOC_DOUBLE_FREE, ptr, 0, caller);
	rcu_read_unlock();
	return found;
}

/* === All of a heap's === */

struct harvest {
	const struct pyheap	*heap;
	struct llist_head	records;
};

/*
 * With the lock of the record's bucket.  It is as if a grace period was awaited:
 * nobody else may free it, and what lies there is not what was freed.
 */
static void reap(struct pyrecord *record, void *data)
{
	struct harvest *harvest = data;

	if (record->heap == harvest->heap &&
	    (record->state == PYRECORD_KEPT ||
	     pyrecord_claim(record, PYRECORD_GRACE, _THIS_IP_)))
		llist_add(&record->wait, &harvest->records);
}

/**
 * pyowned_free_all() - free what a heap has of raw
 * @heap: the heap, which nobody uses any more
 *
 * Context: Process; sleeps.
 */
void pyowned_free_all(struct pyheap *heap)
{
	struct harvest harvest = { .heap = heap };
	struct pyrecord *record, *next;
	struct pytrace_old old;

	irq_work_sync(&waiting_work);
	/* What rests there is linked by what a harvest links. */
	pyquarantine_drain_raw();
	pyrecord_walk(reap, &harvest);
	llist_for_each_entry_safe(record, next,
				  llist_del_all(&harvest.records), wait) {
		pytrace_forget(PYMEM_DOMAIN_MEM, record->ptr, &old);
		if (record->state != PYRECORD_KEPT)
			pyowned_uncount(heap, record->room);
		release(record);
		cond_resched();
	}
}
