// SPDX-License-Identifier: GPL-2.0
/*
 * The address map: from any address to the size class of the pool that lies
 * there and to the arena that holds it, without a lock, a fault or a look at
 * struct page.
 *
 * The direct map has two levels, a flat array of leaves and a leaf's entries;
 * both are read in two loads by every free.  Leaves are made when the first
 * arena of their 4 MiB appears and stay until the module is unloaded, so that
 * a reader needs no protection.  Entries change under the lock of the node
 * that owns the arena.
 *
 * Arenas from vmalloc are found through an xarray with an arena a granule;
 * they are rare, and their class is read from the pool itself.  A third
 * table leads from an arena's number to its descriptor, which is freed after
 * a grace period: whoever looks one up holds RCU or has preemption off.
 *
 * Contexts: look-ups in all, NMI included; arenas are added and removed
 * where the page allocator may be called.  Takes the xarrays' locks only.
 */
#include <linux/export.h>
#include <linux/idr.h>
#include <linux/kmemleak.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/xarray.h>

#include "arena.h"
#include "fault.h"
#include "heap.h"
#include "map.h"
#include "compat.h"

struct pymap pymap __ro_after_init;

static u32 *no_entries __ro_after_init;	/* the leaf of zeros */
static atomic_long_t nr_leaves_made;

static DEFINE_XARRAY(vmalloc_arenas);	/* granule -> arena */

/*
 * Arenas by number, a chunk at a time.  There are numbers enough to fill the
 * memory with the smallest arenas, and never more than an entry has bits for.
 */
#define CHUNK_BYTES		(PYMAP_PER_CHUNK * sizeof(struct pyarena *))

static DEFINE_IDA(numbers);
struct pyarena ***pymap_chunks __ro_after_init;
EXPORT_SYMBOL_GPL(pymap_chunks);
unsigned long pymap_nr_chunks __ro_after_init;
EXPORT_SYMBOL_GPL(pymap_nr_chunks);
static atomic_long_t nr_chunks_made;

/**
 * pymap_next_arena() - walk the arenas by number
 * @number: where to begin; moved on to what was found
 *
 * Context: As pymap_arena().
 * Return: the first arena with that number or a higher one, or NULL.
 */
struct pyarena *pymap_next_arena(u32 *number)
{
	for (; *number < pymap_nr_chunks * PYMAP_PER_CHUNK; ++*number) {
		struct pyarena *arena = pymap_arena(*number);

		if (arena)
			return arena;
		if (!READ_ONCE(pymap_chunks[*number / PYMAP_PER_CHUNK]))
			*number |= PYMAP_PER_CHUNK - 1;
	}
	return NULL;
}

static unsigned long granule_of(const void *ptr)
{
	return (unsigned long)ptr >> PYGRANULE_SHIFT;
}

/* What an entry would say of an address in an arena from vmalloc. */
static u32 lookup_vmalloc(const void *ptr)
{
	struct pyarena *arena;
	struct pypool *pool;
	u32 entry = 0;

	rcu_read_lock();
	arena = xa_load(&vmalloc_arenas, granule_of(ptr));
	if (arena) {
		pool = &arena->pools[pyarena_granule(arena, ptr)];
		entry = arena->number << PYMAP_ARENA_SHIFT;
		if (READ_ONCE(pool->fullness) != PYPOOL_NONE)
			entry |= pyheap_code(arena->heap,
					     READ_ONCE(pool->class));
	}
	rcu_read_unlock();
	return entry;
}

/**
 * pymap_lookup() - the entry of any address
 * @ptr: the address, of whatever kind
 *
 * Context: Any.
 * Return: its entry, 0 if it is not the heap's.
 */
u32 pymap_lookup(const void *ptr)
{
	u32 *at = pymap_entry(ptr);
	u32 entry = at ? READ_ONCE(*at) : 0;

	if (!entry && is_vmalloc_addr(ptr) && !xa_empty(&vmalloc_arenas))
		entry = lookup_vmalloc(ptr);
	return entry;
}
EXPORT_SYMBOL_GPL(pymap_lookup);

/* Arenas from vmalloc have no entries: their pools say it themselves. */
static void set_entries(struct pyarena *arena, unsigned int granule,
			unsigned int granules, u32 entry)
{
	void *ptr = arena->base + ((size_t)granule << PYGRANULE_SHIFT);

	for (; granules; granules--, ptr += PYGRANULE_SIZE)
		WRITE_ONCE(*pymap_entry(ptr), entry);
}

/**
 * pymap_set() - say what lies on some granules of an arena
 * @arena: the arena
 * @granule: the first of them
 * @granules: how many
 * @code: the low byte of their entries
 *
 * Context: The arena's node lock held; or nobody has a block of it, and who
 * finds it by a stale pointer looks at its pools before anything else.
 */
void pymap_set(struct pyarena *arena, unsigned int granule,
	       unsigned int granules, u8 code)
{
	if (arena->source != PYARENA_VMALLOC)
		set_entries(arena, granule, granules,
			    arena->number << PYMAP_ARENA_SHIFT | code);
}

/**
 * pymap_forget() - say that some granules are an arena's no longer
 * @arena: the arena, not from vmalloc
 * @granule: the first of them
 * @granules: how many
 *
 * Context: As pymap_set().
 */
void pymap_forget(struct pyarena *arena, unsigned int granule,
		  unsigned int granules)
{
	set_entries(arena, granule, granules, 0);
}

/*
 * Another CPU may make the same leaf or chunk: the first one there counts.
 * The slot holds its address less @bias.
 */
static bool install(void **slot, void *absent, size_t bytes, size_t bias,
		    atomic_long_t *made, enum pyfault_point point, gfp_t gfp)
{
	void *table;

	if (READ_ONCE(*slot) != absent - bias)
		return true;
	table = pyfault_strikes(point) ? NULL : kzalloc(bytes, gfp);
	if (!table)
		return false;
	/* With the bias, or beyond what kmemleak scans, it looks lost. */
	kmemleak_not_leak(table);
	if (cmpxchg(slot, absent - bias, table - bias) == absent - bias)
		atomic_long_inc(made);
	else
		kfree(table);
	return true;
}

static size_t leaf_bias(unsigned long leaf)
{
	return leaf * PAGE_SIZE;
}

static bool make_leaves(struct pyarena *arena, gfp_t gfp)
{
	unsigned long offset = (unsigned long)arena->base - pymap.base;
	unsigned long last = (offset + pyarena_bytes(arena) - 1) >>
			     PYMAP_LEAF_SHIFT;
	unsigned long leaf = offset >> PYMAP_LEAF_SHIFT;

	/* Memory that was plugged in after the module was loaded. */
	if (last >= pymap.nr_leaves)
		return false;
	for (; leaf <= last; leaf++)
		if (!install((void **)&pymap.leaves[leaf], no_entries,
			     PAGE_SIZE, leaf_bias(leaf), &nr_leaves_made,
			     PYFAULT_MAP_LEAF, gfp))
			return false;
	return true;
}

static void forget_vmalloc(struct pyarena *arena)
{
	unsigned int i;

	for (i = 0; i < arena->granules; i++)
		xa_erase(&vmalloc_arenas, granule_of(arena->base) + i);
}

static bool remember_granule(struct pyarena *arena, unsigned int i, gfp_t gfp)
{
	return !pyfault_strikes(PYFAULT_MAP_VMALLOC) &&
	       !xa_is_err(xa_store(&vmalloc_arenas,
				   granule_of(arena->base) + i, arena, gfp));
}

static bool remember_vmalloc(struct pyarena *arena, gfp_t gfp)
{
	unsigned int i;

	for (i = 0; i < arena->granules; i++) {
		if (remember_granule(arena, i, gfp))
			continue;
		forget_vmalloc(arena);
		return false;
	}
	return true;
}

static int take_number(struct pyarena *arena, gfp_t gfp)
{
	int number;

	if (pyfault_strikes(PYFAULT_MAP_NUMBER))
		return -ENOMEM;
	number = ida_alloc_range(&numbers, 1,
				 pymap_nr_chunks * PYMAP_PER_CHUNK - 1, gfp);
	if (number < 0)
		return number;
	if (!install((void **)&pymap_chunks[number / PYMAP_PER_CHUNK], NULL,
		     CHUNK_BYTES, 0, &nr_chunks_made, PYFAULT_MAP_CHUNK,
		     gfp)) {
		ida_free(&numbers, number);
		return -ENOMEM;
	}
	arena->number = number;
	return 0;
}

/**
 * pymap_add_arena() - give an arena a number and entries
 * @arena: its descriptor, all of it set but the number
 * @gfp: for the leaves and nodes that it takes
 *
 * Context: Where the page allocator may be called with @gfp.
 * Return: 0, or -ENOMEM with everything as before.
 */
int pymap_add_arena(struct pyarena *arena, gfp_t gfp)
{
	bool known;

	if (take_number(arena, gfp) < 0)
		return -ENOMEM;
	if (arena->source == PYARENA_VMALLOC)
		known = remember_vmalloc(arena, gfp);
	else
		known = make_leaves(arena, gfp);
	if (!known) {
		ida_free(&numbers, arena->number);
		return -ENOMEM;
	}
	pymap_set(arena, 0, arena->granules, 0);
	return 0;
}

/**
 * pymap_publish_arena() - let an arena be found by its number
 * @arena: its descriptor, after pymap_add_arena()
 *
 * Context: The arena's node lock held.
 */
void pymap_publish_arena(struct pyarena *arena)
{
	/* Pairs with the dependency of whoever finds it by its number. */
	smp_store_release(&pymap_chunks[arena->number / PYMAP_PER_CHUNK]
				 [arena->number % PYMAP_PER_CHUNK], arena);
}

/* What lies in a hole may be another arena by now. */
static void forget_held(struct pyarena *arena)
{
	unsigned int i;

	for (i = 0; i < arena->granules; i++)
		if (arena->pools[i].fullness != PYPOOL_HOLE)
			pymap_forget(arena, i, 1);
}

/**
 * pymap_remove_arena() - forget an arena
 * @arena: its descriptor; it has to live on for a grace period
 *
 * Context: Where the page allocator may be called.
 */
void pymap_remove_arena(struct pyarena *arena)
{
	u32 number = arena->number;

	WRITE_ONCE(pymap_chunks[number / PYMAP_PER_CHUNK]
			 [number % PYMAP_PER_CHUNK], NULL);
	if (arena->source == PYARENA_VMALLOC)
		forget_vmalloc(arena);
	else
		forget_held(arena);
	ida_free(&numbers, number);
}

/**
 * pymap_bytes() - what the map itself takes
 *
 * Context: Any.
 * Return: bytes of its top, its leaves and its table of arenas.
 */
size_t pymap_bytes(void)
{
	return pymap.nr_leaves * sizeof(*pymap.leaves) +
	       PAGE_SIZE * atomic_long_read(&nr_leaves_made) +
	       pymap_nr_chunks * sizeof(*pymap_chunks) +
	       CHUNK_BYTES * atomic_long_read(&nr_chunks_made);
}

/*
 * An architecture may have its memory begin anywhere in the direct map, and far
 * from its beginning: arm64 does, by chance or where a CPU knows fewer bits.
 */
static unsigned long __init lowest_address(void)
{
	unsigned long pfn = ULONG_MAX;
	int nid;

	for_each_node_state(nid, N_MEMORY)
		pfn = min(pfn, node_start_pfn(nid));
	return ALIGN_DOWN((unsigned long)__va(PFN_PHYS(pfn)),
			  BIT(PYMAP_LEAF_SHIFT));
}

/**
 * pymap_init() - make the map, with nothing in it
 *
 * Return: 0 or -ENOMEM.
 */
int __init pymap_init(void)
{
	unsigned long bytes, i;

	pymap.base = lowest_address();
	bytes = (unsigned long)high_memory - pymap.base;
	pymap.nr_leaves = DIV_ROUND_UP(bytes, 1UL << PYMAP_LEAF_SHIFT);
	pymap_nr_chunks = min(DIV_ROUND_UP(bytes >> PYARENA_MIN_SHIFT,
					   PYMAP_PER_CHUNK),
			      BIT(32 - PYMAP_ARENA_SHIFT) / PYMAP_PER_CHUNK);
	pymap.leaves = kvmalloc_array(pymap.nr_leaves, sizeof(*pymap.leaves),
				      GFP_KERNEL);
	pymap_chunks = kvcalloc(pymap_nr_chunks, sizeof(*pymap_chunks), GFP_KERNEL);
	if (!pymap.leaves || !pymap_chunks ||
	    pyfault_strikes(PYFAULT_MAP_TABLES)) {
		kvfree(pymap.leaves);
		kvfree(pymap_chunks);
		return -ENOMEM;
	}
	kmemleak_not_leak(pymap.leaves);
	kmemleak_not_leak(pymap_chunks);
	/* Only ever read: an address on it belongs to no arena. */
	no_entries = page_address(ZERO_PAGE(0));
	for (i = 0; i < pymap.nr_leaves; i++)
		pymap.leaves[i] = (void *)no_entries - leaf_bias(i);
	return 0;
}

/**
 * pymap_exit() - take the map down, after the last arena is gone
 */
void pymap_exit(void)
{
	unsigned long i;
	void *leaf;

	for (i = 0; i < pymap.nr_leaves; i++) {
		leaf = (void *)pymap.leaves[i] + leaf_bias(i);
		if (leaf != no_entries)
			kfree(leaf);
	}
	for (i = 0; i < pymap_nr_chunks; i++)
		kfree(pymap_chunks[i]);
	kvfree(pymap.leaves);
	kvfree(pymap_chunks);
	xa_destroy(&vmalloc_arenas);
	ida_destroy(&numbers);
}
