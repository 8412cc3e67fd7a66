// SPDX-License-Identifier: GPL-2.0
/*
 * Types: what CPython's object-specific allocators do, above the domains.
 *
 * A type keeps what is freed of it on free lists, each CPU its own, so that the
 * next object of the type is the one that was freed last.  A list is an array
 * of pointers, as a front's stock is; an object on it is a live block for the
 * heap, and its bytes are as the client left them.  Objects of several lengths
 * that are blocks of the same size class share a list, since a free knows no
 * more of an object than its class.
 *
 * Everything else is told apart out of line: objects that are not for a list,
 * immortal ones, those of a type with pools of its own, of which a free asks
 * whose pool it is, and those that wait for a grace period.  What does not come
 * from a list or go there is private.c's, by whichever heap the type is of.
 *
 * While every call has to be seen the lists are closed: each CPU's pointers to
 * them lead to one that is always busy.  What lies in lists then is for the
 * next drain.
 *
 * Contexts: allocation and free in all, NMI included, but for a free of a type
 * with PYTYPE_RCU, which is not for NMI; the rest in process context.
 * Lock order: types_lock, then those of heaps.  A list is entered with
 * preemption off and nothing is called while it is.
 */
#include <linux/err.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "debug.h"
#include "fault.h"
#include "lifetime.h"
#include "map.h"
#include "private.h"
#include "raw.h"
#include "sanitizer.h"
#include "type.h"
#include "compat.h"

#define FLAGS		(PYTYPE_STABLE | PYTYPE_RCU | PYTYPE_GROW)

/* What an array has at first, the NULL included; each next one twice that. */
#define MIN_SLOTS	16

#define NO_LIST		0xff

/**
 * struct list_plan - what the lists of one size are like on all CPUs
 * @class: the size class, in the type's heap
 * @key: what a list's key is while it is not busy
 * @code: the code of a block that may go there; 0: of any that is plain
 * @max: the most objects on each
 */
struct list_plan {
	unsigned int	class;
	unsigned int	max;
	u8		key;
	u8		code;
};

/**
 * struct row - objects that live as long as their type
 * @node: among all rows
 * @first: the first of them
 * @bytes: all of them
 */
struct row {
	struct llist_node	node;
	void			*first;
	size_t			bytes;
};

/**
 * struct trailer - what lies behind an object of a type with PYTYPE_RCU
 * @rcu: for the grace period
 * @info: its type, from the free until the grace period is over, else NULL
 */
struct trailer {
	struct rcu_head		rcu;
	struct pytype_info	*info;
};

/**
 * struct pytype_info - a type
 * @cpus: the client's pointer
 * @lists: a list a plan on each CPU, or NULL when the type is destroyed
 * @heap: the heap of its objects, NULL for the object domain
 * @ctor: run on each object that comes to it
 * @is_typed: @heap is its own
 * @is_open: its lists may be used
 * @is_gone: it was destroyed
 * @size: an object's bytes for the client, without items
 * @block: the same with what lies behind it
 * @itemsize: an item's bytes
 * @flags: PYTYPE_*
 * @max_items: as it was created with
 * @max_free: as it was created with
 * @nr_lists: how many plans there are; one at least, for its counters
 * @plan: the plans
 * @of_length: the plan for objects of so many items, or NO_LIST
 * @of_class: the plan for blocks of a class, or NO_LIST
 * @immortals: the rows
 * @nr_immortals: how many objects are in them
 * @list: among all types, or among those that are gone
 * @name: its name
 * @heap_name: that of its heap
 * @owner: that of the module that made it
 * @module: that module, while it is there
 */
struct pytype_info {
	struct pytype __percpu		*cpus;
	struct pyfreelist __percpu	*lists;
	struct pyheap			*heap;
	void				(*ctor)(void *obj);
	bool				is_typed;
	bool				is_open;
	bool				is_gone;
	size_t				size;
	size_t				block;
	size_t				itemsize;
	unsigned int			flags;
	unsigned int			max_items;
	unsigned int			max_free;
	unsigned int			nr_lists;
	struct list_plan		plan[PYCLASS_MAX];
	u8				of_length[PYTYPE_MAX_ITEMS + 1];
	u8				of_class[PYCLASS_MAX];
	struct llist_head		immortals;
	atomic_long_t			nr_immortals;
	struct list_head		list;
	char				name[PYLIFETIME_NAME];
	char				heap_name[PYLIFETIME_NAME];
	char				owner[MODULE_NAME_LEN];
	const struct module		*module;
};

static LIST_HEAD(types);
static LIST_HEAD(gone_types);

/* Protects both, what is_open of each is, and keeps drains apart. */
static DEFINE_MUTEX(types_lock);

/* The fast path is closed. */
static bool is_closed;

/* Where a closed list leads: who comes there turns back before he writes. */
static struct pyfreelist closed_list = { .key = PYFREELIST_BUSY };

/* What a list without an array points into: always empty, always full. */
static void *no_array[1];

static struct pytype_info *info_of(struct pytype *type)
{
	return raw_cpu_read(pytype_cpus(type)->info);
}

static struct pytype *client_pointer(const struct pytype_info *info)
{
	return (struct pytype *)(__force unsigned long)info->cpus;
}

static void report(enum pyalloc_mistake mistake, struct pytype_info *info,
		   const void *ptr, gfp_t gfp, unsigned long caller)
{
	struct pyalloc_report report = {
		.mistake = mistake, .ptr = ptr, .gfp = gfp, .caller = caller,
		.type = info->name,
	};

	pydebug_say(&report, ptr ? pymap_lookup(ptr) : 0);
}

/* Says so, if the type was destroyed. */
static bool is_gone(struct pytype_info *info, unsigned long caller)
{
	if (likely(!READ_ONCE(info->is_gone)))
		return false;
	report(PYALLOC_GONE_TYPE, info, client_pointer(info), 0, caller);
	return true;
}

/* Objects that came or went past the lists; those of a type that goes do not. */
#define count(info, what)						\
do {									\
	struct pyfreelist __percpu *__lists;				\
									\
	preempt_disable();						\
	__lists = READ_ONCE((info)->lists);				\
	if (__lists)							\
		local_inc(&raw_cpu_ptr(__lists)->what);			\
	preempt_enable();						\
} while (0)

/* === Allocation === */

static struct trailer *trailer_of(struct pytype_info *info, void *object)
{
	return object + ALIGN(info->size, 8);
}

/* The bytes of an object with @n items; over INT_MAX if there can be none. */
static size_t bytes_of(const struct pytype_info *info, size_t n)
{
	return size_add(info->block, size_mul(info->itemsize, n));
}

/* From a list, whatever the gfp may want of it. */
static void *take(struct pytype_info *info, size_t n, gfp_t gfp)
{
	struct pyfreelist *list;
	void *object;
	u8 zero;

	if (n > info->max_items || gfp & PYALLOC_GFP_RAW)
		return NULL;
	preempt_disable();
	list = raw_cpu_read(info->cpus->list[n]);
	object = pyfreelist_pop(list);
	zero = list->zero;
	preempt_enable();
	if (object && want_init_on_alloc(gfp) && zero != PYFREELIST_KEEPS)
		pyzero_block(object, pyfreelist_unpack(zero));
	return object;
}

static void *alloc(struct pytype_info *info, size_t n, gfp_t gfp,
		   unsigned long caller)
{
	size_t bytes;
	void *object;

	if (!info->itemsize)
		n = 0;
	bytes = bytes_of(info, n);
	if (bytes > INT_MAX)
		return NULL;
	if (info->is_typed && gfp & __GFP_ZERO) {
		report(PYALLOC_ZEROED_TYPE, info, NULL, gfp, caller);
		return NULL;
	}
	object = take(info, n, gfp);
	if (object)
		return object;
	object = pyprivate_malloc(info->heap, bytes, gfp, caller);
	if (!object)
		return NULL;
	if (info->flags & PYTYPE_RCU)
		trailer_of(info, object)->info = NULL;
	count(info, misses);
	return object;
}

/* The list was empty, closed or busy, or the gfp is not for the fast path. */
static noinline void *alloc_more(struct pytype *type, size_t n, gfp_t gfp,
				 unsigned long caller)
{
	struct pytype_info *info = info_of(type);

	return is_gone(info, caller) ? NULL : alloc(info, n, gfp, caller);
}

/* A checking kernel wants to know of a sleeping gfp where none may sleep. */
static __always_inline void check_context(gfp_t gfp)
{
	if (IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP) || IS_ENABLED(CONFIG_LOCKDEP))
		might_alloc(gfp);
}

static noinline void *zero_more(void *object, u8 zero)
{
	if (zero != PYFREELIST_KEEPS)
		memset(object, 0, pyfreelist_unpack(zero));
	return object;
}

/* The fast path, of a gfp that has nothing special. */
static __always_inline void *alloc_fast(struct pytype *type, size_t n,
					gfp_t gfp)
{
	struct pyfreelist *list;
	unsigned int zero;
	void *object;

	check_context(gfp);
	preempt_disable_notrace();
	list = raw_cpu_read(pytype_cpus(type)->list[n]);
	object = pyfreelist_pop(list);
	if (!object || !want_init_on_alloc(0)) {
		pycompat_preempt_enable_notrace();
		return likely(object) ? object :
		       alloc_more(type, n, gfp, _RET_IP_);
	}
	zero = list->zero;
	pycompat_preempt_enable_notrace();
	if (unlikely(zero > PYZERO_INLINE))
		return zero_more(object, zero);
	pyzero_small(object, zero);
	return object;
}

notrace void *__pytype_alloc_plain(struct pytype *type, gfp_t gfp)
{
	return alloc_fast(type, 0, gfp);
}
EXPORT_SYMBOL_GPL(__pytype_alloc_plain);

notrace void *__pytype_alloc(struct pytype *type, gfp_t gfp)
{
	if (unlikely(gfp & PYALLOC_GFP_SPECIAL))
		return alloc_more(type, 0, gfp, _RET_IP_);
	return alloc_fast(type, 0, gfp);
}
EXPORT_SYMBOL_GPL(__pytype_alloc);

/**
 * pytype_alloc_var() - allocate an object with items
 * @type: its type
 * @n: how many
 * @gfp: as for pytype_alloc()
 *
 * Context: As pymem_malloc().
 * Return: the object; or NULL: no memory, or it would be over INT_MAX bytes.
 */
notrace void *pytype_alloc_var(struct pytype *type, size_t n, gfp_t gfp)
{
	if (unlikely(gfp & PYALLOC_GFP_SPECIAL ||
		     n > raw_cpu_read(pytype_cpus(type)->max_items)))
		return alloc_more(type, n, gfp, _RET_IP_);
	return alloc_fast(type, n, gfp);
}
EXPORT_SYMBOL_GPL(pytype_alloc_var);

/* === Immortals === */

/* Rows come, and go with their type only. */
static bool is_immortal(const struct pytype_info *info, const void *object)
{
	const struct row *row;

	llist_for_each_entry(row, READ_ONCE(info->immortals.first), node)
		if ((unsigned long)object - (unsigned long)row->first <
		    row->bytes)
			return true;
	return false;
}

static void construct(const struct pytype_info *info, const struct row *row)
{
	size_t at;

	for (at = 0; info->ctor && at < row->bytes; at += ALIGN(info->size, 8))
		info->ctor(row->first + at);
}

/**
 * pytype_alloc_immortal() - allocate objects that live as long as their type
 * @type: the type
 * @n: how many; they have no items
 * @gfp: as for kmalloc()
 *
 * Each is zeroed, and the ctor has run on it if there is one.  They lie in a
 * row: where the next one is follows from the type's size, rounded up to 8.
 * pytype_free() leaves them alone.
 *
 * Context: As pymem_raw_malloc().
 * Return: the first; or NULL: no memory, no bytes, or more than INT_MAX.
 */
void *pytype_alloc_immortal(struct pytype *type, size_t n, gfp_t gfp)
{
	struct pytype_info *info = info_of(type);
	size_t bytes = size_mul(n, ALIGN(info->size, 8));
	struct row *row;

	if (is_gone(info, _RET_IP_) || !bytes || bytes > INT_MAX)
		return NULL;
	row = pyraw_malloc(sizeof(*row), gfp, NUMA_NO_NODE);
	if (!row)
		return NULL;
	row->bytes = bytes;
	row->first = pyraw_malloc(bytes, gfp | __GFP_ZERO, NUMA_NO_NODE);
	if (!row->first) {
		pyraw_free(row);
		return NULL;
	}
	construct(info, row);
	llist_add(&row->node, &info->immortals);
	atomic_long_add(n, &info->nr_immortals);
	return row->first;
}
EXPORT_SYMBOL_GPL(pytype_alloc_immortal);

static void free_immortals(struct pytype_info *info)
{
	struct llist_node *rows = llist_del_all(&info->immortals);
	struct row *row, *next;

	llist_for_each_entry_safe(row, next, rows, node) {
		pyraw_free(row->first);
		pyraw_free(row);
	}
}

/* === Freeing === */

static unsigned int slots_of(const struct pyfreelist *list)
{
	return list->end - list->array;
}

/* Changes an array, which is not smaller, for the one that the list has. */
static void **swap_array(struct pyfreelist *list, void **array,
			 unsigned int slots)
{
	unsigned int n = list->top - list->array;
	void **old = list->array;

	memcpy(array, old, n * sizeof(*array));
	list->array = array;
	list->top = array + n;
	list->end = array + slots;
	return old;
}

/* Gives this CPU's list more room, if it may have more and there is memory. */
static bool grow(struct pytype_info *info, unsigned int i)
{
	unsigned int slots = slots_of(raw_cpu_ptr(info->lists) + i);
	unsigned int most = info->plan[i].max + 1;
	struct pyfreelist *list;
	void **array;
	bool grows;

	if (slots >= most || !pyraw_may_call() ||
	    pyfault_strikes(PYFAULT_FREELIST))
		return false;
	slots = min(max_t(unsigned int, 2 * slots, MIN_SLOTS), most);
	array = kmalloc_array(slots, sizeof(*array), PYCOMPAT_GFP_QUIET);
	if (!array)
		return false;
	preempt_disable();
	list = raw_cpu_ptr(info->lists) + i;
	grows = list->key != PYFREELIST_BUSY && slots > slots_of(list);
	if (grows) {
		pyfreelist_enter(list);
		array = swap_array(list, array, slots);
		pyfreelist_leave(list, info->plan[i].key);
	}
	preempt_enable();
	if (array != no_array)
		kfree(array);
	return grows;
}

/* NO_MISTAKE without having put it there: the list is full, closed or busy. */
static enum pyalloc_mistake put(struct pytype_info *info, unsigned int i,
				void *object, bool *done)
{
	enum pyalloc_mistake mistake = PYALLOC_NO_MISTAKE;
	struct pyfreelist *list;

	*done = false;
	preempt_disable();
	if (READ_ONCE(info->is_open)) {
		list = raw_cpu_ptr(info->lists) + i;
		if (list->key != PYFREELIST_BUSY)
			*done = pyfreelist_put(list, info->plan[i].key, object);
		if (!*done && list->top[-1] == object)
			mistake = PYALLOC_DOUBLE_FREE;
	}
	preempt_enable();
	return mistake;
}

/* The list for a block with that entry in the map, or NO_LIST. */
static unsigned int list_for(const struct pytype_info *info, u32 entry)
{
	unsigned int class = pymap_class(entry), i;

	if (!READ_ONCE(info->is_open) || !entry)
		return NO_LIST;
	if (info->is_typed)
		return class < PYCLASS_MAX ? 0 : NO_LIST;
	i = class < PYCLASS_MAX ? info->of_class[class] : NO_LIST;
	/* Of what is sampled each free has to be seen. */
	if (i != NO_LIST && info->plan[i].code != (entry & PYMAP_CODE_MASK))
		return NO_LIST;
	return i;
}

/* To a list if there is room, else to the heap. */
static void give_back(struct pytype_info *info, u32 entry, void *object,
		      unsigned long caller)
{
	enum pyalloc_mistake mistake = PYALLOC_NO_MISTAKE;
	unsigned int i = list_for(info, entry);
	bool done = false;

	if (i != NO_LIST) {
		mistake = put(info, i, object, &done);
		if (!done && mistake == PYALLOC_NO_MISTAKE && grow(info, i))
			mistake = put(info, i, object, &done);
	}
	if (mistake != PYALLOC_NO_MISTAKE) {
		report(mistake, info, object, 0, caller);
	} else if (!done) {
		pyprivate_free(info->heap, object, caller);
		count(info, returns);
	}
}

static void end_grace(struct rcu_head *rcu)
{
	struct trailer *trailer = container_of(rcu, struct trailer, rcu);
	struct pytype_info *info = trailer->info;
	void *object = (void *)trailer - ALIGN(info->size, 8);

	trailer->info = NULL;
	give_back(info, pymap_lookup(object), object, _THIS_IP_);
}

/* The type is told by the trailer, and who waits there already too. */
static void free_later(struct pytype_info *info, void *object,
		       unsigned long caller)
{
	struct trailer *trailer = trailer_of(info, object);

	if (cmpxchg(&trailer->info, NULL, info)) {
		report(PYALLOC_DOUBLE_FREE, info, object, 0, caller);
		return;
	}
	call_rcu(&trailer->rcu, end_grace);
}

/* May an object of the type be a block of that class of its heap? */
static bool fits(const struct pytype_info *info, const struct pyheap *heap,
		 unsigned int class)
{
	size_t size = pyheap_class(heap, class)->size;

	if (info->is_typed)
		return true;
	if (info->itemsize)
		return size >= info->block;
	return info->block <= PYALLOC_SMALL_MAX &&
	       size == heap->step_size[PYALLOC_STEP(info->block)];
}

/* Who waits for a grace period writes behind the object. */
static bool is_large_enough(const struct pytype_info *info, const void *object)
{
	return !(info->flags & PYTYPE_RCU) ||
	       pyalloc_usable_size(object) >= info->block;
}

/*
 * What the map knows of the pointer, which is nothing of raw's blocks, and of
 * those that debug hooks decorated they know more.
 */
static enum pyalloc_mistake judge(const struct pytype_info *info,
				  const void *object, u32 entry)
{
	const struct pyheap *ours = info->heap ?: &pyheap_default, *heap;
	unsigned int class = pymap_class(entry);

	if (!entry)
		return !info->is_typed && is_large_enough(info, object) ?
		       PYALLOC_NO_MISTAKE : PYALLOC_WRONG_TYPE;
	heap = pyheap_of(entry);
	if (heap != ours)
		return PYALLOC_WRONG_TYPE;
	if (!(entry & PYMAP_CODE_MASK) || pyclass_is_meta(class))
		return PYALLOC_NO_POOL;
	if (pyclass_is_decorated(class))
		return is_large_enough(info, object) ? PYALLOC_NO_MISTAKE :
						       PYALLOC_WRONG_TYPE;
	if (!fits(info, heap, class))
		return PYALLOC_WRONG_TYPE;
	return pyclass_is_start(pyheap_class(heap, class), object) ?
	       PYALLOC_NO_MISTAKE : PYALLOC_INTERIOR;
}

/* No object of the first list, or that is full, closed or busy. */
static noinline void free_more(struct pytype *type, void *object,
			       unsigned long caller)
{
	struct pytype_info *info = info_of(type);
	enum pyalloc_mistake mistake;
	u32 entry;

	if (ZERO_OR_NULL_PTR(object) || is_gone(info, caller) ||
	    is_immortal(info, object))
		return;
	entry = pymap_lookup(object);
	mistake = judge(info, object, entry);
	if (unlikely(mistake != PYALLOC_NO_MISTAKE))
		report(mistake, info, object, 0, caller);
	else if (info->flags & PYTYPE_RCU)
		free_later(info, object, caller);
	else
		give_back(info, entry, object, caller);
}

/**
 * pytype_free() - free an object
 * @type: its type
 * @obj: the object, or NULL
 *
 * What is no object of the type is reported once a caller and left alone: told
 * exactly if the type has pools of its own; else by its size class, as far as
 * debug hooks have not decorated it.  A second free is told of the object that
 * came last on its list, and of one that waits for a grace period.
 *
 * Context: Any; with PYTYPE_RCU any but NMI, and on PREEMPT_RT not under a
 * raw_spinlock_t.
 */
notrace void pytype_free(struct pytype *type, void *obj)
{
	unsigned long code = pymap_code(obj);
	bool done;

	/* So that gcc makes no case of its own of what is not mapped. */
	OPTIMIZER_HIDE_VAR(code);
	preempt_disable_notrace();
	done = pyfreelist_push(raw_cpu_read(pytype_cpus(type)->list[0]), code,
			       obj);
	pycompat_preempt_enable_notrace();
	if (unlikely(!done))
		free_more(type, obj, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pytype_free);

/* === Resizing === */

static size_t capacity(const struct pytype_info *info, const void *object)
{
	size_t usable;

	if (!info->itemsize || is_immortal(info, object))
		return 0;
	usable = pyalloc_usable_size(object);
	return usable > info->size ? (usable - info->size) / info->itemsize : 0;
}

/**
 * pytype_capacity() - how many items an object has room for
 * @type: its type
 * @obj: the object, or NULL
 *
 * Context: As pyalloc_usable_size().
 * Return: their number; 0 if objects of the type have no items.
 */
size_t pytype_capacity(struct pytype *type, const void *obj)
{
	struct pytype_info *info = info_of(type);

	return !obj || is_gone(info, _RET_IP_) ? 0 : capacity(info, obj);
}
EXPORT_SYMBOL_GPL(pytype_capacity);

/*
 * What a list of Python's is given room for: an eighth more and a little, in
 * fours; or not, if it grows by more at once than it would be given.
 */
static size_t with_room(size_t n, size_t old)
{
	size_t room = (n + (n >> 3) + 6) & ~(size_t)3;

	if (!n)
		return 0;
	if (n > old && n - old > room - n)
		room = (n + 3) & ~(size_t)3;
	return room;
}

/* How many items an object of @old, which is to have @n, gets room for. */
static size_t choose_room(const struct pytype_info *info, size_t n, size_t old)
{
	size_t room;

	if (!(info->flags & PYTYPE_GROW) || n > INT_MAX)
		return n;
	if (n <= old && n >= old / 2)
		return old;
	room = with_room(n, old);
	/* It fits, and it is not to fail. */
	if (n <= old)
		return min(room, old);
	return bytes_of(info, room) <= INT_MAX ? room : n;
}

/**
 * pytype_resize() - change how many items an object has
 * @type: its type
 * @obj: the object; with NULL it is pytype_alloc_var()
 * @n: how many items it is to have
 * @gfp: as for pymem_realloc()
 *
 * With PYTYPE_GROW it stays as it is while it has room for @n and uses half of
 * it, and else gets more room than that, as Python's lists do.
 *
 * Context: As pymem_malloc().
 * Return: the object, moved or not; or NULL, with @obj as it was, also for an
 * immortal one that is to have items.  Shrinking never fails.
 */
void *pytype_resize(struct pytype *type, void *obj, size_t n, gfp_t gfp)
{
	struct pytype_info *info = info_of(type);
	size_t old, room;

	if (is_gone(info, _RET_IP_))
		return NULL;
	if (!obj)
		return alloc(info, n, gfp, _RET_IP_);
	if (!info->itemsize)
		return obj;
	if (is_immortal(info, obj))
		return n ? NULL : obj;
	old = capacity(info, obj);
	room = choose_room(info, n, old);
	if (info->flags & PYTYPE_GROW && room == old)
		return obj;
	if (bytes_of(info, room) > INT_MAX)
		return NULL;
	return pyprivate_realloc(info->heap, obj, bytes_of(info, room), gfp,
				 _RET_IP_);
}
EXPORT_SYMBOL_GPL(pytype_resize);

/* === Opening, closing, draining === */

static struct pyfreelist *list_on(struct pytype_info *info, unsigned int i,
				  unsigned int cpu)
{
	return per_cpu_ptr(info->lists, cpu) + i;
}

/* With types_lock held; each CPU may be in the middle of a call. */
static void lead(struct pytype_info *info, bool open)
{
	struct pyfreelist *list;
	unsigned int n, i;
	int cpu;

	/* No type's lists are open where a sanitizer watches each block. */
	open = open && !PYSAN_WATCHES && info->max_free;
	WRITE_ONCE(info->is_open, open);
	for_each_possible_cpu(cpu)
		for (n = 0; n <= info->max_items; n++) {
			i = info->of_length[n];
			list = open && i != NO_LIST ? list_on(info, i, cpu) :
						      &closed_list;
			WRITE_ONCE(per_cpu_ptr(info->cpus, cpu)->list[n], list);
		}
}

/**
 * pytype_close_all() - lead every call off the lists
 *
 * Context: Process.  What has begun is over after a grace period.
 */
void pytype_close_all(void)
{
	struct pytype_info *info;

	mutex_lock(&types_lock);
	is_closed = true;
	list_for_each_entry(info, &types, list)
		lead(info, false);
	mutex_unlock(&types_lock);
}

/**
 * pytype_open_all() - let lists be used again
 *
 * Context: Process.
 */
void pytype_open_all(void)
{
	struct pytype_info *info;

	mutex_lock(&types_lock);
	is_closed = false;
	list_for_each_entry(info, &types, list)
		lead(info, true);
	mutex_unlock(&types_lock);
}

static void *pop_drained(struct pyfreelist *list)
{
	void *object;

	preempt_disable();
	object = pyfreelist_pop(list);
	if (object)
		local_inc(&list->drained);
	preempt_enable();
	return object;
}

/* An empty list's array; or none that has to be freed. */
static void **take_array(struct pyfreelist *list)
{
	void **array = NULL;
	u8 key;

	preempt_disable();
	key = list->key;
	if (key != PYFREELIST_BUSY && list->top == list->array + 1 &&
	    list->array != no_array) {
		pyfreelist_enter(list);
		array = list->array;
		list->array = no_array;
		list->top = no_array + 1;
		list->end = no_array + 1;
		pyfreelist_leave(list, key);
	}
	preempt_enable();
	return array;
}

/* The lists of a CPU that is this one, or gone, or has left them for good. */
static void drain(struct pytype_info *info, unsigned int cpu)
{
	struct pyfreelist *list;
	unsigned int i, n;
	void *object;

	for (i = 0; i < info->nr_lists; i++) {
		list = list_on(info, i, cpu);
		/* Others may put in as fast as this takes out. */
		for (n = info->plan[i].max; n; n--) {
			object = pop_drained(list);
			if (!object)
				break;
			pyprivate_free(info->heap, object, _THIS_IP_);
		}
		kfree(take_array(list));
	}
}

static void drain_all(unsigned int cpu)
{
	struct pytype_info *info;

	mutex_lock(&types_lock);
	list_for_each_entry(info, &types, list)
		drain(info, cpu);
	mutex_unlock(&types_lock);
}

/**
 * pytype_drain_this() - give what lies in this CPU's lists to the heaps
 *
 * Context: Process, on a thread that stays on its CPU.
 */
void pytype_drain_this(void)
{
	drain_all(smp_processor_id());
}

/**
 * pytype_drain_dead() - the same of a CPU that is gone
 * @cpu: the CPU, which is offline
 *
 * Context: Process.
 */
void pytype_drain_dead(unsigned int cpu)
{
	drain_all(cpu);
}

/* === Looking === */

/* A list of this CPU, which interrupts leave alone meanwhile. */
static bool is_on(struct pyfreelist *list, const void *object)
{
	bool found = false;
	void **slot;
	u8 key;

	preempt_disable();
	key = list->key;
	if (key != PYFREELIST_BUSY) {
		pyfreelist_enter(list);
		for (slot = list->array + 1; slot < list->top; slot++)
			found |= *slot == object;
		pyfreelist_leave(list, key);
	}
	preempt_enable();
	return found;
}

/**
 * pytype_lists_here() - does an object lie on a list of this CPU?
 * @object: any pointer
 *
 * Context: Process, on a thread that stays on its CPU.
 * Return: whether it does now.
 */
bool pytype_lists_here(const void *object)
{
	struct pytype_info *info;
	bool found = false;
	unsigned int i;

	mutex_lock(&types_lock);
	list_for_each_entry(info, &types, list)
		for (i = 0; i < info->nr_lists && !found; i++)
			found = is_on(list_on(info, i, smp_processor_id()),
				      object);
	mutex_unlock(&types_lock);
	return found;
}

/* === Counting === */

/* May be asked from afar, while the list changes. */
static unsigned long cached_in(const struct pyfreelist *list,
			       const struct list_plan *plan)
{
	return clamp_t(long, READ_ONCE(list->top) - READ_ONCE(list->array) - 1,
		       0, plan->max);
}

static void add_list(struct pytype_info *info, unsigned int i, int cpu,
		     struct pytype_stats *stats)
{
	const struct pyfreelist *list = list_on(info, i, cpu);
	unsigned long cached = cached_in(list, &info->plan[i]);
	unsigned long drained = local_read(&list->drained);
	unsigned long misses = local_read(&list->misses);

	stats->cached += cached;
	stats->misses += misses;
	stats->hits += local_read(&list->puts) - drained - cached;
	stats->live += misses - local_read(&list->returns) - drained - cached;
}

static void take_stats(struct pytype_info *info, struct pytype_stats *stats)
{
	unsigned int i;
	int cpu;

	*stats = (struct pytype_stats) {
		.name		= info->name,
		.heap		= info->heap_name,
		.owner		= info->owner,
		.size		= info->size,
		.itemsize	= info->itemsize,
		.max_items	= info->max_items,
		.max_free	= info->max_free,
		.flags		= info->flags,
		.has_ctor	= info->ctor,
		.immortals	= atomic_long_read(&info->nr_immortals),
	};
	for_each_possible_cpu(cpu)
		for (i = 0; i < info->nr_lists; i++)
			add_list(info, i, cpu, stats);
	/* What changes meanwhile may make a sum of many CPUs' less than 0. */
	stats->live = max_t(long, stats->live, 0);
	stats->hits = max_t(long, stats->hits, 0);
}

/**
 * pytype_walk() - take a snapshot of each type
 * @show: what gets it
 * @to: its first argument
 *
 * Context: Process; sleeps.
 */
void pytype_walk(void (*show)(void *to, const struct pytype_stats *stats),
		 void *to)
{
	struct pytype_stats stats;
	struct pytype_info *info;

	mutex_lock(&types_lock);
	list_for_each_entry(info, &types, list) {
		take_stats(info, &stats);
		show(to, &stats);
	}
	mutex_unlock(&types_lock);
}
EXPORT_SYMBOL_GPL(pytype_walk);

/* === Making === */

static bool is_typed(const struct pytype_attr *attr)
{
	return attr->ctor || attr->flags & PYTYPE_STABLE;
}

static size_t block_of(const struct pytype_attr *attr)
{
	return attr->flags & PYTYPE_RCU ?
	       ALIGN(attr->size, 8) + sizeof(struct trailer) : attr->size;
}

/* Do they go together, the numbers each being in its bounds? */
static bool is_possible(const struct pytype_attr *attr)
{
	if (!attr->size && !attr->itemsize)
		return false;
	if (block_of(attr) > INT_MAX)
		return false;
	if (attr->itemsize && (is_typed(attr) || attr->flags & PYTYPE_RCU))
		return false;
	if (is_typed(attr) &&
	    (attr->heap || block_of(attr) > PYALLOC_SMALL_MAX))
		return false;
	/* A callback does not have the client's lock. */
	return !(attr->flags & PYTYPE_RCU) || !attr->heap ||
	       pyprivate_is_shared(attr->heap);
}

static bool is_valid(const struct pytype_attr *attr)
{
	return attr && pylifetime_is_name(attr->name) &&
	       !(attr->flags & ~FLAGS) &&
	       attr->size <= INT_MAX && attr->itemsize <= INT_MAX &&
	       attr->max_items <= PYTYPE_MAX_ITEMS &&
	       attr->max_free <= PYTYPE_MAX_FREE && is_possible(attr);
}

/* A list for objects of @n items, that of others if they have the same class. */
static void plan_length(struct pytype_info *info, unsigned int n)
{
	const struct pyheap *heap = info->heap ?: &pyheap_default;
	size_t bytes = bytes_of(info, n);
	struct list_plan *plan;
	unsigned int class;

	if (bytes > PYALLOC_SMALL_MAX)
		return;
	class = heap->classes->of_step[PYALLOC_STEP(bytes)];
	if (info->of_class[class] == NO_LIST) {
		info->of_class[class] = info->nr_lists++;
		plan = &info->plan[info->of_class[class]];
		plan->class = class;
		plan->code = pyprivate_code(info->heap, class);
		/* Other private heaps' blocks have the same codes. */
		plan->key = n || info->heap || info->flags & PYTYPE_RCU ?
			    PYFREELIST_LONG_WAY : plan->code;
	}
	info->of_length[n] = info->of_class[class];
	info->plan[info->of_length[n]].max += info->max_free;
}

/* Its pools are no other's, but a free has to see that they are its own. */
static void plan_typed(struct pytype_info *info)
{
	info->plan[0].max = info->max_free;
	info->plan[0].key = PYFREELIST_LONG_WAY;
	info->of_length[0] = 0;
	info->nr_lists = 1;
}

static void plan_lists(struct pytype_info *info)
{
	unsigned int n;

	memset(info->of_length, NO_LIST, sizeof(info->of_length));
	memset(info->of_class, NO_LIST, sizeof(info->of_class));
	if (info->is_typed)
		plan_typed(info);
	else
		for (n = 0; n <= info->max_items; n++)
			plan_length(info, n);
	if (!info->nr_lists) {
		info->nr_lists = 1;
		info->max_free = 0;
	}
}

static void init_list(struct pytype_info *info, unsigned int i, int cpu)
{
	const struct pyheap *heap = info->heap ?: &pyheap_default;
	const struct pyclass *class = pyheap_class(heap, info->plan[i].class);
	struct pyfreelist *list = list_on(info, i, cpu);

	list->array = no_array;
	list->top = no_array + 1;
	list->end = no_array + 1;
	list->key = info->plan[i].key;
	list->zero = info->is_typed ? PYFREELIST_KEEPS :
		     pyfreelist_pack(class->size);
	list->reciprocal = class->reciprocal;
	list->mask = (class->granules << PYGRANULE_SHIFT) - 1;
}

/* Two per-CPU areas: the lists go with the type, the pointers to them stay. */
static int make_cpus(struct pytype_info *info)
{
	struct pytype *type;
	unsigned int i;
	int cpu;

	if (pyfault_strikes(PYFAULT_TYPE))
		return -ENOMEM;
	info->cpus = __alloc_percpu(struct_size(type, list,
						info->max_items + 1),
				    __alignof__(struct pytype));
	info->lists = __alloc_percpu(info->nr_lists * sizeof(*info->lists),
				     __alignof__(struct pyfreelist));
	if (!info->cpus || !info->lists)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		type = per_cpu_ptr(info->cpus, cpu);
		type->info = info;
		type->max_items = info->max_items;
		for (i = 0; i < info->nr_lists; i++)
			init_list(info, i, cpu);
	}
	return 0;
}

static int make_heap(struct pytype_info *info, struct module *owner)
{
	const struct pyheap *heap;

	if (info->is_typed)
		info->heap = pyprivate_create_typed(info->name, info->block,
						    info->ctor, owner);
	if (IS_ERR(info->heap))
		return PTR_ERR(info->heap);
	heap = info->heap ?: &pyheap_default;
	strscpy(info->heap_name, heap->name, sizeof(info->heap_name));
	return 0;
}

static void fill_info(struct pytype_info *info, const struct pytype_attr *attr,
		      struct module *owner)
{
	info->heap = attr->heap;
	info->ctor = attr->ctor;
	info->is_typed = is_typed(attr);
	info->size = attr->size;
	info->block = block_of(attr);
	info->itemsize = attr->itemsize;
	info->flags = attr->flags;
	info->max_items = attr->itemsize ? attr->max_items : 0;
	/* A drain does not have the client's lock. */
	if (!attr->heap || pyprivate_is_shared(attr->heap))
		info->max_free = attr->max_free;
	strscpy(info->name, attr->name, sizeof(info->name));
	strscpy(info->owner, module_name(owner), sizeof(info->owner));
	info->module = owner;
}

static void free_info(struct pytype_info *info)
{
	free_percpu(info->lists);
	free_percpu(info->cpus);
	kfree(info);
}

static void add(struct pytype_info *info)
{
	mutex_lock(&types_lock);
	lead(info, !is_closed && !pyprivate_is_closed());
	list_add_tail(&info->list, &types);
	mutex_unlock(&types_lock);
}

/* Behind pytype_create(): @owner is its caller. */
struct pytype *__pytype_create(const struct pytype_attr *attr,
			       struct module *owner)
{
	struct pytype_info *info;
	int error;

	BUILD_BUG_ON((PYMAP_CLOSED | PYCLASSES_ALL) >= PYFREELIST_LONG_WAY);
	BUILD_BUG_ON(sizeof(struct pyfreelist) > 2 * SMP_CACHE_BYTES);
	if (!is_valid(attr) || IS_ERR(attr->heap) ||
	    (attr->heap && READ_ONCE(attr->heap->is_destroyed)))
		return ERR_PTR(-EINVAL);
	info = pyfault_strikes(PYFAULT_TYPE) ? NULL :
	       kzalloc(sizeof(*info), GFP_KERNEL);
	if (!info)
		return ERR_PTR(-ENOMEM);
	fill_info(info, attr, owner);
	error = make_heap(info, owner);
	if (error)
		goto out_info;
	plan_lists(info);
	error = make_cpus(info);
	if (error)
		goto out_heap;
	add(info);
	return client_pointer(info);

out_heap:
	if (info->is_typed)
		pyprivate_destroy(info->heap);
out_info:
	free_info(info);
	return ERR_PTR(error);
}
EXPORT_SYMBOL_GPL(__pytype_create);

/* === Unmaking === */

/* No call begins any more; true for who is the first to say so. */
static bool leave(struct pytype_info *info, unsigned long caller)
{
	bool gone;

	mutex_lock(&types_lock);
	gone = is_gone(info, caller);
	if (!gone) {
		WRITE_ONCE(info->is_gone, true);
		lead(info, false);
	}
	mutex_unlock(&types_lock);
	if (gone)
		return false;
	/* Those that are at a list, and then what waits for them. */
	synchronize_rcu();
	if (info->flags & PYTYPE_RCU)
		rcu_barrier();
	return true;
}

/* With all its lists empty.  Returns how many objects clients have left. */
static unsigned long take_down(struct pytype_info *info)
{
	struct pyfreelist __percpu *lists = info->lists;
	struct pytype_stats stats;
	int cpu;

	mutex_lock(&types_lock);
	for_each_possible_cpu(cpu)
		drain(info, cpu);
	take_stats(info, &stats);
	list_move(&info->list, &gone_types);
	WRITE_ONCE(info->lists, NULL);
	mutex_unlock(&types_lock);
	synchronize_rcu();
	free_percpu(lists);
	return stats.live;
}

/* Whoever says so first; the others are reported. */
static size_t end_type(struct pytype_info *info, unsigned long caller)
{
	size_t live;

	if (!leave(info, caller))
		return 0;
	live = take_down(info);
	if (live)
		pr_warn("pyalloc: type %s of %s is destroyed with %zu objects live%s\n",
			info->name, info->owner, live,
			info->is_typed ? ", which are freed" : "");
	free_immortals(info);
	if (info->is_typed)
		pyprivate_destroy(info->heap);
	return live;
}

/* One at a time, so that who waits for it waits for all of it. */
static DEFINE_MUTEX(destroy_lock);

static size_t destroy(struct pytype_info *info, unsigned long caller)
{
	size_t live;

	mutex_lock(&destroy_lock);
	live = end_type(info, caller);
	mutex_unlock(&destroy_lock);
	return live;
}

/**
 * pytype_destroy() - take a type down
 * @type: the type, which nobody else uses any more; or NULL, or an ERR_PTR
 *
 * Its immortals go, and what is live of a type with pools of its own; of other
 * types what is live stays, as blocks of the object domain or of the heap.
 *
 * Context: Process; sleeps until no object waits for a grace period.
 * Return: how many objects were still live, which is reported.
 */
size_t pytype_destroy(struct pytype *type)
{
	if (IS_ERR_OR_NULL(type))
		return 0;
	return destroy(info_of(type), _RET_IP_);
}
EXPORT_SYMBOL_GPL(pytype_destroy);

/* One of the types of a heap, or of a module; with neither, of any. */
static struct pytype_info *find(const struct pyheap *heap,
				const struct module *module)
{
	struct pytype_info *info, *found = NULL;

	mutex_lock(&types_lock);
	list_for_each_entry(info, &types, list)
		if (!info->is_gone && (!heap || info->heap == heap) &&
		    (!module || info->module == module))
			found = found ?: info;
	mutex_unlock(&types_lock);
	return found;
}

static void destroy_all(const struct pyheap *heap, const struct module *module)
{
	struct pytype_info *info;

	while ((info = find(heap, module)))
		destroy(info, _RET_IP_);
	/* Who began before is done with it. */
	mutex_lock(&destroy_lock);
	mutex_unlock(&destroy_lock);
}

/**
 * pytype_destroy_of() - take down the types of a heap that goes before them
 * @heap: the heap
 *
 * Context: Process; sleeps.
 */
void pytype_destroy_of(const struct pyheap *heap)
{
	destroy_all(heap, NULL);
}

/**
 * pytype_see_off() - take down the types that a module left
 * @module: the module, which goes
 *
 * Context: Process; sleeps.
 */
void pytype_see_off(const struct module *module)
{
	struct pytype_info *info;

	destroy_all(NULL, module);
	/* Another module may come to lie there. */
	mutex_lock(&types_lock);
	list_for_each_entry(info, &gone_types, list)
		if (info->module == module)
			info->module = NULL;
	mutex_unlock(&types_lock);
}

/**
 * pytype_exit() - take all types down that clients left
 *
 * Context: Process, when no client is left.
 */
void pytype_exit(void)
{
	struct pytype_info *info, *next;

	destroy_all(NULL, NULL);
	list_for_each_entry_safe(info, next, &gone_types, list)
		free_info(info);
}
