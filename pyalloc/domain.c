// SPDX-License-Identifier: GPL-2.0
/*
 * The three domains: what a client calls.
 *
 * raw is the kernel's allocators; mem and object are the heap's up to 512
 * bytes and raw's beyond.  A request goes down: to the front, to the pools,
 * to an arena, to raw; never back up.  The order of the first three steps of
 * a malloc or a free is the module's hot path and is all inline here; each
 * thing that is out of the ordinary leads out of it once, to a function that
 * tells the cases apart.
 *
 * What has to see every call (debug hooks, tracing, a replaced allocator, the
 * kernel's init_on_free) closes the fronts and turns pyalloc_wrapped on, the
 * one static key, which stands where the fast path has given up: no call takes
 * the fast path then, and none pays for the question.  Behind it a replaced
 * allocator comes first, then debug hooks, which have a short way of their own,
 * then what is here.
 *
 * The functions at its top are not traced: a tracer's own handler may
 * allocate here.
 *
 * Contexts: see each function.  Takes no lock itself.
 */
#include <linux/export.h>
#include <linux/jump_label.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>

#include "allocator.h"
#include "bulk.h"
#include "debug.h"
#include "domain.h"
#include "events.h"
#include "front.h"
#include "heap.h"
#include "hook.h"
#include "ledger.h"
#include "lifetime.h"
#include "owned.h"
#include "private.h"
#include "raw.h"
#include "sanitizer.h"
#include "trace.h"
#include "zero.h"
#include "compat.h"

static DEFINE_STATIC_KEY_FALSE(pyalloc_wrapped);

/* Of those calls, are there some that tracing or tracepoints want to see? */
static DEFINE_STATIC_KEY_FALSE(pyalloc_watched);

DEFINE_PER_CPU(struct pydomain_counts, pydomain_counts[PYDOMAIN_ROWS]);

const char pyalloc_api;
EXPORT_SYMBOL_GPL(pyalloc_api);

#define count(row, what)	this_cpu_inc(pydomain_counts[row].what)

bool pydomain_heap_serves __read_mostly = true;
EXPORT_SYMBOL_GPL(pydomain_heap_serves);

/* What a fresh block needs on the fast path: see choose_finish(). */
static DEFINE_STATIC_KEY_MAYBE(CONFIG_INIT_ON_ALLOC_DEFAULT_ON, finishes);
static unsigned int finish_size[PYALLOC_STEPS] __read_mostly;

/*
 * With a size: an allocation may have to be noted.  Of 0 bytes that is not for
 * the fast path to find out, as they count for more than they are.
 */
#define SAMPLES		BIT(10)
#define ASKS_NOTHING	BIT(11)

/* Why calls take the long way; with its lock. */
static unsigned int wrapped_by;
static DEFINE_MUTEX(wrap_lock);

/* No call takes the fast path; until the trace ends, if there is one. */
static bool is_closed __read_mostly;

#define WATCHED		(PYWRAP_TRACE | PYWRAP_SAMPLE | PYWRAP_EVENTS)

/*
 * The kernel's init_on_alloc is fixed at boot.  While the fast path samples,
 * all sizes are led to where that is told apart.
 */
static void choose_finish(bool samples)
{
	unsigned int i;

	for (i = 0; i < PYALLOC_STEPS; i++)
		WRITE_ONCE(finish_size[i], pyheap_default.step_size[i] |
					   (!samples ? 0 : i ? SAMPLES :
					    ASKS_NOTHING));
	if (samples || want_init_on_alloc(0))
		static_branch_enable(&finishes);
	else
		static_branch_disable(&finishes);
}

static void open_fast_path(void)
{
	WRITE_ONCE(is_closed, false);
	pyfront_open();
}

static void close_fast_path(void)
{
	pyfront_close();
	/* Calls that are on the short way. */
	synchronize_rcu();
	WRITE_ONCE(is_closed, true);
}

static void be_wrapped_by(unsigned int reasons)
{
	bool close = reasons & ~PYWRAP_SAMPLE;

	/* A sample of which some frees are seen anyway is seen throughout. */
	if (close && reasons & PYWRAP_SAMPLE)
		reasons |= PYWRAP_TRACE;
	if (reasons)
		static_branch_enable(&pyalloc_wrapped);
	if (reasons & WATCHED)
		static_branch_enable(&pyalloc_watched);
	/* Private heaps' and types' calls are seen for a sample of them, too. */
	if (reasons && !wrapped_by)
		pylifetime_wrap(true);
	if (close && !is_closed)
		close_fast_path();
	else if (reasons && !wrapped_by)
		synchronize_rcu();
	choose_finish(reasons == PYWRAP_SAMPLE);
	if (!close && is_closed)
		open_fast_path();
	if (!reasons && wrapped_by)
		pylifetime_wrap(false);
	if (!(reasons & WATCHED))
		static_branch_disable(&pyalloc_watched);
	if (!reasons)
		static_branch_disable(&pyalloc_wrapped);
	wrapped_by = reasons;
}

/**
 * pydomain_wrap() - from now on no call takes the fast path
 * @reason: one of PYWRAP_*; with PYWRAP_SAMPLE it stays open, but for others
 *
 * Context: Process; sleeps.
 */
void pydomain_wrap(unsigned int reason)
{
	mutex_lock(&wrap_lock);
	be_wrapped_by(wrapped_by | reason);
	mutex_unlock(&wrap_lock);
}
EXPORT_SYMBOL_GPL(pydomain_wrap);

/**
 * pydomain_unwrap() - a reason for the long way is gone
 * @reason: one of PYWRAP_*
 *
 * Context: Process; sleeps.
 */
void pydomain_unwrap(unsigned int reason)
{
	mutex_lock(&wrap_lock);
	be_wrapped_by(wrapped_by & ~reason);
	mutex_unlock(&wrap_lock);
}
EXPORT_SYMBOL_GPL(pydomain_unwrap);

/**
 * pydomain_init() - make the fast path ready
 *
 * Context: Process, when the default heap is there.
 */
void __init pydomain_init(void)
{
	/* Somebody may have begun to listen to events before. */
	mutex_lock(&wrap_lock);
	choose_finish(false);
	if (is_closed)
		pyfront_close();
	mutex_unlock(&wrap_lock);
}

/**
 * pydomain_use_heap() - have the heap serve mem and object, or raw alone
 * @use: what it is from now on
 *
 * Blocks that are live are known by themselves.
 *
 * Context: Process; sleeps.
 */
void pydomain_use_heap(bool use)
{
	WRITE_ONCE(pydomain_heap_serves, use);
	pyhook_choose_way();
	if (use)
		pydomain_unwrap(PYWRAP_MALLOC);
	else
		pydomain_wrap(PYWRAP_MALLOC);
}
EXPORT_SYMBOL_GPL(pydomain_use_heap);

/* A checking kernel wants to know of a sleeping gfp where none may sleep. */
static __always_inline void check_context(gfp_t gfp)
{
	if (IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP) || IS_ENABLED(CONFIG_LOCKDEP))
		might_alloc(gfp);
}

/**
 * pydomain_check_context() - have a checking kernel look at a request
 * @gfp: the caller's
 *
 * Context: Any.
 */
void pydomain_check_context(gfp_t gfp)
{
	check_context(gfp);
}

/* === Raw blocks of any domain === */

/*
 * The row that a block of raw is counted in.  Mem and object get more than
 * 512 usable bytes from raw, but for small requests that are kmalloc's by
 * their gfp; those and what clients bring from elsewhere can't be told from
 * each other when they come back, and are counted as foreign.  With
 * allocator=malloc all are their own.
 */
static unsigned int row_of(enum pymem_domain domain, size_t usable)
{
	if (domain != PYMEM_DOMAIN_RAW && usable <= PYALLOC_SMALL_MAX &&
	    pydomain_uses_heap())
		return PYDOMAIN_FOREIGN;
	return domain;
}

/* Peaks see raw's bytes of a CPU when they have changed by so many. */
#define FOLD_BYTES	SZ_16K

/* An interrupt between the two may fold as well: what it took is not there. */
static void add_bytes(unsigned int row, long bytes)
{
	long unfolded;

	this_cpu_add(pydomain_counts[row].raw_bytes, bytes);
	unfolded = this_cpu_add_return(pydomain_counts[row].raw_unfolded,
				       bytes);
	if (abs(unfolded) < FOLD_BYTES)
		return;
	unfolded = this_cpu_xchg(pydomain_counts[row].raw_unfolded, 0);
	pyheap_add_bytes(&pyheap_default, row, unfolded);
}

/**
 * pydomain_count_raw() - count a block of raw
 * @row: the domain that has it, or PYDOMAIN_FOREIGN
 * @usable: its usable bytes; 0: there is none, and the request has failed
 *
 * Context: Any.
 */
void pydomain_count_raw(unsigned int row, size_t usable)
{
	if (!usable) {
		count(row, failures);
		return;
	}
	count(row, raw_mallocs);
	add_bytes(row, usable);
}

/**
 * pydomain_uncount_raw() - count a block of raw that came back
 * @row: the domain that had it, or PYDOMAIN_FOREIGN
 * @usable: its usable bytes
 *
 * Context: Any.
 */
void pydomain_uncount_raw(unsigned int row, size_t usable)
{
	count(row, raw_frees);
	add_bytes(row, -(long)usable);
}

static noinline void *raw_malloc(enum pymem_domain domain, size_t size,
				 gfp_t gfp, int nid)
{
	void *block = pyraw_malloc(size, gfp, nid);
	size_t usable;

	if (!block) {
		count(domain, failures);
		return NULL;
	}
	usable = pyraw_usable_size(block);
	pydomain_count_raw(row_of(domain, usable), usable);
	return block;
}

static noinline void raw_free(enum pymem_domain domain, void *block,
			      unsigned long caller)
{
	size_t bytes;

	if (!pyraw_is_block(block, caller))
		return;
	bytes = pyraw_usable_size(block);
	pyraw_free(block);
	pydomain_uncount_raw(row_of(domain, bytes), bytes);
}

/* Raw, where the heap has nothing: a block that is told from foreign ones. */
static void *fall_back(enum pymem_domain domain, size_t size, gfp_t gfp,
		       int nid)
{
	if (!pyarena_may_take(gfp)) {
		count(domain, failures);
		return NULL;
	}
	return raw_malloc(domain, max_t(size_t, size, PYALLOC_SMALL_MAX + 1),
			  gfp, nid);
}

/* === malloc === */

static bool is_heaps(size_t size, gfp_t gfp)
{
	return size <= PYALLOC_SMALL_MAX && !(gfp & PYALLOC_GFP_RAW) &&
	       pydomain_uses_heap();
}

/* From the heap, if it must be block by block, else NULL. */
static void *heap_malloc(enum pymem_domain domain, size_t size, gfp_t gfp,
			 int nid)
{
	unsigned int step = PYALLOC_STEP(size);
	void *block = NULL;

	/* A front has blocks of other nodes too, which were freed here. */
	if (nr_online_nodes == 1)
		nid = NUMA_NO_NODE;
	if (nid == NUMA_NO_NODE)
		block = pyfront_pop(step, domain);
	if (!block)
		block = pyfront_malloc(&pyheap_default, step, gfp, domain,
				       nid);
	return pyheap_finish(&pyheap_default, block, size, gfp);
}

/* The long way of every malloc: any size, any gfp, any state of the front. */
static noinline void *malloc_plain(size_t size, gfp_t gfp,
				   enum pymem_domain domain, int nid)
{
	void *block;

	if (domain == PYMEM_DOMAIN_RAW)
		return raw_malloc(domain, size, gfp, nid);
	if (!is_heaps(size, gfp)) {
		if (pyarena_may_take(gfp))
			return raw_malloc(domain, size, gfp, nid);
		count(domain, failures);
		return NULL;
	}
	block = heap_malloc(domain, size, gfp, nid);
	return block ?: fall_back(domain, size, gfp, nid);
}

/**
 * pydomain_malloc() - allocate below debug hooks and replaced allocators
 * @domain: who asks
 * @size: bytes; 0 is served as 1
 * @gfp: as for kmalloc()
 *
 * Context: As the domain.
 * Return: the block, or NULL.
 */
void *pydomain_malloc(enum pymem_domain domain, size_t size, gfp_t gfp)
{
	if (size <= INT_MAX)
		return malloc_plain(size, gfp, domain, NUMA_NO_NODE);
	count(domain, failures);
	return NULL;
}
EXPORT_SYMBOL_GPL(pydomain_malloc);

/* There is nothing in the stock. */
static noinline void *malloc_refill(size_t size, gfp_t gfp,
				    enum pymem_domain domain)
{
	unsigned int step = PYALLOC_STEP(size);
	void *block;

	block = pyfront_malloc(&pyheap_default, step, gfp, domain,
			       NUMA_NO_NODE);
	if (unlikely(!block))
		return fall_back(domain, size, gfp, NUMA_NO_NODE);
	return pyheap_finish(&pyheap_default, block, size, gfp);
}

/* What serves every call, in its order, else the long way. */
static noinline void *malloc_over(size_t size, gfp_t gfp,
				  enum pymem_domain domain, int nid,
				  unsigned long caller)
{
	if (unlikely(pyallocator_is_replaced(domain)))
		return pyallocator_malloc(domain, size, gfp, caller);
	if (likely(pyhook_is_on(domain)))
		return pyhook_malloc(&pyheap_default, domain, size, gfp, nid,
				     caller);
	return malloc_plain(size, gfp, domain, nid);
}

/*
 * A block that is to be noted, from a pool whose frees are all seen, in place
 * of one from a pool whose frees are not.
 */
static void *swap_for_sampled(void *block, size_t size, gfp_t gfp,
			      enum pymem_domain domain)
{
	unsigned long code = pymap_code(block);
	unsigned int class = code - 1;
	struct pynode *node;
	void *sampled;

	if (!pymap_is_open(code))
		return block;
	/* A block of the heap that raw resized is the mem domain's. */
	if (domain == PYMEM_DOMAIN_RAW)
		domain = PYMEM_DOMAIN_MEM;
	rcu_read_lock();
	node = pymap_arena_of(block)->node;
	rcu_read_unlock();
	sampled = pyfront_malloc_sampled(&pyheap_default, node, class, gfp,
					 domain);
	if (!sampled) {
		pytrace_miss(size);
		return NULL;
	}
	memcpy(sampled, block, pyheap_class(&pyheap_default, class)->size);
	pyfront_return(&pyheap_default, class, domain, block);
	return sampled;
}

/* With a point in it: what the client gets. */
static noinline void *sample(void *block, size_t size, gfp_t gfp,
			     enum pymem_domain domain, unsigned long caller)
{
	void *sampled = block;

	if (!READ_ONCE(is_closed) && !PYSAN_WATCHES)
		sampled = swap_for_sampled(block, size, gfp, domain);
	if (!sampled)
		return block;
	pytrace_note(domain, sampled, size, gfp, caller);
	return sampled;
}

/* Is an allocation to be noted?  To be asked once an allocation. */
static __always_inline bool is_due(size_t size)
{
	if (READ_ONCE(is_closed))
		return pytrace_is_due(size);
	if (!pysample_is_due(pysample_steps(size)))
		return false;
	pytrace_pass_point();
	return true;
}

/* A block that was allocated is noted, and told of; it may be another then. */
static void *watch_malloc(void *block, size_t size, gfp_t gfp,
			  enum pymem_domain domain, int nid,
			  unsigned long caller)
{
	if (!block)
		return NULL;
	if (is_due(size))
		block = sample(block, size, gfp, domain, caller);
	pyevents_malloc(domain, block, size, gfp, nid, caller);
	return block;
}

/**
 * pydomain_watch_malloc() - have a private heap's allocation noted and told of
 * @domain: who asked
 * @block: the block
 * @size: bytes that were asked for
 * @gfp: the caller's
 * @nid: the node, or NUMA_NO_NODE
 * @caller: whom to name
 *
 * Context: As @gfp says.
 */
void pydomain_watch_malloc(enum pymem_domain domain, void *block, size_t size,
			   gfp_t gfp, int nid, unsigned long caller)
{
	if (!static_branch_unlikely(&pyalloc_watched))
		return;
	if (is_due(size))
		pytrace_note(domain, block, size, gfp, caller);
	pyevents_malloc(domain, block, size, gfp, nid, caller);
}

static noinline void *malloc_watched(size_t size, gfp_t gfp,
				     enum pymem_domain domain,
				     unsigned long caller, int nid)
{
	void *block;

	/* While the fast path is open there is nothing over it. */
	block = READ_ONCE(is_closed) ?
		malloc_over(size, gfp, domain, nid, caller) :
		malloc_plain(size, gfp, domain, nid);
	return watch_malloc(block, size, gfp, domain, nid, caller);
}

/* While the fast path samples it is here that its empty stocks lead. */
static noinline void *malloc_watched_more(size_t size, gfp_t gfp,
					  enum pymem_domain domain,
					  unsigned long caller)
{
	if (READ_ONCE(is_closed))
		return malloc_watched(size, gfp, domain, caller, NUMA_NO_NODE);
	return watch_malloc(malloc_refill(size, gfp, domain), size, gfp,
			    domain, NUMA_NO_NODE, caller);
}

static noinline void *fold_and_finish(void *block, size_t size)
{
	pytrace_fold();
	if (want_init_on_alloc(0))
		pyzero_block(block,
			     pyheap_default.step_size[PYALLOC_STEP(size)]);
	return block;
}

static noinline void *note_and_finish(void *block, size_t size, gfp_t gfp,
				      enum pymem_domain domain,
				      unsigned long caller)
{
	pytrace_note(domain, block, size, gfp, caller);
	return fold_and_finish(block, size);
}

/* The short way of tracing: a leaf, but for its ends. */
static notrace noinline void *malloc_traced(size_t size, gfp_t gfp,
					    enum pymem_domain domain,
					    unsigned long caller)
{
	unsigned long step = PYALLOC_STEP(size);
	enum pytrace_way way;
	void *block = NULL;

	preempt_disable_notrace();
	way = pytrace_malloc_fast(domain, step, size, caller, &block);
	pycompat_preempt_enable_notrace();
	if (unlikely(way == PYTRACE_LONG))
		return malloc_watched_more(size, gfp, domain, caller);
	if (unlikely(way == PYTRACE_NOTE_IT))
		return note_and_finish(block, size, gfp, domain, caller);
	if (unlikely(way == PYTRACE_FOLD_IT))
		return fold_and_finish(block, size);
	if (want_init_on_alloc(0))
		pyzero_block(block, pyheap_default.step_size[step]);
	return block;
}

/* The short way of debug hooks, without which it leads on at once. */
static noinline void *malloc_wrapped(size_t size, gfp_t gfp,
				     enum pymem_domain domain,
				     unsigned long caller)
{
	void *ptr = pyhook_malloc_fast(domain, size, gfp);

	return likely(ptr) ? ptr : malloc_over(size, gfp, domain, NUMA_NO_NODE,
					       caller);
}

/*
 * What the fast path could not do: a watched or a wrapped call, or an empty
 * stock.
 */
static notrace noinline void *malloc_more(size_t size, gfp_t gfp,
					  enum pymem_domain domain,
					  unsigned long caller)
{
	if (static_branch_unlikely(&pyalloc_watched))
		return malloc_traced(size, gfp, domain, caller);
	if (static_branch_unlikely(&pyalloc_wrapped))
		return malloc_wrapped(size, gfp, domain, caller);
	return malloc_refill(size, gfp, domain);
}

static noinline void *malloc_slow(size_t size, gfp_t gfp,
				  enum pymem_domain domain, int nid,
				  unsigned long caller)
{
	if (size > INT_MAX) {
		count(domain, failures);
		return NULL;
	}
	if (!static_branch_unlikely(&pyalloc_wrapped))
		return malloc_plain(size, gfp, domain, nid);
	if (nid == NUMA_NO_NODE && domain != PYMEM_DOMAIN_RAW &&
	    size <= PYALLOC_SMALL_MAX && !(gfp & PYALLOC_GFP_SPECIAL))
		return malloc_more(size, gfp, domain, caller);
	if (static_branch_unlikely(&pyalloc_watched))
		return malloc_watched(size, gfp, domain, caller, nid);
	return malloc_over(size, gfp, domain, nid, caller);
}

static noinline void *malloc_more_steps(unsigned long steps, gfp_t packed,
					enum pymem_domain domain,
					unsigned long caller)
{
	return malloc_more(pydomain_unpack_size(steps, packed),
			   pydomain_unpack_gfp(packed), domain, caller);
}

/* What is left to do to a fresh block. */
enum finish {
	FINISH_NOTHING,
	FINISH_ZERO,		/* to zero it; of 0 bytes, to ask for a point */
	FINISH_NOTE,		/* to note it, and then the same */
};

static noinline void *finish_more(size_t size, gfp_t gfp, void *block,
				  enum pymem_domain domain,
				  unsigned long caller, enum finish finish)
{
	bool due = finish == FINISH_NOTE;

	if (static_branch_unlikely(&pyalloc_watched) &&
	    (due || (!size && pysample_is_due(pysample_steps(0))))) {
		pytrace_pass_point();
		block = sample(block, size, gfp, domain, caller);
	}
	if (want_init_on_alloc(0))
		pyzero_block(block,
			     pyheap_default.step_size[PYALLOC_STEP(size)]);
	return block;
}

static noinline void *finish_more_steps(unsigned long steps, gfp_t packed,
					void *block, enum pymem_domain domain,
					unsigned long caller,
					enum finish finish)
{
	return finish_more(pydomain_unpack_size(steps, packed), pydomain_unpack_gfp(packed),
			   block, domain, caller, finish);
}

/* Returns what can't be done inline. */
static __always_inline enum finish finish_fast(void *block, unsigned long step)
{
	unsigned int size;

	if (!static_branch_maybe(CONFIG_INIT_ON_ALLOC_DEFAULT_ON, &finishes))
		return FINISH_NOTHING;
	size = finish_size[step];
	if (unlikely(size > PYZERO_INLINE)) {
		BUILD_BUG_ON(PYSAMPLE_STEP_SHIFT != PYALLOC_STEP_SHIFT);
		if (!(size & SAMPLES))
			return FINISH_ZERO;
		if (pysample_is_due(step))
			return FINISH_NOTE;
		if (!want_init_on_alloc(0))
			return FINISH_NOTHING;
		size &= ~SAMPLES;
		if (size > PYZERO_INLINE)
			return FINISH_ZERO;
	}
	pyzero_small(block, size);
	return FINISH_NOTHING;
}

static __always_inline void *malloc_any(enum pymem_domain domain, size_t size,
					gfp_t gfp)
{
	enum finish finish;
	void *block;

	if (unlikely(size > PYALLOC_SMALL_MAX || gfp & PYALLOC_GFP_SPECIAL) ||
	    PYSAN_WATCHES)
		return malloc_slow(size, gfp, domain, NUMA_NO_NODE, _RET_IP_);
	check_context(gfp);
	block = pyfront_pop(PYALLOC_STEP(size), domain);
	if (unlikely(!block))
		return malloc_more(size, gfp, domain, _RET_IP_);
	finish = finish_fast(block, PYALLOC_STEP(size));
	if (unlikely(finish != FINISH_NOTHING))
		return finish_more(size, gfp, block, domain, _RET_IP_, finish);
	return block;
}

static __always_inline void *malloc_steps(enum pymem_domain domain,
					  unsigned long steps, gfp_t packed)
{
	enum finish finish;
	void *block;

	if (PYSAN_WATCHES)
		return malloc_slow(pydomain_unpack_size(steps, packed),
				   pydomain_unpack_gfp(packed), domain, NUMA_NO_NODE,
				   _RET_IP_);
	check_context(pydomain_unpack_gfp(packed));
	block = pyfront_pop(steps, domain);
	if (unlikely(!block))
		return malloc_more_steps(steps, packed, domain, _RET_IP_);
	finish = finish_fast(block, steps);
	if (unlikely(finish != FINISH_NOTHING))
		return finish_more_steps(steps, packed, block, domain,
					 _RET_IP_, finish);
	return block;
}

notrace void *__pymem_malloc(size_t size, gfp_t gfp)
{
	return malloc_any(PYMEM_DOMAIN_MEM, size, gfp);
}
EXPORT_SYMBOL_GPL(__pymem_malloc);

notrace void *__pymem_malloc_steps(unsigned long steps, gfp_t gfp)
{
	return malloc_steps(PYMEM_DOMAIN_MEM, steps, gfp);
}
EXPORT_SYMBOL_GPL(__pymem_malloc_steps);

notrace void *__pyobject_malloc(size_t size, gfp_t gfp)
{
	return malloc_any(PYMEM_DOMAIN_OBJ, size, gfp);
}
EXPORT_SYMBOL_GPL(__pyobject_malloc);

notrace void *__pyobject_malloc_steps(unsigned long steps, gfp_t gfp)
{
	return malloc_steps(PYMEM_DOMAIN_OBJ, steps, gfp);
}
EXPORT_SYMBOL_GPL(__pyobject_malloc_steps);

static void *malloc_on_node(enum pymem_domain domain, size_t size, gfp_t gfp,
			    int node, unsigned long caller)
{
	if (!pynode_exists(node)) {
		count(domain, failures);
		return NULL;
	}
	check_context(gfp);
	return malloc_slow(size, gfp, domain, node, caller);
}

/**
 * pymem_malloc_node() - allocate a block of the mem domain on a NUMA node
 * @size: bytes; 0 is served as 1
 * @gfp: as for kmalloc(); with __GFP_THISNODE the block is kmalloc's
 * @node: the node, or NUMA_NO_NODE
 *
 * Another node serves it when that one has no memory left.
 *
 * Context: As pymem_malloc().
 * Return: the block, or NULL when memory is short, @size is over INT_MAX or
 * there is no such node.
 */
void *pymem_malloc_node(size_t size, gfp_t gfp, int node)
{
	return malloc_on_node(PYMEM_DOMAIN_MEM, size, gfp, node, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pymem_malloc_node);

/**
 * pyobject_malloc_node() - allocate a block of the object domain on a node
 * @size: bytes; 0 is served as 1
 * @gfp: as for pymem_malloc_node()
 * @node: the node, or NUMA_NO_NODE
 *
 * Context: As pymem_malloc().
 * Return: as pymem_malloc_node().
 */
void *pyobject_malloc_node(size_t size, gfp_t gfp, int node)
{
	return malloc_on_node(PYMEM_DOMAIN_OBJ, size, gfp, node, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pyobject_malloc_node);

/**
 * pymem_raw_malloc() - allocate a block from the raw domain
 * @size: bytes; 0 is served as 1
 * @gfp: as for kmalloc()
 *
 * Context: Wherever kmalloc(@gfp) may be called.  Over a page it is
 * kvmalloc()'s if @gfp may sleep.
 * Return: the block, or NULL: no memory, or @size is over INT_MAX.
 */
void *pymem_raw_malloc(size_t size, gfp_t gfp)
{
	return malloc_slow(size, gfp, PYMEM_DOMAIN_RAW, NUMA_NO_NODE,
			   _RET_IP_);
}
EXPORT_SYMBOL_GPL(pymem_raw_malloc);

/* === calloc === */

/* The row that counted a block as its malloc. */
static unsigned int row_of_block(enum pymem_domain domain, const void *block)
{
	if (domain == PYMEM_DOMAIN_RAW || pymap_lookup(block) ||
	    pyhook_knows(block) || !pydomain_uses_heap())
		return domain;
	return row_of(domain, pyraw_usable_size(block));
}

static void *domain_calloc(enum pymem_domain domain, size_t nelem,
			   size_t elsize, gfp_t gfp, unsigned long caller)
{
	size_t size;
	void *block;

	check_context(gfp);
	if (check_mul_overflow(nelem, elsize, &size) || size > INT_MAX) {
		count(domain, failures);
		return NULL;
	}
	if (pyallocator_is_replaced(domain)) {
		block = pyallocator_calloc(domain, nelem, elsize, gfp, caller);
		if (static_branch_unlikely(&pyalloc_watched))
			block = watch_malloc(block, size, gfp | __GFP_ZERO,
					     domain, NUMA_NO_NODE, caller);
		return block;
	}
	block = malloc_slow(size, gfp | __GFP_ZERO, domain, NUMA_NO_NODE,
			    caller);
	/* What a client has put there since is not for us to look at. */
	if (block && !pyallocator_is_replaced(domain))
		count(row_of_block(domain, block), callocs);
	return block;
}

/**
 * pymem_raw_calloc() - allocate a zeroed array from the raw domain
 * @nelem: how many elements; 0 is served as 1 byte
 * @elsize: bytes of each
 * @gfp: as for kmalloc()
 *
 * Context: As pymem_raw_malloc().
 * Return: the array, or NULL: no memory, or the product is over INT_MAX.
 */
void *pymem_raw_calloc(size_t nelem, size_t elsize, gfp_t gfp)
{
	return domain_calloc(PYMEM_DOMAIN_RAW, nelem, elsize, gfp, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pymem_raw_calloc);

/**
 * pymem_calloc() - allocate a zeroed array from the mem domain
 * @nelem: how many elements; 0 is served as 1 byte
 * @elsize: bytes of each
 * @gfp: as for kmalloc()
 *
 * Context: As pymem_malloc().
 * Return: the array, or NULL: no memory, or the product is over INT_MAX.
 */
void *pymem_calloc(size_t nelem, size_t elsize, gfp_t gfp)
{
	return domain_calloc(PYMEM_DOMAIN_MEM, nelem, elsize, gfp, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pymem_calloc);

/**
 * pyobject_calloc() - allocate a zeroed array from the object domain
 * @nelem: how many elements; 0 is served as 1 byte
 * @elsize: bytes of each
 * @gfp: as for kmalloc()
 *
 * Context: As pymem_malloc().
 * Return: the array, or NULL: no memory, or the product is over INT_MAX.
 */
void *pyobject_calloc(size_t nelem, size_t elsize, gfp_t gfp)
{
	return domain_calloc(PYMEM_DOMAIN_OBJ, nelem, elsize, gfp, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pyobject_calloc);

/* === free === */

static void heap_free(enum pymem_domain domain, u32 entry, void *block,
		      unsigned long caller)
{
	struct pyheap *heap = pyheap_of(entry);
	unsigned int class = pymap_class(entry);

	if (heap && pyclass_code_is_decorated(entry & PYMAP_CODE_MASK)) {
		pyhook_free(&pyheap_default, domain, block, heap,
			    class - PYDECORATED_FIRST, caller);
		return;
	}
	/* A block of the heap is the mem domain's if raw frees it. */
	if (domain == PYMEM_DOMAIN_RAW)
		domain = PYMEM_DOMAIN_MEM;
	if (!heap || !(entry & PYMAP_CODE_MASK) ||
	    pyclass_is_meta(class)) {
		pydebug_report(PYALLOC_NO_POOL, block, entry, caller);
		return;
	}
	if (pyheap_is_private(heap)) {
		if (!pyprivate_enter(heap, caller))
			return;
		pyprivate_put(heap, domain, class, block, caller);
		pyprivate_leave(heap);
		return;
	}
	/* Only a block may be wiped, and taken from who watches it. */
	if ((want_init_on_free() || PYSAN_WATCHES) &&
	    !pyheap_is_live(block, caller))
		return;
	pyzero_freed(block, pyheap_class(heap, class)->size);
	if (pyclass_is_sampled(class)) {
		pyfront_free_sampled(heap, class - PYSAMPLED_FIRST, domain,
				     block, caller);
		return;
	}
	if (!pysan_forget(block))
		pyfront_free_later(heap, class, domain, block, caller);
	else if (!pyfront_push(class + 1, domain, block))
		pyfront_free(heap, class, domain, block, caller);
}

/**
 * pydomain_free() - free below replaced allocators
 * @domain: who frees it
 * @ptr: any pointer but NULL
 * @caller: whom to name
 *
 * What is decorated is known by itself, whether hooks are on or not.
 *
 * Context: Any.
 */
void pydomain_free(enum pymem_domain domain, void *ptr, unsigned long caller)
{
	u32 entry = pymap_lookup(ptr);

	/* Below what hooks made may be a plain block, by way of a client's. */
	if (pyrecord_any() &&
	    !pyclass_code_is_decorated(entry & PYMAP_CODE_MASK) &&
	    pyhook_free_recorded(domain, ptr, caller))
		return;
	if (entry)
		heap_free(domain, entry, ptr, caller);
	else
		raw_free(domain, ptr, caller);
}

/*
 * While the fast path is open nothing is noted of what it frees, and of what is
 * no pool's mostly nothing either.
 */
static bool may_be_noted(const void *ptr)
{
	unsigned long code;

	if (PYSAN_WATCHES || READ_ONCE(is_closed))
		return true;
	code = pymap_code(ptr);
	return code ? !pymap_is_open(code) : pyledger_may_have(ptr);
}

static noinline void watch_free(enum pymem_domain domain, void *block,
				unsigned long caller)
{
	struct pytrace_old old;

	pyevents_free(domain, block, caller);
	pytrace_forget(domain, block, &old);
}

/**
 * pydomain_watch_free() - the same when it is freed
 * @domain: who frees it
 * @block: the block
 * @caller: whom to name
 *
 * Context: Any.
 */
void pydomain_watch_free(enum pymem_domain domain, void *block,
			 unsigned long caller)
{
	if (static_branch_unlikely(&pyalloc_watched))
		watch_free(domain, block, caller);
}

static void free_over(void *block, enum pymem_domain domain,
		      unsigned long caller)
{
	if (static_branch_unlikely(&pyalloc_watched) && may_be_noted(block))
		watch_free(domain, block, caller);
	if (pyallocator_is_replaced(domain))
		pyallocator_free(domain, block, caller);
	else
		pydomain_free(domain, block, caller);
}

/* The long way of every free: any pointer, any state of the front. */
static noinline void free_slow(void *block, enum pymem_domain domain,
			       unsigned long caller)
{
	if (ZERO_OR_NULL_PTR(block))
		return;
	if (static_branch_unlikely(&pyalloc_wrapped))
		free_over(block, domain, caller);
	else
		pydomain_free(domain, block, caller);
}

/* As malloc_traced(). */
static notrace noinline void free_traced(void *block, enum pymem_domain domain,
					 unsigned long code,
					 unsigned long caller)
{
	enum pytrace_way way;

	preempt_disable_notrace();
	way = pytrace_free_fast(domain, block, code);
	pycompat_preempt_enable_notrace();
	if (likely(way == PYTRACE_DONE))
		return;
	/* It is the stock that is full: see may_be_noted(). */
	if (pymap_is_open(code) && !READ_ONCE(is_closed) && !PYSAN_WATCHES &&
	    !pyrecord_any())
		pyfront_free(&pyheap_default, code - 1, domain, block, caller);
	else
		free_slow(block, domain, caller);
}

static noinline void free_wrapped(void *block, enum pymem_domain domain,
				  unsigned long code, unsigned long caller)
{
	if (unlikely(!pyhook_free_fast(domain, block, code, caller)))
		free_slow(block, domain, caller);
}

/*
 * What the fast path could not do: a wrapped call, nothing that has a code in
 * the map, or no room in the stock.
 */
static notrace noinline void free_more(void *block, enum pymem_domain domain,
				       unsigned long code,
				       unsigned long caller)
{
	if (static_branch_unlikely(&pyalloc_watched))
		free_traced(block, domain, code, caller);
	else if (static_branch_unlikely(&pyalloc_wrapped))
		free_wrapped(block, domain, code, caller);
	else if (unlikely(!pymap_is_open(code) || pyrecord_any()))
		free_slow(block, domain, caller);
	else
		pyfront_free(&pyheap_default, code - 1, domain, block, caller);
}

static __always_inline void domain_free(enum pymem_domain domain, void *block,
					unsigned long caller)
{
	unsigned long code;

	if (PYSAN_WATCHES) {
		free_slow(block, domain, caller);
		return;
	}
	code = pymap_code(block);
	/* So that gcc makes no case of its own of what is not mapped. */
	OPTIMIZER_HIDE_VAR(code);
	if (unlikely(!pyfront_push(code, domain, block)))
		free_more(block, domain, code, caller);
}

/**
 * pymem_free() - free a block
 * @ptr: a block of any domain or heap, or of kmalloc() or kvmalloc(), or NULL
 *
 * Anything else is reported once a caller and left alone, as far as it can
 * be told: a pointer into a block of the heap, and a block that was the last
 * one freed by itself on this CPU, at once; another double free when the block
 * goes back to its pool.
 *
 * Context: Any.
 */
notrace void pymem_free(const void *ptr)
{
	domain_free(PYMEM_DOMAIN_MEM, (void *)ptr, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pymem_free);

/**
 * pyobject_free() - free a block
 * @ptr: as for pymem_free()
 *
 * Context: Any.
 */
notrace void pyobject_free(const void *ptr)
{
	domain_free(PYMEM_DOMAIN_OBJ, (void *)ptr, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pyobject_free);

/**
 * pymem_raw_free() - free a block of the raw domain
 * @ptr: as for pymem_free()
 *
 * Context: Any.
 */
void pymem_raw_free(const void *ptr)
{
	free_slow((void *)ptr, PYMEM_DOMAIN_RAW, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pymem_raw_free);

/* === realloc === */

/* The fast path, without a sample. */
static void *malloc_unwatched(enum pymem_domain domain, size_t size, gfp_t gfp)
{
	unsigned long step = PYALLOC_STEP(size);
	void *block;

	if (size > PYALLOC_SMALL_MAX || gfp & PYALLOC_GFP_SPECIAL ||
	    PYSAN_WATCHES)
		return malloc_plain(size, gfp, domain, NUMA_NO_NODE);
	block = pyfront_pop(step, domain);
	if (!block)
		return malloc_refill(size, gfp, domain);
	if (want_init_on_alloc(0))
		pyzero_block(block, pyheap_default.step_size[step]);
	return block;
}

/* Where a block moves to, below whatever a client put there. */
static void *malloc_again(enum pymem_domain domain, size_t size, gfp_t gfp,
			  bool plain, unsigned long caller)
{
	if (!static_branch_unlikely(&pyalloc_wrapped) &&
	    domain != PYMEM_DOMAIN_RAW)
		return malloc_any(domain, size, gfp);
	if (domain != PYMEM_DOMAIN_RAW && !READ_ONCE(is_closed))
		return malloc_unwatched(domain, size, gfp);
	if (!plain && pyhook_is_on(domain))
		return pyhook_malloc(&pyheap_default, domain, size, gfp,
				     NUMA_NO_NODE, caller);
	return malloc_plain(size, gfp, domain, NUMA_NO_NODE);
}

static void free_again(enum pymem_domain domain, void *block,
		       unsigned long caller)
{
	if (domain == PYMEM_DOMAIN_RAW ||
	    (static_branch_unlikely(&pyalloc_wrapped) && READ_ONCE(is_closed)))
		pydomain_free(domain, block, caller);
	else
		domain_free(domain, block, caller);
}

/*
 * Moves what fits of @room bytes at @block, which was allocated by the domain
 * @whose and counts for the row @from, into a block of @size bytes.
 */
static void *move_block(enum pymem_domain domain, enum pymem_domain whose,
			unsigned int from, void *block, size_t room,
			size_t size, gfp_t gfp, bool plain,
			unsigned long caller)
{
	gfp_t quiet = size <= room ? __GFP_NOWARN : 0;
	void *new = malloc_again(domain, size, gfp | quiet, plain, caller);

	if (!new && size > room)
		return NULL;
	count(domain, reallocs);
	if (!new) {
		/* It can always stay where it is: that is no failure. */
		this_cpu_dec(pydomain_counts[domain].failures);
		if (gfp & __GFP_ZERO)
			memset(block + size, 0, room - size);
		return block;
	}
	memcpy(new, block, min(room, size));
	free_again(whose, block, caller);
	count(row_of_block(domain, new), realloc_mallocs);
	count(from, realloc_frees);
	return new;
}

/* It always moves: so who uses the old one is found out. */
static void *decorated_realloc(enum pymem_domain domain, void *ptr,
			       size_t size, gfp_t gfp, bool plain,
			       unsigned long caller)
{
	struct pyhook_block old;
	void *new;

	if (!pyhook_look(ptr, domain, caller, &old)) {
		count(domain, failures);
		return NULL;
	}
	new = move_block(domain, old.domain, old.domain, ptr, old.size, size,
			 gfp, plain, caller);
	if (new == ptr)
		pyhook_shrink(&old, size);
	return new;
}

static void *heap_realloc(enum pymem_domain domain, u32 entry, void *block,
			  size_t size, gfp_t gfp, bool plain,
			  unsigned long caller)
{
	unsigned int class = pymap_class(entry);
	struct pyheap *heap;
	size_t room;

	if (!pyheap_is_live(block, caller)) {
		count(domain, failures);
		return NULL;
	}
	heap = pyheap_of(entry);
	room = pyheap_class(heap, class)->size;
	if (!pyheap_stays(heap, class, size))
		return move_block(domain, domain, domain, block,
				  pysan_accessible(block, room), size, gfp,
				  plain, caller);
	pyheap_resize(block, size, room, gfp);
	count(domain, reallocs);
	return block;
}

/* A block of raw, if it is to stay one. */
static void *raw_resize(enum pymem_domain domain, void *block, size_t room,
			size_t size, gfp_t gfp)
{
	unsigned int from = row_of(domain, room), to;
	size_t now;
	void *new;

	new = pyraw_realloc(block, room, size, gfp);
	if (!new) {
		count(domain, failures);
		return NULL;
	}
	now = pyraw_usable_size(new);
	to = row_of(domain, now);
	count(domain, reallocs);
	add_bytes(from, -(long)room);
	add_bytes(to, now);
	if (from != to) {
		count(from, raw_frees);
		count(from, realloc_frees);
		count(to, raw_mallocs);
		count(to, realloc_mallocs);
	}
	return new;
}

static void *raw_realloc(enum pymem_domain domain, void *block, size_t size,
			 gfp_t gfp, bool plain, unsigned long caller)
{
	unsigned int from;
	size_t room;

	if (!pyraw_is_block(block, caller)) {
		count(domain, failures);
		return NULL;
	}
	room = pyraw_usable_size(block);
	if (domain == PYMEM_DOMAIN_RAW || !is_heaps(size, gfp))
		return raw_resize(domain, block, room, size, gfp);
	from = row_of(domain, room);
	if (pyraw_may_call())
		block = pyraw_whole(block, room);
	return move_block(domain, domain, from, block,
			  pysan_accessible(block, room), size, gfp, plain,
			  caller);
}

/**
 * pydomain_realloc() - resize below replaced allocators
 * @domain: who resizes it
 * @ptr: any pointer, or NULL
 * @size: bytes; 0 is served as 1
 * @gfp: as for kmalloc()
 * @plain: below debug hooks too
 * @caller: whom to name
 *
 * Context: As the domain.
 * Return: the block, moved or not; or NULL with @ptr as it was.
 */
void *pydomain_realloc(enum pymem_domain domain, void *ptr, size_t size,
		       gfp_t gfp, bool plain, unsigned long caller)
{
	struct pyheap *owner;
	void *block;
	u32 entry;

	if (ZERO_OR_NULL_PTR(ptr)) {
		block = malloc_again(domain, size, gfp, plain, caller);
		if (block) {
			count(domain, reallocs);
			count(row_of_block(domain, block), realloc_mallocs);
		}
		return block;
	}
	if (pyhook_knows(ptr))
		return decorated_realloc(domain, ptr, size, gfp, plain, caller);
	entry = pymap_lookup(ptr);
	owner = entry ? pyheap_of(entry) : pyowned_heap(ptr);
	if (owner && pyheap_is_private(owner))
		return pyprivate_realloc(owner, ptr, size, gfp, caller);
	if (!entry)
		return raw_realloc(domain, ptr, size, gfp, plain, caller);
	if (domain == PYMEM_DOMAIN_RAW)
		domain = PYMEM_DOMAIN_MEM;
	return heap_realloc(domain, entry, ptr, size, gfp, plain, caller);
}

static void *realloc_over(enum pymem_domain domain, void *ptr, size_t size,
			  gfp_t gfp, unsigned long caller)
{
	if (static_branch_unlikely(&pyalloc_wrapped) &&
	    pyallocator_is_replaced(domain))
		return pyallocator_realloc(domain, ptr, size, gfp, caller);
	return pydomain_realloc(domain, ptr, size, gfp, false, caller);
}

/*
 * Nothing here can fail: what the block was is forgotten before somebody else
 * may get its address, and noted again if it stays.
 */
static noinline void *realloc_watched(enum pymem_domain domain, void *ptr,
				      size_t size, gfp_t gfp,
				      unsigned long caller)
{
	struct pytrace_old old = {};
	void *new;

	if (!ZERO_OR_NULL_PTR(ptr))
		pytrace_forget(domain, ptr, &old);
	new = realloc_over(domain, ptr, size, gfp, caller);
	if (!new) {
		pytrace_restore(ptr, &old, gfp);
		return NULL;
	}
	if (is_due(size))
		new = sample(new, size, gfp, domain, caller);
	pyevents_realloc(domain, ptr, new, size, gfp, caller);
	return new;
}

static void *realloc_any(enum pymem_domain domain, void *ptr, size_t size,
			 gfp_t gfp, unsigned long caller)
{
	check_context(gfp);
	if (size > INT_MAX) {
		count(domain, failures);
		return NULL;
	}
	if (!static_branch_unlikely(&pyalloc_watched))
		return realloc_over(domain, ptr, size, gfp, caller);
	if (may_be_noted(ptr))
		return realloc_watched(domain, ptr, size, gfp, caller);
	ptr = pydomain_realloc(domain, ptr, size, gfp, false, caller);
	return ptr && is_due(size) ? sample(ptr, size, gfp, domain, caller) :
				     ptr;
}

/**
 * pymem_raw_realloc() - resize a block of the raw domain
 * @ptr: as for pymem_free(); with NULL it is pymem_raw_malloc()
 * @size: bytes; 0 is served as 1 and does not free
 * @gfp: as for kmalloc()
 *
 * Context: As pymem_raw_malloc().
 * Return: the block, moved or not; or NULL with @ptr as it was.  Shrinking
 * never fails.
 */
void *pymem_raw_realloc(void *ptr, size_t size, gfp_t gfp)
{
	return realloc_any(PYMEM_DOMAIN_RAW, ptr, size, gfp, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pymem_raw_realloc);

/**
 * pymem_realloc() - resize a block
 * @ptr: as for pymem_free(); with NULL it is pymem_malloc()
 * @size: bytes; 0 is served as 1 and does not free
 * @gfp: as for pymem_malloc(); with __GFP_ZERO, given in every call for the
 *	block, what it grows by is zero
 *
 * Context: As pymem_malloc().
 * Return: the block, moved or not; or NULL with @ptr as it was.  Shrinking
 * never fails.
 */
void *pymem_realloc(void *ptr, size_t size, gfp_t gfp)
{
	return realloc_any(PYMEM_DOMAIN_MEM, ptr, size, gfp, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pymem_realloc);

/**
 * pyobject_realloc() - resize a block
 * @ptr: as for pymem_realloc()
 * @size: bytes; 0 is served as 1 and does not free
 * @gfp: as for pymem_realloc()
 *
 * Context: As pymem_malloc().
 * Return: as pymem_realloc().
 */
void *pyobject_realloc(void *ptr, size_t size, gfp_t gfp)
{
	return realloc_any(PYMEM_DOMAIN_OBJ, ptr, size, gfp, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pyobject_realloc);

/**
 * pyalloc_usable_size() - how many bytes a block has room for
 * @ptr: as for pymem_free()
 *
 * Context: Any.  Of a vmalloc'd block it costs a walk of its pages.
 * Return: bytes, the size class's for a block of the heap, or what was asked
 * for under debug hooks and where KASAN watches; 0 for NULL, for what is not a
 * block, and for one that only a replaced allocator knows.
 */
size_t pyalloc_usable_size(const void *ptr)
{
	struct pyhook_block block;
	u32 entry;

	if (ZERO_OR_NULL_PTR(ptr))
		return 0;
	if (pyhook_knows(ptr))
		return pyhook_look(ptr, PYHOOK_ANY_DOMAIN, _RET_IP_, &block) ?
		       block.size : 0;
	entry = pymap_lookup(ptr);
	/* What a replaced allocator has is for itself to know. */
	if (!entry && pyallocator_any() && !pyraw_may_be_block(ptr))
		return 0;
	if (!entry)
		return pyraw_is_block(ptr, _RET_IP_) ?
		       pysan_accessible(ptr, pyraw_usable_size(ptr)) : 0;
	if (!pyheap_is_live(ptr, _RET_IP_))
		return 0;
	return pysan_accessible(ptr, pyheap_class(pyheap_of(entry),
						  pymap_class(entry))->size);
}
EXPORT_SYMBOL_GPL(pyalloc_usable_size);

/* === For types === */

/**
 * pydomain_malloc_for() - allocate for a caller who is not ours
 * @domain: mem or object
 * @size: bytes
 * @gfp: as for kmalloc()
 * @caller: whom to name
 *
 * Context: As the domain.
 * Return: the block, or NULL.
 */
void *pydomain_malloc_for(enum pymem_domain domain, size_t size, gfp_t gfp,
			  unsigned long caller)
{
	void *block = NULL;

	if (size <= PYALLOC_SMALL_MAX && !(gfp & PYALLOC_GFP_SPECIAL) &&
	    !PYSAN_WATCHES)
		block = pyfront_pop(PYALLOC_STEP(size), domain);
	if (!block)
		return malloc_slow(size, gfp, domain, NUMA_NO_NODE, caller);
	switch (finish_fast(block, PYALLOC_STEP(size))) {
	case FINISH_NOTHING:
		return block;
	case FINISH_NOTE:
		return finish_more(size, gfp, block, domain, caller,
				   FINISH_NOTE);
	default:
		return finish_more(size, gfp, block, domain, caller,
				   FINISH_ZERO);
	}
}

/**
 * pydomain_realloc_for() - the same for realloc
 * @domain: mem or object
 * @ptr: as for pymem_realloc()
 * @size: bytes
 * @gfp: as for kmalloc()
 * @caller: whom to name
 *
 * Context: As the domain.
 * Return: as pymem_realloc().
 */
void *pydomain_realloc_for(enum pymem_domain domain, void *ptr, size_t size,
			   gfp_t gfp, unsigned long caller)
{
	return realloc_any(domain, ptr, size, gfp, caller);
}

/**
 * pydomain_free_for() - the same for free
 * @domain: mem or object
 * @ptr: as for pymem_free()
 * @caller: whom to name
 *
 * Context: Any.
 */
void pydomain_free_for(enum pymem_domain domain, void *ptr,
		       unsigned long caller)
{
	domain_free(domain, ptr, caller);
}

/* === Many at a time === */

/*
 * Is there a fast path, for many blocks too?  Where a checker watches, what was
 * sampled lies in no pool of its own, and each free has to be seen.
 */
static __always_inline bool is_open(void)
{
	return !static_branch_unlikely(&pyalloc_wrapped) ||
	       (!PYSAN_WATCHES && !READ_ONCE(is_closed));
}

static noinline void sample_bulk(size_t n, void **ptrs, size_t size, gfp_t gfp,
				 unsigned long caller)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (pysample_is_due(pysample_steps(size))) {
			pytrace_pass_point();
			ptrs[i] = sample(ptrs[i], size, gfp, PYMEM_DOMAIN_MEM,
					 caller);
		}
}

/**
 * pymem_malloc_bulk() - allocate many blocks of one size
 * @size: bytes of each; 0 is served as 1
 * @gfp: as for pymem_malloc()
 * @n: how many
 * @ptrs: where to put them
 *
 * Context: As pymem_malloc().
 * Return: how many it got, which are the first ones of @ptrs.
 */
size_t pymem_malloc_bulk(size_t size, gfp_t gfp, size_t n, void **ptrs)
{
	unsigned int step = PYALLOC_STEP(size);
	size_t got = 0, i;

	check_context(gfp);
	if (is_heaps(size, gfp) && is_open()) {
		got = pybulk_malloc(&pyheap_default, step, gfp,
				    PYMEM_DOMAIN_MEM, n, ptrs);
		if (want_init_on_alloc(gfp) || PYSAN_WATCHES)
			for (i = 0; i < got; i++)
				pyheap_finish(&pyheap_default, ptrs[i], size,
					      gfp);
		if (static_branch_unlikely(&pyalloc_watched))
			sample_bulk(got, ptrs, size, gfp, _RET_IP_);
	}
	for (; got < n; got++) {
		ptrs[got] = malloc_slow(size, gfp, PYMEM_DOMAIN_MEM,
					NUMA_NO_NODE, _RET_IP_);
		if (!ptrs[got])
			break;
	}
	return got;
}
EXPORT_SYMBOL_GPL(pymem_malloc_bulk);

/* Of what is no block kmemleak would say so itself, and at length. */
static void forget_many(size_t n, void **ptrs)
{
	while (n--)
		if (pymap_lookup(ptrs[n]) &&
		    pyheap_judge(ptrs[n]) == PYALLOC_NO_MISTAKE)
			pysan_forget(ptrs[n]);
}

/* Up to the first that is free, which is for the long way to say. */
static size_t count_live(size_t n, void **ptrs)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (pymap_lookup(ptrs[i]) && pysan_is_hidden(ptrs[i]))
			break;
	return i;
}

static void free_one(void *ptr, unsigned long code, unsigned long caller)
{
	if (static_branch_unlikely(&pyalloc_watched))
		free_traced(ptr, PYMEM_DOMAIN_MEM, code, caller);
	else
		free_slow(ptr, PYMEM_DOMAIN_MEM, caller);
}

/**
 * pymem_free_bulk() - free many blocks
 * @n: how many
 * @ptrs: the blocks, each as for pymem_free()
 *
 * Blocks that follow each other and have one size class move together.
 *
 * Context: Any.
 */
void pymem_free_bulk(size_t n, void **ptrs)
{
	size_t done = 0, run, live;
	unsigned long code;

	if (PYSAN_KMEMLEAK)
		forget_many(n, ptrs);
	while (done < n) {
		code = pymap_code(ptrs[done]);
		live = PYSAN_KASAN ? count_live(n - done, ptrs + done) :
				     n - done;
		run = 0;
		if (live && pymap_is_open(code) && !(PYSAN_KMEMLEAK && in_nmi()) &&
		    is_open())
			run = pybulk_free(&pyheap_default, code - 1,
					  PYMEM_DOMAIN_MEM, live,
					  ptrs + done, _RET_IP_);
		if (!run)
			free_one(ptrs[done], code, _RET_IP_);
		done += run ?: 1;
	}
}
EXPORT_SYMBOL_GPL(pymem_free_bulk);

/* === After a grace period === */

/**
 * pydomain_block_around() - the block of a pool that an address lies in
 * @ptr: an address in what a client has of it
 *
 * Context: Any, while the block is live.
 * Return: what the client has.
 */
void *pydomain_block_around(void *ptr)
{
	u32 entry = pymap_lookup(ptr);
	const struct pyclass *class = pyheap_class(pyheap_of(entry),
						   pymap_class(entry));
	unsigned long mask = ((unsigned long)class->granules <<
			      PYGRANULE_SHIFT) - 1;

	ptr -= ((unsigned long)ptr & mask) % class->size;
	if (pyclass_is_decorated(pymap_class(entry)))
		ptr += PYHOOK_HEAD;
	return ptr;
}

static void free_after_grace(enum pymem_domain domain, struct rcu_head *rcu)
{
	u32 entry = pymap_lookup(rcu);
	struct pyheap *heap = pyheap_of(entry);
	void *block = pydomain_block_around(rcu);
	unsigned long caller = 0;

	if (pyclass_is_decorated(pymap_class(entry))) {
		caller = pyhook_end_grace(block);
	} else if (heap->is_locked) {
		pyprivate_put_late(heap, block);
		return;
	}
	if (static_branch_unlikely(&pyalloc_watched))
		watch_free(domain, block, caller ?: _THIS_IP_);
	pydomain_free(domain, block, caller ?: _THIS_IP_);
}

static void free_mem_rcu(struct rcu_head *rcu)
{
	free_after_grace(PYMEM_DOMAIN_MEM, rcu);
}

static void free_object_rcu(struct rcu_head *rcu)
{
	free_after_grace(PYMEM_DOMAIN_OBJ, rcu);
}

static void free_decorated_rcu(enum pymem_domain domain, void *ptr,
			       struct rcu_head *rcu, unsigned long caller)
{
	struct pyhook_block block;

	if (pyhook_look(ptr, domain, caller, &block))
		pyhook_begin_grace(&block, rcu,
				   block.domain == PYMEM_DOMAIN_MEM ?
				   free_mem_rcu : free_object_rcu, caller);
}

static void free_rcu(enum pymem_domain domain, void *ptr,
		     struct rcu_head *rcu, unsigned long caller)
{
	bool replaced = static_branch_unlikely(&pyalloc_wrapped) &&
			pyallocator_is_replaced(domain);
	size_t usable;

	/* What lies in a pool is noted until the grace period is over. */
	if (static_branch_unlikely(&pyalloc_watched) &&
	    (replaced || !pymap_lookup(ptr)))
		watch_free(domain, ptr, caller);
	if (replaced) {
		pyallocator_free_rcu(domain, ptr);
		return;
	}
	if (pyhook_knows(ptr)) {
		free_decorated_rcu(domain, ptr, rcu, caller);
		return;
	}
	if (pyowned_free_rcu(ptr, caller))
		return;
	if (pymap_lookup(ptr)) {
		if (pyheap_is_live(ptr, caller))
			call_rcu(rcu, domain == PYMEM_DOMAIN_MEM ?
				      free_mem_rcu : free_object_rcu);
		return;
	}
	if (!pyraw_is_block(ptr, caller))
		return;
	usable = pyraw_usable_size(ptr);
	pydomain_uncount_raw(row_of(domain, usable), usable);
	pycompat_kvfree_rcu(ptr, rcu);
}

/* Behind pymem_free_rcu(): @rcu lies in the block @ptr. */
void __pymem_free_rcu(void *ptr, struct rcu_head *rcu)
{
	free_rcu(PYMEM_DOMAIN_MEM, ptr, rcu, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__pymem_free_rcu);

/* Behind pyobject_free_rcu(). */
void __pyobject_free_rcu(void *ptr, struct rcu_head *rcu)
{
	free_rcu(PYMEM_DOMAIN_OBJ, ptr, rcu, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__pyobject_free_rcu);
