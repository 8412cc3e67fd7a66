/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the program that measures allocators of user space knows of one of
 * them.  Each is a file of its own, which is left out of the program where
 * its library is missing.
 *
 * One thread; nothing here is locked.
 */
#ifndef PYBENCH_USER_CONTENDER_H
#define PYBENCH_USER_CONTENDER_H

#include "../replay.h"

/**
 * struct contender - an allocator, folded into the loops that measure it
 * @name: what the tables call it
 * @pairs: allocates a block and frees it, so often
 * @replay: replays a whole trace; returns how many requests found no memory
 * @free_rest: frees what is left in the slots of a trace
 */
struct contender {
	const char *name;
	void (*pairs)(unsigned int n, size_t size);
	size_t (*replay)(const struct replay_trace *trace, void **slots);
	void (*free_rest)(const struct replay_trace *trace, void **slots);
};

/* Keeps the compiler from leaving out a block that nobody looks at. */
static __always_inline void use(void *ptr)
{
	asm volatile("" : : "r" (ptr) : "memory");
}

/* A contender out of the four functions that replay.h asks for. */
#define DEFINE_CONTENDER(which)						\
static void which##_pairs(unsigned int n, size_t size)			\
{									\
	void *ptr;							\
									\
	while (n--) {							\
		ptr = replay_malloc(0, size);				\
		use(ptr);						\
		replay_free(0, ptr);					\
	}								\
}									\
									\
static size_t which##_replay(const struct replay_trace *trace,		\
				 void **slots)				\
{									\
	return replay_ops(0, trace->words,				\
			  trace->words + trace->n_words, slots);	\
}									\
									\
static void which##_free_rest(const struct replay_trace *trace,		\
				  void **slots)				\
{									\
	replay_free_rest(0, slots, trace->n_slots);			\
}									\
									\
const struct contender which##_contender = {				\
	.name		= #which,					\
	.pairs		= which##_pairs,				\
	.replay		= which##_replay,				\
	.free_rest	= which##_free_rest,				\
}

extern const struct contender glibc_contender;
extern const struct contender python_contender;
/* Its address is NULL without libpython. */
#pragma weak python_contender

#endif /* PYBENCH_USER_CONTENDER_H */
