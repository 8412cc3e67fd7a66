// SPDX-License-Identifier: GPL-2.0
/*
 * What a trace notes: of each call that allocates, resizes or frees, how many
 * bytes there are, whose they are, and that nothing of it is left in the end.
 */
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "traced.h"

KUNIT_ARRAY_PARAM(domain, domains, describe_domain);
KUNIT_ARRAY_PARAM(maker, makers, describe_maker);

static const size_t sizes[] = TRACED_SIZES;

/* === Starting and stopping === */

static void expect_memory(struct kunit *test, size_t bytes, size_t peak)
{
	size_t current_bytes = 1, peak_bytes = 1;

	pytrace_get_traced_memory(&current_bytes, &peak_bytes);
	KUNIT_EXPECT_EQ(test, current_bytes, bytes);
	KUNIT_EXPECT_EQ(test, peak_bytes, peak);
}

static void test_frames_out_of_range(struct kunit *test)
{
	static const unsigned int wrong[] = {
		0, PYSITE_FRAMES + 1, 33, INT_MAX, UINT_MAX,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		KUNIT_EXPECT_EQ(test, pytrace_start(wrong[i]), -EINVAL);
		KUNIT_EXPECT_FALSE(test, pytrace_is_tracing());
	}
	begin_trace(test, PYSITE_FRAMES);
	/* No less while there is one. */
	KUNIT_EXPECT_EQ(test, pytrace_start(0), -EINVAL);
	KUNIT_EXPECT_TRUE(test, pytrace_is_tracing());
}

static void test_start_and_stop(struct kunit *test)
{
	void *before = pymem_malloc(60, GFP_KERNEL), *block;

	expect_memory(test, 0, 0);
	begin_trace(test, 1);
	KUNIT_EXPECT_TRUE(test, pytrace_is_tracing());
	expect_memory(test, 0, 0);
	pymem_free(before);
	expect_nothing(test, "from before", 60);
	block = pymem_raw_malloc(5000, GFP_KERNEL);
	expect_memory(test, room_of(block), room_of(block));
	pytrace_stop();
	KUNIT_EXPECT_FALSE(test, pytrace_is_tracing());
	expect_memory(test, 0, 0);
	pytrace_stop();
	KUNIT_EXPECT_FALSE(test, pytrace_is_tracing());
	pymem_raw_free(block);
	begin_trace(test, 1);
	expect_memory(test, 0, 0);
}

static void test_start_again(struct kunit *test)
{
	struct pytrace_sum sum;
	void *block;

	begin_trace(test, 1);
	block = make_here(&domains[PYMEM_DOMAIN_MEM], 60);
	KUNIT_EXPECT_EQ(test, pytrace_start(PYSITE_FRAMES), 0);
	pytrace_sum_up(&sum);
	KUNIT_EXPECT_EQ(test, sum.nframe, 1U);
	expect_one(test, block, 60, "after a second start");
	expect_by(test, block, "make_here");
	pymem_free(block);
	expect_nothing(test, "freed", 60);
}

/* What is live at the end of a trace is nothing to the next. */
static void test_next_trace(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	void *blocks[ARRAY_SIZE(sizes)];
	unsigned int i;

	begin_trace(test, 1);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		blocks[i] = domain->malloc(sizes[i], GFP_KERNEL);
	pytrace_stop();
	begin_trace(test, 1);
	expect_nothing(test, "before", 0);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_EQ(test, pytrace_caller_of(blocks[i]), 0UL);
		domain->free(blocks[i]);
		expect_nothing(test, domain->name, sizes[i]);
	}
	blocks[0] = domain->malloc(77, GFP_KERNEL);
	expect_one(test, blocks[0], 77, "new");
	domain->free(blocks[0]);
}

/* === Each call === */

/* Where KASAN watches, a block has no more room than was asked for. */
static void expect_room(struct kunit *test, const void *block)
{
	if (!PYSAN_KASAN)
		KUNIT_EXPECT_EQ(test, pyalloc_usable_size(block),
				room_of(block));
}

static void test_noted(struct kunit *test)
{
	const struct maker *maker = test->param_value;
	struct by_name sum;
	unsigned int i;
	void *block;

	begin_trace(test, 1);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		block = maker->make(sizes[i]);
		KUNIT_ASSERT_NOT_NULL(test, block);
		expect_room(test, block);
		expect_one(test, block, sizes[i], "noted");
		expect_by(test, block, maker->name);
		sum_up_by_name(test, maker->name, &sum);
		KUNIT_EXPECT_EQ(test, sum.bytes, (u64)room_of(block));
		KUNIT_EXPECT_EQ(test, sum.size, (u64)sizes[i]);
		KUNIT_EXPECT_EQ(test, sum.blocks, 1ULL);
		KUNIT_EXPECT_EQ(test, sum.sites, 1U);
		maker->domain->free(block);
		expect_nothing(test, "freed", sizes[i]);
	}
}

/* Some of each size, so that more than one pool has a mark. */
static void test_many(struct kunit *test)
{
	enum { EACH = 40 };
	const struct maker *maker = test->param_value;
	void **blocks = make_array(test, EACH * ARRAY_SIZE(sizes));
	long bytes = 0, requested = 0;
	struct by_name sum;
	unsigned int i;

	begin_trace(test, 1);
	for (i = 0; i < EACH * ARRAY_SIZE(sizes); i++) {
		blocks[i] = maker->make(sizes[i / EACH]);
		bytes += room_of(blocks[i]);
		requested += sizes[i / EACH];
	}
	expect_noted(test, bytes, requested, i, maker->name, i);
	sum_up_by_name(test, maker->name, &sum);
	KUNIT_EXPECT_EQ(test, sum.bytes, (u64)bytes);
	KUNIT_EXPECT_EQ(test, sum.size, (u64)requested);
	KUNIT_EXPECT_EQ(test, sum.blocks, (u64)i);
	while (i--)
		maker->domain->free(blocks[i]);
	expect_nothing(test, maker->name, 0);
	kvfree(blocks);
}

/* Through each domain, by each call. */
static void test_freed(struct kunit *test)
{
	const struct maker *maker = test->param_value;
	const struct freer *freer;
	unsigned int i, j;
	void *block;

	begin_trace(test, 1);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (j = 0; j < ARRAY_SIZE(freers); j++) {
			freer = &freers[j];
			block = maker->make(sizes[i]);
			expect_one(test, block, sizes[i], freer->name);
			freer->free(block);
			expect_nothing(test, freer->name, sizes[i]);
			balance(test, maker->domain, freer->domain,
				max_t(size_t, sizes[i], 1));
		}
	expect_nothing(test, "balanced", 0);
}

static void put_later(const struct domain *domain, struct graced *block)
{
	if (domain->id == PYMEM_DOMAIN_OBJ)
		pyobject_free_rcu(block, rcu);
	else
		pymem_free_rcu(block, rcu);
}

/* Returns how many of them lie in pools. */
static long put_all_later(const struct domain *domain, unsigned int n,
			  void **blocks)
{
	long pooled = 0;
	unsigned int i;

	for (i = 0; i < n; i++) {
		pooled += is_heaps(blocks[i]);
		put_later(domain, blocks[i]);
	}
	return pooled;
}

/* What lies in a pool is live, and noted, until the grace period is over. */
static void test_freed_after_grace(struct kunit *test)
{
	static const size_t large[] = { 16, 100, 512, 513, 5000, 70000 };
	const struct maker *maker = test->param_value;
	const struct domain *by = maker->domain;
	void *blocks[ARRAY_SIZE(large)];
	struct pytrace_sum sum;
	unsigned int i;
	long pooled;

	begin_trace(test, 1);
	for (i = 0; i < ARRAY_SIZE(large); i++)
		blocks[i] = maker->make(large[i]);
	rcu_read_lock();
	pooled = put_all_later(by, ARRAY_SIZE(large), blocks);
	pytrace_sum_up(&sum);
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, sum.counts.blocks, pooled);
	rcu_barrier();
	expect_nothing(test, maker->name, 0);
	if (by->id == PYMEM_DOMAIN_RAW)
		by = &domains[PYMEM_DOMAIN_MEM];
	for (i = 0; i < ARRAY_SIZE(large); i++)
		balance(test, maker->domain, by, large[i]);
}

/* What the compiler knows the size of goes another way. */
static void test_known_sizes(struct kunit *test)
{
	void *mem, *object;

	begin_trace(test, 1);
	mem = pymem_malloc(37, GFP_KERNEL);
	expect_one(test, mem, 37, "mem");
	expect_by(test, mem, "test_known_sizes");
	pymem_free(mem);
	object = pyobject_malloc(512, GFP_KERNEL);
	expect_one(test, object, 512, "object");
	expect_by(test, object, "test_known_sizes");
	pyobject_free(object);
	mem = pymem_malloc(0, GFP_KERNEL);
	expect_one(test, mem, 0, "nothing");
	pymem_free(mem);
	expect_nothing(test, "all", 0);
}

static void test_bulk(struct kunit *test)
{
	static const size_t each[] = { 24, 512, 2000 };
	long bytes, i, n = 150;
	unsigned int which;
	void *blocks[150];

	begin_trace(test, 1);
	for (which = 0; which < ARRAY_SIZE(each); which++) {
		KUNIT_ASSERT_EQ(test, pymem_malloc_bulk(each[which], GFP_KERNEL,
							n, blocks), (size_t)n);
		for (i = 0, bytes = 0; i < n; i++)
			bytes += room_of(blocks[i]);
		expect_noted(test, bytes, n * each[which], n, "bulk",
			     each[which]);
		expect_by(test, blocks[77], "test_bulk");
		/* Two blocks of others among them, and one by itself. */
		swap(blocks[3], blocks[140]);
		pymem_free(blocks[0]);
		pymem_free_bulk(n - 1, blocks + 1);
		expect_nothing(test, "bulk", each[which]);
	}
}

/* What mem and object have of raw is theirs, and there is no second block. */
static void test_large_is_one_block(struct kunit *test)
{
	static const size_t large[] = { 100, 513, 5000, 70000 };
	const struct domain *domain = test->param_value;
	struct pysnapshot_row rows[2];
	unsigned int i, on;
	void *block;

	begin_trace(test, 1);
	for (on = 0; on < 2; on++) {
		pydomain_use_heap(on);
		for (i = 0; i < ARRAY_SIZE(large); i++) {
			block = domain->malloc(large[i], GFP_KERNEL);
			KUNIT_ASSERT_EQ(test, take_rows(test, rows, 2), 1U);
			KUNIT_EXPECT_EQ(test, rows[0].domain,
					(unsigned int)domain->id);
			KUNIT_EXPECT_EQ(test, (size_t)rows[0].bytes,
					room_of(block));
			KUNIT_EXPECT_EQ(test, (size_t)rows[0].size, large[i]);
			domain->free(block);
			KUNIT_EXPECT_EQ(test, take_rows(test, rows, 2), 0U);
		}
	}
}

/* === realloc === */

static const size_t resized[] = {
	0, 1, 8, 60, 64, 100, 300, 512, 513, 3000, 5000, 70000,
};

static void resize_one(struct kunit *test, const struct domain *domain,
		       size_t from, size_t to)
{
	void *block = make_here(domain, from);

	KUNIT_ASSERT_NOT_NULL(test, block);
	fill(block, from, 0x3c);
	block = resize_here(domain, block, to);
	KUNIT_ASSERT_NOT_NULL(test, block);
	KUNIT_EXPECT_TRUE(test, is_filled(block, min(from, to), 0x3c));
	expect_one(test, block, to, "resized");
	expect_by(test, block, "resize_here");
	domain->free(block);
	expect_nothing(test, domain->name, to);
}

/* Grown, shrunk, moved from raw to a pool and back, or as it was. */
static void test_realloc(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	unsigned int i, j;

	begin_trace(test, 1);
	for (i = 0; i < ARRAY_SIZE(resized); i++)
		for (j = 0; j < ARRAY_SIZE(resized); j++)
			resize_one(test, domain, resized[i], resized[j]);
}

/* From a domain's hands into another's, but raw's, which are counted apart. */
static void test_realloc_by_another(struct kunit *test)
{
	const struct domain *domain = test->param_value, *other;
	struct pysnapshot_row row;
	unsigned int i, j;
	void *block;

	if (domain->id == PYMEM_DOMAIN_RAW)
		kunit_skip(test, "another domain takes them for foreign ones");
	begin_trace(test, 1);
	for (i = 0; i < ARRAY_SIZE(domains); i++)
		for (j = 0; j < ARRAY_SIZE(resized); j++) {
			other = &domains[i];
			block = domain->malloc(200, GFP_KERNEL);
			block = resize_here(other, block, resized[j]);
			expect_one(test, block, resized[j], other->name);
			KUNIT_EXPECT_EQ(test, take_rows(test, &row, 1), 1U);
			KUNIT_EXPECT_EQ(test, row.domain,
					(unsigned int)other->id);
			block = resize_here(domain, block, 200);
			domain->free(block);
			expect_nothing(test, other->name, resized[j]);
		}
}

static void test_realloc_that_fails(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	void *block;

	begin_trace(test, 1);
	block = make_here(domain, 5000);
	fill(block, 5000, 0x77);
	KUNIT_EXPECT_NULL(test, resize_here(domain, block,
					    (size_t)INT_MAX + 1));
	expect_one(test, block, 5000, "too large");
	expect_by(test, block, "make_here");
	pyfault_arm(1);
	KUNIT_EXPECT_NULL(test, resize_here(domain, block, 100000));
	KUNIT_EXPECT_NOT_NULL(test, pyfault_struck());
	pyfault_arm(0);
	KUNIT_EXPECT_TRUE(test, is_filled(block, 5000, 0x77));
	expect_one(test, block, 5000, "after a failure");
	expect_by(test, block, "make_here");
	block = resize_here(domain, block, 100000);
	KUNIT_EXPECT_NOT_NULL(test, block);
	expect_by(test, block, "resize_here");
	domain->free(block);
}

/* A pool's block stays, with its mark, when there is no more of raw. */
static void test_pooled_realloc_that_fails(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	void *block;

	if (domain->id == PYMEM_DOMAIN_RAW)
		kunit_skip(test, "raw has no pools");
	begin_trace(test, 1);
	block = make_here(domain, 100);
	pyfault_arm(1);
	KUNIT_EXPECT_NULL(test, resize_here(domain, block, 5000));
	KUNIT_EXPECT_NOT_NULL(test, pyfault_struck());
	pyfault_arm(0);
	expect_one(test, block, 100, "after a failure");
	expect_by(test, block, "make_here");
	domain->free(block);
	expect_nothing(test, domain->name, 100);
}

/* === Mistakes === */

/* Each call is given what is no block. */
static void try_wrong(struct kunit *test, void *wrong,
		      enum pyalloc_mistake mistake)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(freers); i++) {
		freers[i].free(wrong);
		expect_report(test, mistake, wrong);
		KUNIT_EXPECT_NULL(test, resize_here(freers[i].domain, wrong,
						    40));
		expect_report(test, mistake, wrong);
	}
}

static void test_mistakes(struct kunit *test)
{
	void *block, *freed, *large;
	static u8 wild[64];
	long bytes;

	begin_trace(test, 1);
	block = pymem_malloc(96, GFP_KERNEL);
	large = pymem_raw_malloc(5000, GFP_KERNEL);
	freed = pymem_malloc(100, GFP_KERNEL);
	bytes = room_of(block) + room_of(large);
	pymem_free(freed);
	pymem_free(freed);
	expect_report(test, PYALLOC_DOUBLE_FREE, freed);
	expect_noted(test, bytes, 5096, 2, "double free", 0);
	try_wrong(test, block + 16, PYALLOC_INTERIOR);
	expect_noted(test, bytes, 5096, 2, "interior pointer", 0);
	try_wrong(test, wild, PYALLOC_WILD);
	try_wrong(test, large + 1, PYALLOC_WILD);
	expect_noted(test, bytes, 5096, 2, "wild pointer", 0);
	pymem_free(NULL);
	pymem_free(ZERO_SIZE_PTR);
	expect_by(test, block, "test_mistakes");
	pymem_free(block);
	pymem_raw_free(large);
	expect_nothing(test, "all", 0);
}

/* === Anything, in any order === */

enum { SLOTS = 200, OPERATIONS = 5000 };

/**
 * struct mode - how the domains serve while anything happens
 * @name: for messages
 * @nframe: frames of a call site
 * @hooks: debug hooks are on
 * @heap: the heap serves
 */
struct mode {
	const char	*name;
	unsigned int	nframe;
	bool		hooks;
	bool		heap;
};

static const struct mode modes[] = {
	{ "plain", 1, false, true },
	{ "frames", PYSITE_FRAMES > 1 ? 8 : 1, false, true },
	{ "hooks", 1, true, true },
	{ "no_heap", 1, false, false },
	{ "hooks_without_heap", 1, true, false },
};

static void describe_mode(const struct mode *mode, char *desc)
{
	strscpy(desc, mode->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(mode, modes, describe_mode);

struct mix {
	const struct mode	*mode;
	struct rnd_state	random;
	void			*blocks[SLOTS];
	u8			domains[SLOTS];
};

static u32 dice(struct mix *mix, u32 sides)
{
	return prandom_u32_state(&mix->random) % sides;
}

static size_t any_size(struct mix *mix)
{
	switch (dice(mix, 10)) {
	case 0:
		return dice(mix, 80000);
	case 1:
	case 2:
		return dice(mix, 6000);
	default:
		return dice(mix, 600);
	}
}

/* To hooks only its own domain is right; and raw's blocks stay raw's. */
static const struct domain *who_frees(struct mix *mix, unsigned int slot)
{
	unsigned int domain = mix->domains[slot];

	if (domain != PYMEM_DOMAIN_RAW && !mix->mode->hooks && dice(mix, 2))
		domain = PYMEM_DOMAIN_MEM + PYMEM_DOMAIN_OBJ - domain;
	return &domains[domain];
}

static void put_any(struct mix *mix, unsigned int slot)
{
	const struct domain *domain = who_frees(mix, slot);
	void *block = mix->blocks[slot];

	if (domain->id == PYMEM_DOMAIN_MEM && dice(mix, 3) == 0)
		pymem_free_bulk(!!block, &mix->blocks[slot]);
	else if (domain->id != PYMEM_DOMAIN_RAW && dice(mix, 3) == 0 && block &&
		 pyalloc_usable_size(block) >= sizeof(struct graced))
		put_later(domain, block);
	else
		domain->free(block);
	mix->blocks[slot] = NULL;
}

static void take_any(struct mix *mix, unsigned int slot)
{
	const struct maker *maker = &makers[dice(mix, ARRAY_SIZE(makers))];

	mix->blocks[slot] = maker->make(any_size(mix));
	mix->domains[slot] = maker->domain->id;
}

static void resize_any(struct mix *mix, unsigned int slot)
{
	const struct domain *domain = who_frees(mix, slot);
	void *block = resize_here(domain, mix->blocks[slot], any_size(mix));

	if (!block)
		return;
	mix->blocks[slot] = block;
	mix->domains[slot] = domain->id;
}

static void take_many(struct mix *mix, unsigned int slot)
{
	unsigned int n = min_t(unsigned int, dice(mix, 9), SLOTS - slot), i;

	for (i = slot; i < slot + n; i++) {
		put_any(mix, i);
		mix->domains[i] = PYMEM_DOMAIN_MEM;
	}
	i = pymem_malloc_bulk(dice(mix, 700), GFP_KERNEL, n,
			      mix->blocks + slot);
	for (; i < n; i++)
		mix->blocks[slot + i] = NULL;
}

static void do_any(struct mix *mix)
{
	unsigned int slot = dice(mix, SLOTS);

	switch (dice(mix, 8)) {
	case 0:
		take_many(mix, slot);
		break;
	case 1:
	case 2:
		resize_any(mix, slot);
		break;
	case 3:
		put_any(mix, slot);
		break;
	default:
		put_any(mix, slot);
		take_any(mix, slot);
	}
}

static long live_blocks(struct mix *mix)
{
	unsigned int i;
	long n = 0;

	for (i = 0; i < SLOTS; i++)
		n += !!mix->blocks[i];
	return n;
}

/* The domains' own accounts have the same bytes. */
static void expect_same_accounts(struct kunit *test, struct mix *mix,
				 long before, unsigned int after)
{
	struct pytrace_sum sum;
	long bytes;

	rcu_barrier();
	bytes = domain_bytes(test) - before;
	pytrace_sum_up(&sum);
	KUNIT_EXPECT_TRUE_MSG(test, sum.current_bytes == bytes,
			      "%zu for %ld bytes after %u", sum.current_bytes,
			      bytes, after);
	KUNIT_EXPECT_EQ(test, sum.counts.blocks, live_blocks(mix));
	KUNIT_EXPECT_EQ(test, sum.counts.missed, 0L);
}

static void test_any(struct kunit *test)
{
	struct mix *mix = kzalloc(sizeof(*mix), GFP_KERNEL);
	unsigned int i;
	long before;

	KUNIT_ASSERT_NOT_NULL(test, mix);
	mix->mode = test->param_value;
	KUNIT_ASSERT_EQ(test, pyhook_turn(mix->mode->hooks ? ALL_DOMAINS : 0),
			0);
	pydomain_use_heap(mix->mode->heap);
	prandom_seed_state(&mix->random, 4711);
	before = domain_bytes(test);
	begin_trace(test, mix->mode->nframe);
	for (i = 1; i <= OPERATIONS; i++) {
		do_any(mix);
		if (i % 500 == 0)
			expect_same_accounts(test, mix, before, i);
	}
	for (i = 0; i < SLOTS; i++)
		put_any(mix, i);
	rcu_barrier();
	expect_nothing(test, mix->mode->name, 0);
	kfree(mix);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_frames_out_of_range),
	KUNIT_CASE(test_start_and_stop),
	KUNIT_CASE(test_start_again),
	KUNIT_CASE_PARAM(test_next_trace, domain_gen_params),
	KUNIT_CASE_PARAM(test_noted, maker_gen_params),
	KUNIT_CASE_PARAM(test_many, maker_gen_params),
	KUNIT_CASE_PARAM(test_freed, maker_gen_params),
	KUNIT_CASE_PARAM(test_freed_after_grace, maker_gen_params),
	KUNIT_CASE(test_known_sizes),
	KUNIT_CASE(test_bulk),
	KUNIT_CASE_PARAM(test_large_is_one_block, domain_gen_params),
	KUNIT_CASE_PARAM(test_realloc, domain_gen_params),
	KUNIT_CASE_PARAM(test_realloc_by_another, domain_gen_params),
	KUNIT_CASE_PARAM(test_realloc_that_fails, domain_gen_params),
	KUNIT_CASE_PARAM(test_pooled_realloc_that_fails, domain_gen_params),
	KUNIT_CASE(test_mistakes),
	KUNIT_CASE_PARAM(test_any, mode_gen_params),
	{ }
};

TRACED_SUITE(trace, cases);
