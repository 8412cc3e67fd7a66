// SPDX-License-Identifier: GPL-2.0
/*
 * Snapshots of a trace: walks the marks of all pools and the ledger, while
 * blocks come and go.
 *
 * Each pool is seen at one moment, with its node's lock held; pools are seen one
 * after the other.  A block that is freed and allocated again meanwhile may be
 * seen twice, in two places, or not at all; one that lives throughout is seen
 * once.
 *
 * Contexts: process, with the lock of traces held while a snapshot is filled
 * and read.
 * Lock order: that lock, then pyheaps_lock, a heap's walk, a node's lock.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "fault.h"
#include "heap.h"
#include "ledger.h"
#include "mark.h"
#include "owned.h"
#include "snapshot.h"
#include "trace.h"
#include "compat.h"

/* A private heap is a domain of its own. */
static unsigned int domain_of(const struct pyheap *heap, unsigned int domain)
{
	return heap && pyheap_is_private(heap) ? PYTRACE_HEAPS + heap->id :
						 domain;
}

/* === Pools === */

static void add_mark(struct pysnapshot *snapshot, const struct pyheap *heap,
		     const struct pymark *mark)
{
	/* What goes with it was written before: see pymark_write(). */
	u32 site = smp_load_acquire(&mark->site);

	if (!site || READ_ONCE(mark->epoch) != snapshot->epoch)
		return;
	snapshot->row[snapshot->nr++] = (struct pysnapshot_row) {
		.site = site,
		.domain = domain_of(heap, READ_ONCE(mark->domain)),
		.bytes = READ_ONCE(mark->steps) << PYALLOC_STEP_SHIFT,
		.size = READ_ONCE(mark->size),
		.age = (u32)jiffies - READ_ONCE(mark->birth),
	};
}

/* With the node's lock.  Returns how many granules are behind us. */
static unsigned int add_pool(struct pysnapshot *snapshot,
			     struct pyarena *arena, unsigned int granule)
{
	const void *base = arena->base + ((size_t)granule << PYGRANULE_SHIFT);
	struct pypool *pool = &arena->pools[granule];
	unsigned long word = pymark_read(base);
	const struct pyclass *class;
	unsigned int i;

	if (pool->fullness > PYPOOL_FULL ||
	    !pyclass_exists(arena->node->heap, pool->class))
		return 1;
	class = pyheap_class(arena->node->heap, pool->class);
	for (i = 0; pymark_holds(word, i) && i < class->blocks; i++)
		add_mark(snapshot, arena->heap, pymark_array(word) + i);
	return class->granules;
}

/* Stops behind the first pool that has something. */
static void add_arena(struct pysnapshot *snapshot, struct pyarena *arena)
{
	unsigned long flags;

	while (!snapshot->nr && snapshot->granule < arena->granules) {
		pynode_look(arena->node, &flags);
		snapshot->granule += add_pool(snapshot, arena,
					      snapshot->granule);
		pynode_look_away(arena->node, flags);
	}
}

static void add_heap(struct pysnapshot *snapshot, struct pyheap *heap)
{
	struct pyarena *arena;

	mutex_lock(&heap->walk);
	while (!snapshot->nr &&
	       (arena = pyheap_next_arena(heap, &snapshot->number))) {
		add_arena(snapshot, arena);
		if (!snapshot->nr) {
			snapshot->number++;
			snapshot->granule = 0;
		}
		cond_resched();
	}
	mutex_unlock(&heap->walk);
}

static void add_heaps(struct pysnapshot *snapshot)
{
	struct pyheap *heap;
	unsigned int i = 0;

	mutex_lock(&pyheaps_lock);
	list_for_each_entry(heap, &pyheaps, list) {
		if (i++ < snapshot->heap)
			continue;
		if (!snapshot->only || snapshot->only == heap)
			add_heap(snapshot, heap);
		if (snapshot->nr)
			break;
		snapshot->heap++;
		snapshot->number = 0;
		snapshot->granule = 0;
	}
	mutex_unlock(&pyheaps_lock);
}

/* === The ledger === */

/* A pool's block that lies outside the direct map is a heap's, too. */
static const struct pyheap *heap_of(const struct pyledger_entry *entry)
{
	if (entry->domain >= PYMEM_NR_DOMAINS)
		return NULL;
	return pyheap_of(pymap_lookup(entry->ptr)) ?: pyowned_heap(entry->ptr);
}

static void add_entry(struct pysnapshot *snapshot,
		      const struct pyledger_entry *entry)
{
	const struct pyheap *heap = heap_of(entry);

	if (!entry->site || entry->epoch != snapshot->epoch)
		return;
	if (snapshot->only && heap != snapshot->only)
		return;
	snapshot->row[snapshot->nr++] = (struct pysnapshot_row) {
		.site = entry->site,
		.domain = domain_of(heap, entry->domain),
		.bytes = entry->usable, .size = entry->size,
		.age = (u32)jiffies - entry->birth,
	};
}

static void add_ledger(struct pysnapshot *snapshot)
{
	unsigned int n, i;

	do {
		n = pyledger_copy(&snapshot->bucket, &snapshot->skip,
				  snapshot->entry, PYSNAPSHOT_ENTRIES);
		for (i = 0; i < n; i++)
			add_entry(snapshot, &snapshot->entry[i]);
	} while (n && !snapshot->nr);
}

/* === Snapshots === */

/**
 * pysnapshot_new() - begin a snapshot
 * @only: the heap that it is of, or NULL: everything
 *
 * Context: Process; sleeps.
 * Return: the snapshot, or NULL.
 */
struct pysnapshot *pysnapshot_new(const struct pyheap *only)
{
	struct pysnapshot *snapshot = NULL;

	if (!pyfault_strikes(PYFAULT_SNAPSHOT))
		snapshot = kvmalloc(sizeof(*snapshot), GFP_KERNEL);
	if (!snapshot)
		return NULL;
	snapshot->only = only;
	pysnapshot_rewind(snapshot);
	return snapshot;
}
EXPORT_SYMBOL_GPL(pysnapshot_new);

/**
 * pysnapshot_rewind() - have it begin again, with the trace that there is then
 * @snapshot: the snapshot
 *
 * Context: Process.
 */
void pysnapshot_rewind(struct pysnapshot *snapshot)
{
	const struct pyheap *only = snapshot->only;

	memset(snapshot, 0, offsetof(struct pysnapshot, row));
	snapshot->only = only;
}

/**
 * pysnapshot_fill() - get the next part
 * @snapshot: the snapshot
 * @trace: the trace that there is, or NULL
 *
 * Context: Process, with the lock of traces; sleeps.
 * Return: how many rows there are; 0: that was all, or it is another trace.
 */
unsigned int pysnapshot_fill(struct pysnapshot *snapshot,
			     const struct pytrace *trace)
{
	snapshot->nr = 0;
	if (!trace)
		return 0;
	if (!snapshot->epoch)
		snapshot->epoch = trace->epoch;
	if (snapshot->epoch != trace->epoch)
		return 0;
	add_heaps(snapshot);
	if (!snapshot->nr)
		add_ledger(snapshot);
	return snapshot->nr;
}
EXPORT_SYMBOL_GPL(pysnapshot_fill);

/**
 * pysnapshot_free() - end a snapshot
 * @snapshot: the snapshot
 *
 * Context: Process.
 */
void pysnapshot_free(struct pysnapshot *snapshot)
{
	kvfree(snapshot);
}
EXPORT_SYMBOL_GPL(pysnapshot_free);

/* === Sums === */

static void add_row(struct pysnapshot_sum *sum,
		    const struct pysnapshot_row *row, unsigned long interval)
{
	u64 weight = pysample_weight(row->size, interval);

	sum->site = row->site;
	sum->bytes += pysample_scale(row->bytes, weight);
	sum->size += pysample_scale(row->size, weight);
	sum->blocks += pysample_blocks(weight);
	sum->oldest = max(sum->oldest, row->age);
}

static void add_rows(struct pysnapshot_sum *sums,
		     const struct pysnapshot *snapshot,
		     const struct pytrace *trace, const struct module *module)
{
	const struct pysnapshot_row *row = snapshot->row;
	unsigned int i;

	for (i = 0; i < snapshot->nr; i++, row++)
		if (!module || pysite_lies_in(trace->sites, row->site, module))
			add_row(&sums[row->site], row, trace->interval);
}

/* The innermost frame alone tells a call site from another. */
static int by_caller(const void *a, const void *b, const void *data)
{
	const struct pysnapshot_sum *left = a, *right = b;
	const struct pysites *sites = data;
	const struct pysite *one = &sites->site[left->site];
	const struct pysite *other = &sites->site[right->site];
	size_t length;

	if (one->caller != other->caller)
		return one->caller < other->caller ? -1 : 1;
	if (one->caller != PYSITE_GONE || !one->name || !other->name)
		return 0;
	length = strcspn(one->name, ";");
	return strncmp(one->name, other->name,
		       max(length, strcspn(other->name, ";")));
}

static unsigned int merge_stacks(struct pysnapshot_sum *sums, unsigned int n,
				 const struct pysites *sites)
{
	struct pysnapshot_sum *last = sums;
	unsigned int i;

	sort_r(sums, n, sizeof(*sums), by_caller, NULL, sites);
	for (i = 1; i < n; i++) {
		if (by_caller(last, &sums[i], sites)) {
			*++last = sums[i];
			continue;
		}
		last->bytes += sums[i].bytes;
		last->size += sums[i].size;
		last->blocks += sums[i].blocks;
		last->oldest = max(last->oldest, sums[i].oldest);
	}
	return n ? last - sums + 1 : 0;
}

static int by_bytes(const void *a, const void *b)
{
	const struct pysnapshot_sum *left = a, *right = b;

	return left->bytes < right->bytes ? 1 :
	       left->bytes > right->bytes ? -1 : 0;
}

/**
 * pysnapshot_sum_up() - sum up what is noted by call site
 * @trace: the trace
 * @only: the heap that it is of, or NULL: everything
 * @module: of this module's code alone, or NULL
 * @n: how many sites there are
 *
 * Context: Process, with the lock of traces; sleeps.
 * Return: the sums, the largest first, to be freed by kvfree(); or NULL: no
 * memory.
 */
struct pysnapshot_sum *pysnapshot_sum_up(const struct pytrace *trace,
					 const struct pyheap *only,
					 const struct module *module,
					 unsigned int *n)
{
	struct pysnapshot *snapshot = pysnapshot_new(only);
	struct pysnapshot_sum *sums;
	unsigned int i;

	sums = snapshot ? kvcalloc(PYSITE_MAX, sizeof(*sums), GFP_KERNEL) :
			  NULL;
	if (!sums) {
		pysnapshot_free(snapshot);
		return NULL;
	}
	while (pysnapshot_fill(snapshot, trace))
		add_rows(sums, snapshot, trace, module);
	pysnapshot_free(snapshot);
	for (i = 0, *n = 0; i < PYSITE_MAX; i++)
		if (sums[i].site)
			sums[(*n)++] = sums[i];
	if (trace->nframe > 1)
		*n = merge_stacks(sums, *n, trace->sites);
	for (i = 0; i < *n; i++)
		sums[i].blocks = pysample_whole(sums[i].blocks);
	sort(sums, *n, sizeof(*sums), by_bytes, NULL);
	return sums;
}
EXPORT_SYMBOL_GPL(pysnapshot_sum_up);
