# SPDX-License-Identifier: GPL-2.0
# The KUnit suites with the module as it comes, then a check that it stayed
# whole and can leave.

start_kunit
# What the boot itself left behind is not ours.
begin_leaks
suites_with defaults
try_leaks kmemleak
