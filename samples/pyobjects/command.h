/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Commands.
 */
#ifndef PYOBJECTS_COMMAND_H
#define PYOBJECTS_COMMAND_H

/* A command is no longer than that. */
#define COMMAND_MAX_TEXT	1024

int command_do(char *text);

#endif /* PYOBJECTS_COMMAND_H */
