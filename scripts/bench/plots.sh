#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# plots.sh DIR: draws the tables in DIR as DIR/*.svg, as far as they are
# there.  Without gnuplot it says so, and that is all.

. "$(dirname "$0")/../lib.sh"

here=$top/scripts/bench
dir=${1:?whose tables?}

# columns TABLE WORKLOADS KERNELS METRIC LABEL COLUMN...: the chosen rows of a
# table with a label each and those columns, for gnuplot.  WORKLOADS and
# KERNELS are regular expressions.  LABEL is an expression for sed that makes
# a label of `workload,kernel,CPUs`.
columns()
{
	local table=$1 workloads=$2 kernels=$3 metric=$4 label=$5
	shift 5

	awk -v FS='\t' -v workloads="$workloads" -v kernels="$kernels" \
		-v metric="$metric" -v wanted="$*" '
		NR == 1 {
			sub(/^# */, "")
			for (i = 1; i <= NF; i++)
				at[$i] = i
			n = split(wanted, columns, " ")
			next
		}
		$1 ~ workloads && $2 ~ kernels && $4 ~ metric {
			line = $1 "," $2 "," $3
			found = 0
			for (i = 1; i <= n; i++) {
				text = columns[i] in at ? $at[columns[i]] : "-"
				found += text ~ /^[-0-9.]+$/ && text != "-"
				line = line "\t" text
			}
			if (found)
				print line
		}' "$dir/$table.tsv" |
		sed -E "s/^([^\t]*)\t/\1\n/; h; s/\n.*//; $label; G
			s/^([^\n]*)\n[^\n]*\n/\1\t/"
}

# draw KIND NAME TITLE AXIS TABLE WORKLOADS KERNELS METRIC LABEL COLUMN...
draw()
{
	local kind=$1 name=$2 title=$3 axis=$4
	shift 4

	[ -e "$dir/$1.tsv" ] || return 0
	columns "$@" > "$dir/plot.data"
	[ -s "$dir/plot.data" ] || return 0
	gnuplot -c "$here/plot.gnuplot" "$kind" "$dir/plot.data" \
		"$dir/$name.svg" "$title" "$axis" "${*:6}" || failed=1
	rm -f "$dir/plot.data"
}

# No plot is to outlive its table.
rm -f "$dir"/*.svg
command -v gnuplot > /dev/null || (need gnuplot-nox) || true
if ! command -v gnuplot > /dev/null; then
	say "no gnuplot: there are no plots; the tables are whole"
	exit 1
fi

failed=0
kernel='s/^[^,]*,//; s/,[^,]*$//; s/stock-//; s/ init_on_alloc=1/\\nzeroing/'
workload='s/,.*//'
after_dash='s/,.*//; s/^[^-]*-//'

draw bars pairs "A malloc and a free of 64 bytes, size not constant" \
	"instructions" pairs '^pair$' stock '^instructions$' "$kernel" \
	kmalloc cache mempool mem
draw bars pairs-ns "A malloc and a free of 64 bytes, size not constant" \
	"ns" pairs '^pair$' uml '^ns$' "$workload" \
	kmalloc cache mempool mem python glibc
draw lines sizes "A malloc and a free, by size, 6.12, blocks zeroed" \
	"instructions" sizes . '^stock-6.12 init' '^instructions$' "$after_dash" \
	kmalloc cache mem
draw lines sizes-ns "A malloc and a free, by size, User-Mode Linux" \
	"ns" sizes . uml '^ns$' "$after_dash" kmalloc cache mem
draw bars live "Many blocks of 64 bytes, then all freed: one of them, 6.12" \
	"instructions" live . '^stock-6.12$' '^instructions$' "$after_dash" \
	kmalloc cache mempool mem
draw bars live-ns \
	"Many blocks of 64 bytes, then all freed: one of them, User-Mode Linux" \
	"ns" live . uml '^ns$' "$after_dash" kmalloc cache mempool mem
draw bars bulk "256 blocks of 64 bytes in one call: one of them" \
	"instructions" bulk . stock '^instructions$' "$kernel" \
	kmalloc cache-bulk mem-bulk
draw logarithmic growth "A malloc and a free while many blocks are live" \
	"ns" growth growth- uml '^ns$' "$after_dash" kmalloc cache mem
draw bars threads "Several CPUs, emulated: the time, kmalloc being 1" \
	"share of kmalloc's time" threads . . '^ns$' \
	's/,[^,]*,/\\n/; s/$/ CPUs/' cache/kmalloc mem/kmalloc
draw bars classic "Benchmarks of other allocators, User-Mode Linux" "ns" \
	classic . uml '^ns$' "$workload" kmalloc cache mem
draw bars traces "Recorded Python programs, replayed" "ns an operation" \
	traces . uml '^ns$' "$after_dash" kmalloc cache mem python glibc
draw bars memory "Memory held at the peak, for requests of up to 512 bytes" \
	"bytes held for a byte requested" memory . . held_bytes \
	"$after_dash" kmalloc/requested cache/requested \
	mem/requested
exit $failed
