// SPDX-License-Identifier: GPL-2.0
/*
 * Links: the secret that they are encoded with, and chains of blocks that
 * can't be freed where they were freed.
 *
 * A block in a chain is free, and nobody but its client's mistakes writes to
 * it.  So a link is believed only if it leads to what can be a block of the
 * chain.  The same question tells a block that is in the chain already, and was
 * freed again: what a client writes does not decode to a block.
 *
 * Contexts: all, NMI included.  Takes no lock.
 */
#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/irq_work.h>
#include <linux/random.h>

#include "debug.h"
#include "link.h"
#include "map.h"
#include "sanitizer.h"
#include "compat.h"

unsigned long pylink_secret __ro_after_init;
EXPORT_SYMBOL_GPL(pylink_secret);

/**
 * pylink_init() - choose the secret
 *
 * Context: Process, before the first link.
 */
void __init pylink_init(void)
{
	pylink_secret = get_random_long();
}

/*
 * In 32 bits one word in a hundred decodes to some block: a second one, which
 * every block has room for, tells a link from what a client wrote.
 */
static void set_link(void *block, const void *to)
{
	pylink_set(block, (void *)~(unsigned long)to);
	if (!IS_ENABLED(CONFIG_64BIT))
		pylink_set(block + sizeof(long), to);
}

/*
 * Turned over: a depot's array has links as well, and may have lain where the
 * block lies now, with a link that nobody has overwritten since.
 */
static void *get_link(const void *block)
{
	return (void *)~(unsigned long)pylink_get(block);
}

static bool is_proven(const void *block, const void *to)
{
	return IS_ENABLED(CONFIG_64BIT) ||
	       pylink_get(block + sizeof(long)) == to;
}

/* A chain's end is a link to NULL, which a wild word may not decode to. */
static bool is_linked(struct pychain *chain, void *block)
{
	void *next = get_link(block);

	return is_proven(block, next) && (!next || chain->is_block(next));
}

/**
 * pychain_add() - have a block wait in a chain
 * @chain: the chain
 * @block: the block, of which the first word may be written
 * @caller: whom to name if it waits there already
 *
 * Context: Any.
 * Return: false after a report: it waits there already, and once.
 */
bool pychain_add(struct pychain *chain, void *block, unsigned long caller)
{
	void *first = READ_ONCE(chain->first);

	/* Of a smaller request KASAN knows less than a link's bytes. */
	pysan_show(block, sizeof(u64));
	if (unlikely(is_linked(chain, block))) {
		pydebug_report(PYALLOC_DOUBLE_FREE, block, pymap_lookup(block),
			       caller);
		return false;
	}
	do {
		set_link(block, first);
	} while (!try_cmpxchg(&chain->first, &first, block));
	if (!first)
		irq_work_queue(chain->work);
	return true;
}

/**
 * pychain_take() - take all blocks of a chain
 * @chain: the chain, which is empty then
 *
 * Context: Any.
 * Return: the first of them, for pychain_next(); or NULL.
 */
void *pychain_take(struct pychain *chain)
{
	return xchg(&chain->first, NULL);
}

/**
 * pychain_next() - unlink a block
 * @chain: the chain that it was taken from
 * @block: the block, whose first word is zero then
 *
 * Context: Any.
 * Return: the next one, or NULL: there is none, or the link was overwritten,
 * which was reported.
 */
void *pychain_next(struct pychain *chain, void *block)
{
	bool linked = is_linked(chain, block);
	void *next = get_link(block);

	*(unsigned long *)block = 0;
	if (likely(linked))
		return next;
	pydebug_report(PYALLOC_OVERWRITTEN, block, 0, _RET_IP_);
	return NULL;
}
