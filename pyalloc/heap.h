/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Heaps: size classes, pools, and the state of each NUMA node.
 */
#ifndef _PYALLOC_HEAP_H
#define _PYALLOC_HEAP_H

#include <linux/list.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/pyalloc.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>

#include "arena.h"
#include "debug.h"
#include "depot.h"
#include "sanitizer.h"
#include "zero.h"

struct dentry;
struct lockdep_map;
struct module;
struct pyfront;
struct pyquarantine;
struct pyreserve;
struct pystock;

/* The most blocks that move between pools and one place under one hold. */
#define PYHEAP_BATCH	64

#define PYCLASS_MAX	32

/*
 * Behind a scheme's classes come those of the blocks that the heap needs for
 * itself, of 32 to 512 bytes.  They have pools of their own, so that what
 * clients write past a block does not hit them.
 */
#define PYMETA_MIN_SHIFT	5
#define PYMETA_CLASSES		5
#define PYMETA_FIRST		PYCLASS_MAX

/*
 * And behind these the scheme's own once more, for blocks that debug hooks
 * decorated: by its pool it is known of every block whether it is one.
 */
#define PYDECORATED_FIRST	(PYMETA_FIRST + PYMETA_CLASSES)

/*
 * And a last time for blocks that sampling picked: their pools' code in the map
 * keeps the fast path off, so that only their frees are seen.
 */
#define PYSAMPLED_FIRST		(PYDECORATED_FIRST + PYCLASS_MAX)
#define PYCLASSES_ALL		(PYSAMPLED_FIRST + PYCLASS_MAX)
#define PYALLOC_STEPS	((PYALLOC_SMALL_MAX >> PYALLOC_STEP_SHIFT) + 1)

/**
 * struct pyclass - a size class
 * @reciprocal: 2^32 / @size and a little more: offset * reciprocal has the
 *	block's index above bit 32, and below it a fraction
 * @size: a block's bytes
 * @blocks: how many blocks a pool has
 * @least: how many of them are live in a pool of each fullness, at least
 * @granules: how many granules a pool has
 * @slots_shift: a front's array of them has 2^slots_shift slots at most
 */
struct pyclass {
	u32	reciprocal;
	u16	size;
	u16	blocks;
	u16	least[PYPOOL_FULL + 1];
	u8	granules;
	u8	slots_shift;
};

/*
 * The fraction is under this at the start of each of a pool's blocks, and
 * nowhere else.  What the reciprocal is too large by adds up from block to
 * block, and reaches this just behind the last; one byte into a block is
 * 2^32 / 512 at least, which is twice this.
 */
#define PYCLASS_FRACTION	BIT(22)

enum pyclasses_scheme {
	PYCLASSES_LINEAR,
	PYCLASSES_FINE,
	PYCLASSES_POW2,
	PYCLASSES_NR,
};

/**
 * struct pyclasses - a scheme of size classes
 * @name: as in the parameter and in debugfs
 * @nr: how many classes there are for clients
 * @class: the classes, by rising size, and from PYMETA_FIRST on the others;
 *	what is between has no blocks
 * @of_step: the class that serves a request of so many steps of 8 bytes
 * @stock_at: where in a front its stock is
 */
struct pyclasses {
	const char	*name;
	unsigned int	nr;
	struct pyclass	class[PYCLASSES_ALL];
	u8		of_step[PYALLOC_STEPS];
	u16		stock_at[PYALLOC_STEPS];
};

extern struct pyclasses pyclasses[PYCLASSES_NR];

/**
 * struct pynode_class - the pools of one class on one node
 * @partial: ids of the first pools with some blocks live, by quarters
 * @pools: how many pools there are, full ones too
 * @live: blocks that are out of the pools, wherever they are
 * @depot: those of them that lie in full arrays, which no front has
 */
struct pynode_class {
	u32		partial[PYPOOL_QUARTERS];
	u32		pools;
	u32		live;
	struct pydepot	depot;
};

/**
 * struct pynode - a heap's state on one NUMA node
 * @lock: protects all of this, the arenas' descriptors, their pools and
 *	their entries in the map
 * @held: somebody has it, for kernels without SMP, where it does not say so
 * @heap: whose it is
 * @nid: the node's number
 * @arenas: arenas with free granules, by share; see PYARENA_SHARES
 * @nr_arenas: how many arenas there are
 * @highwater: the most there were
 * @taken: how many were ever taken from the kernel
 * @granules: what the arenas hold
 * @free_granules: what of it no pool lies on
 * @empty_granules: what of it lies in wholly free arenas
 * @free_low: the least @free_granules since the last trim
 * @empty_low: the least @empty_granules since the last trim
 * @kept: granules that are not given back unasked
 * @wants_arena: its depots had no memory for an array
 * @starved: who may not take a page got nothing since it was last filled
 * @reserve: free granules that only contexts which may not take a page use
 * @metadata: bytes of descriptors
 * @lock_holds: how often the lock was taken, but for looks by check
 * @live_bytes: blocks out of the pools, in bytes
 * @overwritten: where damage was seen, to be reported without the lock
 * @class: a state a class
 */
struct pynode {
	raw_spinlock_t		lock;
	bool			held;
	struct pyheap		*heap;
	int			nid;
	struct list_head	arenas[PYARENA_BUCKETS];
	unsigned long		nr_arenas;
	unsigned long		highwater;
	unsigned long		taken;
	unsigned long		granules;
	unsigned long		free_granules;
	unsigned long		empty_granules;
	unsigned long		free_low;
	unsigned long		empty_low;
	unsigned long		kept;
	bool			wants_arena;
	bool			starved;
	unsigned long		reserve;
	size_t			metadata;
	unsigned long		lock_holds;
	size_t			live_bytes;
	const void		*overwritten;
	struct pynode_class	class[];
};

/**
 * struct pyheap_own - where the fast path of a heap with a client's lock goes
 * @by_step: the stock that serves so many steps
 * @by_code: the stock of the class that the map's code stands for
 */
struct pyheap_own {
	struct pystock	*by_step[PYALLOC_STEPS];
	struct pystock	*by_code[PYMAP_CODES];
};

/**
 * struct pyheap - arenas, pools and fronts with one set of size classes
 * @open: the front that the fast path goes to, of a private heap: its own, or
 *	one that has nothing and takes nothing
 * @stock_at: where in a front is the stock that serves so many steps
 * @nr_classes: how many classes there are for clients
 * @is_locked: PYHEAP_EXTERNAL_LOCK: one caller at a time
 * @is_open: the fast path leads to its front; with @way_lock
 * @is_typed: its blocks are one type's, and nothing is written to free ones
 * @is_ending: somebody destroys it
 * @is_destroyed: nothing is left of it but this
 * @inside: with debug hooks: somebody is inside, if @is_locked
 * @step_size: the class size that serves so many steps
 * @front: each CPU's own stocks; NULL while a private heap was not used
 * @own_front: in its place, if @is_locked
 * @quarantine: where each CPU's decorated blocks rest; NULL without hooks
 * @lock: the client's own lock, to be held in each call, for lockdep; or NULL
 * @classes: its scheme
 * @node: the state of each NUMA node
 * @name: as in debugfs
 * @list: among all heaps
 * @walk: held while somebody walks the arenas, none of which is released then
 * @domain_bytes: live bytes by domain, foreign ones last, as last seen at refills and flushes
 * @domain_peak: the most of it
 * @false_frees: frees that were counted, of blocks that nobody gets again:
 *	mistakes found later, and what was lost to damage
 * @late_frees: frees past the front, after a grace period, if @is_locked
 * @id: its number, not given again; 0 is the default heap's
 * @flags: the client's
 * @arena_shift: the size of its arenas; 0: as the module's parameter says
 * @limit: the most that it may hold, in bytes; 0: no limit
 * @held: what it holds, arenas and blocks of raw; see pycharge_take()
 * @refused: requests that the limit refused
 * @told_limit: it was said that the limit is exceeded
 * @failures: requests answered with NULL
 * @raw_mallocs: blocks of raw that it got
 * @raw_frees: those of them that came back
 * @raw_bytes: usable bytes of the difference
 * @ctor: what runs once on each block, or NULL
 * @own_classes: its scheme, if no other heap has it
 * @reserves: what was promised; see reserve.c
 * @short_of: how many blocks the reserves lack
 * @module: who made it, while that is there
 * @owner: its name
 * @dir: its folder in debugfs
 * @way_lock: held to open or shut the fast path
 * @privates: among all private heaps, those that were destroyed too
 * @own: with PYHEAP_EXTERNAL_LOCK the stocks that the fast path goes to
 */
struct pyheap {
	struct pyfront __percpu	*open;
	const u16		*stock_at;
	u8			nr_classes;
	bool			is_locked;
	bool			is_open;
	bool			is_typed;
	bool			is_ending;
	bool			is_destroyed;
	bool			inside;
	u16			step_size[PYALLOC_STEPS];
	struct pyfront __percpu	*front;
	struct pyfront		*own_front;
	struct pyquarantine __percpu *quarantine;
	struct lockdep_map	*lock;
	const struct pyclasses	*classes;
	struct pynode		**node;
	const char		*name;
	struct list_head	list;
	struct mutex		walk;	/* see above */
	atomic_long_t		domain_bytes[PYMEM_NR_DOMAINS + 1];
	atomic_long_t		domain_peak[PYMEM_NR_DOMAINS + 1];
	atomic_long_t		false_frees;
	atomic_long_t		late_frees;
	u32			id;
	unsigned int		flags;
	unsigned int		arena_shift;
	size_t			limit;
	atomic_long_t		held;
	atomic_long_t		refused;
	unsigned long		told_limit;
	atomic_long_t		failures;
	atomic_long_t		raw_mallocs;
	atomic_long_t		raw_frees;
	atomic_long_t		raw_bytes;
	void			(*ctor)(void *block);
	struct pyclasses	*own_classes;
	struct pyreserve	*reserves;
	atomic_t		short_of;
	const struct module	*module;
	const char		*owner;
	struct dentry		*dir;
	raw_spinlock_t		way_lock;
	struct list_head	privates;
	struct pyheap_own	own[];
};

void __pyheap_hide(const void *block);

extern struct pyheap pyheap_default;

static inline bool pyheap_is_private(const struct pyheap *heap)
{
	return heap != &pyheap_default;
}

extern unsigned int pyheap_others;
extern struct list_head pyheaps;
extern struct mutex pyheaps_lock;

/* So much may be free in a node's arenas, or a quarter of what they hold. */
#define PYNODE_FREE_GRANULES	(SZ_256K >> PYGRANULE_SHIFT)

/* Granules that are free beyond that. */
static inline unsigned long pynode_excess(const struct pynode *node)
{
	unsigned long may = max_t(unsigned long, PYNODE_FREE_GRANULES,
				  READ_ONCE(node->granules) / 4);
	unsigned long free = READ_ONCE(node->free_granules);

	return free > may ? free - may : 0;
}

/* With the lock of the node whose pool it is. */
static inline struct pyarena *pypool_arena(u32 id)
{
	return pymap_arena_at(id >> PYMAP_ARENA_SHIFT);
}

static inline struct pypool *pypool_of(struct pyarena *arena, u32 id)
{
	return &arena->pools[id & PYMAP_CODE_MASK];
}

/* The pool that a link leads to, as far as it can lead anywhere, or NULL. */
static inline struct pypool *pypool_at(u32 id)
{
	struct pyarena *arena = pymap_arena(id >> PYMAP_ARENA_SHIFT);

	if (unlikely(!arena || (id & PYMAP_CODE_MASK) >= arena->granules))
		return NULL;
	return pypool_of(arena, id);
}

/* A pool's bits: 128 lie in its descriptor, more in a block of the heap. */
static inline bool pyclass_is_far(const struct pyclass *class)
{
	return class->blocks > 128;
}

/* What the largest array of a class has: a block a slot, and the floor. */
static inline size_t pyclass_slots(const struct pyclass *class)
{
	return 1UL << class->slots_shift;
}

static inline unsigned long *pypool_bits(const struct pyclass *class,
					 struct pypool *pool)
{
	return pyclass_is_far(class) ? pool->far_free : pool->free;
}

/* Is there such a node, or is any meant? */
static inline bool pynode_exists(int nid)
{
	return nid == NUMA_NO_NODE ||
	       (nid >= 0 && nid < nr_node_ids && node_online(nid));
}

static inline struct pynode *pyheap_this_node(struct pyheap *heap)
{
	return heap->node[numa_mem_id()];
}

static inline const struct pyclass *pyheap_class(const struct pyheap *heap,
						 unsigned int class)
{
	return &heap->classes->class[class];
}

/* A block that the map knows is free. */
static inline void pyheap_hide(const void *block)
{
	if (PYSAN_KASAN)
		__pyheap_hide(block);
}

/* A class that was noted somewhere may have been overwritten. */
static inline bool pyclass_exists(const struct pyheap *heap,
				  unsigned int class)
{
	return class < PYCLASSES_ALL && pyheap_class(heap, class)->blocks;
}

static inline bool pyclass_is_meta(unsigned int class)
{
	return class - PYMETA_FIRST < PYMETA_CLASSES;
}

static inline bool pyclass_is_decorated(unsigned int class)
{
	return class - PYDECORATED_FIRST < PYCLASS_MAX;
}

static inline bool pyclass_is_sampled(unsigned int class)
{
	return class - PYSAMPLED_FIRST < PYCLASS_MAX;
}

/* A client's class, whether its blocks are decorated or sampled or neither. */
static inline unsigned int pyclass_plain(unsigned int class)
{
	if (pyclass_is_sampled(class))
		return class - PYSAMPLED_FIRST;
	return pyclass_is_decorated(class) ? class - PYDECORATED_FIRST : class;
}

/*
 * A block stays where it is if its class would be the same, or if it still fits
 * and uses more than three quarters.
 */
static inline bool pyheap_stays(const struct pyheap *heap, unsigned int class,
				size_t size)
{
	size_t room = pyheap_class(heap, class)->size;

	if (size > room)
		return false;
	return size * 4 > room * 3 ||
	       heap->classes->of_step[PYALLOC_STEP(size)] ==
	       pyclass_plain(class);
}

/*
 * A block goes out: to the client, and to who watches him.  Of a type's it is
 * the constructor that fills it.
 */
static inline void *pyheap_finish(const struct pyheap *heap, void *block,
				  size_t size, gfp_t gfp)
{
	size_t room = heap->step_size[PYALLOC_STEP(size)];

	if (!block)
		return NULL;
	pysan_show(block, room);
	if (want_init_on_alloc(gfp) && !heap->is_typed)
		pyzero_block(block, room);
	pysan_resize(block, size, room);
	pysan_track(block, room, gfp);
	return block;
}

/* One that stays gets another size; what it grows into later is zero then. */
static inline void pyheap_resize(void *block, size_t size, size_t room,
				 gfp_t gfp)
{
	pysan_show(block, room);
	if (gfp & __GFP_ZERO)
		memset(block + size, 0, room - size);
	pysan_resize(block, size, room);
}

/* The class of a meta block of so many bytes, a power of two. */
static inline unsigned int pymeta_class(size_t bytes)
{
	unsigned int shift = max_t(unsigned int, ilog2(bytes),
				   PYMETA_MIN_SHIFT);

	return PYMETA_FIRST + shift - PYMETA_MIN_SHIFT;
}

/*
 * What the map has for a pool: only what clients get of the default heap is for
 * its fast path, which so never takes another heap's block for one of its own.
 */
static inline u8 pyheap_code(const struct pyheap *heap, unsigned int class)
{
	bool closed = class >= PYMETA_FIRST || pyheap_is_private(heap);

	return (class + 1) | (closed ? PYMAP_CLOSED : 0);
}

/* Does a code that the map has stand for decorated blocks? */
static __always_inline bool pyclass_code_is_decorated(unsigned long code)
{
	return code - (PYMAP_CLOSED | PYDECORATED_FIRST) - 1 < PYCLASS_MAX;
}

void pynode_look(struct pynode *node, unsigned long *flags);
void pynode_look_away(struct pynode *node, unsigned long flags);
bool pynode_lock(struct pynode *node, unsigned long *flags);
void pynode_unlock(struct pynode *node, unsigned long flags);
void pynode_note_damage(struct pynode *node, const void *where);

/* By fours: the kernel's memcpy() is slower for so few on some machines. */
static __always_inline void pyheap_copy_pointers(void **to, void **from,
						 size_t n)
{
	size_t i;

	for (i = 0; i + 4 <= n; i += 4) {
		to[i] = from[i];
		to[i + 1] = from[i + 1];
		to[i + 2] = from[i + 2];
		to[i + 3] = from[i + 3];
	}
	for (; i < n; i++)
		to[i] = from[i];
}

/* Can a block of the class begin there, in a pool of that class? */
static __always_inline bool pyclass_is_start(const struct pyclass *class,
					     const void *ptr)
{
	u32 mask = (class->granules << PYGRANULE_SHIFT) - 1;

	return ((u32)(unsigned long)ptr & mask) * class->reciprocal <
	       PYCLASS_FRACTION;
}

/*
 * Is this plainly a block of a class: at the start of one, in a pool of that
 * class, and another than @last, which was one?  In the same granule as that
 * it needs no look at the map.
 */
static __always_inline bool pyclass_owns(const struct pyclass *class,
					 unsigned long code, const void *block,
					 const void *last)
{
	unsigned long apart = (unsigned long)block ^ (unsigned long)last;

	if (unlikely(apart - 1 >= PYGRANULE_SIZE - 1) &&
	    (block == last || pymap_code(block) != code))
		return false;
	return pyclass_is_start(class, block);
}

/* Copies the first of @n blocks as long as pyclass_owns() them. */
static __always_inline size_t
pyclass_copy_blocks(const struct pyclass *class, unsigned long code, void *last,
		    size_t n, void **to, void **from)
{
	/* A copy: for all gcc knows @to might be the class. */
	const struct pyclass same = *class;
	void *block;
	size_t i;

#pragma GCC unroll 21
	for (i = 0; i < n; i++) {
		block = from[i];
		if (!pyclass_owns(&same, code, block, last))
			break;
		to[i] = block;
		last = block;
	}
	return i;
}

static inline void pyclass_hide_blocks(const struct pyclass *class, size_t n,
				       void **blocks)
{
	size_t i;

	for (i = 0; PYSAN_KASAN && i < n; i++)
		pysan_hide(blocks[i], class->size);
}

/**
 * struct pyspot - where in a pool an address lies
 * @class: the pool's class
 * @index: that class's number
 * @base: where the pool begins
 * @block: the block; the class's number of them: behind the last
 * @is_free: the block is in its pool
 */
struct pyspot {
	const struct pyclass	*class;
	unsigned int		index;
	const void		*base;
	unsigned int		block;
	bool			is_free;
};

size_t pyheap_take(struct pynode *node, unsigned int class, size_t n,
		   void **blocks, bool dip, u32 random);
void *pynode_take_meta(struct pynode *node, size_t bytes, bool dip);
void pynode_put_meta(struct pynode *node, void *block);
void *pyheap_take_meta(struct pynode *node, size_t bytes, bool dip);
void pyheap_put_meta(void *block);
void pyheap_add_bytes(struct pyheap *heap, unsigned int row, long bytes);
size_t pyheap_put(size_t n, void **blocks, unsigned long caller);
enum pyalloc_mistake pynode_judge(const void *ptr);
u8 pynode_find_spot(struct pyarena *arena, const void *ptr,
		    struct pyspot *spot);
enum pyalloc_mistake pyheap_judge(const void *ptr);
bool pyheap_is_live(const void *ptr, unsigned long caller);

void pynode_add_arena(struct pynode *node, struct pyarena *arena);
unsigned long pynode_take_empty(struct pynode *node, unsigned long want,
				unsigned long most, struct list_head *arenas);
unsigned long pynode_take_holes(struct pyarena *arena, unsigned long want,
				unsigned long *holes);
bool pynode_begin_interval(struct pynode *node);

struct pyheap *pyheap_of(u32 entry);
struct pyarena *pyheap_next_arena(struct pyheap *heap, u32 *number);
struct pyclasses *pyclasses_make_one(size_t size);
int pyheap_init(struct pyheap *heap, const char *name,
		const struct pyclasses *classes);
void pyheap_exit(struct pyheap *heap);
void pyclasses_init(void);

#endif /* _PYALLOC_HEAP_H */
