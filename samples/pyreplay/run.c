// SPDX-License-Identifier: GPL-2.0
/*
 * Loads traces and runs them: a work item takes one trace after the other,
 * makes a team of threads for it, waits for them and writes the result down.
 *
 *	idle -> running <-> peak
 *	           |
 *	           +-> ended, or stopped when it was told to
 *
 * run_lock guards the traces, the results and which team is at work; it is
 * never held while waiting for a thread.  The state is changed by whoever
 * causes the change, and every change wakes all who wait for one.
 *
 * Process context, may sleep.
 */
#define pr_fmt(fmt) "pyreplay: " fmt

#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/topology.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "run.h"

#define RUN_MAX_TRACES	16

enum run_state {
	RUN_IDLE,
	RUN_RUNNING,
	RUN_PEAK,
	RUN_ENDED,
	RUN_STOPPED,
};

static const char *const run_state_names[] = {
	[RUN_IDLE]	= "idle",
	[RUN_RUNNING]	= "running",
	[RUN_PEAK]	= "peak",
	[RUN_ENDED]	= "ended",
	[RUN_STOPPED]	= "stopped",
};

struct result {
	int error;
	struct progress done;
};

static void run_all(struct work_struct *work);

static DEFINE_MUTEX(run_lock);
static DECLARE_WAIT_QUEUE_HEAD(run_changed);
static DECLARE_WORK(run_work, run_all);
static enum run_state run_state;
static bool run_abort;
static struct options run_options;
static struct trc *traces[RUN_MAX_TRACES];
static struct result results[RUN_MAX_TRACES];
static unsigned int n_traces;
static unsigned int n_results;
static struct team *run_team;

static bool run_under_way(void)
{
	enum run_state state = READ_ONCE(run_state);

	return state == RUN_RUNNING || state == RUN_PEAK;
}

static bool run_move(enum run_state from, enum run_state to)
{
	bool moved = cmpxchg(&run_state, from, to) == from;

	wake_up_all(&run_changed);
	return moved;
}

bool run_aborted(void)
{
	return READ_ONCE(run_abort);
}

/* From any state: a stop may have come while the last reached the peak. */
static void run_end(void)
{
	WRITE_ONCE(run_state, run_aborted() ? RUN_STOPPED : RUN_ENDED);
	wake_up_all(&run_changed);
}

/* The last replayer to come makes the peak known; all sleep until released. */
void run_wait_at_peak(struct team *team)
{
	if (atomic_inc_return(&team->at_peak) == team->n)
		run_move(RUN_RUNNING, RUN_PEAK);
	wait_event_idle(run_changed,
			READ_ONCE(team->released) || run_aborted());
}

/* Traces. */

static void forget_traces(void)
{
	while (n_traces)
		trc_free(traces[--n_traces]);
	n_results = 0;
}

static int load_one(const char *path)
{
	struct trc *trc;

	if (n_traces == RUN_MAX_TRACES) {
		pr_err("%s: more than %d traces\n", path, RUN_MAX_TRACES);
		return -E2BIG;
	}
	trc = trc_load(path);
	if (IS_ERR(trc))
		return PTR_ERR(trc);
	traces[n_traces++] = trc;
	return 0;
}

/* Loads the traces in @paths, parted by commas, in place of those loaded. */
int run_load(char *paths)
{
	char *path;
	int err = 0;

	mutex_lock(&run_lock);
	if (run_under_way()) {
		mutex_unlock(&run_lock);
		return -EBUSY;
	}
	forget_traces();
	while (!err && (path = strsep(&paths, ",\n"))) {
		if (*path)
			err = load_one(path);
	}
	if (err)
		forget_traces();
	mutex_unlock(&run_lock);
	return err;
}

/* Teams. */

static void team_free(struct team *team)
{
	unsigned int i;

	for (i = 0; i < team->n; i++) {
		kvfree(team->replayers[i].slots);
		kvfree(team->replayers[i].out);
	}
	kvfree(team);
}

static int replayer_init(struct team *team, struct replayer *replayer)
{
	replayer->team = team;
	init_completion(&replayer->ended);
	replayer->slots = kvcalloc(team->trc->n_slots,
				   sizeof(*replayer->slots), GFP_KERNEL);
	if (!replayer->slots)
		return -ENOMEM;
	if (!team->options->cross)
		return 0;
	replayer->out = kvzalloc(sizeof(*replayer->out), GFP_KERNEL);
	if (!replayer->out)
		return -ENOMEM;
	/* Its taker will run: it is worth waiting for from the start. */
	replayer->out->attended = true;
	return 0;
}

/* Each replayer puts into its own ring, which the next one takes from. */
static void team_connect(struct team *team)
{
	unsigned int i;

	for (i = 0; i < team->n; i++)
		team->replayers[(i + 1) % team->n].in = team->replayers[i].out;
}

static struct team *team_new(const struct trc *trc,
			     const struct options *options)
{
	unsigned int n = options->threads;
	struct team *team;
	int err = 0;

	team = kvzalloc(struct_size(team, replayers, n), GFP_KERNEL);
	if (!team)
		return NULL;
	team->trc = trc;
	team->options = options;
	team->ops = trc->n_ops;
	if (options->limit)
		team->ops = min(options->limit, trc->n_ops);
	while (team->n < n && !err)
		err = replayer_init(team, &team->replayers[team->n++]);
	if (err) {
		team_free(team);
		return NULL;
	}
	team_connect(team);
	return team;
}

/* The online CPUs in turn. */
static unsigned int cpu_of(unsigned int index)
{
	return cpumask_local_spread(index % num_online_cpus(), NUMA_NO_NODE);
}

static int create_thread(struct replayer *replayer, unsigned int index)
{
	unsigned int cpu = cpu_of(index);
	struct task_struct *task;

	task = kthread_create_on_node(replayer_thread, replayer,
				      cpu_to_node(cpu), "pyreplay/%u", index);
	if (IS_ERR(task))
		return PTR_ERR(task);
	kthread_bind(task, cpu);
	replayer->task = task;
	return 0;
}

/* Threads that were never woken do not run when they are stopped. */
static void cancel_threads(struct team *team, unsigned int n)
{
	while (n--)
		kthread_stop(team->replayers[n].task);
}

static int team_start(struct team *team)
{
	unsigned int i;
	int err;

	for (i = 0; i < team->n; i++) {
		err = create_thread(&team->replayers[i], i);
		if (err) {
			cancel_threads(team, i);
			return err;
		}
	}
	for (i = 0; i < team->n; i++)
		wake_up_process(team->replayers[i].task);
	return 0;
}

/* What came into a ring after its taker's end is freed here. */
static void team_wait(struct team *team)
{
	unsigned int i;

	for (i = 0; i < team->n; i++)
		wait_for_completion_state(&team->replayers[i].ended, TASK_IDLE);
	for (i = 0; i < team->n; i++) {
		replayer_drain(&team->replayers[i]);
		cond_resched();
	}
	for (i = 0; i < team->n; i++)
		replayer_publish(&team->replayers[i]);
}

static void team_sum(const struct team *team, struct progress *sum)
{
	unsigned int i;

	*sum = (struct progress) {};
	for (i = 0; i < team->n; i++) {
		const struct progress *one = &team->replayers[i].seen;

		sum->ops += READ_ONCE(one->ops);
		sum->live += READ_ONCE(one->live);
		sum->live_bytes += READ_ONCE(one->live_bytes);
		sum->crossed += READ_ONCE(one->crossed);
		sum->waiting += READ_ONCE(one->waiting);
		sum->mismatches += READ_ONCE(one->mismatches);
		sum->failures += READ_ONCE(one->failures);
		sum->ns += READ_ONCE(one->ns);
	}
	sum->ns = div_u64(sum->ns, team->n);
}

/* Shows @team to the readers of status, or hides it from them. */
static void team_show(struct team *team)
{
	mutex_lock(&run_lock);
	run_team = team;
	mutex_unlock(&run_lock);
}

/* Running. */

static int run_one(const struct trc *trc, struct progress *done)
{
	struct team *team = team_new(trc, &run_options);
	int err;

	if (!team)
		return -ENOMEM;
	team_show(team);
	err = team_start(team);
	if (!err)
		team_wait(team);
	team_sum(team, done);
	team_show(NULL);
	team_free(team);
	return err;
}

static void add_result(const struct result *result)
{
	mutex_lock(&run_lock);
	results[n_results++] = *result;
	mutex_unlock(&run_lock);
}

static void run_all(struct work_struct *work)
{
	unsigned int i;

	for (i = 0; i < n_traces && !run_aborted(); i++) {
		struct result result = {};

		result.error = run_one(traces[i], &result.done);
		if (!result.error && run_aborted())
			result.error = -ECANCELED;
		add_result(&result);
	}
	run_end();
}

static int start_locked(const struct options *options)
{
	if (run_under_way())
		return -EBUSY;
	if (!n_traces) {
		pr_err("there is no trace to replay\n");
		return -ENODATA;
	}
	run_options = *options;
	run_abort = false;
	n_results = 0;
	WRITE_ONCE(run_state, RUN_RUNNING);
	queue_work(system_unbound_wq, &run_work);
	return 0;
}

int run_start(const struct options *options)
{
	int err;

	mutex_lock(&run_lock);
	err = start_locked(options);
	mutex_unlock(&run_lock);
	return err;
}

/* Lets the replayers leave the peak. */
int run_continue(void)
{
	int err = -EINVAL;

	mutex_lock(&run_lock);
	if (run_team && READ_ONCE(run_state) == RUN_PEAK) {
		WRITE_ONCE(run_team->released, true);
		run_move(RUN_PEAK, RUN_RUNNING);
		err = 0;
	}
	mutex_unlock(&run_lock);
	return err;
}

/* Ends a run where it is: its blocks are freed, its threads gone on return. */
void run_stop(void)
{
	mutex_lock(&run_lock);
	if (run_under_way())
		WRITE_ONCE(run_abort, true);
	run_move(RUN_PEAK, RUN_RUNNING);
	mutex_unlock(&run_lock);
	flush_work(&run_work);
}

/* Sleeps until the run stands at a peak; it may also be over before one. */
int run_wait_peak(void)
{
	int err = wait_event_interruptible(run_changed,
					   READ_ONCE(run_state) != RUN_RUNNING);

	if (err)
		return err;
	return READ_ONCE(run_state) == RUN_PEAK ? 0 : -ECANCELED;
}

int run_wait_end(void)
{
	return wait_event_interruptible(run_changed, !run_under_way());
}

/* No file is open any more: only the run itself may still be under way. */
void run_exit(void)
{
	run_stop();
	forget_traces();
}

/* What the files of debugfs say. */

void run_show_traces(struct seq_file *out)
{
	unsigned int i;

	seq_puts(out, "# name ops slots peak_op peak_bytes live_at_end\n");
	mutex_lock(&run_lock);
	for (i = 0; i < n_traces; i++) {
		const struct trc *trc = traces[i];

		seq_printf(out, "%s %u %u %u %llu %u\n", trc->name, trc->n_ops,
			   trc->n_slots, trc->peak_op, trc->peak_bytes,
			   trc->n_live);
	}
	mutex_unlock(&run_lock);
}

void run_show_status(struct seq_file *out)
{
	struct progress sum = {};

	seq_puts(out, "# state trace threads ops live_blocks live_bytes crossed crossing mismatches failures\n");
	mutex_lock(&run_lock);
	if (run_team)
		team_sum(run_team, &sum);
	seq_printf(out, "%s %s %u %llu %llu %llu %llu %llu %llu %llu\n",
		   run_state_names[READ_ONCE(run_state)],
		   run_team ? run_team->trc->name : "-",
		   run_team ? run_team->n : 0, sum.ops, sum.live,
		   sum.live_bytes, sum.crossed, sum.waiting, sum.mismatches,
		   sum.failures);
	mutex_unlock(&run_lock);
}

static const char *verdict(const struct result *result)
{
	if (result->error)
		return result->error == -ECANCELED ? "stopped" : "failed";
	if (result->done.mismatches)
		return "mismatch";
	return result->done.failures ? "short_of_memory" : "ok";
}

static void show_result(struct seq_file *out, const struct trc *trc,
			const struct result *result)
{
	const struct progress *done = &result->done;
	u64 each = div_u64(done->ops, run_options.threads);
	u64 ps = each ? div64_u64(done->ns * 1000, each) : 0;
	u32 fraction;
	u64 ns = div_u64_rem(ps, 1000, &fraction);

	seq_printf(out, "%s %u %u %llu %llu %llu.%03u %llu %llu %llu %llu %s\n",
		   trc->name, run_options.threads, run_options.rounds,
		   done->ops, done->ns, ns, fraction, done->crossed,
		   done->live + done->waiting, done->mismatches,
		   done->failures, verdict(result));
}

void run_show_results(struct seq_file *out)
{
	unsigned int i;

	seq_puts(out, "# trace threads rounds ops ns ns_per_op crossed live_blocks mismatches failures verdict\n");
	mutex_lock(&run_lock);
	for (i = 0; i < n_results; i++)
		show_result(out, traces[i], &results[i]);
	mutex_unlock(&run_lock);
}
