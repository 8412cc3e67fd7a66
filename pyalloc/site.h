/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Call sites: who allocated, as a small number.
 */
#ifndef _PYALLOC_SITE_H
#define _PYALLOC_SITE_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/hash.h>
#include <linux/types.h>

struct module;

/* The most frames of a call site; 1 where the kernel can't walk its stack. */
#define PYSITE_FRAMES	(IS_ENABLED(CONFIG_STACKDEPOT) &&	\
			 IS_ENABLED(CONFIG_STACKTRACE) ? 32 : 1)

#define PYSITE_BITS	13
#define PYSITE_MAX	BIT(PYSITE_BITS)

/* Room for the text of a frame, and of all of a site's. */
#define PYSITE_TEXT	256
#define PYSITE_TEXTS	4096

/**
 * struct pysite - a call site
 * @caller: the return address; 0 while the place is not taken
 * @hash: of all frames, if there is more than that
 * @stack: where the depot has them, or 0
 * @name: the text of its frames, once their code is gone
 * @first: then the return address again, while its own code is there
 * @owner: or the module that it was in, if that is still there
 */
struct pysite {
	unsigned long				caller;
	union {
		u64				hash;
		unsigned long			first;
	};
	union {
		u32				stack;
		const struct module		*owner;
	};
	const char				*name;
};

/* In place of a caller whose code is gone: another's may be there by now. */
#define PYSITE_GONE	1UL

/**
 * struct pysites - call sites, found by their address
 * @nr: how many there are
 * @site: each at its hash, or behind it, which is its number; the first is none
 */
struct pysites {
	unsigned int	nr;
	struct pysite	site[PYSITE_MAX];
};

static __always_inline unsigned long pysite_hash(unsigned long caller)
{
	return hash_long(caller, PYSITE_BITS);
}

u32 pysite_find(struct pysites *sites, unsigned long caller);
u32 pysite_find_stack(struct pysites *sites, unsigned long caller,
		      unsigned int nframe, bool may_alloc);

void pysite_tell(const struct pysites *sites, u32 site, char *text,
		 size_t bytes, bool all);
void pysite_tell_module(const struct pysites *sites, u32 site, char *text,
			size_t bytes);
bool pysite_lies_in(const struct pysites *sites, u32 site,
		    const struct module *module);
void pysite_forget_module(struct pysites *sites, const struct module *module,
			  bool init_only);

struct pysites *pysite_new(void);
void pysite_free(struct pysites *sites);

#endif /* _PYALLOC_SITE_H */
