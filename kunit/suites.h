/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The suites, each in the file that has its name.
 */
#ifndef _PYALLOC_KUNIT_SUITES_H
#define _PYALLOC_KUNIT_SUITES_H

#include "shim.h"

extern struct kunit_suite mode_suite;
extern struct kunit_suite domain_suite;
extern struct kunit_suite class_suite;
extern struct kunit_suite realloc_suite;
extern struct kunit_suite heap_suite;
extern struct kunit_suite hole_suite;
extern struct kunit_suite map_suite;
extern struct kunit_suite front_suite;
extern struct kunit_suite depot_suite;
extern struct kunit_suite raw_suite;
extern struct kunit_suite bulk_suite;
extern struct kunit_suite bulk_arrays_suite;
extern struct kunit_suite rcu_suite;
extern struct kunit_suite gfp_suite;
extern struct kunit_suite scope_suite;
extern struct kunit_suite reclaim_suite;
extern struct kunit_suite usercopy_suite;
extern struct kunit_suite stats_suite;
extern struct kunit_suite misuse_suite;
extern struct kunit_suite context_suite;
extern struct kunit_suite context_empty_suite;
extern struct kunit_suite context_misuse_suite;
extern struct kunit_suite race_suite;
extern struct kunit_suite numa_suite;
extern struct kunit_suite parked_suite;
extern struct kunit_suite smp_suite;
extern struct kunit_suite sanitizer_suite;
extern struct kunit_suite hardening_suite;
extern struct kunit_suite hook_layout_suite;
extern struct kunit_suite hook_pads_suite;
extern struct kunit_suite hook_free_suite;
extern struct kunit_suite hook_rest_suite;
extern struct kunit_suite hook_call_suite;
extern struct kunit_suite hook_toggle_suite;
extern struct kunit_suite hook_context_suite;
extern struct kunit_suite allocator_suite;
extern struct kunit_suite arena_allocator_suite;
extern struct kunit_suite trace_suite;
extern struct kunit_suite trace_rest_suite;
extern struct kunit_suite site_suite;
extern struct kunit_suite trace_context_suite;
extern struct kunit_suite sample_suite;
extern struct kunit_suite private_suite;
extern struct kunit_suite private_smp_suite;
extern struct kunit_suite private_trace_suite;
extern struct kunit_suite type_suite;
extern struct kunit_suite freelist_suite;
extern struct kunit_suite python_suite;
extern struct kunit_suite whereis_suite;
extern struct kunit_suite whereis_hooks_suite;
extern struct kunit_suite whereis_trace_suite;

#endif /* _PYALLOC_KUNIT_SUITES_H */
