// SPDX-License-Identifier: GPL-2.0
/*
 * Fronts, where the fast path does not reach: refill, flush, and how large
 * an array may be.
 *
 * A stock begins without an array; each time it runs empty or full it may
 * get one twice as large, up to 63 blocks, as long as the arrays of its CPU
 * stay within what a CPU may hold back: 16 KiB, or 1/64 of the live bytes of
 * the node where that is more.  Beyond that room has to come from stocks
 * that were not used since they were last asked.  A stock without an array
 * works block by block at the pools.
 *
 * A refill fills half of the array, a flush empties the half that rested
 * longest.  Blocks of another node come in like all others and go home with
 * a flush.
 *
 * Contexts: all, NMI included.  Preemption is off wherever a stock is used.
 * Lock order: busy, then interrupts, then a node's lock.
 */
#include <linux/irq_work.h>
#include <linux/llist.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "debug.h"
#include "front.h"
#include "raw.h"
#include "reclaim.h"
#include "compat.h"

/* Arrays of 4 to 64 slots: blocks of the heap, of 32 to 512 bytes. */
#define MIN_SLOTS_SHIFT		2
#define MAX_SLOTS_SHIFT		6

/* What a CPU may hold back: so much, or this part of the live bytes. */
#define FRONT_BYTES		SZ_16K
#define FRONT_SHARE_SHIFT	6

/* How many other stocks are asked for room at a time. */
#define MAX_ASKED		4

/* What a stock without an array points into: always empty, always full. */
static void *no_array[1];

static void reset_stock(struct pystock *stock)
{
	stock->top = no_array + 1;
	stock->end = no_array + 1;
	stock->slots_shift = 0;
}

static unsigned int slots_of(const struct pystock *stock)
{
	return 1U << stock->slots_shift;
}

/* The slot with the NULL; blocks lie behind it. */
static void **floor_of(const struct pystock *stock)
{
	return stock->end - slots_of(stock);
}

static unsigned int count_of(const struct pystock *stock)
{
	return stock->top - floor_of(stock) - 1;
}

static size_t array_bytes(unsigned int slots_shift)
{
	return sizeof(void *) << slots_shift;
}

static unsigned int class_of(struct pyfront *front, struct pystock *stock)
{
	return stock - front->stock;
}

/* === Accounts === */

/*
 * Adds what the domains gained or lost at this stock since the last time to
 * the heap's totals, from which their peaks are seen.
 */
static void fold(struct pyheap *heap, struct pystock *stock,
		 unsigned int class)
{
	size_t size = pyheap_class(heap, class)->size;
	unsigned int i;
	long bytes;
	u32 live;

	for (i = 0; i < PYFRONT_DOMAINS; i++) {
		live = local_read(&stock->mallocs[i]) -
		       pystock_frees(stock, i);
		bytes = (long)(s32)(live - stock->folded[i]) * (long)size;
		stock->folded[i] = live;
		if (bytes)
			pyheap_add_bytes(heap, i + PYMEM_DOMAIN_MEM, bytes);
	}
}

/* === Moving batches === */

/* Gives the @n blocks that rested longest back to the pools. */
static unsigned int flush(struct pystock *stock, unsigned int n,
			  unsigned long caller)
{
	void **first = floor_of(stock) + 1;
	unsigned int kept;

	n = pyheap_put(n, first, caller);
	local_sub(n, &stock->brought);
	kept = count_of(stock) - n;
	memmove(first, first + n, kept * sizeof(*first));
	stock->top = first + kept;
	return n;
}

/* === The size of arrays === */

static size_t capacity_of(struct pyheap *heap, struct pyfront *front,
			  struct pystock *stock, unsigned int slots)
{
	return (slots - 1) *
	       (size_t)pyheap_class(heap, class_of(front, stock))->size;
}

static void put_array(void **array, unsigned int slots)
{
	if (want_init_on_free())
		memset(array, 0, slots * sizeof(*array));
	pyheap_put_meta(array);
}

/* Empties a stock and takes its array away; with interrupts off. */
static void dismantle(struct pyheap *heap, struct pyfront *front,
		      struct pystock *stock)
{
	void *array = floor_of(stock);

	if (!stock->slots_shift)
		return;
	flush(stock, count_of(stock), _THIS_IP_);
	put_array(array, slots_of(stock));
	front->capacity -= capacity_of(heap, front, stock, slots_of(stock));
	reset_stock(stock);
}

/* Has it been used since it was last asked? */
static bool was_used(struct pystock *stock)
{
	u8 uses = local_read(&stock->mallocs[0]) +
		  local_read(&stock->mallocs[1]) +
		  local_read(&stock->brought);
	u8 before = stock->uses;

	stock->uses = uses;
	return stock->uses != before;
}

/* Asks the next few stocks for theirs: one that was not used gives it up. */
static void make_room(struct pyheap *heap, struct pyfront *front)
{
	struct pystock *stock;
	unsigned int asked;

	for (asked = 0; asked < MAX_ASKED; asked++) {
		front->hand = (front->hand + 1) % heap->classes->nr;
		stock = &front->stock[front->hand];
		if (pystock_is_busy(stock) || !stock->slots_shift)
			continue;
		pystock_enter(stock);
		if (!was_used(stock))
			dismantle(heap, front, stock);
		pystock_leave(stock);
	}
}

static bool has_room(struct pyheap *heap, struct pynode *node,
		     struct pyfront *front, size_t more)
{
	size_t limit = max_t(size_t, FRONT_BYTES, READ_ONCE(node->live_bytes) >>
						  FRONT_SHARE_SHIFT);

	if (front->capacity + more <= limit)
		return true;
	make_room(heap, front);
	return front->capacity + more <= limit;
}

static bool double_array(struct pyheap *heap, struct pynode *node,
			 struct pyfront *front, struct pystock *stock)
{
	unsigned int shift = stock->slots_shift ? stock->slots_shift + 1 :
			     MIN_SLOTS_SHIFT;
	unsigned int n = count_of(stock);
	void **old = floor_of(stock);
	void **array;
	size_t more;

	if (shift > MAX_SLOTS_SHIFT)
		return false;
	more = capacity_of(heap, front, stock, 1U << shift) -
	       capacity_of(heap, front, stock, slots_of(stock));
	if (!has_room(heap, node, front, more))
		return false;
	array = pyheap_take_meta(node, array_bytes(shift), false);
	if (!array)
		return false;
	array[0] = NULL;
	memcpy(array + 1, old + 1, n * sizeof(*array));
	if (stock->slots_shift)
		put_array(old, slots_of(stock));
	stock->top = array + 1 + n;
	stock->end = array + (1U << shift);
	stock->slots_shift = shift;
	front->capacity += more;
	return true;
}

/*
 * Doubles the array of a stock, if there is room for that and memory.  The
 * front's account of its arrays is shared by all stocks, and so by who may
 * interrupt this one: interrupts wait, and an NMI does without.
 */
static bool grow(struct pyheap *heap, struct pynode *node,
		 struct pyfront *front, struct pystock *stock)
{
	unsigned long flags;
	bool grown;

	if (in_nmi())
		return false;
	local_irq_save(flags);
	grown = double_array(heap, node, front, stock);
	local_irq_restore(flags);
	return grown;
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

static void *refill(struct pyheap *heap, struct pynode *node,
		    struct pyfront *front, struct pystock *stock,
		    enum pymem_domain domain, bool dip)
{
	unsigned int class = class_of(front, stock);
	unsigned int n = count_of(stock);

	if (!n) {
		grow(heap, node, front, stock);
		if (!stock->slots_shift)
			return take_one(node, stock, class, domain, dip);
		n = pyheap_take(node, class, slots_of(stock) / 2, stock->top,
				dip, prandom_u32_state(&front->random));
		local_add(n, &stock->brought);
		stock->top += n;
	}
	if (!n)
		return NULL;
	local_inc(&stock->mallocs[PYFRONT_DOMAIN(domain)]);
	return *--stock->top;
}

static void *malloc_here(struct pyheap *heap, struct pynode *node,
			 unsigned int class, enum pymem_domain domain,
			 bool dip)
{
	struct pyfront *front;
	struct pystock *stock;
	void *block;

	preempt_disable();
	front = this_cpu_ptr(heap->front);
	stock = &front->stock[class];
	if (pystock_is_busy(stock) || node != pyheap_this_node(heap)) {
		block = take_one(node, stock, class, domain, dip);
	} else {
		pystock_enter(stock);
		block = refill(heap, node, front, stock, domain, dip);
		fold(heap, stock, class);
		pystock_leave(stock);
	}
	preempt_enable();
	return block;
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
		block = malloc_here(heap, node, class, domain, !may_take);
		if (!may_take)
			pyreclaim_want_reserve(node, !block);
		if (block || !may_take)
			return block;
		node = pyarena_add(heap, node->nid, gfp);
		if (!node)
			return NULL;
	}
}

/* Several blocks out of the stock; its busy mark is set here. */
static size_t pop_many(struct pystock *stock, size_t n, void **blocks)
{
	pystock_enter(stock);
	n = min_t(size_t, n, count_of(stock));
	stock->top -= n;
	memcpy(blocks, stock->top, n * sizeof(*blocks));
	pystock_leave(stock);
	return n;
}

static size_t malloc_many(struct pyheap *heap, struct pynode *node,
			  unsigned int class, enum pymem_domain domain,
			  bool dip, size_t n, void **blocks)
{
	struct pyfront *front;
	struct pystock *stock;
	size_t got = 0;

	preempt_disable();
	front = this_cpu_ptr(heap->front);
	stock = &front->stock[class];
	if (!pystock_is_busy(stock))
		got = pop_many(stock, n, blocks);
	if (!got) {
		got = pyheap_take(node, class, min_t(size_t, PYHEAP_BATCH,
						     rounddown_pow_of_two(n)),
				  blocks, dip,
				  prandom_u32_state(&front->random));
		local_add(got, &stock->brought);
	}
	local_add(got, &stock->mallocs[PYFRONT_DOMAIN(domain)]);
	preempt_enable();
	return got;
}

/**
 * pyfront_malloc_bulk() - allocate many blocks of one size
 * @heap: the heap
 * @step: the request in steps of 8 bytes
 * @gfp: the caller's
 * @domain: mem or object
 * @n: how many
 * @blocks: where to put them
 *
 * What the stock has, then batches straight from the pools.
 *
 * Context: Any.  May sleep if @gfp allows.
 * Return: how many it got.
 */
size_t pyfront_malloc_bulk(struct pyheap *heap, unsigned int step, gfp_t gfp,
			   enum pymem_domain domain, size_t n, void **blocks)
{
	unsigned int class = heap->classes->of_step[step];
	struct pynode *node = pyheap_this_node(heap);
	bool may_take = pyarena_may_take(gfp);
	size_t got = 0, more;

	while (got < n) {
		more = malloc_many(heap, node, class, domain, !may_take,
				   n - got, blocks + got);
		got += more;
		if (more)
			continue;
		if (!may_take) {
			pyreclaim_want_reserve(node, true);
			break;
		}
		node = pyarena_add(heap, node->nid, gfp);
		if (!node)
			break;
	}
	return got;
}

/* === Freeing === */

/*
 * Blocks that were freed in an NMI while the CPU was at the pool's node or
 * at the stock: linked through their own first words, until an irq_work
 * gives them back.
 */
static LLIST_HEAD(parked);

static void drain_parked_work(struct irq_work *work)
{
	pyfront_drain_parked();
}

static DEFINE_IRQ_WORK(parked_work, drain_parked_work);

static void park(void *block)
{
	if (llist_add(block, &parked))
		irq_work_queue(&parked_work);
}

/**
 * pyfront_drain_parked() - give parked blocks back to their pools
 *
 * Context: Any but NMI.
 */
void pyfront_drain_parked(void)
{
	struct llist_node *node = llist_del_all(&parked);

	while (node) {
		void *block = node;

		node = node->next;
		/* It may have been wiped before it was linked. */
		*(void **)block = NULL;
		pyheap_put(1, &block, _RET_IP_);
	}
}

/* See pystock_frees(): the mem domain's follow from the rest. */
static void count_free(struct pystock *stock, enum pymem_domain domain,
		       unsigned int n)
{
	if (domain == PYMEM_DOMAIN_OBJ)
		local_add(n, &stock->object_frees);
}

/* Straight to the pool, past the stock. */
static void put_one(struct pystock *stock, enum pymem_domain domain,
		    void *block, unsigned long caller)
{
	count_free(stock, domain, 1);
	local_dec(&stock->brought);
	if (!pyheap_put(1, &block, caller))
		park(block);
}

static void put_or_flush(struct pyheap *heap, struct pyfront *front,
			 struct pystock *stock, enum pymem_domain domain,
			 void *block, unsigned long caller)
{
	struct pynode *node = pyheap_this_node(heap);

	if (stock->top == stock->end && !grow(heap, node, front, stock))
		flush(stock, count_of(stock) - count_of(stock) / 2, caller);
	if (stock->top == stock->end) {
		put_one(stock, domain, block, caller);
		return;
	}
	*stock->top++ = block;
	count_free(stock, domain, 1);
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
	front = this_cpu_ptr(heap->front);
	stock = &front->stock[class];
	mistake = pyheap_judge(block);
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
		fold(heap, stock, class);
		pystock_leave(stock);
	}
	preempt_enable();
	if (mistake != PYALLOC_NO_MISTAKE)
		pydebug_report(mistake, block, pymap_lookup(block), caller);
}

/* Up to the first that does not look like a block, as pyfront_push(). */
static size_t push_many(struct pystock *stock, size_t n, void **blocks)
{
	size_t done = 0;

	pystock_enter(stock);
	n = min_t(size_t, n, stock->end - stock->top);
	for (; done < n; done++) {
		if (!pystock_is_start(stock, blocks[done]) ||
		    stock->top[-1] == blocks[done])
			break;
		*stock->top++ = blocks[done];
	}
	pystock_leave(stock);
	return done;
}

/**
 * pyfront_free_bulk() - free blocks of one class
 * @heap: the heap
 * @class: their size class
 * @domain: mem or object
 * @n: how many, PYHEAP_BATCH at most
 * @blocks: the blocks
 * @caller: whom to name if one is none
 *
 * Into the stock while there is room, and straight to the pools after that.
 *
 * Context: Any.
 * Return: how many are done with; the rest has to be freed one by one.
 */
size_t pyfront_free_bulk(struct pyheap *heap, unsigned int class,
			 enum pymem_domain domain, size_t n, void **blocks,
			 unsigned long caller)
{
	struct pystock *stock;
	size_t done = 0, put;

	preempt_disable();
	stock = &this_cpu_ptr(heap->front)->stock[class];
	if (!pystock_is_busy(stock))
		done = push_many(stock, n, blocks);
	if (done < n && stock->top == stock->end) {
		put = pyheap_put(n - done, blocks + done, caller);
		local_sub(put, &stock->brought);
		done += put;
	}
	count_free(stock, domain, done);
	preempt_enable();
	return done;
}

/* === Draining === */

static void drain_stock(struct pyheap *heap, struct pyfront *front,
			struct pystock *stock)
{
	unsigned long flags;

	local_irq_save(flags);
	pystock_enter(stock);
	dismantle(heap, front, stock);
	fold(heap, stock, class_of(front, stock));
	pystock_leave(stock);
	local_irq_restore(flags);
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

	for (class = 0; class < heap->classes->nr; class++) {
		preempt_disable();
		front = this_cpu_ptr(heap->front);
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
	struct pyfront *front = per_cpu_ptr(heap->front, cpu);
	unsigned int class;

	for (class = 0; class < heap->classes->nr; class++)
		drain_stock(heap, front, &front->stock[class]);
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
	return num_possible_cpus() *
	       (size_t)pyfront_size(heap->classes->nr);
}

static void init_front(struct pyheap *heap, struct pyfront *front)
{
	const struct pyclass *class;
	unsigned int i;

	prandom_seed_state(&front->random, get_random_u64());
	for (i = 0; i < heap->classes->nr; i++) {
		class = pyheap_class(heap, i);
		reset_stock(&front->stock[i]);
		front->stock[i].reciprocal = class->reciprocal;
		front->stock[i].mask =
			(class->granules << PYGRANULE_SHIFT) - 1;
	}
}

/**
 * pyfront_init() - make a heap's fronts, empty
 * @heap: the heap, with its classes set
 *
 * Context: Process.
 * Return: 0 or -ENOMEM.
 */
int pyfront_init(struct pyheap *heap)
{
	int cpu;

	heap->front = __alloc_percpu(pyfront_size(heap->classes->nr),
				     __alignof__(struct pyfront));
	if (!heap->front)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		init_front(heap, per_cpu_ptr(heap->front, cpu));
	return 0;
}

/**
 * pyfront_exit() - take a heap's fronts down
 * @heap: the heap, whose blocks go with its arenas
 *
 * Context: Process.
 */
void pyfront_exit(struct pyheap *heap)
{
	irq_work_sync(&parked_work);
	pyfront_drain_parked();
	free_percpu(heap->front);
}
