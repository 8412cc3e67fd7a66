// SPDX-License-Identifier: GPL-2.0
/*
 * CPython's PyObject_Malloc(), out of its library.  Nothing else of the
 * interpreter is needed: it is not started.
 *
 * One thread, which is what the interpreter's lock comes to.
 */
#include <Python.h>

#include "contender.h"

static __always_inline void *replay_malloc(unsigned int allocator, size_t size)
{
	return PyObject_Malloc(size);
}

static __always_inline void *replay_calloc(unsigned int allocator, size_t size)
{
	return PyObject_Calloc(1, size);
}

static __always_inline void *replay_realloc(unsigned int allocator, void *ptr,
					    size_t size)
{
	return PyObject_Realloc(ptr, size);
}

static __always_inline void replay_free(unsigned int allocator, void *ptr)
{
	PyObject_Free(ptr);
}

DEFINE_CONTENDER(python);
