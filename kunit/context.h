/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The contexts that code of the kernel runs in, each as a function that runs
 * another one there and returns when that is done.
 */
#ifndef _PYALLOC_KUNIT_CONTEXT_H
#define _PYALLOC_KUNIT_CONTEXT_H

#include <linux/gfp.h>
#include <linux/types.h>

#include "shim.h"

struct context {
	const char	*name;
	gfp_t		gfp;	/* what may be asked for there */
	bool		takes;	/* that may take a page there */
	bool		unseen;	/* only by that gfp the heap knows of it */
	/* False: there is no such context on this machine. */
	bool		(*run)(void (*function)(void *data), void *data);
};

extern const struct context contexts[15];

const struct context *need_context(struct kunit *test);
void run_there(struct kunit *test, void (*function)(void *data), void *data);

/* An NMI that an interrupt's handler can raise, once all is prepared. */
bool prepare_nmi(void (*function)(void *data), void *data);
void raise_nmi(void);
void forget_nmi(void);

static inline void describe_context(const struct context *context, char *desc)
{
	strscpy(desc, context->name, KUNIT_PARAM_DESC_SIZE);
}

#endif /* _PYALLOC_KUNIT_CONTEXT_H */
