/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A crowd: many blocks that live at the same time, up to millions.
 */
#ifndef PYBENCH_CROWD_H
#define PYBENCH_CROWD_H

#include <linux/types.h>

#include "allocator.h"

/**
 * struct crowd - blocks that live together
 * @blocks: they
 * @sizes: what was requested for each, also for those yet to come
 * @n: how many there are
 * @max: how many there can be
 */
struct crowd {
	void **blocks;
	u32 *sizes;
	size_t n;
	size_t max;
};

int crowd_create(struct crowd *crowd, size_t max);
void crowd_destroy(struct crowd *crowd);

void crowd_set_size(struct crowd *crowd, u32 size);
void crowd_mix_sizes(struct crowd *crowd);
void crowd_shuffle(struct crowd *crowd);
u64 crowd_bytes(const struct crowd *crowd);

int crowd_grow(struct crowd *crowd, enum allocator allocator, size_t n);
void crowd_shrink(struct crowd *crowd, enum allocator allocator, size_t n);
void crowd_free_in_order(struct crowd *crowd, enum allocator allocator);

#endif /* PYBENCH_CROWD_H */
