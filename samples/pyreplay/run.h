/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A run: the loaded traces, one after the other, each replayed by a team of
 * threads.
 */
#ifndef PYREPLAY_RUN_H
#define PYREPLAY_RUN_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/types.h>

#include "block.h"
#include "ring.h"
#include "trc.h"

struct seq_file;
struct task_struct;

/**
 * struct options - how to replay; the module's parameters when a run started
 * @threads: replayers, bound to the online CPUs in turn
 * @rounds: how often each replays the trace
 * @limit: ops of the trace to replay, 0 for all
 * @cross: blocks are freed by the next replayer, on another CPU
 * @hold: all stop where the program holds the most
 * @verify: blocks are filled and checked
 */
struct options {
	unsigned int threads;
	unsigned int rounds;
	unsigned int limit;
	bool cross;
	bool hold;
	bool verify;
};

/**
 * struct progress - what one replayer, or a team, has done
 * @ops: ops replayed
 * @live: blocks it holds
 * @live_bytes: as requested
 * @crossed: blocks that it gave to another CPU to be freed
 * @waiting: of these, those not yet freed
 * @mismatches: blocks that were not as they had to be
 * @failures: allocations that failed
 * @ns: time in the ops, all rounds; of a team, the mean of its replayers
 */
struct progress {
	u64 ops;
	u64 live;
	u64 live_bytes;
	u64 crossed;
	u64 waiting;
	u64 mismatches;
	u64 failures;
	u64 ns;
};

/**
 * struct replayer - a thread that replays a trace
 * @team: the team it is in
 * @slots: the blocks it holds
 * @salt: this round's
 * @in: blocks that it frees for another, NULL unless crossing
 * @out: blocks that another frees for it, NULL unless crossing
 * @ended: the thread is gone
 * @task: the thread
 * @now: what it has done, written by itself alone
 * @seen: a copy that others may read, as of the last checkpoint
 */
struct replayer {
	struct team *team;
	struct block *slots;
	u64 salt;
	struct ring *in;
	struct ring *out;
	struct completion ended;
	struct task_struct *task;
	struct progress now;
	struct progress seen;
};

/**
 * struct team - the replayers of one trace
 * @trc: the trace
 * @options: how
 * @ops: how many of the trace's ops, after the limit
 * @at_peak: replayers that stopped at the peak
 * @released: they may go on
 * @n: replayers
 * @replayers: the replayers
 */
struct team {
	const struct trc *trc;
	const struct options *options;
	u32 ops;
	atomic_t at_peak;
	bool released;
	unsigned int n;
	struct replayer replayers[];
};

/* replayer.c */
int replayer_thread(void *data);
void replayer_drain(struct replayer *replayer);
void replayer_publish(struct replayer *replayer);

/* run.c */
bool run_aborted(void);
void run_wait_at_peak(struct team *team);

int run_load(char *paths);
int run_start(const struct options *options);
int run_continue(void);
void run_stop(void);
int run_wait_peak(void);
int run_wait_end(void);
void run_exit(void);

void run_show_traces(struct seq_file *out);
void run_show_status(struct seq_file *out);
void run_show_results(struct seq_file *out);

/* main.c */
int options_get(struct options *options);

/* debugfs.c */
void control_create(void);
void control_remove(void);

#endif /* PYREPLAY_RUN_H */
