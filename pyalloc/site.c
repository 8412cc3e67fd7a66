// SPDX-License-Identifier: GPL-2.0
/*
 * Call sites: a number for each place, or stack, that blocks were allocated
 * from, so that what is noted of a block can be small.
 *
 * The table has a fixed size and is never written to but to add a site, so that
 * it is read without a lock.  Of more than one frame the kernel's stack depot
 * keeps the stack; it is asked once a site.  What it has taken it
 * keeps until the kernel goes down, which the table's size bounds.
 *
 * A site in a module's text is turned into text as the module goes: the address
 * may be another module's afterwards.
 *
 * Contexts: look-ups in all, NMI included, where the lock is only tried and,
 * before 6.12, the depot is not entered.
 * Lock order: add_lock is innermost, but for what the depot takes.
 */
#include <linux/jhash.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/stacktrace.h>

#include "fault.h"
#include "site.h"
#include "compat.h"

/* How far behind its hash a site may lie. */
#define PROBES	64

/* Frames of pyalloc's own, above those that are asked for. */
#define OWN_FRAMES	12

static DEFINE_RAW_SPINLOCK(add_lock);

static bool is_at(const struct pysite *site, unsigned long caller, u64 hash)
{
	/* What follows was there before the caller was. */
	return smp_load_acquire(&site->caller) == caller && site->hash == hash;
}

/* Where the site is, or could be; NULL: neither, all around is taken. */
static struct pysite *find_slot(struct pysites *sites, unsigned int slot,
				unsigned long caller, u64 hash)
{
	struct pysite *site;
	unsigned int i;

	for (i = 0; i < PROBES; i++, slot++) {
		/* The first would have the number 0. */
		slot = slot % PYSITE_MAX ?: 1;
		site = &sites->site[slot];
		if (!READ_ONCE(site->caller) || is_at(site, caller, hash))
			return site;
	}
	return NULL;
}

/* Without SMP a spinlock that is tried is always had. */
static bool is_adding;

static bool lock(unsigned long *flags)
{
	if (!in_nmi())
		raw_spin_lock_irqsave(&add_lock, *flags);
	else if (READ_ONCE(is_adding) ||
		 !raw_spin_trylock_irqsave(&add_lock, *flags))
		return false;
	__release(&add_lock);
	WRITE_ONCE(is_adding, true);
	barrier();
	return true;
}

static void unlock(unsigned long flags)
{
	barrier();
	WRITE_ONCE(is_adding, false);
	__acquire(&add_lock);
	raw_spin_unlock_irqrestore(&add_lock, flags);
}

static u32 add(struct pysites *sites, unsigned int slot,
	       unsigned long caller, u64 hash, u32 stack)
{
	struct pysite *site;
	unsigned long flags;

	if (!lock(&flags))
		return 0;
	site = find_slot(sites, slot, caller, hash);
	if (site && !site->caller) {
		site->hash = hash;
		site->stack = stack;
		/* See is_at(). */
		smp_store_release(&site->caller, caller);
		WRITE_ONCE(sites->nr, sites->nr + 1);
	}
	unlock(flags);
	return site ? site - sites->site : 0;
}

/**
 * pysite_find() - find a call site of one frame, or make it
 * @sites: the sites
 * @caller: the return address
 *
 * Context: Any.
 * Return: its number, or 0: the table is full there; in NMI, that somebody
 * adds one.
 */
u32 pysite_find(struct pysites *sites, unsigned long caller)
{
	unsigned int slot = pysite_hash(caller);
	struct pysite *site = find_slot(sites, slot, caller, 0);

	if (!site)
		return 0;
	if (is_at(site, caller, 0))
		return site - sites->site;
	return add(sites, slot, caller, 0, 0);
}
EXPORT_SYMBOL_GPL(pysite_find);

/* The caller's frames, without those of pyalloc's own above them. */
static noinline unsigned int walk_stack(unsigned long *frames,
					unsigned int nframe,
					unsigned long caller,
					unsigned long **first)
{
	unsigned int n, i;

	n = pycompat_stack_trace_save(frames, nframe + OWN_FRAMES, 2);
	for (i = 0; i < n; i++)
		if (frames[i] == caller)
			break;
	*first = frames + i;
	/* What was interrupted is not who calls, and each time another. */
	n = pycompat_filter_irq_stacks(frames + i, n - i);
	return min(n, nframe);
}

static u64 hash_of(const unsigned long *frames, unsigned int n)
{
	const u32 *words = (const u32 *)frames;
	u32 length = n * sizeof(*frames) / sizeof(*words);

	return (u64)jhash2(words, length, 0) << 32 |
	       jhash2(words, length, JHASH_INITVAL) | 1;
}

/**
 * pysite_find_stack() - find a call site of several frames, or make it
 * @sites: the sites
 * @caller: the return address of the first of them
 * @nframe: how many there may be
 * @may_alloc: the page allocator may be asked for memory
 *
 * Context: Any.
 * Return: its number, or 0: the stack could not be walked, or kept.
 */
u32 pysite_find_stack(struct pysites *sites, unsigned long caller,
		      unsigned int nframe, bool may_alloc)
{
	unsigned long frames[PYSITE_FRAMES + OWN_FRAMES], *first;
	unsigned int n = walk_stack(frames, nframe, caller, &first);
	struct pysite *site;
	u64 hash;
	u32 stack;

	if (n < 2)
		return 0;
	hash = hash_of(first, n);
	site = find_slot(sites, hash_64(hash, PYSITE_BITS), caller, hash);
	if (!site)
		return 0;
	if (is_at(site, caller, hash))
		return site - sites->site;
	stack = pyfault_strikes(PYFAULT_SITE) ? 0 :
		pycompat_depot_save(first, n, may_alloc);
	return stack ? add(sites, hash_64(hash, PYSITE_BITS), caller, hash,
			   stack) : 0;
}

/* === Text === */

static unsigned int frames_of(const struct pysite *site,
			      const unsigned long **frames)
{
	unsigned long *kept;
	unsigned int n;

	if (site->stack) {
		n = pycompat_depot_fetch(site->stack, &kept);
		*frames = kept;
		return n;
	}
	*frames = &site->caller;
	return 1;
}

#define GONE	"code that is gone"

/* Of code that is gone the kernel has no name but the address. */
static void tell_frame(unsigned long frame, char *text, size_t bytes)
{
	snprintf(text, bytes, "%pS", (void *)frame);
	if (!strncmp(text, "0x", 2))
		strscpy(text, GONE, bytes);
}

static void tell_frames(const struct pysite *site, char *text, size_t bytes,
			bool all)
{
	const unsigned long *frames;
	unsigned int n = frames_of(site, &frames), i;
	size_t length = 0;

	*text = 0;
	for (i = 0; i < (all ? n : 1) && length + 2 < bytes; i++) {
		if (i)
			text[length++] = ';';
		tell_frame(frames[i], text + length, bytes - length);
		length += strlen(text + length);
	}
}

/**
 * pysite_tell() - a call site as text
 * @sites: the sites
 * @site: its number
 * @text: where to put it
 * @bytes: how much room there is: PYSITE_TEXT, or PYSITE_TEXTS for @all
 * @all: all its frames, the innermost first, with a ; between; not only that
 *
 * Context: Any where kallsyms may be asked.
 */
void pysite_tell(const struct pysites *sites, u32 site, char *text,
		 size_t bytes, bool all)
{
	const struct pysite *from = &sites->site[site];
	/* All of the name, if there is one: see forget(). */
	const char *name = smp_load_acquire(&from->name);

	if (!name) {
		tell_frames(from, text, bytes, all);
		return;
	}
	strscpy(text, name, bytes);
	if (!all)
		text[strcspn(text, ";")] = 0;
}
EXPORT_SYMBOL_GPL(pysite_tell);

/**
 * pysite_tell_module() - the name of the module that a call site lies in
 * @sites: the sites
 * @site: its number
 * @text: where to put it
 * @bytes: how much room there is, for a whole frame
 *
 * Context: As pysite_tell().
 */
void pysite_tell_module(const struct pysites *sites, u32 site, char *text,
			size_t bytes)
{
	char *begin;

	pysite_tell(sites, site, text, bytes, false);
	begin = strchr(text, '[');
	if (!begin) {
		strscpy(text, strcmp(text, GONE) ? "kernel" : "gone", bytes);
		return;
	}
	/* With a build's number it is [name hex]. */
	begin++;
	begin[strcspn(begin, "] ")] = 0;
	memmove(text, begin, strlen(begin) + 1);
}
EXPORT_SYMBOL_GPL(pysite_tell_module);

/* === Modules that go === */

static bool is_in(const struct pysite *site, const struct module *module,
		  bool init_only)
{
	const unsigned long *frames;
	unsigned int n = frames_of(site, &frames), i;

	for (i = 0; i < n; i++)
		if (init_only ? within_module_init(frames[i], module) :
				within_module(frames[i], module))
			return true;
	return false;
}

static bool lies_in(const struct pysite *site, const struct module *module)
{
	if (site->caller != PYSITE_GONE)
		return within_module(site->caller, module);
	return site->owner == module || within_module(site->first, module);
}

/**
 * pysite_lies_in() - does a module's code allocate there?
 * @sites: the sites
 * @site: its number
 * @module: the module, which has not gone yet
 *
 * Context: Process, one at a time.
 * Return: whether the innermost frame is the module's.
 */
bool pysite_lies_in(const struct pysites *sites, u32 site,
		    const struct module *module)
{
	return lies_in(&sites->site[site], module);
}

/* Of its initialization there is no code left when the module goes. */
static void forget(struct pysite *site, const struct module *module,
		   bool init_only)
{
	const struct module *owner = init_only && lies_in(site, module) ?
				     module : NULL;
	unsigned long first = site->caller;
	char *text = kmalloc(PYSITE_TEXTS, GFP_KERNEL), *name;

	if (text)
		tell_frames(site, text, PYSITE_TEXTS, true);
	name = text ? kstrdup(text, GFP_KERNEL) : NULL;
	kfree(text);
	/* Who finds the caller gone finds the name. */
	if (name)
		smp_store_release(&site->name, name);
	smp_store_release(&site->caller, PYSITE_GONE);
	site->first = owner ? 0 : first;
	site->owner = owner;
}

/* Its memory may be another module's from now on. */
static void disown(struct pysite *site)
{
	site->first = 0;
	site->owner = NULL;
}

/**
 * pysite_forget_module() - turn the call sites of a module into text
 * @sites: the sites
 * @module: the module, whose code is still there and will not run again
 * @init_only: only that of its initialization is
 *
 * Context: Process, one at a time; sleeps.
 */
void pysite_forget_module(struct pysites *sites, const struct module *module,
			  bool init_only)
{
	struct pysite *site;
	unsigned int i;

	for (i = 0; i < PYSITE_MAX; i++) {
		site = &sites->site[i];
		if (READ_ONCE(site->caller) > PYSITE_GONE &&
		    is_in(site, module, init_only))
			forget(site, module, init_only);
		if (site->caller == PYSITE_GONE && !init_only &&
		    lies_in(site, module))
			disown(site);
	}
}

/* === Making and unmaking === */

/**
 * pysite_new() - a table without a site
 *
 * Context: Process; sleeps.
 * Return: the table, or NULL.
 */
struct pysites *pysite_new(void)
{
	return pyfault_strikes(PYFAULT_TRACE) ? NULL :
	       kvzalloc(sizeof(struct pysites), GFP_KERNEL);
}
EXPORT_SYMBOL_GPL(pysite_new);

/**
 * pysite_free() - free a table
 * @sites: the table, which nobody looks at any more, or NULL
 *
 * Context: Process.
 */
void pysite_free(struct pysites *sites)
{
	unsigned int i;

	for (i = 0; sites && i < PYSITE_MAX; i++)
		kfree(sites->site[i].name);
	kvfree(sites);
}
EXPORT_SYMBOL_GPL(pysite_free);
