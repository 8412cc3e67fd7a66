// SPDX-License-Identifier: GPL-2.0
/*
 * Caches, which move where a file is compiled with PYALLOC_KMEM_CACHE: those
 * that the heap can serve.
 */
#include <linux/slab.h>
#include <linux/string.h>

#include "pykmalloc.h"

struct object {
	unsigned long	value[9];
};

static void construct(void *object)
{
	memset(object, 0x5a, sizeof(struct object));
}

static int use(struct kmem_cache *cache, size_t size, bool moves)
{
	void *ptr, *ptrs[20];
	unsigned int i;

	check(cache && kmem_cache_size(cache) >= size);
	ptr = kmem_cache_alloc(cache, GFP_KERNEL);
	check(ptr && is_placed(ptr, moves));
	memset(ptr, 0xff, size);
	kmem_cache_free(cache, ptr);
	ptr = kmem_cache_alloc_node(cache, GFP_KERNEL, NUMA_NO_NODE);
	check(ptr && is_placed(ptr, moves));
	kmem_cache_free(cache, ptr);
	check(kmem_cache_alloc_bulk(cache, GFP_KERNEL, ARRAY_SIZE(ptrs), ptrs));
	for (i = 0; i < ARRAY_SIZE(ptrs); i++)
		check(ptrs[i] && is_placed(ptrs[i], moves));
	kmem_cache_free_bulk(cache, ARRAY_SIZE(ptrs), ptrs);
	kmem_cache_shrink(cache);
	kmem_cache_destroy(cache);
	return 0;
}

static int check_zeroed(void)
{
	struct kmem_cache *cache = KMEM_CACHE(object, SLAB_HWCACHE_ALIGN);
	void *ptr = kmem_cache_zalloc(cache, GFP_KERNEL);

	check(ptr && is_moved(ptr));
	check(!memchr_inv(ptr, 0, sizeof(struct object)));
	check(anywhere ||
	      IS_ALIGNED((unsigned long)ptr, cache_line_size()));
	kmem_cache_free(cache, ptr);
	kmem_cache_destroy(cache);
	return 0;
}

int check_cache(void)
{
	return use(KMEM_CACHE(object, 0), sizeof(struct object), true) ?:
	       use(kmem_cache_create("pykmalloc_small", 40, 0, 0, NULL), 40,
		   true) ?:
	       use(kmem_cache_create("pykmalloc_large", 4000, 0, 0, NULL), 4000,
		   false) ?:
	       use(kmem_cache_create("pykmalloc_ctor", sizeof(struct object), 0,
				     0, construct), sizeof(struct object),
		   false) ?:
	       use(kmem_cache_create("pykmalloc_rcu", 40, 0,
				     SLAB_TYPESAFE_BY_RCU, NULL), 40, false) ?:
	       use(kmem_cache_create_usercopy("pykmalloc_user", 40, 0, 0, 0, 8,
					      NULL), 40, true) ?:
	       check_zeroed();
}
