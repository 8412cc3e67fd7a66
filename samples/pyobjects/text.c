// SPDX-License-Identifier: GPL-2.0
/*
 * Text that is put together in a buffer.
 *
 * Contexts: any.
 */
#include <linux/kernel.h>
#include <linux/stdarg.h>
#include <linux/string.h>

#include "text.h"

/**
 * text_begin() - begin with no text
 * @text: what to begin
 * @buffer: where it goes
 * @size: its bytes, eight at least
 */
void text_begin(struct text *text, char *buffer, size_t size)
{
	*text = (struct text) { .buffer = buffer, .size = size };
	buffer[0] = '\0';
}

/**
 * text_add() - add to it what fits
 * @text: the text
 * @format: as for printf()
 */
void text_add(struct text *text, const char *format, ...)
{
	size_t room = text->size - text->used;
	va_list arguments;
	int length;

	if (text->is_cut)
		return;
	va_start(arguments, format);
	length = vsnprintf(text->buffer + text->used, room, format, arguments);
	va_end(arguments);
	text->is_cut = length >= room;
	text->used += text->is_cut ? room - 1 : length;
}

/**
 * text_end() - show that it was cut, if it was
 * @text: the text
 */
void text_end(struct text *text)
{
	if (text->is_cut)
		strscpy(text->buffer + text->size - 4, "...", 4);
}
