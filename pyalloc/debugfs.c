// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/pyalloc: prints the snapshots that stats.c takes, and
 * nothing else in this module formats text for people.
 *
 * Each table begins with one line of column names after a `#`; the columns
 * are told in Documentation/ABI/testing/debugfs-pyalloc.  Reading never
 * allocates from a heap.
 *
 * Contexts: process.
 */
#include <linux/bitmap.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/pyalloc.h>
#include <linux/seq_file.h>

#include "allocator.h"
#include "check.h"
#include "debugfs.h"
#include "fault.h"
#include "heap.h"
#include "hook.h"
#include "reserve.h"
#include "stats.h"
#include "trace.h"
#include "type.h"
#include "compat.h"

const char *const pydebugfs_domains[PYDOMAIN_ROWS] = {
	[PYMEM_DOMAIN_RAW]	= "raw",
	[PYMEM_DOMAIN_MEM]	= "mem",
	[PYMEM_DOMAIN_OBJ]	= "object",
	[PYDOMAIN_FOREIGN]	= "foreign",
};

static struct dentry *root, *heap_root;

/* Shows a heap through a snapshot of it. */
static int show_heap(struct seq_file *m, struct pyheap *heap,
		     void (*show)(struct seq_file *m, struct pyheap *heap,
				  const struct pyheap_stats *stats))
{
	struct pyheap_stats *stats = pystats_new();

	if (!stats)
		return -ENOMEM;
	pystats_heap(heap, stats);
	show(m, heap, stats);
	kfree(stats);
	return 0;
}

/* === stats === */

static void show_class_table(struct seq_file *m, struct pyheap *heap,
			     const struct pyheap_stats *stats)
{
	const struct pyclass_stats *row;
	unsigned int i;

	seq_puts(m, "# class   size  num pools  blocks in use  avail blocks\n");
	for (i = 0; i < heap->classes->nr; i++) {
		row = &stats->class[i];
		if (row->pools)
			seq_printf(m, "%7u %6u %10lu %14lu %13lu\n", i,
				   pyheap_class(heap, i)->size, row->pools,
				   row->live, row->available);
	}
	seq_putc(m, '\n');
}

static void show_sum(struct seq_file *m, const char *label,
		     unsigned long value)
{
	seq_printf(m, "%-35s = %20lu\n", label, value);
}

static void show_stats_of(struct seq_file *m, struct pyheap *heap,
			  const struct pyheap_stats *stats)
{
	seq_printf(m, "Small block threshold = %u, in %u size classes (%s).\n\n",
		   PYALLOC_SMALL_MAX, heap->classes->nr, heap->classes->name);
	show_class_table(m, heap, stats);
	show_sum(m, "# arenas allocated total", stats->taken);
	show_sum(m, "# arenas reclaimed", stats->taken - stats->arenas);
	show_sum(m, "# arenas highwater mark", stats->highwater);
	show_sum(m, "# arenas allocated current", stats->arenas);
	show_sum(m, "# node lock holds", stats->lock_holds);
	seq_putc(m, '\n');
	show_sum(m, "# bytes in allocated blocks", stats->live_bytes);
	show_sum(m, "# bytes in cached blocks", stats->cached_bytes);
	show_sum(m, "# bytes in the heap's own blocks", stats->meta_bytes);
	show_sum(m, "# bytes in available blocks", stats->available_bytes);
	show_sum(m, "# bytes in unused pools", stats->unused_bytes);
	show_sum(m, "# bytes lost to quantization", stats->quantization_bytes);
	show_sum(m, "Total, the arenas' bytes", stats->arena_bytes);
	seq_putc(m, '\n');
	show_sum(m, "# bytes of metadata beside them", stats->metadata_bytes);
}

static int stats_show(struct seq_file *m, void *unused)
{
	return show_heap(m, &pyheap_default, show_stats_of);
}
DEFINE_SHOW_ATTRIBUTE(stats);

/* === domains === */

static int domains_show(struct seq_file *m, void *unused)
{
	struct pydomain_stats stats[PYDOMAIN_ROWS], *row;
	int error = pystats_domains(stats);
	unsigned int i;

	if (error)
		return error;
	seq_puts(m, "# name mallocs callocs reallocs frees failures blocks bytes peak_bytes\n");
	for (i = 0; i < PYDOMAIN_ROWS; i++) {
		row = &stats[i];
		seq_printf(m, "%s %ld %ld %ld %ld %ld %ld %ld %ld\n",
			   pydebugfs_domains[i], row->mallocs, row->callocs,
			   row->reallocs, row->frees, row->failures,
			   row->blocks, row->bytes, row->peak_bytes);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(domains);

/* === heaps === */

static void show_heaps_row(struct seq_file *m, struct pyheap *heap,
			   const struct pyheap_stats *stats)
{
	seq_printf(m, "%s %s %lu %zu %lu %lu %lu %zu %zu %lu %zu",
		   heap->name, heap->classes->name, stats->blocks,
		   stats->bytes, stats->cached, stats->pools, stats->arenas,
		   stats->arena_bytes, stats->metadata_bytes,
		   stats->highwater, heap->limit);
	/* Of the domains' blocks of raw the file domains tells. */
	seq_printf(m, " %ld %ld %ld %ld %ld %zu %u %s\n",
		   atomic_long_read(&heap->held),
		   max(atomic_long_read(&heap->raw_mallocs) -
		       atomic_long_read(&heap->raw_frees), 0L),
		   max(atomic_long_read(&heap->raw_bytes), 0L),
		   atomic_long_read(&heap->failures),
		   atomic_long_read(&heap->refused), pyreserve_count(heap),
		   pyheap_is_private(heap) ? PYTRACE_HEAPS + heap->id : 0,
		   pyheap_is_private(heap) ? heap->owner : "-");
}

static int heaps_show(struct seq_file *m, void *unused)
{
	struct pyheap *heap;
	int error = 0;

	seq_puts(m, "# name classes blocks bytes cached_blocks pools arenas arena_bytes metadata_bytes highwater_arenas limit_bytes held_bytes raw_blocks raw_bytes failures refused reserved trace_domain module\n");
	mutex_lock(&pyheaps_lock);
	list_for_each_entry(heap, &pyheaps, list)
		error = error ?: show_heap(m, heap, show_heaps_row);
	mutex_unlock(&pyheaps_lock);
	return error;
}
DEFINE_SHOW_ATTRIBUTE(heaps);

/* === heap/NAME/classes === */

static void show_classes_of(struct seq_file *m, struct pyheap *heap,
			    const struct pyheap_stats *stats)
{
	const struct pyclass_stats *row;
	unsigned int i;

	seq_puts(m, "# class size pools blocks available cached mallocs frees\n");
	for (i = 0; i < heap->classes->nr; i++) {
		row = &stats->class[i];
		seq_printf(m, "%u %u %lu %lu %lu %lu %lu %lu\n", i,
			   pyheap_class(heap, i)->size, row->pools,
			   row->live - row->meta - row->cached,
			   row->available, row->cached, row->mallocs,
			   row->frees);
	}
}

static int classes_show(struct seq_file *m, void *unused)
{
	return show_heap(m, m->private, show_classes_of);
}
DEFINE_SHOW_ATTRIBUTE(classes);

/* === heap/NAME/arenas === */

/* What the lock is taken for a pool at a time, to be printed after it. */
struct arena_row {
	unsigned long	pools;
	unsigned long	free_pools;
	unsigned long	held;
	unsigned long	blocks;
	size_t		bytes;
	char		map[PYARENA_MAX_GRANULES + 1];
};

/* Of a granule that is no pool's, or that of a condemned one. */
static char map_character(u8 fullness)
{
	switch (fullness) {
	case PYPOOL_HOLE:
		return '-';
	case PYPOOL_CONDEMNED:
	case PYPOOL_TAIL:
		return '!';
	default:
		return '.';
	}
}

static unsigned int look_at_pool(struct pyarena *arena, unsigned int granule,
				 struct arena_row *row)
{
	struct pypool *pool = &arena->pools[granule];
	const struct pyclass *class;

	if (pool->fullness > PYPOOL_FULL) {
		row->free_pools += pool->fullness == PYPOOL_NONE;
		row->map[granule] = map_character(pool->fullness);
		return 1;
	}
	class = pyheap_class(arena->node->heap, pool->class);
	/* One that was overwritten may say anything. */
	if (!pyclass_exists(arena->node->heap, pool->class) ||
	    granule + class->granules > arena->granules) {
		row->map[granule] = '!';
		return 1;
	}
	row->pools++;
	row->blocks += pool->live;
	row->bytes += pool->live * class->size;
	memset(row->map + granule, '0' + pool->live * 9 / class->blocks,
	       class->granules);
	return class->granules;
}

static void look_at_arena(struct pyarena *arena, struct arena_row *row)
{
	unsigned long flags, pools;
	unsigned int granule = 0;

	memset(row, 0, sizeof(*row));
	/* With the walk held it makes no more holes. */
	row->held = pyarena_held(arena);
	while (granule < arena->granules) {
		pools = row->pools;
		pynode_look(arena->node, &flags);
		granule += look_at_pool(arena, granule, row);
		pynode_look_away(arena->node, flags);
		pycheck_note_walk(row->pools - pools);
	}
}

/* The heap's walk is held from start to stop, so that no arena goes. */
static void *find_from(struct pyheap *heap, loff_t *pos)
{
	u32 number = *pos;
	struct pyarena *arena = pyheap_next_arena(heap, &number);

	*pos = number;
	return arena;
}

static void *arenas_start(struct seq_file *m, loff_t *pos)
{
	struct pyheap *heap = m->private;

	mutex_lock(&heap->walk);
	return *pos ? find_from(heap, pos) : SEQ_START_TOKEN;
}

static void *arenas_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return find_from(m->private, pos);
}

static void arenas_stop(struct seq_file *m, void *v)
{
	struct pyheap *heap = m->private;

	mutex_unlock(&heap->walk);
}

static int arenas_show(struct seq_file *m, void *v)
{
	struct pyarena *arena = v;
	struct arena_row *row;

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "# id source node kib pools free_pools blocks bytes map\n");
		return 0;
	}
	row = pyfault_strikes(PYFAULT_STATS) ? NULL :
	      kmalloc(sizeof(*row), GFP_KERNEL);
	if (!row)
		return -ENOMEM;
	look_at_arena(arena, row);
	seq_printf(m, "%u %s %d %lu %lu %lu %lu %zu %s\n", arena->number,
		   pyarena_source_name(arena), arena->node->nid,
		   row->held << PYGRANULE_SHIFT >> 10, row->pools, row->free_pools,
		   row->blocks, row->bytes, row->map);
	kfree(row);
	return 0;
}

static const struct seq_operations arenas_sops = {
	.start	= arenas_start,
	.next	= arenas_next,
	.stop	= arenas_stop,
	.show	= arenas_show,
};

static int arenas_open(struct inode *inode, struct file *file)
{
	int error = seq_open(file, &arenas_sops);

	if (!error)
		((struct seq_file *)file->private_data)->private =
			inode->i_private;
	return error;
}

static const struct file_operations arenas_fops = {
	.owner		= THIS_MODULE,
	.open		= arenas_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.release	= seq_release,
};

/* === types === */

static void show_policy(struct seq_file *m, const struct pytype_stats *stats)
{
	const char *comma = "";
	unsigned int i;
	const struct {
		bool		is_so;
		const char	*name;
	} words[] = {
		{ stats->has_ctor, "ctor" },
		{ stats->flags & PYTYPE_STABLE, "stable" },
		{ stats->flags & PYTYPE_RCU, "rcu" },
		{ stats->flags & PYTYPE_GROW, "grow" },
	};

	if (stats->max_free && stats->max_items)
		seq_printf(m, "lengths:%ux%u", stats->max_items,
			   stats->max_free);
	else if (stats->max_free)
		seq_printf(m, "list:%u", stats->max_free);
	if (stats->max_free)
		comma = ",";
	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].is_so) {
			seq_printf(m, "%s%s", comma, words[i].name);
			comma = ",";
		}
	if (!*comma)
		seq_puts(m, "none");
}

static void show_type(void *to, const struct pytype_stats *stats)
{
	struct seq_file *m = to;

	seq_printf(m, "%s %zu ", stats->name, stats->size);
	show_policy(m, stats);
	seq_printf(m, " %lu %lu %lu %lu %s %zu %lu %s\n", stats->live,
		   stats->cached, stats->hits, stats->misses, stats->heap,
		   stats->itemsize, stats->immortals, stats->owner);
}

static int types_show(struct seq_file *m, void *unused)
{
	seq_puts(m, "# name size policy live cached hits misses heap itemsize immortals owner\n");
	pytype_walk(show_type, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(types);

/* === check === */

static int check_show(struct seq_file *m, void *unused)
{
	struct pycheck *check = pyfault_strikes(PYFAULT_CHECK) ? NULL :
				kmalloc(sizeof(*check), GFP_KERNEL);
	int error;

	if (!check)
		return -ENOMEM;
	error = pycheck_all(check);
	if (error)
		goto out;
	if (check->broken)
		seq_printf(m, "broken: %lu invariants, the first: %s\n",
			   check->broken, check->what);
	else
		seq_printf(m, "ok: %lu heaps, %lu arenas, %lu pools, %lu blocks, %lu cached; at most %lu pools a lock hold, %lu holds now; %lu condemned pools; %lu decorated blocks, %lu kept out of use\n",
			   check->heaps, check->arenas, check->pools,
			   check->blocks, check->cached, check->most_pools,
			   check->lock_holds, check->condemned,
			   check->decorated, atomic_long_read(&pyhook_kept));
out:
	kfree(check);
	return error;
}
DEFINE_SHOW_ATTRIBUTE(check);

/* === reclaim === */

static int reclaim_set(void *unused, u64 value)
{
	if (value != 1)
		return -EINVAL;
	pyalloc_reclaim();
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(reclaim_fops, NULL, reclaim_set, "%llu\n");

/* === hooks === */

static int hooks_set(void *unused, u64 value)
{
	if (value > 1)
		return -EINVAL;
	if (value)
		return pymem_setup_debug_hooks();
	pyallocator_end_hooks();
	return 0;
}

static int hooks_get(void *unused, u64 *value)
{
	*value = READ_ONCE(pyhook_domains) != 0;
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(hooks_fops, hooks_get, hooks_set, "%llu\n");

/* === version === */

static int version_show(struct seq_file *m, void *unused)
{
	seq_puts(m, "# api tables release\n");
	seq_printf(m, "%d %d %s\n", PYALLOC_API, PYALLOC_TABLES,
		   PYALLOC_VERSION);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(version);

/* === fail_nth and faults === */

static int fail_nth_set(void *unused, u64 value)
{
	if (value > INT_MAX)
		return -EINVAL;
	pyfault_arm(value);
	return 0;
}

static int fail_nth_get(void *unused, u64 *value)
{
	*value = max(atomic_long_read(&pyfault_left), 0L);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(fail_nth_fops, fail_nth_get, fail_nth_set, "%llu\n");

static int faults_show(struct seq_file *m, void *unused)
{
	struct pyfault_counts counts;
	unsigned int i;

	seq_puts(m, "# point passed failed\n");
	for (i = 0; i < PYFAULT_NR; i++) {
		pyfault_counts(i, &counts);
		seq_printf(m, "%s %lu %lu\n", pyfault_names[i],
			   counts.passed, counts.failed);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(faults);

/**
 * pydebugfs_add_heap() - show a heap's folder
 * @heap: the heap
 *
 * Context: Process; sleeps.  Nothing depends on its success.
 */
void pydebugfs_add_heap(struct pyheap *heap)
{
	struct dentry *dir = debugfs_create_dir(heap->name, heap_root);

	debugfs_create_file("classes", 0400, dir, heap, &classes_fops);
	debugfs_create_file("arenas", 0400, dir, heap, &arenas_fops);
	heap->dir = dir;
}

/**
 * pydebugfs_remove_heap() - show it no more, and wait for who is reading
 * @heap: the heap
 *
 * Context: Process; sleeps.
 */
void pydebugfs_remove_heap(struct pyheap *heap)
{
	/* They may all be gone. */
	if (root)
		debugfs_remove(heap->dir);
	heap->dir = NULL;
}

/**
 * pydebugfs_init() - show the module
 *
 * Context: Process.  Nothing depends on its success.
 */
void __init pydebugfs_init(void)
{
	root = debugfs_create_dir("pyalloc", NULL);
	debugfs_create_file("version", 0400, root, NULL, &version_fops);
	debugfs_create_file("stats", 0400, root, NULL, &stats_fops);
	debugfs_create_file("domains", 0400, root, NULL, &domains_fops);
	debugfs_create_file("heaps", 0400, root, NULL, &heaps_fops);
	heap_root = debugfs_create_dir("heap", root);
	pydebugfs_add_heap(&pyheap_default);
	debugfs_create_file("types", 0400, root, NULL, &types_fops);
	debugfs_create_file("check", 0400, root, NULL, &check_fops);
	pydebugfs_add_whereis(root);
	debugfs_create_file_unsafe("fail_nth", 0600, root, NULL,
				   &fail_nth_fops);
	debugfs_create_file("faults", 0400, root, NULL, &faults_fops);
	debugfs_create_file_unsafe("hooks", 0600, root, NULL, &hooks_fops);
	debugfs_create_file_unsafe("reclaim", 0200, root, NULL, &reclaim_fops);
	pydebugfs_add_trace(root);
}

/**
 * pydebugfs_exit() - show it no more, and wait for who is reading
 *
 * Context: Process.
 */
void pydebugfs_exit(void)
{
	debugfs_remove(root);
	root = NULL;
}
