/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The allocators that are compared, as inline functions whose first argument
 * says which.  A workload's loop is an inline function as well, and fold()
 * makes one copy of it for each allocator with that argument constant: in
 * what is measured there is no indirect call and no choice left.
 *
 * Process context, may sleep.
 */
#ifndef PYBENCH_ALLOCATOR_H
#define PYBENCH_ALLOCATOR_H

#include <linux/compiler.h>
#include <linux/gfp.h>
#include <linux/mempool.h>
#include <linux/minmax.h>
#include <linux/pyalloc.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

/**
 * enum allocator - who is measured
 * @ALLOCATOR_NONE: nobody, for the loop itself
 * @ALLOCATOR_KMALLOC: kmalloc() and kfree()
 * @ALLOCATOR_CACHE: a kmem_cache for each size, in steps of eight bytes
 * @ALLOCATOR_CACHE_BULK: the same in bulk
 * @ALLOCATOR_MEMPOOL: a mempool over kmalloc()
 * @ALLOCATOR_MEM: pyalloc's mem domain
 * @ALLOCATOR_MEM_BULK: the same in bulk
 * @ALLOCATOR_HEAP: a private heap of pyalloc's
 * @ALLOCATOR_LOCKED: the same with PYHEAP_EXTERNAL_LOCK, where nobody else is
 * @ALLOCATOR_TYPE: a type with a free list
 * @NR_ALLOCATORS: how many there are
 */
enum allocator {
	ALLOCATOR_NONE,
	ALLOCATOR_KMALLOC,
	ALLOCATOR_CACHE,
	ALLOCATOR_CACHE_BULK,
	ALLOCATOR_MEMPOOL,
	ALLOCATOR_MEM,
	ALLOCATOR_MEM_BULK,
	ALLOCATOR_HEAP,
	ALLOCATOR_LOCKED,
	ALLOCATOR_TYPE,
	NR_ALLOCATORS,
};

/* Without memory a benchmark has failed; nobody is to be killed for it. */
#define BENCH_GFP	(GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/*
 * An array of @n elements, all zero, in no slab that somebody measures.  It can
 * be as large as the machine, and is to fail where the blocks would.
 */
static inline void *bench_array(size_t n, size_t size)
{
	return __vmalloc(array_size(n, size), BENCH_GFP | __GFP_ZERO);
}

/* A cache for each step of eight bytes, up to what a heap serves. */
#define BENCH_STEPS	(PYALLOC_SMALL_MAX >> PYALLOC_STEP_SHIFT)

/**
 * struct source - where blocks of one size come from
 * @cache: for ALLOCATOR_CACHE and ALLOCATOR_CACHE_BULK
 * @pool: for ALLOCATOR_MEMPOOL
 * @heap: for ALLOCATOR_HEAP and ALLOCATOR_LOCKED
 * @type: for ALLOCATOR_TYPE
 *
 * Passed by value, so that a loop has it in registers.
 */
struct source {
	struct kmem_cache *cache;
	mempool_t *pool;
	struct pyheap *heap;
	struct pytype *type;
};

extern struct kmem_cache *bench_caches[BENCH_STEPS + 1];
extern struct pyheap *bench_heap;
extern const char *const allocator_names[NR_ALLOCATORS];

int allocator_open(enum allocator allocator);
void allocator_close(void);
int source_open(struct source *source, enum allocator allocator, size_t size);
void source_close(struct source *source);

/* A pointer that the compiler knows nothing about and nobody looks at. */
static __always_inline void *nothing(void)
{
	void *ptr = ZERO_SIZE_PTR;

	OPTIMIZER_HIDE_VAR(ptr);
	return ptr;
}

/* Blocks of one size. */

static __always_inline void *fixed_malloc(enum allocator allocator,
					  struct source source, size_t size)
{
	switch (allocator) {
	case ALLOCATOR_KMALLOC:
		return kmalloc(size, BENCH_GFP);
	case ALLOCATOR_CACHE:
		return kmem_cache_alloc(source.cache, BENCH_GFP);
	case ALLOCATOR_MEMPOOL:
		return mempool_alloc(source.pool, BENCH_GFP);
	case ALLOCATOR_MEM:
		return pymem_malloc(size, BENCH_GFP);
	case ALLOCATOR_HEAP:
	case ALLOCATOR_LOCKED:
		return pyheap_malloc(source.heap, size, BENCH_GFP);
	case ALLOCATOR_TYPE:
		return pytype_alloc(source.type, BENCH_GFP);
	default:
		return nothing();
	}
}

static __always_inline void fixed_free(enum allocator allocator,
				       struct source source, void *ptr)
{
	switch (allocator) {
	case ALLOCATOR_KMALLOC:
		kfree(ptr);
		break;
	case ALLOCATOR_CACHE:
		kmem_cache_free(source.cache, ptr);
		break;
	case ALLOCATOR_MEMPOOL:
		mempool_free(ptr, source.pool);
		break;
	case ALLOCATOR_MEM:
		pymem_free(ptr);
		break;
	case ALLOCATOR_HEAP:
	case ALLOCATOR_LOCKED:
		pyheap_free(source.heap, ptr);
		break;
	case ALLOCATOR_TYPE:
		pytype_free(source.type, ptr);
		break;
	default:
		OPTIMIZER_HIDE_VAR(ptr);
		barrier();
	}
}

/*
 * Arrays of blocks of one size: all of them or none.  kmalloc() has nothing
 * of the kind and is called in a loop.
 */

static __always_inline size_t kmalloc_each(size_t size, size_t n, void **ptrs)
{
	size_t i;

	for (i = 0; i < n; i++) {
		ptrs[i] = kmalloc(size, BENCH_GFP);
		if (unlikely(!ptrs[i]))
			break;
	}
	return i;
}

static __always_inline void kfree_each(size_t n, void **ptrs)
{
	size_t i;

	for (i = 0; i < n; i++)
		kfree(ptrs[i]);
}

static __always_inline bool bulk_malloc(enum allocator allocator,
					struct source source, size_t size,
					size_t n, void **ptrs)
{
	size_t got;

	switch (allocator) {
	case ALLOCATOR_KMALLOC:
		got = kmalloc_each(size, n, ptrs);
		if (unlikely(got < n))
			kfree_each(got, ptrs);
		return got == n;
	case ALLOCATOR_CACHE_BULK:
		return kmem_cache_alloc_bulk(source.cache, BENCH_GFP, n, ptrs);
	case ALLOCATOR_MEM_BULK:
		got = pymem_malloc_bulk(size, BENCH_GFP, n, ptrs);
		if (unlikely(got < n))
			pymem_free_bulk(got, ptrs);
		return got == n;
	default:
		barrier();
		return true;
	}
}

static __always_inline void bulk_free(enum allocator allocator,
				      struct source source, size_t n,
				      void **ptrs)
{
	switch (allocator) {
	case ALLOCATOR_KMALLOC:
		kfree_each(n, ptrs);
		break;
	case ALLOCATOR_CACHE_BULK:
		kmem_cache_free_bulk(source.cache, n, ptrs);
		break;
	case ALLOCATOR_MEM_BULK:
		pymem_free_bulk(n, ptrs);
		break;
	default:
		barrier();
	}
}

/*
 * Blocks of any size.  Those too large for a cache are kmalloc's, as they are
 * for any module that has caches; a block of a cache goes back with kfree(),
 * since nobody says what size it had.
 */

static inline struct kmem_cache *bench_cache(size_t size)
{
	return bench_caches[size ? PYALLOC_STEP(size) : 1];
}

/* All that ksize() will say of a large one is asked for, to be copied. */
static inline void *cache_malloc(size_t size, gfp_t gfp)
{
	if (size > PYALLOC_SMALL_MAX)
		return kmalloc(kmalloc_size_roundup(size), gfp);
	return kmem_cache_alloc(bench_cache(size), gfp);
}

/* Does a block with @usable bytes do for @size, and waste none? */
static inline bool cache_fits(size_t usable, size_t size)
{
	if (usable > PYALLOC_SMALL_MAX || size > PYALLOC_SMALL_MAX)
		return usable >= size && size > usable / 2;
	return PYALLOC_STEP(usable) == max(PYALLOC_STEP(size), 1UL);
}

static inline void *cache_realloc(void *ptr, size_t size, gfp_t gfp)
{
	size_t usable = ksize(ptr);
	void *moved;

	if (cache_fits(usable, size))
		return ptr;
	moved = cache_malloc(size, gfp);
	if (!moved)
		return NULL;
	memcpy(moved, ptr, min(usable, size));
	kfree(ptr);
	return moved;
}

static __always_inline void *any_malloc(enum allocator allocator, size_t size)
{
	switch (allocator) {
	case ALLOCATOR_KMALLOC:
		return kmalloc(size, BENCH_GFP);
	case ALLOCATOR_CACHE:
		return cache_malloc(size, BENCH_GFP);
	case ALLOCATOR_MEM:
		return pymem_malloc(size, BENCH_GFP);
	case ALLOCATOR_HEAP:
	case ALLOCATOR_LOCKED:
		return pyheap_malloc(bench_heap, size, BENCH_GFP);
	default:
		return nothing();
	}
}

static __always_inline void *any_calloc(enum allocator allocator, size_t size)
{
	switch (allocator) {
	case ALLOCATOR_KMALLOC:
		return kzalloc(size, BENCH_GFP);
	case ALLOCATOR_CACHE:
		return cache_malloc(size, BENCH_GFP | __GFP_ZERO);
	case ALLOCATOR_MEM:
		return pymem_calloc(1, size, BENCH_GFP);
	case ALLOCATOR_HEAP:
	case ALLOCATOR_LOCKED:
		return pyheap_calloc(bench_heap, 1, size, BENCH_GFP);
	default:
		return nothing();
	}
}

static __always_inline void *any_realloc(enum allocator allocator, void *ptr,
					 size_t size)
{
	switch (allocator) {
	case ALLOCATOR_KMALLOC:
		return krealloc(ptr, size, BENCH_GFP);
	case ALLOCATOR_CACHE:
		return cache_realloc(ptr, size, BENCH_GFP);
	case ALLOCATOR_MEM:
		return pymem_realloc(ptr, size, BENCH_GFP);
	case ALLOCATOR_HEAP:
	case ALLOCATOR_LOCKED:
		return pyheap_realloc(bench_heap, ptr, size, BENCH_GFP);
	default:
		return nothing();
	}
}

static __always_inline void any_free(enum allocator allocator, void *ptr)
{
	switch (allocator) {
	case ALLOCATOR_KMALLOC:
	case ALLOCATOR_CACHE:
		kfree(ptr);
		break;
	case ALLOCATOR_MEM:
		pymem_free(ptr);
		break;
	case ALLOCATOR_HEAP:
	case ALLOCATOR_LOCKED:
		pyheap_free(bench_heap, ptr);
		break;
	default:
		OPTIMIZER_HIDE_VAR(ptr);
		barrier();
	}
}

/*
 * Calls the copy of the inline @function that was made for @allocator.  Which
 * allocators a workload takes was looked at before; the rest do nothing.
 */
#define __fold_case(result, allocator, function, ...)			\
	case allocator:							\
		result = function(allocator, ##__VA_ARGS__);		\
		break

#define fold(allocator, function, ...)					\
({									\
	typeof(function(allocator, ##__VA_ARGS__)) ___result;		\
									\
	switch (allocator) {						\
	__fold_case(___result, ALLOCATOR_KMALLOC, function, ##__VA_ARGS__); \
	__fold_case(___result, ALLOCATOR_CACHE, function, ##__VA_ARGS__); \
	__fold_case(___result, ALLOCATOR_CACHE_BULK, function, ##__VA_ARGS__); \
	__fold_case(___result, ALLOCATOR_MEMPOOL, function, ##__VA_ARGS__); \
	__fold_case(___result, ALLOCATOR_MEM, function, ##__VA_ARGS__);	\
	__fold_case(___result, ALLOCATOR_MEM_BULK, function, ##__VA_ARGS__); \
	__fold_case(___result, ALLOCATOR_HEAP, function, ##__VA_ARGS__); \
	__fold_case(___result, ALLOCATOR_LOCKED, function, ##__VA_ARGS__); \
	__fold_case(___result, ALLOCATOR_TYPE, function, ##__VA_ARGS__); \
	default:							\
		___result = function(ALLOCATOR_NONE, ##__VA_ARGS__);	\
	}								\
	___result;							\
})

#endif /* PYBENCH_ALLOCATOR_H */
