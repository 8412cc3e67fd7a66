// SPDX-License-Identifier: GPL-2.0
/*
 * Leaves the page allocator with no runs of pages but short ones.
 *
 * Each run that is longer than wanted is taken and cut into such as are
 * wanted, and every second of them is given back.  What is given back has a
 * buddy that is not, so it stays as short; half of the memory stays free in
 * all.
 *
 * Context: process.
 * Lock order: memory_lock is the outermost.
 */
#define pr_fmt(fmt) "pytorture: " fmt

#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "../../pyalloc/compat.h"
#include "torture.h"

#define TAKE_GFP	(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN | \
			 __GFP_NOMEMALLOC)

static DEFINE_MUTEX(memory_lock);
static LIST_HEAD(taken);

static void keep(struct page *page, unsigned int order)
{
	set_page_private(page, order);
	list_add(&page->lru, &taken);
}

static void give(struct page *page, unsigned int order)
{
	set_page_private(page, 0);
	__free_pages(page, order);
}

/* Makes one run into many, of which each is freed by itself. */
static void cut(struct page *page, unsigned int order, unsigned int into)
{
	unsigned long i;

	split_page(page, order);
	for (i = 0; i < 1UL << order; i++)
		if (i % (1UL << into))
			page_ref_dec(page + i);
}

/* Keeps one of each pair of buddies. */
static void halve(struct page *page, unsigned int order, unsigned int into)
{
	unsigned long run;

	cut(page, order, into);
	for (run = 0; run < 1UL << order; run += 2UL << into) {
		keep(page + run, into);
		give(page + run + (1UL << into), into);
	}
}

static unsigned long fragment_order(unsigned int order, unsigned int into)
{
	unsigned long n = 0;
	struct page *page;

	while (!fatal_signal_pending(current)) {
		page = alloc_pages(TAKE_GFP, order);
		if (!page)
			break;
		halve(page, order, into);
		n++;
		cond_resched();
	}
	return n;
}

/**
 * memory_fragment() - leave no free run of more than 2^@into pages
 * @into: the largest order that is to be free
 *
 * Context: Process; sleeps.
 * Return: 0 or -EINVAL.
 */
int memory_fragment(unsigned int into)
{
	unsigned long runs = 0;
	int order;

	if (into > MAX_PAGE_ORDER)
		return -EINVAL;
	mutex_lock(&memory_lock);
	for (order = MAX_PAGE_ORDER; order > (int)into; order--)
		runs += fragment_order(order, into);
	mutex_unlock(&memory_lock);
	pr_info("fragment %u: %lu runs were cut\n", into, runs);
	return 0;
}

/**
 * memory_release() - give all back that was taken
 *
 * Context: Process; sleeps.
 */
void memory_release(void)
{
	struct page *page, *next;

	mutex_lock(&memory_lock);
	list_for_each_entry_safe(page, next, &taken, lru) {
		list_del(&page->lru);
		give(page, page_private(page));
		cond_resched();
	}
	mutex_unlock(&memory_lock);
}
