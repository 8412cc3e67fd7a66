#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# pictures.sh: what pictures.sh of the host draws.  Replays /traces/run.trc on
# every CPU with the modules in /modules and samples debugfs' table of heaps
# meanwhile; then replays it up to its peak, and /traces/end.trc, which is the
# same program, held where it ends.  After a line `== NAME` comes a file: the
# samples as CSV, and of both moments debugfs' files.

. /guest/lib.sh
. /guest/debugfs.sh

# The samples after the end and before reclaim.
idle_samples=40

give_up()
{
	echo "pictures.sh: $*"
	exit 1
}

# Prints `TIME,` and each row.  The shell alone does it: to start a program
# takes as long as ten samples.  The times are those since the start, in
# hundredths of a second.
sample()
{
	local now columns rest

	read -r now rest < /proc/uptime
	while read -r columns; do
		case $columns in
		'#'*) ;;
		*) with_commas "$now" $columns ;;
		esac
	done < $pyalloc/heaps
}

with_commas()
{
	local IFS=,

	echo "$*"
}

csv_header()
{
	head -n 1 $pyalloc/heaps | sed 's/^# */time,/; s/ /,/g'
}

sample_run()
{
	until [ -e /tmp/ended ]; do
		sample
	done
	for i in $(seq $idle_samples); do
		sample
	done
	tell $pyalloc/reclaim 1
	for i in $(seq $((idle_samples / 4))); do
		sample
	done
}

take_series()
{
	csv_header > /tmp/series
	sample >> /tmp/series
	sample_run >> /tmp/series &
	tell $pyreplay/control start && tell $pyreplay/wait end ||
		give_up "the replay did not end"
	touch /tmp/ended
	wait
	echo "== series.csv"
	cat /tmp/series
}

# take_moment NAME TRACE: where the trace holds the most.
take_moment()
{
	local file

	tell $parameters/hold 1 && tell $pyreplay/traces "$2" &&
		tell $pyreplay/control start && tell $pyreplay/wait peak ||
		give_up "the moment '$1' was not reached"
	for file in version heaps heap/default/arenas; do
		echo "== $1/$file"
		cat $pyalloc/$file
	done
	tell $pyreplay/control stop
	tell $pyalloc/reclaim 1
}

load || give_up "pyalloc.ko can't be loaded"
insmod /modules/pyreplay.ko traces=/traces/run.trc cross=1 ||
	give_up "pyreplay.ko can't be loaded"
take_series
take_moment peak /traces/run.trc
take_moment end /traces/end.trc
echo "== end"
