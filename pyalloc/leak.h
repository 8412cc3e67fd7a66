/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Leaks: what is live when it should not be any more.
 */
#ifndef _PYALLOC_LEAK_H
#define _PYALLOC_LEAK_H

struct pyheap;

unsigned int pyleak_report_heap(const struct pyheap *heap);
void pyleak_report_all(void);

int pyleak_init(void);
void pyleak_exit(void);

#endif /* _PYALLOC_LEAK_H */
