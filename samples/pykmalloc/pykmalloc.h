/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of this sample share.  None of them includes a header of
 * pyalloc's.
 */
#ifndef _PYKMALLOC_H
#define _PYKMALLOC_H

#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/types.h>

/* What does not hold is told, and ends the function. */
#define check(condition)						\
do {									\
	if (!(condition)) {						\
		pr_err("pykmalloc: %s:%d: not so: %s\n", __FILE_NAME__,	\
		       __LINE__, #condition);				\
		return -EINVAL;						\
	}								\
} while (0)

/* Blocks may come from anywhere: debug hooks are on, or there is no heap. */
extern bool anywhere;

static inline bool is_in_slab(const void *ptr)
{
	return folio_test_slab(virt_to_folio(ptr)) ||
	       folio_test_large(virt_to_folio(ptr));
}

/* Did the kernel's kmalloc() give this?  What is in pools is not slab's. */
static inline bool is_kernels(const void *ptr)
{
	return anywhere || is_in_slab(ptr);
}

static inline bool is_moved(const void *ptr)
{
	return anywhere || !is_in_slab(ptr);
}

static inline bool is_placed(const void *ptr, bool moves)
{
	return moves ? is_moved(ptr) : is_kernels(ptr);
}

int check_names(void);
int check_words(void);
int check_foreign(void);
int check_kept(void);
int check_late(void);
int check_cache(void);

/* kept.c's, whose calls are the kernel's. */
void *kept_kmalloc(size_t size);
void kept_kfree(const void *ptr);

#endif /* _PYKMALLOC_H */
