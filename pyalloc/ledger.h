/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ledger: what tracing notes of blocks that lie in no pool.
 */
#ifndef _PYALLOC_LEDGER_H
#define _PYALLOC_LEDGER_H

#include <linux/llist.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

/**
 * struct pyledger_entry - what is noted of a block, by its address
 * @hash: among those of its bucket
 * @rcu: once it is out of the ledger
 * @wait: before that, if it can't be taken out here
 * @ptr: the block
 * @site: who allocated it; 0: it is taken
 * @epoch: of which trace this is
 * @birth: when, in jiffies
 * @domain: who asked: a domain, or a client's own number
 * @size: bytes that were asked for
 * @usable: its usable bytes
 */
struct pyledger_entry {
	struct hlist_node	hash;
	union {
		struct rcu_head		rcu;
		struct llist_node	wait;
	};
	const void		*ptr;
	u32			site;
	u32			epoch;
	u32			birth;
	u32			domain;
	u32			size;
	u32			usable;
};

bool pyledger_may_have(const void *ptr);
bool pyledger_add(const struct pyledger_entry *entry);
bool pyledger_take(const void *ptr, unsigned int domain,
		   struct pyledger_entry *entry);
u32 pyledger_find(const void *ptr, unsigned int domain, u32 epoch);
unsigned int pyledger_copy(unsigned long *bucket, unsigned int *skip,
			   struct pyledger_entry *entries, unsigned int most);

size_t pyledger_bytes(void);
int pyledger_init(void);
void pyledger_forget(u32 keep);
void pyledger_exit(void);

#endif /* _PYALLOC_LEDGER_H */
