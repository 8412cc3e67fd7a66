/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The trace that is loaded.
 */
#ifndef PYBENCH_TRACE_H
#define PYBENCH_TRACE_H

struct seq_file;

int trace_load(const char *path);
void trace_unload(void);
void trace_show_loaded(struct seq_file *out);

#endif /* PYBENCH_TRACE_H */
