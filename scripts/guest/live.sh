# SPDX-License-Identifier: GPL-2.0
# Unloading while blocks are live says how many, and gives back their arenas.

live_rounds=20
live_blocks=10000
# Each round leaves 625 KiB behind, and 12 MiB in all would be missing; see
# reload.sh for what moves free memory besides.
live_tolerance=1024

leave_blocks()
{
	load && insmod /modules/pyalloc_forgetful.ko blocks=$live_blocks &&
		rmmod pyalloc_forgetful && unload
}

said_so()
{
	dmesg | grep 'pyalloc: unloaded with' | tail -n 1 |
		grep "unloaded with $live_blocks blocks live, $((live_blocks * 64)) bytes"
}

memory_comes_back()
{
	local before after i

	leave_blocks || return
	before=$(free_kib)
	for i in $(seq "$live_rounds"); do
		leave_blocks && said_so > /dev/null || return
	done
	after=$(free_kib)
	echo "free: $before KiB before, $after KiB after $live_rounds rounds"
	[ $((before - after)) -le $live_tolerance ]
}

try live-report eval 'leave_blocks && said_so'
try live-memory memory_comes_back
