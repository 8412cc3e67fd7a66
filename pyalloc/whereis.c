// SPDX-License-Identifier: GPL-2.0
/*
 * Whose is this address?  Any address may be asked about, of whatever kind:
 * nothing that it leads to is read before the map, a record or the trace says
 * that it is pyalloc's, and then with what keeps it so.
 *
 * Other CPUs allocate and free meanwhile.  The pool, the places where free
 * blocks lie and what is noted are looked at one after the other; of a block
 * that moves in between, one of the places where it was is told, or that it is
 * live.  What nobody touches is told as it is.
 *
 * Contexts: process.  A heap is looked at while it is on the list of heaps and
 * its walk is held, so that no arena goes; a pool with its node's lock; a
 * CPU's stocks and lists on that CPU.
 * Lock order: that of traces, then as in reclaim.c.
 */
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "front.h"
#include "heap.h"
#include "hook.h"
#include "ledger.h"
#include "mark.h"
#include "quarantine.h"
#include "reclaim.h"
#include "record.h"
#include "reserve.h"
#include "trace.h"
#include "type.h"
#include "whereis.h"
#include "compat.h"

static void note_name(struct pywhereis *where, const struct pyheap *heap)
{
	if (heap)
		strscpy(where->heap, heap->name, sizeof(where->heap));
}

/* What a block's client has. */
static const void *client_pointer(const struct pywhereis *where)
{
	bool decorated = where->kind == PYWHEREIS_DECORATED ||
			 where->kind == PYWHEREIS_DECORATED_RAW;

	return where->base + (decorated ? PYHOOK_HEAD : 0);
}

/* === What is out of its pool, and free all the same === */

/* From afar, and perhaps changing: what is read may be mapped no longer. */
static bool is_in_own_front(struct pyheap *heap, const struct pywhereis *where)
{
	struct pyfront *front = READ_ONCE(heap->own_front);
	const struct pystock *stock;
	void **top, *block;
	unsigned int n;

	if (!heap->is_locked || !front)
		return false;
	stock = &front->stock[where->class];
	top = READ_ONCE(stock->top);
	for (n = pystock_cached(stock); n; n--)
		if (!copy_from_kernel_nofault(&block, top - n, sizeof(block)) &&
		    block == where->base)
			return true;
	return false;
}

static bool is_in_array(void **array, size_t slots, const void *block)
{
	size_t i;

	for (i = 1; i < slots; i++)
		if (array[i] == block)
			return true;
	return false;
}

/* One array a hold of the lock, as check does. */
static bool is_in_depot(struct pynode *node, const struct pywhereis *where)
{
	size_t slots = pyclass_slots(pyheap_class(node->heap, where->class));
	unsigned int n = 0;
	unsigned long flags;
	bool found = false;
	void **array;

	do {
		pynode_look(node, &flags);
		array = pydepot_nth(node, where->class, n++);
		if (array)
			found = is_in_array(array, slots, where->base);
		pynode_look_away(node, flags);
		cond_resched();
	} while (array && !found);
	return found;
}

static bool is_in_depots(struct pyheap *heap, const struct pywhereis *where)
{
	int nid;

	for_each_node(nid)
		if (is_in_depot(heap->node[nid], where))
			return true;
	return false;
}

/* With the heap's walk held: where no CPU has to be asked. */
static void look_beside_pools(struct pyheap *heap, struct pywhereis *where)
{
	if (where->kind == PYWHEREIS_PLAIN && is_in_depots(heap, where))
		where->state = PYWHEREIS_DEPOT;
	else if (where->kind == PYWHEREIS_PLAIN && is_in_own_front(heap, where))
		where->state = PYWHEREIS_FRONT;
	else if (pyreserve_has(heap, where->base))
		where->state = PYWHEREIS_RESERVE;
}

/* === On each CPU === */

/* The look that is under way; there is one at a time. */
static struct {
	struct pyheap		*heap;
	struct pywhereis	*where;
} now;
static DEFINE_MUTEX(now_lock);

static bool is_in_front(struct pyheap *heap, const struct pywhereis *where)
{
	struct pystock *stock;
	bool found = false;
	void **slot;

	if (heap->is_locked || !READ_ONCE(heap->front))
		return false;
	preempt_disable();
	stock = &pyfront_here(heap)->stock[where->class];
	/* Interrupts leave the stock alone meanwhile. */
	pystock_enter(stock);
	for (slot = pystock_floor(stock) + 1; slot < stock->top; slot++)
		found |= *slot == where->base;
	pystock_leave(stock);
	preempt_enable();
	return found;
}

static void see_resting(struct pyheap *heap, void *block, unsigned int class,
			void *data)
{
	struct pywhereis *where = data;

	if (block == where->base)
		where->state = PYWHEREIS_QUARANTINE;
}

static void look_at_heap_here(struct pyheap *heap, struct pywhereis *where)
{
	if (where->kind == PYWHEREIS_PLAIN && is_in_front(heap, where))
		where->state = PYWHEREIS_FRONT;
	if (where->kind == PYWHEREIS_DECORATED)
		pyquarantine_check_this(heap, see_resting, where);
}

/* The heap may be gone by now, and another one be there. */
static void look_here(struct work_struct *work)
{
	struct pyheap *heap;

	if (now.where->state != PYWHEREIS_LIVE)
		return;
	mutex_lock(&pyheaps_lock);
	list_for_each_entry(heap, &pyheaps, list)
		if (heap == now.heap)
			look_at_heap_here(heap, now.where);
	mutex_unlock(&pyheaps_lock);
	if (pytype_lists_here(client_pointer(now.where)))
		now.where->state = PYWHEREIS_LIST;
}

static void look_on_each_cpu(struct pyheap *heap, struct pywhereis *where)
{
	mutex_lock(&now_lock);
	now.heap = heap;
	now.where = where;
	pyreclaim_on_each_cpu(look_here);
	mutex_unlock(&now_lock);
}

/* === Pools === */

static enum pywhereis_kind kind_of(unsigned int class)
{
	if (pyclass_is_meta(class))
		return PYWHEREIS_META;
	if (pyclass_is_decorated(class))
		return PYWHEREIS_DECORATED;
	return pyclass_is_sampled(class) ? PYWHEREIS_SAMPLED : PYWHEREIS_PLAIN;
}

/* Of a damaged one nothing is believed. */
static void note_decorations(struct pyheap *heap, struct pywhereis *where)
{
	struct pyhook_block block = pyhook_pooled(heap, where->class,
						  where->base);
	struct pyalloc_report report = {};
	enum pyalloc_mistake mistake = pyhook_examine(&block, &report);

	if (report.block.waits)
		where->state = PYWHEREIS_GRACE;
	if (mistake != PYALLOC_NO_MISTAKE)
		return;
	where->is_noted = true;
	where->domain = pyhook_domain_of(report.block.domain);
	where->bytes = report.block.requested;
}

static void fill_in_block(struct pyheap *heap, const struct pyspot *spot,
			  struct pywhereis *where)
{
	where->has_block = true;
	where->block = spot->block;
	where->base = spot->base + (size_t)spot->block * spot->class->size;
	where->offset = where->address - where->base;
	if (spot->is_free)
		where->state = PYWHEREIS_FREE;
	else if (where->kind == PYWHEREIS_META)
		where->state = PYWHEREIS_OWN;
	else
		where->state = PYWHEREIS_LIVE;
	if (where->kind == PYWHEREIS_DECORATED && !spot->is_free)
		note_decorations(heap, where);
}

static void fill_in_pool(struct pyarena *arena, const struct pyspot *spot,
			 struct pywhereis *where)
{
	where->has_pool = true;
	where->pool = pyarena_granule(arena, spot->base);
	where->kind = kind_of(spot->index);
	where->class = where->kind == PYWHEREIS_META ?
		       spot->index - PYMETA_FIRST : pyclass_plain(spot->index);
	where->size = spot->class->size;
	where->offset = where->address - spot->base;
	if (spot->block < spot->class->blocks)
		fill_in_block(arena->heap, spot, where);
	else
		where->state = PYWHEREIS_REST;
}

/* With the node's lock. */
static void look_at_spot(struct pyarena *arena, struct pywhereis *where)
{
	struct pyspot spot;
	u8 state = pynode_find_spot(arena, where->address, &spot);

	where->pool = pyarena_granule(arena, where->address);
	if (spot.class)
		fill_in_pool(arena, &spot, where);
	if (state == PYPOOL_NONE)
		where->state = PYWHEREIS_EMPTY;
	else if (state == PYPOOL_HOLE)
		where->state = PYWHEREIS_HOLE;
	else if (state == PYPOOL_CONDEMNED)
		where->state = PYWHEREIS_CONDEMNED;
}

static void look_at_arena(struct pyarena *arena, struct pywhereis *where)
{
	unsigned long flags;

	note_name(where, arena->heap);
	where->has_arena = true;
	where->arena = arena->number;
	where->source = pyarena_source_name(arena);
	where->nid = arena->node->nid;
	pynode_look(arena->node, &flags);
	look_at_spot(arena, where);
	pynode_look_away(arena->node, flags);
}

/* === Heaps === */

/* With the heap's walk held. */
static struct pyarena *find_by_map(struct pyheap *heap, const void *address)
{
	u32 number = pymap_lookup(address) >> PYMAP_ARENA_SHIFT;
	struct pyarena *arena;
	bool found;

	rcu_read_lock();
	arena = pymap_arena(number);
	found = arena && arena->heap == heap && pyarena_has(arena, address);
	rcu_read_unlock();
	return found ? arena : NULL;
}

/* Likewise: of a page that went back the map knows nothing. */
static struct pyarena *find_by_span(struct pyheap *heap, const void *address)
{
	struct pyarena *arena;
	u32 number;

	for (number = 1; (arena = pyheap_next_arena(heap, &number)); number++) {
		if (pyarena_has(arena, address))
			return arena;
		cond_resched();
	}
	return NULL;
}

static bool look_in_heap(struct pyheap *heap, struct pywhereis *where,
			 struct pyarena *(*find)(struct pyheap *heap,
						 const void *address))
{
	struct pyarena *arena;

	mutex_lock(&heap->walk);
	arena = find(heap, where->address);
	if (arena)
		look_at_arena(arena, where);
	if (where->state == PYWHEREIS_LIVE)
		look_beside_pools(heap, where);
	mutex_unlock(&heap->walk);
	return arena;
}

static struct pyheap *look_in_heaps(struct pywhereis *where,
				    struct pyarena *(*find)(struct pyheap *heap,
							    const void *address))
{
	struct pyheap *heap, *found = NULL;

	mutex_lock(&pyheaps_lock);
	list_for_each_entry(heap, &pyheaps, list)
		if (look_in_heap(heap, where, find)) {
			found = heap;
			break;
		}
	mutex_unlock(&pyheaps_lock);
	return found;
}

static bool look_in_arenas(struct pywhereis *where)
{
	struct pyheap *heap = look_in_heaps(where, find_by_map);

	if (!heap)
		return look_in_heaps(where, find_by_span);
	if (where->state == PYWHEREIS_LIVE)
		look_on_each_cpu(heap, where);
	if (where->has_block && pyhook_is_kept(client_pointer(where)))
		where->state = PYWHEREIS_KEPT;
	return true;
}

/* === Blocks of raw === */

static bool is_within(const void *address, const void *base, size_t size)
{
	return (size_t)(address - base) < size;
}

static enum pywhereis_state state_of(const struct pyrecord *record)
{
	switch (READ_ONCE(record->state)) {
	case PYRECORD_LIVE:
		return PYWHEREIS_LIVE;
	case PYRECORD_GRACE:
		return PYWHEREIS_GRACE;
	case PYRECORD_KEPT:
		return PYWHEREIS_KEPT;
	default:
		return PYWHEREIS_QUARANTINE;
	}
}

/* A page of an arena that went back to the kernel may have come as raw's. */
static void leave_arena(struct pywhereis *where)
{
	where->has_arena = false;
	where->has_pool = false;
	*where->heap = 0;
}

static void visit_record(struct pyrecord *record, void *data)
{
	size_t room = record->is_plain ? record->room : pyhook_room_of(record);
	struct pywhereis *where = data;

	if (!is_within(where->address, record->base, room))
		return;
	leave_arena(where);
	note_name(where, record->heap);
	where->state = state_of(record);
	where->kind = record->is_plain ? PYWHEREIS_RAW :
					 PYWHEREIS_DECORATED_RAW;
	where->has_block = true;
	where->size = room;
	where->base = record->base;
	where->offset = where->address - where->base;
	where->is_noted = true;
	where->domain = record->domain;
	where->bytes = record->size;
}

static void look_in_records(struct pywhereis *where)
{
	struct pyheap *heap;

	pyrecord_walk(visit_record, where);
	if (where->state != PYWHEREIS_LIVE)
		return;
	mutex_lock(&pyheaps_lock);
	list_for_each_entry(heap, &pyheaps, list)
		if (pyreserve_has(heap, where->base))
			where->state = PYWHEREIS_RESERVE;
	mutex_unlock(&pyheaps_lock);
}

/* === What a trace has noted === */

static void note_site(struct pywhereis *where, u32 site, unsigned int domain,
		      size_t bytes, u32 birth)
{
	where->is_noted = true;
	where->domain = domain;
	where->bytes = bytes;
	where->site = site;
	where->age = (u32)jiffies - birth;
}

static void look_at_mark(const struct pytrace *trace, struct pywhereis *where)
{
	const struct pymark *mark = NULL;
	struct pyplace place;
	u32 site;

	/* RCU keeps the marks of a pool that is being dissolved. */
	rcu_read_lock();
	if (pymark_find_place(client_pointer(where), &place) &&
	    pymark_has_word(&place))
		mark = pymark_of(&place);
	/* What goes with it was written before: see pymark_write(). */
	site = mark ? smp_load_acquire(&mark->site) : 0;
	if (site && READ_ONCE(mark->epoch) == trace->epoch)
		note_site(where, site, READ_ONCE(mark->domain),
			  READ_ONCE(mark->size), READ_ONCE(mark->birth));
	rcu_read_unlock();
}

static void look_at_entry(const struct pytrace *trace,
			  const struct pyledger_entry *entry,
			  struct pywhereis *where)
{
	const void *at = where->has_block ? client_pointer(where) :
					    where->address;
	bool own = entry->domain < PYMEM_NR_DOMAINS;
	size_t room = max(entry->usable, 1U);

	if (!entry->site || entry->epoch != trace->epoch ||
	    !is_within(at, entry->ptr, room) || (where->has_block && !own))
		return;
	note_site(where, entry->site, entry->domain, entry->size,
		  entry->birth);
	if (where->has_block)
		return;
	leave_arena(where);
	where->state = PYWHEREIS_LIVE;
	where->kind = own ? PYWHEREIS_RAW : PYWHEREIS_TRACKED;
	where->has_block = true;
	where->size = room;
	where->base = entry->ptr;
	where->offset = where->address - where->base;
}

static void look_in_ledger(const struct pytrace *trace,
			   struct pywhereis *where)
{
	struct pyledger_entry entry[4];
	unsigned long bucket = 0;
	unsigned int skip = 0, n, i;

	do {
		n = pyledger_copy(&bucket, &skip, entry, ARRAY_SIZE(entry));
		for (i = 0; i < n; i++)
			look_at_entry(trace, &entry[i], where);
	} while (n);
}

/**
 * pywhereis() - whose is this address?
 * @trace: the trace that there is, or NULL
 * @address: any address at all
 * @where: what is known of it
 *
 * Context: Process, with the lock of traces; sleeps.
 */
void pywhereis(const struct pytrace *trace, const void *address,
	       struct pywhereis *where)
{
	*where = (struct pywhereis) { .address = address };
	/* What waits to be freed looks live. */
	pyfront_drain_parked();
	if (!look_in_arenas(where) || where->state == PYWHEREIS_HOLE)
		look_in_records(where);
	if (!trace)
		return;
	if (where->has_pool && where->state == PYWHEREIS_LIVE)
		look_at_mark(trace, where);
	if (!where->site && (!where->has_arena ||
			     where->state == PYWHEREIS_HOLE ||
			     where->state == PYWHEREIS_LIVE))
		look_in_ledger(trace, where);
}
EXPORT_SYMBOL_GPL(pywhereis);
