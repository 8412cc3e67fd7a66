/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites about debug hooks stand on: the fixture, with hooks on while
 * the suite runs, whatever the module was loaded with.
 *
 * Cases that turn something on and off while other CPUs are at work hold
 * PYWRAP_TEST, so that the static key stays as it is: CPUs that QEMU before 8.1
 * emulates may run into the breakpoint of code that is being patched when the
 * kernel is done with it, and then that is an oops.
 */
#ifndef _PYALLOC_KUNIT_HOOKED_H
#define _PYALLOC_KUNIT_HOOKED_H

#include "../pyalloc/check.h"
#include "../pyalloc/domain.h"
#include "../pyalloc/hook.h"
#include "../pyalloc/quarantine.h"
#include "fixture.h"
#include "scribble.h"

#define ALL_DOMAINS	(BIT(PYMEM_NR_DOMAINS) - 1)

/* On both sides of where a pool ends and raw begins, and of a page. */
#define LAST_POOLED	(PYALLOC_SMALL_MAX - pyhook_overhead)

/* Over what kmalloc has: the last is vmalloc's. */
extern size_t hooked_sizes[24];

/* Those that neither rest nor are kept; so they can't be looked at later. */
#define RESTS_MOST	SZ_16K

#define for_each_hooked_size(size, i)					\
	for (i = 0; i < ARRAY_SIZE(hooked_sizes) &&			\
	     (size = hooked_sizes[i], true); i++)

static inline bool is_pooled(const struct domain *domain, size_t size)
{
	return domain->id != PYMEM_DOMAIN_RAW && size <= LAST_POOLED;
}

/* The class of its pool, as if it were not decorated. */
static inline unsigned int hooked_class(size_t size)
{
	size_t total = ALIGN(max_t(size_t, size, 1) + pyhook_overhead, 16);

	return pyheap_default.classes->of_step[PYALLOC_STEP(total)];
}

static inline size_t hooked_room(size_t size)
{
	return pyheap_class(&pyheap_default, hooked_class(size))->size;
}

int hooked_suite_init(struct kunit_suite *suite);
void hooked_suite_exit(struct kunit_suite *suite);
int hooked_init(struct kunit *test);
void hooked_exit(struct kunit *test);

#define HOOKED_SUITE(suite, cases)					\
struct kunit_suite suite##_suite = {					\
	.name		= "pyalloc_" #suite,				\
	.suite_init	= hooked_suite_init,				\
	.suite_exit	= hooked_suite_exit,				\
	.init		= hooked_init,					\
	.exit		= hooked_exit,					\
	.test_cases	= cases,					\
}

void *hooked_malloc(struct kunit *test, const struct domain *domain,
		    size_t size);
bool take_report(struct kunit *test, enum pyalloc_mistake mistake,
		 const void *ptr, size_t size, struct pyalloc_report *report);
void expect_found(struct kunit *test, enum pyalloc_mistake mistake,
		  const void *ptr, size_t size, struct pyalloc_report *report);
bool is_by(unsigned long address, const char *function);
void free_here(const struct domain *domain, void *ptr);
void expect_rows(struct kunit *test, const struct pydomain_stats *before,
		 size_t size);
bool comes_again(const struct domain *domain, size_t size, const void *ptr,
		 unsigned int times);

#endif /* _PYALLOC_KUNIT_HOOKED_H */
