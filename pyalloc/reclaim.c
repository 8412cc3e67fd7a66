// SPDX-License-Identifier: GPL-2.0
/*
 * Reclaim: arenas go back to the kernel from here, and nowhere else.
 *
 * An arena that became wholly free is kept for the next swing of the load:
 * once a second half of the free arenas that were not needed in that second
 * goes back, so that what oscillates faster stays and what stays free fades
 * away.  What lies free between live blocks goes the same way, page by page,
 * as far as it is more than a quarter of a node's memory: a heap that was
 * large once is not held at that size by the few blocks that outlive it.
 * The shrinker takes all of either when the kernel is short of memory, and so
 * does the notifier when there is none left, after it has said what is held;
 * pyalloc_reclaim() drains the fronts first, so that nothing is held by
 * blocks that nobody has.  A CPU that went offline is drained likewise.
 *
 * The other way round, this is also where the reserve is filled for those
 * who may not take a page: from a work item, on behalf of an irq_work.
 *
 * Contexts: process and work items; the shrinker, which only tries locks;
 * pyreclaim_want_reserve() and pyreclaim_note_free() anywhere.
 * Lock order: pyreclaim_trim_lock, reclaim_lock, that of types, pyheaps_lock, a
 * heap's walk, a node's lock.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/irq_work.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/pyalloc.h>

#include "depot.h"
#include "fault.h"
#include "front.h"
#include "heap.h"
#include "hook.h"
#include "quarantine.h"
#include "raw.h"
#include "reclaim.h"
#include "stats.h"
#include "type.h"
#include "compat.h"

/* Granules that are kept for contexts that may not take a page. */
#define RESERVE_GRANULES	4

#define TRIM_INTERVAL		HZ

static DEFINE_MUTEX(reclaim_lock);

/* === Giving back === */

/* Gives back wholly free arenas until they held @want, and @most at most. */
static unsigned long release_empty(struct pynode *node, unsigned long want,
				   unsigned long most)
{
	unsigned long granules;
	LIST_HEAD(arenas);

	granules = pynode_take_empty(node, want, most, &arenas);
	pyarena_release(&arenas);
	return granules;
}

/*
 * Gives back free pages of arenas in the buckets from @first to @last until
 * they held @want.
 */
static unsigned long punch_between(struct pynode *node, unsigned int first,
				   unsigned int last, unsigned long want)
{
	struct pyarena *arena;
	unsigned long got = 0;
	unsigned int bucket;
	u32 number;

	for (number = 1; got < want; number++) {
		arena = pyheap_next_arena(node->heap, &number);
		if (!arena)
			break;
		bucket = READ_ONCE(arena->bucket);
		if (arena->node == node && bucket >= first && bucket <= last)
			got += pyarena_punch(arena, want - got);
		cond_resched();
	}
	return got;
}

/*
 * The sparse arenas first: the dense ones may use theirs again.  Those that
 * are wholly free come last, which could not go as a whole.
 */
static unsigned long punch(struct pynode *node, unsigned long want)
{
	unsigned int half = PYARENA_SHARES / 2;
	unsigned long got;

	got = punch_between(node, half, PYARENA_EMPTY - 1, want);
	got += punch_between(node, 0, half - 1, want - got);
	return got + punch_between(node, PYARENA_EMPTY, PYARENA_EMPTY,
				   want - got);
}

static unsigned long less(unsigned long from, unsigned long what)
{
	return from > what ? from - what : 0;
}

/* What is not the reserve. */
static unsigned long spare_of(struct pynode *node)
{
	return less(READ_ONCE(node->free_granules), READ_ONCE(node->reserve));
}

/* Nor was taken at load to be kept. */
static unsigned long surplus_of(struct pynode *node)
{
	return min(spare_of(node),
		   less(READ_ONCE(node->granules), node->kept));
}

/*
 * Half of what was free all the time since the last trim.  Returns whether
 * there may be something for the next one: not when nothing could go, and
 * nothing came.
 */
static bool trim_node(struct pynode *node)
{
	unsigned long low = READ_ONCE(node->free_low), idle = (low + 1) / 2;
	unsigned long got;
	bool more;

	pydepot_trim(node);
	got = release_empty(node, (READ_ONCE(node->empty_low) + 1) / 2,
			    surplus_of(node));
	got += punch(node, min3(less(idle, got), pynode_excess(node),
				surplus_of(node)));
	more = pynode_begin_interval(node) && surplus_of(node);
	return (more && (got || READ_ONCE(node->free_low) > low)) ||
	       pydepot_bytes(node);
}

static bool trim_heap(struct pyheap *heap)
{
	bool more = false;
	int nid;

	mutex_lock(&heap->walk);
	for_each_node(nid)
		more |= trim_node(heap->node[nid]);
	mutex_unlock(&heap->walk);
	return more;
}

static void trim(struct work_struct *work);
static DECLARE_DELAYED_WORK(trim_work, trim);

/* A trim will come; a test looks whether one was asked for. */
bool pyreclaim_trim_armed;
EXPORT_SYMBOL_GPL(pyreclaim_trim_armed);

/**
 * pyreclaim_trim() - what the trim does each time
 *
 * Context: Process; sleeps.
 * Return: whether there will be something for the next one.
 */
bool pyreclaim_trim(void)
{
	struct pyheap *heap;
	bool more = false;

	mutex_lock(&pyheaps_lock);
	list_for_each_entry(heap, &pyheaps, list)
		more |= trim_heap(heap);
	mutex_unlock(&pyheaps_lock);
	return more;
}
EXPORT_SYMBOL_GPL(pyreclaim_trim);

/* Held while the work trims; a test holds it to do that by itself. */
DEFINE_MUTEX(pyreclaim_trim_lock);
EXPORT_SYMBOL_GPL(pyreclaim_trim_lock);

static void trim(struct work_struct *work)
{
	bool more;

	WRITE_ONCE(pyreclaim_trim_armed, false);
	mutex_lock(&pyreclaim_trim_lock);
	more = pyreclaim_trim();
	mutex_unlock(&pyreclaim_trim_lock);
	if (more)
		pyreclaim_note_free();
}

static void start_trim(struct irq_work *work)
{
	schedule_delayed_work(&trim_work, TRIM_INTERVAL);
}

static DEFINE_IRQ_WORK(trim_irq_work, start_trim);

/**
 * pyreclaim_note_free() - an arena became wholly free, or much lies free
 *
 * Context: Any, also with a node's lock held.
 */
void pyreclaim_note_free(void)
{
	if (READ_ONCE(pyreclaim_trim_armed))
		return;
	WRITE_ONCE(pyreclaim_trim_armed, true);
	irq_work_queue(&trim_irq_work);
}

/* === The reserve === */

static void fill_reserve(struct work_struct *work);
static DECLARE_WORK(reserve_work, fill_reserve);

/* Only what is on this node counts: another one does not help it. */
static void fill_node(struct pynode *node)
{
	while (xchg(&node->starved, false) ||
	       READ_ONCE(node->free_granules) < READ_ONCE(node->reserve))
		if (!pyarena_add(node, GFP_KERNEL, PYARENA_PAGES) &&
		    !pyarena_add(node, GFP_KERNEL, PYARENA_VMALLOC))
			return;
}

static void fill_reserve(struct work_struct *work)
{
	struct pyheap *heap;
	int nid;

	mutex_lock(&pyheaps_lock);
	list_for_each_entry(heap, &pyheaps, list)
		for_each_node(nid)
			fill_node(heap->node[nid]);
	mutex_unlock(&pyheaps_lock);
}

static void start_fill(struct irq_work *work)
{
	schedule_work(&reserve_work);
}

static DEFINE_IRQ_WORK(reserve_irq_work, start_fill);

/**
 * pyreclaim_want_reserve() - somebody who may not take a page was here
 * @node: the node that was to serve him
 * @starved: it could not
 *
 * From now on the node keeps some granules free for such callers, until
 * pyalloc_reclaim().
 *
 * Context: Any.
 */
void pyreclaim_want_reserve(struct pynode *node, bool starved)
{
	WRITE_ONCE(node->reserve, RESERVE_GRANULES);
	if (starved)
		WRITE_ONCE(node->starved, true);
	if (starved || READ_ONCE(node->free_granules) < RESERVE_GRANULES)
		irq_work_queue(&reserve_irq_work);
}

/* === All at once === */

static DEFINE_PER_CPU(struct work_struct, cpu_work);

/**
 * pyreclaim_on_each_cpu() - run a function on each online CPU in turn
 * @function: what to run, on a thread that stays on its CPU
 *
 * Context: Process; sleeps.
 */
void pyreclaim_on_each_cpu(work_func_t function)
{
	struct work_struct *work;
	int cpu;

	mutex_lock(&reclaim_lock);
	cpus_read_lock();
	for_each_online_cpu(cpu) {
		work = per_cpu_ptr(&cpu_work, cpu);
		INIT_WORK(work, function);
		schedule_work_on(cpu, work);
		flush_work(work);
	}
	cpus_read_unlock();
	mutex_unlock(&reclaim_lock);
}

static void drain_this_cpu(struct work_struct *work)
{
	struct pyheap *heap;

	pytype_drain_this();
	mutex_lock(&pyheaps_lock);
	list_for_each_entry(heap, &pyheaps, list) {
		pyquarantine_drain(heap, smp_processor_id());
		pyfront_drain_this(heap);
	}
	mutex_unlock(&pyheaps_lock);
}

static void drain_depots(struct pyheap *heap)
{
	int nid;

	mutex_lock(&heap->walk);
	for_each_node(nid)
		pydepot_drain(heap->node[nid]);
	mutex_unlock(&heap->walk);
}

/**
 * pyreclaim_drain() - empty all fronts, depots and quarantines
 *
 * Context: Process; sleeps.
 */
void pyreclaim_drain(void)
{
	struct pyheap *heap;

	pyfront_drain_parked();
	pyquarantine_drain_raw();
	pyreclaim_on_each_cpu(drain_this_cpu);
	mutex_lock(&pyheaps_lock);
	list_for_each_entry(heap, &pyheaps, list)
		drain_depots(heap);
	mutex_unlock(&pyheaps_lock);
}
EXPORT_SYMBOL_GPL(pyreclaim_drain);

static unsigned long release_heap(struct pyheap *heap)
{
	unsigned long granules = 0;
	struct pynode *node;
	int nid;

	mutex_lock(&heap->walk);
	for_each_node(nid) {
		node = heap->node[nid];
		node->kept = 0;
		WRITE_ONCE(node->reserve, 0);
		WRITE_ONCE(node->starved, false);
		WRITE_ONCE(node->wants_arena, false);
		granules += release_empty(node, ULONG_MAX, ULONG_MAX);
		granules += punch(node, ULONG_MAX);
	}
	mutex_unlock(&heap->walk);
	return granules;
}

/**
 * pyalloc_reclaim() - give back to the kernel all that can be given back now
 *
 * Empties the fronts of all CPUs into the pools, then releases every arena
 * without a live block and every free page of the others, the reserve too,
 * and waits for deferred frees.
 *
 * Context: Process; sleeps.
 * Return: bytes that went back.
 */
size_t pyalloc_reclaim(void)
{
	unsigned long granules = 0;
	struct pyheap *heap;

	pyraw_flush();
	pyreclaim_drain();
	mutex_lock(&pyheaps_lock);
	list_for_each_entry(heap, &pyheaps, list)
		granules += release_heap(heap);
	mutex_unlock(&pyheaps_lock);
	return granules << PYGRANULE_SHIFT;
}
EXPORT_SYMBOL_GPL(pyalloc_reclaim);

/* === The quarantine, without waiting for it === */

static void drain_quarantines(struct work_struct *work)
{
	struct pyheap *heap;

	mutex_lock(&pyheaps_lock);
	list_for_each_entry(heap, &pyheaps, list)
		pyquarantine_drain(heap, smp_processor_id());
	mutex_unlock(&pyheaps_lock);
}

static void drain_rested(struct work_struct *work)
{
	pyreclaim_on_each_cpu(drain_quarantines);
}

static DECLARE_WORK(rested_work, drain_rested);

/*
 * Raw's at once; what rests on each CPU comes by and by, and what is free
 * then is seen by the next call or by a trim.  Returns pages.
 */
static unsigned long release_rested(void)
{
	size_t bytes = pyquarantine_raw_bytes();

	if (!pyquarantine_bytes())
		return 0;
	pyquarantine_drain_raw();
	schedule_work(&rested_work);
	return bytes >> PAGE_SHIFT;
}

/* === The shrinker === */

/*
 * What lies in depots may pin its pages: it is a guess.  Arenas from vmalloc
 * go as a whole.
 */
static unsigned long spare_granules(struct pynode *node)
{
	unsigned long free = pyarena_source == PYARENA_VMALLOC ?
			     READ_ONCE(node->empty_granules) : spare_of(node);

	return free + (pydepot_bytes(node) >> PYGRANULE_SHIFT);
}

static unsigned long count_free(struct shrinker *shrinker,
				struct shrink_control *control)
{
	unsigned long granules = 0;
	struct pyheap *heap;

	if (!mutex_trylock(&pyheaps_lock))
		return 0;
	list_for_each_entry(heap, &pyheaps, list)
		granules += spare_granules(heap->node[control->nid]);
	mutex_unlock(&pyheaps_lock);
	if (control->nid == first_online_node)
		granules += pyquarantine_bytes() >> PYGRANULE_SHIFT;
	return granules << PYGRANULE_SHIFT >> PAGE_SHIFT ?: SHRINK_EMPTY;
}

static unsigned long shrink_heap(struct pyheap *heap, int nid,
				 unsigned long want)
{
	struct pynode *node = heap->node[nid];
	unsigned long got;

	if (!mutex_trylock(&heap->walk))
		return 0;
	pydepot_drain(node);
	got = release_empty(node, want, spare_of(node));
	got += punch(node, min(less(want, got), spare_of(node)));
	node->kept = min(node->kept, READ_ONCE(node->granules));
	mutex_unlock(&heap->walk);
	return got;
}

static unsigned long scan_free(struct shrinker *shrinker,
			       struct shrink_control *control)
{
	unsigned long want = control->nr_to_scan << PAGE_SHIFT >>
			     PYGRANULE_SHIFT;
	unsigned long got = 0;
	struct pyheap *heap;

	if (!mutex_trylock(&pyheaps_lock))
		return SHRINK_STOP;
	list_for_each_entry(heap, &pyheaps, list)
		if (got < want)
			got += shrink_heap(heap, control->nid, want - got);
	mutex_unlock(&pyheaps_lock);
	got = (got << PYGRANULE_SHIFT >> PAGE_SHIFT) + release_rested();
	mm_account_reclaimed_pages(got);
	return got ?: SHRINK_STOP;
}

static struct shrinker *shrinker;

static int make_shrinker(void)
{
	int error;

	shrinker = pyfault_strikes(PYFAULT_SHRINKER) ? NULL :
		   shrinker_alloc(SHRINKER_NUMA_AWARE, "pyalloc");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = count_free;
	shrinker->scan_objects = scan_free;
	error = pycompat_shrinker_register(shrinker, "pyalloc");
	if (error)
		kfree(shrinker);	/* only kernels that did not make it */
	return error;
}

/* === Out of memory === */

/*
 * What arenas hold is in no line that the kernel prints: one line a heap says
 * it.  The kernel's own lock keeps it to one at a time.
 */
static void tell(struct pyheap *heap)
{
	static struct pyheap_stats stats;

	pystats_heap(heap, &stats);
	/* The kernel comes here again and again for who may not reclaim. */
	pr_info_ratelimited("pyalloc: heap %s: %lu blocks of %zu KiB, %zu KiB held in %lu arenas\n",
			    heap->name, stats.blocks, stats.bytes >> 10,
			    stats.arena_bytes >> 10, stats.arenas);
}

/* With all that is given back the kernel may go on without killing anybody. */
static int at_out_of_memory(struct notifier_block *notifier,
			    unsigned long unused, void *freed)
{
	unsigned long granules = 0;
	struct pyheap *heap;
	int nid;

	if (!mutex_trylock(&pyheaps_lock))
		return NOTIFY_OK;
	list_for_each_entry(heap, &pyheaps, list) {
		tell(heap);
		for_each_node(nid)
			granules += shrink_heap(heap, nid, ULONG_MAX);
	}
	mutex_unlock(&pyheaps_lock);
	*(unsigned long *)freed += release_rested();
	*(unsigned long *)freed += granules << PYGRANULE_SHIFT >> PAGE_SHIFT;
	return NOTIFY_OK;
}

static struct notifier_block oom_notifier = {
	.notifier_call = at_out_of_memory,
};

/* === CPUs that go === */

static int drain_dead_cpu(unsigned int cpu)
{
	struct pyheap *heap;

	pytype_drain_dead(cpu);
	mutex_lock(&pyheaps_lock);
	list_for_each_entry(heap, &pyheaps, list) {
		pyquarantine_drain(heap, cpu);
		pyfront_drain_dead(heap, cpu);
	}
	mutex_unlock(&pyheaps_lock);
	return 0;
}

static int hotplug_state;

/**
 * pyreclaim_init() - begin to watch memory and CPUs
 *
 * Context: Process, after the default heap is made.
 * Return: 0 or an errno.
 */
int __init pyreclaim_init(void)
{
	int error, state;

	if (pyfault_strikes(PYFAULT_HOTPLUG))
		return -ENOMEM;
	state = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN,
					  "mm/pyalloc:dead", NULL,
					  drain_dead_cpu);
	if (state < 0)
		return state;
	hotplug_state = state;
	error = make_shrinker();
	if (error) {
		cpuhp_remove_state_nocalls(hotplug_state);
		return error;
	}
	register_oom_notifier(&oom_notifier);
	return 0;
}

/**
 * pyreclaim_exit() - watch memory and CPUs no more
 *
 * Context: Process, before pyreclaim_stop().
 */
void pyreclaim_exit(void)
{
	unregister_oom_notifier(&oom_notifier);
	shrinker_free(shrinker);
	cpuhp_remove_state_nocalls(hotplug_state);
}

/**
 * pyreclaim_stop() - wait for all that works by itself, and keep it off
 *
 * Context: Process, while nobody allocates any more.
 */
void pyreclaim_stop(void)
{
	/* A trim may arm the next one: not again once it is armed for good. */
	WRITE_ONCE(pyreclaim_trim_armed, true);
	irq_work_sync(&trim_irq_work);
	cancel_delayed_work_sync(&trim_work);
	WRITE_ONCE(pyreclaim_trim_armed, true);
	irq_work_sync(&trim_irq_work);
	cancel_delayed_work_sync(&trim_work);
	irq_work_sync(&reserve_irq_work);
	cancel_work_sync(&reserve_work);
	cancel_work_sync(&rested_work);
}
