// SPDX-License-Identifier: GPL-2.0
/*
 * Headers of the kernel's whose inlines call kmalloc() and kfree(): late ones,
 * which use what was moved, and one that came before.
 */
#include <crypto/hash.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/string.h>

#include "pykmalloc.h"

/* ahash_request_free() is an inline, and frees with what kfree is by then. */
static int check_late_inline(void)
{
	struct ahash_request *request = kzalloc(sizeof(*request), GFP_KERNEL);

	check(request && is_moved(request));
	ahash_request_free(request);
	request = kept_kmalloc(sizeof(*request));
	check(request);
	memset(request, 0, sizeof(*request));
	ahash_request_free(request);
	return 0;
}

/* memdup_array_user() is in string.h: what it gives is the kernel's. */
static int check_early_inline(void)
{
	void *copy = memdup_array_user(NULL, SIZE_MAX, 2);

	check(IS_ERR(copy));
	copy = memdup_array_user((const void __user *)1, 0, 2);
	check(IS_ERR(copy) || ZERO_OR_NULL_PTR(copy));
	if (!IS_ERR(copy))
		kfree(copy);
	return 0;
}

int check_late(void)
{
	return check_late_inline() ?: check_early_inline();
}
