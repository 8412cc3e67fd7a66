// SPDX-License-Identifier: GPL-2.0
/*
 * A file that keeps the kernel's kmalloc(), as its Kbuild says.
 */
#include <linux/slab.h>

#include "pykmalloc.h"

void *kept_kmalloc(size_t size)
{
	return kmalloc(size, GFP_KERNEL);
}

void kept_kfree(const void *ptr)
{
	kfree(ptr);
}

int check_kept(void)
{
	void *ptr = kept_kmalloc(40);

	check(ptr && is_kernels(ptr));
	kept_kfree(ptr);
	ptr = PYALLOC_KEEP_KMALLOC(kzalloc)(40, GFP_KERNEL);
	check(ptr && is_kernels(ptr));
	kfree(ptr);
	return 0;
}
