/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Clients: modules that use pyalloc, as they come and go.
 */
#ifndef _PYALLOC_CLIENT_H
#define _PYALLOC_CLIENT_H

#ifdef CONFIG_MODULES
int pyclient_init(void);
void pyclient_exit(void);
#else
static inline int pyclient_init(void)
{
	return 0;
}

static inline void pyclient_exit(void)
{
}
#endif

#endif /* _PYALLOC_CLIENT_H */
