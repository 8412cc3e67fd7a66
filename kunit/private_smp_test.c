// SPDX-License-Identifier: GPL-2.0
/*
 * Private heaps and types on several CPUs at once: their first use, blocks that
 * are freed elsewhere, limits and reserves that are fought for, and heaps that
 * come and go while hooks, traces and reclaim do.
 */
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "../pyalloc/domain.h"
#include "../pyalloc/front.h"
#include "../pyalloc/hook.h"
#include "../pyalloc/trace.h"
#include "../pyalloc/whereis.h"
#include "crew.h"
#include "typed.h"

/* What is to be said by the case, of what its threads saw. */
struct verdict {
	atomic_t	spoilt;
	atomic_t	nulls;
	atomic_t	wrong;
};

static void expect_good(struct kunit *test, struct verdict *verdict)
{
	KUNIT_EXPECT_EQ(test, atomic_read(&verdict->spoilt), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&verdict->nulls), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&verdict->wrong), 0);
}

/* Where nobody is in between anybody's instructions, fewer will do. */
static unsigned int tries(unsigned int n)
{
	return num_online_cpus() > 1 ? n : n / 10;
}

/* === Blocks that know themselves === */

struct token {
	struct token	*self;
	size_t		size;
	u8		rest[];
};

static void *sign(void *block, size_t size)
{
	struct token *token = block;

	if (!block)
		return NULL;
	token->self = token;
	token->size = size;
	fill(token->rest, size - sizeof(*token), size);
	return block;
}

static bool is_signed(const struct token *token)
{
	return token->self == token &&
	       is_filled(token->rest, token->size - sizeof(*token),
			 token->size);
}

static void put(struct pyheap *heap, void *block, struct verdict *verdict)
{
	if (block && !is_signed(block))
		atomic_inc(&verdict->spoilt);
	pyheap_free(heap, block);
}

/* One in four is raw's. */
static size_t any_size(struct hand *hand, size_t most)
{
	size_t least = sizeof(struct token);

	if (hand_below(hand, 4))
		most = PYALLOC_SMALL_MAX;
	return least + hand_below(hand, most - least + 1);
}

/* === Heaps === */

static struct pyheap *make_heap(struct kunit *test, const char *name,
				unsigned int number,
				const struct pyheap_attr *attr)
{
	struct pyheap *heap;
	char text[32];

	snprintf(text, sizeof(text), "%s-%u", name, number);
	heap = pyheap_create(text, attr);
	KUNIT_ASSERT_TRUE(test, !IS_ERR_OR_NULL(heap));
	return heap;
}

static void end_heap(struct kunit *test, struct pyheap *heap, size_t live)
{
	KUNIT_EXPECT_EQ(test, pyheap_destroy(heap), live);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&heap->held), 0L);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&heap->raw_bytes), 0L);
}

static struct pyheap_stats *take_stats(struct kunit *test, struct pyheap *heap)
{
	struct pyheap_stats *stats = kmalloc(sizeof(*stats), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, stats);
	pystats_heap(heap, stats);
	return stats;
}

static bool has_hooks(void)
{
	return hooks_look(&domains[PYMEM_DOMAIN_MEM]);
}

/* === Very many, destroyed with what is live === */

enum {
	HEAPS	= IS_ENABLED(CONFIG_KASAN) ? 200 : 1000,
	BATCH	= 25,
	TURNS	= 20 * BATCH,
};

struct batch {
	struct verdict	verdict;
	struct pyheap	*heap[BATCH];
	atomic_long_t	live[BATCH];
	void		*shared[BATCH][2];
};

/* Of what is had some is left, the rest is freed by who comes next. */
static void use_one(struct hand *hand, struct batch *batch, unsigned int i)
{
	size_t size = any_size(hand, 3000);
	void *block = pyheap_malloc(batch->heap[i], size, GFP_KERNEL);

	if (!sign(block, size)) {
		atomic_inc(&batch->verdict.nulls);
		return;
	}
	atomic_long_inc(&batch->live[i]);
	if (!hand_below(hand, 4))
		return;
	block = xchg(&batch->shared[i][hand_below(hand, 2)], block);
	put(batch->heap[i], block, &batch->verdict);
	atomic_long_sub(!!block, &batch->live[i]);
}

static void use_batch(struct hand *hand)
{
	unsigned int turn;

	for (turn = 0; turn < TURNS; turn++) {
		use_one(hand, hand->crew->data, hand_below(hand, BATCH));
		cond_resched();
	}
}

static void live_and_die(struct kunit *test, struct batch *batch)
{
	unsigned int i;

	memset(batch, 0, sizeof(*batch));
	for (i = 0; i < BATCH; i++)
		batch->heap[i] = make_heap(test, "batch", i, NULL);
	crew_run(test, use_batch, batch);
	expect_good(test, &batch->verdict);
	expect_whole(test);
	for (i = 0; i < BATCH; i++)
		end_heap(test, batch->heap[i],
			 atomic_long_read(&batch->live[i]));
	expect_whole(test);
}

static void test_a_thousand_heaps(struct kunit *test)
{
	struct batch *batch = kmalloc(sizeof(*batch), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, batch);
	for (i = 0; i < HEAPS / BATCH; i++)
		live_and_die(test, batch);
	kfree(batch);
}

/* === First use === */

enum {
	FIRSTS	= IS_ENABLED(CONFIG_KASAN) ? 20 : 200,
	FIRST	= 5,
};

struct firsts {
	struct verdict	verdict;
	struct pyheap	*heap[FIRSTS];
};

static void use_first(struct hand *hand)
{
	struct firsts *firsts = hand->crew->data;
	void *blocks[FIRST];
	unsigned int i;
	size_t got;

	for (i = 0; i < FIRSTS; i++) {
		hand_meet(hand);
		got = pyheap_malloc_bulk(firsts->heap[i], 40, GFP_KERNEL, FIRST,
					 blocks);
		atomic_add(FIRST - got, &firsts->verdict.nulls);
	}
}

/* What one of two fronts for a CPU had would be lost, or live for ever. */
static void expect_counted(struct kunit *test, struct pyheap *heap)
{
	struct pyheap_stats *stats = take_stats(test, heap);
	unsigned long out = stats->domain_mallocs[0] - stats->domain_frees[0];

	KUNIT_EXPECT_EQ(test, stats->blocks, (unsigned long)CREW_HANDS * FIRST);
	KUNIT_EXPECT_EQ(test, out, (unsigned long)CREW_HANDS * FIRST);
	kfree(stats);
	end_heap(test, heap, CREW_HANDS * FIRST);
}

static void test_first_use_by_all(struct kunit *test)
{
	struct firsts *firsts = kzalloc(sizeof(*firsts), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, firsts);
	for (i = 0; i < FIRSTS; i++)
		firsts->heap[i] = make_heap(test, "first", i, NULL);
	crew_run(test, use_first, firsts);
	expect_good(test, &firsts->verdict);
	expect_whole(test);
	for (i = 0; i < FIRSTS; i++)
		expect_counted(test, firsts->heap[i]);
	kfree(firsts);
}

/* === A limit that all run into === */

enum {
	LIMIT	= SZ_512K,
	HELD	= 64,
	BULK	= 8,
	TRIES	= IS_ENABLED(CONFIG_KASAN) ? 20000 : 200000,
};

struct tight {
	struct verdict	verdict;
	struct pyheap	*heap;
};

static void watch_limit(struct tight *tight)
{
	if (atomic_long_read(&tight->heap->held) > LIMIT)
		atomic_inc(&tight->verdict.wrong);
}

static void take_bulk(struct hand *hand, struct tight *tight, void **held)
{
	size_t size = sizeof(struct token) + hand_below(hand, 600), got, i;

	for (i = 0; i < BULK; i++)
		put(tight->heap, held[i], &tight->verdict);
	got = pyheap_malloc_bulk(tight->heap, size, QUIET, BULK, held);
	for (i = 0; i < BULK; i++)
		held[i] = i < got ? sign(held[i], size) : NULL;
}

static void take_or_put(struct hand *hand, struct tight *tight, void **held)
{
	size_t size = any_size(hand, 20000);

	if (*held) {
		put(tight->heap, *held, &tight->verdict);
		*held = NULL;
	} else {
		*held = sign(pyheap_malloc(tight->heap, size, QUIET), size);
	}
}

static void push_at_limit(struct hand *hand)
{
	struct tight *tight = hand->crew->data;
	void *held[HELD] = {};
	unsigned int i, n = tries(TRIES);

	/* There is not as much for all of them. */
	for (i = 0; i < HELD; i++)
		held[i] = sign(pyheap_malloc(tight->heap, 20000, QUIET), 20000);
	for (i = 0; i < n; i++) {
		if (hand_below(hand, 8))
			take_or_put(hand, tight, &held[hand_below(hand, HELD)]);
		else
			take_bulk(hand, tight,
				  &held[hand_below(hand, HELD - BULK)]);
		watch_limit(tight);
		cond_resched();
	}
	for (i = 0; i < HELD; i++)
		put(tight->heap, held[i], &tight->verdict);
}

/*
 * What the heap has.  Nothing is looked at in one moment; but if no arena was
 * taken from one look to the next, and no block of raw meanwhile, then there
 * was a moment between the two when all of it was there.
 */
static void look_at_sum(struct kunit *test, struct pyheap *heap)
{
	long raw_mallocs = atomic_long_read(&heap->raw_mallocs);
	struct pyheap_stats *before = take_stats(test, heap);
	struct pyheap_stats *now = take_stats(test, heap);
	long raw_bytes;

	smp_rmb();	/* after the arenas; and before who took some more */
	raw_bytes = atomic_long_read(&heap->raw_bytes);
	smp_rmb();
	if (before->taken == now->taken &&
	    atomic_long_read(&heap->raw_mallocs) == raw_mallocs)
		KUNIT_EXPECT_LE(test, (long)now->arena_bytes + raw_bytes,
				(long)LIMIT);
	KUNIT_EXPECT_LE(test, raw_bytes, (long)LIMIT);
	kfree(before);
	kfree(now);
}

/* With nobody at work it adds up; what debug hooks keep is held as well. */
static void expect_sum(struct kunit *test, struct pyheap *heap)
{
	struct pyheap_stats *stats;
	long sum;

	pyalloc_reclaim();
	stats = take_stats(test, heap);
	sum = stats->arena_bytes + atomic_long_read(&heap->raw_bytes);
	if (has_hooks())
		KUNIT_EXPECT_GE(test, atomic_long_read(&heap->held), sum);
	else
		KUNIT_EXPECT_EQ(test, atomic_long_read(&heap->held), sum);
	kfree(stats);
}

static void test_limit_is_never_exceeded(struct kunit *test)
{
	struct pyheap_attr attr = { .limit_bytes = LIMIT, .arena_kib = 32 };
	struct tight tight = { .heap = make_heap(test, "tight", 0, &attr) };
	struct crew *crew = crew_start(test, push_at_limit, &tight);
	unsigned int i;

	for (i = 0; !crew_is_done(crew); i++) {
		watch_limit(&tight);
		look_at_sum(test, tight.heap);
		if (i % 8 == 0)
			pyalloc_reclaim();
	}
	crew_join(crew);
	expect_good(test, &tight.verdict);
	/* It was reached. */
	KUNIT_EXPECT_GT(test, atomic_long_read(&tight.heap->refused), 0L);
	expect_sum(test, tight.heap);
	end_heap(test, tight.heap, 0);
}

/* One who asks for what he can't have is in nobody's way. */
static void ask_in_vain(struct hand *hand)
{
	struct tight *tight = hand->crew->data;
	unsigned int i, n = tries(TRIES);
	void *block;

	for (i = 0; i < n; i++) {
		if (hand->index) {
			block = pyheap_malloc(tight->heap, LIMIT, QUIET);
			atomic_add(!!block, &tight->verdict.wrong);
		} else {
			block = pyheap_malloc(tight->heap, 2000, QUIET);
			atomic_add(!block, &tight->verdict.nulls);
		}
		pyheap_free(tight->heap, block);
		cond_resched();
	}
}

static void test_who_is_refused_takes_nothing(struct kunit *test)
{
	struct pyheap_attr attr = { .limit_bytes = LIMIT };
	struct tight tight = { .heap = make_heap(test, "vain", 0, &attr) };
	void *some = pyheap_malloc(tight.heap, 2000, GFP_KERNEL);

	if (has_hooks()) {
		pyheap_destroy(tight.heap);
		kunit_skip(test, "debug hooks keep what is freed");
	}
	KUNIT_EXPECT_NOT_NULL(test, some);
	crew_run(test, ask_in_vain, &tight);
	expect_good(test, &tight.verdict);
	end_heap(test, tight.heap, 1);
}

/* === A reserve that all draw on === */

enum {
	PROMISED	= 24,
	DRAWS		= 20,
	ROUNDS		= IS_ENABLED(CONFIG_KASAN) ? 40 : 100,
};

/* In each place of shared is one block at most, which is out as well. */
struct promise {
	struct verdict	verdict;
	struct pyheap	*heap;
	size_t		size;
	void		*shared[CREW_HANDS];
};

static void *draw(struct promise *promise, gfp_t gfp)
{
	void *block = pyheap_malloc(promise->heap, promise->size, gfp);

	if (!sign(block, promise->size))
		atomic_inc(&promise->verdict.nulls);
	return block;
}

/* One at a time, so that now and then nobody has any. */
static void draw_one(struct hand *hand, struct promise *promise)
{
	void *block = draw(promise, GFP_NOWAIT | __GFP_NOWARN);
	void **place = &promise->shared[hand_below(hand, CREW_HANDS)];

	if (hand_below(hand, 2)) {
		put(promise->heap, block, &promise->verdict);
		block = NULL;
	}
	put(promise->heap, xchg(place, block), &promise->verdict);
}

/* One who has all there are, and got the last of them, too. */
static void draw_all(struct promise *promise)
{
	void *blocks[PROMISED];
	unsigned int i;

	for (i = 0; i < PROMISED; i++)
		blocks[i] = draw(promise, QUIET);
	while (i--)
		put(promise->heap, blocks[i], &promise->verdict);
}

static void draw_often(struct hand *hand)
{
	struct promise *promise = hand->crew->data;
	unsigned int round, i;

	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < DRAWS; i++)
			draw_one(hand, promise);
		hand_meet(hand);
		put(promise->heap, xchg(&promise->shared[hand->index], NULL),
		    &promise->verdict);
		hand_meet(hand);
		if (round % CREW_HANDS == hand->index)
			draw_all(promise);
		hand_meet(hand);
	}
}

/* All but what was promised, which is had last. */
static size_t use_up(struct pyheap *heap, size_t size)
{
	void *all = NULL, *block;
	size_t n = 0, i;

	while ((block = pyheap_malloc(heap, size, QUIET))) {
		all = push_block(all, block);
		n++;
	}
	for (i = 0; i < PROMISED; i++)
		pyheap_free(heap, pop_block(&all));
	return n - PROMISED;
}

static void keep_promise(struct kunit *test, size_t size)
{
	struct pyheap_attr attr = { .limit_bytes = SZ_256K };
	struct promise promise = { .size = size };
	size_t live;

	promise.heap = make_heap(test, "promise", size, &attr);
	KUNIT_ASSERT_EQ(test, pyheap_reserve(promise.heap, size, PROMISED,
					     GFP_KERNEL), 0);
	live = use_up(promise.heap, size);
	crew_run(test, draw_often, &promise);
	expect_good(test, &promise.verdict);
	end_heap(test, promise.heap, live);
}

static void test_what_was_promised_is_there(struct kunit *test)
{
	keep_promise(test, 40);
	keep_promise(test, 512);
	keep_promise(test, 3000);
}

/* === While all else comes and goes === */

enum {
	LIVES	= IS_ENABLED(CONFIG_KASAN) ? 10 : 30,
	LEFT	= 7,
	USES	= 150,
};

struct late {
	struct rcu_head	rcu;
	u8		rest[200];
};

static void free_late(struct pyheap *heap, size_t size)
{
	struct late *late = pyheap_malloc(heap, size, GFP_KERNEL);

	pyheap_free_rcu(heap, late, rcu);
}

static void *resize(struct pyheap *heap, void *block, size_t size,
		    struct verdict *verdict)
{
	void *moved = pyheap_realloc(heap, block, size, GFP_KERNEL);

	if (!moved)
		atomic_inc(&verdict->nulls);
	return sign(moved, size) ?: block;
}

static void use_all_ways(struct hand *hand, struct pyheap *heap,
			 struct verdict *verdict)
{
	size_t size = any_size(hand, 4000);
	void *blocks[BULK], *block;
	size_t n;

	block = sign(pyheap_calloc(heap, 1, size, GFP_KERNEL), size);
	if (block && !hand_below(hand, 3))
		block = resize(heap, block, any_size(hand, 4000), verdict);
	if (!hand_below(hand, 4))
		free_late(heap, sizeof(struct late) + hand_below(hand, 600));
	n = pyheap_malloc_bulk(heap, 64, GFP_KERNEL, BULK, blocks);
	if (!block || n < BULK)
		atomic_inc(&verdict->nulls);
	pyheap_free_bulk(heap, n, blocks);
	put(heap, block, verdict);
}

static void live_one_life(struct hand *hand, struct verdict *verdict)
{
	struct pyheap *heap;
	unsigned int i;
	char name[16];

	snprintf(name, sizeof(name), "life-%u", hand->index);
	heap = pyheap_create(name, NULL);
	if (IS_ERR(heap)) {
		atomic_inc(&verdict->nulls);
		return;
	}
	if (pyheap_reserve(heap, 64, 100, GFP_KERNEL))
		atomic_inc(&verdict->nulls);
	for (i = 0; i < USES; i++)
		use_all_ways(hand, heap, verdict);
	for (i = 0; i < LEFT; i++)
		if (!pyheap_malloc(heap, 100 * i, GFP_KERNEL))
			atomic_inc(&verdict->nulls);
	if (pyheap_destroy(heap) != LEFT || atomic_long_read(&heap->held))
		atomic_inc(&verdict->wrong);
}

static void live_and_let_die(struct hand *hand)
{
	unsigned int i;

	for (i = 0; i < LIVES; i++)
		live_one_life(hand, hand->crew->data);
}

/* What may not be turned while other CPUs are at work: see hooked.h. */
static unsigned int hold_keys(void)
{
	unsigned int keys = PYWRAP_TEST | PYWRAP_EVENTS;

	if (num_online_cpus() == 1)
		return 0;
	pydomain_wrap(keys);
	return keys;
}

/* Of a live block of raw every heap's reserves are asked. */
static void ask_whose(struct kunit *test)
{
	struct pyheap *heap = pyheap_create("asked", NULL);
	struct pytrace *trace;
	struct pywhereis where;
	unsigned int i;
	void *block;

	KUNIT_ASSERT_TRUE(test, !IS_ERR(heap));
	block = pyheap_malloc(heap, 1000, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, block);
	trace = pytrace_begin_look();
	for (i = 0; i < 100; i++) {
		pywhereis(trace, block, &where);
		KUNIT_EXPECT_EQ(test, where.state, PYWHEREIS_LIVE);
	}
	pytrace_end_look();
	pyheap_free(heap, block);
	KUNIT_EXPECT_EQ(test, pyheap_destroy(heap), 0);
}

static void disturb(struct kunit *test, unsigned int round)
{
	switch (round % 8) {
	case 0:
	case 3:
		KUNIT_EXPECT_EQ(test, pyhook_turn(round % 8 ? 0 :
						  BIT(PYMEM_DOMAIN_MEM) |
						  BIT(PYMEM_DOMAIN_OBJ)), 0);
		break;
	case 1:
		KUNIT_EXPECT_EQ(test, pytrace_set_interval(round % 16 * 256),
				0);
		KUNIT_EXPECT_EQ(test, pytrace_start(1), 0);
		break;
	case 5:
		pytrace_stop();
		break;
	case 2:
	case 6:
		expect_whole(test);
		break;
	case 4:
		ask_whose(test);
		break;
	default:
		pyalloc_reclaim();
	}
}

static void test_heaps_come_and_go(struct kunit *test)
{
	unsigned long interval = pytrace_get_interval();
	unsigned int hooks = pyhook_domains, round, held;
	struct verdict verdict = {};
	struct crew *crew;

	trace_no_more();
	held = hold_keys();
	crew = crew_start(test, live_and_let_die, &verdict);
	for (round = 0; round < 16 || !crew_is_done(crew); round++)
		disturb(test, round);
	crew_join(crew);
	pytrace_stop();
	KUNIT_EXPECT_EQ(test, pytrace_set_interval(interval), 0);
	KUNIT_EXPECT_EQ(test, pyhook_turn(hooks), 0);
	pydomain_unwrap(held);
	trace_as_before();
	expect_good(test, &verdict);
}

/* Python's own call, and back. */
static void replace_and_restore(struct kunit *test)
{
	struct pymem_allocator before[PYMEM_NR_DOMAINS];
	unsigned int i;

	for (i = 0; i < PYMEM_NR_DOMAINS; i++)
		KUNIT_EXPECT_EQ(test, pymem_get_allocator(i, &before[i]), 0);
	KUNIT_EXPECT_EQ(test, pymem_setup_debug_hooks(), 0);
	expect_whole(test);
	for (i = 0; i < PYMEM_NR_DOMAINS; i++)
		KUNIT_EXPECT_EQ(test, pymem_set_allocator(i, &before[i]), 0);
}

static void test_allocators_come_and_go(struct kunit *test)
{
	unsigned int held = hold_keys();
	struct verdict verdict = {};
	struct crew *crew = crew_start(test, live_and_let_die, &verdict);

	do {
		replace_and_restore(test);
	} while (!crew_is_done(crew));
	crew_join(crew);
	pydomain_unwrap(held);
	expect_good(test, &verdict);
}

/* === Types === */

enum {
	TYPES	= 3,
	OBJECTS	= 32,
	BIRTHS	= IS_ENABLED(CONFIG_KASAN) ? 4000 : 20000,
};

#define MAGIC	0x70797479706531ULL

struct object {
	u64		magic;
	struct object	*self;
};

static void construct(void *ptr)
{
	struct object *object = ptr;

	object->magic = MAGIC;
}

static const struct pytype_attr type_attrs[TYPES] = {
	{ .name = "smp-plain", .size = 48, .max_free = 20 },
	{ .name = "smp-items", .size = 24, .itemsize = 8, .max_items = 16,
	  .max_free = 10, .flags = PYTYPE_GROW },
	{ .name = "smp-ctor", .size = 64, .max_free = 10, .ctor = construct },
};

struct society {
	struct verdict	verdict;
	struct pytype	*type[TYPES];
	atomic_long_t	live[TYPES];
	void		*shared[TYPES][OBJECTS];
};

static struct object *bear(struct hand *hand, struct society *society,
			   unsigned int i)
{
	struct pytype *type = society->type[i];
	struct object *object;

	object = type_attrs[i].itemsize ?
		 pytype_alloc_var(type, hand_below(hand, 20), GFP_KERNEL) :
		 pytype_alloc(type, GFP_KERNEL);
	if (!object) {
		atomic_inc(&society->verdict.nulls);
		return NULL;
	}
	if (type_attrs[i].ctor && object->magic != MAGIC)
		atomic_inc(&society->verdict.spoilt);
	object->magic = MAGIC;
	object->self = object;
	return object;
}

static void bury(struct society *society, unsigned int i, struct object *object)
{
	if (object && (object->self != object || object->magic != MAGIC))
		atomic_inc(&society->verdict.spoilt);
	pytype_free(society->type[i], object);
}

static void *swap_object(struct hand *hand, struct society *society,
			 unsigned int i, void *object)
{
	void **place = &society->shared[i][hand_below(hand, OBJECTS)];

	return xchg(place, object);
}

/* Each is freed by whoever comes next, and one in very many by nobody. */
static void bear_and_bury(struct hand *hand)
{
	struct society *society = hand->crew->data;
	struct object *object;
	unsigned int turn, i;

	for (turn = 0; turn < BIRTHS; turn++) {
		i = hand_below(hand, TYPES);
		object = bear(hand, society, i);
		if (hand_below(hand, 1000))
			bury(society, i, swap_object(hand, society, i, object));
		else
			atomic_long_inc(&society->live[i]);
		cond_resched();
	}
}

/* Another type, of the object domain or of a heap that goes with it. */
static void meet_another(struct kunit *test, unsigned int round)
{
	struct pytype_attr attr = type_attrs[round % TYPES];
	struct pytype *type;
	size_t live = 0;
	void *object;

	attr.name = "another";
	if (round % 2 && !attr.ctor)
		attr.heap = make_heap(test, "another", round, NULL);
	type = make_type(test, &attr);
	while (live < 10) {
		object = pytype_alloc(type, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, object);
		if (!attr.heap && !attr.ctor)
			break;
		live++;
	}
	if (!live)
		pytype_free(type, object);
	KUNIT_EXPECT_EQ(test, pytype_destroy(type), live);
	pyheap_destroy(attr.heap);
	if (round % 4 == 0)
		pyalloc_reclaim();
}

static void end_types(struct kunit *test, struct society *society)
{
	unsigned int i, j;

	for (i = 0; i < TYPES; i++) {
		for (j = 0; j < OBJECTS; j++)
			bury(society, i, society->shared[i][j]);
		KUNIT_EXPECT_EQ(test, pytype_destroy(society->type[i]),
				(size_t)atomic_long_read(&society->live[i]));
	}
	expect_good(test, &society->verdict);
}

static void test_types_for_all(struct kunit *test)
{
	struct society *society = kzalloc(sizeof(*society), GFP_KERNEL);
	struct pytype_attr attr;
	unsigned int i, round;
	struct pyheap *heap;
	struct crew *crew;

	KUNIT_ASSERT_NOT_NULL(test, society);
	/* What is left of its objects goes with it. */
	heap = make_heap(test, "society", 0, NULL);
	for (i = 0; i < TYPES; i++) {
		attr = type_attrs[i];
		attr.heap = attr.ctor ? NULL : heap;
		society->type[i] = make_type(test, &attr);
	}
	crew = crew_start(test, bear_and_bury, society);
	for (round = 0; round < 8 || !crew_is_done(crew); round++)
		meet_another(test, round);
	crew_join(crew);
	end_types(test, society);
	pyheap_destroy(heap);
	kfree(society);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_a_thousand_heaps),
	KUNIT_CASE(test_first_use_by_all),
	KUNIT_CASE(test_limit_is_never_exceeded),
	KUNIT_CASE(test_who_is_refused_takes_nothing),
	KUNIT_CASE(test_what_was_promised_is_there),
	KUNIT_CASE(test_heaps_come_and_go),
	KUNIT_CASE(test_allocators_come_and_go),
	KUNIT_CASE(test_types_for_all),
	{ }
};

PYALLOC_SUITE(private_smp, cases);
