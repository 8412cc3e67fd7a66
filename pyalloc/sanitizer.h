/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sanitizers: what KASAN and kmemleak are told of blocks.  On kernels without
 * them nothing of this is there.
 */
#ifndef _PYALLOC_SANITIZER_H
#define _PYALLOC_SANITIZER_H

#include <linux/kconfig.h>
#include <linux/types.h>

struct pyarena;

/* Where its shadow is always there, and is found without a function. */
#define PYSAN_KASAN							\
	(IS_ENABLED(CONFIG_KASAN_GENERIC) &&				\
	 (IS_ENABLED(CONFIG_X86) || IS_ENABLED(CONFIG_UML) ||		\
	  IS_ENABLED(CONFIG_ARM64) || IS_ENABLED(CONFIG_RISCV)))
#define PYSAN_KMEMLEAK	IS_ENABLED(CONFIG_DEBUG_KMEMLEAK)

/* Every call takes the long way then, where the sanitizers are told. */
#define PYSAN_WATCHES	(PYSAN_KASAN || PYSAN_KMEMLEAK)

void __pysan_hide_arena(const struct pyarena *arena);
void __pysan_show(const void *ptr, size_t bytes);
void __pysan_resize(const void *block, size_t size, size_t room);
void __pysan_hide(const void *block, size_t room);
bool __pysan_is_hidden(const void *block);
size_t __pysan_accessible(const void *ptr, size_t room);
void __pysan_track(const void *block, size_t room, gfp_t gfp);
bool __pysan_forget(const void *block);
void __pysan_forget_area(const void *area);

/* None of an arena may be touched any more but what is shown. */
static inline void pysan_hide_arena(const struct pyarena *arena)
{
	if (PYSAN_KASAN)
		__pysan_hide_arena(arena);
}

/* Memory that is somebody's now: pyalloc's own, or the kernel's again. */
static inline void pysan_show(const void *ptr, size_t bytes)
{
	if (PYSAN_KASAN)
		__pysan_show(ptr, bytes);
}

/* Of a block with @room bytes @size may be touched, and no more. */
static inline void pysan_resize(const void *block, size_t size, size_t room)
{
	if (PYSAN_KASAN)
		__pysan_resize(block, size, room);
}

/* A block is free. */
static inline void pysan_hide(const void *block, size_t room)
{
	if (PYSAN_KASAN)
		__pysan_hide(block, room);
}

/* Was this block freed, wherever it lies since? */
static inline bool pysan_is_hidden(const void *block)
{
	return PYSAN_KASAN && __pysan_is_hidden(block);
}

/* How many of @room bytes were asked for, as far as anybody knows. */
static inline size_t pysan_accessible(const void *ptr, size_t room)
{
	return PYSAN_KASAN ? __pysan_accessible(ptr, room) : room;
}

/* A block is a client's. */
static inline void pysan_track(const void *block, size_t room, gfp_t gfp)
{
	if (PYSAN_KMEMLEAK)
		__pysan_track(block, room, gfp);
}

/* It is so no longer; false: this is no place to say so. */
static inline bool pysan_forget(const void *block)
{
	return !PYSAN_KMEMLEAK || __pysan_forget(block);
}

/* Blocks are tracked, not the area that they are cut out of. */
static inline void pysan_forget_area(const void *area)
{
	if (PYSAN_KMEMLEAK)
		__pysan_forget_area(area);
}

#endif /* _PYALLOC_SANITIZER_H */
