# SPDX-License-Identifier: GPL-2.0
# What is released: the version, and which files go where.  Sourced by
# install.sh, dkms.sh and packages.sh.
#
# The version has one source, include/linux/pyalloc.h.
# shellcheck shell=bash disable=SC2034,SC2154 # names from lib.sh, and for others

version=$(sed -n 's/^#define PYALLOC_VERSION[[:space:]]*"\(.*\)"$/\1/p' \
	"$top/include/linux/pyalloc.h")
[ -n "$version" ] || die "include/linux/pyalloc.h has no PYALLOC_VERSION"

# What a build of the module needs, for DKMS and for clients.  Kbuild's lines
# that lead to directories, of tests and samples, stay away with those.
put_source()
{
	mkdir -p "$1"
	(
		cd "$top" || exit
		cp -pu --parents -t "$1" include/linux/*.h pyalloc/*.[ch]
		sed '/^obj-.*\/$/d' Kbuild > "$1/Kbuild"
	)
}

# The same with what DKMS reads beside it.
put_dkms_source()
{
	put_source "$1"
	install -m 755 "$top/scripts/dkms-post-build" "$1/post-build"
	sed "s/#MODULE_VERSION#/$version/" "$top/debian/pyalloc-dkms.dkms" \
		> "$1/dkms.conf"
}

# A tool is a program in tools/, or a folder there with a Makefile.
tool_names()
{
	local entry

	for entry in "$top"/tools/*; do
		[[ ${entry##*/} != *.* ]] || continue
		[ -f "$entry" ] || [ -e "$entry/Makefile" ] || continue
		basename "$entry"
	done
}

# The same as an archive, which does not tell when or by whom it was made.
pack_source()
{
	local dir

	dir=$(mktemp -d)
	put_source "$dir"
	chmod -R u=rwX,go=rX "$dir"
	tar -C "$dir" --sort=name --mtime="@${SOURCE_DATE_EPOCH:-0}" --owner=0 \
		--group=0 --numeric-owner -c Kbuild include pyalloc |
		gzip -9n > "$1"
	rm -rf "$dir"
}

# Now lines of file and place: what building a client takes, the manual pages,
# and the helpers for debuggers.

client_files()
{
	local file

	echo "$top/scripts/client.mk share/pyalloc"
	echo "$top/build/source.tar.gz share/pyalloc"
	for file in "$top"/include/linux/*.h; do
		echo "$file share/pyalloc/include/linux"
	done
}

page_files()
{
	local file

	for file in "$top"/tools/*.1 "$top"/Documentation/man/*.4; do
		echo "$file share/man/man${file##*.}"
	done
}

helper_files()
{
	local file

	for file in "$top"/scripts/debugger/pyalloc_*.py \
		"$top"/scripts/{drgn,gdb}/*.py; do
		[[ $file != *_test.py && -e $file ]] || continue
		echo "$file share/pyalloc/$(basename "$(dirname "$file")")"
	done
}
