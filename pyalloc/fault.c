// SPDX-License-Identifier: GPL-2.0
/*
 * Faults: makes the N-th of pyalloc's own allocations fail.
 *
 * Kernels with fault injection can do that to each allocation of a task; this
 * is for all the others.  Each place that asks for memory, from the kernel
 * or from the heap itself, is a point with a name.  While a fault is armed they
 * count down together, whoever passes them, and the one that reaches 0 is told
 * to fail.  The N-th failing in turn, for every N until none is reached any
 * more, is every error path of an operation.
 *
 * Contexts: all, NMI included, with any lock held.  Takes none.
 */
#include <linux/module.h>

#include "fault.h"
#include "compat.h"

const char *const pyfault_names[PYFAULT_NR] = {
	[PYFAULT_MAP_TABLES]		= "map_tables",
	[PYFAULT_HEAP_NODES]		= "heap_nodes",
	[PYFAULT_HEAP_NODE]		= "heap_node",
	[PYFAULT_FRONTS]		= "fronts",
	[PYFAULT_HOTPLUG]		= "hotplug",
	[PYFAULT_SHRINKER]		= "shrinker",
	[PYFAULT_ARENA_PAGES]		= "arena_pages",
	[PYFAULT_ARENA_VMALLOC]		= "arena_vmalloc",
	[PYFAULT_ARENA_DESCRIPTOR]	= "arena_descriptor",
	[PYFAULT_ARENA_POOLS]		= "arena_pools",
	[PYFAULT_MAP_NUMBER]		= "map_number",
	[PYFAULT_MAP_CHUNK]		= "map_chunk",
	[PYFAULT_MAP_LEAF]		= "map_leaf",
	[PYFAULT_MAP_VMALLOC]		= "map_vmalloc",
	[PYFAULT_META]			= "meta",
	[PYFAULT_RAW_MALLOC]		= "raw_malloc",
	[PYFAULT_RAW_REALLOC]		= "raw_realloc",
	[PYFAULT_ALLOCATOR]		= "allocator",
	[PYFAULT_RECORDS]		= "records",
	[PYFAULT_QUARANTINE]		= "quarantine",
	[PYFAULT_TRACE]			= "trace",
	[PYFAULT_SITE]			= "site",
	[PYFAULT_MARKS]			= "marks",
	[PYFAULT_LEDGER]		= "ledger",
	[PYFAULT_SNAPSHOT]		= "snapshot",
	[PYFAULT_RESERVE]		= "reserve",
	[PYFAULT_HEAP]			= "heap",
	[PYFAULT_STATS]			= "stats",
	[PYFAULT_CHECK]			= "check",
	[PYFAULT_TYPE]			= "type",
	[PYFAULT_FREELIST]		= "freelist",
};

/* How many points are to be passed until one fails; 0: nothing is armed. */
atomic_long_t pyfault_left;

static atomic_long_t passed[PYFAULT_NR];
static atomic_long_t failed[PYFAULT_NR];
static const char *struck;

/* Behind pyfault_strikes(): a fault was armed a moment ago. */
bool __pyfault_strikes(enum pyfault_point point)
{
	long left = atomic_long_dec_if_positive(&pyfault_left);

	if (left < 0)
		return false;
	atomic_long_inc(&passed[point]);
	if (left)
		return false;
	atomic_long_inc(&failed[point]);
	WRITE_ONCE(struck, pyfault_names[point]);
	return true;
}

/**
 * pyfault_arm() - have one allocation fail
 * @nth: which one, counted from now on; 0 for none
 *
 * Context: Any.
 */
void pyfault_arm(unsigned int nth)
{
	WRITE_ONCE(struck, NULL);
	atomic_long_set(&pyfault_left, nth);
}
EXPORT_SYMBOL_GPL(pyfault_arm);

/**
 * pyfault_struck() - what was made to fail
 *
 * Context: Any.
 * Return: the name of the point that failed since pyfault_arm(), or NULL.
 */
const char *pyfault_struck(void)
{
	return READ_ONCE(struck);
}
EXPORT_SYMBOL_GPL(pyfault_struck);

/**
 * pyfault_counts() - what a point saw since the module is loaded
 * @point: the point
 * @counts: where to put it
 *
 * Context: Any.
 */
void pyfault_counts(enum pyfault_point point, struct pyfault_counts *counts)
{
	counts->passed = atomic_long_read(&passed[point]);
	counts->failed = atomic_long_read(&failed[point]);
}
