/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The reader of recorded traces and the loop that replays one, as plain C for
 * both sides: the benchmark module and the program that replays the same
 * trace in user space.  So that both run the very same loop, it is here once,
 * and the allocator is folded into it.
 *
 * Whoever includes this defines the four functions that are declared below;
 * their first argument says which of his allocators is meant, and is a
 * constant wherever the loop is instantiated.
 *
 * A trace is a header of 512 bytes and a body of little-endian words, one an
 * op, followed by a second word where the size does not fit the first.
 *
 * No locks and no context: nothing here sleeps or allocates by itself.
 */
#ifndef PYBENCH_REPLAY_H
#define PYBENCH_REPLAY_H

#ifdef __KERNEL__
#include <linux/crc32.h>
#include <linux/ctype.h>
#include <linux/stddef.h>
#include <linux/string.h>
#else
/* Before the kernel's: they take __always_inline as libc defines it. */
#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#endif
#include <asm/byteorder.h>
#include <linux/types.h>

#define REPLAY_MAGIC		"PYATRC01"
#define REPLAY_NAME_LEN		48
#define REPLAY_MAX_SLOTS	0x40000U
#define REPLAY_SIZE_NEXT_WORD	1023U
/* The largest request of a trace that is cut to what a heap serves. */
#define REPLAY_SMALL_MAX	512U
/* The size of a slot that has no block.  No op may ask for it. */
#define REPLAY_EMPTY		(~0U)

enum replay_kind {
	REPLAY_FREE,
	REPLAY_MALLOC,
	REPLAY_REALLOC,
	REPLAY_CALLOC,
};

struct replay_header {
	char magic[8];
	__le32 header_bytes;
	__le32 flags;
	__le32 n_ops;
	__le32 n_words;
	__le32 n_slots;
	__le32 kinds[4];
	__le32 n_live;
	__le64 peak_bytes;
	__le32 peak_op;
	__le32 crc;
	__le64 sum_bytes;
	__le64 reserved;
	char name[REPLAY_NAME_LEN];
	__u8 histograms[384];
};

/* An op, its words taken apart. */
struct replay_op {
	enum replay_kind kind;
	__u32 slot;
	__u32 size;
};

/**
 * struct replay_trace - a trace in memory
 * @name: what its header calls it
 * @words: the ops
 * @n_words: how many words they take
 * @n_ops: how many ops
 * @n_slots: every op's slot is below this
 * @n_used_slots: one above the highest that an op has
 * @n_peak_words: the words up to the op after which most bytes are live
 * @peak_bytes: those bytes, as requested
 */
struct replay_trace {
	char name[REPLAY_NAME_LEN];
	const __le32 *words;
	__u32 n_words;
	__u32 n_ops;
	__u32 n_slots;
	__u32 n_used_slots;
	__u32 n_peak_words;
	__u64 peak_bytes;
};

/* What the includer defines. */
static __always_inline void *replay_malloc(unsigned int allocator, size_t size);
static __always_inline void *replay_calloc(unsigned int allocator, size_t size);
static __always_inline void *replay_realloc(unsigned int allocator, void *ptr,
					    size_t size);
static __always_inline void replay_free(unsigned int allocator, void *ptr);

/* Takes the next op.  The trace is one that replay_check() passed. */
static __always_inline struct replay_op replay_next(const __le32 **at)
{
	__u32 word = __le32_to_cpu(*(*at)++);
	struct replay_op op = {
		.kind	= (enum replay_kind)(word >> 30),
		.slot	= word >> 10 & (REPLAY_MAX_SLOTS - 1),
		.size	= word & 1023,
	};

	if (op.size == REPLAY_SIZE_NEXT_WORD)
		op.size = __le32_to_cpu(*(*at)++);
	return op;
}

/* True when there was memory for it.  Without, the old block stays. */
static __always_inline bool replay_resize(unsigned int allocator, void **slot,
					  size_t size)
{
	void *ptr = replay_realloc(allocator, *slot, size);

	if (ptr)
		*slot = ptr;
	return ptr;
}

/*
 * Replays the ops from @at up to @end on @slots, which are NULL or hold
 * blocks.  Returns how many requests found no memory.
 */
static __always_inline size_t replay_ops(unsigned int allocator,
					 const __le32 *at, const __le32 *end,
					 void **slots)
{
	size_t failures = 0;

	while (at < end) {
		struct replay_op op = replay_next(&at);
		void **slot = &slots[op.slot];

		switch (op.kind) {
		case REPLAY_FREE:
			replay_free(allocator, *slot);
			*slot = NULL;
			break;
		case REPLAY_MALLOC:
			*slot = replay_malloc(allocator, op.size);
			failures += !*slot;
			break;
		case REPLAY_REALLOC:
			failures += !replay_resize(allocator, slot, op.size);
			break;
		case REPLAY_CALLOC:
			*slot = replay_calloc(allocator, op.size);
			failures += !*slot;
			break;
		}
	}
	return failures;
}

/* Frees what the program had not freed when it ended. */
static __always_inline void replay_free_rest(unsigned int allocator,
					     void **slots, __u32 n_slots)
{
	__u32 i;

	for (i = 0; i < n_slots; i++) {
		if (slots[i])
			replay_free(allocator, slots[i]);
		slots[i] = NULL;
	}
}

/* What is wrong with @op, given the sizes of the blocks that are live? */
static inline const char *replay_op_fault(const struct replay_op *op,
					  const __u32 *sizes, __u32 n_slots)
{
	bool live;

	if (op->slot >= n_slots)
		return "an op's slot is out of range";
	if (op->size == REPLAY_EMPTY)
		return "an op's size is out of range";
	live = sizes[op->slot] != REPLAY_EMPTY;
	if (op->kind == REPLAY_FREE && op->size)
		return "a free with a size";
	if (op->kind == REPLAY_FREE || op->kind == REPLAY_REALLOC)
		return live ? NULL : "an empty slot is freed or resized";
	return live ? "an allocation in a slot that is taken" : NULL;
}

/* Keeps account of what @op does; returns the bytes live after it. */
static inline __u64 replay_account(const struct replay_op *op, __u32 *sizes,
				   __u64 live_bytes)
{
	__u32 *size = &sizes[op->slot];

	if (*size != REPLAY_EMPTY)
		live_bytes -= *size;
	*size = REPLAY_EMPTY;
	if (op->kind == REPLAY_FREE)
		return live_bytes;
	*size = op->size;
	return live_bytes + op->size;
}

/*
 * Follows all ops of @trace and finds its n_ops, n_used_slots, n_peak_words
 * and peak_bytes.
 * @sizes has n_slots elements.  Returns what is wrong with an op, or NULL.
 */
static inline const char *replay_follow(struct replay_trace *trace,
					__u32 *sizes)
{
	const __le32 *at = trace->words, *end = at + trace->n_words;
	const char *fault;
	struct replay_op op;
	__u64 live_bytes = 0;

	memset(sizes, 0xff, trace->n_slots * sizeof(*sizes));
	trace->n_ops = 0;
	trace->n_used_slots = 0;
	trace->n_peak_words = 0;
	trace->peak_bytes = 0;
	while (at < end) {
		if ((__le32_to_cpu(*at) & 1023) == REPLAY_SIZE_NEXT_WORD &&
		    at + 1 == end)
			return "the last op's size is past the end";
		op = replay_next(&at);
		fault = replay_op_fault(&op, sizes, trace->n_slots);
		if (fault)
			return fault;
		trace->n_ops++;
		if (op.slot >= trace->n_used_slots)
			trace->n_used_slots = op.slot + 1;
		live_bytes = replay_account(&op, sizes, live_bytes);
		if (live_bytes > trace->peak_bytes) {
			trace->peak_bytes = live_bytes;
			trace->n_peak_words = at - trace->words;
		}
	}
	return NULL;
}

/* Takes one op into a trace without large blocks: how many words it takes. */
static inline unsigned int replay_put_small(const struct replay_op *op,
					    __u32 old_size, __le32 *out)
{
	bool was = old_size <= REPLAY_SMALL_MAX;
	bool stays = op->kind != REPLAY_FREE && op->size <= REPLAY_SMALL_MAX;
	__u32 kind = op->kind;

	if (!was && !stays)
		return 0;
	if (!stays)
		kind = REPLAY_FREE;
	else if (!was && kind == REPLAY_REALLOC)
		kind = REPLAY_MALLOC;
	*out = __cpu_to_le32(kind << 30 | op->slot << 10 |
			     (stays ? op->size : 0));
	return 1;
}

/*
 * Leaves requests of more than REPLAY_SMALL_MAX bytes out of @trace, whose
 * ops are written to @words, as large as its own; these may be the same.  A
 * realloc across the line becomes a free or a malloc.  @sizes has n_slots
 * elements.
 */
static inline void replay_cut(struct replay_trace *trace, __le32 *words,
			      __u32 *sizes)
{
	const __le32 *at = trace->words, *end = at + trace->n_words;
	__le32 *out = words;
	struct replay_op op;

	memset(sizes, 0xff, trace->n_slots * sizeof(*sizes));
	while (at < end) {
		op = replay_next(&at);
		out += replay_put_small(&op, sizes[op.slot], out);
		replay_account(&op, sizes, 0);
	}
	trace->words = words;
	trace->n_words = out - words;
	replay_follow(trace, sizes);
}

#ifdef __KERNEL__
static inline __u32 replay_crc(const void *data, size_t bytes)
{
	return ~crc32_le(~0, data, bytes);
}
#else
/* The same sum, for a program that links no library for it. */
static inline __u32 replay_crc(const void *data, size_t bytes)
{
	const __u8 *at = data;
	__u32 crc = ~0U;
	unsigned int bit;

	while (bytes--) {
		crc ^= *at++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}
#endif

/* A name goes into tables and file names: one word of plain characters. */
static inline bool replay_name_ok(const char *name)
{
	size_t i;

	for (i = 0; i < REPLAY_NAME_LEN && name[i]; i++) {
		if (!isalnum((unsigned char)name[i]) &&
		    !strchr("._-", name[i]))
			return false;
	}
	return i && i < REPLAY_NAME_LEN;
}

/*
 * Takes the header of a file of @bytes at @file, whose body is not looked at
 * yet.  Returns what is wrong with it, or NULL.
 */
static inline const char *replay_open(struct replay_trace *trace,
				      const void *file, size_t bytes)
{
	const struct replay_header *header = file;
	size_t body = bytes - sizeof(*header);

	if (bytes < sizeof(*header))
		return "shorter than a header";
	if (memcmp(header->magic, REPLAY_MAGIC, sizeof(header->magic)))
		return "not a trace";
	if (__le32_to_cpu(header->header_bytes) != sizeof(*header))
		return "its header is not of 512 bytes";
	trace->n_words = __le32_to_cpu(header->n_words);
	if (!trace->n_words || body != (__u64)trace->n_words * sizeof(__le32))
		return "truncated, or longer than its header says";
	trace->n_slots = __le32_to_cpu(header->n_slots);
	if (!trace->n_slots || trace->n_slots > REPLAY_MAX_SLOTS)
		return "its number of slots is out of range";
	if (!replay_name_ok(header->name))
		return "its name is not one plain word";
	memcpy(trace->name, header->name, sizeof(trace->name));
	trace->words = (const __le32 *)(header + 1);
	return NULL;
}

/*
 * Checks the body of a trace that was opened: what passes has no op outside
 * its words, no slot outside its slots, no free of an empty slot and no
 * allocation over a live block.  @sizes has n_slots elements.  Returns what
 * is wrong, or NULL.
 */
static inline const char *replay_check(struct replay_trace *trace,
				       __u32 *sizes)
{
	const struct replay_header *header =
		(const struct replay_header *)trace->words - 1;
	const char *fault;

	if (replay_crc(trace->words, trace->n_words * sizeof(__le32)) !=
	    __le32_to_cpu(header->crc))
		return "its checksum is wrong";
	fault = replay_follow(trace, sizes);
	if (fault)
		return fault;
	if (trace->n_ops != __le32_to_cpu(header->n_ops) ||
	    trace->n_used_slots != trace->n_slots ||
	    trace->peak_bytes != __le64_to_cpu(header->peak_bytes))
		return "its header's ops, slots or peak differ from the body's";
	return NULL;
}

#endif /* PYBENCH_REPLAY_H */
