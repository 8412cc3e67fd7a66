/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all suites stand on: a clean heap before each case, a whole and empty
 * one after it, reports caught instead of logged, and the tools for both.
 */
#ifndef _PYALLOC_KUNIT_FIXTURE_H
#define _PYALLOC_KUNIT_FIXTURE_H

#include <linux/pyalloc.h>
#include <linux/sizes.h>

#include "../pyalloc/debug.h"
#include "../pyalloc/heap.h"
#include "../pyalloc/stats.h"
#include "shim.h"
#include "suites.h"

/* A gfp that fails without a word: for requests that are meant to. */
#define QUIET	(GFP_KERNEL | __GFP_NOWARN)

/* The twelve functions, a row a domain. */
struct domain {
	const char		*name;
	enum pymem_domain	id;
	void			*(*malloc)(size_t size, gfp_t gfp);
	void			*(*calloc)(size_t nelem, size_t elsize,
					   gfp_t gfp);
	void			*(*realloc)(void *ptr, size_t size, gfp_t gfp);
	void			(*free)(const void *ptr);
};

extern const struct domain domains[PYMEM_NR_DOMAINS];

static inline void describe_domain(const struct domain *domain, char *desc)
{
	strscpy(desc, domain->name, KUNIT_PARAM_DESC_SIZE);
}

/* What a case begins and ends with. */
int fixture_suite_init(struct kunit_suite *suite);
void fixture_suite_exit(struct kunit_suite *suite);
int engine_suite_init(struct kunit_suite *suite);
void engine_suite_exit(struct kunit_suite *suite);
void trace_no_more(void);
void trace_as_before(void);
int fixture_init(struct kunit *test);
void fixture_exit(struct kunit *test);

#define PYALLOC_SUITE_IN(suite, cases, enter, leave)			\
struct kunit_suite suite##_suite = {					\
	.name		= "pyalloc_" #suite,				\
	.suite_init	= enter,					\
	.suite_exit	= leave,					\
	.init		= fixture_init,					\
	.exit		= fixture_exit,					\
	.test_cases	= cases,					\
}

/* A suite of what pyalloc promises, whatever allocator= it was loaded with. */
#define PYALLOC_SUITE(suite, cases)					\
	PYALLOC_SUITE_IN(suite, cases, fixture_suite_init, fixture_suite_exit)

/*
 * A suite of how the heap works inside.  While it runs the heap serves, and
 * debug hooks and tracing are off.
 */
#define PYALLOC_ENGINE_SUITE(suite, cases)				\
	PYALLOC_SUITE_IN(suite, cases, engine_suite_init, engine_suite_exit)

/* Reports */
unsigned int reports_seen(void);
unsigned int take_reports(struct pyalloc_report *last);
enum pyalloc_mistake last_mistake(void);
void expect_report(struct kunit *test, enum pyalloc_mistake mistake,
		   const void *ptr);
void expect_reports(struct kunit *test, unsigned int n,
		    enum pyalloc_mistake mistake, const void *ptr);
void expect_wrong_domain(struct kunit *test, unsigned int n);
void expect_no_report(struct kunit *test);
void forget_reports(void);
void expect_whole(struct kunit *test);
void expect_usable_size(struct kunit *test, const void *block, size_t size);

/* What the module was loaded with, as far as clients see it */
bool hooks_look(const struct domain *domain);
bool heap_serves(const struct domain *domain, size_t size);
size_t heap_room(size_t size);
size_t heap_most(void);
size_t alignment_of(const struct domain *domain, size_t size);
bool kmalloc_alone(void);
void need_heap(struct kunit *test);
void need_notes(struct kunit *test);

/* Size classes, by the rule of the scheme that the module was loaded with. */
enum pyclasses_scheme loaded_scheme(void);
size_t class_size(size_t size);
unsigned int class_index(size_t size);
size_t class_above(size_t size);

/* The classes in turn, by their size; 0 begins. */
#define for_each_class_size(size)					\
	for (size = class_size(1); size <= PYALLOC_SMALL_MAX;		\
	     size = class_above(size))

/* Accounts */
struct pyheap_stats *take_heap_stats(struct kunit *test);
unsigned long heap_arenas(struct kunit *test);
unsigned long class_pools(struct kunit *test, size_t size);
void take_domain_stats(struct kunit *test,
		       struct pydomain_stats rows[PYDOMAIN_ROWS]);

void balance(struct kunit *test, const struct domain *from,
	     const struct domain *to, size_t size);
void balance_foreign(struct kunit *test, const struct domain *domain,
		     size_t usable);

/* Contents */
void fill(void *ptr, size_t bytes, u8 seed);
bool is_filled(const void *ptr, size_t bytes, u8 seed);
bool is_zero(const void *ptr, size_t bytes);
bool is_heaps(const void *ptr);
size_t room_of(const void *block);

/* Where a case runs */
void stay_on_this_cpu(struct kunit *test);

/* What a kernel does that is short of memory */
void need_shrinkers(struct kunit *test);
bool call_shrinkers(void);

/* Many blocks, linked through their own first word. */
void *push_block(void *first, void *block);
void *pop_block(void **first);
void *exhaust_heap(size_t size);
void free_blocks(void *first);
void skip_without_bulk(struct kunit *test);
void take_exactly(struct kunit *test, size_t size, size_t n, void **blocks);

/* Arrays of pointers, too large for kmalloc. */
void **make_array(struct kunit *test, size_t n);
unsigned int count_overlaps(size_t n, void **blocks);

#endif /* _PYALLOC_KUNIT_FIXTURE_H */
