// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks that are held beside a run: so many as are asked for, until they are
 * released, or as many as there is memory for, and back at once.
 *
 * A block's first bytes link it and say how large it is; the rest is filled,
 * and verified before it is freed.  So no memory is needed to remember it.
 *
 * Context: process, in the task of who asks for it.
 * Lock order: hold_lock is the outermost.
 */
#define pr_fmt(fmt) "pytorture: " fmt

#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "torture.h"

/* What a held block begins with; the pattern behind it is in words of 64 bits. */
struct held {
	struct held	*next;
	u16		size;
	u16		domain;
	u32		tag;
} __aligned(sizeof(u64));

/* Blocks of one holder, the last one first. */
struct hoard {
	struct held	*last;
	unsigned long	blocks;
	unsigned long	bytes;
	u32		random;
};

struct named_gfp {
	const char	*name;
	gfp_t		gfp;
	unsigned int	scope;		/* PF_MEMALLOC_* to be in */
};

static const struct named_gfp gfps[] = {
	{ "kernel", GFP_KERNEL },
	{ "noretry", GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN },
	{ "atomic", GFP_ATOMIC | __GFP_NOWARN },
	{ "nowait", GFP_NOWAIT | __GFP_NOWARN },
	{ "nofs", GFP_NOFS | __GFP_NORETRY | __GFP_NOWARN },
	{ "noio", GFP_NOIO | __GFP_NORETRY | __GFP_NOWARN },
	{ "nofs-scope", GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN,
	  PF_MEMALLOC_NOFS },
	{ "noio-scope", GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN,
	  PF_MEMALLOC_NOIO },
	{ "noreclaim-scope", GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN |
			     __GFP_NOMEMALLOC, PF_MEMALLOC },
};

static DEFINE_MUTEX(hold_lock);
static struct hoard holding;

static const struct named_gfp *find_gfp(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(gfps); i++)
		if (!strcmp(name, gfps[i].name))
			return &gfps[i];
	return NULL;
}

static struct block as_block(struct held *held)
{
	return (struct block) {
		.ptr	= held,
		.size	= held->size,
		.tag	= held->tag,
	};
}

static bool add(struct hoard *hoard, enum pymem_domain domain, size_t size,
		gfp_t gfp)
{
	struct held *held = block_malloc(domain, size, gfp);
	struct block block;

	if (!held)
		return false;
	block = (struct block) { held, size, hoard->blocks };
	block_fill(&block);
	*held = (struct held) { hoard->last, size, domain, hoard->blocks };
	hoard->last = held;
	hoard->blocks++;
	hoard->bytes += size;
	return true;
}

/* Frees all; how many had not kept their bytes? */
static unsigned long empty(struct hoard *hoard)
{
	unsigned long mismatches = 0;
	enum pymem_domain domain;
	struct held *held;
	struct block block;

	while ((held = hoard->last)) {
		hoard->last = held->next;
		block = as_block(held);
		mismatches += !pattern_intact(held, sizeof(*held), block.size,
					      block_pattern(&block));
		domain = hoard->blocks-- % PYMEM_NR_DOMAINS;
		block_free(options_loyal() ? held->domain : domain, held);
		cond_resched();
	}
	hoard->bytes = 0;
	return mismatches;
}

static u32 next_random(struct hoard *hoard)
{
	hoard->random = hoard->random * 1664525 + 1013904223;
	return hoard->random >> 8;
}

/* Of the heap's blocks all sizes, and of four one that is raw's. */
static bool add_any(struct hoard *hoard, gfp_t gfp)
{
	u32 random = next_random(hoard);
	size_t most = random % 4 ? PYALLOC_SMALL_MAX : SZ_8K;
	size_t size = sizeof(struct held) +
		      next_random(hoard) % (most - sizeof(struct held) + 1);

	return add(hoard, random / 4 % PYMEM_NR_DOMAINS, size, gfp);
}

static bool add_small(struct hoard *hoard, gfp_t gfp)
{
	u32 random = next_random(hoard);
	size_t size = sizeof(struct held) + next_random(hoard) %
		      (PYALLOC_SMALL_MAX - sizeof(struct held) + 1);

	return add(hoard, random % 2 ? PYMEM_DOMAIN_MEM : PYMEM_DOMAIN_OBJ,
		   size, gfp);
}

static unsigned int enter_scope(unsigned int scope)
{
	unsigned int before = current->flags & scope;

	current->flags |= scope;
	return before;
}

static void leave_scope(unsigned int scope, unsigned int before)
{
	current->flags = (current->flags & ~scope) | before;
}

/**
 * hold_blocks() - hold so many more blocks of the heap, of all sizes
 * @n: how many
 * @name: of the gfp
 *
 * Context: Process; sleeps.
 * Return: 0 or an errno; then fewer are held.
 */
int hold_blocks(unsigned long n, const char *name)
{
	const struct named_gfp *named = find_gfp(name);
	unsigned long got = 0;

	if (!named)
		return -EINVAL;
	mutex_lock(&hold_lock);
	while (got < n && !fatal_signal_pending(current) &&
	       add_small(&holding, named->gfp)) {
		got++;
		cond_resched();
	}
	mutex_unlock(&hold_lock);
	return got < n ? -ENOMEM : 0;
}

/**
 * hold_release() - free what is held
 *
 * Context: Process; sleeps.
 * Return: 0, or -EIO if some of it had not kept its bytes.
 */
int hold_release(void)
{
	unsigned long mismatches;

	mutex_lock(&hold_lock);
	mismatches = empty(&holding);
	mutex_unlock(&hold_lock);
	if (!mismatches)
		return 0;
	pr_err("FAILED release: %lu blocks had not kept their bytes\n",
	       mismatches);
	return -EIO;
}

/**
 * hold_hog() - take all memory that can be had, tell how much, and free it
 * @name: of the gfp
 *
 * Context: Process; sleeps.  With a gfp that tries hard the OOM killer may
 * strike the caller, which ends it.
 * Return: 0, also when a signal came first; or an errno.
 */
int hold_hog(const char *name)
{
	const struct named_gfp *named = find_gfp(name);
	unsigned long blocks, bytes, mismatches;
	struct hoard hoard = {};
	unsigned int before;

	if (!named)
		return -EINVAL;
	before = enter_scope(named->scope);
	while (!fatal_signal_pending(current) && add_any(&hoard, named->gfp))
		cond_resched();
	leave_scope(named->scope, before);
	blocks = hoard.blocks;
	bytes = hoard.bytes;
	mismatches = empty(&hoard);
	pr_info("hog %s: %lu bytes in %lu blocks, then %s; %lu mismatches\n",
		name, bytes, blocks,
		fatal_signal_pending(current) ? "a signal" : "NULL",
		mismatches);
	return mismatches ? -EIO : 0;
}
