// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the crowd that is held, and says how much memory it takes.  What the
 * slab allocators hold is what the kernel's count of slab pages grew by since
 * the workload began; pyalloc says by itself what it holds, in its debugfs.
 *
 * Process context, may sleep, under the lock of run.c.
 */
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/percpu.h>
#include <linux/string.h>

#include "held.h"

/**
 * struct held - what is held
 * @run: a copy of the run that left it, for its rows
 * @word: what these are named by, before an ending is added
 * @crowd: the blocks; none when nothing is held
 * @slab_before: bytes of slab pages before the first block
 */
static struct held {
	struct run run;
	char word[WORD_LEN - sizeof("-empty")];
	struct crowd crowd;
	s64 slab_before;
} held;

/* With what the CPUs have not added to it yet: that can be megabytes. */
static long node_slab_pages(int node, enum node_stat_item item)
{
	pg_data_t *data = NODE_DATA(node);
	long pages = atomic_long_read(&data->vm_stat[item]);
#ifdef CONFIG_SMP
	int cpu;

	for_each_online_cpu(cpu)
		pages += per_cpu_ptr(data->per_cpu_nodestats,
				     cpu)->vm_node_stat_diff[item];
#endif
	return pages;
}

/* All slab pages of the kernel, in bytes. */
s64 slab_bytes(void)
{
	s64 pages = 0;
	int node;

	for_each_online_node(node)
		pages += node_slab_pages(node, NR_SLAB_UNRECLAIMABLE_B) +
			 node_slab_pages(node, NR_SLAB_RECLAIMABLE_B);
	return pages * PAGE_SIZE;
}

static bool says_itself(enum allocator allocator)
{
	return BIT(allocator) & (BIT(ALLOCATOR_MEM) | ALLOCATORS_HEAP);
}

/*
 * @ending tells what has become of the blocks since.  Of pyalloc's pages, which
 * are no slab pages, it speaks itself.
 */
static void report(const char *ending)
{
	snprintf(held.run.word, sizeof(held.run.word), "%s%s", held.word,
		 ending);
	results_count(&held.run, "blocks", held.crowd.n);
	results_count(&held.run, "requested_bytes", crowd_bytes(&held.crowd));
	if (!says_itself(held.run.allocator))
		results_count(&held.run, "held_bytes",
			      slab_bytes() - held.slab_before);
}

/* Keeps @crowd, which is taken over from @run. */
void held_keep(const struct run *run, struct crowd *crowd, s64 slab_before)
{
	held.run = *run;
	strscpy(held.word, run->word, sizeof(held.word));
	held.crowd = *crowd;
	held.slab_before = slab_before;
	*crowd = (struct crowd) {};
	report("");
}

bool held_any(void)
{
	return held.crowd.blocks;
}

/* Frees @percent of the blocks, of all places and ages alike. */
void held_release(u32 percent)
{
	size_t left = div_u64((u64)held.crowd.n * (100 - percent), 100);

	crowd_shuffle(&held.crowd);
	crowd_shrink(&held.crowd, held.run.allocator, left);
	report(left ? "-thin" : "-empty");
	if (!left)
		crowd_destroy(&held.crowd);
}

/* Frees all without a word. */
void held_free(void)
{
	crowd_shrink(&held.crowd, held.run.allocator, 0);
	crowd_destroy(&held.crowd);
}
