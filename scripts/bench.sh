#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# bench.sh [GROUP...]: measures pyalloc beside kmalloc, kmem_cache, mempool,
# CPython's allocator and glibc's, and prints tables: of all groups of
# workloads, or of those that are named:
#
#   pairs    a malloc and a free of 64 bytes     sizes    of each size class
#   live     of many blocks, then all freed      bulk     many in one call
#   growth   with up to 4 million blocks live    threads  on several CPUs
#   traces   recorded Python programs replayed   reads    of the debugfs files
#   memory   what is held: at the traces' peaks, when a load swings, and when
#            it leaves little behind
#   hooks    what debug hooks and allocator=malloc cost
#   tracing  what tracing costs, takes and misses
#
# build/bench gets results.tsv with every row that was measured, a TABLE.tsv
# and its plots as SVG, gaps.tsv with what is missing and why, and the logs of
# the boots.  The groups that are not named keep what an earlier run left.
# What is missing never stops the rest; it makes the exit status 1.
#
# PYALLOC_JOBS says how many boots that count instructions may go on at once
# (as many as there are CPUs); those that take time go alone.
# PYALLOC_TRACES is a directory of more traces (*.trc, *.trc.xz) to replay.
# PYALLOC_SOURCE names another source directory than this checkout.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bench/workloads.sh"

jobs=${PYALLOC_JOBS:-$(nproc)}
results=$top/build/bench
rows=$results/rows
traces=$top/build/traces

# The groups that a boot has and that are asked for.
groups_of()
{
	local group

	for group in ${1//,/ }; do
		[[ " $chosen " != *" $group "* ]] || echo "$group"
	done
}

# The boots that are needed, a line each.
chosen_boots()
{
	local name rest kernel mode cpus mib limit arguments groups

	while read -r name rest; do
		read -r kernel mode cpus mib limit arguments groups <<< "$rest"
		[ -z "$(groups_of "${groups:-}")" ] || echo "$name $rest"
	done <<< "$boots"
}

# A boot's kernel as the tables name it.
kernel_name()
{
	case $2 in
	- | *=0) echo "$1" ;;
	*) echo "$1 $2" ;;
	esac
}

# A program is recorded here and now; others may lie ready.
collect_traces()
{
	local file

	mkdir -p "$traces"
	[ -e "$traces/docstore.trc" ] ||
		(quietly "$results/record.log" \
			"$top/scripts/record/record.sh" \
			"$traces/docstore.trc") ||
		say "no program could be recorded: its trace is missing"
	for file in "${PYALLOC_TRACES:-/nonexistent}"/*.trc{,.xz}; do
		case $file in
		*'*'*) ;;
		*.xz) xz -dc "$file" > "$traces/$(basename "$file" .xz)" ;;
		*) cp "$file" "$traces/" ;;
		esac
	done
}

# Kernels and modules are made one after the other: a build uses every CPU.
build_modules()
{
	local kernel

	for kernel in $(chosen_boots | awk '{ print $2 }' | sort -u); do
		"$top/scripts/modules.sh" "$kernel" \
			> "$results/modules-$kernel" || true
	done
}

# The rows that a group printed in a boot, out of its log.  Those of fewer
# CPUs than the boot has come from another boot, that has no more.
rows_of_group()
{
	local log=$1 group=$2 kernel=$3 cpus=$4

	tr -d '\r' < "$log" | awk -v group="bench-$group" \
		-v kernel="$kernel" -v cpus="$cpus" -v OFS='\t' '
		{ sub(/^(<[0-9]+>)?\[[^]]*\] ?/, "") }
		/^pyalloc-test: / { within = $2 == "begin" && $3 == group }
		within && /^bench: / && NF == 6 && $4 == cpus {
			print $2, $3, kernel, $4, $5, $6
		}'
}

# Why a group of a boot may have rows missing, if it may.
fault_of_group()
{
	local log=$1 group=$2 status=$3 limit=$4 ended

	ended=$(tr -d '\r' < "$log" |
		sed -n "s/.*pyalloc-test: end bench-$group //p")
	case $ended,$status in
	0,*) ;;
	?*,*) echo "bench_$group failed in the guest ($ended)" ;;
	,124) echo "the boot took more than $limit s" ;;
	*) echo "the guest died" ;;
	esac
}

# keep_rows BOOT GROUP KERNEL CPUS FAULT: takes the rows of a group in.
keep_rows()
{
	local boot=$1 group=$2 kernel=$3 cpus=$4 fault=$5
	local file=$rows/$group.$boot

	cat > "$file.tsv"
	rm -f "$file.reason"
	[ -z "$fault" ] ||
		printf '%s\t%s\t%s\t%s\n' "$group" "$kernel" "$cpus" \
			"$fault" > "$file.reason"
}

# Sets `options` for a boot.
boot_options()
{
	local modules=$1 mode=$2 cpus=$3 mib=$4 limit=$5 arguments=$6 module

	options=(-c "$cpus" -M "$mib" -t "$limit" -f "$results/traces")
	[ "$mode" != icount ] || options+=(-i)
	[ "$arguments" = - ] || options+=(-a "${arguments//,/ }")
	for module in "$modules"/pyalloc.ko "$modules"/bench/*.ko; do
		[ -e "$module" ] || return
		options+=(-m "$module")
	done
}

# run_boot NAME KERNEL MODE CPUS MIB SECONDS ARGUMENTS GROUPS: a boot, and its
# rows into files of their own, a group each.
run_boot()
{
	local name=$1 kernel=$2 cpus=$4 limit=$6 log=$results/$1.log
	local group groups fault options commands=() status=0 start=$SECONDS
	local modules shown

	read -ra groups <<< "$(groups_of "$8" | tr '\n' ' ')"
	for group in "${groups[@]}"; do
		commands+=(". /guest/bench.sh; try bench-$group bench_$group")
	done
	shown=$(kernel_name "$kernel" "$7")
	modules=$(cat "$results/modules-$kernel")
	: > "$log"
	if boot_options "${modules:-/nonexistent}" "${@:3:5}"; then
		"$top/scripts/boot.sh" -l "$log" "${options[@]}" "$kernel" \
			"${commands[@]}" || status=$?
		fault=
	else
		fault="the modules could not be built for $kernel"
	fi
	for group in "${groups[@]}"; do
		rows_of_group "$log" "$group" "$shown" "$cpus" |
			keep_rows "$name" "$group" "$shown" "$cpus" "${fault:-$(
				fault_of_group "$log" "$group" $status "$limit")}"
	done
	say "$name took $((SECONDS - start)) s${fault:+: $fault}"
}

# Reached by a trap.
# shellcheck disable=SC2317
end_boots()
{
	local job

	for job in $(jobs -p); do
		kill -TERM -- "-$job" 2> /dev/null || true
	done
	exit 130
}

# Counts of instructions do not depend on what else goes on.
counting_boots()
{
	local line running=0

	while read -ra line; do
		if [ $running -ge "$jobs" ]; then
			wait -n || true
			running=$((running - 1))
		fi
		# In a group of its own, so that it can be ended with its guest.
		set -m
		run_boot "${line[@]}" < /dev/null &
		set +m
		running=$((running + 1))
	done < <(chosen_boots | awk '$3 == "icount"')
	wait
}

timing_boots()
{
	local line

	while read -ra line; do
		run_boot "${line[@]}" < /dev/null || true
	done < <(chosen_boots | awk '$3 != "icount"')
}

# Builds the program for user space, with what there is of libraries.
build_native()
{
	local source=${PYALLOC_SOURCE:-$top}/bench/user into=$results/native
	local flags=(-std=gnu11 -O2 -Wall) objects=() file
	local config=${PYTHON_CONFIG:-/usr/bin/python3-config} includes='' libraries=''

	mkdir -p "$into"
	command -v gcc > /dev/null || need gcc libc6-dev
	command -v "$config" > /dev/null || (need libpython3-dev) || true
	if command -v "$config" > /dev/null; then
		includes=$("$config" --includes)
		libraries=$("$config" --embed --ldflags)
	else
		say "no libpython: the column of CPython's allocator is missing"
	fi
	for file in main glibc ${includes:+python}; do
		# shellcheck disable=SC2086 # several words
		gcc "${flags[@]}" $includes -c -o "$into/$file.o" \
			"$source/$file.c"
		objects+=("$into/$file.o")
	done
	# shellcheck disable=SC2086 # several words
	gcc -o "$into/replay" "${objects[@]}" $libraries
}

# The rows of user space belong to two groups, and come from one run.
run_native()
{
	local group fault='' start=$SECONDS

	[ -n "$(groups_of pairs,traces)" ] || return 0
	if ! (build_native) > "$results/native.log" 2>&1; then
		fault="bench/user could not be built, see native.log"
		: > "$results/native.tsv"
	elif ! "$results/native/replay" "$results"/traces/*.trc \
			> "$results/native.tsv" 2>> "$results/native.log"; then
		fault="it failed: $(tail -n 1 "$results/native.log")"
	elif ! grep -q 'python' "$results/native.tsv"; then
		fault="libpython3-dev is not installed"
	fi
	for group in $(groups_of pairs,traces); do
		awk -v group="$group" -v FS='\t' -v OFS='\t' '
			($1 ~ /^trace-/) == (group == "traces") {
				print $1, $2, "native", $3, $4, $5
			}' "$results/native.tsv" |
			keep_rows native "$group" native 1 "$fault"
	done
	say "native took $((SECONDS - start)) s${fault:+: $fault}"
}

make_tables()
{
	local group

	{
		printf '# workload\tallocator\tkernel\tcpus\tmetric\tvalue\n'
		cat "$rows"/*.tsv
	} > "$results/results.tsv"
	cat "$rows"/*.reason > "$results/reasons" 2> /dev/null || true
	tables > "$results/tables"
	for group in $chosen; do
		wanted_of_group "$group"
	done > "$results/wanted"
	awk -v dir="$results" -f "$top/scripts/bench/tables.awk" \
		input=tables "$results/tables" input=wanted "$results/wanted" \
		input=reasons "$results/reasons" \
		input=results "$results/results.tsv"
}

for group; do
	[[ " $all_groups " = *" $group "* ]] || die "'$group' is not a group"
done
chosen=${*:-$all_groups}
mkdir -p "$rows" "$results/traces"
for group in $chosen; do
	rm -f "$rows/$group".*
done
trap end_boots INT TERM
need xz-utils
collect_traces
rm -f "$results"/traces/*
cp "$traces"/*.trc "$results/traces/" 2> /dev/null || true
build_modules
counting_boots
timing_boots
run_native

status=0
make_tables || status=1
"$top/scripts/bench/plots.sh" "$results" || status=1
echo
echo "All of it is in $results."
exit $status
