/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites of types share.
 */
#ifndef _PYALLOC_KUNIT_TYPED_H
#define _PYALLOC_KUNIT_TYPED_H

#include "../pyalloc/type.h"
#include "fixture.h"

struct pytype *make_type(struct kunit *test, const struct pytype_attr *attr);
void take_type_stats(struct kunit *test, const char *name,
		     struct pytype_stats *stats);
unsigned long type_live(struct kunit *test, const char *name);
unsigned long type_cached(struct kunit *test, const char *name);
void expect_gone(struct kunit *test, struct pytype *type);

#endif /* _PYALLOC_KUNIT_TYPED_H */
