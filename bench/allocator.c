// SPDX-License-Identifier: GPL-2.0
/*
 * Owns what the allocators need before they can be measured: the caches, one
 * for each step of eight bytes, and the mempool.  They exist only while a
 * workload uses them, so that what one run left in them is not there for the
 * next.
 *
 * Process context, may sleep, under the lock of run.c.
 */
#include <linux/errno.h>
#include <linux/kernel.h>

#include "allocator.h"

/* Blocks that a mempool keeps for bad times: as many as drivers often take. */
#define POOL_RESERVE	16

struct kmem_cache *bench_caches[BENCH_STEPS + 1];
struct pyheap *bench_heap;

const char *const allocator_names[NR_ALLOCATORS] = {
	[ALLOCATOR_NONE]	= "none",
	[ALLOCATOR_KMALLOC]	= "kmalloc",
	[ALLOCATOR_CACHE]	= "cache",
	[ALLOCATOR_CACHE_BULK]	= "cache-bulk",
	[ALLOCATOR_MEMPOOL]	= "mempool",
	[ALLOCATOR_MEM]		= "mem",
	[ALLOCATOR_MEM_BULK]	= "mem-bulk",
	[ALLOCATOR_HEAP]	= "heap",
	[ALLOCATOR_LOCKED]	= "heap-locked",
	[ALLOCATOR_TYPE]	= "type",
};

static struct kmem_cache *create_cache(size_t size)
{
	char name[24];

	snprintf(name, sizeof(name), "pybench-%zu", size);
	return kmem_cache_create(name, size, 0, 0, NULL);
}

static int open_heap(enum allocator allocator)
{
	struct pyheap_attr attr = {};
	struct pyheap *heap;

	if (allocator == ALLOCATOR_LOCKED)
		attr.flags = PYHEAP_EXTERNAL_LOCK;
	heap = pyheap_create("pybench", &attr);
	if (IS_ERR(heap))
		return PTR_ERR(heap);
	bench_heap = heap;
	return 0;
}

/* Makes what @allocator needs, whatever the sizes are. */
int allocator_open(enum allocator allocator)
{
	unsigned int step;

	if (allocator == ALLOCATOR_HEAP || allocator == ALLOCATOR_LOCKED)
		return open_heap(allocator);
	if (allocator != ALLOCATOR_CACHE && allocator != ALLOCATOR_CACHE_BULK)
		return 0;
	for (step = 1; step <= BENCH_STEPS; step++) {
		bench_caches[step] = create_cache(step << PYALLOC_STEP_SHIFT);
		if (!bench_caches[step]) {
			allocator_close();
			return -ENOMEM;
		}
	}
	return 0;
}

/* There may be nothing to close. */
void allocator_close(void)
{
	unsigned int step;

	pyheap_destroy(bench_heap);
	bench_heap = NULL;
	for (step = 1; step <= BENCH_STEPS; step++) {
		kmem_cache_destroy(bench_caches[step]);
		bench_caches[step] = NULL;
	}
}

/* As many free ones as CPython keeps of a type: floats, say. */
#define TYPE_FREE	100

static int open_type(struct source *source, size_t size)
{
	const struct pytype_attr attr = {
		.name = "pybench", .size = size, .max_free = TYPE_FREE,
	};
	struct pytype *type = pytype_create(&attr);

	if (IS_ERR(type))
		return PTR_ERR(type);
	source->type = type;
	return 0;
}

/* Gets @source ready for blocks of @size bytes; the allocator is open. */
int source_open(struct source *source, enum allocator allocator, size_t size)
{
	*source = (struct source) {
		.cache = bench_cache(size), .heap = bench_heap,
	};
	if (allocator == ALLOCATOR_TYPE)
		return open_type(source, size);
	if (allocator != ALLOCATOR_MEMPOOL)
		return 0;
	source->pool = mempool_create_kmalloc_pool(POOL_RESERVE, size);
	return source->pool ? 0 : -ENOMEM;
}

void source_close(struct source *source)
{
	pytype_destroy(source->type);
	mempool_destroy(source->pool);
}
