// SPDX-License-Identifier: GPL-2.0
/*
 * Each name that moves, with a small size, which is the heap's, and a large one.
 */
#include <linux/gfp.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "pykmalloc.h"

#define SMALL	200
#define LARGE	3000

/* What the compiler can't see through to. */
static size_t unknown(size_t size)
{
	OPTIMIZER_HIDE_VAR(size);
	return size;
}

static bool is_zeroed(const void *ptr, size_t size)
{
	return ptr && !memchr_inv(ptr, 0, size);
}

/* A small one and a large one, of which each is where it should be. */
static int check_pair(void *small, void *large, bool zeroed)
{
	check(small && large);
	check(is_moved(small));
	check(is_vmalloc_addr(large) || is_kernels(large));
	check(ksize(small) >= SMALL && ksize(large) >= LARGE);
	check(!zeroed || is_zeroed(small, SMALL));
	check(!zeroed || is_zeroed(large, LARGE));
	memset(small, 0x5a, SMALL);
	memset(large, 0xa5, LARGE);
	kvfree(small);
	kvfree(large);
	return 0;
}

static int check_malloc(void)
{
	return check_pair(kmalloc(SMALL, GFP_KERNEL),
			  kmalloc(LARGE, GFP_KERNEL), false) ?:
	       check_pair(kmalloc(unknown(SMALL), GFP_ATOMIC),
			  kmalloc(unknown(LARGE), GFP_ATOMIC), false) ?:
	       check_pair(kzalloc(SMALL, GFP_KERNEL),
			  kzalloc(LARGE, GFP_KERNEL), true) ?:
	       check_pair(kmalloc_array(SMALL / 4, 4, GFP_KERNEL),
			  kmalloc_array(LARGE / 4, 4, GFP_KERNEL), false) ?:
	       check_pair(kcalloc(SMALL / 4, 4, GFP_KERNEL),
			  kcalloc(LARGE / 4, 4, GFP_KERNEL), true) ?:
	       check_pair(kmalloc_node(SMALL, GFP_KERNEL, NUMA_NO_NODE),
			  kmalloc_node(LARGE, GFP_KERNEL, 0), false) ?:
	       check_pair(kzalloc_node(SMALL, GFP_KERNEL, NUMA_NO_NODE),
			  kzalloc_node(LARGE, GFP_KERNEL, 0), true) ?:
	       check_pair(kmalloc_array_node(SMALL / 4, 4, GFP_KERNEL,
					     NUMA_NO_NODE),
			  kmalloc_array_node(LARGE / 4, 4, GFP_KERNEL, 0),
			  false) ?:
	       check_pair(kcalloc_node(SMALL / 4, 4, GFP_KERNEL, NUMA_NO_NODE),
			  kcalloc_node(LARGE / 4, 4, GFP_KERNEL, 0), true) ?:
	       check_pair(kmalloc_track_caller(SMALL, GFP_KERNEL),
			  kmalloc_track_caller(LARGE, GFP_KERNEL), false);
}

static int check_vmalloc(void)
{
	return check_pair(kvmalloc(SMALL, GFP_KERNEL),
			  kvmalloc(LARGE, GFP_KERNEL), false) ?:
	       check_pair(kvzalloc(SMALL, GFP_KERNEL),
			  kvzalloc(LARGE, GFP_KERNEL), true) ?:
	       check_pair(kvmalloc_node(SMALL, GFP_KERNEL, NUMA_NO_NODE),
			  kvmalloc_node(LARGE, GFP_KERNEL, 0), false) ?:
	       check_pair(kvzalloc_node(SMALL, GFP_KERNEL, NUMA_NO_NODE),
			  kvzalloc_node(LARGE, GFP_KERNEL, 0), true) ?:
	       check_pair(kvmalloc_array(SMALL / 4, 4, GFP_KERNEL),
			  kvmalloc_array(LARGE / 4, 4, GFP_KERNEL), false) ?:
	       check_pair(kvcalloc(SMALL / 4, 4, GFP_KERNEL),
			  kvcalloc(LARGE / 4, 4, GFP_KERNEL), true);
}

/* The kernel's rules for what is nothing, and too much. */
static int check_limits(void)
{
	size_t many = unknown(SIZE_MAX / 2);
	void *ptr;

	check(kmalloc(unknown(0), GFP_KERNEL) == ZERO_SIZE_PTR);
	check(kcalloc(unknown(0), 8, GFP_KERNEL) == ZERO_SIZE_PTR);
	check(!kmalloc_array(many, 4, GFP_KERNEL));
	check(!kcalloc(many, 4, GFP_KERNEL));
	check(!kvmalloc_array(many, 4, GFP_KERNEL));
	check(!kmalloc(many, GFP_KERNEL | __GFP_NOWARN));
	kfree(NULL);
	kfree(ZERO_SIZE_PTR);
	kvfree(NULL);
	kfree_sensitive(NULL);
	kvfree_sensitive(NULL, 0);
	kfree_const(NULL);
	check(ksize(NULL) == 0 && ksize(ZERO_SIZE_PTR) == 0);
	ptr = kmalloc(64, GFP_KERNEL | __GFP_ACCOUNT);
	check(ptr && is_kernels(ptr));
	kfree(ptr);
	return 0;
}

static int check_alignment(void)
{
	void *ptr[8];
	size_t size;
	unsigned int i;

	/* Debug hooks align to 16. */
	for (size = 8; size <= (anywhere ? 16 : 512); size *= 2) {
		for (i = 0; i < ARRAY_SIZE(ptr); i++) {
			ptr[i] = kmalloc(size, GFP_KERNEL);
			check(ptr[i] && IS_ALIGNED((unsigned long)ptr[i], size));
		}
		kfree_bulk(ARRAY_SIZE(ptr), ptr);
	}
	return 0;
}

static void write_bytes(u8 *bytes, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		bytes[i] = i;
}

static bool are_bytes(const u8 *bytes, size_t n)
{
	size_t i;

	for (i = 0; i < n && bytes[i] == (u8)i; i++)
		;
	return i == n;
}

/* Up, over the end of the heap, and down. */
static int check_realloc(void)
{
	static const size_t sizes[] = { 16, 100, 500, 513, 5000, 600, 200, 9 };
	size_t had = 0;
	u8 *bytes = NULL, *other;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		other = krealloc(bytes, sizes[i], GFP_KERNEL);
		bytes = other;
		check(bytes && are_bytes(bytes, min(had, sizes[i])));
		check(sizes[i] <= 512 || is_kernels(bytes));
		write_bytes(bytes, sizes[i]);
		had = sizes[i];
	}
	check(krealloc(bytes, unknown(0), GFP_KERNEL) == ZERO_SIZE_PTR);
	bytes = krealloc(ZERO_SIZE_PTR, 40, GFP_KERNEL);
	check(bytes && is_moved(bytes));
	check(!krealloc_array(bytes, unknown(SIZE_MAX / 2), 4, GFP_KERNEL));
	write_bytes(bytes, 40);
	other = krealloc_array(bytes, 100, 4, GFP_KERNEL);
	bytes = other;
	check(bytes && are_bytes(bytes, 40) && is_moved(bytes));
	/* What can't be had leaves the block. */
	check(!krealloc(bytes, unknown(SIZE_MAX / 2),
			GFP_KERNEL | __GFP_NOWARN));
	check(are_bytes(bytes, 40));
	kfree(bytes);
	bytes = kept_kmalloc(40);
	check(bytes && is_kernels(bytes));
	write_bytes(bytes, 40);
	other = krealloc(bytes, 300, GFP_KERNEL);
	check(other && are_bytes(other, 40));
	kfree(other);
	return 0;
}

static int check_copies(void)
{
	char *text = kstrdup("spam and eggs", GFP_KERNEL);
	const char *constant;

	check(text && !strcmp(text, "spam and eggs") && is_moved(text));
	kfree(text);
	text = kstrndup("spam and eggs", 4, GFP_KERNEL);
	check(text && !strcmp(text, "spam") && is_moved(text));
	kfree(text);
	text = kmemdup("spam and eggs", 14, GFP_KERNEL);
	check(text && !strcmp(text, "spam and eggs") && is_moved(text));
	kfree_const(text);
	text = kmemdup_nul("spam and eggs", 8, GFP_KERNEL);
	check(text && !strcmp(text, "spam and") && is_moved(text));
	kfree_sensitive(text);
	text = kasprintf(GFP_KERNEL, "%d %s", 12, "eggs");
	check(text && !strcmp(text, "12 eggs") && is_moved(text));
	kvfree_sensitive(text, 8);
	check(!kstrdup(NULL, GFP_KERNEL));
	constant = kstrdup_const("spam", GFP_KERNEL);
	check(constant && !strcmp(constant, "spam"));
	kfree_const(constant);
	return 0;
}

/* === Callbacks === */

struct operations {
	void	*(*alloc)(size_t size, gfp_t gfp);
	void	(*free)(const void *ptr);
	void	(*free_large)(const void *ptr);
	char	*(*copy)(const char *string, gfp_t gfp);
	char	*(*print)(gfp_t gfp, const char *format, ...) __printf(2, 3);
};

static const struct operations operations = {
	.alloc		= kzalloc,
	.free		= kfree,
	.free_large	= kvfree,
	.copy		= kstrdup,
	.print		= kasprintf,
};

static int check_callbacks(void)
{
	const struct operations *by = &operations;
	void *ptr;

	OPTIMIZER_HIDE_VAR(by);
	ptr = by->alloc(SMALL, GFP_KERNEL);
	check(ptr && is_moved(ptr) && is_zeroed(ptr, SMALL));
	by->free(ptr);
	ptr = by->copy("spam", GFP_KERNEL);
	check(ptr && is_moved(ptr));
	by->free_large(ptr);
	ptr = by->print(GFP_KERNEL, "%s", "eggs");
	check(ptr && is_moved(ptr) && !strcmp(ptr, "eggs"));
	by->free(ptr);
	by->free(kept_kmalloc(SMALL));
	return 0;
}

/* === After a grace period === */

struct item {
	unsigned long	value;
	struct rcu_head	rcu;
};

static int check_rcu(void)
{
	struct item *item;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		item = i & 1 ? kept_kmalloc(sizeof(*item)) :
			       kmalloc(sizeof(*item), GFP_KERNEL);
		check(item);
		item->value = 7;
		if (i & 2)
			kvfree_rcu(item, rcu);
		else
			kfree_rcu(item, rcu);
	}
	item = kmalloc(sizeof(*item), GFP_KERNEL);
	kfree_rcu_mightsleep(item);
	item = kept_kmalloc(sizeof(*item));
	kvfree_rcu_mightsleep(item);
	item = NULL;
	kfree_rcu(item, rcu);
	rcu_barrier();
	return 0;
}

#ifdef __free
static int check_cleanup(void)
{
	void *small __free(kfree) = kmalloc(SMALL, GFP_KERNEL);
	void *large __free(kfree) = kmalloc(LARGE, GFP_KERNEL);
	void *none __free(kfree) = NULL;

	check(small && large && !none && is_moved(small));
	return 0;
}
#else
static int check_cleanup(void)
{
	return 0;
}
#endif

int check_names(void)
{
	return check_malloc() ?: check_vmalloc() ?: check_limits() ?:
	       check_alignment() ?: check_realloc() ?: check_copies() ?:
	       check_callbacks() ?: check_rcu() ?: check_cleanup();
}
