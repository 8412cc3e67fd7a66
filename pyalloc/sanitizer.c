// SPDX-License-Identifier: GPL-2.0
/*
 * Sanitizers: tells KASAN which bytes of an arena may be touched, and kmemleak
 * which blocks are live.  Built for kernels that have one of them.
 *
 * Generic KASAN keeps a byte of shadow for eight of memory.  All of an arena
 * is hidden but the blocks that a client has, up to the size he asked for, and
 * those that the heap uses itself.  So a use after free, or one byte too far,
 * is KASAN's to report, where it happens.  The module writes the shadow
 * itself: what does so for the kernel's own allocators is not for modules.
 * KASAN's modes with tags are left alone; they see an arena as one object.
 *
 * kmemleak is told of each block of the heap that a client has, as of one of
 * kmalloc().  It is not told where it can't be, since it takes memory for it:
 * in NMI, and without a reclaim bit where nothing may sleep, which may be
 * under a raw_spinlock_t.  Such a block is not reported if it is lost, and
 * what only it points to is.
 *
 * Contexts: as each function says.  Takes no lock of pyalloc's; kmemleak's own
 * must not be taken under a node's.
 */
#include <linux/hardirq.h>
#include <linux/kasan.h>
#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "arena.h"
#include "raw.h"
#include "sanitizer.h"
#include "compat.h"

#if PYSAN_KASAN

#define GRANULE_SHIFT	KASAN_SHADOW_SCALE_SHIFT
#define GRANULE		BIT(GRANULE_SHIFT)

/* Values of the shadow as KASAN's reports read them. */
enum {
	BEYOND	= 0xfc,		/* out of bounds */
	FREE	= 0xfb,		/* use after free */
};

/* Without it, vmalloc's areas share one page of shadow, which is not ours. */
static bool has_shadow(const void *ptr)
{
	return IS_ENABLED(CONFIG_KASAN_VMALLOC) || !is_vmalloc_addr(ptr);
}

/* Not memset(), which KASAN would look at. */
static void set_shadow(const void *ptr, size_t bytes, u8 value)
{
	if (has_shadow(ptr))
		__memset(kasan_mem_to_shadow(ptr), value,
			 bytes >> GRANULE_SHIFT);
}

static u8 shadow_of(const void *ptr)
{
	return READ_ONCE(*(u8 *)kasan_mem_to_shadow(ptr));
}

/**
 * __pysan_hide_arena() - behind pysan_hide_arena()
 * @arena: the arena, in which no block is live
 *
 * Context: Any.
 */
void __pysan_hide_arena(const struct pyarena *arena)
{
	set_shadow(arena->base, pyarena_bytes(arena), BEYOND);
}

/**
 * __pysan_show() - behind pysan_show()
 * @ptr: the first byte
 * @bytes: how many, a multiple of 8
 *
 * Context: Any.
 */
void __pysan_show(const void *ptr, size_t bytes)
{
	set_shadow(ptr, bytes, 0);
}

/**
 * __pysan_resize() - behind pysan_resize()
 * @block: the block
 * @size: how many bytes were asked for; 0 is served as 1
 * @room: how many it has, a multiple of 8
 *
 * Context: Any.
 */
void __pysan_resize(const void *block, size_t size, size_t room)
{
	size_t whole;

	size = max_t(size_t, size, 1);
	whole = round_down(size, GRANULE);
	set_shadow(block, whole, 0);
	if (whole == room)
		return;
	set_shadow(block + whole, room - whole, BEYOND);
	if (size > whole)
		set_shadow(block + whole, GRANULE, size - whole);
}

/**
 * __pysan_hide() - behind pysan_hide()
 * @block: the block
 * @room: how many bytes it has, a multiple of 8
 *
 * Context: Any.
 */
void __pysan_hide(const void *block, size_t room)
{
	set_shadow(block, room, FREE);
}

/**
 * __pysan_is_hidden() - behind pysan_is_hidden()
 * @block: the start of a block
 *
 * Context: Any.
 * Return: true if it is free.
 */
bool __pysan_is_hidden(const void *block)
{
	return has_shadow(block) && (s8)shadow_of(block) < 0;
}

/**
 * __pysan_accessible() - behind pysan_accessible()
 * @ptr: a block of the heap's or the kernel's
 * @room: how many bytes it has
 *
 * Context: Any.
 * Return: the bytes up to the first that may not be touched.
 */
size_t __pysan_accessible(const void *ptr, size_t room)
{
	size_t size;
	u8 shadow;

	if (!has_shadow(ptr))
		return room;
	for (size = 0; size < room; size += GRANULE) {
		shadow = shadow_of(ptr + size);
		if (shadow)
			return size + (shadow < GRANULE ? shadow : 0);
	}
	return room;
}

#endif /* PYSAN_KASAN */

#if PYSAN_KMEMLEAK

/**
 * __pysan_track() - behind pysan_track()
 * @block: the block
 * @room: how many bytes it has: realloc may use them without a word
 * @gfp: the client's
 *
 * Context: Any.
 */
void __pysan_track(const void *block, size_t room, gfp_t gfp)
{
	/* Who asks without a reclaim bit may be under a raw_spinlock_t. */
	if (!pyraw_may_call() || (!(gfp & __GFP_RECLAIM) && !preemptible()))
		return;
	/* Without memory it would turn itself off. */
	if (!(gfp & __GFP_RECLAIM))
		gfp = GFP_ATOMIC | __GFP_NOWARN;
	kmemleak_alloc(block, room, 1, gfp & ~__GFP_ZERO);
}

/**
 * __pysan_forget() - behind pysan_forget()
 * @block: the block, which may be one that is not tracked
 *
 * Context: Any; does nothing in NMI.
 * Return: false in NMI.
 */
bool __pysan_forget(const void *block)
{
	if (in_nmi())
		return false;
	kmemleak_free(block);
	return true;
}

/**
 * __pysan_forget_area() - behind pysan_forget_area()
 * @area: an area of vmalloc's
 *
 * Context: Process.
 */
void __pysan_forget_area(const void *area)
{
	kmemleak_free(area);
}

#endif /* PYSAN_KMEMLEAK */
