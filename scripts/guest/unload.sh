# SPDX-License-Identifier: GPL-2.0
# A hundred rounds of loading, torture and unloading, with frees that wait for
# a grace period, frees that were parked, blocks and files that are held, and a
# reader that never stops, lose no memory.

. /guest/debugfs.sh

unload_rounds=100
# A leak of one page a round is 400 KiB.  See reload.sh for what moves free
# memory besides; here threads and processes come and go as well.
unload_tolerance=320
! is_slow || unload_tolerance=8192

reading=/tmp/unload-reading

# Whatever there is, again and again.
read_on()
{
	while [ -e $reading ]; do
		for file in $debugfs/* $debugfs/heap/default/* $pytorture/*; do
			[ ! -f "$file" ] || cat "$file"
		done > /dev/null 2>&1
	done
}

# gone MODULE: a file that is being read keeps it, but not for long.
gone()
{
	local tries=500

	while ! rmmod "$1" 2> /dev/null; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] && continue
		echo "$1 does not leave:"
		lsmod
		return 1
	done
}

# One that is open keeps it as long as it is.
held_open()
{
	exec 3< $debugfs/heap/default/arenas
	read -r line <&3
	if rmmod pytorture 2> /dev/null && rmmod pyalloc 2> /dev/null; then
		echo "it left while a file of its was open"
		return 1
	fi
	read -r line <&3
	exec 3<&-
}

# The run is still going on when it has to go.
unload_round()
{
	load_torture && set_torture threads=1 hotplug=0 "seed=$1" || return
	echo "hold 1000 kernel" > $pytorture/control &&
		echo "op rcu" > $pytorture/control &&
		echo "run 1000000000" > $pytorture/control || return
	held_open && { ! loaded pytorture || gone pytorture; } && gone pyalloc
}

unload_many()
{
	local before after i status=0

	touch $reading
	read_on &
	# In the first ones the kernel's caches grow: by half a MiB on two CPUs.
	for i in $(seq 20); do
		unload_round "$i" || status=1
	done
	before=$(free_kib)
	i=0
	while [ $i -lt $unload_rounds ] && [ $status = 0 ]; do
		i=$((i + 1))
		unload_round $i || { echo "in round $i"; status=1; }
	done
	after=$(free_kib)
	rm $reading
	wait
	echo "free: $before KiB before, $after KiB after $i rounds"
	[ $((before - after)) -le $unload_tolerance ] && return $status
}

no_report()
{
	! dmesg | grep -E 'pytorture: FAILED|pyalloc: unloaded with'
}

begin_leaks
try unload unload_many
try unload-no-report no_report
try_leaks unload-kmemleak
