# SPDX-License-Identifier: GPL-2.0
# A module whose kmalloc() was moved by its Kbuild: it looks at all that it gets
# itself, and does not load if something is wrong.  Its heap comes and goes with
# it.

. /guest/debugfs.sh

# moved [PARAMETER...]: it loads.
moved()
{
	insmod /modules/pykmalloc.ko "$@"
}

has_heap()
{
	[ -n "$(cell $debugfs/heaps name pykmalloc)" ] && return
	cat $debugfs/heaps
	return 1
}

has_no_heap()
{
	! has_heap > /dev/null
}

# heap_has BLOCKS: those that it keeps, and no others.
heap_has()
{
	has_heap && [ "$(cell $debugfs/heaps blocks pykmalloc)" = "$1" ]
}

stays_clean()
{
	moved "$@" && has_heap && heap_has 0 && rmmod pykmalloc && has_no_heap
}

keeps_blocks()
{
	moved keep=5000 && heap_has 5000 && rmmod pykmalloc && has_no_heap
}

# What it leaves is told and freed.
leaves_blocks()
{
	moved keep=100 leak=7 && heap_has 100 && rmmod pykmalloc &&
		has_no_heap || return
	dmesg | grep -q 'heap pykmalloc of pykmalloc is destroyed with 7 blocks'
}

refuses_parameter()
{
	refused moved pyalloc_heap=1 && has_no_heap
}

try kmalloc-load load
if loaded pyalloc; then
	try kmalloc-moved stays_clean
	try kmalloc-again stays_clean
	try kmalloc-keeps keeps_blocks
	try kmalloc-leaves leaves_blocks
	try kmalloc-parameter refuses_parameter
	try kmalloc-check check_ok
	try kmalloc-unload unload
fi
for mode in malloc debug; do
	try "kmalloc-load-$mode" load "allocator=$mode"
	loaded pyalloc || continue
	try "kmalloc-moved-$mode" stays_clean anywhere=1
	try "kmalloc-check-$mode" check_ok
	try "kmalloc-unload-$mode" unload
done
