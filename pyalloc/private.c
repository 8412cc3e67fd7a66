// SPDX-License-Identifier: GPL-2.0
/*
 * Private heaps: what a client calls for a heap of its own.
 *
 * As domain.c, a request goes down: to the heap's front, to its pools, to an
 * arena, to raw, to what was promised; never back up, and never to another
 * heap.  The order of the first steps is a hot path and inline here.  In it is
 * no question but the front's own: a heap that was destroyed, that has to have
 * every call seen, or that was not used so far has a front that is always empty
 * and always full, and so leads to the long way.
 *
 * A free asks whose the block is.  Mostly it lies in the granule of the block
 * that came before it, which is known to be the heap's; else its arena says so.
 *
 * With PYHEAP_EXTERNAL_LOCK there is one front for all CPUs, which the client's
 * lock protects as the GIL does Python's heap: preemption stays on, and no
 * interrupt can come in between.
 *
 * Contexts: as domain.c.  Takes no lock itself.
 */
#include <linux/export.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>

#include "bulk.h"
#include "debug.h"
#include "domain.h"
#include "front.h"
#include "heap.h"
#include "hook.h"
#include "lifetime.h"
#include "owned.h"
#include "private.h"
#include "raw.h"
#include "reserve.h"
#include "sanitizer.h"
#include "zero.h"
#include "compat.h"

/* === Who may come in === */

static void check_lock(struct pyheap *heap, unsigned long caller)
{
	/* Lockdep knows a lock that it was told of. */
	if (IS_ENABLED(CONFIG_LOCKDEP) && heap->lock) {
#ifdef CONFIG_LOCKDEP
		if (debug_locks && !lock_is_held(heap->lock))
			pydebug_report(PYALLOC_UNLOCKED, NULL, 0, caller);
#endif
		return;
	}
	if (READ_ONCE(pyhook_domains) && xchg(&heap->inside, true))
		pydebug_report(PYALLOC_TWO_INSIDE, NULL, 0, caller);
}

/**
 * pyprivate_enter() - begin with a call for a heap
 * @heap: the heap
 * @caller: whom to name
 *
 * Context: Any.
 * Return: false, after a report: it was destroyed.
 */
bool pyprivate_enter(struct pyheap *heap, unsigned long caller)
{
	if (unlikely(READ_ONCE(heap->is_destroyed))) {
		pydebug_report(PYALLOC_DESTROYED, NULL, 0, caller);
		return false;
	}
	if (heap->is_locked)
		check_lock(heap, caller);
	return true;
}

/**
 * pyprivate_leave() - after pyprivate_enter()
 * @heap: the heap
 *
 * Context: Any.
 */
void pyprivate_leave(struct pyheap *heap)
{
	if (heap->is_locked && READ_ONCE(heap->inside))
		WRITE_ONCE(heap->inside, false);
}

/*
 * On a kernel with lockdep every call takes the long way, where the lock is
 * looked at.
 */
#define WATCHED	(PYSAN_WATCHES || IS_ENABLED(CONFIG_LOCKDEP))

/* === malloc === */

static bool is_small(size_t size, gfp_t gfp)
{
	return size <= PYALLOC_SMALL_MAX && !(gfp & PYALLOC_GFP_RAW);
}

/* What is not owned is not charged, and so would know no limit. */
static bool is_at_limit(const struct pyheap *heap)
{
	return heap->limit && heap->flags & PYHEAP_SMALL_ONLY;
}

/* Below debug hooks: from the heap's pools, else of raw. */
static void *malloc_plain(struct pyheap *heap, enum pymem_domain domain,
			  size_t size, gfp_t gfp, int nid)
{
	void *block;

	if (nr_online_nodes == 1)
		nid = NUMA_NO_NODE;
	if (is_small(size, gfp)) {
		block = pyfront_malloc(heap, PYALLOC_STEP(size), gfp, domain,
				       nid);
		if (block || heap->is_typed || is_at_limit(heap))
			return pyheap_finish(heap, block, size, gfp);
	}
	return pyarena_may_take(gfp) ? pyowned_malloc(heap, size, gfp, nid) :
				       NULL;
}

/* It is as large as its room, and as clean; it was tracked all the time. */
static void *malloc_promised(struct pyheap *heap, size_t size, gfp_t gfp)
{
	void *block = NULL;
	bool pooled;
	size_t room;

	/* What was promised is no memory of another kind. */
	if (!(gfp & PYALLOC_GFP_RAW))
		block = pyreserve_take(heap, size);
	if (!block)
		return NULL;
	pooled = pymap_lookup(block);
	room = pooled ? heap->step_size[PYALLOC_STEP(size)] :
			pyalloc_usable_size(block);
	if (pooled)
		pysan_show(block, room);
	if (want_init_on_alloc(gfp))
		memset(block, 0, room);
	if (pooled)
		pysan_resize(block, size, room);
	return block;
}

/* What is not decorated may be the kernel's to free. */
static bool is_hooked(const struct pyheap *heap, enum pymem_domain domain,
		      size_t size, gfp_t gfp)
{
	if (!pyhook_is_on(domain) || heap->is_typed)
		return false;
	return !(heap->flags & PYHEAP_SMALL_ONLY) ||
	       (size <= pyhook_small_max && !(gfp & PYALLOC_GFP_RAW));
}

static void *malloc_inside(struct pyheap *heap, enum pymem_domain domain,
			   size_t size, gfp_t gfp, int nid,
			   unsigned long caller)
{
	void *block = NULL;

	if (pyfront_ready(heap, gfp)) {
		if (!READ_ONCE(heap->is_open))
			pylifetime_choose_way(heap);
		block = is_hooked(heap, domain, size, gfp) ?
			pyhook_malloc(heap, domain, size, gfp, nid, caller) :
			malloc_plain(heap, domain, size, gfp, nid);
	} else if (pyarena_may_take(gfp) && !heap->is_typed &&
		   !is_at_limit(heap)) {
		block = pyowned_malloc(heap, size, gfp, nid);
	}
	return block ?: malloc_promised(heap, size, gfp);
}

/* The long way of every malloc: any size, any gfp, any state of the heap. */
static noinline void *malloc_slow(struct pyheap *heap, enum pymem_domain domain,
				  size_t size, gfp_t gfp, int nid,
				  unsigned long caller)
{
	void *block = NULL;

	pydomain_check_context(gfp);
	if (!pyprivate_enter(heap, caller))
		return NULL;
	if (size <= INT_MAX)
		block = malloc_inside(heap, domain, size, gfp, nid, caller);
	pyprivate_leave(heap);
	if (unlikely(!block)) {
		atomic_long_inc(&heap->failures);
		return NULL;
	}
	pydomain_watch_malloc(domain, block, size, gfp, nid, caller);
	return block;
}

static noinline void *malloc_more(struct pyheap *heap, size_t size, gfp_t gfp,
				  unsigned long caller)
{
	return malloc_slow(heap, PYMEM_DOMAIN_MEM, size, gfp, NUMA_NO_NODE,
			   caller);
}

/* With the client's lock. */
static __always_inline void *pop_own(struct pystock *stock)
{
	void *block = stock->top[-1];

	if (unlikely(!block))
		return NULL;
	/* As in pystock_pop(): in memory. */
	barrier();
	stock->top--;
	local_inc(&stock->mallocs[PYFRONT_DOMAIN(PYMEM_DOMAIN_MEM)]);
	return block;
}

static __always_inline void *pop(struct pyheap *heap, unsigned long step)
{
	void *block;

	preempt_disable_notrace();
	block = pystock_pop((void *)raw_cpu_ptr(heap->open) +
			    heap->stock_at[step], PYMEM_DOMAIN_MEM);
	pycompat_preempt_enable_notrace();
	return block;
}

static noinline void *zero(struct pyheap *heap, unsigned long step, void *block)
{
	pyzero_block(block, heap->step_size[step]);
	return block;
}

static __always_inline void *zero_if_wanted(struct pyheap *heap,
					    unsigned long step, void *block)
{
	return want_init_on_alloc(0) ? zero(heap, step, block) : block;
}

notrace void *__pyheap_malloc(struct pyheap *heap, size_t size, gfp_t gfp)
{
	unsigned long step = PYALLOC_STEP(size);
	void *block;

	if (unlikely(size > PYALLOC_SMALL_MAX || gfp & PYALLOC_GFP_SPECIAL) ||
	    WATCHED)
		return malloc_more(heap, size, gfp, _RET_IP_);
	if (heap->is_locked) {
		block = pop_own(heap->own->by_step[step]);
		if (likely(block))
			return zero_if_wanted(heap, step, block);
	} else {
		block = pop(heap, step);
		if (likely(block))
			return zero_if_wanted(heap, step, block);
	}
	return malloc_more(heap, size, gfp, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__pyheap_malloc);

static noinline void *malloc_more_steps(struct pyheap *heap,
					unsigned long steps, gfp_t packed,
					unsigned long caller)
{
	return malloc_more(heap, pydomain_unpack_size(steps, packed),
			   pydomain_unpack_gfp(packed), caller);
}

notrace void *__pyheap_malloc_steps(struct pyheap *heap, unsigned long steps,
				    gfp_t gfp)
{
	void *block;

	if (WATCHED)
		return malloc_more_steps(heap, steps, gfp, _RET_IP_);
	if (heap->is_locked) {
		block = pop_own(heap->own->by_step[steps]);
		if (likely(block))
			return zero_if_wanted(heap, steps, block);
	} else {
		block = pop(heap, steps);
		if (likely(block))
			return zero_if_wanted(heap, steps, block);
	}
	return malloc_more_steps(heap, steps, gfp, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__pyheap_malloc_steps);

/**
 * pyheap_malloc_node() - allocate a block of a private heap on a NUMA node
 * @heap: the heap
 * @size: bytes; 0 is served as 1
 * @gfp: as for pymem_malloc_node()
 * @node: the node, or NUMA_NO_NODE
 *
 * Context: as pyheap_malloc().
 * Return: as pyheap_malloc(); NULL also if there is no such node.
 */
void *pyheap_malloc_node(struct pyheap *heap, size_t size, gfp_t gfp, int node)
{
	if (!pynode_exists(node)) {
		atomic_long_inc(&heap->failures);
		return NULL;
	}
	return malloc_slow(heap, PYMEM_DOMAIN_MEM, size, gfp, node, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pyheap_malloc_node);

/**
 * pyheap_calloc() - allocate a zeroed array from a private heap
 * @heap: the heap
 * @nelem: how many elements; 0 is served as 1 byte
 * @elsize: bytes of each
 * @gfp: as for kmalloc()
 *
 * Context: as pyheap_malloc().
 * Return: the array, or NULL, also when the product is over INT_MAX.
 */
void *pyheap_calloc(struct pyheap *heap, size_t nelem, size_t elsize, gfp_t gfp)
{
	size_t size;

	if (check_mul_overflow(nelem, elsize, &size)) {
		atomic_long_inc(&heap->failures);
		return NULL;
	}
	return malloc_more(heap, size, gfp | __GFP_ZERO, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pyheap_calloc);

void *pyprivate_malloc_plain(struct pyheap *heap, size_t size, gfp_t gfp)
{
	if (!pyfront_ready(heap, gfp))
		return NULL;
	return malloc_plain(heap, PYMEM_DOMAIN_MEM, size, gfp, NUMA_NO_NODE);
}

/**
 * pyprivate_malloc() - allocate for a type
 * @heap: its heap, or NULL for the object domain
 * @size: bytes
 * @gfp: as for kmalloc()
 * @caller: whom to name
 *
 * Context: as pymem_malloc().
 * Return: the block, or NULL.
 */
void *pyprivate_malloc(struct pyheap *heap, size_t size, gfp_t gfp,
		       unsigned long caller)
{
	if (!heap)
		return pydomain_malloc_for(PYMEM_DOMAIN_OBJ, size, gfp, caller);
	return malloc_slow(heap, PYMEM_DOMAIN_OBJ, size, gfp, NUMA_NO_NODE,
			   caller);
}

/* === free === */

/**
 * pyprivate_put() - give a block back to the private heap whose pool it is of
 * @heap: the heap
 * @domain: who frees it
 * @class: its class
 * @block: the block
 * @caller: whom to name if it is none
 *
 * Context: Any.
 */
void pyprivate_put(struct pyheap *heap, enum pymem_domain domain,
		   unsigned int class, void *block, unsigned long caller)
{
	size_t room = pyheap_class(heap, class)->size;
	bool promised = atomic_read(&heap->short_of);

	if ((want_init_on_free() || PYSAN_WATCHES || promised) &&
	    !pyheap_is_live(block, caller))
		return;
	if (promised && pyreserve_put(heap, block, room, caller))
		return;
	if (!heap->is_typed)
		pyzero_freed(block, room);
	if (!pysan_forget(block))
		pyfront_free_later(heap, class, domain, block, caller);
	else
		pyfront_free(heap, class, domain, block, caller);
}

/* What nobody owns may be the kernel's, if the heap has small blocks only. */
static void free_unowned(struct pyheap *heap, void *ptr, unsigned long caller)
{
	if (!pyraw_is_block(ptr, caller))
		return;
	if (!(heap->flags & PYHEAP_SMALL_ONLY)) {
		pydebug_report(PYALLOC_NOT_OWN, ptr, 0, caller);
		return;
	}
	pydomain_watch_free(PYMEM_DOMAIN_MEM, ptr, caller);
	pyowned_uncount(heap, pyraw_usable_size(ptr));
	pyraw_free(ptr);
}

static void free_raw(struct pyheap *heap, void *ptr, unsigned long caller)
{
	struct pyheap *owner = pyowned_heap(ptr);

	if (!owner && !pyhook_knows(ptr)) {
		free_unowned(heap, ptr, caller);
		return;
	}
	if (owner != heap) {
		pydebug_report(PYALLOC_NOT_OWN, ptr, 0, caller);
		return;
	}
	pydomain_watch_free(PYMEM_DOMAIN_MEM, ptr, caller);
	if (atomic_read(&heap->short_of) && !pyhook_knows(ptr) &&
	    pyreserve_put(heap, ptr, pyraw_usable_size(ptr), caller))
		return;
	pyhook_free_recorded(PYMEM_DOMAIN_MEM, ptr, caller);
}

static void free_pooled(struct pyheap *heap, enum pymem_domain domain,
			u32 entry, void *ptr, unsigned long caller)
{
	struct pyheap *owner = pyheap_of(entry);
	unsigned int class = pymap_class(entry);

	if (owner && pyclass_code_is_decorated(entry & PYMAP_CODE_MASK)) {
		pydomain_watch_free(domain, ptr, caller);
		pyhook_free(heap, domain, ptr, owner,
			    class - PYDECORATED_FIRST, caller);
		return;
	}
	if (owner != heap || !(entry & PYMAP_CODE_MASK) ||
	    pyclass_is_meta(class)) {
		pydebug_report(owner && owner != heap ? PYALLOC_NOT_OWN :
			       PYALLOC_NO_POOL, ptr, entry, caller);
		return;
	}
	pydomain_watch_free(domain, ptr, caller);
	pyprivate_put(heap, domain, class, ptr, caller);
}

/* The long way of every free. */
static noinline void free_slow(struct pyheap *heap, enum pymem_domain domain,
			       void *ptr, unsigned long caller)
{
	u32 entry;

	if (ZERO_OR_NULL_PTR(ptr) || !pyprivate_enter(heap, caller))
		return;
	entry = pymap_lookup(ptr);
	if (entry)
		free_pooled(heap, domain, entry, ptr, caller);
	else
		free_raw(heap, ptr, caller);
	pyprivate_leave(heap);
}

/*
 * Is it plainly a block of the heap's?  Next to the one that came in last, which
 * is another block, it needs no look at its arena, nor if it is @known.
 */
static __always_inline bool is_own(const void *last, const void *block,
				   bool known)
{
	unsigned long apart = (unsigned long)block ^ (unsigned long)last;

	return known ? likely(apart) : likely(apart - 1 < PYGRANULE_SIZE - 1);
}

static __always_inline bool push_own(struct pystock *stock, void *block,
				     bool known)
{
	void **top;

	/* The stock's address is not to be worked out twice. */
	OPTIMIZER_HIDE_VAR(stock);
	top = stock->top;
	if (unlikely(top == stock->end) || !is_own(top[-1], block, known) ||
	    unlikely(!pystock_is_start(stock, block)))
		return false;
	*top = block;
	barrier();
	stock->top++;
	return true;
}

/* Preemption is off, and on again behind it. */
static __always_inline bool push_here(struct pystock *stock, void *block,
				      bool known)
{
	void **top;

	OPTIMIZER_HIDE_VAR(stock);
	if (pystock_is_busy(stock) ||
	    unlikely(!pystock_is_start(stock, block)))
		goto out;
	pystock_enter(stock);
	top = stock->top;
	if (unlikely(top == stock->end) || !is_own(top[-1], block, known))
		goto leave;
	*top = block;
	barrier();
	stock->top++;
	pystock_leave(stock);
	pycompat_preempt_enable_notrace();
	return true;
leave:
	pystock_leave(stock);
out:
	pycompat_preempt_enable_notrace();
	return false;
}

static __always_inline bool push(struct pyheap *heap, unsigned long code,
				 void *block, bool known)
{
	unsigned int class = code - PYMAP_CLOSED - 1;

	if (unlikely(class >= heap->nr_classes))
		return false;
	preempt_disable_notrace();
	return push_here(&raw_cpu_ptr(heap->open)->stock[class], block, known);
}

/* Its arena tells whose it is. */
static notrace noinline void free_far(struct pyheap *heap, void *ptr,
				      unsigned long caller)
{
	unsigned long code = pymap_code(ptr);
	struct pyarena *arena = NULL;
	bool done = false;

	rcu_read_lock();
	if (!WATCHED && code)
		arena = pymap_arena_of(ptr);
	if (likely(arena && arena->heap == heap))
		done = heap->is_locked ?
		       push_own(heap->own->by_code[code], ptr, true) :
		       push(heap, code, ptr, true);
	rcu_read_unlock();
	if (unlikely(!done))
		free_slow(heap, PYMEM_DOMAIN_MEM, ptr, caller);
}

/**
 * pyheap_free() - free a block of a private heap
 * @heap: the heap
 * @ptr: a block of that heap, or NULL; with PYHEAP_SMALL_ONLY also one of
 *	kmalloc() or kvmalloc()
 *
 * Another heap's block, or what is no block, is reported once a caller and left
 * alone.
 *
 * Context: Any; with PYHEAP_EXTERNAL_LOCK where the lock is held.
 */
notrace void pyheap_free(struct pyheap *heap, const void *ptr)
{
	unsigned long code = pymap_code(ptr);

	/* So that gcc makes no case of its own of what is not mapped. */
	OPTIMIZER_HIDE_VAR(code);
	/* Two ways apart, so that neither has what is the other's. */
	if (!WATCHED && heap->is_locked) {
		if (likely(push_own(heap->own->by_code[code], (void *)ptr,
				    false)))
			return;
	} else if (!WATCHED && push(heap, code, (void *)ptr, false)) {
		return;
	}
	free_far(heap, (void *)ptr, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pyheap_free);

void pyprivate_free_plain(struct pyheap *heap, void *ptr)
{
	u32 entry = pymap_lookup(ptr);

	if (entry)
		pyprivate_put(heap, PYMEM_DOMAIN_MEM, pymap_class(entry), ptr,
			      _THIS_IP_);
	else if (pyowned_heap(ptr))
		pyhook_free_recorded(PYMEM_DOMAIN_MEM, ptr, _THIS_IP_);
	else
		free_unowned(heap, ptr, _THIS_IP_);
}

/**
 * pyprivate_free() - free for a type
 * @heap: its heap, or NULL for the object domain
 * @ptr: the block
 * @caller: whom to name
 *
 * Context: Any.
 */
void pyprivate_free(struct pyheap *heap, void *ptr, unsigned long caller)
{
	if (heap)
		free_slow(heap, PYMEM_DOMAIN_OBJ, ptr, caller);
	else
		pydomain_free_for(PYMEM_DOMAIN_OBJ, ptr, caller);
}

/* === realloc === */

/* Whose block it is, when it was asked for through @heap or through a domain. */
static bool is_heaps(const struct pyheap *heap, const void *ptr, u32 entry)
{
	struct pyheap *owner = entry ? pyheap_of(entry) : pyowned_heap(ptr);

	return owner == heap ||
	       (!owner && !entry && heap->flags & PYHEAP_SMALL_ONLY);
}

static bool stays(const struct pyheap *heap, u32 entry, size_t size)
{
	return entry && !pyclass_code_is_decorated(entry & PYMAP_CODE_MASK) &&
	       pyheap_stays(heap, pymap_class(entry), size);
}

static void *resize_in_place(struct pyheap *heap, u32 entry, void *ptr,
			     size_t size, gfp_t gfp, unsigned long caller)
{
	size_t room = pyheap_class(heap, pymap_class(entry))->size;

	pyheap_resize(ptr, size, room, gfp);
	pydomain_watch_free(PYMEM_DOMAIN_MEM, ptr, caller);
	pydomain_watch_malloc(PYMEM_DOMAIN_MEM, ptr, size, gfp, NUMA_NO_NODE,
			      caller);
	return ptr;
}

static void *move(struct pyheap *heap, enum pymem_domain domain, void *ptr,
		  size_t size, gfp_t gfp, unsigned long caller)
{
	size_t room = pyalloc_usable_size(ptr);
	void *new;

	if (!room)
		return NULL;
	gfp |= size <= room ? __GFP_NOWARN : 0;
	new = malloc_slow(heap, domain, size, gfp, NUMA_NO_NODE, caller);
	/* It can always stay where it is: that is no failure. */
	if (!new && size <= room) {
		atomic_long_dec(&heap->failures);
		/* What it grows into later has to be zero then. */
		if (gfp & __GFP_ZERO)
			memset(ptr + size, 0, room - size);
		return ptr;
	}
	if (!new)
		return NULL;
	memcpy(new, ptr, min(room, size));
	free_slow(heap, domain, ptr, caller);
	return new;
}

static void *resize(struct pyheap *heap, enum pymem_domain domain, void *ptr,
		    size_t size, gfp_t gfp, unsigned long caller)
{
	u32 entry;

	if (ZERO_OR_NULL_PTR(ptr))
		return malloc_slow(heap, domain, size, gfp, NUMA_NO_NODE,
				   caller);
	if (READ_ONCE(heap->is_destroyed)) {
		pydebug_report(PYALLOC_DESTROYED, NULL, 0, caller);
		return NULL;
	}
	entry = pymap_lookup(ptr);
	if (size > INT_MAX || !is_heaps(heap, ptr, entry)) {
		if (size <= INT_MAX)
			pydebug_report(PYALLOC_NOT_OWN, ptr, entry, caller);
		atomic_long_inc(&heap->failures);
		return NULL;
	}
	if (entry && !pyclass_code_is_decorated(entry & PYMAP_CODE_MASK) &&
	    !pyheap_is_live(ptr, caller)) {
		atomic_long_inc(&heap->failures);
		return NULL;
	}
	if (stays(heap, entry, size))
		return resize_in_place(heap, entry, ptr, size, gfp, caller);
	return move(heap, domain, ptr, size, gfp, caller);
}

/**
 * pyheap_realloc() - resize a block of a private heap
 * @heap: the heap
 * @ptr: the block; with NULL it is pyheap_malloc()
 * @size: bytes; 0 is served as 1 and does not free
 * @gfp: as for pymem_realloc()
 *
 * Context: as pyheap_malloc().
 * Return: the block, moved or not; or NULL with @ptr as it was.  Shrinking
 * never fails.
 */
void *pyheap_realloc(struct pyheap *heap, void *ptr, size_t size, gfp_t gfp)
{
	return resize(heap, PYMEM_DOMAIN_MEM, ptr, size, gfp, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pyheap_realloc);

/**
 * pyprivate_realloc() - resize for a type
 * @heap: its heap, or NULL for the object domain
 * @ptr: the block
 * @size: bytes
 * @gfp: as for kmalloc()
 * @caller: whom to name
 *
 * Context: as pymem_realloc().
 * Return: as pyheap_realloc().
 */
void *pyprivate_realloc(struct pyheap *heap, void *ptr, size_t size, gfp_t gfp,
			unsigned long caller)
{
	if (!heap)
		return pydomain_realloc_for(PYMEM_DOMAIN_OBJ, ptr, size, gfp,
					    caller);
	return resize(heap, PYMEM_DOMAIN_OBJ, ptr, size, gfp, caller);
}

/* === Many at a time === */

/**
 * pyheap_malloc_bulk() - allocate many blocks of a private heap
 * @heap: the heap
 * @size: bytes of each; 0 is served as 1
 * @gfp: as for kmalloc()
 * @n: how many
 * @ptrs: where to put them
 *
 * Context: as pyheap_malloc().
 * Return: how many it got, which are the first ones of @ptrs.
 */
size_t pyheap_malloc_bulk(struct pyheap *heap, size_t size, gfp_t gfp, size_t n,
			  void **ptrs)
{
	size_t got = 0, i;

	if (is_small(size, gfp) && !heap->is_locked &&
	    READ_ONCE(heap->is_open)) {
		got = pybulk_malloc(heap, PYALLOC_STEP(size), gfp,
				    PYMEM_DOMAIN_MEM, n, ptrs);
		for (i = 0; i < got; i++)
			pyheap_finish(heap, ptrs[i], size, gfp);
	}
	for (; got < n; got++) {
		ptrs[got] = malloc_more(heap, size, gfp, _RET_IP_);
		if (!ptrs[got])
			break;
	}
	return got;
}
EXPORT_SYMBOL_GPL(pyheap_malloc_bulk);

/**
 * pyheap_free_bulk() - free many blocks of a private heap
 * @heap: the heap
 * @n: how many
 * @ptrs: the blocks, each as for pyheap_free()
 *
 * Context: as pyheap_free().
 */
void pyheap_free_bulk(struct pyheap *heap, size_t n, void **ptrs)
{
	while (n--)
		pyheap_free(heap, *ptrs++);
}
EXPORT_SYMBOL_GPL(pyheap_free_bulk);

/* === After a grace period === */

/**
 * pyprivate_put_late() - free a block whose heap's lock nobody has
 * @heap: the heap, which has an external lock
 * @block: the block, which is live
 *
 * It goes past the front, which that lock protects.
 *
 * Context: Any but NMI.
 */
void pyprivate_put_late(struct pyheap *heap, void *block)
{
	size_t room = pyheap_class(heap, pymap_class(pymap_lookup(block)))->size;

	pydomain_watch_free(PYMEM_DOMAIN_MEM, block, _THIS_IP_);
	if (pyreserve_put(heap, block, room, _THIS_IP_) ||
	    !pysan_forget(block))
		return;
	pyzero_freed(block, room);
	/* What its front has counted does not know of it. */
	atomic_long_inc(&heap->late_frees);
	pyheap_put(1, &block, _THIS_IP_);
}

static void free_after_grace(struct rcu_head *rcu)
{
	u32 entry = pymap_lookup(rcu);
	struct pyheap *heap = pyheap_of(entry);
	void *block = pydomain_block_around(rcu);
	unsigned long caller = 0;

	if (pyclass_code_is_decorated(entry & PYMAP_CODE_MASK))
		caller = pyhook_end_grace(block);
	if (heap->is_locked && !caller)
		pyprivate_put_late(heap, block);
	else
		free_pooled(heap, PYMEM_DOMAIN_MEM, pymap_lookup(block), block,
			    caller ?: _THIS_IP_);
}

static void free_rcu(struct pyheap *heap, void *ptr, struct rcu_head *rcu,
		     unsigned long caller)
{
	struct pyhook_block block;

	/* What lies in a pool is noted until the grace period is over. */
	if (!pymap_lookup(ptr))
		pydomain_watch_free(PYMEM_DOMAIN_MEM, ptr, caller);
	if (pyhook_knows(ptr)) {
		if (pyhook_look(ptr, PYMEM_DOMAIN_MEM, caller, &block))
			pyhook_begin_grace(&block, rcu, free_after_grace,
					   caller);
	} else if (pymap_lookup(ptr)) {
		if (pyheap_is_live(ptr, caller))
			call_rcu(rcu, free_after_grace);
	} else if (!pyowned_free_rcu(ptr, caller) &&
		   pyraw_is_block(ptr, caller)) {
		pyowned_uncount(heap, pyraw_usable_size(ptr));
		pycompat_kvfree_rcu(ptr, rcu);
	}
}

/* Behind pyheap_free_rcu(): @rcu lies in the block @ptr. */
void __pyheap_free_rcu(struct pyheap *heap, void *ptr, struct rcu_head *rcu)
{
	if (READ_ONCE(heap->is_destroyed))
		pydebug_report(PYALLOC_DESTROYED, NULL, 0, _RET_IP_);
	else if (!is_heaps(heap, ptr, pymap_lookup(ptr)))
		pydebug_report(PYALLOC_NOT_OWN, ptr, pymap_lookup(ptr),
			       _RET_IP_);
	else
		free_rcu(heap, ptr, rcu, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__pyheap_free_rcu);
