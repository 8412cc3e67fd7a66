# SPDX-License-Identifier: GPL-2.0
# A parameter that makes no sense refuses the load, and the kernel's log says
# which value it was.

# bad_parameter NAME=VALUE: one line of what the load added to the log has to
# hold the value and the parameter's name or what is allowed instead.
bad_parameter()
{
	local name=${1%%=*} value=${1#*=} seen

	seen=$(dmesg | wc -l)
	refused insmod /modules/pyalloc.ko "$1" || {
		unload
		return 1
	}
	dmesg | tail -n +$((seen + 1)) > /tmp/said
	loaded pyalloc && return 1
	grep -F -- "$value" /tmp/said | grep -v '^pyalloc-test:' |
		grep -q "pyalloc.*$name" && return
	echo "no message names $name and the value '$value'"
	return 1
}

for bad in arena_kib=3 arena_kib=9999 arena_kib=-4 arena_kib=x \
	   arena_source=foo arena_source= size_classes=foo size_classes=Linear \
	   prealloc=-1 prealloc=99999999 prealloc=many allocator=foo \
	   allocator= allocator=Debug quarantine_kib=0 quarantine_kib=-1 \
	   quarantine_kib=65537 quarantine_kib=large \
	   tracemalloc=-1 tracemalloc=33 tracemalloc=1x; do
	try "refuses-$bad" bad_parameter "$bad"
done

good_parameter()
{
	load "$@" && check_ok && unload
}

for good in arena_kib=64 arena_source=auto size_classes=fine prealloc=2 \
	    allocator=default allocator=debug allocator=malloc \
	    allocator=malloc_debug allocator=pymalloc \
	    allocator=pymalloc_debug quarantine_kib=1 quarantine_kib=65536 \
	    tracemalloc=0 tracemalloc=1; do
	try "takes-$good" good_parameter "$good"
done
