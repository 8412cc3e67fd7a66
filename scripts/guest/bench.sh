# SPDX-License-Identifier: GPL-2.0
# Benchmarks, in groups: bench_pairs, bench_sizes, bench_live, bench_bulk,
# bench_growth, bench_threads, bench_traces, bench_memory, bench_reads,
# bench_hooks.
# Sourced; a group's status is 0 when all of it could be measured.
#
# Each figure is a line, whose parts behind `bench: ` are parted by tabs:
#
#   bench: WORKLOAD ALLOCATOR CPUS METRIC VALUE
#
# CLOCK says what time is measured in, and comes with the kernel's command
# line: ns, or instructions, where the machine counts these.

. /guest/debugfs.sh

pybench=/sys/kernel/debug/pybench
traces=/traces

# bench_load [PARAMETER...]
bench_load()
{
	load "$@" && insmod /modules/pybench.ko clock="${CLOCK:-ns}"
}

bench_unload()
{
	rmmod pybench && unload
}

lock_holds()
{
	sed -n 's/^# node lock holds *= *//p' $pyalloc/stats
}

arenas_taken()
{
	sed -n 's/^# arenas allocated total *= *//p' $pyalloc/stats
}

arenas_reclaimed()
{
	sed -n 's/^# arenas reclaimed *= *//p' $pyalloc/stats
}

# What pyalloc holds, all in all.
held_bytes()
{
	echo $(($(total $pyalloc/heaps arena_bytes) +
		$(total $pyalloc/heaps metadata_bytes)))
}

# row WORKLOAD ALLOCATOR METRIC VALUE: of one CPU, and not pybench's own.
row()
{
	printf 'bench: %s\t%s\t1\t%s\t%s\n' "$@"
}

# The rows of the last run, and what pyalloc alone can add to them: how many
# operations there were for each time that a lock was taken, and what it holds.
show_rows()
{
	awk -F '\t' -v OFS='\t' -v holds="$1" -v held="$(held_bytes)" '
		/^#/ { next }
		{ print "bench: " $0 }
		$2 == "mem" && $4 == "calls" {
			$4 = "ops_per_hold"
			$5 = sprintf("%.1f", $5 / (holds > 0 ? holds : 1))
			print "bench: " $0
		}
		$2 == "mem" && $4 == "requested_bytes" {
			$4 = "held_bytes"
			$5 = held
			print "bench: " $0
		}' $pybench/results
	tell $pybench/results 0
}

# measure WORKLOAD ALLOCATOR [KEY=VALUE...], or measure release [PERCENT]
measure()
{
	local before status=0

	before=$(lock_holds)
	tell $pybench/run "$*" || status=1
	show_rows $(($(lock_holds) - before))
	[ $status = 0 ] || echo "'$*' failed"
	return $status
}

# measured_by 'ALLOCATOR...' WORKLOAD [KEY=VALUE...]: with each of them.
measured_by()
{
	local allocators=$1 workload=$2 allocator status=0
	shift 2

	for allocator in $allocators; do
		measure "$workload" "$allocator" "$@" || status=1
	done
	return $status
}

# in_fresh_state COMMAND...: with modules that have done nothing yet.
in_fresh_state()
{
	local status=0

	bench_load || return
	"$@" || status=1
	bench_unload && return $status
}

measure_pairs()
{
	local status=0

	measured_by 'none kmalloc cache mempool mem' pair || status=1
	measured_by 'none kmalloc mem' pair constant || status=1
	return $status
}

measure_live()
{
	local n order status=0

	for n in 16 256 4096; do
		for order in lifo fifo shuffled; do
			measured_by 'none kmalloc cache mempool mem' \
				live n=$n order=$order || status=1
		done
	done
	return $status
}

measure_threads()
{
	local workload status=0

	for workload in larson xmalloc-test sh6bench cache-scratch \
			glibc-simple; do
		measured_by 'kmalloc cache mem' $workload || status=1
	done
	return $status
}

measure_traces()
{
	local trace status=0

	for trace in "$traces"/*.trc; do
		tell $pybench/trace "$trace" || status=1
		measured_by 'none kmalloc cache mem' trace || status=1
	done
	return $status
}

# Empty slabs that lie ready would be used first, and not be seen to grow.
shrink_slabs()
{
	local file

	for file in /sys/kernel/slab/*/shrink; do
		tell "$file" 1
	done
}

# measure_peak TRACE ALLOCATOR
measure_peak()
{
	shrink_slabs
	tell $pybench/trace "$1" && measure peak "$2" && measure release
}

# reclaim ALLOCATOR WORKLOAD: what pyalloc holds when it was asked to give back.
reclaim()
{
	[ "$1" = mem ] || return 0
	tell $pyalloc/reclaim 1
	row "$2" mem held_bytes "$(held_bytes)"
	row "$2" mem arenas "$(total $pyalloc/heaps arenas)"
}

# A large heap that shrinks to a hundredth of its blocks, and to none.
measure_fragment()
{
	shrink_slabs
	measure fragment "$1" && measure release 99 || return
	reclaim "$1" fragment-thin-reclaimed
	measure release || return
	reclaim "$1" fragment-reclaimed
}

# After the third round no arena should be taken or given back any more.
measure_oscillation()
{
	local taken reclaimed

	measured_by 'none kmalloc cache' oscillate || return
	# With the one that warms up, these are three.
	tell $pybench/run 'oscillate mem rounds=2' &&
		tell $pybench/results 0 || return
	taken=$(arenas_taken)
	reclaimed=$(arenas_reclaimed)
	measure oscillate mem || return
	row oscillate mem arenas_taken $(($(arenas_taken) - taken))
	row oscillate mem arenas_reclaimed \
		$(($(arenas_reclaimed) - reclaimed))
}

measure_reads()
{
	local file status=0

	for file in stats domains heaps heap/default/classes; do
		measure read mem path=$pyalloc/$file mib=1024 || status=1
	done
	return $status
}

bench_pairs()
{
	in_fresh_state measure_pairs
}

bench_sizes()
{
	in_fresh_state measured_by 'none kmalloc cache mem' sizes
}

bench_live()
{
	in_fresh_state measure_live
}

bench_bulk()
{
	in_fresh_state measured_by 'none kmalloc cache-bulk mem-bulk' bulk
}

# Instructions are the same in each lap, and take long to count.
bench_growth()
{
	local allocator laps=3 status=0

	[ "${CLOCK:-ns}" = ns ] || laps=1
	for allocator in kmalloc cache mem; do
		in_fresh_state measure growth $allocator laps=$laps || status=1
	done
	return $status
}

bench_threads()
{
	in_fresh_state measure_threads
}

bench_traces()
{
	in_fresh_state measure_traces
}

bench_memory()
{
	local trace allocator status=0

	for allocator in kmalloc cache mem; do
		for trace in "$traces"/*.trc; do
			in_fresh_state measure_peak "$trace" $allocator ||
				status=1
		done
		in_fresh_state measure_fragment $allocator || status=1
	done
	in_fresh_state measure_oscillation || status=1
	return $status
}

bench_reads()
{
	in_fresh_state measure_reads
}

# as NAME COMMAND...: with the rows of mem under another name.
as()
{
	local name=$1
	shift

	"$@" | sed "s/\tmem\t/\t$name\t/"
}

measure_with_hooks()
{
	measure pair mem && measure live mem n=4096 order=fifo &&
		measure live mem n=4096 order=shuffled
}

# hooks_in NAME PARAMETER...: what the same calls cost with the module so.
hooks_in()
{
	local name=$1
	shift

	bench_load "$@" || return
	as "$name" measure_with_hooks && bench_unload
}

bench_hooks()
{
	local status=0

	hooks_in mem || status=1
	hooks_in hooks allocator=pymalloc_debug || status=1
	hooks_in serials allocator=pymalloc_debug serials=1 || status=1
	hooks_in malloc allocator=malloc || status=1
	hooks_in malloc-hooks allocator=malloc_debug || status=1
	in_fresh_state measured_by 'none kmalloc' pair || status=1
	return $status
}
