// SPDX-License-Identifier: GPL-2.0
/*
 * Arenas: where they come from, and how they go back.
 *
 * A kernel arena's pages are committed at once, so arenas start small and
 * grow with the heap: the next one is at most about 1/128 of what the node
 * holds, from 16 KiB up to 1 MiB.  What the page allocator can't give in one
 * run it may give in a smaller one, and a caller that may sleep can have
 * pages that only look contiguous, from vmalloc.  Below that ladder is raw,
 * for a single block, which is the caller's business.
 *
 * No step of the ladder tries hard: the request that is behind it can still
 * be served by raw, whose single page the kernel fights for.
 *
 * Contexts: arenas are added where the caller's gfp may take a page, and
 * released in process context or by the shrinker.  No lock is held.
 */
#include <linux/bitmap.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/kasan.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pyalloc.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "arena.h"
#include "charge.h"
#include "events.h"
#include "fault.h"
#include "heap.h"
#include "mark.h"
#include "raw.h"
#include "sanitizer.h"
#include "compat.h"

const char *const pyarena_source_names[PYARENA_NR_SOURCES] = {
	[PYARENA_AUTO]		= "auto",
	[PYARENA_PAGES]		= "pages",
	[PYARENA_VMALLOC]	= "vmalloc",
};

enum pyarena_source pyarena_source __ro_after_init;
EXPORT_SYMBOL_GPL(pyarena_source);
unsigned int pyarena_fixed_shift __ro_after_init;
EXPORT_SYMBOL_GPL(pyarena_fixed_shift);

/* An arena is at most this part of what the node has already. */
#define GROWTH_SHIFT	7

/* What an atomic caller's arena may be: init_on_alloc zeroes all of it. */
#define ATOMIC_SHIFT	PYARENA_MIN_SHIFT

/**
 * pyarena_may_take() - may pages be taken here?
 * @gfp: the caller's
 *
 * Context: Any.
 * Return: false without a reclaim bit in @gfp, and where the kernel's
 * allocators may not be called at all.
 */
bool pyarena_may_take(gfp_t gfp)
{
	return (gfp & __GFP_RECLAIM) && pyraw_may_call();
}

static unsigned int wanted_shift(const struct pynode *node, gfp_t gfp)
{
	unsigned long held = READ_ONCE(node->granules) << PYGRANULE_SHIFT;
	unsigned int shift = node->heap->arena_shift ?: pyarena_fixed_shift;

	if (!shift)
		shift = clamp_t(unsigned int,
				ilog2((held >> GROWTH_SHIFT) | 1),
				PYARENA_MIN_SHIFT, PYARENA_MAX_SHIFT);
	if (!gfpflags_allow_blocking(gfp))
		shift = min_t(unsigned int, shift, ATOMIC_SHIFT);
	return shift;
}

/* The caller's ways to reclaim, but neither its urgency nor its patience. */
static gfp_t arena_gfp(gfp_t gfp)
{
	return (gfp & (__GFP_RECLAIM | __GFP_IO | __GFP_FS)) |
	       __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC;
}

/*
 * Pages are not compound, and the first has a reference to spare, so that a
 * stray kfree() of a block can't hand the arena to somebody else.
 */
static void *take_pages(unsigned int shift, int nid, gfp_t gfp)
{
	struct page *page;

	if (pyfault_strikes(PYFAULT_ARENA_PAGES))
		return NULL;
	page = alloc_pages_node(nid, gfp, shift - PAGE_SHIFT);
	if (!page)
		return NULL;
	get_page(page);
	return kasan_reset_tag(page_address(page));
}

static void give_pages(void *base, size_t bytes)
{
	struct page *page = virt_to_page(base);

	pysan_show(base, bytes);
	page_ref_dec(page);
	__free_pages(page, get_order(bytes));
}

/* From now on each page has the reference to spare that the first has. */
static void split_pages(void *base, size_t bytes)
{
	struct page *page = virt_to_page(base);
	unsigned long i;

	split_page(page, get_order(bytes));
	for (i = 1; i < bytes >> PAGE_SHIFT; i++)
		get_page(page + i);
}

/* Down the ladder: every second order, all on the node that was asked for. */
static void *take_run(unsigned int *shift, int nid, gfp_t gfp)
{
	void *base;

	for (;;) {
		base = take_pages(*shift, nid, arena_gfp(gfp) | __GFP_THISNODE);
		if (base || *shift == PYARENA_MIN_SHIFT)
			return base;
		*shift = max_t(int, *shift - 2, PYARENA_MIN_SHIFT);
	}
}

/* Its pages are single ones: if it asked hard, the OOM killer would come. */
static void *take_vmalloc(unsigned int shift, gfp_t gfp)
{
	void *base;

	if (pyarena_source == PYARENA_PAGES || !gfpflags_allow_blocking(gfp) ||
	    pyfault_strikes(PYFAULT_ARENA_VMALLOC))
		return NULL;
	base = __vmalloc(1UL << shift, (arena_gfp(gfp) & ~__GFP_NORETRY) |
				       __GFP_RETRY_MAYFAIL);
	if (base)
		pysan_forget_area(base);
	return base;
}

/* === A client's own source === */

/*
 * Those that were put there, the last one first: NULL functions stand for the
 * kernel's own.  They last until unload, as their arenas may.
 */
struct source {
	struct pyarena_allocator	allocator;
	struct source			*next;
};

static struct source *sources;
static DEFINE_MUTEX(sources_lock);

static const struct pyarena_allocator *client_source(void)
{
	struct source *source = READ_ONCE(sources);

	return source && source->allocator.alloc ? &source->allocator : NULL;
}

static void *own_alloc(void *ctx, size_t size, gfp_t gfp)
{
	struct page *page = alloc_pages(gfp, get_order(size));

	return page ? page_address(page) : NULL;
}

static void own_free(void *ctx, void *ptr, size_t size)
{
	free_pages((unsigned long)ptr, get_order(size));
}

/**
 * pyarena_get_allocator() - where arenas come from
 * @allocator: where to put it
 *
 * Of pyalloc itself it is pages in one run; that arenas may also come from
 * vmalloc, or from a node, is not to be seen through it.
 *
 * Context: Process.
 * Return: 0, or -EINVAL: @allocator is NULL.
 */
int pyarena_get_allocator(struct pyarena_allocator *allocator)
{
	const struct pyarena_allocator *client = client_source();

	if (!allocator)
		return -EINVAL;
	if (client)
		*allocator = *client;
	else
		*allocator = (struct pyarena_allocator) {
			.alloc = own_alloc, .free = own_free,
		};
	return 0;
}
EXPORT_SYMBOL_GPL(pyarena_get_allocator);

/**
 * pyarena_set_allocator() - have arenas come from elsewhere
 * @allocator: from where from now on, copied; what pyarena_get_allocator() gave
 *	at first is pyalloc's own way again
 *
 * An arena goes back to where it came from, from process context or a
 * shrinker: the functions have to stay until none of theirs is left, which
 * pyalloc_reclaim() and the file arenas tell.  What is not aligned, or lies
 * neither in the direct map nor in vmalloc's area, is given back at once.
 *
 * Context: Process; sleeps.
 * Return: 0; -EINVAL: a NULL in @allocator; -ENOMEM.
 */
int pyarena_set_allocator(const struct pyarena_allocator *allocator)
{
	struct source *source;

	if (!allocator || !allocator->alloc || !allocator->free)
		return -EINVAL;
	source = pyfault_strikes(PYFAULT_ALLOCATOR) ? NULL :
		 kzalloc(sizeof(*source), GFP_KERNEL);
	if (!source)
		return -ENOMEM;
	if (allocator->alloc != own_alloc)
		source->allocator = *allocator;
	mutex_lock(&sources_lock);
	source->next = sources;
	/* Pairs with the dependency of who finds it. */
	smp_store_release(&sources, source);
	mutex_unlock(&sources_lock);
	return 0;
}
EXPORT_SYMBOL_GPL(pyarena_set_allocator);

/**
 * pyarena_forget_allocators() - forget where arenas came from
 *
 * Context: Process, when the last arena is gone.
 */
void pyarena_forget_allocators(void)
{
	struct source *source;

	while ((source = sources)) {
		sources = source->next;
		kfree(source);
	}
}

static bool is_usable(const void *base)
{
	return IS_ALIGNED((unsigned long)base, PYGRANULE_SIZE) &&
	       (is_vmalloc_addr(base) || virt_addr_valid(base));
}

static void *take_from_client(const struct pyarena_allocator *client,
			      unsigned int shift, gfp_t gfp)
{
	void *base = client->alloc(client->ctx, 1UL << shift, gfp);

	if (!base || is_usable(base))
		return base;
	pr_warn_once("pyalloc: an arena at %p, from %pS, is not aligned or not memory\n",
		     base, client->alloc);
	client->free(client->ctx, base, 1UL << shift);
	return NULL;
}

/* === Arenas === */

static void *granule_at(struct pyarena *arena, unsigned int granule)
{
	return arena->base + ((size_t)granule << PYGRANULE_SHIFT);
}

static void give_split(struct pyarena *arena)
{
	unsigned int at;

	for (at = 0; at < arena->granules; at += PYARENA_PAGE_GRANULES)
		if (arena->pools[at].fullness != PYPOOL_HOLE)
			give_pages(granule_at(arena, at), PAGE_SIZE);
}

static void give_memory(void *base, size_t bytes, enum pyarena_source source,
			const struct pyarena_allocator *client)
{
	if (client) {
		pysan_show(base, bytes);
		client->free(client->ctx, base, bytes);
	} else if (source == PYARENA_VMALLOC) {
		pysan_show(base, bytes);
		vfree(base);
	} else {
		give_pages(base, bytes);
	}
}

static struct pypool *make_pools(unsigned int granules, gfp_t gfp)
{
	struct pypool *pools;
	unsigned int i;

	if (pyfault_strikes(PYFAULT_ARENA_POOLS))
		return NULL;
	pools = kcalloc(granules, sizeof(*pools), gfp);
	for (i = 0; pools && i < granules; i++)
		pools[i].fullness = PYPOOL_NONE;
	return pools;
}

static struct pyarena *make_descriptor(unsigned int granules, gfp_t gfp)
{
	struct pyarena *arena;

	if (pyfault_strikes(PYFAULT_ARENA_DESCRIPTOR))
		return NULL;
	arena = kzalloc(struct_size(arena, used_map, BITS_TO_LONGS(granules)),
			gfp);
	if (!arena)
		return NULL;
	arena->pools = make_pools(granules, gfp);
	if (!arena->pools) {
		kfree(arena);
		return NULL;
	}
	INIT_LIST_HEAD(&arena->list);
	arena->granules = granules;
	arena->free_granules = granules;
	return arena;
}

static void free_descriptor(struct pyarena *arena)
{
	kfree(arena->pools);
	kfree(arena);
}

/**
 * pyarena_metadata_bytes() - what an arena's descriptor takes
 * @arena: the arena
 *
 * Context: Any.
 * Return: bytes, as kmalloc rounds them.
 */
size_t pyarena_metadata_bytes(const struct pyarena *arena)
{
	return kmalloc_size_roundup(struct_size(arena, used_map,
						BITS_TO_LONGS(arena->granules))) +
	       kmalloc_size_roundup(arena->granules * sizeof(*arena->pools));
}

/* A client's own source is asked once, in place of the whole ladder. */
static void *take_memory(struct pynode *node, unsigned int *shift, gfp_t gfp,
			 enum pyarena_source *source,
			 const struct pyarena_allocator *client)
{
	void *base;

	if (client && *source == PYARENA_VMALLOC)
		return NULL;
	if (client) {
		base = take_from_client(client, *shift, arena_gfp(gfp));
		if (base)
			pysan_forget_area(base);
		if (base && is_vmalloc_addr(base))
			*source = PYARENA_VMALLOC;
		return base;
	}
	if (pyarena_source == PYARENA_VMALLOC)
		*source = PYARENA_VMALLOC;
	return *source == PYARENA_PAGES ? take_run(shift, node->nid, gfp) :
					  take_vmalloc(*shift, gfp);
}

/**
 * pyarena_add() - take an arena from the kernel
 * @node: the node it is for
 * @gfp: the caller's
 * @source: PYARENA_PAGES, which lie on that node, if arenas come from there at
 *	all; or PYARENA_VMALLOC, whose pages may lie on any
 *
 * Context: Where pyarena_may_take().  May sleep if @gfp allows.
 * Return: false: no memory, or arenas do not come from there.
 */
bool pyarena_add(struct pynode *node, gfp_t gfp, enum pyarena_source source)
{
	const struct pyarena_allocator *client = client_source();
	unsigned int shift = wanted_shift(node, gfp), charged;
	struct pyarena *arena;
	void *base;

	if (!pycharge_take_run(node->heap, &shift, PYARENA_MIN_SHIFT))
		return false;
	charged = shift;
	base = take_memory(node, &shift, gfp, &source, client);
	if (!base)
		goto give_charge;
	pycharge_give(node->heap, (1UL << charged) - (1UL << shift));
	charged = shift;
	arena = make_descriptor(1U << (shift - PYGRANULE_SHIFT),
				arena_gfp(gfp));
	if (!arena)
		goto give_memory;
	arena->base = base;
	arena->source = source;
	arena->allocator = client;
	arena->node = node;
	arena->heap = node->heap;
	if (pymap_add_arena(arena, arena_gfp(gfp)))
		goto free_descriptor;
	pysan_hide_arena(arena);
	trace_pyalloc_arena_alloc(base, pyarena_bytes(arena), gfp, node->nid);
	pynode_add_arena(node, arena);
	return true;

free_descriptor:
	free_descriptor(arena);
give_memory:
	give_memory(base, 1UL << shift, source, client);
give_charge:
	pycharge_give(node->heap, 1UL << charged);
	return false;
}

static void free_descriptor_rcu(struct rcu_head *rcu)
{
	free_descriptor(container_of(rcu, struct pyarena, rcu));
}

/**
 * pyarena_release() - give arenas back to the kernel
 * @arenas: the arenas, which their nodes have forgotten
 *
 * Descriptors last for a grace period, for whoever found one by a stale
 * pointer.
 *
 * Context: Process, or the shrinker.
 */
void pyarena_release(struct list_head *arenas)
{
	struct pyarena *arena, *next;

	list_for_each_entry_safe(arena, next, arenas, list) {
		pymap_remove_arena(arena);
		trace_pyalloc_arena_free(arena->base, pyarena_bytes(arena),
					 arena->node->nid);
		pymark_forget_area(arena->base, arena->granules);
		if (arena->is_split)
			give_split(arena);
		else
			give_memory(arena->base, pyarena_bytes(arena),
				    arena->source, arena->allocator);
		pycharge_give(arena->heap,
			      (size_t)pyarena_held(arena) << PYGRANULE_SHIFT);
		call_rcu(&arena->rcu, free_descriptor_rcu);
	}
}

/**
 * pyarena_punch() - give free pages of an arena back to the kernel
 * @arena: the arena, in use or not
 * @want: at most so many granules, but for the rest of a page
 *
 * The arena lives on around the holes, which are never filled: it is the last
 * that new pools are made in, and goes when its last pool does.
 *
 * Context: Process or the shrinker, with the walk of the arena's heap held.
 * Return: granules that went back; 0 of an arena from vmalloc.  One that is
 * wholly free keeps a page, and can go as a whole.
 */
unsigned long pyarena_punch(struct pyarena *arena, unsigned long want)
{
	DECLARE_BITMAP(holes, PYARENA_MAX_GRANULES);
	unsigned long got;
	unsigned int at;

	if (arena->source != PYARENA_PAGES || arena->allocator || !want ||
	    !READ_ONCE(arena->free_granules))
		return 0;
	if (!arena->is_split)
		split_pages(arena->base, pyarena_bytes(arena));
	arena->is_split = true;
	bitmap_zero(holes, PYARENA_MAX_GRANULES);
	got = pynode_take_holes(arena, want, holes);
	for_each_set_bit(at, holes, arena->granules)
		give_pages(granule_at(arena, at), PAGE_SIZE);
	pycharge_give(arena->heap, got << PYGRANULE_SHIFT);
	return got;
}
