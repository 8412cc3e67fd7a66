/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The crowd that a workload leaves behind, so that one can look at how much
 * memory its allocator holds.
 */
#ifndef PYBENCH_HELD_H
#define PYBENCH_HELD_H

#include <linux/types.h>

#include "crowd.h"
#include "run.h"

s64 slab_bytes(void);
void held_keep(const struct run *run, struct crowd *crowd, s64 slab_before);
bool held_any(void);
void held_release(u32 percent);
void held_free(void);

#endif /* PYBENCH_HELD_H */
