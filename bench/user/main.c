// SPDX-License-Identifier: GPL-2.0
/*
 * replay TRACE...: replays each trace with the allocators of user space, and
 * measures a pair of malloc and free.  Prints a row a line, separated by tabs:
 * workload, allocator, CPUs, metric, value.  The exit status is 1 when a trace
 * can't be used or memory was short, after all else was measured.
 *
 * One thread, not pinned: the least of the rounds is that of a quiet moment.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "contender.h"

#define PAIR_ROUNDS	200
#define PAIRS		4096
#define PAIR_SIZE	64
#define TRACE_ROUNDS	25
#define MAX_ROUNDS	200

/* No allocator at all: what the loops themselves cost. */
static char block[1];

static __always_inline void *replay_malloc(unsigned int allocator, size_t size)
{
	return block;
}

static __always_inline void *replay_calloc(unsigned int allocator, size_t size)
{
	return block;
}

static __always_inline void *replay_realloc(unsigned int allocator, void *ptr,
					    size_t size)
{
	return ptr;
}

static __always_inline void replay_free(unsigned int allocator, void *ptr)
{
}

DEFINE_CONTENDER(none);

/* What one contender took for one workload, a round each. */
struct times {
	double ns[MAX_ROUNDS];
	unsigned int rounds;
};

static const struct contender *const contenders[] = {
	&none_contender,
	&python_contender,
	&glibc_contender,
};

#define NR_CONTENDERS	(sizeof(contenders) / sizeof(*contenders))

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void row(const char *workload, const char *name, const char *allocator,
		const char *metric, double value)
{
	printf("%s%s\t%s\t1\t%s\t%.2f\n", workload, name, allocator, metric,
	       value);
}

/* The least and the median, in ns for each of @n, without @empty ns each. */
static void rows(const char *workload, const char *name, const char *allocator,
		 struct times *times, double n, double empty)
{
	qsort(times->ns, times->rounds, sizeof(*times->ns), compare);
	row(workload, name, allocator, "ns", times->ns[0] / n - empty);
	row(workload, name, allocator, "ns_median",
	    times->ns[times->rounds / 2] / n - empty);
}

/* The contenders' files see no constant in the size. */
static void time_pairs(const struct contender *contender, struct times *times)
{
	double start;

	for (times->rounds = 0; times->rounds < PAIR_ROUNDS; times->rounds++) {
		start = now_ns();
		contender->pairs(PAIRS, PAIR_SIZE);
		times->ns[times->rounds] = now_ns() - start;
	}
}

/* The loop itself is measured too, shown, and taken off the others. */
static void measure_pairs(void)
{
	struct times times;
	double empty = 0;

	for (size_t i = 0; i < NR_CONTENDERS; i++) {
		if (!contenders[i])
			continue;
		time_pairs(contenders[i], &times);
		rows("pair", "", contenders[i]->name, &times, PAIRS, empty);
		if (contenders[i] == &none_contender)
			empty = times.ns[0] / PAIRS;
	}
}

/* Returns how many requests found no memory.  The first round is to warm up. */
static size_t time_trace(const struct contender *contender,
			 const struct replay_trace *trace, void **slots,
			 struct times *times)
{
	size_t failures = 0;
	double start;

	for (int round = -1; round < TRACE_ROUNDS; round++) {
		start = now_ns();
		failures += contender->replay(trace, slots);
		if (round >= 0)
			times->ns[round] = now_ns() - start;
		contender->free_rest(trace, slots);
	}
	times->rounds = TRACE_ROUNDS;
	return failures;
}

/* The replayer's own work is part of the figures, and has a row. */
static int measure_with(const struct contender *contender,
			const struct replay_trace *trace, void **slots)
{
	struct times times;

	if (time_trace(contender, trace, slots, &times)) {
		printf("trace-%s\t%s\t1\tns\tfailed\n", trace->name,
		       contender->name);
		return -ENOMEM;
	}
	rows("trace-", trace->name, contender->name, &times, trace->n_ops, 0);
	return 0;
}

static int measure_trace(const struct replay_trace *trace)
{
	void **slots = calloc(trace->n_slots, sizeof(*slots));
	int err = slots ? 0 : -ENOMEM;

	for (size_t i = 0; i < NR_CONTENDERS && slots; i++) {
		if (contenders[i] && measure_with(contenders[i], trace, slots))
			err = -ENOMEM;
	}
	free(slots);
	return err;
}

/* Checks and measures the trace in @file, of @bytes. */
static int use_trace(const char *path, const void *file, size_t bytes)
{
	struct replay_trace trace;
	__u32 *sizes = NULL;
	const char *fault = replay_open(&trace, file, bytes);

	if (!fault) {
		sizes = calloc(trace.n_slots, sizeof(*sizes));
		fault = sizes ? replay_check(&trace, sizes) : "no memory";
		free(sizes);
	}
	if (fault) {
		fprintf(stderr, "%s: %s\n", path, fault);
		return -EINVAL;
	}
	return measure_trace(&trace);
}

/* All that can be read of @file, to be freed; NULL when there is nothing. */
static void *read_all(FILE *file, size_t *bytes)
{
	void *data;
	long end;

	if (fseek(file, 0, SEEK_END))
		return NULL;
	end = ftell(file);
	/* A directory's end is nowhere near. */
	if (end <= 0 || end == LONG_MAX)
		return NULL;
	*bytes = end;
	rewind(file);
	data = malloc(*bytes);
	if (data && fread(data, *bytes, 1, file) != 1) {
		free(data);
		return NULL;
	}
	return data;
}

static void *read_path(const char *path, size_t *bytes)
{
	FILE *file = fopen(path, "rb");
	void *data;

	if (!file)
		return NULL;
	data = read_all(file, bytes);
	fclose(file);
	return data;
}

int main(int argc, char **argv)
{
	int status = 0;

	measure_pairs();
	for (int i = 1; i < argc; i++) {
		size_t bytes;
		void *file = read_path(argv[i], &bytes);

		if (!file) {
			fprintf(stderr, "%s: can't be read\n", argv[i]);
			status = 1;
			continue;
		}
		if (use_trace(argv[i], file, bytes))
			status = 1;
		free(file);
	}
	return status;
}
