/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracing: who allocated what is live.
 */
#ifndef _PYALLOC_TRACE_H
#define _PYALLOC_TRACE_H

#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/pyalloc.h>
#include <linux/rcupdate.h>

#include "front.h"
#include "mark.h"
#include "sample.h"
#include "site.h"
#include "compat.h"

/**
 * struct pytrace_counts - what a CPU counted
 * @unfolded: usable bytes that were noted, less those that are not any more,
 *	as far as the trace's total does not have them yet
 * @requested: the same of what was asked for
 * @blocks: and of blocks, in units of 1/PYSAMPLE_BLOCK
 * @missed: blocks that could not be noted
 * @missed_bytes: bytes that were asked for of them
 * @shortened: blocks noted with one frame, as there was no stack to be had
 */
struct pytrace_counts {
	long	unfolded;
	long	requested;
	long	blocks;
	long	missed;
	long	missed_bytes;
	long	shortened;
};

/**
 * struct pytrace - a trace, from its start or from when it was cleared
 * @counts: what each CPU counted
 * @sites: call sites; the next trace after a clear has them as well
 * @interval: how many bytes lie between two samples; 0: all is noted
 * @epoch: its number
 * @nframe: the most frames of a call site
 * @folded: bytes as they were last seen
 * @peak: the most of it
 */
struct pytrace {
	struct pytrace_counts __percpu	*counts;
	struct pysites			*sites;
	unsigned long			interval;
	u32				epoch;
	unsigned int			nframe;
	atomic_long_t			folded;
	atomic_long_t			peak;
};

extern struct pytrace __rcu *pytrace_now;
extern struct pytrace *pytrace_short;

/* A private heap's domain is this and its number. */
#define PYTRACE_HEAPS	0x10000

/* The total sees a CPU's bytes when they have changed by so many. */
#define PYTRACE_FOLD	4096L

void pytrace_fold(void);

/* True: the total should see it, see pytrace_fold(). */
static __always_inline bool pytrace_count(struct pytrace *trace, long bytes,
					  long requested, long blocks)
{
	struct pytrace_counts __percpu *counts = trace->counts;
	long unfolded;

	this_cpu_add(counts->requested, requested);
	this_cpu_add(counts->blocks, blocks);
	unfolded = this_cpu_add_return(counts->unfolded, bytes);
	return unlikely((unsigned long)(unfolded + PYTRACE_FOLD) >
			2 * PYTRACE_FOLD);
}

void pytrace_note(unsigned int domain, const void *ptr, size_t size, gfp_t gfp,
		  unsigned long caller);
void pytrace_miss(size_t size);

/**
 * struct pytrace_old - what was noted of a block
 * @site: who allocated it; 0: nothing is
 * @epoch: in which trace
 * @birth: when, in jiffies
 * @size: bytes that were asked for
 * @domain: who asked
 */
struct pytrace_old {
	u32		site;
	u32		epoch;
	u32		birth;
	u32		size;
	unsigned int	domain;
};

void pytrace_forget(unsigned int domain, const void *ptr,
		    struct pytrace_old *old);
size_t pytrace_usable_size(unsigned int domain, const void *ptr, size_t size);
void pytrace_restore(const void *ptr, const struct pytrace_old *old,
		     gfp_t gfp);
bool pytrace_is_due(size_t size);
void pytrace_pass_point(void);
unsigned long pytrace_caller_of(const void *ptr);

void pytrace_choose_way(void);
int pytrace_set_interval(unsigned long bytes);
unsigned long pytrace_get_interval(void);
int pytrace_clear(void);

/* Held by who looks at the sites of a trace. */
struct pytrace *pytrace_begin_look(void);
void pytrace_end_look(void);

/**
 * struct pytrace_sum - what a trace has counted
 * @nframe: the most frames of a call site; 0: there is no trace
 * @interval: as in &struct pytrace
 * @sites: how many call sites there are
 * @current_bytes: usable bytes of what is live
 * @peak_bytes: the most of it
 * @counts: the rest
 * @own_bytes: what tracing takes itself
 */
struct pytrace_sum {
	unsigned int		nframe;
	unsigned long		interval;
	unsigned int		sites;
	size_t			current_bytes;
	size_t			peak_bytes;
	struct pytrace_counts	counts;
	size_t			own_bytes;
};

void pytrace_sum_up(struct pytrace_sum *sum);

int pytrace_init(int nframe);
void pytrace_exit(void);

/* === The short way: everything is noted, by one frame, in a plain heap === */

/* What is left to do after it, with preemption on again. */
enum pytrace_way {
	PYTRACE_LONG,		/* all of it, the long way */
	PYTRACE_FOLD_IT,	/* to fold */
	PYTRACE_NOTE_IT,	/* to note the block */
	PYTRACE_DONE,		/* nothing */
};

/* Where the marks of a stock's block are, and which is its own. */
static __always_inline unsigned long
pytrace_read_mark(const struct pystock *stock, const void *block,
		  unsigned long *index)
{
	unsigned long offset = (unsigned long)block & stock->mask;

	*index = (u64)offset * stock->reciprocal >> 32;
	return pymark_read(block - offset);
}

/*
 * Each is a leaf: what it can't do is for its caller, so that few registers are
 * to be saved.
 */
static __always_inline enum pytrace_way
pytrace_malloc_fast(enum pymem_domain domain, unsigned long step, size_t size,
		    unsigned long caller, void **got)
{
	struct pytrace *trace = READ_ONCE(pytrace_short);
	unsigned long site, word, index, room;
	struct pystock *stock;

	if (unlikely(!trace))
		return PYTRACE_LONG;
	stock = raw_cpu_read(pyfront_by_class[pyheap_default.classes->of_step[step]]);
	*got = pystock_pop(stock, domain);
	if (unlikely(!*got))
		return PYTRACE_LONG;
	site = pysite_hash(caller);
	if (unlikely(pymap_load(trace->sites->site[site].caller) != caller))
		return PYTRACE_NOTE_IT;
	word = pytrace_read_mark(stock, *got, &index);
	if (unlikely(!word))
		return PYTRACE_NOTE_IT;
	room = pyheap_default.step_size[step];
	pymark_write(pymark_array(word) + index, site, trace->epoch,
		     jiffies, size, domain, room >> PYALLOC_STEP_SHIFT);
	if (pytrace_count(trace, room, size, PYSAMPLE_BLOCK))
		return PYTRACE_FOLD_IT;
	return PYTRACE_DONE;
}

/* False: nothing is noted. */
static __always_inline bool pytrace_is_marked(const struct pytrace *trace,
					      const struct pymark *mark)
{
	return pymap_load(mark->site) &&
	       pymap_load(mark->epoch) == trace->epoch;
}

static __always_inline enum pytrace_way
pytrace_free_fast(enum pymem_domain domain, void *block, unsigned long code)
{
	struct pytrace *trace = READ_ONCE(pytrace_short);
	unsigned long word, index;
	struct pystock *stock;
	struct pymark *mark;
	long bytes;

	if (unlikely(!trace))
		return PYTRACE_LONG;
	if (unlikely(code - 1 >= PYCLASS_MAX))
		return PYTRACE_LONG;
	stock = raw_cpu_read(pyfront_by_class[code - 1]);
	if (unlikely(!pystock_is_start(stock, block)))
		return PYTRACE_LONG;
	word = pytrace_read_mark(stock, block, &index);
	if (unlikely(!pymark_holds(word, index)))
		return PYTRACE_LONG;
	mark = pymark_array(word) + index;
	if (unlikely(!pytrace_is_marked(trace, mark)))
		return PYTRACE_LONG;
	WRITE_ONCE(mark->site, 0);
	bytes = (long)READ_ONCE(mark->steps) << PYALLOC_STEP_SHIFT;
	if (pytrace_count(trace, -bytes, -(long)READ_ONCE(mark->size),
			  -PYSAMPLE_BLOCK))
		return PYTRACE_LONG;
	/* What is noted no longer is not looked for again. */
	return likely(pystock_push_start(stock, domain, block)) ?
	       PYTRACE_DONE : PYTRACE_LONG;
}

#endif /* _PYALLOC_TRACE_H */
