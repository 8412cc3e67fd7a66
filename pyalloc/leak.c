// SPDX-License-Identifier: GPL-2.0
/*
 * Leaks: says which call sites have blocks live when a heap is destroyed, when
 * a client's module goes away, and when this one does.
 *
 * A module that goes is seen by a notifier, after its exit function and before
 * its code is freed.  With a trace its call sites are known, and those with
 * blocks live are told.  Without one nobody knows whose a block is: then what
 * is told is by how many blocks there are more than when the module came, and
 * that this may be somebody else's.
 *
 * Contexts: process.
 * Lock order: that of modules that come and go, clients_lock, that of traces.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/pyalloc.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "front.h"
#include "leak.h"
#include "snapshot.h"
#include "trace.h"
#include "compat.h"

/* So many call sites are told; of the others how many there are. */
#define MOST_LINES	32

/* === What a trace knows === */

static void say_sum(const struct pytrace *trace,
		    const struct pysnapshot_sum *sum, char *text)
{
	pysite_tell(trace->sites, sum->site, text, PYSITE_TEXT, false);
	pr_warn("pyalloc:   %s%llu bytes in %llu blocks, the oldest %u s old, from %s\n",
		trace->interval ? "about " : "", sum->bytes, sum->blocks,
		jiffies_to_msecs(sum->oldest) / 1000, text);
}

static void say_sums(const struct pytrace *trace,
		     const struct pysnapshot_sum *sums, unsigned int n)
{
	char *text = kmalloc(PYSITE_TEXT, GFP_KERNEL);
	unsigned int i;

	for (i = 0; text && i < min_t(unsigned int, n, MOST_LINES); i++)
		say_sum(trace, &sums[i], text);
	if (n > MOST_LINES)
		pr_warn("pyalloc:   and %u call sites more\n", n - MOST_LINES);
	kfree(text);
}

/* Returns how many call sites have blocks live. */
static unsigned int report(const struct pytrace *trace, const char *who,
			   const struct pyheap *heap,
			   const struct module *module)
{
	struct pysnapshot_sum *sums;
	unsigned int n, i;
	u64 bytes = 0, blocks = 0;

	sums = pysnapshot_sum_up(trace, heap, module, &n);
	if (!sums) {
		pr_warn("pyalloc: %s: no memory to tell what it left live\n",
			who);
		return 0;
	}
	for (i = 0; i < n; i++) {
		bytes += sums[i].bytes;
		blocks += sums[i].blocks;
	}
	if (n) {
		pr_warn("pyalloc: %s leaves %s%llu bytes in %llu blocks live, from %u call sites:\n",
			who, trace->interval ? "about " : "", bytes, blocks, n);
		say_sums(trace, sums, n);
	}
	kvfree(sums);
	return n;
}

/**
 * pyleak_report_heap() - say which call sites have blocks of a heap live
 * @heap: the heap
 *
 * Context: Process; sleeps.
 * Return: how many; 0 without a trace, too.
 */
unsigned int pyleak_report_heap(const struct pyheap *heap)
{
	struct pytrace *trace = pytrace_begin_look();
	unsigned int n = 0;
	char who[64];

	if (trace) {
		snprintf(who, sizeof(who), "heap %s", heap->name);
		n = report(trace, who, heap, NULL);
	}
	pytrace_end_look();
	return n;
}
EXPORT_SYMBOL_GPL(pyleak_report_heap);

/**
 * pyleak_report_all() - say which call sites have blocks live
 *
 * Context: Process; sleeps.
 */
void pyleak_report_all(void)
{
	struct pytrace *trace = pytrace_begin_look();

	if (trace)
		report(trace, "unloading", NULL, NULL);
	pytrace_end_look();
}

/* === What is known without one === */

/**
 * struct client - a module that uses pyalloc
 * @list: among all of them
 * @module: the module
 * @blocks: how many blocks were live when it came
 */
struct client {
	struct list_head	list;
	const struct module	*module;
	size_t			blocks;
};

static LIST_HEAD(clients);
static DEFINE_MUTEX(clients_lock);

/* Of a module that comes or goes nobody else changes what it uses. */
static bool uses_pyalloc(struct module *module)
{
#if defined(MODULE) && defined(CONFIG_MODULE_UNLOAD)
	struct module_use *use;

	list_for_each_entry(use, &module->target_list, target_list)
		if (use->target == THIS_MODULE)
			return true;
	return false;
#else
	return true;
#endif
}

static void note_client(const struct module *module)
{
	struct client *client = kmalloc(sizeof(*client), GFP_KERNEL);

	if (!client)
		return;
	client->module = module;
	client->blocks = pymem_get_allocated_blocks();
	mutex_lock(&clients_lock);
	list_add(&client->list, &clients);
	mutex_unlock(&clients_lock);
}

static struct client *take_client(const struct module *module)
{
	struct client *client, *found = NULL;

	mutex_lock(&clients_lock);
	list_for_each_entry(client, &clients, list)
		if (client->module == module)
			found = client;
	if (found)
		list_del(&found->list);
	mutex_unlock(&clients_lock);
	return found;
}

/* What waits for a grace period, or was parked, is not left. */
static size_t count_blocks(size_t before)
{
	size_t now = pymem_get_allocated_blocks();

	if (now > before) {
		rcu_barrier();
		now = pymem_get_allocated_blocks();
	}
	return now;
}

static void report_count(const struct module *module, size_t before)
{
	size_t now = count_blocks(before);

	if (now > before)
		pr_warn("pyalloc: %s goes away, and %zu blocks more are live in the default heap than when it came; whose they are is known only while tracing, and some may be others'\n",
			module->name, now - before);
}

/* === Modules that come and go === */

static void see_off(struct module *module)
{
	struct client *client = take_client(module);
	struct pytrace *trace = pytrace_begin_look();

	if (trace) {
		rcu_barrier();
		report(trace, module->name, NULL, module);
		pysite_forget_module(trace->sites, module, false);
	}
	pytrace_end_look();
	if (client && !trace)
		report_count(module, client->blocks);
	kfree(client);
}

static void forget_init(struct module *module)
{
	struct pytrace *trace = pytrace_begin_look();

	if (trace)
		pysite_forget_module(trace->sites, module, true);
	pytrace_end_look();
}

static int see_module(struct notifier_block *block, unsigned long state,
		      void *data)
{
	struct module *module = data;

	if (module == THIS_MODULE)
		return NOTIFY_OK;
	if (state == MODULE_STATE_COMING && uses_pyalloc(module))
		note_client(module);
	else if (state == MODULE_STATE_LIVE)
		forget_init(module);
	else if (state == MODULE_STATE_GOING)
		see_off(module);
	return NOTIFY_OK;
}

static struct notifier_block notifier = {
	.notifier_call = see_module,
};

/**
 * pyleak_init() - see modules come and go
 *
 * Context: Process.
 * Return: 0, or what the kernel says.
 */
int __init pyleak_init(void)
{
	return register_module_notifier(&notifier);
}

/**
 * pyleak_exit() - see them no more
 *
 * Context: Process.
 */
void pyleak_exit(void)
{
	struct client *client, *next;

	unregister_module_notifier(&notifier);
	list_for_each_entry_safe(client, next, &clients, list)
		kfree(client);
}
