// SPDX-License-Identifier: GPL-2.0
/*
 * All suites, in one module.
 */
#include <linux/module.h>

#include "suites.h"

kunit_test_suites(&mode_suite, &domain_suite, &class_suite, &realloc_suite,
		  &heap_suite, &hole_suite, &map_suite, &front_suite,
		  &depot_suite, &raw_suite, &bulk_suite, &bulk_arrays_suite,
		  &rcu_suite, &gfp_suite, &scope_suite, &reclaim_suite,
		  &usercopy_suite, &stats_suite, &misuse_suite,
		  &context_suite, &context_empty_suite, &context_misuse_suite,
		  &race_suite, &smp_suite, &numa_suite, &parked_suite,
		  &sanitizer_suite, &hardening_suite, &hook_layout_suite,
		  &hook_pads_suite, &hook_free_suite, &hook_rest_suite,
		  &hook_call_suite, &hook_toggle_suite, &hook_context_suite,
		  &allocator_suite, &arena_allocator_suite, &trace_suite,
		  &trace_rest_suite, &site_suite,
		  &trace_context_suite, &sample_suite,
		  &private_suite, &private_smp_suite, &private_trace_suite,
		  &type_suite, &freelist_suite, &python_suite,
		  &whereis_suite, &whereis_hooks_suite, &whereis_trace_suite);

MODULE_DESCRIPTION("Tests of pyalloc");
MODULE_AUTHOR("The pyalloc authors");
MODULE_LICENSE("GPL");
