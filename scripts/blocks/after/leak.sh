# SPDX-License-Identifier: GPL-2.0
# A client that leaks is at work, and has been traced for a while.
# shellcheck shell=bash

insmod samples/pyleak/pyleak.ko rounds=0
echo 1 > /sys/kernel/debug/pyalloc/trace/nframe
until [ "$(grep -c pyleak /sys/kernel/debug/pyalloc/trace/statistics)" -ge 2 ]
do
	sleep 0.1
done
