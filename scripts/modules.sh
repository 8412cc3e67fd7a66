#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# modules.sh KERNEL [VARIANT [MAKE-ARGUMENT...]]: builds the modules for the
# test kernel KERNEL and prints the directory they are in.
#
# An out-of-tree build writes next to its sources, so each kernel (and each
# VARIANT of how to build for it) has a directory of links to the sources.
# PYALLOC_SOURCE names another source directory than this checkout.

. "$(dirname "$0")/lib.sh"

source=${PYALLOC_SOURCE:-$top}

# Links for all that a module build reads; links whose target is gone leave.
link_sources()
{
	local into=$1 entry file

	mkdir -p "$into"
	find "$into" -xtype l -delete
	for entry in Kbuild Kconfig include pyalloc kunit samples bench; do
		[ -e "$source/$entry" ] || continue
		(
			cd "$source"
			find "$entry" -type f \( -name '*.[chS]' ! -name '*.mod.c' \
				-o -name 'K*' -o -name Makefile \)
		) | while read -r file; do
			[ "$(readlink "$into/$file")" = "$source/$file" ] &&
				continue
			mkdir -p "$into/$(dirname "$file")"
			ln -sf "$source/$file" "$into/$file"
		done
	done
}

kernel=${1:?which kernel?}
variant=${2:-}
shift $(($# < 2 ? $# : 2))

need build-essential libelf-dev
[ -e "$source/Kbuild" ] || die "there is no $source/Kbuild"
dir=$("$top/scripts/kernel.sh" "$kernel")
into=$top/build/modules/$kernel${variant:+-$variant}
say "building the modules for $kernel${variant:+ ($variant)}: minutes, if it is the first time"
mkdir -p "$into"
(
	# Two runs in one directory would break each other's objects.
	flock 9
	link_sources "$into"
	mapfile -t words < <(kernel_words "$dir")
	# Type information for BPF would need one more tool, to no use here.
	quietly "$into.log" make -C "$dir/build" M="$into" "${words[@]}" \
		CONFIG_DEBUG_INFO_BTF_MODULES= -j"$(nproc)" "$@" modules
) 9> "$into.lock"
echo "$into"
