# SPDX-License-Identifier: GPL-2.0
# Two corners of the matrix, for kernels that are too slow for all of it.

start_kunit
suites_with vmalloc-linear arena_source=vmalloc size_classes=linear
suites_with pages-pow2-64 arena_source=pages size_classes=pow2 arena_kib=64
