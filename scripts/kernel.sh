#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kernel.sh NAME: makes the test kernel NAME ready in the cache and prints
# its directory, which holds `image`, what to boot, and `build`, the KDIR to
# build modules against.
#
#   stock-6.1  stock-6.12  stock-6.1-rt  stock-6.12-rt
#       Debian's own images and headers, unpacked and not installed
#   uml  x86-debug
#       built from linux-source-6.12 with scripts/kernels/NAME.config
#   source
#       linux-source-6.12 itself, unpacked: its checkers and parsers are used
#
# A kernel is kept under a name made of its version and a hash of how it is
# configured, and counts only when its `ready` file is there: a build that
# was interrupted is begun anew.

. "$(dirname "$0")/lib.sh"

# The newest Debian package whose name matches a regular expression.
newest_package()
{
	apt-cache pkgnames | grep -E "^$1\$" | sort -V | tail -n 1
}

package_version()
{
	apt-cache show --no-all-versions "$1" | sed -n 's/^Version: //p'
}

# unpack DIRECTORY PACKAGE...: the packages' files, without installing them.
unpack()
{
	local into=$1 download package
	shift

	download=$(mktemp -d "$cache/download.XXXXXX")
	(
		cd "$download"
		quietly "$cache/apt-download.log" apt-get download "$@"
	)
	for package in "$download"/*.deb; do
		dpkg-deb -x "$package" "$into"
	done
	rm -rf "$download"
}

begin()
{
	rm -rf "$1"
	mkdir -p "$1"
}

# A stock kernel: the headers packages expect to live in /usr/src, so the
# paths in their makefiles are led to where they were unpacked.
fetch_stock()
{
	local dir=$1 image=$2 headers depends
	local release=${image#linux-image-}

	say "fetching $image and its headers"
	begin "$dir"
	headers=linux-headers-$release
	mapfile -t depends < <(apt-cache depends "$headers" |
		sed -n 's/^ *Depends: \(linux-\(headers\|kbuild\|compiler\)-.*\)/\1/p')
	# Debian's image packages may be unsigned under another name.
	unpack "$dir" "$image" "$headers" "${depends[@]}"
	sed -i "s,/usr/src/,$dir/usr/src/," "$dir/usr/src/$headers/Makefile"
	ln -s "boot/vmlinuz-$release" "$dir/image"
	ln -s "usr/src/$headers" "$dir/build"
	rm -rf "$dir/lib/modules"
	echo x86_64 > "$dir/arch"
	touch "$dir/ready"
}

stock()
{
	local series=${1#stock-} flavour=amd64 image dir

	refresh_package_lists
	case $series in
	*-rt)
		series=${series%-rt}
		flavour=rt-amd64
		;;
	esac
	image=$(newest_package "linux-image-${series/./\\.}\\.[0-9][^-]*(-[0-9]+)?-$flavour")
	[ -n "$image" ] || die "Debian has no kernel image for $1"
	dir=$cache/$1-$(package_version "$image")
	[ -e "$dir/ready" ] || fetch_stock "$dir" "$image"
	echo "$dir"
}

source_tree()
{
	local dir

	refresh_package_lists
	dir=$cache/$1-$(package_version "$1")
	if [ ! -e "$dir/ready" ]; then
		say "fetching $1"
		begin "$dir"
		unpack "$dir" "$1"
		tar -C "$dir" --strip-components=1 \
			-xf "$dir/usr/src/$1.tar.xz"
		rm -rf "${dir:?}/usr/src" "${dir:?}/usr/share"
		touch "$dir/ready"
	fi
	echo "$dir"
}

build()
{
	local dir=$1 source=$2 name=$3 arch target image

	case $name in
	uml*) arch=um target=linux image=linux ;;
	*) arch=x86_64 target=bzImage image=arch/x86/boot/bzImage ;;
	esac
	say "building the $name kernel, once: this takes some minutes"
	begin "$dir"
	quietly "$dir/config.log" make -C "$source" O="$dir/build" ARCH=$arch \
		KCONFIG_ALLCONFIG="$top/scripts/kernels/$name.config" allnoconfig
	quietly "$dir/build.log" make -C "$dir/build" ARCH=$arch \
		-j"$(nproc)" "$target" modules
	ln -s "build/$image" "$dir/image"
	echo $arch > "$dir/arch"
	touch "$dir/ready"
}

built()
{
	local name=$1 source hash dir

	[ -e "$top/scripts/kernels/$name.config" ] ||
		die "'$name' is not a test kernel: see the top of $0"
	need build-essential bc bison flex libelf-dev libssl-dev cpio rsync xz-utils
	source=$(locked source source_tree linux-source-6.12)
	hash=$(cat "$top/scripts/kernels/$name.config" <(gcc --version) |
		sha256sum | cut -c 1-12)
	dir=$cache/$name-$(basename "$source" | sed 's/^linux-source-//')-$hash
	[ -e "$dir/ready" ] || build "$dir" "$source" "$name"
	echo "$dir"
}

case ${1:-} in
source)
	need xz-utils
	locked source source_tree linux-source-6.12
	;;
stock-*) locked "$1" stock "$1" ;;
?*) locked "$1" built "$1" ;;
*) die "which kernel? See the top of $0" ;;
esac
