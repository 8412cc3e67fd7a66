/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Leaks: what is live when it should not be any more.
 */
#ifndef _PYALLOC_LEAK_H
#define _PYALLOC_LEAK_H

struct module;
struct pyheap;
struct pytrace;

unsigned int pyleak_report(const struct pytrace *trace, const char *who,
			   const struct pyheap *heap,
			   const struct module *module);
unsigned int pyleak_report_heap(const struct pyheap *heap);
void pyleak_report_all(void);

#endif /* _PYALLOC_LEAK_H */
