// SPDX-License-Identifier: GPL-2.0
/*
 * Whose is this address: each state that a block, a pool or a page can be in,
 * told to the byte, and every address that is nobody's.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "../pyalloc/reclaim.h"
#include "../pyalloc/whereis.h"
#include "burst.h"
#include "crew.h"
#include "traced.h"
#include "typed.h"

static void ask(const void *address, struct pywhereis *where)
{
	pywhereis(pytrace_begin_look(), address, where);
	pytrace_end_look();
}

static enum pywhereis_state state_of(const void *address)
{
	struct pywhereis where;

	ask(address, &where);
	return where.state;
}

static void *make(struct kunit *test, size_t size)
{
	void *block = pymem_malloc(size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, block);
	return block;
}

static struct pyarena *arena_of(const void *block)
{
	u32 number = pymap_lookup(block) >> PYMAP_ARENA_SHIFT, found = number;
	struct pyarena *arena = pyheap_next_arena(&pyheap_default, &found);

	return arena && found == number ? arena : NULL;
}

/* === Live blocks === */

/* As pyalloc_describe() and the map have it. */
static void expect_block(struct kunit *test, void *block, size_t offset,
			 const char *heap)
{
	struct pyalloc_place place;
	struct pywhereis where;

	ask(block + offset, &where);
	KUNIT_ASSERT_EQ(test, pyalloc_describe(block, &place), 0);
	KUNIT_EXPECT_PTR_EQ(test, where.address, (const void *)block + offset);
	KUNIT_EXPECT_STREQ(test, where.heap, heap);
	KUNIT_EXPECT_EQ(test, (int)where.state, (int)PYWHEREIS_LIVE);
	KUNIT_EXPECT_EQ(test, (int)where.kind, (int)PYWHEREIS_PLAIN);
	KUNIT_EXPECT_TRUE(test, where.has_arena && where.has_pool &&
			  where.has_block && !where.is_noted);
	KUNIT_EXPECT_EQ(test, where.arena, place.arena);
	KUNIT_EXPECT_EQ(test, where.pool, place.pool);
	KUNIT_EXPECT_EQ(test, where.block, place.block);
	KUNIT_EXPECT_EQ(test, where.size, (size_t)place.class_size);
	KUNIT_EXPECT_EQ(test, where.offset, offset);
	KUNIT_EXPECT_PTR_EQ(test, where.base, (const void *)block);
	KUNIT_EXPECT_EQ(test, where.site, 0U);
}

static void test_live(struct kunit *test)
{
	struct pywhereis where;
	void *block;
	size_t size;

	for_each_class_size(size) {
		block = make(test, size);
		expect_block(test, block, 0, "default");
		expect_block(test, block, 1, "default");
		expect_block(test, block, size - 1, "default");
		ask(block, &where);
		KUNIT_EXPECT_EQ(test, where.class, class_index(size));
		KUNIT_EXPECT_EQ(test, where.nid,
				arena_of(block)->node->nid);
		pymem_free(block);
	}
}

static void test_private(struct kunit *test)
{
	struct pyheap *heap = pyheap_create("whereis", NULL);
	void *small, *large;
	struct pywhereis where;

	KUNIT_ASSERT_TRUE(test, !IS_ERR(heap));
	small = pyheap_malloc(heap, 100, GFP_KERNEL);
	large = pyheap_malloc(heap, 3000, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, small && large);
	expect_block(test, small, 7, "whereis");
	ask(large + 2999, &where);
	KUNIT_EXPECT_STREQ(test, where.heap, "whereis");
	KUNIT_EXPECT_EQ(test, (int)where.state, (int)PYWHEREIS_LIVE);
	KUNIT_EXPECT_EQ(test, (int)where.kind, (int)PYWHEREIS_RAW);
	KUNIT_EXPECT_FALSE(test, where.has_arena);
	KUNIT_EXPECT_TRUE(test, where.is_noted);
	KUNIT_EXPECT_EQ(test, where.bytes, (size_t)3000);
	KUNIT_EXPECT_EQ(test, where.offset, (size_t)2999);
	KUNIT_EXPECT_GE(test, where.size, (size_t)3000);
	KUNIT_EXPECT_EQ(test, state_of(large - 1), PYWHEREIS_NONE);
	KUNIT_EXPECT_EQ(test, pyheap_destroy(heap), (size_t)2);
	KUNIT_EXPECT_EQ(test, state_of(small), PYWHEREIS_NONE);
	KUNIT_EXPECT_EQ(test, state_of(large), PYWHEREIS_NONE);
}

/* Its blocks come from a front that its own lock protects. */
static void test_own_lock(struct kunit *test)
{
	static const struct pyheap_attr attr = {
		.flags = PYHEAP_EXTERNAL_LOCK,
	};
	struct pyheap *heap = pyheap_create("whereis", &attr);
	void *blocks[100];
	unsigned int i, in_front = 0;

	KUNIT_ASSERT_TRUE(test, !IS_ERR(heap));
	for (i = 0; i < ARRAY_SIZE(blocks); i++) {
		blocks[i] = pyheap_malloc(heap, 64, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, blocks[i]);
	}
	for (i = 0; i < ARRAY_SIZE(blocks); i++)
		KUNIT_EXPECT_EQ(test, state_of(blocks[i]), PYWHEREIS_LIVE);
	for (i = 1; i < ARRAY_SIZE(blocks); i++)
		pyheap_free(heap, blocks[i]);
	for (i = 1; i < ARRAY_SIZE(blocks); i++) {
		KUNIT_EXPECT_NE(test, state_of(blocks[i]), PYWHEREIS_LIVE);
		in_front += state_of(blocks[i]) == PYWHEREIS_FRONT;
	}
	KUNIT_EXPECT_EQ(test, (unsigned long)in_front,
			(unsigned long)pystock_count(&heap->own_front->stock
					[heap->classes->of_step[8]]));
	KUNIT_EXPECT_EQ(test, state_of(blocks[0]), PYWHEREIS_LIVE);
	KUNIT_EXPECT_EQ(test, pyheap_destroy(heap), (size_t)1);
}

/* === Free blocks === */

/* Each block that was freed lies in one of the three, and as many as counted. */
static void test_front_and_depot(struct kunit *test)
{
	struct burst *burst = begin_burst(test, 64);
	unsigned int found[PYWHEREIS_NR_STATES] = {};
	void **blocks;
	size_t n, i;

	take_in_a_row(burst, burst->whole);
	n = burst->n;
	blocks = make_array(test, n);
	memcpy(blocks, burst->blocks, n * sizeof(*blocks));
	KUNIT_EXPECT_EQ(test, state_of(blocks[0]), PYWHEREIS_LIVE);
	put_in_a_row(burst, n);
	for (i = 0; i < n; i++)
		found[state_of(blocks[i])]++;
	KUNIT_EXPECT_GT(test, found[PYWHEREIS_FRONT], 0U);
	KUNIT_EXPECT_LE(test, found[PYWHEREIS_FRONT],
			pystock_count(burst->stock));
	KUNIT_EXPECT_GT(test, found[PYWHEREIS_DEPOT], 0U);
	KUNIT_EXPECT_EQ(test, (size_t)found[PYWHEREIS_FRONT] +
			found[PYWHEREIS_DEPOT] + found[PYWHEREIS_FREE] +
			found[PYWHEREIS_EMPTY], n);
	kvfree(blocks);
	end_burst(burst);
}

static void test_free_in_pool(struct kunit *test)
{
	void *kept = make(test, 512), *freed = make(test, 512);
	struct pywhereis where;

	pymem_free(freed);
	pyreclaim_drain();
	KUNIT_EXPECT_EQ(test, state_of(kept), PYWHEREIS_LIVE);
	ask(freed + 5, &where);
	/* They may have been of two pools. */
	if (where.has_pool) {
		KUNIT_EXPECT_EQ(test, (int)where.state, (int)PYWHEREIS_FREE);
		KUNIT_EXPECT_EQ(test, where.offset, (size_t)5);
	} else {
		KUNIT_EXPECT_EQ(test, (int)where.state, (int)PYWHEREIS_EMPTY);
	}
	pymem_free(kept);
}

static const void *pool_of(const void *block, const struct pyclass *class)
{
	unsigned long bytes = class->granules << PYGRANULE_SHIFT;

	return (void *)ALIGN_DOWN((unsigned long)block, bytes);
}

static void test_rest_of_pool(struct kunit *test)
{
	const struct pyclass *class;
	struct pywhereis where;
	const void *end;
	void *block;
	size_t size;

	for_each_class_size(size) {
		class = pyheap_class(&pyheap_default, class_index(size));
		block = make(test, size);
		end = pool_of(block, class) + (class->granules << PYGRANULE_SHIFT);
		ask(end - 1, &where);
		if (class->blocks * size == class->granules << PYGRANULE_SHIFT) {
			KUNIT_EXPECT_EQ(test, where.block, class->blocks - 1U);
			KUNIT_EXPECT_TRUE(test, where.has_block);
		} else {
			KUNIT_EXPECT_EQ(test, (int)where.state,
					(int)PYWHEREIS_REST);
			KUNIT_EXPECT_FALSE(test, where.has_block);
		}
		pymem_free(block);
	}
}

static void test_list(struct kunit *test)
{
	static const struct pytype_attr attr = {
		.name = "whereis", .size = 40, .max_free = 8,
	};
	struct pytype *type = make_type(test, &attr);
	void *object, *other;

	stay_on_this_cpu(test);
	other = pytype_alloc(type, GFP_KERNEL);
	object = pytype_alloc(type, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, object && other);
	KUNIT_EXPECT_EQ(test, state_of(object), PYWHEREIS_LIVE);
	pytype_free(type, object);
	/* Where a sanitizer watches no list is used. */
	KUNIT_EXPECT_EQ(test, state_of(object) == PYWHEREIS_LIST,
			type_cached(test, "whereis") == 1);
	KUNIT_EXPECT_NE(test, state_of(object), PYWHEREIS_LIVE);
	KUNIT_EXPECT_EQ(test, state_of(other), PYWHEREIS_LIVE);
	pytype_free(type, other);
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), (size_t)0);
}

/* A type with a constructor has a heap of its own, with the type's name. */
static void construct(void *object)
{
	*(u64 *)object = 1;
}

static void test_typed(struct kunit *test)
{
	static const struct pytype_attr attr = {
		.name = "whereis", .size = 40, .max_free = 8, .ctor = construct,
	};
	struct pytype *type = make_type(test, &attr);
	void *object = pytype_alloc(type, GFP_KERNEL);
	struct pywhereis where;

	KUNIT_ASSERT_NOT_NULL(test, object);
	ask(object + 3, &where);
	KUNIT_EXPECT_EQ(test, strncmp(where.heap, "whereis.", 8), 0);
	KUNIT_EXPECT_EQ(test, (int)where.state, (int)PYWHEREIS_LIVE);
	KUNIT_EXPECT_EQ(test, where.offset, (size_t)3);
	pytype_free(type, object);
	KUNIT_EXPECT_NE(test, state_of(object), PYWHEREIS_LIVE);
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), (size_t)0);
	KUNIT_EXPECT_EQ(test, state_of(object), PYWHEREIS_NONE);
}

/* === Every granule of a heap === */

/* How many blocks of a pool are in a state. */
static unsigned int count_blocks(const void *pool, const struct pyclass *class,
				 enum pywhereis_state state)
{
	unsigned int i, n = 0;

	for (i = 0; i < class->blocks; i++)
		n += state_of(pool + i * class->size) == state;
	return n;
}

static void test_reserve(struct kunit *test)
{
	struct pyheap *heap = pyheap_create("whereis", NULL);
	struct pyarena *arena;
	unsigned int found = 0, i;
	u32 number = 1;
	void *base;

	KUNIT_ASSERT_TRUE(test, !IS_ERR(heap));
	KUNIT_ASSERT_EQ(test, pyheap_reserve(heap, 512, 3, GFP_KERNEL), 0);
	arena = pyheap_next_arena(heap, &number);
	KUNIT_ASSERT_NOT_NULL(test, arena);
	for (i = 0; i < arena->granules; i++) {
		base = arena->base + ((size_t)i << PYGRANULE_SHIFT);
		found += count_blocks(base, pyheap_class(heap,
				      heap->classes->nr - 1),
				      PYWHEREIS_RESERVE);
	}
	KUNIT_EXPECT_EQ(test, found, 3U);
	KUNIT_EXPECT_EQ(test, pyheap_destroy(heap), (size_t)0);
}

/**
 * struct granules - what the granules of a heap's arenas are
 * @state: how many are in each state
 * @pools: how many begin a pool
 * @wrong: how many were told otherwise than their descriptors say
 */
struct granules {
	unsigned int	state[PYWHEREIS_NR_STATES];
	unsigned int	pools;
	unsigned int	wrong;
};

static bool is_told(const struct pypool *pool, const struct pywhereis *where)
{
	switch (pool->fullness) {
	case PYPOOL_NONE:
		return where->state == PYWHEREIS_EMPTY && !where->has_pool;
	case PYPOOL_HOLE:
		/* Its page may be another arena's by now. */
		return true;
	case PYPOOL_TAIL:
		return where->has_pool && where->offset < where->size;
	default:
		return where->has_pool &&
		       (where->kind == PYWHEREIS_META) ==
		       pyclass_is_meta(pool->class) &&
		       (!where->has_block || !where->block);
	}
}

static void look_at_granules(struct pyarena *arena, struct granules *granules)
{
	struct pywhereis where;
	unsigned int i;
	void *base;

	for (i = 0; i < arena->granules; i++) {
		base = arena->base + ((size_t)i << PYGRANULE_SHIFT);
		ask(base, &where);
		granules->state[where.state]++;
		granules->pools += arena->pools[i].fullness <= PYPOOL_FULL;
		granules->wrong += !is_told(&arena->pools[i], &where);
	}
}

static void take_granules(struct granules *granules)
{
	struct pyarena *arena;
	u32 number;

	memset(granules, 0, sizeof(*granules));
	for (number = 1;
	     (arena = pyheap_next_arena(&pyheap_default, &number)); number++)
		look_at_granules(arena, granules);
}

/* One block in so many outlives the rest, so that pages go back. */
#define THIN_SIZE	256
#define THIN_BLOCKS	1024
#define THIN_KEPT	64

static void test_granules(struct kunit *test)
{
	void **blocks = make_array(test, THIN_BLOCKS);
	struct granules granules;
	size_t i;

	take_exactly(test, THIN_SIZE, THIN_BLOCKS, blocks);
	take_granules(&granules);
	KUNIT_EXPECT_EQ(test, granules.wrong, 0U);
	KUNIT_EXPECT_GT(test, granules.state[PYWHEREIS_LIVE], 0U);
	for (i = 0; i < THIN_BLOCKS; i++)
		if (i % THIN_KEPT)
			pymem_free(blocks[i]);
	pyreclaim_drain();
	take_granules(&granules);
	KUNIT_EXPECT_EQ(test, granules.wrong, 0U);
	KUNIT_EXPECT_GT(test, granules.state[PYWHEREIS_EMPTY], 0U);
	pyalloc_reclaim();
	take_granules(&granules);
	KUNIT_EXPECT_EQ(test, granules.wrong, 0U);
	if (pyarena_source != PYARENA_VMALLOC)
		KUNIT_EXPECT_GT(test, granules.state[PYWHEREIS_HOLE], 0U);
	for (i = 0; i < THIN_BLOCKS; i += THIN_KEPT)
		pymem_free(blocks[i]);
	kvfree(blocks);
}

/* The array of a front that has one. */
static void test_own(struct kunit *test)
{
	struct burst *burst = begin_burst(test, 64);
	struct pywhereis where;

	take_and_put(burst);
	ask(pystock_floor(burst->stock), &where);
	KUNIT_EXPECT_EQ(test, (int)where.state, (int)PYWHEREIS_OWN);
	KUNIT_EXPECT_EQ(test, (int)where.kind, (int)PYWHEREIS_META);
	KUNIT_EXPECT_EQ(test, where.offset, (size_t)0);
	KUNIT_EXPECT_EQ(test, where.size,
			pystock_slots(burst->stock) * sizeof(void *));
	end_burst(burst);
}

/* As overwriting its links would do to it, and back. */
static void test_condemned(struct kunit *test)
{
	const struct pyclass *class;
	struct pywhereis where;
	struct pyarena *arena;
	struct pypool *pool;
	void *block = make(test, 100);
	u8 before;

	class = pyheap_class(&pyheap_default, class_index(100));
	arena = arena_of(block);
	pool = &arena->pools[pyarena_granule(arena, pool_of(block, class))];
	before = pool->fullness;
	WRITE_ONCE(pool->fullness, PYPOOL_CONDEMNED);
	ask(block + 9, &where);
	WRITE_ONCE(pool->fullness, before);
	KUNIT_EXPECT_EQ(test, (int)where.state, (int)PYWHEREIS_CONDEMNED);
	KUNIT_EXPECT_EQ(test, where.size, (size_t)class->size);
	KUNIT_EXPECT_EQ(test, where.offset, (size_t)9);
	pymem_free(block);
}

/* === Nobody's === */

static void expect_none(struct kunit *test, const void *address)
{
	struct pywhereis where;

	ask(address, &where);
	KUNIT_EXPECT_TRUE_MSG(test, where.state == PYWHEREIS_NONE &&
			      !*where.heap && !where.has_arena &&
			      !where.has_pool && !where.has_block &&
			      !where.is_noted && !where.site,
			      "state %d", (int)where.state);
}

static void test_nobodys(struct kunit *test)
{
	void *block = kmalloc(100, GFP_KERNEL), *pages = vmalloc(PAGE_SIZE);
	unsigned int bit;
	int local;

	expect_none(test, NULL);
	expect_none(test, (void *)1);
	expect_none(test, (void *)ULONG_MAX);
	expect_none(test, block);
	expect_none(test, pages);
	expect_none(test, &local);
	expect_none(test, test_nobodys);
	expect_none(test, &whereis_suite);
	expect_none(test, &pyheap_default);
	expect_none(test, (void *)PAGE_OFFSET);
	expect_none(test, high_memory);
	/* User space, what no processor has an address for, and all else. */
	for (bit = 0; bit < BITS_PER_LONG; bit++) {
		expect_none(test, (void *)BIT(bit));
		expect_none(test, (void *)~BIT(bit));
	}
	vfree(pages);
	kfree(block);
}

/* A whole leaf of the map around a block, and what lies around an arena. */
static void test_neighbours(struct kunit *test)
{
	void *block = make(test, 64);
	struct pyarena *arena = arena_of(block);
	size_t bytes = pyarena_bytes(arena);
	long offset;

	for (offset = -(long)SZ_4M; offset <= (long)SZ_4M; offset += 2048 + 8)
		state_of(block + offset);
	KUNIT_EXPECT_NE(test, state_of(arena->base), PYWHEREIS_NONE);
	KUNIT_EXPECT_NE(test, state_of(arena->base + bytes - 1),
			PYWHEREIS_NONE);
	KUNIT_EXPECT_EQ(test, state_of(block), PYWHEREIS_LIVE);
	pymem_free(block);
}

/* === While others are at work === */

#define LOADS	(IS_ENABLED(CONFIG_KASAN) ? 200 : 1000)

static void come_and_go(struct hand *hand)
{
	struct pyheap *heap;
	void *small, *large;
	char name[16];

	snprintf(name, sizeof(name), "whereis-%u", hand->index);
	heap = pyheap_create(name, NULL);
	if (IS_ERR(heap))
		return;
	small = pyheap_malloc(heap, 64, QUIET);
	large = pyheap_malloc(heap, 2000, QUIET);
	pyalloc_reclaim();
	pyheap_free(heap, small);
	pyheap_free(heap, large);
	pyheap_destroy(heap);
}

/* In the default heap, and in heaps that come and go. */
static void load(struct hand *hand)
{
	void *blocks[32];
	unsigned int i, n;

	for (n = 0; n < LOADS; n++) {
		for (i = 0; i < ARRAY_SIZE(blocks); i++)
			blocks[i] = pymem_malloc(hand_below(hand, 600), QUIET);
		for (i = 0; i < ARRAY_SIZE(blocks); i++)
			pymem_free(blocks[i]);
		if (n % 16 == 0)
			come_and_go(hand);
		cond_resched();
	}
}

/* Whatever goes on around it, what nobody touches is told as it is. */
static void test_under_load(struct kunit *test)
{
	void *block = make(test, 100);
	unsigned int wrong = 0;
	struct pywhereis where;
	struct crew *crew;
	long n = 0;

	crew = crew_start(test, load, NULL);
	do {
		ask(block + 50, &where);
		wrong += where.state != PYWHEREIS_LIVE || where.offset != 50 ||
			 where.base != block;
		/* Its neighbours come and go. */
		state_of(block + (n++ * 40 & (SZ_64K - 1)));
	} while (!crew_is_done(crew));
	crew_join(crew);
	KUNIT_EXPECT_EQ(test, wrong, 0U);
	pymem_free(block);
}

static struct kunit_case whereis_cases[] = {
	KUNIT_CASE(test_live),
	KUNIT_CASE(test_private),
	KUNIT_CASE(test_own_lock),
	KUNIT_CASE(test_front_and_depot),
	KUNIT_CASE(test_free_in_pool),
	KUNIT_CASE(test_rest_of_pool),
	KUNIT_CASE(test_list),
	KUNIT_CASE(test_typed),
	KUNIT_CASE(test_reserve),
	KUNIT_CASE(test_granules),
	KUNIT_CASE(test_own),
	KUNIT_CASE(test_condemned),
	KUNIT_CASE(test_nobodys),
	KUNIT_CASE(test_neighbours),
	KUNIT_CASE(test_under_load),
	{}
};

PYALLOC_ENGINE_SUITE(whereis, whereis_cases);

/* === Decorated blocks === */

static void expect_decorated(struct kunit *test, const void *ptr,
			     const struct domain *domain, size_t size)
{
	struct pywhereis where;
	bool pooled = is_pooled(domain, size);

	ask(ptr, &where);
	KUNIT_EXPECT_EQ(test, (int)where.state, (int)PYWHEREIS_LIVE);
	KUNIT_EXPECT_EQ(test, (int)where.kind, (int)(pooled ?
			PYWHEREIS_DECORATED : PYWHEREIS_DECORATED_RAW));
	KUNIT_EXPECT_EQ(test, where.offset, (size_t)PYHOOK_HEAD);
	KUNIT_EXPECT_EQ(test, where.has_pool, pooled);
	KUNIT_EXPECT_TRUE(test, where.is_noted);
	KUNIT_EXPECT_EQ(test, where.bytes, size);
	KUNIT_EXPECT_EQ(test, (int)where.domain, (int)domain->id);
	if (pooled)
		KUNIT_EXPECT_EQ(test, where.size, hooked_room(size));
	/* In front of it, and behind. */
	ask(ptr - 1, &where);
	KUNIT_EXPECT_EQ(test, where.offset, (size_t)PYHOOK_HEAD - 1);
	ask(ptr + size, &where);
	KUNIT_EXPECT_EQ(test, where.offset, PYHOOK_HEAD + size);
}

static void test_decorated(struct kunit *test)
{
	size_t size;
	unsigned int i, j;
	void *ptr;

	for_each_hooked_size(size, i) {
		for (j = 0; j < ARRAY_SIZE(domains); j++) {
			ptr = hooked_malloc(test, &domains[j], size);
			expect_decorated(test, ptr, &domains[j], size);
			domains[j].free(ptr);
			KUNIT_EXPECT_NE(test, state_of(ptr), PYWHEREIS_LIVE);
		}
	}
}

static void test_resting(struct kunit *test)
{
	void *small = hooked_malloc(test, &domains[PYMEM_DOMAIN_MEM], 100);
	void *large = hooked_malloc(test, &domains[PYMEM_DOMAIN_RAW], 1000);

	pymem_free(small);
	pymem_raw_free(large);
	KUNIT_EXPECT_EQ(test, state_of(small), PYWHEREIS_QUARANTINE);
	KUNIT_EXPECT_EQ(test, state_of(large), PYWHEREIS_QUARANTINE);
}

static void test_waiting(struct kunit *test)
{
	static const size_t sizes[] = { 100, 1000 };
	struct graced *block;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		block = hooked_malloc(test, &domains[PYMEM_DOMAIN_MEM],
				      sizes[i]);
		/* Asking sleeps, so that the grace period may be over. */
		pymem_free_rcu(block, rcu);
		KUNIT_EXPECT_NE(test, state_of(block), PYWHEREIS_LIVE);
		rcu_barrier();
		KUNIT_EXPECT_EQ(test, state_of(block), PYWHEREIS_QUARANTINE);
	}
}

static void test_kept(struct kunit *test)
{
	u8 *ptr = hooked_malloc(test, &domains[PYMEM_DOMAIN_MEM], 100);
	struct pyalloc_report report;

	scribble(ptr + 100, 0x11);
	pymem_free(ptr);
	take_report(test, PYALLOC_OVERFLOW, ptr, 100, &report);
	KUNIT_EXPECT_EQ(test, state_of(ptr), PYWHEREIS_KEPT);
	pyhook_forgive();
	KUNIT_EXPECT_NE(test, state_of(ptr), PYWHEREIS_KEPT);
}

static struct kunit_case whereis_hooks_cases[] = {
	KUNIT_CASE(test_decorated),
	KUNIT_CASE(test_resting),
	KUNIT_CASE(test_waiting),
	KUNIT_CASE(test_kept),
	{}
};

HOOKED_SUITE(whereis_hooks, whereis_hooks_cases);

/* === Traced blocks === */

static bool is_by_name(const struct pywhereis *where, const char *function)
{
	struct pytrace *trace = pytrace_begin_look();
	char text[PYSITE_TEXT];

	*text = 0;
	if (trace && where->site)
		pysite_tell(trace->sites, where->site, text, sizeof(text),
			    false);
	pytrace_end_look();
	return begins_with(text, function);
}

static void test_traced(struct kunit *test)
{
	static const size_t sizes[] = TRACED_SIZES;
	const struct domain *domain;
	struct pywhereis where;
	unsigned int i, j;
	void *block;

	begin_trace(test, 1);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (j = 0; j < ARRAY_SIZE(domains); j++) {
			domain = &domains[j];
			block = make_here(domain, sizes[i]);
			KUNIT_ASSERT_NOT_NULL(test, block);
			ask(block + sizes[i] / 2, &where);
			KUNIT_EXPECT_EQ(test, (int)where.state,
					(int)PYWHEREIS_LIVE);
			KUNIT_EXPECT_TRUE(test,
					  is_by_name(&where, "make_here"));
			KUNIT_EXPECT_EQ(test, where.bytes, sizes[i]);
			KUNIT_EXPECT_EQ(test, (int)where.domain,
					(int)domain->id);
			domain->free(block);
			ask(block, &where);
			KUNIT_EXPECT_EQ(test, where.site, 0U);
			KUNIT_EXPECT_NE(test, (int)where.state,
					(int)PYWHEREIS_LIVE);
		}
	}
}

/* What a client tracks itself, by an address that is nobody's. */
static void test_tracked(struct kunit *test)
{
	void *mine = (void *)0x1000;
	struct pywhereis where;

	begin_trace(test, 1);
	KUNIT_ASSERT_EQ(test, pytrace_track(77, mine, 500, GFP_KERNEL), 0);
	ask(mine, &where);
	KUNIT_EXPECT_EQ(test, (int)where.kind, (int)PYWHEREIS_TRACKED);
	KUNIT_EXPECT_EQ(test, where.domain, 77U);
	KUNIT_EXPECT_EQ(test, where.bytes, (size_t)500);
	KUNIT_EXPECT_EQ(test, pytrace_untrack(77, mine), 0);
	KUNIT_EXPECT_EQ(test, state_of(mine), PYWHEREIS_NONE);
}

static struct kunit_case whereis_trace_cases[] = {
	KUNIT_CASE(test_traced),
	KUNIT_CASE(test_tracked),
	{}
};

TRACED_SUITE(whereis_trace, whereis_trace_cases);
