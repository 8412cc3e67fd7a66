// SPDX-License-Identifier: GPL-2.0
/*
 * Sampling: which blocks are noted, what each stands for, that the sum is right
 * on average, and that what is not noted costs nothing.
 *
 * Where the next point lies is a CPU's own counter, which cases set to have a
 * block noted, or not.
 */
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "../pyalloc/sample.h"
#include "traced.h"

KUNIT_ARRAY_PARAM(domain, domains, describe_domain);
KUNIT_ARRAY_PARAM(maker, makers, describe_maker);

static const size_t sizes[] = TRACED_SIZES;

#define INTERVAL	20000UL

/* The case stays on a CPU, so that its counter is this one. */
static void begin_sampling(struct kunit *test, unsigned long interval)
{
	stay_on_this_cpu(test);
	KUNIT_ASSERT_EQ(test, pytrace_set_interval(interval), 0);
	begin_trace(test, 1);
}

static void next_is_due(bool due)
{
	this_cpu_write(pysample_left, due ? 0 : LONG_MAX / 2);
}

/* One block is noted, for as many as it stands for. */
static void expect_sampled(struct kunit *test, const void *block, size_t size,
			   const char *what)
{
	u64 weight = pysample_weight(size, pytrace_get_interval());

	expect_noted(test, pysample_scale(room_of(block), weight),
		     pysample_scale(size, weight), pysample_scale(1, weight),
		     what, size);
}

/* === Weights === */

/* 65536 / (1 - exp(-size / interval)), for sizes in whole steps of 8 bytes. */
static const struct {
	size_t		size;
	unsigned long	interval;
	u64		weight;
} weights[] = {
	{ 8, 1, 65558 },
	{ 8, 2, 66759 },
	{ 8, 8, 103676 },
	{ 16, 1, 65536 },
	{ 8, 3, 70430 },
	{ 8, 1000, 8224812 },
	{ 16, 512, 2130091 },
	{ 40, 512, 872055 },
	{ 200, 512, 202668 },
	{ 304, 512, 146368 },
	{ 3000, 512, 65724 },
	{ 56, 1000, 1203360 },
	{ 64, 1000, 1057118 },
	{ 64, 1024, 1081685 },
	{ 104, 1000, 663490 },
	{ 512, 512, 103676 },
	{ 1096, 1000, 98433 },
	{ 5000, 1000, 65981 },
	{ 15992, 1000, 65536 },
	{ 16000, 1000, 65536 },
	{ 8, 1 << 20, 8589967360 },
	{ 512, 1 << 20, 134250499 },
	{ 65528, 1 << 20, 1081813 },
	{ 65536, 1 << 20, 1081685 },
	{ 1 << 20, 1 << 20, 103676 },
	{ 70000, 524288, 524350 },
	{ 8, 1 << 30, 8796093054976 },
	{ 512, 1 << 30, 137438986240 },
	{ (1 << 26) - 8, 1 << 30, 1081685 },
	{ 1 << 26, 1 << 30, 1081685 },
	{ 1 << 30, 1 << 30, 103676 },
	{ INT_MAX, 1 << 30, 75794 },
};

static void test_weights(struct kunit *test)
{
	u64 weight, error;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(weights); i++) {
		weight = pysample_weight(weights[i].size, weights[i].interval);
		error = weight > weights[i].weight ?
			weight - weights[i].weight : weights[i].weight - weight;
		KUNIT_EXPECT_TRUE_MSG(test, error * 1000 < weights[i].weight,
				      "%zu in %lu: %llu for %llu",
				      weights[i].size, weights[i].interval,
				      weight, weights[i].weight);
		KUNIT_EXPECT_GE(test, weight, (u64)PYSAMPLE_ONE);
	}
}

/* All are noted, or what is asked for is nothing. */
static void test_weights_at_the_ends(struct kunit *test)
{
	size_t size;

	for (size = 0; size < 5000; size += 7)
		KUNIT_EXPECT_EQ(test, pysample_weight(size, 0),
				(u64)PYSAMPLE_ONE);
	KUNIT_EXPECT_EQ(test, pysample_weight(0, 1000),
			pysample_weight(8, 1000));
	KUNIT_EXPECT_EQ(test, pysample_weight(41, 1000),
			pysample_weight(48, 1000));
	for (size = 1; size < 20000; size++)
		KUNIT_EXPECT_LE(test, pysample_weight(size, 1000),
				pysample_weight(size - 1, 1000));
}

/* === The interval === */

static void test_interval(struct kunit *test)
{
	struct pytrace_sum sum;

	KUNIT_EXPECT_EQ(test, pytrace_set_interval(PYSAMPLE_MAX + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, pytrace_set_interval(ULONG_MAX), -EINVAL);
	KUNIT_EXPECT_EQ(test, pytrace_get_interval(), 0UL);
	KUNIT_EXPECT_EQ(test, pytrace_set_interval(PYSAMPLE_MAX), 0);
	KUNIT_EXPECT_EQ(test, pytrace_get_interval(), PYSAMPLE_MAX);
	KUNIT_EXPECT_EQ(test, pytrace_set_interval(INTERVAL), 0);
	begin_trace(test, 1);
	KUNIT_EXPECT_EQ(test, pytrace_set_interval(0), -EBUSY);
	KUNIT_EXPECT_EQ(test, pytrace_set_interval(7), -EBUSY);
	KUNIT_EXPECT_EQ(test, pytrace_set_interval(INTERVAL), 0);
	pytrace_sum_up(&sum);
	KUNIT_EXPECT_EQ(test, sum.interval, INTERVAL);
	KUNIT_EXPECT_EQ(test, pytrace_clear(), 0);
	pytrace_sum_up(&sum);
	KUNIT_EXPECT_EQ(test, sum.interval, INTERVAL);
	pytrace_stop();
	KUNIT_EXPECT_EQ(test, pytrace_set_interval(0), 0);
	begin_trace(test, 1);
	pytrace_sum_up(&sum);
	KUNIT_EXPECT_EQ(test, sum.interval, 0UL);
}

/* No two points are further apart than a few bytes. */
static void test_every_block(struct kunit *test)
{
	enum { BLOCKS = 300, LEAST = 32 };
	void **blocks = make_array(test, BLOCKS);
	long bytes = 0, requested = 0;
	unsigned int i;

	begin_sampling(test, 1);
	for (i = 0; i < BLOCKS; i++) {
		blocks[i] = domains[i % 3].malloc(LEAST + i * 2, GFP_KERNEL);
		bytes += room_of(blocks[i]);
		requested += LEAST + i * 2;
	}
	expect_noted(test, bytes, requested, BLOCKS, "each", 0);
	KUNIT_EXPECT_EQ(test, take_rows(test, NULL, 0), (unsigned int)BLOCKS);
	while (i--)
		domains[i % 3].free(blocks[i]);
	expect_nothing(test, "each", 0);
	kvfree(blocks);
}

/* === Each call === */

static void try_sampled(struct kunit *test, const struct maker *maker,
			size_t size, const struct freer *freer)
{
	void *block;

	next_is_due(true);
	block = maker->make(size);
	KUNIT_ASSERT_NOT_NULL(test, block);
	expect_sampled(test, block, size, maker->name);
	expect_by(test, block, maker->name);
	if (!PYSAN_KASAN)
		KUNIT_EXPECT_EQ(test, pyalloc_usable_size(block),
				room_of(block));
	if (strstr(maker->name, "calloc"))
		KUNIT_EXPECT_TRUE(test, is_zero(block, size));
	fill(block, size, 0x5e);
	freer->free(block);
	expect_nothing(test, freer->name, size);
	balance(test, maker->domain, freer->domain, max_t(size_t, size, 1));
}

static void test_noted(struct kunit *test)
{
	const struct maker *maker = test->param_value;
	unsigned int i, j;

	begin_sampling(test, INTERVAL);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (j = 0; j < ARRAY_SIZE(freers); j++)
			try_sampled(test, maker, sizes[i], &freers[j]);
	expect_whole(test);
}

static void test_not_noted(struct kunit *test)
{
	const struct maker *maker = test->param_value;
	void *blocks[ARRAY_SIZE(sizes)];
	unsigned int i;

	begin_sampling(test, INTERVAL);
	next_is_due(false);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		blocks[i] = maker->make(sizes[i]);
		KUNIT_EXPECT_EQ(test, pytrace_caller_of(blocks[i]), 0UL);
	}
	expect_nothing(test, maker->name, 0);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		maker->domain->free(blocks[i]);
	expect_nothing(test, "freed", 0);
}

/* It goes by the bytes that are asked for, and no byte is passed twice. */
static void test_bytes_to_a_point(struct kunit *test)
{
	const struct maker *maker = test->param_value;
	void *first, *second;
	long left;

	begin_sampling(test, PYSAMPLE_MAX);
	/* In whole steps of 8 bytes. */
	this_cpu_write(pysample_left, 13 + 6);
	first = maker->make(100);
	left = this_cpu_read(pysample_left);
	KUNIT_EXPECT_EQ(test, left, 6L);
	second = maker->make(48);
	left = this_cpu_read(pysample_left);
	KUNIT_EXPECT_EQ(test, left, 0L);
	expect_nothing(test, maker->name, 48);
	maker->domain->free(second);
	second = maker->make(0);
	expect_sampled(test, second, 0, maker->name);
	left = this_cpu_read(pysample_left);
	KUNIT_EXPECT_GE(test, left, 0L);
	maker->domain->free(first);
	maker->domain->free(second);
	expect_nothing(test, maker->name, 0);
}

/* What the compiler knows the size of goes another way. */
static void test_known_size(struct kunit *test)
{
	void *block, *other;

	begin_sampling(test, INTERVAL);
	next_is_due(true);
	block = pymem_malloc(77, GFP_KERNEL);
	expect_sampled(test, block, 77, "known");
	expect_by(test, block, "test_known_size");
	next_is_due(false);
	other = pymem_malloc(77, GFP_KERNEL);
	expect_sampled(test, block, 77, "another");
	KUNIT_EXPECT_PTR_NE(test, block, other);
	pymem_free(block);
	pymem_free(other);
	expect_nothing(test, "known", 77);
}

static void test_freed_after_grace(struct kunit *test)
{
	struct graced *mem, *object;

	begin_sampling(test, INTERVAL);
	next_is_due(true);
	mem = pymem_malloc(100, GFP_KERNEL);
	next_is_due(true);
	object = pyobject_malloc(5000, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, take_rows(test, NULL, 0), 2U);
	pymem_free_rcu(mem, rcu);
	pyobject_free_rcu(object, rcu);
	rcu_barrier();
	expect_nothing(test, "after grace", 0);
}

static void test_bulk(struct kunit *test)
{
	void *blocks[100];
	unsigned int i;

	begin_sampling(test, INTERVAL);
	/* The point lies in the 31st. */
	this_cpu_write(pysample_left, 30 * 8);
	KUNIT_ASSERT_EQ(test, pymem_malloc_bulk(64, GFP_KERNEL, 100, blocks),
			(size_t)100);
	KUNIT_EXPECT_GE(test, take_rows(test, NULL, 0), 1U);
	for (i = 0; i < 30; i++)
		KUNIT_EXPECT_EQ(test, pytrace_caller_of(blocks[i]), 0UL);
	expect_by(test, blocks[30], "test_bulk");
	for (i = 0; i < 100; i++)
		fill(blocks[i], 64, i);
	for (i = 0; i < 100; i++)
		KUNIT_EXPECT_TRUE(test, is_filled(blocks[i], 64, i));
	pymem_free_bulk(100, blocks);
	expect_nothing(test, "bulk", 64);
	expect_whole(test);
}

/* === realloc === */

static const size_t resized[] = { 1, 60, 100, 512, 513, 3000, 70000 };

/* From what is noted or not to what is noted or not. */
static void resize_one(struct kunit *test, const struct domain *domain,
		       size_t from, size_t to, unsigned int which)
{
	void *block;

	next_is_due(which & 1);
	block = make_here(domain, from);
	fill(block, from, 0x19);
	next_is_due(which & 2);
	block = resize_here(domain, block, to);
	KUNIT_ASSERT_NOT_NULL(test, block);
	KUNIT_EXPECT_TRUE(test, is_filled(block, min(from, to), 0x19));
	fill(block, to, 0x91);
	if (which & 2) {
		expect_sampled(test, block, to, "resized");
		expect_by(test, block, "resize_here");
	} else {
		expect_nothing(test, "resized", to);
	}
	domain->free(block);
	expect_nothing(test, domain->name, to);
}

static void test_realloc(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	unsigned int i, j, which;

	begin_sampling(test, INTERVAL);
	for (i = 0; i < ARRAY_SIZE(resized); i++)
		for (j = 0; j < ARRAY_SIZE(resized); j++)
			for (which = 0; which < 4; which++)
				resize_one(test, domain, resized[i],
					   resized[j], which);
	expect_whole(test);
}

static void test_track(struct kunit *test)
{
	u64 weight = pysample_weight(700, INTERVAL);
	u8 mine[8];

	begin_sampling(test, INTERVAL);
	next_is_due(false);
	KUNIT_EXPECT_EQ(test, pytrace_track(5, mine, 700, GFP_KERNEL), 0);
	expect_nothing(test, "track", 700);
	next_is_due(true);
	KUNIT_EXPECT_EQ(test, pytrace_track(5, mine, 700, GFP_KERNEL), 0);
	expect_noted(test, pysample_scale(700, weight),
		     pysample_scale(700, weight), pysample_scale(1, weight),
		     "track", 700);
	/* What takes its place is not noted. */
	next_is_due(false);
	KUNIT_EXPECT_EQ(test, pytrace_track(5, mine, 700, GFP_KERNEL), 0);
	expect_nothing(test, "track again", 700);
	KUNIT_EXPECT_EQ(test, pytrace_untrack(5, mine), 0);
	expect_nothing(test, "untrack", 700);
}

/* === What changes meanwhile === */

/* Hooks close the fast path, and what was noted before is known behind it. */
static void test_hooks_come(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	void *before, *during, *after;

	begin_sampling(test, INTERVAL);
	next_is_due(true);
	before = domain->malloc(100, GFP_KERNEL);
	expect_sampled(test, before, 100, "before");
	KUNIT_ASSERT_EQ(test, pyhook_turn(ALL_DOMAINS), 0);
	expect_sampled(test, before, 100, "turned on");
	domain->free(before);
	expect_nothing(test, "before", 100);
	next_is_due(true);
	during = domain->malloc(100, GFP_KERNEL);
	expect_sampled(test, during, 100, "during");
	KUNIT_ASSERT_EQ(test, pyhook_turn(0), 0);
	domain->free(during);
	expect_nothing(test, "during", 100);
	next_is_due(true);
	after = domain->malloc(100, GFP_KERNEL);
	expect_sampled(test, after, 100, "after");
	domain->free(after);
	expect_nothing(test, "after", 100);
}

/* What the trace before had of a sample is nothing to one of everything. */
static void test_next_trace(struct kunit *test)
{
	void *block, *other;

	begin_sampling(test, INTERVAL);
	next_is_due(true);
	block = pymem_malloc(100, GFP_KERNEL);
	pytrace_stop();
	KUNIT_ASSERT_EQ(test, pytrace_set_interval(0), 0);
	begin_trace(test, 1);
	expect_nothing(test, "next", 100);
	other = pymem_malloc(100, GFP_KERNEL);
	expect_one(test, other, 100, "of everything");
	pymem_free(block);
	expect_one(test, other, 100, "still");
	pytrace_stop();
	KUNIT_ASSERT_EQ(test, pytrace_set_interval(INTERVAL), 0);
	begin_trace(test, 1);
	pymem_free(other);
	expect_nothing(test, "last", 100);
}

/* Each failure in turn: the block is there, and is noted or missed. */
static bool sample_failing(struct kunit *test, unsigned int nth)
{
	long blocks = pysample_whole(pysample_blocks(pysample_weight(100,
								    INTERVAL)));
	struct pytrace_sum sum;
	bool any, marks;
	void *block;

	pyalloc_reclaim();
	begin_sampling(test, INTERVAL);
	next_is_due(true);
	pyfault_arm(nth);
	block = pymem_malloc(100, QUIET);
	any = pyfault_struck();
	marks = any && !strcmp(pyfault_struck(), "marks");
	pyfault_arm(0);
	pytrace_sum_up(&sum);
	if (block)
		KUNIT_EXPECT_EQ(test, sum.counts.blocks + sum.counts.missed,
				blocks);
	if (marks)
		KUNIT_EXPECT_EQ(test, sum.counts.missed, blocks);
	KUNIT_EXPECT_TRUE(test, !sum.counts.blocks || !sum.counts.missed);
	pymem_free(block);
	pytrace_sum_up(&sum);
	KUNIT_EXPECT_EQ(test, sum.counts.blocks, 0L);
	KUNIT_EXPECT_EQ(test, sum.current_bytes, (size_t)0);
	pytrace_stop();
	return any;
}

static void test_no_memory(struct kunit *test)
{
	unsigned int n = 1;

	while (n < 1000 && sample_failing(test, n))
		n++;
	KUNIT_EXPECT_GT(test, n, 2U);
	KUNIT_EXPECT_LT(test, n, 1000U);
}

/* === The fast path === */

static void need_fast_path(struct kunit *test)
{
	if (PYSAN_WATCHES || want_init_on_free())
		kunit_skip(test, "calls take the long way on this kernel");
}

static bool is_fast(size_t size)
{
	bool fast;

	preempt_disable();
	fast = !pystock_is_busy(this_cpu_read(pyfront_by_step[PYALLOC_STEP(size)]));
	preempt_enable();
	return fast;
}

static void test_fast_path_is_open(struct kunit *test)
{
	void *block, *again;

	need_fast_path(test);
	KUNIT_EXPECT_TRUE(test, is_fast(100));
	begin_sampling(test, INTERVAL);
	KUNIT_EXPECT_TRUE(test, is_fast(100));
	next_is_due(false);
	block = pymem_malloc(100, GFP_KERNEL);
	pymem_free(block);
	again = pymem_malloc(100, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, again, block);
	pymem_free(again);
	pytrace_stop();
	KUNIT_EXPECT_TRUE(test, is_fast(100));
	KUNIT_ASSERT_EQ(test, pytrace_set_interval(0), 0);
	begin_trace(test, 1);
	KUNIT_EXPECT_FALSE(test, is_fast(100));
	pytrace_stop();
	KUNIT_EXPECT_TRUE(test, is_fast(100));
}

/* One that was noted does not come back by way of the stock. */
static void test_sampled_block_is_apart(struct kunit *test)
{
	void *block, *again;

	need_fast_path(test);
	if (pyarena_source == PYARENA_VMALLOC)
		kunit_skip(test, "each free outside the direct map is seen");
	begin_sampling(test, INTERVAL);
	next_is_due(true);
	block = pymem_malloc(100, GFP_KERNEL);
	pymem_free(block);
	next_is_due(false);
	again = pymem_malloc(100, GFP_KERNEL);
	KUNIT_EXPECT_PTR_NE(test, again, block);
	pymem_free(again);
}

/* === On average === */

/*
 * Of a block with the weight w, noted with the probability 1/w, the estimate's
 * variance is w - 1; estimates of many blocks are independent.
 */
enum { ROUNDS = 20, EACH = 500 };

#define AVERAGE		512UL

static noinline void *make_small(void)
{
	void *block = pymem_raw_malloc(16, GFP_KERNEL);

	barrier();
	return block;
}

static noinline void *make_middle(void)
{
	void *block = pymem_raw_malloc(200, GFP_KERNEL);

	barrier();
	return block;
}

static noinline void *make_large(void)
{
	void *block = pymem_raw_malloc(3000, GFP_KERNEL);

	barrier();
	return block;
}

static noinline void *make_known(void)
{
	void *block = pymem_malloc(40, GFP_KERNEL);

	barrier();
	return block;
}

static noinline void *make_pooled(void)
{
	void *block = make_here(&domains[PYMEM_DOMAIN_OBJ], 300);

	barrier();
	return block;
}

/* The weights are as in the table above. */
static const struct site {
	const char		*name;
	void			*(*make)(void);
	enum pymem_domain	domain;
	size_t			size;
	u64			weight;
} sites[] = {
	{ "make_small", make_small, PYMEM_DOMAIN_RAW, 16, 2130091 },
	{ "make_middle", make_middle, PYMEM_DOMAIN_RAW, 200, 202668 },
	{ "make_large", make_large, PYMEM_DOMAIN_RAW, 3000, 65724 },
	{ "make_known", make_known, PYMEM_DOMAIN_MEM, 40, 872055 },
	{ "make_here", make_pooled, PYMEM_DOMAIN_OBJ, 300, 146368 },
};

enum { SITES = ARRAY_SIZE(sites) };

/* Turn by turn, so that no site has a part of the bytes for itself. */
static void take_all(void **blocks)
{
	unsigned int i;

	for (i = 0; i < SITES * EACH; i++)
		blocks[i] = sites[i % SITES].make();
}

static void put_all(void **blocks)
{
	unsigned int i;

	for (i = 0; i < SITES * EACH; i++)
		domains[sites[i % SITES].domain].free(blocks[i]);
}

/*
 * Seven standard deviations, of what was asked for; all squared.  A run in some
 * hundreds has come to five, more often than draws that know nothing of each
 * other would.
 */
static void expect_close(struct kunit *test, const struct site *site,
			 u64 estimate)
{
	u64 blocks = ROUNDS * EACH, truth = blocks * site->size;
	u64 error = estimate > truth ? estimate - truth : truth - estimate;
	u64 variance = blocks * (site->weight - PYSAMPLE_ONE) >>
		       PYSAMPLE_ONE_SHIFT;

	KUNIT_EXPECT_TRUE_MSG(test, error * error <=
			      49 * variance * site->size * site->size,
			      "%s: %llu for %llu bytes", site->name, estimate,
			      truth);
	/* So many can't be right by chance. */
	KUNIT_EXPECT_NE(test, estimate, 0ULL);
}

static void test_on_average(struct kunit *test)
{
	void **blocks = make_array(test, SITES * EACH);
	u64 estimates[SITES] = {};
	struct by_name sum;
	unsigned int round, i;

	if (!IS_ENABLED(CONFIG_KALLSYMS)) {
		kvfree(blocks);
		kunit_skip(test, "this kernel has no names");
	}
	KUNIT_ASSERT_EQ(test, pytrace_set_interval(AVERAGE), 0);
	for (round = 0; round < ROUNDS; round++) {
		begin_trace(test, 1);
		take_all(blocks);
		for (i = 0; i < SITES; i++) {
			sum_up_by_name(test, sites[i].name, &sum);
			estimates[i] += sum.size;
		}
		put_all(blocks);
		expect_nothing(test, "a round", round);
		pytrace_stop();
	}
	for (i = 0; i < SITES; i++)
		expect_close(test, &sites[i], estimates[i]);
	kvfree(blocks);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_weights),
	KUNIT_CASE(test_weights_at_the_ends),
	KUNIT_CASE(test_interval),
	KUNIT_CASE(test_every_block),
	KUNIT_CASE_PARAM(test_noted, maker_gen_params),
	KUNIT_CASE_PARAM(test_not_noted, maker_gen_params),
	KUNIT_CASE_PARAM(test_bytes_to_a_point, maker_gen_params),
	KUNIT_CASE(test_known_size),
	KUNIT_CASE(test_freed_after_grace),
	KUNIT_CASE(test_bulk),
	KUNIT_CASE_PARAM(test_realloc, domain_gen_params),
	KUNIT_CASE(test_track),
	KUNIT_CASE_PARAM(test_hooks_come, domain_gen_params),
	KUNIT_CASE(test_next_trace),
	KUNIT_CASE(test_no_memory),
	KUNIT_CASE(test_fast_path_is_open),
	KUNIT_CASE(test_sampled_block_is_apart),
	KUNIT_CASE(test_on_average),
	{ }
};

TRACED_SUITE(sample, cases);
