#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# debuggers-test.sh: boots a kernel with DWARF and a client whose blocks are
# known, and compares what debugfs says of them with what drgn reads out of a
# dump of the guest, and gdb out of the live guest and of the dump.  Blocks are
# traced, then decorated, then as they come.
# The last line is `N passed, N failed`; logs stay in build/debuggers.

. "$(dirname "$0")/lib.sh"

kernel=x86-dump
limit=900
out=$top/build/debuggers
passed=0
failed=0
guest=
state=

# try NAME COMMAND...
try()
{
	local name=$1
	shift

	if "$@" > "$out/output" 2>&1; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	echo "FAIL $name"
	sed 's/^/     | /' "$out/output" | head -n 30
}

# === The guest ===

# Sockets have short names.
sockets=$(mktemp -d)
trap 'end_guest; rm -rf "$sockets"' EXIT

end_guest()
{
	[ -n "$guest" ] || return 0
	"$top/scripts/debugger/qmp.py" "$sockets/qmp" quit 2> /dev/null || true
	# It ends by itself then; boot.sh has a time limit besides.
	wait "$guest" || true
	guest=
}

said()
{
	tr -d '\r' < "$out/said"
}

# Until the guest stays as it is; it is not asked for longer than boot.sh waits.
await_guest()
{
	until said 2> /dev/null | grep -q '^debuggers: ready'; do
		kill -0 "$guest" 2> /dev/null || return 1
		sleep 0.2
	done
}

# start_guest COMMAND
start_guest()
{
	local machine="-device vmcoreinfo"

	machine+=" -qmp unix:$sockets/qmp,server=on,wait=off"
	machine+=" -gdb unix:$sockets/gdb,server=on,wait=off"
	rm -f "$out/said" "$out/vmcore" "$sockets"/*
	"$top/scripts/boot.sh" -M 256 -t $limit -l "$out/$1.log" \
		-o "$out/said" -q "$machine" \
		-m "$modules/pyalloc.ko" -m "$modules/kunit/pyalloc_known.ko" \
		$kernel ". /guest/debuggers.sh; debuggers_stay $*" \
		> "$out/boot.log" 2>&1 &
	guest=$!
	await_guest
}

dump()
{
	"$top/scripts/debugger/qmp.py" "$sockets/qmp" dump "$out/vmcore"
}

# === The debuggers ===

# Each answers the helper's commands, a line each of its input.

with_drgn()
{
	local line words

	while read -r line; do
		read -ra words <<< "$line"
		drgn -q -c "$out/vmcore" -s "$vmlinux" \
			"$top/scripts/drgn/pyalloc.py" \
			-m "$modules/pyalloc.ko" "${words[@]}" || return
	done
}

# with_gdb COMMAND...: what gdb does to see the guest
with_gdb()
{
	local commands=() line

	for line; do
		commands+=(-ex "$line")
	done
	commands+=(-ex "source $top/scripts/gdb/pyalloc-gdb.py"
		-ex "pyalloc types $modules/pyalloc.ko")
	while read -r line; do
		commands+=(-ex "pyalloc $line")
	done
	timeout $limit gdb -q -nx -batch -ex 'set confirm off' \
		-ex 'set height 0' -ex 'set width 0' -ex "file $vmlinux" \
		"${commands[@]}" < /dev/null > "$out/gdb" || return
	# gdb tells where the guest stands, and that it lets it go.
	sed -n '/^# /,$p' "$out/gdb" | grep -v '^\[Inferior'
}

live_gdb()
{
	with_gdb "target remote $sockets/gdb"
}

dump_gdb()
{
	with_gdb "core-file $out/vmcore"
}

# === What is compared ===

# Frames without their functions' sizes, which debuggers leave out, and nothing
# of ages.
plain()
{
	sed -E 's,(\+0x[0-9a-f]+)/0x[0-9a-f]+,\1,g' |
		awk '/^0x/ { $15 = "-" } { print }'
}

# The heap that is mostly free is trimmed as time goes by, if it was not
# reclaimed: then nothing is compared of it.
settled()
{
	if [ "$state" = reclaimed ]; then
		cat
	else
		grep -v known-thin
	fi
}

known()
{
	said | awk -v name="$1" '$1 == "known:" && $2 == name { print $3; exit }'
}

# same_whereis DEBUGGER
same_whereis()
{
	said | sed -n 's/^whereis: //p' | plain | settled > "$out/expected"
	[ -s "$out/expected" ] || return
	cut -d ' ' -f 1 "$out/expected" | xargs -n 50 echo whereis |
		"$1" > "$out/answer" || return
	grep '^0x' "$out/answer" | plain > "$out/got"
	diff "$out/expected" "$out/got"
}

# The columns that both have.
pick_heaps()
{
	awk '/^# name/ { for (i = 2; i <= NF; i++) at[$i] = i - 1; next }
	     { print $at["name"], $at["classes"], $at["blocks"],
		     $at["cached_blocks"], $at["pools"], $at["arenas"],
		     $at["arena_bytes"] }'
}

same_heaps()
{
	said | sed -n 's/^heaps: //p' | pick_heaps | settled > "$out/expected"
	[ -s "$out/expected" ] || return
	echo heaps | "$1" > "$out/answer" || return
	sed -n '/^# name/,$p' "$out/answer" | pick_heaps | settled > "$out/got"
	diff "$out/expected" "$out/got"
}

same_arenas()
{
	local heap

	for heap in $(printf '%s\n' default known known-thin | settled); do
		said | sed -n "s/^arenas $heap: //p" > "$out/expected"
		[ -s "$out/expected" ] || return
		echo "arenas $heap" | "$1" > "$out/answer" || return
		sed -n '/^# id/,$p' "$out/answer" > "$out/got"
		diff "$out/expected" "$out/got" || return
	done
}

# A line a block: whereis says the same of each.
same_pool()
{
	local address

	# In a pool with decorations too, where it is not the block's beginning.
	address=$(known mem)
	echo "pool $address" | "$1" > "$out/answer" || return
	grep '^[0-9]' "$out/answer" | awk '{ print $2, $3 }' > "$out/blocks"
	grep ' live$' "$out/blocks" || return
	cut -d ' ' -f 1 "$out/blocks" | xargs -n 50 echo whereis |
		"$1" > "$out/answer" || return
	grep '^0x' "$out/answer" | awk '{ print $1, $12 }' > "$out/got"
	diff "$out/blocks" "$out/got"
}

# The call sites are in what was compared: they are there at all.
has_sites()
{
	said | grep '^whereis:' | grep -c "$1"
}

has_states()
{
	local state

	for state; do
		said | awk -v state="$state" '
			$1 == "whereis:" && $13 == state { n++ }
			END { exit !n }' || { echo "no $state"; return 1; }
	done
}

try_debugger()
{
	local table

	for table in whereis heaps arenas pool; do
		try "$1: $2: $table" "same_$table" "$2"
	done
}

# === What goes wrong ===

# refuses WORDS COMMAND...: it fails, and says so in these words.
refuses()
{
	local text=$1
	shift

	! "$@" > "$out/refusal" 2>&1 || return
	cat "$out/refusal"
	grep -q "$text" "$out/refusal" && ! grep -q Traceback "$out/refusal"
}

drgn_says()
{
	drgn -q -c "$out/vmcore" -s "$vmlinux" "$top/scripts/drgn/pyalloc.py" \
		"$@"
}

gdb_says()
{
	gdb -q -nx -batch -ex "source $top/scripts/gdb/pyalloc-gdb.py" "$@" \
		< /dev/null
}

try_mistakes()
{
	local ko=$modules/pyalloc.ko

	try "drgn: no address" refuses 'not an address' \
		drgn_says -m "$ko" whereis here
	try "drgn: no command" refuses 'it is whereis' drgn_says -m "$ko" where
	try "drgn: no heap" refuses 'no heap nosuch' \
		drgn_says -m "$ko" arenas nosuch
	try "drgn: no pool" refuses 'lies in no' drgn_says -m "$ko" pool 1000
	try "drgn: no module" refuses '/nosuch.ko' \
		drgn_says -m /nosuch.ko heaps
	try "drgn: not a module" refuses . drgn_says -m /etc/passwd heaps
	try "drgn: no types" refuses 'debug information' drgn_says heaps
	try "gdb: no kernel" refuses 'vmlinux' gdb_says -ex 'pyalloc heaps'
	try "gdb: no types" refuses 'debug information' gdb_says \
		-ex "file $vmlinux" -ex "core-file $out/vmcore" \
		-ex 'pyalloc heaps'
	try "gdb: no module" refuses '/nosuch.ko' \
		gdb_says -ex 'pyalloc types /nosuch.ko'
}

# === The three guests ===

# look NAME STATE PARAMETER...: with debuggers_stay's states.
look()
{
	local name=$1
	state=$2
	shift 2

	try "$name: boot" start_guest "$name" "$state" "$@"
	[ -n "$guest" ] || return 0
	try_debugger "$name" live_gdb
	try "$name: dump" dump
	end_guest
	try_debugger "$name" with_drgn
	try_debugger "$name" dump_gdb
}

need python3-drgn gdb qemu-system-x86
mkdir -p "$out"
modules=$("$top/scripts/modules.sh" $kernel)
vmlinux=$("$top/scripts/kernel.sh" $kernel)/build/vmlinux

look traced reclaimed tracemalloc=4
try "traced: call sites" has_sites 'known_make.*;'
try "traced: states" has_states live free hole none
try_mistakes
look hooks as-is allocator=debug
try "hooks: states" has_states live quarantine none
look plain as-is
try "plain: states" has_states live list none
rm -f "$out/vmcore"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
