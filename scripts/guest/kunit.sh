# SPDX-License-Identifier: GPL-2.0
# The KUnit suites with the module as it comes, then a check that it stayed
# whole and can leave.

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

start_kunit
# What the boot itself left behind is not ours.
[ ! -e /sys/kernel/debug/kmemleak ] || echo clear > /sys/kernel/debug/kmemleak
suites_with defaults
[ ! -e /sys/kernel/debug/kmemleak ] || try kmemleak no_leaks
