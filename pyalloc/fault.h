/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Faults: makes one of pyalloc's own allocations fail, to see what comes of it.
 */
#ifndef _PYALLOC_FAULT_H
#define _PYALLOC_FAULT_H

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/types.h>

/* What pyalloc asks the kernel, or the heap itself, for. */
enum pyfault_point {
	PYFAULT_MAP_TABLES,
	PYFAULT_HEAP_NODES,
	PYFAULT_HEAP_NODE,
	PYFAULT_FRONTS,
	PYFAULT_HOTPLUG,
	PYFAULT_SHRINKER,
	PYFAULT_ARENA_PAGES,
	PYFAULT_ARENA_VMALLOC,
	PYFAULT_ARENA_DESCRIPTOR,
	PYFAULT_ARENA_POOLS,
	PYFAULT_MAP_NUMBER,
	PYFAULT_MAP_CHUNK,
	PYFAULT_MAP_LEAF,
	PYFAULT_MAP_VMALLOC,
	PYFAULT_META,
	PYFAULT_RAW_MALLOC,
	PYFAULT_RAW_REALLOC,
	PYFAULT_ALLOCATOR,
	PYFAULT_RECORDS,
	PYFAULT_QUARANTINE,
	PYFAULT_TRACE,
	PYFAULT_SITE,
	PYFAULT_MARKS,
	PYFAULT_LEDGER,
	PYFAULT_SNAPSHOT,
	PYFAULT_RESERVE,
	PYFAULT_HEAP,
	PYFAULT_STATS,
	PYFAULT_CHECK,
	PYFAULT_TYPE,
	PYFAULT_FREELIST,
	PYFAULT_NR,
};

/**
 * struct pyfault_counts - what a failure point saw while a fault was armed
 * @passed: how often it was passed
 * @failed: how often it was made to fail
 */
struct pyfault_counts {
	unsigned long	passed;
	unsigned long	failed;
};

extern const char *const pyfault_names[PYFAULT_NR];
extern atomic_long_t pyfault_left;

bool __pyfault_strikes(enum pyfault_point point);

/* Is this the allocation that has to fail?  Any context, any lock. */
static inline bool pyfault_strikes(enum pyfault_point point)
{
	return unlikely(atomic_long_read(&pyfault_left) > 0) &&
	       __pyfault_strikes(point);
}

void pyfault_arm(unsigned int nth);
const char *pyfault_struck(void);
void pyfault_counts(enum pyfault_point point, struct pyfault_counts *counts);

#endif /* _PYALLOC_FAULT_H */
