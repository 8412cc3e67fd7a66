// SPDX-License-Identifier: GPL-2.0
/*
 * The client whose heap and type README.md and the guides show: it opens and
 * closes sessions, and leaves without having destroyed its heap.
 */
#include <linux/module.h>
#include <linux/pyalloc.h>
#include "with/session.h"

#define OPENED 8
#define CLOSED 3

static const struct pyheap_attr heap_attr = { .limit_bytes = 1 << 20 };

static noinline struct pyheap *make_heap(void)
{
	struct pyheap *heap = pyheap_create("sessions", &heap_attr);

	if (IS_ERR(heap))
		return heap;
	pyheap_reserve(heap, sizeof(struct session), 10, GFP_KERNEL);
	pyheap_malloc(heap, 2048, GFP_KERNEL);
	/* More than the limit: refused. */
	pyheap_malloc(heap, 2 << 20, GFP_KERNEL | __GFP_NOWARN);
	return heap;
}

static int __init pysessions_init(void)
{
	struct pytype_attr attr = {
		.name = "session", .size = sizeof(struct session),
		.max_free = 100,
	};
	struct session *session[OPENED];
	struct pytype *type;
	int i;

	attr.heap = make_heap();
	if (IS_ERR(attr.heap))
		return PTR_ERR(attr.heap);
	type = pytype_create(&attr);
	if (IS_ERR(type))
		return PTR_ERR(type);
	for (i = 0; i < OPENED; i++)
		session[i] = pytype_alloc(type, GFP_KERNEL);
	for (i = 0; i < CLOSED; i++)
		pytype_free(type, session[i]);
	return 0;
}
module_init(pysessions_init);

static void __exit pysessions_exit(void)
{
}
module_exit(pysessions_exit);

MODULE_DESCRIPTION("A client with a heap and a type of its own");
MODULE_LICENSE("GPL");
