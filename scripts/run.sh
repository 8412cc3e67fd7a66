#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh [-s [CLIENT...]]: shows pyalloc at work in a stock Debian kernel with
# 2 CPUs, in an emulated machine, on the allocations of a real Python program
# recorded here and now (scripts/guest/run.sh is what happens in there).  With
# -s the machine gives a prompt instead, with pyalloctop and the clients that are
# named: modules, or folders with a Kbuild, which are built for that kernel.
#
# PYALLOC_KERNEL names another of the test kernels than stock-6.12,
# PYALLOC_TRACE a trace to replay instead of a new recording.

. "$(dirname "$0")/lib.sh"

kernel=${PYALLOC_KERNEL:-stock-6.12}
trace=${PYALLOC_TRACE:-$top/build/traces/docstore.trc}
log=$top/build/run.log
shown=$top/build/run.txt

if [ ! -e "$trace" ]; then
	say "recording a Python program"
	mkdir -p "$(dirname "$trace")"
	quietly "$top/build/record.log" "$top/scripts/record/record.sh" "$trace"
fi
modules=$("$top/scripts/modules.sh" "$kernel")
options=(-f "$trace:/traces")
for module in "$modules"/pyalloc.ko "$modules"/{bench,samples/*}/*.ko; do
	[ ! -e "$module" ] || options+=(-m "$module")
done

# A guest has no libraries, and does not know what terminal it is on.
add_tools()
{
	local tools=$top/build/tools/static profile=$top/build/shell/profile
	local size

	need build-essential pkg-config libncurses-dev ncurses-base
	mkdir -p "$(dirname "$profile")"
	quietly "$top/build/tools.log" \
		make -C "$top/tools/pyalloctop" O="$tools" STATIC=1
	size=$(stty size 2> /dev/null || echo 24 80)
	echo "export TERM=${TERM:-linux}" > "$profile"
	echo "stty rows ${size% *} cols ${size#* }" >> "$profile"
	options+=(-f "$tools/pyalloctop:/bin" -f /lib/terminfo:/lib
		  -f "$profile:/etc")
}

# add_client PATH: a module, or all that a folder makes.
add_client()
{
	local dir words module

	if [ -d "$1" ]; then
		dir=$("$top/scripts/kernel.sh" "$kernel")
		mapfile -t words < <(kernel_words "$dir")
		# Type information for BPF would need one more tool.
		make -s -C "$dir/build" M="$(realpath "$1")" "${words[@]}" \
			PYALLOC="$top" CONFIG_DEBUG_INFO_BTF_MODULES= \
			KBUILD_EXTRA_SYMBOLS="$modules/Module.symvers" modules
		set -- "$1"/*.ko
	fi
	for module; do
		options+=(-m "$module")
	done
}

if [ "${1:-}" = -s ]; then
	shift
	add_tools
	for client; do
		add_client "$client"
	done
	say "booting $kernel"
	exec "$top/scripts/boot.sh" -s "${options[@]}" "$kernel" \
		"load && echo 'pyalloc is loaded: see it with pyalloctop;' \
		'insmod /modules/NAME.ko loads a client'"
fi
say "booting $kernel"

# The commands' own output is shown while it comes, the kernel's log is kept.
mkdir -p "$top/build"
: > "$shown"
"$top/scripts/boot.sh" -t 170 -l "$log" -o "$shown" "${options[@]}" \
	"$kernel" ". /guest/run.sh" &
boot=$!
tail -f -n +1 --pid="$boot" "$shown" | tr -d '\r'
status=0
wait "$boot" || status=$?
[ "$status" = 0 ] || say "that did not go well ($status): see $log"
exit "$status"
