# SPDX-License-Identifier: GPL-2.0
# A recorded Python program is replayed, as by `make run`, and is at its peak.
# shellcheck shell=bash

rmmod pysessions 2> /dev/null || true
insmod samples/pyreplay/pyreplay.ko traces="$PWD/build/traces/docstore.trc" \
	cross=1 hold=1
echo start > /sys/kernel/debug/pyreplay/control
echo peak > /sys/kernel/debug/pyreplay/wait
