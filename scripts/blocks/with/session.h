/* SPDX-License-Identifier: GPL-2.0 */
/* What a client's objects are in the guides. */
struct session {
	char name[56];
	long opened;
};
