# SPDX-License-Identifier: GPL-2.0
# Everything at once: pytorture runs, while every file of debugfs is read by
# eight and written to by one, and the shrinker is called again and again.
#
# How many operations it does follows from the kernel's speed, or is said on
# its command line: torture_ops=N.  torture_seed=N has another seed than 1.

. /guest/debugfs.sh

# word NAME DEFAULT: what the kernel's command line says.
word()
{
	local value

	value=$(tr ' ' '\n' < /proc/cmdline | sed -n "s/^$1=//p" | tail -n 1)
	echo "${value:-$2}"
}

torture_ops=1000000
! is_slow || torture_ops=100000
torture_ops=$(word torture_ops $torture_ops)
torture_seed=$(word torture_seed 1)
readers=8
# Of 64 bits, but for User-Mode Linux's, which look like any number.
raw_address='(^|[^0-9a-f])ffff[0-9a-f]{12}($|[^0-9a-f])'

# === What goes on meanwhile ===

under_way=/tmp/torture-under-way

read_all()
{
	while [ -e $under_way ]; do
		while read -r file; do
			cat "$file"
		done < /tmp/files > /dev/null 2>&1
	done
}

# The first reader looks for addresses, too.
read_for_addresses()
{
	while [ -e $under_way ]; do
		while read -r file; do
			cat "$file"
		done < /tmp/files 2> /dev/null | grep -E "$raw_address"
	done > /tmp/addresses
}

write_garbage()
{
	while [ -e $under_way ]; do
		while read -r file; do
			for text in garbage "" -1 99999999999999999999 "1 1"; do
				echo "$text" > "$file" &&
					echo "$file took '$text'" >&3
			done
		done < /tmp/files 2> /dev/null
		echo 1 > $debugfs/reclaim
	done 3> /tmp/taken
}

shrink()
{
	local scan

	# 4 keeps it from telling the log each time.
	echo 4 > /proc/sys/vm/drop_caches
	while [ -e $under_way ]; do
		echo 2 > /proc/sys/vm/drop_caches
		for scan in /sys/kernel/debug/shrinker/pyalloc-*/scan; do
			[ ! -e "$scan" ] || echo "0 0 100" > "$scan"
		done
	done
}

# Tracing starts, is cleared and read, and stops, of all and of a sample.  CPUs
# that QEMU emulates may stumble over code that is being patched while they run
# it: there the fast path is kept closed by a tracepoint that lets nothing
# through.  What is traced at the end is from then on.
events=/sys/kernel/tracing/events/pyalloc

may_toggle()
{
	grep -q 'User Mode Linux' /proc/cpuinfo && return
	[ -d $events ] || mount -t tracefs none /sys/kernel/tracing \
		2> /dev/null
	# See trace.sh.
	[ -d $events ] && echo 0 > /sys/kernel/tracing/options/record-cmd &&
		echo 'domain == 99' > $events/pyalloc_free/filter &&
		echo 1 > $events/pyalloc_free/enable
}

toggle_trace()
{
	local turn=0

	while [ -e $under_way ]; do
		turn=$((turn + 1))
		echo $((turn % 3 * 4096)) > $debugfs/trace/sample_bytes
		echo $((turn % 2 * 7 + 1)) > $debugfs/trace/nframe
		cat $debugfs/trace/snapshot $debugfs/trace/statistics
		echo 1 > $debugfs/trace/clear
		echo 1 > $debugfs/trace/reset_peak
		cat $debugfs/trace/modules $debugfs/trace/traced
		echo 0 > $debugfs/trace/nframe
	done > /dev/null 2>&1
	echo $turn > /tmp/trace-turns
}

start_others()
{
	local i

	touch $under_way
	read_for_addresses &
	i=1
	while [ $i -lt $readers ]; do
		read_all &
		i=$((i + 1))
	done
	write_garbage &
	shrink &
	echo 1 > /tmp/trace-turns
	! may_toggle || toggle_trace &
}

torture()
{
	local status=0

	start_others
	torture_run "$torture_ops" || status=1
	rm $under_way
	wait
	cat /tmp/taken
	[ ! -s /tmp/taken ] && [ $status = 0 ]
}

# === What is looked at afterwards ===

# at_least COLUMN NUMBER
at_least()
{
	local seen

	seen=$(cell $pytorture/results "$1")
	[ "${seen:-0}" -ge "$2" ] || echo "$1 is ${seen:-missing}"
}

# Was everybody there?
all_took_part()
{
	{
		for column in mallocs frees reallocs bulks rcu irq reclaims checks; do
			at_least $column 1
		done
		grep -q NMI: /proc/interrupts && at_least nmi 1
		has_hotplug && at_least hotplugs 1
		[ "$(cell $pytorture/results mallocs)" = \
		  "$(cell $pytorture/results frees)" ] ||
			echo "not all that was had is freed"
	} > /tmp/absent
	cat /tmp/absent
	[ ! -s /tmp/absent ]
}

one_pool_a_hold()
{
	cat $debugfs/check
	grep -q '^ok: .* at most 1 pools a lock hold' $debugfs/check
}

# same WHAT NUMBER NUMBER
same()
{
	[ "$2" = "$3" ] && return
	echo "$1: $2 and $3"
	return 1
}

# The account of every byte in stats.
bytes_add_up()
{
	awk '
		/^# bytes (in|lost)/ { sum += $NF; n++ }
		/^Total/ { total = $NF }
		END {
			print n " items, " sum " bytes of " total
			exit n != 6 || sum != total || total == 0
		}' $debugfs/stats
}

figures_agree_now()
{
	local foreign classes=$debugfs/heap/default/classes
	local arenas=$debugfs/heap/default/arenas

	foreign=$(cat /tmp/foreign)
	same "blocks of domains and heaps" \
		$(($(total $debugfs/domains blocks) + foreign)) \
		"$(total $debugfs/heaps blocks)" &&
		same "blocks of classes and heaps" \
			"$(total $classes blocks)" "$(total $debugfs/heaps blocks)" &&
		same "mallocs less frees of classes, and blocks" \
			$(($(total $classes mallocs) - $(total $classes frees))) \
			"$(total $debugfs/heaps blocks)" &&
		same "cached blocks" "$(total $classes cached)" \
			"$(total $debugfs/heaps cached_blocks)" &&
		same "pools of classes and heaps" \
			"$(total $classes pools)" "$(total $debugfs/heaps pools)" &&
		same "pools of arenas and heaps" \
			"$(total $arenas pools)" "$(total $debugfs/heaps pools)" &&
		same "arenas" "$(grep -vc '^#' $arenas)" \
			"$(total $debugfs/heaps arenas)" &&
		same "bytes of arenas" $(($(total $arenas kib) * 1024)) \
			"$(total $debugfs/heaps arena_bytes)"
}

# Depots and arenas fade away while the files are read one by one, once a second
# and not for long: figures that are wrong stay so.
figures_agree()
{
	local tries=20

	until figures_agree_now > /tmp/figures; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] && continue
		cat /tmp/figures
		return 1
	done
}

# With blocks of all classes live.
figures_with_blocks()
{
	echo "hold 20000 kernel" > $pytorture/control && figures_agree &&
		same "held blocks" 20000 "$(total $debugfs/heaps blocks)" &&
		bytes_add_up && one_pool_a_hold
}

nothing_left()
{
	echo release > $pytorture/control && echo 1 > $debugfs/reclaim &&
		same "blocks" 0 "$(total $debugfs/heaps blocks)" &&
		same "arenas" 0 "$(total $debugfs/heaps arenas)" && figures_agree
}

no_addresses()
{
	{
		cat /tmp/addresses
		while read -r file; do
			cat "$file"
		done < /tmp/files 2> /dev/null | grep -E "$raw_address"
		dmesg | grep -E 'py(alloc|torture)' | grep -E "$raw_address"
	} > /tmp/shown
	cat /tmp/shown
	[ ! -s /tmp/shown ]
}

# What the kernel says to a caller who asks for the wrong thing, and is no
# report.
no_complaints()
{
	! dmesg | grep -E 'Unexpected gfp|page allocation failure|pytorture: FAILED'
}

alone()
{
	torture_run 50000 > /dev/null || return
	grep -v '^#' $pytorture/results
}

same_seed_same_row()
{
	local first second

	set_torture threads=1 interrupts=0 hotplug=0 "seed=$torture_seed" ||
		return
	first=$(alone) && second=$(alone) || return
	echo "$first"
	same "two rows" "$first" "$second" &&
		same "nulls" 0 "$(cell $pytorture/results nulls)" || return
	# Another seed has another row.
	set_torture "seed=$((torture_seed + 1))"
	second=$(alone) || return
	[ "${first#* }" != "${second#* }" ]
}

# What kmalloc() gave and pyalloc freed is counted below 0.
held_is_traced()
{
	local before

	before=$(total $debugfs/domains bytes)
	echo "hold 20000 kernel" > $pytorture/control &&
		same "bytes traced and held" \
			"$(cell $debugfs/trace/traced current)" \
			$(($(total $debugfs/domains bytes) - before))
}

# Of all that is allocated and freed, in every context, nothing is left over,
# and what is held is traced to the byte.  What could not be traced, and waits
# for a grace period, is soon gone.
traced_to_the_byte()
{
	local tries=20

	set_torture threads=0 interrupts=1 hotplug=1 "seed=$torture_seed"
	echo 0 > $debugfs/trace/sample_bytes &&
		echo 1 > $debugfs/trace/nframe || return
	torture_run $((torture_ops / 10)) || return
	cat $debugfs/trace/traced
	until held_is_traced; do
		echo release > $pytorture/control
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return
	done
	echo release > $pytorture/control &&
		same "bytes traced" 0 "$(cell $debugfs/trace/traced current)" &&
		same "blocks traced" 0 "$(cell $debugfs/trace/traced blocks)" &&
		echo 0 > $debugfs/trace/nframe
}

trace_was_toggled()
{
	echo "$(cat /tmp/trace-turns) times"
	[ "$(cat /tmp/trace-turns)" -ge 1 ]
}

begin_leaks
try torture-load load_torture
if loaded pytorture; then
	find $debugfs $pytorture -type f ! -name control ! -name wait \
		> /tmp/files
	set_torture "seed=$torture_seed"
	try torture torture
	cell $pytorture/results foreign > /tmp/foreign
	try torture-all-took-part all_took_part
	try torture-check check_ok
	try torture-figures figures_agree
	try torture-figures-with-blocks figures_with_blocks
	try torture-nothing-left nothing_left
	try torture-no-addresses no_addresses
	try torture-trace-toggled trace_was_toggled
	try torture-traced traced_to_the_byte
	try torture-repeats same_seed_same_row
	try torture-no-complaints no_complaints
	try torture-unload unload_torture
fi
try_leaks torture-kmemleak
