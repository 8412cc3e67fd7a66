/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A run: one workload with one allocator and its options.  Workloads measure
 * with what is declared here and add rows to the table of results.
 */
#ifndef PYBENCH_RUN_H
#define PYBENCH_RUN_H

#include <linux/bits.h>
#include <linux/types.h>

#include "allocator.h"

struct seq_file;

#define MAX_ROUNDS	100

/* Short loops: no more pairs between two looks at the clock. */
#define LOOP_PAIRS	4096

enum order {
	ORDER_LIFO,
	ORDER_FIFO,
	ORDER_SHUFFLED,
	NR_ORDERS,
};

/* The keys that take a number. */
enum option {
	OPTION_ROUNDS,
	OPTION_SIZE,
	OPTION_CONSTANT,
	OPTION_N,
	OPTION_MIB,
	OPTION_SMALL,
	OPTION_OPS,
	OPTION_ERAS,
	OPTION_BATCHES,
	OPTION_WRITES,
	OPTION_PASSES,
	OPTION_LAPS,
	NR_OPTIONS,
};

/* An option of a workload, and what it may be.  A list ends with max 0. */
struct option_range {
	enum option option;
	u32 preset;
	u32 min;
	u32 max;
};

struct run;

/**
 * struct workload - something to measure
 * @name: by which it is asked for
 * @allocators: a bit for each allocator that it takes
 * @takes_order: it has the key order
 * @takes_path: it has the key path
 * @options: the keys that take a number
 * @run: does it all; -ENOMEM is a result, too
 */
struct workload {
	const char *name;
	unsigned long allocators;
	bool takes_order;
	bool takes_path;
	const struct option_range *options;
	int (*run)(struct run *run);
};

#define ALLOCATORS_ANY	(BIT(ALLOCATOR_KMALLOC) | BIT(ALLOCATOR_CACHE) | \
			 BIT(ALLOCATOR_MEM))
#define ALLOCATORS_HEAP	(BIT(ALLOCATOR_HEAP) | BIT(ALLOCATOR_LOCKED))

/* What rows are named by has room for a trace's name and more. */
#define WORD_LEN	80

/**
 * struct run - one request for a workload
 * @workload: which
 * @allocator: which
 * @order: value of the key order
 * @option: values of the keys that take a number
 * @path: value of the key path, or NULL
 * @cpus: how many CPUs it uses
 * @word: what the rows are named by: the workload and what tells it apart
 * @ticks: the rounds of a measurement, in units of the clock
 */
struct run {
	const struct workload *workload;
	enum allocator allocator;
	enum order order;
	u32 option[NR_OPTIONS];
	const char *path;
	unsigned int cpus;
	char word[WORD_LEN];
	u64 ticks[MAX_ROUNDS];
};

extern const char *const order_names[NR_ORDERS];

/*
 * One round of a measurement: does it with @allocator, and how long it took
 * goes to @ticks.
 */
typedef int round_fn(struct run *run, enum allocator allocator, void *data,
		     u64 *ticks);

/* measure.c */
int measure_rounds_whole(struct run *run, unsigned int n, round_fn *round,
			 void *data, u64 ops);
int measure_whole(struct run *run, round_fn *round, void *data, u64 ops);
int measure_net(struct run *run, round_fn *round, void *data, u64 ops);

/* pair.c */
int pair_measure(struct run *run, size_t size);

/* results.c */
void results_count(const struct run *run, const char *metric, s64 value);
void results_time(const struct run *run, const char *prefix,
		  const char *suffix, u64 ticks, u64 ops);
void results_failed(const struct run *run);
void results_clear(void);
void results_show(struct seq_file *out);

/* request.c */
char *request_word(char **command);
int request_parse(struct run *run, const char *name, char *rest);
void request_show_list(struct seq_file *out);

/* run.c */
int run_command(char *command);
int run_load_trace(char *path);
int run_clear_results(void);
int run_show_results(struct seq_file *out);
int run_show_trace(struct seq_file *out);
void run_exit(void);

/* debugfs.c */
void files_create(void);
void files_remove(void);

/* Each in the file of its name. */
extern const struct workload pair_workload, sizes_workload, live_workload,
	bulk_workload, growth_workload, oscillate_workload, fragment_workload,
	larson_workload, xmalloc_workload, sh6bench_workload, scratch_workload,
	simple_workload, trace_workload, peak_workload, read_workload;

#endif /* PYBENCH_RUN_H */
