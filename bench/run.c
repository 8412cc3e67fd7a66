// SPDX-License-Identifier: GPL-2.0
/*
 * Runs workloads, and keeps one run from disturbing another: a lock is held
 * for as long as it takes.  Nobody waits for the lock, he is told that a run
 * is going on; a workload that reads files could come to wait for itself.
 *
 * Process context, may sleep.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "held.h"
#include "run.h"
#include "trace.h"

/* Protects results, the trace, what is held, and the caches. */
static DEFINE_MUTEX(run_lock);

static int run_workload(struct run *run)
{
	int err;

	if (held_any())
		return -EBUSY;
	err = allocator_open(run->allocator);
	if (!err)
		err = run->workload->run(run);
	if (err == -ENOMEM)
		results_failed(run);
	/* What is held will be freed, and its caches go then. */
	if (!held_any())
		allocator_close();
	return err;
}

static int request(const char *name, char *rest)
{
	struct run *run = kzalloc(sizeof(*run), GFP_KERNEL);
	int err;

	if (!run)
		return -ENOMEM;
	err = request_parse(run, name, rest);
	if (!err)
		err = run_workload(run);
	kfree(run);
	return err;
}

/* `release` frees all that is held, `release PERCENT` a share of it. */
static int release(char *rest)
{
	const char *word = request_word(&rest);
	u32 percent = 100;

	if (word && kstrtou32(word, 10, &percent))
		return -EINVAL;
	if (percent > 100 || request_word(&rest) || !held_any())
		return -EINVAL;
	held_release(percent);
	if (!held_any())
		allocator_close();
	return 0;
}

int run_command(char *command)
{
	const char *name = request_word(&command);
	int err;

	if (!name)
		return -EINVAL;
	if (!mutex_trylock(&run_lock))
		return -EBUSY;
	err = strcmp(name, "release") ? request(name, command) :
					release(command);
	mutex_unlock(&run_lock);
	return err;
}

int run_load_trace(char *path)
{
	int err;

	if (!mutex_trylock(&run_lock))
		return -EBUSY;
	err = trace_load(path);
	mutex_unlock(&run_lock);
	return err;
}

int run_clear_results(void)
{
	if (!mutex_trylock(&run_lock))
		return -EBUSY;
	results_clear();
	mutex_unlock(&run_lock);
	return 0;
}

int run_show_results(struct seq_file *out)
{
	if (!mutex_trylock(&run_lock))
		return -EBUSY;
	results_show(out);
	mutex_unlock(&run_lock);
	return 0;
}

int run_show_trace(struct seq_file *out)
{
	if (!mutex_trylock(&run_lock))
		return -EBUSY;
	trace_show_loaded(out);
	mutex_unlock(&run_lock);
	return 0;
}

/* No file is open any more, so no run is going on. */
void run_exit(void)
{
	held_free();
	allocator_close();
	trace_unload();
	results_clear();
}
