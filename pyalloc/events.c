// SPDX-License-Identifier: GPL-2.0
/*
 * Tracepoints: who listens closes the fast path, so that calls pass where they
 * are told of; who does not pays nothing.
 *
 * Contexts: events are told of in all.  Who begins or ends to listen is in
 * process context, with the kernel's own lock of tracepoints held.
 */
#define CREATE_TRACE_POINTS
#include "events.h"

#include <linux/atomic.h>

#include "domain.h"
#include "raw.h"
#include "trace.h"
#include "compat.h"

EXPORT_TRACEPOINT_SYMBOL_GPL(pyalloc_malloc);
EXPORT_TRACEPOINT_SYMBOL_GPL(pyalloc_realloc);
EXPORT_TRACEPOINT_SYMBOL_GPL(pyalloc_free);
EXPORT_TRACEPOINT_SYMBOL_GPL(pyalloc_arena_alloc);
EXPORT_TRACEPOINT_SYMBOL_GPL(pyalloc_arena_free);

/* How many of the events of calls somebody listens to. */
static atomic_t listeners;

/**
 * pyevents_any() - does somebody listen to calls?
 *
 * Context: Any.
 * Return: whether somebody does.
 */
bool pyevents_any(void)
{
	return atomic_read(&listeners);
}

/**
 * pyevents_begin() - somebody begins to listen to an event
 *
 * Context: Process; sleeps.
 * Return: 0.
 */
int pyevents_begin(void)
{
	if (atomic_inc_return(&listeners) == 1) {
		pydomain_wrap(PYWRAP_EVENTS);
		pytrace_choose_way();
	}
	return 0;
}

/**
 * pyevents_end() - nobody listens to an event any more
 *
 * Context: Process; sleeps.
 */
void pyevents_end(void)
{
	if (atomic_dec_and_test(&listeners)) {
		pydomain_unwrap(PYWRAP_EVENTS);
		pytrace_choose_way();
	}
}

/* What a replaced allocator gave is for itself to know. */
static size_t usable_size(enum pymem_domain domain, const void *ptr,
			  size_t size)
{
	struct pyplace place;
	size_t usable = 0;

	rcu_read_lock();
	if (pymark_find_place(ptr, &place))
		usable = place.class->size;
	rcu_read_unlock();
	return usable ?: pytrace_usable_size(domain, ptr, size);
}

/* Behind pyevents_malloc(). */
void __pyevents_malloc(enum pymem_domain domain, const void *ptr, size_t size,
		       gfp_t gfp, int node, unsigned long caller)
{
	trace_pyalloc_malloc(caller, ptr, size, usable_size(domain, ptr, size),
			     gfp, node, domain);
}

/* Behind pyevents_realloc(). */
void __pyevents_realloc(enum pymem_domain domain, const void *old,
			const void *ptr, size_t size, gfp_t gfp,
			unsigned long caller)
{
	trace_pyalloc_realloc(caller, old, ptr, size,
			      usable_size(domain, ptr, size), gfp, domain);
}
