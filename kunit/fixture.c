// SPDX-License-Identifier: GPL-2.0
/*
 * What all suites stand on.
 *
 * Each case begins with a heap without an arena of its own and ends with
 * three questions: are there as many blocks as before, was every report
 * expected, and does the check find everything whole?
 */
#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/vmalloc.h>

#include "../pyalloc/check.h"
#include "../pyalloc/domain.h"
#include "../pyalloc/hook.h"
#include "../pyalloc/reclaim.h"
#include "../pyalloc/trace.h"
#include "fixture.h"

/* === The twelve functions === */

static void *mem_malloc(size_t size, gfp_t gfp)
{
	return pymem_malloc(size, gfp);
}

static void *object_malloc(size_t size, gfp_t gfp)
{
	return pyobject_malloc(size, gfp);
}

const struct domain domains[PYMEM_NR_DOMAINS] = {
	[PYMEM_DOMAIN_RAW] = {
		"raw", PYMEM_DOMAIN_RAW, pymem_raw_malloc, pymem_raw_calloc,
		pymem_raw_realloc, pymem_raw_free,
	},
	[PYMEM_DOMAIN_MEM] = {
		"mem", PYMEM_DOMAIN_MEM, mem_malloc, pymem_calloc,
		pymem_realloc, pymem_free,
	},
	[PYMEM_DOMAIN_OBJ] = {
		"object", PYMEM_DOMAIN_OBJ, object_malloc, pyobject_calloc,
		pyobject_realloc, pyobject_free,
	},
};

/* === Reports === */

static atomic_t nr_reports;
static struct pyalloc_report last_report;

static void catch_report(const struct pyalloc_report *report)
{
	last_report = *report;
	atomic_inc(&nr_reports);
}

/**
 * reports_seen() - how many reports came that no case has expected yet
 *
 * Return: their number.
 */
unsigned int reports_seen(void)
{
	return atomic_read(&nr_reports);
}

/**
 * forget_reports() - those that came were expected
 */
void forget_reports(void)
{
	atomic_set(&nr_reports, 0);
}

/**
 * last_mistake() - what the last report said
 *
 * Return: the mistake.
 */
enum pyalloc_mistake last_mistake(void)
{
	return last_report.mistake;
}

/**
 * take_reports() - look at the reports where the mistake was made
 * @last: what the last one said
 *
 * Context: Any.
 * Return: how many came that no case has expected yet, which are forgotten.
 */
unsigned int take_reports(struct pyalloc_report *last)
{
	*last = last_report;
	return atomic_xchg(&nr_reports, 0);
}

/**
 * expect_reports() - so many came since the last call, and this was the last
 * @test: the case
 * @n: how many
 * @mistake: what the last one said
 * @ptr: of which pointer
 */
void expect_reports(struct kunit *test, unsigned int n,
		    enum pyalloc_mistake mistake, const void *ptr)
{
	KUNIT_EXPECT_EQ(test, reports_seen(), n);
	KUNIT_EXPECT_EQ(test, (int)last_report.mistake, (int)mistake);
	KUNIT_EXPECT_PTR_EQ(test, last_report.ptr, ptr);
	atomic_set(&nr_reports, 0);
}

/**
 * expect_report() - one report came since the last call, and it was this
 * @test: the case
 * @mistake: what it said
 * @ptr: of which pointer
 */
void expect_report(struct kunit *test, enum pyalloc_mistake mistake,
		   const void *ptr)
{
	expect_reports(test, 1, mistake, ptr);
}

/**
 * expect_wrong_domain() - blocks of mem or object were given to another domain
 * @test: the case
 * @n: how often
 *
 * That is no mistake but for debug hooks, which report each.
 */
void expect_wrong_domain(struct kunit *test, unsigned int n)
{
	if (!hooks_look(&domains[PYMEM_DOMAIN_MEM]))
		n = 0;
	KUNIT_EXPECT_EQ(test, reports_seen(), n);
	if (n)
		KUNIT_EXPECT_EQ(test, (int)last_report.mistake,
				(int)PYALLOC_WRONG_DOMAIN);
	atomic_set(&nr_reports, 0);
}

/**
 * expect_no_report() - nothing was reported since the last call
 * @test: the case
 */
void expect_no_report(struct kunit *test)
{
	KUNIT_EXPECT_EQ_MSG(test, reports_seen(), 0,
			    "mistake %d, a block of %u bytes, by %pS",
			    (int)last_report.mistake, last_report.size,
			    (void *)last_report.caller);
	atomic_set(&nr_reports, 0);
}

/**
 * expect_whole() - the check finds nothing broken
 * @test: the case
 */
void expect_whole(struct kunit *test)
{
	struct pycheck *check = kzalloc(sizeof(*check), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, check);
	KUNIT_EXPECT_EQ(test, pycheck_all(check), 0);
	KUNIT_EXPECT_EQ_MSG(test, check->broken, 0UL, "%s", check->what);
	kfree(check);
}

/* === Before and after === */

static size_t blocks_before;
static long raw_before;

static long raw_blocks(struct kunit *test)
{
	struct pydomain_stats rows[PYDOMAIN_ROWS];

	take_domain_stats(test, rows);
	return rows[PYMEM_DOMAIN_RAW].blocks;
}

/**
 * fixture_suite_init() - begin to catch reports
 * @suite: the suite
 *
 * Return: 0.
 */
int fixture_suite_init(struct kunit_suite *suite)
{
	pydebug_set_hook(catch_report);
	return 0;
}

/**
 * fixture_suite_exit() - let reports go to the log again
 * @suite: the suite
 */
void fixture_suite_exit(struct kunit_suite *suite)
{
	pyalloc_reclaim();
	pydebug_set_hook(NULL);
}

/* What the module was loaded with. */
static unsigned int loaded_hooks, loaded_nframe;
static bool loaded_heap;

/**
 * trace_no_more() - end the trace that the module may have been loaded with
 */
void trace_no_more(void)
{
	struct pytrace_sum sum;

	pytrace_sum_up(&sum);
	loaded_nframe = sum.nframe;
	pytrace_stop();
}

/**
 * trace_as_before() - begin it again
 */
void trace_as_before(void)
{
	pytrace_stop();
	if (loaded_nframe)
		WARN_ON(pytrace_start(loaded_nframe));
}

/**
 * engine_suite_init() - have the heap serve, without debug hooks and tracing
 * @suite: the suite
 *
 * Return: 0 or an errno.
 */
int engine_suite_init(struct kunit_suite *suite)
{
	int error;

	loaded_hooks = pyhook_domains;
	loaded_heap = pydomain_uses_heap();
	error = pyhook_turn(0);
	if (error)
		return error;
	pydomain_use_heap(true);
	trace_no_more();
	return fixture_suite_init(suite);
}

/**
 * engine_suite_exit() - have the domains served as they were before
 * @suite: the suite
 */
void engine_suite_exit(struct kunit_suite *suite)
{
	fixture_suite_exit(suite);
	pydomain_use_heap(loaded_heap);
	WARN_ON(pyhook_turn(loaded_hooks));
	trace_as_before();
}

/**
 * fixture_init() - empty the fronts and give back what is free
 * @test: the case
 *
 * Return: 0.
 */
int fixture_init(struct kunit *test)
{
	pyalloc_reclaim();
	atomic_set(&nr_reports, 0);
	blocks_before = pymem_get_allocated_blocks();
	raw_before = raw_blocks(test);
	return 0;
}

/**
 * fixture_exit() - everything is as it was
 * @test: the case
 */
void fixture_exit(struct kunit *test)
{
	expect_no_report(test);
	expect_whole(test);
	pyalloc_reclaim();
	expect_no_report(test);
	expect_whole(test);
	KUNIT_EXPECT_EQ(test, pymem_get_allocated_blocks(), blocks_before);
	KUNIT_EXPECT_EQ(test, raw_blocks(test), raw_before);
}

/* === What the module was loaded with === */

/**
 * hooks_look() - are a domain's blocks decorated, and looked at?
 * @domain: the domain
 *
 * Return: true with debug hooks.
 */
bool hooks_look(const struct domain *domain)
{
	return pyhook_is_on(domain->id);
}

/* What a request takes of the heap. */
static size_t with_decorations(size_t size)
{
	if (!hooks_look(&domains[PYMEM_DOMAIN_MEM]))
		return size;
	return ALIGN(max_t(size_t, size, 1) + pyhook_overhead, 16);
}

/**
 * heap_serves() - does a request with no odd gfp get a block of the heap?
 * @domain: whose request
 * @size: its size
 *
 * Return: false if it is raw's.
 */
bool heap_serves(const struct domain *domain, size_t size)
{
	return domain->id != PYMEM_DOMAIN_RAW && pydomain_uses_heap() &&
	       with_decorations(size) <= PYALLOC_SMALL_MAX;
}

/**
 * heap_room() - the size class of the block that the heap has for a request
 * @size: a request that it serves
 *
 * Return: the class's size.
 */
size_t heap_room(size_t size)
{
	return class_size(with_decorations(size));
}

/**
 * heap_most() - the largest request that the heap serves, if it serves any
 *
 * Return: its size.
 */
size_t heap_most(void)
{
	return hooks_look(&domains[PYMEM_DOMAIN_MEM]) ?
	       PYALLOC_SMALL_MAX - pyhook_overhead : PYALLOC_SMALL_MAX;
}

/**
 * alignment_of() - how a block is aligned at least
 * @domain: who asked for it
 * @size: the request
 *
 * Return: the alignment in bytes.
 */
size_t alignment_of(const struct domain *domain, size_t size)
{
	if (hooks_look(domain))
		return 16;
	return heap_serves(domain, size) ? 1UL << __ffs(class_size(size)) :
					   __alignof__(unsigned long long);
}

/**
 * need_heap() - skip where there are no pools that serve
 * @test: the case
 */
void need_heap(struct kunit *test)
{
	if (!pydomain_uses_heap())
		kunit_skip(test, "the heap serves nothing");
}

/**
 * kmalloc_alone() - is every block kmalloc()'s, and known to it alone?
 *
 * Return: true with allocator=malloc.
 */
bool kmalloc_alone(void)
{
	return !pydomain_uses_heap() && !hooks_look(&domains[PYMEM_DOMAIN_MEM]);
}

/**
 * need_notes() - skip where nothing is known of a block but by kmalloc()
 * @test: the case
 *
 * A second free is for kfree() to find then, and krealloc() lets a block grow
 * with any gfp.
 */
void need_notes(struct kunit *test)
{
	if (kmalloc_alone())
		kunit_skip(test, "blocks are kmalloc's, and known to it alone");
}

/* === Size classes === */

/**
 * loaded_scheme() - the size classes that the module was loaded with
 *
 * They are told by two of them: the first one is 16 in `linear` alone, and 24
 * bytes are a class of `fine` alone.
 *
 * Return: the scheme.
 */
enum pyclasses_scheme loaded_scheme(void)
{
	const struct pyclass *class = pyheap_default.classes->class;

	if (class[0].size == 16)
		return PYCLASSES_LINEAR;
	return class[2].size == 24 ? PYCLASSES_FINE : PYCLASSES_POW2;
}

/**
 * class_size() - the size class of a request, by rule
 * @size: of at most 512 bytes
 *
 * Return: the class's size.
 */
size_t class_size(size_t size)
{
	size = max_t(size_t, size, 1);
	switch (loaded_scheme()) {
	case PYCLASSES_LINEAR:
		return ALIGN(size, 16);
	case PYCLASSES_FINE:
		return ALIGN(size, size <= 128 ? 8 : size <= 256 ? 16 : 32);
	default:
		return max_t(size_t, roundup_pow_of_two(size), 8);
	}
}

/**
 * class_index() - which row of the statistics a request has
 * @size: the request
 *
 * Return: the row.
 */
unsigned int class_index(size_t size)
{
	size = class_size(size);
	switch (loaded_scheme()) {
	case PYCLASSES_LINEAR:
		return size / 16 - 1;
	case PYCLASSES_FINE:
		if (size <= 128)
			return size / 8 - 1;
		return size <= 256 ? size / 16 + 7 : size / 32 + 15;
	default:
		return ilog2(size) - 3;
	}
}

/**
 * class_above() - the next larger class
 * @size: a class's size
 *
 * Return: the next one's, over 512 after the last.
 */
size_t class_above(size_t size)
{
	return class_size(size + 1);
}

/* === Accounts === */

/**
 * take_heap_stats() - a snapshot of the default heap
 * @test: the case
 *
 * Return: the snapshot, which kfree() frees.
 */
struct pyheap_stats *take_heap_stats(struct kunit *test)
{
	struct pyheap_stats *stats = kzalloc(sizeof(*stats), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, stats);
	pystats_heap(&pyheap_default, stats);
	return stats;
}

/**
 * heap_arenas() - how many arenas the default heap has
 * @test: the case
 *
 * Return: their number.
 */
unsigned long heap_arenas(struct kunit *test)
{
	struct pyheap_stats *stats = take_heap_stats(test);
	unsigned long arenas = stats->arenas;

	kfree(stats);
	return arenas;
}

/**
 * class_pools() - how many pools a size class has
 * @test: the case
 * @size: the class's size
 *
 * Return: their number.
 */
unsigned long class_pools(struct kunit *test, size_t size)
{
	struct pyheap_stats *stats = take_heap_stats(test);
	unsigned long pools = stats->class[class_index(size)].pools;

	kfree(stats);
	return pools;
}

/**
 * take_domain_stats() - a snapshot of the domains
 * @test: the case
 * @rows: where to put it
 */
void take_domain_stats(struct kunit *test,
		       struct pydomain_stats rows[PYDOMAIN_ROWS])
{
	KUNIT_ASSERT_EQ(test, pystats_domains(rows), 0);
}

/**
 * balance_foreign() - make up for a foreign block that a domain freed
 * @test: the case
 * @domain: the domain
 * @usable: the block's usable size
 *
 * raw can't tell a foreign block from its own, and the others only one of at
 * most 512 bytes, and that while the heap serves; so one of their own, which
 * no hooks decorate, goes to the kernel in return.
 */
void balance_foreign(struct kunit *test, const struct domain *domain,
		     size_t usable)
{
	void *block;

	if (domain->id != PYMEM_DOMAIN_RAW && usable <= PYALLOC_SMALL_MAX &&
	    pydomain_uses_heap())
		return;
	block = pydomain_malloc(domain->id, usable, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, block);
	KUNIT_ASSERT_TRUE(test, !is_heaps(block));
	kvfree(block);
}

/**
 * balance() - make up for a block of one domain that another one freed
 * @test: the case
 * @from: the domain that allocated it
 * @to: the domain that freed it
 * @size: its size
 *
 * Debug hooks know who allocated it, and count it for him.
 */
void balance(struct kunit *test, const struct domain *from,
	     const struct domain *to, size_t size)
{
	void *block;

	if (hooks_look(from))
		return;
	if (from == to || (size <= PYALLOC_SMALL_MAX && pydomain_uses_heap())) {
		/* raw's own small one was taken for a foreign one. */
		if (from != to && from->id == PYMEM_DOMAIN_RAW)
			from->free(kmalloc(size, GFP_KERNEL));
		return;
	}
	block = to->malloc(size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, block);
	from->free(block);
}

/* === Contents === */

/**
 * fill() - write a pattern that is_filled() knows again
 * @ptr: where
 * @bytes: how much
 * @seed: which pattern
 */
void fill(void *ptr, size_t bytes, u8 seed)
{
	memset(ptr, seed, bytes);
}

/**
 * is_filled() - is the pattern still there?
 * @ptr: where
 * @bytes: how much of it
 * @seed: which pattern
 *
 * Return: true if all of it is.
 */
bool is_filled(const void *ptr, size_t bytes, u8 seed)
{
	return !memchr_inv(ptr, seed, bytes);
}

/**
 * is_zero() - are these bytes zero?
 * @ptr: where
 * @bytes: how many
 *
 * Return: true if all of them are.
 */
bool is_zero(const void *ptr, size_t bytes)
{
	return !memchr_inv(ptr, 0, bytes);
}

/**
 * is_heaps() - does a heap hold this address?
 * @ptr: the address
 *
 * Return: false if it is raw's or nobody's.
 */
bool is_heaps(const void *ptr)
{
	return pymap_lookup(ptr) != 0;
}

static size_t vmalloc_room(const void *block)
{
	size_t room = 0;

	while (vmalloc_to_page(block + room))
		room += PAGE_SIZE;
	return room;
}

/**
 * room_of() - how many bytes a block has, whatever was asked for
 * @block: a live block of the heap's or the kernel's
 *
 * It is what the accounts have, decorations included, and
 * pyalloc_usable_size() too unless debug hooks or KASAN watch.
 *
 * Return: bytes.
 */
size_t room_of(const void *block)
{
	u32 entry = pymap_lookup(block);

	if (pyhook_knows(block))
		block -= PYHOOK_HEAD;

	if (entry & PYMAP_CODE_MASK)
		return pyheap_class(&pyheap_default, pymap_class(entry))->size;
	return is_vmalloc_addr(block) ? vmalloc_room(block) : ksize(block);
}

/**
 * expect_usable_size() - pyalloc_usable_size() says what it should
 * @test: the case
 * @block: a live block
 * @size: how many bytes were asked for
 */
void expect_usable_size(struct kunit *test, const void *block, size_t size)
{
	bool known = pyhook_knows(block) || IS_ENABLED(CONFIG_KASAN_GENERIC);
	size_t usable = known ? max_t(size_t, size, 1) : room_of(block);

	KUNIT_EXPECT_EQ(test, pyalloc_usable_size(block), usable);
}

/* === Where a case runs === */

/**
 * stay_on_this_cpu() - keep the rest of the case on the CPU it is on
 * @test: the case
 *
 * The thread is the case's own and ends with it: nothing is to be undone.
 */
void stay_on_this_cpu(struct kunit *test)
{
	int cpu = raw_smp_processor_id();

	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(cpu)),
			0);
}

/* === Shrinkers === */

static bool tell_kernel(const char *what)
{
	struct file *file = filp_open("/proc/sys/vm/drop_caches", O_WRONLY, 0);
	ssize_t written;
	loff_t at = 0;

	if (IS_ERR(file))
		return false;
	written = kernel_write(file, what, 1, &at);
	filp_close(file, NULL);
	return written == 1;
}

/**
 * call_shrinkers() - have the kernel call all shrinkers
 *
 * Return: false: there is no file that does it.
 */
bool call_shrinkers(void)
{
	return tell_kernel("2");
}

/**
 * need_shrinkers() - skip the case where that can't be done
 * @test: the case
 */
void need_shrinkers(struct kunit *test)
{
	/* 4 is no cache: from then on there is no message. */
	if (!tell_kernel("4") || !call_shrinkers())
		kunit_skip(test, "there is no file that calls shrinkers");
}

/* === Many blocks === */

/**
 * push_block() - put a block in front of a chain
 * @first: the chain's first block, or NULL
 * @block: the block, of 8 bytes at least
 *
 * Return: the chain's first block.
 */
void *push_block(void *first, void *block)
{
	*(void **)block = first;
	return block;
}

/**
 * pop_block() - take the first block of a chain
 * @first: the chain's first block, moved on to the next
 *
 * Return: the block, or NULL if there is none.
 */
void *pop_block(void **first)
{
	void *block = *first;

	if (block)
		*first = *(void **)block;
	return block;
}

static void *exhaust_class(void *first, size_t size)
{
	void *block;

	while ((block = pymem_malloc(size, 0)))
		first = push_block(first, block);
	return first;
}

/**
 * exhaust_heap() - leave the heap without a free granule, nor a free block
 * @size: of this size
 *
 * Takes all that a caller who may not take a page can have in the largest
 * blocks and in those of @size.  Work items may bring more arenas once preemption is
 * possible.
 *
 * Context: Preemption off.
 * Return: the blocks, as a chain for free_blocks().
 */
void *exhaust_heap(size_t size)
{
	size = max(size, sizeof(void *));
	return exhaust_class(exhaust_class(NULL, heap_most()), size);
}

/**
 * free_blocks() - free the blocks of a chain
 * @first: its first block, or NULL
 */
void free_blocks(void *first)
{
	void *block;

	while ((block = pop_block(&first)))
		pymem_free(block);
}

/**
 * skip_without_bulk() - skip where calls for many blocks are many calls
 * @test: the case
 *
 * With init_on_free every call takes the long way, and blocks come by way of
 * the fronts, half an array at a time.
 */
void skip_without_bulk(struct kunit *test)
{
	if (want_init_on_free())
		kunit_skip(test, "the kernel wipes what is freed");
}

/**
 * take_exactly() - blocks straight from the pools
 * @test: the case
 * @size: their size
 * @n: how many
 * @blocks: where to put them
 *
 * The fronts are emptied before and after, so that what is out of the pools
 * is what the case holds.
 */
void take_exactly(struct kunit *test, size_t size, size_t n, void **blocks)
{
	pyreclaim_drain();
	KUNIT_ASSERT_EQ(test, pymem_malloc_bulk(size, GFP_KERNEL, n, blocks),
			n);
	pyreclaim_drain();
}

/**
 * make_array() - an array of pointers, all NULL
 * @test: the case
 * @n: how many
 *
 * Return: the array, which kvfree() frees.
 */
void **make_array(struct kunit *test, size_t n)
{
	void **array = kvcalloc(n, sizeof(*array), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, array);
	return array;
}

static int compare_pointers(const void *a, const void *b)
{
	const void *left = *(void *const *)a, *right = *(void *const *)b;

	return left < right ? -1 : left > right;
}

/**
 * count_overlaps() - how many blocks share bytes with another one
 * @n: how many there are
 * @blocks: the blocks, of any size, which are sorted by address
 *
 * Return: how many do not end before the next one begins.
 */
unsigned int count_overlaps(size_t n, void **blocks)
{
	unsigned int overlaps = 0;
	size_t i;

	sort(blocks, n, sizeof(*blocks), compare_pointers, NULL);
	for (i = 1; i < n; i++)
		if (blocks[i - 1] + room_of(blocks[i - 1]) >
		    blocks[i])
			overlaps++;
	return overlaps;
}
