/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites about tracing stand on: the fixture, with debug hooks off and
 * no trace that is not a case's own, whatever the module was loaded with; ways
 * to allocate and to free, and what is to be noted of them.
 */
#ifndef _PYALLOC_KUNIT_TRACED_H
#define _PYALLOC_KUNIT_TRACED_H

#include "../pyalloc/fault.h"
#include "../pyalloc/snapshot.h"
#include "../pyalloc/trace.h"
#include "hooked.h"

/* The room for all of these is the heap's, raw's, and vmalloc's at the end. */
#define TRACED_SIZES	{ 0, 1, 8, 100, 512, 513, 5000, 70000 }

int traced_suite_init(struct kunit_suite *suite);
void traced_suite_exit(struct kunit_suite *suite);
int traced_init(struct kunit *test);
void traced_exit(struct kunit *test);

#define TRACED_SUITE(suite, cases)					\
struct kunit_suite suite##_suite = {					\
	.name		= "pyalloc_" #suite,				\
	.suite_init	= traced_suite_init,				\
	.suite_exit	= traced_suite_exit,				\
	.init		= traced_init,					\
	.exit		= traced_exit,					\
	.test_cases	= cases,					\
}

/* === Ways to allocate === */

/**
 * struct maker - a call that allocates, in a function that has its name
 * @name: the function's
 * @domain: who is asked
 * @make: asks for so many bytes, with GFP_KERNEL
 */
struct maker {
	const char		*name;
	const struct domain	*domain;
	void			*(*make)(size_t size);
};

extern const struct maker makers[12];

static inline void describe_maker(const struct maker *maker, char *desc)
{
	strscpy(desc, maker->name, KUNIT_PARAM_DESC_SIZE);
}

void *make_here(const struct domain *domain, size_t size);
void *resize_here(const struct domain *domain, void *block, size_t size);

/* === Ways to free === */

/**
 * struct freer - a call that frees
 * @name: for messages
 * @domain: who is asked
 * @free: frees a block
 */
struct freer {
	const char		*name;
	const struct domain	*domain;
	void			(*free)(const void *block);
};

extern const struct freer freers[4];

/* Of a block that is freed after a grace period, somewhere. */
struct graced {
	struct rcu_head		rcu;
};

/* === What is noted === */

void begin_trace(struct kunit *test, unsigned int nframe);
void expect_noted(struct kunit *test, long bytes, long requested, long blocks,
		  const char *what, size_t size);
void expect_nothing(struct kunit *test, const char *what, size_t size);
void expect_one(struct kunit *test, const void *block, size_t size,
		const char *what);
long missed_blocks(void);

/**
 * struct by_name - what the call sites in a function come to
 * @bytes: usable bytes
 * @size: bytes that were asked for
 * @blocks: blocks
 * @sites: how many call sites there are
 */
struct by_name {
	u64		bytes;
	u64		size;
	u64		blocks;
	unsigned int	sites;
};

bool begins_with(const char *text, const char *function);
void sum_up_by_name(struct kunit *test, const char *function,
		    struct by_name *sum);
unsigned int take_rows(struct kunit *test, struct pysnapshot_row *rows,
		       unsigned int most);
void expect_by(struct kunit *test, const void *block, const char *function);
long domain_bytes(struct kunit *test);

#endif /* _PYALLOC_KUNIT_TRACED_H */
