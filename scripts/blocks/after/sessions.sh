# SPDX-License-Identifier: GPL-2.0
# A client with a private heap and a type is at work.
# shellcheck shell=bash disable=SC2154 # CLIENTS is the guest's

insmod "$CLIENTS/pysessions.ko"
