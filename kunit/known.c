// SPDX-License-Identifier: GPL-2.0
/*
 * A client whose blocks are known: a block of each kind, and those of them that
 * it freed, with their addresses in /sys/kernel/debug/pyalloc_known, for tests
 * of whereis and of debuggers.
 */
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/pyalloc.h>
#include <linux/seq_file.h>

#define THIN		1024
#define THIN_SIZE	256
#define THIN_KEPT	64

/**
 * struct known - a block
 * @name: its name in the file
 * @size: bytes that were asked for
 * @heap: the heap that it is of; NULL: one of the domains
 * @domain: which, without a heap
 * @is_freed: it is freed at once
 * @block: the block
 */
struct known {
	const char		*name;
	size_t			size;
	struct pyheap		**heap;
	enum pymem_domain	domain;
	bool			is_freed;
	void			*block;
};

static struct pyheap *own, *gone, *thin;
static struct pytype *type;
static void *objects[2];
static void *thin_blocks[THIN];
static struct dentry *file;

static struct known known[] = {
	{ "mem", 100, .domain = PYMEM_DOMAIN_MEM },
	{ "object", 40, .domain = PYMEM_DOMAIN_OBJ },
	{ "raw", 300, .domain = PYMEM_DOMAIN_RAW },
	{ "large", 2000, .domain = PYMEM_DOMAIN_MEM },
	{ "freed", 120, .domain = PYMEM_DOMAIN_MEM, .is_freed = true },
	{ "private", 512, &own },
	{ "private-freed", 512, &own, .is_freed = true },
	{ "private-large", 3000, &own },
	{ "gone", 64, &gone },
};

/* Not inlined: a trace has its name. */
static noinline bool known_make(struct known *block)
{
	if (block->heap)
		block->block = pyheap_malloc(*block->heap, block->size,
					     GFP_KERNEL);
	else if (block->domain == PYMEM_DOMAIN_MEM)
		block->block = pymem_malloc(block->size, GFP_KERNEL);
	else if (block->domain == PYMEM_DOMAIN_OBJ)
		block->block = pyobject_malloc(block->size, GFP_KERNEL);
	else
		block->block = pymem_raw_malloc(block->size, GFP_KERNEL);
	return block->block;
}

static void known_free(struct known *block)
{
	if (block->heap)
		pyheap_free(*block->heap, block->block);
	else if (block->domain == PYMEM_DOMAIN_RAW)
		pymem_raw_free(block->block);
	else if (block->domain == PYMEM_DOMAIN_OBJ)
		pyobject_free(block->block);
	else
		pymem_free(block->block);
}

static void show(struct seq_file *m, const char *name, const void *address)
{
	seq_printf(m, "%s %#lx\n", name, (unsigned long)address);
}

static int known_show(struct seq_file *m, void *unused)
{
	unsigned int i;

	seq_puts(m, "# name address\n");
	for (i = 0; i < ARRAY_SIZE(known); i++)
		show(m, known[i].name, known[i].block);
	show(m, "typed", objects[0]);
	show(m, "typed-freed", objects[1]);
	show(m, "thin", thin_blocks[0]);
	for (i = 0; i < THIN; i++)
		if (i % THIN_KEPT)
			show(m, "thin-freed", thin_blocks[i]);
	show(m, "text", known_show);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(known);

static int make_heaps(void)
{
	static const struct pytype_attr attr = {
		.name = "known", .size = 48, .max_free = 8,
	};

	own = pyheap_create("known", NULL);
	gone = pyheap_create("known-gone", NULL);
	thin = pyheap_create("known-thin", NULL);
	type = pytype_create(&attr);
	return IS_ERR(own) || IS_ERR(gone) || IS_ERR(thin) || IS_ERR(type) ?
	       -ENOMEM : 0;
}

static int make_blocks(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (!known_make(&known[i]))
			return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(objects); i++)
		objects[i] = pytype_alloc(type, GFP_KERNEL);
	for (i = 0; i < THIN; i++) {
		thin_blocks[i] = pyheap_malloc(thin, THIN_SIZE, GFP_KERNEL);
		if (!thin_blocks[i])
			return -ENOMEM;
	}
	return objects[0] && objects[1] ? 0 : -ENOMEM;
}

static void free_some(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].is_freed || known[i].heap == &gone)
			known_free(&known[i]);
	pytype_free(type, objects[1]);
	for (i = 0; i < THIN; i++)
		if (i % THIN_KEPT)
			pyheap_free(thin, thin_blocks[i]);
	pyheap_destroy(gone);
}

static int __init known_init(void)
{
	int error = make_heaps() ?: make_blocks();

	if (error)
		return error;
	free_some();
	file = debugfs_create_file("pyalloc_known", 0400, NULL, NULL,
				   &known_fops);
	return 0;
}
module_init(known_init);

static void __exit known_exit(void)
{
	unsigned int i;

	debugfs_remove(file);
	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (!known[i].is_freed && known[i].heap != &gone)
			known_free(&known[i]);
	for (i = 0; i < THIN; i += THIN_KEPT)
		pyheap_free(thin, thin_blocks[i]);
	pytype_free(type, objects[0]);
	pytype_destroy(type);
	pyheap_destroy(thin);
	pyheap_destroy(own);
}
module_exit(known_exit);

MODULE_DESCRIPTION("A client of pyalloc whose blocks are known");
MODULE_LICENSE("GPL");
