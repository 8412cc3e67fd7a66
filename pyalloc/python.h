/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Allocators with CPython's signatures.
 */
#ifndef _PYALLOC_PYTHON_H
#define _PYALLOC_PYTHON_H

void pypython_exit(void);

#endif /* _PYALLOC_PYTHON_H */
