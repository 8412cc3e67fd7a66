#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test.sh [-a] [NAME...]: runs the programs and tiers of the first tables, or
# with -a those of all tables, or those that are named.  At the end comes a
# table of the tiers; the last line is `N passed, N failed`.
#
# A tier is one boot: a kernel, options of boot.sh, and after a colon those
# suites of scripts/guest that run in it.  A program tests what needs no boot
# of its own here, and ends with such a line, too.  What they print stays in
# build/test.
#
# PYALLOC_JOBS says how many boots may go on at once; without it, as many as
# there are CPUs.
# PYALLOC_TRACES is a directory of more traces (*.trc, *.trc.xz) to replay.

. "$(dirname "$0")/lib.sh"

# More CPUs than the machine has starve each other: what the kernel then says of
# stalls is no news.
patient='-a rcupdate.rcu_cpu_stall_timeout=300 -a watchdog_thresh=60'

# tier           kernel         options : suites
tiers="
third-party      stock-6.1      -t 300 : third-party
stock-6.1        stock-6.1      -t 900 : kunit parameters garbage reload live replay trace objects kmalloc whereis lockdown
stock-6.12       stock-6.12     -t 900 : kunit parameters garbage reload live replay pybench trace objects kmalloc whereis lockdown
uml              uml            -t 300 -M 256 : kunit hooks parameters garbage reload live pybench trace objects kmalloc whereis
uml-small        uml            -t 300 -M 64 : pressure
uml-debug        uml-debug      -t 900 -M 1024 -a kasan_multi_shot : kunit garbage trace kmalloc whereis
uml-sanitizers   uml-debug      -t 300 -M 1024 -a kasan_multi_shot : sanitizers
uml-stress       uml            -t 600 -M 256 : torture faults
uml-wipe         uml            -t 300 -M 256 -a init_on_alloc=1 -a init_on_free=1 : kunit
uml-matrix       uml            -t 400 -M 256 : matrix-short
uml-modes        uml            -t 300 -M 256 : modes
"
more_tiers="
uml-matrix-all   uml            -t 600 -M 256 : matrix
uml-unload       uml            -t 600 -M 256 : unload
torture-6.1      stock-6.1      -t 600 -c 4 -M 1024 $patient -a torture_ops=2000000 : torture
torture-6.12     stock-6.12     -t 600 -c 4 -M 1024 $patient -a torture_ops=2000000 : torture
stock-6.1-rt     stock-6.1-rt   -t 900 : kunit parameters garbage reload live replay trace objects
stock-6.12-rt    stock-6.12-rt  -t 900 : kunit parameters garbage reload live replay trace objects
torture-6.1-rt   stock-6.1-rt   -t 600 -c 4 -M 1024 $patient : torture
torture-6.12-rt  stock-6.12-rt  -t 600 -c 4 -M 1024 $patient : torture
pressure         stock-6.12     -t 400 -M 256 : pressure
stress           stock-6.12     -t 900 : faults unload
uml-debug-rest   uml-debug      -t 900 -M 1024 -a kasan_multi_shot : parameters live pressure torture objects
uml-debug-stress uml-debug      -t 1500 -M 1024 : faults unload
modes-6.12       stock-6.12     -t 600 : modes
modes-6.12-rt    stock-6.12-rt  -t 900 : modes
uml-debug-modes  uml-debug      -t 1200 -M 1024 -a kasan_multi_shot : modes
uml-debug-matrix uml-debug      -t 900 -M 1024 : matrix
x86-debug        x86-debug      -t 1500 -M 1024 -a kasan_multi_shot -a kmemleak=off : kunit garbage sanitizers trace kmalloc whereis
x86-torture      x86-debug      -t 2400 -c 4 -M 1536 $patient -a kmemleak=off -a torture_ops=3000000 : torture
x86-stress       x86-debug      -t 1500 -M 1024 : faults
x86-rt           x86-rt         -t 900 -M 1024 : kunit garbage replay
x86-rt-torture   x86-rt         -t 2400 -c 4 -M 1024 $patient -a torture_ops=6000000 : torture
x86-kcsan        x86-kcsan      -t 900 -M 1024 -a kcsan.skip_watch=1000 $patient : kunit garbage replay
x86-kcsan-torture x86-kcsan     -t 2400 -c 4 -M 1024 $patient -a torture_ops=6000000 : torture
x86-32           x86-32         -t 600 -M 1024 : kunit parameters garbage live replay trace objects
x86-32-torture   x86-32         -t 1500 -c 4 -M 1024 $patient -a torture_ops=4000000 : torture
arm64            arm64          -t 600 : kunit parameters garbage live replay
arm64-torture    arm64          -t 1500 -c 4 -M 1024 $patient -a torture_ops=4000000 : torture
x86-matrix       x86-debug      -t 900 -M 1024 -a kmemleak=off : matrix-short
x86-32-matrix    x86-32         -t 900 -M 1024 : matrix-short
x86-pybench      x86-debug      -t 600 -M 1024 -a kmemleak=off : pybench
numa-2           stock-6.12     -t 300 -n 2 : kunit replay
numa-4           x86-debug      -t 900 -M 1024 -c 4 -n 4 $patient -a kmemleak=off : kunit
"

# Programs and what starts them.  Those of the first table run one after the
# other beside builds and boots, those of the second when these are done.
list_programs()
{
	cat <<- EOF
		verdict scripts/verdict_test.py ${kunit:-}
		tables  scripts/bench/tables_test.sh
		pytrace tools/pytrace_test.py
		pyalloctop tools/pyalloctop_test.py
		pyallocmap tools/pyallocmap_test.py
		options tools/options_test.py
		blocks-self scripts/blocks_test.py
		blocks  scripts/blocks-test.sh
	EOF
}
list_more_programs()
{
	cat <<- EOF
		top-cost scripts/top-cost.sh
		debuggers scripts/debuggers-test.sh
		packages scripts/packages-test.sh
		in-tree scripts/into-tree-test.sh
	EOF
}

jobs=${PYALLOC_JOBS:-$(nproc)}

# What `trc.py break` can do to a trace.
trace_faults='magic words crc slot free realloc taken size slots many peak ops name'

results=$top/build/test
traces=$top/build/traces

# A program is recorded here and now; a small trace and bad ones are made along
# with it.
collect_traces()
{
	local trc=$top/scripts/record/trc.py file fault

	mkdir -p "$traces/bad" "$traces/made"
	[ -e "$traces/docstore.trc" ] ||
		quietly "$traces/record.log" \
			"$top/scripts/record/record.sh" "$traces/docstore.trc"
	[ -e "$traces/made/small.trc" ] ||
		python3 "$trc" make "$traces/made/small.trc" 2000
	for fault in $trace_faults; do
		[ -e "$traces/bad/$fault.trc" ] ||
			python3 "$trc" break "$fault" "$traces/bad/$fault.trc"
	done
	for file in "${PYALLOC_TRACES:-/nonexistent}"/*.trc{,.xz}; do
		case $file in
		*'*'*) ;;
		*.xz) xz -dc "$file" > "$traces/$(basename "$file" .xz)" ;;
		*) cp "$file" "$traces/" ;;
		esac
	done
}

# boot_tier NAME KERNEL OPTION... : SUITE...: a boot and what came of it.
boot_tier()
{
	local name=$1 kernel=$2
	local log=$results/$1.log modules=$top/build/modules/$2
	local suite start=$SECONDS module dir options=() commands=()
	shift 2

	rm -f "$log" "$results/$name.row"
	while [ "$1" != : ]; do
		options+=("$1")
		shift
	done
	shift
	dir=$("$top/scripts/kernel.sh" "$kernel")
	for module in "$modules"/*.ko "$modules"/{kunit,bench,samples/*}/*.ko \
		      "$dir/build/lib/kunit/kunit.ko"; do
		[ ! -e "$module" ] || options+=(-m "$module")
	done
	for suite; do
		commands+=(". /guest/$suite.sh")
		case $suite in
		replay) options+=(-f "$traces") ;;
		modes) options+=(-f "$traces/made/small.trc:/traces") ;;
		hooks | pybench) options+=(-f "$traces/bad:/traces"
				   -f "$traces/made:/traces") ;;
		third-party) options+=(-f "$modules/third-party") ;;
		esac
	done
	"$top/scripts/boot.sh" -l "$log" "${options[@]}" "$kernel" \
		"${commands[@]}" || true
	say "$name took $((SECONDS - start)) s"
	"$top/scripts/verdict.py" --kunit "$kunit" --tier "$name" \
		--row "$results/$name.row" "$log"
}

# Runs a tier's boot into its file of sums; another run of the same tests that
# is going on in this checkout is waited for.
alone()
{
	local name=$1
	shift
	(
		flock 9
		"$@" > "$results/$name.sums"
	) 9> "$results/$name.lock"
}

# Of the input's lines those whose first word is asked for.
chosen()
{
	local name rest

	while read -r name rest; do
		[ -n "$name" ] || continue
		[ $# = 0 ] || [[ " $* " = *" $name "* ]] || continue
		echo "$name $rest"
	done
}

chosen_tiers()
{
	chosen "$@" <<< "$table"
}

# The programs of a table that are asked for; without a name, or -a, those of
# the second are not.
chosen_programs()
{
	list_programs | chosen "$@"
}

chosen_more_programs()
{
	[ -z "$all$*" ] || list_more_programs | chosen "$@"
}

# run_programs: runs those that the input lists, one after the other.  One
# that fails with no failure in its sum has failed all the same.
run_programs()
{
	local name command start sums

	while read -r name command; do
		start=$SECONDS
		sums=$results/$name.sums
		# shellcheck disable=SC2086 # the words of the list
		(cd "$top" && $command) < /dev/null > "$sums" 2>&1 || {
			! tail -n 1 "$sums" | grep -q ' passed, 0 failed$' ||
				echo "its exit status says that it failed" \
					>> "$sums"
		}
		say "$name took $((SECONDS - start)) s"
	done
}

# What failed of each, and its sum.
show_programs()
{
	local name rest sums

	while read -r name rest; do
		sums=$results/$name.sums
		complete "$sums" || echo "FAIL $name: it did not come to its end"
		grep -E '^(FAIL|ERROR)' "$sums" || true
		sed -n "\$s/^/$name: /p" "$sums"
	done
}

# A file of sums ends with one, or it is made to: what did not end has failed.
complete()
{
	tail -n 1 "$1" | grep -E '^[0-9]+ passed, [0-9]+ failed$' |
		grep -qv '^0 passed, 0 failed$' && return
	echo "0 passed, 1 failed" >> "$1"
	return 1
}

# Kernels and modules are built one after the other: a build uses every CPU.
build_modules()
{
	local kernel

	chosen_tiers "$@" | awk '{ print $2 }' | sort -u |
		while read -r kernel; do
			# What an earlier build left is not what is to be tested.
			"$top/scripts/modules.sh" "$kernel" > /dev/null ||
				find "$top/build/modules/$kernel" -name '*.ko' \
					-delete || true
		done
	chosen_tiers "$@" | awk '/ third-party( |$)/ { print $2 }' | sort -u |
		while read -r kernel; do
			"$top/scripts/third-party.sh" "$kernel" > /dev/null ||
				true
		done
}

# An emulated machine with two CPUs keeps hardly more than one busy, so as many
# boots go on at once as there are CPUs.
boot_tiers()
{
	local name rest running=0

	while read -r name rest; do
		if [ $running -ge "$jobs" ]; then
			wait -n || true
			running=$((running - 1))
		fi
		# shellcheck disable=SC2086 # the words of the table
		alone "$name" boot_tier "$name" $rest < /dev/null &
		running=$((running + 1))
	done < <(chosen_tiers "$@")
	wait
}

# Each tier's last line is its sum; one that could not even boot has failed.
show_tiers()
{
	local name rest sums

	while read -r name rest; do
		sums=$results/$name.sums
		complete "$sums" || echo "FAIL $name: it could not be run"
		sed "\$s/^/$name: /" "$sums"
	done < <(chosen_tiers "$@")
}

# The table of all tiers, a line each.
show_table()
{
	local format='%-17s %-14s %-24s %-13s %7s %7s %19s  %s\n'
	local name kernel rest line row

	# shellcheck disable=SC2059 # one format for all lines
	printf "$format" tier kernel release compiler passed failed \
		"torture operations" verdict
	while read -r name kernel rest; do
		line=$(cat "$results/$name.row" 2> /dev/null) ||
			line=$'?\t?\t0\t1\t0\tFAILED'
		IFS=$'\t' read -ra row <<< "$line"
		# shellcheck disable=SC2059
		printf "$format" "$name" "$kernel" "${row[@]}"
	done < <(chosen_tiers "$@")
}

table=$tiers
all=
case ${1:-} in
-a) shift && all=yes && table+=$more_tiers ;;
?*) table+=$more_tiers ;;
esac
for name; do
	# All is read: who writes to a reader that has gone fails.
	{ echo "$table"; list_programs; list_more_programs; } |
		grep "^$name " > /dev/null || die "'$name' is not a tier or a program"
done
need python3 python3-matplotlib xz-utils build-essential pkg-config \
	libncurses-dev ncurses-base tmux procps man-db groff mandoc
kunit=$("$top/scripts/kernel.sh" source)/tools/testing/kunit
mkdir -p "$results"
collect_traces

chosen_programs "$@" | run_programs &
programs=$!
build_modules "$@"
# It waits for its own boots, and no others.
(boot_tiers "$@")
wait "$programs"
chosen_more_programs "$@" | run_programs
{
	chosen_programs "$@"
	chosen_more_programs "$@"
} | show_programs
show_tiers "$@"
echo
show_table "$@"
{
	chosen_programs "$@"
	chosen_more_programs "$@"
	chosen_tiers "$@"
} | while read -r name rest; do
	tail -n 1 "$results/$name.sums"
done | add_up
