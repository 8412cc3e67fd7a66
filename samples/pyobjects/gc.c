// SPDX-License-Identifier: GPL-2.0
/*
 * The collector: finds objects that only refer to each other.
 *
 * Of every object that may hold others the references are counted that come
 * from outside of all of them: its reference count less those that they have.
 * What has one left is in use, and so is what it leads to.  The rest is
 * garbage: it is told to let go of what it holds, and reference counts do what
 * is left to do.
 *
 * While it counts, a header's prev has no address but a count or a flag, so
 * that no memory is needed.
 *
 * Contexts: process, with the mutex of debugfs.c.
 */
#include <linux/bits.h>
#include <linux/sched.h>

#include "gc.h"

/* In prev: it is a count; it is an address, on the list of what is doubtful. */
#define COUNTING	BIT(0)
#define DOUBTFUL	BIT(1)
#define ONE		BIT(2)
#define FLAGS		(ONE - 1)

static struct gc_head tracked = { &tracked, (uintptr_t)&tracked };

static struct gc_head *prev_of(const struct gc_head *head)
{
	return (struct gc_head *)(head->prev & ~FLAGS);
}

static void append(struct gc_head *list, struct gc_head *head, uintptr_t flags)
{
	head->next = list;
	head->prev = list->prev | flags;
	prev_of(list)->next = head;
	list->prev = (uintptr_t)head;
}

static void unlink(struct gc_head *head)
{
	prev_of(head)->next = head->next;
	head->next->prev = (uintptr_t)prev_of(head) |
			   (head->next->prev & FLAGS);
}

/**
 * gc_track() - the collector shall know an object
 * @obj: the object, whose kind has_gc
 */
void gc_track(struct object *obj)
{
	append(&tracked, gc_head_of(obj), 0);
}

/**
 * gc_untrack() - the collector shall forget an object
 * @obj: the object
 */
void gc_untrack(struct object *obj)
{
	unlink(gc_head_of(obj));
}

/* === Counting === */

static void take_off(struct object *held, void *unused)
{
	if (held->kind->has_gc)
		gc_head_of(held)->prev -= ONE;
}

static void count(void)
{
	struct gc_head *head;

	for (head = tracked.next; head != &tracked; head = head->next)
		head->prev = gc_object(head)->refs * ONE | COUNTING;
	for (head = tracked.next; head != &tracked; head = head->next)
		gc_object(head)->kind->visit(gc_object(head), take_off, NULL);
}

/* === Telling what is in use from what is doubtful === */

/* Somebody in use holds it. */
static void rescue(struct object *held, void *unused)
{
	struct gc_head *head = gc_head_of(held);

	if (!held->kind->has_gc)
		return;
	if (head->prev & DOUBTFUL) {
		unlink(head);
		append(&tracked, head, 0);
		head->prev = ONE | COUNTING;
	} else if (head->prev == COUNTING) {
		head->prev = ONE | COUNTING;
	}
}

/* Takes one out of the list before which all have their addresses again. */
static void doubt(struct gc_head *head, struct gc_head *last,
		  struct gc_head *doubtful)
{
	last->next = head->next;
	if (head->next == &tracked)
		tracked.prev = (uintptr_t)last;
	append(doubtful, head, DOUBTFUL);
}

/* What is rescued comes to the list's end, and is looked at there. */
static void sort_out(struct gc_head *doubtful)
{
	struct gc_head *last = &tracked, *head;

	while (last->next != &tracked) {
		head = last->next;
		if (head->prev == COUNTING) {
			doubt(head, last, doubtful);
			continue;
		}
		head->prev = (uintptr_t)last;
		last = head;
		gc_object(head)->kind->visit(gc_object(head), rescue, NULL);
	}
}

/* === Letting go === */

static void clear_one(struct gc_head *head)
{
	struct object *obj = object_get(gc_object(head));

	unlink(head);
	gc_track(obj);
	obj->kind->clear(obj);
	object_put(obj);
	cond_resched();
}

static size_t strip_flags(struct gc_head *list)
{
	struct gc_head *head;
	size_t n = 0;

	for (head = list->next; head != list; head = head->next, n++)
		head->prev &= ~FLAGS;
	return n;
}

/**
 * gc_collect() - take away what only refers to itself
 *
 * Return: how many such objects there were, of those that may hold others.
 */
size_t gc_collect(void)
{
	struct gc_head doubtful = { &doubtful, (uintptr_t)&doubtful };
	size_t n;

	count();
	sort_out(&doubtful);
	n = strip_flags(&doubtful);
	while (doubtful.next != &doubtful)
		clear_one(doubtful.next);
	return n;
}
