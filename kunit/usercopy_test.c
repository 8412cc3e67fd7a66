// SPDX-License-Identifier: GPL-2.0
/*
 * Copies between blocks and user space, whole and in part: a hardened kernel
 * looks at where the kernel's side lies, and has to find nothing wrong.
 *
 * A case runs in a kernel thread, which has no user space; it borrows that of
 * the process that loads the module.
 */
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#include "fixture.h"

static struct mm_struct *users_mm;

static int usercopy_suite_init(struct kunit_suite *suite)
{
	/* Built in there is no process. */
	users_mm = get_task_mm(current);
	return fixture_suite_init(suite);
}

static void usercopy_suite_exit(struct kunit_suite *suite)
{
	if (users_mm)
		mmput(users_mm);
	fixture_suite_exit(suite);
}

/* Two pages of user space, to be given back with return_pages(). */
static void __user *borrow_pages(struct kunit *test)
{
	unsigned long address;

	if (!users_mm)
		kunit_skip(test, "there is no user space");
	kthread_use_mm(users_mm);
	address = vm_mmap(NULL, 0, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, 0);
	if (IS_ERR_VALUE(address)) {
		kthread_unuse_mm(users_mm);
		KUNIT_ASSERT_TRUE(test, !IS_ERR_VALUE(address));
	}
	return (void __user *)address;
}

static void return_pages(void __user *user)
{
	vm_munmap((unsigned long)user, 2 * PAGE_SIZE);
	kthread_unuse_mm(users_mm);
}

static void count_up(u8 *bytes, size_t n, u8 first)
{
	while (n--)
		*bytes++ = first++;
}

/* There and back again, into the same place of another block. */
static void try_part(struct kunit *test, void __user *user, u8 *from, u8 *to,
		     size_t at, size_t n)
{
	KUNIT_EXPECT_EQ(test, copy_to_user(user, from + at, n), 0UL);
	KUNIT_EXPECT_EQ(test, copy_from_user(to + at, user, n), 0UL);
	KUNIT_EXPECT_EQ(test, memcmp(from + at, to + at, n), 0);
}

static void try_block(struct kunit *test, void __user *user, size_t size)
{
	u8 *from = pymem_malloc(size, GFP_KERNEL);
	u8 *to = pyobject_calloc(1, size, GFP_KERNEL);

	if (from && to) {
		count_up(from, size, size);
		/* Over the end of the first page of the user's. */
		try_part(test, user + PAGE_SIZE - size / 2, from, to, 0, size);
		try_part(test, user, from, to, 0, 1);
		try_part(test, user + 3, from, to, size / 2, size / 2);
		try_part(test, user + 1, from, to, size - 1, 1);
		try_part(test, user + 5, from, to, size / 3, size / 3);
		KUNIT_EXPECT_EQ(test, memcmp(from, to, size), 0);
	}
	KUNIT_EXPECT_TRUE(test, from && to);
	pymem_free(from);
	pyobject_free(to);
}

static void test_every_class(struct kunit *test)
{
	void __user *user = borrow_pages(test);
	size_t size;

	for_each_class_size(size)
		try_block(test, user, size);
	return_pages(user);
}

/* The last block of a pool, and the last one of an arena. */
static void test_every_place_in_a_pool(struct kunit *test)
{
	static const size_t sizes[] = { 24, 64, 112, 256, 416, 512 };
	void __user *user = borrow_pages(test);
	unsigned int spoilt = 0, i, j;
	void **blocks;

	blocks = kvcalloc(200, sizeof(*blocks), GFP_KERNEL | __GFP_NOFAIL);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (j = 0; j < 200; j++) {
			blocks[j] = pymem_malloc(sizes[i], GFP_KERNEL);
			if (!blocks[j])
				break;
			fill(blocks[j], sizes[i], j);
			spoilt += copy_to_user(user, blocks[j], sizes[i]) ||
				  clear_user(user + 1, 1) ||
				  copy_from_user(blocks[j], user, sizes[i]) ||
				  ((u8 *)blocks[j])[1];
		}
		KUNIT_EXPECT_EQ(test, j, 200U);
		while (j)
			pymem_free(blocks[--j]);
	}
	KUNIT_EXPECT_EQ(test, spoilt, 0U);
	kvfree(blocks);
	return_pages(user);
}

static void test_raw_blocks(struct kunit *test)
{
	void __user *user = borrow_pages(test);
	static const size_t sizes[] = { 513, 1000, 4096 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		try_block(test, user, sizes[i]);
	return_pages(user);
}

/* What is not there stops the copy, and nothing else. */
static void test_no_user_memory(struct kunit *test)
{
	void __user *user = borrow_pages(test);
	u8 *block = pymem_malloc(64, GFP_KERNEL);

	KUNIT_EXPECT_NOT_NULL(test, block);
	vm_munmap((unsigned long)user + PAGE_SIZE, PAGE_SIZE);
	if (block) {
		fill(block, 64, 0x5e);
		KUNIT_EXPECT_GE(test, copy_to_user(user + PAGE_SIZE - 24,
						   block, 64), 40UL);
		KUNIT_EXPECT_GE(test, copy_from_user(block,
						     user + PAGE_SIZE - 24,
						     64), 40UL);
		KUNIT_EXPECT_TRUE(test, is_filled(block, 16, 0x5e));
	}
	pymem_free(block);
	return_pages(user);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_every_class),
	KUNIT_CASE(test_every_place_in_a_pool),
	KUNIT_CASE(test_raw_blocks),
	KUNIT_CASE(test_no_user_memory),
	{ }
};

struct kunit_suite usercopy_suite = {
	.name		= "pyalloc_usercopy",
	.suite_init	= usercopy_suite_init,
	.suite_exit	= usercopy_suite_exit,
	.init		= fixture_init,
	.exit		= fixture_exit,
	.test_cases	= cases,
};
