# SPDX-License-Identifier: GPL-2.0
# Tracing as a user has it: who holds the memory, live and at unload; pyleak's
# three leaks, found and nothing else named; tracepoints.

. /guest/debugfs.sh

trace=$debugfs/trace
leaks='parse_request open_session grow_log'
rounds=200
! is_slow || rounds=50

nframe_is()
{
	[ "$(cat $trace/nframe)" = "$1" ]
}

# Until it has taken all requests; its last timer is awaited when it goes.
run_pyleak()
{
	insmod /modules/pyleak.ko "rounds=$rounds" interval_ms=1 || return
	until [ "$(cat /sys/module/pyleak/parameters/taken)" = $rounds ]; do
		sleep 1
	done
}

# sites FILE: the functions of pyleak's that a table of call sites names.
sites()
{
	sed -n 's/.* \([a-z_]*\)[a-z0-9.]*+0x[0-9a-f]*\/0x[0-9a-f]* \[pyleak\].*/\1/p' \
		"$1" | sort -u
}

# FILE names the three leaks, with their offsets, and nothing else.
names_leaks()
{
	echo "$leaks" | tr ' ' '\n' | sort > /tmp/leaks
	sites "$1" > /tmp/sites
	cmp -s /tmp/leaks /tmp/sites && return
	echo "these are the sites, and should be $leaks:"
	cat "$1"
	return 1
}

# Nothing but pyleak allocates: what is traced is what the domains hold.
is_exact()
{
	local traced held

	traced=$(cell $trace/traced current)
	held=$(total $debugfs/domains bytes)
	[ "$traced" = "$held" ] && [ "$traced" -gt 0 ] &&
		[ "$(cell $trace/traced missed_blocks)" = 0 ] && return
	cat $trace/traced $debugfs/domains
	return 1
}

# statistics and snapshot sum up to the same; pyleak is at rest.
adds_up()
{
	local current

	current=$(cell $trace/traced current)
	[ "$current" = "$(total $trace/statistics bytes)" ] &&
		[ "$current" = "$(total $trace/snapshot bytes)" ] &&
		[ "$current" = "$(total $trace/modules bytes)" ] &&
		[ "$(cell $trace/traced blocks)" = \
		  "$(total $trace/snapshot blocks)" ] &&
		[ "$(cell $trace/modules module)" = pyleak ] && return
	cat $trace/traced $trace/statistics $trace/modules
	return 1
}

is_sorted()
{
	grep -v '^#' $trace/statistics | cut -d ' ' -f 1 > /tmp/bytes
	sort -rn /tmp/bytes | cmp - /tmp/bytes
}

# In lines of the log, as they are in the tables.
leaks_are_reported()
{
	listen rmmod pyleak || return
	grep -q 'pyalloc: pyleak leaves [0-9]* bytes in [0-9]* blocks live, from 3 call sites' \
		/tmp/said || return
	[ "$(grep -c ' bytes in [0-9]* blocks, the oldest [0-9]* s old, from ' \
		/tmp/said)" = 3 ] && names_leaks /tmp/said
}

# Its code is gone, and its names are still there.
names_stay()
{
	names_leaks $trace/statistics &&
		! grep -q 'code that is gone' $trace/statistics &&
		[ "$(cell $trace/modules module)" = pyleak ]
}

# A module that comes again is another one.
comes_again()
{
	run_pyleak && is_exact && rmmod pyleak && names_leaks $trace/statistics
}

forgets()
{
	echo 1 > $trace/clear &&
		[ "$(cell $trace/traced current)" = 0 ] &&
		[ "$(grep -vc '^#' $trace/statistics)" = 0 ] &&
		[ "$(grep -vc '^#' $trace/snapshot)" = 0 ]
}

# With a count, and it says that it does not know.
count_is_reported()
{
	echo 0 > $trace/nframe && nframe_is 0 || return
	run_pyleak && listen rmmod pyleak || return
	grep -q 'pyalloc: pyleak goes away, and [0-9]* blocks more are live .* known only while tracing' \
		/tmp/said
}

# === A heap that its module leaves ===

leave_heap()
{
	insmod /modules/pyalloc_forgetful.ko blocks=100 heap=1 &&
		[ "$(cell $debugfs/heaps blocks forgetful)" = 100 ] &&
		listen rmmod pyalloc_forgetful &&
		grep -q 'pyalloc: pyalloc_forgetful goes away without having destroyed its heap forgetful' \
			/tmp/said
}

# All of its memory is the kernel's again, and nothing is left that is traced.
heap_is_gone()
{
	! grep '^forgetful ' $debugfs/heaps && [ ! -e $debugfs/heap/forgetful ] &&
		[ "$(cell $trace/traced current)" = "$1" ] && check_ok
}

heap_is_reported()
{
	local before

	before=$(cell $trace/traced current)
	leave_heap && heap_is_gone "$before" || return
	grep -q 'pyalloc: heap forgetful leaves [0-9]* bytes in 300 blocks live, from 2 call sites' \
		/tmp/said &&
		grep -q ' bytes in 100 blocks, .* from leave_small+.* \[pyalloc_forgetful\]' \
			/tmp/said &&
		grep -q ' bytes in 200 blocks, .* from leave_large+.* \[pyalloc_forgetful\]' \
			/tmp/said
}

# What thirty of them hold, of 600 KiB each, is not lost.
heaps_give_back()
{
	local before after i

	before=$(free_kib)
	for i in $(seq 30); do
		insmod /modules/pyalloc_forgetful.ko blocks=300 heap=1 &&
			rmmod pyalloc_forgetful || return
	done
	after=$(free_kib)
	echo "free: $before KiB before, $after KiB after"
	[ $((before - after)) -le 4096 ]
}

heap_count_is_reported()
{
	leave_heap && heap_is_gone "$(cell $trace/traced current)" || return
	grep -q 'pyalloc: heap forgetful of pyalloc_forgetful is destroyed with 300 blocks live, .* call sites are known only while tracing' \
		/tmp/said
}

# Who leaves nothing is not named.
clean_one_is_not_reported()
{
	insmod /modules/pyhello.ko && listen rmmod pyhello && [ ! -s /tmp/said ]
}

unload_is_reported()
{
	echo 1 > $trace/nframe && run_pyleak && rmmod pyleak &&
		listen unload || return
	grep -q 'pyalloc: unloading leaves [0-9]* bytes' /tmp/said &&
		names_leaks /tmp/said
}

# === Stacks ===

has_stacks()
{
	grep -q ' stack_depot_fetch$' /proc/kallsyms &&
		! grep -q 'User Mode Linux' /proc/cpuinfo
}

shows_stacks()
{
	nframe_is 8 && run_pyleak || return
	grep 'parse_request+.*;.*take_requests.*;process_one_work+' \
		$trace/snapshot > /tmp/stacks
	head -n 1 /tmp/stacks
	rmmod pyleak && [ -s /tmp/stacks ] &&
		grep -q 'parse_request+.*;.*take_requests.*;process_one_work+' \
			$trace/snapshot
}

# === Sampling ===

# In each sample of what pyleak leaves is something of its three leaks: of one
# allocation in eight bytes, one of twelve is missed once in four times.
# And all is gone with a trace that ends.
samples()
{
	echo 0 > $trace/nframe && echo 8 > $trace/sample_bytes &&
		echo 1 > $trace/nframe && nframe_is 1 || return
	refused sh -c "echo 128 > $trace/sample_bytes" || return
	run_pyleak && names_leaks $trace/statistics && rmmod pyleak &&
		echo 0 > $trace/nframe && echo 0 > $trace/sample_bytes
}

takes_nothing_else()
{
	local value

	for value in 33 -1 1x '' 99999999999; do
		refused sh -c "echo '$value' > $trace/nframe" || return
	done
	for value in 1073741825 -1 many; do
		refused sh -c "echo '$value' > $trace/sample_bytes" || return
	done
	refused sh -c "echo 2 > $trace/clear" &&
		refused sh -c "echo 0 > $trace/reset_peak" && nframe_is 0
}

# === With debug hooks ===

# What was damaged is told with who allocated it.
hooks_name_allocator()
{
	echo 1 > $debugfs/hooks && echo 1 > $trace/nframe || return
	echo "expect-report: was written past its end" > /dev/kmsg
	listen insmod /modules/pyalloc_careless.ko mistake=overflow_pads &&
		rmmod pyalloc_careless && echo 0 > $trace/nframe &&
		echo 0 > $debugfs/hooks || return
	grep -q ' allocated by .*pyalloc_careless' /tmp/said
}

# === Tracepoints ===

events=/sys/kernel/tracing/events/pyalloc

has_events()
{
	[ -d $events ] || mount -t tracefs none /sys/kernel/tracing \
		2> /dev/null
	# Names of tasks would be had by patching the scheduler while it runs,
	# over which CPUs that QEMU emulates may stumble.
	[ -d $events ] && echo 0 > /sys/kernel/tracing/options/record-cmd
}

# Each field by its name, of what pyleak does.
tells_events()
{
	local ring=/sys/kernel/tracing/trace

	echo > $ring
	echo 1 > $events/enable && run_pyleak || return
	echo 1 > $debugfs/reclaim
	echo 0 > $events/enable
	grep -m 1 'pyalloc_malloc: call_site=parse_request+.* ptr=.* bytes_req=1[0-9] bytes_alloc=16 gfp_flags=GFP_KERNEL node=-1 domain=mem' $ring &&
		grep -m 1 'pyalloc_malloc: call_site=open_session.* gfp_flags=GFP_ATOMIC .* domain=object' $ring &&
		grep -m 1 'pyalloc_malloc: call_site=grow_log+.* domain=raw' $ring &&
		grep -m 1 'pyalloc_realloc: call_site=answer.* old=.* ptr=.* bytes_req=64 ' $ring &&
		grep -m 1 'pyalloc_free: call_site=.* ptr=.* domain=mem' $ring ||
		return
	rmmod pyleak
}

tells_arenas()
{
	local ring=/sys/kernel/tracing/trace

	echo > $ring
	echo 1 > $events/enable && unload && load && echo 1 > $events/enable &&
		run_pyleak && rmmod pyleak && echo 0 > $events/enable || return
	grep -m 1 'pyalloc_arena_alloc: ptr=.* bytes_alloc=16384 gfp_flags=' $ring
}

try trace-load load tracemalloc=1
if loaded pyalloc; then
	try trace-on nframe_is 1
	try trace-pyleak run_pyleak
	try trace-exact is_exact
	try trace-adds-up adds_up
	try trace-sorted is_sorted
	try trace-leaks-reported leaks_are_reported
	try trace-names-stay names_stay
	try trace-comes-again comes_again
	try trace-forgets forgets
	try trace-heap-reported heap_is_reported
	try trace-count-reported count_is_reported
	try trace-heap-count-reported heap_count_is_reported
	try trace-heaps-give-back heaps_give_back
	try trace-clean-not-reported clean_one_is_not_reported
	try trace-nothing-else takes_nothing_else
	try trace-samples samples
	grep -q ' __asan_store1$' /proc/kallsyms ||
		try trace-with-hooks hooks_name_allocator
	if has_events; then
		try trace-events tells_events
		try trace-arena-events tells_arenas
	fi
	try check-after-trace check_ok
	try trace-unload-reported unload_is_reported
fi
if has_stacks; then
	try trace-load-stacks load tracemalloc=8
	try trace-stacks shows_stacks
	try trace-unload-stacks unload
fi
