// SPDX-License-Identifier: GPL-2.0
/*
 * Reading a file of debugfs while a heap is large.  An operation is to open
 * the file and to read it to its end.
 *
 * A file of debugfs can only be read into memory of user space, as it is made
 * for; so pages of the process that asked for the run are used.
 *
 * Process context, of a process with memory of its own, under the lock of
 * run.c.
 */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "clock.h"
#include "crowd.h"
#include "run.h"

#define BUFFER_BYTES	SZ_64K
/* What blocks of all sizes of a heap have on average. */
#define MEAN_SIZE	(PYALLOC_SMALL_MAX / 2)

/* The pages that are read into. */
struct reader {
	char __user *buffer;
};

static ssize_t read_to_end(struct file *file, char __user *buffer)
{
	loff_t pos = 0;
	ssize_t got;

	/* There may be no end. */
	do {
		if (fatal_signal_pending(current))
			return -EINTR;
		got = file->f_op->read(file, buffer, BUFFER_BYTES, &pos);
		cond_resched();
	} while (got > 0);
	return got;
}

static int read_round(struct run *run, enum allocator allocator, void *data,
		      u64 *ticks)
{
	u64 start = clock_now();
	struct file *file = filp_open(run->path, O_RDONLY, 0);
	const struct reader *reader = data;
	ssize_t err;

	if (IS_ERR(file))
		return PTR_ERR(file);
	err = file->f_op->read ? read_to_end(file, reader->buffer) :
				 -EINVAL;
	fput(file);
	*ticks = clock_now() - start;
	return err;
}

static int measure_read(struct run *run)
{
	unsigned long buffer = vm_mmap(NULL, 0, BUFFER_BYTES,
				       PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, 0);
	struct reader reader = { (char __user *)buffer };
	int err;

	if (IS_ERR_VALUE(buffer))
		return buffer;
	err = measure_whole(run, read_round, &reader, 1);
	vm_munmap(buffer, BUFFER_BYTES);
	return err;
}

static int read_run(struct run *run)
{
	size_t n = run->option[OPTION_MIB] * (SZ_1M / MEAN_SIZE);
	struct crowd crowd;
	int err;

	if (!run->path)
		return -EINVAL;
	err = crowd_create(&crowd, n);
	if (err)
		return err;
	snprintf(run->word, sizeof(run->word), "read-%s",
		 kbasename(run->path));
	crowd_mix_sizes(&crowd);
	err = crowd_grow(&crowd, run->allocator, n);
	if (!err)
		err = measure_read(run);
	crowd_shrink(&crowd, run->allocator, 0);
	crowd_destroy(&crowd);
	return err;
}

const struct workload read_workload = {
	.name		= "read",
	.allocators	= BIT(ALLOCATOR_MEM),
	.takes_path	= true,
	.options	= (const struct option_range[]) {
		{ OPTION_ROUNDS, 20, 1, MAX_ROUNDS },
		{ OPTION_MIB, 64, 1, 4096 },
		{},
	},
	.run		= read_run,
};
