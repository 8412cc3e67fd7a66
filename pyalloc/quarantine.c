// SPDX-License-Identifier: GPL-2.0
/*
 * The quarantine: decorated blocks rest between free and the next malloc, so
 * that what is written to them meanwhile is still there to be seen.
 *
 * Blocks of pools rest in a ring a class on each CPU, where each one that comes
 * in pushes the oldest out; these are ready to be handed out again, and as
 * many as there are too many of go back to their pools.  Blocks of raw rest in
 * one queue.  How much may rest is bounded in bytes: on each CPU for the
 * former, in all for the latter.  Whoever leaves is looked at.
 *
 * Contexts: all, NMI included; raw's queue in all but NMI.  Preemption is off
 * wherever a ring is used.
 * Lock order: busy, then a node's lock; the queue's lock is innermost.
 */
#include <linux/export.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "fault.h"
#include "hook.h"
#include "quarantine.h"
#include "raw.h"
#include "reclaim.h"
#include "compat.h"

/* How much may rest on each CPU, and of raw in all. */
unsigned int pyquarantine_kib __ro_after_init = 256;
EXPORT_SYMBOL_GPL(pyquarantine_kib);

#define BATCH	(PYQUARANTINE_READY / 2)

/* Decorated blocks are aligned to 16 bytes, and have 24 at least. */
static bool is_used(const struct pyclass *class)
{
	return class->size >= 32 && IS_ALIGNED(class->size, 16);
}

/* === Accounts === */

/* As pyfront_fold(), for decorated blocks.  With preemption off. */
static void fold(struct pyheap *heap, struct pyquarantine *rest,
		 unsigned int class)
{
	size_t size = pyheap_class(heap, class)->size;
	unsigned int i;

	for (i = 0; i < PYFRONT_DOMAINS; i++)
		pyfront_fold_domain(heap, i, local_read(&rest->mallocs[i]) -
				    local_read(&rest->frees[i]),
				    &rest->folded[i], size);
}

/* === Blocks of pools: out === */

/* Without an array of its own to swap: half of what may be ready. */
static void *refill(struct pyheap *heap, struct pynode *node,
		    unsigned int class, bool dip)
{
	struct pyquarantine *rest = pyquarantine_here(heap, class);
	void *block = NULL;
	size_t n;

	if (!pyquarantine_enter(rest)) {
		pyheap_take(node, class + PYDECORATED_FIRST, 1, &block, dip, 0);
		return block;
	}
	n = rest->top - rest->ready - 1;
	if (!n)
		n = pyheap_take(node, class + PYDECORATED_FIRST, BATCH,
				rest->ready + 1, dip,
				pyfront_random(pyfront_here(heap)));
	if (n) {
		block = rest->ready[n];
		rest->top = rest->ready + n;
	}
	fold(heap, rest, class);
	pyquarantine_leave(rest);
	return block;
}

/* A ring has blocks of all nodes: one that has to be @exact is the pools'. */
static void *take_here(struct pyheap *heap, struct pynode *node,
		       unsigned int class, bool dip, bool exact)
{
	void *block = NULL;

	preempt_disable();
	if (!exact && node == pyheap_this_node(heap))
		block = refill(heap, node, class, dip);
	else
		pyheap_take(node, class + PYDECORATED_FIRST, 1, &block, dip, 0);
	preempt_enable();
	return block;
}

static void *take_elsewhere(struct pyheap *heap, struct pynode *home,
			    unsigned int class, gfp_t gfp)
{
	struct pynode *node;
	void *block = NULL;
	int nid;

	for_each_online_node(nid) {
		node = heap->node[nid];
		if (node == home)
			continue;
		block = take_here(heap, node, class, false, true);
		if (!block && pyarena_add(node, gfp, PYARENA_PAGES))
			block = take_here(heap, node, class, false, true);
		if (block)
			break;
	}
	return block;
}

/**
 * pyquarantine_take() - a free block, where none is ready
 * @heap: the heap
 * @class: the size class, as for a block that is not decorated
 * @gfp: the caller's
 * @nid: the node to take it from, or NUMA_NO_NODE
 *
 * Context: Any.  May sleep if @gfp allows.
 * Return: the block, which nobody looked at yet; or NULL.
 */
void *pyquarantine_take(struct pyheap *heap, unsigned int class, gfp_t gfp,
			int nid)
{
	struct pynode *node = nid == NUMA_NO_NODE ? pyheap_this_node(heap) :
						    heap->node[nid];
	bool may_take = pyarena_may_take(gfp);
	void *block;

	for (;;) {
		block = take_here(heap, node, class, !may_take,
				  nid != NUMA_NO_NODE);
		if (!may_take) {
			pyreclaim_want_reserve(node, !block);
			return block;
		}
		if (block)
			return block;
		if (pyarena_add(node, gfp, PYARENA_PAGES))
			continue;
		block = take_elsewhere(heap, node, class, gfp);
		if (block || !pyarena_add(node, gfp, PYARENA_VMALLOC))
			return block;
	}
}

/* === Blocks of pools: in === */

/* What is still as it was left goes to its pool, the rest nowhere. */
static void give_back(struct pyheap *heap, unsigned int class, void **blocks,
		      size_t n, unsigned long caller)
{
	size_t room = pyheap_class(heap, class)->size;
	size_t i, sound = 0, done;

	for (i = 0; i < n; i++) {
		if (likely(pyhook_is_dead(blocks[i], room)))
			blocks[sound++] = blocks[i];
		else
			pyhook_keep_dead(heap, class, blocks[i], caller);
	}
	done = pyheap_put(sound, blocks, caller);
	for (; done < sound; done++)
		pyfront_park(blocks[done], caller);
}

/* The oldest of those that are ready. */
static size_t take_ready(struct pyquarantine *rest, void **blocks, size_t most)
{
	size_t n = rest->top - rest->ready - 1, some = min(n, most);

	memcpy(blocks, rest->ready + 1, some * sizeof(*blocks));
	memmove(rest->ready + 1, rest->ready + 1 + some,
		(n - some) * sizeof(*blocks));
	rest->top -= some;
	return some;
}

/**
 * pyquarantine_put() - have a block rest, where there may be no room
 * @heap: the heap
 * @class: the size class, as for a block that is not decorated
 * @block: the block, with nothing but dead bytes in it
 * @caller: whom to name if it is none
 *
 * Context: Any.
 */
void pyquarantine_put(struct pyheap *heap, unsigned int class, void *block,
		      unsigned long caller)
{
	struct pyquarantine *rest;
	void *out[BATCH + 1];
	size_t n = 0;

	preempt_disable();
	rest = pyquarantine_here(heap, class);
	if (pyquarantine_enter(rest)) {
		if (!pyquarantine_has_room(rest))
			n = take_ready(rest, out, BATCH);
		fold(heap, rest, class);
		pyquarantine_leave(rest);
	}
	if (!pyquarantine_push(rest, block))
		out[n++] = block;
	preempt_enable();
	give_back(heap, class, out, n, caller);
}

/* === Draining === */

static size_t take_resting(struct pyquarantine *rest, void **blocks,
			   size_t most)
{
	size_t n = 0;
	void **slot;

	while (n < most && rest->resting) {
		slot = rest->at++;
		if (rest->at == rest->end)
			rest->at = rest->ring;
		if (!*slot)
			continue;
		blocks[n++] = *slot;
		*slot = NULL;
		rest->resting--;
	}
	return n;
}

static size_t take_some(struct pyheap *heap, struct pyquarantine *rest,
			unsigned int class, void **blocks, size_t most)
{
	size_t n;

	if (!pyquarantine_enter(rest))
		return 0;
	n = take_ready(rest, blocks, most);
	n += take_resting(rest, blocks + n, most - n);
	fold(heap, rest, class);
	pyquarantine_leave(rest);
	return n;
}

#define DRAIN_BATCH	32

/**
 * pyquarantine_drain() - give what rests on a CPU back to the pools
 * @heap: the heap
 * @cpu: the CPU, which is the one that this thread stays on, or is offline
 *
 * Context: Process.
 */
void pyquarantine_drain(struct pyheap *heap, unsigned int cpu)
{
	struct pyquarantine *rest;
	void *blocks[DRAIN_BATCH];
	unsigned int class;
	size_t n;

	for (class = 0; heap->quarantine && class < heap->classes->nr; class++) {
		rest = per_cpu_ptr(heap->quarantine, cpu) + class;
		do {
			preempt_disable();
			n = take_some(heap, rest, class, blocks, DRAIN_BATCH);
			preempt_enable();
			give_back(heap, class, blocks, n, _THIS_IP_);
		} while (n);
	}
}

/**
 * pyquarantine_drain_all() - give what rests back to the pools
 * @heap: the heap, which nobody uses any more
 *
 * Context: Process.
 */
void pyquarantine_drain_all(struct pyheap *heap)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		pyquarantine_drain(heap, cpu);
}

/**
 * pyquarantine_check_this() - look at each block that rests on this CPU
 * @heap: the heap
 * @visit: called for each block, with preemption off
 * @data: for @visit
 *
 * Context: Process, on a thread that stays on its CPU.
 */
void pyquarantine_check_this(struct pyheap *heap,
			     void (*visit)(struct pyheap *heap, void *block,
					   unsigned int class, void *data),
			     void *data)
{
	struct pyquarantine *rest;
	unsigned int class;
	void **slot;

	for (class = 0; heap->quarantine && class < heap->classes->nr; class++) {
		if (!is_used(pyheap_class(heap, class)))
			continue;
		preempt_disable();
		rest = pyquarantine_here(heap, class);
		/* Interrupts leave it alone meanwhile. */
		if (pyquarantine_enter(rest)) {
			for (slot = rest->ring; slot < rest->end; slot++)
				if (*slot)
					visit(heap, *slot, class, data);
			for (slot = rest->ready + 1; slot < rest->top; slot++)
				visit(heap, *slot, class, data);
			pyquarantine_leave(rest);
		}
		preempt_enable();
	}
}

/* === Blocks of raw === */

static LIST_HEAD(queue);
static size_t queue_bytes;
static DEFINE_RAW_SPINLOCK(queue_lock);

/* The one that rests longest, if more rest than @most bytes. */
static struct pyrecord *take_oldest(size_t most)
{
	struct pyrecord *record = NULL;
	unsigned long flags;

	raw_spin_lock_irqsave(&queue_lock, flags);
	if (queue_bytes > most) {
		record = list_first_entry(&queue, struct pyrecord, list);
		list_del(&record->list);
		queue_bytes -= record->size;
	}
	raw_spin_unlock_irqrestore(&queue_lock, flags);
	return record;
}

static void shrink_queue(size_t most)
{
	struct pyrecord *record;

	while ((record = take_oldest(most)))
		pyhook_release(record);
}

/**
 * pyquarantine_rest() - have a block of raw rest
 * @record: its record; the block has nothing but dead bytes
 *
 * What is larger than a quarter of all that may rest does not.
 *
 * Context: Any but NMI.
 */
void pyquarantine_rest(struct pyrecord *record)
{
	size_t most = (size_t)pyquarantine_kib << 10;
	unsigned long flags;

	if (record->size > most / 4) {
		pyhook_release(record);
		return;
	}
	raw_spin_lock_irqsave(&queue_lock, flags);
	list_add_tail(&record->list, &queue);
	queue_bytes += record->size;
	raw_spin_unlock_irqrestore(&queue_lock, flags);
	shrink_queue(most);
}

/**
 * pyquarantine_drain_raw() - free all blocks of raw that rest
 *
 * Context: Any but NMI.
 */
void pyquarantine_drain_raw(void)
{
	shrink_queue(0);
}

/**
 * pyquarantine_raw_bytes() - how much of raw rests
 *
 * Context: Any.
 * Return: bytes, as they were asked for.
 */
size_t pyquarantine_raw_bytes(void)
{
	return READ_ONCE(queue_bytes);
}
EXPORT_SYMBOL_GPL(pyquarantine_raw_bytes);

static size_t bytes_on(const struct pyheap *heap, int cpu)
{
	const struct pyquarantine *rest = per_cpu_ptr(heap->quarantine, cpu);
	unsigned int class;
	size_t bytes = 0;

	for (class = 0; class < heap->classes->nr; class++, rest++)
		bytes += pyquarantine_cached(rest) * rest->room;
	return bytes;
}

/**
 * pyquarantine_bytes() - how much rests, of the default heap and of raw
 *
 * Context: Any.
 * Return: bytes.
 */
size_t pyquarantine_bytes(void)
{
	size_t bytes = pyquarantine_raw_bytes();
	int cpu;

	if (!smp_load_acquire(&pyheap_default.quarantine))
		return bytes;
	for_each_possible_cpu(cpu)
		bytes += bytes_on(&pyheap_default, cpu);
	return bytes;
}

/* === Making and unmaking === */

static unsigned int used_classes(const struct pyheap *heap)
{
	unsigned int class, used = 0;

	for (class = 0; class < heap->classes->nr; class++)
		used += is_used(pyheap_class(heap, class));
	return used;
}

static size_t slots_of(const struct pyheap *heap, unsigned int class)
{
	size_t bytes = ((size_t)pyquarantine_kib << 10) / used_classes(heap);
	size_t size = pyheap_class(heap, class)->size;

	if (!is_used(pyheap_class(heap, class)))
		return 0;
	return clamp_t(size_t, bytes / size, 1, SZ_64K);
}

static size_t all_slots(const struct pyheap *heap)
{
	unsigned int class;
	size_t slots = 0;

	for (class = 0; class < heap->classes->nr; class++)
		slots += slots_of(heap, class);
	return slots;
}

DEFINE_PER_CPU(struct pyquarantine *, pyquarantine_by_step[PYQUARANTINE_STEPS]);
DEFINE_PER_CPU(struct pyquarantine *, pyquarantine_by_class[PYCLASS_MAX]);

/* Where a closed short way leads: it turns back before it writes. */
static struct pyquarantine closed = { .busy = 1 };

static void open_cpu(const struct pyheap *heap, int cpu, bool mallocs,
		     bool frees)
{
	struct pyquarantine *rest;
	unsigned int i;

	for (i = 0; i < PYQUARANTINE_STEPS; i++) {
		rest = &closed;
		if (mallocs)
			rest = per_cpu_ptr(heap->quarantine, cpu) +
			       heap->classes->of_step[i * PYQUARANTINE_STEP >>
						      PYALLOC_STEP_SHIFT];
		WRITE_ONCE(per_cpu(pyquarantine_by_step[i], cpu), rest);
	}
	for (i = 0; i < PYCLASS_MAX; i++) {
		rest = &closed;
		if (frees && i < heap->classes->nr)
			rest = per_cpu_ptr(heap->quarantine, cpu) + i;
		WRITE_ONCE(per_cpu(pyquarantine_by_class[i], cpu), rest);
	}
}

/**
 * pyquarantine_open() - let calls of the default heap take the short way
 * @mallocs: those that allocate
 * @frees: those that free
 *
 * Context: Process; each CPU may be in the middle of a call.
 */
void pyquarantine_open(bool mallocs, bool frees)
{
	int cpu;

	for_each_possible_cpu(cpu)
		open_cpu(&pyheap_default, cpu, mallocs, frees);
}

static void init_class(struct pyquarantine *rest, const struct pyclass *class)
{
	rest->top = rest->ready + 1;
	rest->room = class->size;
	rest->most = max_t(int, class->size - pyhook_overhead, 0);
	rest->reciprocal = class->reciprocal;
	rest->offset_mask = (class->granules << PYGRANULE_SHIFT) - 1;
}

static bool init_cpu(struct pyheap *heap, struct pyquarantine *rest)
{
	unsigned int class;
	void **ring;
	size_t slots;

	ring = pyfault_strikes(PYFAULT_QUARANTINE) ? NULL :
	       kvcalloc(all_slots(heap), sizeof(*ring), GFP_KERNEL);
	if (!ring)
		return false;
	for (class = 0; class < heap->classes->nr; class++, rest++) {
		slots = slots_of(heap, class);
		rest->ring = ring;
		rest->at = ring;
		rest->end = ring + slots;
		ring += slots;
		init_class(rest, pyheap_class(heap, class));
	}
	return true;
}

/* The first class's ring is where all of a CPU's rings begin. */
static void free_rings(struct pyquarantine __percpu *quarantine)
{
	int cpu;

	for_each_possible_cpu(cpu)
		kvfree(per_cpu_ptr(quarantine, cpu)->ring);
	free_percpu(quarantine);
}

/**
 * pyquarantine_init() - make a heap's quarantine, if it has none
 * @heap: the heap, with its classes set
 *
 * Context: Process, one at a time.
 * Return: 0 or -ENOMEM.
 */
int pyquarantine_init(struct pyheap *heap)
{
	struct pyquarantine __percpu *quarantine;
	int cpu;

	if (heap->quarantine)
		return 0;
	quarantine = __alloc_percpu(heap->classes->nr * sizeof(*quarantine),
				    __alignof__(*quarantine));
	if (!quarantine)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		if (init_cpu(heap, per_cpu_ptr(quarantine, cpu)))
			continue;
		free_rings(quarantine);
		return -ENOMEM;
	}
	/* Pairs with pyhook_is_on(): whoever sees that sees this. */
	smp_store_release(&heap->quarantine, quarantine);
	return 0;
}

/**
 * pyquarantine_exit() - take a heap's quarantine down
 * @heap: the heap, whose blocks go with its arenas
 *
 * Context: Process.
 */
void pyquarantine_exit(struct pyheap *heap)
{
	if (heap->quarantine)
		free_rings(heap->quarantine);
	heap->quarantine = NULL;
}

/**
 * pyquarantine_metadata_bytes() - what a heap's quarantine takes
 * @heap: the heap
 *
 * Context: Any.
 * Return: bytes over all CPUs, without the blocks.
 */
size_t pyquarantine_metadata_bytes(const struct pyheap *heap)
{
	if (!READ_ONCE(heap->quarantine))
		return 0;
	return num_possible_cpus() *
	       (heap->classes->nr * sizeof(struct pyquarantine) +
		all_slots(heap) * sizeof(void *));
}
