// SPDX-License-Identifier: GPL-2.0
/*
 * Code as an extension module of CPython has it: a dictionary, a string that
 * grows and a pair of hooks.  All that is the kernel's in it is the header's
 * name.
 */
#include "python_client.h"

/* === A dictionary: objects from obj, its table and its keys from mem === */

Dict *Dict_New(void)
{
	Dict *self = PyObject_Malloc(sizeof(Dict));

	if (self == NULL)
		return PyErr_NoMemory();
	self->nslots = 8;
	self->used = 0;
	self->slots = PyMem_Calloc(self->nslots, sizeof(Entry *));
	if (self->slots == NULL) {
		PyObject_Free(self);
		return PyErr_NoMemory();
	}
	return self;
}

static size_t hash_of(const char *key)
{
	size_t hash = 5381;

	while (*key)
		hash = hash * 33 + (unsigned char)*key++;
	return hash;
}

static Entry **slot_of(Dict *self, const char *key)
{
	return &self->slots[hash_of(key) & (self->nslots - 1)];
}

static Entry *find(Dict *self, const char *key)
{
	Entry *entry = *slot_of(self, key);

	while (entry != NULL && strcmp(entry->key, key) != 0)
		entry = entry->next;
	return entry;
}

/* Twice as many slots, to which the words move. */
static int grow(Dict *self)
{
	Entry **old = self->slots, *entry, *next, **slot;
	Py_ssize_t nold = self->nslots, i;

	self->slots = PyMem_New(Entry *, 2 * nold);
	if (self->slots == NULL) {
		self->slots = old;
		return -1;
	}
	self->nslots = 2 * nold;
	memset(self->slots, 0, self->nslots * sizeof(Entry *));
	for (i = 0; i < nold; i++) {
		for (entry = old[i]; entry != NULL; entry = next) {
			next = entry->next;
			slot = slot_of(self, entry->key);
			entry->next = *slot;
			*slot = entry;
		}
	}
	PyMem_Del(old);
	return 0;
}

int Dict_Add(Dict *self, const char *key)
{
	Entry *entry = find(self, key), **slot;

	if (entry != NULL) {
		entry->count++;
		return 0;
	}
	if (self->used == self->nslots && grow(self) < 0)
		return -1;
	entry = PyObject_Calloc(1, sizeof(Entry));
	if (entry == NULL)
		return -1;
	entry->key = _PyMem_Strdup(key);
	if (entry->key == NULL) {
		PyObject_Del(entry);
		return -1;
	}
	slot = slot_of(self, key);
	entry->count = 1;
	entry->next = *slot;
	*slot = entry;
	self->used++;
	return 0;
}

Py_ssize_t Dict_Get(Dict *self, const char *key)
{
	Entry *entry = find(self, key);

	return entry ? entry->count : 0;
}

void Dict_Dealloc(Dict *self)
{
	void (*del)(void *ptr) = PyMem_Free;
	Py_ssize_t i;
	Entry *entry;

	for (i = 0; i < self->nslots; i++) {
		while ((entry = self->slots[i]) != NULL) {
			self->slots[i] = entry->next;
			del(entry->key);
			PyObject_FREE(entry);
		}
	}
	PyMem_FREE(self->slots);
	PyObject_Free(self);
}

/* === A string that grows, in raw === */

void Builder_Init(Builder *self)
{
	self->text = NULL;
	self->length = 0;
	self->room = 0;
}

int Builder_Append(Builder *self, const char *text)
{
	Py_ssize_t length = strlen(text);
	Py_ssize_t room = self->length + length + 1;
	char *larger;

	if (room > self->room) {
		room += room / 2;
		larger = PyMem_RawRealloc(self->text, room);
		if (larger == NULL)
			return -1;
		self->text = larger;
		self->room = room;
	}
	memcpy(self->text + self->length, text, length + 1);
	self->length += length;
	return 0;
}

/* As a block of mem that is just large enough. */
char *Builder_Finish(Builder *self)
{
	char *text = PyMem_NEW(char, self->room), *whole = text;

	if (text != NULL) {
		memcpy(text, self->text, self->length + 1);
		PyMem_RESIZE(text, char, self->length + 1);
		if (text == NULL)
			PyMem_DEL(whole);
	}
	PyMem_RawFree(self->text);
	Builder_Init(self);
	return text;
}

/* === Hooks === */

static void *hook_malloc(void *ctx, size_t size)
{
	Hook *self = (Hook *)ctx;

	self->calls++;
	self->ctx = ctx;
	self->size = size;
	self->given = self->original.malloc(self->original.ctx, size);
	return self->given;
}

static void *hook_calloc(void *ctx, size_t nelem, size_t elsize)
{
	Hook *self = (Hook *)ctx;

	self->calls++;
	self->ctx = ctx;
	self->nelem = nelem;
	self->elsize = elsize;
	self->given = self->original.calloc(self->original.ctx, nelem, elsize);
	return self->given;
}

static void *hook_realloc(void *ctx, void *ptr, size_t new_size)
{
	Hook *self = (Hook *)ctx;

	self->calls++;
	self->ctx = ctx;
	self->ptr = ptr;
	self->size = new_size;
	self->given = self->original.realloc(self->original.ctx, ptr, new_size);
	return self->given;
}

static void hook_free(void *ctx, void *ptr)
{
	Hook *self = (Hook *)ctx;

	self->calls++;
	self->ctx = ctx;
	self->ptr = ptr;
	self->original.free(self->original.ctx, ptr);
}

PyMemAllocatorEx Hook_Table(Hook *self)
{
	PyMemAllocatorEx table;

	table.ctx = self;
	table.malloc = hook_malloc;
	table.calloc = hook_calloc;
	table.realloc = hook_realloc;
	table.free = hook_free;
	return table;
}

void Hook_Install(Hook *self, PyMemAllocatorDomain domain)
{
	PyMemAllocatorEx table = Hook_Table(self);

	memset(self, 0, sizeof(*self));
	self->domain = domain;
	PyMem_GetAllocator(domain, &self->original);
	PyMem_SetAllocator(domain, &table);
}

void Hook_Remove(Hook *self)
{
	PyMem_SetAllocator(self->domain, &self->original);
}
