#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# packages.sh: builds Debian's packages of what is in this checkout into
# build/deb, source and binary, and has lintian look at them.

. "$(dirname "$0")/lib.sh"
. "$top/scripts/release.sh"

into=$top/build/deb

# The changelog's first line is what the packages take their version from.
check_changelog()
{
	local first

	first=$(head -n 1 "$top/debian/changelog")
	[[ $first = "pyalloc ($version) "* ]] ||
		die "debian/changelog begins with '$first', but the release is $version"
}

# What git has of the checkout, or would have, and so nothing that was built.
git_files()
{
	{
		git -C "$top" ls-files -z --cached --others --exclude-standard
		git -C "$top" ls-files -z --deleted
	} | sort -z | uniq -zu
}

copy_tree()
{
	mkdir -p "$1"
	if [ -e "$top/.git" ]; then
		git_files | tar -C "$top" -c --null -T - | tar -C "$1" -x
	else
		tar -C "$top" -c --exclude=./build --exclude-vcs-ignores . |
			tar -C "$1" -x
	fi
}

build_packages()
{
	cd "$into/pyalloc-$version"
	# Without a key to sign with; what is to be built is known to be there.
	quietly "$into/build.log" dpkg-buildpackage -us -uc
}

# Its remarks are printed, and all of them count.
look()
{
	lintian --allow-root --info --display-info --pedantic --fail-on error,warning,info,pedantic \
		"$into/pyalloc_${version}"_*.changes
}

check_changelog
need build-essential debhelper dh-dkms dh-python libncurses-dev lintian python3
rm -rf "$into"
copy_tree "$into/pyalloc-$version"
(build_packages)
rm -rf "${into:?}/pyalloc-$version"
look
ls "$into"/*.deb
