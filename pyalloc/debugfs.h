/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /sys/kernel/debug/pyalloc
 */
#ifndef _PYALLOC_DEBUGFS_H
#define _PYALLOC_DEBUGFS_H

#include "domain.h"

struct dentry;
struct pyheap;
struct seq_file;

/* What the domains are called, and what is nobody's. */
extern const char *const pydebugfs_domains[PYDOMAIN_ROWS];

#ifdef CONFIG_DEBUG_FS
void pydebugfs_init(void);
void pydebugfs_exit(void);
void pydebugfs_add_trace(struct dentry *root);
void pydebugfs_add_whereis(struct dentry *root);
void pydebugfs_show_domain(struct seq_file *m, unsigned int domain);
void pydebugfs_add_heap(struct pyheap *heap);
void pydebugfs_remove_heap(struct pyheap *heap);
#else
static inline void pydebugfs_init(void)
{
}

static inline void pydebugfs_exit(void)
{
}

static inline void pydebugfs_add_heap(struct pyheap *heap)
{
}

static inline void pydebugfs_remove_heap(struct pyheap *heap)
{
}
#endif

#endif /* _PYALLOC_DEBUGFS_H */
