// SPDX-License-Identifier: GPL-2.0
/*
 * Heaps: from arenas to pools, from pools to blocks, and back.
 *
 * A heap has a state a NUMA node: arenas with free granules, and for each
 * size class the pools that have both live and free blocks.  A pool is 1, 2
 * or 4 granules of blocks of one size; it is made when the others are used
 * up and dissolved with its last block.  Blocks come from the fullest pools,
 * and granules from the fullest arenas, so that sparse ones drain; "fullest"
 * is by quarters of a pool and eighths of an arena, each with a list of its
 * own, so that re-ordering is one unlink and one link.
 *
 * Blocks move in batches, from and to the fronts; this file never looks at
 * what is in them.
 *
 * Contexts: all, NMI included, where a node's lock is only tried.
 * Lock order: a pynode's lock is innermost; nothing is allocated, freed or
 * printed under it, and no more than a batch is moved at a time.
 */
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/hardirq.h>
#include <linux/module.h>

#include "debug.h"
#include "fault.h"
#include "front.h"
#include "heap.h"
#include "hook.h"
#include "mark.h"
#include "quarantine.h"
#include "reclaim.h"
#include "trace.h"
#include "compat.h"

struct pyheap pyheap_default;
EXPORT_SYMBOL_GPL(pyheap_default);

/* How many heaps there are besides it. */
unsigned int pyheap_others;
LIST_HEAD(pyheaps);

/* Held by whoever walks the heaps, and to add one or take one away. */
DEFINE_MUTEX(pyheaps_lock);

/* Without SMP a spinlock that is tried is always had. */
static void note_hold(struct pynode *node, bool held)
{
	if (!IS_ENABLED(CONFIG_SMP)) {
		barrier();
		WRITE_ONCE(node->held, held);
		barrier();
	}
}

static bool is_held(const struct pynode *node)
{
	return !IS_ENABLED(CONFIG_SMP) && READ_ONCE(node->held);
}

/**
 * pynode_look() - take a node's lock to look at what it protects
 * @node: the node
 * @flags: for pynode_look_away()
 *
 * It is not counted.  Sparse can't follow a lock that is held where a function
 * says so, and is told of none.
 *
 * Context: Any but NMI.
 */
void pynode_look(struct pynode *node, unsigned long *flags)
{
	raw_spin_lock_irqsave(&node->lock, *flags);
	__release(&node->lock);
	note_hold(node, true);
}

/**
 * pynode_look_away() - let go of what pynode_look() took
 * @node: the node
 * @flags: what pynode_look() gave
 *
 * Context: Any.
 */
void pynode_look_away(struct pynode *node, unsigned long flags)
{
	note_hold(node, false);
	__acquire(&node->lock);
	raw_spin_unlock_irqrestore(&node->lock, flags);
}

/**
 * pynode_lock() - take a node's lock, with interrupts off
 * @node: the node
 * @flags: for pynode_unlock()
 *
 * In NMI the lock's holder may be what was interrupted.  Elsewhere it can't:
 * it is held with interrupts off.
 *
 * Context: Any.
 * Return: false in NMI, when somebody has it.
 */
bool pynode_lock(struct pynode *node, unsigned long *flags)
{
	if (!in_nmi())
		raw_spin_lock_irqsave(&node->lock, *flags);
	else if (is_held(node) ||
		 !raw_spin_trylock_irqsave(&node->lock, *flags))
		return false;
	__release(&node->lock);
	note_hold(node, true);
	node->lock_holds++;
	return true;
}

static noinline void unlock_and_report(struct pynode *node, unsigned long flags)
{
	const void *overwritten = node->overwritten;

	node->overwritten = NULL;
	pynode_look_away(node, flags);
	pydebug_report(PYALLOC_OVERWRITTEN, overwritten,
		       pymap_lookup(overwritten), _THIS_IP_);
}

/**
 * pynode_unlock() - let go of a node's lock
 * @node: the node
 * @flags: what pynode_lock() gave
 *
 * Context: Any.
 */
void pynode_unlock(struct pynode *node, unsigned long flags)
{
	if (unlikely(node->overwritten)) {
		unlock_and_report(node, flags);
		return;
	}
	pynode_look_away(node, flags);
}

/**
 * pynode_note_damage() - have damage reported as soon as the lock is free
 * @node: the node
 * @where: an address that tells where it is
 *
 * Context: With the node's lock.
 */
void pynode_note_damage(struct pynode *node, const void *where)
{
	node->overwritten = where;
}

/* === Size classes === */

struct pyclasses pyclasses[PYCLASSES_NR] = {
	[PYCLASSES_LINEAR]	= { .name = "linear" },
	[PYCLASSES_FINE]	= { .name = "fine" },
	[PYCLASSES_POW2]	= { .name = "pow2" },
};

/* A pool of the fewest granules that loses at most a sixteenth at its end. */
static unsigned int granules_for(unsigned int size)
{
	unsigned int granules;

	for (granules = 1; granules < 4; granules *= 2)
		if ((granules << PYGRANULE_SHIFT) % size <=
		    (granules << PYGRANULE_SHIFT) / 16)
			break;
	return granules;
}

/*
 * The reciprocal whose error, a multiple of the size and the rounding, is the
 * least that adds up to PYCLASS_FRACTION over a pool's blocks.
 */
static u32 reciprocal_of(const struct pyclass *class)
{
	u32 exact = U32_MAX / class->size + 1;
	u32 error = exact * class->size;	/* modulo 2^32 */
	u32 wanted = DIV_ROUND_UP(PYCLASS_FRACTION, class->blocks);

	return exact + DIV_ROUND_UP(wanted - error, class->size);
}

/*
 * What a front's array has room for: so many bytes, but not so few blocks
 * that refills and flushes would be for a handful of them.
 */
#define ARRAY_BYTES	SZ_4K
#define ARRAY_LEAST_SHIFT	4

static void set_class(struct pyclass *class, unsigned int size)
{
	unsigned int quarter;

	class->size = size;
	class->granules = granules_for(size);
	class->blocks = (class->granules << PYGRANULE_SHIFT) / size;
	class->reciprocal = reciprocal_of(class);
	for (quarter = 0; quarter <= PYPOOL_FULL; quarter++)
		class->least[quarter] = DIV_ROUND_UP(class->blocks * quarter,
						     PYPOOL_QUARTERS) ?: 1;
	class->slots_shift = clamp_t(unsigned int, ilog2(ARRAY_BYTES / size),
				     ARRAY_LEAST_SHIFT, PYARRAY_MAX_SHIFT);
}

static void add_class(struct pyclasses *scheme, unsigned int size)
{
	struct pyclass *class = &scheme->class[scheme->nr];
	unsigned int first, step;

	set_class(class, size);
	first = scheme->nr ? PYALLOC_STEP(class[-1].size) + 1 : 0;
	for (step = first; step <= PYALLOC_STEP(size); step++) {
		scheme->of_step[step] = scheme->nr;
		scheme->stock_at[step] = pyfront_size(scheme->nr);
	}
	scheme->nr++;
}

static void add_other_classes(struct pyclasses *scheme)
{
	unsigned int i;

	for (i = 0; i < PYMETA_CLASSES; i++)
		set_class(&scheme->class[PYMETA_FIRST + i],
			  1U << (PYMETA_MIN_SHIFT + i));
	memcpy(&scheme->class[PYDECORATED_FIRST], scheme->class,
	       scheme->nr * sizeof(*scheme->class));
	memcpy(&scheme->class[PYSAMPLED_FIRST], scheme->class,
	       scheme->nr * sizeof(*scheme->class));
}

/*
 * Eights up to 128, and from there 8 classes a doubling: with more of them the
 * pools that are not full cost a heap of some MiB more than is gained.
 */
static unsigned int fine_step(unsigned int size)
{
	return size < 128 ? 8 : size < 256 ? 16 : 32;
}

/**
 * pyclasses_init() - work out the tables of every scheme
 */
void __init pyclasses_init(void)
{
	unsigned int size, i;

	for (size = 16; size <= PYALLOC_SMALL_MAX; size += 16)
		add_class(&pyclasses[PYCLASSES_LINEAR], size);
	for (size = 8; size <= PYALLOC_SMALL_MAX; size += fine_step(size))
		add_class(&pyclasses[PYCLASSES_FINE], size);
	for (size = 8; size <= PYALLOC_SMALL_MAX; size *= 2)
		add_class(&pyclasses[PYCLASSES_POW2], size);
	for (i = 0; i < PYCLASSES_NR; i++)
		add_other_classes(&pyclasses[i]);
}

/* === Lists of pools === */

static u32 pool_id(struct pyarena *arena, struct pypool *pool)
{
	return arena->number << PYMAP_ARENA_SHIFT | (pool - arena->pools);
}

/*
 * The first pool of a list; NULL if the list is empty, or leads astray: then
 * it is given up, and its pools are found again one by one, as blocks come
 * back to them.
 */
static struct pypool *first_pool(struct pynode *node, unsigned int index,
				 unsigned int quarter)
{
	u32 *first = &node->class[index].partial[quarter];
	struct pypool *pool;

	if (!*first)
		return NULL;
	pool = pypool_at(*first);
	if (likely(pool && pypool_arena(*first)->node == node &&
		   pool->class == index && pool->fullness == quarter &&
		   !pool->prev))
		return pool;
	*first = 0;
	pynode_note_damage(node, node);
	return NULL;
}

static void link_pool(struct pynode *node, struct pyarena *arena,
		      struct pypool *pool)
{
	struct pypool *next = first_pool(node, pool->class, pool->fullness);
	u32 *first = &node->class[pool->class].partial[pool->fullness];

	pool->prev = 0;
	pool->next = *first;
	*first = pool_id(arena, pool);
	if (next)
		next->prev = *first;
}

/*
 * Where the link to a pool is; NULL: what leads to it was overwritten.  A first
 * pool that its list does not begin with is one of a list that was given up
 * (see first_pool()): @given_up stands for that list.
 */
static u32 *link_to(struct pynode_class *state, const struct pypool *pool,
		    u32 id, u32 *given_up)
{
	u32 *first = &state->partial[pool->fullness];
	struct pypool *prev;

	if (!pool->prev)
		return likely(*first == id) ? first : given_up;
	prev = pypool_at(pool->prev);
	return likely(prev && prev->next == id) ? &prev->next : NULL;
}

/*
 * Takes a pool off its list, if those before and behind it lead to it.  If
 * not it stays as it is, and nothing is written to where its links lead.
 */
static bool unlink_pool(struct pynode_class *state, struct pyarena *arena,
			struct pypool *pool)
{
	u32 id = pool_id(arena, pool), given_up;
	u32 *link = link_to(state, pool, id, &given_up);
	struct pypool *next = NULL;

	if (pool->next) {
		next = pypool_at(pool->next);
		if (unlikely(!next || next->prev != id))
			return false;
	}
	if (unlikely(!link))
		return false;
	*link = pool->next;
	if (next)
		next->prev = pool->prev;
	return true;
}

/* === Condemned pools === */

static void *base_of(const struct pyarena *arena, const struct pypool *pool)
{
	return arena->base +
	       ((size_t)(pool - arena->pools) << PYGRANULE_SHIFT);
}

/*
 * What is noted of a pool can't be right.  Nothing is taken from it any more,
 * and nothing put in; its blocks that are out stay good, and stay counted.
 */
static void condemn_pool(struct pynode *node, struct pyarena *arena,
			 struct pypool *pool)
{
	pool->fullness = PYPOOL_CONDEMNED;
	pynode_note_damage(node, base_of(arena, pool));
}

/* Off its list, or out of use. */
static bool take_off(struct pynode *node, struct pyarena *arena,
		     struct pypool *pool)
{
	if (pool->fullness == PYPOOL_FULL ||
	    likely(unlink_pool(&node->class[pool->class], arena, pool)))
		return true;
	condemn_pool(node, arena, pool);
	return false;
}

/* Does a pool have more or fewer live blocks than its list is for? */
static __always_inline bool is_misplaced(const struct pyclass *class,
					 const struct pypool *pool)
{
	return pool->live < class->least[pool->fullness] ||
	       (pool->fullness != PYPOOL_FULL &&
		pool->live >= class->least[pool->fullness + 1]);
}

/* Called when @pool is misplaced; without a live block only a type's stays. */
static void resort_pool(struct pynode *node, const struct pyclass *class,
			struct pyarena *arena, struct pypool *pool)
{
	u8 now = PYPOOL_FULL;

	while (now && pool->live < class->least[now])
		now--;
	if (unlikely(!take_off(node, arena, pool)))
		return;
	pool->fullness = now;
	if (now != PYPOOL_FULL)
		link_pool(node, arena, pool);
}

/* === Granules of arenas === */

static void sort_arena(struct pynode *node, struct pyarena *arena)
{
	/* An arena spans a power of two; its holes can't be used up either. */
	u8 bucket = (arena->free_granules + arena->holes) * PYARENA_SHARES >>
		    ilog2(arena->granules);

	if (!arena->free_granules)
		bucket = PYARENA_FULL;
	if (bucket == arena->bucket)
		return;
	if (arena->bucket == PYARENA_EMPTY) {
		node->empty_granules -= pyarena_held(arena);
		node->empty_low = min(node->empty_low, node->empty_granules);
	}
	if (bucket == PYARENA_EMPTY) {
		node->empty_granules += pyarena_held(arena);
		pyreclaim_note_free();
	}
	list_del_init(&arena->list);
	arena->bucket = bucket;
	if (bucket != PYARENA_FULL)
		list_add(&arena->list, &node->arenas[bucket]);
}

/* A pool is aligned to its size wherever its arena begins. */
static unsigned int find_run(struct pyarena *arena, unsigned int granules)
{
	unsigned long base = (unsigned long)arena->base >> PYGRANULE_SHIFT;

	if (granules == 1)
		return find_first_zero_bit(arena->used_map, arena->granules);
	return bitmap_find_next_zero_area_off(arena->used_map,
					      arena->granules, 0, granules,
					      granules - 1, base);
}

/*
 * The first fit in the fullest arenas.  Only a few of each bucket are looked
 * at for pools of several granules, since any number may have lone ones.
 */
static struct pyarena *find_arena(struct pynode *node, unsigned int granules,
				  unsigned int *at)
{
	struct pyarena *arena;
	unsigned int bucket, tries;

	for (bucket = 0; bucket < PYARENA_BUCKETS; bucket++) {
		tries = 8;
		list_for_each_entry(arena, &node->arenas[bucket], list) {
			*at = find_run(arena, granules);
			if (*at < arena->granules)
				return arena;
			if (!--tries)
				break;
		}
	}
	return NULL;
}

static void use_granules(struct pynode *node, struct pyarena *arena,
			 unsigned int at, unsigned int granules, u8 class)
{
	unsigned int i;

	bitmap_set(arena->used_map, at, granules);
	arena->free_granules -= granules;
	node->free_granules -= granules;
	node->free_low = min(node->free_low, node->free_granules);
	sort_arena(node, arena);
	for (i = 0; i < granules; i++) {
		arena->pools[at + i].class = class;
		arena->pools[at + i].fullness = PYPOOL_TAIL;
	}
	pymap_set(arena, at, granules, pyheap_code(node->heap, class));
}

static void free_granules(struct pynode *node, struct pyarena *arena,
			  unsigned int at, unsigned int granules)
{
	unsigned int i;

	pymap_set(arena, at, granules, 0);
	for (i = 0; i < granules; i++)
		arena->pools[at + i].fullness = PYPOOL_NONE;
	bitmap_clear(arena->used_map, at, granules);
	arena->free_granules += granules;
	node->free_granules += granules;
	sort_arena(node, arena);
	if (pynode_excess(node))
		pyreclaim_note_free();
}

/* === Pools === */

static size_t far_bytes(const struct pyclass *class)
{
	return roundup_pow_of_two(BITS_TO_LONGS(class->blocks) * sizeof(long));
}

/* All bits there is room for; those beyond the last block stay clear. */
static unsigned int room_for_bits(const struct pyclass *class)
{
	return pyclass_is_far(class) ? far_bytes(class) * BITS_PER_BYTE : 128;
}

/* A bit that was overwritten must not put a pool where another one lies. */
static bool is_free_run(struct pynode *node, struct pyarena *arena,
			unsigned int at, unsigned int granules)
{
	unsigned int i;

	for (i = 0; i < granules; i++) {
		if (likely(arena->pools[at + i].fullness == PYPOOL_NONE))
			continue;
		__set_bit(at + i, arena->used_map);
		pynode_note_damage(node, arena->base);
		return false;
	}
	return true;
}

static struct pypool *make_pool(struct pynode *node, unsigned int index,
				bool dip, struct pyarena **arena)
{
	const struct pyclass *class = pyheap_class(node->heap, index);
	unsigned long *far = NULL;
	struct pypool *pool;
	unsigned int at;

	if (!dip && node->free_granules < READ_ONCE(node->reserve) +
					  class->granules +
					  pyclass_is_far(class))
		return NULL;
	/* Its bits first: they may take the last granule. */
	if (pyclass_is_far(class)) {
		far = pynode_take_meta(node, far_bytes(class), dip);
		if (!far)
			return NULL;
	}
	*arena = find_arena(node, class->granules, &at);
	if (!*arena ||
	    unlikely(!is_free_run(node, *arena, at, class->granules))) {
		if (far)
			pynode_put_meta(node, far);
		return NULL;
	}
	use_granules(node, *arena, at, class->granules, index);
	pool = &(*arena)->pools[at];
	pool->live = 0;
	pool->fresh = 0;
	if (far)
		pool->far_free = far;
	bitmap_zero(pypool_bits(class, pool), room_for_bits(class));
	bitmap_set(pypool_bits(class, pool), 0, class->blocks);
	if (pyclass_is_decorated(index))
		pyhook_bury(base_of(*arena, pool),
			    (size_t)class->granules << PYGRANULE_SHIFT);
	pool->fullness = 0;
	link_pool(node, *arena, pool);
	node->class[index].pools++;
	return pool;
}

/* Of a far pool the words up to the last block's, else both. */
static unsigned int free_bits(const struct pyclass *class, struct pypool *pool)
{
	unsigned long *bits = pypool_bits(class, pool);
	unsigned int words = pyclass_is_far(class) ?
			     BITS_TO_LONGS(class->blocks) : 128 / BITS_PER_LONG;
	unsigned int free = 0;

	while (words--)
		free += hweight_long(bits[words]);
	return free;
}

static void dissolve_pool(struct pynode *node, const struct pyclass *class,
			  struct pyarena *arena, struct pypool *pool)
{
	unsigned long *far = pyclass_is_far(class) ? pool->far_free : NULL;

	if (unlikely(!take_off(node, arena, pool)))
		return;
	if (unlikely(free_bits(class, pool) != class->blocks)) {
		/* What counted its live blocks was overwritten. */
		condemn_pool(node, arena, pool);
		return;
	}
	node->class[pool->class].pools--;
	pymark_forget_pool(base_of(arena, pool));
	free_granules(node, arena, pool - arena->pools, class->granules);
	if (far)
		pynode_put_meta(node, far);
}

static struct pypool *fullest_pool(struct pynode *node, unsigned int index,
				   struct pyarena **arena)
{
	unsigned int quarter = PYPOOL_QUARTERS;
	struct pypool *pool;

	while (quarter--) {
		pool = first_pool(node, index, quarter);
		if (pool) {
			*arena = pypool_arena(node->class[index].partial[quarter]);
			return pool;
		}
	}
	return NULL;
}

/*
 * Where blocks of a pool go.  Where the kernel shuffles its slabs, neighbours
 * in memory do not follow each other here either: blocks are dealt out by an
 * odd stride from a start that is different every time, over @mask + 1
 * places, a power of two.  Elsewhere the stride is 1.
 */
struct deal {
	void		**places;
	unsigned int	at;
	unsigned int	stride;
	unsigned int	mask;
};

static struct deal make_deal(size_t n, void **places, u32 random)
{
	struct deal deal = { .places = places, .stride = 1, .mask = n - 1 };

	if (IS_ENABLED(CONFIG_SLAB_FREELIST_RANDOM)) {
		deal.at = random & deal.mask;
		deal.stride = (random >> 8) | 1;
	}
	return deal;
}

static __always_inline void deal_out(struct deal *deal, void *block)
{
	deal->places[deal->at] = block;
	deal->at = (deal->at + deal->stride) & deal->mask;
}

/* Blocks in a row: no bit needs to be looked for. */
static void deal_run(void *block, size_t n, size_t size, struct deal *run)
{
	struct deal deal = *run;

	for (; n; n--, block += size)
		deal_out(&deal, block);
	run->at = deal.at;
}

/* Returns the bits that are left. */
static unsigned long deal_each(unsigned long free, void *base, size_t n,
			       size_t size, struct deal *each)
{
	struct deal deal = *each;

	for (; n; n--, free &= free - 1)
		deal_out(&deal, base + __ffs(free) * size);
	each->at = deal.at;
	return free;
}

static unsigned int length_of_run(unsigned long bits)
{
	return ~bits ? __ffs(~bits) : BITS_PER_LONG;
}

/* Takes up to @n blocks out of one word of bits. */
static size_t take_from_word(unsigned long *word, void *base, size_t size,
			     size_t n, struct deal *deal)
{
	unsigned long free = *word;
	unsigned int first = __ffs(free);

	n = min_t(size_t, n, hweight_long(free));
	if (length_of_run(free >> first) >= n) {
		deal_run(base + first * size, n, size, deal);
		*word = free & ~(GENMASK(n - 1, 0) << first);
		return n;
	}
	*word = deal_each(free, base, n, size, deal);
	return n;
}

/*
 * A block that nobody had yet is marked by its lowest bit, for pyheap_take() to
 * construct without the lock.
 */
static void mark_fresh(const struct pyclass *class, struct pypool *pool,
		       void *base, size_t n, void **blocks)
{
	u16 fresh = pool->fresh;
	unsigned int index;
	size_t i;

	for (i = 0; i < n; i++) {
		index = (u64)class->reciprocal * (u32)(blocks[i] - base) >> 32;
		if (index < fresh)
			continue;
		pool->fresh = max_t(u16, pool->fresh, index + 1);
		blocks[i] += 1;
	}
}

/*
 * The blocks of a pool stay together: those that were taken together are
 * mostly freed together, and a run of one pool goes back at less cost.
 */
static size_t take_from_pool(struct pynode *node, struct pyarena *arena,
			     struct pypool *pool, size_t n, void **blocks,
			     u32 random)
{
	const struct pyclass *class = pyheap_class(node->heap, pool->class);
	unsigned long *word = pypool_bits(class, pool);
	void *base = base_of(arena, pool);
	size_t taken = 0, some, part = 0;
	struct deal deal = {};

	if (unlikely(free_bits(class, pool) + pool->live != class->blocks)) {
		unlink_pool(&node->class[pool->class], arena, pool);
		condemn_pool(node, arena, pool);
		return 0;
	}
	n = min_t(size_t, n, class->blocks - pool->live);
	while (taken < n) {
		if (!part) {
			part = rounddown_pow_of_two(n - taken);
			random = ror32(random, 7) ^ (u32)(unsigned long)pool;
			deal = make_deal(part, blocks + taken, random);
		}
		for (; !*word; word++)
			base += class->size * BITS_PER_LONG;
		some = take_from_word(word, base, class->size, part, &deal);
		taken += some;
		part -= some;
	}
	pool->live += n;
	if (is_misplaced(class, pool))
		resort_pool(node, class, arena, pool);
	if (unlikely(node->heap->ctor) && !pyclass_is_meta(pool->class))
		mark_fresh(class, pool, base_of(arena, pool), n, blocks);
	return n;
}

static size_t take_blocks(struct pynode *node, unsigned int index, size_t n,
			  void **blocks, bool dip, u32 random)
{
	struct pyarena *arena;
	struct pypool *pool;
	size_t taken = 0;

	while (taken < n) {
		pool = fullest_pool(node, index, &arena);
		if (!pool)
			pool = make_pool(node, index, dip, &arena);
		if (!pool)
			break;
		taken += take_from_pool(node, arena, pool, n - taken,
					blocks + taken, random);
	}
	node->class[index].live += taken;
	node->live_bytes += taken * pyheap_class(node->heap, index)->size;
	return taken;
}

/* Blocks of a type whose constructor runs once on each. */
static noinline void construct_fresh(struct pyheap *heap, size_t n,
				     void **blocks)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!((unsigned long)blocks[i] & 1))
			continue;
		blocks[i] -= 1;
		pysan_show(blocks[i], pyheap_class(heap, 0)->size);
		heap->ctor(blocks[i]);
	}
}

/**
 * pyheap_take() - take blocks out of a node's pools
 * @node: the node
 * @index: their size class
 * @n: how many are wanted, PYHEAP_BATCH at most
 * @blocks: where to put them
 * @dip: go into the reserve, for who may not take a page
 * @random: a number that tells in which order
 *
 * Context: Any.
 * Return: how many it got; fewer than @n when the pools and free granules
 * are used up, none also in NMI while somebody else is at the node.
 */
size_t pyheap_take(struct pynode *node, unsigned int index, size_t n,
		   void **blocks, bool dip, u32 random)
{
	unsigned long flags;
	size_t taken;

	if (!pynode_lock(node, &flags))
		return 0;
	taken = take_blocks(node, index, n, blocks, dip, random);
	pynode_unlock(node, flags);
	if (unlikely(node->heap->ctor))
		construct_fresh(node->heap, taken, blocks);
	return taken;
}

/* === Giving back === */

/*
 * The pool that blocks are being given back to.  It is left alone until one
 * of another pool comes, so that its place among the others changes at most
 * once for all of them; and what the node counts changes once for all blocks
 * of a class, @put of which are not counted yet.  @bytes and @index are the
 * class's.
 */
struct visit {
	struct pyarena		*arena;
	struct pypool		*pool;
	const struct pyclass	*class;
	unsigned long		*bits;
	void			*base;
	size_t			bytes;
	u8			index;
	unsigned int		put;
};

static void count_put(struct pynode *node, const struct pyclass *class,
		      unsigned int put)
{
	node->class[class - node->heap->classes->class].live -= put;
	node->live_bytes -= put * class->size;
}

/*
 * Goes to the pool that @ptr lies in if it is of the class that was visited
 * last, as it mostly is: that class tells where the pool would begin.
 */
static __always_inline bool visit_same_class(struct visit *visit,
					     struct pyarena *arena,
					     const void *ptr)
{
	void *base = (void *)((unsigned long)ptr & ~(visit->bytes - 1));
	size_t granule = (base - arena->base) >> PYGRANULE_SHIFT;
	struct pypool *pool;

	if (unlikely(granule >= arena->granules))
		return false;
	pool = &arena->pools[granule];
	if (unlikely(pool->class != visit->index ||
		     pool->fullness > PYPOOL_FULL))
		return false;
	visit->arena = arena;
	visit->pool = pool;
	visit->base = base;
	visit->bits = pypool_bits(visit->class, pool);
	return true;
}

/*
 * Are a pool's class and the place of its bits such as they can be?  What the
 * map has of the class was written when the pool was made.
 */
static bool is_sound(const struct pyarena *arena, const struct pypool *pool,
		     const void *ptr)
{
	const struct pyheap *heap = arena->node->heap;
	const struct pyclass *class;
	size_t bytes;

	if (unlikely(!pyclass_exists(heap, pool->class)))
		return false;
	if (arena->source != PYARENA_VMALLOC &&
	    unlikely(pymap_code(ptr) != pyheap_code(heap, pool->class)))
		return false;
	class = pyheap_class(heap, pool->class);
	if (!pyclass_is_far(class))
		return true;
	bytes = far_bytes(class);
	return IS_ALIGNED((unsigned long)pool->far_free, bytes) &&
	       (pymap_lookup(pool->far_free) & PYMAP_CODE_MASK) ==
	       pyheap_code(heap, pymeta_class(bytes));
}

/* The granule at @ptr, or the first one of the pool that it belongs to. */
static struct pypool *head_at(const struct pyarena *arena, const void *ptr)
{
	struct pypool *pool = &arena->pools[pyarena_granule(arena, ptr)];

	while (pool->fullness == PYPOOL_TAIL && pool > arena->pools)
		pool--;
	return pool;
}

/* Goes to the pool that @ptr lies in; false if none does. */
static bool begin_visit(struct visit *visit, struct pyarena *arena,
			const void *ptr)
{
	struct pypool *pool;

	if (!pyarena_has(arena, ptr))
		return false;
	pool = head_at(arena, ptr);
	if (unlikely(pool->fullness > PYPOOL_FULL))
		return false;
	if (unlikely(!is_sound(arena, pool, ptr)))
		return false;
	visit->arena = arena;
	visit->pool = pool;
	visit->class = pyheap_class(arena->node->heap, pool->class);
	visit->bits = pypool_bits(visit->class, pool);
	visit->base = arena->base +
		      ((size_t)(pool - arena->pools) << PYGRANULE_SHIFT);
	visit->bytes = (size_t)visit->class->granules << PYGRANULE_SHIFT;
	visit->index = pool->class;
	return true;
}

/* Was the pool that @ptr lies in overwritten? */
static bool is_condemned(const struct pyarena *arena, const void *ptr)
{
	return pyarena_has(arena, ptr) &&
	       head_at(arena, ptr)->fullness == PYPOOL_CONDEMNED;
}

/* Leaves the pool at its place among the others. */
static __always_inline void end_visit(struct pynode *node, struct visit *visit)
{
	struct pypool *pool = visit->pool;

	if (pool->live >= visit->class->least[pool->fullness])
		return;
	/* A block of a type is nothing else as long as that exists. */
	if (pool->live || (visit->arena->heap->is_typed &&
			   !pyclass_is_meta(pool->class)))
		resort_pool(node, visit->class, visit->arena, pool);
	else
		dissolve_pool(node, visit->class, visit->arena, pool);
}

/* What a pointer @offset bytes into a pool with those @bits is. */
static __always_inline enum pyalloc_mistake judge(u32 reciprocal,
						  const unsigned long *bits,
						  u32 offset,
						  unsigned int *index)
{
	u64 product = (u64)reciprocal * offset;

	*index = product >> 32;
	if ((u32)product >= PYCLASS_FRACTION)
		return PYALLOC_INTERIOR;
	/* test_bit() and __set_bit() of memory are slow on x86. */
	if (bits[BIT_WORD(*index)] & BIT_MASK(*index))
		return PYALLOC_DOUBLE_FREE;
	return PYALLOC_NO_MISTAKE;
}

/* Behind the last block too, when it is looked at without the lock. */
static bool is_start(const struct visit *visit, const void *ptr)
{
	u64 product = (u64)visit->class->reciprocal * (u32)(ptr - visit->base);

	return (u32)product < PYCLASS_FRACTION &&
	       product >> 32 < visit->class->blocks;
}

static enum pyalloc_mistake judge_visited(const struct visit *visit,
					  const void *ptr)
{
	unsigned int index;

	if (!is_start(visit, ptr))
		return PYALLOC_INTERIOR;
	return judge(visit->class->reciprocal, visit->bits, ptr - visit->base,
		     &index);
}

/*
 * Gives back the first of @n blocks, as long as they lie in the visited pool
 * and none is a mistake.  All that the loop needs is in registers.
 */
static __always_inline size_t put_blocks(struct visit *visit, size_t n,
					 void **blocks,
					 enum pyalloc_mistake *mistake)
{
	u32 reciprocal = visit->class->reciprocal;
	unsigned long *bits = visit->bits;
	size_t bytes = visit->bytes, offset;
	void *base = visit->base;
	unsigned int index;
	size_t done;

	for (done = 0; done < n; done++) {
		offset = blocks[done] - base;
		if (offset >= bytes)
			break;
		*mistake = judge(reciprocal, bits, offset, &index);
		if (unlikely(*mistake != PYALLOC_NO_MISTAKE))
			break;
		bits[BIT_WORD(index)] |= BIT_MASK(index);
		if (!PYSAN_KASAN || !visit->arena->heap->is_typed)
			pysan_hide(blocks[done], visit->class->size);
	}
	visit->pool->live -= done;
	visit->put += done;
	return done;
}

/* From one pool to the one that @ptr lies in; false if none does. */
static __always_inline bool go_on(struct pynode *node, struct visit *visit,
				  struct pyarena *arena, const void *ptr)
{
	const struct pyclass *before = visit->class;

	if (before && visit_same_class(visit, arena, ptr))
		return true;
	if (!begin_visit(visit, arena, ptr) ||
	    pyclass_is_meta(visit->index)) {
		/* Nothing is left to be visited. */
		visit->class = before;
		return false;
	}
	if (visit->class != before && visit->put) {
		count_put(node, before, visit->put);
		visit->put = 0;
	}
	return true;
}

/*
 * Gives back blocks of one node until one of another, or a bad one, comes;
 * of that one @entry is what the map has while its pool still stands.
 */
static size_t put_run(struct pynode *node, size_t n, void **blocks,
		      enum pyalloc_mistake *mistake, u32 *entry)
{
	struct visit visit = {};
	struct pyarena *arena;
	size_t done = 0;

	while (done < n) {
		arena = pymap_arena_of(blocks[done]);
		if (!arena || arena->node != node)
			break;
		if (unlikely(!go_on(node, &visit, arena, blocks[done]))) {
			*mistake = is_condemned(arena, blocks[done]) ?
				   PYALLOC_OVERWRITTEN : PYALLOC_NO_POOL;
		} else {
			done += put_blocks(&visit, n - done, blocks + done,
					   mistake);
			if (unlikely(*mistake != PYALLOC_NO_MISTAKE))
				*entry = pymap_lookup(blocks[done]);
			end_visit(node, &visit);
		}
		if (unlikely(*mistake != PYALLOC_NO_MISTAKE))
			break;
	}
	if (visit.put)
		count_put(node, visit.class, visit.put);
	return done;
}

/**
 * pyheap_put() - give blocks back to their pools
 * @n: how many, PYHEAP_BATCH at most
 * @blocks: the blocks, of any heap, class and node
 * @caller: whom to name if one of them is not a block
 *
 * Blocks that lie in one node's arenas one after the other are given back
 * under one hold of its lock.
 *
 * Context: Any.
 * Return: how many of the first blocks are done with; fewer than @n only in
 * NMI, while somebody else is at a node.
 */
size_t pyheap_put(size_t n, void **blocks, unsigned long caller)
{
	enum pyalloc_mistake mistake;
	struct pyarena *arena;
	unsigned long flags;
	size_t done = 0;
	u32 entry;

	rcu_read_lock();
	while (done < n) {
		mistake = PYALLOC_NO_MISTAKE;
		entry = 0;
		arena = pymap_arena_of(blocks[done]);
		if (!arena) {
			mistake = PYALLOC_WILD;
		} else {
			if (!pynode_lock(arena->node, &flags))
				break;
			done += put_run(arena->node, n - done, blocks + done,
					&mistake, &entry);
			pynode_unlock(arena->node, flags);
		}
		if (mistake == PYALLOC_NO_MISTAKE)
			continue;
		/* It was counted as freed when it came in. */
		atomic_long_inc(&pyheap_default.false_frees);
		/* A condemned pool was reported, and is no mistake now. */
		if (mistake != PYALLOC_OVERWRITTEN)
			pydebug_report(mistake, blocks[done], entry, caller);
		done++;
	}
	rcu_read_unlock();
	return done;
}
EXPORT_SYMBOL_GPL(pyheap_put);

/* In a condemned pool a block stays good as long as it is live. */
static enum pyalloc_mistake no_visit(const struct pyarena *arena,
				     const void *ptr)
{
	unsigned int index = pymap_class(pymap_lookup(ptr));
	const struct pyclass *class;

	if (!arena || !is_condemned(arena, ptr) || pyclass_is_meta(index) ||
	    !pyclass_exists(arena->node->heap, index))
		return PYALLOC_NO_POOL;
	class = pyheap_class(arena->node->heap, index);
	return pyclass_is_start(class, ptr) ? PYALLOC_NO_MISTAKE :
					      PYALLOC_INTERIOR;
}

/**
 * pynode_judge() - pyheap_judge() for who holds the node's lock
 * @ptr: a pointer for which the map has an entry
 *
 * Context: With the lock of the node that it belongs to.
 * Return: as pyheap_judge().
 */
enum pyalloc_mistake pynode_judge(const void *ptr)
{
	struct pyarena *arena = pymap_arena_of(ptr);
	struct visit visit;

	if (!arena || !begin_visit(&visit, arena, ptr))
		return no_visit(arena, ptr);
	if (pyclass_is_meta(visit.index))
		return PYALLOC_NO_POOL;
	return judge_visited(&visit, ptr);
}

/* A pool can't be believed: what it was is told by what the map has. */
static void find_condemned_spot(struct pyarena *arena, const void *ptr,
				struct pyspot *spot)
{
	unsigned int index = pymap_class(pymap_lookup(ptr));
	const struct pyheap *heap = arena->node->heap;
	unsigned long offset;

	if (!pyclass_exists(heap, index))
		return;
	spot->class = pyheap_class(heap, index);
	spot->index = index;
	offset = (unsigned long)ptr &
		 ((spot->class->granules << PYGRANULE_SHIFT) - 1);
	spot->base = ptr - offset;
	spot->block = offset / spot->class->size;
}

/**
 * pynode_find_spot() - what lies at an address
 * @arena: the arena, which has the address
 * @ptr: the address
 * @spot: where in a pool that is; of a condemned one @class may be NULL
 *
 * Context: With the lock of the arena's node.
 * Return: 0: in a pool; else PYPOOL_NONE, PYPOOL_HOLE or PYPOOL_CONDEMNED.
 */
u8 pynode_find_spot(struct pyarena *arena, const void *ptr,
		    struct pyspot *spot)
{
	u8 fullness = head_at(arena, ptr)->fullness;
	struct visit visit;

	*spot = (struct pyspot) {};
	if (fullness == PYPOOL_NONE || fullness == PYPOOL_HOLE)
		return fullness;
	if (!begin_visit(&visit, arena, ptr)) {
		find_condemned_spot(arena, ptr, spot);
		return PYPOOL_CONDEMNED;
	}
	spot->class = visit.class;
	spot->index = visit.index;
	spot->base = visit.base;
	spot->block = (ptr - visit.base) / visit.class->size;
	spot->is_free = spot->block < visit.class->blocks &&
			test_bit(spot->block, visit.bits);
	return 0;
}

/* With the lock: the bits are a block that may go with its pool. */
static enum pyalloc_mistake judge_far(const struct visit *visit,
				      const void *ptr)
{
	struct pynode *node = visit->arena->node;
	enum pyalloc_mistake mistake;
	unsigned long flags;

	if (!is_start(visit, ptr))
		return PYALLOC_INTERIOR;
	if (!pynode_lock(node, &flags))
		return PYALLOC_NO_MISTAKE;
	mistake = pynode_judge(ptr);
	pynode_unlock(node, flags);
	return mistake;
}

/**
 * pyheap_judge() - is this a block of a heap that is not in a pool?
 * @ptr: a pointer for which the map has an entry
 *
 * Takes no lock but for the smallest classes: of a live block nothing that is
 * looked at changes, and of all else only the descriptor is read, which RCU
 * keeps.
 *
 * Context: Any; in NMI a pointer of the smallest classes is believed while
 * somebody else is at its node.
 * Return: PYALLOC_NO_MISTAKE, or what it is instead.
 */
enum pyalloc_mistake pyheap_judge(const void *ptr)
{
	enum pyalloc_mistake mistake = PYALLOC_NO_POOL;
	struct pyarena *arena;
	struct visit visit;

	rcu_read_lock();
	arena = pymap_arena_of(ptr);
	/* Its pool's fullness does change, and its neighbours' bits. */
	if (!arena || !data_race(begin_visit(&visit, arena, ptr)))
		/* Damage that is seen a moment late was not seen before. */
		mistake = data_race(no_visit(arena, ptr));
	else if (pyclass_is_far(visit.class))
		mistake = judge_far(&visit, ptr);
	else if (!pyclass_is_meta(visit.index))
		/* The neighbours' bits are not what counts. */
		mistake = data_race(judge_visited(&visit, ptr));
	rcu_read_unlock();
	return mistake;
}

/* Behind pyheap_hide(): by what the map has, so in condemned pools too. */
void __pyheap_hide(const void *block)
{
	u8 code = pymap_lookup(block) & PYMAP_CODE_MASK & ~PYMAP_CLOSED;
	struct pyarena *arena;

	rcu_read_lock();
	arena = pymap_arena_of(block);
	/* Who knows a type may look at a free object of it. */
	if (arena && code && !arena->heap->is_typed)
		pysan_hide(block, pyheap_class(arena->heap, code - 1)->size);
	rcu_read_unlock();
}

/**
 * pyheap_is_live() - as pyheap_judge(), and report what is not
 * @ptr: a pointer for which the map has an entry
 * @caller: whom to name if it is not a live block
 *
 * Context: Any.
 * Return: true, or false after a report.
 */
bool pyheap_is_live(const void *ptr, unsigned long caller)
{
	enum pyalloc_mistake mistake = pyheap_judge(ptr);

	/* It lies in a front or a depot. */
	if (mistake == PYALLOC_NO_MISTAKE && pysan_is_hidden(ptr))
		mistake = PYALLOC_DOUBLE_FREE;
	if (mistake != PYALLOC_NO_MISTAKE)
		pydebug_report(mistake, ptr, pymap_lookup(ptr), caller);
	return mistake == PYALLOC_NO_MISTAKE;
}

/* === Blocks for the heap itself === */

/**
 * pynode_take_meta() - pyheap_take_meta() for who holds the node's lock
 * @node: the node
 * @bytes: how large, a power of two
 * @dip: as for pyheap_take()
 *
 * Context: With the node's lock.
 * Return: as pyheap_take_meta().
 */
void *pynode_take_meta(struct pynode *node, size_t bytes, bool dip)
{
	unsigned int index = pymeta_class(bytes);
	void *block;

	if (pyfault_strikes(PYFAULT_META) ||
	    !take_blocks(node, index, 1, &block, dip, 0))
		return NULL;
	pysan_show(block, pyheap_class(node->heap, index)->size);
	return block;
}

/**
 * pynode_put_meta() - pyheap_put_meta() for who holds the node's lock
 * @node: the node
 * @block: the block, which is of that node
 *
 * Context: With the node's lock.
 */
void pynode_put_meta(struct pynode *node, void *block)
{
	enum pyalloc_mistake mistake;
	struct visit visit = {};

	/* In a condemned pool it stays out, and counted so. */
	if (unlikely(!begin_visit(&visit, pymap_arena_of(block), block)))
		return;
	if (unlikely(!put_blocks(&visit, 1, &block, &mistake))) {
		pynode_note_damage(node, block);
		return;
	}
	end_visit(node, &visit);
	count_put(node, visit.class, 1);
}

/**
 * pyheap_take_meta() - take a block that the heap itself needs
 * @node: the node
 * @bytes: how large, a power of two
 * @dip: as for pyheap_take()
 *
 * Context: Any.
 * Return: the block, aligned to @bytes, or NULL.
 */
void *pyheap_take_meta(struct pynode *node, size_t bytes, bool dip)
{
	unsigned long flags;
	void *block;

	if (!pynode_lock(node, &flags))
		return NULL;
	block = pynode_take_meta(node, bytes, dip);
	pynode_unlock(node, flags);
	return block;
}
EXPORT_SYMBOL_GPL(pyheap_take_meta);

/**
 * pyheap_put_meta() - give back what pyheap_take_meta() took
 * @block: the block
 *
 * Context: Any but NMI.
 */
void pyheap_put_meta(void *block)
{
	struct pynode *node = pymap_arena_of(block)->node;
	unsigned long flags;

	pynode_lock(node, &flags);
	pynode_put_meta(node, block);
	pynode_unlock(node, flags);
}
EXPORT_SYMBOL_GPL(pyheap_put_meta);

/**
 * pyheap_add_bytes() - note that a domain holds more bytes, or less
 * @heap: the heap that keeps the account
 * @row: the domain, or the row of foreign blocks
 * @bytes: the difference
 *
 * Context: Any.
 */
void pyheap_add_bytes(struct pyheap *heap, unsigned int row, long bytes)
{
	long now = atomic_long_add_return(bytes, &heap->domain_bytes[row]);
	long peak = atomic_long_read(&heap->domain_peak[row]);

	while (now > peak &&
	       !atomic_long_try_cmpxchg(&heap->domain_peak[row], &peak, now))
		;
}

/* === Arenas of a node === */

/**
 * pynode_add_arena() - put a new arena to use
 * @node: the node that its memory is on
 * @arena: its descriptor, which the map has a number for
 *
 * Context: Any but NMI.
 */
void pynode_add_arena(struct pynode *node, struct pyarena *arena)
{
	unsigned long flags;

	pynode_lock(node, &flags);
	pymap_publish_arena(arena);
	arena->bucket = PYARENA_FULL;
	sort_arena(node, arena);
	node->nr_arenas++;
	node->taken++;
	node->highwater = max(node->highwater, node->nr_arenas);
	node->granules += arena->granules;
	node->free_granules += arena->granules;
	node->metadata += pyarena_metadata_bytes(arena);
	pynode_unlock(node, flags);
}

static void forget_arena(struct pynode *node, struct pyarena *arena)
{
	node->nr_arenas--;
	node->granules -= pyarena_held(arena);
	node->free_granules -= pyarena_held(arena);
	node->free_low = min(node->free_low, node->free_granules);
	node->empty_granules -= pyarena_held(arena);
	node->empty_low = min(node->empty_low, node->empty_granules);
	node->metadata -= pyarena_metadata_bytes(arena);
}

/* The one that was put there first has rested longest. */
static struct pyarena *find_empty(struct pynode *node, unsigned long most)
{
	struct pyarena *arena;
	unsigned int tries = 8;

	list_for_each_entry_reverse(arena, &node->arenas[PYARENA_EMPTY],
				    list) {
		if (pyarena_held(arena) <= most)
			return arena;
		if (!--tries)
			break;
	}
	return NULL;
}

/**
 * pynode_take_empty() - take wholly free arenas away from a node
 * @node: the node
 * @want: stop when they hold so many granules
 * @most: and never take more
 * @arenas: list that they are added to, for pyarena_release()
 *
 * Context: Any but NMI.  One arena a hold of the lock.
 * Return: granules that they hold.
 */
unsigned long pynode_take_empty(struct pynode *node, unsigned long want,
				unsigned long most, struct list_head *arenas)
{
	struct pyarena *arena = NULL;
	unsigned long flags, got = 0;

	while (got < want) {
		pynode_lock(node, &flags);
		arena = find_empty(node, most - got);
		if (arena) {
			forget_arena(node, arena);
			list_move(&arena->list, arenas);
			got += pyarena_held(arena);
		}
		pynode_unlock(node, flags);
		if (!arena)
			break;
	}
	return got;
}

static bool is_free_page(const struct pyarena *arena, unsigned int at)
{
	unsigned int i;

	for (i = 0; i < PYARENA_PAGE_GRANULES; i++)
		if (arena->pools[at + i].fullness != PYPOOL_NONE)
			return false;
	return true;
}

static void make_hole(struct pyarena *arena, unsigned int at)
{
	unsigned int i;

	for (i = 0; i < PYARENA_PAGE_GRANULES; i++)
		arena->pools[at + i].fullness = PYPOOL_HOLE;
	bitmap_set(arena->used_map, at, PYARENA_PAGE_GRANULES);
	pymap_forget(arena, at, PYARENA_PAGE_GRANULES);
}

static void count_holes(struct pynode *node, struct pyarena *arena,
			unsigned int granules)
{
	arena->holes += granules;
	arena->free_granules -= granules;
	node->granules -= granules;
	node->free_granules -= granules;
	node->free_low = min(node->free_low, node->free_granules);
	if (arena->bucket == PYARENA_EMPTY) {
		node->empty_granules -= granules;
		node->empty_low = min(node->empty_low, node->empty_granules);
	}
	sort_arena(node, arena);
}

/* One that is wholly free keeps a page, and the node its reserve. */
static unsigned long most_holes(const struct pynode *node,
				const struct pyarena *arena)
{
	unsigned long spare = arena->free_granules;
	unsigned long reserve = READ_ONCE(node->reserve);

	if (arena->bucket == PYARENA_EMPTY)
		spare -= PYARENA_PAGE_GRANULES;
	if (node->free_granules < reserve)
		return 0;
	return min(spare, node->free_granules - reserve);
}

/**
 * pynode_take_holes() - take free pages out of an arena
 * @arena: the arena
 * @want: take no more granules than this
 * @holes: bits that are set for the first granule of each page
 *
 * Context: Any but NMI, with the walk of the arena's heap held.
 * Return: granules that they hold.
 */
unsigned long pynode_take_holes(struct pyarena *arena, unsigned long want,
				unsigned long *holes)
{
	struct pynode *node = arena->node;
	unsigned long flags, got = 0;
	unsigned int at = 0;

	pynode_lock(node, &flags);
	want = min(want, most_holes(node, arena));
	for (; at < arena->granules && got + PYARENA_PAGE_GRANULES <= want;
	     at += PYARENA_PAGE_GRANULES) {
		if (!is_free_page(arena, at))
			continue;
		make_hole(arena, at);
		__set_bit(at, holes);
		got += PYARENA_PAGE_GRANULES;
	}
	count_holes(node, arena, got);
	pynode_unlock(node, flags);
	return got;
}

/**
 * pynode_begin_interval() - begin to watch how little a node needs
 * @node: the node
 *
 * Context: Any but NMI.
 * Return: whether it has more than it needs now.
 */
bool pynode_begin_interval(struct pynode *node)
{
	unsigned long flags;
	bool more;

	pynode_lock(node, &flags);
	WRITE_ONCE(node->empty_low, node->empty_granules);
	WRITE_ONCE(node->free_low, node->free_granules);
	more = node->empty_granules || pynode_excess(node);
	pynode_unlock(node, flags);
	return more;
}

/* === Heaps === */

static struct pynode *make_node(struct pyheap *heap, int nid)
{
	struct pynode *node;
	unsigned int i;

	if (pyfault_strikes(PYFAULT_HEAP_NODE))
		return NULL;
	node = kzalloc_node(struct_size(node, class, PYCLASSES_ALL), GFP_KERNEL,
			    node_online(nid) ? nid : NUMA_NO_NODE);
	if (!node)
		return NULL;
	raw_spin_lock_init(&node->lock);
	node->heap = heap;
	node->nid = nid;
	for (i = 0; i < PYARENA_BUCKETS; i++)
		INIT_LIST_HEAD(&node->arenas[i]);
	return node;
}

static int make_nodes(struct pyheap *heap)
{
	int nid;

	if (!pyfault_strikes(PYFAULT_HEAP_NODES))
		heap->node = kcalloc(nr_node_ids, sizeof(*heap->node),
				     GFP_KERNEL);
	if (!heap->node)
		return -ENOMEM;
	for_each_node(nid) {
		heap->node[nid] = make_node(heap, nid);
		if (!heap->node[nid])
			return -ENOMEM;
	}
	return 0;
}

static void free_nodes(struct pyheap *heap)
{
	int nid;

	if (!heap->node)
		return;
	for_each_node(nid)
		kfree(heap->node[nid]);
	kfree(heap->node);
}

static void fill_tables(struct pyheap *heap)
{
	unsigned int step, class;

	for (step = 0; step < PYALLOC_STEPS; step++) {
		class = heap->classes->of_step[step];
		heap->step_size[step] = pyheap_class(heap, class)->size;
	}
	heap->stock_at = heap->classes->stock_at;
	heap->nr_classes = heap->classes->nr;
}

/* Hooks that are turned on at this moment come to it here or from there. */
static int add_heap(struct pyheap *heap)
{
	int error;

	mutex_lock(&pyheaps_lock);
	error = pyhook_init_heap(heap);
	if (!error) {
		list_add_tail(&heap->list, &pyheaps);
		if (heap != &pyheap_default)
			WRITE_ONCE(pyheap_others, pyheap_others + 1);
	}
	mutex_unlock(&pyheaps_lock);
	if (heap != &pyheap_default)
		pyhook_choose_way();
	return error;
}

/**
 * pyclasses_make_one() - a scheme of one class, for a type
 * @size: what its blocks have room for, PYALLOC_SMALL_MAX at most
 *
 * Context: Process; sleeps.
 * Return: the scheme, for kfree(), or NULL.
 */
struct pyclasses *pyclasses_make_one(size_t size)
{
	struct pyclasses *one = kzalloc(sizeof(*one), GFP_KERNEL);

	if (!one)
		return NULL;
	one->name = "one";
	add_class(one, max_t(size_t, ALIGN(size, 8), 8));
	add_other_classes(one);
	return one;
}

/**
 * pyheap_init() - make a heap, with no arena yet
 * @heap: the heap, all zero but for what is a private heap's alone
 * @name: as in debugfs
 * @classes: its size classes
 *
 * Context: Process.
 * Return: 0 or -ENOMEM.
 */
int pyheap_init(struct pyheap *heap, const char *name,
		const struct pyclasses *classes)
{
	int error;

	heap->name = name;
	heap->classes = classes;
	mutex_init(&heap->walk);
	pyfront_shut(heap);
	error = make_nodes(heap);
	if (!error && !pyheap_is_private(heap))
		error = pyfront_init(heap);
	if (error) {
		free_nodes(heap);
		return error;
	}
	fill_tables(heap);
	error = add_heap(heap);
	if (error) {
		pyfront_exit(heap);
		free_nodes(heap);
	}
	return error;
}
EXPORT_SYMBOL_GPL(pyheap_init);

/**
 * pyheap_of() - the heap that an address lies in
 * @entry: what the map has for it
 *
 * Context: Any.  The arena of a block can't go while the block lives.
 * Return: the heap, or NULL if the arena is gone.
 */
struct pyheap *pyheap_of(u32 entry)
{
	struct pyheap *heap = NULL;
	struct pyarena *arena;

	rcu_read_lock();
	arena = pymap_arena(entry >> PYMAP_ARENA_SHIFT);
	if (arena)
		heap = arena->heap;
	rcu_read_unlock();
	return heap;
}

/**
 * pyheap_next_arena() - walk the arenas of a heap
 * @heap: the heap
 * @number: where to begin; moved on to what was found
 *
 * Context: With the heap's walk held, so that what is found stays.
 * Return: the heap's first arena with that number or a higher one, or NULL.
 */
struct pyarena *pyheap_next_arena(struct pyheap *heap, u32 *number)
{
	struct pyarena *arena;

	rcu_read_lock();
	for (; (arena = pymap_next_arena(number)); ++*number)
		if (arena->heap == heap)
			break;
	rcu_read_unlock();
	return arena;
}
EXPORT_SYMBOL_GPL(pyheap_next_arena);

/*
 * kmemleak would not let anybody else have the memory of what it tracks, and a
 * trace would count it for ever.
 */
static void forget_pool(struct pyheap *heap, struct pypool *pool, void *base)
{
	const struct pyclass *class = pyheap_class(heap, pool->class);
	size_t head = pyclass_is_decorated(pool->class) ? PYHOOK_HEAD : 0;
	struct pytrace_old old;
	unsigned int i;

	for (i = 0; i < class->blocks; i++, base += class->size) {
		if (pyheap_judge(base) != PYALLOC_NO_MISTAKE)
			continue;
		pytrace_forget(PYMEM_DOMAIN_MEM, base + head, &old);
		pysan_forget(base);
	}
}

static void forget_live(struct pyheap *heap, struct pyarena *arena)
{
	unsigned int i;

	if (!PYSAN_KMEMLEAK && !pytrace_is_tracing())
		return;
	for (i = 0; i < arena->granules; i++)
		if (!pyclass_is_meta(arena->pools[i].class) &&
		    (arena->pools[i].fullness <= PYPOOL_FULL ||
		     arena->pools[i].fullness == PYPOOL_CONDEMNED))
			forget_pool(heap, &arena->pools[i],
				    arena->base + ((size_t)i << PYGRANULE_SHIFT));
}

/* Blocks may be live: their arenas are on any list or on none. */
static void release_all(struct pyheap *heap)
{
	struct pyarena *arena;
	LIST_HEAD(arenas);
	u32 number;

	mutex_lock(&heap->walk);
	for (number = 1; (arena = pyheap_next_arena(heap, &number)); number++) {
		forget_live(heap, arena);
		list_move(&arena->list, &arenas);
		cond_resched();
	}
	pyarena_release(&arenas);
	mutex_unlock(&heap->walk);
}

/**
 * pyheap_exit() - take a heap down with every block that is left in it
 * @heap: the heap, which nobody uses any more
 *
 * Context: Process.
 */
void pyheap_exit(struct pyheap *heap)
{
	mutex_lock(&pyheaps_lock);
	list_del(&heap->list);
	if (heap != &pyheap_default)
		WRITE_ONCE(pyheap_others, pyheap_others - 1);
	mutex_unlock(&pyheaps_lock);
	if (heap != &pyheap_default)
		pyhook_choose_way();
	pyfront_exit(heap);
	pyquarantine_exit(heap);
	release_all(heap);
	/* Who walks the arenas of another heap looks at those of this one. */
	synchronize_rcu();
	free_nodes(heap);
	heap->node = NULL;
}
EXPORT_SYMBOL_GPL(pyheap_exit);
