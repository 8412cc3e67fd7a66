// SPDX-License-Identifier: GPL-2.0
/*
 * Loads a trace and replays it, with the loop that the program for user space
 * has too: replay.h.  An operation is one op of the trace; what the program
 * left behind is freed after each round, and not timed.  What the replaying
 * itself takes is not subtracted: allocator none tells it.
 *
 * Process context, may sleep, under the lock of run.c.
 */
#define pr_fmt(fmt) "pybench: " fmt

#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "allocator.h"
#include "clock.h"
#include "crowd.h"
#include "held.h"
#include "replay.h"
#include "run.h"
#include "trace.h"

#define TRACE_MAX_FILE	SZ_256M

static_assert(sizeof(struct replay_header) == 512);
static_assert(REPLAY_SMALL_MAX == PYALLOC_SMALL_MAX);

/**
 * struct trace - a trace that was checked
 * @file: the whole file
 * @small_words: the ops of @small
 * @full: what the file holds
 * @small: the same without large requests
 */
struct trace {
	void *file;
	__le32 *small_words;
	struct replay_trace full;
	struct replay_trace small;
};

static struct trace *loaded;

static __always_inline void *replay_malloc(unsigned int allocator, size_t size)
{
	return any_malloc(allocator, size);
}

static __always_inline void *replay_calloc(unsigned int allocator, size_t size)
{
	return any_calloc(allocator, size);
}

static __always_inline void *replay_realloc(unsigned int allocator, void *ptr,
					    size_t size)
{
	return any_realloc(allocator, ptr, size);
}

static __always_inline void replay_free(unsigned int allocator, void *ptr)
{
	any_free(allocator, ptr);
}

static void trace_free(struct trace *trace)
{
	if (!trace)
		return;
	vfree(trace->small_words);
	vfree(trace->file);
	kfree(trace);
}

static ssize_t read_from(struct trace *trace, struct file *file)
{
	loff_t size = i_size_read(file_inode(file)), pos = 0;

	if (!S_ISREG(file_inode(file)->i_mode) || size <= 0)
		return -EINVAL;
	if (size > TRACE_MAX_FILE)
		return -EFBIG;
	trace->file = bench_array(size, 1);
	trace->small_words = bench_array(size, 1);
	if (!trace->file || !trace->small_words)
		return -ENOMEM;
	/* The file may be cut meanwhile: what comes is what is checked. */
	return kernel_read(file, trace->file, size, &pos);
}

static ssize_t read_file(struct trace *trace, const char *path)
{
	struct file *file = filp_open(path, O_RDONLY | O_LARGEFILE, 0);
	ssize_t bytes;

	if (IS_ERR(file))
		return PTR_ERR(file);
	bytes = read_from(trace, file);
	fput(file);
	return bytes;
}

/* Looks at all of @trace, which may be anything, and cuts the small one. */
static int check(struct trace *trace, size_t bytes, const char *path)
{
	const char *fault = replay_open(&trace->full, trace->file, bytes);
	u32 *sizes;

	if (!fault) {
		sizes = vmalloc(array_size(trace->full.n_slots, sizeof(*sizes)));
		if (!sizes)
			return -ENOMEM;
		fault = replay_check(&trace->full, sizes);
		trace->small = trace->full;
		if (!fault)
			replay_cut(&trace->small, trace->small_words, sizes);
		vfree(sizes);
	}
	if (!fault)
		return 0;
	pr_err("%s: %s\n", path, fault);
	return -EINVAL;
}

static struct trace *trace_get(const char *path)
{
	struct trace *trace = kzalloc(sizeof(*trace), GFP_KERNEL);
	ssize_t bytes;
	int err;

	if (!trace)
		return ERR_PTR(-ENOMEM);
	bytes = read_file(trace, path);
	err = bytes < 0 ? bytes : check(trace, bytes, path);
	if (!err)
		return trace;
	trace_free(trace);
	return ERR_PTR(err);
}

/* Takes the trace in the file @path in place of the one that is loaded. */
int trace_load(const char *path)
{
	struct trace *trace = trace_get(path);

	if (IS_ERR(trace))
		return PTR_ERR(trace);
	trace_unload();
	loaded = trace;
	return 0;
}

void trace_unload(void)
{
	trace_free(loaded);
	loaded = NULL;
}

static void show_one(struct seq_file *out, const char *kind,
		     const struct replay_trace *trace)
{
	seq_printf(out, "%s %s %u %u %llu\n", trace->name, kind, trace->n_ops,
		   trace->n_slots, trace->peak_bytes);
}

void trace_show_loaded(struct seq_file *out)
{
	seq_puts(out, "# name requests ops slots peak_bytes\n");
	if (!loaded)
		return;
	show_one(out, "all", &loaded->full);
	show_one(out, "small", &loaded->small);
}

/* Names the rows of @run by the trace.  False when there is none. */
static bool name_rows(struct run *run, const char *ending)
{
	if (!loaded)
		return false;
	snprintf(run->word, sizeof(run->word), "%s-%s%s", run->workload->name,
		 loaded->full.name, ending);
	return true;
}

struct replay {
	const struct replay_trace *trace;
	void **slots;
};

static __always_inline int replay_timed(enum allocator allocator,
					const struct replay *replay,
					u64 *ticks)
{
	const struct replay_trace *trace = replay->trace;
	u64 start = clock_now();
	size_t failures = replay_ops(allocator, trace->words,
				     trace->words + trace->n_words,
				     replay->slots);

	*ticks = clock_now() - start;
	replay_free_rest(allocator, replay->slots, trace->n_slots);
	return failures ? -ENOMEM : 0;
}

static int replay_round(struct run *run, enum allocator allocator, void *data,
			u64 *ticks)
{
	return fold(allocator, replay_timed, data, ticks);
}

/* All calls of the allocator in one round, the frees at its end as well. */
static u64 calls_a_round(const struct replay_trace *trace)
{
	const __le32 *at = trace->words, *end = at + trace->n_words;
	u64 live = 0;

	while (at < end) {
		switch (replay_next(&at).kind) {
		case REPLAY_FREE:
			live--;
			break;
		case REPLAY_REALLOC:
			break;
		default:
			live++;
		}
	}
	return trace->n_ops + live;
}

static int trace_run(struct run *run)
{
	bool small = run->option[OPTION_SMALL];
	struct replay replay;
	int err;

	if (!name_rows(run, small ? "-small" : ""))
		return -ENODATA;
	replay.trace = small ? &loaded->small : &loaded->full;
	if (!replay.trace->n_ops)
		return -ENODATA;
	replay.slots = vzalloc(array_size(replay.trace->n_slots,
					  sizeof(*replay.slots)));
	if (!replay.slots)
		return -ENOMEM;
	err = measure_whole(run, replay_round, &replay, replay.trace->n_ops);
	if (!err)
		results_count(run, "calls", calls_a_round(replay.trace) *
			      (run->option[OPTION_ROUNDS] + 1));
	vfree(replay.slots);
	return err;
}

const struct workload trace_workload = {
	.name		= "trace",
	.allocators	= ALLOCATORS_ANY | ALLOCATORS_HEAP |
			  BIT(ALLOCATOR_NONE),
	.options	= (const struct option_range[]) {
		{ OPTION_ROUNDS, 20, 1, MAX_ROUNDS },
		{ OPTION_SMALL, 0, 0, 1 },
		{},
	},
	.run		= trace_run,
};

static __always_inline int replay_part(enum allocator allocator,
				       const struct replay_trace *trace,
				       void **slots)
{
	size_t failures = replay_ops(allocator, trace->words,
				     trace->words + trace->n_words, slots);

	if (!failures)
		return 0;
	replay_free_rest(allocator, slots, trace->n_slots);
	return -ENOMEM;
}

/* Moves the blocks that there are to the front. */
static void close_ranks(struct crowd *crowd)
{
	size_t i;

	for (i = 0; i < crowd->max; i++) {
		if (!crowd->blocks[i])
			continue;
		crowd->blocks[crowd->n] = crowd->blocks[i];
		crowd->sizes[crowd->n++] = crowd->sizes[i];
	}
}

/* Replays up to the peak, and leaves a crowd of what is live then. */
static int replay_to_peak(struct run *run, struct replay_trace *trace,
			  struct crowd *crowd)
{
	int err;

	trace->n_words = trace->n_peak_words;
	replay_follow(trace, crowd->sizes);
	err = fold(run->allocator, replay_part, trace, crowd->blocks);
	if (!err)
		close_ranks(crowd);
	return err;
}

/*
 * Large requests are led to the same place by all allocators, and are not in
 * the slab pages that are counted, so they are left out.
 */
static int peak_run(struct run *run)
{
	struct replay_trace trace;
	struct crowd crowd;
	s64 slab_before;
	int err;

	if (!name_rows(run, ""))
		return -ENODATA;
	trace = loaded->small;
	err = crowd_create(&crowd, trace.n_slots);
	if (err)
		return err;
	slab_before = slab_bytes();
	err = replay_to_peak(run, &trace, &crowd);
	if (err)
		crowd_destroy(&crowd);
	else
		held_keep(run, &crowd, slab_before);
	return err;
}

const struct workload peak_workload = {
	.name		= "peak",
	.allocators	= ALLOCATORS_ANY | ALLOCATORS_HEAP,
	.options	= (const struct option_range[]) {
		{ OPTION_SMALL, 1, 1, 1 },
		{},
	},
	.run		= peak_run,
};
