// SPDX-License-Identifier: GPL-2.0
/*
 * A table of words: what a module does with kmalloc() all day.
 */
#include <linux/hashtable.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/stringhash.h>

#include "pykmalloc.h"

#define WORDS	2000

struct word {
	struct hlist_node	node;
	unsigned int		count;
	char			*text;
	unsigned int		*places;
};

static DEFINE_HASHTABLE(words, 6);

static unsigned int hash_of(const char *text)
{
	return full_name_hash(NULL, text, strlen(text));
}

static struct word *find_word(const char *text)
{
	struct word *word;

	hash_for_each_possible(words, word, node, hash_of(text))
		if (!strcmp(word->text, text))
			return word;
	return NULL;
}

static void free_word(struct word *word)
{
	kfree(word->places);
	kfree(word->text);
	kfree(word);
}

static struct word *add_word(const char *text)
{
	struct word *word = kzalloc(sizeof(*word), GFP_KERNEL);

	if (!word)
		return NULL;
	word->text = kstrdup(text, GFP_KERNEL);
	if (!word->text) {
		kfree(word);
		return NULL;
	}
	hash_add(words, &word->node, hash_of(text));
	return word;
}

static int count_word(const char *text, unsigned int place)
{
	struct word *word = find_word(text) ?: add_word(text);
	unsigned int *places;

	if (!word)
		return -ENOMEM;
	places = krealloc_array(word->places, word->count + 1, sizeof(*places),
				GFP_KERNEL);
	if (!places)
		return -ENOMEM;
	places[word->count++] = place;
	word->places = places;
	return 0;
}

static int check_table(void)
{
	struct word *word;
	unsigned int i;
	char text[16];

	for (i = 0; i < 3 * WORDS; i++) {
		snprintf(text, sizeof(text), "word %u", i % WORDS);
		check(!count_word(text, i));
	}
	for (i = 0; i < WORDS; i++) {
		snprintf(text, sizeof(text), "word %u", i);
		word = find_word(text);
		check(word && word->count == 3 && word->places[0] == i &&
		      word->places[2] == i + 2 * WORDS);
	}
	return 0;
}

int check_words(void)
{
	struct hlist_node *next;
	struct word *word;
	unsigned int i;
	int error;

	error = check_table();
	hash_for_each_safe(words, i, next, word, node) {
		hash_del(&word->node);
		free_word(word);
	}
	return error;
}
