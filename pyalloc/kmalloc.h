/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Modules whose kmalloc() was moved; linux/pyalloc_kmalloc.h is what they see.
 */
#ifndef _PYALLOC_KMALLOC_H
#define _PYALLOC_KMALLOC_H

#include <linux/init.h>
#include <linux/kconfig.h>

#if IS_ENABLED(CONFIG_MODULES)
int pykmalloc_init(void);
void pykmalloc_exit(void);
#else
static inline int pykmalloc_init(void)
{
	return 0;
}

static inline void pykmalloc_exit(void)
{
}
#endif

#endif /* _PYALLOC_KMALLOC_H */
