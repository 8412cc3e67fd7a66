// SPDX-License-Identifier: GPL-2.0
/*
 * The check: walks every heap and verifies every invariant, under load.
 *
 *   pool	live + free bits = blocks, nothing set beyond them; on the list
 *		of its fullness, or on none when full; never without a block,
 *		but a type's
 *   arena	a granule's bit, its descriptor and its entry in the map say
 *		the same; the free ones are counted; on the list of its share
 *   map	finds the arena by its number, and nothing of it in its holes
 *		and in the granules before and behind
 *   depot	as many arrays as are counted, of such blocks
 *   front	floor <= top <= end, blocks of the class that are out of their
 *		pools, none twice
 *   rest	blocks that debug hooks keep are out of their pools
 *   block	what debug hooks wrote around it is still there, and what they left
 *		in one that is free; see sweep.c
 *   heap	counters are the sums of what was walked, and mallocs - frees
 *		is what is out and in no front
 *
 * Contexts: process; one pool is walked a hold of the node's lock, and one
 * stock of a front at a time with preemption off, on its own CPU.  Sums are
 * compared only if nothing moved while they were taken.
 * Lock order: as in reclaim.c.
 */
#include <linux/bitmap.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "check.h"
#include "front.h"
#include "heap.h"
#include "quarantine.h"
#include "reclaim.h"
#include "stats.h"
#include "sweep.h"
#include "compat.h"

/* What was walked of a node, to be compared with what it counted. */
struct walked {
	unsigned long	arenas;
	unsigned long	granules;
	unsigned long	free_granules;
	unsigned long	empty_granules;
	unsigned long	pools;
	unsigned long	live;
	size_t		live_bytes;
	struct pysweep	*sweep;
};

static __printf(3, 4) bool expect(struct pycheck *check, bool holds,
				  const char *format, ...)
{
	va_list args;

	if (holds)
		return true;
	if (!check->broken++) {
		va_start(args, format);
		vscnprintf(check->what, sizeof(check->what), format, args);
		va_end(args);
	}
	return false;
}

/* The most pools that anybody walked in one hold of a node's lock. */
static atomic_long_t most_walked;

/**
 * pycheck_note_walk() - a node's lock was held while pools were walked
 * @pools: how many in that one hold
 *
 * Context: Any.
 */
void pycheck_note_walk(unsigned long pools)
{
	long most = atomic_long_read(&most_walked);

	while ((long)pools > most &&
	       !atomic_long_try_cmpxchg(&most_walked, &most, pools))
		;
}

/* === Pools === */

static void check_links(struct pycheck *check, struct pynode *node, u32 id,
			struct pypool *pool)
{
	struct pypool *other;
	u32 to_it;

	if (pool->fullness >= PYPOOL_FULL)
		return;
	to_it = node->class[pool->class].partial[pool->fullness];
	if (pool->prev) {
		other = pypool_at(pool->prev);
		to_it = other ? other->next : 0;
	}
	expect(check, to_it == id, "pool %#x: nothing leads to it", id);
	if (!pool->next)
		return;
	other = pypool_at(pool->next);
	expect(check, other && other->prev == id,
	       "pool %#x: the next one does not lead to it", id);
}

static void check_bits(struct pycheck *check, const struct pyclass *class,
		       u32 id, struct pypool *pool)
{
	unsigned long *bits = pypool_bits(class, pool);
	unsigned int words = BITS_TO_LONGS(class->blocks);
	unsigned int free = bitmap_weight(bits, class->blocks);
	unsigned int fullness = PYPOOL_FULL;

	if (free)
		fullness = pool->live * PYPOOL_QUARTERS / class->blocks;
	expect(check, pool->live > 0 || pypool_arena(id)->heap->is_typed,
	       "pool %#x: without a live block", id);
	expect(check, pool->live + free == class->blocks,
	       "pool %#x: %u live and %u free of %u blocks", id, pool->live,
	       free, class->blocks);
	expect(check, bitmap_weight(bits, words * BITS_PER_LONG) == free,
	       "pool %#x: free blocks beyond the last", id);
	expect(check, pool->fullness == fullness,
	       "pool %#x: %u of %u blocks live, fullness %u", id, pool->live,
	       class->blocks, pool->fullness);
}

/* What is noted of it can't be believed: it is only counted. */
static unsigned int count_condemned(struct pycheck *check,
				    struct pyarena *arena,
				    unsigned int granule,
				    struct walked *walked)
{
	struct pypool *pool = &arena->pools[granule];
	const struct pyclass *class;

	check->condemned++;
	if (!pyclass_exists(arena->node->heap, pool->class))
		return 1;
	class = pyheap_class(arena->node->heap, pool->class);
	walked->pools++;
	walked->live += pool->live;
	walked->live_bytes += pool->live * class->size;
	return class->granules;
}

/* The pool that begins at a granule; returns how many granules it has. */
static unsigned int check_pool(struct pycheck *check, struct pyarena *arena,
			       unsigned int granule, struct walked *walked)
{
	struct pypool *pool = &arena->pools[granule];
	u32 id = arena->number << PYMAP_ARENA_SHIFT | granule;
	const struct pyclass *class;
	unsigned int i;
	bool holds;

	if (!expect(check, pyclass_exists(arena->node->heap, pool->class),
		    "pool %#x: class %u", id, pool->class))
		return 1;
	class = pyheap_class(arena->node->heap, pool->class);
	if (!expect(check, granule + class->granules <= arena->granules,
		    "pool %#x: goes beyond its arena", id))
		return 1;
	check_bits(check, class, id, pool);
	check_links(check, arena->node, id, pool);
	for (i = 1; i < class->granules; i++) {
		holds = pool[i].fullness == PYPOOL_TAIL &&
			pool[i].class == pool->class;
		expect(check, holds, "pool %#x: granule %u is not its own",
		       id, i);
	}
	if (pyclass_is_decorated(pool->class))
		pysweep_pool(walked->sweep, arena->node->heap,
			     arena->base + ((size_t)granule << PYGRANULE_SHIFT),
			     pool);
	walked->pools++;
	walked->live += pool->live;
	walked->live_bytes += pool->live * class->size;
	return class->granules;
}

/* === Arenas === */

static u32 number_at(const void *ptr)
{
	return pymap_lookup(ptr) >> PYMAP_ARENA_SHIFT;
}

static void check_hole(struct pycheck *check, struct pyarena *arena,
		       unsigned int granule)
{
	void *ptr = arena->base + ((size_t)granule << PYGRANULE_SHIFT);

	expect(check, test_bit(granule, arena->used_map),
	       "arena %u: granule %u is a hole and free", arena->number,
	       granule);
	expect(check, number_at(ptr) != arena->number,
	       "arena %u: granule %u: the map has a hole", arena->number,
	       granule);
}

static void check_entry(struct pycheck *check, struct pyarena *arena,
			unsigned int granule)
{
	void *ptr = arena->base + ((size_t)granule << PYGRANULE_SHIFT);
	struct pypool *pool = &arena->pools[granule];
	u32 entry = arena->number << PYMAP_ARENA_SHIFT;
	bool used = pool->fullness != PYPOOL_NONE;
	bool holds;

	if (pool->fullness == PYPOOL_HOLE) {
		check_hole(check, arena, granule);
		return;
	}
	if (used)
		entry |= pyheap_code(arena->heap, pool->class);
	expect(check, used == test_bit(granule, arena->used_map),
	       "arena %u: granule %u is free and is not", arena->number,
	       granule);
	holds = pymap_lookup(ptr) == entry &&
		pymap_lookup(ptr + PYGRANULE_SIZE - 1) == entry;
	expect(check, holds,
	       "arena %u: granule %u: the map has %#x, not %#x",
	       arena->number, granule, pymap_lookup(ptr), entry);
}

static unsigned int count_holes(const struct pyarena *arena)
{
	unsigned int i, holes = 0;

	for (i = 0; i < arena->granules; i++)
		holes += arena->pools[i].fullness == PYPOOL_HOLE;
	return holes;
}

static void check_arena_itself(struct pycheck *check, struct pyarena *arena)
{
	unsigned int used = bitmap_weight(arena->used_map, arena->granules);
	unsigned int bucket = (arena->free_granules + arena->holes) *
			      PYARENA_SHARES / arena->granules;
	bool holds;

	expect(check, pymap_arena(arena->number) == arena,
	       "arena %u: not found by its number", arena->number);
	holds = number_at(arena->base - 1) != arena->number &&
		number_at(arena->base + pyarena_bytes(arena)) != arena->number;
	expect(check, holds,
	       "arena %u: the map goes beyond it", arena->number);
	expect(check, used + arena->free_granules == arena->granules,
	       "arena %u: %u used and %u free of %u granules", arena->number,
	       used, arena->free_granules, arena->granules);
	expect(check, count_holes(arena) == arena->holes,
	       "arena %u: %u holes, counted as %u", arena->number,
	       count_holes(arena), arena->holes);
	if (!arena->free_granules)
		bucket = PYARENA_FULL;
	holds = arena->bucket == bucket &&
		list_empty(&arena->list) == (bucket == PYARENA_FULL);
	expect(check, holds,
	       "arena %u: bucket %u with %u of %u granules free",
	       arena->number, arena->bucket, arena->free_granules,
	       arena->granules);
}

static void check_arena(struct pycheck *check, struct pyarena *arena,
			struct walked *walked)
{
	struct pynode *node = arena->node;
	unsigned int granule, granules;
	unsigned long flags, pools;

	pynode_look(node, &flags);
	check_arena_itself(check, arena);
	walked->arenas++;
	walked->granules += pyarena_held(arena);
	walked->free_granules += arena->free_granules;
	if (arena->free_granules == pyarena_held(arena))
		walked->empty_granules += pyarena_held(arena);
	pynode_look_away(node, flags);
	check->lock_holds++;
	for (granule = 0; granule < arena->granules; granule += granules) {
		granules = 1;
		pools = walked->pools;
		pynode_look(node, &flags);
		check_entry(check, arena, granule);
		/* A pool may have been made here since its head was passed. */
		if (arena->pools[granule].fullness <= PYPOOL_FULL)
			granules = check_pool(check, arena, granule, walked);
		else if (arena->pools[granule].fullness == PYPOOL_CONDEMNED)
			granules = count_condemned(check, arena, granule,
						   walked);
		pynode_look_away(node, flags);
		check->lock_holds++;
		pycheck_note_walk(walked->pools - pools);
	}
}

/* === Nodes === */

static unsigned long sum_pools(struct pynode *node)
{
	unsigned long pools = 0;
	unsigned int i;

	for (i = 0; i < PYCLASSES_ALL; i++)
		pools += node->class[i].pools;
	return pools;
}

static unsigned long sum_live(struct pynode *node)
{
	unsigned long live = 0;
	unsigned int i;

	for (i = 0; i < PYCLASSES_ALL; i++)
		live += node->class[i].live;
	return live;
}

static void check_sums(struct pycheck *check, struct pynode *node,
		       const struct walked *walked)
{
	bool holds;

	holds = node->nr_arenas == walked->arenas &&
		node->highwater >= node->nr_arenas;
	expect(check, holds,
	       "%s: %lu arenas counted, %lu walked", node->heap->name,
	       node->nr_arenas, walked->arenas);
	holds = node->granules == walked->granules &&
		node->free_granules == walked->free_granules &&
		node->empty_granules == walked->empty_granules;
	expect(check, holds,
	       "%s: %lu granules, %lu free, %lu in empty arenas counted; %lu, %lu, %lu walked",
	       node->heap->name, node->granules, node->free_granules,
	       node->empty_granules, walked->granules, walked->free_granules,
	       walked->empty_granules);
	holds = sum_pools(node) == walked->pools &&
		sum_live(node) == walked->live &&
		node->live_bytes == walked->live_bytes;
	expect(check, holds,
	       "%s: %lu pools, %lu blocks counted; %lu, %lu walked",
	       node->heap->name, sum_pools(node), sum_live(node),
	       walked->pools, walked->live);
}

static void check_node(struct pycheck *check, struct pynode *node,
		       struct pysweep *sweep)
{
	unsigned long holds = READ_ONCE(node->lock_holds);
	struct walked walked = { .sweep = sweep };
	struct pyarena *arena;
	unsigned long flags;
	u32 number;

	/* The heap's walk is held: arenas come, but none goes. */
	for (number = 1; (arena = pyheap_next_arena(node->heap, &number));
	     number++)
		if (arena->node == node)
			check_arena(check, arena, &walked);
	check->arenas += walked.arenas;
	check->pools += walked.pools;
	check->blocks += walked.live;
	pynode_look(node, &flags);
	if (node->lock_holds == holds)
		check_sums(check, node, &walked);
	pynode_look_away(node, flags);
}

/* === Fronts === */

/* The blocks in an array from @slot to @top. */
static void check_array(struct pycheck *check, struct pyheap *heap,
			unsigned int class, void **slot, void **top,
			enum pyalloc_mistake (*judge)(const void *ptr))
{
	void **other;
	bool holds;

	for (; slot < top; slot++) {
		check->cached++;
		holds = (pymap_lookup(*slot) & PYMAP_CODE_MASK) ==
			pyheap_code(heap, class) &&
			judge(*slot) == PYALLOC_NO_MISTAKE;
		expect(check, holds,
		       "%s: class %u: an array has what is not a block",
		       heap->name, class);
		for (other = slot + 1; other < top; other++)
			expect(check, *other != *slot,
			       "%s: class %u: an array has a block twice",
			       heap->name, class);
	}
}

static void check_stock(struct pycheck *check, struct pyfront *front,
			struct pyheap *heap, unsigned int class)
{
	struct pystock *stock = &front->stock[class];
	void **floor = pystock_floor(stock);
	bool holds = stock->top > floor && stock->top <= stock->end;

	if (!expect(check, holds && !*floor,
		    "%s: class %u: a stock is out of bounds", heap->name,
		    class))
		return;
	check_array(check, heap, class, floor + 1, stock->top,
		    pyheap_judge);
}

/* === Depots === */

static void check_depot(struct pycheck *check, struct pynode *node,
			unsigned int class)
{
	const struct pyclass *size = pyheap_class(node->heap, class);
	struct pydepot *depot = &node->class[class].depot;
	unsigned int n = 0;
	unsigned long flags;
	void **array;

	do {
		pynode_look(node, &flags);
		array = pydepot_nth(node, class, n++);
		if (array)
			check_array(check, node->heap, class, array + 1,
				    array + pyclass_slots(size),
				    pynode_judge);
		else
			expect(check,
			       !pydepot_nth(node, class, depot->nr_full) &&
			       (!depot->nr_full ||
				pydepot_nth(node, class, depot->nr_full - 1)),
			       "%s: class %u: a depot does not have its %u arrays",
			       node->heap->name, class, depot->nr_full);
		pynode_look_away(node, flags);
	} while (array);
}

static void check_depots(struct pycheck *check, struct pynode *node)
{
	unsigned int class;

	for (class = 0; class < node->heap->classes->nr; class++)
		check_depot(check, node, class);
}

/* === Quarantines === */

static void check_resting(struct pyheap *heap, void *block, unsigned int class,
			  void *data)
{
	struct pycheck *check = data;
	bool holds = pymap_class(pymap_lookup(block)) ==
		     class + PYDECORATED_FIRST &&
		     pyheap_judge(block) == PYALLOC_NO_MISTAKE;

	check->cached++;
	expect(check, holds, "%s: class %u: what rests is not a block",
	       heap->name, class);
}

static void check_front(struct pycheck *check, struct pyheap *heap)
{
	struct pyfront *front;
	struct pystock *stock;
	unsigned int class;

	/* What a client's lock protects may change while it is looked at. */
	if (heap->is_locked || !READ_ONCE(heap->front))
		return;
	for (class = 0; class < heap->classes->nr; class++) {
		preempt_disable();
		front = pyfront_here(heap);
		stock = &front->stock[class];
		/* Interrupts leave the stock alone meanwhile. */
		pystock_enter(stock);
		check_stock(check, front, heap, class);
		pystock_leave(stock);
		preempt_enable();
	}
}

/* The check that is running; there is one at a time. */
static struct pycheck *current_check;
static DEFINE_MUTEX(check_lock);

static void check_this_cpu(struct work_struct *work)
{
	struct pyheap *heap;

	mutex_lock(&pyheaps_lock);
	list_for_each_entry(heap, &pyheaps, list) {
		check_front(current_check, heap);
		pyquarantine_check_this(heap, check_resting, current_check);
	}
	mutex_unlock(&pyheaps_lock);
}

/* === Accounts === */

/* How many more blocks are out than the domains took. */
static long excess_of(struct pyheap *heap, struct pyheap_stats *stats)
{
	pystats_heap(heap, stats);
	return stats->blocks - stats->domain_blocks[0] -
	       stats->domain_blocks[1] -
	       atomic_long_read(&heap->false_frees) +
	       atomic_long_read(&heap->late_frees);
}

/* How often a lost block is looked for again. */
#define MAX_AGAIN	5

/*
 * The fronts are read while they work, so a snapshot may be off by what is
 * under way on some CPU.  With a grace period that is over, since preemption
 * is off meanwhile; a block that is really lost is missing every time.
 */
static void check_accounts(struct pycheck *check, struct pyheap *heap,
			   struct pyheap_stats *stats)
{
	long excess = excess_of(heap, stats);
	unsigned int again = 0;
	size_t sum;

	sum = stats->live_bytes + stats->cached_bytes + stats->meta_bytes +
	      stats->available_bytes + stats->quantization_bytes +
	      stats->unused_bytes;
	expect(check, sum == stats->arena_bytes,
	       "%s: the bytes do not add up to the arenas'", heap->name);
	/* Preemption stays on where a client's lock is all that is held. */
	while (abs(excess) > heap->is_locked && again < MAX_AGAIN) {
		synchronize_rcu();
		if (excess_of(heap, stats) != excess)
			break;
		again++;
	}
	expect(check, again < MAX_AGAIN,
	       "%s: %ld more blocks out than were taken", heap->name, excess);
}

static void check_heap(struct pycheck *check, struct pyheap *heap,
		       struct pyheap_stats *stats, struct pysweep *sweep)
{
	int nid;

	mutex_lock(&heap->walk);
	for_each_node(nid)
		check_node(check, heap->node[nid], sweep);
	for_each_node(nid)
		check_depots(check, heap->node[nid]);
	mutex_unlock(&heap->walk);
	check_accounts(check, heap, stats);
	check->heaps++;
}

static void check_damage(struct pycheck *check, struct pysweep *sweep)
{
	struct pyalloc_report first;
	char text[sizeof(check->what)];
	unsigned long damaged;

	pysweep_records(sweep);
	check->decorated = sweep->decorated;
	damaged = pysweep_confirm(sweep, &first);
	if (damaged)
		pydebug_tell(&first, text, sizeof(text));
	while (damaged--)
		expect(check, false, "%s", text);
}

/**
 * pycheck_all() - verify every invariant of every heap
 * @check: what was seen
 *
 * Context: Process; sleeps.
 * Return: 0, or -ENOMEM: nothing was looked at.
 */
int pycheck_all(struct pycheck *check)
{
	struct pyheap_stats *stats = pystats_new();
	struct pysweep *sweep = kzalloc(sizeof(*sweep), GFP_KERNEL);
	struct pyheap *heap;

	if (!stats || !sweep) {
		kfree(stats);
		kfree(sweep);
		return -ENOMEM;
	}
	memset(check, 0, sizeof(*check));
	mutex_lock(&check_lock);
	pyfront_drain_parked();
	current_check = check;
	pyreclaim_on_each_cpu(check_this_cpu);
	current_check = NULL;
	mutex_lock(&pyheaps_lock);
	list_for_each_entry(heap, &pyheaps, list)
		check_heap(check, heap, stats, sweep);
	mutex_unlock(&pyheaps_lock);
	check_damage(check, sweep);
	mutex_unlock(&check_lock);
	check->most_pools = atomic_long_read(&most_walked);
	kfree(stats);
	kfree(sweep);
	return 0;
}
EXPORT_SYMBOL_GPL(pycheck_all);
