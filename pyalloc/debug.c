// SPDX-License-Identifier: GPL-2.0
/*
 * Reports of what callers did wrong: the one place that says so.
 *
 * A report names the pointer (hashed), its class and pool and the caller; it
 * reads the map and descriptors only, never the memory behind the pointer.
 * There is one WARN a call site, so that a loop cannot flood the log, and
 * the call that was wrong is ignored.
 *
 * Contexts: all, NMI included.  Takes no lock, and no lock may be held that
 * printk() could need.
 */
#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/module.h>

#include "debug.h"
#include "heap.h"
#include "compat.h"

/* Call sites that were reported; two that share a bit count as one. */
#define SITE_BITS	10
static DECLARE_BITMAP(sites_seen, 1 << SITE_BITS);

static atomic_long_t nr_reports;
static void (*report_hook)(const struct pyalloc_report *report);

static const char *const mistakes[PYALLOC_NO_MISTAKE] = {
	[PYALLOC_DOUBLE_FREE]	= "is free already",
	[PYALLOC_INTERIOR]	= "is not the start of a block",
	[PYALLOC_NO_POOL]	= "lies in no pool",
	[PYALLOC_WILD]		= "is nobody's block",
	[PYALLOC_OVERWRITTEN]	= "lies where the heap's own state was overwritten",
};

static void describe(struct pyalloc_report *report, u32 entry)
{
	struct pyarena *arena;
	u8 code = entry & PYMAP_CODE_MASK & ~PYMAP_CLOSED;

	arena = pymap_arena(entry >> PYMAP_ARENA_SHIFT);
	if (arena && code && pyarena_has(arena, report->ptr)) {
		report->pool = (entry & ~PYMAP_CODE_MASK) |
			       pyarena_granule(arena, report->ptr);
		report->size = pyheap_class(arena->node->heap, code - 1)->size;
	}
}

/**
 * pydebug_report() - say that a pointer is not what its caller thinks
 * @mistake: what it is
 * @ptr: the pointer
 * @entry: what the map has, or had, for it
 * @caller: the address of the call
 *
 * Context: Any, with no lock of pyalloc's held.
 */
void pydebug_report(enum pyalloc_mistake mistake, const void *ptr, u32 entry,
		    unsigned long caller)
{
	struct pyalloc_report report = {
		.mistake = mistake, .ptr = ptr, .caller = caller,
	};
	void (*hook)(const struct pyalloc_report *report);

	atomic_long_inc(&nr_reports);
	rcu_read_lock();
	describe(&report, entry);
	hook = READ_ONCE(report_hook);
	if (hook)
		hook(&report);
	rcu_read_unlock();
	if (hook || test_and_set_bit(hash_long(caller, SITE_BITS), sites_seen))
		return;
	WARN(1, "pyalloc: %p %s (class %u, pool %u.%u), call from %pS ignored\n",
	     ptr, mistakes[mistake], report.size,
	     report.pool >> PYMAP_ARENA_SHIFT, report.pool & PYMAP_CODE_MASK,
	     (void *)caller);
}

/**
 * pydebug_reports() - how many mistakes were seen since the module is loaded
 *
 * Context: Any.
 * Return: their number.
 */
unsigned long pydebug_reports(void)
{
	return atomic_long_read(&nr_reports);
}
EXPORT_SYMBOL_GPL(pydebug_reports);

/**
 * pydebug_set_hook() - lead reports to a test
 * @hook: gets each report in place of the log, in the context of the mistake;
 *	NULL puts the log back
 *
 * Context: Process.
 */
void pydebug_set_hook(void (*hook)(const struct pyalloc_report *report))
{
	WRITE_ONCE(report_hook, hook);
	synchronize_rcu();
}
EXPORT_SYMBOL_GPL(pydebug_set_hook);
