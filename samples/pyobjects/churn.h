/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Many objects that do not live long.
 */
#ifndef PYOBJECTS_CHURN_H
#define PYOBJECTS_CHURN_H

/* So many of them live at a time. */
#define CHURN_WINDOW	10000

int churn(unsigned long n);

#endif /* PYOBJECTS_CHURN_H */
