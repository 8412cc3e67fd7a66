// SPDX-License-Identifier: GPL-2.0
/*
 * Writes before the beginning and past the end of a block: found at free, at
 * realloc, after a grace period and by check.  Such a block is nobody's any
 * more.
 */
#include <linux/slab.h>

#include "hooked.h"

KUNIT_ARRAY_PARAM(domain, domains, describe_domain);

#define EXPECT(test, condition, size)					\
	KUNIT_EXPECT_TRUE_MSG(test, condition, "%zu bytes", size)

/* A place in a block's decorations, and what a write there is. */
struct place {
	bool			behind;	/* from its end on */
	long			offset;
	enum pyalloc_mistake	mistake;
};

/* Each byte of the pads, the domain and the size. */
static const struct place places[] = {
	{ true, 0, PYALLOC_OVERFLOW }, { true, 1, PYALLOC_OVERFLOW },
	{ true, 2, PYALLOC_OVERFLOW }, { true, 3, PYALLOC_OVERFLOW },
	{ true, 4, PYALLOC_OVERFLOW }, { true, 5, PYALLOC_OVERFLOW },
	{ true, 6, PYALLOC_OVERFLOW }, { true, 7, PYALLOC_OVERFLOW },
	{ false, -1, PYALLOC_UNDERFLOW }, { false, -2, PYALLOC_UNDERFLOW },
	{ false, -3, PYALLOC_UNDERFLOW }, { false, -4, PYALLOC_UNDERFLOW },
	{ false, -5, PYALLOC_UNDERFLOW }, { false, -6, PYALLOC_UNDERFLOW },
	{ false, -7, PYALLOC_UNDERFLOW }, { false, -8, PYALLOC_UNDERFLOW },
	{ false, -9, PYALLOC_UNDERFLOW }, { false, -10, PYALLOC_UNDERFLOW },
	{ false, -11, PYALLOC_UNDERFLOW }, { false, -12, PYALLOC_UNDERFLOW },
	{ false, -13, PYALLOC_UNDERFLOW }, { false, -14, PYALLOC_UNDERFLOW },
	{ false, -15, PYALLOC_UNDERFLOW }, { false, -16, PYALLOC_UNDERFLOW },
};

static void *at(void *ptr, size_t size, const struct place *place)
{
	return ptr + (place->behind ? size : 0) + place->offset;
}

/* A size that its class could have as well is taken for it, and leads astray. */
static bool is_told(const struct domain *domain, size_t size,
		    const struct place *place)
{
	size_t lie = size ^ 0x55;

	return place->offset != -9 || !is_pooled(domain, size) ||
	       !is_pooled(domain, lie) ||
	       hooked_class(lie) != hooked_class(size);
}

/* What the report has of a live block that was damaged in one byte. */
static void expect_seen(struct kunit *test, const struct domain *domain,
			const struct pyreport_block *seen, size_t size,
			const struct place *place)
{
	bool head = place->mistake == PYALLOC_OVERFLOW;
	long offset = place->offset + (place->behind ? (long)size : 0);
	unsigned int pads = 0, some = min_t(size_t, size, PYREPORT_DATA);

	/* Of the size no byte is wrong by itself, but all eight. */
	if (place->offset < -8)
		offset = -16;
	EXPECT(test, seen->seen && !seen->is_dead, size);
	EXPECT(test, seen->wrong == 1, size);
	EXPECT(test, seen->offset == offset, size);
	EXPECT(test, seen->head_intact == head, size);
	EXPECT(test, !seen->freed_by, size);
	EXPECT(test, !memchr_inv(seen->first, 0x5a, some), size);
	if (place->offset != -8)
		EXPECT(test, seen->domain == domain->name[0], size);
	for (pads = 1; pads < 8; pads++)
		EXPECT(test, (seen->before[pads] == 0xfd) ==
			     (place->behind || place->offset != (long)pads - 8),
		       size);
	if (!head)
		return;
	EXPECT(test, seen->requested == size, size);
	for (pads = 0; pads < 8; pads++)
		EXPECT(test, (seen->after[pads] == 0xfd) ==
			     (place->offset != pads), size);
	EXPECT(test, !memchr_inv(seen->last, 0x5a, some), size);
}

/* === At free === */

static void try_free(struct kunit *test, const struct domain *domain,
		     size_t size, const struct place *place)
{
	struct pydomain_stats before[PYDOMAIN_ROWS];
	long kept = atomic_long_read(&pyhook_kept);
	struct pyalloc_report report;
	void *ptr;

	if (!is_told(domain, size, place))
		return;
	take_domain_stats(test, before);
	ptr = hooked_malloc(test, domain, size);
	spoil(at(ptr, size, place));
	free_here(domain, ptr);
	if (take_report(test, place->mistake, ptr, size, &report)) {
		EXPECT(test, report.kept, size);
		EXPECT(test, is_by(report.caller, "free_here"), size);
		expect_seen(test, domain, &report.block, size, place);
	}
	EXPECT(test, atomic_long_read(&pyhook_kept) == kept + 1, size);
	EXPECT(test, pyhook_is_kept(ptr), size);
	/* A second one is what it is. */
	free_here(domain, ptr);
	take_report(test, PYALLOC_DOUBLE_FREE, ptr, size, &report);
	EXPECT(test, !report.kept, size);
	EXPECT(test, atomic_long_read(&pyhook_kept) == kept + 1, size);
	/* Whose it was is not known any more: then it counts for mem. */
	if (place->offset != -8 || !is_pooled(domain, size))
		expect_rows(test, before, size);
}

static void test_free(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	unsigned int i, j;
	size_t size;

	for_each_hooked_size(size, i)
		for (j = 0; j < ARRAY_SIZE(places); j++) {
			if (size > RESTS_MOST && j % 8)
				continue;
			try_free(test, domain, size, &places[j]);
			if (j % 8 == 7)
				pyhook_forgive();
		}
	/* It is known, and check does not complain of it again. */
	try_free(test, domain, 40, &places[0]);
	expect_whole(test);
	pyhook_forgive();
	expect_whole(test);
}

/* Nobody gets it as long as it is kept, and then somebody does. */
static void test_kept_out_of_use(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct pyalloc_report report;
	void *ptr, *kept, *others[64];
	bool came = false;
	unsigned int i;

	if (domain->id == PYMEM_DOMAIN_RAW)
		kunit_skip(test, "the kernel's allocators choose for raw");
	stay_on_this_cpu(test);
	kept = hooked_malloc(test, domain, 200);
	ptr = hooked_malloc(test, domain, 200);
	spoil(ptr + 200);
	domain->free(ptr);
	take_report(test, PYALLOC_OVERFLOW, ptr, 200, &report);
	KUNIT_EXPECT_FALSE(test, comes_again(domain, 200, ptr, 3000));
	pyalloc_reclaim();
	KUNIT_EXPECT_FALSE(test, comes_again(domain, 200, ptr, 3000));
	expect_no_report(test);
	pyhook_forgive();
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		others[i] = hooked_malloc(test, domain, 200);
		came |= others[i] == ptr;
	}
	KUNIT_EXPECT_TRUE(test, came);
	while (i--)
		domain->free(others[i]);
	domain->free(kept);
}

/* Both at once, and all of the pads: the first wrong one is told. */
static void test_whole_pads(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct pyalloc_report report;
	unsigned int i;
	size_t size;
	long n;
	u8 *ptr;

	for_each_hooked_size(size, i) {
		ptr = hooked_malloc(test, domain, size);
		for (n = 0; n < 8; n++)
			spoil(ptr + size + n);
		domain->free(ptr);
		if (take_report(test, PYALLOC_OVERFLOW, ptr, size, &report))
			EXPECT(test, report.block.wrong == 8, size);
		EXPECT(test, report.block.offset == size, size);
		ptr = hooked_malloc(test, domain, size);
		for (n = 1; n <= 16; n++)
			spoil(ptr - n);
		spoil(ptr + size);
		domain->free(ptr);
		if (take_report(test, PYALLOC_UNDERFLOW, ptr, size, &report))
			EXPECT(test, report.block.wrong == 7, size);
		EXPECT(test, report.block.offset == -7, size);
		EXPECT(test, !report.block.head_intact, size);
		pyhook_forgive();
	}
}

/* Any size and any domain that the head may say, and none is believed. */
static void test_wrong_heads(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	static const u64 lies[] = {
		0, 1, 39, 41, 48, 56, 100, 488, 512, 4096, INT_MAX, LONG_MAX,
		~0ULL,
	};
	struct pyalloc_report report;
	unsigned int i, n;
	u8 *ptr;

	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		ptr = hooked_malloc(test, domain, 40);
		for (n = 0; n < 8; n++)
			scribble(ptr - 9 - n, lies[i] >> (8 * n));
		domain->free(ptr);
		/* A size of the same class leads to what is no pad. */
		KUNIT_EXPECT_EQ(test, take_reports(&report), 1);
		KUNIT_EXPECT_TRUE(test,
				  report.mistake == PYALLOC_UNDERFLOW ||
				  report.mistake == PYALLOC_OVERFLOW);
		KUNIT_EXPECT_TRUE(test, report.kept);
	}
	for (i = 0; i < 256; i++) {
		if (strchr("rmoRMO", i))
			continue;
		ptr = hooked_malloc(test, domain, 40);
		scribble(ptr - 8, i);
		domain->free(ptr);
		take_report(test, PYALLOC_UNDERFLOW, ptr, 40, &report);
	}
	pyhook_forgive();
}

/* === At realloc and usable size === */

static void try_realloc(struct kunit *test, const struct domain *domain,
			size_t size, const struct place *place)
{
	struct pyalloc_report report;
	void *ptr;

	if (!is_told(domain, size, place))
		return;
	ptr = hooked_malloc(test, domain, size);
	spoil(at(ptr, size, place));
	EXPECT(test, !domain->realloc(ptr, size + 10, GFP_KERNEL), size);
	if (take_report(test, place->mistake, ptr, size, &report))
		expect_seen(test, domain, &report.block, size, place);
	EXPECT(test, !domain->realloc(ptr, 1, GFP_KERNEL), size);
	take_report(test, place->mistake, ptr, size, &report);
	EXPECT(test, !pyalloc_usable_size(ptr), size);
	take_report(test, place->mistake, ptr, size, &report);
	EXPECT(test, is_filled(ptr, size, 0x5a), size);
	/* Put right, it is as good as before. */
	spoil(at(ptr, size, place));
	EXPECT(test, pyalloc_usable_size(ptr) == size, size);
	domain->free(ptr);
	expect_no_report(test);
}

static void test_realloc(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	unsigned int i, j;
	size_t size;

	for_each_hooked_size(size, i)
		for (j = 0; j < ARRAY_SIZE(places); j += 1 + 4 * (i % 2))
			try_realloc(test, domain, size, &places[j]);
}

/* === By check === */

static void try_check(struct kunit *test, const struct domain *domain,
		      size_t size, const struct place *place)
{
	struct pyalloc_report report;
	void *ptr;

	if (!is_told(domain, size, place))
		return;
	ptr = hooked_malloc(test, domain, size);
	spoil(at(ptr, size, place));
	expect_found(test, place->mistake, ptr, size, &report);
	expect_seen(test, domain, &report.block, size, place);
	EXPECT(test, !report.kept, size);
	spoil(at(ptr, size, place));
	expect_whole(test);
	domain->free(ptr);
}

static void test_check(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	static const unsigned int some[] = { 0, 7, 8, 15, 16, 23 };
	unsigned int i;
	size_t size;

	for_each_hooked_size(size, i)
		try_check(test, domain, size, &places[some[i % 6]]);
	for (i = 0; i < ARRAY_SIZE(places); i++)
		try_check(test, domain, 40, &places[i]);
}

/* Several at a time, each of which is told, beside others that are sound. */
static void test_check_many(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct pycheck *check = kzalloc(sizeof(*check), GFP_KERNEL);
	enum { N = 90 };
	struct pyalloc_report report;
	u8 *blocks[N];
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, check);
	for (i = 0; i < N; i++) {
		blocks[i] = hooked_malloc(test, domain, i * 9 + 1);
		if (i % 10 == 0)
			spoil(blocks[i] + i * 9 + 1);
	}
	KUNIT_EXPECT_EQ(test, pycheck_all(check), 0);
	KUNIT_EXPECT_EQ(test, check->broken, 9UL);
	KUNIT_EXPECT_EQ(test, take_reports(&report), 9);
	KUNIT_EXPECT_GE(test, check->decorated, N - 9UL);
	for (i = 0; i < N; i++) {
		if (i % 10 == 0)
			spoil(blocks[i] + i * 9 + 1);
		domain->free(blocks[i]);
	}
	kfree(check);
}

/* === After a grace period === */

struct with_head {
	u8		first[40];
	struct rcu_head	rcu;
	u8		last[20];
};

/* It is written to while it waits, and freed by nobody after that. */
static void try_grace(struct kunit *test, bool object,
		      const struct place *place, size_t size)
{
	struct pyalloc_report report;
	struct with_head *ptr;
	void *spot;

	ptr = object ? pyobject_malloc(size, GFP_KERNEL) :
		       pymem_malloc(size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptr);
	spot = at(ptr, size, place);
	rcu_read_lock();
	if (object)
		pyobject_free_rcu(ptr, rcu);
	else
		pymem_free_rcu(ptr, rcu);
	spoil(spot);
	rcu_read_unlock();
	rcu_barrier();
	take_report(test, place->mistake, ptr, size, &report);
	EXPECT(test, report.kept, size);
	pyhook_forgive();
}

static void test_grace(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i += 3) {
		try_grace(test, false, &places[i], sizeof(struct with_head));
		try_grace(test, true, &places[i], sizeof(struct with_head));
		try_grace(test, false, &places[i], 2000);
		try_grace(test, true, &places[i], 2000);
	}
}

static void test_grace_of_damaged(struct kunit *test)
{
	static const size_t sizes[] = { sizeof(struct with_head), 2000 };
	struct pyalloc_report report;
	struct with_head *ptr;
	unsigned int i, j;

	for (i = 0; i < 2; i++)
		for (j = 0; j < ARRAY_SIZE(places); j += 5) {
			ptr = pymem_malloc(sizes[i], GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, ptr);
			spoil(at(ptr, sizes[i], &places[j]));
			pymem_free_rcu(ptr, rcu);
			take_report(test, places[j].mistake, ptr, sizes[i],
				    &report);
			rcu_barrier();
			expect_no_report(test);
			spoil(at(ptr, sizes[i], &places[j]));
			pymem_free(ptr);
		}
}

/* === Neighbours, and many at a time === */

static void test_neighbours(struct kunit *test)
{
	enum { N = 24, SIZE = 72 };
	const struct domain *mem = &domains[PYMEM_DOMAIN_MEM];
	size_t room = hooked_room(SIZE);
	struct pyalloc_report report;
	void *blocks[N], *left, *right;
	unsigned int i, seen = 0, j;

	for (i = 0; i < N; i++)
		blocks[i] = hooked_malloc(test, mem, SIZE);
	for (i = 0; i < N; i++) {
		left = NULL;
		right = NULL;
		for (j = 0; j < N; j++) {
			left = blocks[j] == blocks[i] - room ? blocks[j] : left;
			right = blocks[j] == blocks[i] + room ? blocks[j] :
								right;
		}
		if (!left || !right)
			continue;
		seen++;
		spoil(right - 1);
		spoil(blocks[i] + SIZE);
		KUNIT_EXPECT_EQ(test, pyalloc_usable_size(blocks[i]),
				(size_t)0);
		take_report(test, PYALLOC_OVERFLOW, blocks[i], SIZE, &report);
		KUNIT_EXPECT_EQ(test, (int)report.block.neighbour[0],
				(int)PYREPORT_LIVE);
		KUNIT_EXPECT_EQ(test, report.block.neighbour_size[0],
				(size_t)SIZE);
		KUNIT_EXPECT_EQ(test, (int)report.block.neighbour[1],
				(int)PYREPORT_DAMAGED);
		KUNIT_EXPECT_EQ(test, report.size, (unsigned int)room);
		spoil(right - 1);
		spoil(blocks[i] + SIZE);
	}
	KUNIT_EXPECT_GT(test, seen, 0U);
	for (i = 0; i < N; i++)
		pymem_free(blocks[i]);
}

static void test_bulk(struct kunit *test)
{
	static const size_t sizes[] = { 40, 488, 489, 3000 };
	struct pyalloc_report report;
	void *blocks[20], *bad;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_ASSERT_EQ(test, pymem_malloc_bulk(sizes[i], GFP_KERNEL,
							20, blocks),
				(size_t)20);
		bad = blocks[7];
		spoil(bad + sizes[i]);
		pymem_free_bulk(20, blocks);
		take_report(test, PYALLOC_OVERFLOW, bad, sizes[i], &report);
		pyhook_forgive();
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(test_free, domain_gen_params),
	KUNIT_CASE_PARAM(test_kept_out_of_use, domain_gen_params),
	KUNIT_CASE_PARAM(test_whole_pads, domain_gen_params),
	KUNIT_CASE_PARAM(test_wrong_heads, domain_gen_params),
	KUNIT_CASE_PARAM(test_realloc, domain_gen_params),
	KUNIT_CASE_PARAM(test_check, domain_gen_params),
	KUNIT_CASE_PARAM(test_check_many, domain_gen_params),
	KUNIT_CASE(test_grace),
	KUNIT_CASE(test_grace_of_damaged),
	KUNIT_CASE(test_neighbours),
	KUNIT_CASE(test_bulk),
	{ }
};

HOOKED_SUITE(hook_pads, cases);
