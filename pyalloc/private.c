// SPDX-License-Identifier: GPL-2.0
/*
 * Private heaps: a stand-in, until they are there.
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/pyalloc.h>
#include <linux/slab.h>

#include "front.h"
#include "heap.h"
#include "private.h"
#include "stats.h"
#include "compat.h"

struct typed {
	struct pyheap	heap;
	void		(*ctor)(void *obj);
	char		name[32];
};

void *pyprivate_malloc(struct pyheap *heap, size_t size, gfp_t gfp,
		       unsigned long caller)
{
	struct typed *typed = container_of(heap, struct typed, heap);
	void *block;

	if (!heap)
		return __pyobject_malloc(size, gfp);
	block = pyfront_malloc(heap, PYALLOC_STEP(size), gfp, PYMEM_DOMAIN_OBJ,
			       NUMA_NO_NODE);
	if (block)
		pysan_show(block, heap->step_size[PYALLOC_STEP(size)]);
	if (block && typed->ctor)
		typed->ctor(block);
	return block;
}

void *pyprivate_realloc(struct pyheap *heap, void *ptr, size_t size, gfp_t gfp,
			unsigned long caller)
{
	return heap ? NULL : pyobject_realloc(ptr, size, gfp);
}

void pyprivate_free(struct pyheap *heap, void *ptr, unsigned long caller)
{
	if (heap)
		pyfront_free(heap, pymap_class(pymap_lookup(ptr)),
			     PYMEM_DOMAIN_OBJ, ptr, caller);
	else
		pyobject_free(ptr);
}

struct pyheap *pyprivate_create_typed(const char *name, size_t size,
				      void (*ctor)(void *obj),
				      struct module *owner)
{
	struct typed *typed = kzalloc(sizeof(*typed), GFP_KERNEL);
	int error;

	if (!typed)
		return ERR_PTR(-ENOMEM);
	typed->ctor = ctor;
	strscpy(typed->name, name, sizeof(typed->name));
	error = pyheap_init(&typed->heap, typed->name, PYCLASSES_FINE);
	if (error) {
		kfree(typed);
		return ERR_PTR(error);
	}
	return &typed->heap;
}

size_t pyprivate_destroy(struct pyheap *heap)
{
	struct pyheap_stats *stats = pystats_new();
	size_t blocks = 0;

	if (stats) {
		pystats_heap(heap, stats);
		blocks = stats->blocks;
	}
	kfree(stats);
	pyheap_exit(heap);
	kfree(container_of(heap, struct typed, heap));
	return blocks;
}

bool pyprivate_is_closed(void)
{
	return pydomain_is_closed();
}

u8 pyprivate_code(const struct pyheap *heap, unsigned int class)
{
	return pyclass_code(class);
}

bool pyprivate_is_shared(const struct pyheap *heap)
{
	return true;
}
