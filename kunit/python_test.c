// SPDX-License-Identifier: GPL-2.0
/*
 * CPython's own names: code that was written for them, and hooks with its
 * signatures over pyalloc's functions and under them.
 */
#include <linux/slab.h>

#include "fixture.h"
#include "python_client.h"

/* CPython's functions, a row a domain. */
struct python_domain {
	const char		*name;
	PyMemAllocatorDomain	id;
	void			*(*malloc)(size_t size);
	void			*(*calloc)(size_t nelem, size_t elsize);
	void			*(*realloc)(void *ptr, size_t new_size);
	void			(*free)(void *ptr);
};

static const struct python_domain python_domains[] = {
	{ "raw", PYMEM_DOMAIN_RAW, PyMem_RawMalloc, PyMem_RawCalloc,
	  PyMem_RawRealloc, PyMem_RawFree },
	{ "mem", PYMEM_DOMAIN_MEM, PyMem_Malloc, PyMem_Calloc, PyMem_Realloc,
	  PyMem_Free },
	{ "object", PYMEM_DOMAIN_OBJ, PyObject_Malloc, PyObject_Calloc,
	  PyObject_Realloc, PyObject_Free },
};

static void describe_python_domain(const struct python_domain *domain,
				   char *desc)
{
	strscpy(desc, domain->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(python_domain, python_domains, describe_python_domain);

/* === The functions === */

static void test_domain(struct kunit *test)
{
	const struct python_domain *domain = test->param_value;
	void *ptr = domain->malloc(40), *other = domain->calloc(3, 5);

	KUNIT_ASSERT_NOT_NULL(test, ptr);
	KUNIT_ASSERT_NOT_NULL(test, other);
	KUNIT_EXPECT_TRUE(test, is_zero(other, 15));
	fill(ptr, 40, 7);
	ptr = domain->realloc(ptr, 3000);
	KUNIT_ASSERT_NOT_NULL(test, ptr);
	KUNIT_EXPECT_TRUE(test, is_filled(ptr, 40, 7));
	ptr = domain->realloc(ptr, 0);
	KUNIT_EXPECT_NOT_NULL(test, ptr);
	domain->free(ptr);
	domain->free(other);
	domain->free(NULL);
	ptr = domain->realloc(NULL, 8);
	KUNIT_EXPECT_NOT_NULL(test, ptr);
	domain->free(ptr);
}

static void test_zero_bytes(struct kunit *test)
{
	const struct python_domain *domain = test->param_value;
	void *a = domain->malloc(0), *b = domain->malloc(0);
	void *c = domain->calloc(0, 8), *d = domain->calloc(8, 0);

	KUNIT_EXPECT_NOT_NULL(test, a);
	KUNIT_EXPECT_NOT_NULL(test, b);
	KUNIT_EXPECT_NOT_NULL(test, c);
	KUNIT_EXPECT_NOT_NULL(test, d);
	KUNIT_EXPECT_PTR_NE(test, a, b);
	KUNIT_EXPECT_PTR_NE(test, b, c);
	KUNIT_EXPECT_PTR_NE(test, c, d);
	domain->free(a);
	domain->free(b);
	domain->free(c);
	domain->free(d);
}

/* A value that the compiler can't see through to. */
static size_t too_many = PY_SSIZE_T_MAX;
#define TOO_MANY	READ_ONCE(too_many)

static void test_overflow(struct kunit *test)
{
	const struct python_domain *domain = test->param_value;
	void *ptr = domain->malloc(16);

	KUNIT_ASSERT_NOT_NULL(test, ptr);
	fill(ptr, 16, 3);
	KUNIT_EXPECT_NULL(test, domain->malloc(TOO_MANY));
	KUNIT_EXPECT_NULL(test, domain->malloc(TOO_MANY + 1));
	KUNIT_EXPECT_NULL(test, domain->calloc(TOO_MANY, 2));
	KUNIT_EXPECT_NULL(test, domain->calloc(2, TOO_MANY));
	KUNIT_EXPECT_NULL(test, domain->realloc(ptr, TOO_MANY));
	KUNIT_EXPECT_TRUE(test, is_filled(ptr, 16, 3));
	domain->free(ptr);
}

static void test_arrays(struct kunit *test)
{
	u64 *array = PyMem_New(u64, 10), *old;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, array);
	for (i = 0; i < 10; i++)
		array[i] = i;
	PyMem_Resize(array, u64, 1000);
	KUNIT_ASSERT_NOT_NULL(test, array);
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_EQ(test, array[i], (u64)i);
	/* What fails assigns NULL, and the array lives on. */
	old = array;
	PyMem_Resize(array, u64, TOO_MANY);
	KUNIT_EXPECT_NULL(test, array);
	KUNIT_EXPECT_EQ(test, old[9], 9ULL);
	PyMem_Del(old);
	/* The product would be small. */
	KUNIT_EXPECT_NULL(test, PyMem_New(u64, TOO_MANY / 4 + 2));
	KUNIT_EXPECT_NULL(test, PyMem_New(u64, -1));
}

/* === Code that was written for CPython === */

#define WORDS	500

static void test_dictionary(struct kunit *test)
{
	Py_ssize_t before = _Py_GetGlobalAllocatedBlocks();
	Dict *dict = Dict_New();
	unsigned int i;
	char word[16];

	KUNIT_ASSERT_NOT_NULL(test, dict);
	for (i = 0; i < 3 * WORDS; i++) {
		snprintf(word, sizeof(word), "word %u", i % WORDS);
		KUNIT_EXPECT_EQ(test, Dict_Add(dict, word), 0);
	}
	KUNIT_EXPECT_EQ(test, dict->used, (Py_ssize_t)WORDS);
	KUNIT_EXPECT_EQ(test, Dict_Get(dict, "word 17"), (Py_ssize_t)3);
	KUNIT_EXPECT_EQ(test, Dict_Get(dict, "word"), (Py_ssize_t)0);
	/* An entry and a key for each, the table and the dictionary. */
	KUNIT_EXPECT_EQ(test, _Py_GetGlobalAllocatedBlocks() - before,
			(Py_ssize_t)(2 * WORDS + 2));
	Dict_Dealloc(dict);
	KUNIT_EXPECT_EQ(test, _Py_GetGlobalAllocatedBlocks(), before);
}

static void test_builder(struct kunit *test)
{
	Builder builder;
	unsigned int i;
	char *text;

	Builder_Init(&builder);
	for (i = 0; i < 1000; i++)
		KUNIT_EXPECT_EQ(test, Builder_Append(&builder, "spam "), 0);
	text = Builder_Finish(&builder);
	KUNIT_ASSERT_NOT_NULL(test, text);
	KUNIT_EXPECT_EQ(test, strlen(text), (size_t)5000);
	KUNIT_EXPECT_EQ(test, memcmp(text + 4990, "spam spam ", 11), 0);
	PyMem_Free(text);
	text = _PyMem_RawStrdup("eggs");
	KUNIT_EXPECT_STREQ(test, text, "eggs");
	PyMem_RawFree(text);
}

/* === Hooks === */

static bool is_same(const PyMemAllocatorEx *a, const PyMemAllocatorEx *b)
{
	return a->ctx == b->ctx && a->malloc == b->malloc &&
	       a->calloc == b->calloc && a->realloc == b->realloc &&
	       a->free == b->free;
}

/* What they see is what the caller asked for; he gets what they give. */
static void test_hooks(struct kunit *test)
{
	const struct python_domain *domain = test->param_value;
	void *ptr, *new;
	Hook hook;

	Hook_Install(&hook, domain->id);
	ptr = domain->malloc(42);
	KUNIT_EXPECT_PTR_EQ(test, hook.ctx, (void *)&hook);
	KUNIT_EXPECT_EQ(test, hook.size, (size_t)42);
	KUNIT_EXPECT_PTR_EQ(test, hook.given, ptr);
	new = domain->realloc(ptr, 200);
	KUNIT_EXPECT_EQ(test, hook.size, (size_t)200);
	KUNIT_EXPECT_PTR_EQ(test, hook.ptr, ptr);
	KUNIT_EXPECT_PTR_EQ(test, hook.given, new);
	hook.ctx = NULL;
	domain->free(new);
	KUNIT_EXPECT_PTR_EQ(test, hook.ctx, (void *)&hook);
	KUNIT_EXPECT_PTR_EQ(test, hook.ptr, new);
	ptr = domain->calloc(2, 5);
	KUNIT_EXPECT_EQ(test, hook.nelem, (size_t)2);
	KUNIT_EXPECT_EQ(test, hook.elsize, (size_t)5);
	KUNIT_EXPECT_TRUE(test, is_zero(ptr, 10));
	domain->free(ptr);
	KUNIT_EXPECT_EQ(test, hook.calls, 5);
	domain->free(NULL);
	KUNIT_EXPECT_EQ(test, hook.calls, 5);
	Hook_Remove(&hook);
	domain->free(domain->malloc(42));
	KUNIT_EXPECT_EQ(test, hook.calls, 5);
}

/* What was there comes back, as CPython's and as pyalloc's. */
static void test_original(struct kunit *test)
{
	const struct python_domain *domain = test->param_value;
	struct pymem_allocator native, now;
	PyMemAllocatorEx original, table;
	Hook hook;

	KUNIT_ASSERT_EQ(test, pymem_get_allocator(domain->id, &native), 0);
	PyMem_GetAllocator(domain->id, &original);
	Hook_Install(&hook, domain->id);
	KUNIT_EXPECT_TRUE(test, is_same(&hook.original, &original));
	PyMem_GetAllocator(domain->id, &table);
	KUNIT_EXPECT_PTR_EQ(test, table.ctx, (void *)&hook);
	original = Hook_Table(&hook);
	KUNIT_EXPECT_TRUE(test, is_same(&table, &original));
	Hook_Remove(&hook);
	KUNIT_ASSERT_EQ(test, pymem_get_allocator(domain->id, &now), 0);
	KUNIT_EXPECT_PTR_EQ(test, now.ctx, native.ctx);
	KUNIT_EXPECT_TRUE(test, now.malloc == native.malloc);
	KUNIT_EXPECT_TRUE(test, now.calloc == native.calloc);
	KUNIT_EXPECT_TRUE(test, now.realloc == native.realloc);
	KUNIT_EXPECT_TRUE(test, now.free == native.free);
}

/* The functions that were there may be called by anybody. */
static void test_call_original(struct kunit *test)
{
	const struct python_domain *domain = test->param_value;
	PyMemAllocatorEx table;
	void *ptr;

	PyMem_GetAllocator(domain->id, &table);
	ptr = table.malloc(table.ctx, 0);
	KUNIT_EXPECT_NOT_NULL(test, ptr);
	ptr = table.realloc(table.ctx, ptr, 3000);
	KUNIT_EXPECT_NOT_NULL(test, ptr);
	KUNIT_EXPECT_NULL(test, table.realloc(table.ctx, ptr, TOO_MANY));
	table.free(table.ctx, ptr);
	ptr = table.calloc(table.ctx, 7, 11);
	KUNIT_EXPECT_TRUE(test, is_zero(ptr, 77));
	domain->free(ptr);
	KUNIT_EXPECT_NULL(test, table.calloc(table.ctx, TOO_MANY, 3));
	table.free(table.ctx, NULL);
}

/* One over the other, of which each passes on what it gets. */
static void test_two_hooks(struct kunit *test)
{
	const struct python_domain *domain = test->param_value;
	Hook below, above;
	void *ptr;

	Hook_Install(&below, domain->id);
	Hook_Install(&above, domain->id);
	KUNIT_EXPECT_PTR_EQ(test, above.original.ctx, (void *)&below);
	ptr = domain->malloc(42);
	KUNIT_EXPECT_PTR_EQ(test, below.given, ptr);
	KUNIT_EXPECT_EQ(test, below.size, (size_t)42);
	domain->free(ptr);
	KUNIT_EXPECT_EQ(test, above.calls, 2);
	KUNIT_EXPECT_EQ(test, below.calls, 2);
	Hook_Remove(&above);
	Hook_Remove(&below);
}

/* A native allocator that notes the gfp it is asked with. */
struct listener {
	struct pymem_allocator	below;
	gfp_t			gfp;
};

static void *listen_malloc(void *ctx, size_t size, gfp_t gfp)
{
	struct listener *listener = ctx;

	listener->gfp = gfp;
	return listener->below.malloc(listener->below.ctx, size, gfp);
}

static void *listen_calloc(void *ctx, size_t nelem, size_t elsize, gfp_t gfp)
{
	struct listener *listener = ctx;

	listener->gfp = gfp;
	return listener->below.calloc(listener->below.ctx, nelem, elsize, gfp);
}

static void *listen_realloc(void *ctx, void *ptr, size_t size, gfp_t gfp)
{
	struct listener *listener = ctx;

	listener->gfp = gfp;
	return listener->below.realloc(listener->below.ctx, ptr, size, gfp);
}

static void listen_free(void *ctx, void *ptr)
{
	struct listener *listener = ctx;

	listener->below.free(listener->below.ctx, ptr);
}

static void expect_gfp(struct kunit *test, struct listener *listener, gfp_t gfp)
{
	KUNIT_EXPECT_EQ(test, (__force unsigned int)listener->gfp,
			(__force unsigned int)gfp);
	listener->gfp = 0;
}

/* CPython's signatures have none, and yet it comes through them. */
static void test_gfp(struct kunit *test)
{
	const struct domain *domain =
		&domains[((const struct python_domain *)test->param_value)->id];
	struct listener listener = { };
	struct pymem_allocator table = {
		.ctx = &listener, .malloc = listen_malloc,
		.calloc = listen_calloc, .realloc = listen_realloc,
		.free = listen_free,
	};
	PyMemAllocatorEx outside;
	void *ptr;
	Hook hook;

	KUNIT_ASSERT_EQ(test, pymem_get_allocator(domain->id, &listener.below),
			0);
	KUNIT_ASSERT_EQ(test, pymem_set_allocator(domain->id, &table), 0);
	Hook_Install(&hook, domain->id);
	ptr = domain->malloc(42, GFP_ATOMIC);
	expect_gfp(test, &listener, GFP_ATOMIC);
	ptr = domain->realloc(ptr, 100, GFP_NOFS);
	expect_gfp(test, &listener, GFP_NOFS);
	domain->free(ptr);
	ptr = domain->malloc(42, GFP_NOIO | __GFP_ZERO);
	KUNIT_EXPECT_TRUE(test, is_zero(ptr, 42));
	domain->free(ptr);
	ptr = domain->calloc(2, 21, GFP_NOWAIT);
	expect_gfp(test, &listener, GFP_NOWAIT);
	domain->free(ptr);
	outside = hook.original;
	ptr = outside.malloc(outside.ctx, 42);
	expect_gfp(test, &listener, GFP_KERNEL);
	outside.free(outside.ctx, ptr);
	Hook_Remove(&hook);
	KUNIT_EXPECT_EQ(test, pymem_set_allocator(domain->id, &listener.below),
			0);
}

static void test_no_such_domain(struct kunit *test)
{
	PyMemAllocatorEx before, now, table;
	Hook hook = { };

	PyMem_GetAllocator(PYMEM_DOMAIN_MEM, &before);
	memset(&table, 0xff, sizeof(table));
	PyMem_GetAllocator((PyMemAllocatorDomain)77, &table);
	KUNIT_EXPECT_TRUE(test, is_zero(&table, sizeof(table)));
	table = Hook_Table(&hook);
	PyMem_SetAllocator((PyMemAllocatorDomain)77, &table);
	PyMem_GetAllocator(PYMEM_DOMAIN_MEM, &now);
	KUNIT_EXPECT_TRUE(test, is_same(&before, &now));
}

/* === Arenas === */

/* Of how many bytes it took, and gave back. */
struct arena_hook {
	PyObjectArenaAllocator	original;
	size_t			taken;
	size_t			given_back;
};

static void *hook_alloc_arena(void *ctx, size_t size)
{
	struct arena_hook *hook = ctx;
	void *ptr = hook->original.alloc(hook->original.ctx, size);

	if (ptr)
		hook->taken += size;
	return ptr;
}

static void hook_free_arena(void *ctx, void *ptr, size_t size)
{
	struct arena_hook *hook = ctx;

	hook->given_back += size;
	hook->original.free(hook->original.ctx, ptr, size);
}

static void test_arenas(struct kunit *test)
{
	struct arena_hook hook = { };
	PyObjectArenaAllocator table = {
		&hook, hook_alloc_arena, hook_free_arena,
	}, now;
	void *blocks = NULL;
	unsigned int i;

	need_heap(test);
	pyalloc_reclaim();
	PyObject_GetArenaAllocator(&hook.original);
	PyObject_SetArenaAllocator(&table);
	PyObject_GetArenaAllocator(&now);
	KUNIT_EXPECT_PTR_EQ(test, now.ctx, (void *)&hook);
	KUNIT_EXPECT_TRUE(test, now.alloc == hook_alloc_arena);
	KUNIT_EXPECT_TRUE(test, now.free == hook_free_arena);
	for (i = 0; i < 4000; i++)
		blocks = push_block(blocks, PyMem_Malloc(200));
	free_blocks(blocks);
	KUNIT_EXPECT_GT(test, hook.taken, (size_t)0);
	PyObject_SetArenaAllocator(&hook.original);
	pyalloc_reclaim();
	KUNIT_EXPECT_EQ(test, hook.given_back, hook.taken);
}

/* === Tracing === */

static void test_trace(struct kunit *test)
{
	static char memory[16];

	trace_no_more();
	KUNIT_EXPECT_EQ(test, PyTraceMalloc_Track(77, (uintptr_t)memory, 16),
			-2);
	KUNIT_EXPECT_EQ(test, PyTraceMalloc_Untrack(77, (uintptr_t)memory), -2);
	KUNIT_ASSERT_EQ(test, pytrace_start(1), 0);
	KUNIT_EXPECT_EQ(test, PyTraceMalloc_Track(77, (uintptr_t)memory, 16), 0);
	KUNIT_EXPECT_EQ(test, PyTraceMalloc_Untrack(77, (uintptr_t)memory), 0);
	KUNIT_EXPECT_EQ(test, PyTraceMalloc_Untrack(77, (uintptr_t)memory), 0);
	KUNIT_EXPECT_EQ(test,
			PyTraceMalloc_Track(PYMEM_DOMAIN_MEM, (uintptr_t)memory,
					    16), -1);
	pytrace_stop();
	trace_as_before();
}

static struct kunit_case python_cases[] = {
	KUNIT_CASE_PARAM(test_domain, python_domain_gen_params),
	KUNIT_CASE_PARAM(test_zero_bytes, python_domain_gen_params),
	KUNIT_CASE_PARAM(test_overflow, python_domain_gen_params),
	KUNIT_CASE(test_arrays),
	KUNIT_CASE(test_dictionary),
	KUNIT_CASE(test_builder),
	KUNIT_CASE_PARAM(test_hooks, python_domain_gen_params),
	KUNIT_CASE_PARAM(test_original, python_domain_gen_params),
	KUNIT_CASE_PARAM(test_call_original, python_domain_gen_params),
	KUNIT_CASE_PARAM(test_two_hooks, python_domain_gen_params),
	KUNIT_CASE_PARAM(test_gfp, python_domain_gen_params),
	KUNIT_CASE(test_no_such_domain),
	KUNIT_CASE(test_arenas),
	KUNIT_CASE(test_trace),
	{ }
};

PYALLOC_SUITE(python, python_cases);
