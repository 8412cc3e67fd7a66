/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reclaim: what goes back to the kernel, when, and who asks for it.
 */
#ifndef _PYALLOC_RECLAIM_H
#define _PYALLOC_RECLAIM_H

#include <linux/mutex.h>
#include <linux/workqueue.h>

struct pynode;

void pyreclaim_want_reserve(struct pynode *node, bool starved);
void pyreclaim_note_free(void);
extern struct mutex pyreclaim_trim_lock;
extern bool pyreclaim_trim_armed;

bool pyreclaim_trim(void);
void pyreclaim_drain(void);
void pyreclaim_on_each_cpu(work_func_t function);

int pyreclaim_init(void);
void pyreclaim_exit(void);
void pyreclaim_stop(void);

#endif /* _PYALLOC_RECLAIM_H */
