/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Depots: full arrays of free blocks, of which any CPU may take one.
 */
#ifndef _PYALLOC_DEPOT_H
#define _PYALLOC_DEPOT_H

#include <linux/types.h>

struct pynode;

/* Arrays of 4 to 64 slots: blocks of the heap, of 32 to 512 bytes. */
#define PYARRAY_MIN_SHIFT	2
#define PYARRAY_MAX_SHIFT	6

/* How many arrays are copied at most under one hold of a node's lock. */
#define PYDEPOT_BATCH		4

/**
 * struct pydepot - a node's depot of one class
 * @full: the arrays that came in last; each leads to the next by its slot 0
 * @empty: arrays to be filled, likewise
 * @nr_full: how many full ones there are
 * @low: the least @nr_full since the last trim
 * @nr_empty: how many empty ones there are
 * @empty_low: the least @nr_empty since the last trim
 */
struct pydepot {
	void	**full;
	void	**empty;
	u16	nr_full;
	u16	low;
	u16	nr_empty;
	u16	empty_low;
};

void **pydepot_take(struct pynode *node, unsigned int class, void **empty);
void **pydepot_put(struct pynode *node, unsigned int class, void **full);
size_t pydepot_take_blocks(struct pynode *node, unsigned int class, size_t n,
			   void **blocks);
size_t pydepot_put_blocks(struct pynode *node, unsigned int class, size_t n,
			  void **blocks);
void **pydepot_next(struct pynode *node, unsigned int class, void **array);
void **pydepot_nth(struct pynode *node, unsigned int class, unsigned int n);
void pydepot_free_array(void **array, size_t slots);
size_t pydepot_bytes(struct pynode *node);
bool pydepot_drain(struct pynode *node);
bool pydepot_outgrow(struct pynode *node, gfp_t gfp);
void pydepot_trim(struct pynode *node);

#endif /* _PYALLOC_DEPOT_H */
