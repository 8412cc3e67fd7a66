#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# record.sh [PROGRAM [ARGUMENT...]] OUT.trc: runs a Python program with this
# machine's python3 and writes down every block that it allocates, resizes and
# frees, as a trace that samples/pyreplay replays.
#
# The program is docstore.py beside this script unless another is named.
# PYTHON names another interpreter: any CPython from 3.9 on that exports its
# allocator functions.  What the program prints goes where it always goes; the
# last line, on stderr, says what was recorded.

. "$(dirname "$0")/../lib.sh"

here=$top/scripts/record

usage()
{
	sed -n '3,/^$/s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

find_python()
{
	python=${PYTHON:-/usr/bin/python3}
	[ -x "$python" ] || [ -n "${PYTHON:-}" ] || need python3
	command -v "$python" > /dev/null || die "there is no $python"
}

find_compiler()
{
	command -v gcc > /dev/null || need gcc libc6-dev
}

[ $# -ge 1 ] || usage
out=${*: -1}
case $out in
*.trc) ;;
*) usage ;;
esac
program=("${@:1:$#-1}")
[ ${#program[@]} -gt 0 ] || program=("$here/docstore.py")
[ -e "${program[0]}" ] || die "there is no ${program[0]}"

find_python
find_compiler
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gcc -std=gnu11 -O2 -Wall -Wextra -fPIC -shared -pthread \
	-o "$work/recorder.so" "$here/recorder.c"
mkdir -p "$(dirname "$out")"
status=0
# The hash of strings decides the order of sets: fixed, so that two recordings
# of a program are alike.
PYTHONHASHSEED=${PYTHONHASHSEED:-0} PYTHONDONTWRITEBYTECODE=1 \
	"$python" -S -B "$here/launch.py" "$work/recorder.so" "$out" \
	"${program[@]}" || status=$?
[ -s "$out" ] || die "nothing was recorded"
"$python" "$here/trc.py" verify "$out" >&2
exit $status
