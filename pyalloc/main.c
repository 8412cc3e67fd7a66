// SPDX-License-Identifier: GPL-2.0
/*
 * The module: its parameters, what is set up in which order, and what is
 * said when it goes.
 */
#include <linux/module.h>
#include <linux/pyalloc.h>
#include <linux/rcupdate.h>

#include "allocator.h"
#include "arena.h"
#include "client.h"
#include "debugfs.h"
#include "domain.h"
#include "fault.h"
#include "front.h"
#include "heap.h"
#include "hook.h"
#include "kmalloc.h"
#include "leak.h"
#include "lifetime.h"
#include "link.h"
#include "python.h"
#include "quarantine.h"
#include "raw.h"
#include "reclaim.h"
#include "stats.h"
#include "trace.h"
#include "type.h"
#include "compat.h"

#define MAX_PREALLOC		65536
#define MAX_QUARANTINE_KIB	65536

static int arena_kib;
module_param(arena_kib, int, 0444);
MODULE_PARM_DESC(arena_kib,
		 "size of an arena in KiB, a power of two from 16 to 1024 (256 on 32 bits); 0: as the heap grows");

static char *arena_source = "auto";
module_param(arena_source, charp, 0444);
MODULE_PARM_DESC(arena_source,
		 "where arenas come from: auto, pages or vmalloc");

static char *size_classes = "fine";
module_param(size_classes, charp, 0444);
MODULE_PARM_DESC(size_classes,
		 "size classes of the default heap: linear, fine or pow2");

static int prealloc;
module_param(prealloc, int, 0444);
MODULE_PARM_DESC(prealloc,
		 "arenas to take at load, given back only when the kernel or reclaim asks, from 0 to 65536");

static char *allocator = "default";
module_param(allocator, charp, 0444);
MODULE_PARM_DESC(allocator,
		 "what serves the domains: default, debug, malloc, malloc_debug, pymalloc or pymalloc_debug");

static bool serials;
module_param(serials, bool, 0444);
MODULE_PARM_DESC(serials,
		 "debug hooks number the calls, in 8 more bytes of each block");

static int quarantine_kib = 256;
module_param(quarantine_kib, int, 0444);
MODULE_PARM_DESC(quarantine_kib,
		 "how much freed memory debug hooks keep from being used again, in KiB a CPU, from 1 to 65536");

static int tracemalloc;
module_param(tracemalloc, int, 0444);
MODULE_PARM_DESC(tracemalloc,
		 "trace from the beginning, with so many frames a call site, from 1 to 32; 0: do not");

static int fail_nth;
module_param(fail_nth, int, 0444);
MODULE_PARM_DESC(fail_nth,
		 "for tests: which of pyalloc's own allocations is to fail, from the first at load; 0: none");

/* === Parameters === */

static int __init read_arena_kib(void)
{
	if (!pyarena_is_kib(arena_kib)) {
		pr_err("pyalloc: arena_kib=%d: allowed are powers of two from %u to %u, and 0\n",
		       arena_kib, PYARENA_MIN_KIB, PYARENA_MAX_KIB);
		return -EINVAL;
	}
	pyarena_fixed_shift = pyarena_shift(arena_kib);
	return 0;
}

static int __init read_arena_source(void)
{
	int source = match_string(pyarena_source_names, PYARENA_NR_SOURCES,
				  arena_source);

	if (source < 0) {
		pr_err("pyalloc: arena_source=%s: allowed are auto, pages and vmalloc\n",
		       arena_source);
		return -EINVAL;
	}
	pyarena_source = source;
	return 0;
}

static int __init read_size_classes(void)
{
	int scheme;

	for (scheme = 0; scheme < PYCLASSES_NR; scheme++)
		if (!strcmp(size_classes, pyclasses[scheme].name))
			return scheme;
	pr_err("pyalloc: size_classes=%s: allowed are linear, fine and pow2\n",
	       size_classes);
	return -EINVAL;
}

static int __init read_prealloc(void)
{
	if (prealloc < 0 || prealloc > MAX_PREALLOC) {
		pr_err("pyalloc: prealloc=%d: allowed is 0 to %d\n", prealloc,
		       MAX_PREALLOC);
		return -EINVAL;
	}
	return 0;
}

static int __init read_quarantine_kib(void)
{
	if (quarantine_kib < 1 || quarantine_kib > MAX_QUARANTINE_KIB) {
		pr_err("pyalloc: quarantine_kib=%d: allowed is 1 to %d\n",
		       quarantine_kib, MAX_QUARANTINE_KIB);
		return -EINVAL;
	}
	pyquarantine_kib = quarantine_kib;
	return 0;
}

static int __init read_tracemalloc(void)
{
	if (tracemalloc < 0 || tracemalloc > PYSITE_FRAMES) {
		pr_err("pyalloc: tracemalloc=%d: allowed is 0 to %d\n",
		       tracemalloc, PYSITE_FRAMES);
		return -EINVAL;
	}
	return 0;
}

static int __init read_fail_nth(void)
{
	if (fail_nth < 0) {
		pr_err("pyalloc: fail_nth=%d: allowed is 0 and above\n",
		       fail_nth);
		return -EINVAL;
	}
	pyfault_arm(fail_nth);
	return 0;
}

static int __init read_parameters(enum pyclasses_scheme *scheme)
{
	int error = read_arena_kib() ?: read_arena_source() ?:
		    read_prealloc() ?: read_quarantine_kib() ?:
		    read_tracemalloc() ?: read_fail_nth();
	int number;

	if (error)
		return error;
	number = read_size_classes();
	if (number < 0)
		return number;
	*scheme = number;
	return 0;
}

/* === Loading and unloading === */

static int __init take_prealloc(void)
{
	struct pynode *node = pyheap_this_node(&pyheap_default);
	int i;

	for (i = 0; i < prealloc; i++) {
		if (!pyarena_add(node, GFP_KERNEL, PYARENA_PAGES) &&
		    !pyarena_add(node, GFP_KERNEL, PYARENA_VMALLOC)) {
			pr_err("pyalloc: prealloc=%d: there is memory for %d arenas\n",
			       prealloc, i);
			return -ENOMEM;
		}
		node->kept = node->granules;
	}
	return 0;
}

/* Arenas have begun to arm works as soon as there was one. */
static void exit_default_heap(void)
{
	pyreclaim_stop();
	pyheap_exit(&pyheap_default);
	rcu_barrier();
	pyarena_forget_allocators();
}

static int __init choose_allocator(void)
{
	int error = pyallocator_init(allocator);

	if (error == -EINVAL)
		pr_err("pyalloc: allocator=%s: allowed are default, debug, malloc, malloc_debug, pymalloc and pymalloc_debug\n",
		       allocator);
	return error;
}

static int __init init_default_heap(enum pyclasses_scheme scheme)
{
	int error = pyheap_init(&pyheap_default, "default",
				&pyclasses[scheme]);

	if (error)
		return error;
	error = take_prealloc();
	if (error)
		exit_default_heap();
	return error;
}

static int __init init_all(enum pyclasses_scheme scheme)
{
	int error;

	error = pymap_init();
	if (error)
		return error;
	error = pylifetime_init();
	if (error)
		goto exit_map;
	error = init_default_heap(scheme);
	if (error)
		goto exit_lifetime;
	error = pyreclaim_init();
	if (error)
		goto exit_heap;
	pydomain_init();
	error = choose_allocator();
	if (error)
		goto exit_reclaim;
	/* The kernel wipes what is freed: so does every free from now on. */
	if (want_init_on_free())
		pydomain_wrap(PYWRAP_WIPE);
	error = pytrace_init(tracemalloc) ?: pyclient_init();
	if (error)
		goto exit_trace;
	error = pykmalloc_init();
	if (error)
		goto exit_client;
	pydebugfs_init();
	return 0;

exit_client:
	pyclient_exit();
exit_trace:
	pytrace_exit();
exit_reclaim:
	pyreclaim_exit();
	pyhook_exit();
exit_heap:
	exit_default_heap();
exit_lifetime:
	pylifetime_exit();
exit_map:
	pymap_exit();
	return error;
}

static int __init pyalloc_init(void)
{
	enum pyclasses_scheme scheme;
	int error;

	pylink_init();
	pyclasses_init();
	pyhook_init(serials);
	error = read_parameters(&scheme);
	if (error)
		return error;
	error = init_all(scheme);
	if (pyfault_struck())
		pr_info("pyalloc: fail_nth: %s\n", pyfault_struck());
	return error;
}

/* Built in, it has to be there before its clients. */
subsys_initcall(pyalloc_init);

/* Raw blocks of a client that is gone can't be found, only counted. */
static void report_raw(const struct pyheap_stats *heap)
{
	struct pydomain_stats domains[PYDOMAIN_ROWS];
	long blocks = 0, bytes = 0;
	unsigned int i;

	if (pystats_domains(domains))
		return;
	for (i = 0; i < PYDOMAIN_ROWS; i++) {
		blocks += domains[i].blocks;
		bytes += domains[i].bytes;
	}
	for (i = 0; i < PYFRONT_DOMAINS; i++) {
		blocks -= heap->domain_blocks[i];
		bytes -= heap->domain_bytes[i];
	}
	if (blocks > 0)
		pr_warn("pyalloc: unloaded with %ld blocks of raw live, %ld bytes, which are lost\n",
			blocks, bytes);
}

static void report_live(void)
{
	struct pyheap_stats *heap = pystats_new();

	pyleak_report_all();
	if (!heap)
		return;
	pystats_heap(&pyheap_default, heap);
	/* What the fronts hold is nobody's any more, and known exactly. */
	if (heap->blocks > atomic_long_read(&pyhook_kept_pooled))
		pr_warn("pyalloc: unloaded with %lu blocks live, %zu bytes, which are freed\n",
			heap->blocks - atomic_long_read(&pyhook_kept_pooled),
			heap->bytes);
	if (atomic_long_read(&pyhook_kept))
		pr_warn("pyalloc: %ld blocks had been damaged, and were kept out of use\n",
			atomic_long_read(&pyhook_kept));
	report_raw(heap);
	kfree(heap);
}

static void __exit pyalloc_exit(void)
{
	pydebugfs_exit();
	pykmalloc_exit();
	pyclient_exit();
	pytype_exit();
	/* Frees that wait for a grace period. */
	rcu_barrier();
	pylifetime_exit();
	pyreclaim_exit();
	pyhook_flush();
	pyraw_flush();
	pyfront_flush_parked();
	report_live();
	pytrace_exit();
	pyhook_exit();
	pyraw_flush();
	exit_default_heap();
	pyallocator_exit();
	pypython_exit();
	pymap_exit();
}
module_exit(pyalloc_exit);

MODULE_DESCRIPTION("CPython's memory manager for kernel modules");
MODULE_AUTHOR("The pyalloc authors");
MODULE_VERSION(PYALLOC_VERSION);
MODULE_LICENSE("GPL");
