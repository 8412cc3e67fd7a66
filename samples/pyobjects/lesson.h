/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The lesson.
 */
#ifndef PYOBJECTS_LESSON_H
#define PYOBJECTS_LESSON_H

int lesson(void);

#endif /* PYOBJECTS_LESSON_H */
