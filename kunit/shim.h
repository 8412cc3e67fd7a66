/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KUnit, or what the tests use of it for kernels that are built without: the
 * same names, and results in the same form of KTAP in the kernel's log.
 *
 * Each case runs in a thread of its own, which ends where an assertion fails
 * or the case is skipped.
 */
#ifndef _PYALLOC_KUNIT_SHIM_H
#define _PYALLOC_KUNIT_SHIM_H

#include <linux/kconfig.h>

#if IS_ENABLED(CONFIG_KUNIT)
#include <kunit/test.h>
#else

#include <linux/compiler.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <linux/types.h>

#define KUNIT_PARAM_DESC_SIZE	128

enum kunit_status {
	KUNIT_SUCCESS,
	KUNIT_FAILURE,
	KUNIT_SKIPPED,
};

struct kunit {
	void			*priv;
	const char		*name;
	const void		*param_value;
	int			param_index;
	enum kunit_status	status;
	char			status_comment[256];
};

struct kunit_case {
	void		(*run_case)(struct kunit *test);
	const char	*name;
	const void	*(*generate_params)(const void *prev, char *desc);
};

struct kunit_suite {
	const char		name[256];
	int			(*suite_init)(struct kunit_suite *suite);
	void			(*suite_exit)(struct kunit_suite *suite);
	int			(*init)(struct kunit *test);
	void			(*exit)(struct kunit *test);
	struct kunit_case	*test_cases;
};

#define KUNIT_CASE(function) { .run_case = function, .name = #function }

#define KUNIT_CASE_PARAM(function, generate)				\
	{ .run_case = function, .name = #function,			\
	  .generate_params = generate }

#define KUNIT_ARRAY_PARAM(name, array, describe)			\
	static const void *name##_gen_params(const void *prev, char *desc) \
	{								\
		typeof(&(array)[0]) next = prev ?			\
			(typeof(next))prev + 1 : (array);		\
									\
		if (next - (array) >= ARRAY_SIZE(array))		\
			return NULL;					\
		(describe)(next, desc);					\
		return next;						\
	}

__printf(2, 3) void shim_fail(struct kunit *test, const char *format, ...);

/*
 * These two do not return.  They are not declared so, since objtool has a
 * list of who does not and takes nobody else's word.
 */
__printf(2, 3) void shim_skip(struct kunit *test, const char *format, ...);
void shim_abort(struct kunit *test);

int shim_run_suites(struct kunit_suite *const suites[], unsigned int n);

#define kunit_skip(test, format, ...)	shim_skip(test, format, ##__VA_ARGS__)
#define kunit_info(test, format, ...)					\
	pr_info("    # %s: " format, (test)->name, ##__VA_ARGS__)

#define __shim_check(test, stop, holds, format, ...)			\
do {									\
	if (!(holds)) {							\
		shim_fail(test, "%s:%d " format, __FILE_NAME__,		\
			  __LINE__, ##__VA_ARGS__);			\
		if (stop)						\
			shim_abort(test);				\
	}								\
} while (0)

#define __shim_compare(test, stop, left, op, right)			\
do {									\
	typeof(left) __left = (left);					\
	typeof(right) __right = (right);				\
									\
	__shim_check(test, stop, __left op __right,			\
		     "expected %s " #op " %s: %lld and %lld", #left,	\
		     #right, (long long)__left, (long long)__right);	\
} while (0)

#define __shim_pointers(test, stop, left, op, right)			\
do {									\
	const void *__left = (left), *__right = (right);		\
									\
	__shim_check(test, stop, __left op __right,			\
		     "expected %s " #op " %s", #left, #right);		\
} while (0)

#define KUNIT_FAIL(test, format, ...)					\
	__shim_check(test, false, false, format, ##__VA_ARGS__)
#define KUNIT_EXPECT_TRUE(test, condition)				\
	__shim_check(test, false, condition, "expected %s", #condition)
#define KUNIT_EXPECT_FALSE(test, condition)				\
	__shim_check(test, false, !(condition), "expected !(%s)", #condition)
#define KUNIT_EXPECT_TRUE_MSG(test, condition, format, ...)		\
	__shim_check(test, false, condition, "expected %s: " format,	\
		     #condition, ##__VA_ARGS__)
#define KUNIT_EXPECT_EQ_MSG(test, left, right, format, ...)		\
	__shim_check(test, false, (left) == (right),			\
		     "expected %s == %s: " format, #left, #right,	\
		     ##__VA_ARGS__)
#define KUNIT_EXPECT_EQ(test, left, right)				\
	__shim_compare(test, false, left, ==, right)
#define KUNIT_EXPECT_NE(test, left, right)				\
	__shim_compare(test, false, left, !=, right)
#define KUNIT_EXPECT_GE(test, left, right)				\
	__shim_compare(test, false, left, >=, right)
#define KUNIT_EXPECT_GT(test, left, right)				\
	__shim_compare(test, false, left, >, right)
#define KUNIT_EXPECT_LE(test, left, right)				\
	__shim_compare(test, false, left, <=, right)
#define KUNIT_EXPECT_LT(test, left, right)				\
	__shim_compare(test, false, left, <, right)
#define KUNIT_EXPECT_STREQ(test, left, right)				\
	__shim_check(test, false, !strcmp(left, right),			\
		     "expected %s to be %s", #left, #right)
#define KUNIT_EXPECT_PTR_EQ(test, left, right)				\
	__shim_pointers(test, false, left, ==, right)
#define KUNIT_EXPECT_PTR_NE(test, left, right)				\
	__shim_pointers(test, false, left, !=, right)
#define KUNIT_EXPECT_NULL(test, ptr)					\
	__shim_pointers(test, false, ptr, ==, NULL)
#define KUNIT_EXPECT_NOT_NULL(test, ptr)				\
	__shim_pointers(test, false, ptr, !=, NULL)
#define KUNIT_ASSERT_NOT_NULL(test, ptr)				\
	__shim_pointers(test, true, ptr, !=, NULL)
#define KUNIT_ASSERT_TRUE(test, condition)				\
	__shim_check(test, true, condition, "expected %s", #condition)
#define KUNIT_ASSERT_EQ(test, left, right)				\
	__shim_compare(test, true, left, ==, right)

/* The module's init; the results are in the log, not in what it returns. */
#define kunit_test_suites(...)						\
static struct kunit_suite *const shim_suites[] = { __VA_ARGS__ };	\
static int __init shim_init(void)					\
{									\
	return shim_run_suites(shim_suites, ARRAY_SIZE(shim_suites));	\
}									\
module_init(shim_init);							\
static void __exit shim_exit(void) { }					\
module_exit(shim_exit)

#endif /* !IS_ENABLED(CONFIG_KUNIT) */

#endif /* _PYALLOC_KUNIT_SHIM_H */
