// SPDX-License-Identifier: GPL-2.0
/*
 * Single operations, done in the task of who asks for them, so that it can be
 * told what becomes of each when one allocation in it fails.
 *
 * An operation frees all that it got, verifies all contents, and goes on where
 * a request got nothing; it says so at its end.  More than one such request is
 * too much for one fault.
 *
 * Context: process.
 * Lock order: op_lock is the outermost.
 */
#define pr_fmt(fmt) "pytorture: " fmt

#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "torture.h"

#define MAX_BLOCKS	2048
#define GFP_OP		(GFP_KERNEL | __GFP_NOWARN)

/* What became of an operation. */
struct op {
	unsigned int	nulls;
	unsigned int	mismatches;
};

/* One at a time: it is large. */
static DEFINE_MUTEX(op_lock);
static void *ptrs[MAX_BLOCKS];

static void fill(void *ptr, size_t size, u32 tag)
{
	block_fill(&(struct block) { ptr, size, tag });
}

static void *have(struct op *op, enum pymem_domain domain, size_t size,
		  u32 tag)
{
	void *ptr = block_malloc(domain, size, GFP_OP);

	if (ptr)
		fill(ptr, size, tag);
	else
		op->nulls++;
	return ptr;
}

static void verify(struct op *op, void *ptr, size_t size, u32 tag)
{
	if (!block_intact(&(struct block) { ptr, size, tag }))
		op->mismatches++;
}

static void release(struct op *op, enum pymem_domain domain, void *ptr,
		    size_t size, u32 tag)
{
	if (!ptr)
		return;
	verify(op, ptr, size, tag);
	block_free(domain, ptr);
}

/* === growth === */

/* So many KiB in each class, each block of which is live with all others. */
struct row {
	void	*last;
	size_t	size;
};

/* The last word links, the rest is filled; 8 bytes are a link alone. */
static void push(struct row *row, void *ptr)
{
	*(void **)(ptr + row->size - sizeof(void *)) = row->last;
	row->last = ptr;
}

static void *pop(struct row *row)
{
	void *ptr = row->last;

	if (ptr)
		row->last = *(void **)(ptr + row->size - sizeof(void *));
	return ptr;
}

static void grow_row(struct op *op, struct row *row, size_t bytes)
{
	size_t n = bytes / row->size;
	void *ptr;

	while (n--) {
		ptr = have(op, PYMEM_DOMAIN_OBJ, row->size, n);
		if (ptr)
			push(row, ptr);
		cond_resched();
	}
}

static void shrink_row(struct op *op, struct row *row)
{
	size_t filled = row->size - sizeof(void *);
	struct block block = { .size = row->size };
	unsigned long n = 0;
	bool intact;
	void *ptr;

	while ((ptr = pop(row))) {
		/* The tags were counted down to 0, but for what got nothing. */
		block.ptr = ptr;
		do {
			block.tag = n++;
			intact = pattern_intact(ptr, 0, filled,
						block_pattern(&block));
		} while (!intact && op->nulls && n < SZ_1M);
		op->mismatches += !intact;
		pyobject_free(ptr);
		cond_resched();
	}
}

static void op_growth(struct op *op, unsigned long kib)
{
	struct row rows[PYALLOC_SMALL_MAX / 8];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		rows[i] = (struct row) { NULL, (i + 1) * 8 };
		grow_row(op, &rows[i], (kib ?: 16) * SZ_1K);
	}
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		shrink_row(op, &rows[i]);
}

/* === realloc === */

static void *resize(struct op *op, enum pymem_domain domain, void *ptr,
		    size_t *size, size_t to)
{
	u64 pattern = block_pattern(&(struct block) { ptr, *size, to });
	void *new;

	fill(ptr, *size, to);
	new = block_realloc(domain, ptr, to, GFP_OP);
	if (!new) {
		op->nulls++;
		op->mismatches += to <= *size;	/* shrinking never fails */
		op->mismatches += !pattern_intact(ptr, 0, *size, pattern);
		return ptr;
	}
	op->mismatches += !pattern_intact(new, 0, min(*size, to), pattern);
	*size = to;
	return new;
}

/* There are small ones, of the slab, of whole pages and of vmalloc. */
static void op_realloc(struct op *op, unsigned long unused)
{
	static const size_t sizes[] = {
		1, 100, 512, 64, 513, 24, 3000, 200, SZ_4K, 5000, 8,
		SZ_64K, 700, SZ_256K, SZ_1M, 300, SZ_16K, 48,
	};
	enum pymem_domain domain;
	size_t size;
	unsigned int i;
	void *ptr;

	for (domain = 0; domain < PYMEM_NR_DOMAINS; domain++) {
		size = 40;
		ptr = have(op, domain, size, 0);
		for (i = 0; ptr && i < ARRAY_SIZE(sizes); i++)
			ptr = resize(op, domain, ptr, &size, sizes[i]);
		block_free(domain, ptr);
	}
}

/* === bulk === */

static void bulk_of(struct op *op, size_t size, size_t n)
{
	size_t got = pymem_malloc_bulk(size, GFP_OP, n, ptrs), i;

	op->nulls += got < n;
	for (i = 0; i < got; i++)
		fill(ptrs[i], size, i);
	for (i = 0; i < got; i++)
		verify(op, ptrs[i], size, i);
	pymem_free_bulk(got, ptrs);
}

static void op_bulk(struct op *op, unsigned long unused)
{
	static const size_t sizes[] = { 8, 24, 64, 96, 256, 512, 600, SZ_16K };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		bulk_of(op, sizes[i], sizes[i] > PYALLOC_SMALL_MAX ? 16 : 512);
}

/* === raw === */

static void op_raw(struct op *op, unsigned long unused)
{
	static const size_t sizes[] = { 1, 100, SZ_4K, SZ_16K, SZ_1M, SZ_8M };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ptrs[i] = have(op, i % PYMEM_NR_DOMAINS, sizes[i], i);
		release(op, PYMEM_DOMAIN_RAW, ptrs[i], sizes[i], i);
	}
}

/* === fronts === */

/* Fills the fronts of a CPU: by turns many are live, and none. */
static void swing(struct op *op)
{
	unsigned int round, i;
	size_t size;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < MAX_BLOCKS; i++) {
			size = 16 + i % 16 * 32;
			ptrs[i] = have(op, PYMEM_DOMAIN_MEM, size, i);
		}
		for (i = 0; i < MAX_BLOCKS; i++) {
			size = 16 + i % 16 * 32;
			release(op, PYMEM_DOMAIN_MEM, ptrs[i], size, i);
		}
		cond_resched();
	}
}

static void op_fronts(struct op *op, unsigned long unused)
{
	swing(op);
}

#ifdef CONFIG_HOTPLUG_CPU

struct swing_work {
	struct work_struct	work;
	struct op		*op;
};

static void swing_there(struct work_struct *work)
{
	swing(container_of(work, struct swing_work, work)->op);
}

/* Its fronts are full when it goes. */
static void op_hotplug(struct op *op, unsigned long unused)
{
	unsigned int cpu = cpumask_last(cpu_online_mask);
	struct swing_work there = { .op = op };

	if (num_online_cpus() < 2)
		return;
	INIT_WORK_ONSTACK(&there.work, swing_there);
	schedule_work_on(cpu, &there.work);
	flush_work(&there.work);
	destroy_work_on_stack(&there.work);
	/* A fault may hit the kernel's own part in it: then it stays. */
	if (remove_cpu(cpu) || add_cpu(cpu))
		op->nulls++;
	if (!cpu_online(cpu))
		add_cpu(cpu);
}

#else

static void op_hotplug(struct op *op, unsigned long unused)
{
}

#endif

/* === giving back === */

static void op_reclaim(struct op *op, unsigned long unused)
{
	swing(op);
	pyalloc_reclaim();
}

struct parting {
	struct rcu_head	rcu;
};

static void op_rcu(struct op *op, unsigned long unused)
{
	unsigned int i;
	size_t size;

	for (i = 0; i < 24; i++) {
		size = 16 + i * 40;
		ptrs[i] = have(op, i % PYMEM_NR_DOMAINS, size, i);
		if (!ptrs[i])
			continue;
		verify(op, ptrs[i], size, i);
		pymem_free_rcu((struct parting *)ptrs[i], rcu);
	}
}

/* An allocator that leads to the one below it. */
static void *layer_malloc(void *ctx, size_t size, gfp_t gfp)
{
	struct pymem_allocator *below = ctx;

	return below->malloc(below->ctx, size, gfp);
}

static void *layer_calloc(void *ctx, size_t nelem, size_t elsize, gfp_t gfp)
{
	struct pymem_allocator *below = ctx;

	return below->calloc(below->ctx, nelem, elsize, gfp);
}

static void *layer_realloc(void *ctx, void *ptr, size_t size, gfp_t gfp)
{
	struct pymem_allocator *below = ctx;

	return below->realloc(below->ctx, ptr, size, gfp);
}

static void layer_free(void *ctx, void *ptr)
{
	struct pymem_allocator *below = ctx;

	below->free(below->ctx, ptr);
}

static void replace(struct op *op, struct pymem_allocator *below)
{
	struct pymem_allocator layer = {
		.ctx = below, .malloc = layer_malloc, .calloc = layer_calloc,
		.realloc = layer_realloc, .free = layer_free,
	};
	struct pyarena_allocator arenas;

	if (pymem_set_allocator(PYMEM_DOMAIN_MEM, &layer))
		op->nulls++;
	if (pymem_setup_debug_hooks())
		op->nulls++;
	if (pyarena_get_allocator(&arenas) || pyarena_set_allocator(&arenas))
		op->nulls++;
}

/* A layer, hooks over it, blocks through both, and all as it was. */
static void op_replace(struct op *op, unsigned long unused)
{
	struct pymem_allocator before[PYMEM_NR_DOMAINS];
	unsigned int i;

	for (i = 0; i < PYMEM_NR_DOMAINS; i++)
		pymem_get_allocator(i, &before[i]);
	replace(op, &before[PYMEM_DOMAIN_MEM]);
	for (i = 0; i < 24; i++) {
		ptrs[i] = have(op, i % PYMEM_NR_DOMAINS, 16 + i * 40, i);
		if (ptrs[i])
			verify(op, ptrs[i], 16 + i * 40, i);
	}
	for (i = 0; i < 24; i++)
		release(op, i % PYMEM_NR_DOMAINS, ptrs[i], 16 + i * 40, i);
	for (i = 0; i < PYMEM_NR_DOMAINS; i++)
		if (pymem_set_allocator(i, &before[i]))
			op->mismatches++;
}

/* A type with free lists that have to grow, and objects through them. */
static void op_types(struct op *op, unsigned long unused)
{
	const struct pytype_attr attr = {
		.name = "pytorture", .size = 40, .max_free = 40,
	};
	struct pytype *type = pytype_create(&attr);
	unsigned int i, round;

	if (IS_ERR(type)) {
		op->nulls++;
		return;
	}
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 50; i++) {
			ptrs[i] = pytype_alloc(type, GFP_OP);
			if (ptrs[i])
				fill(ptrs[i], 40, i);
			else
				op->nulls++;
		}
		for (i = 0; i < 50; i++) {
			if (ptrs[i])
				verify(op, ptrs[i], 40, i);
			pytype_free(type, ptrs[i]);
		}
	}
	if (pytype_destroy(type))
		op->mismatches++;
}

static void resize_in_heap(struct op *op, struct pyheap *heap, size_t from,
			   size_t to)
{
	void *ptr = pyheap_malloc(heap, from, GFP_OP), *new;

	if (!ptr) {
		op->nulls++;
		return;
	}
	fill(ptr, from, 1);
	verify(op, ptr, from, 1);
	new = pyheap_realloc(heap, ptr, to, GFP_OP);
	op->nulls += !new;
	op->mismatches += !new && to <= from;
	pyheap_free(heap, new ?: ptr);
}

/* A heap's whole life, with what it promised. */
static void op_heap(struct op *op, unsigned long unused)
{
	static const size_t sizes[] = { 16, 500, 5000, 40, 700, 300, 3000 };
	struct pyheap *heap = pyheap_create("pytorture-op", NULL);
	unsigned int i;

	if (IS_ERR(heap)) {
		op->nulls++;
		return;
	}
	op->nulls += !!pyheap_reserve(heap, 64, 4, GFP_OP);
	op->nulls += !!pyheap_reserve(heap, 4000, 2, GFP_OP);
	for (i = 1; i < ARRAY_SIZE(sizes); i++)
		resize_in_heap(op, heap, sizes[i - 1], sizes[i]);
	if (pyheap_destroy(heap))
		op->mismatches++;
}

static const struct {
	const char	*name;
	void		(*run)(struct op *op, unsigned long argument);
} ops[] = {
	{ "growth", op_growth },
	{ "realloc", op_realloc },
	{ "bulk", op_bulk },
	{ "raw", op_raw },
	{ "fronts", op_fronts },
	{ "hotplug", op_hotplug },
	{ "reclaim", op_reclaim },
	{ "rcu", op_rcu },
	{ "replace", op_replace },
	{ "types", op_types },
	{ "heap", op_heap },
};

static int judge(const char *name, const struct op *op)
{
	if (op->mismatches || op->nulls > 1)
		pr_err("FAILED op %s: %u mismatches, %u nulls\n", name,
		       op->mismatches, op->nulls);
	if (op->mismatches || op->nulls > 1)
		return -EIO;
	return op->nulls ? -ENOMEM : 0;
}

/**
 * op_run() - do one operation
 * @name: which one
 * @argument: how much of it, 0 for the usual
 *
 * Context: Process; sleeps.
 * Return: 0; -ENOMEM if one request got nothing; -EIO if that was not all, or
 * a block had not kept its bytes; -EINVAL if there is no such operation.
 */
int op_run(const char *name, unsigned long argument)
{
	struct op op = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		if (strcmp(name, ops[i].name))
			continue;
		mutex_lock(&op_lock);
		ops[i].run(&op, argument);
		mutex_unlock(&op_lock);
		return judge(name, &op);
	}
	return -EINVAL;
}
