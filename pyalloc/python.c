// SPDX-License-Identifier: GPL-2.0
/*
 * Allocators with CPython's signatures: linux/pyalloc_python.h says what they
 * are, and this leads from those of linux/pyalloc.h to them and back.
 *
 * CPython's functions have no gfp, and what they wrap needs the caller's.  So a
 * call through one of them is noted while it lasts, with its task and gfp, and
 * what that calls in turn looks for the latest of its task: an interrupt ends
 * before what it interrupted goes on.
 *
 * What leads there and back is kept until unload, as somebody may still have it,
 * and is the same for the same functions and ctx.
 *
 * Contexts: calls in all; the rest in process context.
 * Lock order: bridges_lock, under which only memory is asked for; flights_lock
 * is a leaf.
 */
#include <linux/export.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/pyalloc_python.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "python.h"
#include "compat.h"

/* === Calls that are under way === */

/**
 * struct flight - a call of one of CPython's signatures
 * @list: among all, the latest first
 * @task: in whose context
 * @gfp: the caller's
 */
struct flight {
	struct list_head	list;
	struct task_struct	*task;
	gfp_t			gfp;
};

static LIST_HEAD(flights);
static DEFINE_RAW_SPINLOCK(flights_lock);

/* In NMI no lock may be waited for, and the gfp is known without. */
static void take_off(struct flight *flight, gfp_t gfp)
{
	unsigned long flags;

	flight->task = current;
	flight->gfp = gfp;
	if (in_nmi())
		return;
	raw_spin_lock_irqsave(&flights_lock, flags);
	list_add(&flight->list, &flights);
	raw_spin_unlock_irqrestore(&flights_lock, flags);
}

static void land(struct flight *flight)
{
	unsigned long flags;

	if (in_nmi())
		return;
	raw_spin_lock_irqsave(&flights_lock, flags);
	list_del(&flight->list);
	raw_spin_unlock_irqrestore(&flights_lock, flags);
}

static gfp_t callers_gfp(void)
{
	const struct flight *flight;
	gfp_t gfp = PYALLOC_GFP;
	unsigned long flags;

	if (in_nmi())
		return __GFP_NOWARN;
	raw_spin_lock_irqsave(&flights_lock, flags);
	list_for_each_entry(flight, &flights, list) {
		if (flight->task == current) {
			gfp = flight->gfp;
			break;
		}
	}
	raw_spin_unlock_irqrestore(&flights_lock, flags);
	return gfp;
}

/* === Bridges === */

/**
 * struct bridge - what leads from one signature to the other
 * @list: among its kind
 * @python: CPython's
 * @native: pyalloc's
 */
struct bridge {
	struct list_head		list;
	struct PyMemAllocatorEx		python;
	struct pymem_allocator		native;
};

/**
 * struct arena_bridge - the same for where arenas come from
 * @list: among its kind
 * @python: CPython's
 * @native: pyalloc's
 */
struct arena_bridge {
	struct list_head		list;
	struct PyObjectArenaAllocator	python;
	struct pyarena_allocator	native;
};

/* Those to CPython's functions, and those from them to what is below. */
static LIST_HEAD(bridges_up);
static LIST_HEAD(bridges_down);
static LIST_HEAD(arena_bridges_up);
static LIST_HEAD(arena_bridges_down);
static DEFINE_MUTEX(bridges_lock);

/* CPython's functions can't say that there is no memory for this. */
#define NOFAIL	(GFP_KERNEL | __GFP_NOFAIL)

/* === From pyalloc's signature to CPython's === */

static void *up_malloc(void *ctx, size_t size, gfp_t gfp)
{
	const struct PyMemAllocatorEx *python =
		&((const struct bridge *)ctx)->python;
	struct flight flight;
	void *ptr;

	take_off(&flight, gfp);
	ptr = gfp & __GFP_ZERO ? python->calloc(python->ctx, 1, size) :
				 python->malloc(python->ctx, size);
	land(&flight);
	return ptr;
}

static void *up_calloc(void *ctx, size_t nelem, size_t elsize, gfp_t gfp)
{
	const struct PyMemAllocatorEx *python =
		&((const struct bridge *)ctx)->python;
	struct flight flight;
	void *ptr;

	take_off(&flight, gfp);
	ptr = python->calloc(python->ctx, nelem, elsize);
	land(&flight);
	return ptr;
}

static void *up_realloc(void *ctx, void *ptr, size_t size, gfp_t gfp)
{
	const struct PyMemAllocatorEx *python =
		&((const struct bridge *)ctx)->python;
	struct flight flight;

	take_off(&flight, gfp);
	ptr = python->realloc(python->ctx, ptr, size);
	land(&flight);
	return ptr;
}

static void up_free(void *ctx, void *ptr)
{
	const struct PyMemAllocatorEx *python =
		&((const struct bridge *)ctx)->python;

	python->free(python->ctx, ptr);
}

static void *up_alloc_arena(void *ctx, size_t size, gfp_t gfp)
{
	const struct PyObjectArenaAllocator *python =
		&((const struct arena_bridge *)ctx)->python;
	struct flight flight;
	void *ptr;

	take_off(&flight, gfp);
	ptr = python->alloc(python->ctx, size);
	land(&flight);
	return ptr;
}

static void up_free_arena(void *ctx, void *ptr, size_t size)
{
	const struct PyObjectArenaAllocator *python =
		&((const struct arena_bridge *)ctx)->python;

	python->free(python->ctx, ptr, size);
}

/* === From CPython's to pyalloc's === */

static void *down_malloc(void *ctx, size_t size)
{
	const struct pymem_allocator *native =
		&((const struct bridge *)ctx)->native;

	return size > INT_MAX ? NULL :
	       native->malloc(native->ctx, size, callers_gfp());
}

static void *down_calloc(void *ctx, size_t nelem, size_t elsize)
{
	const struct pymem_allocator *native =
		&((const struct bridge *)ctx)->native;

	return array_size(nelem, elsize) > INT_MAX ? NULL :
	       native->calloc(native->ctx, nelem, elsize, callers_gfp());
}

static void *down_realloc(void *ctx, void *ptr, size_t size)
{
	const struct pymem_allocator *native =
		&((const struct bridge *)ctx)->native;

	return size > INT_MAX ? NULL :
	       native->realloc(native->ctx, ptr, size, callers_gfp());
}

static void down_free(void *ctx, void *ptr)
{
	const struct pymem_allocator *native =
		&((const struct bridge *)ctx)->native;

	if (ptr)
		native->free(native->ctx, ptr);
}

static void *down_alloc_arena(void *ctx, size_t size)
{
	const struct pyarena_allocator *native =
		&((const struct arena_bridge *)ctx)->native;

	return native->alloc(native->ctx, size, callers_gfp());
}

static void down_free_arena(void *ctx, void *ptr, size_t size)
{
	const struct pyarena_allocator *native =
		&((const struct arena_bridge *)ctx)->native;

	native->free(native->ctx, ptr, size);
}

/* === CPython's functions === */

/* They have nothing to return it with. */
static void tell_failure(void)
{
	pr_warn("pyalloc: there is no memory to put another allocator in place\n");
}

static struct bridge *new_bridge(struct list_head *kind)
{
	struct bridge *bridge = kzalloc(sizeof(*bridge), NOFAIL);

	list_add(&bridge->list, kind);
	return bridge;
}

static struct bridge *bridge_up(const struct PyMemAllocatorEx *python)
{
	struct bridge *bridge;

	list_for_each_entry(bridge, &bridges_up, list)
		if (!memcmp(&bridge->python, python, sizeof(*python)))
			return bridge;
	bridge = new_bridge(&bridges_up);
	bridge->python = *python;
	bridge->native = (struct pymem_allocator) {
		.ctx = bridge, .malloc = up_malloc, .calloc = up_calloc,
		.realloc = up_realloc, .free = up_free,
	};
	return bridge;
}

static struct bridge *bridge_down(const struct pymem_allocator *native)
{
	struct bridge *bridge;

	list_for_each_entry(bridge, &bridges_down, list)
		if (!memcmp(&bridge->native, native, sizeof(*native)))
			return bridge;
	bridge = new_bridge(&bridges_down);
	bridge->native = *native;
	bridge->python = (struct PyMemAllocatorEx) {
		.ctx = bridge, .malloc = down_malloc, .calloc = down_calloc,
		.realloc = down_realloc, .free = down_free,
	};
	return bridge;
}

/**
 * PyMem_GetAllocator() - what serves a domain
 * @domain: the domain
 * @allocator: where to put it; NULLs if there is no such domain
 *
 * What PyMem_SetAllocator() put there comes back as it was.  Of pyalloc's own,
 * and of what pymem_set_allocator() put there, it is functions that may be
 * called as long as pyalloc is loaded.  Inside a function that serves a domain
 * they ask with the gfp of its caller, elsewhere with GFP_KERNEL.
 *
 * Context: Process; sleeps.
 */
void PyMem_GetAllocator(PyMemAllocatorDomain domain,
			PyMemAllocatorEx *allocator)
{
	struct pymem_allocator native;

	memset(allocator, 0, sizeof(*allocator));
	if (pymem_get_allocator(domain, &native))
		return;
	mutex_lock(&bridges_lock);
	if (native.malloc == up_malloc)
		*allocator = ((struct bridge *)native.ctx)->python;
	else
		*allocator = bridge_down(&native)->python;
	mutex_unlock(&bridges_lock);
}
EXPORT_SYMBOL_GPL(PyMem_GetAllocator);

/**
 * PyMem_SetAllocator() - have another allocator serve a domain
 * @domain: the domain; another number is ignored
 * @allocator: what serves it from now on, copied
 *
 * As pymem_set_allocator(), whose rules hold.  Its functions are called where
 * the domain's are, and what they ask themselves has to suit that; what
 * PyMem_GetAllocator() gave does.  Zeroed blocks are asked of its calloc.
 *
 * Context: Process; sleeps.  Not from an allocator's function.
 */
void PyMem_SetAllocator(PyMemAllocatorDomain domain,
			PyMemAllocatorEx *allocator)
{
	struct pymem_allocator native;

	if ((unsigned int)domain >= PYMEM_NR_DOMAINS)
		return;
	if (WARN_ON_ONCE(!allocator->malloc || !allocator->calloc ||
			 !allocator->realloc || !allocator->free))
		return;
	mutex_lock(&bridges_lock);
	if (allocator->malloc == down_malloc)
		native = ((struct bridge *)allocator->ctx)->native;
	else
		native = bridge_up(allocator)->native;
	mutex_unlock(&bridges_lock);
	if (pymem_set_allocator(domain, &native))
		tell_failure();
}
EXPORT_SYMBOL_GPL(PyMem_SetAllocator);

static struct arena_bridge *new_arena_bridge(struct list_head *kind)
{
	struct arena_bridge *bridge = kzalloc(sizeof(*bridge), NOFAIL);

	list_add(&bridge->list, kind);
	return bridge;
}

static struct arena_bridge *
arena_bridge_up(const struct PyObjectArenaAllocator *python)
{
	struct arena_bridge *bridge;

	list_for_each_entry(bridge, &arena_bridges_up, list)
		if (!memcmp(&bridge->python, python, sizeof(*python)))
			return bridge;
	bridge = new_arena_bridge(&arena_bridges_up);
	bridge->python = *python;
	bridge->native = (struct pyarena_allocator) {
		.ctx = bridge, .alloc = up_alloc_arena, .free = up_free_arena,
	};
	return bridge;
}

static struct arena_bridge *
arena_bridge_down(const struct pyarena_allocator *native)
{
	struct arena_bridge *bridge;

	list_for_each_entry(bridge, &arena_bridges_down, list)
		if (!memcmp(&bridge->native, native, sizeof(*native)))
			return bridge;
	bridge = new_arena_bridge(&arena_bridges_down);
	bridge->native = *native;
	bridge->python = (struct PyObjectArenaAllocator) {
		.ctx = bridge, .alloc = down_alloc_arena,
		.free = down_free_arena,
	};
	return bridge;
}

/**
 * PyObject_GetArenaAllocator() - where arenas come from
 * @allocator: where to put it
 *
 * As PyMem_GetAllocator().
 *
 * Context: Process; sleeps.
 */
void PyObject_GetArenaAllocator(PyObjectArenaAllocator *allocator)
{
	struct pyarena_allocator native;

	memset(allocator, 0, sizeof(*allocator));
	if (pyarena_get_allocator(&native))
		return;
	mutex_lock(&bridges_lock);
	if (native.alloc == up_alloc_arena)
		*allocator = ((struct arena_bridge *)native.ctx)->python;
	else
		*allocator = arena_bridge_down(&native)->python;
	mutex_unlock(&bridges_lock);
}
EXPORT_SYMBOL_GPL(PyObject_GetArenaAllocator);

/**
 * PyObject_SetArenaAllocator() - have arenas come from elsewhere
 * @allocator: from where from now on, copied
 *
 * As pyarena_set_allocator(), whose rules hold.
 *
 * Context: Process; sleeps.
 */
void PyObject_SetArenaAllocator(PyObjectArenaAllocator *allocator)
{
	struct pyarena_allocator native;

	if (WARN_ON_ONCE(!allocator->alloc || !allocator->free))
		return;
	mutex_lock(&bridges_lock);
	if (allocator->alloc == down_alloc_arena)
		native = ((struct arena_bridge *)allocator->ctx)->native;
	else
		native = arena_bridge_up(allocator)->native;
	mutex_unlock(&bridges_lock);
	if (pyarena_set_allocator(&native))
		tell_failure();
}
EXPORT_SYMBOL_GPL(PyObject_SetArenaAllocator);

/* === Unloading === */

static void forget_bridges(struct list_head *kind)
{
	struct bridge *bridge, *next;

	list_for_each_entry_safe(bridge, next, kind, list)
		kfree(bridge);
}

static void forget_arena_bridges(struct list_head *kind)
{
	struct arena_bridge *bridge, *next;

	list_for_each_entry_safe(bridge, next, kind, list)
		kfree(bridge);
}

/**
 * pypython_exit() - forget what leads from one signature to the other
 *
 * Context: Process, when nobody calls any more and the last arena is gone.
 */
void pypython_exit(void)
{
	forget_bridges(&bridges_up);
	forget_bridges(&bridges_down);
	forget_arena_bridges(&arena_bridges_up);
	forget_arena_bridges(&arena_bridges_down);
}
