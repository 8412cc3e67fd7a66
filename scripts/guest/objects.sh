# SPDX-License-Identifier: GPL-2.0
# Python's objects on pyalloc, as a user has them: their sizes are CPython's,
# commands make and drop them, what is live is what was made, and all of it
# goes.

. /guest/debugfs.sh

# Where a checker watches each block, no object comes from a free list.
has_free_lists()
{
	! grep -qE ' (__asan_store1|kmemleak_alloc)$' /proc/kallsyms
}

objects=/sys/kernel/debug/pyobjects
heap=${objects_heap:-pyobjects}
objects_count=1000000
! is_slow || objects_count=100000

is_64_bit()
{
	[ "$(uname -m)" = x86_64 ] || [ "$(uname -m)" = aarch64 ]
}

# do_command COMMAND: its status is the answer.
do_command()
{
	tell $objects/command "$1"
}

# Commands that are to be done, one a line of the input.
do_all()
{
	local line

	while read -r line; do
		do_command "$line" || { echo "this failed: $line"; return 1; }
	done
}

# What the kernel says of pyobjects while a command runs, without the times.
# The log may lose its beginning meanwhile.
hear()
{
	local status=0

	echo "objects.sh hears" > /dev/kmsg
	"$@" || status=1
	dmesg | awk '/objects\.sh hears/ { n = 0; next }
		     sub(/.*pyobjects: /, "") { said[n++] = $0 }
		     END { for (i = 0; i < n; i++) print said[i] }' > /tmp/said
	cat /tmp/said
	return $status
}

# refuses WORDS COMMAND: it can't be done, and the log says so in these words.
refuses()
{
	if hear do_command "$2"; then
		echo "this was to be refused: $2"
		return 1
	fi
	grep -qF -- "$1" /tmp/said && return
	echo "'$2' was not refused with '$1'"
	return 1
}

# is NAME COLUMN VALUE: in the file objects.
is()
{
	local value

	value=$(cell $objects/objects "$2" "$1")
	[ "$value" = "$3" ] && return
	echo "the $2 of $1 is '$value' and should be '$3'"
	return 1
}

# reads NAME VALUE: so an object is written.
reads()
{
	local value

	value=$(sed -n "s/^$1 \([^ ]* \)\{9\}//p" $objects/objects |
		sed 's/^ *//')
	[ "$value" = "$2" ] && return
	echo "$1 reads '$value' and should read '$2'"
	return 1
}

live()
{
	cell $debugfs/types live "$1"
}

# === The lesson ===

teaches()
{
	insmod /modules/pyobjects.ko "objects=$objects_count"
}

# Of each kind the size is there, and CPython's.
sizes_are_pythons()
{
	awk '/^# type size cpython/ { n = 1; next }
	     n && $3 ~ /^[0-9]+$/ && $10 ~ /[a-z]/ {
		rows++
		kinds[$1]
		if ($2 != $3) {
			print "differs:", $0
			bad = 1
		}
	     }
	     END {
		for (kind in kinds)
			nr++
		exit bad || rows != 24 || nr != 10
	     }' /tmp/lesson &&
		grep -q '^17 of 17 sizes are those of CPython 3.11' /tmp/lesson
}

# from_is FROM EXPRESSION: the last one that the lesson made of it.
from_is()
{
	awk -v from="$1" -v expression="$2" '
		{
			text = $11
			for (i = 12; i <= NF; i++)
				text = text " " $i
		}
		text == expression { last = $10 }
		END {
			if (last != from)
				print expression, "is from", last, "and not", from
			exit last != from
		}' /tmp/lesson
}

# A second time those that have free lists come from there.
origins_are_told()
{
	from_is cache 100 && from_is cache None &&
		from_is cache "()" && from_is cache "''" &&
		from_is free-list 1.5 && from_is free-list "(1, 2, 3)" &&
		from_is free-list "[1, 2, 3, 4, 5]" &&
		from_is free-list '{"a": 1, "b": 2}' &&
		from_is heap 'ModuleType("m")' && from_is heap 10**100
}

# Blocks hold their objects; without debug hooks they are classes' sizes.
places_are_told()
{
	awk -v heap="$heap" '
		/^# type size cpython/ { n = 1; next }
		n && $6 ~ /^[0-9]+$/ {
			rows++
			if ($5 != heap || $6 < 24 || $7 !~ /^[0-9]+$/ ||
			    $8 !~ /^[0-9]+$/ || $9 !~ /^[0-9]+$/ || $4 < $2) {
				print "not a place:", $0
				bad = 1
			}
		}
		END { exit bad || rows < 20 }' /tmp/lesson
}

nothing_stays_of_churn()
{
	grep -q "^$objects_count short-lived objects, with those in them " \
		/tmp/lesson &&
		grep -q '^0 objects are left of them, and [1-9][0-9]* bytes went back to the kernel' \
			/tmp/lesson
}

# === Commands ===

# One a line; what they read.
makes()
{
	do_all <<- 'END' || return
	make small 100
	make big 2**30
	make huge 10**100
	make minus -10**20
	make zero -0
	make one 0.1
	make f -12345.0625
	make t 0.30000000000000004
	make s "hello world"
	make by b'abc'
	make li [1, [2.5, 'x'], (3,), {"k": None}]
	make tu (1, 2, 3)
	make di {"a": 1, "b": 2}
	make mixed {1: 1, 'x': [], 2.5: b""}
	make fn lambda: (1, 2)
	make mo ModuleType("m")
	make again li
	make paren (7)
	END
	reads small 100 && reads big 1073741824 &&
		reads huge "1$(printf '%0100d' 0)" &&
		reads minus -100000000000000000000 &&
		reads zero 0 && reads one 0.1 && reads f -12345.0625 &&
		reads t 0.30000000000000004 && reads s "'hello world'" &&
		reads by "b'abc'" && reads tu "(1, 2, 3)" &&
		reads li "[1, [2.5, 'x'], (3,), {'k': None}]" &&
		reads di "{'a': 1, 'b': 2}" &&
		reads mixed "{1: 1, 'x': [], 2.5: b''}" &&
		reads fn "<function: (1, 2)>" && reads mo "<module 'm'>" &&
		reads paren 7
}

# As CPython 3.11 has them; a small int has no block.
sizes_of_made()
{
	is huge size 72 && is minus size 36 && is f size 24 &&
		is by size 36 && is li size 88 && is mixed size 224 &&
		is fn size 152 && is mo size 72 && is paren blocks 0 &&
		is small heap - && is huge heap "$heap"
}

# References: a name's, a list's, the cache's.
counts_references()
{
	local refs

	is li refs 2 && is huge refs 1 || return
	refs=$(cell $objects/objects refs small)
	do_all <<- 'END' || return
	make hold [huge, huge, small]
	make more (huge, hold)
	END
	is huge refs 4 && is hold refs 2 && is small refs $((refs + 1)) &&
		do_command "drop hold" && is huge refs 4 &&
		do_command "drop more" && is huge refs 1 &&
		is small refs "$refs"
}

append_to_grow()
{
	do_command "append grow $1"
}

set_in_grow()
{
	do_command "set grow $1 None"
}

# grows ADD N:SIZE...: one item after the other is added, up to the last N; from
# the Nth on the size is that.
grows()
{
	local add=$1 n=1 size=
	shift

	while [ $# -gt 0 ]; do
		if [ "$n" = "${1%:*}" ]; then
			size=${1#*:}
			shift
		fi
		"$add" "$n" || return
		! is_64_bit || is grow size "$size" || return
		n=$((n + 1))
	done
}

# A list that outgrows its room gets an eighth and a little more.
list_grows()
{
	do_command "make grow []" &&
		grows append_to_grow 1:88 5:120 9:184 17:248 25:312 33:376 &&
		do_command "set grow 32 'last'" && do_command "drop grow"
}

# And a dict's table gets slots for three times its keys.
dict_grows()
{
	do_command "make grow {}" &&
		grows set_in_grow 1:224 6:352 11:632 22:1168 43:2264 86:4688 \
			171:9304 &&
		do_command "set grow 171 5" && do_command "drop grow"
}

sets()
{
	do_all <<- 'END' || return
	make d {}
	set d "x" [1]
	set d "x" 2
	set d 3 d
	make l [1, 2, 3]
	set l 1 "two"
	set l 0 b''
	append l l
	set mo "answer" 42
	END
	reads d "{'x': 2, 3: {'x': 2, 3: {'x': 2, 3: {'x': 2, 3: ...}}}}" &&
		reads l "[b'', 'two', 3, [b'', 'two', 3, [b'', 'two', 3, [b'', 'two', 3, ...]]]]"
}

# What only refers to itself is left by counts, and not by the collector; what
# somebody else refers to it leaves alone.
collects()
{
	local before

	do_command collect && before=$(live list) || return
	do_all <<- 'END' || return
	make keep [1]
	make a [keep]
	make b (a, [2])
	append a b
	append a a
	append keep "x"
	drop a
	drop b
	END
	[ "$(live list)" = $((before + 3)) ] && is keep refs 2 || return
	hear do_command collect && grep -qx \
		'collected 3 objects that only referred to each other' \
		/tmp/said && is keep refs 1 && reads keep "[1, 'x']" &&
		[ "$(live list)" = $((before + 1)) ]
}

# Deeper than a stack is, one in the other.
drops_deep()
{
	local before n

	before=$(live list)
	do_command "make deep []" || return
	for n in $(seq 2000); do
		do_command "make deep [deep]" || return
	done
	[ "$(live list)" = $((before + 2001)) ] &&
		do_command "drop deep" && [ "$(live list)" = "$before" ]
}

shows()
{
	hear do_command "show huge" || return
	grep -q '^huge int 72 [0-9]* 1 ' /tmp/said &&
		[ "$(wc -l < /tmp/said)" = 2 ] || return
	hear do_command show &&
		[ "$(wc -l < /tmp/said)" = "$(wc -l < $objects/objects)" ]
}

refuses_all()
{
	local before deep long

	cat $objects/objects > /tmp/before
	before=$(live list) deep="[[[[[[[[[]]]]]]]]]"
	long=$(seq -s , 600)
	refuses "a command is" "paint x" &&
		refuses "a command is" "" &&
		refuses "can't be a name" "make 1x 5" &&
		refuses "can't be a name" "make None 5" &&
		refuses "can't be a name" "make" &&
		refuses "can't be a name" \
			"make abcdefghijklmnopqrstuvwxyzabcdefg 5" &&
		refuses "an expression is missing" "make x" &&
		refuses "something follows" "make x 1 2" &&
		refuses "no such name" "make x [1, [2], nobody]" &&
		refuses "a comma or the end" "make x [[1], (2), {3: 4} 5" &&
		refuses "a comma or the end" "make x [1" &&
		refuses "an expression is missing" "make x [1," &&
		refuses "a string has no end" "make x [[1], \"y" &&
		refuses "printable ASCII" "make x '\\n'" &&
		refuses "a colon follows a key" "make x {1, 2}" &&
		refuses "a key is" "make x {[1]: 2}" &&
		refuses "a key is" "set di () 1" &&
		refuses "too deep" "make x $deep" &&
		refuses "an int is too large" "make x [[], 10**904]" &&
		refuses "an int is too large" "make x 9999999999**2" &&
		refuses "an exponent" "make x 2**-1" &&
		refuses "too many digits" "make x 0.1234567890123456789" &&
		refuses "a number has digits" "make x -" &&
		refuses "a module has a name" "make x ModuleType(1)" &&
		refuses "only a list" "append di 1" &&
		refuses "no such name" "append nobody 1" &&
		refuses "no such item" "set li 4 1" &&
		refuses "no such item" "set li -1 1" &&
		refuses "no such item" "set li 'a' 1" &&
		refuses "has items to set" "set tu 0 1" &&
		refuses "no such name" "drop nobody" &&
		refuses "one name" "drop li di" &&
		refuses "no such name" "show nobody" &&
		refuses "churn takes" "churn many" &&
		refuses "collect stands" "collect x" &&
		! do_command "make x [$long]" || return
	cmp $objects/objects /tmp/before &&
		[ "$(live list)" = "$before" ]
}

too_many_items()
{
	refuses "too many items" \
		"make x [$(printf '%0.s1,' $(seq 250))[$(printf '%0.s2,' $(seq 7))]]"
}

too_many_names()
{
	local n=0

	while do_command "make n$n None"; do
		n=$((n + 1))
		[ $n -le 1000 ] || break
	done
	[ "$n" -gt 900 ] && [ "$n" -lt 1000 ] || return
	do_command "make n0 1" || return
	while [ $n -gt 0 ]; do
		n=$((n - 1))
		do_command "drop n$n" || return
	done
}

# === What pyalloc says of it ===

# In the types' table is what was made, and in the heap's.
counts_live()
{
	local floats lists tables blocks

	floats=$(live float) lists=$(live list) tables=$(live dict_table)
	blocks=$(cell $debugfs/heaps blocks "$heap")
	do_command "make x [1.5, 2.5, 3.5, [], {'a': 1}]" || return
	[ "$(live float)" = $((floats + 3)) ] &&
		[ "$(live list)" = $((lists + 2)) ] &&
		[ "$(live dict_table)" = $((tables + 1)) ] &&
		[ "$(cell $debugfs/heaps blocks "$heap")" -gt "$blocks" ] ||
		return
	do_command "drop x" || return
	[ "$(live float)" = "$floats" ] && [ "$(live list)" = "$lists" ] &&
		[ "$(live dict_table)" = "$tables" ]
}

# Lists are served by their free list: a second one makes no miss.
free_list_serves()
{
	local misses hits

	do_command "make x [1]" && do_command "drop x" || return
	misses=$(cell $debugfs/types misses list)
	hits=$(cell $debugfs/types hits list)
	do_command "make x [2]" && do_command "drop x" || return
	[ "$(cell $debugfs/types misses list)" = "$misses" ] &&
		[ "$(cell $debugfs/types hits list)" -gt "$hits" ]
}

arena_bytes()
{
	cell $debugfs/heaps arena_bytes "$heap"
}

# With reclaim the arenas of what was dropped go back.
gives_back()
{
	local before held after i

	echo 1 > $debugfs/reclaim
	before=$(arena_bytes)
	do_command "make x []" || return
	for i in $(seq 3000); do
		do_command "append x '$(printf '%0200d' "$i")'" || return
	done
	held=$(arena_bytes)
	do_command "drop x" && echo 1 > $debugfs/reclaim || return
	after=$(arena_bytes)
	echo "arenas: $before bytes before, $held held, $after after"
	[ "$held" -gt $((before + 600000)) ] && [ "$after" -le $((before + 65536)) ]
}

churns()
{
	hear do_command "churn 50000" || return
	grep -q '^50000 short-lived objects' /tmp/said &&
		grep -q '^0 objects are left of them' /tmp/said
}

# With names, and with a cycle that nobody collected.
leaves_nothing()
{
	do_command "make left [1.5, 'x']" &&
		do_command "append left left" &&
		hear rmmod pyobjects && grep -qx 'nothing is left' /tmp/said
}

heap_is_gone()
{
	[ -z "$(cell $debugfs/heaps blocks pyobjects)" ] &&
		[ ! -e $debugfs/heap/pyobjects ] &&
		[ -z "$(live list)" ] && [ "$(total $debugfs/domains blocks)" = 0 ]
}

comes_again()
{
	hear insmod /modules/pyobjects.ko objects=0 &&
		grep -q '^17 of 17' /tmp/said || ! is_64_bit || return
	hear rmmod pyobjects && grep -qx 'nothing is left' /tmp/said
}

begin_leaks
try objects-load load
hear teaches > /tmp/taught 2>&1
cp /tmp/said /tmp/lesson
try objects-lesson cat /tmp/lesson
if loaded pyobjects; then
	! is_64_bit || try objects-sizes sizes_are_pythons
	! has_free_lists || try objects-origins origins_are_told
	try objects-places places_are_told
	try objects-churned nothing_stays_of_churn
	try objects-make makes
	! is_64_bit || try objects-sizes-made sizes_of_made
	try objects-references counts_references
	try objects-list-grows list_grows
	try objects-dict-grows dict_grows
	try objects-set sets
	try objects-show shows
	try objects-refused refuses_all
	try objects-many-items too_many_items
	try objects-many-names too_many_names
	try objects-collect collects
	try objects-deep drops_deep
	try objects-live counts_live
	! has_free_lists || try objects-free-list free_list_serves
	try objects-gives-back gives_back
	try objects-churn churns
	try check-after-objects check_ok
	try objects-leave leaves_nothing
	try objects-heap-gone heap_is_gone
	try objects-again comes_again
fi
try objects-unload unload
try_leaks objects-kmemleak
