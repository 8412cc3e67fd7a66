#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# replay.sh: replays every trace in /traces with the modules in /modules, and
# looks at what is left afterwards.
#
# Each trace is replayed by two threads on two CPUs, each freeing the blocks
# of the other.  Traces in /traces/bad have to be refused.  One line a case,
# `ok NAME` or `not ok NAME - why`, between the marks of lib.sh; the exit
# status is 0 when all are ok.

. /guest/lib.sh
. /guest/debugfs.sh

failed=0

# judged NAME COMMAND...: a case is ok when its command has nothing to say.
judged()
{
	local name=$1 why
	shift

	why=$("$@" 2>&1 | tr '\n' ';' | sed 's/;$//; s/;/; /g')
	echo "${why:+not }ok $name${why:+ - $why}"
	[ -z "$why" ]
}

# With a mode's name at its end, if modes.sh has it run.
run_case()
{
	try "$1${replay_mode:+-$replay_mode}" judged "$@"
	[ "$(cat /tmp/case-status)" = 0 ] || failed=1
}

options()
{
	local option

	for option; do
		tell "$parameters/${option%=*}" "${option#*=}"
	done
}

# Why the heap is not as it was before anything was allocated.
residue()
{
	local blocks check arenas

	blocks=$(total $pyalloc/domains blocks)
	[ "$blocks" = 0 ] || echo "${blocks:-unknown} blocks are still live"
	check=$(head -n 1 $pyalloc/check)
	case $check in
	ok*) ;;
	*) echo "check says: $check" ;;
	esac
	tell $pyalloc/reclaim 1 || echo "reclaim can't be written to"
	arenas=$(total $pyalloc/heaps arenas)
	[ "$arenas" = 0 ] || echo "${arenas:-unknown} arenas after reclaim"
}

# Why the last run was not what it had to be.
fault_of_run()
{
	local count word

	for word in mismatches failures live_blocks; do
		count=$(cell $pyreplay/results $word)
		[ "$count" = 0 ] || echo "${count:-unknown} $word"
	done
	word=$(cell $pyreplay/results verdict)
	[ "$word" = ok ] || echo "the verdict is ${word:-missing}"
	count=$(cell $pyreplay/results crossed)
	[ "${count:-0}" -gt 0 ] || echo "no block was freed on another CPU"
}

replay_one()
{
	tell $pyreplay/traces "$1" || { echo "it was refused"; return; }
	tell $pyreplay/control start && tell $pyreplay/wait end ||
		{ echo "it can't be run"; return; }
	fault_of_run
	residue
}

refuse_one()
{
	! tell $pyreplay/traces "$1" || echo "it was taken for a trace"
}

hold_one()
{
	options hold=1
	tell $pyreplay/traces "$1" && tell $pyreplay/control start &&
		tell $pyreplay/wait peak || echo "no peak was reached"
	[ "$(total $pyalloc/domains blocks)" -gt 0 ] ||
		echo "nothing is live at the peak"
}

# Told to stop at the peak, it frees all that it holds.
stop_at_peak()
{
	hold_one "$1"
	tell $pyreplay/control stop || echo "it did not stop"
	residue
}

# The module leaves while it holds the most.
unload_at_peak()
{
	hold_one "$1"
	rmmod pyreplay || echo "it can't be unloaded"
	residue
}

no_trace()
{
	echo "there is no trace in /traces"
}

loaded pyalloc || load || exit 1
insmod /modules/pyreplay.ko threads=2 cross=1 verify=1 || exit 1

last=
for trace in /traces/*.trc; do
	[ -e "$trace" ] || continue
	run_case "replay-$(basename "$trace" .trc)" replay_one "$trace"
	last=$trace
done
for trace in /traces/bad/*.trc; do
	[ -e "$trace" ] || continue
	run_case "refuse-$(basename "$trace" .trc)" refuse_one "$trace"
done
if [ -n "$last" ]; then
	run_case replay-stop-at-peak stop_at_peak "$last"
	run_case replay-unload-at-peak unload_at_peak "$last"
else
	run_case replay no_trace
fi
! loaded pyreplay || rmmod pyreplay
unload || failed=1
exit $failed
