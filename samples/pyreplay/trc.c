// SPDX-License-Identifier: GPL-2.0
/*
 * Reads a trace and checks it.
 *
 * A trace is a file that anyone may have written, so nothing in it is
 * believed: the checksum is computed, and every op is followed through once
 * before the first block is allocated.  What trc_load() returns has no op
 * outside its words, no slot outside its slots, no free of an empty slot and
 * no allocation over a live block, and its header tells the truth.  Whoever
 * replays it need not look again.
 *
 * Process context, may sleep; no locks, a trace does not change once loaded.
 */
#define pr_fmt(fmt) "pyreplay: " fmt

#include <linux/bits.h>
#include <linux/crc32.h>
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "trc.h"

#define TRC_MAGIC	"PYATRC01"
#define TRC_MAX_FILE	SZ_512M
#define TRC_MAX_SLOTS	BIT(18)
#define TRC_NR_SIZES	34

struct trc_header {
	char magic[8];
	__le32 header_bytes;
	__le32 flags;
	__le32 n_ops;
	__le32 n_words;
	__le32 n_slots;
	__le32 n_malloc;
	__le32 n_calloc;
	__le32 n_realloc;
	__le32 n_free;
	__le32 n_live;
	__le64 peak_bytes;
	__le32 peak_op;
	__le32 crc;
	__le64 sum_bytes;
	__le64 reserved;
	char name[TRC_NAME_LEN];
	__le32 sizes[TRC_NR_SIZES];
	__le32 domains[TRC_NR_DOMAINS];
	u8 padding[232];
};

static_assert(sizeof(struct trc_header) == 512);

/*
 * What following the ops finds.  A slot holds the size of its block plus
 * one, and 0 while it is empty.
 */
struct trc_tally {
	u64 *slots;
	u32 n_slots;
	u32 op;
	u32 kinds[TRC_NR_KINDS];
	u32 domains[TRC_NR_DOMAINS];
	u32 sizes[TRC_NR_SIZES];
	u32 live;
	u32 most_live;
	u64 live_bytes;
	u64 peak_bytes;
	u32 peak_op;
	u64 sum_bytes;
};

static const char *trc_op_fault(const struct trc_tally *tally,
				const struct trc_op *op)
{
	bool live;

	if (op->slot >= tally->n_slots)
		return "its slot is out of range";
	live = tally->slots[op->slot];
	switch (op->kind) {
	case TRC_FREE:
		if (op->size)
			return "a free with a size";
		return live ? NULL : "a free of an empty slot";
	case TRC_REALLOC:
		return live ? NULL : "a realloc of an empty slot";
	default:
		return live ? "an allocation in a slot that is taken" : NULL;
	}
}

static unsigned int trc_size_row(u32 size)
{
	return size > 512 ? TRC_NR_SIZES - 1 : DIV_ROUND_UP(size, 16);
}

static void trc_count_request(struct trc_tally *tally, const struct trc_op *op)
{
	tally->domains[op->domain]++;
	tally->sizes[trc_size_row(op->size)]++;
	tally->sum_bytes += op->size;
}

static void trc_count_peak(struct trc_tally *tally)
{
	tally->most_live = max(tally->most_live, tally->live);
	if (tally->live_bytes > tally->peak_bytes) {
		tally->peak_bytes = tally->live_bytes;
		tally->peak_op = tally->op;
	}
}

static void trc_count(struct trc_tally *tally, const struct trc_op *op)
{
	u64 *slot = &tally->slots[op->slot];

	tally->kinds[op->kind]++;
	if (*slot) {
		tally->live_bytes -= *slot - 1;
		tally->live--;
		*slot = 0;
	}
	if (op->kind != TRC_FREE) {
		*slot = (u64)op->size + 1;
		tally->live_bytes += op->size;
		tally->live++;
		trc_count_request(tally, op);
	}
	trc_count_peak(tally);
}

static const char *trc_follow(const struct trc *trc, struct trc_tally *tally)
{
	const __le32 *at = trc->words, *end = at + trc->n_words;
	const char *fault;
	struct trc_op op;

	for (; at < end; tally->op++) {
		op = trc_split(le32_to_cpu(*at));
		if (op.size == TRC_SIZE_NEXT_WORD && at + 1 == end)
			return "its size is past the end";
		op = trc_next(&at);
		fault = trc_op_fault(tally, &op);
		if (fault)
			return fault;
		trc_count(tally, &op);
		if (tally->op % 4096 == 0)
			cond_resched();
	}
	return NULL;
}

static bool trc_equal(const __le32 *said, const u32 *found, unsigned int n)
{
	while (n--) {
		if (le32_to_cpu(said[n]) != found[n])
			return false;
	}
	return true;
}

/* Which of the header's figures is not what the ops add up to? */
static const char *trc_false_figure(const struct trc_header *header,
				    const struct trc_tally *tally)
{
	if (le32_to_cpu(header->n_ops) != tally->op)
		return "ops";
	if (le32_to_cpu(header->n_malloc) != tally->kinds[TRC_MALLOC] ||
	    le32_to_cpu(header->n_calloc) != tally->kinds[TRC_CALLOC] ||
	    le32_to_cpu(header->n_realloc) != tally->kinds[TRC_REALLOC] ||
	    le32_to_cpu(header->n_free) != tally->kinds[TRC_FREE])
		return "ops of each kind";
	if (le32_to_cpu(header->n_slots) != tally->most_live)
		return "slots";
	if (le32_to_cpu(header->n_live) != tally->live)
		return "blocks live at the end";
	if (le64_to_cpu(header->peak_bytes) != tally->peak_bytes ||
	    le32_to_cpu(header->peak_op) != tally->peak_op)
		return "peak";
	if (le64_to_cpu(header->sum_bytes) != tally->sum_bytes ||
	    !trc_equal(header->sizes, tally->sizes, TRC_NR_SIZES))
		return "sizes";
	if (!trc_equal(header->domains, tally->domains, TRC_NR_DOMAINS))
		return "domains";
	return NULL;
}

static int trc_check_ops(const struct trc *trc, const char *path)
{
	struct trc_tally *tally;
	const char *fault;
	int err = -ENOMEM;

	tally = kzalloc(sizeof(*tally), GFP_KERNEL);
	if (!tally)
		return err;
	tally->n_slots = trc->n_slots;
	tally->slots = kvcalloc(trc->n_slots, sizeof(*tally->slots),
				GFP_KERNEL);
	if (!tally->slots)
		goto free;

	err = -EINVAL;
	fault = trc_follow(trc, tally);
	if (fault) {
		pr_err("%s: op %u: %s\n", path, tally->op, fault);
		goto free;
	}
	fault = trc_false_figure(trc->file, tally);
	if (fault)
		pr_err("%s: the header's %s differ from the body's\n", path,
		       fault);
	else
		err = 0;
free:
	kvfree(tally->slots);
	kfree(tally);
	return err;
}

/* A name goes into tables and file names: one word of plain characters. */
static bool trc_name_ok(const char *name)
{
	size_t i, len = strnlen(name, TRC_NAME_LEN);

	for (i = 0; i < len; i++) {
		if (!isalnum(name[i]) && !strchr("._-", name[i]))
			return false;
	}
	return len && len < TRC_NAME_LEN;
}

static const char *trc_header_fault(const struct trc_header *header,
				    size_t bytes)
{
	if (bytes < sizeof(*header))
		return "shorter than a header";
	if (memcmp(header->magic, TRC_MAGIC, sizeof(header->magic)))
		return "not a trace, its magic is not " TRC_MAGIC;
	if (le32_to_cpu(header->header_bytes) != sizeof(*header))
		return "its header is not of 512 bytes";
	if (!header->n_words || le32_to_cpu(header->n_words) !=
				(bytes - sizeof(*header)) / sizeof(__le32) ||
	    bytes % sizeof(__le32))
		return "truncated, or longer than its header says";
	if (!header->n_slots ||
	    le32_to_cpu(header->n_slots) > TRC_MAX_SLOTS)
		return "its number of slots is not within 1 and 262144";
	if (!trc_name_ok(header->name))
		return "its name is not one plain word";
	return NULL;
}

static bool trc_crc_ok(const struct trc_header *header, size_t bytes)
{
	u32 crc = ~crc32_le(~0, (const u8 *)(header + 1),
			    bytes - sizeof(*header));

	return crc == le32_to_cpu(header->crc);
}

static int trc_check(struct trc *trc, size_t bytes, const char *path)
{
	const struct trc_header *header = trc->file;
	const char *fault = trc_header_fault(header, bytes);

	if (!fault && !trc_crc_ok(header, bytes))
		fault = "its checksum is wrong";
	if (fault) {
		pr_err("%s: %s\n", path, fault);
		return -EINVAL;
	}
	strscpy(trc->name, header->name, sizeof(trc->name));
	trc->words = (const __le32 *)(header + 1);
	trc->n_words = le32_to_cpu(header->n_words);
	trc->n_ops = le32_to_cpu(header->n_ops);
	trc->n_slots = le32_to_cpu(header->n_slots);
	trc->n_live = le32_to_cpu(header->n_live);
	trc->peak_bytes = le64_to_cpu(header->peak_bytes);
	trc->peak_op = le32_to_cpu(header->peak_op);
	return trc_check_ops(trc, path);
}

static ssize_t trc_read_from(struct trc *trc, struct file *file)
{
	loff_t size = i_size_read(file_inode(file)), pos = 0;

	if (!S_ISREG(file_inode(file)->i_mode) || size <= 0)
		return -EINVAL;
	if (size > TRC_MAX_FILE)
		return -EFBIG;
	trc->file = vmalloc(size);
	if (!trc->file)
		return -ENOMEM;
	/* The file may be cut meanwhile: what comes is what is checked. */
	return kernel_read(file, trc->file, size, &pos);
}

/*
 * Not with kernel_read_file(): it asks the security modules about the kind of
 * file, and one of them warns when the kind is none that it knows.
 */
static ssize_t trc_read(struct trc *trc, const char *path)
{
	struct file *file = filp_open(path, O_RDONLY | O_LARGEFILE, 0);
	ssize_t bytes = PTR_ERR_OR_ZERO(file);

	if (!bytes) {
		bytes = trc_read_from(trc, file);
		fput(file);
	}
	if (bytes < 0)
		pr_err("%s: can't be read, error %zd\n", path, bytes);
	return bytes;
}

/* Reads and checks the trace in the file @path: a trace, or an ERR_PTR. */
struct trc *trc_load(const char *path)
{
	struct trc *trc = kzalloc(sizeof(*trc), GFP_KERNEL);
	ssize_t bytes;
	int err;

	if (!trc)
		return ERR_PTR(-ENOMEM);
	bytes = trc_read(trc, path);
	err = bytes < 0 ? bytes : trc_check(trc, bytes, path);
	if (!err)
		return trc;
	trc_free(trc);
	return ERR_PTR(err);
}

void trc_free(struct trc *trc)
{
	vfree(trc->file);
	kfree(trc);
}
