/* SPDX-License-Identifier: GPL-2.0 */
/* A file whose private data seq_release_private() will free. */
#include <linux/pyalloc_kmalloc.h>

static struct {
	long position;
} *state;

static struct seq_file *seq;
