/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Text that is put together in a buffer, and cut where that ends.
 */
#ifndef PYOBJECTS_TEXT_H
#define PYOBJECTS_TEXT_H

#include <linux/compiler_attributes.h>
#include <linux/types.h>

/* What is deeper in others is written as three dots. */
#define TEXT_MAX_DEPTH	4

/**
 * struct text - text, and where it goes on
 * @buffer: it, with a NUL at its end
 * @size: the buffer's bytes
 * @used: bytes without the NUL
 * @depth: in how many others is what is being written now
 * @is_cut: there was more
 */
struct text {
	char		*buffer;
	size_t		size;
	size_t		used;
	unsigned int	depth;
	bool		is_cut;
};

void text_begin(struct text *text, char *buffer, size_t size);
void text_end(struct text *text);
__printf(2, 3) void text_add(struct text *text, const char *format, ...);

#endif /* PYOBJECTS_TEXT_H */
