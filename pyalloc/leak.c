// SPDX-License-Identifier: GPL-2.0
/*
 * Leaks: says which call sites have blocks live when a heap is destroyed, when
 * a client's module goes away, and when this one does, as far as a trace knows.
 *
 * Contexts: process, with the lock of traces held.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "leak.h"
#include "snapshot.h"
#include "trace.h"
#include "compat.h"

/* So many call sites are told; of the others how many there are. */
#define MOST_LINES	32

static void say_sum(const struct pytrace *trace,
		    const struct pysnapshot_sum *sum, char *text)
{
	pysite_tell(trace->sites, sum->site, text, PYSITE_TEXT, false);
	pr_warn("pyalloc:   %s%llu bytes in %llu blocks, the oldest %u s old, from %s\n",
		trace->interval ? "about " : "", sum->bytes, sum->blocks,
		sum->oldest / HZ, text);
}

static void say_sums(const struct pytrace *trace,
		     const struct pysnapshot_sum *sums, unsigned int n)
{
	char *text = kmalloc(PYSITE_TEXT, GFP_KERNEL);
	unsigned int i;

	for (i = 0; text && i < min_t(unsigned int, n, MOST_LINES); i++)
		say_sum(trace, &sums[i], text);
	if (n > MOST_LINES)
		pr_warn("pyalloc:   and %u call sites more\n", n - MOST_LINES);
	kfree(text);
}

/**
 * pyleak_report() - say which call sites have blocks live
 * @trace: the trace
 * @who: who leaves them
 * @heap: blocks of this heap alone, or NULL
 * @module: call sites in this module's code alone, or NULL
 *
 * Context: Process, with the lock of traces; sleeps.
 * Return: how many call sites.
 */
unsigned int pyleak_report(const struct pytrace *trace, const char *who,
			   const struct pyheap *heap,
			   const struct module *module)
{
	struct pysnapshot_sum *sums;
	unsigned int n, i;
	u64 bytes = 0, blocks = 0;

	sums = pysnapshot_sum_up(trace, heap, module, &n);
	if (!sums) {
		pr_warn("pyalloc: %s: no memory to tell what it left live\n",
			who);
		return 0;
	}
	for (i = 0; i < n; i++) {
		bytes += sums[i].bytes;
		blocks += sums[i].blocks;
	}
	if (n) {
		pr_warn("pyalloc: %s leaves %s%llu bytes in %llu blocks live, from %u call sites:\n",
			who, trace->interval ? "about " : "", bytes, blocks, n);
		say_sums(trace, sums, n);
	}
	kvfree(sums);
	return n;
}

/**
 * pyleak_report_heap() - say which call sites have blocks of a heap live
 * @heap: the heap
 *
 * Context: Process; sleeps.
 * Return: how many; 0 without a trace, too.
 */
unsigned int pyleak_report_heap(const struct pyheap *heap)
{
	struct pytrace *trace = pytrace_begin_look();
	unsigned int n = 0;
	char who[64];

	if (trace) {
		snprintf(who, sizeof(who), "heap %s", heap->name);
		n = pyleak_report(trace, who, heap, NULL);
	}
	pytrace_end_look();
	return n;
}
EXPORT_SYMBOL_GPL(pyleak_report_heap);

/**
 * pyleak_report_all() - say which call sites have blocks live
 *
 * Context: Process; sleeps.
 */
void pyleak_report_all(void)
{
	struct pytrace *trace = pytrace_begin_look();

	if (trace)
		pyleak_report(trace, "unloading", NULL, NULL);
	pytrace_end_look();
}
