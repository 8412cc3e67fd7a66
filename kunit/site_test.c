// SPDX-License-Identifier: GPL-2.0
/*
 * Call sites: each has one number, whoever asks for it and however often; a
 * table that is full says so; and what they are told as.
 */
#include <linux/bitmap.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "../pyalloc/site.h"
#include "traced.h"

/* A number is a place in the table, but for the first. */
#define ROOM	((unsigned int)PYSITE_MAX - 1)
#define HALF	((unsigned int)PYSITE_MAX / 2)

/* Addresses where no code is. */
static unsigned long caller_nr(unsigned long i)
{
	return 0x1000 + i * 4;
}

static struct pysites *new_table(struct kunit *test)
{
	struct pysites *sites = pysite_new();

	KUNIT_ASSERT_NOT_NULL(test, sites);
	KUNIT_EXPECT_EQ(test, sites->nr, 0U);
	return sites;
}

/* A site's number leads to it, and is its own. */
static bool is_sound(const struct pysites *sites, unsigned long *seen, u32 site,
		     unsigned long caller)
{
	return site && site < PYSITE_MAX &&
	       sites->site[site].caller == caller &&
	       !test_and_set_bit(site, seen);
}

static void test_each_has_a_number(struct kunit *test)
{
	struct pysites *sites = new_table(test);
	unsigned long *seen = bitmap_zalloc(PYSITE_MAX, GFP_KERNEL);
	unsigned int unsound = 0, i;
	u32 *numbers = kvcalloc(HALF, sizeof(*numbers), GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, seen && numbers);
	for (i = 0; i < HALF; i++) {
		numbers[i] = pysite_find(sites, caller_nr(i));
		unsound += !is_sound(sites, seen, numbers[i], caller_nr(i));
	}
	KUNIT_EXPECT_EQ(test, unsound, 0U);
	for (i = 0; i < HALF; i++)
		unsound += pysite_find(sites, caller_nr(i)) != numbers[i];
	KUNIT_EXPECT_EQ(test, unsound, 0U);
	KUNIT_EXPECT_EQ(test, sites->nr, HALF);
	kvfree(numbers);
	bitmap_free(seen);
	pysite_free(sites);
}

/* Takes every place.  Returns how many callers there are. */
static unsigned int fill_up(struct kunit *test, struct pysites *sites)
{
	unsigned int n = 0;

	while (sites->nr < ROOM && n < 1000000)
		pysite_find(sites, caller_nr(n++));
	KUNIT_EXPECT_EQ(test, sites->nr, ROOM);
	return n;
}

static void test_full(struct kunit *test)
{
	struct pysites *sites = new_table(test);
	unsigned int n = fill_up(test, sites), found = 0, wrong = 0, i;
	u32 site;

	for (i = 0; i < n; i++) {
		site = pysite_find(sites, caller_nr(i));
		found += !!site;
		wrong += site && sites->site[site].caller != caller_nr(i);
	}
	KUNIT_EXPECT_EQ(test, found, ROOM);
	KUNIT_EXPECT_EQ(test, wrong, 0U);
	for (i = n; i < n + 1000; i++)
		wrong += !!pysite_find(sites, caller_nr(i));
	KUNIT_EXPECT_EQ(test, wrong, 0U);
	KUNIT_EXPECT_EQ(test, sites->nr, ROOM);
	pysite_free(sites);
	pysite_free(NULL);
}

/* Blocks of those whom it has no room for are missed, and are blocks. */
static void test_full_while_tracing(struct kunit *test)
{
	const struct domain *mem = &domains[PYMEM_DOMAIN_MEM];
	struct pytrace_sum sum;
	void *known, *block;

	begin_trace(test, 1);
	known = make_here(mem, 100);
	fill_up(test, pytrace_begin_look()->sites);
	pytrace_end_look();
	block = resize_here(mem, NULL, 100);
	KUNIT_ASSERT_NOT_NULL(test, block);
	pytrace_sum_up(&sum);
	KUNIT_EXPECT_EQ(test, sum.counts.missed, 1L);
	KUNIT_EXPECT_EQ(test, sum.counts.missed_bytes, 100L);
	KUNIT_EXPECT_EQ(test, sum.counts.blocks, 1L);
	KUNIT_EXPECT_EQ(test, sum.sites, ROOM);
	pymem_free(block);
	pymem_free(known);
	block = make_here(mem, 100);
	expect_by(test, block, "make_here");
	pymem_free(block);
	pytrace_sum_up(&sum);
	KUNIT_EXPECT_EQ(test, sum.counts.blocks, 0L);
	KUNIT_EXPECT_EQ(test, sum.counts.missed, 1L);
}

/* === From several threads === */

enum { THREADS = 4 };

struct finder {
	struct pysites		*sites;
	unsigned int		step;
	struct completion	done;
	u32			numbers[HALF];
};

/* Each in an order of its own: @step is odd. */
static int find_all(void *data)
{
	struct finder *finder = data;
	unsigned int i, at;

	for (i = 0; i < HALF; i++) {
		at = i * finder->step % HALF;
		finder->numbers[at] = pysite_find(finder->sites, caller_nr(at));
		if (i % 256 == 0)
			cond_resched();
	}
	complete(&finder->done);
	/* The module is there until its threads are gone. */
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static void run_finders(struct kunit *test, struct finder *finders,
			struct pysites *sites)
{
	struct task_struct *threads[THREADS];
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		finders[i].sites = sites;
		finders[i].step = 2 * i + 1;
		init_completion(&finders[i].done);
		threads[i] = kthread_run(find_all, &finders[i], "pyalloc_site");
		KUNIT_ASSERT_TRUE(test, !IS_ERR(threads[i]));
	}
	for (i = 0; i < THREADS; i++) {
		wait_for_completion(&finders[i].done);
		kthread_stop(threads[i]);
	}
}

static void test_from_threads(struct kunit *test)
{
	struct finder *finders = kvcalloc(THREADS, sizeof(*finders),
					  GFP_KERNEL);
	struct pysites *sites = new_table(test);
	unsigned int i, j, differ = 0;

	KUNIT_ASSERT_NOT_NULL(test, finders);
	run_finders(test, finders, sites);
	for (i = 0; i < THREADS; i++)
		for (j = 0; j < HALF; j++)
			if (!finders[i].numbers[j] ||
			    finders[i].numbers[j] != finders[0].numbers[j])
				differ++;
	KUNIT_EXPECT_EQ(test, differ, 0U);
	KUNIT_EXPECT_EQ(test, sites->nr, HALF);
	pysite_free(sites);
	kvfree(finders);
}

/* === Text === */

static void test_text(struct kunit *test)
{
	struct pysites *sites = new_table(test);
	u32 here = pysite_find(sites, _THIS_IP_);
	u32 nowhere = pysite_find(sites, caller_nr(0));
	char text[PYSITE_TEXT], small[5];

	pysite_tell(sites, here, text, sizeof(text), false);
	KUNIT_EXPECT_TRUE(test, begins_with(text, "test_text"));
	KUNIT_EXPECT_NULL(test, strchr(text, ';'));
	pysite_tell(sites, here, small, sizeof(small), true);
	KUNIT_EXPECT_TRUE(test, strlen(small) < sizeof(small));
	KUNIT_EXPECT_TRUE(test, strstarts(text, small));
	pysite_tell(sites, nowhere, text, sizeof(text), true);
	KUNIT_EXPECT_STREQ(test, text, "code that is gone");
	pysite_free(sites);
}

static void test_module(struct kunit *test)
{
	struct pysites *sites = new_table(test);
	u32 here = pysite_find(sites, _THIS_IP_);
	u32 kernel = pysite_find(sites, (unsigned long)&vfree);
	u32 nowhere = pysite_find(sites, caller_nr(0));
	char text[PYSITE_TEXT];

	pysite_tell_module(sites, nowhere, text, sizeof(text));
	KUNIT_EXPECT_STREQ(test, text, "gone");
	if (IS_ENABLED(CONFIG_KALLSYMS)) {
		pysite_tell_module(sites, here, text, sizeof(text));
		KUNIT_EXPECT_STREQ(test, text, IS_BUILTIN(CONFIG_PYALLOC_KUNIT_TEST) ?
				   "kernel" : KBUILD_MODNAME);
		pysite_tell_module(sites, kernel, text, sizeof(text));
		KUNIT_EXPECT_STREQ(test, text, "kernel");
	}
	pysite_free(sites);
}

/* === Stacks === */

/* What a kernel may be configured for and yet not do. */
static void need_stacks(struct kunit *test)
{
	unsigned long frames[8];

	if (PYSITE_FRAMES == 1 || pycompat_stack_trace_save(frames, 8, 0) < 3)
		kunit_skip(test, "this kernel can't keep its stack");
}

static noinline void *make_one_way(size_t size)
{
	void *block = make_here(&domains[PYMEM_DOMAIN_MEM], size);

	barrier();
	return block;
}

static noinline void *make_another_way(size_t size)
{
	void *block = make_here(&domains[PYMEM_DOMAIN_MEM], size);

	barrier();
	return block;
}

/* All frames of the only site that has blocks live. */
static void tell_the_only_site(struct kunit *test, char *text)
{
	struct pytrace *trace = pytrace_begin_look();
	struct pysnapshot_sum *sums;
	unsigned int n = 0;

	sums = pysnapshot_sum_up(trace, NULL, NULL, &n);
	*text = 0;
	if (sums && n == 1)
		pysite_tell(trace->sites, sums[0].site, text, PYSITE_TEXTS,
			    true);
	pytrace_end_look();
	KUNIT_EXPECT_EQ(test, n, 1U);
	kvfree(sums);
}

static unsigned int count_frames(const char *text)
{
	unsigned int n = !!*text;

	while ((text = strchr(text, ';'))) {
		text++;
		n++;
	}
	return n;
}

/* The innermost frame of it is the same for all. */
static void expect_stack(struct kunit *test, void *(*make)(size_t size),
			 const char *caller, unsigned int nframe, char *text)
{
	void *block = make(100);
	const char *second;

	tell_the_only_site(test, text);
	KUNIT_EXPECT_TRUE(test, begins_with(text, "make_here"));
	KUNIT_EXPECT_GE(test, count_frames(text), min(nframe, 3U));
	KUNIT_EXPECT_LE(test, count_frames(text), nframe);
	second = strchr(text, ';');
	KUNIT_EXPECT_TRUE(test, second && begins_with(second + 1, caller));
	pymem_free(block);
}

static unsigned int nr_sites(void)
{
	struct pytrace_sum sum;

	pytrace_sum_up(&sum);
	return sum.sites;
}

static void test_stacks(struct kunit *test)
{
	static const unsigned int nframes[] = { 2, 8, PYSITE_FRAMES };
	unsigned int i, j;
	char *text;

	need_stacks(test);
	text = kmalloc(PYSITE_TEXTS, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, text);
	for (i = 0; i < ARRAY_SIZE(nframes); i++) {
		begin_trace(test, nframes[i]);
		/* From the same place of this function, so the same stack. */
		for (j = 0; j < 3; j++)
			expect_stack(test, make_one_way, "make_one_way",
				     nframes[i], text);
		KUNIT_EXPECT_EQ(test, nr_sites(), 1U);
		expect_stack(test, make_another_way, "make_another_way",
			     nframes[i], text);
		KUNIT_EXPECT_EQ(test, nr_sites(), 2U);
		pytrace_stop();
	}
	kfree(text);
}

/* Of a stack that can't be kept there is the innermost frame. */
static void test_stack_that_is_not_kept(struct kunit *test)
{
	struct pytrace_sum sum;
	void *block;

	need_stacks(test);
	begin_trace(test, 8);
	/* So that there is nothing else to fail. */
	block = pymem_malloc(100, GFP_KERNEL);
	pymem_free(block);
	pyfault_arm(1);
	block = make_one_way(100);
	KUNIT_EXPECT_TRUE(test, pyfault_struck() &&
			  !strcmp(pyfault_struck(), "site"));
	pyfault_arm(0);
	pytrace_sum_up(&sum);
	KUNIT_EXPECT_EQ(test, sum.counts.shortened, 1L);
	expect_one(test, block, 100, "shortened");
	expect_by(test, block, "make_here");
	pymem_free(block);
	expect_nothing(test, "freed", 100);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_each_has_a_number),
	KUNIT_CASE(test_full),
	KUNIT_CASE(test_full_while_tracing),
	KUNIT_CASE(test_from_threads),
	KUNIT_CASE(test_text),
	KUNIT_CASE(test_module),
	KUNIT_CASE(test_stacks),
	KUNIT_CASE(test_stack_that_is_not_kept),
	{ }
};

TRACED_SUITE(site, cases);
