# SPDX-License-Identifier: GPL-2.0
# What every command in the guest has at hand; boot.sh puts it before each.
#
# Cases are told to verdict.py by marks in the kernel's log:
#   pyalloc-test: begin NAME       and what is between belongs to the case;
#   pyalloc-test: begin NAME ktap  it also gives results in KTAP itself
#   pyalloc-test: end NAME STATUS

debugfs=/sys/kernel/debug/pyalloc

# busybox would use its own of these without looking at PATH.
insmod() { /sbin/insmod "$@"; }
rmmod() { /sbin/rmmod "$@"; }
lsmod() { /sbin/lsmod "$@"; }

# Straight into the log, so that it stands before what comes next.
mark()
{
	echo "pyalloc-test: $*" > /dev/kmsg
}

run_marked()
{
	local name=$1 kind=$2
	shift 2

	mark "begin $name$kind"
	# Should the case kill its shell, it has failed.
	echo 255 > /tmp/case-status
	{
		( "$@" )
		echo $? > /tmp/case-status
	} 2>&1 | /guest/to-log
	mark "end $name $(cat /tmp/case-status)"
}

# try NAME COMMAND...: one case, passed when the command succeeds.
try()
{
	local name=$1
	shift
	run_marked "$name" "" "$@"
}

# try_ktap NAME COMMAND...: as many cases as the results it puts in the log.
try_ktap()
{
	local name=$1
	shift
	run_marked "$name" " ktap" "$@"
}

# The command is to fail; its output is kept in /tmp/refusal.
refused()
{
	if "$@" > /tmp/refusal 2>&1; then
		echo "this was to be refused and was not: $*"
		return 1
	fi
	cat /tmp/refusal
}

loaded()
{
	[ -d "/sys/module/$1" ]
}

# Loads pyalloc with the given parameters.
load()
{
	insmod /modules/pyalloc.ko "$@"
}

unload()
{
	rmmod pyalloc
}

# KUnit is a module of those test kernels that have it; the others get their
# results from a shim in pyalloc_kunit itself.
start_kunit()
{
	[ -e /modules/kunit.ko ] || return 0
	loaded kunit || insmod /modules/kunit.ko enable=1
}

run_suites()
{
	insmod /modules/pyalloc_kunit.ko && rmmod pyalloc_kunit
}

# suites_with NAME PARAMETER...: all suites, with pyalloc loaded like that.
suites_with()
{
	local name=$1
	shift

	try "load-$name" load "$@"
	loaded pyalloc || return
	try_ktap "kunit-$name" run_suites
	try "check-$name" check_ok
	try "unload-$name" unload
}

# The module's own verdict on itself.
check_ok()
{
	head -n 1 $debugfs/check | grep -q '^ok' && return
	cat $debugfs/check
	return 1
}

# What the kernel says of pyalloc while a command runs is in /tmp/said.
listen()
{
	local seen

	seen=$(dmesg | wc -l)
	"$@" || return
	dmesg | tail -n +$((seen + 1)) |
		sed -n '/pyalloc-test:/d; /pyalloc: /p' > /tmp/said
}

# forget_leaks: what there is so far is not ours; fails where kmemleak is off.
forget_leaks()
{
	{
		echo scan=off > /sys/kernel/debug/kmemleak &&
			echo clear > /sys/kernel/debug/kmemleak
	} 2> /dev/null
}

# Blocks that nothing refers to, now that the module has left.  An object is
# looked at once it is five seconds old, and reported when two scans agree.
no_leaks()
{
	sleep 6
	echo scan > /sys/kernel/debug/kmemleak
	echo scan > /sys/kernel/debug/kmemleak
	cat /sys/kernel/debug/kmemleak > /tmp/leaks
	cat /tmp/leaks
	[ ! -s /tmp/leaks ]
}

# begin_leaks and try_leaks NAME: a suite, and a case at its end that asks
# kmemleak, where it is on.
begin_leaks()
{
	kmemleak_on=
	! forget_leaks || kmemleak_on=yes
}

try_leaks()
{
	[ -z "$kmemleak_on" ] || try "$1" no_leaks
}

# Free memory in KiB, with nothing in the page and inode caches and no work
# pending that will still give memory back.  A CPU's own stock of free pages
# (up to some MiB, and not in MemFree) counts.
free_kib()
{
	sync
	echo 3 > /proc/sys/vm/drop_caches
	sleep 0.5
	echo 3 > /proc/sys/vm/drop_caches
	awk '/^MemFree:/ { sum += $2 }
	     / count:/ { sum += 4 * $2 }
	     END { print sum }' /proc/meminfo /proc/zoneinfo
}

# === What pytorture's suites share ===

pytorture=/sys/kernel/debug/pytorture
torture_parameters=/sys/module/pytorture/parameters

# set_torture NAME=VALUE...: its parameters, for the next run.
set_torture()
{
	local option

	for option; do
		echo "${option#*=}" > "$torture_parameters/${option%%=*}" || return
	done
}

# A kernel with checkers in each access or each lock.
is_slow()
{
	grep -qE ' (__asan_load8|__tsan_read8|lock_acquire)$' /proc/kallsyms
}

has_hotplug()
{
	[ -e /sys/devices/system/cpu/cpu1/online ]
}

load_torture()
{
	load "$@" && insmod /modules/pytorture.ko
}

unload_torture()
{
	rmmod pytorture && unload
}

# torture_run N: a run from beginning to end, which has to go well.
torture_run()
{
	echo "run $1" > $pytorture/control && echo end > $pytorture/wait ||
		return
	cat $pytorture/results
	[ "$(cell $pytorture/results verdict)" = ok ]
}
