/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a kernel has, where nothing but its version tells: each is true from the
 * version on that is named.  The only place for versions: compat.h makes up
 * what is false, and in a kernel's own tree, where each is known, neither this
 * file nor what depends on it exists (scripts/into-tree.sh).
 */
#ifndef _PYALLOC_COMPAT_VERSION_H
#define _PYALLOC_COMPAT_VERSION_H

#include <linux/version.h>

/* __stack_depot_save() without the argument for bits of the caller's */
#define PYCOMPAT_DEPOT_NO_EXTRA		(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0))
/* MAX_ORDER is the last order, not one above it */
#define PYCOMPAT_MAX_ORDER_IS_LAST	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0))
#define PYCOMPAT_ACCOUNT_RECLAIMED	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0))
#define PYCOMPAT_SHRINKER_ALLOC		(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0))
#define PYCOMPAT_MAX_PAGE_ORDER		(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0))
#define PYCOMPAT_DEPOT_FLAGS		(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0))
/* kvfree_call_rcu() takes the block; some before do as well */
#define PYCOMPAT_KVFREE_RCU_BLOCK	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0))
/* kvrealloc() without the old size */
#define PYCOMPAT_KVREALLOC		(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0))
#define PYCOMPAT_LINUX_UNALIGNED	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0))
/* CONFIG_PREEMPT_LAZY is the kernel's, not that of the PREEMPT_RT patches */
#define PYCOMPAT_PREEMPT_LAZY		(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0))
#define PYCOMPAT_HRTIMER_SETUP		(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0))

#endif /* _PYALLOC_COMPAT_VERSION_H */
