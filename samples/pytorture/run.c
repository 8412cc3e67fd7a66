// SPDX-License-Identifier: GPL-2.0
/*
 * A run: threads, interrupts and hotplug, until so many operations are done;
 * then every block is freed and the check has the last word.
 *
 * A work item conducts it.  What is left of the operations is one counter that
 * all take from, in small portions.  What each actor does follows from the
 * seed; how many operations each gets to do, and what it meets of the others,
 * does not, so that only a run of one thread without interrupts repeats.
 *
 * Contexts: run_budget() and run_is_over() anywhere; else process.
 * Lock order: run_lock is the outermost, and not held while waiting.
 */
#define pr_fmt(fmt) "pytorture: " fmt

#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "torture.h"

struct options run_options;
struct pyheap *run_heap;

/* What came of a run. */
static struct {
	bool		there_is;
	u64		seed;
	int		error;
	bool		stopped;
	struct counts	sum;
	u64		irq;
	u64		nmi;
} result;

static DEFINE_MUTEX(run_lock);
static DECLARE_WAIT_QUEUE_HEAD(run_ended);
static bool under_way;
static bool stop_wanted;
static atomic_long_t budget;
static atomic_t hotplugs;
static unsigned int next_id;

/**
 * run_budget() - take a portion of what there is to do
 * @want: how many operations
 *
 * Context: Any.
 * Return: how many it got, 0 when the run is over.
 */
unsigned int run_budget(unsigned int want)
{
	long left = atomic_long_read(&budget);
	long take;

	do {
		if (left <= 0)
			return 0;
		take = min_t(long, left, want);
	} while (!atomic_long_try_cmpxchg(&budget, &left, left - take));
	return take;
}

/**
 * run_is_over() - is there nothing left to do?
 *
 * Context: Any.
 * Return: true if so.
 */
bool run_is_over(void)
{
	return atomic_long_read(&budget) <= 0;
}

/**
 * run_count_hotplug() - a CPU went and came back
 *
 * Context: Any.
 */
void run_count_hotplug(void)
{
	atomic_inc(&hotplugs);
}

/**
 * run_next_id() - a number for a new actor
 *
 * Context: Process, while the run is prepared.
 * Return: the number.
 */
unsigned int run_next_id(void)
{
	return next_id++;
}

/**
 * run_add() - an actor is done
 * @actor: the actor
 *
 * Context: Process, while the run is wound up.
 */
void run_add(const struct actor *actor)
{
	const struct counts *now = &actor->now;
	struct counts *sum = &result.sum;

	sum->ops += now->ops;
	sum->mallocs += now->mallocs;
	sum->frees += now->frees;
	sum->reallocs += now->reallocs;
	sum->bulks += now->bulks;
	sum->rcu += now->rcu;
	sum->foreign += now->foreign;
	sum->reclaims += now->reclaims;
	sum->checks += now->checks;
	sum->nulls += now->nulls;
	sum->mismatches += now->mismatches;
	sum->failures += now->failures;
	if (actor->place == IN_NMI)
		result.nmi += now->ops;
	else if (actor->place != IN_THREAD)
		result.irq += now->ops;
}

/* === From beginning to end === */

static void begin(void)
{
	memset(&result, 0, sizeof(result));
	result.there_is = true;
	result.seed = run_options.seed;
	next_id = 0;
	atomic_set(&hotplugs, 0);
	failure_reset();
}

static int start_all(void)
{
	int err;

	run_heap = pyheap_create("pytorture", NULL);
	err = PTR_ERR_OR_ZERO(run_heap);
	if (!err && run_options.interrupts)
		err = interrupts_start();
	if (!err)
		err = workers_start();
	if (!err && run_options.hotplug)
		err = hotplug_start();
	return err;
}

static void stop_all(void)
{
	workers_wait();
	hotplug_stop();
	interrupts_stop();
	workers_free();
	interrupts_free();
}

/* Whatever went wrong, one line says how much was done. */
static void tell(void)
{
	failure_print();
	if (result.error)
		pr_err("FAILED to start: error %d\n", result.error);
	pr_info("%llu operations, %llu mismatches, seed %llu\n",
		result.sum.ops, result.sum.mismatches, result.seed);
}

/* All that was had of it is freed. */
static void end_heap(struct actor *keeper)
{
	if (pyheap_destroy(run_heap)) {
		keeper->doing = "the end of a heap";
		failure_note(keeper, 0, 0, "that nothing of it is left");
	}
	run_heap = NULL;
}

static void conduct(struct work_struct *work)
{
	struct actor *keeper;

	begin();
	keeper = actor_new(IN_THREAD);
	result.error = keeper ? start_all() : -ENOMEM;
	if (result.error)
		atomic_long_set(&budget, 0);
	stop_all();
	if (keeper)
		exchange_drain(keeper);
	/* Those that wait for a grace period. */
	rcu_barrier();
	if (keeper)
		actor_check(keeper);
	end_heap(keeper);
	actor_free(keeper);
	result.stopped = READ_ONCE(stop_wanted);
	tell();
	WRITE_ONCE(under_way, false);
	wake_up_all(&run_ended);
}

static DECLARE_WORK(run_work, conduct);

/**
 * run_start() - begin a run
 * @ops: how many operations
 *
 * Context: Process; sleeps.
 * Return: 0, or an errno: one is under way.
 */
int run_start(unsigned long ops)
{
	int err = -EBUSY;

	mutex_lock(&run_lock);
	if (!under_way) {
		flush_work(&run_work);
		options_get(&run_options);
		atomic_long_set(&budget, ops);
		WRITE_ONCE(stop_wanted, false);
		WRITE_ONCE(under_way, true);
		queue_work(system_unbound_wq, &run_work);
		err = 0;
	}
	mutex_unlock(&run_lock);
	return err;
}

/**
 * run_stop() - end the run where it is, if there is one, and wait for that
 *
 * Context: Process; sleeps.
 */
void run_stop(void)
{
	mutex_lock(&run_lock);
	if (READ_ONCE(under_way)) {
		WRITE_ONCE(stop_wanted, true);
		atomic_long_set(&budget, 0);
	}
	mutex_unlock(&run_lock);
	flush_work(&run_work);
}

/**
 * run_wait_end() - wait until no run is under way
 *
 * Context: Process; sleeps.
 * Return: 0, or an errno if a signal came first.
 */
int run_wait_end(void)
{
	return wait_event_interruptible(run_ended, !READ_ONCE(under_way));
}

static const char *verdict(void)
{
	if (result.error)
		return "error";
	if (result.sum.mismatches)
		return "mismatch";
	if (result.sum.failures)
		return "failed";
	return result.stopped ? "stopped" : "ok";
}

/**
 * run_show_results() - the row of what came of the last run
 * @out: where to
 *
 * Context: Process; sleeps.
 */
void run_show_results(struct seq_file *out)
{
	const struct counts *sum = &result.sum;

	seq_puts(out, "# seed ops mallocs frees reallocs bulks rcu irq nmi hotplugs reclaims checks nulls mismatches failures foreign verdict\n");
	mutex_lock(&run_lock);
	if (result.there_is && !READ_ONCE(under_way))
		seq_printf(out, "%llu %llu %llu %llu %llu %llu %llu %llu %llu %d %llu %llu %llu %llu %llu %llu %s\n",
			   result.seed, sum->ops, sum->mallocs, sum->frees,
			   sum->reallocs, sum->bulks, sum->rcu, result.irq,
			   result.nmi, atomic_read(&hotplugs), sum->reclaims,
			   sum->checks, sum->nulls, sum->mismatches,
			   sum->failures, sum->foreign, verdict());
	mutex_unlock(&run_lock);
}
