# SPDX-License-Identifier: GPL-2.0
# What `make bench` measures, where, and how its tables look.  Sourced by
# bench.sh, which owns the variables that are only used here.
# shellcheck shell=bash disable=SC2034,SC2154

all_groups='pairs sizes live bulk growth threads traces memory reads hooks tracing'

# A boot a line: what is measured, icount being instructions, time
# nanoseconds, and ratio nanoseconds that only tell something beside others of
# the same boot.  Arguments are the command line's (with commas; - for none).
#
# boot            kernel         mode    CPUs  MiB   seconds  arguments        groups
boots='
6.12              stock-6.12     icount  1     2048  900      init_on_alloc=0  pairs,sizes,live,bulk,growth,hooks,tracing
6.1               stock-6.1      icount  1     512   900      init_on_alloc=0  pairs,sizes,live,bulk,hooks,tracing
6.12-rt           stock-6.12-rt  icount  1     512   900      init_on_alloc=0  pairs,sizes,live,bulk
6.1-rt            stock-6.1-rt   icount  1     512   900      init_on_alloc=0  pairs,sizes,live,bulk
6.12-zeroing      stock-6.12     icount  1     512   900      init_on_alloc=1  pairs,sizes,live,bulk,hooks,tracing
6.1-zeroing       stock-6.1      icount  1     512   900      init_on_alloc=1  pairs,sizes,live,bulk,hooks,tracing
6.12-rt-zeroing   stock-6.12-rt  icount  1     512   900      init_on_alloc=1  pairs,sizes,live,bulk
6.1-rt-zeroing    stock-6.1-rt   icount  1     512   900      init_on_alloc=1  pairs,sizes,live,bulk
uml               uml            time    1     512   600      -                pairs,sizes,live,bulk,threads,traces,memory,hooks,tracing
uml-zeroing       uml            time    1     512   600      init_on_alloc=1  pairs,live,bulk,hooks,tracing
uml-large         uml            time    1     3072  600      -                growth,reads
smp-2             stock-6.12     ratio   2     1024  300      init_on_alloc=0  threads
smp-4             stock-6.12     ratio   4     1024  300      init_on_alloc=0  threads
'

# A table a line: the column that ratios are of, what the rows of a block have
# in common, the rows that are printed, whether values are, and a title.
tables()
{
	sed 's/  */\t/; s/  */\t/; s/  */\t/; s/  */\t/; s/  */\t/' << 'END'
pairs    kmalloc   workload all                             both  one malloc and one free of 64 bytes
sizes    kmalloc   kernel   ^size-(8|16|32|64|128|256|512)$ both  one malloc and one free, by size
live     kmalloc   kernel   all                             both  N blocks of 64 bytes taken, then all freed; for each block
bulk     kmalloc   workload all                             both  many blocks of 64 bytes in one call; for each block
growth   kmalloc   kernel   all                             both  a pair while so many blocks are live, and allocating them; growth alone: all allocated, then freed at random
threads  kmalloc   kernel   all                             ratio on several CPUs, emulated: the time, as a share of kmalloc's
classic  kmalloc   kernel   all                             both  benchmarks of other allocators, on one CPU
traces   kmalloc   kernel   all                             both  recorded Python programs; for each op, the replayer's own work included
holds    mem       kernel   all                             both  operations for each time that the node's lock was taken
memory   requested kernel   all                             both  bytes held at the peak of a program, requests of up to 512 bytes alone; ratios are to the bytes requested
fragment requested kernel   all                             both  bytes held, of 100000 blocks, of a random 1 % of them (thin), of none (empty)
swing    kmalloc   kernel   all                             both  6 MiB allocated and freed again and again; for each block
hooks    mem       workload all                             both  64 bytes with debug hooks, with numbered calls too, and with kmalloc in the heap's place; ratios are to the plain heap
tracing  mem       workload all                             both  64 bytes, and recorded programs with the replayer's own work, while all is traced and while a sample of one in 64 KiB is; ratios are to neither
marks    none      workload all                             both  what tracing holds for a live block, but for its tables; and how far the mean of 40 samples is off, at worst, of call sites with 1 % of the bytes
reads    none      kernel   all                             both  reading a file of debugfs to its end, with a heap of 1 GiB
END
}

# Lines of `wanted` for tables.awk: those of a workload in one boot.  A column
# is an allocator, or NAME:KERNEL:ALLOCATOR:METRIC, a row that comes from
# elsewhere.
cells()
{
	local group=$1 table=$2 workload=$3 kernel=$4 cpus=$5 metric=$6 column
	local name from allocator source
	shift 6

	for column; do
		IFS=: read -r name from allocator source <<< "$column"
		printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$group" \
			"$table" "$workload" "$name" "$kernel" "$cpus" \
			"$metric" "${from:-$kernel}" "${allocator:-$name}" \
			"${source:-$metric}"
	done
}

# The same with the median of the rounds beside the least.
timed()
{
	local group=$1 table=$2 workload=$3 kernel=$4 cpus=$5 metric=$6
	shift 6

	cells "$group" "$table" "$workload" "$kernel" "$cpus" "$metric" "$@"
	cells "$group" "$table" "$workload" "$kernel" "$cpus" \
		"${metric}_median" "${@//:ns/:ns_median}"
}

# A program of user space stands beside User-Mode Linux: the same machine, and
# native speed.
user_space()
{
	[ "$1" != uml ] || echo "python:native:python:ns glibc:native:glibc:ns"
}

# Each of these is called with a boot's kernel, its number of CPUs and the
# metric of its clock.

# shellcheck disable=SC2046 # words
wanted_pairs()
{
	timed pairs pairs pair "$@" none kmalloc cache mempool mem heap \
		heap-locked type $(user_space "$1")
	timed pairs pairs pair-constant "$@" none kmalloc mem heap \
		heap-locked type
}

wanted_sizes()
{
	local size

	for size in $(seq 8 8 512); do
		timed sizes sizes "size-$size" "$@" kmalloc cache mem
	done
}

wanted_live()
{
	local n order

	for n in 16 256 4096; do
		for order in lifo fifo shuffled; do
			timed live live "live-$n-$order" "$@" \
				none kmalloc cache mempool mem
		done
	done
}

wanted_bulk()
{
	timed bulk bulk bulk-256 "$@" none kmalloc cache-bulk mem-bulk
}

wanted_growth()
{
	local n

	for n in 1000 10000 100000 1000000 4000000; do
		timed growth growth "growth-$n" "$@" kmalloc cache mem
		cells growth growth "growth-$n" "${@:1:2}" "alloc_$3" \
			kmalloc cache mem
	done
	timed growth growth growth "$@" kmalloc cache mem
}

# With one CPU there are figures, with more ratios alone.
wanted_threads()
{
	local workload table=threads

	[ "$2" != 1 ] || table=classic
	for workload in larson xmalloc-test sh6bench cache-scratch; do
		timed threads $table "$workload" "$@" kmalloc cache mem
	done
	[ "$2" != 1 ] ||
		timed threads classic glibc-simple "$@" kmalloc cache mem
	for workload in larson xmalloc-test; do
		cells threads holds "$workload" "${@:1:2}" ops_per_hold mem
	done
}

# As the traces' headers have them.
trace_names()
{
	local file

	for file in "$results"/traces/*.trc; do
		[ ! -e "$file" ] || tail -c +81 "$file" | head -c 48 |
			tr '\0' '\n' | head -n 1
	done
}

# shellcheck disable=SC2046 # words
wanted_traces()
{
	local name

	for name in $(trace_names); do
		timed traces traces "trace-$name" "$@" none kmalloc cache mem \
			heap heap-locked $(user_space "$1")
		cells traces holds "trace-$name" "${@:1:2}" ops_per_hold mem
	done
}

wanted_memory()
{
	local workload

	for workload in $(trace_names | sed 's/^/peak-/'); do
		cells memory memory "$workload" "${@:1:2}" held_bytes \
			"requested:$1:mem:requested_bytes" kmalloc cache mem \
			heap heap-locked
	done
	for workload in fragment fragment-thin; do
		cells memory fragment "$workload" "${@:1:2}" held_bytes \
			"requested:$1:mem:requested_bytes" kmalloc cache mem
	done
	cells memory fragment fragment-empty "${@:1:2}" held_bytes \
		kmalloc cache mem
	for workload in fragment-{thin-,}reclaimed; do
		cells memory fragment "$workload" "${@:1:2}" held_bytes mem
	done
	timed memory swing oscillate "$@" none kmalloc cache mem
	cells memory swing oscillate "${@:1:2}" arenas_taken mem
	cells memory swing oscillate "${@:1:2}" arenas_reclaimed mem
}

wanted_reads()
{
	local file

	for file in stats domains heaps classes; do
		timed reads reads "read-$file" "$@" mem
	done
}

wanted_hooks()
{
	local workload

	for workload in pair live-4096-fifo live-4096-shuffled; do
		timed hooks hooks $workload "$@" mem hooks serials malloc \
			malloc-hooks
	done
	timed hooks hooks pair "$@" none kmalloc
}

# shellcheck disable=SC2046 # words
wanted_tracing()
{
	local workload name

	for workload in pair pair-constant live-4096-fifo live-4096-shuffled \
			$(trace_names | sed 's/^/trace-/'); do
		timed tracing tracing "$workload" "$@" mem exact sample
	done
	timed tracing tracing pair "$@" none
	[ "$3" = ns ] || return 0
	for name in $(trace_names); do
		cells tracing marks "peak-$name" "${@:1:2}" \
			trace_bytes_a_block exact
		cells tracing marks "peak-$name" "${@:1:2}" \
			worst_error_percent sample
	done
}

# What has to be there of a group, in all boots that have it.
wanted_of_group()
{
	local group=$1 name kernel mode cpus rest arguments groups metric

	while read -r name kernel mode cpus rest; do
		read -r _ _ arguments groups <<< "$rest"
		[[ ",$groups," = *",$group,"* ]] || continue
		metric=ns
		[ "$mode" != icount ] || metric=instructions
		"wanted_$group" "$(kernel_name "$kernel" "$arguments")" \
			"$cpus" "$metric"
	done <<< "$boots"
}
