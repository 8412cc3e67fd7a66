// SPDX-License-Identifier: GPL-2.0
/*
 * The ledger: what tracing notes of blocks that lie in no pool (raw's, those
 * of a replaced allocator, and what clients track themselves), by address.
 *
 * An entry is taken by whoever changes its site to 0 first, for which he needs
 * no lock, so that a free in NMI can do it as well.  The entry is then taken
 * out of its bucket, which waits for an irq_work in NMI and where interrupts are
 * off.  Pyalloc's own domains
 * share one space of addresses, as a block may be freed through any of them;
 * each number of a client's is another space.
 *
 * Contexts: entries are added where kmalloc() may be called, taken in all.
 * Look-ups are under RCU.
 * Lock order: a bucket's lock is innermost; nothing is allocated, freed or
 * printed under it.
 */
#include <linux/hash.h>
#include <linux/irq_work.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/pyalloc.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "fault.h"
#include "ledger.h"
#include "compat.h"

/* A bucket for so much of the machine's memory: the rest is luck. */
#define BUCKET_PAGES	64
#define MIN_BITS	8
#define MAX_BITS	16

/* Buckets share the locks. */
#define LOCKS		64

static struct hlist_head *buckets;
static unsigned int bucket_bits;
static raw_spinlock_t locks[LOCKS];
static atomic_long_t nr_entries;

static unsigned long bucket_of(const void *ptr)
{
	return hash_long((unsigned long)ptr >> 3, bucket_bits);
}

static raw_spinlock_t *lock_of(unsigned long bucket)
{
	return &locks[bucket % LOCKS];
}

/* The space of addresses that a domain's pointers are in. */
static unsigned int space_of(unsigned int domain)
{
	return domain < PYMEM_NR_DOMAINS ? 0 : domain;
}

static bool is_for(const struct pyledger_entry *entry, const void *ptr,
		   unsigned int domain)
{
	return entry->ptr == ptr &&
	       space_of(entry->domain) == space_of(domain) &&
	       READ_ONCE(entry->site);
}

static void free_entry(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct pyledger_entry, rcu));
}

static void take_out(struct pyledger_entry *entry)
{
	unsigned long bucket = bucket_of(entry->ptr), flags;

	raw_spin_lock_irqsave(lock_of(bucket), flags);
	hlist_del_rcu(&entry->hash);
	raw_spin_unlock_irqrestore(lock_of(bucket), flags);
	atomic_long_dec(&nr_entries);
	call_rcu(&entry->rcu, free_entry);
}

/* === Those that wait to be taken out === */

static LLIST_HEAD(waiting);

static void take_out_waiting(struct irq_work *work)
{
	struct pyledger_entry *entry, *next;

	llist_for_each_entry_safe(entry, next, llist_del_all(&waiting), wait)
		take_out(entry);
}

static DEFINE_IRQ_WORK(waiting_work, take_out_waiting);

/* === Entries === */

/**
 * pyledger_add() - note a block
 * @entry: what is noted, copied
 *
 * What was noted of the address before is to be taken first.
 *
 * Context: Where kmalloc() may be called.
 * Return: false: no memory.
 */
bool pyledger_add(const struct pyledger_entry *entry)
{
	unsigned long bucket = bucket_of(entry->ptr), flags;
	struct pyledger_entry *copy;

	copy = pyfault_strikes(PYFAULT_LEDGER) ? NULL :
	       kmemdup(entry, sizeof(*entry), PYCOMPAT_GFP_QUIET);
	if (!copy)
		return false;
	raw_spin_lock_irqsave(lock_of(bucket), flags);
	hlist_add_head_rcu(&copy->hash, &buckets[bucket]);
	raw_spin_unlock_irqrestore(lock_of(bucket), flags);
	atomic_long_inc(&nr_entries);
	return true;
}

/**
 * pyledger_may_have() - may something be noted of a block?
 * @ptr: any pointer
 *
 * Context: Any; there need not have been a trace.
 * Return: false: nothing is.
 */
bool pyledger_may_have(const void *ptr)
{
	/* Pairs with the one in pyledger_init(). */
	const struct hlist_head *table = smp_load_acquire(&buckets);

	return table && !hlist_empty(&table[bucket_of(ptr)]);
}

static bool claim(struct pyledger_entry *entry, struct pyledger_entry *copy)
{
	/* Somebody else may take it now: then its site says so below. */
	*copy = data_race(*entry);
	copy->site = xchg(&entry->site, 0);
	if (!copy->site)
		return false;
	/* Its memory goes by way of RCU, which may be who calls. */
	if (!in_nmi() && !irqs_disabled())
		take_out(entry);
	else if (llist_add(&entry->wait, &waiting))
		irq_work_queue(&waiting_work);
	return true;
}

/**
 * pyledger_take() - note a block no longer
 * @ptr: any pointer
 * @domain: who asks
 * @copy: what was noted
 *
 * Context: Any, under RCU.
 * Return: false: nothing was.
 */
bool pyledger_take(const void *ptr, unsigned int domain,
		   struct pyledger_entry *copy)
{
	struct pyledger_entry *entry;

	if (!atomic_long_read(&nr_entries))
		return false;
	hlist_for_each_entry_rcu(entry, &buckets[bucket_of(ptr)], hash, true)
		if (is_for(entry, ptr, domain) && claim(entry, copy))
			return true;
	return false;
}

/**
 * pyledger_find() - who allocated a block
 * @ptr: any pointer
 * @domain: who asks
 * @epoch: in which trace
 *
 * Context: Any, under RCU.
 * Return: the site's number, or 0: it is not known.
 */
u32 pyledger_find(const void *ptr, unsigned int domain, u32 epoch)
{
	struct pyledger_entry *entry;

	if (!atomic_long_read(&nr_entries))
		return 0;
	hlist_for_each_entry_rcu(entry, &buckets[bucket_of(ptr)], hash, true)
		if (is_for(entry, ptr, domain) && entry->epoch == epoch)
			return READ_ONCE(entry->site);
	return 0;
}

/**
 * pyledger_copy() - copy what is noted, a part at a time
 * @bucket: where to begin; moved on
 * @skip: how many of that bucket's were copied before; moved on
 * @entries: where to put it
 * @most: how many there is room for
 *
 * Context: Process.
 * Return: how many were copied; 0: there are no more.
 */
unsigned int pyledger_copy(unsigned long *bucket, unsigned int *skip,
			   struct pyledger_entry *entries, unsigned int most)
{
	struct pyledger_entry *entry;
	unsigned int n = 0, seen;

	for (; !n && *bucket < 1UL << bucket_bits; cond_resched()) {
		seen = 0;
		rcu_read_lock();
		hlist_for_each_entry_rcu(entry, &buckets[*bucket], hash) {
			if (n == most)
				break;
			if (seen++ < *skip)
				continue;
			/* It may be taken meanwhile: it is here or not. */
			entries[n++] = data_race(*entry);
		}
		rcu_read_unlock();
		*skip += n;
		if (n == most)
			break;
		++*bucket;
		*skip = 0;
	}
	return n;
}

/* === Making and unmaking === */

/**
 * pyledger_bytes() - what the ledger takes
 *
 * Context: Any.
 * Return: bytes.
 */
size_t pyledger_bytes(void)
{
	return (buckets ? sizeof(*buckets) << bucket_bits : 0) +
	       atomic_long_read(&nr_entries) * sizeof(struct pyledger_entry);
}

/**
 * pyledger_init() - make the ledger, if there is none yet
 *
 * Context: Process, one at a time.
 * Return: 0 or -ENOMEM.
 */
int pyledger_init(void)
{
	struct hlist_head *table;
	unsigned int i;

	if (buckets)
		return 0;
	bucket_bits = clamp_t(unsigned int,
			      ilog2(totalram_pages() / BUCKET_PAGES | 1),
			      MIN_BITS, MAX_BITS);
	for (i = 0; i < LOCKS; i++)
		raw_spin_lock_init(&locks[i]);
	if (pyfault_strikes(PYFAULT_TRACE))
		return -ENOMEM;
	table = kvcalloc(1UL << bucket_bits, sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	/* Whom tracepoints alone watch finds it with its size, or none. */
	smp_store_release(&buckets, table);
	return 0;
}

/**
 * pyledger_forget() - take out entries that say nothing any more
 * @keep: the epoch whose entries stay; 0: none
 *
 * Context: Process; entries may be added and taken meanwhile.
 */
void pyledger_forget(u32 keep)
{
	struct pyledger_entry *entry, copy;
	unsigned long i;

	for (i = 0; buckets && i < 1UL << bucket_bits; i++) {
		rcu_read_lock();
		hlist_for_each_entry_rcu(entry, &buckets[i], hash)
			if (!keep || entry->epoch != keep)
				claim(entry, &copy);
		rcu_read_unlock();
		cond_resched();
	}
	irq_work_sync(&waiting_work);
}

/**
 * pyledger_exit() - take the ledger down
 *
 * Context: Process, when nobody adds or takes any more.
 */
void pyledger_exit(void)
{
	pyledger_forget(0);
	kvfree(buckets);
	buckets = NULL;
}
