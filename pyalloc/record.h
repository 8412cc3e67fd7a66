/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Records: what is known of a block that no pool has, if it is decorated or a
 * private heap's.
 */
#ifndef _PYALLOC_RECORD_H
#define _PYALLOC_RECORD_H

#include <linux/atomic.h>
#include <linux/llist.h>
#include <linux/pyalloc.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

struct pyheap;

enum pyrecord_state {
	PYRECORD_LIVE,
	PYRECORD_GRACE,		/* freed, after a grace period */
	PYRECORD_FREE,		/* freed: rests, or waits where it can be freed */
	PYRECORD_KEPT,		/* damaged, and out of use for good */
};

/**
 * struct pyrecord - a block, and who it is from
 * @hash: among those of its bucket
 * @rcu: for a free after a grace period, and for the record's own
 * @wait: the same while it waits to be freed
 * @list: among the blocks that rest
 * @ptr: what the client has
 * @base: what the allocator below gave, or a block of a pool
 * @inner: the allocator that a client put there, or all zero
 * @heap: the private heap whose block it is, or NULL
 * @size: bytes that were asked for
 * @room: usable bytes, as they are counted; 0 of a replaced allocator's
 * @state: see enum pyrecord_state
 * @domain: who asked
 * @is_plain: there is nothing around it: see owned.c
 * @freed_by: who freed it
 */
struct pyrecord {
	struct hlist_node	hash;
	union {
		struct rcu_head		rcu;
		struct llist_node	wait;
		struct list_head	list;
	};
	const void		*ptr;
	void			*base;
	struct pymem_allocator	inner;
	struct pyheap		*heap;
	size_t			size;
	size_t			room;
	int			state;
	u8			domain;
	bool			is_plain;
	unsigned long		freed_by;
};

extern atomic_long_t pyrecord_count;

/* So that who has none need not look for one. */
static inline bool pyrecord_any(void)
{
	return atomic_long_read(&pyrecord_count);
}

struct pyrecord *pyrecord_new(enum pymem_domain domain, size_t size, gfp_t gfp);
void pyrecord_free(struct pyrecord *record);
bool pyrecord_claim(struct pyrecord *record, enum pyrecord_state state,
		    unsigned long caller);
bool pyrecord_add(struct pyrecord *record);
bool pyrecord_remove(struct pyrecord *record);
struct pyrecord *pyrecord_find(const void *ptr);
void pyrecord_walk(void (*visit)(struct pyrecord *record, void *data),
		   void *data);

int pyrecord_init(void);
void pyrecord_exit(void);

#endif /* _PYALLOC_RECORD_H */
