// SPDX-License-Identifier: GPL-2.0
/*
 * The rest of a trace: what changes while it runs (debug hooks, replaced
 * allocators, a clear), a client's own memory, the peak, and what comes of it
 * when there is no memory to note anything in.
 */
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "traced.h"

KUNIT_ARRAY_PARAM(domain, domains, describe_domain);

static const size_t sizes[] = TRACED_SIZES;

/* === Debug hooks on and off === */

enum { EACH = ARRAY_SIZE(sizes) };

struct batch {
	const struct domain	*domain;
	void			*blocks[EACH];
	size_t			sizes[EACH];
};

static void take_batch(struct batch *batch, const struct domain *domain)
{
	unsigned int i;

	batch->domain = domain;
	for (i = 0; i < EACH; i++) {
		batch->sizes[i] = sizes[i];
		batch->blocks[i] = make_here(domain, sizes[i]);
	}
}

static void resize_batch(struct batch *batch)
{
	unsigned int i;

	for (i = 0; i < EACH; i++) {
		batch->sizes[i] = sizes[EACH - 1 - i];
		batch->blocks[i] = resize_here(batch->domain, batch->blocks[i],
					       batch->sizes[i]);
	}
}

static void put_batch(struct batch *batch)
{
	unsigned int i;

	for (i = 0; i < EACH; i++)
		batch->domain->free(batch->blocks[i]);
}

static void expect_batches(struct kunit *test, const struct batch *batches,
			   unsigned int n, const char *what)
{
	long bytes = 0, requested = 0;
	unsigned int i, j;

	for (i = 0; i < n; i++)
		for (j = 0; j < EACH; j++) {
			bytes += room_of(batches[i].blocks[j]);
			requested += batches[i].sizes[j];
		}
	expect_noted(test, bytes, requested, n * EACH, what, n);
}

static void turn(struct kunit *test, bool on)
{
	KUNIT_ASSERT_EQ(test, pyhook_turn(on ? ALL_DOMAINS : 0), 0);
}

/* Plain blocks and decorated ones, resized and freed in either state. */
static void test_hooks_come_and_go(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct batch batches[4];
	unsigned int i;

	begin_trace(test, 1);
	for (i = 0; i < 4; i++) {
		turn(test, i % 2);
		take_batch(&batches[i], domain);
		expect_batches(test, batches, i + 1, "taken");
	}
	turn(test, false);
	expect_batches(test, batches, 4, "turned off");
	for (i = 0; i < 4; i++) {
		turn(test, i >= 2);
		resize_batch(&batches[i]);
		expect_batches(test, batches, 4, "resized");
		expect_by(test, batches[i].blocks[2], "resize_here");
	}
	for (i = 0; i < 4; i++) {
		turn(test, i == 1 || i == 2);
		put_batch(&batches[i]);
		expect_batches(test, batches + i + 1, 3 - i, "put");
	}
	expect_no_report(test);
}

/* === Replaced allocators === */

/**
 * struct over - an allocator over the one that was there
 * @below: that one
 * @head: so many bytes in front of each block are its own
 */
struct over {
	struct pymem_allocator	below;
	size_t			head;
};

static void *behind_head(const struct over *over, void *block)
{
	return block ? block + over->head : NULL;
}

static void *over_malloc(void *ctx, size_t size, gfp_t gfp)
{
	struct over *over = ctx;

	return behind_head(over, over->below.malloc(over->below.ctx,
						    size + over->head, gfp));
}

static void *over_calloc(void *ctx, size_t nelem, size_t elsize, gfp_t gfp)
{
	struct over *over = ctx;

	return behind_head(over, over->below.calloc(over->below.ctx, 1,
						    nelem * elsize + over->head,
						    gfp));
}

static void *over_realloc(void *ctx, void *ptr, size_t size, gfp_t gfp)
{
	struct over *over = ctx;

	ptr = ptr ? ptr - over->head : NULL;
	return behind_head(over, over->below.realloc(over->below.ctx, ptr,
						     size + over->head, gfp));
}

static void over_free(void *ctx, void *ptr)
{
	struct over *over = ctx;

	over->below.free(over->below.ctx, ptr - over->head);
}

static void put_over(struct kunit *test, enum pymem_domain domain,
		     struct over *over)
{
	struct pymem_allocator allocator = {
		.ctx = over, .malloc = over_malloc, .calloc = over_calloc,
		.realloc = over_realloc, .free = over_free,
	};

	KUNIT_ASSERT_EQ(test, pymem_get_allocator(domain, &over->below), 0);
	KUNIT_ASSERT_EQ(test, pymem_set_allocator(domain, &allocator), 0);
}

static void take_off(struct kunit *test, enum pymem_domain domain,
		     const struct over *over)
{
	KUNIT_EXPECT_EQ(test, pymem_set_allocator(domain, &over->below), 0);
}

/* Of what a client's allocator gave, only a pool's block is known better. */
static size_t known_room(const struct over *over, const void *block,
			 size_t size)
{
	return !over->head && is_heaps(block) ? room_of(block) : size;
}

static void try_replaced(struct kunit *test, const struct domain *domain,
			 const struct over *over, size_t size)
{
	void *block = domain->malloc(size, GFP_KERNEL);

	expect_noted(test, known_room(over, block, size), size, 1, "malloc",
		     size);
	block = resize_here(domain, block, size + 700);
	expect_noted(test, known_room(over, block, size + 700), size + 700, 1,
		     "realloc", size);
	expect_by(test, block, "resize_here");
	domain->free(block);
	expect_nothing(test, "free", size);
	block = make_here(domain, size);
	expect_noted(test, known_room(over, block, size), size, 1, "calloc",
		     size);
	expect_by(test, block, "make_here");
	domain->free(block);
	expect_nothing(test, "free of calloc's", size);
}

/* A block is counted once, whoever is below. */
static void test_replaced(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct over over = {};
	unsigned int i;

	begin_trace(test, 1);
	for (over.head = 0; over.head <= 16; over.head += 16) {
		put_over(test, domain->id, &over);
		for (i = 1; i < EACH; i++)
			try_replaced(test, domain, &over, sizes[i]);
		take_off(test, domain->id, &over);
	}
}

static void test_replaced_bulk_and_grace(struct kunit *test)
{
	struct over over = { .head = 16 };
	struct graced *graced;
	void *blocks[20];

	begin_trace(test, 1);
	put_over(test, PYMEM_DOMAIN_MEM, &over);
	KUNIT_EXPECT_EQ(test, pymem_malloc_bulk(60, GFP_KERNEL, 20, blocks),
			(size_t)20);
	expect_noted(test, 20 * 60, 20 * 60, 20, "bulk", 60);
	pymem_free_bulk(20, blocks);
	expect_nothing(test, "bulk", 60);
	graced = pymem_malloc(100, GFP_KERNEL);
	expect_noted(test, 100, 100, 1, "malloc", 100);
	pymem_free_rcu(graced, rcu);
	rcu_barrier();
	expect_nothing(test, "after grace", 100);
	take_off(test, PYMEM_DOMAIN_MEM, &over);
}

/* What is live when one comes or goes is noted as before. */
static void test_replaced_meanwhile(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct batch before, during;
	struct over over = {};
	long requested = 0;
	unsigned int i;

	begin_trace(test, 1);
	take_batch(&before, domain);
	put_over(test, domain->id, &over);
	expect_batches(test, &before, 1, "put there");
	take_batch(&during, domain);
	put_batch(&before);
	for (i = 0; i < EACH; i++)
		requested += sizes[i];
	take_off(test, domain->id, &over);
	KUNIT_EXPECT_EQ(test, take_rows(test, NULL, 0), (unsigned int)EACH);
	put_batch(&during);
	expect_nothing(test, "all", requested);
}

/* === A client's own memory === */

static noinline int track_here(unsigned int domain, const void *ptr,
			       size_t size)
{
	int error = pytrace_track(domain, ptr, size, GFP_KERNEL);

	barrier();
	return error;
}

static void test_track(struct kunit *test)
{
	struct pysnapshot_row row;
	struct by_name sum;
	u8 mine[8];

	begin_trace(test, 1);
	KUNIT_EXPECT_EQ(test, track_here(5, mine, 123), 0);
	expect_noted(test, 123, 123, 1, "track", 123);
	KUNIT_EXPECT_EQ(test, take_rows(test, &row, 1), 1U);
	KUNIT_EXPECT_EQ(test, row.domain, 5U);
	KUNIT_EXPECT_EQ(test, row.bytes, 123U);
	KUNIT_EXPECT_EQ(test, row.size, 123U);
	sum_up_by_name(test, "track_here", &sum);
	KUNIT_EXPECT_EQ(test, sum.bytes, 123ULL);
	/* Once more is instead. */
	KUNIT_EXPECT_EQ(test, track_here(5, mine, 77), 0);
	expect_noted(test, 77, 77, 1, "track again", 77);
	KUNIT_EXPECT_EQ(test, track_here(5, mine + 1, 1), 0);
	expect_noted(test, 78, 78, 2, "track another", 1);
	KUNIT_EXPECT_EQ(test, pytrace_untrack(5, mine), 0);
	expect_noted(test, 1, 1, 1, "untrack", 77);
	KUNIT_EXPECT_EQ(test, pytrace_untrack(5, mine), 0);
	expect_noted(test, 1, 1, 1, "untrack twice", 77);
	KUNIT_EXPECT_EQ(test, pytrace_untrack(5, mine + 1), 0);
	expect_nothing(test, "all", 0);
}

static void test_track_in_two_domains(struct kunit *test)
{
	u8 mine[8];

	begin_trace(test, 1);
	KUNIT_EXPECT_EQ(test, track_here(5, mine, 100), 0);
	KUNIT_EXPECT_EQ(test, track_here(UINT_MAX, mine, 23), 0);
	expect_noted(test, 123, 123, 2, "two domains", 0);
	KUNIT_EXPECT_EQ(test, pytrace_untrack(6, mine), 0);
	expect_noted(test, 123, 123, 2, "a third", 0);
	KUNIT_EXPECT_EQ(test, pytrace_untrack(5, mine), 0);
	expect_noted(test, 23, 23, 1, "one of them", 0);
	KUNIT_EXPECT_EQ(test, pytrace_untrack(UINT_MAX, mine), 0);
	expect_nothing(test, "both", 0);
}

/* A block's own record is of another space. */
static void test_track_a_block(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	unsigned int i;
	void *block;
	long room;

	begin_trace(test, 1);
	for (i = 0; i < EACH; i++) {
		block = make_here(domain, sizes[i]);
		room = room_of(block);
		KUNIT_EXPECT_EQ(test, track_here(PYMEM_NR_DOMAINS, block, 9),
				0);
		expect_noted(test, room + 9, sizes[i] + 9, 2, "track",
			     sizes[i]);
		expect_by(test, block, "make_here");
		KUNIT_EXPECT_EQ(test, pytrace_untrack(PYMEM_NR_DOMAINS, block),
				0);
		expect_one(test, block, sizes[i], "untrack");
		KUNIT_EXPECT_EQ(test, track_here(4, block, 9), 0);
		domain->free(block);
		expect_noted(test, 9, 9, 1, "free", sizes[i]);
		KUNIT_EXPECT_EQ(test, pytrace_untrack(4, block), 0);
	}
}

static void test_track_refused(struct kunit *test)
{
	unsigned int domain;
	u8 mine[8];

	begin_trace(test, 1);
	for (domain = 0; domain < PYMEM_NR_DOMAINS; domain++) {
		KUNIT_EXPECT_EQ(test, track_here(domain, mine, 1), -EINVAL);
		KUNIT_EXPECT_EQ(test, pytrace_untrack(domain, mine), -EINVAL);
	}
	KUNIT_EXPECT_EQ(test, track_here(5, mine, (size_t)INT_MAX + 1),
			-EINVAL);
	expect_nothing(test, "refused", 0);
	KUNIT_EXPECT_EQ(test, track_here(5, mine, INT_MAX), 0);
	expect_noted(test, INT_MAX, INT_MAX, 1, "the most", INT_MAX);
	pytrace_stop();
	KUNIT_EXPECT_EQ(test, track_here(5, mine, 1), -ENODATA);
	KUNIT_EXPECT_EQ(test, pytrace_untrack(5, mine), -ENODATA);
	KUNIT_EXPECT_EQ(test, track_here(0, mine, 1), -EINVAL);
	begin_trace(test, 1);
	expect_nothing(test, "the next trace", 0);
	KUNIT_EXPECT_EQ(test, pytrace_untrack(5, mine), 0);
	expect_nothing(test, "the next trace", 0);
}

/* === Peak === */

static size_t peak_now(void)
{
	size_t bytes, peak;

	pytrace_get_traced_memory(&bytes, &peak);
	return peak;
}

static void test_peak(struct kunit *test)
{
	void *small, *block;
	size_t room;

	begin_trace(test, 1);
	small = pymem_malloc(300, GFP_KERNEL);
	block = pymem_raw_malloc(SZ_1M, GFP_KERNEL);
	room = room_of(small) + room_of(block);
	KUNIT_EXPECT_EQ(test, peak_now(), room);
	pymem_raw_free(block);
	KUNIT_EXPECT_EQ(test, peak_now(), room);
	expect_one(test, small, 300, "the rest");
	pytrace_reset_peak();
	KUNIT_EXPECT_EQ(test, peak_now(), room_of(small));
	pymem_free(small);
	pytrace_reset_peak();
	KUNIT_EXPECT_EQ(test, peak_now(), (size_t)0);
}

/* Nobody looks meanwhile, and yet it is seen, but for a little each CPU. */
static void test_peak_that_nobody_looked_at(struct kunit *test)
{
	enum { BLOCKS = 2000 };
	size_t hidden = PYTRACE_FOLD * (num_possible_cpus() + 1);
	void *first = NULL;
	size_t bytes = 0;
	unsigned int i;

	begin_trace(test, 1);
	for (i = 0; i < BLOCKS; i++) {
		first = push_block(first, pymem_malloc(64, GFP_KERNEL));
		bytes += room_of(first);
	}
	free_blocks(first);
	KUNIT_EXPECT_GT(test, bytes, hidden);
	KUNIT_EXPECT_GE(test, peak_now(), bytes - hidden);
	KUNIT_EXPECT_LE(test, peak_now(), bytes);
	expect_nothing(test, "all", 0);
}

/* === Clear === */

static void test_clear(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct batch before, after;
	size_t small;
	unsigned int i;

	begin_trace(test, 1);
	take_batch(&before, domain);
	take_batch(&after, domain);
	KUNIT_EXPECT_EQ(test, pytrace_clear(), 0);
	KUNIT_EXPECT_TRUE(test, pytrace_is_tracing());
	expect_nothing(test, "cleared", 0);
	KUNIT_EXPECT_EQ(test, peak_now(), (size_t)0);
	KUNIT_EXPECT_EQ(test, take_rows(test, NULL, 0), 0U);
	put_batch(&before);
	expect_nothing(test, "those from before", 0);
	/* A realloc gives a new block, as far as a trace goes. */
	resize_batch(&after);
	expect_batches(test, &after, 1, "resized");
	take_batch(&before, domain);
	for (i = 0, small = 0; i < EACH; i++)
		small += sizes[i];
	KUNIT_EXPECT_GE(test, peak_now(), 2 * small);
	put_batch(&before);
	expect_batches(test, &after, 1, "put");
	put_batch(&after);
	expect_nothing(test, "all", 0);
}

static void test_clear_of_what_is_tracked(struct kunit *test)
{
	u8 mine[8];

	KUNIT_EXPECT_EQ(test, pytrace_clear(), 0);
	KUNIT_EXPECT_FALSE(test, pytrace_is_tracing());
	begin_trace(test, 1);
	KUNIT_EXPECT_EQ(test, track_here(5, mine, 50), 0);
	KUNIT_EXPECT_EQ(test, pytrace_clear(), 0);
	expect_nothing(test, "cleared", 0);
	KUNIT_EXPECT_EQ(test, pytrace_untrack(5, mine), 0);
	expect_nothing(test, "from before", 0);
	KUNIT_EXPECT_EQ(test, track_here(5, mine, 60), 0);
	expect_noted(test, 60, 60, 1, "new", 60);
}

/* === No memory === */

/* What the N-th failure is to be, of whatever a case does. */
typedef bool (*attempt_fn)(struct kunit *test, unsigned int nth);

/* One failure after the other, until there is none.  Returns how many. */
static unsigned int fail_each(struct kunit *test, attempt_fn attempt)
{
	unsigned int n = 1;

	while (n < 1000 && attempt(test, n))
		n++;
	pyfault_arm(0);
	KUNIT_EXPECT_LT(test, n, 1000U);
	return n - 1;
}

static bool struck(const char *point)
{
	return pyfault_struck() && !strcmp(pyfault_struck(), point);
}

/*
 * The heap has no pool yet, and what fails is either the heap's, then the block
 * may be raw's, or it can't be noted.
 */
static bool take_failing(struct kunit *test, const struct domain *domain,
			 size_t size, unsigned int nth, const char *point,
			 unsigned int *strikes)
{
	bool noting, any;
	void *block;

	pyalloc_reclaim();
	begin_trace(test, 1);
	pyfault_arm(nth);
	block = domain->malloc(size, QUIET);
	any = pyfault_struck();
	noting = struck(point);
	pyfault_arm(0);
	KUNIT_EXPECT_EQ(test, missed_blocks(), noting ? 1L : 0L);
	if (noting) {
		++*strikes;
		KUNIT_EXPECT_NOT_NULL(test, block);
		KUNIT_EXPECT_EQ(test, take_rows(test, NULL, 0), 0U);
	} else if (block) {
		expect_one(test, block, size, "another failed");
	}
	domain->free(block);
	KUNIT_EXPECT_EQ(test, take_rows(test, NULL, 0), 0U);
	pytrace_stop();
	return any;
}

static unsigned int mark_strikes, ledger_strikes;

static bool fail_to_mark(struct kunit *test, unsigned int nth)
{
	return take_failing(test, &domains[PYMEM_DOMAIN_MEM], 100, nth, "marks",
			    &mark_strikes);
}

static bool fail_to_add(struct kunit *test, unsigned int nth)
{
	return take_failing(test, &domains[PYMEM_DOMAIN_OBJ], 5000, nth,
			    "ledger", &ledger_strikes);
}

static void test_no_memory_to_note(struct kunit *test)
{
	if (pyarena_source == PYARENA_VMALLOC)
		kunit_skip(test, "blocks outside the direct map have no marks");
	mark_strikes = 0;
	ledger_strikes = 0;
	fail_each(test, fail_to_mark);
	/* The leaf, and the array. */
	KUNIT_EXPECT_EQ(test, mark_strikes, 2U);
	fail_each(test, fail_to_add);
	KUNIT_EXPECT_EQ(test, ledger_strikes, 1U);
}

/* What was missed is asked for by size; and the next block is noted. */
static void test_what_was_missed(struct kunit *test)
{
	struct pytrace_sum sum;
	void *block, *next;
	u8 mine[8];

	begin_trace(test, 1);
	block = pymem_raw_malloc(600, GFP_KERNEL);
	pyfault_arm(1);
	KUNIT_EXPECT_EQ(test, track_here(5, mine, 70), -ENOMEM);
	KUNIT_EXPECT_TRUE(test, struck("ledger"));
	pyfault_arm(0);
	pytrace_sum_up(&sum);
	KUNIT_EXPECT_EQ(test, sum.counts.missed, 1L);
	KUNIT_EXPECT_EQ(test, sum.counts.missed_bytes, 70L);
	KUNIT_EXPECT_EQ(test, sum.counts.blocks, 1L);
	KUNIT_EXPECT_EQ(test, pytrace_untrack(5, mine), 0);
	next = pymem_raw_malloc(700, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, take_rows(test, NULL, 0), 2U);
	pymem_raw_free(block);
	pymem_raw_free(next);
	pytrace_sum_up(&sum);
	KUNIT_EXPECT_EQ(test, sum.counts.blocks, 0L);
	KUNIT_EXPECT_EQ(test, sum.current_bytes, (size_t)0);
}

static bool start_failing(struct kunit *test, unsigned int nth)
{
	int error;

	pyfault_arm(nth);
	error = pytrace_start(1);
	if (!pyfault_struck()) {
		KUNIT_EXPECT_EQ(test, error, 0);
		return false;
	}
	KUNIT_EXPECT_TRUE(test, struck("trace"));
	KUNIT_EXPECT_EQ(test, error, -ENOMEM);
	KUNIT_EXPECT_FALSE(test, pytrace_is_tracing());
	return true;
}

static void test_no_memory_to_start(struct kunit *test)
{
	void *block;

	/* The marks, the sites, and the trace; the ledger is there. */
	begin_trace(test, 1);
	pytrace_stop();
	KUNIT_EXPECT_EQ(test, fail_each(test, start_failing), 3U);
	block = make_here(&domains[PYMEM_DOMAIN_MEM], 100);
	expect_one(test, block, 100, "started");
	pymem_free(block);
}

static void test_no_memory_to_clear(struct kunit *test)
{
	void *block;

	begin_trace(test, 1);
	block = make_here(&domains[PYMEM_DOMAIN_MEM], 100);
	pyfault_arm(1);
	KUNIT_EXPECT_EQ(test, pytrace_clear(), -ENOMEM);
	pyfault_arm(0);
	expect_one(test, block, 100, "not cleared");
	expect_by(test, block, "make_here");
	pymem_free(block);
	expect_nothing(test, "freed", 100);
}

static void test_no_memory_for_a_snapshot(struct kunit *test)
{
	struct pysnapshot_sum *sums;
	unsigned int n = 0;
	void *block;

	begin_trace(test, 1);
	block = pymem_malloc(100, GFP_KERNEL);
	pyfault_arm(1);
	KUNIT_EXPECT_NULL(test, pysnapshot_new(NULL));
	pyfault_arm(1);
	sums = pysnapshot_sum_up(pytrace_begin_look(), NULL, NULL, &n);
	pytrace_end_look();
	KUNIT_EXPECT_NULL(test, sums);
	KUNIT_EXPECT_TRUE(test, struck("snapshot"));
	pyfault_arm(0);
	sums = pysnapshot_sum_up(pytrace_begin_look(), NULL, NULL, &n);
	pytrace_end_look();
	KUNIT_EXPECT_NOT_NULL(test, sums);
	KUNIT_EXPECT_EQ(test, n, 1U);
	kvfree(sums);
	pymem_free(block);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(test_hooks_come_and_go, domain_gen_params),
	KUNIT_CASE_PARAM(test_replaced, domain_gen_params),
	KUNIT_CASE(test_replaced_bulk_and_grace),
	KUNIT_CASE_PARAM(test_replaced_meanwhile, domain_gen_params),
	KUNIT_CASE(test_track),
	KUNIT_CASE(test_track_in_two_domains),
	KUNIT_CASE_PARAM(test_track_a_block, domain_gen_params),
	KUNIT_CASE(test_track_refused),
	KUNIT_CASE(test_peak),
	KUNIT_CASE(test_peak_that_nobody_looked_at),
	KUNIT_CASE_PARAM(test_clear, domain_gen_params),
	KUNIT_CASE(test_clear_of_what_is_tracked),
	KUNIT_CASE(test_no_memory_to_note),
	KUNIT_CASE(test_what_was_missed),
	KUNIT_CASE(test_no_memory_to_start),
	KUNIT_CASE(test_no_memory_to_clear),
	KUNIT_CASE(test_no_memory_for_a_snapshot),
	{ }
};

TRACED_SUITE(trace_rest, cases);
