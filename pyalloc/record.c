// SPDX-License-Identifier: GPL-2.0
/*
 * Records: which blocks outside the pools are decorated, or a private heap's, by
 * address.
 *
 * Nothing in front of a pointer may be read to find out whether it is a
 * block with decorations: it may be one of kmalloc's, or the first byte of
 * a page.  So each such block has a record, found by its address in a hash
 * table.
 *
 * Contexts: look-ups in all, NMI included, under RCU.  Changes in all but NMI.
 * Lock order: a bucket's lock is innermost; nothing is allocated, freed or
 * printed under it.
 */
#include <linux/hash.h>
#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/spinlock.h>

#include "fault.h"
#include "raw.h"
#include "record.h"
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

atomic_long_t pyrecord_count;

static unsigned int bucket_of(const void *ptr)
{
	return hash_long((unsigned long)ptr >> 3, bucket_bits);
}

static raw_spinlock_t *lock_of(unsigned int bucket)
{
	return &locks[bucket % LOCKS];
}

/**
 * pyrecord_new() - memory for a record
 * @domain: who asks
 * @size: bytes that were asked for
 * @gfp: the caller's
 *
 * Context: as pyraw_malloc().
 * Return: the record, all else in it zero, or NULL.
 */
struct pyrecord *pyrecord_new(enum pymem_domain domain, size_t size, gfp_t gfp)
{
	struct pyrecord *record;

	gfp &= __GFP_RECLAIM | __GFP_IO | __GFP_FS | __GFP_NOWARN | __GFP_NOFAIL;
	record = pyraw_malloc(sizeof(*record), gfp | __GFP_ZERO, NUMA_NO_NODE);
	if (!record)
		return NULL;
	/* Else a block that its client lost would not look lost. */
	kmemleak_not_leak(record);
	kmemleak_no_scan(record);
	record->size = size;
	record->domain = domain;
	return record;
}

static void free_record(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct pyrecord, rcu));
}

/**
 * pyrecord_free() - free a record that is in no bucket any more
 * @record: the record, which lasts for a grace period
 *
 * Context: Any but NMI.
 */
void pyrecord_free(struct pyrecord *record)
{
	call_rcu(&record->rcu, free_record);
}

/**
 * pyrecord_claim() - be the one who frees a block
 * @record: its record
 * @state: what it is from now on
 * @caller: who frees it
 *
 * Context: Any.
 * Return: false: it is not live.
 */
bool pyrecord_claim(struct pyrecord *record, enum pyrecord_state state,
		    unsigned long caller)
{
	if (cmpxchg(&record->state, PYRECORD_LIVE, state) != PYRECORD_LIVE)
		return false;
	record->freed_by = caller;
	return true;
}

/* The first record of an address, whoever may have removed it since. */
static struct pyrecord *find_in(unsigned int bucket, const void *ptr)
{
	struct pyrecord *record;

	hlist_for_each_entry_rcu(record, &buckets[bucket], hash,
				 raw_spin_is_locked(lock_of(bucket)))
		if (record->ptr == ptr)
			return record;
	return NULL;
}

/**
 * pyrecord_find() - the record of a block
 * @ptr: any pointer
 *
 * Context: Any, under RCU, which keeps what is found.
 * Return: the record, or NULL: it is not a decorated block outside the pools.
 */
struct pyrecord *pyrecord_find(const void *ptr)
{
	return pyrecord_any() ? find_in(bucket_of(ptr), ptr) : NULL;
}

/**
 * pyrecord_add() - have a block known
 * @record: its record
 *
 * Context: Any but NMI.
 * Return: false: there is one already.
 */
bool pyrecord_add(struct pyrecord *record)
{
	unsigned int bucket = bucket_of(record->ptr);
	unsigned long flags;
	bool added = false;

	raw_spin_lock_irqsave(lock_of(bucket), flags);
	if (!find_in(bucket, record->ptr)) {
		hlist_add_head_rcu(&record->hash, &buckets[bucket]);
		atomic_long_inc(&pyrecord_count);
		added = true;
	}
	raw_spin_unlock_irqrestore(lock_of(bucket), flags);
	return added;
}

/**
 * pyrecord_remove() - have a block known no longer
 * @record: its record, which lasts for a grace period
 *
 * Context: Any but NMI.
 * Return: false: somebody else did.
 */
bool pyrecord_remove(struct pyrecord *record)
{
	unsigned int bucket = bucket_of(record->ptr);
	unsigned long flags;
	bool removed = false;

	raw_spin_lock_irqsave(lock_of(bucket), flags);
	if (!hlist_unhashed(&record->hash)) {
		hlist_del_init_rcu(&record->hash);
		atomic_long_dec(&pyrecord_count);
		removed = true;
	}
	raw_spin_unlock_irqrestore(lock_of(bucket), flags);
	return removed;
}

/**
 * pyrecord_walk() - look at each record
 * @visit: called with the lock of the record's bucket, so that it stays, and
 *	interrupts off
 * @data: for @visit
 *
 * Context: Process.
 */
void pyrecord_walk(void (*visit)(struct pyrecord *record, void *data),
		   void *data)
{
	struct pyrecord *record;
	struct hlist_node *next;
	unsigned long flags;
	unsigned int i;

	for (i = 0; pyrecord_any() && i < 1U << bucket_bits; i++) {
		if (hlist_empty(&buckets[i]))
			continue;
		raw_spin_lock_irqsave(lock_of(i), flags);
		hlist_for_each_entry_safe(record, next, &buckets[i], hash)
			visit(record, data);
		raw_spin_unlock_irqrestore(lock_of(i), flags);
		cond_resched();
	}
}

static int make_table(void)
{
	struct hlist_head *table;
	unsigned int i;

	bucket_bits = clamp_t(unsigned int, ilog2(totalram_pages() / BUCKET_PAGES | 1),
			      MIN_BITS, MAX_BITS);
	for (i = 0; i < LOCKS; i++)
		raw_spin_lock_init(&locks[i]);
	if (pyfault_strikes(PYFAULT_RECORDS))
		return -ENOMEM;
	table = kvcalloc(1UL << bucket_bits, sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	/* Pairs with the dependency of who finds a record. */
	smp_store_release(&buckets, table);
	return 0;
}

/**
 * pyrecord_init() - make the table, if there is none yet
 *
 * Context: Process; sleeps.
 * Return: 0 or -ENOMEM.
 */
int pyrecord_init(void)
{
	static DEFINE_MUTEX(init_lock);
	int error;

	mutex_lock(&init_lock);
	error = buckets ? 0 : make_table();
	mutex_unlock(&init_lock);
	return error;
}

/**
 * pyrecord_exit() - take the table down, which is empty
 *
 * Context: Process.
 */
void pyrecord_exit(void)
{
	kvfree(buckets);
	buckets = NULL;
}
