/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The traces that pyreplay takes: a header, then one little-endian word an
 * op, followed by a second word where the size does not fit the first.
 */
#ifndef PYREPLAY_TRC_H
#define PYREPLAY_TRC_H

#include <asm/byteorder.h>
#include <linux/types.h>

#define TRC_NAME_LEN		48
#define TRC_SIZE_NEXT_WORD	1023

enum trc_kind {
	TRC_FREE,
	TRC_MALLOC,
	TRC_REALLOC,
	TRC_CALLOC,
	TRC_NR_KINDS,
};

enum trc_domain {
	TRC_RAW,
	TRC_MEM,
	TRC_OBJ,
	TRC_LIBC,
	TRC_NR_DOMAINS,
};

struct trc_op {
	enum trc_kind kind;
	enum trc_domain domain;
	u32 slot;
	u32 size;
};

/**
 * struct trc - a trace in memory, checked
 * @name: what its header calls it
 * @file: the whole file, in vmalloc'd memory
 * @words: the ops, inside @file
 * @n_words: how many words they take
 * @n_ops: how many ops
 * @n_slots: every op's slot is below this
 * @n_live: blocks that the program never freed
 * @peak_bytes: the most that was requested and live at once
 * @peak_op: the op that reached it
 */
struct trc {
	char name[TRC_NAME_LEN];
	void *file;
	const __le32 *words;
	u32 n_words;
	u32 n_ops;
	u32 n_slots;
	u32 n_live;
	u64 peak_bytes;
	u32 peak_op;
};

struct trc *trc_load(const char *path);
void trc_free(struct trc *trc);

static inline struct trc_op trc_split(u32 word)
{
	return (struct trc_op) {
		.kind	= word >> 30,
		.domain	= (word >> 28) & 3,
		.slot	= (word >> 10) & 0x3ffff,
		.size	= word & 1023,
	};
}

/* Takes the next op of a trace that was checked. */
static inline struct trc_op trc_next(const __le32 **at)
{
	struct trc_op op = trc_split(le32_to_cpu(*(*at)++));

	if (op.size == TRC_SIZE_NEXT_WORD)
		op.size = le32_to_cpu(*(*at)++);
	return op;
}

#endif /* PYREPLAY_TRC_H */
