# SPDX-License-Identifier: GPL-2.0
# Everything with each of the other values of allocator=: first what shows that
# it is in force, then all KUnit suites, a short run of pytorture and a replay.

. /guest/debugfs.sh

modes_ops=100000
! is_slow || modes_ops=10000
modes_held=500

is_debug()
{
	case $1 in
	*_debug) ;;
	*) false ;;
	esac
}

# is WHAT NUMBER NUMBER
is()
{
	[ "$2" = "$3" ] && return
	echo "$1: $2, and should be $3"
	return 1
}

decorated()
{
	sed -n 's/.* \([0-9]*\) decorated blocks.*/\1/p' $debugfs/check
}

# Held blocks are counted, decorated where hooks are on, and the heap's where it
# serves: of 500 not all are too large for it.
in_force()
{
	local mode=$1 hooks=0 marked=0 blocks

	! is_debug "$mode" || { hooks=1; marked=$modes_held; }
	is parameter "$(cat /sys/module/pyalloc/parameters/allocator)" "$mode" &&
		is hooks "$(cat $debugfs/hooks)" $hooks || return
	echo "hold $modes_held kernel" > $pytorture/control || return
	cat $debugfs/check
	blocks=$(total $debugfs/heaps blocks)
	is "blocks of domains" "$(total $debugfs/domains blocks)" $modes_held &&
		is "decorated blocks" "$(decorated)" $marked &&
		check_ok || return
	echo "$blocks of them are the heap's"
	case $mode in
	pymalloc*) [ "$blocks" -gt 0 ] ;;
	*) [ "$blocks" = 0 ] ;;
	esac
}

# Nothing is left, but what is counted against blocks that kmalloc() gave.
released()
{
	local foreign

	echo release > $pytorture/control && echo 1 > $debugfs/reclaim || return
	foreign=$(cell $pytorture/results foreign)
	is "blocks of domains" \
		$(($(total $debugfs/domains blocks) + ${foreign:-0})) 0 &&
		is "decorated blocks" "$(decorated)" 0 &&
		is arenas "$(total $debugfs/heaps arenas)" 0 && check_ok
}

torture_mode()
{
	! is_debug "$1" || set_torture loyal=1 || return
	torture_run $modes_ops && released
}

modes()
{
	local mode=$1

	try "load-torture-$mode" load_torture "allocator=$mode"
	if loaded pytorture; then
		! is_debug "$mode" || set_torture loyal=1
		try "in-force-$mode" in_force "$mode"
		try "released-$mode" released
		try "torture-$mode" torture_mode "$mode"
		try "unload-torture-$mode" unload_torture
	fi
	suites_with "$mode" "allocator=$mode"
	# It unloads pyalloc itself.
	try "load-replay-$mode" load "allocator=$mode"
	( replay_mode=$mode && . /guest/replay.sh )
}

start_kunit
begin_leaks
for mode in pymalloc_debug malloc malloc_debug; do
	modes $mode
done
try_leaks modes-kmemleak
