#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kernel.sh NAME: makes the test kernel NAME ready in the cache and prints
# its directory, which holds `image`, what to boot, and `build`, the KDIR to
# build modules against.
#
#   stock-6.1  stock-6.12  stock-6.1-rt  stock-6.12-rt
#       Debian's own images and headers, unpacked and not installed
#   uml  uml-debug  x86-debug  x86-rt  x86-kcsan  x86-32  arm64
#       built from linux-source-6.12 with scripts/kernels/NAME.config, whose
#       line `# make: WORDS`, if it has one, gives make more words: ARCH,
#       LLVM=1 for clang, CROSS_COMPILE
#   source [6.1|6.12]
#       linux-source-6.12 (or -6.1) itself, unpacked: its checkers and parsers
#       are used, and scripts/into-tree-test.sh builds pyalloc in it
#
# Besides, the directory holds `arch`, the architecture in the kernel's word for
# it, and for kernels that were built `words`, all that make was told.
#
# A kernel is kept under a name made of its version and a hash of how it is
# configured and of its compiler, and counts only when its `ready` file is
# there: a build that was interrupted is begun anew.

. "$(dirname "$0")/lib.sh"

# The newest Debian package whose name matches a regular expression, if any.
newest_package()
{
	apt-cache pkgnames | { grep -E "^$1\$" || true; } | sort -V |
		tail -n 1
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
	[ -n "$image" ] ||
		die "apt knows no kernel image for $1: Debian 12 has 6.12 in bookworm-security; is that in /etc/apt/sources.list?"
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

# Words for make that a configuration asks for, with ARCH among them.
words_of()
{
	local words

	words=$(sed -n 's/^# make: //p' "$1")
	[[ $words = *ARCH=* ]] || words="ARCH=x86_64${words:+ $words}"
	echo "$words"
}

# The value of one of some words.
value_of()
{
	sed -n "s/.*\b$1=\([^ ]*\).*/\1/p" <<< "$2"
}

# Installs the compiler that the words ask for and prints its name.
compiler_for()
{
	local prefix

	prefix=$(value_of CROSS_COMPILE "$1")
	if [ -n "$(value_of LLVM "$1")" ]; then
		need clang lld llvm
		echo clang
	else
		[ -z "$prefix" ] || need "gcc-${prefix%-}"
		echo "${prefix}gcc"
	fi
}

# What there is to boot, as a path in the build directory.
image_of()
{
	case $1 in
	um) echo linux ;;
	arm64) echo arch/arm64/boot/Image ;;
	*) echo arch/x86/boot/bzImage ;;
	esac
}

# An option that depends on one that is off goes without a word.
check_config()
{
	local lost

	lost=$(grep '^CONFIG_' "$1" | grep -vxFf "$2") || return 0
	die "$2 lacks" "$lost"
}

build()
{
	local dir=$1 source=$2 name=$3 words=$4 image
	local config=$top/scripts/kernels/$name.config

	image=$(image_of "$(value_of ARCH "$words")")
	say "building the $name kernel, once: this takes some minutes"
	begin "$dir"
	# shellcheck disable=SC2086 # words
	quietly "$dir/config.log" make -C "$source" O="$dir/build" $words \
		KCONFIG_ALLCONFIG="$config" allnoconfig
	check_config "$config" "$dir/build/.config"
	# shellcheck disable=SC2086 # words
	quietly "$dir/build.log" make -C "$dir/build" $words \
		-j"$(nproc)" "$(basename "$image")" modules
	ln -s "build/$image" "$dir/image"
	value_of ARCH "$words" > "$dir/arch"
	echo "$words" > "$dir/words"
	touch "$dir/ready"
}

built()
{
	local name=$1 source words compiler hash dir
	local config=$top/scripts/kernels/$name.config

	[ -e "$config" ] ||
		die "'$name' is not a test kernel: see the top of $0"
	need build-essential bc bison flex libelf-dev libssl-dev cpio rsync xz-utils
	source=$(locked source source_tree linux-source-6.12)
	words=$(words_of "$config")
	compiler=$(compiler_for "$words")
	hash=$(cat "$config" <("$compiler" --version) |
		sha256sum | cut -c 1-12)
	dir=$cache/$name-$(basename "$source" | sed 's/^linux-source-//')-$hash
	[ -e "$dir/ready" ] || build "$dir" "$source" "$name" "$words"
	echo "$dir"
}

case ${1:-} in
source)
	need xz-utils
	locked source source_tree "linux-source-${2:-6.12}"
	;;
stock-*) locked "$1" stock "$1" ;;
?*) locked "$1" built "$1" ;;
*) die "which kernel? See the top of $0" ;;
esac
