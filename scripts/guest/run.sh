#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# run.sh [TRACE]: shows pyalloc at work.  Replays a recorded Python program on
# every CPU, with the modules in /modules, stops where the program holds the
# most, shows what debugfs says, lets it end, shows it again, unloads, and says
# what was seen.  TRACE is the first in /traces unless it is named.
#
# The exit status is 0 when all was as it should be.

. /guest/lib.sh
. /guest/debugfs.sh

screen=24

heading()
{
	printf '\n== %s ==\n' "$*"
}

# show FILE [TITLE]: a file of debugfs, cut to a screen.
show()
{
	local lines

	printf '\n-- %s%s --\n' "$1" "${2:+: $2}"
	[ -e "$1" ] || { echo "(not there)"; return; }
	head -n $screen "$1" | cut -c 1-110
	lines=$(wc -l < "$1")
	[ "$lines" -le $screen ] || echo "... $((lines - screen)) more lines"
}

# percent PART WHOLE
percent()
{
	awk -v part="$1" -v whole="$2" \
		'BEGIN { printf "%.1f %%", (whole > 0 ? 100 * part / whole : 0) }'
}

kib()
{
	echo "$((($1 + 512) / 1024)) KiB"
}

give_up()
{
	echo "run.sh: $*"
	exit 1
}

take_peak()
{
	name=$(cell $pyreplay/status trace)
	replayers=$(cell $pyreplay/status threads)
	asked_blocks=$(cell $pyreplay/status live_blocks)
	asked_bytes=$(cell $pyreplay/status live_bytes)
	heap_blocks=$(total $pyalloc/heaps blocks)
	heap_bytes=$(total $pyalloc/heaps bytes)
	heap_arenas=$(total $pyalloc/heaps arenas)
	arena_bytes=$(total $pyalloc/heaps arena_bytes)
	all_blocks=$(total $pyalloc/domains blocks)
}

show_all()
{
	show $pyreplay/status
	show $pyalloc/domains "who asked"
	show $pyalloc/heaps "what is held"
	show $pyalloc/stats "where every byte is"
	show $pyalloc/heap/default/classes "the size classes"
	show $pyalloc/heap/default/arenas "the arenas"
}

take_end()
{
	ops=$(cell $pyreplay/results ops)
	ns_per_op=$(cell $pyreplay/results ns_per_op)
	crossed=$(cell $pyreplay/results crossed)
	mismatches=$(cell $pyreplay/results mismatches)
	verdict=$(cell $pyreplay/results verdict)
	left_blocks=$(total $pyalloc/domains blocks)
	check=$(head -n 1 $pyalloc/check)
	tell $pyalloc/reclaim 1
	left_arenas=$(total $pyalloc/heaps arenas)
}

as_it_should_be()
{
	[ "$verdict" = ok ] && [ "$mismatches" = 0 ] &&
		[ "$left_blocks" = 0 ] && [ "$left_arenas" = 0 ] &&
		[ "$unloaded" = yes ] && [ "${check#ok}" != "$check" ]
}

say_what_was_seen()
{
	heading "What was seen"
	echo "The Python program '$name' ran $replayers times at once in Linux $(uname -r),"
	echo "one copy a CPU, through pyalloc instead of CPython's own allocator."
	echo
	echo "At its peak the copies held $asked_blocks blocks of $(kib "$asked_bytes") in all, as they asked"
	echo "for them; pyalloc counted $all_blocks. Of these, $heap_blocks were small: they stood in"
	echo "the heap with $(kib "$heap_bytes"), in $heap_arenas arenas of $(kib "$arena_bytes") in all, so that"
	echo "$(percent "$heap_bytes" "$arena_bytes") of the arenas was in use. The others were the kernel's own kmalloc's."
	echo
	echo "They did $ops allocations, resizes and frees, at $ns_per_op ns each with every"
	echo "block filled and checked (in an emulated CPU, unless this is a real one)."
	echo "$crossed blocks were freed on another CPU than the one they came from."
	echo "$mismatches blocks did not hold what was written to them."
	echo
	echo "When the program had ended, $left_blocks blocks were left, the check of every arena, pool"
	echo "and front said '${check%%:*}', and after reclaim $left_arenas arenas were left."
	echo "The modules unloaded: $unloaded."
}

trace=${1:-$(ls /traces/*.trc 2> /dev/null | head -n 1)}
[ -n "$trace" ] || give_up "there is no trace in /traces"

heading "Loading pyalloc and its client, pyreplay"
[ -d /sys/module/pyalloc ] || insmod /modules/pyalloc.ko ||
	give_up "pyalloc.ko can't be loaded"
insmod /modules/pyreplay.ko traces="$trace" cross=1 hold=1 ||
	give_up "pyreplay.ko can't be loaded"
lsmod | grep -E '^(Module|py)'
show $pyreplay/traces "the recorded program"

heading "The program is live, at its peak"
tell $pyreplay/control start || give_up "the replay can't be started"
tell $pyreplay/wait peak || give_up "the peak was not reached"
take_peak
show_all

heading "The program has ended"
tell $pyreplay/control continue && tell $pyreplay/wait end ||
	give_up "the replay did not end"
show $pyreplay/results
show $pyalloc/domains "who asked"
show $pyalloc/heaps "what is still held, for next time"
show $pyalloc/check
take_end
show $pyalloc/heaps "after reclaim"

unloaded=yes
rmmod pyreplay && rmmod pyalloc || unloaded=no
say_what_was_seen
as_it_should_be
