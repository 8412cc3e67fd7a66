// SPDX-License-Identifier: GPL-2.0
/*
 * The raw room, below everything else: kmalloc, kvmalloc for what is larger
 * than a page and may sleep, and their frees, checked and in any context.
 *
 * Any pointer that the map does not know ends here, so that blocks which the
 * kernel or a client allocated with kmalloc can be given to pyalloc; a
 * pointer that no kernel allocator handed out is reported and left alone, as
 * far as can be told without a record of each block.  What can't be freed
 * where it is freed (anything in NMI, kmalloc's in an atomic section of
 * PREEMPT_RT, vmalloc's in any) is linked through its first word and freed
 * by a work item.
 *
 * Contexts: allocation where kmalloc may be called; all else anywhere.
 * Takes no lock of pyalloc's; who waits for deferred frees takes turns.
 */
#include <linux/irq_work.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "debug.h"
#include "fault.h"
#include "link.h"
#include "raw.h"
#include "sanitizer.h"
#include "compat.h"

/* Zoned memory is kmalloc's alone. */
#define KMALLOC_ONLY	(__GFP_DMA | __GFP_DMA32)

/* What the slab objects to, or has no use for. */
#define NEVER		(__GFP_HIGHMEM | __GFP_MOVABLE | __GFP_COMP)

/**
 * pyraw_may_call() - may kmalloc and kfree be called here?
 *
 * Context: Any.
 * Return: false in NMI and, on PREEMPT_RT, where sleeping locks can't be had.
 */
bool pyraw_may_call(void)
{
	if (in_nmi())
		return false;
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return preemptible();
	/* Lockdep can hold every kernel to PREEMPT_RT's rules. */
	return !in_hardirq() || pycompat_hardirq_may_lock();
}

/* vfree() sleeps, and a reader of preemptible RCU may not. */
static bool may_sleep(void)
{
	return preemptible() && !rcu_preempt_depth();
}

/* Any block may have to be linked before it is freed. */
static size_t at_least_a_link(size_t size)
{
	return max(size, sizeof(u64));
}

/* What must not fail does not. */
static bool fails(enum pyfault_point point, gfp_t gfp)
{
	return !(gfp & __GFP_NOFAIL) && pyfault_strikes(point);
}

/**
 * pyraw_malloc() - a block from the kernel
 * @size: bytes; fewer than a pointer's are served as so many
 * @gfp: as for kmalloc()
 * @nid: the node, or NUMA_NO_NODE
 *
 * Context: Any; NULL where pyraw_may_call() is false.
 * Return: the block, or NULL: no memory, or more than INT_MAX bytes.
 */
void *pyraw_malloc(size_t size, gfp_t gfp, int nid)
{
	if (size > INT_MAX || !pyraw_may_call() ||
	    fails(PYFAULT_RAW_MALLOC, gfp))
		return NULL;
	size = at_least_a_link(size);
	gfp &= ~NEVER;
	if (size > PAGE_SIZE && gfpflags_allow_blocking(gfp) &&
	    !(gfp & KMALLOC_ONLY))
		return kvmalloc_node(size, gfp, nid);
	/* Beyond this the page allocator warns of a caller's mistake. */
	if (size > KMALLOC_MAX_SIZE)
		return NULL;
	return kmalloc_node(size, gfp, nid);
}

static size_t vmalloc_bytes(const void *ptr)
{
	size_t bytes = 0;

	/* Each area ends with a page that is not mapped. */
	while (vmalloc_to_page(ptr + bytes))
		bytes += PAGE_SIZE;
	return bytes;
}

/**
 * pyraw_usable_size() - how many bytes a block has room for
 * @ptr: a block that pyraw_is_block()
 *
 * Context: Any.  Of a vmalloc'd block it costs a walk of its pages.
 * Return: bytes.
 */
size_t pyraw_usable_size(const void *ptr)
{
	return is_vmalloc_addr(ptr) ? vmalloc_bytes(ptr) : ksize(ptr);
}

static bool starts_vmalloc_area(const void *ptr)
{
	return PAGE_ALIGNED(ptr) && vmalloc_to_page(ptr) &&
	       !vmalloc_to_page(ptr - PAGE_SIZE);
}

static bool is_kmalloc_block(const void *ptr)
{
	struct folio *folio;

	if (!virt_addr_valid(ptr))
		return false;
	folio = virt_to_folio(ptr);
	if (folio_test_slab(folio))
		return IS_ALIGNED((unsigned long)ptr, sizeof(void *));
	return folio_test_large(folio) && folio_address(folio) == ptr;
}

static bool is_block(const void *ptr)
{
	return is_vmalloc_addr(ptr) ? starts_vmalloc_area(ptr) :
				      is_kmalloc_block(ptr);
}

/*
 * A block of a power of two is aligned to its size, up to a page's: what is not
 * lies inside one.  Of other sizes nobody can tell.
 */
static bool is_inside_slab_block(const void *ptr)
{
	size_t size;

	if (is_vmalloc_addr(ptr) || !folio_test_slab(virt_to_folio(ptr)))
		return false;
	size = ksize(ptr);
	return is_power_of_2(size) &&
	       !IS_ALIGNED((unsigned long)ptr, min_t(size_t, size, PAGE_SIZE));
}

/**
 * pyraw_may_be_block() - as pyraw_is_block(), without a word
 * @ptr: any pointer that is not in an arena
 *
 * Context: Any.
 * Return: whether a kernel allocator handed it out.
 */
bool pyraw_may_be_block(const void *ptr)
{
	return is_block(ptr) && !is_inside_slab_block(ptr);
}

/**
 * pyraw_is_block() - did a kernel allocator hand this out?
 * @ptr: any pointer that is not in an arena
 * @caller: whom to name if not
 *
 * A slab's objects are not told from what is inside them, but for those of a
 * power of two.
 *
 * Context: Any.
 * Return: true; or false, after a report.
 */
bool pyraw_is_block(const void *ptr, unsigned long caller)
{
	if (pyraw_may_be_block(ptr))
		return true;
	pydebug_report(PYALLOC_WILD, ptr, 0, caller);
	return false;
}

/* === Frees that have to wait === */

static struct pychain deferred;

static void free_deferred(struct work_struct *work)
{
	void *block = pychain_take(&deferred), *next;

	for (; block; block = next) {
		next = pychain_next(&deferred, block);
		kvfree(block);
		cond_resched();
	}
}

static DECLARE_WORK(deferred_work, free_deferred);

static void queue_deferred(struct irq_work *work)
{
	schedule_work(&deferred_work);
}

static DEFINE_IRQ_WORK(deferred_irq_work, queue_deferred);

static struct pychain deferred = {
	.is_block	= is_block,
	.work		= &deferred_irq_work,
};

/**
 * pyraw_flush() - wait until what was deferred is freed
 *
 * Context: Process.
 */
void pyraw_flush(void)
{
	/* An irq_work takes one waiter where it has no interrupt of its own. */
	static DEFINE_MUTEX(waiter);

	mutex_lock(&waiter);
	irq_work_sync(&deferred_irq_work);
	mutex_unlock(&waiter);
	flush_work(&deferred_work);
}

/*
 * Under a raw spinlock the kernel's allocators may free on no kernel that has
 * lockdep hold it to PREEMPT_RT's rules.  Such a lock can't be seen, but it
 * turns preemption off.
 */
static bool may_free_here(const void *ptr)
{
	if (IS_ENABLED(CONFIG_PROVE_RAW_LOCK_NESTING) && !preemptible())
		return false;
	return pyraw_may_call() && (!is_vmalloc_addr(ptr) || may_sleep());
}

/**
 * pyraw_free() - free a block of the kernel's
 * @ptr: a block that pyraw_is_block()
 *
 * Context: Any.
 */
void pyraw_free(void *ptr)
{
	if (may_free_here(ptr))
		kvfree(ptr);
	else
		pychain_add(&deferred, ptr, _RET_IP_);
}

/* === Resizing === */

/* KASAN with tags, which are in pointers and not ours to read. */
#define HAS_TAGS	(IS_ENABLED(CONFIG_KASAN) && !PYSAN_KASAN)

/**
 * pyraw_whole() - make all of a block's usable bytes readable
 * @ptr: the block
 * @usable: its usable bytes
 *
 * KASAN with tags objects to reading more than was asked for.  Resizing to
 * the usable size, which never moves the block, tells it otherwise.
 *
 * Context: Any where kmalloc may be called.
 * Return: @ptr.
 */
void *pyraw_whole(void *ptr, size_t usable)
{
	if (HAS_TAGS && !is_vmalloc_addr(ptr))
		return krealloc(ptr, usable, GFP_NOWAIT | __GFP_NOWARN) ?: ptr;
	return ptr;
}

static void *move(void *ptr, size_t old, size_t size, gfp_t gfp)
{
	void *new = pyraw_malloc(size, gfp, NUMA_NO_NODE);

	if (!new)
		return NULL;
	ptr = pyraw_whole(ptr, old);
	memcpy(new, ptr, pysan_accessible(ptr, min(old, size)));
	pyraw_free(ptr);
	return new;
}

/* In place; what it may grow into again has to be zero then. */
static void *shrink(void *ptr, size_t old, size_t size, gfp_t gfp)
{
	old = pysan_accessible(ptr, old);
	if (want_init_on_alloc(gfp) && !HAS_TAGS && size < old)
		memset(ptr + size, 0, old - size);
	return ptr;
}

static void *resize_vmalloc(void *ptr, size_t old, size_t size, gfp_t gfp)
{
	void *new;

	/* A page or less is better off in the slab. */
	if (size <= PAGE_SIZE)
		return move(ptr, size, size, gfp) ?: ptr;
	if (gfpflags_allow_blocking(gfp)) {
		if (size > old && fails(PYFAULT_RAW_REALLOC, gfp))
			return NULL;
		new = pycompat_vrealloc(ptr, size, gfp);
		if (!IS_ERR(new))
			return new;
	}
	if (size <= old)
		return shrink(ptr, old, size, gfp);
	/* Its last page's rest may be out of bounds, from where is not known. */
	return HAS_TAGS && IS_ENABLED(CONFIG_KASAN_VMALLOC) ? NULL :
	       move(ptr, old, size, gfp);
}

static void *resize(void *ptr, size_t old, size_t size, gfp_t gfp)
{
	/* KASAN can't be told here that there is room in the object. */
	if (!pyraw_may_call())
		return size <= pysan_accessible(ptr, old) ?
		       shrink(ptr, old, size, gfp) : NULL;
	if (is_vmalloc_addr(ptr))
		return resize_vmalloc(ptr, old, size, gfp);
	if (size <= old)
		return krealloc(ptr, size, gfp | __GFP_NOWARN) ?: ptr;
	if (size <= PAGE_SIZE)
		return fails(PYFAULT_RAW_REALLOC, gfp) ? NULL :
		       krealloc(ptr, size, gfp);
	return move(ptr, old, size, gfp);
}

/**
 * pyraw_realloc() - resize a block of the kernel's
 * @ptr: the block
 * @old: its usable size
 * @size: bytes wanted, as for pyraw_malloc()
 * @gfp: as for kmalloc()
 *
 * Context: As pyraw_malloc().
 * Return: the block, moved or not; or NULL, with @ptr as it was: no memory
 * to grow, or more than INT_MAX bytes.
 */
void *pyraw_realloc(void *ptr, size_t old, size_t size, gfp_t gfp)
{
	size_t least = at_least_a_link(size);
	void *new;

	if (size > INT_MAX)
		return NULL;
	gfp &= ~NEVER;
	new = resize(ptr, old, least, gfp);
	if (new && size < least && want_init_on_alloc(gfp))
		memset(new + size, 0, least - size);
	return new;
}
