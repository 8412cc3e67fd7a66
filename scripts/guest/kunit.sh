# SPDX-License-Identifier: GPL-2.0
# The KUnit suites with the module as it comes, then a check that it stayed
# whole and can leave.

start_kunit
# What the boot itself left behind is not ours.
kmemleak=
! forget_leaks || kmemleak=yes
suites_with defaults
[ -z "$kmemleak" ] || try kmemleak no_leaks
