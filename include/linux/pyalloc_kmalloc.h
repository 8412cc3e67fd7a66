/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A module's own kmalloc() and kfree(), moved onto pyalloc without a change to
 * its sources: compiled in with -include, before all else.
 *
 * Requests of up to PYALLOC_SMALL_MAX bytes go to a private heap with the
 * module's name.  pyalloc sees the module come and makes the heap before its
 * first line runs, so that no call has to; when the module has gone, what it
 * left is reported and freed.  Larger requests are the kernel's, and so is all
 * else if the heap could not be made.
 *
 * All that frees, resizes and measures takes blocks of the heap and of the
 * kernel, so that an object may have been allocated on either side.  What may
 * not be is a block of the heap that the kernel frees: where one is allocated,
 *
 *	PYALLOC_KEEP_KMALLOC(kmalloc)(size, gfp)
 *
 * is the kernel's kmalloc(), and a file that is compiled with
 * -DPYALLOC_KEEP_KMALLOC keeps all of its calls.  Documentation/porting.rst
 * says how to find them.
 *
 * The names are macros without arguments, so that `.free = kfree` moves as
 * well, and each stands for a function with the kernel's signature.  Headers
 * that are included here keep the kernel's functions in their inlines; those
 * that come later use these.  Headers and names that do not exist in a kernel
 * stay so.
 *
 * With -DPYALLOC_KMEM_CACHE caches move as well: see the end.
 *
 * Contexts: those of the kernel's functions.
 */
#if !defined(_LINUX_PYALLOC_KMALLOC_H) && !defined(__ASSEMBLY__)
#define _LINUX_PYALLOC_KMALLOC_H

/* No more than what the functions below need. */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/overflow.h>
#include <linux/pyalloc.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

/* === What pyalloc has for this === */

extern const struct kernel_param_ops pykmalloc_ops;

void pykmalloc_free(struct pyheap *heap, const void *ptr);
void pykmalloc_vfree(struct pyheap *heap, const void *ptr);
void pykmalloc_free_const(struct pyheap *heap, const void *ptr);
void pykmalloc_free_sensitive(struct pyheap *heap, const void *ptr);
void pykmalloc_free_rcu(struct pyheap *heap, void *ptr, struct rcu_head *rcu);
void pykmalloc_free_rcu_mightsleep(struct pyheap *heap, void *ptr);
void *pykmalloc_realloc(struct pyheap *heap, const void *ptr, size_t size,
			gfp_t gfp) __realloc_size(3);
void *pykmalloc_vrealloc(struct pyheap *heap, const void *ptr, size_t size,
			 gfp_t gfp) __realloc_size(3);

/**
 * struct pykmalloc_cache - what stands for a cache
 * @heap: whose its objects are
 * @size: their bytes
 */
struct pykmalloc_cache {
	struct pyheap	*heap;
	unsigned int	size;
};

struct kmem_cache *pykmalloc_cache_create(struct pyheap *heap,
					  unsigned int size, unsigned int align,
					  slab_flags_t flags);
void pykmalloc_cache_destroy(struct kmem_cache *cache);

#if defined(PYALLOC_KEEP_KMALLOC) || !defined(MODULE)

#undef PYALLOC_KEEP_KMALLOC
#define PYALLOC_KEEP_KMALLOC(name)	name

#else

/* === The heap === */

/*
 * Set by pyalloc before the module's init, which finds it by what looks like a
 * parameter, one in each file: NULL if there was no memory for it.
 */
static struct pyheap *pykmalloc_heap __ro_after_init;

module_param_cb(pyalloc_heap, &pykmalloc_ops, &pykmalloc_heap, 0);

/* === The kernel's own, while the names are still its === */

/**
 * PYALLOC_KEEP_KMALLOC() - the kernel's own function
 * @name: of those that allocate, and kfree, kvfree and kmem_cache_create (with
 *	five arguments)
 *
 * Return: the function, to be called.
 */
#define PYALLOC_KEEP_KMALLOC(name)	pykernel_##name

static __always_inline __alloc_size(1)
void *pykernel_kmalloc(size_t size, gfp_t gfp)
{
	return kmalloc(size, gfp);
}

static __always_inline __alloc_size(1)
void *pykernel_kzalloc(size_t size, gfp_t gfp)
{
	return kzalloc(size, gfp);
}

static __always_inline __alloc_size(1)
void *pykernel_kmalloc_node(size_t size, gfp_t gfp, int node)
{
	return kmalloc_node(size, gfp, node);
}

static __always_inline __alloc_size(1)
void *pykernel_kzalloc_node(size_t size, gfp_t gfp, int node)
{
	return kzalloc_node(size, gfp, node);
}

static __always_inline __alloc_size(1, 2)
void *pykernel_kmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	return kmalloc_array(n, size, gfp);
}

static __always_inline __alloc_size(1, 2)
void *pykernel_kcalloc(size_t n, size_t size, gfp_t gfp)
{
	return kcalloc(n, size, gfp);
}

static __always_inline __alloc_size(1, 2)
void *pykernel_kmalloc_array_node(size_t n, size_t size, gfp_t gfp, int node)
{
	return kmalloc_array_node(n, size, gfp, node);
}

static __always_inline __alloc_size(1, 2)
void *pykernel_kcalloc_node(size_t n, size_t size, gfp_t gfp, int node)
{
	return kcalloc_node(n, size, gfp, node);
}

static __always_inline __realloc_size(2)
void *pykernel_krealloc(const void *ptr, size_t size, gfp_t gfp)
{
	return krealloc(ptr, size, gfp);
}

static __always_inline __realloc_size(2, 3)
void *pykernel_krealloc_array(void *ptr, size_t n, size_t size, gfp_t gfp)
{
	return krealloc_array(ptr, n, size, gfp);
}

static __always_inline __alloc_size(1)
void *pykernel_kvmalloc(size_t size, gfp_t gfp)
{
	return kvmalloc(size, gfp);
}

static __always_inline __alloc_size(1)
void *pykernel_kvzalloc(size_t size, gfp_t gfp)
{
	return kvzalloc(size, gfp);
}

static __always_inline __alloc_size(1)
void *pykernel_kvmalloc_node(size_t size, gfp_t gfp, int node)
{
	return kvmalloc_node(size, gfp, node);
}

static __always_inline __alloc_size(1)
void *pykernel_kvzalloc_node(size_t size, gfp_t gfp, int node)
{
	return kvzalloc_node(size, gfp, node);
}

static __always_inline __alloc_size(1, 2)
void *pykernel_kvmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	return kvmalloc_array(n, size, gfp);
}

static __always_inline __alloc_size(1, 2)
void *pykernel_kvcalloc(size_t n, size_t size, gfp_t gfp)
{
	return kvcalloc(n, size, gfp);
}

static __always_inline void *pykernel_kmemdup(const void *src, size_t size,
					      gfp_t gfp)
{
	return kmemdup(src, size, gfp);
}

static __always_inline char *pykernel_kmemdup_nul(const char *src, size_t size,
						  gfp_t gfp)
{
	return kmemdup_nul(src, size, gfp);
}

static __always_inline char *pykernel_kstrdup(const char *string, gfp_t gfp)
{
	return kstrdup(string, gfp);
}

static __always_inline char *pykernel_kstrndup(const char *string, size_t most,
					       gfp_t gfp)
{
	return kstrndup(string, most, gfp);
}

static __always_inline __printf(2, 0)
char *pykernel_kvasprintf(gfp_t gfp, const char *format, va_list arguments)
{
	return kvasprintf(gfp, format, arguments);
}

static __maybe_unused __printf(2, 3)
char *pykernel_kasprintf(gfp_t gfp, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = kvasprintf(gfp, format, arguments);
	va_end(arguments);
	return text;
}

static __always_inline void pykernel_kfree(const void *ptr)
{
	kfree(ptr);
}

static __always_inline void pykernel_kvfree(const void *ptr)
{
	kvfree(ptr);
}

/* === malloc === */

/* What the heap would hand on to the kernel goes there at once. */
static __always_inline bool pykmalloc_takes(size_t size, gfp_t gfp)
{
	return likely(pykmalloc_heap) && size - 1 < PYALLOC_SMALL_MAX &&
	       !(gfp & PYALLOC_GFP_RAW);
}

static __always_inline __alloc_size(1)
void *py_kmalloc(size_t size, gfp_t gfp)
{
	if (likely(pykmalloc_takes(size, gfp)))
		return pyheap_malloc(pykmalloc_heap, size, gfp);
	/* Of no bytes it is ZERO_SIZE_PTR. */
	return pykernel_kmalloc(size, gfp);
}

static __always_inline __alloc_size(1)
void *py_kzalloc(size_t size, gfp_t gfp)
{
	return py_kmalloc(size, gfp | __GFP_ZERO);
}

static __always_inline __alloc_size(1)
void *py_kmalloc_node(size_t size, gfp_t gfp, int node)
{
	if (likely(pykmalloc_takes(size, gfp)))
		return pyheap_malloc_node(pykmalloc_heap, size, gfp, node);
	return pykernel_kmalloc_node(size, gfp, node);
}

static __always_inline __alloc_size(1)
void *py_kzalloc_node(size_t size, gfp_t gfp, int node)
{
	return py_kmalloc_node(size, gfp | __GFP_ZERO, node);
}

static __always_inline __alloc_size(1, 2)
void *py_kmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return py_kmalloc(bytes, gfp);
}

static __always_inline __alloc_size(1, 2)
void *py_kcalloc(size_t n, size_t size, gfp_t gfp)
{
	return py_kmalloc_array(n, size, gfp | __GFP_ZERO);
}

static __always_inline __alloc_size(1, 2)
void *py_kmalloc_array_node(size_t n, size_t size, gfp_t gfp, int node)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return py_kmalloc_node(bytes, gfp, node);
}

static __always_inline __alloc_size(1, 2)
void *py_kcalloc_node(size_t n, size_t size, gfp_t gfp, int node)
{
	return py_kmalloc_array_node(n, size, gfp | __GFP_ZERO, node);
}

static __always_inline __alloc_size(1)
void *py_kvmalloc_node(size_t size, gfp_t gfp, int node)
{
	if (likely(pykmalloc_takes(size, gfp)))
		return pyheap_malloc_node(pykmalloc_heap, size, gfp, node);
	return pykernel_kvmalloc_node(size, gfp, node);
}

static __always_inline __alloc_size(1)
void *py_kvzalloc_node(size_t size, gfp_t gfp, int node)
{
	return py_kvmalloc_node(size, gfp | __GFP_ZERO, node);
}

static __always_inline __alloc_size(1)
void *py_kvmalloc(size_t size, gfp_t gfp)
{
	if (likely(pykmalloc_takes(size, gfp)))
		return pyheap_malloc(pykmalloc_heap, size, gfp);
	return pykernel_kvmalloc(size, gfp);
}

static __always_inline __alloc_size(1)
void *py_kvzalloc(size_t size, gfp_t gfp)
{
	return py_kvmalloc(size, gfp | __GFP_ZERO);
}

static __always_inline __alloc_size(1, 2)
void *py_kvmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return py_kvmalloc(bytes, gfp);
}

static __always_inline __alloc_size(1, 2)
void *py_kvcalloc(size_t n, size_t size, gfp_t gfp)
{
	return py_kvmalloc_array(n, size, gfp | __GFP_ZERO);
}

/* === realloc === */

static __always_inline __must_check __realloc_size(2)
void *py_krealloc(const void *ptr, size_t size, gfp_t gfp)
{
	return pykmalloc_realloc(pykmalloc_heap, ptr, size, gfp);
}

static __always_inline __must_check __realloc_size(2, 3)
void *py_krealloc_array(void *ptr, size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return py_krealloc(ptr, bytes, gfp);
}

/* It lost the argument for the old size where it became a macro. */
#ifdef kvrealloc
static __always_inline __realloc_size(2)
void *py_kvrealloc(const void *ptr, size_t size, gfp_t gfp)
{
	return pykmalloc_vrealloc(pykmalloc_heap, ptr, size, gfp);
}
#else
static __always_inline __realloc_size(3)
void *py_kvrealloc(const void *ptr, size_t old, size_t size, gfp_t gfp)
{
	/* Here it never shrinks. */
	return old >= size ? (void *)ptr :
	       pykmalloc_vrealloc(pykmalloc_heap, ptr, size, gfp);
}
#endif

/* === Copies === */

static __always_inline void *py_kmemdup(const void *src, size_t size, gfp_t gfp)
{
	void *copy = py_kmalloc(size, gfp);

	return copy ? memcpy(copy, src, size) : NULL;
}

static __always_inline char *py_kmemdup_nul(const char *src, size_t size,
					    gfp_t gfp)
{
	char *copy = src ? py_kmalloc(size + 1, gfp) : NULL;

	if (copy) {
		memcpy(copy, src, size);
		copy[size] = '\0';
	}
	return copy;
}

static __always_inline char *py_kstrdup(const char *string, gfp_t gfp)
{
	return string ? py_kmemdup(string, strlen(string) + 1, gfp) : NULL;
}

static __always_inline char *py_kstrndup(const char *string, size_t most,
					 gfp_t gfp)
{
	return string ? py_kmemdup_nul(string, strnlen(string, most), gfp) :
			NULL;
}

static inline __printf(2, 0)
char *py_kvasprintf(gfp_t gfp, const char *format, va_list arguments)
{
	va_list again;
	int length;
	char *text;

	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	text = py_kmalloc(length + 1, gfp);
	if (text)
		vsnprintf(text, length + 1, format, arguments);
	return text;
}

static __maybe_unused __printf(2, 3)
char *py_kasprintf(gfp_t gfp, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = py_kvasprintf(gfp, format, arguments);
	va_end(arguments);
	return text;
}

/* === free === */

static __always_inline void py_kfree(const void *ptr)
{
	pykmalloc_free(pykmalloc_heap, ptr);
}

static __always_inline void py_kvfree(const void *ptr)
{
	pykmalloc_vfree(pykmalloc_heap, ptr);
}

static __always_inline void py_kfree_const(const void *ptr)
{
	pykmalloc_free_const(pykmalloc_heap, ptr);
}

static __always_inline void py_kfree_sensitive(const void *ptr)
{
	pykmalloc_free_sensitive(pykmalloc_heap, ptr);
}

static __always_inline void py_kvfree_sensitive(const void *ptr, size_t size)
{
	if (!ZERO_OR_NULL_PTR(ptr))
		memzero_explicit((void *)ptr, size);
	py_kvfree(ptr);
}

static inline void py_kfree_bulk(size_t n, void **ptrs)
{
	while (n--)
		py_kfree(ptrs[n]);
}

static __always_inline size_t py_ksize(const void *ptr)
{
	return pyalloc_usable_size(ptr);
}

/* Behind `__free(kfree)` and `__free(kvfree)`, of which the name is made. */
static inline void py_free_kfree(void *variable)
{
	void *ptr = *(void **)variable;

	if (!IS_ERR_OR_NULL(ptr))
		py_kfree(ptr);
}

static inline void py_free_kvfree(void *variable)
{
	void *ptr = *(void **)variable;

	if (!IS_ERR_OR_NULL(ptr))
		py_kvfree(ptr);
}

/* Some kernels have these two with one argument, too. */
#define pykmalloc_free_rcu_2(ptr, member)				\
do {									\
	typeof(ptr) ___ptr = (ptr);					\
									\
	BUILD_BUG_ON(offsetof(typeof(*___ptr), member) >= 4096);	\
	if (___ptr)							\
		pykmalloc_free_rcu(pykmalloc_heap, (void *)___ptr,	\
				   &___ptr->member);			\
} while (0)

#define pykmalloc_free_rcu_1(ptr) \
	pykmalloc_free_rcu_mightsleep(pykmalloc_heap, (void *)(ptr))

#undef kfree_rcu
#undef kvfree_rcu
#undef kfree_rcu_mightsleep
#undef kvfree_rcu_mightsleep
#define kfree_rcu(...)							\
	CONCATENATE(pykmalloc_free_rcu_, COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
#define kvfree_rcu(...)			kfree_rcu(__VA_ARGS__)
#define kfree_rcu_mightsleep(ptr)	pykmalloc_free_rcu_1(ptr)
#define kvfree_rcu_mightsleep(ptr)	pykmalloc_free_rcu_1(ptr)

/* === Caches === */

#ifdef PYALLOC_KMEM_CACHE

/*
 * What kmem_cache_create() gives is a cache of the kernel's, or a type of the
 * heap's objects: then the pointer has its lowest bit set, and is no cache.
 * So it may not be handed to the kernel (mempool_create_slab_pool(),
 * alloc_inode_sb()); caches for that stay the kernel's by
 * PYALLOC_KEEP_KMALLOC(kmem_cache_create), and those that have a constructor,
 * are accounted or reclaimable, are read under RCU while they are free, or
 * have more than PYALLOC_SMALL_MAX bytes or a demand on alignment, do so by
 * themselves.
 */

/* NULL: it is the kernel's. */
static __always_inline
struct pykmalloc_cache *pykmalloc_cache_of(struct kmem_cache *cache)
{
	return (unsigned long)cache & 1 ?
	       (void *)((unsigned long)cache - 1) : NULL;
}

static inline struct kmem_cache *
pykernel_kmem_cache_create(const char *name, unsigned int size,
			   unsigned int align, slab_flags_t flags,
			   void (*ctor)(void *))
{
	return kmem_cache_create(name, size, align, flags, ctor);
}

static inline struct kmem_cache *
py_kmem_cache_create(const char *name, unsigned int size, unsigned int align,
		     slab_flags_t flags, void (*ctor)(void *))
{
	struct kmem_cache *cache = ctor ? NULL :
		pykmalloc_cache_create(pykmalloc_heap, size, align, flags);

	return cache ?: kmem_cache_create(name, size, align, flags, ctor);
}

static inline struct kmem_cache *
py_kmem_cache_create_usercopy(const char *name, unsigned int size,
			      unsigned int align, slab_flags_t flags,
			      unsigned int offset, unsigned int length,
			      void (*ctor)(void *))
{
	struct kmem_cache *cache = ctor ? NULL :
		pykmalloc_cache_create(pykmalloc_heap, size, align, flags);

	return cache ?: kmem_cache_create_usercopy(name, size, align, flags,
						   offset, length, ctor);
}

/* Where it is a macro it chooses between three others, by its arguments. */
#ifdef kmem_cache_create
static inline struct kmem_cache *
py_kmem_cache_create_args(const char *name, unsigned int size,
			  struct kmem_cache_args *args, slab_flags_t flags)
{
	struct kmem_cache *cache = args->ctor ? NULL :
		pykmalloc_cache_create(pykmalloc_heap, size, args->align,
				       flags);

	return cache ?: __kmem_cache_create_args(name, size, args, flags);
}

static inline struct kmem_cache *
py_kmem_cache_default_args(const char *name, unsigned int size,
			   struct kmem_cache_args *args, slab_flags_t flags)
{
	struct kmem_cache_args none = { };

	return py_kmem_cache_create_args(name, size, args ?: &none, flags);
}

#define __kmem_cache_create_args	py_kmem_cache_create_args
#define __kmem_cache_default_args	py_kmem_cache_default_args
#define __kmem_cache_create		py_kmem_cache_create
#else
#define kmem_cache_create		py_kmem_cache_create
#endif

static __always_inline void py_kmem_cache_destroy(struct kmem_cache *cache)
{
	if (pykmalloc_cache_of(cache))
		pykmalloc_cache_destroy(cache);
	else
		kmem_cache_destroy(cache);
}

static __always_inline int py_kmem_cache_shrink(struct kmem_cache *cache)
{
	return pykmalloc_cache_of(cache) ? 0 : kmem_cache_shrink(cache);
}

static __always_inline
unsigned int py_kmem_cache_size(struct kmem_cache *cache)
{
	return pykmalloc_cache_of(cache) ? pykmalloc_cache_of(cache)->size :
					   kmem_cache_size(cache);
}

static __always_inline void *py_kmem_cache_alloc(struct kmem_cache *cache,
						 gfp_t gfp)
{
	struct pykmalloc_cache *type = pykmalloc_cache_of(cache);

	return type ? pyheap_malloc(type->heap, type->size, gfp) :
		      kmem_cache_alloc(cache, gfp);
}

static __always_inline void *py_kmem_cache_zalloc(struct kmem_cache *cache,
						  gfp_t gfp)
{
	return py_kmem_cache_alloc(cache, gfp | __GFP_ZERO);
}

static __always_inline void *py_kmem_cache_alloc_node(struct kmem_cache *cache,
						      gfp_t gfp, int node)
{
	struct pykmalloc_cache *type = pykmalloc_cache_of(cache);

	return type ? pyheap_malloc_node(type->heap, type->size, gfp, node) :
		      kmem_cache_alloc_node(cache, gfp, node);
}

static __always_inline void *py_kmem_cache_alloc_lru(struct kmem_cache *cache,
						     struct list_lru *lru,
						     gfp_t gfp)
{
	return pykmalloc_cache_of(cache) ? py_kmem_cache_alloc(cache, gfp) :
					   kmem_cache_alloc_lru(cache, lru, gfp);
}

static __always_inline void py_kmem_cache_free(struct kmem_cache *cache,
					       void *ptr)
{
	struct pykmalloc_cache *type = pykmalloc_cache_of(cache);

	if (type)
		pyheap_free(type->heap, ptr);
	else
		kmem_cache_free(cache, ptr);
}

static inline int py_kmem_cache_alloc_bulk(struct kmem_cache *cache, gfp_t gfp,
					   size_t n, void **ptrs)
{
	struct pykmalloc_cache *type = pykmalloc_cache_of(cache);
	size_t got;

	if (!type)
		return kmem_cache_alloc_bulk(cache, gfp, n, ptrs);
	got = pyheap_malloc_bulk(type->heap, type->size, gfp, n, ptrs);
	if (got == n)
		return n;
	/* All or none. */
	pyheap_free_bulk(type->heap, got, ptrs);
	return 0;
}

static inline void py_kmem_cache_free_bulk(struct kmem_cache *cache, size_t n,
					   void **ptrs)
{
	struct pykmalloc_cache *type = pykmalloc_cache_of(cache);

	if (type)
		pyheap_free_bulk(type->heap, n, ptrs);
	else if (cache)
		kmem_cache_free_bulk(cache, n, ptrs);
	else
		py_kfree_bulk(n, ptrs);
}

#undef kmem_cache_alloc
#undef kmem_cache_zalloc
#undef kmem_cache_alloc_node
#undef kmem_cache_alloc_lru
#undef kmem_cache_alloc_bulk

#define kmem_cache_create_usercopy	py_kmem_cache_create_usercopy
#define kmem_cache_destroy		py_kmem_cache_destroy
#define kmem_cache_shrink		py_kmem_cache_shrink
#define kmem_cache_size			py_kmem_cache_size
#define kmem_cache_alloc		py_kmem_cache_alloc
#define kmem_cache_zalloc		py_kmem_cache_zalloc
#define kmem_cache_alloc_node		py_kmem_cache_alloc_node
#define kmem_cache_alloc_lru		py_kmem_cache_alloc_lru
#define kmem_cache_free			py_kmem_cache_free
#define kmem_cache_alloc_bulk		py_kmem_cache_alloc_bulk
#define kmem_cache_free_bulk		py_kmem_cache_free_bulk

#endif /* PYALLOC_KMEM_CACHE */

/* === The names, from here on === */

/* Some are macros already. */
#undef kmalloc
#undef kzalloc
#undef kmalloc_node
#undef kzalloc_node
#undef kmalloc_array
#undef kcalloc
#undef kmalloc_array_node
#undef kcalloc_node
#undef kmalloc_track_caller
#undef kmalloc_node_track_caller
#undef krealloc
#undef krealloc_array
#undef kvmalloc
#undef kvzalloc
#undef kvmalloc_node
#undef kvzalloc_node
#undef kvmalloc_array
#undef kvcalloc
#undef kvrealloc
#undef kmemdup

#define kmalloc				py_kmalloc
#define kzalloc				py_kzalloc
#define kmalloc_node			py_kmalloc_node
#define kzalloc_node			py_kzalloc_node
#define kmalloc_array			py_kmalloc_array
#define kcalloc				py_kcalloc
#define kmalloc_array_node		py_kmalloc_array_node
#define kcalloc_node			py_kcalloc_node
#define kmalloc_track_caller		py_kmalloc
#define kmalloc_node_track_caller	py_kmalloc_node
#define krealloc			py_krealloc
#define krealloc_array			py_krealloc_array
#define kvmalloc			py_kvmalloc
#define kvzalloc			py_kvzalloc
#define kvmalloc_node			py_kvmalloc_node
#define kvzalloc_node			py_kvzalloc_node
#define kvmalloc_array			py_kvmalloc_array
#define kvcalloc			py_kvcalloc
#define kvrealloc			py_kvrealloc
#define kmemdup				py_kmemdup
#define kmemdup_nul			py_kmemdup_nul
#define kstrdup				py_kstrdup
#define kstrndup			py_kstrndup
#define kasprintf			py_kasprintf
#define kvasprintf			py_kvasprintf
#define kfree				py_kfree
#define kvfree				py_kvfree
#define kfree_const			py_kfree_const
#define kfree_sensitive			py_kfree_sensitive
#define kvfree_sensitive		py_kvfree_sensitive
#define kfree_bulk			py_kfree_bulk
#define ksize				py_ksize
#define __free_kfree			py_free_kfree
#define __free_kvfree			py_free_kvfree

#endif /* whether anything moves */

#endif /* _LINUX_PYALLOC_KMALLOC_H */
