# SPDX-License-Identifier: GPL-2.0
# Out of memory and back, memory in pieces, and reclaim that may not do all.
# For a small guest: it fills its memory several times.

. /guest/debugfs.sh

# What the kernel keeps of its own after memory was short: page tables, caches.
pressure_tolerance=2048
! is_slow || pressure_tolerance=32768

arenas=$debugfs/heap/default/arenas

# said WORDS: the last line of the log with them.
said()
{
	dmesg | grep -F "$1" | tail -n 1
}

# What a process that was killed left to be done may come late.
settle()
{
	echo 1 > $debugfs/reclaim
}

# === Out of memory ===

heap_is_well()
{
	settle
	check_ok && [ "$(total $debugfs/heaps blocks)" = 0 ] &&
		[ "$(total $debugfs/heaps arenas)" = 0 ] && return
	cat $debugfs/heaps
	return 1
}

# Memory that went and came; the half second in free_kib lets the kernel's own
# works end.
comes_back()
{
	local after

	after=$(free_kib)
	echo "free: $1 KiB before, $after KiB after"
	[ $(($1 - after)) -le $pressure_tolerance ]
}

works_again()
{
	echo "op fronts" > $pytorture/control &&
		echo "op growth 16" > $pytorture/control
}

oom_kills()
{
	awk '$1 == "oom_kill" { print $2 }' /proc/vmstat
}

# What the kernel says of a failure that was not asked to be quiet.
splats()
{
	dmesg | grep -c 'page allocation failure'
}

# Who is killed, should it come to that, is one whom nobody needs.
with_bait()
{
	local bait status

	sh -c 'echo 1000 > /proc/self/oom_score_adj; exec sleep 1000' &
	bait=$!
	# Until it sleeps it asks for memory itself.
	until grep -q '(sleep) S' /proc/$bait/stat; do
		:
	done
	"$@"
	status=$?
	kill $bait
	return $status
}

# Most of the memory that was free has to be had; with a sanitizer, which keeps
# notes of each block, a quarter.
least_share=2
! is_slow || least_share=4

# hog GFP: at the end there is NULL, and nobody is killed for it.
hog()
{
	local before kills words line bytes

	settle
	before=$(free_kib)
	kills=$(oom_kills)
	words=$(splats)
	with_bait tell $pytorture/control "hog $1" || return
	line=$(said "pytorture: hog $1:")
	bytes=${line#*hog "$1": }
	bytes=${bytes%% *}
	echo "$line"
	heap_is_well && works_again && heap_is_well && comes_back "$before" &&
		[ "$(oom_kills)" = "$kills" ] &&
		[ "$(splats)" = "$words" ] || return
	case $line in
	*"then NULL; 0 mismatches"*) ;;
	*) return 1 ;;
	esac
	[ $((bytes / 1024)) -ge $((before / least_share)) ] && return
	echo "$((bytes / 1024)) KiB of $before KiB that were free"
	return 1
}

# The process that tries hard is the one that is killed.
sacrifice()
{
	local before

	settle
	before=$(free_kib)
	mark "expect-report: Out of memory"
	sh -c 'echo 1000 > /proc/self/oom_score_adj
	       echo "hog kernel" > /sys/kernel/debug/pytorture/control'
	case $(said "pytorture: hog kernel:") in
	*"; 0 mismatches") ;;
	*) return 1 ;;
	esac
	heap_is_well && works_again && heap_is_well && comes_back "$before"
}

notifier_told()
{
	dmesg | grep -E 'pyalloc: heap default: [0-9]+ blocks of [0-9]+ KiB, [0-9]+ KiB held in [0-9]+ arenas'
}

# === Memory in pieces ===

# The first arena, as `SOURCE KIB`.  Its map has a character a granule, also
# for those that the shrinker gave back meanwhile.
first_arena()
{
	awk '!/^#/ { print $2, length($9) * 4; exit }' $arenas
}

# arena_for K GFP: what an arena is like if there are no longer runs than of
# order K.  Nobody can be started then, so the shell does it itself; it looks
# at the arena when memory is whole again.
arena_for()
{
	local status=0

	settle
	echo "fragment $1" > $pytorture/control || status=1
	echo "hold 20 $2" > $pytorture/control || status=1
	echo mend > $pytorture/control || status=1
	got=$(first_arena)
	echo "runs of order $1, $2: $got"
	echo release > $pytorture/control && heap_is_well && return $status
}

# pieces K SOURCE KIB: what a caller who may sleep gets, and one who may not.
pieces()
{
	arena_for "$1" noretry || return
	[ "$got" = "$2 $3" ] || return
	[ "$1" -ge 2 ] || return 0
	arena_for "$1" atomic && [ "$got" = "pages 16" ]
}

# === Reclaim that may not do all ===

stalls()
{
	awk '/^allocstall/ { sum += $2 } END { print sum }' /proc/vmstat
}

# Threads in scopes that limit reclaim, while memory lies in pieces: arenas and
# large blocks reclaim directly, and call the shrinker.  There is enough memory
# all the time, in runs that processes can be started with, so that nobody is
# killed; what comes of it when there is none, the hogs in such scopes have
# shown.
scopes()
{
	local before

	settle
	set_torture scopes=1 short_of_memory=1 hotplug=0 || return
	before=$(stalls)
	echo "fragment 2" > $pytorture/control || return
	torture_run "$1" || return
	echo mend > $pytorture/control
	set_torture scopes=0 short_of_memory=0
	echo "direct reclaim: $(($(stalls) - before)) times"
	heap_is_well && [ "$(stalls)" -gt "$before" ]
}

begin_leaks
try pressure-load-1024 load_torture arena_kib=1024
if loaded pytorture; then
	try pieces-none pieces 10 pages 1024
	try pieces-8 pieces 8 pages 1024
	try pieces-6 pieces 6 pages 256
	try pieces-4 pieces 4 pages 64
	try pieces-2 pieces 2 pages 16
	try pieces-0 pieces 0 vmalloc 1024
	try pieces-none-again pieces 10 pages 1024
	pressure_ops=300000
	! is_slow || pressure_ops=50000
	try pressure-scopes scopes $pressure_ops
	try pressure-unload-1024 unload_torture
fi
try pressure-load load_torture
if loaded pytorture; then
	for gfp in nowait atomic noretry nofs noio nofs-scope noio-scope \
		   noreclaim-scope; do
		try "pressure-hog-$gfp" hog $gfp
	done
	try pressure-sacrifice sacrifice
	try pressure-notifier notifier_told
	try pressure-unload unload_torture
fi
try_leaks pressure-kmemleak
