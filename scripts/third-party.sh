#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# third-party.sh KERNEL: builds other people's modules, as Debian packages them
# for DKMS, for the test kernel KERNEL: as they are, and with their kmalloc()
# moved onto pyalloc by -include.  Nothing of their sources is changed.  Prints a
# directory for the guest, with
#
#   plain/ pyalloc/  the modules, twice
#   kernel/          the kernel's own modules that they need
#   bin/ lib/        what their user space needs
#
# Packages are kept in the cache, by their versions.

. "$(dirname "$0")/lib.sh"

# name      package       directory       subdirectories, in the order of building
modules="
jool        jool-dkms     usr/src/jool-*  src/mod/common src/mod/siit
apfs        apfs-dkms     usr/src/linux-apfs-rw-*  .
"
# The kernel's own, which those need.
kernel_modules='x_tables loop libcrc32c crc32c_generic'
# For user space: packages, and of these the programs.
packages='jool-tools apfsprogs libnl-3-200 libnl-genl-3-200 libc6'
programs='usr/bin/jool_siit usr/sbin/mkapfs usr/sbin/apfsck'

# The file of a package in the cache.
fetch()
{
	local version file download

	version=$(apt-cache show --no-all-versions "$1" |
		sed -n 's/^Version: //p')
	[ -n "$version" ] || die "Debian has no $1"
	file=$cache/third-party/$1-$version.deb
	if [ ! -e "$file" ]; then
		download=$(mktemp -d "$cache/download.XXXXXX")
		(
			cd "$download"
			quietly "$cache/apt-download.log" apt-get download "$1"
		)
		mkdir -p "$cache/third-party"
		mv "$download"/*.deb "$file"
		rmdir "$download"
	fi
	echo "$file"
}

# build VARIANT NAME SUBDIRECTORIES MAKE-ARGUMENT...: in a copy of the sources,
# each with the symbols of those before it.
build()
{
	local variant=$1 name=$2 subdirectories=$3 sub
	local tree=$top/build/third-party/$kernel/$variant/$name symbols=
	shift 3

	say "building $name for $kernel ($variant)"
	rm -rf "$tree"
	mkdir -p "$tree"
	cp -r "$top/build/third-party/$name/." "$tree"
	[ "$variant" = plain ] || symbols=$own/Module.symvers
	for sub in $subdirectories; do
		quietly "$tree.log" make -C "$dir/build" M="$tree/$sub" \
			"${words[@]}" CONFIG_DEBUG_INFO_BTF_MODULES= \
			KBUILD_EXTRA_SYMBOLS="$symbols" "$@" modules
		cp "$tree/$sub"/*.ko "$into/$variant/"
		symbols+=" $tree/$sub/Module.symvers"
	done
}

build_all()
{
	local name package from subdirectories

	while read -r name package from subdirectories; do
		[ -n "$name" ] || continue
		rm -rf "$top/build/third-party/$name" "${work:?}"/*
		dpkg-deb -x "$(fetch "$package")" "$work"
		mkdir -p "$top/build/third-party"
		# shellcheck disable=SC2086 # a pattern
		mv "$work"/$from "$top/build/third-party/$name"
		build plain "$name" "$subdirectories"
		build pyalloc "$name" "$subdirectories" \
			KCFLAGS="-I$top/include -include linux/pyalloc_kmalloc.h"
	done <<< "$modules"
}

# The cached kernel has none of its own modules.
take_kernel_modules()
{
	local image name

	image=$(basename "$(readlink "$dir/image")" | sed 's/^vmlinuz-/linux-image-/')
	rm -rf "${work:?}"/*
	dpkg-deb --fsys-tarfile "$(fetch "$image")" |
		tar -C "$work" -x --wildcards './lib/modules/*.ko*'
	for name in $kernel_modules; do
		find "$work" -name "$name.ko" -exec cp {} "$into/kernel/" \;
		find "$work" -name "$name.ko.xz" -exec cp {} "$into/kernel/" \;
	done
	find "$into/kernel" -name '*.xz' -exec unxz -f {} \;
}

take_programs()
{
	local package program

	rm -rf "${work:?}"/*
	for package in $packages; do
		dpkg-deb -x "$(fetch "$package")" "$work"
	done
	for program in $programs; do
		cp "$work/$program" "$into/bin/"
	done
	# The guest's user space has the rest of libc.
	find "$work" \( -name 'libnl*.so.*' -o -name 'libm.so.6' \) \
		-exec cp -L {} "$into/lib/" \;
}

kernel=${1:?which kernel?}
need build-essential libelf-dev xz-utils kmod
refresh_package_lists
dir=$("$top/scripts/kernel.sh" "$kernel")
mapfile -t words < <(kernel_words "$dir")
own=$("$top/scripts/modules.sh" "$kernel")
into=$own/third-party
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -rf "$into"
mkdir -p "$into"/{plain,pyalloc,kernel,bin,lib}
build_all
take_kernel_modules
take_programs
echo "$into"
