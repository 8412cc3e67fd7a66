// SPDX-License-Identifier: GPL-2.0
/*
 * The lifetime of private heaps: how one is made, when its fast path is open,
 * and what becomes of it and of all that it has.
 *
 * What a client has of a heap is its descriptor, which stays when the heap is
 * destroyed, until pyalloc goes: whoever uses it then is told so.
 *
 * Contexts: process, but for pylifetime_choose_way().
 * Lock order: that of modules that come and go, lifetime_lock, that of traces,
 * pyheaps_lock.  That of types is taken before pyheaps_lock.  Under ways_lock,
 * which guards the list of privates too, only a heap's way_lock is taken, which
 * is innermost.
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "arena.h"
#include "debug.h"
#include "debugfs.h"
#include "fault.h"
#include "front.h"
#include "heap.h"
#include "hook.h"
#include "leak.h"
#include "lifetime.h"
#include "owned.h"
#include "private.h"
#include "quarantine.h"
#include "record.h"
#include "reserve.h"
#include "stats.h"
#include "type.h"
#include "compat.h"

#define KNOWN_FLAGS	(PYHEAP_EXTERNAL_LOCK | PYHEAP_SMALL_ONLY)

/* A descriptor and what its pointers lead to for good; its end is open. */
struct private_heap {
	char		name[PYLIFETIME_NAME];
	char		owner[MODULE_NAME_LEN];
	struct pyheap	heap;
};

/* All private heaps, those too that were destroyed. */
static LIST_HEAD(privates);
static u32 last_id;
static DEFINE_MUTEX(lifetime_lock);

/* === The fast path === */

/* Does every call of every heap have to be seen? */
static bool is_wrapped;

static DEFINE_MUTEX(ways_lock);

static bool may_be_open(const struct pyheap *heap)
{
	return !READ_ONCE(is_wrapped) && !atomic_read(&heap->short_of) &&
	       !READ_ONCE(heap->is_destroyed) && pyfront_any(heap);
}

/* Without SMP, and in NMI, it may be that somebody is at it already. */
static bool lock_way(struct pyheap *heap, unsigned long *flags)
{
	if (!in_nmi())
		raw_spin_lock_irqsave(&heap->way_lock, *flags);
	else if (!raw_spin_trylock_irqsave(&heap->way_lock, *flags))
		return false;
	/* Sparse can't follow it. */
	__release(&heap->way_lock);
	return true;
}

/**
 * pylifetime_choose_way() - open or shut a heap's fast path, as it has to be
 * @heap: the heap
 *
 * To be called after what it depends on has changed.  Who is there already
 * when an NMI comes looks once more before he goes.
 *
 * Context: Any.
 */
void pylifetime_choose_way(struct pyheap *heap)
{
	unsigned long flags;
	bool open;

	do {
		if (!lock_way(heap, &flags))
			return;
		open = may_be_open(heap);
		if (!open)
			pyfront_shut(heap);
		else if (!heap->is_open)
			pyfront_unshut(heap);
		__acquire(&heap->way_lock);
		raw_spin_unlock_irqrestore(&heap->way_lock, flags);
		/* Pairs with the atomic operations of pyreserve_take(). */
		smp_mb();
	} while (open && !may_be_open(heap));
}

/**
 * pylifetime_choose_ways() - the same for all heaps
 *
 * Context: Process; sleeps.
 */
void pylifetime_choose_ways(void)
{
	struct pyheap *heap;

	mutex_lock(&ways_lock);
	list_for_each_entry(heap, &privates, privates)
		pylifetime_choose_way(heap);
	mutex_unlock(&ways_lock);
}

/**
 * pylifetime_is_wrapped() - does every call have to be seen?
 *
 * Context: Any.
 * Return: what pylifetime_wrap() was last told.
 */
bool pylifetime_is_wrapped(void)
{
	return READ_ONCE(is_wrapped);
}
EXPORT_SYMBOL_GPL(pylifetime_is_wrapped);

/**
 * pylifetime_wrap() - have every call seen from now on, or not
 * @wrapped: which of the two
 *
 * Context: Process; sleeps.  What has begun is over after a grace period.
 */
void pylifetime_wrap(bool wrapped)
{
	WRITE_ONCE(is_wrapped, wrapped);
	pylifetime_choose_ways();
	if (wrapped)
		pytype_close_all();
	else
		pytype_open_all();
}

/* === Making === */

bool pylifetime_is_name(const char *name)
{
	size_t length = name ? strnlen(name, PYLIFETIME_NAME) : 0;

	return length && length < PYLIFETIME_NAME &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == length;
}

static bool is_attr(const struct pyheap_attr *attr)
{
	return !(attr->flags & ~KNOWN_FLAGS) &&
	       attr->classes <= PYHEAP_CLASSES_POW2 &&
	       attr->limit_bytes <= LONG_MAX &&
	       pyarena_is_kib(attr->arena_kib) &&
	       (!attr->lock || attr->flags & PYHEAP_EXTERNAL_LOCK);
}

static const struct pyclasses *classes_of(enum pyheap_classes classes)
{
	return classes == PYHEAP_CLASSES_DEFAULT ? pyheap_default.classes :
						   &pyclasses[classes - 1];
}

static struct private_heap *new_descriptor(const char *name,
					   const struct pyheap_attr *attr,
					   struct module *owner)
{
	bool is_locked = attr->flags & PYHEAP_EXTERNAL_LOCK;
	struct private_heap *private = NULL;
	struct pyheap *heap;

	if (!pyfault_strikes(PYFAULT_HEAP))
		private = kzalloc(struct_size(private, heap.own, is_locked),
				  GFP_KERNEL);
	if (!private)
		return NULL;
	strscpy(private->name, name, sizeof(private->name));
	strscpy(private->owner, owner ? module_name(owner) : "kernel",
		sizeof(private->owner));
	heap = &private->heap;
	heap->module = owner;
	heap->owner = private->owner;
	heap->flags = attr->flags;
	heap->is_locked = is_locked;
	raw_spin_lock_init(&heap->way_lock);
	heap->limit = attr->limit_bytes;
	heap->arena_shift = pyarena_shift(attr->arena_kib);
	heap->lock = attr->lock;
	return private;
}

static bool is_taken(const char *name)
{
	struct pyheap *heap;
	bool taken = false;

	mutex_lock(&pyheaps_lock);
	list_for_each_entry(heap, &pyheaps, list)
		taken |= !strcmp(heap->name, name);
	mutex_unlock(&pyheaps_lock);
	return taken;
}

/* With lifetime_lock. */
static int begin_life(struct private_heap *private,
		      const struct pyclasses *classes)
{
	struct pyheap *heap = &private->heap;
	int error;

	if (!heap->is_typed && is_taken(private->name))
		return -EEXIST;
	error = pyrecord_init();
	if (error)
		return error;
	heap->id = ++last_id;
	/* Types may have the same name; no other heap's has a dot. */
	if (heap->is_typed)
		snprintf(private->name + strnlen(private->name, 20),
			 PYLIFETIME_NAME - 20, ".%u", heap->id);
	error = pyheap_init(heap, private->name, classes);
	if (error)
		return error;
	mutex_lock(&ways_lock);
	list_add_tail(&heap->privates, &privates);
	mutex_unlock(&ways_lock);
	return 0;
}

static struct pyheap *live(struct private_heap *private,
			   const struct pyclasses *classes)
{
	int error;

	mutex_lock(&lifetime_lock);
	error = begin_life(private, classes);
	mutex_unlock(&lifetime_lock);
	if (error) {
		kfree(private->heap.own_classes);
		kfree(private);
		return ERR_PTR(error);
	}
	pydebugfs_add_heap(&private->heap);
	return &private->heap;
}

/* Behind pyheap_create(), which tells whose module it is. */
struct pyheap *__pyheap_create(const char *name, const struct pyheap_attr *attr,
			       struct module *owner)
{
	static const struct pyheap_attr plain;
	struct private_heap *private;

	attr = attr ?: &plain;
	if (!pylifetime_is_name(name) || !is_attr(attr))
		return ERR_PTR(-EINVAL);
	private = new_descriptor(name, attr, owner);
	if (!private)
		return ERR_PTR(-ENOMEM);
	return live(private, classes_of(attr->classes));
}
EXPORT_SYMBOL_GPL(__pyheap_create);

/**
 * pyprivate_create_typed() - make a heap for a type's blocks alone
 * @name: as for pyheap_create()
 * @size: bytes of each, PYALLOC_SMALL_MAX at most
 * @ctor: what runs once on each block before it is first handed out, in any
 *	context and without the right to sleep; or NULL
 * @owner: the client
 *
 * Nothing is ever written to a free block of it.
 *
 * Context: Process; sleeps.
 * Return: as pyheap_create().
 */
struct pyheap *pyprivate_create_typed(const char *name, size_t size,
				      void (*ctor)(void *obj),
				      struct module *owner)
{
	static const struct pyheap_attr plain;
	struct private_heap *private;
	struct pyclasses *classes;

	if (!pylifetime_is_name(name) || !size || size > PYALLOC_SMALL_MAX)
		return ERR_PTR(-EINVAL);
	private = new_descriptor(name, &plain, owner);
	classes = pyclasses_make_one(size);
	if (!private || !classes) {
		kfree(private);
		kfree(classes);
		return ERR_PTR(-ENOMEM);
	}
	private->heap.is_typed = true;
	private->heap.ctor = ctor;
	private->heap.own_classes = classes;
	return live(private, classes);
}

/* === Destroying === */

/* What no front and no reserve has, and no debug hooks keep. */
static size_t count_live(struct pyheap *heap, size_t *bytes)
{
	struct pyheap_stats *stats = pystats_new();
	size_t blocks = 0;

	*bytes = heap->flags & PYHEAP_SMALL_ONLY ? 0 :
		 atomic_long_read(&heap->raw_bytes);
	if (stats) {
		pystats_heap(heap, stats);
		blocks = stats->blocks - atomic_long_read(&heap->false_frees);
		*bytes += stats->bytes;
	}
	kfree(stats);
	return blocks;
}

/* What a kernel may have freed is not known to be live. */
static size_t count_owned(const struct pyheap *heap)
{
	if (heap->flags & PYHEAP_SMALL_ONLY)
		return 0;
	return atomic_long_read(&heap->raw_mallocs) -
	       atomic_long_read(&heap->raw_frees);
}

static void report_live(struct pyheap *heap, size_t blocks, size_t bytes)
{
	if (blocks && !pyleak_report_heap(heap))
		pr_warn("pyalloc: heap %s of %s is destroyed with %zu blocks live, %zu bytes, which are freed; call sites are known only while tracing\n",
			heap->name, heap->owner, blocks, bytes);
}

/* Nothing is under way any more, nor comes back. */
static void quiesce(struct pyheap *heap)
{
	pylifetime_choose_way(heap);
	synchronize_rcu();
	/* Frees that wait for a grace period. */
	rcu_barrier();
	pyfront_flush_parked();
	/*
	 * Who goes through the list of heaps looks into reserves, and each CPU
	 * may be at its own front: for reclaim, or for a check.
	 */
	mutex_lock(&pyheaps_lock);
	pyreserve_exit(heap);
	pyquarantine_drain_all(heap);
	pyfront_drain_all(heap);
	mutex_unlock(&pyheaps_lock);
}

static size_t end_life(struct pyheap *heap)
{
	/* What is waited for has one waiter. */
	static DEFINE_MUTEX(end_lock);
	size_t pooled, bytes, owned;

	pydebugfs_remove_heap(heap);
	/* They give back what lies on their lists. */
	if (!heap->is_typed)
		pytype_destroy_of(heap);
	WRITE_ONCE(heap->is_destroyed, true);
	mutex_lock(&end_lock);
	quiesce(heap);
	pooled = count_live(heap, &bytes);
	owned = count_owned(heap);
	report_live(heap, pooled + owned, bytes);
	pyowned_free_all(heap);
	pyheap_exit(heap);
	mutex_unlock(&end_lock);
	kfree(heap->own_classes);
	heap->own_classes = NULL;
	return pooled + owned;
}

/**
 * pyheap_destroy() - take a heap down with all that it has
 * @heap: the heap, or NULL or an ERR_PTR
 *
 * Blocks that are live are reported, by call site as far as tracing knows, and
 * freed, those of raw too; but with PYHEAP_SMALL_ONLY those of raw are counted
 * and left alone.  Its types are destroyed.  Nobody may use the heap meanwhile;
 * who does so later is told.
 *
 * Context: Process; sleeps.
 * Return: how many blocks were live; 0, after a report, if it was destroyed
 * before.
 */
size_t pyheap_destroy(struct pyheap *heap)
{
	if (IS_ERR_OR_NULL(heap))
		return 0;
	if (xchg(&heap->is_ending, true)) {
		pydebug_report(PYALLOC_DESTROYED, NULL, 0, _RET_IP_);
		return 0;
	}
	return end_life(heap);
}
EXPORT_SYMBOL_GPL(pyheap_destroy);

size_t pyprivate_destroy(struct pyheap *heap)
{
	return xchg(&heap->is_ending, true) ? 0 : end_life(heap);
}

/* === Who goes === */

static struct pyheap *find_of(const struct module *module)
{
	struct pyheap *heap, *found = NULL;

	mutex_lock(&lifetime_lock);
	list_for_each_entry(heap, &privates, privates)
		if (!found && heap->module == module && !heap->is_typed &&
		    !xchg(&heap->is_ending, true))
			found = heap;
	mutex_unlock(&lifetime_lock);
	return found;
}

/**
 * pylifetime_see_off() - destroy the types and heaps that a module left
 * @module: the module, which goes, after its exit function
 *
 * Context: Process; sleeps.
 */
void pylifetime_see_off(const struct module *module)
{
	struct pyheap *heap;

	pytype_see_off(module);
	while ((heap = find_of(module))) {
		pr_warn("pyalloc: %s goes away without having destroyed its heap %s\n",
			heap->owner, heap->name);
		end_life(heap);
	}
	/* Another module may come to lie there. */
	mutex_lock(&lifetime_lock);
	list_for_each_entry(heap, &privates, privates)
		if (heap->module == module)
			heap->module = NULL;
	mutex_unlock(&lifetime_lock);
}

/**
 * pylifetime_init() - make ready for private heaps
 *
 * Context: Process, before the first.
 * Return: 0 or -ENOMEM.
 */
int __init pylifetime_init(void)
{
	return pyfront_init_private();
}

/**
 * pylifetime_exit() - destroy what is left, and forget all of them
 *
 * Context: Process, when nobody can use one any more.
 */
void pylifetime_exit(void)
{
	struct pyheap *heap, *next;

	list_for_each_entry(heap, &privates, privates)
		if (!xchg(&heap->is_ending, true))
			end_life(heap);
	pyreserve_stop();
	rcu_barrier();
	mutex_lock(&ways_lock);
	list_for_each_entry_safe(heap, next, &privates, privates) {
		list_del(&heap->privates);
		kfree(container_of(heap, struct private_heap, heap));
	}
	mutex_unlock(&ways_lock);
	pyfront_exit_private();
}
