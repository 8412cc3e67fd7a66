/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Allocators that a client put in place of a domain's own.
 */
#ifndef _PYALLOC_ALLOCATOR_H
#define _PYALLOC_ALLOCATOR_H

#include <linux/pyalloc.h>
#include <linux/rcupdate.h>

extern struct pymem_allocator __rcu *pyallocators[PYMEM_NR_DOMAINS];

/* Any context; what it was may change at any time. */
static inline bool pyallocator_is_replaced(enum pymem_domain domain)
{
	return rcu_access_pointer(pyallocators[domain]);
}

static inline bool pyallocator_any(void)
{
	return pyallocator_is_replaced(PYMEM_DOMAIN_RAW) ||
	       pyallocator_is_replaced(PYMEM_DOMAIN_MEM) ||
	       pyallocator_is_replaced(PYMEM_DOMAIN_OBJ);
}

void *pyallocator_malloc(enum pymem_domain domain, size_t size, gfp_t gfp,
			 unsigned long caller);
void *pyallocator_calloc(enum pymem_domain domain, size_t nelem, size_t elsize,
			 gfp_t gfp, unsigned long caller);
void *pyallocator_realloc(enum pymem_domain domain, void *ptr, size_t size,
			  gfp_t gfp, unsigned long caller);
void pyallocator_free(enum pymem_domain domain, void *ptr,
		      unsigned long caller);
void pyallocator_free_rcu(enum pymem_domain domain, void *ptr);

void pyallocator_end_hooks(void);
int pyallocator_init(const char *name);
void pyallocator_exit(void);

#endif /* _PYALLOC_ALLOCATOR_H */
