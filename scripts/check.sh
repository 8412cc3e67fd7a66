#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# check.sh: what can be said about the code without running it: checkpatch,
# kernel-doc, sparse and the compiler's W=1, shellcheck, Python's compiler, the
# documentation's build and what it leaves out.
# The last line is `N passed, N failed`.

. "$(dirname "$0")/lib.sh"

passed=0
failed=0

# Of checkpatch's types, those left out:
ignored=(
	# what stands in a kernel's tree and not here
	FILE_PATH_CHANGES
	# compat.h is the one place for them, and there is nothing else for it
	LINUX_VERSION_CODE
	# a lock's or a barrier's comment may stand above a group
	MEMORY_BARRIER
	# names of CPython's, in its own letters
	CAMELCASE
	# the name of a struct's member takes no parentheses, and typeof() and
	# sizeof() do not evaluate what they are given: false alarms only
	MACRO_ARG_PRECEDENCE
	MACRO_ARG_REUSE
	# a macro that defines a function may have that function's return
	MACRO_WITH_FLOW_CONTROL
)

# try NAME COMMAND...: passes when the command succeeds without a word.
try()
{
	local name=$1 output
	shift

	if output=$("$@" 2>&1) && [ -z "$output" ]; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	echo "FAIL $name"
	printf '%s\n' "$output" | sed 's/^/     | /' | tail -n 60
}

# The kernel side's files, and those of a kind, as git would list them.
sources()
{
	find include pyalloc kunit samples bench tools scripts/blocks \
		-name '*.[ch]' | sort
}

# Tracepoints have a look of their own, which checkpatch knows in the kernel's
# own directory for them.
checkpatch()
{
	local ignored=("${ignored[@]}")

	[[ $1 != */events.h ]] ||
		ignored+=(PARENTHESIS_ALIGNMENT OPEN_ENDED_LINE)
	# CPython's types, and code as it is written for them.
	[[ $1 != */*python* ]] ||
		ignored+=(NEW_TYPEDEFS COMPARISON_TO_NULL REPEATED_WORD)
	# A comparison that is a macro's value is taken for one of a constant.
	[[ $1 != */compat_version.h ]] || ignored+=(CONSTANT_COMPARISON)
	# What the kernel has is not there in user space.
	[[ $1 != tools/* ]] ||
		ignored+=(PREFER_KERNEL_TYPES PREFER_DEFINED_ATTRIBUTE_MACRO
			  STRCPY VOLATILE LONG_LINE_STRING SPLIT_STRING)
	perl "$source/scripts/checkpatch.pl" --no-tree --strict --terse -q \
		--show-types --max-line-length=100 --no-summary \
		--ignore "$(IFS=,; echo "${ignored[*]}")" -f "$1"
}

kernel_doc()
{
	# It reports a file without any as nothing at all.
	perl "$source/scripts/kernel-doc" -none -Werror "$1"
}

# Builds with all warnings for a kernel.  Sparse lacks one of the compiler's
# macros.
build()
{
	local kernel=$1 log=$top/build/modules/$1-check.log

	rm -rf "$top/build/modules/$kernel-check" "$log"
	"$top/scripts/modules.sh" "$kernel" check W=1 C=2 \
		CHECK="sparse -D__FILE_NAME__=__FILE__" > /dev/null 2>&1 &&
		return
	tail -n 40 "$log"
	return 1
}

# The program for user space, all but what needs CPython's header.
build_user_space()
{
	gcc -std=gnu11 -O2 -Wall -Wextra -Wno-unused-parameter -Werror \
		-o "$top/build/user-check" bench/user/{main,glibc}.c
}

# Sphinx, and each symbol, file and parameter that its pages have to tell.
documents()
{
	scripts/docs_test.py > "$top/build/docs.sums" 2>&1 && return
	cat "$top/build/docs.sums"
	return 1
}

# Lines of the log about our own files.
own_warnings()
{
	grep -E "^$top/build/modules/$1-check/.*(warning|error):" \
		"$top/build/modules/$1-check.log" | sort -u || true
}

# Sparse gives a column, and not the name of the warning as the compiler does.
# What the others say (kernel-doc, objtool) has no column.
by_sparse()
{
	awk '/\.[ch]:[0-9]+:[0-9]+: (warning|error):/ && !/\[-W/'
}

not_by_sparse()
{
	awk '!/\.[ch]:[0-9]+:[0-9]+: (warning|error):/ || /\[-W/'
}

sparse_warnings()
{
	own_warnings "$1" | by_sparse
}

other_warnings()
{
	own_warnings "$1" | not_by_sparse
}

lint_shell()
{
	shellcheck -x -P SCRIPTDIR "$@"
}

compile_python()
{
	python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())' "$1"
}

cd "$top"
need perl sparse shellcheck python3 python3-sphinx build-essential \
	pkg-config libncurses-dev
source=$("$top/scripts/kernel.sh" source)

for file in $(sources); do
	try "checkpatch $file" checkpatch "$file"
	[[ $file != @(tools|scripts)/* ]] || continue
	try "kernel-doc $file" kernel_doc "$file"
done
for kernel in stock-6.1 stock-6.12; do
	try "build $kernel" build "$kernel"
	try "W=1 $kernel" other_warnings "$kernel"
	try "sparse $kernel" sparse_warnings "$kernel"
done
try "build bench/user" build_user_space
try "build tools" make -s -C tools/pyalloctop O="$top/build/check-tools"
try "documents" documents
for file in scripts/*.sh scripts/{bench,record}/*.sh \
	    scripts/blocks/shell.sh scripts/blocks/after/*.sh .ci/run; do
	try "shellcheck $file" lint_shell -s bash "$file"
done
for file in scripts/guest/* scripts/blocks/guest.sh scripts/dkms-post-build; do
	# Their shell is busybox's, which has what dash has.
	# Its rules on words that are only used or only set by another file,
	# or reached by name, know too little of how these are put together.
	try "shellcheck $file" lint_shell -s dash -S warning \
		-e SC2034,SC2154 "$file"
done
for file in scripts/{,record/,blocks/,debugger/,drgn/,gdb/}*.py tools/*.py \
	    tools/{pytrace,pyallocmap}; do
	try "python $file" compile_python "$file"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
