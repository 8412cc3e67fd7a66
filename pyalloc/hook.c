// SPDX-License-Identifier: GPL-2.0
/*
 * Debug hooks: have each block decorated, and looked at when it comes back.
 *
 * A small block comes from pools that have decorated blocks alone, so that the
 * map tells what it is; any other one has a record.  Nothing is guessed from
 * what lies in front of a pointer, and blocks of either kind may live at the
 * same time: hooks can be turned on and off at any time.
 *
 * What is damaged, as decoration.c sees it, is reported, and kept out of use for
 * good.
 *
 * From where a block is taken to where its last decoration is written, and
 * from the first look at a free to where the block is dead, preemption is off:
 * who sees a block in between sees it otherwise after a grace period.
 *
 * Contexts: all, NMI included.
 * Lock order: takes no lock with another one held; see record.c and
 * quarantine.c.
 */
#include <linux/irq_work.h>
#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "allocator.h"
#include "domain.h"
#include "charge.h"
#include "hook.h"
#include "owned.h"
#include "quarantine.h"
#include "raw.h"
#include "trace.h"
#include "compat.h"

/* For which domains new blocks are decorated: a bit each. */
unsigned int pyhook_domains;
EXPORT_SYMBOL_GPL(pyhook_domains);

/* Blocks that are kept out of use. */
atomic_long_t pyhook_kept;
EXPORT_SYMBOL_GPL(pyhook_kept);

/* Those of them that lie in pools. */
atomic_long_t pyhook_kept_pooled;

/* === Blocks that are kept === */

/**
 * pyhook_is_kept() - is a block out of use for good?
 * @ptr: any pointer
 *
 * Context: Any.
 * Return: true if it is known to be.
 */
bool pyhook_is_kept(const void *ptr)
{
	struct pyrecord *record;
	bool kept;

	rcu_read_lock();
	record = pyrecord_find(ptr);
	kept = record && READ_ONCE(record->state) == PYRECORD_KEPT;
	rcu_read_unlock();
	return kept;
}
EXPORT_SYMBOL_GPL(pyhook_is_kept);

static bool note_kept_block(const struct pyhook_block *block)
{
	struct pyrecord *record = NULL;

	/* There may be a raw spinlock, which lockdep sees and we do not. */
	if (pyraw_may_call() &&
	    (!IS_ENABLED(CONFIG_PROVE_RAW_LOCK_NESTING) || preemptible() ||
	     in_serving_softirq()))
		record = kzalloc(sizeof(*record), GFP_NOWAIT | __GFP_NOWARN);
	if (!record)
		return false;
	record->ptr = pyhook_ptr(block);
	record->base = block->base;
	record->state = PYRECORD_KEPT;
	if (pyheap_is_private(block->heap))
		record->heap = block->heap;
	if (pyrecord_add(record))
		return true;
	kfree(record);
	return false;
}

/*
 * Nobody gets it again.  With a record it is known when it is freed once
 * more, and can be forgiven; without one it is a free one for everybody.
 */
static void keep(const struct pyhook_block *block)
{
	if (!pyhook_is_kept(pyhook_ptr(block))) {
		atomic_long_inc(&pyhook_kept);
		atomic_long_inc(&pyhook_kept_pooled);
	}
	atomic_long_inc(&block->heap->false_frees);
	/* Nobody has it any more, and nobody lost it. */
	pysan_forget(block->base);
	if (note_kept_block(block))
		return;
	pysan_show(block->base, block->room);
	pyhook_kill(block->base, block->room, 0);
}

/**
 * pyhook_keep_dead() - a block that was free is not as it was left
 * @heap: whose it is
 * @class: its class, as if it were not decorated
 * @base: the block, which is out of its pool
 * @caller: who came across it
 *
 * Context: Any, with no lock of pyalloc's held.
 */
void pyhook_keep_dead(struct pyheap *heap, unsigned int class, void *base,
		      unsigned long caller)
{
	struct pyalloc_report report = {
		.mistake = PYALLOC_USE_AFTER_FREE,
		.caller = caller,
		.kept = true,
	};
	struct pyhook_block block = pyhook_pooled(heap, class, base);

	pyhook_examine_dead(&block, &report.block);
	keep(&block);
	pyhook_report(&block, &report);
}

/* === malloc === */

static noinline gfp_t report_sleep(gfp_t gfp, unsigned long caller)
{
	struct pyalloc_report report = {
		.mistake = PYALLOC_MAY_NOT_SLEEP, .caller = caller, .gfp = gfp,
	};

	pydebug_say(&report, 0);
	return gfp & ~__GFP_DIRECT_RECLAIM;
}

/* It is served as one that may not sleep. */
static __always_inline gfp_t check_gfp(gfp_t gfp, unsigned long caller)
{
	if (gfpflags_allow_blocking(gfp) && unlikely(!pyhook_may_sleep()))
		return report_sleep(gfp, caller);
	return gfp;
}

/* What a client promised to hold, as a thread of Python holds the GIL. */
static __always_inline void check_lock(struct pyheap *heap,
				       unsigned long caller)
{
#ifdef CONFIG_LOCKDEP
	if (heap->lock && debug_locks && !lock_is_held(heap->lock))
		pydebug_report(PYALLOC_UNLOCKED, NULL, 0, caller);
#endif
}

/* Of kmalloc's smaller caches not all are aligned to 16 bytes. */
static size_t raw_size(size_t size)
{
	size = ALIGN(size + pyhook_overhead, 16);
	return size < 256 ? roundup_pow_of_two(size) : size;
}

static void *take_base(const struct pymem_allocator *inner, size_t size,
		       gfp_t gfp, int nid)
{
	gfp &= ~__GFP_ZERO;
	return inner ? inner->malloc(inner->ctx, size, gfp) :
		       pyraw_malloc(size, gfp, nid);
}

static void give_base(const struct pymem_allocator *inner, void *base)
{
	if (inner->free)
		inner->free(inner->ctx, base);
	else
		pyraw_free(base);
}

static void count_record(const struct pyrecord *record)
{
	if (record->heap)
		pyowned_count(record->heap, record->room);
	else
		pydomain_count_raw(record->domain, record->room);
}

static void uncount_record(const struct pyrecord *record)
{
	if (record->inner.free)
		return;
	/* What rests is not held by who freed it. */
	if (record->heap) {
		pyowned_uncount(record->heap, record->room);
		pycharge_give(record->heap, record->room);
	} else {
		pydomain_uncount_raw(record->domain, record->room);
	}
}

/* From raw, charged to a private heap or not, or from what is below. */
static bool take_record_base(struct pyrecord *record,
			     const struct pymem_allocator *inner,
			     struct pyheap *heap, gfp_t gfp, int nid)
{
	size_t size = raw_size(record->size);

	if (heap && pyheap_is_private(heap)) {
		record->heap = heap;
		record->base = pycharge_malloc(heap, size, gfp & ~__GFP_ZERO,
					       nid, &record->room);
		return record->base;
	}
	record->base = take_base(inner, size, gfp, nid);
	if (!record->base)
		return false;
	if (inner)
		record->inner = *inner;
	else
		record->room = pyraw_usable_size(record->base);
	return true;
}

static void count_failure(const struct pymem_allocator *inner,
			  const struct pyheap *heap, enum pymem_domain domain)
{
	/* A private heap's are counted where it is asked. */
	if (!inner && !(heap && pyheap_is_private(heap)))
		pydomain_count_raw(domain, 0);
}

/* A block that no pool has, from raw or from an allocator below the hooks. */
static void *malloc_recorded(const struct pymem_allocator *inner,
			     struct pyheap *heap, enum pymem_domain domain, size_t size, gfp_t gfp,
			     int nid)
{
	struct pyrecord *record;

	size += !size;
	if (size > INT_MAX - 2 * PAGE_SIZE)
		goto fail;
	record = pyrecord_new(domain, size, gfp);
	if (!record)
		goto fail;
	if (!take_record_base(record, inner, heap, gfp, nid))
		goto free_record;
	record->ptr = pyhook_decorate(record->base, size, domain, gfp);
	if (!pyrecord_add(record))
		goto free_base;
	if (!inner)
		count_record(record);
	return (void *)record->ptr;

free_base:
	give_base(&record->inner, record->base);
	if (record->heap)
		pycharge_give(record->heap, record->room);
free_record:
	pyraw_free(record);
fail:
	count_failure(inner, heap, domain);
	return NULL;
}

/* A block of a pool, which is dead, goes to a client.  With preemption off. */
static void *hand_out(struct pyheap *heap, unsigned int class, void *base,
		      enum pymem_domain domain, size_t size, gfp_t gfp)
{
	struct pyquarantine *rest = pyquarantine_here(heap, class);

	pysan_show(base, rest->room);
	local_inc(&rest->mallocs[PYFRONT_DOMAIN(domain)]);
	return pyhook_decorate(base, size, domain, gfp);
}

static void *malloc_pooled(struct pyheap *heap, enum pymem_domain domain,
			   size_t size, gfp_t gfp, int nid,
			   unsigned long caller)
{
	size_t total = ALIGN(size + pyhook_overhead, 16);
	unsigned int class = heap->classes->of_step[PYALLOC_STEP(total)];
	size_t room = pyheap_class(heap, class)->size;
	void *base, *ptr;

	for (;;) {
		base = pyquarantine_take(heap, class, gfp, nid);
		if (!base)
			return NULL;
		preempt_disable();
		if (likely(pyhook_is_dead(base, room)))
			break;
		preempt_enable();
		pyhook_keep_dead(heap, class, base, caller);
	}
	ptr = hand_out(heap, class, base, domain, size, gfp);
	preempt_enable();
	pysan_track(base, room, gfp);
	return ptr;
}

/**
 * pyhook_malloc() - allocate a decorated block
 * @heap: the heap that serves small requests
 * @domain: who asks
 * @size: bytes; 0 is served as 1
 * @gfp: as for kmalloc()
 * @nid: the node, or NUMA_NO_NODE
 * @caller: whom to name
 *
 * Context: As the domain.
 * Return: the block, or NULL.
 */
void *pyhook_malloc(struct pyheap *heap, enum pymem_domain domain, size_t size,
		    gfp_t gfp, int nid, unsigned long caller)
{
	void *ptr = NULL;

	gfp = check_gfp(gfp, caller);
	check_lock(heap, caller);
	size += !size;
	if (domain == PYMEM_DOMAIN_RAW)
		return malloc_recorded(NULL, NULL, domain, size, gfp, nid);
	if (nr_online_nodes == 1)
		nid = NUMA_NO_NODE;
	if (size <= pyhook_small_max &&
	    !(gfp & PYALLOC_GFP_RAW) &&
	    (pydomain_uses_heap() || pyheap_is_private(heap)))
		ptr = malloc_pooled(heap, domain, size, gfp, nid, caller);
	if (ptr)
		return ptr;
	if (pyarena_may_take(gfp))
		return malloc_recorded(NULL, heap, domain, size, gfp, nid);
	count_failure(NULL, heap, domain);
	return NULL;
}
EXPORT_SYMBOL_GPL(pyhook_malloc);

/**
 * pyhook_malloc_over() - the same over an allocator that a client put there
 * @inner: that allocator
 * @domain: who asks
 * @size: bytes; 0 is served as 1
 * @gfp: as for kmalloc()
 * @caller: whom to name
 *
 * Context: As that allocator.
 * Return: the block, or NULL.
 */
void *pyhook_malloc_over(const struct pymem_allocator *inner,
			 enum pymem_domain domain, size_t size, gfp_t gfp,
			 unsigned long caller)
{
	return malloc_recorded(inner, NULL, domain, size,
			       check_gfp(gfp, caller), NUMA_NO_NODE);
}

/* === free === */

/* What was freed in NMI, until an irq_work does the rest. */
static LLIST_HEAD(waiting);

static void end_free(struct pyrecord *record);

static void end_waiting(struct irq_work *work)
{
	struct pyrecord *record, *next;

	llist_for_each_entry_safe(record, next, llist_del_all(&waiting), wait)
		end_free(record);
}

static DEFINE_IRQ_WORK(waiting_work, end_waiting);

/* Who frees it a second time may be looking at it. */
static void free_record_and_base(struct rcu_head *rcu)
{
	struct pyrecord *record = container_of(rcu, struct pyrecord, rcu);

	pyraw_free(record->base);
	kfree(record);
}

/**
 * pyhook_release() - give a block of raw back, which rested
 * @record: its record
 *
 * Context: Any but NMI.
 */
void pyhook_release(struct pyrecord *record)
{
	struct pyhook_block block = pyhook_block_of(record);
	struct pyalloc_report report = {
		.mistake = PYALLOC_USE_AFTER_FREE,
		.caller = _THIS_IP_,
		.kept = true,
	};

	if (unlikely(!pyhook_is_dead(block.base, block.room))) {
		pyhook_examine_dead(&block, &report.block);
		report.block.freed_by = record->freed_by;
		WRITE_ONCE(record->state, PYRECORD_KEPT);
		atomic_long_inc(&pyhook_kept);
		pyhook_report(&block, &report);
		return;
	}
	pyrecord_remove(record);
	if (is_vmalloc_addr(record->base)) {
		call_rcu(&record->rcu, free_record_and_base);
		return;
	}
	pyraw_free(record->base);
	pyrecord_free(record);
}

/* What only a record leads to is not lost: not a client's, that is. */
static void forget_base(const struct pyrecord *record)
{
	if (!record->inner.free && !in_nmi())
		kmemleak_ignore(record->base);
}

static void end_free(struct pyrecord *record)
{
	struct pymem_allocator inner = record->inner;
	void *base = record->base;

	if (!inner.free) {
		forget_base(record);
		pyquarantine_rest(record);
		return;
	}
	pyrecord_remove(record);
	pyrecord_free(record);
	give_base(&inner, base);
}

/* Nobody else frees it: to be ended where that is possible. */
static void begin_free(struct pyrecord *record)
{
	if (!in_nmi())
		end_free(record);
	else if (llist_add(&record->wait, &waiting))
		irq_work_queue(&waiting_work);
}

static enum pyalloc_mistake examine_record(const struct pyhook_block *block,
					   struct pyalloc_report *report)
{
	if (READ_ONCE(block->record->state) == PYRECORD_LIVE)
		return pyhook_examine(block, report);
	/* Dead bytes may be somebody else's by now: they are not looked at. */
	report->block.freed_by = READ_ONCE(block->record->freed_by);
	report->was_kept = READ_ONCE(block->record->state) == PYRECORD_KEPT;
	return PYALLOC_DOUBLE_FREE;
}

/* Damaged, or free already. */
static void refuse_recorded(struct pyhook_block *block,
			    struct pyalloc_report *report)
{
	struct pyrecord *record = block->record;

	report->kept = report->mistake != PYALLOC_DOUBLE_FREE &&
		       pyrecord_claim(record, PYRECORD_KEPT, report->caller);
	if (report->kept) {
		atomic_long_inc(&pyhook_kept);
		forget_base(record);
		uncount_record(record);
	}
	pyhook_report(block, report);
}

/**
 * pyhook_free_recorded() - free a decorated block that no pool has
 * @domain: who was asked
 * @ptr: any pointer
 * @caller: whom to name
 *
 * Context: Any.
 * Return: false if it is none.
 */
bool pyhook_free_recorded(enum pymem_domain domain, void *ptr,
			  unsigned long caller)
{
	struct pyalloc_report report = { .caller = caller, .by = domain };
	struct pyhook_block block;
	struct pyrecord *record;

	rcu_read_lock();
	record = pyrecord_find(ptr);
	if (!record) {
		rcu_read_unlock();
		return false;
	}
	if (record->is_plain) {
		pyowned_free_record(record, caller);
		rcu_read_unlock();
		return true;
	}
	block = pyhook_block_of(record);
	report.mistake = examine_record(&block, &report);
	if (report.mistake == PYALLOC_NO_MISTAKE &&
	    !pyrecord_claim(record, PYRECORD_FREE, caller))
		report.mistake = PYALLOC_DOUBLE_FREE;
	if (report.mistake != PYALLOC_NO_MISTAKE) {
		refuse_recorded(&block, &report);
		rcu_read_unlock();
		return true;
	}
	pyhook_kill(block.base, pyhook_room_of(record), caller);
	rcu_read_unlock();
	if (domain != record->domain) {
		report.mistake = PYALLOC_WRONG_DOMAIN;
		pyhook_report(&block, &report);
	}
	uncount_record(record);
	begin_free(record);
	return true;
}

/*
 * A block of a pool, which is live and sound, comes back.  Preemption is off.
 * False: there is no room for it to rest.
 */
static bool take_back(const struct pyhook_block *block, unsigned long caller)
{
	struct pyquarantine *rest = pyquarantine_here(block->heap, block->class);

	pyhook_kill(block->base, block->room, caller);
	pysan_hide(block->base, block->room);
	local_inc(&rest->frees[PYFRONT_DOMAIN(block->domain)]);
	if (pysan_forget(block->base))
		return pyquarantine_push(rest, block->base);
	pyfront_park(block->base, caller);
	return true;
}

/* What is no block, or is free and in its pool. */
static void refuse(const struct pyhook_block *block,
		   struct pyalloc_report *report)
{
	report->ptr = pyhook_ptr(block);
	if (report->block.seen)
		pyhook_report(block, report);
	else
		pydebug_say(report, pymap_lookup(report->ptr));
}

/* Before the first block of a pool lies what is not of that pool. */
static bool is_in_pool(const struct pyhook_block *block)
{
	const struct pyclass *class = pyheap_class(block->heap, block->class);
	size_t mask = ((size_t)class->granules << PYGRANULE_SHIFT) - 1;

	return ((unsigned long)pyhook_ptr(block) & mask) >= PYHOOK_HEAD;
}

/* Returns what it is; what was seen of it is in the report. */
static enum pyalloc_mistake examine_pooled(const struct pyhook_block *block,
					   struct pyalloc_report *report)
{
	enum pyalloc_mistake mistake = PYALLOC_INTERIOR;

	if (is_in_pool(block))
		mistake = pyheap_judge(block->base);
	/* Who freed it is still there, if it can be read: its pool may go. */
	if (mistake == PYALLOC_DOUBLE_FREE && !is_vmalloc_addr(block->base))
		report->block.freed_by = pyhook_peek(*(u64 *)block->base);
	if (mistake != PYALLOC_NO_MISTAKE)
		return mistake;
	mistake = pyhook_examine(block, report);
	/* Who frees it does not mind what else was done to it. */
	if (mistake == PYALLOC_USE_AFTER_FREE || pyhook_is_kept(pyhook_ptr(block)))
		mistake = PYALLOC_DOUBLE_FREE;
	return mistake;
}

/**
 * pyhook_free() - free a decorated block of a pool
 * @asked: the heap that was asked
 * @domain: the domain that was asked
 * @ptr: a pointer into a pool of decorated blocks
 * @heap: whose pool it is
 * @class: its class, as if it were not decorated
 * @caller: whom to name
 *
 * Context: Any.
 */
void pyhook_free(struct pyheap *asked, enum pymem_domain domain, void *ptr,
		 struct pyheap *heap, unsigned int class, unsigned long caller)
{
	struct pyalloc_report report = {
		.mistake = PYALLOC_NO_MISTAKE, .caller = caller, .by = domain,
	};
	struct pyhook_block block = pyhook_pooled(heap, class,
						  ptr - PYHOOK_HEAD);
	struct pyquarantine *rest;
	bool rests = true;

	preempt_disable();
	rest = pyquarantine_here(heap, class);
	block.domain = domain;
	if (heap != asked || domain == PYMEM_DOMAIN_RAW ||
	    !pyhook_is_sound(rest, domain, ptr)) {
		report.mistake = examine_pooled(&block, &report);
		block.domain = pyhook_domain_of(report.block.domain);
	}
	if (report.mistake == PYALLOC_NO_MISTAKE) {
		rests = take_back(&block, caller);
		report.mistake = block.domain != domain ? PYALLOC_WRONG_DOMAIN :
				 heap != asked ? PYALLOC_WRONG_HEAP :
				 PYALLOC_NO_MISTAKE;
	} else if (report.mistake == PYALLOC_UNDERFLOW ||
		   report.mistake == PYALLOC_OVERFLOW) {
		local_inc(&rest->frees[PYFRONT_DOMAIN(block.domain)]);
		report.kept = true;
	}
	preempt_enable();
	if (!rests)
		pyquarantine_put(heap, class, block.base, caller);
	if (report.mistake == PYALLOC_NO_MISTAKE)
		return;
	if (report.mistake < PYALLOC_WRONG_DOMAIN &&
	    pyhook_free_recorded(domain, ptr, caller))
		return;
	if (report.kept)
		keep(&block);
	refuse(&block, &report);
}
EXPORT_SYMBOL_GPL(pyhook_free);

/* === realloc, usable size, free after a grace period === */

/**
 * pyhook_knows() - is this a decorated block?
 * @ptr: any pointer
 *
 * Context: Any.
 * Return: true also for what lies in a pool of decorated blocks.
 */
bool pyhook_knows(const void *ptr)
{
	bool known = pyclass_code_is_decorated(pymap_lookup(ptr) &
					       PYMAP_CODE_MASK);
	struct pyrecord *record;

	if (!known && pyrecord_any()) {
		rcu_read_lock();
		record = pyrecord_find(ptr);
		known = record && !record->is_plain;
		rcu_read_unlock();
	}
	return known;
}
EXPORT_SYMBOL_GPL(pyhook_knows);

/* Of a record what is seen is a copy of it, but for the record itself. */
static bool find_recorded(const void *ptr, struct pyhook_block *block,
			  struct pyalloc_report *report)
{
	struct pyrecord *record;

	rcu_read_lock();
	record = pyrecord_find(ptr);
	if (record) {
		*block = pyhook_block_of(record);
		report->mistake = examine_record(block, report);
	}
	rcu_read_unlock();
	return record;
}

/* None that was freed on another CPU since pyhook_knows() saw it. */
static bool find_pooled(const void *ptr, struct pyhook_block *block,
			struct pyalloc_report *report)
{
	u32 entry = pymap_lookup(ptr);
	struct pyheap *heap = pyheap_of(entry);

	if (!heap || !pyclass_code_is_decorated(entry & PYMAP_CODE_MASK)) {
		pydebug_report(PYALLOC_DOUBLE_FREE, ptr, entry, report->caller);
		return false;
	}
	*block = pyhook_pooled(heap, pymap_class(entry) - PYDECORATED_FIRST,
			       ptr - PYHOOK_HEAD);
	report->mistake = examine_pooled(block, report);
	block->size = report->block.requested;
	block->domain = pyhook_domain_of(report->block.domain);
	return true;
}

/**
 * pyhook_look() - look at a decorated block, and report what is wrong
 * @ptr: a pointer that pyhook_knows()
 * @domain: who was asked, or PYHOOK_ANY_DOMAIN
 * @caller: whom to name
 * @block: what it is
 *
 * Context: Any.
 * Return: false if it is damaged, or no live block.
 */
bool pyhook_look(const void *ptr, enum pymem_domain domain,
		 unsigned long caller, struct pyhook_block *block)
{
	struct pyalloc_report report = { .caller = caller, .by = domain };

	if (!find_recorded(ptr, block, &report) &&
	    !find_pooled(ptr, block, &report))
		return false;
	if (report.mistake == PYALLOC_NO_MISTAKE) {
		if (domain == PYHOOK_ANY_DOMAIN || domain == block->domain)
			return true;
		report.mistake = PYALLOC_WRONG_DOMAIN;
	}
	refuse(block, &report);
	return report.mistake == PYALLOC_WRONG_DOMAIN;
}

/**
 * pyhook_shrink() - make a block smaller where it lies
 * @block: the block, as pyhook_look() found it
 * @size: bytes that it shall have, fewer than it has
 *
 * Context: Any.
 */
void pyhook_shrink(struct pyhook_block *block, size_t size)
{
	/* A block of a pool keeps a size that goes with its class. */
	if (!block->record)
		return;
	size += !size;
	rcu_read_lock();
	block->record->size = size;
	pyhook_write_pads(block->base, size, pyhook_marks[block->domain]);
	rcu_read_unlock();
}

static void end_record_grace(struct rcu_head *rcu)
{
	struct pyrecord *record = container_of(rcu, struct pyrecord, rcu);

	WRITE_ONCE(record->state, PYRECORD_LIVE);
	pyhook_free_recorded(record->domain, (void *)record->ptr,
			     record->freed_by);
}

/**
 * pyhook_begin_grace() - free a block after a grace period
 * @block: the block, as pyhook_look() found it
 * @rcu: what lies in it for the purpose
 * @free: what frees a block of a pool, after pyhook_end_grace()
 * @caller: whom to name, then too
 *
 * Context: Any but NMI.
 */
void pyhook_begin_grace(struct pyhook_block *block, struct rcu_head *rcu,
			rcu_callback_t free, unsigned long caller)
{
	if (!block->record) {
		pyhook_write_grace(block, caller);
		call_rcu(rcu, free);
	} else if (pyrecord_claim(block->record, PYRECORD_GRACE, caller)) {
		call_rcu(&block->record->rcu, end_record_grace);
	}
}

/* === Turning on and off === */

static DEFINE_MUTEX(turn_lock);

/* Have there been hooks? */
static bool was_on;

/**
 * pyhook_choose_way() - see which calls of the default heap may be short, with
 *	hooks or tracing
 *
 * To be called whenever something changes that is asked here.
 *
 * Context: Process; sleeps.
 */
void pyhook_choose_way(void)
{
	static DEFINE_MUTEX(way_lock);
	unsigned int both = BIT(PYMEM_DOMAIN_MEM) | BIT(PYMEM_DOMAIN_OBJ);
	bool own;

	mutex_lock(&way_lock);
	own = pyheap_default.quarantine &&
	      !pyallocator_is_replaced(PYMEM_DOMAIN_MEM) &&
	      !pyallocator_is_replaced(PYMEM_DOMAIN_OBJ);
	pyquarantine_open(own && pydomain_uses_heap() && !pyhook_serials &&
			  (READ_ONCE(pyhook_domains) & both) == both,
			  own && !READ_ONCE(pyheap_others));
	pytrace_choose_way();
	mutex_unlock(&way_lock);
}

/**
 * pyhook_init_heap() - make a new heap ready for hooks, if there are any
 * @heap: the heap
 *
 * Context: Process.
 * Return: 0 or -ENOMEM.
 */
int pyhook_init_heap(struct pyheap *heap)
{
	return READ_ONCE(was_on) ? pyquarantine_init(heap) : 0;
}

static int prepare(void)
{
	struct pyheap *heap;
	int error;

	error = pyrecord_init();
	WRITE_ONCE(was_on, true);
	mutex_lock(&pyheaps_lock);
	list_for_each_entry(heap, &pyheaps, list)
		error = error ?: pyquarantine_init(heap);
	mutex_unlock(&pyheaps_lock);
	return error;
}

/**
 * pyhook_turn() - have blocks decorated from now on, or not
 * @domains: a bit a domain
 *
 * Context: Process; sleeps.
 * Return: 0, or -ENOMEM with everything as before.
 */
int pyhook_turn(unsigned int domains)
{
	int error = 0;

	mutex_lock(&turn_lock);
	if (domains)
		error = prepare();
	if (!error) {
		if (domains)
			pydomain_wrap(PYWRAP_HOOKS);
		smp_store_release(&pyhook_domains, domains);
		pyhook_choose_way();
		if (!domains)
			pydomain_unwrap(PYWRAP_HOOKS);
	}
	mutex_unlock(&turn_lock);
	return error;
}
EXPORT_SYMBOL_GPL(pyhook_turn);

/* With the lock of the record's bucket. */
static void note_kept(struct pyrecord *record, void *data)
{
	struct llist_head *kept = data;

	if (record->state == PYRECORD_KEPT)
		llist_add(&record->wait, kept);
}

/**
 * pyhook_forgive() - put blocks that are kept out of use to use again
 *
 * For tests, which damage blocks on purpose.
 *
 * Context: Process, while nobody frees one of them.
 */
void pyhook_forgive(void)
{
	struct pyrecord *record, *next;
	LLIST_HEAD(kept);
	struct pyheap *heap;
	size_t room;
	u32 entry;

	pyrecord_walk(note_kept, &kept);
	llist_for_each_entry_safe(record, next, llist_del_all(&kept), wait) {
		pyrecord_remove(record);
		atomic_long_dec(&pyhook_kept);
		entry = pymap_lookup(record->base);
		if (!entry || record->inner.free) {
			give_base(&record->inner, record->base);
		} else {
			heap = pyheap_of(entry);
			atomic_long_dec(&heap->false_frees);
			atomic_long_dec(&pyhook_kept_pooled);
			room = pyheap_class(heap, pymap_class(entry))->size;
			pysan_show(record->base, room);
			pyhook_kill(record->base, room, 0);
			pysan_hide(record->base, room);
			pyheap_put(1, &record->base, _THIS_IP_);
		}
		pyrecord_free(record);
	}
}
EXPORT_SYMBOL_GPL(pyhook_forgive);

/**
 * pyhook_flush() - wait until nothing that was freed in NMI waits any more
 *
 * Context: Process, one at a time.
 */
void pyhook_flush(void)
{
	irq_work_sync(&waiting_work);
}
EXPORT_SYMBOL_GPL(pyhook_flush);

/* With the lock of the record's bucket; its block is lost. */
static void note_record(struct pyrecord *record, void *data)
{
	llist_add(&record->wait, data);
}

/**
 * pyhook_exit() - forget all blocks that are left
 *
 * Context: Process, when nobody frees any more.
 */
void pyhook_exit(void)
{
	struct pyrecord *record, *next;
	LLIST_HEAD(left);

	pyhook_flush();
	pyquarantine_drain_raw();
	pyrecord_walk(note_record, &left);
	llist_for_each_entry_safe(record, next, llist_del_all(&left), wait) {
		pyrecord_remove(record);
		pyrecord_free(record);
	}
	rcu_barrier();
	pyrecord_exit();
}
