// SPDX-License-Identifier: GPL-2.0
/*
 * Depots: full arrays between the fronts and the pools of a small node.  They
 * come with frees in a row and go with mallocs, on any CPU and in any context;
 * a large node has none; and whoever counts, checks or reclaims blocks finds
 * those that lie there.
 */
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/topology.h>
#include <linux/workqueue.h>

#include "../pyalloc/check.h"
#include "../pyalloc/reclaim.h"
#include "burst.h"
#include "context.h"

KUNIT_ARRAY_PARAM(context, contexts, describe_context);

/* A first batch goes to the pools: half an array. */
static size_t first_flush(const struct burst *burst)
{
	return (burst->each + 1) / 2;
}

/* The blocks that lie in the depot. */
static size_t in_depot(const struct burst *burst)
{
	return burst->depot->nr_full * burst->each;
}

/* === To and fro === */

static size_t live_bytes(const struct burst *burst)
{
	return READ_ONCE(burst->node->live_bytes);
}

static unsigned long granules(const struct burst *burst)
{
	return READ_ONCE(burst->node->granules);
}

static void *grow_singly(void *first)
{
	void *block = pymem_malloc(PYALLOC_SMALL_MAX, GFP_KERNEL);

	return block ? push_block(first, block) : first;
}

static void expect_filled(struct burst *burst, size_t freed)
{
	struct kunit *test = burst->test;

	KUNIT_EXPECT_GE(test, burst->depot->nr_full, BURST_ARRAYS - 1);
	KUNIT_EXPECT_EQ(test, in_depot(burst) + pystock_count(burst->stock),
			freed - first_flush(burst));
}

/* Each array that is left there costs one hold of the lock. */
static void test_frees_in_a_row_fill_it(struct kunit *test)
{
	struct burst *burst;
	unsigned long before;
	size_t size, cached;

	for_each_class_size(size) {
		burst = begin_burst(test, size);
		take_in_a_row(burst, burst->whole);
		KUNIT_EXPECT_EQ(test, burst->depot->nr_full, 0);
		cached = pystock_count(burst->stock);
		before = lock_holds(burst);
		put_in_a_row(burst, burst->n);
		expect_filled(burst, cached + burst->whole);
		if (frees_take_no_lock(burst))
			KUNIT_EXPECT_EQ(test, lock_holds(burst) - before,
					1UL + burst->depot->nr_full);
		end_burst(burst);
	}
}

static void test_refills_empty_it(struct kunit *test)
{
	unsigned long before, full;
	struct burst *burst;
	size_t size;

	for_each_class_size(size) {
		burst = begin_burst(test, size);
		take_and_put(burst);
		full = burst->depot->nr_full;
		before = lock_holds(burst);
		take_in_a_row(burst, full * burst->each +
				     pystock_count(burst->stock));
		KUNIT_EXPECT_EQ(test, burst->depot->nr_full, 0);
		KUNIT_EXPECT_EQ(test, pystock_count(burst->stock), 0);
		KUNIT_EXPECT_EQ(test, lock_holds(burst) - before, full);
		write_burst(burst);
		end_burst(burst);
	}
}

/* What goes to and fro by less than an array needs no other one. */
static void test_a_swing_leaves_it_alone(struct kunit *test)
{
	struct burst *burst = begin_burst(test, 64);
	unsigned long before;
	unsigned int i;
	u32 full;

	take_and_put(burst);
	take_in_a_row(burst, first_flush(burst));
	full = burst->depot->nr_full;
	before = lock_holds(burst);
	for (i = 0; i < 10; i++) {
		put_in_a_row(burst, burst->each / 4);
		take_in_a_row(burst, burst->each / 4);
	}
	KUNIT_EXPECT_EQ(test, burst->depot->nr_full, full);
	KUNIT_EXPECT_LE(test, lock_holds(burst) - before, 1UL);
	end_burst(burst);
}

/* At the end of an array, where each turn would be a swap, half of it goes. */
static void test_a_swing_at_its_end_finds_room(struct kunit *test)
{
	struct burst *burst;
	unsigned long before;
	unsigned int i;
	size_t size;

	for_each_class_size(size) {
		burst = begin_burst(test, size);
		take_and_put(burst);
		empty_stock(burst);
		take_in_a_row(burst, 1);
		put_in_a_row(burst, 1);
		before = lock_holds(burst);
		for (i = 0; i < 20; i++) {
			put_in_a_row(burst, 1);
			take_in_a_row(burst, 2);
			put_in_a_row(burst, 1);
		}
		if (frees_take_no_lock(burst))
			KUNIT_EXPECT_LE(test, lock_holds(burst) - before, 6UL);
		end_burst(burst);
	}
}

/* All that arrays could be made of, as a chain. */
static void *use_room_up(struct burst *burst)
{
	size_t bytes = (burst->each + 1) * sizeof(void *);
	void *all = NULL, *meta;

	while ((meta = pyheap_take_meta(burst->node, bytes, false)))
		all = push_block(all, meta);
	return all;
}

static void give_room_back(void *all)
{
	void *meta;

	while ((meta = pop_block(&all)))
		pyheap_put_meta(meta);
}

/* Frees find no room for arrays, and the next refill makes some. */
static void test_a_refill_gets_memory_for_arrays(struct kunit *test)
{
	struct burst *burst = begin_burst(test, 64);
	unsigned long before;
	void *kept, *all;

	take_in_a_row(burst, burst->whole);
	kept = keep_one_a_pool(burst);
	all = use_room_up(burst);
	before = granules(burst);
	put_in_a_row(burst, burst->n);
	KUNIT_EXPECT_EQ(test, burst->depot->nr_full, 0);
	empty_stock(burst);
	take_in_a_row(burst, 1);
	KUNIT_EXPECT_GT(test, granules(burst), before);
	take_and_put(burst);
	KUNIT_EXPECT_GE(test, burst->depot->nr_full, BURST_ARRAYS - 1);
	give_room_back(all);
	free_blocks(kept);
	end_burst(burst);
}

/* === A node that is too large === */

static void *grow_in_bulk(void *first)
{
	void *blocks[8];
	size_t got = pymem_malloc_bulk(PYALLOC_SMALL_MAX, GFP_KERNEL,
				       ARRAY_SIZE(blocks), blocks);

	while (got)
		first = push_block(first, blocks[--got]);
	return first;
}

/*
 * The depot stays until the node would have to take an arena, and then what
 * lay there does for the next blocks.
 */
static void outgrow(struct burst *burst, void *(*grow)(void *first))
{
	struct kunit *test = burst->test;
	unsigned long before, i;
	void *all = NULL;

	take_and_put(burst);
	for (i = 0; i < 2000 && live_bytes(burst) <= SMALL_NODE; i++)
		all = grow(all);
	KUNIT_EXPECT_GT(test, burst->depot->nr_full, 0);
	before = granules(burst);
	for (i = 0; i < 5000 && burst->depot->nr_full; i++) {
		if (granules(burst) != before)
			break;
		all = grow(all);
	}
	KUNIT_EXPECT_EQ(test, burst->depot->nr_full, 0);
	KUNIT_EXPECT_EQ(test, granules(burst), before);
	free_blocks(all);
}

static void test_growth_drains_it(struct kunit *test)
{
	struct burst *burst = begin_burst(test, 64);

	outgrow(burst, grow_singly);
	end_burst(burst);
}

static void test_growth_in_bulk_drains_it(struct kunit *test)
{
	struct burst *burst;

	skip_without_bulk(test);
	burst = begin_burst(test, 64);
	outgrow(burst, grow_in_bulk);
	end_burst(burst);
}

/* None while much is live, however much is held then. */
static void test_a_large_node_has_none(struct kunit *test)
{
	struct burst *burst;
	unsigned int i;
	void *all;

	for (i = 0; i < ARRAY_SIZE(burst_sizes); i++) {
		burst = begin_burst(test, burst_sizes[i]);
		all = make_large(burst);
		take_and_put(burst);
		KUNIT_EXPECT_EQ(test, burst->depot->nr_full, 0);
		KUNIT_EXPECT_NULL(test, burst->depot->full);
		free_blocks(all);
		pyreclaim_drain();
		KUNIT_EXPECT_GT(test, granules(burst) << PYGRANULE_SHIFT,
				(unsigned long)SMALL_NODE);
		take_and_put(burst);
		KUNIT_EXPECT_GE(test, burst->depot->nr_full, BURST_ARRAYS - 1);
		end_burst(burst);
	}
}

/* === Who empties it === */

static struct pydepot *depot_of(struct burst *burst, size_t size)
{
	return &burst->node->class[class_index(size)].depot;
}

/* Blocks of a few classes, of which each has room in the fronts. */
static void fill_some(struct burst *burst)
{
	void *all;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(burst_sizes); i++) {
		all = NULL;
		for (j = 0; j < 300; j++)
			all = push_block(all, pymem_malloc(burst_sizes[i],
							   GFP_KERNEL));
		free_blocks(all);
		KUNIT_EXPECT_GT(burst->test,
				depot_of(burst, burst_sizes[i])->nr_full, 0);
	}
}

static void expect_none(struct burst *burst)
{
	struct pydepot *depot;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(burst_sizes); i++) {
		depot = depot_of(burst, burst_sizes[i]);
		KUNIT_EXPECT_EQ(burst->test, depot->nr_full, 0);
		KUNIT_EXPECT_NULL(burst->test, depot->full);
		KUNIT_EXPECT_NULL(burst->test, depot->empty);
	}
}

static unsigned long cached_blocks(struct kunit *test)
{
	struct pyheap_stats *stats = take_heap_stats(test);
	unsigned long cached = stats->cached;

	kfree(stats);
	return cached;
}

static void test_reclaim_empties_all(struct kunit *test)
{
	struct burst *burst = begin_burst(test, 64);

	fill_some(burst);
	pyreclaim_drain();
	expect_none(burst);
	KUNIT_EXPECT_EQ(test, cached_blocks(test), 0UL);
	fill_some(burst);
	KUNIT_EXPECT_GT(test, pyalloc_reclaim(), (size_t)0);
	expect_none(burst);
	KUNIT_EXPECT_EQ(test, heap_arenas(test), 0UL);
	end_burst(burst);
}

static void use_arrays(struct burst *burst, size_t arrays)
{
	take_in_a_row(burst, arrays * burst->each +
			     pystock_count(burst->stock));
	put_in_a_row(burst, burst->n);
}

/* What was used between two trims stays, though it is there at both. */
static void test_trim_drains_what_was_not_used(struct kunit *test)
{
	struct burst *burst;
	size_t size;
	u32 full;

	for_each_class_size(size) {
		burst = begin_burst(test, size);
		take_and_put(burst);
		full = burst->depot->nr_full;
		KUNIT_EXPECT_TRUE(test, pyreclaim_trim());
		KUNIT_EXPECT_EQ(test, burst->depot->nr_full, full);
		use_arrays(burst, 2);
		KUNIT_EXPECT_EQ(test, burst->depot->nr_full, full);
		KUNIT_EXPECT_TRUE(test, pyreclaim_trim());
		KUNIT_EXPECT_EQ(test, burst->depot->nr_full, 2);
		pyreclaim_trim();
		KUNIT_EXPECT_EQ(test, burst->depot->nr_full, 0);
		end_burst(burst);
	}
}

/* Arrays wait there to be filled again, but not for long. */
static void test_trim_takes_empty_arrays(struct kunit *test)
{
	struct burst *burst;
	size_t size;

	for_each_class_size(size) {
		burst = begin_burst(test, size);
		take_and_put(burst);
		take_in_a_row(burst, 3 * burst->each);
		KUNIT_EXPECT_NOT_NULL(test, burst->depot->empty);
		pyreclaim_trim();
		pyreclaim_trim();
		KUNIT_EXPECT_NULL(test, burst->depot->empty);
		end_burst(burst);
	}
}

/* === Who counts what lies there === */

static void test_stats_have_it_as_cached(struct kunit *test)
{
	struct pyheap_stats *before, *after;
	struct pyclass_stats *was, *is;
	struct burst *burst;
	size_t size;

	for_each_class_size(size) {
		burst = begin_burst(test, size);
		before = take_heap_stats(test);
		take_and_put(burst);
		after = take_heap_stats(test);
		was = &before->class[class_index(size)];
		is = &after->class[class_index(size)];
		KUNIT_EXPECT_EQ(test, is->cached, in_depot(burst) +
				pystock_count(burst->stock));
		KUNIT_EXPECT_EQ(test, is->live - is->meta, is->cached);
		KUNIT_EXPECT_EQ(test, is->mallocs - was->mallocs,
				burst->whole);
		KUNIT_EXPECT_EQ(test, is->frees - was->frees, burst->whole);
		KUNIT_EXPECT_EQ(test, after->blocks, before->blocks);
		KUNIT_EXPECT_EQ(test, after->cached_bytes,
				is->cached * size);
		kfree(after);
		kfree(before);
		end_burst(burst);
	}
}

static void expect_checked(struct burst *burst, struct pycheck *check)
{
	pycheck_all(check);
	KUNIT_EXPECT_EQ_MSG(burst->test, check->broken, 0UL, "%s",
			    check->what);
	KUNIT_EXPECT_EQ(burst->test, check->cached,
			cached_blocks(burst->test));
}

/* Puts something else into a slot for as long as a check takes. */
static void expect_broken(struct burst *burst, struct pycheck *check,
			  void **slot, void *instead)
{
	void *right = *slot;

	*slot = instead;
	pycheck_all(check);
	*slot = right;
	KUNIT_EXPECT_GT(burst->test, check->broken, 0UL);
}

static void expect_each_fault_found(struct burst *burst, struct pycheck *check,
				    void **array)
{
	expect_broken(burst, check, &array[1], array[2]);
	expect_broken(burst, check, &array[burst->each], array[1] + 8);
	expect_broken(burst, check, &array[0], NULL);
	burst->depot->nr_full++;
	pycheck_all(check);
	KUNIT_EXPECT_GT(burst->test, check->broken, 0UL);
	burst->depot->nr_full--;
}

/* It finds all of them, and what is none of them. */
static void test_check_looks_into_it(struct kunit *test)
{
	struct pycheck *check = kzalloc(sizeof(*check), GFP_KERNEL);
	struct burst *burst;

	KUNIT_ASSERT_NOT_NULL(test, check);
	burst = begin_burst(test, 64);
	take_and_put(burst);
	expect_checked(burst, check);
	KUNIT_EXPECT_NOT_NULL(test, burst->depot->full);
	if (burst->depot->full)
		expect_each_fault_found(burst, check, burst->depot->full);
	expect_checked(burst, check);
	end_burst(burst);
	kfree(check);
}

/* === Blocks that are freed again === */

/*
 * A block that lies there, whose pool will last; and so it can't be found to
 * be free before it is back in it.
 */
static void *free_twice(struct burst *burst, void **kept)
{
	void *twice;

	take_in_a_row(burst, burst->whole);
	*kept = keep_one_a_pool(burst);
	put_in_a_row(burst, burst->n);
	KUNIT_EXPECT_GT(burst->test, burst->depot->nr_full, 0);
	twice = burst->depot->full ? burst->depot->full[1] : NULL;
	pymem_free(twice);
	expect_no_report(burst->test);
	return twice;
}

/* KASAN knows what is free, wherever it lies: see sanitizer_test.c. */
static void skip_with_kasan(struct kunit *test)
{
	if (PYSAN_KASAN)
		kunit_skip(test, "a block is known to be free at once");
}

static void expect_double_free(struct burst *burst, void *twice)
{
	pyreclaim_drain();
	expect_report(burst->test, PYALLOC_DOUBLE_FREE, twice);
	pyreclaim_drain();
	expect_no_report(burst->test);
}

/* It is counted as a free, and taken back from the blocks in all. */
static void test_free_twice(struct kunit *test)
{
	struct pydomain_stats before[PYDOMAIN_ROWS], after[PYDOMAIN_ROWS];
	size_t size, blocks;
	struct burst *burst;
	void *twice, *kept;

	skip_with_kasan(test);
	for_each_class_size(size) {
		burst = begin_burst(test, size);
		take_domain_stats(test, before);
		blocks = pymem_get_allocated_blocks();
		twice = free_twice(burst, &kept);
		expect_double_free(burst, twice);
		free_blocks(kept);
		take_domain_stats(test, after);
		KUNIT_EXPECT_EQ(test, after[PYMEM_DOMAIN_MEM].frees -
				      before[PYMEM_DOMAIN_MEM].frees,
				(long)burst->whole + 1);
		KUNIT_EXPECT_EQ(test, after[PYMEM_DOMAIN_MEM].blocks,
				before[PYMEM_DOMAIN_MEM].blocks - 1);
		KUNIT_EXPECT_EQ(test, pymem_get_allocated_blocks(), blocks);
		end_burst(burst);
	}
}

/* The second time somebody got it, and it is he who is named. */
static void test_free_twice_and_malloc(struct kunit *test)
{
	void *twice, *kept, *again;
	struct burst *burst;
	size_t size, blocks;

	skip_with_kasan(test);
	for_each_class_size(size) {
		burst = begin_burst(test, size);
		blocks = pymem_get_allocated_blocks();
		twice = free_twice(burst, &kept);
		again = pymem_malloc(size, GFP_KERNEL);
		KUNIT_EXPECT_PTR_EQ(test, again, twice);
		pyreclaim_drain();
		expect_no_report(test);
		pymem_free(again);
		expect_double_free(burst, twice);
		free_blocks(kept);
		KUNIT_EXPECT_EQ(test, pymem_get_allocated_blocks(), blocks);
		end_burst(burst);
	}
}

/* Whichever comes to its pool first, it is the other one that is reported. */
static void test_free_twice_and_trim(struct kunit *test)
{
	struct burst *burst;
	void *twice, *kept;

	skip_with_kasan(test);
	burst = begin_burst(test, 64);
	twice = free_twice(burst, &kept);
	pyreclaim_trim();
	pyreclaim_trim();
	KUNIT_EXPECT_EQ(test, burst->depot->nr_full, 0);
	expect_no_report(test);
	expect_double_free(burst, twice);
	free_blocks(kept);
	end_burst(burst);
}

/* === Everywhere === */

static long take_there(void *data)
{
	struct burst *burst = data;

	while (burst->depot->nr_full && burst->n < 2 * burst->whole)
		take_in_a_row(burst, 1);
	return 0;
}

static int another_cpu(void)
{
	int cpu;

	for_each_online_cpu(cpu)
		if (cpu != raw_smp_processor_id() &&
		    cpu_to_mem(cpu) == numa_mem_id())
			return cpu;
	return -1;
}

static void test_another_cpu_takes_them(struct kunit *test)
{
	struct burst *burst;
	size_t size;

	if (num_online_cpus() < 2)
		kunit_skip(test, "there is one CPU");
	for_each_class_size(size) {
		burst = begin_burst(test, size);
		take_and_put(burst);
		KUNIT_EXPECT_GT(test, burst->depot->nr_full, 0);
		if (another_cpu() >= 0)
			work_on_cpu(another_cpu(), take_there, burst);
		else
			take_there(burst);
		KUNIT_EXPECT_EQ(test, burst->depot->nr_full, 0);
		end_burst(burst);
	}
}

/* With a gfp that is good in any of them: an array needs no page. */
static void take_whole(void *data)
{
	struct burst *burst = data;
	void *block;

	while (burst->n < burst->whole) {
		block = pymem_malloc(burst->size, __GFP_NOWARN);
		if (!block)
			break;
		burst->blocks[burst->n++] = block;
	}
}

static void put_whole(void *data)
{
	struct burst *burst = data;

	while (burst->n)
		pymem_free(burst->blocks[--burst->n]);
}

static void test_every_context(struct kunit *test)
{
	const struct context *context = test->param_value;
	struct burst *burst = begin_burst(test, 64);
	bool exists, wait;

	/* kmemleak can't be told of a free in NMI. */
	wait = PYSAN_KMEMLEAK && !strcmp(context->name, "nmi");
	take_in_a_row(burst, burst->whole);
	exists = context->run(put_whole, burst);
	if (exists && !wait) {
		KUNIT_EXPECT_GE(test, burst->depot->nr_full, BURST_ARRAYS - 1);
		context->run(take_whole, burst);
		KUNIT_EXPECT_EQ(test, burst->n, burst->whole);
		KUNIT_EXPECT_EQ(test, burst->depot->nr_full, 0);
		write_burst(burst);
	}
	end_burst(burst);
	if (!exists)
		kunit_skip(test, "this machine has no way to get there");
}

/* An NMI does not wait for who was interrupted: it has its blocks parked. */
static void test_nmi_finds_it_locked(struct kunit *test)
{
	struct burst *burst = begin_burst(test, 64);
	unsigned long flags;
	bool exists;

	take_in_a_row(burst, burst->whole);
	exists = prepare_nmi(put_whole, burst);
	if (exists) {
		raw_spin_lock_irqsave(&burst->node->lock, flags);
		/* Without SMP this is what tells. */
		WRITE_ONCE(burst->node->held, true);
		raise_nmi();
		WRITE_ONCE(burst->node->held, false);
		raw_spin_unlock_irqrestore(&burst->node->lock, flags);
		forget_nmi();
		KUNIT_EXPECT_EQ(test, burst->n, (size_t)0);
		KUNIT_EXPECT_EQ(test, burst->depot->nr_full, 0);
	}
	end_burst(burst);
	if (!exists)
		kunit_skip(test, "this machine has no way to get there");
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_frees_in_a_row_fill_it),
	KUNIT_CASE(test_refills_empty_it),
	KUNIT_CASE(test_a_swing_leaves_it_alone),
	KUNIT_CASE(test_a_swing_at_its_end_finds_room),
	KUNIT_CASE(test_a_refill_gets_memory_for_arrays),
	KUNIT_CASE(test_growth_drains_it),
	KUNIT_CASE(test_growth_in_bulk_drains_it),
	KUNIT_CASE(test_a_large_node_has_none),
	KUNIT_CASE(test_reclaim_empties_all),
	KUNIT_CASE(test_trim_drains_what_was_not_used),
	KUNIT_CASE(test_trim_takes_empty_arrays),
	KUNIT_CASE(test_stats_have_it_as_cached),
	KUNIT_CASE(test_check_looks_into_it),
	KUNIT_CASE(test_free_twice),
	KUNIT_CASE(test_free_twice_and_malloc),
	KUNIT_CASE(test_free_twice_and_trim),
	KUNIT_CASE(test_another_cpu_takes_them),
	KUNIT_CASE_PARAM(test_every_context, context_gen_params),
	KUNIT_CASE(test_nmi_finds_it_locked),
	{ }
};

PYALLOC_ENGINE_SUITE(depot, cases);
