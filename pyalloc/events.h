/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: calls of the domains, and arenas that come and go.
 *
 * Their fields have the names of the kmem events'.  As long as nobody listens
 * to a call's event the fast path is open and knows nothing of it.
 *
 * This file is read several times, as the kernel's tracing wants it.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM pyalloc

#if !defined(_PYALLOC_EVENTS_H) || defined(TRACE_HEADER_MULTI_READ)
#define _PYALLOC_EVENTS_H

#include <linux/pyalloc.h>
#include <linux/tracepoint.h>
#include <trace/events/mmflags.h>

/* Sparse can't take so long a list. */
#ifdef __CHECKER__
#define PYEVENTS_GFP(flags)	((flags) ? "some" : "none")
#else
#define PYEVENTS_GFP(flags)	show_gfp_flags(flags)
#endif

#define PYEVENTS_DOMAIN(domain)						\
	__print_symbolic(domain, { PYMEM_DOMAIN_RAW, "raw" },		\
			 { PYMEM_DOMAIN_MEM, "mem" },			\
			 { PYMEM_DOMAIN_OBJ, "object" })

#ifndef _PYALLOC_EVENTS_ONCE
#define _PYALLOC_EVENTS_ONCE
int pyevents_begin(void);
void pyevents_end(void);
bool pyevents_any(void);
#endif

TRACE_EVENT_FN(pyalloc_malloc,

	TP_PROTO(unsigned long call_site, const void *ptr, size_t bytes_req,
		 size_t bytes_alloc, gfp_t gfp_flags, int node,
		 unsigned int domain),

	TP_ARGS(call_site, ptr, bytes_req, bytes_alloc, gfp_flags, node,
		domain),

	TP_STRUCT__entry(
		__field(unsigned long, call_site)
		__field(const void *, ptr)
		__field(size_t, bytes_req)
		__field(size_t, bytes_alloc)
		__field(unsigned long, gfp_flags)
		__field(int, node)
		__field(unsigned int, domain)
	),

	TP_fast_assign(
		__entry->call_site = call_site;
		__entry->ptr = ptr;
		__entry->bytes_req = bytes_req;
		__entry->bytes_alloc = bytes_alloc;
		__entry->gfp_flags = (__force unsigned long)gfp_flags;
		__entry->node = node;
		__entry->domain = domain;
	),

	TP_printk("call_site=%pS ptr=%p bytes_req=%zu bytes_alloc=%zu gfp_flags=%s node=%d domain=%s",
		  (void *)__entry->call_site, __entry->ptr,
		  __entry->bytes_req, __entry->bytes_alloc,
		  PYEVENTS_GFP(__entry->gfp_flags), __entry->node,
		  PYEVENTS_DOMAIN(__entry->domain)),

	pyevents_begin, pyevents_end
);

TRACE_EVENT_FN(pyalloc_realloc,

	TP_PROTO(unsigned long call_site, const void *old, const void *ptr,
		 size_t bytes_req, size_t bytes_alloc, gfp_t gfp_flags,
		 unsigned int domain),

	TP_ARGS(call_site, old, ptr, bytes_req, bytes_alloc, gfp_flags,
		domain),

	TP_STRUCT__entry(
		__field(unsigned long, call_site)
		__field(const void *, old)
		__field(const void *, ptr)
		__field(size_t, bytes_req)
		__field(size_t, bytes_alloc)
		__field(unsigned long, gfp_flags)
		__field(unsigned int, domain)
	),

	TP_fast_assign(
		__entry->call_site = call_site;
		__entry->old = old;
		__entry->ptr = ptr;
		__entry->bytes_req = bytes_req;
		__entry->bytes_alloc = bytes_alloc;
		__entry->gfp_flags = (__force unsigned long)gfp_flags;
		__entry->domain = domain;
	),

	TP_printk("call_site=%pS old=%p ptr=%p bytes_req=%zu bytes_alloc=%zu gfp_flags=%s domain=%s",
		  (void *)__entry->call_site, __entry->old, __entry->ptr,
		  __entry->bytes_req, __entry->bytes_alloc,
		  PYEVENTS_GFP(__entry->gfp_flags),
		  PYEVENTS_DOMAIN(__entry->domain)),

	pyevents_begin, pyevents_end
);

TRACE_EVENT_FN(pyalloc_free,

	TP_PROTO(unsigned long call_site, const void *ptr,
		 unsigned int domain),

	TP_ARGS(call_site, ptr, domain),

	TP_STRUCT__entry(
		__field(unsigned long, call_site)
		__field(const void *, ptr)
		__field(unsigned int, domain)
	),

	TP_fast_assign(
		__entry->call_site = call_site;
		__entry->ptr = ptr;
		__entry->domain = domain;
	),

	TP_printk("call_site=%pS ptr=%p domain=%s",
		  (void *)__entry->call_site, __entry->ptr,
		  PYEVENTS_DOMAIN(__entry->domain)),

	pyevents_begin, pyevents_end
);

TRACE_EVENT(pyalloc_arena_alloc,

	TP_PROTO(const void *ptr, size_t bytes_alloc, gfp_t gfp_flags,
		 int node),

	TP_ARGS(ptr, bytes_alloc, gfp_flags, node),

	TP_STRUCT__entry(
		__field(const void *, ptr)
		__field(size_t, bytes_alloc)
		__field(unsigned long, gfp_flags)
		__field(int, node)
	),

	TP_fast_assign(
		__entry->ptr = ptr;
		__entry->bytes_alloc = bytes_alloc;
		__entry->gfp_flags = (__force unsigned long)gfp_flags;
		__entry->node = node;
	),

	TP_printk("ptr=%p bytes_alloc=%zu gfp_flags=%s node=%d", __entry->ptr,
		  __entry->bytes_alloc, PYEVENTS_GFP(__entry->gfp_flags),
		  __entry->node)
);

TRACE_EVENT(pyalloc_arena_free,

	TP_PROTO(const void *ptr, size_t bytes_alloc, int node),

	TP_ARGS(ptr, bytes_alloc, node),

	TP_STRUCT__entry(
		__field(const void *, ptr)
		__field(size_t, bytes_alloc)
		__field(int, node)
	),

	TP_fast_assign(
		__entry->ptr = ptr;
		__entry->bytes_alloc = bytes_alloc;
		__entry->node = node;
	),

	TP_printk("ptr=%p bytes_alloc=%zu node=%d", __entry->ptr,
		  __entry->bytes_alloc, __entry->node)
);

#ifndef _PYALLOC_EVENTS_CALLS
#define _PYALLOC_EVENTS_CALLS

void __pyevents_malloc(enum pymem_domain domain, const void *ptr, size_t size,
		       gfp_t gfp, int node, unsigned long caller);
void __pyevents_realloc(enum pymem_domain domain, const void *old,
			const void *ptr, size_t size, gfp_t gfp,
			unsigned long caller);

/* Each does nothing while nobody listens.  Any context. */
static inline void pyevents_malloc(enum pymem_domain domain, const void *ptr,
				   size_t size, gfp_t gfp, int node,
				   unsigned long caller)
{
	if (trace_pyalloc_malloc_enabled())
		__pyevents_malloc(domain, ptr, size, gfp, node, caller);
}

static inline void pyevents_realloc(enum pymem_domain domain, const void *old,
				    const void *ptr, size_t size, gfp_t gfp,
				    unsigned long caller)
{
	if (trace_pyalloc_realloc_enabled())
		__pyevents_realloc(domain, old, ptr, size, gfp, caller);
}

static inline void pyevents_free(enum pymem_domain domain, const void *ptr,
				 unsigned long caller)
{
	trace_pyalloc_free(caller, ptr, domain);
}

#endif /* _PYALLOC_EVENTS_CALLS */
#endif /* _PYALLOC_EVENTS_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE events
#include <trace/define_trace.h>
