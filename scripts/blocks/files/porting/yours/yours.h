/* SPDX-License-Identifier: GPL-2.0 */
/* A module of two files. */
int add_link(void);
void remove_link(void);
