// SPDX-License-Identifier: GPL-2.0
/*
 * Fronts, where the fast path does not reach: refill, flush, and how large
 * an array may be.
 *
 * A stock begins without an array; each time it runs empty or full it gets
 * one twice as large, up to its class's largest.  While there is no memory for
 * one it works block by block at the pools.
 *
 * A refill fills half of the array, a flush empties the half that rested
 * longest, so that what goes to and fro has room both ways.  A second flush in
 * a row is a load that shrinks: it empties all of the array, or leaves it in
 * the node's depot, from where a refill takes it.  A refill does not go so far:
 * what it takes too much of is missing in the pools' place.  Blocks of another
 * node come in like all others and go home with a flush.
 *
 * Contexts: all, NMI included.  Preemption is off wherever a stock is used.
 * Lock order: busy, then interrupts, then a node's lock.
 */
#include <linux/irq_work.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "debug.h"
#include "depot.h"
#include "fault.h"
#include "front.h"
#include "link.h"
#include "quarantine.h"
#include "raw.h"
#include "reclaim.h"
#include "compat.h"

/* What a stock without an array points into: always empty, always full. */
static void *no_array[1];

static void reset_stock(struct pystock *stock)
{
	stock->top = no_array + 1;
	stock->end = no_array + 1;
	stock->slots_shift = 0;
}

/**
 * pyfront_of() - a CPU's front
 * @heap: the heap
 * @cpu: the CPU
 *
 * The one that a client's lock protects stands for the first CPU.
 *
 * Context: Any.
 * Return: the front, or NULL: there is none, or none yet.
 */
struct pyfront *pyfront_of(const struct pyheap *heap, int cpu)
{
	if (heap->is_locked)
		return cpu == cpumask_first(cpu_possible_mask) ?
		       READ_ONCE(heap->own_front) : NULL;
	return heap->front ? per_cpu_ptr(heap->front, cpu) : NULL;
}

static unsigned int class_of(struct pyfront *front, struct pystock *stock)
{
	return stock - front->stock;
}

/* === Accounts === */

/**
 * pyfront_fold() - add what the domains gained or lost at a stock to the totals
 * @heap: the heap
 * @stock: a stock of this CPU's, or of one that is gone
 * @class: its class
 *
 * From the totals the domains' peaks are seen.
 *
 * Context: Any, with preemption off and the stock entered.
 */
void pyfront_fold(struct pyheap *heap, struct pystock *stock,
		  unsigned int class)
{
	size_t size = pyheap_class(heap, class)->size;
	unsigned int i;

	for (i = 0; i < PYFRONT_DOMAINS; i++)
		pyfront_fold_domain(heap, i, local_read(&stock->mallocs[i]) -
				    pystock_frees(stock, i),
				    &stock->folded[i], size);
}

/* === Moving batches === */

/* Gives the @n blocks that rested longest back to the pools. */
static unsigned int flush(struct pystock *stock, unsigned int n,
			  unsigned long caller)
{
	void **first = pystock_floor(stock) + 1;
	unsigned int kept;

	n = pyheap_put(n, first, caller);
	local_sub(n, &stock->brought);
	kept = pystock_count(stock) - n;
	memmove(first, first + n, kept * sizeof(*first));
	stock->top = first + kept;
	return n;
}

/* === The size of arrays === */

/* Empties a stock and takes its array away. */
static void dismantle(struct pystock *stock)
{
	void *array = pystock_floor(stock);

	if (!stock->slots_shift)
		return;
	flush(stock, pystock_count(stock), _THIS_IP_);
	pydepot_free_array(array, pystock_slots(stock));
	reset_stock(stock);
}

/*
 * With a client's lock nothing is gained by long arrays but the node's lock, and
 * what is in them is missing in the pools.
 */
#define LOCKED_MAX_SHIFT	3

static bool is_largest(struct pyheap *heap, struct pyfront *front,
		       struct pystock *stock)
{
	if (heap->is_locked && stock->slots_shift >= LOCKED_MAX_SHIFT)
		return true;
	return stock->slots_shift ==
	       pyheap_class(heap, class_of(front, stock))->slots_shift;
}

/* A node where blocks are only freed may have nothing: any node's will do. */
static void **take_array_memory(struct pyheap *heap, struct pynode *node,
				size_t bytes)
{
	void **array = pyheap_take_meta(node, bytes, false);
	int nid;

	for_each_online_node(nid)
		if (!array && nid != node->nid)
			array = pyheap_take_meta(heap->node[nid], bytes,
						 false);
	return array;
}

/**
 * pyfront_grow() - double the array of a stock, if there is memory
 * @heap: the heap
 * @node: the state of this CPU's node
 * @front: this CPU's front
 * @stock: a stock of it, which the caller has entered
 *
 * Context: Any, with preemption off; in NMI it leaves things as they are.
 * Return: whether it is larger now.
 */
bool pyfront_grow(struct pyheap *heap, struct pynode *node,
		  struct pyfront *front, struct pystock *stock)
{
	unsigned int shift = stock->slots_shift ? stock->slots_shift + 1 :
			     PYARRAY_MIN_SHIFT;
	unsigned int n = pystock_count(stock);
	void **old = pystock_floor(stock);
	void **array;

	if (is_largest(heap, front, stock) || in_nmi())
		return false;
	array = take_array_memory(heap, node, sizeof(*array) << shift);
	if (!array)
		return false;
	array[0] = NULL;
	memcpy(array + 1, old + 1, n * sizeof(*array));
	if (stock->slots_shift)
		pydepot_free_array(old, pystock_slots(stock));
	stock->top = array + 1 + n;
	stock->end = array + (1U << shift);
	stock->slots_shift = shift;
	return true;
}

/* === Allocation === */

/* Straight from the pools, past the stock. */
static void *take_one(struct pynode *node, struct pystock *stock,
		      unsigned int class, enum pymem_domain domain, bool dip)
{
	void *block;

	if (!pyheap_take(node, class, 1, &block, dip, 0))
		return NULL;
	local_inc(&stock->brought);
	local_inc(&stock->mallocs[PYFRONT_DOMAIN(domain)]);
	return block;
}

/*
 * Notes that an array is to be swapped with a depot.  A load that goes to and
 * fro at the array's end would swap it each time: after two turns in a short
 * time the answer is true, and half of the array should be flushed instead.
 */
static bool note_swap(struct pyfront *front, struct pystock *stock, bool take)
{
	u8 *swapped_at = &front->swapped_at[class_of(front, stock)];
	u8 mallocs = local_read(&stock->mallocs[0]) +
		     local_read(&stock->mallocs[1]);
	bool turn = stock->took != take &&
		    (u8)(mallocs - *swapped_at) <
		    pystock_slots(stock) / 4;
	bool again = turn && stock->turned;

	stock->took = take;
	stock->turned = turn;
	*swapped_at = mallocs;
	return again;
}

/* With the largest array, which is empty: changes it for a full one. */
static bool take_array(struct pyheap *heap, struct pynode *node,
		       struct pyfront *front, struct pystock *stock)
{
	unsigned int slots = pystock_slots(stock);
	void **array;

	if (heap->is_locked || !is_largest(heap, front, stock))
		return false;
	array = pydepot_take(node, class_of(front, stock), pystock_floor(stock));
	if (!array)
		return false;
	array[0] = NULL;
	stock->end = array + slots;
	stock->top = stock->end;
	note_swap(front, stock, true);
	local_add(slots - 1, &stock->brought);
	return true;
}

/* With the largest array, which is full: changes it for an empty one. */
static bool put_array_away(struct pyheap *heap, struct pynode *node,
			   struct pyfront *front, struct pystock *stock)
{
	unsigned int slots = pystock_slots(stock);
	void **array;

	if (!stock->flushed || heap->is_locked ||
	    !is_largest(heap, front, stock))
		return false;
	if (note_swap(front, stock, false)) {
		stock->flushed = false;
		return false;
	}
	array = pydepot_put(node, class_of(front, stock), pystock_floor(stock));
	if (!array)
		return false;
	array[0] = NULL;
	stock->end = array + slots;
	stock->top = array + 1;
	local_sub(slots - 1, &stock->brought);
	return true;
}

/*
 * Fills half of an empty array, from its first slot on: that is the floor's,
 * whose block goes out at once.
 */
static void *fill(struct pynode *node, struct pyfront *front,
		  struct pystock *stock, unsigned int class, bool dip)
{
	void **floor = pystock_floor(stock);
	unsigned int n;
	void *block;

	stock->flushed = false;
	n = pyheap_take(node, class, pystock_slots(stock) / 2, floor, dip,
			pyfront_random(front));
	if (!n)
		return NULL;
	local_add(n, &stock->brought);
	block = *floor;
	*floor = NULL;
	stock->top = floor + n;
	return block;
}

static void *refill(struct pyheap *heap, struct pynode *node,
		    struct pyfront *front, struct pystock *stock,
		    enum pymem_domain domain, bool dip)
{
	unsigned int class = class_of(front, stock);
	void *block = stock->top[-1];

	if (block) {
		stock->top--;
	} else if (take_array(heap, node, front, stock)) {
		block = *--stock->top;
	} else {
		pyfront_grow(heap, node, front, stock);
		if (!stock->slots_shift)
			return take_one(node, stock, class, domain, dip);
		block = fill(node, front, stock, class, dip);
	}
	if (block)
		local_inc(&stock->mallocs[PYFRONT_DOMAIN(domain)]);
	return block;
}

static void *malloc_here(struct pyheap *heap, struct pynode *node,
			 unsigned int class, enum pymem_domain domain,
			 bool dip)
{
	struct pyfront *front;
	struct pystock *stock;
	void *block;

	preempt_disable();
	front = pyfront_here(heap);
	stock = &front->stock[class];
	if (pystock_is_busy(stock) || node != pyheap_this_node(heap)) {
		block = take_one(node, stock, class, domain, dip);
	} else {
		pystock_enter(stock);
		block = refill(heap, node, front, stock, domain, dip);
		pyfront_fold(heap, stock, class);
		pystock_leave(stock);
	}
	preempt_enable();
	return block;
}

/* Of that node and that class and no other, as a front's need not be. */
static void *malloc_there(struct pyheap *heap, struct pynode *node,
			  unsigned int class, enum pymem_domain domain,
			  bool dip)
{
	struct pystock *stock;
	void *block;

	preempt_disable();
	stock = &pyfront_here(heap)->stock[pyclass_plain(class)];
	block = take_one(node, stock, class, domain, dip);
	preempt_enable();
	return block;
}

/* Block by block from the other nodes: first what they have. */
static void *malloc_elsewhere(struct pyheap *heap, struct pynode *home,
			      unsigned int class, gfp_t gfp,
			      enum pymem_domain domain)
{
	void *block = NULL;
	int nid;

	for_each_online_node(nid) {
		if (nid != home->nid)
			block = malloc_there(heap, heap->node[nid], class,
					     domain, false);
		if (block)
			return block;
	}
	for_each_online_node(nid)
		if (nid != home->nid &&
		    pyarena_add(heap->node[nid], gfp, PYARENA_PAGES))
			return malloc_there(heap, heap->node[nid], class,
					    domain, false);
	return NULL;
}

/**
 * pyfront_malloc() - allocate where the fast path found nothing
 * @heap: the heap
 * @step: the request in steps of 8 bytes
 * @gfp: the caller's
 * @domain: mem or object
 * @nid: the node to take it from, or NUMA_NO_NODE
 *
 * Context: Any.  May sleep if @gfp allows.
 * Return: a block, its bytes as they were; or NULL, when no arena could be
 * had, or might not be taken here and the reserve is used up as well.
 */
void *pyfront_malloc(struct pyheap *heap, unsigned int step, gfp_t gfp,
		     enum pymem_domain domain, int nid)
{
	unsigned int class = heap->classes->of_step[step];
	bool may_take = pyarena_may_take(gfp);
	struct pynode *node;
	void *block;

	node = nid == NUMA_NO_NODE ? pyheap_this_node(heap) : heap->node[nid];
	for (;;) {
		block = nid == NUMA_NO_NODE ?
			malloc_here(heap, node, class, domain, !may_take) :
			malloc_there(heap, node, class, domain, !may_take);
		if (!may_take) {
			pyreclaim_want_reserve(node, !block);
			return block;
		}
		if (block && likely(!READ_ONCE(node->wants_arena)))
			return block;
		WRITE_ONCE(node->wants_arena, false);
		if (!block && pydepot_outgrow(node, gfp))
			continue;
		if (pyarena_add(node, gfp, PYARENA_PAGES) && !block)
			continue;
		if (!block)
			block = malloc_elsewhere(heap, node, class, gfp,
						 domain);
		if (block || !pyarena_add(node, gfp, PYARENA_VMALLOC))
			return block;
	}
}

/* === Blocks that sampling picked === */

/**
 * pyfront_malloc_sampled() - allocate a block whose free will be seen
 * @heap: the heap
 * @node: the node to take it from
 * @class: the size class
 * @gfp: the caller's
 * @domain: mem or object
 *
 * Context: Any; does not sleep.
 * Return: a block, or NULL.
 */
void *pyfront_malloc_sampled(struct pyheap *heap, struct pynode *node,
			     unsigned int class, gfp_t gfp,
			     enum pymem_domain domain)
{
	bool may_take = pyarena_may_take(gfp);
	void *block;

	class += PYSAMPLED_FIRST;
	block = malloc_there(heap, node, class, domain, !may_take);
	if (!may_take)
		pyreclaim_want_reserve(node, !block);
	gfp = (gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_NOWARN;
	if (!block && may_take && pyarena_add(node, gfp, PYARENA_PAGES))
		block = malloc_there(heap, node, class, domain, false);
	return block;
}

/**
 * pyfront_return() - put a block back as if it had never been asked for
 * @heap: the heap
 * @class: its size class
 * @domain: who asked
 * @block: the block
 *
 * Context: Any.
 */
void pyfront_return(struct pyheap *heap, unsigned int class,
		    enum pymem_domain domain, void *block)
{
	struct pystock *stock;

	preempt_disable();
	stock = &pyfront_here(heap)->stock[class];
	local_dec(&stock->mallocs[PYFRONT_DOMAIN(domain)]);
	if (!pystock_is_busy(stock) && stock->top != stock->end) {
		pystock_enter(stock);
		*stock->top = block;
		barrier();
		stock->top++;
		pystock_leave(stock);
	} else {
		local_dec(&stock->brought);
		if (!pyheap_put(1, &block, _RET_IP_))
			pyfront_park(block, _RET_IP_);
	}
	preempt_enable();
}

/* === Freeing === */

/*
 * Blocks that were freed in an NMI while the CPU was at the pool's node or
 * at the stock: in a chain, until an irq_work gives them back.
 */
static bool may_be_parked(const void *ptr)
{
	return pymap_code(ptr) || pymap_lookup(ptr) & PYMAP_CODE_MASK;
}

static void drain_parked_work(struct irq_work *work)
{
	pyfront_drain_parked();
}

static DEFINE_IRQ_WORK(parked_work, drain_parked_work);

static struct pychain parked = {
	.is_block	= may_be_parked,
	.work		= &parked_work,
};

/**
 * pyfront_park() - have a block wait until it can go back to its pool
 * @block: the block, of which the first word may be written
 * @caller: whom to name if it waits there already
 *
 * Context: Any.
 */
void pyfront_park(void *block, unsigned long caller)
{
	if (!pychain_add(&parked, block, caller))
		atomic_long_inc(&pyheap_default.false_frees);
}

/* What is decorated has not rested yet. */
static void give_back(void *block, unsigned long caller)
{
	u32 entry = pymap_lookup(block);
	unsigned int class = pymap_class(entry);

	struct pyheap *heap = pyheap_of(entry);

	if (pyclass_code_is_decorated(entry & PYMAP_CODE_MASK)) {
		pyquarantine_put(heap, class - PYDECORATED_FIRST, block,
				 caller);
		return;
	}
	/* A link was written to what nothing should be written to. */
	if (heap && heap->ctor)
		heap->ctor(block);
	pyheap_put(1, &block, caller);
}

/**
 * pyfront_drain_parked() - give parked blocks back to their pools
 *
 * Context: Any but NMI.
 */
void pyfront_drain_parked(void)
{
	void *block = pychain_take(&parked), *next;

	for (; block; block = next) {
		next = pychain_next(&parked, block);
		pysan_forget(block);
		give_back(block, _RET_IP_);
	}
}

/**
 * pyfront_flush_parked() - wait until no block waits any more
 *
 * Context: Process, while nobody frees; one at a time.
 */
void pyfront_flush_parked(void)
{
	irq_work_sync(&parked_work);
	pyfront_drain_parked();
}

/* Straight to the pool, past the stock. */
static void put_one(struct pystock *stock, enum pymem_domain domain,
		    void *block, unsigned long caller)
{
	pystock_count_frees(stock, domain, 1);
	local_dec(&stock->brought);
	if (!pyheap_put(1, &block, caller))
		pyfront_park(block, caller);
}

static void put_or_flush(struct pyheap *heap, struct pyfront *front,
			 struct pystock *stock, enum pymem_domain domain,
			 void *block, unsigned long caller)
{
	struct pynode *node = pyheap_this_node(heap);

	if (stock->top == stock->end &&
	    !put_array_away(heap, node, front, stock) &&
	    !pyfront_grow(heap, node, front, stock)) {
		unsigned int n = pystock_count(stock);

		flush(stock, stock->flushed ? n : (n + 1) / 2, caller);
		stock->flushed = true;
	}
	if (stock->top == stock->end) {
		put_one(stock, domain, block, caller);
		return;
	}
	pyheap_hide(block);
	*stock->top++ = block;
	pystock_count_frees(stock, domain, 1);
}

/*
 * What the fast path takes for a block is one here as well: it is looked at
 * when it goes to its pool.
 */
static enum pyalloc_mistake judge(struct pystock *stock, void *block)
{
	return likely(pystock_is_start(stock, block)) ? PYALLOC_NO_MISTAKE :
	       pyheap_judge(block);
}

/**
 * pyfront_free() - free where the fast path did not
 * @heap: the heap
 * @class: the size class that the map has for @block
 * @domain: mem or object
 * @block: the block
 * @caller: whom to name if it is none
 *
 * Context: Any.
 */
void pyfront_free(struct pyheap *heap, unsigned int class,
		  enum pymem_domain domain, void *block, unsigned long caller)
{
	enum pyalloc_mistake mistake;
	struct pyfront *front;
	struct pystock *stock;

	preempt_disable();
	front = pyfront_here(heap);
	stock = &front->stock[class];
	mistake = judge(stock, block);
	if (mistake != PYALLOC_NO_MISTAKE) {
		/* Reported below. */
	} else if (pystock_is_busy(stock)) {
		put_one(stock, domain, block, caller);
	} else {
		pystock_enter(stock);
		if (stock->top[-1] == block)
			mistake = PYALLOC_DOUBLE_FREE;
		else
			put_or_flush(heap, front, stock, domain, block,
				     caller);
		pyfront_fold(heap, stock, class);
		pystock_leave(stock);
	}
	preempt_enable();
	if (mistake != PYALLOC_NO_MISTAKE)
		pydebug_report(mistake, block, pymap_lookup(block), caller);
}

/**
 * pyfront_free_sampled() - free a block of a pool of sampled ones
 * @heap: the heap
 * @class: its size class, as if it were not sampled
 * @domain: mem or object
 * @block: the block
 * @caller: whom to name if it is none
 *
 * Context: Any.
 */
void pyfront_free_sampled(struct pyheap *heap, unsigned int class,
			  enum pymem_domain domain, void *block,
			  unsigned long caller)
{
	enum pyalloc_mistake mistake = pyheap_judge(block);
	struct pystock *stock;

	if (mistake != PYALLOC_NO_MISTAKE) {
		pydebug_report(mistake, block, pymap_lookup(block), caller);
		return;
	}
	preempt_disable();
	stock = &pyfront_here(heap)->stock[class];
	if (pysan_forget(block)) {
		pyheap_hide(block);
		put_one(stock, domain, block, caller);
	} else {
		pystock_count_frees(stock, domain, 1);
		local_dec(&stock->brought);
		pyfront_park(block, caller);
	}
	preempt_enable();
}

/**
 * pyfront_free_later() - free where not even kmemleak can be told of it
 * @heap: the heap
 * @class: the size class of @block
 * @domain: mem or object
 * @block: a live block
 * @caller: whom to name if it is none
 *
 * Context: Any.
 */
void pyfront_free_later(struct pyheap *heap, unsigned int class,
			enum pymem_domain domain, void *block,
			unsigned long caller)
{
	struct pystock *stock;

	preempt_disable();
	stock = &pyfront_here(heap)->stock[class];
	pystock_count_frees(stock, domain, 1);
	local_dec(&stock->brought);
	pyfront_park(block, caller);
	preempt_enable();
}

/* === Draining === */

static void drain_stock(struct pyheap *heap, struct pyfront *front,
			struct pystock *stock)
{
	pystock_enter(stock);
	dismantle(stock);
	pyfront_fold(heap, stock, class_of(front, stock));
	pystock_leave(stock);
}

static void drain_front(struct pyheap *heap, struct pyfront *front)
{
	unsigned int class;

	for (class = 0; class < heap->classes->nr; class++)
		drain_stock(heap, front, &front->stock[class]);
}

/**
 * pyfront_drain_all() - empty all fronts into the pools
 * @heap: the heap, which nobody uses any more
 *
 * Context: Process.
 */
void pyfront_drain_all(struct pyheap *heap)
{
	struct pyfront *front;
	int cpu;

	for_each_possible_cpu(cpu) {
		front = pyfront_of(heap, cpu);
		if (front)
			drain_front(heap, front);
	}
}

/**
 * pyfront_drain_this() - empty this CPU's front into the pools
 * @heap: the heap
 *
 * Context: Process, on a thread that stays on its CPU; one stock at a time
 * with preemption off.
 */
void pyfront_drain_this(struct pyheap *heap)
{
	struct pyfront *front;
	unsigned int class;

	/* What a client's lock protects is not for us to touch. */
	if (heap->is_locked || !READ_ONCE(heap->front))
		return;
	for (class = 0; class < heap->classes->nr; class++) {
		preempt_disable();
		front = pyfront_here(heap);
		drain_stock(heap, front, &front->stock[class]);
		preempt_enable();
	}
}

/**
 * pyfront_drain_dead() - empty the front of a CPU that is gone
 * @heap: the heap
 * @cpu: the CPU, which is offline
 *
 * Context: Process.
 */
void pyfront_drain_dead(struct pyheap *heap, unsigned int cpu)
{
	if (heap->is_locked || !READ_ONCE(heap->front))
		return;
	drain_front(heap, per_cpu_ptr(heap->front, cpu));
}

/* === Making and unmaking === */

/**
 * pyfront_bytes() - what a heap's fronts take
 * @heap: the heap
 *
 * Context: Any.
 * Return: bytes over all CPUs, without the arrays, which are blocks.
 */
size_t pyfront_bytes(const struct pyheap *heap)
{
	size_t bytes = pyfront_size(heap->classes->nr);

	if (heap->is_locked)
		return heap->own_front ? bytes : 0;
	if (!heap->front)
		return 0;
	if (heap == &pyheap_default)
		bytes += sizeof(pyfront_by_step) + sizeof(pyfront_by_code) +
			 sizeof(pyfront_by_class);
	return num_possible_cpus() * bytes;
}

DEFINE_PER_CPU(struct pystock *, pyfront_by_step[PYALLOC_STEPS]);
EXPORT_PER_CPU_SYMBOL_GPL(pyfront_by_step);
DEFINE_PER_CPU(struct pystock *, pyfront_by_code[PYMAP_CODES]);
DEFINE_PER_CPU(struct pystock *, pyfront_by_class[PYCLASS_MAX]);

/* Where a closed fast path leads: it turns back before it writes. */
static struct pystock closed_stock = { .busy = 1 };

static void open_cpu(struct pyheap *heap, int cpu)
{
	struct pyfront *front = per_cpu_ptr(heap->front, cpu);
	unsigned int step, code, class;

	for (step = 0; step < PYALLOC_STEPS; step++)
		WRITE_ONCE(per_cpu(pyfront_by_step[step], cpu),
			   &front->stock[heap->classes->of_step[step]]);
	for (code = 0; code < PYMAP_CODES; code++) {
		class = code - 1;
		WRITE_ONCE(per_cpu(pyfront_by_code[code], cpu),
			   class < heap->classes->nr ? &front->stock[class] :
						       &closed_stock);
	}
}

/**
 * pyfront_open() - let the fast path be taken again
 *
 * Context: Process; each CPU may be in the middle of a call.
 */
void pyfront_open(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		open_cpu(&pyheap_default, cpu);
}

/**
 * pyfront_close() - lead every call of the default heap off the fast path
 *
 * Context: As pyfront_open().  What has begun is over after a grace period.
 */
void pyfront_close(void)
{
	unsigned int i;
	int cpu;

	for_each_possible_cpu(cpu) {
		for (i = 0; i < PYALLOC_STEPS; i++)
			WRITE_ONCE(per_cpu(pyfront_by_step[i], cpu),
				   &closed_stock);
		for (i = 0; i < PYMAP_CODES; i++)
			WRITE_ONCE(per_cpu(pyfront_by_code[i], cpu),
				   &closed_stock);
	}
}

static void fill_by_class(struct pyheap *heap, int cpu)
{
	struct pyfront *front = per_cpu_ptr(heap->front, cpu);
	unsigned int class;

	for (class = 0; class < heap->classes->nr; class++)
		per_cpu(pyfront_by_class[class], cpu) = &front->stock[class];
}

static void init_front(struct pyheap *heap, struct pyfront *front)
{
	const struct pyclass *class;
	unsigned int i;

	front->random = get_random_u32() | 1;
	for (i = 0; i < heap->classes->nr; i++) {
		class = pyheap_class(heap, i);
		reset_stock(&front->stock[i]);
		front->stock[i].reciprocal = class->reciprocal;
		front->stock[i].mask =
			(class->granules << PYGRANULE_SHIFT) - 1;
	}
}

static struct pyfront __percpu *make_fronts(struct pyheap *heap, gfp_t gfp)
{
	struct pyfront __percpu *front = NULL;
	int cpu;

	if (!pyfault_strikes(PYFAULT_FRONTS))
		front = __alloc_percpu_gfp(pyfront_size(heap->classes->nr),
					   __alignof__(struct pyfront), gfp);
	if (front)
		for_each_possible_cpu(cpu)
			init_front(heap, per_cpu_ptr(front, cpu));
	return front;
}

/**
 * pyfront_init() - make the default heap's fronts, empty
 * @heap: the heap, with its classes set
 *
 * Context: Process.
 * Return: 0 or -ENOMEM.
 */
int pyfront_init(struct pyheap *heap)
{
	int cpu;

	heap->front = make_fronts(heap, GFP_KERNEL);
	if (!heap->front)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		fill_by_class(heap, cpu);
		open_cpu(heap, cpu);
	}
	return 0;
}

/* === Private heaps === */

/*
 * Where a private heap's fast path leads while it is closed: stocks that are
 * busy, and as empty as they are full for who does not ask.
 */
static struct pyfront __percpu *shut_fronts;
static struct pyfront *shut_own_front;

static void lead_own(struct pyheap *heap, struct pyfront *front)
{
	unsigned int i, class;

	for (i = 0; i < PYALLOC_STEPS; i++)
		WRITE_ONCE(heap->own->by_step[i],
			   &front->stock[heap->classes->of_step[i]]);
	for (i = 0; i < PYMAP_CODES; i++) {
		class = i - PYMAP_CLOSED - 1;
		WRITE_ONCE(heap->own->by_code[i],
			   class < heap->classes->nr ? &front->stock[class] :
						       shut_own_front->stock);
	}
}

/**
 * pyfront_shut() - lead every call of a private heap off the fast path
 * @heap: the heap
 *
 * Context: Any, with the heap's way_lock, or before anybody knows the heap.
 * What has begun is over after a grace period.
 */
void pyfront_shut(struct pyheap *heap)
{
	WRITE_ONCE(heap->is_open, false);
	WRITE_ONCE(heap->open, shut_fronts);
	if (heap->is_locked)
		lead_own(heap, shut_own_front);
}

/**
 * pyfront_unshut() - let the fast path of a private heap be taken
 * @heap: the heap, which has fronts
 *
 * Context: Any, with the heap's way_lock.
 */
void pyfront_unshut(struct pyheap *heap)
{
	WRITE_ONCE(heap->is_open, true);
	if (heap->front)
		WRITE_ONCE(heap->open, heap->front);
	if (heap->own_front)
		lead_own(heap, heap->own_front);
}

static bool make_own_front(struct pyheap *heap, gfp_t gfp)
{
	struct pyfront *front = NULL;

	if (!pyfault_strikes(PYFAULT_FRONTS))
		front = kzalloc(pyfront_size(heap->classes->nr), gfp);
	if (!front)
		return false;
	init_front(heap, front);
	/* Its client's lock keeps others off, but who only looks. */
	smp_store_release(&heap->own_front, front);
	return true;
}

/**
 * pyfront_make() - make a private heap's fronts as it is first used
 * @heap: the heap
 * @gfp: the caller's
 *
 * Context: Any.  May sleep if @gfp allows.
 * Return: false: no memory, or it may not be had here.
 */
bool pyfront_make(struct pyheap *heap, gfp_t gfp)
{
	struct pyfront __percpu *front;

	if (!pyarena_may_take(gfp))
		return false;
	gfp = (gfp & (__GFP_RECLAIM | __GFP_IO | __GFP_FS)) | __GFP_NOWARN;
	if (heap->is_locked)
		return make_own_front(heap, gfp);
	/* Percpu memory is had by GFP_KERNEL or by what does not sleep. */
	if ((gfp & GFP_KERNEL) != GFP_KERNEL)
		gfp = GFP_NOWAIT | __GFP_NOWARN;
	front = make_fronts(heap, gfp);
	if (!front)
		return false;
	/* Pairs with the dependency of who uses it. */
	if (cmpxchg(&heap->front, NULL, front))
		free_percpu(front);
	return true;
}
EXPORT_SYMBOL_GPL(pyfront_make);

static void make_shut(struct pyfront *front)
{
	unsigned int i;

	for (i = 0; i < PYCLASS_MAX; i++) {
		reset_stock(&front->stock[i]);
		front->stock[i].busy = 1;
	}
}

/**
 * pyfront_init_private() - make ready for private heaps
 *
 * Context: Process, before the first of them.
 * Return: 0 or -ENOMEM.
 */
int __init pyfront_init_private(void)
{
	int cpu;

	if (pyfault_strikes(PYFAULT_FRONTS))
		return -ENOMEM;
	shut_fronts = __alloc_percpu(pyfront_size(PYCLASS_MAX),
				     __alignof__(struct pyfront));
	shut_own_front = kzalloc(pyfront_size(PYCLASS_MAX), GFP_KERNEL);
	if (!shut_fronts || !shut_own_front) {
		pyfront_exit_private();
		return -ENOMEM;
	}
	for_each_possible_cpu(cpu)
		make_shut(per_cpu_ptr(shut_fronts, cpu));
	make_shut(shut_own_front);
	return 0;
}

/**
 * pyfront_exit_private() - after the last private heap
 *
 * Context: Process.
 */
void pyfront_exit_private(void)
{
	free_percpu(shut_fronts);
	kfree(shut_own_front);
}

/**
 * pyfront_exit() - take a heap's fronts down
 * @heap: the heap, whose blocks go with its arenas
 *
 * Context: Process.
 */
void pyfront_exit(struct pyheap *heap)
{
	pyfront_flush_parked();
	pyfront_shut(heap);
	free_percpu(heap->front);
	kfree(heap->own_front);
	heap->front = NULL;
	heap->own_front = NULL;
}
