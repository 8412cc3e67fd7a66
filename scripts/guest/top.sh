# SPDX-License-Identifier: GPL-2.0
# pyalloctop, static, as /pyalloctop, with the module live: what it says when
# there is nothing to be read, that what it shows adds up, that a client shows
# up, and what it costs while a heap holds 1 GiB.
#
# top_seconds is how long the cost is watched (30).

. /guest/debugfs.sh

top_seconds=${top_seconds:-30}
pybench=/sys/kernel/debug/pybench
blocks=4000000
least_bytes=1000000000
TERM=linux
export TERM

# says WORDS COMMAND...: it fails with status 1, and says so in these words.
says()
{
	local words=$1 status=0
	shift

	"$@" > /tmp/said 2>&1 || status=$?
	cat /tmp/said
	[ $status = 1 ] && grep -qF -- "$words" /tmp/said
}

# === Nothing to be read ===

not_mounted()
{
	local status=0

	umount /sys/kernel/debug || return
	says 'debugfs is not mounted' /pyalloctop --once || status=1
	mount -t debugfs debugfs /sys/kernel/debug && return $status
}

not_loaded()
{
	says 'the module pyalloc is not loaded' /pyalloctop --once
}

not_root()
{
	mkdir -p /etc
	echo nobody:x:65534:65534::/:/bin/sh >> /etc/passwd
	says 'can be read by root only' su nobody -c '/pyalloctop --once'
}

not_traced()
{
	says "echo 1 > $pyalloc/trace/nframe" /pyalloctop --once --view sites
}

# It ends with its terminal given back when the module goes while it is watched.
goes_meanwhile()
{
	local status=0 pid

	/pyalloctop --json -d 0.1 > /tmp/watched 2> /tmp/said &
	pid=$!
	while [ "$(wc -l < /tmp/watched)" -lt 3 ]; do
		kill -0 $pid || return
		usleep 10000
	done
	rmmod pyalloc || return
	wait $pid || status=$?
	cat /tmp/said
	[ $status = 1 ] && grep -q 'not loaded' /tmp/said
}

# === What is shown ===

# The totals that --json has, as shell's variables.
totals()
{
	/pyalloctop --json | sed 's/.*"totals":{\([^}]*\)}.*/\1/; s/"//g; s/:/=/g; s/,/ /g'
}

adds_up()
{
	local held arenas live cached free raw metadata clients blocks \
	      heap_blocks raw_blocks

	eval "$(totals)"
	echo "held $held arenas $arenas live $live cached $cached raw $raw"
	[ "$held" = $((arenas + raw + metadata)) ] &&
		[ "$arenas" = $((live + cached + free)) ] &&
		[ "$clients" = $((live + raw)) ] &&
		[ "$blocks" = $((heap_blocks + raw_blocks)) ] &&
		[ "$arenas" = "$(total $pyalloc/heaps arena_bytes)" ] &&
		[ "$live" = "$(total $pyalloc/heaps bytes)" ] &&
		[ "$blocks" = "$(total $pyalloc/domains blocks)" ]
}

# A client's blocks, by the line that it has of the class.
client_shows_up()
{
	insmod /modules/pyhello.ko || return
	/pyalloctop --once --sort size > /tmp/shown
	cat /tmp/shown
	rmmod pyhello
	grep -q '^default  *[0-9]*  *104  *1  *1  *104 ' /tmp/shown
}

# The files that can be read, but for check; what is saved can be looked at.
saves()
{
	rm -rf /tmp/report
	/pyalloctop --save /tmp/report || return
	for file in version domains heaps types stats trace/nframe \
		    heap/default/classes heap/default/arenas; do
		[ -s "/tmp/report/$file" ] || { echo "no $file"; return 1; }
	done
	[ ! -e /tmp/report/check ] && [ ! -e /tmp/report/reclaim ] &&
		/pyalloctop --from /tmp/report --once --view map
}

# === What it costs ===

fill()
{
	echo "fragment mem n=$blocks" > $pybench/run || return
	cat $pyalloc/heaps
	[ "$(total $pyalloc/heaps bytes)" -ge $least_bytes ]
}

# Jiffies of user and system, of a process.
jiffies_of()
{
	sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'
}

uptime_ms()
{
	awk '{ printf "%.0f\n", $1 * 1000 }' /proc/uptime
}

# costs NAME TERMINAL OPTION...: less than one percent of a CPU, of which 100
# jiffies are a second.
costs()
{
	local name=$1 terminal=$2 start used took pid
	shift 2

	/pyalloctop -d 1 "$@" < "$terminal" > "$terminal" 2> /tmp/said &
	pid=$!
	start=$(uptime_ms)
	sleep "$top_seconds"
	used=$(jiffies_of $pid) || { cat /tmp/said; return 1; }
	took=$(($(uptime_ms) - start))
	kill $pid
	wait $pid
	awk -v name="$name" -v used="$used" -v took="$took" 'BEGIN {
		percent = used * 10 / took * 100
		printf "cost of %s: %.2f %% of a CPU (%d ms in %.1f s)\n",
			name, percent, used * 10, took / 1000
		exit percent >= 1
	}'
}

# A terminal that shows nothing is one for who writes to it.
set_terminal()
{
	stty -F /dev/tty1 rows "$1" cols "$2"
}

at_once()
{
	local status=0 pids='' pid

	costs "batch" /dev/null > /tmp/cost.1 & pids="$pids $!"
	costs "a screen of classes" /dev/tty1 > /tmp/cost.2 & pids="$pids $!"
	costs "a screen of types" /dev/tty2 --view types > /tmp/cost.3 &
	pids="$pids $!"
	for pid in $pids; do
		wait "$pid" || status=1
	done
	cat /tmp/cost.*
	return $status
}

# Is asked for by who looks at it, and may cost what it does.
map_costs()
{
	costs "a screen of the map" /dev/tty1 --view map || true
}

try top-not-mounted not_mounted
try top-not-loaded not_loaded
try top-load load
try top-not-root not_root
try top-not-traced not_traced
try top-adds-up adds_up
try top-client client_shows_up
try top-save saves
try top-goes goes_meanwhile
load && insmod /modules/pybench.ko
try top-fill fill
set_terminal 24 80
try top-adds-up-filled adds_up
try top-cost at_once
try top-cost-map map_costs
rmmod pybench
try top-unload unload
