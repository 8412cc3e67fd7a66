# SPDX-License-Identifier: GPL-2.0
# While there is a trace, a client goes and leaves its private heap.
# shellcheck shell=bash disable=SC2154 # CLIENTS is the guest's

echo 1 > /sys/kernel/debug/pyalloc/trace/nframe
insmod "$CLIENTS/pysessions.ko"
rmmod pysessions
