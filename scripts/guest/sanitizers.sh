# SPDX-License-Identifier: GPL-2.0
# What KASAN and kmemleak say of a client's mistakes, where the kernel has them.
# KASAN needs kasan_multi_shot on the command line to report more than one, and
# its reports end lockdep's work: so this is a tier's last suite.

has()
{
	grep -q " $1\$" /proc/kallsyms
}

# careless MISTAKE: a client that makes it, and leaves.
careless()
{
	insmod /modules/pyalloc_careless.ko "mistake=$1" &&
		rmmod pyalloc_careless
}

# seen_by_kasan MISTAKE REPORT
seen_by_kasan()
{
	echo "expect-report: BUG: KASAN: $2 in write_at" > /dev/kmsg
	careless "$1"
}

try_kasan()
{
	local beyond="slab-out-of-bounds" free="slab-use-after-free"

	try kasan-overflow seen_by_kasan overflow $beyond
	try kasan-overflow-class \
		seen_by_kasan overflow_class "slab-(out-of-bounds|use-after-free)"
	try kasan-overflow-realloc seen_by_kasan overflow_realloc $beyond
	try kasan-use-after-free seen_by_kasan use_after_free $free
	try kasan-use-after-reclaim seen_by_kasan use_after_reclaim $free
	try kasan-use-after-bulk seen_by_kasan use_after_bulk $free
}

kmemleak=/sys/kernel/debug/kmemleak

# leaks SIZE...: how many objects of these sizes nobody points to.  An object is
# looked at once it is five seconds old, and reported when two scans agree.
leaks()
{
	sleep 6
	echo scan > $kmemleak
	echo scan > $kmemleak
	for size; do
		grep "(size $size)" $kmemleak
	done | wc -l
}

# What only a block points to is not lost.
blocks_are_scanned()
{
	echo clear > $kmemleak
	insmod /modules/pyalloc_careless.ko mistake=hold || return
	leaks 16 300 700 > /tmp/leaks
	rmmod pyalloc_careless
	[ "$(cat /tmp/leaks)" = 0 ] && return
	cat $kmemleak
	return 1
}

# Blocks that nobody points to are.
blocks_are_tracked()
{
	echo clear > $kmemleak
	echo "expect-report: kmemleak: [2-5][0-9] new suspected" > /dev/kmsg
	careless leak
	leaks 120 > /tmp/leaks
	# They are freed with the heap.
	echo clear > $kmemleak
	[ "$(cat /tmp/leaks)" -ge 20 ] && return
	echo "kmemleak names $(cat /tmp/leaks) blocks of 50"
	return 1
}

try load-for-sanitizers load
if loaded pyalloc; then
	# Leaks first: objects in KASAN's quarantine may still lead to others.
	# It may be off.
	if forget_leaks; then
		try kmemleak-scans-blocks blocks_are_scanned
		try kmemleak-tracks-blocks blocks_are_tracked
	fi
	if has __asan_store1; then
		try_kasan
	fi
	try check-after-sanitizers check_ok
	try unload-after-sanitizers unload
fi
