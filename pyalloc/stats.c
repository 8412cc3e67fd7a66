// SPDX-License-Identifier: GPL-2.0
/*
 * Statistics: snapshots of what is counted where pools change state and in
 * the fronts, in time of classes x CPUs whatever a heap holds.
 *
 * A snapshot is taken while the heap works on: each node's counters are of
 * one moment, each CPU's of another.  What has to add up is therefore worked
 * out from the node's alone, and what fronts hold is kept within it.
 *
 * Contexts: process.  Takes each node's lock for a copy of its counters.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "domain.h"
#include "fault.h"
#include "front.h"
#include "heap.h"
#include "quarantine.h"
#include "stats.h"
#include "compat.h"

/*
 * Meta blocks have a row with clients' of their size, which every scheme has,
 * and decorated and sampled ones that of the class which theirs is once more.
 */
static struct pyclass_stats *row_of(struct pynode *node, unsigned int class,
				    struct pyheap_stats *stats)
{
	const struct pyclasses *classes = node->heap->classes;

	class = pyclass_plain(class);
	if (pyclass_is_meta(class))
		class = classes->of_step[PYALLOC_STEP(classes->class[class].size)];
	return &stats->class[class];
}

static void add_class(struct pynode *node, unsigned int class,
		      struct pyheap_stats *stats)
{
	const struct pyclass *size = pyheap_class(node->heap, class);
	struct pyclass_stats *row = row_of(node, class, stats);
	struct pynode_class *state = &node->class[class];

	row->pools += state->pools;
	row->live += state->live;
	row->available += state->pools * size->blocks - state->live;
	row->cached += state->depot.nr_full * (pyclass_slots(size) - 1);
	if (pyclass_is_meta(class))
		row->meta += state->live;
}

static void add_node(struct pynode *node, struct pyheap_stats *stats)
{
	unsigned long flags;
	unsigned int i;

	pynode_look(node, &flags);
	for (i = 0; i < PYCLASSES_ALL; i++)
		if (pyclass_exists(node->heap, i))
			add_class(node, i, stats);
	stats->arenas += node->nr_arenas;
	stats->highwater += node->highwater;
	stats->taken += node->taken;
	stats->arena_bytes += node->granules << PYGRANULE_SHIFT;
	stats->unused_bytes += node->free_granules << PYGRANULE_SHIFT;
	stats->metadata_bytes += node->metadata;
	stats->lock_holds += node->lock_holds;
	pynode_look_away(node, flags);
	stats->metadata_bytes += struct_size(node, class, PYCLASSES_ALL);
}

static void add_counts(unsigned int domain, unsigned long mallocs,
		       unsigned long frees, size_t size,
		       struct pyheap_stats *stats, struct pyclass_stats *class)
{
	class->mallocs += mallocs;
	class->frees += frees;
	stats->domain_mallocs[domain] += mallocs;
	stats->domain_frees[domain] += frees;
	stats->domain_blocks[domain] += mallocs - frees;
	stats->domain_bytes[domain] += (long)(mallocs - frees) * size;
}

static void add_stock(struct pystock *stock, size_t size,
		      struct pyheap_stats *stats, struct pyclass_stats *class)
{
	unsigned int i;

	class->cached += pystock_cached(stock);
	for (i = 0; i < PYFRONT_DOMAINS; i++)
		add_counts(i, local_read(&stock->mallocs[i]),
			   pystock_frees(stock, i), size, stats, class);
}

static void add_front(struct pyheap *heap, int cpu,
		      struct pyheap_stats *stats)
{
	struct pyfront *front = pyfront_of(heap, cpu);
	unsigned int i;

	if (!front)
		return;
	for (i = 0; i < heap->classes->nr; i++)
		add_stock(&front->stock[i], pyheap_class(heap, i)->size,
			  stats, &stats->class[i]);
}

static void add_quarantine(struct pyheap *heap, int cpu,
			   struct pyheap_stats *stats)
{
	struct pyquarantine *rest;
	unsigned int i, domain;
	unsigned long mallocs, frees;

	if (!smp_load_acquire(&heap->quarantine))
		return;
	for (i = 0; i < heap->classes->nr; i++) {
		rest = per_cpu_ptr(heap->quarantine, cpu) + i;
		stats->class[i].cached += pyquarantine_cached(rest);
		for (domain = 0; domain < PYFRONT_DOMAINS; domain++) {
			mallocs = local_read(&rest->mallocs[domain]);
			frees = local_read(&rest->frees[domain]);
			add_counts(domain, mallocs, frees,
				   pyheap_class(heap, i)->size, stats,
				   &stats->class[i]);
		}
	}
}

static void sum_class(const struct pyclass *class, struct pyclass_stats *row,
		      struct pyheap_stats *stats)
{
	unsigned long out = row->live - row->meta;

	row->cached = min(row->cached, out);
	stats->blocks += out - row->cached;
	stats->cached += row->cached;
	stats->pools += row->pools;
	stats->live_bytes += (out - row->cached) * class->size;
	stats->cached_bytes += row->cached * class->size;
	stats->meta_bytes += row->meta * class->size;
	stats->available_bytes += row->available * class->size;
	stats->quantization_bytes += row->pools *
		((class->granules << PYGRANULE_SHIFT) -
		 class->blocks * class->size);
}

/**
 * pystats_new() - memory for a snapshot of a heap
 *
 * Context: Process; sleeps.
 * Return: the snapshot, which kfree() frees, or NULL.
 */
struct pyheap_stats *pystats_new(void)
{
	if (pyfault_strikes(PYFAULT_STATS))
		return NULL;
	return kmalloc(sizeof(struct pyheap_stats), GFP_KERNEL);
}

/**
 * pystats_heap() - take a snapshot of a heap
 * @heap: the heap
 * @stats: where to put it
 *
 * Context: Process.
 */
void pystats_heap(struct pyheap *heap, struct pyheap_stats *stats)
{
	unsigned int i;
	int nid, cpu;

	memset(stats, 0, sizeof(*stats));
	for_each_node(nid)
		add_node(heap->node[nid], stats);
	for_each_possible_cpu(cpu) {
		add_front(heap, cpu, stats);
		add_quarantine(heap, cpu, stats);
	}
	for (i = 0; i < heap->classes->nr; i++)
		sum_class(pyheap_class(heap, i), &stats->class[i], stats);
	stats->bytes = stats->live_bytes;
	stats->metadata_bytes += sizeof(*heap) + pyfront_bytes(heap) +
				 pyquarantine_metadata_bytes(heap) +
				 nr_node_ids * sizeof(*heap->node);
	if (heap == &pyheap_default)
		stats->metadata_bytes += pymap_bytes();
}
EXPORT_SYMBOL_GPL(pystats_heap);

static struct pydomain_counts sum_counts(unsigned int row)
{
	struct pydomain_counts sum = {}, *counts;
	int cpu;

	for_each_possible_cpu(cpu) {
		counts = per_cpu_ptr(&pydomain_counts[row], cpu);
		sum.callocs += READ_ONCE(counts->callocs);
		sum.reallocs += READ_ONCE(counts->reallocs);
		sum.realloc_mallocs += READ_ONCE(counts->realloc_mallocs);
		sum.realloc_frees += READ_ONCE(counts->realloc_frees);
		sum.failures += READ_ONCE(counts->failures);
		sum.raw_mallocs += READ_ONCE(counts->raw_mallocs);
		sum.raw_frees += READ_ONCE(counts->raw_frees);
		sum.raw_bytes += READ_ONCE(counts->raw_bytes);
	}
	return sum;
}

static void sum_domain(unsigned int row, const struct pyheap_stats *heap,
		       struct pydomain_stats *stats)
{
	struct pydomain_counts counts = sum_counts(row);
	unsigned int i = PYFRONT_DOMAIN(row);
	bool has_heap = row != PYMEM_DOMAIN_RAW && row != PYDOMAIN_FOREIGN;
	long mallocs = counts.raw_mallocs, frees = counts.raw_frees;

	stats->bytes = counts.raw_bytes;
	if (has_heap) {
		mallocs += heap->domain_mallocs[i];
		frees += heap->domain_frees[i];
		stats->bytes += heap->domain_bytes[i];
	}
	stats->mallocs = mallocs - counts.callocs - counts.realloc_mallocs;
	stats->callocs = counts.callocs;
	stats->reallocs = counts.reallocs;
	stats->frees = frees - counts.realloc_frees;
	stats->failures = counts.failures;
	stats->blocks = mallocs - frees;
}

static long peak_of(unsigned int row, long bytes)
{
	atomic_long_t *peak = &pyheap_default.domain_peak[row];
	long seen = atomic_long_read(peak);

	while (bytes > seen && !atomic_long_try_cmpxchg(peak, &seen, bytes))
		;
	return max(bytes, seen);
}

/**
 * pystats_domains() - take a snapshot of the domains
 * @stats: a row a domain, and one for foreign blocks
 *
 * Context: Process.
 * Return: 0 or -ENOMEM.
 */
int pystats_domains(struct pydomain_stats stats[PYDOMAIN_ROWS])
{
	struct pyheap_stats *heap = pystats_new();
	unsigned int row;

	if (!heap)
		return -ENOMEM;
	pystats_heap(&pyheap_default, heap);
	for (row = 0; row < PYDOMAIN_ROWS; row++)
		sum_domain(row, heap, &stats[row]);
	kfree(heap);
	for (row = 0; row < PYDOMAIN_ROWS; row++)
		stats[row].peak_bytes = peak_of(row, stats[row].bytes);
	return 0;
}
EXPORT_SYMBOL_GPL(pystats_domains);

/**
 * pymem_get_allocated_blocks() - how many blocks are live
 *
 * What sys.getallocatedblocks() is in Python: blocks of any size, of the mem
 * and the object domain.
 *
 * Context: Process.
 * Return: their number, as far as it can be told while they come and go.
 */
size_t pymem_get_allocated_blocks(void)
{
	struct pydomain_stats stats[PYDOMAIN_ROWS];
	long blocks;

	if (pystats_domains(stats))
		return 0;
	blocks = stats[PYMEM_DOMAIN_MEM].blocks +
		 stats[PYMEM_DOMAIN_OBJ].blocks +
		 atomic_long_read(&pyheap_default.false_frees);
	return max(blocks, 0L);
}
EXPORT_SYMBOL_GPL(pymem_get_allocated_blocks);
