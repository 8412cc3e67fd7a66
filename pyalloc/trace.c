// SPDX-License-Identifier: GPL-2.0
/*
 * Tracing: notes who allocated each block, or a sample of them, until it is
 * freed.
 *
 * A block in a pool is noted in its mark (mark.c), any other in the ledger
 * (ledger.c); who allocated it is the number of a call site (site.c).  A trace
 * lasts from its start, or its last clearing, to the next; each has a number,
 * which is noted with the block, so that what an earlier one noted is known to
 * be nothing, and counters of its own, so that a free that is under way while
 * the trace is cleared is counted where its block was.
 *
 * While everything is noted the fast path is closed, and domain.c leads each
 * call here.  While a sample is, it stays open: a block that is noted comes
 * from pools of its own, whose frees are seen.
 *
 * Contexts: all.  Memory is asked for with GFP_NOWAIT, and only where a caller's
 * gfp says that the page allocator may be called; what can't be noted is
 * counted as missed.
 * Lock order: trace_lock, then those of domain.c, pyheaps_lock, a heap's walk.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "allocator.h"
#include "domain.h"
#include "events.h"
#include "fault.h"
#include "heap.h"
#include "hook.h"
#include "ledger.h"
#include "raw.h"
#include "record.h"
#include "trace.h"
#include "compat.h"

struct pytrace __rcu *pytrace_now;
EXPORT_SYMBOL_GPL(pytrace_now);

/* The same if calls of the default heap may take the short way, else NULL. */
struct pytrace *pytrace_short __read_mostly;
EXPORT_SYMBOL_GPL(pytrace_short);

/* Who starts, clears or stops, and who looks at what was noted. */
static DEFINE_MUTEX(trace_lock);

static unsigned long interval;
static u32 last_epoch;

/* === Counting === */

static void see_peak(struct pytrace *trace, long bytes)
{
	long seen = atomic_long_read(&trace->peak);

	while (bytes > seen &&
	       !atomic_long_try_cmpxchg(&trace->peak, &seen, bytes))
		;
}

static void fold(struct pytrace *trace)
{
	long bytes = this_cpu_xchg(trace->counts->unfolded, 0);

	see_peak(trace, atomic_long_add_return(bytes, &trace->folded));
}

/**
 * pytrace_fold() - add this CPU's bytes to the total, and see the peak
 *
 * Context: Any.
 */
void pytrace_fold(void)
{
	struct pytrace *trace;

	rcu_read_lock();
	trace = rcu_dereference(pytrace_now);
	if (trace)
		fold(trace);
	rcu_read_unlock();
}

/* What a block stands for is worked out from its size, each time alike. */
static void count_block(struct pytrace *trace, size_t bytes, size_t size,
			bool is_new)
{
	u64 weight = pysample_weight(size, trace->interval);
	long sign = is_new ? 1 : -1;

	if (pytrace_count(trace, sign * (long)pysample_scale(bytes, weight),
			  sign * (long)pysample_scale(size, weight),
			  sign * pysample_blocks(weight)))
		fold(trace);
}

static void miss(struct pytrace *trace, size_t size)
{
	u64 weight = pysample_weight(size, trace->interval);

	this_cpu_add(trace->counts->missed, pysample_blocks(weight));
	this_cpu_add(trace->counts->missed_bytes,
		     pysample_scale(size, weight));
}

/**
 * pytrace_miss() - count a block that can't be noted
 * @size: bytes that were asked for
 *
 * Context: Any.
 */
void pytrace_miss(size_t size)
{
	struct pytrace *trace;

	rcu_read_lock();
	trace = rcu_dereference(pytrace_now);
	if (trace)
		miss(trace, size);
	rcu_read_unlock();
}

/* === Noting === */

/*
 * May the page allocator be called?  Lockdep can see a raw spinlock, which we
 * can't, and hold every kernel to PREEMPT_RT's rules.
 */
static bool may_alloc(gfp_t gfp)
{
	return pyarena_may_take(gfp) && pyraw_may_call() &&
	       (!IS_ENABLED(CONFIG_PROVE_RAW_LOCK_NESTING) || preemptible() ||
		in_serving_softirq());
}

static u32 find_site(struct pytrace *trace, unsigned long caller, bool may)
{
	u32 site;

	if (trace->nframe == 1)
		return pysite_find(trace->sites, caller);
	site = pysite_find_stack(trace->sites, caller, trace->nframe, may);
	if (site)
		return site;
	this_cpu_inc(trace->counts->shortened);
	return pysite_find(trace->sites, caller);
}

/**
 * pytrace_usable_size() - usable bytes of a block that is in no pool
 * @domain: who asked, or a client's own number
 * @ptr: the block
 * @size: what was asked for, which is all that is known of a client's own, and
 *	of what a replaced allocator gave
 *
 * Context: Any, while the block is live.
 * Return: as many as the domain counts.
 */
size_t pytrace_usable_size(unsigned int domain, const void *ptr, size_t size)
{
	const struct pyrecord *record;
	size_t usable = 0;

	if (domain >= PYMEM_NR_DOMAINS || pyallocator_is_replaced(domain))
		return size;
	rcu_read_lock();
	record = pyrecord_find(ptr);
	if (record)
		usable = record->room ?: size;
	rcu_read_unlock();
	return usable ?: pyraw_usable_size(ptr);
}

static void forget_mark(struct pytrace *trace, struct pymark *mark,
			struct pytrace_old *old)
{
	size_t bytes = READ_ONCE(mark->steps) << PYALLOC_STEP_SHIFT;

	*old = (struct pytrace_old) {
		.site = READ_ONCE(mark->site), .epoch = READ_ONCE(mark->epoch),
		.birth = READ_ONCE(mark->birth), .size = READ_ONCE(mark->size),
		.domain = READ_ONCE(mark->domain),
	};
	if (!old->site)
		return;
	WRITE_ONCE(mark->site, 0);
	if (old->epoch == trace->epoch)
		count_block(trace, bytes, old->size, false);
	else
		old->site = 0;
}

static void forget_entry(struct pytrace *trace, unsigned int domain,
			 const void *ptr, struct pytrace_old *old)
{
	struct pyledger_entry entry;

	if (!pyledger_take(ptr, domain, &entry) || entry.epoch != trace->epoch)
		return;
	*old = (struct pytrace_old) {
		.site = entry.site, .epoch = entry.epoch, .birth = entry.birth,
		.size = entry.size, .domain = entry.domain,
	};
	count_block(trace, entry.usable, entry.size, false);
}

/* False: there was no memory. */
static bool note_in_pool(struct pytrace *trace, const struct pyplace *place,
			 const struct pytrace_old *new, bool may)
{
	struct pymark *mark = pymark_of(place);
	struct pytrace_old before;

	if (!mark && may)
		mark = pymark_make(place);
	if (!mark)
		return false;
	forget_mark(trace, mark, &before);
	pymark_write(mark, new->site, trace->epoch, new->birth, new->size,
		     new->domain, place->class->size >> PYALLOC_STEP_SHIFT);
	count_block(trace, place->class->size, new->size, true);
	return true;
}

static bool note_in_ledger(struct pytrace *trace, const void *ptr,
			   size_t usable, const struct pytrace_old *new,
			   bool may)
{
	struct pyledger_entry entry = {
		.ptr = ptr, .site = new->site, .epoch = trace->epoch,
		.birth = new->birth, .domain = new->domain, .size = new->size,
		.usable = usable,
	};
	if (!may || !pyledger_add(&entry))
		return false;
	count_block(trace, usable, entry.size, true);
	return true;
}

/* A pool's block has no mark if it lies outside the direct map. */
static bool note(struct pytrace *trace, const void *ptr,
		 const struct pytrace_old *new, bool may)
{
	struct pyplace place;
	bool in_pool = new->domain < PYMEM_NR_DOMAINS &&
		       pymark_find_place(ptr, &place);
	struct pytrace_old before;
	bool noted;

	if (!in_pool)
		forget_entry(trace, new->domain, ptr, &before);
	if (!new->site)
		noted = false;
	else if (in_pool && pymark_has_word(&place))
		noted = note_in_pool(trace, &place, new, may);
	else
		noted = note_in_ledger(trace, ptr, in_pool ? place.class->size :
				       pytrace_usable_size(new->domain, ptr,
							   new->size),
				       new, may);
	if (!noted)
		miss(trace, new->size);
	return noted;
}

static bool note_call(unsigned int domain, const void *ptr, size_t size,
		      bool may, unsigned long caller)
{
	struct pytrace_old new = {
		.birth = jiffies, .size = size, .domain = domain,
	};
	struct pytrace *trace;
	bool noted = true;

	rcu_read_lock();
	trace = rcu_dereference(pytrace_now);
	if (trace) {
		new.site = find_site(trace, caller, may);
		noted = note(trace, ptr, &new, may);
	}
	rcu_read_unlock();
	return noted;
}

/**
 * pytrace_note() - note who allocated a block
 * @domain: who asked
 * @ptr: the block
 * @size: bytes that were asked for
 * @gfp: the caller's
 * @caller: whom to name
 *
 * Context: As @gfp says.
 */
void pytrace_note(unsigned int domain, const void *ptr, size_t size, gfp_t gfp,
		  unsigned long caller)
{
	note_call(domain, ptr, size, may_alloc(gfp), caller);
}
EXPORT_SYMBOL_GPL(pytrace_note);

/**
 * pytrace_pass_point() - after an allocation with a sample's point in it
 *
 * Context: Any.
 */
void pytrace_pass_point(void)
{
	struct pytrace *trace;

	rcu_read_lock();
	trace = rcu_dereference(pytrace_now);
	if (trace && trace->interval)
		pysample_advance(trace->interval);
	rcu_read_unlock();
}

/**
 * pytrace_is_due() - is an allocation to be noted?
 * @size: bytes that were asked for
 *
 * To be asked once an allocation.
 *
 * Context: Any.
 * Return: true if everything is noted, or a sample's point lies in it.
 */
bool pytrace_is_due(size_t size)
{
	struct pytrace *trace;
	bool all;

	rcu_read_lock();
	trace = rcu_dereference(pytrace_now);
	all = trace && !trace->interval;
	rcu_read_unlock();
	if (!trace || all)
		return all;
	if (!pysample_is_due(pysample_steps(size)))
		return false;
	pytrace_pass_point();
	return true;
}

/*
 * What is freed is noted no longer when debug hooks find it damaged; who
 * allocated it is still to be told.
 */
struct forgotten {
	const void	*ptr;
	unsigned long	caller;
};

static DEFINE_PER_CPU(struct forgotten, forgotten);

static void keep_forgotten(struct pytrace *trace, const void *ptr, u32 site)
{
	struct forgotten *last = get_cpu_ptr(&forgotten);

	last->ptr = ptr;
	last->caller = READ_ONCE(trace->sites->site[site].caller);
	put_cpu_ptr(&forgotten);
}

/**
 * pytrace_forget() - note a block no longer, before it is freed
 * @domain: who frees it
 * @ptr: any pointer
 * @old: what was noted, if anything was
 *
 * Context: Any.
 */
void pytrace_forget(unsigned int domain, const void *ptr,
		    struct pytrace_old *old)
{
	struct pytrace *trace;
	struct pyplace place;
	struct pymark *mark;

	old->site = 0;
	rcu_read_lock();
	trace = rcu_dereference(pytrace_now);
	if (!trace)
		goto out;
	if (domain < PYMEM_NR_DOMAINS && pymark_find_place(ptr, &place) &&
	    pymark_has_word(&place)) {
		mark = pymark_of(&place);
		if (mark)
			forget_mark(trace, mark, old);
	} else {
		forget_entry(trace, domain, ptr, old);
	}
	if (old->site && READ_ONCE(pyhook_domains))
		keep_forgotten(trace, ptr, old->site);
	/* The short way leaves it to others to fold. */
	if (abs(this_cpu_read(trace->counts->unfolded)) > PYTRACE_FOLD)
		fold(trace);
out:
	rcu_read_unlock();
}

/**
 * pytrace_restore() - note a block again that was not freed after all
 * @ptr: the block
 * @old: what pytrace_forget() found
 * @gfp: that of the realloc that failed
 *
 * Context: As @gfp says.
 */
void pytrace_restore(const void *ptr, const struct pytrace_old *old, gfp_t gfp)
{
	struct pytrace *trace;

	if (!old->site)
		return;
	rcu_read_lock();
	trace = rcu_dereference(pytrace_now);
	if (trace && trace->epoch == old->epoch)
		note(trace, ptr, old, may_alloc(gfp));
	rcu_read_unlock();
}

static u32 site_of(struct pytrace *trace, const void *ptr)
{
	struct pyplace place;
	struct pymark *mark;

	if (!pymark_find_place(ptr, &place) || !pymark_has_word(&place))
		return pyledger_find(ptr, PYMEM_DOMAIN_RAW, trace->epoch);
	mark = pymark_of(&place);
	return mark && READ_ONCE(mark->epoch) == trace->epoch ?
	       READ_ONCE(mark->site) : 0;
}

/**
 * pytrace_caller_of() - who allocated a block
 * @ptr: any pointer; it may be the one that this CPU is about to free
 *
 * Context: Any.
 * Return: the return address, or 0: it is not known, or its code is gone.
 */
unsigned long pytrace_caller_of(const void *ptr)
{
	unsigned long caller = 0;
	struct pytrace *trace;
	u32 site;

	rcu_read_lock();
	trace = rcu_dereference(pytrace_now);
	site = trace ? site_of(trace, ptr) : 0;
	if (site)
		caller = READ_ONCE(trace->sites->site[site].caller);
	else if (trace && raw_cpu_read(forgotten.ptr) == ptr)
		caller = raw_cpu_read(forgotten.caller);
	rcu_read_unlock();
	return caller == PYSITE_GONE ? 0 : caller;
}
EXPORT_SYMBOL_GPL(pytrace_caller_of);

/* === A client's own memory === */

/**
 * pytrace_track() - note memory that pyalloc did not allocate
 * @domain: a number of the client's own, from PYMEM_NR_DOMAINS up: it is a
 *	space of addresses of its own
 * @ptr: where the memory is; it is not looked at
 * @size: its bytes, INT_MAX at most
 * @gfp: says where this is called from; nothing sleeps
 *
 * What was tracked at that address before is forgotten.
 *
 * Context: Wherever kmalloc(@gfp) may be called.
 * Return: 0; -EINVAL: a domain of pyalloc's own, or too many bytes; -ENODATA:
 * there is no trace; -ENOMEM, which is counted as missed.
 */
int pytrace_track(unsigned int domain, const void *ptr, size_t size, gfp_t gfp)
{
	if (domain < PYMEM_NR_DOMAINS || size > INT_MAX)
		return -EINVAL;
	if (!pytrace_is_tracing())
		return -ENODATA;
	if (!pytrace_is_due(size)) {
		/* A sample has to forget what was there before, too. */
		pytrace_untrack(domain, ptr);
		return 0;
	}
	return note_call(domain, ptr, size, may_alloc(gfp), _RET_IP_) ?
	       0 : -ENOMEM;
}
EXPORT_SYMBOL_GPL(pytrace_track);

/**
 * pytrace_untrack() - note memory of a client's own no longer
 * @domain: as for pytrace_track()
 * @ptr: where it was
 *
 * Context: Any.
 * Return: 0, also if it was not tracked; -EINVAL: a domain of pyalloc's own;
 * -ENODATA: there is no trace.
 */
int pytrace_untrack(unsigned int domain, const void *ptr)
{
	struct pytrace_old old;

	if (domain < PYMEM_NR_DOMAINS)
		return -EINVAL;
	if (!pytrace_is_tracing())
		return -ENODATA;
	pytrace_forget(domain, ptr, &old);
	return 0;
}
EXPORT_SYMBOL_GPL(pytrace_untrack);

/* === What was counted === */

static long add_counts(struct pytrace *trace, struct pytrace_counts *sum)
{
	long unfolded = 0;
	const struct pytrace_counts *counts;
	int cpu;

	for_each_possible_cpu(cpu) {
		counts = per_cpu_ptr(trace->counts, cpu);
		unfolded += READ_ONCE(counts->unfolded);
		sum->requested += READ_ONCE(counts->requested);
		sum->blocks += READ_ONCE(counts->blocks);
		sum->missed += READ_ONCE(counts->missed);
		sum->missed_bytes += READ_ONCE(counts->missed_bytes);
		sum->shortened += READ_ONCE(counts->shortened);
	}
	sum->blocks = pysample_whole(sum->blocks);
	sum->missed = pysample_whole(sum->missed);
	return max(atomic_long_read(&trace->folded) + unfolded, 0L);
}

/**
 * pytrace_sum_up() - what the trace has counted
 * @sum: where to put it; all 0 without a trace
 *
 * Context: Any.
 */
void pytrace_sum_up(struct pytrace_sum *sum)
{
	struct pytrace *trace;

	memset(sum, 0, sizeof(*sum));
	rcu_read_lock();
	trace = rcu_dereference(pytrace_now);
	if (trace) {
		sum->current_bytes = add_counts(trace, &sum->counts);
		sum->nframe = trace->nframe;
		sum->interval = trace->interval;
		sum->sites = READ_ONCE(trace->sites->nr);
		/* It may be now, and not have been seen yet. */
		sum->peak_bytes = max_t(long, atomic_long_read(&trace->peak),
					sum->current_bytes);
		sum->own_bytes = pymark_bytes() + pyledger_bytes() +
				 sizeof(*trace) + sizeof(*trace->sites) +
				 num_possible_cpus() * sizeof(*trace->counts);
	}
	rcu_read_unlock();
}
EXPORT_SYMBOL_GPL(pytrace_sum_up);

/**
 * pytrace_get_traced_memory() - how many bytes are live of what was noted
 * @current_bytes: usable bytes now
 * @peak_bytes: the most there were, give or take 4096 bytes a CPU
 *
 * Both are 0 without a trace, and estimates while a sample is noted.
 *
 * Context: Any.
 */
void pytrace_get_traced_memory(size_t *current_bytes, size_t *peak_bytes)
{
	struct pytrace_sum sum;

	pytrace_sum_up(&sum);
	*current_bytes = sum.current_bytes;
	*peak_bytes = sum.peak_bytes;
}
EXPORT_SYMBOL_GPL(pytrace_get_traced_memory);

/**
 * pytrace_reset_peak() - see a new peak, from what is live now
 *
 * Context: Any.
 */
void pytrace_reset_peak(void)
{
	struct pytrace *trace;

	rcu_read_lock();
	trace = rcu_dereference(pytrace_now);
	if (trace)
		atomic_long_set(&trace->peak, 0);
	rcu_read_unlock();
}
EXPORT_SYMBOL_GPL(pytrace_reset_peak);

/**
 * pytrace_is_tracing() - is there a trace?
 *
 * Context: Any.
 * Return: whether there is.
 */
bool pytrace_is_tracing(void)
{
	return rcu_access_pointer(pytrace_now);
}
EXPORT_SYMBOL_GPL(pytrace_is_tracing);

/* === Starting and stopping === */

/**
 * pytrace_begin_look() - look at what was noted, and at who it was
 *
 * Until pytrace_end_look() no trace is started, cleared or stopped.
 *
 * Context: Process; sleeps.
 * Return: the trace, or NULL.
 */
struct pytrace *pytrace_begin_look(void)
{
	mutex_lock(&trace_lock);
	return rcu_dereference_protected(pytrace_now,
					 lockdep_is_held(&trace_lock));
}
EXPORT_SYMBOL_GPL(pytrace_begin_look);

/**
 * pytrace_end_look() - after pytrace_begin_look()
 *
 * Context: Process.
 */
void pytrace_end_look(void)
{
	mutex_unlock(&trace_lock);
}
EXPORT_SYMBOL_GPL(pytrace_end_look);

static bool is_plain(const struct pytrace *trace)
{
	return trace->nframe == 1 && !trace->interval && !PYSAN_WATCHES &&
	       !want_init_on_free() && !pyevents_any() &&
	       !READ_ONCE(pyhook_domains) && pydomain_uses_heap() &&
	       !pyallocator_is_replaced(PYMEM_DOMAIN_MEM) &&
	       !pyallocator_is_replaced(PYMEM_DOMAIN_OBJ);
}

/**
 * pytrace_choose_way() - see whether calls may be short
 *
 * To be called whenever something changes that is asked here.
 *
 * Context: Process.
 */
void pytrace_choose_way(void)
{
	static DEFINE_MUTEX(way_lock);
	struct pytrace *trace;

	mutex_lock(&way_lock);
	rcu_read_lock();
	trace = rcu_dereference(pytrace_now);
	WRITE_ONCE(pytrace_short, trace && is_plain(trace) ? trace : NULL);
	rcu_read_unlock();
	mutex_unlock(&way_lock);
}

static void free_trace(struct pytrace *trace)
{
	if (!trace)
		return;
	free_percpu(trace->counts);
	kfree(trace);
}

static struct pytrace *new_trace(unsigned int nframe, struct pysites *sites)
{
	struct pytrace *trace;

	if (pyfault_strikes(PYFAULT_TRACE))
		return NULL;
	trace = kzalloc(sizeof(*trace), GFP_KERNEL);
	if (!trace)
		return NULL;
	trace->counts = alloc_percpu(struct pytrace_counts);
	if (!trace->counts) {
		kfree(trace);
		return NULL;
	}
	trace->sites = sites;
	trace->nframe = nframe;
	trace->interval = interval;
	trace->epoch = ++last_epoch ?: ++last_epoch;
	return trace;
}

static int start(unsigned int nframe)
{
	struct pysites *sites = NULL;
	struct pytrace *trace;
	int error;

	error = nframe > 1 ? pycompat_depot_init() : 0;
	error = error ?: pyledger_init();
	if (error)
		return error;
	error = pymark_init();
	if (error)
		return error;
	sites = pysite_new();
	trace = sites ? new_trace(nframe, sites) : NULL;
	if (!trace) {
		pysite_free(sites);
		pymark_exit();
		return -ENOMEM;
	}
	pysample_begin(interval);
	/* Nothing may be noted whose free would not be seen. */
	pydomain_wrap(interval ? PYWRAP_SAMPLE : PYWRAP_TRACE);
	/* Who sees the trace sees what was made for it. */
	synchronize_rcu();
	rcu_assign_pointer(pytrace_now, trace);
	pytrace_choose_way();
	return 0;
}

/**
 * pytrace_start() - note who allocates from now on
 * @nframe: the most frames of a call site, from 1, the return address alone, up
 *	to 32; 1 is all there is on kernels that can't keep stacks
 *
 * What is live already is not known.  A trace that runs goes on as it is.
 *
 * Context: Process; sleeps.
 * Return: 0; -EINVAL: @nframe is out of range; -ENOMEM.
 */
int pytrace_start(unsigned int nframe)
{
	int error = 0;

	if (!nframe || nframe > PYSITE_FRAMES)
		return -EINVAL;
	mutex_lock(&trace_lock);
	if (!pytrace_is_tracing())
		error = start(nframe);
	mutex_unlock(&trace_lock);
	return error;
}
EXPORT_SYMBOL_GPL(pytrace_start);

/**
 * pytrace_stop() - note nothing any more, and forget what was noted
 *
 * Context: Process; sleeps.
 */
void pytrace_stop(void)
{
	struct pytrace *trace = pytrace_begin_look();

	if (trace) {
		rcu_assign_pointer(pytrace_now, NULL);
		pytrace_choose_way();
		pydomain_unwrap(PYWRAP_SAMPLE | PYWRAP_TRACE);
		synchronize_rcu();
		pymark_exit();
		pyledger_forget(0);
		pysite_free(trace->sites);
		free_trace(trace);
	}
	pytrace_end_look();
}
EXPORT_SYMBOL_GPL(pytrace_stop);

/**
 * pytrace_clear() - forget what was noted, and go on
 *
 * Context: Process; sleeps.
 * Return: 0, or -ENOMEM with everything as it was.
 */
int pytrace_clear(void)
{
	struct pytrace *old = pytrace_begin_look(), *trace;
	int error = 0;

	if (!old)
		goto out;
	trace = new_trace(old->nframe, old->sites);
	if (!trace) {
		error = -ENOMEM;
		goto out;
	}
	rcu_assign_pointer(pytrace_now, trace);
	pytrace_choose_way();
	synchronize_rcu();
	pyledger_forget(trace->epoch);
	free_trace(old);
out:
	pytrace_end_look();
	return error;
}
EXPORT_SYMBOL_GPL(pytrace_clear);

/**
 * pytrace_set_interval() - have the next trace note a sample
 * @bytes: one allocation in so many bytes; 0: all of them
 *
 * Context: Process; sleeps.
 * Return: 0; -EINVAL: more than PYSAMPLE_MAX; -EBUSY: there is a trace.
 */
int pytrace_set_interval(unsigned long bytes)
{
	int error = 0;

	if (bytes > PYSAMPLE_MAX)
		return -EINVAL;
	if (pytrace_begin_look() && bytes != interval)
		error = -EBUSY;
	else
		interval = bytes;
	pytrace_end_look();
	return error;
}
EXPORT_SYMBOL_GPL(pytrace_set_interval);

/**
 * pytrace_get_interval() - what pytrace_set_interval() set
 *
 * Context: Any.
 * Return: bytes, or 0.
 */
unsigned long pytrace_get_interval(void)
{
	return READ_ONCE(interval);
}
EXPORT_SYMBOL_GPL(pytrace_get_interval);

/**
 * pytrace_init() - trace from the beginning, if that is asked for
 * @nframe: the parameter's value
 *
 * Context: Process.
 * Return: 0, or as pytrace_start().
 */
int __init pytrace_init(int nframe)
{
	return nframe ? pytrace_start(nframe) : 0;
}

/**
 * pytrace_exit() - end the trace, if there is one
 *
 * Context: Process, when nobody calls any more.
 */
void pytrace_exit(void)
{
	pytrace_stop();
	pyledger_exit();
	rcu_barrier();
}
