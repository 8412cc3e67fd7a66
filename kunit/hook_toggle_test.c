// SPDX-License-Identifier: GPL-2.0
/*
 * Hooks that are turned on and off: blocks from before are known for what they
 * are, whatever comes after, also while others allocate and free.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "crew.h"
#include "hooked.h"

KUNIT_ARRAY_PARAM(domain, domains, describe_domain);

#define EXPECT(test, condition, size)					\
	KUNIT_EXPECT_TRUE_MSG(test, condition, "%zu bytes", size)

static void turn(struct kunit *test, bool on)
{
	KUNIT_ASSERT_EQ(test, pyhook_turn(on ? ALL_DOMAINS : 0), 0);
}

static void toggle_exit(struct kunit *test)
{
	pyhook_turn(ALL_DOMAINS);
	hooked_exit(test);
}

/* Both ways: on before and off after, and the other way round. */
static void test_free(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	struct pydomain_stats before[PYDOMAIN_ROWS];
	void *blocks[ARRAY_SIZE(hooked_sizes)];
	unsigned int i, on;
	size_t size;

	for (on = 0; on < 2; on++) {
		take_domain_stats(test, before);
		turn(test, on);
		for_each_hooked_size(size, i) {
			blocks[i] = hooked_malloc(test, domain, size);
			EXPECT(test, pyhook_knows(blocks[i]) == on, size);
		}
		turn(test, !on);
		expect_whole(test);
		for_each_hooked_size(size, i) {
			EXPECT(test, pyalloc_usable_size(blocks[i]) >= size,
			       size);
			EXPECT(test, is_filled(blocks[i], size, 0x5a), size);
			domain->free(blocks[i]);
		}
		expect_no_report(test);
		expect_whole(test);
		expect_rows(test, before, on);
	}
}

/* Mistakes with a decorated block are found also when hooks are off. */
static void test_mistakes_after(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	static const size_t sizes[] = { 20, 488, 489, 3000 };
	struct pyalloc_report report;
	unsigned int i;
	void *ptr, *twice;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		turn(test, true);
		ptr = hooked_malloc(test, domain, sizes[i]);
		twice = hooked_malloc(test, domain, sizes[i]);
		spoil(ptr + sizes[i]);
		turn(test, false);
		domain->free(ptr);
		take_report(test, PYALLOC_OVERFLOW, ptr, sizes[i], &report);
		domain->free(twice);
		domain->free(twice);
		take_report(test, PYALLOC_DOUBLE_FREE, twice, sizes[i],
			    &report);
		pyhook_forgive();
	}
}

static void test_realloc(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	static const size_t sizes[] = { 1, 40, 104, 488, 489, 512, 3000 };
	struct pydomain_stats before[PYDOMAIN_ROWS];
	unsigned int i, j, on;
	size_t both;
	void *ptr;

	for (on = 0; on < 2; on++)
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			take_domain_stats(test, before);
			for (j = 0; j < ARRAY_SIZE(sizes); j++) {
				turn(test, on);
				ptr = hooked_malloc(test, domain, sizes[i]);
				turn(test, !on);
				ptr = domain->realloc(ptr, sizes[j],
						      GFP_KERNEL);
				KUNIT_ASSERT_NOT_NULL(test, ptr);
				both = min(sizes[i], sizes[j]);
				EXPECT(test, is_filled(ptr, both, 0x5a),
				       sizes[j]);
				fill(ptr, sizes[j], 0x77);
				turn(test, on);
				domain->free(ptr);
			}
			expect_no_report(test);
			expect_rows(test, before, sizes[i]);
		}
}

struct with_head {
	u8		first[40];
	struct rcu_head	rcu;
};

static void test_grace(struct kunit *test)
{
	static const size_t sizes[] = { sizeof(struct with_head), 480, 3000 };
	struct pydomain_stats before[PYDOMAIN_ROWS];
	struct with_head *mem, *object;
	unsigned int i, on;

	take_domain_stats(test, before);
	for (on = 0; on < 4; on++)
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			turn(test, on & 1);
			mem = pymem_malloc(sizes[i], GFP_KERNEL);
			object = pyobject_malloc(sizes[i], GFP_KERNEL);
			KUNIT_ASSERT_TRUE(test, mem && object);
			if (on & 2)
				turn(test, !(on & 1));
			pymem_free_rcu(mem, rcu);
			pyobject_free_rcu(object, rcu);
			turn(test, !(on & 1));
		}
	rcu_barrier();
	expect_no_report(test);
	expect_rows(test, before, 0);
}

static void test_bulk(struct kunit *test)
{
	struct pydomain_stats before[PYDOMAIN_ROWS];
	void *blocks[60];
	unsigned int i;

	take_domain_stats(test, before);
	/* Some of each kind, side by side. */
	for (i = 0; i < 6; i++) {
		turn(test, i % 2);
		KUNIT_ASSERT_EQ(test, pymem_malloc_bulk(64, GFP_KERNEL, 10,
							blocks + 10 * i),
				(size_t)10);
	}
	for (i = 0; i < 30; i++)
		swap(blocks[i], blocks[59 - i * 7 % 30]);
	pymem_free_bulk(30, blocks);
	turn(test, false);
	pymem_free_bulk(30, blocks + 30);
	expect_no_report(test);
	expect_rows(test, before, 0);
}

/* One domain by itself. */
static void test_one_domain(struct kunit *test)
{
	const struct domain *domain = test->param_value;
	unsigned int i;
	void *ptr;

	KUNIT_ASSERT_EQ(test, pyhook_turn(BIT(domain->id)), 0);
	for (i = 0; i < ARRAY_SIZE(domains); i++) {
		ptr = domains[i].malloc(50, GFP_KERNEL);
		KUNIT_EXPECT_EQ(test, pyhook_knows(ptr),
				&domains[i] == domain);
		domains[i].free(ptr);
	}
	expect_no_report(test);
}

/* What rests when hooks go is drained as ever. */
static void test_what_rests(struct kunit *test)
{
	unsigned int i;
	void *ptr;

	for (i = 0; i < 300; i++) {
		turn(test, true);
		ptr = pymem_malloc(i * 3, GFP_KERNEL);
		pymem_free(ptr);
		if (i % 50)
			continue;
		turn(test, false);
		pyalloc_reclaim();
		KUNIT_EXPECT_EQ(test, pyquarantine_raw_bytes(), (size_t)0);
		KUNIT_EXPECT_EQ(test, heap_arenas(test), 0UL);
		expect_whole(test);
	}
}

/* === While others work === */

enum {
	BLOCKS		= 64,
	SHARED		= 32,
	OPERATIONS	= IS_ENABLED(CONFIG_KASAN) ||
			  IS_ENABLED(CONFIG_KCSAN) ? 3000 : 15000,
};

struct held {
	u8		*block;
	size_t		size;
	unsigned int	domain;
};

struct crowd {
	void		*shared[SHARED];
	atomic_t	spoilt;
	struct held	held[CREW_HANDS][BLOCKS];
};

static void put(struct crowd *crowd, struct held *held)
{
	if (held->block && !is_filled(held->block, held->size, held->size))
		atomic_inc(&crowd->spoilt);
	domains[held->domain].free(held->block);
	held->block = NULL;
}

static void take(struct hand *hand, struct held *held)
{
	held->size = hand_below(hand, 700);
	held->domain = hand_below(hand, PYMEM_NR_DOMAINS);
	held->block = domains[held->domain].malloc(held->size, GFP_KERNEL);
	if (held->block)
		fill(held->block, held->size, held->size);
}

static void resize(struct hand *hand, struct crowd *crowd, struct held *held)
{
	size_t size = hand_below(hand, 700);
	u8 *now;

	if (!held->block)
		return;
	now = domains[held->domain].realloc(held->block, size, GFP_KERNEL);
	if (!now)
		return;
	if (!is_filled(now, min(size, held->size), held->size))
		atomic_inc(&crowd->spoilt);
	held->block = now;
	held->size = size;
	fill(held->block, held->size, held->size);
}

static void put_later(void)
{
	struct with_head *block = pymem_malloc(sizeof(*block), GFP_KERNEL);

	pymem_free_rcu(block, rcu);
}

static void exchange(struct hand *hand, struct crowd *crowd)
{
	void **slot = &crowd->shared[hand_below(hand, SHARED)];
	size_t size = hand_below(hand, 600);

	pymem_free(xchg(slot, pymem_malloc(size, GFP_KERNEL)));
}

static void work(struct hand *hand)
{
	struct crowd *crowd = hand->crew->data;
	struct held *mine = crowd->held[hand->index], *held;
	unsigned int i;

	hand_roam();
	for (i = 0; i < OPERATIONS; i++) {
		held = &mine[hand_below(hand, BLOCKS)];
		switch (hand_below(hand, 8)) {
		case 0:
			put_later();
			break;
		case 1:
			exchange(hand, crowd);
			break;
		case 2:
			resize(hand, crowd, held);
			break;
		default:
			put(crowd, held);
			take(hand, held);
		}
		if (i % 64 == 0)
			cond_resched();
	}
	for (i = 0; i < BLOCKS; i++)
		put(crowd, &mine[i]);
}

/* Each of the three by itself, and check and reclaim between. */
static unsigned int toggle_until_done(struct kunit *test, struct crew *crew)
{
	unsigned int round;

	for (round = 0; !crew_is_done(crew); round++) {
		KUNIT_EXPECT_EQ(test, pyhook_turn(round % 8), 0);
		if (round % 16 == 7)
			expect_whole(test);
		if (round % 16 == 15)
			pyalloc_reclaim();
	}
	return round;
}

static void test_while_others_work(struct kunit *test)
{
	struct crowd *crowd = kzalloc(sizeof(*crowd), GFP_KERNEL);
	struct crew *crew;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, crowd);
	/* See hooked.h. */
	pydomain_wrap(PYWRAP_TEST);
	crew = crew_start(test, work, crowd);
	KUNIT_EXPECT_GT(test, toggle_until_done(test, crew), 0U);
	crew_join(crew);
	KUNIT_EXPECT_EQ(test, atomic_read(&crowd->spoilt), 0);
	for (i = 0; i < SHARED; i++)
		pymem_free(crowd->shared[i]);
	kfree(crowd);
	rcu_barrier();
	pydomain_unwrap(PYWRAP_TEST);
	expect_no_report(test);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(test_free, domain_gen_params),
	KUNIT_CASE_PARAM(test_mistakes_after, domain_gen_params),
	KUNIT_CASE_PARAM(test_realloc, domain_gen_params),
	KUNIT_CASE(test_grace),
	KUNIT_CASE(test_bulk),
	KUNIT_CASE_PARAM(test_one_domain, domain_gen_params),
	KUNIT_CASE(test_what_rests),
	KUNIT_CASE(test_while_others_work),
	{ }
};

struct kunit_suite hook_toggle_suite = {
	.name		= "pyalloc_hook_toggle",
	.suite_init	= hooked_suite_init,
	.suite_exit	= hooked_suite_exit,
	.init		= hooked_init,
	.exit		= toggle_exit,
	.test_cases	= cases,
};
