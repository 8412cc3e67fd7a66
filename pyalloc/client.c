// SPDX-License-Identifier: GPL-2.0
/*
 * Clients: sees modules that use pyalloc come and go, and says which of them
 * leave blocks live.
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
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/pyalloc.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "client.h"
#include "leak.h"
#include "lifetime.h"
#include "trace.h"
#include "compat.h"

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
	struct pytrace *trace;

	pylifetime_see_off(module);
	trace = pytrace_begin_look();
	if (trace) {
		rcu_barrier();
		pyleak_report(trace, module->name, NULL, module);
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
	if (state == MODULE_STATE_COMING && pycompat_is_used_by(module))
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
 * pyclient_init() - see modules come and go
 *
 * Context: Process.
 * Return: 0, or what the kernel says.
 */
int __init pyclient_init(void)
{
	return register_module_notifier(&notifier);
}

/**
 * pyclient_exit() - see them no more
 *
 * Context: Process.
 */
void pyclient_exit(void)
{
	struct client *client, *next;

	unregister_module_notifier(&notifier);
	list_for_each_entry_safe(client, next, &clients, list)
		kfree(client);
}
