// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks that were freed and rest: what is written to them is found by whoever
 * comes across them, they are not handed out again for a while, and only so
 * many rest.
 */
#include <linux/cpu.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "../pyalloc/reclaim.h"
#include "hooked.h"

KUNIT_ARRAY_PARAM(domain, domains, describe_domain);

#define EXPECT(test, condition, size)					\
	KUNIT_EXPECT_TRUE_MSG(test, condition, "%zu bytes", size)

/* === Written after it was freed === */

static void *make_spoilt(struct kunit *test, const struct domain *domain,
			 size_t size, long offset)
{
	void *ptr = hooked_malloc(test, domain, size);

	free_here(domain, ptr);
	expect_no_report(test);
	spoil(ptr + offset);
	return ptr;
}

static void expect_use(struct kunit *test, void *ptr, size_t size, long offset,
		       bool kept)
{
	struct pyalloc_report report;

	if (!take_report(test, PYALLOC_USE_AFTER_FREE, ptr, size, &report))
		return;
	EXPECT(test, report.kept == kept, size);
	EXPECT(test, report.block.seen && report.block.is_dead, size);
	EXPECT(test, report.block.wrong == 1, size);
	EXPECT(test, report.block.offset == offset, size);
	EXPECT(test, is_by(report.block.freed_by, "free_here"), size);
}

/* The first byte, the last, and those of the decorations. */
static const long heads[] = { 0, -1, -8 };

static long last_byte(const struct domain *domain, size_t size)
{
	if (is_pooled(domain, size))
		return hooked_room(size) - 17;
	return size - 1;
}

static long spot(const struct domain *domain, size_t size, unsigned int i)
{
	return i < 3 ? heads[i] : i < 4 ? (long)size - 1 :
	       i < 5 ? (long)size / 2 : last_byte(domain, size);
}

static void test_found_by_check(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct pyalloc_report report;
	unsigned int i;
	size_t size;
	long offset;
	void *ptr;

	for_each_hooked_size(size, i) {
		if (size > RESTS_MOST)
			continue;
		offset = spot(domain, size, i % 6);
		ptr = make_spoilt(test, domain, size, offset);
		expect_found(test, PYALLOC_USE_AFTER_FREE, ptr, size, &report);
		EXPECT(test, report.block.offset == offset, size);
		EXPECT(test, report.block.is_dead && !report.kept, size);
		EXPECT(test, is_by(report.block.freed_by, "free_here"), size);
		spoil(ptr + offset);
		expect_whole(test);
	}
}

/* By who empties the quarantine. */
static void test_found_by_reclaim(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct pyalloc_report report;
	unsigned int i, j;
	size_t size;
	long offset;
	void *ptr;

	for_each_hooked_size(size, i) {
		if (size > RESTS_MOST)
			continue;
		for (j = 0; j < 6; j++) {
			offset = spot(domain, size, j);
			ptr = make_spoilt(test, domain, size, offset);
			pyalloc_reclaim();
			expect_use(test, ptr, size, offset, true);
			EXPECT(test, pyhook_is_kept(ptr), size);
			expect_whole(test);
			if (!pyhook_is_kept(ptr))
				continue;
			domain->free(ptr);
			take_report(test, PYALLOC_DOUBLE_FREE, ptr, size,
				    &report);
			pyhook_forgive();
		}
	}
}

/* By who would get it next: he gets another one. */
static void test_found_when_handed_out(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	unsigned int i, tries;
	size_t size;
	long offset;
	void *ptr, *kept;

	if (domain->id == PYMEM_DOMAIN_RAW)
		kunit_skip(test, "the kernel's allocators hand out raw's");
	stay_on_this_cpu(test);
	for_each_hooked_size(size, i) {
		if (!is_pooled(domain, size))
			continue;
		kept = hooked_malloc(test, domain, size);
		offset = spot(domain, size, i % 6);
		ptr = make_spoilt(test, domain, size, offset);
		for (tries = 0; tries < 5000 && !reports_seen(); tries++)
			EXPECT(test, !comes_again(domain, size, ptr, 1), size);
		expect_use(test, ptr, size, offset, true);
		EXPECT(test, !comes_again(domain, size, ptr, 2000), size);
		expect_no_report(test);
		expect_whole(test);
		domain->free(kept);
		pyhook_forgive();
	}
}

/* In its pool it is as far from everybody's hands as can be. */
static void test_written_in_its_pool(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct pyalloc_report report;
	void *ptr, *kept, *blocks[40];
	unsigned int i;

	if (domain->id == PYMEM_DOMAIN_RAW)
		kunit_skip(test, "raw has no pools");
	stay_on_this_cpu(test);
	kept = hooked_malloc(test, domain, 100);
	ptr = hooked_malloc(test, domain, 100);
	domain->free(ptr);
	pyalloc_reclaim();
	KUNIT_EXPECT_EQ(test, pymap_lookup(ptr), pymap_lookup(kept));
	spoil(ptr + 3);
	expect_found(test, PYALLOC_USE_AFTER_FREE, ptr, 100, &report);
	KUNIT_EXPECT_EQ(test, report.block.offset, 3L);
	for (i = 0; i < 40; i++) {
		blocks[i] = domain->malloc(100, GFP_KERNEL);
		KUNIT_EXPECT_PTR_NE(test, blocks[i], ptr);
	}
	take_report(test, PYALLOC_USE_AFTER_FREE, ptr, 100, &report);
	KUNIT_EXPECT_TRUE(test, report.kept);
	for (i = 0; i < 40; i++)
		domain->free(blocks[i]);
	domain->free(kept);
	pyhook_forgive();
}

/* As the free bytes of a block that nobody had yet. */
static void test_written_before_anybody_had_it(struct kunit *test)
{
	struct pyalloc_report report;
	size_t room = hooked_room(100);
	void *kept = pymem_malloc(100, GFP_KERNEL), *free = NULL;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, kept);
	/* A neighbour that no block of ours is. */
	for (i = 0; i < 2; i++)
		if (pymap_lookup(kept + room * (2 * i - 1)) ==
		    pymap_lookup(kept))
			free = kept + room * (2 * i - 1);
	KUNIT_ASSERT_NOT_NULL(test, free);
	spoil(free);
	expect_found(test, PYALLOC_USE_AFTER_FREE, free, 100, &report);
	spoil(free);
	pymem_free(kept);
}

/* The old block is freed, by who resized it. */
static void test_after_realloc(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	static const size_t sizes[] = { 30, 300, 1015 };
	struct pyalloc_report report;
	void *ptr, *new;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ptr = hooked_malloc(test, domain, sizes[i]);
		new = domain->realloc(ptr, sizes[i] + 20, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, new);
		spoil(ptr + sizes[i] - 1);
		pyalloc_reclaim();
		take_report(test, PYALLOC_USE_AFTER_FREE, ptr, sizes[i],
			    &report);
		EXPECT(test, report.block.offset == (long)sizes[i] - 1,
		       sizes[i]);
		domain->free(new);
		pyhook_forgive();
	}
}

/* Nobody takes it for a live one that was damaged, and counts it twice. */
static void test_free_of_a_spoilt_one(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	static const size_t sizes[] = { 30, 300, 488, 1015 };
	struct pydomain_stats before[PYDOMAIN_ROWS];
	struct pyalloc_report report;
	unsigned int i, j;
	void *ptr;

	take_domain_stats(test, before);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (j = 0; j < 6; j++) {
			ptr = make_spoilt(test, domain, sizes[i],
					  spot(domain, sizes[i], j));
			free_here(domain, ptr);
			take_report(test, PYALLOC_DOUBLE_FREE, ptr, sizes[i],
				    &report);
			EXPECT(test, !report.kept, sizes[i]);
			expect_rows(test, before, sizes[i]);
			pyalloc_reclaim();
			take_report(test, PYALLOC_USE_AFTER_FREE, ptr,
				    sizes[i], &report);
			expect_whole(test);
			pyhook_forgive();
		}
}

/* === How long, and how much === */

/* How many blocks rest of a class on this CPU. */
static unsigned int slots_for(size_t size)
{
	struct pyquarantine *rest;
	unsigned int slots;

	preempt_disable();
	rest = pyquarantine_here(&pyheap_default, hooked_class(size));
	slots = rest->end - rest->ring;
	preempt_enable();
	return slots;
}

static void test_bounded(struct kunit *test)
{
	struct pyquarantine *rest;
	size_t bytes = 0, class;

	preempt_disable();
	for (class = 0; class < pyheap_default.classes->nr; class++) {
		rest = pyquarantine_here(&pyheap_default, class);
		bytes += (rest->end - rest->ring) *
			 pyheap_class(&pyheap_default, class)->size;
	}
	preempt_enable();
	KUNIT_EXPECT_LE(test, bytes, (size_t)256 << 10);
	KUNIT_EXPECT_GT(test, bytes, (size_t)64 << 10);
}

/* First in, first out, and not before so many others came. */
static void test_order(struct kunit *test)
{
	static const size_t sizes[] = { 10, 100, 400 };
	unsigned int i, j, slots;
	void **blocks, *again;

	stay_on_this_cpu(test);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		slots = slots_for(sizes[i]);
		blocks = make_array(test, 2 * slots);
		for (j = 0; j < 2 * slots; j++)
			blocks[j] = pymem_malloc(sizes[i], GFP_KERNEL);
		pyreclaim_drain();
		for (j = 0; j < 2 * slots; j++)
			pymem_free(blocks[j]);
		/* Who came first is behind those that are ready by now. */
		for (j = 0; j < slots / 2; j++) {
			again = pymem_malloc(sizes[i], GFP_KERNEL);
			pymem_free(again);
			if (again != blocks[slots + j - 1])
				EXPECT(test, again == blocks[slots + j],
				       sizes[i]);
		}
		kvfree(blocks);
		pyalloc_reclaim();
	}
}

static void test_not_at_once(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	static const size_t sizes[] = { 1, 40, 104, 250, 488 };
	unsigned int i, slots;
	void *ptr;

	if (domain->id == PYMEM_DOMAIN_RAW)
		kunit_skip(test, "the kernel's allocators hand out raw's");
	stay_on_this_cpu(test);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		slots = slots_for(sizes[i]);
		ptr = hooked_malloc(test, domain, sizes[i]);
		domain->free(ptr);
		EXPECT(test, !comes_again(domain, sizes[i], ptr, slots),
		       sizes[i]);
		EXPECT(test, comes_again(domain, sizes[i], ptr,
					 slots + PYQUARANTINE_READY + 4),
		       sizes[i]);
	}
}

static void free_many_raw(struct kunit *test, const struct domain *domain,
			  size_t size)
{
	size_t most = (size_t)pyquarantine_kib << 10, freed = 0;

	while (freed < 3 * most) {
		domain->free(hooked_malloc(test, domain, size));
		freed += size;
		KUNIT_EXPECT_LE(test, pyquarantine_raw_bytes(), most);
	}
	if (size <= most / 4)
		KUNIT_EXPECT_GT(test, pyquarantine_raw_bytes(), most / 2);
	else
		KUNIT_EXPECT_EQ(test, pyquarantine_raw_bytes(), (size_t)0);
	pyreclaim_drain();
	KUNIT_EXPECT_EQ(test, pyquarantine_raw_bytes(), (size_t)0);
}

static void test_raw_is_bounded(struct kunit *test)
{
	const struct domain *domain = test->param_value;

	pyreclaim_drain();
	free_many_raw(test, domain, 700);
	free_many_raw(test, domain, 5000);
	free_many_raw(test, domain, ((size_t)pyquarantine_kib << 10) / 4);
	free_many_raw(test, domain, ((size_t)pyquarantine_kib << 10) / 4 + 1);
}

/* === Who empties it === */

static size_t resting_here(size_t size)
{
	size_t n;

	preempt_disable();
	n = pyquarantine_cached(pyquarantine_here(&pyheap_default,
						  hooked_class(size)));
	preempt_enable();
	return n;
}

static void free_some(struct kunit *test, size_t size, unsigned int n)
{
	void *blocks[64];
	unsigned int i;

	for (i = 0; i < n; i++)
		blocks[i] = hooked_malloc(test, &domains[PYMEM_DOMAIN_MEM],
					  size);
	for (i = 0; i < n; i++)
		pymem_free(blocks[i]);
}

static void test_reclaim_empties_it(struct kunit *test)
{
	struct pyheap_stats *stats;

	stay_on_this_cpu(test);
	free_some(test, 100, 60);
	KUNIT_EXPECT_GE(test, resting_here(100), (size_t)8);
	stats = take_heap_stats(test);
	KUNIT_EXPECT_GE(test, stats->cached, 8UL);
	kfree(stats);
	pyalloc_reclaim();
	KUNIT_EXPECT_EQ(test, resting_here(100), (size_t)0);
	stats = take_heap_stats(test);
	KUNIT_EXPECT_EQ(test, stats->cached, 0UL);
	kfree(stats);
}

/* Raw's, which is the kernel's memory; another CPU's ring is its own. */
static void test_shrinker_empties_raws(struct kunit *test)
{
	unsigned int tries;

	need_shrinkers(test);
	for (tries = 0; tries < 40; tries++)
		pymem_raw_free(hooked_malloc(test, &domains[PYMEM_DOMAIN_RAW],
					     5000));
	KUNIT_EXPECT_GT(test, pyquarantine_raw_bytes(), (size_t)100000);
	for (tries = 0; tries < 10 && pyquarantine_raw_bytes(); tries++)
		call_shrinkers();
	KUNIT_EXPECT_EQ(test, pyquarantine_raw_bytes(), (size_t)0);
}

struct errand {
	struct work_struct	work;
	struct kunit		*test;
	void			*spoilt;
};

static void rest_there(struct work_struct *work)
{
	struct errand *errand = container_of(work, struct errand, work);

	free_some(errand->test, 100, 60);
	errand->spoilt = make_spoilt(errand->test, &domains[PYMEM_DOMAIN_MEM],
				     100, 5);
}

static void test_a_cpu_goes(struct kunit *test)
{
	int cpu = cpumask_last(cpu_online_mask);
	struct errand errand = { .test = test };
	struct pyheap_stats *stats;

	if (num_online_cpus() < 2)
		kunit_skip(test, "there is one CPU");
	INIT_WORK_ONSTACK(&errand.work, rest_there);
	schedule_work_on(cpu, &errand.work);
	flush_work(&errand.work);
	destroy_work_on_stack(&errand.work);
	if (remove_cpu(cpu)) {
		spoil(errand.spoilt + 5);
		kunit_skip(test, "no CPU can be taken away");
	}
	expect_use(test, errand.spoilt, 100, 5, true);
	stats = take_heap_stats(test);
	KUNIT_EXPECT_EQ(test, stats->cached, 0UL);
	kfree(stats);
	expect_whole(test);
	KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
	pyhook_forgive();
}

/* Those that rest count for nobody. */
static void test_accounts(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct pydomain_stats before[PYDOMAIN_ROWS];
	unsigned int i, j;
	size_t size;

	take_domain_stats(test, before);
	for_each_hooked_size(size, i)
		for (j = 0; j < (size > RESTS_MOST ? 2 : 100); j++)
			domain->free(hooked_malloc(test, domain, size));
	expect_rows(test, before, 0);
	expect_whole(test);
	pyreclaim_drain();
	expect_rows(test, before, 1);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(test_found_by_check, domain_gen_params),
	KUNIT_CASE_PARAM(test_found_by_reclaim, domain_gen_params),
	KUNIT_CASE_PARAM(test_found_when_handed_out, domain_gen_params),
	KUNIT_CASE_PARAM(test_written_in_its_pool, domain_gen_params),
	KUNIT_CASE(test_written_before_anybody_had_it),
	KUNIT_CASE_PARAM(test_after_realloc, domain_gen_params),
	KUNIT_CASE_PARAM(test_free_of_a_spoilt_one, domain_gen_params),
	KUNIT_CASE(test_bounded),
	KUNIT_CASE(test_order),
	KUNIT_CASE_PARAM(test_not_at_once, domain_gen_params),
	KUNIT_CASE_PARAM(test_raw_is_bounded, domain_gen_params),
	KUNIT_CASE(test_reclaim_empties_it),
	KUNIT_CASE(test_shrinker_empties_raws),
	KUNIT_CASE(test_a_cpu_goes),
	KUNIT_CASE_PARAM(test_accounts, domain_gen_params),
	{ }
};

HOOKED_SUITE(hook_rest, cases);
