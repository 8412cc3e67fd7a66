// SPDX-License-Identifier: GPL-2.0
/*
 * Runs suites where the kernel has no KUnit, and says how it went in KTAP.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "shim.h"

/* A suite's own results are indented once, those of parameters twice. */
#define SUITE_INDENT	"    "
#define PARAM_INDENT	"        "

/**
 * struct run - one run of a case
 * @test: what the case sees
 * @suite: where it comes from
 * @function: the step to run: init, the case or exit
 * @test_case: the case
 * @done: completed when the step's thread is through
 */
struct run {
	struct kunit		test;
	struct kunit_suite	*suite;
	void			(*function)(struct run *run);
	struct kunit_case	*test_case;
	struct completion	done;
};

/**
 * shim_fail() - an expectation did not hold
 * @test: in which case
 * @format: what was expected and what was seen
 */
void shim_fail(struct kunit *test, const char *format, ...)
{
	struct va_format vaf;
	va_list args;

	va_start(args, format);
	vaf.fmt = format;
	vaf.va = &args;
	pr_err(SUITE_INDENT "# %s: EXPECTATION FAILED at %pV\n", test->name,
	       &vaf);
	va_end(args);
	WRITE_ONCE(test->status, KUNIT_FAILURE);
}

/**
 * shim_abort() - end the case here
 * @test: the case, on whose thread this is
 */
void shim_abort(struct kunit *test)
{
	struct run *run = container_of(test, struct run, test);

	/* It always is; objtool must not find out that this never returns. */
	if (current->flags & PF_KTHREAD)
		kthread_complete_and_exit(&run->done, 0);
}

/**
 * shim_skip() - end the case here, as one that does not apply
 * @test: the case
 * @format: why
 */
void shim_skip(struct kunit *test, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vscnprintf(test->status_comment, sizeof(test->status_comment), format,
		   args);
	va_end(args);
	WRITE_ONCE(test->status, KUNIT_SKIPPED);
	shim_abort(test);
}

static void run_init(struct run *run)
{
	if (run->suite->init(&run->test))
		shim_fail(&run->test, "the init of the suite");
}

static void run_case(struct run *run)
{
	run->test_case->run_case(&run->test);
}

static void run_exit(struct run *run)
{
	run->suite->exit(&run->test);
}

static int run_thread(void *data)
{
	struct run *run = data;

	run->function(run);
	kthread_complete_and_exit(&run->done, 0);
}

/* Whatever happens on the thread, this returns when it ends. */
static void run_step(struct run *run, void (*function)(struct run *run))
{
	struct task_struct *thread;

	run->function = function;
	init_completion(&run->done);
	thread = kthread_run(run_thread, run, "pyalloc_kunit");
	if (IS_ERR(thread))
		shim_fail(&run->test, "a thread: %ld", PTR_ERR(thread));
	else
		wait_for_completion(&run->done);
}

static void run_once(struct run *run)
{
	if (run->suite->init)
		run_step(run, run_init);
	if (run->test.status == KUNIT_SUCCESS)
		run_step(run, run_case);
	if (run->suite->exit)
		run_step(run, run_exit);
}

static void print_result(const char *indent, enum kunit_status status,
			 unsigned int number, const char *name,
			 const char *comment)
{
	bool skipped = status == KUNIT_SKIPPED;

	pr_info("%s%s %u %s%s%s\n", indent,
		status == KUNIT_FAILURE ? "not ok" : "ok", number, name,
		skipped ? " # SKIP " : "", skipped ? comment : "");
}

static struct run *make_run(struct kunit_suite *suite,
			    struct kunit_case *test_case)
{
	struct run *run = kzalloc(sizeof(*run), GFP_KERNEL);

	if (run) {
		run->suite = suite;
		run->test_case = test_case;
		run->test.name = test_case->name;
	}
	return run;
}

/* The worst of the parameters' results is the case's: skipped if all were. */
static void run_params(struct run *run, char *desc)
{
	const struct kunit_case *test_case = run->test_case;
	enum kunit_status worst = KUNIT_SKIPPED;
	const void *param = NULL;
	int index = 0;

	pr_info(PARAM_INDENT "KTAP version 1\n");
	pr_info(PARAM_INDENT "# Subtest: %s\n", test_case->name);
	while ((param = test_case->generate_params(param, desc))) {
		run->test.status = KUNIT_SUCCESS;
		run->test.param_value = param;
		run->test.param_index = index++;
		run_once(run);
		print_result(PARAM_INDENT, run->test.status, index, desc,
			     run->test.status_comment);
		if (run->test.status == KUNIT_FAILURE ||
		    worst == KUNIT_SKIPPED)
			worst = run->test.status;
	}
	run->test.status = worst;
}

static enum kunit_status run_test_case(struct kunit_suite *suite,
				       struct kunit_case *test_case,
				       unsigned int number)
{
	struct run *run = make_run(suite, test_case);
	char *desc = kzalloc(KUNIT_PARAM_DESC_SIZE, GFP_KERNEL);
	enum kunit_status status = KUNIT_FAILURE;

	if (run && desc) {
		if (test_case->generate_params)
			run_params(run, desc);
		else
			run_once(run);
		status = run->test.status;
	}
	print_result(SUITE_INDENT, status, number, test_case->name,
		     run ? run->test.status_comment : "");
	kfree(desc);
	kfree(run);
	return status;
}

static enum kunit_status run_cases(struct kunit_suite *suite)
{
	enum kunit_status worst = KUNIT_SKIPPED, status;
	unsigned int n;

	if (suite->suite_init && suite->suite_init(suite))
		return KUNIT_FAILURE;
	for (n = 0; suite->test_cases[n].run_case; n++) {
		status = run_test_case(suite, &suite->test_cases[n], n + 1);
		if (status == KUNIT_FAILURE || worst == KUNIT_SKIPPED)
			worst = status;
	}
	return worst;
}

static void run_suite(struct kunit_suite *suite, unsigned int number)
{
	enum kunit_status status;
	unsigned int n = 0;

	while (suite->test_cases[n].run_case)
		n++;
	pr_info(SUITE_INDENT "KTAP version 1\n");
	pr_info(SUITE_INDENT "# Subtest: %s\n", suite->name);
	pr_info(SUITE_INDENT "1..%u\n", n);
	status = run_cases(suite);
	if (suite->suite_exit)
		suite->suite_exit(suite);
	print_result("", status, number, suite->name, "");
}

/**
 * shim_run_suites() - run suites one after the other
 * @suites: the suites
 * @n: how many
 *
 * Return: 0; how it went is in the log.
 */
int shim_run_suites(struct kunit_suite *const suites[], unsigned int n)
{
	unsigned int i;

	pr_info("KTAP version 1\n");
	pr_info("1..%u\n", n);
	for (i = 0; i < n; i++)
		run_suite(suites[i], i + 1);
	return 0;
}
