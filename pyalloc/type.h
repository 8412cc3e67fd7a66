/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Types: free lists of objects, a CPU's own, and the fast path on them.
 */
#ifndef _PYALLOC_TYPE_H
#define _PYALLOC_TYPE_H

#include <linux/kconfig.h>
#include <linux/llist.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/pyalloc.h>
#include <asm/local.h>

#include "heap.h"
#include "zero.h"

struct module;

#define PYTYPE_MAX_ITEMS	64
#define PYTYPE_MAX_FREE		4096

/* Keys of free lists that are no code of the map. */
#define PYFREELIST_BUSY		0xff
#define PYFREELIST_LONG_WAY	0xfe

/*
 * How many bytes there are to zero, in one byte: as they are if that is done
 * inline, else in steps of 8, above those; or what is not to be zeroed at all.
 */
#define PYFREELIST_KEEPS	0xff

static inline u8 pyfreelist_pack(unsigned int bytes)
{
	return bytes <= PYZERO_INLINE ? bytes :
	       PYZERO_INLINE + (bytes >> PYALLOC_STEP_SHIFT);
}

static inline unsigned int pyfreelist_unpack(u8 zero)
{
	return zero <= PYZERO_INLINE ? zero :
	       (zero - PYZERO_INLINE) << PYALLOC_STEP_SHIFT;
}

/**
 * struct pyfreelist - free objects of one size, on one CPU
 * @top: behind the object that goes out next; below the first is a NULL
 * @end: behind the last slot
 * @array: where the NULL is
 * @puts: objects that came in
 * @drained: objects that were taken out to go to the heap
 * @misses: objects that came from the heap; in a type's first list
 * @returns: objects that went to the heap and not by a list; likewise
 * @reciprocal: the class's, to tell a block's start
 * @mask: what of an address is an offset in its pool
 * @zero: an object's bytes, packed, or PYFREELIST_KEEPS
 * @key: the code that the map has for the blocks, PYFREELIST_LONG_WAY if frees
 *	have more to do; PYFREELIST_BUSY from the owner's first to his last look
 *	at the rest
 *
 * One cache line.  As with a front's stock nobody but the CPU that it belongs
 * to touches it, with preemption off, and an interrupt that finds it busy
 * leaves all but the counters alone: see front.h for why that is enough.  That
 * it is busy lies in the byte that a free has to compare anyway.
 */
struct pyfreelist {
	void	**top;
	void	**end;
	void	**array;
	local_t	puts;
	local_t	drained;
	local_t	misses;
	local_t	returns;
	u32	reciprocal;
	u16	mask;
	u8	zero;
	u8	key;
} ____cacheline_aligned;

/**
 * struct pytype - what a client has of a type: its lists, on each CPU
 * @info: the type
 * @max_items: of more items than that objects have no list
 * @list: the lists by the number of items; closed, or where there is none, one
 *	that is always busy
 *
 * A client's pointer is one as this_cpu_read() takes it, so that a CPU finds
 * its list with one instruction.
 */
struct pytype {
	struct pytype_info	*info;
	unsigned long		max_items;
	struct pyfreelist	*list[];
};

static __always_inline struct pytype __percpu *pytype_cpus(struct pytype *type)
{
	return (struct pytype __percpu *)(__force unsigned long)type;
}

static __always_inline void pyfreelist_enter(struct pyfreelist *list)
{
	WRITE_ONCE(list->key, PYFREELIST_BUSY);
	barrier();
}

static __always_inline void pyfreelist_leave(struct pyfreelist *list, u8 key)
{
	barrier();
	WRITE_ONCE(list->key, key);
}

/*
 * Takes the object that came in last, with preemption off.  NULL: there is
 * none, or this CPU was interrupted while it was there.
 */
static __always_inline void *pyfreelist_pop(struct pyfreelist *list)
{
	u8 key = list->key;
	void *object;

	if (unlikely(key == PYFREELIST_BUSY))
		return NULL;
	pyfreelist_enter(list);
	object = list->top[-1];
	if (unlikely(!object)) {
		pyfreelist_leave(list, key);
		return NULL;
	}
	/* In memory, for who looks on: see pystock_pop(). */
	barrier();
	list->top--;
	pyfreelist_leave(list, key);
	return object;
}

/*
 * Puts in what is known to be an object, with preemption off, into a list whose
 * key is @key.  False: there is no room, or it is the one that came in last.
 */
static __always_inline bool pyfreelist_put(struct pyfreelist *list, u8 key,
					   void *object)
{
	void **top;

	pyfreelist_enter(list);
	top = list->top;
	if (unlikely(top == list->end || top[-1] == object)) {
		pyfreelist_leave(list, key);
		return false;
	}
	*top = object;
	barrier();
	list->top++;
	local_inc(&list->puts);
	pyfreelist_leave(list, key);
	return true;
}

/*
 * The same of any pointer with its code in the map.  False also if it is not
 * the start of a block of the list's class, or the list is busy.
 */
static __always_inline bool pyfreelist_push(struct pyfreelist *list,
					    unsigned long code, void *object)
{
	u32 offset;

	if (unlikely(list->key != (u8)code))
		return false;
	offset = (u32)(unsigned long)object & list->mask;
	if (unlikely(offset * list->reciprocal >= PYCLASS_FRACTION))
		return false;
	return pyfreelist_put(list, code, object);
}

/**
 * struct pytype_stats - a snapshot of a type
 * @name: its name
 * @heap: the name of the heap that its objects are of
 * @owner: the module that made it
 * @size: an object's bytes, without its items
 * @itemsize: an item's
 * @max_items: as it was created with
 * @max_free: as it was created with, or 0 if there are no lists
 * @flags: as it was created with
 * @has_ctor: there is one
 * @live: objects that clients have
 * @cached: objects on lists
 * @hits: how many came from a list
 * @misses: how many came from the heap
 * @immortals: objects that live as long as the type
 */
struct pytype_stats {
	const char	*name;
	const char	*heap;
	const char	*owner;
	size_t		size;
	size_t		itemsize;
	unsigned int	max_items;
	unsigned int	max_free;
	unsigned int	flags;
	bool		has_ctor;
	unsigned long	live;
	unsigned long	cached;
	unsigned long	hits;
	unsigned long	misses;
	unsigned long	immortals;
};

void pytype_walk(void (*show)(void *to, const struct pytype_stats *stats),
		 void *to);

void pytype_close_all(void);
void pytype_open_all(void);
void pytype_destroy_of(const struct pyheap *heap);
void pytype_see_off(const struct module *module);
bool pytype_lists_here(const void *object);
void pytype_drain_this(void);
void pytype_drain_dead(unsigned int cpu);
void pytype_exit(void);

#endif /* _PYALLOC_TYPE_H */
