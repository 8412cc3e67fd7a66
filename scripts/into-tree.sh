#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# into-tree.sh [-f] PATH: puts pyalloc into the kernel tree PATH, as its own
# files would be there: mm/pyalloc with its tests, the headers, samples,
# Documentation, ABI and MAINTAINERS, and the lines that lead to them.
#
#   -f   replaces what an earlier run put there
#
# If PATH is a git tree, it must be clean, and gets a commit that is signed off
# by its git user; any other tree gets the files.  What the code does to be
# built outside a kernel's tree, and what other versions of the kernel need, is
# left out.  The benchmarks, the tools and the scripts stay here.

. "$(dirname "$0")/lib.sh"

templates=$top/scripts/in-tree

# All that is pyalloc's alone in a kernel's tree.
ours=(Documentation/ABI/testing/debugfs-pyalloc Documentation/mm/pyalloc
      include/linux/pyalloc.h include/linux/pyalloc_kmalloc.h
      include/linux/pyalloc_python.h mm/pyalloc samples/pyalloc)
# What lines are added to.
lists=(Documentation/mm/index.rst MAINTAINERS mm/Kconfig mm/Makefile
       samples/Kconfig samples/Makefile)
# The page about this has no place there.
page_left=in-tree

usage()
{
	sed -n 's/^# into-tree.sh/usage: into-tree.sh/p' "$0" >&2
	exit 2
}

in_git()
{
	[ "$(git -C "$tree" rev-parse --show-toplevel 2> /dev/null)" = "$tree" ]
}

# === What must be so before anything is touched ===

check_is_kernel()
{
	local file

	for file in "${lists[@]}" include/linux/mm.h; do
		[ -f "$tree/$file" ] ||
			die "$tree is not a kernel's tree: there is no $file"
	done
}

check_is_clean()
{
	in_git || return 0
	[ -z "$(git -C "$tree" status --porcelain | head -n 1)" ] ||
		die "$tree has changes that are not committed: nothing was done"
}

is_there()
{
	local file

	for file in "${ours[@]}"; do
		[ ! -e "$tree/$file" ] || return 0
	done
	grep -q pyalloc "${lists[@]/#/$tree/}"
}

check_is_new()
{
	[ -n "$force" ] || ! is_there ||
		die "$tree has pyalloc already: -f replaces it"
}

# The one who answers for it, and signs the commit.
find_maintainer()
{
	local name email where=$top

	! in_git || where=$tree
	name=$(git -C "$where" config user.name || true)
	email=$(git -C "$where" config user.email || true)
	[[ -n $name && -n $email ]] ||
		die "who maintains it? Set git's user.name and user.email"
	maintainer="$name <$email>"
}

# === Replacing ===

# As add_lines() added them.
remove_lines()
{
	sed -i '/pyalloc/{N;d}' "$tree/mm/Kconfig" "$tree/samples/Kconfig"
	sed -i '/pyalloc/d' "$tree/mm/Makefile" "$tree/samples/Makefile" \
		"$tree/Documentation/mm/index.rst"
	sed -i '/^PYALLOC /,/^$/d' "$tree/MAINTAINERS"
}

remove_earlier()
{
	(
		cd "$tree"
		rm -rf "${ours[@]}"
	)
	remove_lines
}

# === What is different there ===

# Filters: what only a build outside a kernel's tree reads.
without_out_of_tree()
{
	sed '/^# begin out of tree$/,/^# end out of tree$/d'
}

# Where files are: in texts and comments.
with_paths()
{
	sed -e 's,\(``\|:: \)pyalloc/,\1mm/pyalloc/,g' \
		-e 's,\(``\|:: \)kunit/,\1mm/pyalloc/tests/,g' \
		-e 's,\(``\|:: \)samples/pytorture,\1mm/pyalloc/torture,g' \
		-e 's,\(``\|:: \)samples/,\1samples/pyalloc/,g' \
		-e 's,Documentation/\([a-z-]*\.rst\|images/\),Documentation/mm/pyalloc/\1,g'
}

# The tree has a page of its own for all that is in ABI.
for_tree_pages()
{
	sed -e '/^\.\. kernel-abi:: ABI\/testing$/d' \
		-e 's,^What follows is \(``Documentation/ABI\),All is told in \1,'
}

# Headers: pyalloc's own are next to the tests' directories, and those of KUnit
# are always there.
with_includes()
{
	sed -e 's,^#include "\(\.\./\)*pyalloc/,#include "../,' |
		awk '
			{ line[NR] = $0 }
			/^#include "shim.h"$/ { shim = 1 }
			END {
				for (i = 1; i <= NR; i++) {
					if (shim && line[i] ~ /^#include /) {
						print "#include <kunit/test.h>"
						shim = 0
					}
					if (line[i] != "#include \"shim.h\"")
						print line[i]
				}
			}' |
		cat -s
}

# What compat_version.h makes of a version: a word for unifdef each.
version_words()
{
	local code name

	code=$(awk '
		/^(VERSION|PATCHLEVEL) = / { code = code * 256 + $3 }
		END { print code * 256 }' "$tree/Makefile")
	{
		echo '#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))'
		echo "#define LINUX_VERSION_CODE $code"
		sed '/#include/d' "$top/pyalloc/compat_version.h"
		sed -n 's/^#define \(PYCOMPAT_[A-Z_]*\).*/\1/p' \
			"$top/pyalloc/compat_version.h" | while read -r name; do
			printf '#if %s\n"-D%s=1"\n#else\n"-D%s=0"\n#endif\n' \
				"$name" "$name" "$name"
		done
	} | cpp -P | tr -d '"' | grep -v '^$'
}

# compat.h with what this tree's version needs, which is without the patches
# for PREEMPT_RT.
for_this_version()
{
	local words

	mapfile -t words < <(version_words)
	sed '/^#include "compat_version.h"$/,/^$/d' |
		{ unifdef -B "${words[@]}" -DPYCOMPAT_PREEMPT_LAZY=1 ||
			[ $? = 1 ]; }
}

# === Copying ===

# copy FROM TO FILTER...: a file of ours, through the filters.
copy()
{
	local from=$top/$1 to=$tree/$2 filter
	shift 2

	mkdir -p "$(dirname "$to")"
	cp "$from" "$to"
	chmod 644 "$to"
	for filter; do
		"$filter" < "$to" > "$to.new"
		mv "$to.new" "$to"
	done
}

# copy_all FROM TO NAME-PATTERN FILTER...: a directory's files.
copy_all()
{
	local from=$1 to=$2 pattern=$3 file
	shift 3

	while read -r file; do
		copy "$from/$file" "$to/$file" "$@"
	done < <(cd "$top/$from" && find . -maxdepth 1 -type f \
		-name "$pattern" ! -name '*.mod.c' -printf '%P\n' | sort)
}

# The objects are next to the makefile there.
without_directory()
{
	# shellcheck disable=SC2016 # make's
	sed -e 's,CFLAGS_pyalloc/\([a-z]*\.o := -I$(src)\)/pyalloc,CFLAGS_\1,' \
		-e 's,\([ \t]\)pyalloc/\([a-z_]*\.o\),\1\2,g' \
		-e 's,kunit/$,tests/,' -e 's,samples/pytorture/$,torture/,' |
		fill
}

# Filter: the lines of what goes on in the next one are filled again.
fill()
{
	awk '
		function put(word)
		{
			if (length(line) + length(word) > 66) {
				print line " \\"
				line = "\t    "
			}
			line = line " " word
		}
		!n && !/\\$/ { print; next }
		{
			more = sub(/ *\\$/, "")
			for (i = 1; i <= NF; i++)
				word[n++] = $i
		}
		!more {
			line = word[0]
			for (i = 1; i < n; i++)
				put(word[i])
			print line
			n = 0
		}'
}

copy_module()
{
	copy_all pyalloc mm/pyalloc '*.[ch]' with_paths
	rm "$tree/mm/pyalloc/compat_version.h"
	copy pyalloc/compat.h mm/pyalloc/compat.h for_this_version
	copy Kbuild mm/pyalloc/Makefile without_out_of_tree without_directory
	copy Kconfig mm/pyalloc/Kconfig
	copy scripts/in-tree/kunitconfig mm/pyalloc/.kunitconfig
	copy_all include/linux include/linux 'pyalloc*.h' with_paths
}

copy_tests()
{
	copy_all kunit mm/pyalloc/tests '*.[ch]' with_paths with_includes
	rm "$tree"/mm/pyalloc/tests/shim.[ch]
	copy kunit/Kbuild mm/pyalloc/tests/Makefile without_out_of_tree
	copy_all samples/pytorture mm/pyalloc/torture '*.[ch]' \
		with_paths with_includes
	copy samples/pytorture/Kbuild mm/pyalloc/torture/Makefile
}

copy_samples()
{
	local sample

	copy samples/Kconfig samples/pyalloc/Kconfig
	copy samples/Kbuild samples/pyalloc/Makefile
	while read -r sample; do
		copy_all "samples/$sample" "samples/pyalloc/$sample" '*.[ch]' \
			with_paths
		copy "samples/$sample/Kbuild" "samples/pyalloc/$sample/Makefile"
	done < <(sed -n '/^obj-/s,.* += \|/,,gp' "$top/samples/Kbuild" |
		tr ' ' '\n')
}

# Pictures are written by programs, which leave blanks at the ends of lines.
without_blanks()
{
	sed 's/[[:blank:]]*$//'
}

# Of the pictures only those that a page shows come along.
copy_pages()
{
	local pages=Documentation/mm/pyalloc image

	copy_all Documentation $pages '*.rst' with_paths for_tree_pages
	rm -f "$tree/$pages/$page_left.rst"
	sed -i -e "/^   $page_left\$/d" \
		-e "0,/^\.\. toctree::/{/^\.\. toctree::/{
			e cat '$templates/index-note.rst'
		}}" "$tree/$pages/index.rst"
	while read -r image; do
		copy "Documentation/$image" "$pages/$image" without_blanks
	done < <(sed -n 's/^ *\.\. \(image\|figure\):: *//p' "$tree/$pages"/*.rst |
		sort -u)
	copy Documentation/images/draw.py $pages/images/draw.py without_blanks
	copy Documentation/{,}ABI/testing/debugfs-pyalloc with_paths
}

# === Lines in files that are there ===

# insert_at LINE FILE: what comes in, before the line of that number.
insert_at()
{
	sed -i "$(($1 - 1))r /dev/stdin" "$tree/$2"
}

# add_before PATTERN FILE: what comes in, before the last line that matches.
add_before()
{
	local pattern=$1 file=$2 at

	at=$({ grep -n "$pattern" "$tree/$file" || true; } | tail -n 1 |
		cut -d : -f 1)
	[ -n "$at" ] || die "$tree/$file has no line like '$pattern'"
	insert_at "$at" "$file"
}

add_lines()
{
	printf 'source "mm/pyalloc/Kconfig"\n\n' |
		add_before '^endmenu' mm/Kconfig
	printf 'source "samples/pyalloc/Kconfig"\n\n' |
		add_before '^endif # SAMPLES' samples/Kconfig
	# shellcheck disable=SC2016 # make's
	echo 'obj-$(CONFIG_PYALLOC) += pyalloc/' >> "$tree/mm/Makefile"
	# shellcheck disable=SC2016
	printf 'obj-$(CONFIG_SAMPLE_PYALLOC)\t\t+= pyalloc/\n' \
		>> "$tree/samples/Makefile"
	echo '   pyalloc/index' |
		add_before '^   remap_file_pages' Documentation/mm/index.rst
}

# Filter: with the maintainer, whose name may have any character.
with_maintainer()
{
	NAME=$maintainer awk '
		(at = index($0, "@MAINTAINER@")) {
			$0 = substr($0, 1, at - 1) ENVIRON["NAME"] \
				substr($0, at + length("@MAINTAINER@"))
		}
		{ print }'
}

# The entries are in the alphabet's order, but for the last.
add_maintainers_entry()
{
	local at

	at=$(LC_ALL=C awk '
		/^$/ { blank = 1; next }
		blank && /^[0-9A-Z]/ && NR > 1 { title = $0; at = NR }
		{ blank = 0 }
		/^M:|^L:|^S:/ && title > "PYALLOC" && !found {
			print at
			found = 1
		}' "$tree/MAINTAINERS")
	[ -n "$at" ] || die "there is no place in $tree/MAINTAINERS"
	with_maintainer < "$templates/MAINTAINERS" | insert_at "$at" MAINTAINERS
}

# When something failed halfway.
tell_how_to_undo()
{
	local status=$?

	[ $status != 0 ] || return 0
	if in_git; then
		say "$tree is not as it was.  This undoes it:"
		say "  cd $(printf %q "$tree") && git reset --hard && git clean -fdx ${ours[*]}"
	else
		say "$tree is not as it was: -f tries again"
	fi
}

# === The commit ===

release()
{
	sed -n 's/^#define PYALLOC_VERSION[[:space:]]*"\(.*\)"/\1/p' \
		"$top/include/linux/pyalloc.h"
}

commit()
{
	local message

	message=$(sed "s/@RELEASE@/$(release)/" "$templates/message")
	[ -z "$replaced" ] ||
		message="mm/pyalloc: bring in release $(release)

It replaces all files of the release that was there."
	git -C "$tree" add -f -A -- "${ours[@]}" "${lists[@]}"
	if git -C "$tree" diff --cached --quiet; then
		say "$tree has just this already: there is nothing to commit"
		return
	fi
	git -C "$tree" commit -q -s -m "$message"
	say "committed $(git -C "$tree" log -1 --format='%h ("%s")') to $tree"
}

force=
replaced=
while getopts f option; do
	case $option in
	f) force=1 ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# = 1 ] || usage
[ -d "$1" ] || die "there is no directory $1"
tree=$(realpath "$1")

check_is_kernel
check_is_clean
check_is_new
need git unifdef cpp
find_maintainer
trap tell_how_to_undo EXIT
trap 'exit 130' INT TERM
if is_there; then
	remove_earlier
	replaced=1
fi
copy_module
copy_tests
copy_samples
copy_pages
add_lines
add_maintainers_entry
say "put pyalloc $(release) into $tree: $(cd "$tree" &&
	find "${ours[@]}" -type f | wc -l) files, and lines in ${lists[*]}"
! in_git || commit
