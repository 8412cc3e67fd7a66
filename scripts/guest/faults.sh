# SPDX-License-Identifier: GPL-2.0
# The N-th failure: each operation is done again and again, while the first,
# the second, the third of pyalloc's own allocations in it fails, until it is
# over before the fault is reached.  Whatever fails, nothing is lost, contents
# stay, and all works again after.

. /guest/debugfs.sh

struck=/tmp/struck
: > $struck

# Rows of `faults` that have failed; a load forgets them.
remember()
{
	awk '!/^#/ && $3 > 0 { print $1 }' $debugfs/faults >> $struck
}

out_of_memory()
{
	grep -q 'Cannot allocate memory' "$1"
}

# What is read each time is read by the shell itself: there are many times.
blocks_now()
{
	{
		read -r line
		read -r heap classes blocks line
	} < $debugfs/heaps
}

left_now()
{
	read -r left < $debugfs/fail_nth
}

# whole BLOCKS: no invariant is broken, and so many blocks are there.
whole()
{
	echo 0 > $debugfs/fail_nth
	read -r line < $debugfs/check
	case $line in
	ok*) ;;
	*)
		echo "$line"
		return 1
		;;
	esac
	blocks_now
	[ "$blocks" = "$1" ] && return
	echo "blocks: $blocks, before: $1"
	return 1
}

# Frees after a grace period come when they come.
settle()
{
	local tries=100

	echo 0 > $debugfs/fail_nth
	echo 1 > $debugfs/reclaim
	blocks_now
	while [ "$blocks" != 0 ] && [ $tries -gt 0 ]; do
		tries=$((tries - 1))
		sleep 0.1
		blocks_now
	done
}

# The operation is tried with a fault armed: it may say that memory is short.
endure()
{
	"$@" > /tmp/said 2>&1 || out_of_memory /tmp/said && return
	echo "$*: $(cat /tmp/said)"
	return 1
}

# sweep COMMAND...: for every N.
sweep()
{
	local n=0 left=0

	settle
	while [ "$left" = 0 ]; do
		n=$((n + 1))
		echo $n > $debugfs/fail_nth
		endure "$@" || { echo "with fail_nth=$n"; return 1; }
		left_now
		settle
		whole 0 || { echo "with fail_nth=$n"; return 1; }
	done
	remember
	echo "$*: $((n - 1)) allocations failed in turn"
	# Without a fault it succeeds; and one that asks for nothing proves nothing.
	[ $n -gt 1 ] && "$@"
}

op()
{
	echo "op $*" > $pytorture/control
}

read_file()
{
	cat "$1" > /dev/null
}

# A trace from its start to its end, with blocks of pools and of raw.
traced()
{
	local status=0

	echo 8 > $debugfs/trace/nframe || return
	op "$1" && echo 1 > $debugfs/trace/clear && op "$1" || status=1
	echo 0 > $debugfs/trace/nframe
	return $status
}

# The files, with something to show in them.
read_files()
{
	local file status=0

	echo 1 > $debugfs/trace/nframe || return
	echo "hold 500 kernel" > $pytorture/control || return
	find $debugfs -type f ! -name reclaim ! -name fail_nth \
		! -name clear ! -name reset_peak > /tmp/files
	while read -r file; do
		read_armed "$file" || { status=1; break; }
	done < /tmp/files
	echo release > $pytorture/control
	echo 0 > $debugfs/trace/nframe
	remember
	return $status
}

# read_armed FILE: its blocks are held, so no reclaim between.
read_armed()
{
	local n=0 left=0

	while [ "$left" = 0 ]; do
		n=$((n + 1))
		echo $n > $debugfs/fail_nth
		endure read_file "$1" || return
		left_now
		whole 500 || return
	done
	echo "$1: $((n - 1)) allocations failed in turn"
	read_file "$1"
}

# === Loading and unloading ===

# load_armed PARAMETER...: every allocation of a load fails in turn.
load_armed()
{
	local n=0 left=0 status

	while [ "$left" = 0 ]; do
		n=$((n + 1))
		load "fail_nth=$n" "$@" > /tmp/said 2>&1
		status=$?
		if [ $status = 0 ]; then
			left_now
			echo 0 > $debugfs/fail_nth
			remember
			check_ok && unload || return
		elif ! out_of_memory /tmp/said; then
			cat /tmp/said
			return 1
		fi
		load "$@" && check_ok && unload ||
			{ echo "after fail_nth=$n"; return 1; }
	done
	dmesg | sed -n 's/.*pyalloc: fail_nth: //p' >> $struck
	echo "$*: $((n - 1)) allocations failed in turn"
}

unload_armed()
{
	local n

	for n in 1 2 3 4; do
		load_torture || return
		op fronts && op rcu && echo $n > $debugfs/fail_nth &&
			unload_torture || return
	done
}

# === What the kernel itself can make fail ===

inject=/sys/kernel/debug/failslab
inject_pages=/sys/kernel/debug/fail_page_alloc

prepare_injection()
{
	echo N > $inject/ignore-gfp-wait
	echo N > $inject_pages/ignore-gfp-wait
	echo 0 > $inject_pages/min-order
	echo 0 > $inject/verbose
	echo 0 > $inject_pages/verbose
}

# In a shell of its own, whose builtins write: the N-th allocation of this task
# fails.  Opening a file counts as well; `left` is past it when N is high.
inject_nth()
{
	local left

	(
		echo "$1" > /proc/self/fail-nth
		status=0
		echo "op $2" > $pytorture/control || status=1
		read -r left < /proc/self/fail-nth
		echo 0 > /proc/self/fail-nth
		echo "${left:-0}" > /tmp/left
		exit $status
	)
}

kernel_sweep()
{
	local n=0 left=0

	settle
	while [ "$left" = 0 ]; do
		n=$((n + 1))
		endure inject_nth $n "$1" || { echo "with $n"; return 1; }
		read -r left < /tmp/left
		settle
		whole 0 || { echo "with $n"; return 1; }
	done
	echo "$1: $((n - 1)) allocations failed in turn"
	op "$1"
}

# === All of it ===

# Every point of `faults` has failed, here or there.
every_point_struck()
{
	load || return
	awk '!/^#/ { print $1 }' $debugfs/faults > /tmp/points
	unload
	# User-Mode Linux can't walk its stacks.
	! grep -q 'User Mode Linux' /proc/cpuinfo || echo site >> $struck
	while read -r point; do
		grep -qx "$point" $struck || echo "$point never failed"
	done < /tmp/points > /tmp/never
	cat /tmp/never
	[ ! -s /tmp/never ]
}

# operations NAME OPERATIONS PARAMETER...: with pyalloc loaded like that.
operations()
{
	local name=$1 operations=$2
	shift 2

	try "faults-load-$name" load_torture "$@"
	loaded pytorture || return
	# What one domain frees of another's is reported, with hooks.
	set_torture loyal=1
	try "faults-growth-$name" sweep op growth 4
	for operation in $operations; do
		try "faults-$operation-$name" sweep op $operation
	done
	try "faults-traced-realloc-$name" sweep traced realloc
	[ "$name" = hooks ] || try "faults-traced-raw-$name" sweep traced raw
	if has_hotplug; then
		try "faults-hotplug-$name" sweep op hotplug
	fi
	# With hooks some of what is held is not the heap's.
	[ "$name" = hooks ] || try "faults-files-$name" read_files
	if [ "$name" = defaults ] && [ -e /proc/self/fail-nth ]; then
		prepare_injection
		for operation in realloc bulk raw fronts rcu; do
			try "faults-kernel-$operation" kernel_sweep $operation
		done
	fi
	try "faults-unload-$name" unload_torture
}

# What was not given back at a failure point, and nobody counts.
no_memory_lost()
{
	local after

	after=$(free_kib)
	echo "free: $free_before KiB before, $after KiB after"
	[ $((free_before - after)) -le $faults_tolerance ]
}

# The kernel's own caches move free memory by some hundred KiB in so many
# loads; a sanitizer's notes by more.  An arena at each point would be 30 MiB.
faults_tolerance=2048
! is_slow || faults_tolerance=16384

begin_leaks
load && unload
free_before=$(free_kib)
try faults-at-load load_armed
try faults-at-load-prealloc load_armed prealloc=2
try faults-at-load-vmalloc load_armed prealloc=2 arena_source=vmalloc
try faults-at-load-hooks load_armed allocator=pymalloc_debug
try faults-at-load-traced load_armed tracemalloc=1
operations defaults 'realloc bulk raw fronts reclaim rcu replace types heap' arena_kib=64
operations hooks 'realloc heap' arena_kib=64 allocator=pymalloc_debug
operations vmalloc 'realloc fronts heap' arena_kib=64 arena_source=vmalloc
try faults-at-unload unload_armed
try faults-every-point every_point_struck
try faults-memory no_memory_lost
try_leaks faults-kmemleak
