# SPDX-License-Identifier: GPL-2.0
# Debug hooks as a user has them: by parameter and by debugfs, with reports in
# the log.  The kernel must have no KASAN, which would be the first to speak.

settings=/sys/module/pyalloc/parameters

# in_order PATTERN...: the log since the last mark has lines like these, in this
# order; others may stand between them.
in_order()
{
	local pattern line at=0

	for pattern; do
		line=$(tail -n +$((at + 1)) /tmp/said |
			grep -n -m 1 -E -- "$pattern" | cut -d : -f 1)
		if [ -z "$line" ]; then
			echo "no line like '$pattern' in its place:"
			cat /tmp/said
			return 1
		fi
		at=$((at + line))
	done
}

expect_report()
{
	echo "expect-report: $1" > /dev/kmsg
}

# careless MISTAKE: a client that makes it, and leaves.
careless()
{
	insmod /modules/pyalloc_careless.ko "mistake=$1" &&
		rmmod pyalloc_careless
}

reclaim()
{
	echo 1 > $debugfs/reclaim
}

# === Reports ===

fd7='fd fd fd fd fd fd fd'

says_overflow()
{
	expect_report "was written past its end"
	listen careless overflow_pads && in_order \
		'a block of mem, at ' \
		' 128 bytes were asked for' \
		' 7 bytes before it: fd, as they should be' \
		" 8 bytes behind it: 01 $fd7, and not fd" \
		' made by call [0-9]+' \
		' data: cd cd cd cd cd cd cd cd ... cd cd cd cd cd cd cd 01' \
		' the block (before|behind) it: ' \
		'was written past its end .class [0-9]+, pool [0-9.]+., call from free_here.*pyalloc_careless. taken; the block is kept out of use'
}

says_underflow()
{
	expect_report "was written before its beginning"
	listen careless underflow_pads && in_order \
		'a block of mem, at ' \
		" how many bytes were asked for can't be believed: " \
		' 7 bytes before it: fd fd fd fd fd fd 01, and not fd' \
		' data: cd cd cd cd cd cd cd cd' \
		'was written before its beginning .*call from underflow_pads.*pyalloc_careless.* kept out of use'
}

says_double_free()
{
	expect_report "is free already"
	listen careless double_free && in_order \
		'a block of memory that was freed, at ' \
		' freed by free_here.*pyalloc_careless' \
		'is free already .*call from double_free.*pyalloc_careless.* ignored'
}

# Memory is whole after that: it is no reason to panic.
says_wrong_domain()
{
	[ "$(cat $settings/panic_on_corruption)" = N ] &&
		echo 1 > $settings/panic_on_corruption || return
	expect_report "is another domain's"
	listen careless wrong_domain && in_order \
		'a block of ' \
		' 600 bytes were asked for' \
		' 8 bytes behind it: fd, as they should be' \
		' asked of object' \
		"is another domain's .*call from wrong_domain.*pyalloc_careless.* served" &&
		echo 0 > $settings/panic_on_corruption
}

write_and_reclaim()
{
	careless use_after_free && reclaim
}

# Its module is gone when it is found.
says_use_after_free()
{
	expect_report "was written after it was freed"
	listen write_and_reclaim && in_order \
		'a block of memory that was freed, at ' \
		' 1 bytes, from .0 on, are not dd any more' \
		' data: 01 dd dd dd dd dd dd dd' \
		' freed by code that is gone' \
		'was written after it was freed .* kept out of use'
}

# One report for a call site, however often it is called.
says_it_once()
{
	expect_report "was written past its end"
	listen careless many_overflows || return
	[ "$(grep -c 'was written past its end' /tmp/said)" = 1 ] && return
	cat /tmp/said
	return 1
}

# So that a harmless one does not hide what comes after it.
says_each_mistake()
{
	expect_report "is another domain's"
	expect_report "was written past its end"
	expect_report "is free already"
	listen careless three_mistakes && in_order \
		"is another domain's .*call from free_there" \
		'was written past its end .*call from free_there' \
		'is free already .*call from free_there'
}

write_many()
{
	insmod /modules/pyalloc_careless.ko mistake=many_writes && reclaim &&
		rmmod pyalloc_careless
}

# One loop that writes to what was freed is one report, and takes nobody's turn.
says_writes_once()
{
	expect_report "was written after it was freed"
	listen write_many || return
	[ "$(grep -c 'was written after it was freed' /tmp/said)" = 1 ] &&
		grep -q ' from .50 on, are not dd any more: 01 dd' /tmp/said &&
		return
	cat /tmp/said
	return 1
}

# Each call has a number of its own.
says_serials()
{
	dmesg | sed -n 's/.*pyalloc:   made by call //p' | sort -u > /tmp/serials
	[ "$(wc -l < /tmp/serials)" -gt 3 ] && return
	cat /tmp/serials
	return 1
}

# No raw address in any of it.
says_no_address()
{
	! dmesg | grep 'pyalloc: ' | grep -v 'pyalloc-test:' |
		grep -E '(^|[^0-9a-f])(0x[0-9a-f]{7,}|ffff[0-9a-f]{12})($|[^0-9a-f])'
}

try_reports()
{
	try hooks-overflow says_overflow
	try hooks-underflow says_underflow
	try hooks-double-free says_double_free
	try hooks-wrong-domain says_wrong_domain
	try hooks-use-after-free says_use_after_free
	try hooks-once says_it_once
	try hooks-each-mistake says_each_mistake
	try hooks-writes-once says_writes_once
	try hooks-serials says_serials
	try hooks-no-address says_no_address
	# What was damaged is known, and not said again.
	try check-after-reports check_ok
}

# Serial numbers are part of a block's size: they are for good.
is_fixed()
{
	[ -e "$settings/$1" ] &&
		refused sh -c "echo 0 > $settings/$1"
}

# === On and off ===

hooks_are()
{
	[ "$(cat $debugfs/hooks)" = "$1" ]
}

turns_on_and_off()
{
	hooks_are 1 && echo 0 > $debugfs/hooks && hooks_are 0 &&
		echo 1 > $debugfs/hooks && hooks_are 1
}

takes_nothing_else()
{
	refused sh -c "echo 2 > $debugfs/hooks" &&
		refused sh -c "echo on > $debugfs/hooks" && hooks_are 1
}

# A trace is replayed again and again while hooks come and go.
toggled_replay()
{
	local times=0

	insmod /modules/pyreplay.ko threads=2 cross=1 verify=1 || return
	tell $pyreplay/traces /traces/made/small.trc || return
	while [ $times -lt 20 ]; do
		tell $pyreplay/control start || return
		echo 1 > $debugfs/hooks && echo 0 > $debugfs/hooks || return
		echo $((times % 2)) > $debugfs/hooks || return
		tell $pyreplay/wait end || return
		[ "$(cell $pyreplay/results verdict)" = ok ] || {
			cat $pyreplay/results
			return 1
		}
		times=$((times + 1))
	done
	rmmod pyreplay && [ "$(total $debugfs/domains blocks)" = 0 ]
}

. /guest/debugfs.sh

if ! grep -q ' __asan_store1$' /proc/kallsyms; then
	try load-with-serials load allocator=debug serials=1
	if loaded pyalloc; then
		try hooks-serials-fixed is_fixed serials
		try hooks-quarantine-fixed is_fixed quarantine_kib
		try hooks-allocator-fixed is_fixed allocator
		try_reports
		try hooks-on-and-off turns_on_and_off
		try hooks-nothing-else takes_nothing_else
		try unload-with-serials unload
	fi
fi

try load-for-toggling load
if loaded pyalloc; then
	try hooks-toggled-replay toggled_replay
	try check-after-toggling check_ok
	try unload-after-toggling unload
fi
