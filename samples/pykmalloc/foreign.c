// SPDX-License-Identifier: GPL-2.0
/*
 * Objects that cross the line: the kernel allocated them and they are freed
 * here, or it will free what is allocated here.
 */
#include <linux/parser.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "pykmalloc.h"

/* The kernel's own copies. */
static int check_given(void)
{
	char text[] = "name=spam";
	substring_t argument = { text + 5, text + 9 };
	char *copy = match_strdup(&argument), *larger;
	char **words;
	int n;

	check(copy && !strcmp(copy, "spam") && is_kernels(copy));
	kfree(copy);
	copy = match_strdup(&argument);
	check(copy);
	larger = krealloc(copy, 100, GFP_KERNEL);
	check(larger && !strcmp(larger, "spam"));
	kfree(larger);
	copy = kstrdup_quotable(text, GFP_KERNEL);
	check(copy && is_kernels(copy));
	kfree_sensitive(copy);
	words = argv_split(GFP_KERNEL, "spam and eggs", &n);
	check(words && n == 3);
	argv_free(words);
	return 0;
}

/* seq_release_private() is the kernel's, and kfree()s what it finds. */
static int check_taken(void)
{
	struct seq_file *seq;
	struct file file = { };
	int error = seq_open(&file, &(const struct seq_operations) { });

	check(!error);
	seq = file.private_data;
	seq->private = PYALLOC_KEEP_KMALLOC(kzalloc)(40, GFP_KERNEL);
	check(seq->private && is_kernels(seq->private));
	return seq_release_private(NULL, &file);
}

/* Each of them is the kernel's own where it is asked for. */
static int check_calls(void)
{
	void *ptr[] = {
		PYALLOC_KEEP_KMALLOC(kmalloc)(40, GFP_KERNEL),
		PYALLOC_KEEP_KMALLOC(kcalloc)(4, 10, GFP_KERNEL),
		PYALLOC_KEEP_KMALLOC(kmalloc_array)(4, 10, GFP_KERNEL),
		PYALLOC_KEEP_KMALLOC(kvmalloc)(40, GFP_KERNEL),
		PYALLOC_KEEP_KMALLOC(kmemdup)("spam", 5, GFP_KERNEL),
		PYALLOC_KEEP_KMALLOC(kstrdup)("spam", GFP_KERNEL),
		PYALLOC_KEEP_KMALLOC(kasprintf)(GFP_KERNEL, "%d", 12),
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ptr); i++) {
		check(ptr[i] && is_kernels(ptr[i]));
		if (i % 2)
			PYALLOC_KEEP_KMALLOC(kfree)(ptr[i]);
		else
			kfree(ptr[i]);
	}
	return 0;
}

int check_foreign(void)
{
	return check_given() ?: check_taken() ?: check_calls();
}
