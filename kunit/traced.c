// SPDX-License-Identifier: GPL-2.0
/*
 * What the suites about tracing stand on.
 *
 * Nobody but the running case uses pyalloc, so what a trace has counted since
 * its start is the case's own, to the byte.
 */
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "traced.h"

/* === Before and after === */

static unsigned long loaded_interval;

/**
 * traced_suite_init() - no hooks, no trace, and the next notes everything
 * @suite: the suite
 *
 * Return: 0 or an errno.
 */
int traced_suite_init(struct kunit_suite *suite)
{
	int error = engine_suite_init(suite);

	loaded_interval = pytrace_get_interval();
	return error ?: pytrace_set_interval(0);
}

/**
 * traced_suite_exit() - leave it as it was
 * @suite: the suite
 */
void traced_suite_exit(struct kunit_suite *suite)
{
	pytrace_stop();
	WARN_ON(pytrace_set_interval(loaded_interval));
	engine_suite_exit(suite);
}

/**
 * traced_init() - as fixture_init(), and there is no trace
 * @test: the case
 *
 * Return: 0.
 */
int traced_init(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, pytrace_is_tracing());
	KUNIT_EXPECT_EQ(test, pytrace_get_interval(), 0UL);
	return fixture_init(test);
}

/**
 * traced_exit() - as fixture_exit(), without a trace
 * @test: the case, which may have ended early
 */
void traced_exit(struct kunit *test)
{
	size_t bytes, peak;

	pyfault_arm(0);
	pyhook_turn(0);
	pydomain_use_heap(true);
	pytrace_stop();
	pytrace_set_interval(0);
	pytrace_get_traced_memory(&bytes, &peak);
	KUNIT_EXPECT_EQ(test, bytes, (size_t)0);
	KUNIT_EXPECT_EQ(test, peak, (size_t)0);
	rcu_barrier();
	fixture_exit(test);
}

/* === Ways to allocate === */

/* What follows a call keeps it from being a jump, which has no caller. */
static __always_inline void *given(void *block)
{
	barrier();
	return block;
}

static __always_inline void *one_in_bulk(size_t size)
{
	void *block = NULL;

	pymem_malloc_bulk(size, GFP_KERNEL, 1, &block);
	return block;
}

static noinline void *make_raw_malloc(size_t size)
{
	return given(pymem_raw_malloc(size, GFP_KERNEL));
}

static noinline void *make_raw_calloc(size_t size)
{
	return given(pymem_raw_calloc(size, 1, GFP_KERNEL));
}

static noinline void *make_raw_realloc(size_t size)
{
	return given(pymem_raw_realloc(NULL, size, GFP_KERNEL));
}

static noinline void *make_mem_malloc(size_t size)
{
	return given(pymem_malloc(size, GFP_KERNEL));
}

static noinline void *make_mem_calloc(size_t size)
{
	return given(pymem_calloc(size, 1, GFP_KERNEL));
}

static noinline void *make_mem_realloc(size_t size)
{
	return given(pymem_realloc(NULL, size, GFP_KERNEL));
}

static noinline void *make_mem_node(size_t size)
{
	return given(pymem_malloc_node(size, GFP_KERNEL, numa_mem_id()));
}

static noinline void *make_mem_bulk(size_t size)
{
	return given(one_in_bulk(size));
}

static noinline void *make_object_malloc(size_t size)
{
	return given(pyobject_malloc(size, GFP_KERNEL));
}

static noinline void *make_object_calloc(size_t size)
{
	return given(pyobject_calloc(size, 1, GFP_KERNEL));
}

static noinline void *make_object_realloc(size_t size)
{
	return given(pyobject_realloc(NULL, size, GFP_KERNEL));
}

static noinline void *make_object_node(size_t size)
{
	return given(pyobject_malloc_node(size, GFP_KERNEL, numa_mem_id()));
}

#define RAW	(&domains[PYMEM_DOMAIN_RAW])
#define MEM	(&domains[PYMEM_DOMAIN_MEM])
#define OBJ	(&domains[PYMEM_DOMAIN_OBJ])

const struct maker makers[12] = {
	{ "make_raw_malloc", RAW, make_raw_malloc },
	{ "make_raw_calloc", RAW, make_raw_calloc },
	{ "make_raw_realloc", RAW, make_raw_realloc },
	{ "make_mem_malloc", MEM, make_mem_malloc },
	{ "make_mem_calloc", MEM, make_mem_calloc },
	{ "make_mem_realloc", MEM, make_mem_realloc },
	{ "make_mem_node", MEM, make_mem_node },
	{ "make_mem_bulk", MEM, make_mem_bulk },
	{ "make_object_malloc", OBJ, make_object_malloc },
	{ "make_object_calloc", OBJ, make_object_calloc },
	{ "make_object_realloc", OBJ, make_object_realloc },
	{ "make_object_node", OBJ, make_object_node },
};

/**
 * make_here() - allocate a block, from a function that a trace can name
 * @domain: of which domain
 * @size: how many bytes
 *
 * Return: the block, or NULL.
 */
noinline void *make_here(const struct domain *domain, size_t size)
{
	void *block = domain->calloc(size, 1, GFP_KERNEL);

	barrier();
	return block;
}

/**
 * resize_here() - resize a block, from a function that a trace can name
 * @domain: through which domain
 * @block: the block, or NULL
 * @size: how many bytes it shall have
 *
 * Return: what it is then, or NULL.
 */
noinline void *resize_here(const struct domain *domain, void *block,
			   size_t size)
{
	block = domain->realloc(block, size, QUIET);
	barrier();
	return block;
}

/* === Ways to free === */

static void free_in_bulk(const void *block)
{
	void *one = (void *)block;

	pymem_free_bulk(1, &one);
}

const struct freer freers[4] = {
	{ "raw", RAW, pymem_raw_free },
	{ "mem", MEM, pymem_free },
	{ "object", OBJ, pyobject_free },
	{ "bulk", MEM, free_in_bulk },
};

/* === What is noted === */

/**
 * begin_trace() - start one
 * @test: the case
 * @nframe: of so many frames
 */
void begin_trace(struct kunit *test, unsigned int nframe)
{
	KUNIT_ASSERT_EQ(test, pytrace_start(nframe), 0);
}

/**
 * expect_noted() - the trace has counted this, and missed nothing
 * @test: the case
 * @bytes: usable bytes
 * @requested: bytes that were asked for
 * @blocks: how many blocks they are
 * @what: to be named if it has not
 * @size: as well
 */
void expect_noted(struct kunit *test, long bytes, long requested, long blocks,
		  const char *what, size_t size)
{
	struct pytrace_sum sum;
	bool same;

	pytrace_sum_up(&sum);
	same = sum.current_bytes == bytes && sum.counts.requested == requested &&
	       sum.counts.blocks == blocks && !sum.counts.missed;
	KUNIT_EXPECT_TRUE_MSG(test, same,
			      "%s, %zu: %zu (%ld) bytes of %ld (%ld) in %ld blocks of %ld, %ld missed",
			      what, size, sum.current_bytes,
			      sum.counts.requested, bytes, requested,
			      sum.counts.blocks, blocks, sum.counts.missed);
}

/**
 * expect_nothing() - all that was noted is gone
 * @test: the case
 * @what: to be named if it is not
 * @size: as well
 */
void expect_nothing(struct kunit *test, const char *what, size_t size)
{
	expect_noted(test, 0, 0, 0, what, size);
}

/**
 * expect_one() - one block is noted, and it is this
 * @test: the case
 * @block: the block
 * @size: the bytes that were asked for
 * @what: to be named if it is not
 */
void expect_one(struct kunit *test, const void *block, size_t size,
		const char *what)
{
	expect_noted(test, room_of(block), size, 1, what, size);
}

/**
 * missed_blocks() - what could not be noted
 *
 * Return: how many blocks.
 */
long missed_blocks(void)
{
	struct pytrace_sum sum;

	pytrace_sum_up(&sum);
	return sum.counts.missed;
}

/**
 * begins_with() - is the innermost frame in a function?
 * @text: of a call site
 * @function: the function's name
 *
 * Return: true if it is, and where the kernel has no names.
 */
bool begins_with(const char *text, const char *function)
{
	size_t length = strlen(function);

	return !IS_ENABLED(CONFIG_KALLSYMS) ||
	       (strstarts(text, function) && text[length] == '+');
}

static void add_by_name(const struct pytrace *trace, const char *function,
			const struct pysnapshot_sum *sums, unsigned int n,
			struct by_name *sum)
{
	char text[PYSITE_TEXT];
	unsigned int i;

	for (i = 0; i < n; i++) {
		pysite_tell(trace->sites, sums[i].site, text, sizeof(text),
			    false);
		if (!begins_with(text, function))
			continue;
		sum->bytes += sums[i].bytes;
		sum->size += sums[i].size;
		sum->blocks += sums[i].blocks;
		sum->sites++;
	}
}

/**
 * sum_up_by_name() - a snapshot's sums of what a function allocated
 * @test: the case
 * @function: its name
 * @sum: where to put it
 */
void sum_up_by_name(struct kunit *test, const char *function,
		    struct by_name *sum)
{
	struct pytrace *trace = pytrace_begin_look();
	struct pysnapshot_sum *sums = NULL;
	unsigned int n;

	memset(sum, 0, sizeof(*sum));
	if (trace)
		sums = pysnapshot_sum_up(trace, NULL, NULL, &n);
	if (sums)
		add_by_name(trace, function, sums, n, sum);
	pytrace_end_look();
	KUNIT_EXPECT_NOT_NULL(test, sums);
	kvfree(sums);
}

/**
 * take_rows() - every block that is noted
 * @test: the case
 * @rows: where to put them
 * @most: how many there is room for
 *
 * Return: how many there are.
 */
unsigned int take_rows(struct kunit *test, struct pysnapshot_row *rows,
		       unsigned int most)
{
	struct pysnapshot *snapshot = pysnapshot_new(NULL);
	unsigned int n = 0, i;
	struct pytrace *trace;

	KUNIT_ASSERT_NOT_NULL(test, snapshot);
	trace = pytrace_begin_look();
	while (pysnapshot_fill(snapshot, trace))
		for (i = 0; i < snapshot->nr; i++, n++)
			if (n < most)
				rows[n] = snapshot->row[i];
	pytrace_end_look();
	pysnapshot_free(snapshot);
	return n;
}

/**
 * expect_by() - a block is noted as allocated by a function
 * @test: the case
 * @block: the block
 * @function: the function's name
 */
void expect_by(struct kunit *test, const void *block, const char *function)
{
	unsigned long caller = pytrace_caller_of(block);

	KUNIT_EXPECT_TRUE_MSG(test, caller && is_by(caller, function),
			      "by %pS, not %s", (void *)caller, function);
}

/**
 * domain_bytes() - what all domains have, by their own accounts
 * @test: the case
 *
 * Return: usable bytes.
 */
long domain_bytes(struct kunit *test)
{
	struct pydomain_stats rows[PYDOMAIN_ROWS];
	unsigned int i;
	long bytes = 0;

	take_domain_stats(test, rows);
	for (i = 0; i < PYDOMAIN_ROWS; i++)
		bytes += rows[i].bytes;
	return bytes;
}
