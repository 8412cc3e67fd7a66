/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What python_client.c does with CPython's memory interface.
 */
#ifndef _PYALLOC_KUNIT_PYTHON_CLIENT_H
#define _PYALLOC_KUNIT_PYTHON_CLIENT_H

#include <linux/pyalloc_python.h>

/**
 * struct Entry - a word of a dictionary
 * @next: of the same slot
 * @key: the word
 * @count: how often it was added
 */
typedef struct Entry {
	struct Entry	*next;
	char		*key;
	Py_ssize_t	count;
} Entry;

/**
 * struct Dict - words, and how often each was added
 * @slots: chains of them
 * @nslots: a power of two
 * @used: how many words
 */
typedef struct {
	Entry		**slots;
	Py_ssize_t	nslots;
	Py_ssize_t	used;
} Dict;

Dict *Dict_New(void);
int Dict_Add(Dict *self, const char *key);
Py_ssize_t Dict_Get(Dict *self, const char *key);
void Dict_Dealloc(Dict *self);

/**
 * struct Builder - a string that grows
 * @text: the string
 * @length: its bytes
 * @room: how many there is room for
 */
typedef struct {
	char		*text;
	Py_ssize_t	length;
	Py_ssize_t	room;
} Builder;

void Builder_Init(Builder *self);
int Builder_Append(Builder *self, const char *text);
char *Builder_Finish(Builder *self);

/**
 * struct Hook - an allocator over the one that was there
 * @original: that one
 * @domain: whose
 * @ctx: what a function got last, as are those that follow
 * @size: bytes
 * @nelem: elements
 * @elsize: bytes of each
 * @ptr: a block that it got
 * @given: a block that it gave
 * @calls: how many
 */
typedef struct {
	PyMemAllocatorEx	original;
	PyMemAllocatorDomain	domain;
	void			*ctx;
	size_t			size;
	size_t			nelem;
	size_t			elsize;
	void			*ptr;
	void			*given;
	int			calls;
} Hook;

void Hook_Install(Hook *self, PyMemAllocatorDomain domain);
void Hook_Remove(Hook *self);
PyMemAllocatorEx Hook_Table(Hook *self);

#endif /* _PYALLOC_KUNIT_PYTHON_CLIENT_H */
