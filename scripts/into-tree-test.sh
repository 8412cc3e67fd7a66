#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# into-tree-test.sh [-q] [VERSION...]: tests into-tree.sh in Debian's kernel trees,
# 6.1 and 6.12: that it puts in all and nothing else, refuses what it should,
# that checkpatch has nothing to say of the patch, that kunit.py passes in
# User-Mode Linux and in QEMU, that other configurations compile, and that the
# tree's own documentation has the pages.  The last line is
# `N passed, N failed`.
#
#   -q   builds and boots nothing, which takes a minute and not an hour
#
# The trees are git trees in the cache, which each run takes back to what
# Debian has.  What is built of them stays beside them, so another run builds
# only what changed.  Logs are in build/into-tree.

. "$(dirname "$0")/lib.sh"

logs=$top/build/into-tree
passed=0
failed=0

# try NAME COMMAND...: passes when the command succeeds without a word.
try()
{
	local name="$version: $1" output
	shift

	if output=$("$@" 2>&1) && [ -z "$output" ]; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	echo "FAIL $name"
	printf '%s\n' "$output" | sed 's/^/     | /' | tail -n 60
}

# What a command said, for a person, when it does as it should.
silently()
{
	"$@" > "$logs/said" 2>&1 && return
	cat "$logs/said"
	return 1
}

into_tree()
{
	"$top/scripts/into-tree.sh" "$@"
}

# === Trees ===

make_tree()
{
	local source=$1

	say "making a git tree of $(basename "$source"), once"
	rm -rf "$tree"
	cp -a "$source" "$tree"
	rm "$tree/ready"
	git -C "$tree" init -q
	git -C "$tree" config gc.auto 0
	git -C "$tree" add -A -f
	git -C "$tree" -c user.name=Debian -c user.email=debian@localhost \
		commit -q -m "$(basename "$source")"
	git -C "$tree" tag base
}

# Sets `tree`: as Debian has it, and nothing else.
fresh_tree()
{
	local source

	source=$("$top/scripts/kernel.sh" source "$version")
	tree=$cache/in-tree-$(basename "$source" | sed 's/^linux-source-//')
	git -C "$tree" rev-parse -q --verify base > /dev/null 2>&1 ||
		make_tree "$source"
	git -C "$tree" reset -q --hard base
	git -C "$tree" clean -q -f -d -x
	git -C "$tree" config user.name 'A Maintainer'
	git -C "$tree" config user.email maintainer@example.org
}

# === What is in the commit ===

# Names under which pyalloc's own files are.
own='^(Documentation/ABI/testing/debugfs-pyalloc|Documentation/mm/pyalloc/.*|include/linux/pyalloc(_kmalloc|_python)?\.h|(mm|samples)/pyalloc/.*)$'
lists='Documentation/mm/index.rst MAINTAINERS mm/Kconfig mm/Makefile samples/Kconfig samples/Makefile'

is_committed()
{
	[ "$(git -C "$tree" rev-list --count base..HEAD)" = 1 ] &&
		[ -z "$(git -C "$tree" status --porcelain)" ] &&
		git -C "$tree" log -1 --format=%b |
			grep -qx 'Signed-off-by: A Maintainer <maintainer@example.org>'
}

# Nothing but ours and the lists changed, and every source of ours is there.
changed_files()
{
	git -C "$tree" diff --name-only base HEAD
}

foreign_files()
{
	changed_files | grep -vE "$own" |
		grep -vxF "${lists// /$'\n'}" || true
}

missing_files()
{
	(
		cd "$top"
		find pyalloc kunit samples include -type f -name '*.[ch]' \
			! -name '*.mod.c' ! -name 'shim.[ch]' \
			! -name compat_version.h -printf '%f\n'
	) | sort | diff - <(changed_files | grep '\.[ch]$' |
		sed 's,.*/,,' | sort)
}

# The lists got lines, and lost none.
lost_lines()
{
	# shellcheck disable=SC2086 # words
	git -C "$tree" diff base HEAD -- $lists | grep '^-[^-]' || true
}

# Words that have no place in a kernel's tree.
out_of_tree_words()
{
	git -C "$tree" grep -nE \
		'LINUX_VERSION_CODE|KERNEL_VERSION\(|KBUILD_EXTMOD|compat_version|shim\.h|[bn]d? out of tree$|PYCOMPAT_(DEPOT|MAX|KV|SHRINKER|ACCOUNT|LINUX|PREEMPT|HRTIMER)' \
		HEAD -- mm/pyalloc samples/pyalloc include/linux/pyalloc\* ||
		true
}

# Files that our texts name and that are not there.
broken_references()
{
	(
		cd "$tree"
		./scripts/documentation-file-ref-check 2>&1 |
			grep -E '^[^:]*pyalloc' || true
	)
}

is_maintained()
{
	(
		cd "$tree"
		[[ $(./scripts/get_maintainer.pl --no-git -f "$1") = \
			*'A Maintainer'* ]]
	)
}

# The entry stands in the alphabet's order.
titles_around()
{
	awk '
		/^$/ { blank = 1; next }
		blank && /^[0-9A-Z]/ { before = title; title = $0; n = NR }
		{ blank = 0 }
		before ~ /^PYALLOC/ && n == NR { print; exit }
		/^PYALLOC/ { print before }' "$tree/MAINTAINERS"
}

is_in_order()
{
	[ "$(titles_around | wc -l)" = 2 ] &&
		{ titles_around | sed -n 1p; echo 'PYALLOC MEMORY ALLOCATOR'
		  titles_around | sed -n 2p; } | LC_ALL=C sort -c
}

valid_abi()
{
	(
		cd "$tree"
		./scripts/get_abi.pl validate 2>&1 | grep pyalloc || true
	)
}

# === checkpatch ===

# The types that check.sh leaves out everywhere, with its reasons, but for
# those that are no news in a kernel's tree.  Besides: asm/nmi.h is what has
# register_nmi_handler(), linux/nmi.h does not always include it; and a
# function's type may begin with const.
ignored_types()
{
	local ignored=()

	eval "$(sed -n '/^ignored=(/,/^)/p' "$top/scripts/check.sh")"
	printf '%s\n' "${ignored[@]}" INCLUDE_LINUX STATIC_CONST |
		grep -vx -e FILE_PATH_CHANGES -e LINUX_VERSION_CODE |
		paste -s -d ,
}

# As check.sh does: tracepoints have their look, Python's names their own.
checkpatch()
{
	git -C "$tree" format-patch -q -1 --stdout > "$logs/$version.patch"
	(
		cd "$tree"
		# It looks at licences with Debian's Python and its modules.
		PATH=/usr/bin:$PATH perl scripts/checkpatch.pl --strict --terse -q --show-types \
			--showfile --no-summary \
			--ignore "$(ignored_types)" "$logs/$version.patch"
	) | grep -vE \
		-e '/events\.h:.*(PARENTHESIS_ALIGNMENT|OPEN_ENDED_LINE):' \
		-e 'python[^:]*:.*(NEW_TYPEDEFS|COMPARISON_TO_NULL|REPEATED_WORD):' ||
		true
}

# === What is refused ===

refuses()
{
	local words=$1 before
	shift

	before=$(git -C "$tree" status --porcelain; git -C "$tree" rev-parse HEAD)
	if into_tree "$@" > "$logs/refusal" 2>&1; then
		echo "it went through"
		return 1
	fi
	grep -q "$words" "$logs/refusal" || cat "$logs/refusal"
	[ "$before" = "$(git -C "$tree" status --porcelain
		git -C "$tree" rev-parse HEAD)" ]
}

refuses_dirty()
{
	echo >> "$tree/README"
	refuses 'not committed' "$@" "$tree" || return
	git -C "$tree" checkout -q README
	# The tree's own list of what git is to ignore is Debian's: everything.
	touch "$tree/mm/stray.c"
	git -C "$tree" add -f mm/stray.c
	refuses 'not committed' "$@" "$tree" || return
	git -C "$tree" rm -q -f mm/stray.c
}

# Nothing is to be committed when nothing changed, and what did is brought in.
replaces()
{
	local before

	before=$(git -C "$tree" rev-parse HEAD)
	silently into_tree -f "$tree" || return
	[ "$(git -C "$tree" rev-parse HEAD)" = "$before" ] || return
	rm "$tree/mm/pyalloc/main.c"
	echo stale > "$tree/mm/pyalloc/stale.c"
	git -C "$tree" add -A
	git -C "$tree" commit -q -m stale
	silently into_tree -f "$tree" || return
	git -C "$tree" diff --exit-code --stat "$before" HEAD
	git -C "$tree" reset -q --hard "$before"
}

# A tree without git gets the same files.
fills_plain_tree()
{
	local plain=$logs/plain-$version file

	rm -rf "$plain"
	for file in $lists include/linux/mm.h Makefile; do
		mkdir -p "$plain/$(dirname "$file")"
		git -C "$tree" show "base:$file" > "$plain/$file"
	done
	(
		export GIT_CEILING_DIRECTORIES=$logs
		export GIT_CONFIG_COUNT=2
		export GIT_CONFIG_KEY_0=user.name GIT_CONFIG_VALUE_0='A Maintainer'
		export GIT_CONFIG_KEY_1=user.email
		export GIT_CONFIG_VALUE_1=maintainer@example.org
		silently into_tree "$plain"
	) || return
	for file in $(changed_files); do
		cmp "$tree/$file" "$plain/$file"
	done
	[ "$(find "$plain" -type f | wc -l)" = "$(($(changed_files |
		wc -l) + 2))" ]
}

# === Builds and boots ===

# kunit NAME WORD...: the tree's own command, with a limit for the boot.
kunit()
{
	local name=$1 log=$logs/$version-kunit-$1.log
	shift

	if ! (cd "$tree" && ./tools/testing/kunit/kunit.py run \
		--kunitconfig=mm/pyalloc --build_dir="$tree-kunit-$name" \
		--timeout=600 --jobs="$(nproc)" "$@") > "$log" 2>&1; then
		grep -E 'FAILED|ERROR|error:|Testing complete|expected' "$log" ||
			tail -n 20 "$log"
		return 1
	fi
	grep -q 'Passed: [1-9]' "$log" || tail -n 20 "$log"
	say "$version, $name: $(grep -a 'Testing complete' "$log")"
}

# Options that are turned on in a configuration which else has nothing.
options()
{
	local word

	for word; do
		case $word in
		*=*) echo "CONFIG_$word" ;;
		*) echo "CONFIG_$word=y" ;;
		esac
	done
}

# The lines of a log that have a word and are about our files.  The cache's own
# name is pyalloc.
said_of_ours()
{
	sed "s,$tree/,,g" "$2" | grep -E "pyalloc.*($1)" || true
}

# compiles NAME CONFIG OPTION...: pyalloc's directories, with W=1.
compiles()
{
	local build=$tree-build-$1 log=$logs/$version-build-$1.log config=$2
	shift 2

	mkdir -p "$build"
	options "$@" > "$build/wanted"
	if ! { make -C "$tree" O="$build" KCONFIG_ALLCONFIG="$build/wanted" \
			"$config" &&
		make -C "$tree" O="$build" W=1 -j"$(nproc)" \
			mm/pyalloc/ samples/pyalloc/; } > "$log" 2>&1; then
		tail -n 40 "$log"
		return 1
	fi
	grep -vxFf "$build/.config" "$build/wanted" || true
	said_of_ours '(warning|error):' "$log"
	[ -e "$build/mm/pyalloc/main.o" ]
}

compiles_all()
{
	local tests='PYALLOC_KUNIT_TEST=m PYALLOC_TORTURE_TEST=m SAMPLE_PYALLOC=m'

	# shellcheck disable=SC2086 # words
	try "modules compile" compiles modules allnoconfig 64BIT SMP MODULES \
		MODULE_UNLOAD DEBUG_FS SAMPLES KUNIT=m PYALLOC=m $tests
	# shellcheck disable=SC2086
	try "modules with pyalloc built in compile" compiles mixed \
		allnoconfig 64BIT SMP PREEMPT MODULES DEBUG_FS SAMPLES KUNIT \
		PYALLOC $tests
	try "neither debugfs nor modules compile" compiles small allnoconfig \
		64BIT KUNIT PYALLOC PYALLOC_KUNIT_TEST
	try "32 bits compile" compiles 32 allnoconfig SMP KUNIT \
		DEBUG_FS PYALLOC PYALLOC_KUNIT_TEST
	# shellcheck disable=SC2086
	try "checkers compile" compiles debug allnoconfig 64BIT SMP PREEMPT \
		NUMA ACPI PCI MODULES DEBUG_KERNEL DEBUG_FS SAMPLES KASAN \
		DEBUG_KMEMLEAK PROVE_LOCKING KUNIT=m PYALLOC=m $tests
	try "allmodconfig compiles" compiles allmod allmodconfig
}

kunit_all()
{
	try "kunit um" kunit um
	try "kunit x86_64" kunit x86_64 --arch=x86_64
	try "kunit x86_64, two CPUs" kunit smp --arch=x86_64 \
		--kconfig_add=CONFIG_SMP=y --qemu_args='-smp 2'
}

# === Documentation ===

# What the tree's Sphinx says of our pages.
pages_warnings()
{
	local log=$logs/$version-htmldocs.log build=$tree-build-docs

	rm -rf "$build"
	mkdir -p "$build"
	if ! make -C "$tree" O="$build" SPHINXDIRS=mm htmldocs \
			> "$log" 2>&1; then
		tail -n 40 "$log"
		return 1
	fi
	said_of_ours 'WARNING|ERROR' "$log"
	[ -e "$build/Documentation/output/mm/pyalloc/index.html" ]
}

test_version()
{
	fresh_tree
	try "refuses a dirty tree" refuses_dirty
	try "goes in" silently into_tree "$tree"
	try "is one signed commit" is_committed
	try "touches nothing else" foreign_files
	try "leaves nothing out" missing_files
	try "removes no line" lost_lines
	try "has nothing of other versions" out_of_tree_words
	try "refuses a second run" refuses 'already' "$tree"
	try "refuses a dirty tree with -f" refuses_dirty -f
	try "replaces an earlier import" replaces
	try "fills a plain tree" fills_plain_tree
	try "MAINTAINERS is in order" is_in_order
	for file in mm/pyalloc/main.c include/linux/pyalloc.h \
			samples/pyalloc/pyhello/pyhello.c; do
		try "$file is maintained" is_maintained "$file"
	done
	try "references" broken_references
	try "ABI" valid_abi
	try "checkpatch" checkpatch
	if [ -z "$quick" ]; then
		kunit_all
		compiles_all
		[ "$version" = 6.1 ] || try "htmldocs" pages_warnings
		try "the tree is clean after all" is_committed
	fi
}

quick=
if [ "${1:-}" = -q ]; then
	quick=1
	shift
fi
need build-essential bc bison flex libelf-dev libssl-dev git perl python3 \
	python3-git python3-ply python3-sphinx qemu-system-x86 unifdef xz-utils
mkdir -p "$logs"
# Two runs would take each other's tree back.
exec 8> "$cache/in-tree.lock"
flock 8
[ $# != 0 ] || set -- 6.1 6.12
for version; do
	test_version
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
