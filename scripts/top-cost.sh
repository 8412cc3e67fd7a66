#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# top-cost.sh [SECONDS]: what pyalloctop costs at one sample a second while a
# heap holds 1 GiB, as a share of a CPU, user and system.  It is watched for so
# many SECONDS (30) in User-Mode Linux, which runs at the machine's own speed,
# with 2 GiB; scripts/guest/top.sh is the guest's part, which tests what
# pyalloctop says of a live module, too.
#
# The figures are the lines `cost of`; the last line is `N passed, N failed`.

. "$(dirname "$0")/lib.sh"

kernel=uml
tools=$top/build/tools/static
log=$top/build/top-cost.log

need build-essential pkg-config libncurses-dev ncurses-base python3
mkdir -p "$top/build"
modules=$("$top/scripts/modules.sh" "$kernel")
parser=$("$top/scripts/kernel.sh" source)/tools/testing/kunit
quietly "$top/build/top-cost-build.log" \
	make -C "$top/tools/pyalloctop" O="$tools" STATIC=1

"$top/scripts/boot.sh" -t 300 -M 2048 -l "$log" \
	-f "$tools/pyalloctop" -f /lib/terminfo/l/linux:/lib/terminfo/l \
	-m "$modules/pyalloc.ko" -m "$modules/bench/pybench.ko" \
	-m "$modules/samples/pyhello/pyhello.ko" \
	"$kernel" "top_seconds=${1:-30}; . /guest/top.sh" || true
sed -n 's/^.*\(cost of .*\)/\1/p' "$log"
"$top/scripts/verdict.py" --kunit "$parser" --tier top "$log"
