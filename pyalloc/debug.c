// SPDX-License-Identifier: GPL-2.0
/*
 * Reports of what callers did wrong: the one place that says so.
 *
 * A report names the pointer (hashed), its class and pool and the caller; it
 * reads the map and descriptors only, never the memory behind the pointer.
 * What debug hooks know of a block comes with the report, as copies of its
 * bytes.  There is one WARN for each mistake of a call site, so that a loop
 * cannot flood the log.  A call that was wrong is ignored, unless the report
 * says otherwise.
 *
 * Contexts: all, NMI included.  Takes no lock, and no lock may be held that
 * printk() could need.
 */
#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/module.h>

#include "debug.h"
#include "heap.h"
#include "hook.h"
#include "compat.h"

/*
 * Mistakes of call sites that were reported, and damaged blocks that nobody
 * called with; two that share a bit count as one.
 */
#define SITE_BITS	12
static DECLARE_BITMAP(sites_seen, 1 << SITE_BITS);
static DECLARE_BITMAP(blocks_seen, 1 << SITE_BITS);

static atomic_long_t nr_reports;
static void (*report_hook)(const struct pyalloc_report *report);

static const char *const mistakes[PYALLOC_NO_MISTAKE] = {
	[PYALLOC_DOUBLE_FREE]	= "is free already",
	[PYALLOC_INTERIOR]	= "is not the start of a block",
	[PYALLOC_NO_POOL]	= "lies in no pool",
	[PYALLOC_WILD]		= "is nobody's block",
	[PYALLOC_OVERWRITTEN]	= "lies where the heap's own state was overwritten",
	[PYALLOC_UNDERFLOW]	= "was written before its beginning",
	[PYALLOC_OVERFLOW]	= "was written past its end",
	[PYALLOC_USE_AFTER_FREE] = "was written after it was freed",
	[PYALLOC_WRONG_TYPE]	= "is no object of the type",
	[PYALLOC_GONE_TYPE]	= "is a type that was destroyed",
	[PYALLOC_ZEROED_TYPE]	= "a call for zeroed objects of a type that keeps their bytes",
	[PYALLOC_WRONG_DOMAIN]	= "is another domain's",
	[PYALLOC_WRONG_HEAP]	= "is another heap's",
	[PYALLOC_MAY_NOT_SLEEP]	= "a call that may sleep where nothing may",
	[PYALLOC_UNLOCKED]	= "a call without the heap's own lock",
	[PYALLOC_TWO_INSIDE]	= "a call while another is inside the heap",
	[PYALLOC_NOT_OWN]	= "does not belong to the heap or type that was asked",
	[PYALLOC_DESTROYED]	= "a call for a heap or type that was destroyed",
};

static bool panic_on_corruption;
module_param(panic_on_corruption, bool, 0644);
MODULE_PARM_DESC(panic_on_corruption,
		 "a report of damaged memory is a panic");

static void describe(struct pyalloc_report *report, u32 entry)
{
	struct pyarena *arena;
	u8 code = entry & PYMAP_CODE_MASK & ~PYMAP_CLOSED;

	arena = pymap_arena(entry >> PYMAP_ARENA_SHIFT);
	if (arena && code && pyarena_has(arena, report->ptr)) {
		report->pool = (entry & ~PYMAP_CODE_MASK) |
			       pyarena_granule(arena, report->ptr);
		report->size = pyheap_class(arena->node->heap, code - 1)->size;
	}
}

/* === What debug hooks saw === */

static const char *domain_name(u8 byte)
{
	/* A capital waits for a grace period. */
	switch (byte | ('r' ^ 'R')) {
	case 'r':
		return "raw";
	case 'm':
		return "mem";
	case 'o':
		return "object";
	default:
		return "?";
	}
}

/* Damaged memory, or a pointer that would have damaged it. */
static bool is_corruption(enum pyalloc_mistake mistake)
{
	return mistake <= PYALLOC_WRONG_TYPE;
}

/* Nobody but the client can make good what he did. */
static const char *done_about(const struct pyalloc_report *report)
{
	if (report->kept)
		return report->mistake == PYALLOC_USE_AFTER_FREE ?
		       "found it; the block is kept out of use" :
		       "taken; the block is kept out of use";
	if (report->was_kept)
		return "ignored; it was damaged, and is kept out of use";
	if (report->site || report->mistake == PYALLOC_USE_AFTER_FREE)
		return "found it";
	return report->mistake >= PYALLOC_WRONG_DOMAIN &&
	       report->mistake < PYALLOC_NOT_OWN ? "served" : "ignored";
}

static void say_pads(const char *where, const u8 *bytes, unsigned int n)
{
	if (!memchr_inv(bytes, PYHOOK_FORBIDDEN, n))
		pr_warn("pyalloc:   %u bytes %s: %02x, as they should be\n", n,
			where, PYHOOK_FORBIDDEN);
	else
		pr_warn("pyalloc:   %u bytes %s: %*ph, and not %02x\n", n,
			where, n, bytes, PYHOOK_FORBIDDEN);
}

static void say_dead(const struct pyreport_block *block)
{
	if (block->wrong)
		pr_warn("pyalloc:   %zu bytes, from %+ld on, are not %02x any more: %*ph ...\n",
			block->wrong, block->offset, PYHOOK_DEAD,
			PYREPORT_DATA, block->stray);
	else
		pr_warn("pyalloc:   all of it is %02x, as it should be\n",
			PYHOOK_DEAD);
	pr_warn("pyalloc:   data: %*ph ...\n", PYREPORT_DATA, block->first);
}

static void say_live(const struct pyreport_block *block)
{
	if (block->head_intact)
		pr_warn("pyalloc:   %zu bytes were asked for\n",
			block->requested);
	else
		pr_warn("pyalloc:   how many bytes were asked for can't be believed: %*ph, domain %02x\n",
			8, block->size_word, block->domain);
	say_pads("before it", block->before + 1, 7);
	if (!block->head_intact) {
		pr_warn("pyalloc:   data: %*ph ...\n", PYREPORT_DATA,
			block->first);
		return;
	}
	say_pads("behind it", block->after, 8);
	if (block->serial)
		pr_warn("pyalloc:   made by call %llu\n", block->serial);
	pr_warn("pyalloc:   data: %*ph ... %*ph\n",
		(int)min_t(size_t, block->requested, PYREPORT_DATA),
		block->first,
		(int)min_t(size_t, block->requested, PYREPORT_DATA),
		block->last);
}

static void say_neighbour(const struct pyreport_block *block, unsigned int i)
{
	const char *where = i ? "behind" : "before";

	switch (block->neighbour[i]) {
	case PYREPORT_LIVE:
		pr_warn("pyalloc:   the block %s it: live, %zu bytes\n", where,
			block->neighbour_size[i]);
		break;
	case PYREPORT_FREE:
		pr_warn("pyalloc:   the block %s it: free\n", where);
		break;
	case PYREPORT_DAMAGED:
		pr_warn("pyalloc:   the block %s it: damaged\n", where);
		break;
	default:
		break;
	}
}

/* Of a module that is gone the kernel has no name but the address. */
static void say_by(const char *what, unsigned long caller)
{
	char begin[3];

	snprintf(begin, sizeof(begin), "%ps", (void *)caller);
	if (strcmp(begin, "0x"))
		pr_warn("pyalloc:   %s by %pS\n", what, (void *)caller);
	else
		pr_warn("pyalloc:   %s by code that is gone\n", what);
}

static void say_block(const struct pyalloc_report *report)
{
	const struct pyreport_block *block = &report->block;

	pr_warn("pyalloc: a block of %s, at %p\n",
		block->is_dead ? "memory that was freed" :
		domain_name(block->domain), report->ptr);
	if (block->is_dead)
		say_dead(block);
	else
		say_live(block);
	say_neighbour(block, 0);
	say_neighbour(block, 1);
	if (block->waits)
		pr_warn("pyalloc:   it waits for a grace period, to be freed\n");
	if (block->allocated_by)
		say_by("allocated", block->allocated_by);
	if (block->freed_by)
		say_by("freed", block->freed_by);
	if (report->mistake == PYALLOC_WRONG_DOMAIN)
		pr_warn("pyalloc:   asked of %s\n",
			domain_name("rmo"[report->by]));
}

/* === Reports === */

/*
 * Each mistake of a call site is said once, and so is what is found later of
 * what a call site freed: a loop that writes to all of it is one mistake.
 */
static bool is_news(const struct pyalloc_report *report)
{
	unsigned long by = report->caller;

	if (report->site)
		return !test_and_set_bit(hash_long(report->site, SITE_BITS),
					 blocks_seen);
	if (report->mistake == PYALLOC_USE_AFTER_FREE && report->block.freed_by)
		by = report->block.freed_by;
	by = by * PYALLOC_NO_MISTAKE + report->mistake;
	return !test_and_set_bit(hash_long(by, SITE_BITS), sites_seen);
}

/* Where it lies, for a line of a report or of the file check. */
static void locate(const struct pyalloc_report *report, char *where,
		   size_t bytes)
{
	if (report->size)
		snprintf(where, bytes, "class %u, pool %u.%u", report->size,
			 report->pool >> PYMAP_ARENA_SHIFT,
			 report->pool & PYMAP_CODE_MASK);
	else
		snprintf(where, bytes, "in no pool");
}

static void say(const struct pyalloc_report *report)
{
	char where[48];

	if (report->block.seen)
		say_block(report);
	else if (report->block.freed_by)
		say_by("freed", report->block.freed_by);
	if (report->type)
		pr_warn("pyalloc: asked of the type %s:\n", report->type);
	if (!report->ptr) {
		WARN(1, "pyalloc: %s, with gfp %pGg; call from %pS %s\n",
		     mistakes[report->mistake], &report->gfp,
		     (void *)report->caller, done_about(report));
		return;
	}
	locate(report, where, sizeof(where));
	WARN(1, "pyalloc: %p %s (%s), call from %pS %s\n", report->ptr,
	     mistakes[report->mistake], where, (void *)report->caller,
	     done_about(report));
}

/**
 * pydebug_say() - make a report
 * @report: all but the class and the pool, which are looked up
 * @entry: what the map has, or had, for its pointer
 *
 * Context: Any, with no lock of pyalloc's held.
 */
void pydebug_say(struct pyalloc_report *report, u32 entry)
{
	void (*hook)(const struct pyalloc_report *report);

	atomic_long_inc(&nr_reports);
	rcu_read_lock();
	describe(report, entry);
	hook = READ_ONCE(report_hook);
	if (hook)
		hook(report);
	rcu_read_unlock();
	if (hook)
		return;
	if (is_news(report))
		say(report);
	if (READ_ONCE(panic_on_corruption) && is_corruption(report->mistake))
		panic("pyalloc: %p %s", report->ptr, mistakes[report->mistake]);
}

/**
 * pydebug_tell() - a report as one line of text
 * @report: the report
 * @text: where to put it
 * @bytes: how much room there is
 *
 * Context: Any.
 */
void pydebug_tell(const struct pyalloc_report *report, char *text, size_t bytes)
{
	char where[48];

	locate(report, where, sizeof(where));
	if (report->block.head_intact)
		snprintf(text, bytes, "%p %s (%s), %zu bytes of %s",
			 report->ptr, mistakes[report->mistake], where,
			 report->block.requested,
			 domain_name(report->block.domain));
	else
		snprintf(text, bytes, "%p %s (%s)", report->ptr,
			 mistakes[report->mistake], where);
}

/**
 * pydebug_report() - say that a pointer is not what its caller thinks
 * @mistake: what it is
 * @ptr: the pointer
 * @entry: what the map has, or had, for it
 * @caller: the address of the call
 *
 * Context: Any, with no lock of pyalloc's held.
 */
void pydebug_report(enum pyalloc_mistake mistake, const void *ptr, u32 entry,
		    unsigned long caller)
{
	struct pyalloc_report report = {
		.mistake = mistake, .ptr = ptr, .caller = caller,
	};

	pydebug_say(&report, entry);
}

/**
 * pydebug_reports() - how many mistakes were seen since the module is loaded
 *
 * Context: Any.
 * Return: their number.
 */
unsigned long pydebug_reports(void)
{
	return atomic_long_read(&nr_reports);
}
EXPORT_SYMBOL_GPL(pydebug_reports);

/**
 * pydebug_set_hook() - lead reports to a test
 * @hook: gets each report in place of the log, in the context of the mistake;
 *	NULL puts the log back
 *
 * Context: Process.
 */
void pydebug_set_hook(void (*hook)(const struct pyalloc_report *report))
{
	WRITE_ONCE(report_hook, hook);
	synchronize_rcu();
}
EXPORT_SYMBOL_GPL(pydebug_set_hook);
