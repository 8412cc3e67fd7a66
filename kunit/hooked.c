// SPDX-License-Identifier: GPL-2.0
/*
 * What the suites about debug hooks stand on.
 *
 * They turn hooks on for themselves, and have the heap serve; both is as it was
 * when they end.  A case that damages a block has it put to use again with
 * pyhook_forgive(), so that no block is kept behind its end.
 */
#include <linux/kallsyms.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "hooked.h"

size_t hooked_sizes[24] = {
	1, 2, 7, 8, 9, 15, 16, 17, 40, 63, 104, 105, 250, 486,
	0, 0, 512, 513, 1015, 4095, 4096, 12000, 100000, 0,
};

static unsigned int domains_before;
static bool heap_before;
static long kept_before;

/**
 * hooked_suite_init() - turn hooks on
 * @suite: the suite
 *
 * Return: 0 or -ENOMEM.
 */
int hooked_suite_init(struct kunit_suite *suite)
{
	hooked_sizes[14] = LAST_POOLED;
	hooked_sizes[15] = LAST_POOLED + 1;
	hooked_sizes[23] = KMALLOC_MAX_SIZE + 5000;
	domains_before = pyhook_domains;
	heap_before = pydomain_uses_heap();
	fixture_suite_init(suite);
	pydomain_use_heap(true);
	return pyhook_turn(ALL_DOMAINS);
}

/**
 * hooked_suite_exit() - leave hooks as they were
 * @suite: the suite
 */
void hooked_suite_exit(struct kunit_suite *suite)
{
	pyhook_turn(domains_before);
	pydomain_use_heap(heap_before);
	fixture_suite_exit(suite);
}

/**
 * hooked_init() - as fixture_init()
 * @test: the case
 *
 * Return: 0.
 */
int hooked_init(struct kunit *test)
{
	kept_before = atomic_long_read(&pyhook_kept);
	return fixture_init(test);
}

/**
 * hooked_exit() - as fixture_exit(), and nothing is kept
 * @test: the case
 */
void hooked_exit(struct kunit *test)
{
	rcu_barrier();
	fixture_exit(test);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&pyhook_kept), kept_before);
}

/**
 * hooked_malloc() - a block, filled
 * @test: the case
 * @domain: whose
 * @size: how many bytes
 *
 * Return: the block.
 */
void *hooked_malloc(struct kunit *test, const struct domain *domain,
		    size_t size)
{
	void *ptr = domain->malloc(size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ptr);
	fill(ptr, size, 0x5a);
	return ptr;
}

/**
 * take_report() - one report came since the last call, and it was this
 * @test: the case
 * @mistake: what it said
 * @ptr: of which pointer
 * @size: how large the block is, to be named if it was not
 * @report: the report
 *
 * Return: true if it was.
 */
bool take_report(struct kunit *test, enum pyalloc_mistake mistake,
		 const void *ptr, size_t size, struct pyalloc_report *report)
{
	unsigned int n = take_reports(report);
	bool same = n == 1 && report->mistake == mistake && report->ptr == ptr;

	KUNIT_EXPECT_TRUE_MSG(test, same,
			      "%u reports, mistake %d for %d, %zu bytes", n,
			      (int)report->mistake, (int)mistake, size);
	return same;
}

/**
 * expect_found() - check finds one damaged block, and it is this
 * @test: the case
 * @mistake: what was done to it
 * @ptr: the block
 * @size: how large it is
 * @report: the report
 */
void expect_found(struct kunit *test, enum pyalloc_mistake mistake,
		  const void *ptr, size_t size, struct pyalloc_report *report)
{
	struct pycheck *check = kzalloc(sizeof(*check), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, check);
	KUNIT_EXPECT_EQ(test, pycheck_all(check), 0);
	KUNIT_EXPECT_TRUE_MSG(test, check->broken == 1,
			      "%lu broken of 1, %zu bytes: %s", check->broken,
			      size, check->what);
	take_report(test, mistake, ptr, size, report);
	kfree(check);
}

/**
 * is_by() - does an address lie in a function?
 * @address: the address
 * @function: the function's name
 *
 * Return: true if it does, and where the kernel has no names.
 */
bool is_by(unsigned long address, const char *function)
{
	char name[KSYM_SYMBOL_LEN];

	if (!IS_ENABLED(CONFIG_KALLSYMS))
		return true;
	snprintf(name, sizeof(name), "%ps", (void *)address);
	return strstarts(name, function);
}

/**
 * free_here() - free a block, from a function that reports can name
 * @domain: through which domain
 * @ptr: the block
 */
noinline void free_here(const struct domain *domain, void *ptr)
{
	domain->free(ptr);
	/* Else it would be a jump. */
	barrier();
}

/**
 * expect_rows() - each domain has as many blocks and bytes as before
 * @test: the case
 * @before: what they had
 * @size: of which blocks, to be named if not
 */
void expect_rows(struct kunit *test, const struct pydomain_stats *before,
		 size_t size)
{
	struct pydomain_stats now[PYDOMAIN_ROWS];
	unsigned int i;
	bool same;

	take_domain_stats(test, now);
	for (i = 0; i < PYDOMAIN_ROWS; i++) {
		same = now[i].blocks == before[i].blocks &&
		       now[i].bytes == before[i].bytes;
		KUNIT_EXPECT_TRUE_MSG(test, same,
				      "row %u: %ld blocks, %ld bytes more, %zu bytes",
				      i, now[i].blocks - before[i].blocks,
				      now[i].bytes - before[i].bytes, size);
	}
}

/**
 * comes_again() - is a block handed out while others of its size come and go?
 * @domain: whose
 * @size: their size
 * @ptr: the block, which was freed
 * @times: how many others
 *
 * Return: true as soon as it is.
 */
bool comes_again(const struct domain *domain, size_t size, const void *ptr,
		 unsigned int times)
{
	bool came = false;
	void *other;

	while (times-- && !came) {
		other = domain->malloc(size, GFP_KERNEL);
		came = other == ptr;
		domain->free(other);
	}
	return came;
}
