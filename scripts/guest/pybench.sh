# SPDX-License-Identifier: GPL-2.0
# pybench, as a thing to be tested: every workload runs with every allocator
# that it takes, with as little to do as it can have; what makes no sense is an
# error and leaves no row; a run that goes on is not disturbed; and the module
# leaves nothing behind, whatever it held.
#
# /traces/made/small.trc is a trace to replay, those in /traces/bad have to be
# refused; what needs them is left out where they are not.

. /guest/debugfs.sh

pybench=/sys/kernel/debug/pybench
trace=/traces/made/small.trc
faults=/sys/kernel/debug/failslab
TAB=$(printf '\t')
slow=
! grep -q ' kasan_report$' /proc/kallsyms || slow='s/.* //'

load_bench()
{
	load && insmod /modules/pybench.ko
}

# Nothing is live in pyalloc, and no arena is left.
nothing_left()
{
	local blocks arenas

	blocks=$(total $pyalloc/domains blocks)
	tell $pyalloc/reclaim 1
	arenas=$(total $pyalloc/heaps arenas)
	[ "$blocks" = 0 ] && [ "$arenas" = 0 ] && check_ok && return
	echo "$blocks blocks and $arenas arenas are left"
	return 1
}

unload_bench()
{
	rmmod pybench && nothing_left && unload
}

# === What is asked for ===

# keys WORKLOAD: the keys that take a number, with their least and greatest.
keys()
{
	awk -v workload="$1" '
		$1 != workload { next }
		{
			for (i = 2; i < NF; i++) {
				if ($(i + 1) !~ /^\(/)
					continue
				sub(/=.*/, "", $i)
				print $i, substr($(i + 1), 2) + 0, $(i + 3) + 0
			}
		}' $pybench/list
}

# least WORKLOAD: all of its keys, each with the least to do.
least()
{
	keys "$1" | while read -r key min _; do
		printf '%s=%s ' "$key" "$min"
	done
	case $1 in
	# The smallest blocks would be the most.
	oscillate) printf 'size=512' ;;
	read) printf 'path=%s' $pyalloc/stats ;;
	esac
}

workloads()
{
	sed -n 's/^\([a-z][^ :]*\) .*/\1/p' $pybench/list
}

allocators()
{
	sed -n "s/^$1 \([^:]*\):.*/\1/p" $pybench/list
}

# Which of a workload's allocators are tried.  A kernel that looks at each
# access takes minutes for what the kernel's own allocators do in some loops.
allocators_for_all()
{
	case $1 in
	trace | fragment | larson | cache-scratch) allocators "$1" ;;
	*) allocators "$1" | sed "$slow" ;;
	esac
}

# === Runs ===

# Each row is of the workload and the allocator and ends with a number.
good_rows()
{
	awk -F "$TAB" -v workload="${1%s}" -v allocator="$2" '
		/^#/ { wrong += /missing/; next }
		NF != 5 || index($1, workload) != 1 || $2 != allocator ||
		$3 !~ /^[1-9][0-9]*$/ || $4 !~ /^[a-z_]+$/ ||
		$5 !~ /^-?[0-9]+(\.[0-9][0-9])?$/ {
			print "this is no row: " $0
			wrong++
		}
		{ rows++ }
		END { exit wrong > 0 || rows == 0 }' $pybench/results &&
		return
	echo "'$1 $2' has no good rows"
	return 1
}

# What was held goes, and says so.
release_held()
{
	case $1 in
	fragment | peak)
		tell $pybench/run release && good_rows "$@" &&
			grep -q -e '-empty' $pybench/results
		;;
	esac
}

# run_with WORKLOAD ALLOCATOR [KEY=VALUE...]
run_with()
{
	tell $pybench/results 0
	tell $pybench/run "$*" || {
		echo "'$*' failed"
		return 1
	}
	good_rows "$1" "$2" && release_held "$1" "$2"
}

run_least()
{
	# shellcheck disable=SC2046 # words
	run_with "$1" "$2" $(least "$1") && nothing_left
}

# Options that the least of each do not show.
run_others()
{
	local order

	for order in lifo fifo shuffled; do
		run_with live mem rounds=1 n=7 order=$order || return
	done
	run_with pair kmalloc constant rounds=1 &&
		run_with growth mem n=1001 laps=1 rounds=1 &&
		run_with trace mem small rounds=1 &&
		run_with larson mem n=3 eras=5 ops=100 rounds=2 && nothing_left
}

# === What is refused ===

# turned_down FILE TEXT: it is an error.
turned_down()
{
	tell "$pybench/$1" "$2" || return 0
	echo "$1 took '$(printf '%.60s' "$2")'"
	return 1
}

# turned_down_from FILE SOURCE: so is all of a file at once.
turned_down_from()
{
	dd if="$2" of="$pybench/$1" bs=200000 count=1 conv=notrunc \
		2> /dev/null || return 0
	echo "$1 took $2"
	return 1
}

# With a row in the table and a trace loaded, neither of which may change.
no_change()
{
	local status

	run_with pair mem rounds=1 || return
	cat $pybench/results $pybench/trace > /tmp/before
	"$@"
	status=$?
	cat $pybench/results $pybench/trace > /tmp/after
	diff /tmp/before /tmp/after && nothing_left && return $status
}

# Out of its range, and what is no number.
refuse_key()
{
	local text="$1 $2" key=$3 min=$4 max=$5 value

	for value in $((min - 1)) $((max + 1)) -1 4294967296 4294967297 \
		     18446744073709551617 "" x 1x 0x 1,2; do
		turned_down run "$text $key=$value" || return
	done
	turned_down run "$text =$min" && turned_down run "$text $key$key=$min"
}

refuse_keys()
{
	local workload allocator

	workloads > /tmp/workloads
	while read -r workload; do
		allocator=$(allocators "$workload" | sed 's/.* //')
		keys "$workload" > /tmp/keys
		while read -r key min max; do
			refuse_key "$workload" "$allocator" "$key" "$min" \
				"$max" || return
		done < /tmp/keys
	done < /tmp/workloads
}

refuse_requests()
{
	local text

	for text in "" " " mem garbage "garbage mem" pair "pair " "pair pair" \
		    "pair MEM" "Pair mem" "pair mem garbage" "pair mem n=1" \
		    "pair mem rounds" "pair mem rounds=1 rounds=0" \
		    "pair mem constant size=8" "pair cache-bulk" "bulk mem" \
		    "bulk mempool" "read kmalloc path=$pyalloc/stats" \
		    "trace mempool" "live mem order" "live mem order=" \
		    "live mem order=random" "pair mem order=lifo" \
		    "pair mem path=$pyalloc/stats" "read mem" \
		    "read mem path=" "read mem path" release "release 0" \
		    "release 100" "released" "list" "%s%n" "../../pair mem"; do
		# A key by itself is 1, which rounds may be.
		[ "$text" != "pair mem rounds" ] || continue
		turned_down run "$text" || return
	done
}

# What can't be read that way, and what has no end.
refuse_files()
{
	local path

	for path in /nonexistent / /proc $pyalloc $pybench/run $pybench/results \
		    $pybench/trace $pyalloc/reclaim /guest/lib.sh /dev; do
		turned_down run "read mem mib=1 rounds=1 path=$path" || return
	done
}

refuse_huge()
{
	head -c 100000 /dev/zero > /tmp/zero
	head -c 100000 /dev/zero | tr '\0' x > /tmp/huge
	head -c 100000 /dev/zero | tr '\0' ' ' > /tmp/blank
	head -c 4096 /tmp/huge > /tmp/page
	{ printf 'pair mem '; cat /tmp/huge; } > /tmp/request
	for file in run trace; do
		for text in zero huge blank page request; do
			turned_down_from $file /tmp/$text || return
		done
	done
}

refuse_paths()
{
	local path

	for path in "" " " /nonexistent / /proc /dev/null /dev/zero \
		    /proc/version /guest /guest/lib.sh guest/lib.sh \
		    $pybench/results "$(printf '%4000s' / | tr ' ' x)"; do
		turned_down trace "$path" || return
	done
}

refuse_traces()
{
	local file

	head -c 600 "$trace" > /tmp/short.trc
	head -c 511 "$trace" > /tmp/header.trc
	{ cat "$trace"; echo; } > /tmp/long.trc
	: > /tmp/empty.trc
	for file in /tmp/*.trc /traces/bad/*.trc; do
		turned_down trace "$file" || return
	done
}

no_trace_yet()
{
	turned_down run "trace mem" && turned_down run "peak mem" &&
		[ "$(grep -vc '^#' $pybench/trace)" = 0 ]
}

take_trace()
{
	tell $pybench/trace $trace && tell $pybench/trace " $trace " &&
		grep '^small all 2000 ' $pybench/trace &&
		grep '^small small ' $pybench/trace
}

# A trace of one request, for 1000 bytes: nothing of it is small.
make_large_trace()
{
	printf 'PYATRC01\0\2\0\0\0\0\0\0\2\0\0\0\2\0\0\0\1\0\0\0\1\0\0\0'
	head -c 8 /dev/zero
	printf '\1\0\0\0\0\0\0\0\350\3\0\0\0\0\0\0\0\0\0\0\151\243\014\134'
	printf '\350\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0large'
	head -c 427 /dev/zero
	printf '\350\3\0\100\0\0\0\0'
}

nothing_small()
{
	make_large_trace > /tmp/large.trc
	tell $pybench/trace /tmp/large.trc || return
	run_with trace mem rounds=1 && run_with peak mem || return
	tell $pybench/results 0
	turned_down run "trace mem small rounds=1" || return
	[ "$(grep -vc '^#' $pybench/results)" = 0 ] && nothing_left
}

# === What is held ===

hold()
{
	tell $pybench/run release
	run_with pair mem rounds=1 && tell $pybench/run "fragment $1 n=1000"
}

# Nothing else can run, and a share of it can go.
held_until_released()
{
	hold "$1" || return
	for text in "pair mem" "fragment $1 n=1" "peak $1" "release 101" \
		    "release x" "release -1" "release 4294967296" \
		    "release 50 50" "release percent=50"; do
		turned_down run "$text" || return
	done
	tell $pybench/run "release 50" &&
		grep "^fragment-thin.*blocks${TAB}500\$" $pybench/results &&
		tell $pybench/run "release 0" &&
		tell $pybench/run "release 100" &&
		grep "^fragment-empty.*blocks${TAB}0\$" $pybench/results &&
		turned_down run release && nothing_left
}

# What is held goes with the module, and pyalloc can go as well.
unload_held()
{
	local seen

	seen=$(dmesg | grep -c 'unloaded with')
	hold "$1" && unload_bench &&
		[ "$(dmesg | grep -c 'unloaded with')" = "$seen" ] &&
		load_bench
}

# === Meanwhile ===

begin_long_run()
{
	tell $pybench/run 'glibc-simple mem rounds=100' &
	run=$!
	while cat $pybench/results > /dev/null 2>&1; do
		kill -0 $run 2> /dev/null && continue
		echo "the run did not last"
		return 1
	done
}

# The table is not to be had, nor another run; the list is.
disturb()
{
	local text

	for text in "pair mem rounds=1" release "fragment mem n=1"; do
		turned_down run "$text" || return
	done
	turned_down trace $trace && turned_down results 0 &&
		refused cat $pybench/trace && refused cat $pybench/results &&
		[ "$(wc -l < $pybench/list)" -gt 10 ]
}

meet_a_run()
{
	local run status

	tell $pybench/results 0
	begin_long_run && disturb
	status=$?
	kill -KILL $run
	wait $run
	[ "$(grep -vc '^#' $pybench/results)" = 0 ] && nothing_left &&
		return $status
}

# A file without an end is read until somebody has had enough.
read_without_end()
{
	local run

	tell $pybench/run 'read mem mib=1 rounds=1 path=/dev/zero' &
	run=$!
	while cat $pybench/results > /dev/null 2>&1; do
		kill -0 $run 2> /dev/null || return 0
	done
	kill -KILL $run
	wait $run
	nothing_left
}

# === Without memory ===

# Each allocation of a run fails in its turn: the run does, and loses nothing.
short_of_memory()
{
	local n left held=

	for n in $(seq 1 60); do
		echo "$n" > /proc/self/fail-nth
		tell $pybench/run "$*" && held=yes
		read -r left < /proc/self/fail-nth
		echo 0 > /proc/self/fail-nth
		[ -z "$held" ] || tell $pybench/run release
		held=
		[ "$left" = 0 ] || break
	done
	echo "$n allocations failed"
	tell $pybench/results 0
	nothing_left
}

try_short_of_memory()
{
	local workload

	echo N > $faults/ignore-gfp-wait
	echo 0 > $faults/verbose
	# The one is pair 64 times, the other takes a minute here.
	workloads | grep -vx -e sizes -e sh6bench > /tmp/workloads
	while read -r workload; do
		try "pybench-short-$workload" short_of_memory "$workload" \
			"$(allocators "$workload" | sed 's/.* //')" \
			"$(least "$workload")"
	done < /tmp/workloads
	echo Y > $faults/ignore-gfp-wait
}

# Nobody asks for it: of what a heap left free most goes in some seconds, though
# a block in a hundred stays.
shrinks_by_itself()
{
	local large now i

	tell $pybench/run 'fragment mem n=20000' || return
	large=$(total $pyalloc/heaps arena_bytes)
	tell $pybench/run 'release 99' || return
	for i in $(seq 30); do
		now=$(total $pyalloc/heaps arena_bytes)
		[ "$now" -gt $((large / 2)) ] || break
		sleep 1
	done
	tell $pybench/run release
	echo "$large bytes, and $now after $i looks"
	[ "$now" -le $((large / 2)) ]
}

# === The cases ===

load
for clock in "" foo NS instructions,ns; do
	try "pybench-refuses-clock=$clock" refused \
		insmod /modules/pybench.ko "clock=$clock"
done
insmod /modules/pybench.ko
if [ -e $trace ]; then
	try pybench-no-trace no_change no_trace_yet
	try pybench-trace take_trace
fi
workloads > /tmp/all
while read -r workload; do
	case $workload in
	trace | peak) [ -e $trace ] || continue ;;
	esac
	for allocator in $(allocators_for_all "$workload"); do
		try "pybench-$workload-$allocator" run_least "$workload" \
			"$allocator"
	done
done < /tmp/all
[ ! -e $trace ] || try pybench-others run_others
try pybench-refuses-keys no_change refuse_keys
try pybench-refuses-requests no_change refuse_requests
try pybench-refuses-files no_change refuse_files
try pybench-refuses-huge no_change refuse_huge
try pybench-refuses-paths no_change refuse_paths
[ ! -e $trace ] || try pybench-refuses-traces no_change refuse_traces
for allocator in kmalloc cache mem; do
	try "pybench-holds-$allocator" held_until_released "$allocator"
	try "pybench-unloads-$allocator" unload_held "$allocator"
done
[ ! -e $trace ] || tell $pybench/trace $trace
try pybench-meanwhile meet_a_run
try pybench-without-end read_without_end
[ ! -e $faults ] || try_short_of_memory
try pybench-shrinks-by-itself shrinks_by_itself
try pybench-nothing-small nothing_small
try pybench-unload unload_bench
