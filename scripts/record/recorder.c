// SPDX-License-Identifier: GPL-2.0
/*
 * Records what a Python program allocates.
 *
 * A shared library that launch.py loads into a running CPython.  It puts
 * itself in front of the allocators of the three domains with
 * PyMem_SetAllocator(), notes every malloc, calloc, realloc and free, and
 * writes a trace that samples/pyreplay can replay: sizes and slots, nothing
 * of what the program wrote into its blocks.
 *
 * It needs none of CPython's headers: the table of functions and the numbers
 * of the domains are part of the stable way to replace allocators.
 *
 * Order.  The raw domain is called without the GIL, so one address may be
 * freed by one thread and given out to another while this library looks on.
 * A free is noted before it happens and an allocation after it has, so the
 * free of an address is always noted before it is given out anew.  A realloc
 * is both, so it happens under the lock.
 *
 * Depth.  pymalloc passes large requests on to the raw domain, which is
 * hooked as well: only the outermost call of a thread is the program's.
 *
 * Memory.  What is noted is kept in memory from the C library, which is not
 * hooked, so the recorder never records itself.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As in CPython's Include/cpython/pymem.h. */
enum { DOMAIN_RAW, DOMAIN_MEM, DOMAIN_OBJ, NR_DOMAINS };

struct allocator {
	void *ctx;
	void *(*malloc)(void *ctx, size_t size);
	void *(*calloc)(void *ctx, size_t nelem, size_t elsize);
	void *(*realloc)(void *ctx, void *ptr, size_t size);
	void (*free)(void *ctx, void *ptr);
};

void PyMem_GetAllocator(int domain, struct allocator *allocator);
void PyMem_SetAllocator(int domain, const struct allocator *allocator);

/* As in the trace. */
enum { OP_FREE, OP_MALLOC, OP_REALLOC, OP_CALLOC, NR_OPS };

#define MAX_SLOTS	(1u << 18)
#define MAX_OPS		(1u << 26)
#define SIZE_NEXT_WORD	1023u
#define NR_SIZES	34
#define NAME_LEN	48

struct header {
	char magic[8];
	uint32_t header_bytes;
	uint32_t flags;
	uint32_t n_ops;
	uint32_t n_words;
	uint32_t n_slots;
	uint32_t n_malloc;
	uint32_t n_calloc;
	uint32_t n_realloc;
	uint32_t n_free;
	uint32_t n_live;
	uint64_t peak_bytes;
	uint32_t peak_op;
	uint32_t crc;
	uint64_t sum_bytes;
	uint64_t reserved;
	char name[NAME_LEN];
	uint32_t sizes[NR_SIZES];
	uint32_t domains[4];
	uint8_t padding[232];
};

_Static_assert(sizeof(struct header) == 512, "the header's layout is fixed");

static struct allocator originals[NR_DOMAINS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread unsigned int depth;

/* All below is guarded by the lock. */
static bool recording;
static const char *trouble;
static struct header header;
static uint64_t live_bytes;

/* Words. */

static uint32_t *words;
static size_t words_room;

static void stop_for(const char *why)
{
	recording = false;
	trouble = why;
}

static void add_word(uint32_t word)
{
	if (header.n_words == words_room) {
		size_t room = words_room ? 2 * words_room : 1 << 20;
		uint32_t *more = realloc(words, room * sizeof(*words));

		if (!more) {
			stop_for("the recorder ran out of memory");
			return;
		}
		words = more;
		words_room = room;
	}
	words[header.n_words++] = word;
}

/*
 * Live blocks: a hash table by address, open addressing with linear probing.
 * It has twice the places that there can be blocks, so it is never full.
 */
struct live {
	uintptr_t address;
	uint64_t size;
	uint32_t slot;
	uint32_t domain;
};

#define LIVE_PLACES	(2 * MAX_SLOTS)

static struct live table[LIVE_PLACES];

static size_t place_of(uintptr_t address)
{
	return (size_t)((address >> 3) * 0x9e3779b97f4a7c15ull >> 32) %
	       LIVE_PLACES;
}

static struct live *find(const void *ptr)
{
	uintptr_t address = (uintptr_t)ptr;
	size_t place = place_of(address);

	while (table[place].address && table[place].address != address)
		place = (place + 1) % LIVE_PLACES;
	return &table[place];
}

/* Closes the gap, so that no block behind it becomes unreachable. */
static void forget(struct live *gone)
{
	size_t gap = (size_t)(gone - table), place = gap;

	for (;;) {
		size_t home;

		place = (place + 1) % LIVE_PLACES;
		if (!table[place].address)
			break;
		home = place_of(table[place].address);
		if ((place - home) % LIVE_PLACES <
		    (place - gap) % LIVE_PLACES)
			continue;
		table[gap] = table[place];
		gap = place;
	}
	table[gap].address = 0;
}

/* Slots: last freed, first used. */

static uint32_t free_slots[MAX_SLOTS];
static uint32_t n_free_slots;

static bool take_slot(uint32_t *slot)
{
	if (n_free_slots) {
		*slot = free_slots[--n_free_slots];
		return true;
	}
	if (header.n_slots == MAX_SLOTS)
		return false;
	*slot = header.n_slots++;
	return true;
}

/* Ops. */

static void count_request(uint32_t domain, uint64_t size)
{
	header.sum_bytes += size;
	header.domains[domain]++;
	header.sizes[size > 512 ? NR_SIZES - 1 : (size + 15) / 16]++;
}

static void count_peak(void)
{
	if (live_bytes <= header.peak_bytes)
		return;
	header.peak_bytes = live_bytes;
	header.peak_op = header.n_ops;
}

static void add_op(uint32_t op, uint32_t domain, uint32_t slot, uint64_t size)
{
	uint32_t small = SIZE_NEXT_WORD;

	if (size < SIZE_NEXT_WORD)
		small = (uint32_t)size;
	add_word(op << 30 | domain << 28 | slot << 10 | small);
	if (small == SIZE_NEXT_WORD && recording)
		add_word((uint32_t)size);
	if (op != OP_FREE)
		count_request(domain, size);
	count_peak();
	if (++header.n_ops == MAX_OPS)
		stop_for("the trace is as long as it may be");
}

static void note_free(void *ptr)
{
	struct live *live = find(ptr);

	/* Allocated before recording began: not the trace's business. */
	if (!live->address)
		return;
	live_bytes -= live->size;
	header.n_free++;
	header.n_live--;
	free_slots[n_free_slots++] = live->slot;
	add_op(OP_FREE, live->domain, live->slot, 0);
	forget(live);
}

static void note_new(uint32_t op, uint32_t domain, void *ptr, uint64_t size)
{
	struct live *live = find(ptr);
	uint32_t slot;

	if (size > UINT32_MAX) {
		stop_for("a block of 4 GiB or more can't be recorded");
		return;
	}
	/* Freed behind the hooks, or else it could not be given out again. */
	if (live->address) {
		note_free(ptr);
		live = find(ptr);
	}
	if (!take_slot(&slot)) {
		stop_for("the program holds more than 262144 blocks");
		return;
	}
	*live = (struct live) { (uintptr_t)ptr, size, slot, domain };
	live_bytes += size;
	header.n_live++;
	if (op == OP_CALLOC)
		header.n_calloc++;
	else
		header.n_malloc++;
	add_op(op, domain, slot, size);
}

static void note_realloc(uint32_t domain, void *old, void *ptr, uint64_t size)
{
	struct live *live = find(old), was = *live;

	/* The first that is seen of an older block: it begins here. */
	if (!was.address || size > UINT32_MAX) {
		note_new(OP_MALLOC, domain, ptr, size);
		return;
	}
	forget(live);
	live = find(ptr);
	*live = (struct live) { (uintptr_t)ptr, size, was.slot, domain };
	live_bytes += size - was.size;
	header.n_realloc++;
	add_op(OP_REALLOC, domain, was.slot, size);
}

/* The hooks: ctx is the domain's original. */

static uint32_t domain_of(const struct allocator *original)
{
	return (uint32_t)(original - originals);
}

static void note(uint32_t op, const struct allocator *original, void *ptr,
		 size_t size)
{
	if (depth || !ptr)
		return;
	pthread_mutex_lock(&lock);
	if (recording && op == OP_FREE)
		note_free(ptr);
	else if (recording)
		note_new(op, domain_of(original), ptr, size);
	pthread_mutex_unlock(&lock);
}

static void *hook_malloc(void *ctx, size_t size)
{
	struct allocator *original = ctx;
	void *ptr;

	depth++;
	ptr = original->malloc(original->ctx, size);
	depth--;
	note(OP_MALLOC, original, ptr, size);
	return ptr;
}

static void *hook_calloc(void *ctx, size_t nelem, size_t elsize)
{
	struct allocator *original = ctx;
	void *ptr;

	depth++;
	ptr = original->calloc(original->ctx, nelem, elsize);
	depth--;
	note(OP_CALLOC, original, ptr, nelem * elsize);
	return ptr;
}

static void *realloc_noted(struct allocator *original, void *old, size_t size)
{
	void *ptr;

	pthread_mutex_lock(&lock);
	depth++;
	ptr = original->realloc(original->ctx, old, size);
	depth--;
	if (ptr && recording)
		note_realloc(domain_of(original), old, ptr, size);
	pthread_mutex_unlock(&lock);
	return ptr;
}

static void *hook_realloc(void *ctx, void *old, size_t size)
{
	struct allocator *original = ctx;

	if (!old)
		return hook_malloc(ctx, size);
	if (!depth)
		return realloc_noted(original, old, size);
	return original->realloc(original->ctx, old, size);
}

static void hook_free(void *ctx, void *ptr)
{
	struct allocator *original = ctx;

	note(OP_FREE, original, ptr, 0);
	depth++;
	original->free(original->ctx, ptr);
	depth--;
}

static void put_hooks(void)
{
	int domain;

	for (domain = 0; domain < NR_DOMAINS; domain++) {
		struct allocator hooks = {
			&originals[domain], hook_malloc, hook_calloc,
			hook_realloc, hook_free,
		};

		PyMem_GetAllocator(domain, &originals[domain]);
		PyMem_SetAllocator(domain, &hooks);
	}
}

/* Writing. */

static uint32_t crc32_of(const void *data, size_t size)
{
	const uint8_t *byte = data, *end = byte + size;
	uint32_t crc = ~0u;

	for (; byte < end; byte++) {
		int bit;

		crc ^= *byte;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static int write_trace(const char *path)
{
	FILE *file = fopen(path, "wb");
	bool written;

	if (!file)
		return -errno;
	written = fwrite(&header, sizeof(header), 1, file) == 1 &&
		  fwrite(words, sizeof(*words), header.n_words, file) ==
		  header.n_words;
	return fclose(file) || !written ? -EIO : 0;
}

/* What launch.py calls. */

/* A child of fork() is another program: it is not recorded. */
static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&lock);
}

static void after_fork_in_child(void)
{
	recording = false;
	pthread_mutex_unlock(&lock);
}

void pyrecord_start(void)
{
	pthread_atfork(before_fork, after_fork, after_fork_in_child);
	put_hooks();
	pthread_mutex_lock(&lock);
	recording = true;
	pthread_mutex_unlock(&lock);
}

/* The hooks stay, in case a thread is in one, and only pass calls on. */
void pyrecord_stop(void)
{
	pthread_mutex_lock(&lock);
	recording = false;
	pthread_mutex_unlock(&lock);
}

/* Why the trace ends before the program did, or NULL. */
const char *pyrecord_trouble(void)
{
	return trouble;
}

/* 0, or a negative errno. */
int pyrecord_write(const char *path, const char *name)
{
	memcpy(header.magic, "PYATRC01", sizeof(header.magic));
	header.header_bytes = sizeof(header);
	snprintf(header.name, sizeof(header.name), "%s", name);
	header.crc = crc32_of(words, header.n_words * sizeof(*words));
	if (!header.n_ops)
		return -ENODATA;
	return write_trace(path);
}
