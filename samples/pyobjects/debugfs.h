/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The files.
 */
#ifndef PYOBJECTS_DEBUGFS_H
#define PYOBJECTS_DEBUGFS_H

void files_create(void);
void files_remove(void);

#endif /* PYOBJECTS_DEBUGFS_H */
