// SPDX-License-Identifier: GPL-2.0
/*
 * Reserves: blocks that a private heap keeps for requests of one size that must
 * not fail, as a mempool does.
 *
 * A request is served by the heap as long as that has something; then by the
 * reserve.  From then on the reserve comes first when a block of that size is
 * freed, and the heap's fast path is shut until nothing is missing: so a client
 * that has n blocks of a size at most, and reserved n, always gets the next one.
 * Why a free that is on the fast path at that moment, on another CPU, does no
 * harm: its block was live before anything was missing, so that with it there
 * were more blocks out than the reserve then lacks.
 *
 * Slots are changed by one atomic operation each, and the two counters say
 * before how many may be taken or filled; so it works in NMI, too.
 *
 * Contexts: all; a reserve lasts as long as its heap.  Takes no lock.
 */
#include <linux/irq_work.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "debug.h"
#include "fault.h"
#include "front.h"
#include "lifetime.h"
#include "private.h"
#include "reserve.h"
#include "compat.h"

/**
 * struct pyreserve - blocks of one size
 * @next: the heap's next one
 * @room: usable bytes of each
 * @nr: how many were promised
 * @have: how many there are
 * @missing: how many slots are empty
 * @slot: the blocks; NULL: empty
 */
struct pyreserve {
	struct pyreserve	*next;
	size_t			room;
	unsigned int		nr;
	atomic_t		have;
	atomic_t		missing;
	void			*slot[];
};

/* Blocks of raw are rounded up in more than one way. */
static bool holds(const struct pyreserve *reserve, size_t room)
{
	if (reserve->room <= PYALLOC_SMALL_MAX)
		return room == reserve->room;
	return room >= reserve->room && room <= 2 * reserve->room + PAGE_SIZE;
}

static bool serves(const struct pyreserve *reserve, const struct pyheap *heap,
		   size_t size)
{
	if (reserve->room <= PYALLOC_SMALL_MAX)
		return size <= PYALLOC_SMALL_MAX &&
		       heap->step_size[PYALLOC_STEP(size)] == reserve->room;
	return size > PYALLOC_SMALL_MAX && size <= reserve->room;
}

static void *take_slot(struct pyreserve *reserve)
{
	unsigned int i;
	void *block;

	/* There is one: who put it said so afterwards. */
	for (i = 0;; i = (i + 1) % reserve->nr) {
		block = xchg(&reserve->slot[i], NULL);
		if (block)
			return block;
	}
}

static void fill_slot(struct pyreserve *reserve, void *block)
{
	unsigned int i;

	for (i = 0;; i = (i + 1) % reserve->nr)
		if (!cmpxchg(&reserve->slot[i], NULL, block))
			return;
}

/* === The fast path, while something is missing === */

static void unshut(struct work_struct *work)
{
	pylifetime_choose_ways();
}

static DECLARE_WORK(unshut_work, unshut);

static void queue_unshut(struct irq_work *work)
{
	schedule_work(&unshut_work);
}

static DEFINE_IRQ_WORK(unshut_irq_work, queue_unshut);

/* === Out and in === */

/**
 * pyreserve_take() - a block that was promised
 * @heap: the heap, which has no other
 * @size: bytes that were asked for
 *
 * Context: Any.
 * Return: the block, or NULL: nothing of that size is left, or was promised.
 */
void *pyreserve_take(struct pyheap *heap, size_t size)
{
	struct pyreserve *reserve = READ_ONCE(heap->reserves);
	void *block;

	for (; reserve; reserve = reserve->next) {
		if (!serves(reserve, heap, size) ||
		    atomic_dec_if_positive(&reserve->have) < 0)
			continue;
		block = take_slot(reserve);
		atomic_inc(&heap->short_of);
		atomic_inc(&reserve->missing);
		smp_mb__after_atomic();
		pylifetime_choose_way(heap);
		return block;
	}
	return NULL;
}

/* Of what lies in a reserve only this tells that it is free. */
static bool has(const struct pyreserve *reserve, const void *block)
{
	unsigned int i;

	for (i = 0; i < reserve->nr; i++)
		if (READ_ONCE(reserve->slot[i]) == block)
			return true;
	return false;
}

bool __pyreserve_put(struct pyheap *heap, void *block, size_t room,
		     unsigned long caller)
{
	struct pyreserve *reserve = READ_ONCE(heap->reserves);

	for (; reserve; reserve = reserve->next) {
		if (unlikely(has(reserve, block))) {
			pydebug_report(PYALLOC_DOUBLE_FREE, block,
				       pymap_lookup(block), caller);
			return true;
		}
		if (!holds(reserve, room) ||
		    atomic_dec_if_positive(&reserve->missing) < 0)
			continue;
		fill_slot(reserve, block);
		atomic_inc(&reserve->have);
		if (atomic_dec_and_test(&heap->short_of))
			irq_work_queue(&unshut_irq_work);
		return true;
	}
	return false;
}

/**
 * pyreserve_has() - does a block lie in a reserve?
 * @heap: the heap
 * @block: any pointer
 *
 * Context: Process, with pyheaps_lock, without which reserves may go.
 * Return: whether it does now.
 */
bool pyreserve_has(const struct pyheap *heap, const void *block)
{
	const struct pyreserve *reserve = READ_ONCE(heap->reserves);

	for (; reserve; reserve = reserve->next)
		if (has(reserve, block))
			return true;
	return false;
}

/**
 * pyreserve_count() - how many blocks lie in reserves
 * @heap: the heap
 *
 * Context: Process, with pyheaps_lock, without which reserves may go.
 * Return: their number; they count as live everywhere else.
 */
size_t pyreserve_count(const struct pyheap *heap)
{
	const struct pyreserve *reserve = READ_ONCE(heap->reserves);
	size_t blocks = 0;

	for (; reserve; reserve = reserve->next)
		blocks += atomic_read(&reserve->have);
	return blocks;
}

/* === Making and unmaking === */

static void free_reserve(struct pyheap *heap, struct pyreserve *reserve)
{
	unsigned int i;

	for (i = 0; i < reserve->nr; i++)
		if (reserve->slot[i])
			pyprivate_free_plain(heap, reserve->slot[i]);
	kvfree(reserve);
}

static bool fill(struct pyheap *heap, struct pyreserve *reserve, size_t size,
		 gfp_t gfp)
{
	unsigned int i;

	for (i = 0; i < reserve->nr; i++) {
		reserve->slot[i] = pyprivate_malloc_plain(heap, size, gfp);
		if (!reserve->slot[i])
			return false;
	}
	atomic_set(&reserve->have, reserve->nr);
	return true;
}

static void add_reserve(struct pyheap *heap, struct pyreserve *reserve)
{
	struct pyreserve *first = READ_ONCE(heap->reserves);

	/* Who finds it finds it whole. */
	do {
		reserve->next = first;
	} while (!try_cmpxchg(&heap->reserves, &first, reserve));
}

/**
 * pyheap_reserve() - promise blocks to come
 * @heap: the heap
 * @size: bytes of each
 * @n: how many; what was promised before stays promised
 * @gfp: as for kmalloc(), to get them now
 *
 * From now on @n blocks of that size can be had in any context, besides those
 * that are out.  They belong to the heap, count as held, and come back to the
 * reserve first when they are freed to it, but for frees after a grace period
 * with PYHEAP_EXTERNAL_LOCK.  Debug hooks do not decorate them.
 *
 * Context: Process; sleeps if @gfp allows.  With PYHEAP_EXTERNAL_LOCK where the
 * lock is held.
 * Return: 0; -EINVAL: @n is 0, @size over INT_MAX, or with PYHEAP_SMALL_ONLY
 * over PYALLOC_SMALL_MAX, or the heap was destroyed;
 * -ENOMEM, with nothing promised.
 */
int pyheap_reserve(struct pyheap *heap, size_t size, unsigned int n, gfp_t gfp)
{
	struct pyreserve *reserve = NULL;

	if (!n || size > INT_MAX ||
	    (heap->flags & PYHEAP_SMALL_ONLY && size > PYALLOC_SMALL_MAX) ||
	    !pyprivate_enter(heap, _RET_IP_))
		return -EINVAL;
	if (!pyfault_strikes(PYFAULT_RESERVE))
		reserve = kvzalloc(struct_size(reserve, slot, n), gfp);
	if (!reserve)
		goto no_memory;
	reserve->nr = n;
	reserve->room = size <= PYALLOC_SMALL_MAX ?
			heap->step_size[PYALLOC_STEP(size)] : size;
	/* Also what is raw's has to serve all that the class would. */
	if (!fill(heap, reserve, reserve->room, gfp)) {
		free_reserve(heap, reserve);
		goto no_memory;
	}
	add_reserve(heap, reserve);
	pyprivate_leave(heap);
	return 0;

no_memory:
	pyprivate_leave(heap);
	return -ENOMEM;
}
EXPORT_SYMBOL_GPL(pyheap_reserve);

/**
 * pyreserve_exit() - promise nothing any more
 * @heap: the heap, which nobody uses any more
 *
 * Context: Process, with pyheaps_lock.
 */
void pyreserve_exit(struct pyheap *heap)
{
	struct pyreserve *reserve;

	irq_work_sync(&unshut_irq_work);
	while ((reserve = heap->reserves)) {
		heap->reserves = reserve->next;
		free_reserve(heap, reserve);
	}
	atomic_set(&heap->short_of, 0);
}

/**
 * pyreserve_stop() - wait for what works by itself
 *
 * Context: Process, after the last private heap.
 */
void pyreserve_stop(void)
{
	irq_work_sync(&unshut_irq_work);
	cancel_work_sync(&unshut_work);
}
