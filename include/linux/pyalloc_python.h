/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CPython's memory interface, by CPython's names and with its signatures, on
 * top of pyalloc.  C code that was written for it compiles with this header
 * in place of Python.h.
 *
 * CPython's functions have no gfp: PYALLOC_GFP is what they ask with, and is
 * GFP_KERNEL unless a file defines it before it includes this header.
 *
 * What is otherwise than in CPython:
 *  - no lock has to be held, and none is missed by debug hooks;
 *  - a request of more than INT_MAX bytes fails, where CPython's limit is
 *    PY_SSIZE_T_MAX; PyMem_New() and PyMem_Resize() check against the latter
 *    and then fail by the former;
 *  - there are no exceptions: PyErr_NoMemory() is NULL and sets nothing;
 *  - PyTraceMalloc_Track() leaves the numbers of the three domains to pyalloc.
 *
 * Contexts: those of the functions of linux/pyalloc.h that stand behind each,
 * with PYALLOC_GFP.
 */
#ifndef _LINUX_PYALLOC_PYTHON_H
#define _LINUX_PYALLOC_PYTHON_H

#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/pyalloc.h>
#include <linux/string.h>
#include <linux/types.h>

#ifndef PYALLOC_GFP
#define PYALLOC_GFP		GFP_KERNEL
#endif

typedef ssize_t Py_ssize_t;

#define PY_SSIZE_T_MAX		((Py_ssize_t)(SIZE_MAX >> 1))
#define PY_SSIZE_T_MIN		(-PY_SSIZE_T_MAX - 1)

/**
 * PyErr_NoMemory() - what CPython's code returns when memory is short
 *
 * Return: NULL.
 */
static inline void *PyErr_NoMemory(void)
{
	return NULL;
}

/* === The three domains === */

/*
 * Each function is that of linux/pyalloc.h with PYALLOC_GFP, and is inlined,
 * so that the caller that reports and traces name is the caller of this.
 */
#define PYALLOC_PYTHON_DOMAIN(prefix, domain)				\
static __always_inline __malloc __alloc_size(1)				\
void *prefix##Malloc(size_t size)					\
{									\
	return domain##_malloc(size, PYALLOC_GFP);			\
}									\
									\
static __always_inline __malloc __alloc_size(1, 2)			\
void *prefix##Calloc(size_t nelem, size_t elsize)			\
{									\
	return domain##_calloc(nelem, elsize, PYALLOC_GFP);		\
}									\
									\
static __always_inline __must_check __realloc_size(2)			\
void *prefix##Realloc(void *ptr, size_t size)				\
{									\
	return domain##_realloc(ptr, size, PYALLOC_GFP);		\
}									\
									\
static __always_inline void prefix##Free(void *ptr)			\
{									\
	domain##_free(ptr);						\
}

PYALLOC_PYTHON_DOMAIN(PyMem_Raw, pymem_raw)
PYALLOC_PYTHON_DOMAIN(PyMem_, pymem)
PYALLOC_PYTHON_DOMAIN(PyObject_, pyobject)

#undef PYALLOC_PYTHON_DOMAIN

/* Older names, which CPython keeps. */
#define PyMem_MALLOC(size)		PyMem_Malloc(size)
#define PyMem_REALLOC(ptr, size)	PyMem_Realloc(ptr, size)
#define PyMem_FREE(ptr)			PyMem_Free(ptr)
#define PyMem_Del			PyMem_Free
#define PyMem_DEL			PyMem_Free
#define PyObject_MALLOC			PyObject_Malloc
#define PyObject_REALLOC		PyObject_Realloc
#define PyObject_FREE			PyObject_Free
#define PyObject_Del			PyObject_Free
#define PyObject_DEL			PyObject_Free

/* === Arrays === */

/* More than this is too much for CPython: for pyalloc, too. */
#define __pyalloc_array_bytes(TYPE, n)					\
	((size_t)(n) > PY_SSIZE_T_MAX / sizeof(TYPE) ? SIZE_MAX :	\
	 (size_t)(n) * sizeof(TYPE))

/**
 * PyMem_New() - allocate an array from the mem domain
 * @TYPE: an element's type
 * @n: how many
 *
 * Return: a TYPE pointer, or NULL.
 */
#define PyMem_New(TYPE, n) \
	((TYPE *)PyMem_Malloc(__pyalloc_array_bytes(TYPE, n)))

/**
 * PyMem_Resize() - resize an array that PyMem_New() made
 * @ptr: a TYPE pointer variable, which is assigned: NULL on failure, while the
 *	old array lives on
 * @TYPE: an element's type
 * @n: how many elements it shall have
 */
#define PyMem_Resize(ptr, TYPE, n)					\
	((ptr) = (TYPE *)PyMem_Realloc((ptr),				\
				       __pyalloc_array_bytes(TYPE, n)))

#define PyMem_NEW(TYPE, n)		PyMem_New(TYPE, n)
#define PyMem_RESIZE(ptr, TYPE, n)	PyMem_Resize(ptr, TYPE, n)

/**
 * _PyMem_RawStrdup() - copy a string into a block of the raw domain
 * @string: what to copy
 *
 * Return: the copy, or NULL.
 */
static inline char *_PyMem_RawStrdup(const char *string)
{
	size_t size = strlen(string) + 1;
	char *copy = PyMem_RawMalloc(size);

	return copy ? memcpy(copy, string, size) : NULL;
}

/**
 * _PyMem_Strdup() - copy a string into a block of the mem domain
 * @string: what to copy
 *
 * Return: the copy, or NULL.
 */
static inline char *_PyMem_Strdup(const char *string)
{
	return pymem_strdup(string, PYALLOC_GFP);
}

/* === Allocators that are put in place of a domain's own === */

typedef enum pymem_domain PyMemAllocatorDomain;

/**
 * struct PyMemAllocatorEx - what serves a domain
 * @ctx: what each function gets first
 * @malloc: as PyMem_Malloc()
 * @calloc: as PyMem_Calloc()
 * @realloc: as PyMem_Realloc()
 * @free: as PyMem_Free(), but never called with NULL
 */
struct PyMemAllocatorEx {
	void	*ctx;
	void	*(*malloc)(void *ctx, size_t size);
	void	*(*calloc)(void *ctx, size_t nelem, size_t elsize);
	void	*(*realloc)(void *ctx, void *ptr, size_t new_size);
	void	(*free)(void *ctx, void *ptr);
};

typedef struct PyMemAllocatorEx PyMemAllocatorEx;

void PyMem_GetAllocator(PyMemAllocatorDomain domain,
			PyMemAllocatorEx *allocator);
void PyMem_SetAllocator(PyMemAllocatorDomain domain,
			PyMemAllocatorEx *allocator);

/**
 * PyMem_SetupDebugHooks() - decorate all blocks of the three domains
 *
 * Context: Process; sleeps.
 */
static inline void PyMem_SetupDebugHooks(void)
{
	/* CPython's tells nobody either when there is no memory for it. */
	(void)pymem_setup_debug_hooks();
}

/**
 * struct PyObjectArenaAllocator - where arenas come from
 * @ctx: what each function gets first
 * @alloc: @size bytes, as for struct pyarena_allocator; or NULL
 * @free: takes what @alloc gave, and its size
 */
struct PyObjectArenaAllocator {
	void	*ctx;
	void	*(*alloc)(void *ctx, size_t size);
	void	(*free)(void *ctx, void *ptr, size_t size);
};

typedef struct PyObjectArenaAllocator PyObjectArenaAllocator;

void PyObject_GetArenaAllocator(PyObjectArenaAllocator *allocator);
void PyObject_SetArenaAllocator(PyObjectArenaAllocator *allocator);

/* === Tracing and counting === */

/**
 * PyTraceMalloc_Track() - note memory that pyalloc did not allocate
 * @domain: a number of the caller's own, from PYMEM_NR_DOMAINS up
 * @ptr: where the memory is
 * @size: its bytes
 *
 * Context: Wherever kmalloc(PYALLOC_GFP) may be called.
 * Return: 0; -1: it could not be noted; -2: there is no trace.
 */
static __always_inline int PyTraceMalloc_Track(unsigned int domain,
					       uintptr_t ptr, size_t size)
{
	int error = pytrace_track(domain, (const void *)ptr, size, PYALLOC_GFP);

	return error == -ENODATA ? -2 : error ? -1 : 0;
}

/**
 * PyTraceMalloc_Untrack() - note it no longer
 * @domain: as for PyTraceMalloc_Track()
 * @ptr: likewise
 *
 * Context: Any.
 * Return: 0, also if it was not noted; -1: that is no number of a caller's;
 * -2: there is no trace.
 */
static inline int PyTraceMalloc_Untrack(unsigned int domain, uintptr_t ptr)
{
	int error = pytrace_untrack(domain, (const void *)ptr);

	return error == -ENODATA ? -2 : error ? -1 : 0;
}

/**
 * _Py_GetGlobalAllocatedBlocks() - what sys.getallocatedblocks() gives
 *
 * Return: how many blocks of mem and object are live.
 */
static inline Py_ssize_t _Py_GetGlobalAllocatedBlocks(void)
{
	return pymem_get_allocated_blocks();
}

#endif /* _LINUX_PYALLOC_PYTHON_H */
