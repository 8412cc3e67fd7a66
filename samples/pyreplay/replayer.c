// SPDX-License-Identifier: GPL-2.0
/*
 * One thread that replays one trace, op by op, on one CPU.
 *
 * What it holds, its slots, is its own.  When crossing, it frees nothing of
 * its own: it puts each block into the ring of the next replayer and takes
 * those of the one before it; ring.h says why the order stays right.  It frees
 * a block itself only when the ring is full and nobody attends to it, which is
 * so at the peak and at the end.
 *
 * Process context, in its own kthread, bound to a CPU; no locks.
 */
#define pr_fmt(fmt) "pyreplay: " fmt

#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/sched.h>

#include "run.h"

#define OPS_PER_REST	4096
#define OPS_PER_DRAIN	64

static bool verifying(const struct replayer *replayer)
{
	return replayer->team->options->verify;
}

static void mismatch(struct replayer *replayer, const struct block *block,
		     const char *what)
{
	replayer->now.mismatches++;
	pr_err_ratelimited("%s: the block of %u bytes from op %u %s\n",
			   replayer->team->trc->name, block->size,
			   block->mark >> 2, what);
}

static void check_new(struct replayer *replayer, const struct block *block)
{
	if (!block_sound(block))
		mismatch(replayer, block, "is too small or not aligned");
}

static void check_content(struct replayer *replayer, const struct block *block,
			  size_t size, u64 salt)
{
	if (!block_intact(block, size, salt))
		mismatch(replayer, block, "lost what was written to it");
}

static void check_zeroed(struct replayer *replayer, const struct block *block)
{
	if (memchr_inv(block->ptr, 0, block->size))
		mismatch(replayer, block, "was not zeroed");
}

/* Frees a block, its own or another's: it may have another round's salt. */
static void release(struct replayer *replayer, const struct block *block,
		    u64 salt)
{
	if (verifying(replayer))
		check_content(replayer, block, block->size, salt);
	block_free(block_domain(block), block->ptr);
}

/* Frees what another replayer gave this one. */
void replayer_drain(struct replayer *replayer)
{
	struct parcel parcel;

	while (replayer->in && ring_take(replayer->in, &parcel))
		release(replayer, &parcel.block, parcel.salt);
}

/* Gives @block to the next replayer: false when it can't be. */
static bool hand_over(struct replayer *replayer, const struct block *block)
{
	const struct parcel parcel = { *block, replayer->salt };

	while (READ_ONCE(replayer->out->attended) && !run_aborted()) {
		if (ring_put(replayer->out, &parcel))
			return true;
		replayer_drain(replayer);
		cond_resched();
		cpu_relax();
	}
	return false;
}

static void op_free(struct replayer *replayer, struct block *slot)
{
	const struct block block = *slot;

	slot->ptr = NULL;
	if (!block.ptr)
		return;
	replayer->now.live--;
	replayer->now.live_bytes -= block.size;
	if (replayer->out && hand_over(replayer, &block))
		replayer->now.crossed++;
	else
		release(replayer, &block, replayer->salt);
}

static void op_malloc(struct replayer *replayer, struct block *slot,
		      const struct trc_op *op, u32 mark)
{
	const struct block block = {
		.ptr	= op->kind == TRC_CALLOC ?
			  block_calloc(op->domain, op->size) :
			  block_malloc(op->domain, op->size),
		.size	= op->size,
		.mark	= mark,
	};

	*slot = block;
	if (!block.ptr) {
		replayer->now.failures++;
		return;
	}
	replayer->now.live++;
	replayer->now.live_bytes += block.size;
	if (!verifying(replayer))
		return;
	check_new(replayer, &block);
	if (op->kind == TRC_CALLOC)
		check_zeroed(replayer, &block);
	block_fill(&block, replayer->salt);
}

/* The bytes that both sizes have must be as they were before the move. */
static void check_moved(struct replayer *replayer, struct block *slot,
			u32 old_mark, u32 old_size)
{
	const struct block moved = {
		.ptr	= slot->ptr,
		.size	= slot->size,
		.mark	= old_mark,
	};

	check_new(replayer, slot);
	check_content(replayer, &moved, min(old_size, slot->size),
		      replayer->salt);
	block_fill(slot, replayer->salt);
}

static void op_realloc(struct replayer *replayer, struct block *slot,
		       const struct trc_op *op, u32 mark)
{
	const struct block old = *slot;
	void *ptr;

	/* An allocation that failed earlier: there is nothing to resize. */
	if (!old.ptr) {
		op_malloc(replayer, slot, op, mark);
		return;
	}
	ptr = block_realloc(op->domain, old.ptr, op->size);
	if (!ptr) {
		replayer->now.failures++;
		return;
	}
	*slot = (struct block) { .ptr = ptr, .size = op->size, .mark = mark };
	replayer->now.live_bytes += (u64)op->size - old.size;
	if (verifying(replayer))
		check_moved(replayer, slot, old.mark, old.size);
}

static void replay_op(struct replayer *replayer, const struct trc_op *op,
		      u32 number)
{
	struct block *slot = &replayer->slots[op->slot];
	u32 mark = block_mark(number, op->domain);

	switch (op->kind) {
	case TRC_FREE:
		op_free(replayer, slot);
		break;
	case TRC_REALLOC:
		op_realloc(replayer, slot, op, mark);
		break;
	default:
		op_malloc(replayer, slot, op, mark);
	}
	replayer->now.ops++;
}

/* Lets others see how far it is.  Torn only where long is 32 bits: a count. */
void replayer_publish(struct replayer *replayer)
{
	replayer->now.waiting = replayer->out ? ring_waiting(replayer->out) : 0;
	WRITE_ONCE(replayer->seen.ops, replayer->now.ops);
	WRITE_ONCE(replayer->seen.live, replayer->now.live);
	WRITE_ONCE(replayer->seen.live_bytes, replayer->now.live_bytes);
	WRITE_ONCE(replayer->seen.crossed, replayer->now.crossed);
	WRITE_ONCE(replayer->seen.waiting, replayer->now.waiting);
	WRITE_ONCE(replayer->seen.mismatches, replayer->now.mismatches);
	WRITE_ONCE(replayer->seen.failures, replayer->now.failures);
	WRITE_ONCE(replayer->seen.ns, replayer->now.ns);
}

/*
 * The ring is left to itself meanwhile: the replayer that puts into it finds
 * it unattended and frees its blocks itself rather than wait.
 */
static void rest_at_peak(struct replayer *replayer)
{
	u64 start = ktime_get_ns();

	if (replayer->in) {
		WRITE_ONCE(replayer->in->attended, false);
		replayer_drain(replayer);
	}
	replayer_publish(replayer);
	run_wait_at_peak(replayer->team);
	if (replayer->in)
		WRITE_ONCE(replayer->in->attended, true);
	replayer->now.ns -= ktime_get_ns() - start;
}

/* Every few ops: frees for another, lets others run.  True to go on. */
static bool checkpoint(struct replayer *replayer, u32 number)
{
	if (number % OPS_PER_DRAIN)
		return true;
	replayer_drain(replayer);
	if (number % OPS_PER_REST)
		return true;
	replayer_publish(replayer);
	cond_resched();
	return !run_aborted();
}

static void replay_ops(struct replayer *replayer, u32 hold_at)
{
	const __le32 *at = replayer->team->trc->words;
	u32 i, ops = replayer->team->ops;
	struct trc_op op;

	for (i = 0; i < ops && checkpoint(replayer, i); i++) {
		op = trc_next(&at);
		replay_op(replayer, &op, i);
		if (i == hold_at)
			rest_at_peak(replayer);
	}
}

/* What the program left behind is freed as it would be at its exit. */
static void free_slots(struct replayer *replayer)
{
	u32 i;

	for (i = 0; i < replayer->team->trc->n_slots; i++) {
		op_free(replayer, &replayer->slots[i]);
		if (i % OPS_PER_DRAIN == 0)
			replayer_drain(replayer);
		if (i % OPS_PER_REST == 0)
			cond_resched();
	}
}

/* The peak is held in the first round; a limit may end it before its peak. */
static u32 hold_at(const struct team *team, unsigned int round)
{
	if (!team->options->hold || round)
		return U32_MAX;
	return min(team->trc->peak_op, team->ops - 1);
}

static void replay_round(struct replayer *replayer, unsigned int round)
{
	u64 start;

	replayer->salt = get_random_u64();
	start = ktime_get_ns();
	replay_ops(replayer, hold_at(replayer->team, round));
	replayer->now.ns += ktime_get_ns() - start;
	free_slots(replayer);
	replayer_publish(replayer);
}

int replayer_thread(void *data)
{
	struct replayer *replayer = data;
	unsigned int i;

	for (i = 0; i < replayer->team->options->rounds; i++) {
		if (run_aborted())
			break;
		replay_round(replayer, i);
	}
	if (replayer->in)
		WRITE_ONCE(replayer->in->attended, false);
	replayer_drain(replayer);
	replayer_publish(replayer);
	kthread_complete_and_exit(&replayer->ended, 0);
}
