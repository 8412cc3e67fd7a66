# SPDX-License-Identifier: GPL-2.0
# The KUnit suites under every arena source with every table of size classes,
# and with arenas of one size.

start_kunit
for source in auto pages vmalloc; do
	for classes in linear fine pow2; do
		suites_with "$source-$classes" "arena_source=$source" \
			"size_classes=$classes"
	done
	suites_with "$source-64" "arena_source=$source" arena_kib=64
done
suites_with prealloc prealloc=4
