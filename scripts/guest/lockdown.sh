# SPDX-License-Identifier: GPL-2.0
# A kernel that is locked down when the modules are there: what of pyalloc can
# still be read and done, as SECURITY.md says.  There is no way back, so that
# this suite is a boot's last.

lockdown=/sys/kernel/security/lockdown
tracepoints=/sys/kernel/tracing/events/pyalloc
panic=/sys/module/pyalloc/parameters/panic_on_corruption

lock_down()
{
	echo "$1" > $lockdown &&
	grep -qF "[$1]" $lockdown
}

# Reading takes all of a file; what is printed are those that did not work.
unreadable()
{
	for file; do
		cat "$file" > /dev/null 2>&1 || echo "$file"
	done
}

# Writing nothing is enough to be refused, and does nothing otherwise.
writable()
{
	for file; do
		( : > "$file" ) 2> /dev/null && echo "$file"
	done
	return 0
}

# What nobody may write is there as ever.
reads_what_is_read_only()
{
	files=$(find $debugfs -type f ! -perm -0200) &&
	[ "$(echo "$files" | wc -l)" -ge 12 ] &&
	[ -z "$(unreadable $files)" ] &&
	grep -q '^ok:' $debugfs/check &&
	grep -q 'open_session' $debugfs/trace/statistics
}

# And the rest is not: neither its writing nor its reading.
refuses_what_is_written()
{
	files=$(find $debugfs -type f -perm -0200) &&
	[ "$(echo "$files" | wc -l)" -ge 6 ] &&
	[ "$(unreadable $files)" = "$files" ] &&
	[ -z "$(writable $files)" ]
}

parameters_stay()
{
	[ -z "$(unreadable /sys/module/pyalloc/parameters/*)" ] &&
	echo 1 > $panic &&
	[ "$(cat $panic)" = Y ] &&
	echo 0 > $panic
}

tracepoints_go_on()
{
	echo 1 > $tracepoints/enable &&
	echo 0 > $tracepoints/enable
}

no_tracepoints()
{
	refused cat $tracepoints/enable
}

# Signed ones could, but these are not.
no_more_modules()
{
	refused insmod /modules/pyhello.ko
}

leaks_are_told()
{
	rmmod pyleak &&
	dmesg | grep -q 'pyalloc: pyleak leaves [0-9]* bytes in [0-9]* blocks live'
}

mount -t securityfs securityfs /sys/kernel/security
[ -d $tracepoints ] || mount -t tracefs tracefs /sys/kernel/tracing
load tracemalloc=1
insmod /modules/pyleak.ko
for level in integrity confidentiality; do
	try lockdown-$level lock_down $level
	try lockdown-$level-reads reads_what_is_read_only
	try lockdown-$level-writes refuses_what_is_written
	try lockdown-$level-parameters parameters_stay
	try lockdown-$level-modules no_more_modules
	case $level in
	integrity) try lockdown-$level-tracepoints tracepoints_go_on ;;
	*) try lockdown-$level-tracepoints no_tracepoints ;;
	esac
done
try lockdown-leaks leaks_are_told
