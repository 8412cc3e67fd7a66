// SPDX-License-Identifier: GPL-2.0
/* What this file allocates may be freed by the kernel. */
#include <linux/slab.h>
#include "yours.h"

static char *link;

int add_link(void)
{
	link = kstrdup("somewhere", GFP_KERNEL);
	return link ? 0 : -ENOMEM;
}

void remove_link(void)
{
	kfree(link);
}
