#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tables_test.sh: is tables.awk right about rows made by hand?  The last line
# is `N passed, N failed`.

. "$(dirname "$0")/../lib.sh"

here=$top/scripts/bench
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

# The spaces of what stands below are tabs; a ~ is a space.
tabbed()
{
	sed 's/  */\t/g; s/~/ /g'
}

# make_tables: the four inputs lie in $work.
make_tables()
{
	status=0
	awk -v dir="$work" -f "$here/tables.awk" input=tables "$work/tables" \
		input=wanted "$work/wanted" input=reasons "$work/reasons" \
		input=results "$work/results" > "$work/printed" 2>&1 ||
		status=$?
}

judge()
{
	local what=$1
	shift

	if "$@"; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	echo "FAIL tables: $what"
	sed 's/^/     | /' "$work/printed"
}

status_is()
{
	[ "$status" = "$1" ]
}

# has FILE LINE: the line, all of it, with its columns by one space each.
has()
{
	tr -s ' \t' ' ' < "$work/$1" | sed 's/^ //' | grep -qxF -- "$2"
}

lacks()
{
	! has "$@"
}

start()
{
	tabbed > "$work/tables" << 'END'
pairs   kmalloc   workload all      both  a~title
sizes   kmalloc   kernel   ^size-8$ both  some~are~printed
threads kmalloc   kernel   all      ratio several~CPUs
memory  requested kernel   all      both  memory
END
	tabbed > "$work/wanted" << 'END'
pairs   pairs   pair      none    k1   1 ns         k1     none    ns
pairs   pairs   pair      kmalloc k1   1 ns         k1     kmalloc ns
pairs   pairs   pair      mem     k1   1 ns         k1     mem     ns
pairs   pairs   pair      kmalloc k~2  1 ns         k~2    kmalloc ns
pairs   pairs   pair      mem     k~2  1 ns         k~2    mem     ns
pairs   pairs   pair      python  k1   1 ns         native python  ns
sizes   sizes   size-8    kmalloc k1   1 ns         k1     kmalloc ns
sizes   sizes   size-8    mem     k1   1 ns         k1     mem     ns
sizes   sizes   size-16   kmalloc k1   1 ns         k1     kmalloc ns
threads threads larson    kmalloc k1   2 ns         k1     kmalloc ns
threads threads larson    mem     k1   2 ns         k1     mem     ns
memory  memory  peak-a requested  k1   1 held_bytes k1     mem requested_bytes
memory  memory  peak-a mem        k1   1 held_bytes k1     mem     held_bytes
memory  memory  peak-b requested  k1   1 held_bytes k1     mem requested_bytes
memory  memory  peak-b mem        k1   1 held_bytes k1     mem     held_bytes
END
	: > "$work/reasons"
	tabbed > "$work/results" << 'END'
# workload allocator kernel cpus metric value
pair    none    k1     1 ns 2
pair    kmalloc k1     1 ns 200.00
pair    mem     k1     1 ns 50.00
pair    kmalloc k~2    1 ns 0
pair    mem     k~2    1 ns 12.34
pair    python  native 1 ns 100
size-8  kmalloc k1     1 ns 8
size-8  mem     k1     1 ns 2
size-16 kmalloc k1     1 ns 16
larson  kmalloc k1     2 ns 1000
larson  mem     k1     2 ns 333
peak-a  mem     k1     1 requested_bytes 1024
peak-a  mem     k1     1 held_bytes      2048
peak-b  mem     k1     1 requested_bytes 3072
peak-b  mem     k1     1 held_bytes      3072
END
}

# spoil FILE EXPRESSION: changes an input with sed, which has to change it.
spoil()
{
	cp "$work/$1" "$work/before"
	sed -i "$2" "$work/$1"
	! cmp -s "$work/$1" "$work/before" || die "nothing in $1 is like $2"
}

start
make_tables
judge 'all is there' status_is 0
judge 'the title' has printed '== pairs: a title =='
judge 'a row for people' has printed 'k1, ns 2 200 50.0 0.25 100'
judge 'a kernel with a space, no ratio to nothing' \
	has printed 'k 2, ns 0 12.3'
judge 'a row for programs' has pairs.tsv 'pair k1 1 ns 2 200.00 50.00 0.25 100 -'
judge 'the columns' has pairs.tsv \
	'# workload kernel cpus metric none kmalloc mem mem/kmalloc python python/kmalloc'
judge 'a row that is printed' has printed 'size-8, ns 8 2 0.25'
judge 'a row that is not' lacks printed 'size-16, ns 16'
judge 'but is in the file' has sizes.tsv 'size-16 k1 1 ns 16 - -'
judge 'ratios alone' has printed 'larson, ns 1 0.33'
judge 'both in the file' has threads.tsv 'larson k1 2 ns 1000 333 0.33'
judge 'bytes' has printed 'peak-a, held 1 KiB 2 KiB 2.00'
judge 'their sum' has printed 'sum, held 4 KiB 5 KiB 1.25'
judge 'no gaps' [ "$(wc -l < "$work/gaps.tsv")" = 1 ]

start
spoil results '/^pair\tmem\tk1/d'
printf 'pairs\tk1\t1\tit burned\n' > "$work/reasons"
make_tables
judge 'a gap is a failure' status_is 1
judge 'a gap is shown' has printed 'k1, ns 2 200 - 100'
judge 'with its reason' has printed '! 1 missing, k1, 1 CPU: it burned'
judge 'for programs, too' has gaps.tsv 'pairs pair mem k1 1 ns it burned'
judge 'the other rows stand' has printed 'k 2, ns 0 12.3'

start
spoil results '/^larson\tkmalloc/d'
make_tables
judge 'no ratio to a gap' has printed 'larson, ns -'
judge 'a gap without a reason' has printed \
	'! 1 missing, k1, 2 CPUs: nothing was said of it'

start
spoil results 's/^\(size-8\tmem\t.*\)\t2$/\1\tfailed/'
make_tables
judge 'what failed is missing' status_is 1
judge 'and shown' has printed 'size-8, ns 8 failed'

start
spoil results '/^peak-b\tmem\tk1\t1\theld/d'
make_tables
judge 'no sum of gaps' [ "$(grep -c sum, "$work/printed")" = 0 ]

start
spoil results '/^#/!d'
make_tables
judge 'nothing at all is a failure' status_is 1
judge 'of every cell' [ "$(wc -l < "$work/gaps.tsv")" = 16 ]

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
