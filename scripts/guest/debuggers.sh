# SPDX-License-Identifier: GPL-2.0
# What debuggers-test.sh compares with: loads pyalloc with the given parameters
# and the client whose blocks are known, prints what debugfs says of each, and
# stays as it is, for a debugger to look at.
# Call debuggers_stay NAME STATE PARAMETER...; with the state `reclaimed` all that
# is free is in its pool, or given back.

. /guest/debugfs.sh

known=/sys/kernel/debug/pyalloc_known

# shown NAME: its input, each line after the name.
shown()
{
	sed "s/^/$1: /"
}

show_known()
{
	local address name

	grep -v '^#' $known | while read -r name address; do
		echo "$name $address" | shown known
		tell $pyalloc/whereis "$address" &&
			grep -v '^#' $pyalloc/whereis | shown whereis
	done
}

show_heaps()
{
	local dir

	shown heaps < $pyalloc/heaps
	for dir in "$pyalloc"/heap/*; do
		shown "arenas ${dir##*/}" < "$dir/arenas"
	done
}

debuggers_stay()
{
	local state=$2
	shift 2

	load "$@" && insmod /modules/pyalloc_known.ko || return
	[ "$state" != reclaimed ] || tell $pyalloc/reclaim 1
	# Asking first: it has parked blocks freed.
	show_known
	show_heaps
	echo 'debuggers: ready'
	while :; do
		sleep 1000
	done
}
