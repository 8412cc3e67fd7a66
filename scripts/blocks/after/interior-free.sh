# SPDX-License-Identifier: GPL-2.0
# A client freed a pointer into a block.
# shellcheck shell=bash disable=SC2154 # CLIENTS is the guest's

insmod "$CLIENTS/pyinterior.ko"
