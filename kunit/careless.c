// SPDX-License-Identifier: GPL-2.0
/*
 * A client that makes a mistake when it is loaded, the one that its parameter
 * names, to see whether KASAN, kmemleak and debug hooks notice.
 */
#include <linux/module.h>
#include <linux/pyalloc.h>
#include <linux/slab.h>

static char *mistake = "none";
module_param(mistake, charp, 0444);
MODULE_PARM_DESC(mistake, "what to do wrong");

static noinline void write_at(u8 *ptr)
{
	WRITE_ONCE(*ptr, 1);
}

/*
 * Of a class of 144 bytes, here and below: behind what was asked for is more
 * than KASAN's step of 8, so that it does not see the next block's state.
 */
static void overflow(void)
{
	u8 *block = pymem_malloc(130, GFP_KERNEL);

	if (!block)
		return;
	write_at(block + 129);
	write_at(block + 130);
	pymem_free(block);
}

/* All of its class, so that it is the next block that is hit. */
static void overflow_class(void)
{
	u8 *block = pymem_malloc(PYALLOC_SMALL_MAX, GFP_KERNEL);

	if (!block)
		return;
	write_at(block + PYALLOC_SMALL_MAX - 1);
	write_at(block + PYALLOC_SMALL_MAX);
	pymem_free(block);
}

/* In place, both ways. */
static void overflow_realloc(void)
{
	u8 *block = pymem_malloc(129, GFP_KERNEL);

	block = pymem_realloc(block, 135, GFP_KERNEL);
	if (!block)
		return;
	write_at(block + 134);
	block = pymem_realloc(block, 130, GFP_KERNEL);
	write_at(block + 130);
	pymem_free(block);
}

static void use_after_free(void)
{
	u8 *block = pymem_malloc(64, GFP_KERNEL);

	if (!block)
		return;
	pymem_free(block);
	/* Or the compiler says so first. */
	OPTIMIZER_HIDE_VAR(block);
	write_at(block);
}

/* Back in its pool, beside a block that keeps the pool. */
static void use_after_reclaim(void)
{
	u8 *kept = pymem_malloc(64, GFP_KERNEL);
	u8 *block = pymem_malloc(64, GFP_KERNEL);

	if (!kept || !block)
		return;
	pymem_free(block);
	pyalloc_reclaim();
	OPTIMIZER_HIDE_VAR(block);
	write_at(block);
	pymem_free(kept);
}

static void use_after_bulk(void)
{
	void *blocks[20], *last;

	if (pymem_malloc_bulk(48, GFP_KERNEL, 20, blocks) < 20)
		return;
	last = blocks[19];
	write_at(last + 47);
	pymem_free_bulk(20, blocks);
	write_at(last + 47);
}

/* === What debug hooks find === */

/* Not by a jump, so that reports name who frees. */
static noinline void free_here(u8 *block)
{
	pymem_free(block);
	barrier();
}

/* By a byte; of a constant size the compiler makes whole words. */
static void overflow_pads(void)
{
	u8 *block = pymem_malloc(128, GFP_KERNEL);

	if (!block)
		return;
	write_at(block + 127);
	write_at(block + 128);
	free_here(block);
	barrier();
}

static void underflow_pads(void)
{
	u8 *block = pymem_malloc(128, GFP_KERNEL);

	if (!block)
		return;
	write_at(block - 1);
	pymem_free(block);
	barrier();
}

static void double_free(void)
{
	u8 *block = pymem_malloc(72, GFP_KERNEL);

	if (!block)
		return;
	free_here(block);
	OPTIMIZER_HIDE_VAR(block);
	pymem_free(block);
	barrier();
}

static void wrong_domain(void)
{
	u8 *block = pymem_malloc(600, GFP_KERNEL);

	pyobject_free(block);
	barrier();
}

/* From one place, which is named once. */
static void many_overflows(void)
{
	unsigned int i;
	u8 *block;

	for (i = 0; i < 20; i++) {
		block = pymem_malloc(32, GFP_KERNEL);
		if (!block)
			return;
		write_at(block + 32);
		pymem_free(block);
	}
}

/* Not as free_here(), or the compiler makes one of them. */
static noinline void free_there(u8 *block)
{
	barrier();
	pymem_free(block);
	barrier();
}

/* Each is news, though all are made through one function. */
static void three_mistakes(void)
{
	u8 *object = pyobject_malloc(40, GFP_KERNEL);
	u8 *block = pymem_malloc(40, GFP_KERNEL);
	u8 *again = pymem_malloc(40, GFP_KERNEL);

	if (!object || !block || !again)
		return;
	write_at(block + 40);
	free_there(object);
	free_there(block);
	free_there(again);
	OPTIMIZER_HIDE_VAR(again);
	free_there(again);
}

/* Of blocks that one place freed, each is found by itself. */
static void many_writes(void)
{
	u8 *blocks[60];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(blocks); i++)
		blocks[i] = pymem_malloc(100, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(blocks); i++)
		if (blocks[i])
			free_here(blocks[i]);
	for (i = 0; i < ARRAY_SIZE(blocks); i++) {
		OPTIMIZER_HIDE_VAR(blocks[i]);
		if (blocks[i])
			write_at(blocks[i] + 50);
	}
}

/* === What is lost, and what is not === */

/* What only a block points to. */
struct holder {
	struct holder	*next;
	void		*held;
};

static struct holder *holder;

static void hold(void)
{
	holder = pymem_malloc(sizeof(*holder), GFP_KERNEL | __GFP_ZERO);
	if (!holder)
		return;
	holder->next = pymem_malloc(sizeof(*holder), GFP_KERNEL | __GFP_ZERO);
	holder->held = kmalloc(300, GFP_KERNEL);
	if (holder->next)
		holder->next->held = kmalloc(700, GFP_KERNEL);
}

static void let_go(void)
{
	if (!holder)
		return;
	if (holder->next)
		kfree(holder->next->held);
	kfree(holder->held);
	pymem_free(holder->next);
	pymem_free(holder);
}

/* Many: what is left on stacks may still lead to some of them. */
static void leak(void)
{
	unsigned int i;

	for (i = 0; i < 50; i++)
		if (!pymem_malloc(120, i % 2 ? GFP_KERNEL : GFP_ATOMIC))
			pr_err("pyalloc_careless: no memory\n");
}

static const struct {
	const char	*name;
	void		(*make)(void);
} mistakes[] = {
	{ "overflow", overflow },
	{ "overflow_class", overflow_class },
	{ "overflow_realloc", overflow_realloc },
	{ "use_after_free", use_after_free },
	{ "use_after_reclaim", use_after_reclaim },
	{ "use_after_bulk", use_after_bulk },
	{ "overflow_pads", overflow_pads },
	{ "underflow_pads", underflow_pads },
	{ "double_free", double_free },
	{ "wrong_domain", wrong_domain },
	{ "many_overflows", many_overflows },
	{ "three_mistakes", three_mistakes },
	{ "many_writes", many_writes },
	{ "hold", hold },
	{ "leak", leak },
};

static int __init careless_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mistakes); i++) {
		if (!strcmp(mistake, mistakes[i].name)) {
			mistakes[i].make();
			return 0;
		}
	}
	return -EINVAL;
}
module_init(careless_init);

static void __exit careless_exit(void)
{
	let_go();
}
module_exit(careless_exit);

MODULE_DESCRIPTION("A client of pyalloc that makes mistakes");
MODULE_LICENSE("GPL");
