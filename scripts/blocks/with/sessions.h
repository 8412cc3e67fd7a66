/* SPDX-License-Identifier: GPL-2.0 */
/* The second of two parts of one file: the first made these. */
#include "session.h"

static struct session *session;
