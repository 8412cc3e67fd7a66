/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One block of a replayed program: where it comes from and what is in it.
 */
#ifndef PYREPLAY_BLOCK_H
#define PYREPLAY_BLOCK_H

#include <linux/types.h>

#include "trc.h"

/**
 * struct block - a block that the replayed program holds
 * @ptr: where it is, NULL if there is none
 * @size: as requested
 * @mark: its domain, and which op gave it its content; see block_mark()
 *
 * All that is needed to free it: a block can be handed to another CPU without
 * its slot.
 */
struct block {
	void *ptr;
	u32 size;
	u32 mark;
};

/* Each op of a round leaves another mark, so no two live blocks share one. */
static inline u32 block_mark(u32 op, enum trc_domain domain)
{
	return op << 2 | domain;
}

static inline enum trc_domain block_domain(const struct block *block)
{
	return block->mark & 3;
}

void *block_malloc(enum trc_domain domain, size_t size);
void *block_calloc(enum trc_domain domain, size_t size);
void *block_realloc(enum trc_domain domain, void *ptr, size_t size);
void block_free(enum trc_domain domain, void *ptr);

void block_fill(const struct block *block, u64 salt);
bool block_intact(const struct block *block, size_t size, u64 salt);
bool block_sound(const struct block *block);

#endif /* PYREPLAY_BLOCK_H */
