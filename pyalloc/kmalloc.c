// SPDX-License-Identifier: GPL-2.0
/*
 * What linux/pyalloc_kmalloc.h is on top of: a heap for each module that was
 * compiled with it, and functions that take blocks of the heap and of the
 * kernel alike.
 *
 * A module has a parameter of pykmalloc_ops in each of its files, which is how
 * it is told from others when it comes, and how its files learn of the heap:
 * before they run, so that no call ever has to make it, wait for it, or do
 * without.  When the module has gone its heap is destroyed.
 *
 * What the heap had no room for it has from the kernel, and nobody can tell that
 * from what others allocated there: it goes back to the kernel, and stays in the
 * heap's count of raw blocks.
 *
 * Contexts: frees in any; heaps in process context.
 * Lock order: that of modules that come, then that of heaps.
 */
#define PYALLOC_KEEP_KMALLOC
#include <linux/pyalloc_kmalloc.h>

#include <linux/cache.h>
#include <linux/ctype.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "heap.h"
#include "hook.h"
#include "kmalloc.h"
#include "map.h"
#include "owned.h"
#include "raw.h"
#include "compat.h"

/* === A module's heap === */

/* No user may give it. */
static int refuse(const char *value, const struct kernel_param *param)
{
	return -EPERM;
}

const struct kernel_param_ops pykmalloc_ops = {
	.set = refuse,
};
EXPORT_SYMBOL_GPL(pykmalloc_ops);

/* The most that a heap's name may have. */
#define NAME_LENGTH	31

static void write_name(char *name, const struct module *module, unsigned int nth)
{
	size_t i, length = min_t(size_t, strlen(module->name),
				 NAME_LENGTH - (nth ? 2 : 0));

	for (i = 0; i < length; i++)
		name[i] = isalnum(module->name[i]) ? tolower(module->name[i]) :
						     '_';
	/* One digit will do. */
	if (nth) {
		name[i++] = '-';
		name[i++] = '0' + nth;
	}
	name[i] = '\0';
}

/* Names that differ in their case or their end alone may be the same here. */
static struct pyheap *make_heap(struct module *module)
{
	const struct pyheap_attr attr = { .flags = PYHEAP_SMALL_ONLY };
	struct pyheap *heap = ERR_PTR(-EEXIST);
	char name[NAME_LENGTH + 1];
	unsigned int nth;

	for (nth = 0; nth < 10 && heap == ERR_PTR(-EEXIST); nth++) {
		write_name(name, module, nth);
		heap = __pyheap_create(name, &attr, module);
	}
	if (!IS_ERR(heap))
		return heap;
	pr_warn("pyalloc: there is no heap for %s (error %ld), which stays with kmalloc\n",
		module->name, PTR_ERR(heap));
	return NULL;
}

static int see_module(struct notifier_block *block, unsigned long state,
		      void *data)
{
	struct module *module = data;
	struct pyheap *heap = NULL;
	bool is_done = false;
	unsigned int i;

	if (state != MODULE_STATE_COMING && state != MODULE_STATE_GOING)
		return NOTIFY_OK;
	for (i = 0; i < module->num_kp; i++) {
		if (module->kp[i].ops != &pykmalloc_ops)
			continue;
		if (state == MODULE_STATE_GOING) {
			pyheap_destroy(*(struct pyheap **)module->kp[i].arg);
			break;
		}
		if (!is_done)
			heap = make_heap(module);
		is_done = true;
		*(struct pyheap **)module->kp[i].arg = heap;
	}
	return NOTIFY_OK;
}

/* Heaps that a module did not destroy are reported by who comes after this. */
static struct notifier_block notifier = {
	.notifier_call	= see_module,
	.priority	= 1,
};

/**
 * pykmalloc_init() - see modules come
 *
 * Context: Process.
 * Return: 0, or what the kernel says.
 */
int __init pykmalloc_init(void)
{
	return register_module_notifier(&notifier);
}

/**
 * pykmalloc_exit() - see them no more
 *
 * Context: Process.
 */
void pykmalloc_exit(void)
{
	unregister_module_notifier(&notifier);
}

/* === Whose is a block? === */

/*
 * A module may free what another allocated, so that blocks go back to the heap
 * that they are of.  NULL: it is the kernel's.
 */
static struct pyheap *owner_of(const void *ptr)
{
	u32 entry = pymap_lookup(ptr);
	struct pyheap *owner = entry ? pyheap_of(entry) : pyowned_heap(ptr);

	if (owner)
		return owner;
	return pyhook_knows(ptr) ? &pyheap_default : NULL;
}

static void free_to(struct pyheap *owner, const void *ptr)
{
	if (owner == &pyheap_default)
		pymem_free(ptr);
	else
		pyheap_free(owner, ptr);
}

/* === free === */

static noinline void free_any(const void *ptr)
{
	struct pyheap *owner;

	if (ZERO_OR_NULL_PTR(ptr))
		return;
	owner = owner_of(ptr);
	if (owner)
		free_to(owner, ptr);
	else
		kvfree(ptr);
}

/* A block of a pool keeps its arena. */
static __always_inline bool is_pooled_in(const struct pyheap *heap,
					 const void *ptr)
{
	const u32 *entry = pymap_entry(ptr);
	bool is_in;

	if (!entry)
		return false;
	preempt_disable_notrace();
	is_in = *entry & PYMAP_CODE_MASK &&
		pymap_arena_at(*entry >> PYMAP_ARENA_SHIFT)->heap == heap;
	pycompat_preempt_enable_notrace();
	return is_in;
}

/**
 * pykmalloc_free() - kfree()
 * @heap: the module's, or NULL
 * @ptr: a block of any heap or of the kernel's, ZERO_SIZE_PTR or NULL
 *
 * Context: Any where the block's allocator may be called.
 */
void pykmalloc_free(struct pyheap *heap, const void *ptr)
{
	if (likely(is_pooled_in(heap, ptr)))
		pyheap_free(heap, ptr);
	else
		free_any(ptr);
}
EXPORT_SYMBOL_GPL(pykmalloc_free);

/**
 * pykmalloc_vfree() - kvfree()
 * @heap: the module's, or NULL
 * @ptr: as for pykmalloc_free(), or vmalloc's
 *
 * Context: As pykmalloc_free().
 */
void pykmalloc_vfree(struct pyheap *heap, const void *ptr)
{
	free_any(ptr);
}
EXPORT_SYMBOL_GPL(pykmalloc_vfree);

/**
 * pykmalloc_free_const() - kfree_const()
 * @heap: the module's, or NULL
 * @ptr: as for pykmalloc_free(), or the kernel's read-only data
 *
 * Context: As pykmalloc_free().
 */
void pykmalloc_free_const(struct pyheap *heap, const void *ptr)
{
	/* Of read-only data no size can be asked. */
	if (pymap_lookup(ptr) || pyhook_knows(ptr))
		free_any(ptr);
	else
		kfree_const(ptr);
}
EXPORT_SYMBOL_GPL(pykmalloc_free_const);

/**
 * pykmalloc_free_sensitive() - kfree_sensitive()
 * @heap: the module's, or NULL
 * @ptr: as for pykmalloc_free(); it is filled with zeros before
 *
 * Context: As pykmalloc_free().
 */
void pykmalloc_free_sensitive(struct pyheap *heap, const void *ptr)
{
	struct pyheap *owner;

	if (ZERO_OR_NULL_PTR(ptr))
		return;
	owner = owner_of(ptr);
	if (owner) {
		memzero_explicit((void *)ptr, pyalloc_usable_size(ptr));
		free_to(owner, ptr);
	} else {
		kfree_sensitive(ptr);
	}
}
EXPORT_SYMBOL_GPL(pykmalloc_free_sensitive);

/**
 * pykmalloc_free_rcu() - kfree_rcu() and kvfree_rcu()
 * @heap: the module's, or NULL
 * @ptr: a block, and not NULL
 * @rcu: in its first 4096 bytes
 *
 * Context: As pymem_free_rcu().
 */
void pykmalloc_free_rcu(struct pyheap *heap, void *ptr, struct rcu_head *rcu)
{
	struct pyheap *owner = owner_of(ptr);

	if (owner == &pyheap_default)
		__pymem_free_rcu(ptr, rcu);
	else if (owner)
		__pyheap_free_rcu(owner, ptr, rcu);
	else
		pycompat_kvfree_rcu(ptr, rcu);
}
EXPORT_SYMBOL_GPL(pykmalloc_free_rcu);

/**
 * pykmalloc_free_rcu_mightsleep() - the same of a block without a rcu_head
 * @heap: the module's, or NULL
 * @ptr: a block, or NULL
 *
 * Context: Process; sleeps.
 */
void pykmalloc_free_rcu_mightsleep(struct pyheap *heap, void *ptr)
{
	if (ZERO_OR_NULL_PTR(ptr))
		return;
	might_sleep();
	if (owner_of(ptr)) {
		synchronize_rcu();
		free_any(ptr);
	} else {
		kvfree_rcu_mightsleep(ptr);
	}
}
EXPORT_SYMBOL_GPL(pykmalloc_free_rcu_mightsleep);

/* === realloc === */

static bool is_small(size_t size, gfp_t gfp)
{
	return size <= PYALLOC_SMALL_MAX && !(gfp & PYALLOC_GFP_RAW);
}

/* To a block of the kernel's. */
static void *move_out(struct pyheap *owner, const void *ptr, void *new,
		      size_t size)
{
	if (!new)
		return NULL;
	memcpy(new, ptr, min(size, pyalloc_usable_size(ptr)));
	free_to(owner, ptr);
	return new;
}

static void *resize_in(struct pyheap *owner, const void *ptr, size_t size,
		       gfp_t gfp)
{
	return owner == &pyheap_default ?
	       pymem_realloc((void *)ptr, size, gfp) :
	       pyheap_realloc(owner, (void *)ptr, size, gfp);
}

/**
 * pykmalloc_realloc() - krealloc()
 * @heap: the module's, or NULL
 * @ptr: as for pykmalloc_free()
 * @size: bytes; of 0 it is freed
 * @gfp: as for kmalloc()
 *
 * What was the kernel's alone stays so.
 *
 * Context: As kmalloc().
 * Return: the block; ZERO_SIZE_PTR; or NULL, with @ptr as it was.
 */
void *pykmalloc_realloc(struct pyheap *heap, const void *ptr, size_t size,
			gfp_t gfp)
{
	struct pyheap *owner;

	if (!size) {
		pykmalloc_free(heap, ptr);
		return ZERO_SIZE_PTR;
	}
	if (ZERO_OR_NULL_PTR(ptr))
		return heap && is_small(size, gfp) ?
		       pyheap_malloc(heap, size, gfp) : kmalloc(size, gfp);
	owner = owner_of(ptr);
	if (!owner)
		return krealloc(ptr, size, gfp);
	if (is_small(size, gfp))
		return resize_in(owner, ptr, size, gfp);
	return move_out(owner, ptr, kmalloc(size, gfp), size);
}
EXPORT_SYMBOL_GPL(pykmalloc_realloc);

/* Older kernels have to be told the size. */
static void *kernel_vrealloc(const void *ptr, size_t size, gfp_t gfp)
{
	void *new = pycompat_vrealloc((void *)ptr, size, gfp);
	size_t old;

	if (!IS_ERR(new))
		return new;
	old = pyraw_usable_size(ptr);
	if (old >= size)
		return (void *)ptr;
	new = kvmalloc(size, gfp);
	if (new) {
		memcpy(new, ptr, old);
		kvfree(ptr);
	}
	return new;
}

/**
 * pykmalloc_vrealloc() - kvrealloc()
 * @heap: the module's, or NULL
 * @ptr: as for pykmalloc_vfree()
 * @size: bytes; of 0 it is freed
 * @gfp: as for kvmalloc()
 *
 * Context: As kvmalloc().
 * Return: as pykmalloc_realloc().
 */
void *pykmalloc_vrealloc(struct pyheap *heap, const void *ptr, size_t size,
			 gfp_t gfp)
{
	struct pyheap *owner;

	if (!size) {
		pykmalloc_vfree(heap, ptr);
		return ZERO_SIZE_PTR;
	}
	if (ZERO_OR_NULL_PTR(ptr))
		return heap && is_small(size, gfp) ?
		       pyheap_malloc(heap, size, gfp) : kvmalloc(size, gfp);
	owner = owner_of(ptr);
	if (!owner)
		return kernel_vrealloc(ptr, size, gfp);
	if (is_small(size, gfp))
		return resize_in(owner, ptr, size, gfp);
	return move_out(owner, ptr, kvmalloc(size, gfp), size);
}
EXPORT_SYMBOL_GPL(pykmalloc_vrealloc);

/* === Caches === */

/* With these the kernel does what the heap can't. */
#define KERNELS_FLAGS							\
	(SLAB_TYPESAFE_BY_RCU | SLAB_ACCOUNT | SLAB_RECLAIM_ACCOUNT |	\
	 SLAB_CACHE_DMA | SLAB_CACHE_DMA32)

/**
 * pykmalloc_cache_create() - have a cache's objects in a heap
 * @heap: the module's, or NULL
 * @size: an object's bytes
 * @align: what it is to be aligned to; 0: nothing that was asked for
 * @flags: the kernel's
 *
 * Under debug hooks blocks are aligned to 16: what needs more is not moved, and
 * SLAB_HWCACHE_ALIGN is a wish.
 *
 * Context: Process; sleeps.
 * Return: what stands for the cache; NULL: it has to be the kernel's.
 */
struct kmem_cache *pykmalloc_cache_create(struct pyheap *heap,
					  unsigned int size, unsigned int align,
					  slab_flags_t flags)
{
	unsigned int line = cache_line_size();
	struct pykmalloc_cache *cache;

	if (!heap || !size || align > 16 || flags & KERNELS_FLAGS)
		return NULL;
	align = max_t(unsigned int, align, sizeof(void *));
	/* As many to a line as it has room for. */
	if (flags & SLAB_HWCACHE_ALIGN) {
		while (line > 16 && size <= line / 2)
			line /= 2;
		align = max(align, line);
	}
	size = ALIGN(size, align);
	if (size > PYALLOC_SMALL_MAX)
		return NULL;
	cache = kmalloc(sizeof(*cache), GFP_KERNEL);
	if (!cache)
		return NULL;
	cache->heap = heap;
	cache->size = size;
	return (void *)((unsigned long)cache | 1);
}
EXPORT_SYMBOL_GPL(pykmalloc_cache_create);

/**
 * pykmalloc_cache_destroy() - forget it
 * @cache: what pykmalloc_cache_create() gave
 *
 * Objects that are live stay so, and are reported with the heap's.
 *
 * Context: Process.
 */
void pykmalloc_cache_destroy(struct kmem_cache *cache)
{
	kfree((void *)((unsigned long)cache & ~1UL));
}
EXPORT_SYMBOL_GPL(pykmalloc_cache_destroy);
