// SPDX-License-Identifier: GPL-2.0
/*
 * Allocators of the domains: which one serves each, and how a client puts
 * his own in its place.
 *
 * A domain has a table of four functions.  Its own, below which there is
 * nothing, is in domain.c; debug hooks are a table that decorates what the
 * one below it gives; a client's is on top of what he found.  While a
 * domain has none but its own and hooks over it, nobody asks for a table: the
 * functions are called directly.
 *
 * Who changes a table waits until no call runs in the old one any more, so
 * that its module may go.  Calls may sleep, so SRCU counts them; those in NMI,
 * which may not use it everywhere, are under RCU.
 *
 * Contexts: calls in all; changes in process context.
 * Lock order: allocators_lock, then hook.c's, domain.c's, pyheaps_lock.
 */
#include <linux/export.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/string.h>

#include "allocator.h"
#include "domain.h"
#include "fault.h"
#include "hook.h"
#include "raw.h"
#include "reclaim.h"
#include "compat.h"

struct pymem_allocator __rcu *pyallocators[PYMEM_NR_DOMAINS];

static DEFINE_MUTEX(allocators_lock);
DEFINE_STATIC_SRCU(calls);

/* === A domain's own === */

static const enum pymem_domain own[PYMEM_NR_DOMAINS] = {
	PYMEM_DOMAIN_RAW, PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ,
};

static enum pymem_domain own_domain(void *ctx)
{
	return *(const enum pymem_domain *)ctx;
}

static void *own_malloc(void *ctx, size_t size, gfp_t gfp)
{
	return pydomain_malloc(own_domain(ctx), size, gfp);
}

static void *own_calloc(void *ctx, size_t nelem, size_t elsize, gfp_t gfp)
{
	return pydomain_malloc(own_domain(ctx), array_size(nelem, elsize),
			       gfp | __GFP_ZERO);
}

static void *own_realloc(void *ctx, void *ptr, size_t size, gfp_t gfp)
{
	return size > INT_MAX ? NULL :
	       pydomain_realloc(own_domain(ctx), ptr, size, gfp, true,
				_RET_IP_);
}

static void own_free(void *ctx, void *ptr)
{
	if (!ZERO_OR_NULL_PTR(ptr))
		pydomain_free(own_domain(ctx), ptr, _RET_IP_);
}

static struct pymem_allocator own_allocator(enum pymem_domain domain)
{
	return (struct pymem_allocator) {
		.ctx = (void *)&own[domain], .malloc = own_malloc,
		.calloc = own_calloc, .realloc = own_realloc,
		.free = own_free,
	};
}

/* === Debug hooks === */

/**
 * struct layer - hooks over an allocator
 * @domain: whose
 * @inner: what they are over; without functions: the domain's own
 * @next: the layer that was made before, of any domain
 */
struct layer {
	enum pymem_domain	domain;
	struct pymem_allocator	inner;
	struct layer		*next;
};

/* Over the domains' own; others last until unload, as their blocks may. */
static struct layer own_layer[PYMEM_NR_DOMAINS] = {
	{ .domain = PYMEM_DOMAIN_RAW },
	{ .domain = PYMEM_DOMAIN_MEM },
	{ .domain = PYMEM_DOMAIN_OBJ },
};

static struct layer *layers;

static const struct pymem_allocator *inner_of(const struct layer *layer)
{
	return layer->inner.malloc ? &layer->inner : NULL;
}

static void *layer_malloc(const struct layer *layer, size_t size, gfp_t gfp,
			  unsigned long caller)
{
	const struct pymem_allocator *inner = inner_of(layer);
	bool is_on = pyhook_is_on(layer->domain);

	if (size > INT_MAX)
		return NULL;
	if (!inner)
		return is_on ? pyhook_malloc(&pyheap_default, layer->domain,
					     size, gfp, NUMA_NO_NODE, caller) :
			       pydomain_malloc(layer->domain, size, gfp);
	return is_on ? pyhook_malloc_over(inner, layer->domain, size, gfp,
					  caller) :
		       inner->malloc(inner->ctx, size, gfp);
}

static void layer_free(const struct layer *layer, void *ptr,
		       unsigned long caller)
{
	const struct pymem_allocator *inner = inner_of(layer);

	if (!inner || pyhook_knows(ptr))
		pydomain_free(layer->domain, ptr, caller);
	else
		inner->free(inner->ctx, ptr);
}

static void *hook_malloc(void *ctx, size_t size, gfp_t gfp)
{
	return layer_malloc(ctx, size, gfp, _RET_IP_);
}

static void *hook_calloc(void *ctx, size_t nelem, size_t elsize, gfp_t gfp)
{
	return layer_malloc(ctx, array_size(nelem, elsize), gfp | __GFP_ZERO,
			    _RET_IP_);
}

/* What is over a client's allocator moves, as all decorated blocks do. */
static void *layer_realloc(const struct layer *layer, void *ptr, size_t size,
			   gfp_t gfp, unsigned long caller)
{
	struct pyhook_block old;
	void *new;

	if (!pyhook_look(ptr, layer->domain, caller, &old))
		return NULL;
	new = layer_malloc(layer, size, gfp, caller);
	if (new) {
		memcpy(new, ptr, min(size, old.size));
		pydomain_free(old.domain, ptr, caller);
	} else if (size <= old.size) {
		pyhook_shrink(&old, size);
		new = ptr;
	}
	return new;
}

static void *hook_realloc_by(void *ctx, void *ptr, size_t size, gfp_t gfp,
			     unsigned long caller)
{
	const struct layer *layer = ctx;
	const struct pymem_allocator *inner = inner_of(layer);

	if (size > INT_MAX)
		return NULL;
	if (!inner)
		return pydomain_realloc(layer->domain, ptr, size, gfp, false,
					caller);
	if (ZERO_OR_NULL_PTR(ptr))
		return layer_malloc(layer, size, gfp, caller);
	return pyhook_knows(ptr) ?
	       layer_realloc(layer, ptr, size, gfp, caller) :
	       inner->realloc(inner->ctx, ptr, size, gfp);
}

static void *hook_realloc(void *ctx, void *ptr, size_t size, gfp_t gfp)
{
	return hook_realloc_by(ctx, ptr, size, gfp, _RET_IP_);
}

static void hook_free(void *ctx, void *ptr)
{
	if (!ZERO_OR_NULL_PTR(ptr))
		layer_free(ctx, ptr, _RET_IP_);
}

static struct pymem_allocator hook_allocator(struct layer *layer)
{
	return (struct pymem_allocator) {
		.ctx = layer, .malloc = hook_malloc, .calloc = hook_calloc,
		.realloc = hook_realloc, .free = hook_free,
	};
}

static bool is_hooks(const struct pymem_allocator *allocator)
{
	return allocator->malloc == hook_malloc;
}

/* === Calls === */

/**
 * struct call - a call that is under way
 * @table: the table that serves it, or the domain's own if that was restored
 * @index: SRCU's, or -1 in NMI
 */
struct call {
	struct pymem_allocator	table;
	int			index;
};

/* What serves a domain, whether somebody put it there or not. */
static struct pymem_allocator serving(enum pymem_domain domain,
				      const struct pymem_allocator *table)
{
	if (table)
		return *table;
	return pyhook_is_on(domain) ? hook_allocator(&own_layer[domain]) :
				      own_allocator(domain);
}

/* Sparse can't follow a lock that is taken here or not, and is told of none. */
static void begin_call(struct call *call, enum pymem_domain domain)
{
	const struct pymem_allocator *table;

	call->index = -1;
	if (in_nmi())
		rcu_read_lock();
	else
		call->index = srcu_read_lock(&calls);
	__release(RCU);
	table = rcu_dereference_check(pyallocators[domain],
				      call->index >= 0 ||
				      rcu_read_lock_held());
	call->table = serving(domain, table);
}

static void end_call(struct call *call)
{
	__acquire(RCU);
	if (call->index < 0)
		rcu_read_unlock();
	else
		srcu_read_unlock(&calls, call->index);
}

/**
 * pyallocator_malloc() - allocate by a replaced allocator
 * @domain: whose
 * @size: bytes, INT_MAX at most
 * @gfp: the caller's
 * @caller: whom to name, if hooks are on top
 *
 * Context: As that allocator.
 * Return: what it gives.
 */
void *pyallocator_malloc(enum pymem_domain domain, size_t size, gfp_t gfp,
			 unsigned long caller)
{
	struct call call;
	void *ptr;

	begin_call(&call, domain);
	ptr = is_hooks(&call.table) ?
	      layer_malloc(call.table.ctx, size, gfp, caller) :
	      call.table.malloc(call.table.ctx, size, gfp);
	end_call(&call);
	return ptr;
}

/**
 * pyallocator_calloc() - the same, zeroed
 * @domain: whose
 * @nelem: how many elements
 * @elsize: bytes of each; the product is INT_MAX at most
 * @gfp: the caller's
 * @caller: whom to name, if hooks are on top
 *
 * Context: As that allocator.
 * Return: what it gives.
 */
void *pyallocator_calloc(enum pymem_domain domain, size_t nelem, size_t elsize,
			 gfp_t gfp, unsigned long caller)
{
	struct call call;
	void *ptr;

	begin_call(&call, domain);
	ptr = is_hooks(&call.table) ?
	      layer_malloc(call.table.ctx, nelem * elsize, gfp | __GFP_ZERO,
			   caller) :
	      call.table.calloc(call.table.ctx, nelem, elsize, gfp);
	end_call(&call);
	return ptr;
}

/**
 * pyallocator_realloc() - resize by a replaced allocator
 * @domain: whose
 * @ptr: a block of it, or NULL
 * @size: bytes, INT_MAX at most
 * @gfp: the caller's
 * @caller: whom to name, if hooks are on top
 *
 * Context: As that allocator.
 * Return: what it gives.
 */
void *pyallocator_realloc(enum pymem_domain domain, void *ptr, size_t size,
			  gfp_t gfp, unsigned long caller)
{
	struct call call;

	begin_call(&call, domain);
	ptr = is_hooks(&call.table) ?
	      hook_realloc_by(call.table.ctx, ptr, size, gfp, caller) :
	      call.table.realloc(call.table.ctx, ptr, size, gfp);
	end_call(&call);
	return ptr;
}

/**
 * pyallocator_free() - free by a replaced allocator
 * @domain: whose
 * @ptr: a block of it
 * @caller: whom to name, if hooks are on top
 *
 * Context: As that allocator.
 */
void pyallocator_free(enum pymem_domain domain, void *ptr,
		      unsigned long caller)
{
	struct call call;

	begin_call(&call, domain);
	if (is_hooks(&call.table))
		layer_free(call.table.ctx, ptr, caller);
	else
		call.table.free(call.table.ctx, ptr);
	end_call(&call);
}

/* A block that is to be freed: where it begins can't be told from inside. */
struct grace {
	struct rcu_head		rcu;
	enum pymem_domain	domain;
	void			*ptr;
};

static void end_grace(struct rcu_head *rcu)
{
	struct grace *grace = container_of(rcu, struct grace, rcu);

	pyallocator_free(grace->domain, grace->ptr, _THIS_IP_);
	kfree(grace);
}

/**
 * pyallocator_free_rcu() - the same after a grace period
 * @domain: whose
 * @ptr: a block of it
 *
 * Without memory it waits for one where it may sleep, and the block is lost
 * where it may not: counted as a failure of its domain.
 *
 * Context: Any but NMI.
 */
void pyallocator_free_rcu(enum pymem_domain domain, void *ptr)
{
	struct grace *grace = pyraw_malloc(sizeof(*grace),
					   GFP_ATOMIC | __GFP_NOWARN,
					   NUMA_NO_NODE);

	if (grace) {
		grace->domain = domain;
		grace->ptr = ptr;
		call_rcu(&grace->rcu, end_grace);
	} else if (preemptible() && !rcu_preempt_depth()) {
		synchronize_rcu();
		pyallocator_free(domain, ptr, _RET_IP_);
	} else {
		pydomain_count_raw(domain, 0);
	}
}

/* === Tables === */

static bool is_own(const struct pymem_allocator *allocator)
{
	return allocator->malloc == own_malloc;
}

/**
 * pymem_get_allocator() - what serves a domain
 * @domain: the domain
 * @allocator: where to put it
 *
 * What it is may be called as long as pyalloc is loaded, by an allocator that
 * is put on top of it; nothing else may.
 *
 * Context: Process; sleeps.
 * Return: 0, or -EINVAL: there is no such domain, or @allocator is NULL.
 */
int pymem_get_allocator(enum pymem_domain domain,
			struct pymem_allocator *allocator)
{
	const struct pymem_allocator *table;

	if ((unsigned int)domain >= PYMEM_NR_DOMAINS || !allocator)
		return -EINVAL;
	mutex_lock(&allocators_lock);
	table = rcu_dereference_protected(pyallocators[domain],
					  lockdep_is_held(&allocators_lock));
	*allocator = serving(domain, table);
	mutex_unlock(&allocators_lock);
	return 0;
}
EXPORT_SYMBOL_GPL(pymem_get_allocator);

/* NULL: the domain's own, and its hooks if they are on. */
static void put_table(enum pymem_domain domain, struct pymem_allocator *table)
{
	struct pymem_allocator *old;

	old = rcu_dereference_protected(pyallocators[domain],
					lockdep_is_held(&allocators_lock));
	if (table)
		pydomain_wrap(PYWRAP_REPLACED);
	rcu_assign_pointer(pyallocators[domain], table);
	pyhook_choose_way();
	if (!pyallocator_any())
		pydomain_unwrap(PYWRAP_REPLACED);
	if (!old)
		return;
	synchronize_srcu(&calls);
	synchronize_rcu();
	/* Frees in NMI that hooks had to put off. */
	pyhook_flush();
	kfree(old);
}

static int put_copy(enum pymem_domain domain,
		    const struct pymem_allocator *allocator)
{
	struct pymem_allocator *table;

	table = pyfault_strikes(PYFAULT_ALLOCATOR) ? NULL :
		kmemdup(allocator, sizeof(*allocator), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	put_table(domain, table);
	return 0;
}

/* A domain's own, with hooks or without. */
static int restore(enum pymem_domain domain, bool with_hooks)
{
	unsigned int domains = READ_ONCE(pyhook_domains);
	int error;

	domains = with_hooks ? domains | BIT(domain) : domains & ~BIT(domain);
	error = pyhook_turn(domains);
	if (!error)
		put_table(domain, NULL);
	return error;
}

/**
 * pymem_set_allocator() - have another allocator serve a domain
 * @domain: the domain
 * @allocator: what serves it from now on, copied; its functions get its ctx
 *
 * Blocks that are live will be freed through it: it has to be a layer over what
 * pymem_get_allocator() gave, unless there are none.  It is asked for INT_MAX
 * bytes at most, and has to serve 0 as well, with a block of its own; it is
 * never asked to free NULL.  Where it is called from is told by gfp and
 * by the domain's contexts.  If debug hooks shall see what it gives, call
 * pymem_setup_debug_hooks() again.
 *
 * When this returns, no call runs in the allocator that was there before.
 *
 * Context: Process; sleeps.  Not from an allocator's function.
 * Return: 0; -EINVAL: there is no such domain, or a NULL in @allocator;
 * -ENOMEM.
 */
int pymem_set_allocator(enum pymem_domain domain,
			const struct pymem_allocator *allocator)
{
	int error;

	if ((unsigned int)domain >= PYMEM_NR_DOMAINS || !allocator ||
	    !allocator->malloc || !allocator->calloc || !allocator->realloc ||
	    !allocator->free)
		return -EINVAL;
	mutex_lock(&allocators_lock);
	if (is_own(allocator) && own_domain(allocator->ctx) == domain)
		error = restore(domain, false);
	else if (is_hooks(allocator) && allocator->ctx == &own_layer[domain])
		error = restore(domain, true);
	else
		error = put_copy(domain, allocator);
	mutex_unlock(&allocators_lock);
	return error;
}
EXPORT_SYMBOL_GPL(pymem_set_allocator);

/* Over what a client put there, unless it has hooks on top already. */
static int add_layer(enum pymem_domain domain)
{
	struct pymem_allocator *table, hooks;
	struct layer *layer;

	table = rcu_dereference_protected(pyallocators[domain],
					  lockdep_is_held(&allocators_lock));
	if (!table || is_hooks(table))
		return 0;
	layer = pyfault_strikes(PYFAULT_ALLOCATOR) ? NULL :
		kzalloc(sizeof(*layer), GFP_KERNEL);
	if (!layer)
		return -ENOMEM;
	layer->domain = domain;
	layer->inner = *table;
	layer->next = layers;
	hooks = hook_allocator(layer);
	if (put_copy(domain, &hooks)) {
		kfree(layer);
		return -ENOMEM;
	}
	layers = layer;
	return 0;
}

/**
 * pymem_setup_debug_hooks() - decorate all blocks of the three domains
 *
 * From now on, over whatever serves the domains; blocks that are live stay as
 * they are.  Twice is as good as once.
 *
 * Context: Process; sleeps.
 * Return: 0, or -ENOMEM: some domains may have hooks.
 */
int pymem_setup_debug_hooks(void)
{
	unsigned int domain;
	int error;

	mutex_lock(&allocators_lock);
	error = pyhook_turn(BIT(PYMEM_NR_DOMAINS) - 1);
	for (domain = 0; domain < PYMEM_NR_DOMAINS; domain++)
		error = error ?: add_layer(domain);
	mutex_unlock(&allocators_lock);
	return error;
}
EXPORT_SYMBOL_GPL(pymem_setup_debug_hooks);

/**
 * pyallocator_end_hooks() - decorate no more
 *
 * Context: Process; sleeps.
 */
void pyallocator_end_hooks(void)
{
	mutex_lock(&allocators_lock);
	pyhook_turn(0);
	mutex_unlock(&allocators_lock);
	/* What rests would do so until somebody reclaims. */
	pyreclaim_drain();
}

/* === The parameter === */

static const struct {
	const char	*name;
	bool		heap, hooks;
} choices[] = {
	{ "default",		true,	false },
	{ "debug",		true,	true },
	{ "malloc",		false,	false },
	{ "malloc_debug",	false,	true },
	{ "pymalloc",		true,	false },
	{ "pymalloc_debug",	true,	true },
};

/**
 * pyallocator_init() - choose what serves the domains
 * @name: the parameter's value
 *
 * Context: Process, when the default heap is there.
 * Return: 0; -EINVAL: nothing is called so; -ENOMEM.
 */
int __init pyallocator_init(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(choices); i++)
		if (!strcmp(name, choices[i].name))
			break;
	if (i == ARRAY_SIZE(choices))
		return -EINVAL;
	if (!choices[i].heap)
		pydomain_use_heap(false);
	return choices[i].hooks ? pymem_setup_debug_hooks() : 0;
}

/**
 * pyallocator_exit() - forget all tables
 *
 * Context: Process, when nobody calls any more.
 */
void pyallocator_exit(void)
{
	struct pymem_allocator *table;
	struct layer *layer;
	unsigned int i;

	for (i = 0; i < PYMEM_NR_DOMAINS; i++) {
		table = rcu_dereference_protected(pyallocators[i], true);
		kfree(table);
	}
	while ((layer = layers)) {
		layers = layer->next;
		kfree(layer);
	}
}
