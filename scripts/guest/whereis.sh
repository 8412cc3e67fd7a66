# SPDX-License-Identifier: GPL-2.0
# debugfs whereis: blocks of every kind, free ones and what was given back are
# told as what they are; garbage is refused, any address answers, two who ask
# don't disturb each other, nor does a load.

. /guest/debugfs.sh

whereis=$pyalloc/whereis
known=/sys/kernel/debug/pyalloc_known

load_known()
{
	load "$@" && insmod /modules/pyalloc_known.ko
}

unload_known()
{
	rmmod pyalloc_known && unload
}

address_of()
{
	cell $known address "$1"
}

# answer NAME COLUMN: what is told of a known block.
answer()
{
	tell $whereis "$(address_of "$1")" && cell $whereis "$2"
}

# expect NAME COLUMN WORD...: it is one of the words.
expect()
{
	local name=$1 column=$2 is word
	shift 2

	is=$(answer "$name" "$column")
	for word; do
		[ "$is" != "$word" ] || return 0
	done
	echo "$name: $column is '$is', not '$*'"
	cat $whereis
	return 1
}

# expect_all ROW...: each `NAME COLUMN WORD...`
expect_all()
{
	local row status=0

	for row; do
		# shellcheck disable=SC2086 # words
		expect $row || status=1
	done
	return $status
}

# Before anybody asked there is the line of names, and nothing else.
nothing_asked()
{
	[ "$(wc -l < $whereis)" = 1 ] && head -n 1 $whereis | grep '^# address '
}

free_states='front depot free quarantine empty hole none'

live_blocks()
{
	expect_all 'mem state live' 'mem heap default' 'mem offset 0' \
		'object state live' 'object kind plain' \
		'private state live' 'private heap known' 'private size 512' \
		'private-large state live' 'private-large heap known' \
		'private-large kind raw' 'private-large bytes 3000' \
		'typed state live' 'thin heap known-thin' \
		'text state none'
}

# Its heap was destroyed, and nobody took memory since.
gone_blocks()
{
	expect gone state none
}

# A kernel that watches each block has no list for it to lie on.
freed_blocks()
{
	expect_all "freed state $free_states" \
		"private-freed state $free_states" \
		"typed-freed state list $free_states"
}

# Of what was thinned out pages go back, and whose they were is known as long
# as nobody else has them.
given_back()
{
	local address found=
	tell $pyalloc/reclaim 1 || return
	expect_all 'private-freed state free' 'thin state live' \
		'private state live' || return
	# One in some: each asks each CPU.
	awk '$1 == "thin-freed" && n++ % 16 == 0 { print $2 }' $known > /tmp/thin
	while read -r address; do
		tell $whereis "$address" || return
		found="$found $(cell $whereis state)"
	done < /tmp/thin
	echo "$found" | tr ' ' '\n' | sort | uniq -c
	case $found in
	*live*) return 1 ;;
	*hole*) return 0 ;;
	esac
	# Arenas from vmalloc get no holes.
	[ "$(cat /sys/module/pyalloc/parameters/arena_source)" = vmalloc ]
}

# Nothing of it is taken, and what was asked before stays.
refuses_garbage()
{
	local before word status=0

	tell $whereis "$(address_of mem)" || return
	before=$(cut -d ' ' -f 1 < $whereis)
	for word in '' ' ' 0x 0xg 'ffff ffff' 0x123,0x456 -1 +-1 \
		    10000000000000000 0xfffffffffffffffff0 \
		    "$(printf '0x%070x' 1)"; do
		if tell $whereis "$word"; then
			echo "it took '$word'"
			status=1
		fi
	done
	# busybox's head and printf would not say that they were refused.
	head -c 30 /dev/zero > /tmp/zeros
	{ printf 0x10; head -c 1 /dev/zero; echo 0x20; } > /tmp/inside
	for word in /tmp/zeros /tmp/inside; do
		! cat $word 2> /dev/null > $whereis || status=1
	done
	[ "$(cut -d ' ' -f 1 < $whereis)" = "$before" ] && return $status
}

# The kernel writes addresses with and without 0x.
takes_both_ways()
{
	local address
	address=$(address_of mem)

	tell $whereis "${address#0x}" && [ "$(cell $whereis state)" = live ] &&
		printf '%s' " $address " > $whereis &&
		[ "$(cell $whereis address)" = "$address" ]
}

any_address()
{
	local address status=0 width=16
	grep -q '^[0-9a-f]\{16\} ' /proc/kallsyms || width=8

	for address in 0 1 fff 1000 400000 7ffffffff000 7fffffffffff \
		       800000000000 8000000000000000 ffff000000000000 \
		       ffff800000000000 ffffc90000000000 ffffea0000000000 \
		       ffffffff80000000 fffffffffffff000 ffffffffffffffff \
		       c0000000 ffffffff fffff000 80000000; do
		[ ${#address} -le $width ] || continue
		tell $whereis $address &&
			[ "$(cell $whereis address)" = "0x${address#0}" ] ||
			[ $address = 0 ] || status=1
		grep -q ' none - - - -$' $whereis || { cat $whereis; status=1; }
	done
	return $status
}

# The one has a descriptor of his own, the others the last that was asked.
two_ask()
{
	local mine other
	mine=$(address_of mem)
	other=$(address_of private)

	exec 3<> $whereis
	echo "$mine" >&3 && tell $whereis "$other" || return
	cat <&3 > /tmp/mine
	[ "$(cell /tmp/mine address)" = "$mine" ] &&
		[ "$(cell $whereis address)" = "$other" ] || return
	echo "$other" >&3
	cat <&3 > /tmp/mine
	exec 3>&-
	[ "$(cell /tmp/mine heap)" = known ]
}

# What was allocated in the trace has its call site; the others have none.
traced_blocks()
{
	local name status=0

	for name in mem object raw large private private-large; do
		expect "$name" state live || status=1
		grep -q 'known_make.*\[pyalloc_known\]' $whereis ||
			{ cat $whereis; status=1; }
	done
	expect_all 'mem bytes 100' 'mem domain mem' 'object domain object' \
		'raw domain raw' 'raw bytes 300' 'large kind raw' || status=1
	return $status
}

# The client's pointer is 16 bytes into a decorated block.
decorated_blocks()
{
	expect_all 'mem state live' 'mem kind decorated' 'mem offset 16' \
		'mem bytes 100' 'mem domain mem' 'object domain object' \
		'large kind decorated-raw' 'large bytes 2000' \
		'private bytes 512' 'freed state quarantine'
}

# ask_on: all that is known, again and again, while others are at work.
ask_on()
{
	local status=0

	while [ -e /tmp/asking ]; do
		live_blocks || status=1
	done
	echo $status > /tmp/asked
}

under_load()
{
	local status=0

	insmod /modules/pytorture.ko && touch /tmp/asking || return
	ask_on &
	torture_run 20000 || status=1
	rm /tmp/asking
	wait
	rmmod pytorture && [ "$(cat /tmp/asked)" = 0 ] && return $status
}

# Once the client is gone nothing of it is live.
client_gone()
{
	local address status=0

	awk '!/^#/ { print $2 }' $known | head -n 40 > /tmp/addresses
	rmmod pyalloc_known || return
	while read -r address; do
		tell $whereis "$address" || status=1
		[ "$(cell $whereis state)" != live ] ||
			{ cat $whereis; status=1; }
	done < /tmp/addresses
	return $status
}

try whereis-load load
try whereis-nothing-asked nothing_asked
try whereis-unload unload
try whereis-load-known load_known
try whereis-live live_blocks
try whereis-gone gone_blocks
try whereis-freed freed_blocks
try whereis-given-back given_back
try whereis-garbage refuses_garbage
try whereis-both-ways takes_both_ways
try whereis-any-address any_address
try whereis-two-ask two_ask
try whereis-under-load under_load
try whereis-client-gone client_gone
try whereis-check check_ok
try whereis-unload-2 unload
try whereis-load-traced load_known tracemalloc=4
try whereis-traced traced_blocks
try whereis-unload-traced unload_known
try whereis-load-hooks load_known allocator=debug
try whereis-hooks decorated_blocks
try whereis-unload-hooks unload_known
try whereis-load-vmalloc load_known arena_source=vmalloc
try whereis-vmalloc live_blocks
try whereis-vmalloc-given-back given_back
try whereis-unload-vmalloc unload_known
