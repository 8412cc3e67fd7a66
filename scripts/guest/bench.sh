# SPDX-License-Identifier: GPL-2.0
# Benchmarks, in groups: bench_pairs, bench_sizes, bench_live, bench_bulk,
# bench_growth, bench_threads, bench_traces, bench_memory, bench_reads,
# bench_hooks, bench_tracing.
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
		$2 ~ /^(mem|heap|heap-locked)$/ && $4 == "requested_bytes" {
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
	local status=0 all='mem heap heap-locked type'

	measured_by "none kmalloc cache mempool $all" pair || status=1
	measured_by "none kmalloc $all" pair constant || status=1
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
		measured_by 'none kmalloc cache mem heap heap-locked' trace || status=1
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

	for allocator in heap heap-locked; do
		for trace in "$traces"/*.trc; do
			in_fresh_state measure_peak "$trace" $allocator ||
				status=1
		done
	done
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

# traced_in NAME BYTES NFRAME COMMAND...: while blocks are noted, or one in so
# many bytes.
traced_in()
{
	local name=$1 bytes=$2 nframe=$3 status=0
	shift 3

	bench_load && tell $pyalloc/trace/sample_bytes "$bytes" &&
		tell $pyalloc/trace/nframe "$nframe" || return
	as "$name" "$@" || status=1
	bench_unload && return $status
}

measure_traced()
{
	measure pair mem && measure pair mem constant &&
		measure live mem n=4096 order=fifo &&
		measure live mem n=4096 order=shuffled
}

# peak_while BYTES COMMAND...: while one block in so many bytes is noted, or all,
# and the trace that is loaded stands at its peak.
peak_while()
{
	local bytes=$1 status=0
	shift

	tell $pyalloc/trace/sample_bytes "$bytes" &&
		tell $pyalloc/trace/nframe 1 || return
	tell $pybench/run 'peak mem' && "$@" || status=1
	tell $pybench/run release && tell $pyalloc/trace/nframe 0 &&
		tell $pybench/results 0 && return $status
}

# What tracing holds for each block, but for what is there without any.
show_marks()
{
	local blocks

	blocks=$(cell $pyalloc/trace/traced blocks)
	row "$1" exact trace_bytes_a_block \
		$((($(cell $pyalloc/trace/traced trace_bytes) - $2) / blocks))
}

measure_marks()
{
	local empty

	tell $pyalloc/trace/nframe 1 || return
	empty=$(cell $pyalloc/trace/traced trace_bytes)
	tell $pyalloc/trace/nframe 0 &&
		peak_while 0 show_marks "peak-$(basename "$1" .trc)" "$empty"
}

# How often a sample is taken, and the largest error of their mean, of call
# sites with 1 % of the bytes and more.
looks=40

worst_error()
{
	awk -v looks=$looks '
		/^#/ { file++; next }
		file == 1 { exact[$4] += $1; all += $1; next }
		{ sampled[$4] += $1 / looks }
		END {
			for (site in exact) {
				if (exact[site] < all / 100)
					continue
				error = sampled[site] / exact[site] - 1
				error = error < 0 ? -error : error
				worst = error > worst ? error : worst
			}
			printf "%.1f\n", worst * 100
		}' "$@"
}

measure_accuracy()
{
	local i=0

	peak_while 0 cat $pyalloc/trace/statistics > /tmp/exact || return
	: > /tmp/sampled
	while [ $i -lt $looks ]; do
		peak_while 65536 cat $pyalloc/trace/statistics >> /tmp/sampled ||
			return
		i=$((i + 1))
	done
	row "peak-$(basename "$1" .trc)" sample worst_error_percent \
		"$(worst_error /tmp/exact /tmp/sampled)"
}

measure_traced_peak()
{
	tell $pybench/trace "$1" && measure_marks "$1" && measure_accuracy "$1"
}

measure_replay()
{
	tell $pybench/trace "$1" && measure trace mem
}

bench_tracing()
{
	local trace status=0

	traced_in mem 0 0 measure_traced || status=1
	traced_in exact 0 1 measure_traced || status=1
	traced_in sample 65536 1 measure_traced || status=1
	in_fresh_state measured_by none pair || status=1
	for trace in "$traces"/*.trc; do
		traced_in mem 0 0 measure_replay "$trace" || status=1
		traced_in exact 0 1 measure_replay "$trace" || status=1
		traced_in sample 65536 1 measure_replay "$trace" || status=1
		# It is the same in instructions, and takes long to count.
		[ "${CLOCK:-ns}" != ns ] ||
			in_fresh_state measure_traced_peak "$trace" || status=1
	done
	return $status
}
