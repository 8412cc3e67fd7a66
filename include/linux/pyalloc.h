/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pyalloc: CPython's memory manager for kernel modules that make many small,
 * short-lived objects.
 *
 * A request of up to PYALLOC_SMALL_MAX bytes through the mem or the object
 * domain is served from the heap: arenas cut into pools, pools cut into
 * blocks of one size class, and a front of free blocks per CPU.  Everything
 * larger, and the whole raw domain, is the kernel's own kmalloc or kvmalloc.
 * Any block may be freed, resized or measured through any domain.
 *
 * This header is all that a client sees.
 */
#ifndef _LINUX_PYALLOC_H
#define _LINUX_PYALLOC_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/kconfig.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/types.h>

/* Kernels before 6.5 may lack it; sparse can't be asked. */
#ifdef __has_include
#if __has_include("linux/cleanup.h")
#include <linux/cleanup.h>
#endif
#endif

/*
 * The release, and the versions of what others are written against: the API,
 * and the tables in debugfs.  CONTRIBUTING.md says when each of them changes.
 */
#define PYALLOC_VERSION	"0.8.0"
#define PYALLOC_API	2
#define PYALLOC_TABLES	1

/* The largest request that the heap serves; above it is raw's. */
#define PYALLOC_SMALL_MAX	512

/* Requests are told apart in steps of eight bytes. */
#define PYALLOC_STEP_SHIFT	3
#define PYALLOC_STEP(size) \
	(((size) + (1UL << PYALLOC_STEP_SHIFT) - 1) >> PYALLOC_STEP_SHIFT)

/**
 * enum pymem_domain - who asked, and so which rules hold
 * @PYMEM_DOMAIN_RAW: wherever kmalloc() may be called; never the heap
 * @PYMEM_DOMAIN_MEM: buffers
 * @PYMEM_DOMAIN_OBJ: objects
 * @PYMEM_NR_DOMAINS: how many there are
 */
enum pymem_domain {
	PYMEM_DOMAIN_RAW,
	PYMEM_DOMAIN_MEM,
	PYMEM_DOMAIN_OBJ,
	PYMEM_NR_DOMAINS,
};

/*
 * A client refuses to load against a pyalloc whose API changed: it refers to
 * this symbol, and the number in its name is the API's version.
 */
#define pyalloc_api	__PASTE(pyalloc_api_, PYALLOC_API)
extern const char pyalloc_api;
static const char *const __pyalloc_api __used = &pyalloc_api;

/*
 * Modifiers that mean a kind of memory the heap does not have (accounted,
 * zoned, from the reserves, from one node alone) send a request to raw.
 * __GFP_ZERO is served by the heap, but off the shortest path.
 */
#define PYALLOC_GFP_RAW							\
	(__GFP_ACCOUNT | __GFP_DMA | __GFP_DMA32 | __GFP_HIGHMEM |	\
	 __GFP_MOVABLE | __GFP_MEMALLOC | __GFP_THISNODE)
#define PYALLOC_GFP_SPECIAL	(PYALLOC_GFP_RAW | __GFP_ZERO)

/* The raw domain. */
void *pymem_raw_malloc(size_t size, gfp_t gfp) __malloc __alloc_size(1);
void *pymem_raw_calloc(size_t nelem, size_t elsize, gfp_t gfp)
	__malloc __alloc_size(1, 2);
void *pymem_raw_realloc(void *ptr, size_t size, gfp_t gfp)
	__must_check __realloc_size(2);
void pymem_raw_free(const void *ptr);

/*
 * What the inlines below stand for: the first of each pair takes any size,
 * the second a size known to the compiler, as steps of eight bytes from 0 to
 * 64, with a gfp free of PYALLOC_GFP_SPECIAL.  By how much the steps are more
 * than the size is in the gfp's highest bits, for debug hooks.
 */
#define PYALLOC_EXCESS_SHIFT	29
#define PYALLOC_GFP_MASK	((1U << PYALLOC_EXCESS_SHIFT) - 1)
#define __pyalloc_gfp(size, gfp)					\
	((gfp) | (__force gfp_t)					\
		 ((unsigned int)(-(size) & 7) << PYALLOC_EXCESS_SHIFT))

void *__pymem_malloc(size_t size, gfp_t gfp) __malloc __alloc_size(1);
void *__pymem_malloc_steps(unsigned long steps, gfp_t gfp) __malloc;
void *__pyobject_malloc(size_t size, gfp_t gfp) __malloc __alloc_size(1);
void *__pyobject_malloc_steps(unsigned long steps, gfp_t gfp) __malloc;

/* KASAN is told the size to the byte. */
#define __pyalloc_folds(size, gfp)					\
	(__builtin_constant_p(size) && (size) <= PYALLOC_SMALL_MAX &&	\
	 __builtin_constant_p(gfp) && !((gfp) & PYALLOC_GFP_SPECIAL) &&	\
	 !IS_ENABLED(CONFIG_KASAN_GENERIC))

/**
 * pymem_malloc() - allocate a block from the mem domain
 * @size: bytes; 0 is served as 1 and gives a block of its own
 * @gfp: as for kmalloc()
 *
 * The block is aligned to the largest power of two that divides its size
 * class, and to 8 at least.  Its bytes are undefined unless @gfp has
 * __GFP_ZERO or the kernel was booted with init_on_alloc.
 *
 * Context: Process, softirq and hardirq with a matching @gfp.  NMI, and on
 * PREEMPT_RT every context that may not sleep, are served with what the heap
 * holds; so is a @gfp without a reclaim bit everywhere.  May sleep if @gfp
 * allows.
 * Return: the block, or NULL when memory is short or @size is over INT_MAX.
 */
static __always_inline __malloc __alloc_size(1)
void *pymem_malloc(size_t size, gfp_t gfp)
{
	if (__pyalloc_folds(size, gfp))
		return __pymem_malloc_steps(PYALLOC_STEP(size),
					    __pyalloc_gfp(size, gfp));
	return __pymem_malloc(size, gfp);
}

void *pymem_calloc(size_t nelem, size_t elsize, gfp_t gfp)
	__malloc __alloc_size(1, 2);
void *pymem_realloc(void *ptr, size_t size, gfp_t gfp)
	__must_check __realloc_size(2);
void pymem_free(const void *ptr);

/**
 * pyobject_malloc() - allocate a block from the object domain
 * @size: bytes; 0 is served as 1 and gives a block of its own
 * @gfp: as for kmalloc()
 *
 * As pymem_malloc(); the two differ in where they are counted.
 *
 * Context: as pymem_malloc().
 * Return: the block, or NULL when memory is short or @size is over INT_MAX.
 */
static __always_inline __malloc __alloc_size(1)
void *pyobject_malloc(size_t size, gfp_t gfp)
{
	if (__pyalloc_folds(size, gfp))
		return __pyobject_malloc_steps(PYALLOC_STEP(size),
					       __pyalloc_gfp(size, gfp));
	return __pyobject_malloc(size, gfp);
}

void *pyobject_calloc(size_t nelem, size_t elsize, gfp_t gfp)
	__malloc __alloc_size(1, 2);
void *pyobject_realloc(void *ptr, size_t size, gfp_t gfp)
	__must_check __realloc_size(2);
void pyobject_free(const void *ptr);

void *pymem_malloc_node(size_t size, gfp_t gfp, int node)
	__malloc __alloc_size(1);
void *pyobject_malloc_node(size_t size, gfp_t gfp, int node)
	__malloc __alloc_size(1);

size_t pymem_malloc_bulk(size_t size, gfp_t gfp, size_t n, void **ptrs);
void pymem_free_bulk(size_t n, void **ptrs);

size_t pyalloc_usable_size(const void *ptr);
size_t pymem_get_allocated_blocks(void);
size_t pyalloc_reclaim(void);

/**
 * struct pyalloc_place - where a block lies
 * @heap: its heap's name, as in the file heaps
 * @class_size: bytes that a block of its size class has
 * @arena: the arena's id, as in the file arenas
 * @pool: where in the arena its pool begins: which character of the map in the
 *	file arenas, from 0
 * @block: which block of the pool it is, from 0
 *
 * Nothing of it tells an address.
 */
struct pyalloc_place {
	char		heap[32];
	unsigned int	class_size;
	unsigned int	arena;
	unsigned int	pool;
	unsigned int	block;
};

int pyalloc_describe(const void *ptr, struct pyalloc_place *place);

/**
 * struct pymem_allocator - what serves a domain
 * @ctx: what each function gets first
 * @malloc: as pymem_malloc()
 * @calloc: as pymem_calloc()
 * @realloc: as pymem_realloc()
 * @free: as pymem_free(), but never called with NULL
 */
struct pymem_allocator {
	void	*ctx;
	void	*(*malloc)(void *ctx, size_t size, gfp_t gfp);
	void	*(*calloc)(void *ctx, size_t nelem, size_t elsize, gfp_t gfp);
	void	*(*realloc)(void *ctx, void *ptr, size_t size, gfp_t gfp);
	void	(*free)(void *ctx, void *ptr);
};

int pymem_get_allocator(enum pymem_domain domain,
			struct pymem_allocator *allocator);
int pymem_set_allocator(enum pymem_domain domain,
			const struct pymem_allocator *allocator);
int pymem_setup_debug_hooks(void);

/**
 * struct pyarena_allocator - where arenas come from
 * @ctx: what each function gets first
 * @alloc: @size bytes, a power of two of 16384 at least, aligned to 4096, of
 *	the direct map or of vmalloc; or NULL
 * @free: takes what @alloc gave, and its size
 */
struct pyarena_allocator {
	void	*ctx;
	void	*(*alloc)(void *ctx, size_t size, gfp_t gfp);
	void	(*free)(void *ctx, void *ptr, size_t size);
};

int pyarena_get_allocator(struct pyarena_allocator *allocator);
int pyarena_set_allocator(const struct pyarena_allocator *allocator);

int pytrace_start(unsigned int nframe);
void pytrace_stop(void);
bool pytrace_is_tracing(void);
void pytrace_get_traced_memory(size_t *current_bytes, size_t *peak_bytes);
void pytrace_reset_peak(void);
int pytrace_track(unsigned int domain, const void *ptr, size_t size,
		  gfp_t gfp);
int pytrace_untrack(unsigned int domain, const void *ptr);

void __pymem_free_rcu(void *ptr, struct rcu_head *rcu);
void __pyobject_free_rcu(void *ptr, struct rcu_head *rcu);

/**
 * pymem_free_rcu() - free a block after a grace period
 * @ptr: the block, or NULL
 * @member: the name of the struct rcu_head inside *@ptr, in its first 4096
 *	bytes
 *
 * The callback is pyalloc's own, so that the caller's module may be unloaded
 * before the grace period ends.
 *
 * Context: Any but NMI; on PREEMPT_RT not under a raw_spinlock_t.
 */
#define pymem_free_rcu(ptr, member)					\
do {									\
	typeof(ptr) ___ptr = (ptr);					\
									\
	BUILD_BUG_ON(offsetof(typeof(*___ptr), member) >= 4096);	\
	if (___ptr)							\
		__pymem_free_rcu(___ptr, &___ptr->member);		\
} while (0)

/**
 * pyobject_free_rcu() - free a block of the object domain after a grace period
 * @ptr: the block, or NULL
 * @member: the name of the struct rcu_head inside *@ptr
 *
 * Context: as pymem_free_rcu().
 */
#define pyobject_free_rcu(ptr, member)					\
do {									\
	typeof(ptr) ___ptr = (ptr);					\
									\
	BUILD_BUG_ON(offsetof(typeof(*___ptr), member) >= 4096);	\
	if (___ptr)							\
		__pyobject_free_rcu(___ptr, &___ptr->member);		\
} while (0)

/**
 * pymem_new() - allocate an array of @n elements from the mem domain
 * @TYPE: an element's type
 * @n: how many
 * @gfp: as for kmalloc()
 *
 * Context: as pymem_malloc().
 * Return: a TYPE pointer, or NULL, also when @n elements overflow.
 */
#define pymem_new(TYPE, n, gfp) \
	((TYPE *)pymem_malloc(array_size(n, sizeof(TYPE)), gfp))

/**
 * pymem_resize() - resize an array that pymem_new() made
 * @ptr: a TYPE pointer variable.  It is assigned in every case: NULL on
 *	failure, while the old array lives on, so keep a copy of it
 * @TYPE: an element's type
 * @n: how many elements it shall have
 * @gfp: as for kmalloc()
 *
 * Context: as pymem_malloc().
 * Return: what @ptr now is.
 */
#define pymem_resize(ptr, TYPE, n, gfp)					\
({									\
	TYPE **___array = &(ptr);					\
									\
	*___array = pymem_realloc(*___array,				\
				  array_size(n, sizeof(TYPE)), gfp);	\
})

/**
 * pymem_del() - free what pymem_new() made
 * @ptr: the array, or NULL
 *
 * Context: Any.
 */
#define pymem_del(ptr)	pymem_free(ptr)

/**
 * pymem_memdup() - copy a region of memory into a block of the mem domain
 * @src: what to copy
 * @size: how many bytes
 * @gfp: as for kmalloc()
 *
 * Context: as pymem_malloc().
 * Return: the copy, or NULL.
 */
static inline __malloc void *pymem_memdup(const void *src, size_t size,
					  gfp_t gfp)
{
	void *copy = pymem_malloc(size, gfp);

	if (copy)
		memcpy(copy, src, size);
	return copy;
}

/**
 * pymem_strdup() - copy a string into a block of the mem domain
 * @string: what to copy, or NULL
 * @gfp: as for kmalloc()
 *
 * Context: as pymem_malloc().
 * Return: the copy, or NULL, also for a NULL @string.
 */
static inline __malloc char *pymem_strdup(const char *string, gfp_t gfp)
{
	return string ? pymem_memdup(string, strlen(string) + 1, gfp) : NULL;
}

/* === Private heaps === */

/**
 * enum pyheap_classes - which sizes a heap's blocks have
 * @PYHEAP_CLASSES_DEFAULT: as the default heap's
 * @PYHEAP_CLASSES_LINEAR: steps of 16 bytes
 * @PYHEAP_CLASSES_FINE: steps of 8 bytes to 128, of 16 to 256, of 32 to 512
 * @PYHEAP_CLASSES_POW2: powers of two from 8
 */
enum pyheap_classes {
	PYHEAP_CLASSES_DEFAULT,
	PYHEAP_CLASSES_LINEAR,
	PYHEAP_CLASSES_FINE,
	PYHEAP_CLASSES_POW2,
};

/* The client's lock is held around every call: see struct pyheap_attr. */
#define PYHEAP_EXTERNAL_LOCK	BIT(0)
/* What is larger than PYALLOC_SMALL_MAX is counted, and not the heap's. */
#define PYHEAP_SMALL_ONLY	BIT(1)

/**
 * struct pyheap_attr - what a heap is to be like; zeros: the default
 * @flags: PYHEAP_EXTERNAL_LOCK, PYHEAP_SMALL_ONLY
 * @classes: its size classes
 * @limit_bytes: the most that its arenas and its blocks of raw may hold
 * @arena_kib: the size of its arenas, as the parameter of the same name
 * @lock: with PYHEAP_EXTERNAL_LOCK: PYHEAP_LOCK() of the lock, or NULL
 *
 * With PYHEAP_EXTERNAL_LOCK the client sees to it that one call at a time is
 * under way for the heap, interrupts and all other CPUs included.
 */
struct pyheap_attr {
	unsigned int		flags;
	enum pyheap_classes	classes;
	size_t			limit_bytes;
	unsigned int		arena_kib;
	struct lockdep_map	*lock;
};

/**
 * PYHEAP_LOCK() - a lock, as lockdep knows it
 * @l: a pointer to a spinlock, a mutex or whatever else has a dep_map
 *
 * Return: for the field lock of struct pyheap_attr; NULL without lockdep.
 */
#ifdef CONFIG_LOCKDEP
#define PYHEAP_LOCK(l)	(&(l)->dep_map)
#else
#define PYHEAP_LOCK(l)	((void)(l), (struct lockdep_map *)NULL)
#endif

struct module;
struct pyheap;

struct pyheap *__pyheap_create(const char *name, const struct pyheap_attr *attr,
			       struct module *owner);

/**
 * pyheap_create() - make a private heap
 * @name: 1 to 31 of the characters a-z, 0-9, _ and -; not that of another heap
 * @attr: what it is to be like, or NULL
 *
 * It holds nothing until it is used.
 *
 * Context: Process; sleeps.
 * Return: the heap; or as an ERR_PTR -EINVAL (a bad name, an unknown flag, an
 * impossible size), -EEXIST (a heap of that name), -ENOMEM.
 */
static inline struct pyheap *pyheap_create(const char *name,
					   const struct pyheap_attr *attr)
{
	return __pyheap_create(name, attr, THIS_MODULE);
}

size_t pyheap_destroy(struct pyheap *heap);
int pyheap_reserve(struct pyheap *heap, size_t size, unsigned int n, gfp_t gfp);

void *__pyheap_malloc(struct pyheap *heap, size_t size, gfp_t gfp)
	__malloc __alloc_size(2);
void *__pyheap_malloc_steps(struct pyheap *heap, unsigned long steps, gfp_t gfp)
	__malloc;

/**
 * pyheap_malloc() - allocate a block from a private heap
 * @heap: the heap
 * @size: bytes; 0 is served as 1 and gives a block of its own
 * @gfp: as for kmalloc()
 *
 * Context: as pymem_malloc(); with PYHEAP_EXTERNAL_LOCK where the lock is held.
 * Return: the block, or NULL: no memory, the heap's limit, @size over INT_MAX,
 * a heap that was not used so far and a @gfp or context that may take no
 * memory, or one that was destroyed, which is reported.
 */
static __always_inline __malloc __alloc_size(2)
void *pyheap_malloc(struct pyheap *heap, size_t size, gfp_t gfp)
{
	if (__pyalloc_folds(size, gfp))
		return __pyheap_malloc_steps(heap, PYALLOC_STEP(size),
					     __pyalloc_gfp(size, gfp));
	return __pyheap_malloc(heap, size, gfp);
}

void *pyheap_calloc(struct pyheap *heap, size_t nelem, size_t elsize, gfp_t gfp)
	__malloc __alloc_size(2, 3);
void *pyheap_realloc(struct pyheap *heap, void *ptr, size_t size, gfp_t gfp)
	__must_check __realloc_size(3);
void pyheap_free(struct pyheap *heap, const void *ptr);
void *pyheap_malloc_node(struct pyheap *heap, size_t size, gfp_t gfp, int node)
	__malloc __alloc_size(2);
size_t pyheap_malloc_bulk(struct pyheap *heap, size_t size, gfp_t gfp, size_t n,
			  void **ptrs);
void pyheap_free_bulk(struct pyheap *heap, size_t n, void **ptrs);
void __pyheap_free_rcu(struct pyheap *heap, void *ptr, struct rcu_head *rcu);

/**
 * pyheap_free_rcu() - free a block of a private heap after a grace period
 * @heap: the heap
 * @ptr: the block, or NULL
 * @member: the name of the struct rcu_head inside *@ptr
 *
 * With PYHEAP_EXTERNAL_LOCK nobody has the lock when the grace period ends: the
 * block goes past the heap's front to its pool.
 *
 * Context: as pymem_free_rcu().
 */
#define pyheap_free_rcu(heap, ptr, member)				\
do {									\
	typeof(ptr) ___ptr = (ptr);					\
									\
	BUILD_BUG_ON(offsetof(typeof(*___ptr), member) >= 4096);	\
	if (___ptr)							\
		__pyheap_free_rcu(heap, ___ptr, &___ptr->member);	\
} while (0)

/* === Types === */

/* A block of the type is never another type's while the type exists. */
#define PYTYPE_STABLE	BIT(0)
/* A freed object may be read until a grace period is over. */
#define PYTYPE_RCU	BIT(1)
/* pytype_resize() leaves room to grow, as Python's lists do. */
#define PYTYPE_GROW	BIT(2)

/**
 * struct pytype_attr - what objects of a type are like, and how they are kept
 * @name: as a heap's; of another type's it may be the same
 * @size: an object's bytes, without its items
 * @itemsize: bytes of an item; 0: all objects have one size
 * @max_items: free lists are kept for objects of up to so many items, 64 at most
 * @max_free: the most objects of one length on a list, on each CPU, up to 4096;
 *	0: no lists
 * @flags: PYTYPE_STABLE, PYTYPE_RCU, PYTYPE_GROW
 * @ctor: called once for each block that comes to the type, or NULL; in any
 *	context, and it may not sleep
 * @heap: the private heap that its blocks are of, or NULL for the object domain
 *
 * With @ctor or PYTYPE_STABLE the type has pools of its own, and nothing is
 * written to an object while it is free, but if it was freed in NMI: then its
 * first word may be, and the ctor runs again.  It has no items and no @heap
 * then, and PYALLOC_SMALL_MAX bytes at most.
 *
 * With PYTYPE_RCU it has no items, and three words more are taken for each
 * object.
 *
 * With a @heap that has PYHEAP_EXTERNAL_LOCK there are no free lists, and no
 * PYTYPE_RCU.
 */
struct pytype_attr {
	const char	*name;
	size_t		size;
	size_t		itemsize;
	unsigned int	max_items;
	unsigned int	max_free;
	unsigned int	flags;
	void		(*ctor)(void *obj);
	struct pyheap	*heap;
};

struct pytype;

struct pytype *__pytype_create(const struct pytype_attr *attr,
			       struct module *owner);

/**
 * pytype_create() - make a type of objects
 * @attr: what they are like; its strings are copied
 *
 * Context: Process; sleeps.
 * Return: the type; or as an ERR_PTR -EINVAL (a bad name, an unknown flag, a
 * number out of bounds, or what does not go together), -ENOMEM.
 */
static inline struct pytype *pytype_create(const struct pytype_attr *attr)
{
	return __pytype_create(attr, THIS_MODULE);
}

size_t pytype_destroy(struct pytype *type);

/* The first takes any gfp, the second one free of PYALLOC_GFP_SPECIAL. */
void *__pytype_alloc(struct pytype *type, gfp_t gfp) __malloc;
void *__pytype_alloc_plain(struct pytype *type, gfp_t gfp) __malloc;

/**
 * pytype_alloc() - allocate an object without items
 * @type: its type
 * @gfp: as for kmalloc(), without __GFP_ZERO if the type has a ctor or is
 *	stable
 *
 * Context: as pymem_malloc().
 * Return: the object, or NULL.
 */
static __always_inline __malloc void *pytype_alloc(struct pytype *type,
						   gfp_t gfp)
{
	if (__builtin_constant_p(gfp) && !(gfp & PYALLOC_GFP_SPECIAL))
		return __pytype_alloc_plain(type, gfp);
	return __pytype_alloc(type, gfp);
}

void *pytype_alloc_var(struct pytype *type, size_t n, gfp_t gfp) __malloc;
void *pytype_alloc_immortal(struct pytype *type, size_t n, gfp_t gfp) __malloc;
void *pytype_resize(struct pytype *type, void *obj, size_t n, gfp_t gfp)
	__must_check;
size_t pytype_capacity(struct pytype *type, const void *obj);
void pytype_free(struct pytype *type, void *obj);

#ifdef DEFINE_FREE
DEFINE_FREE(pymem, void *, pymem_free(_T))
DEFINE_FREE(pyobject, void *, pyobject_free(_T))
#endif

#endif /* _LINUX_PYALLOC_H */
