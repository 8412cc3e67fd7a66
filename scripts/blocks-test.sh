#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# blocks-test.sh [PAGE...]: runs the code blocks of README.md, the other pages
# beside it and Documentation/*.rst, or of those that are named, as comments in
# them say (blocks.py).  A line FAIL for each block that is not as its page has
# it; the last line is `N passed, N failed`.
#
# PYALLOC_PAGES names another folder with pages than this checkout.

. "$(dirname "$0")/lib.sh"

record_trace()
{
	local traces=$top/build/traces

	[ ! -e "$traces/docstore.trc" ] || return 0
	mkdir -p "$traces"
	quietly "$traces/record.log" \
		"$top/scripts/record/record.sh" "$traces/docstore.trc"
}

# The tools that are compiled, as a reader has them after `make tools`.
build_tools()
{
	! grep -q '^tools:' "$top/Makefile" ||
		quietly "$top/build/tools.log" make -C "$top" -s tools
}

need python3 build-essential kmod
record_trace
build_tools
exec python3 "$top/scripts/blocks/run.py" "$@"
