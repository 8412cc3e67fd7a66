#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# install.sh [PART...]: installs parts of pyalloc, or all of them:
#
#   module   pyalloc.ko for the kernel KDIR, into /lib/modules/RELEASE/updates,
#            and its Module.symvers for clients
#   dev      headers, client.mk, and the sources that it may need
#   tools    the programs in tools/, helpers for drgn and gdb
#   man      the manual pages
#
# install.sh uninstall: takes all of it away, from all kernels.
#
# DESTDIR goes before every path; PREFIX (/usr/local) before those that are not
# the kernel's, INSTALL_MOD_PATH before /lib/modules, as in the kernel's own
# modules_install.  Where the caller may not write, sudo does.
# Documentation/install.rst says what lies where.

. "$(dirname "$0")/lib.sh"
. "$top/scripts/release.sh"

prefix=${DESTDIR:-}${PREFIX:-/usr/local}
share=$prefix/share/pyalloc
modroot=${DESTDIR:-}${INSTALL_MOD_PATH:-}
KDIR=${KDIR:-/lib/modules/$(uname -r)/build}

# writing PATH COMMAND...: with sudo if nobody else may write at PATH.
writing()
{
	local there=$1
	shift

	while [ ! -e "$there" ]; do
		there=$(dirname "$there")
	done
	if [ -w "$there" ]; then
		"$@"
	else
		as_root "$@"
	fi
}

# What the kernel calls itself when it runs; its makefiles, in Debian's headers
# for 6.1, have another word for it.
kernel_release()
{
	[ -e "$KDIR/Makefile" ] ||
		die "no kernel headers at $KDIR: install linux-headers-$(uname -r), or say KDIR=/its/headers"
	sed -n 's/^#define UTS_RELEASE "\(.*\)"$/\1/p' \
		"$KDIR/include/generated/utsrelease.h"
}

# The kernel's own makefiles leave this out where there is no System.map.  A
# tree that is to be packed is for its owner to index.
index_modules()
{
	[ -n "${DESTDIR:-}" ] ||
		writing "$modroot/lib/modules" \
			env PATH="$PATH:/sbin:/usr/sbin" depmod -b "$modroot/" "$1"
}

# modprobe has one of the two, and which is not for us to say.
warn_of_dkms()
{
	local dkms=$modroot/lib/modules/$1/updates/dkms

	! compgen -G "$dkms/pyalloc.ko*" > /dev/null ||
		say "$dkms has a pyalloc.ko, too, from DKMS: take one of the two away"
}

install_module()
{
	local release dir words=()

	need build-essential kmod
	release=$(kernel_release)
	dir=$top/build/install/$release
	put_source "$dir"
	# Headers have no vmlinux, from which the types for BPF would be taken.
	make -s -C "$KDIR" M="$dir" CONFIG_DEBUG_INFO_BTF_MODULES= \
		-j"$(nproc)" modules
	# Nor have they the key that the kernel's own modules are signed with.
	[ -e "$KDIR/certs/signing_key.pem" ] || words=(CONFIG_MODULE_SIG_ALL=)
	writing "$modroot/lib/modules" make -s -C "$KDIR" M="$dir" \
		KERNELRELEASE="$release" INSTALL_MOD_PATH="$modroot" \
		INSTALL_MOD_DIR=updates "${words[@]}" modules_install
	writing "$share" install -D -m 644 \
		-t "$share/symvers/$version/$release" "$dir/Module.symvers"
	index_modules "$release"
	warn_of_dkms "$release"
}

install_dev()
{
	mkdir -p "$top/build"
	pack_source "$top/build/source.tar.gz"
	client_files | put
}

build_tools()
{
	local into=$top/build/tools tool

	need build-essential libncurses-dev python3
	mkdir -p "$into"
	for tool in $(tool_names); do
		if [ -d "$top/tools/$tool" ]; then
			make -s -C "$top/tools/$tool" O="$into"
		else
			install -m 755 "$top/tools/$tool" "$into/$tool"
		fi
	done
}

# Files and places, a line each.
put()
{
	local file into

	while read -r file into; do
		writing "$prefix/$into" \
			install -D -m 644 -t "$prefix/$into" "$file"
	done
}

install_tools()
{
	local tool

	build_tools
	for tool in $(tool_names); do
		writing "$prefix/bin" install -D -m 755 -t "$prefix/bin" \
			"$top/build/tools/$tool"
	done
	helper_files | put
}

# The kernels whose symbols' checksums are here, of any release of pyalloc.
installed_kernels()
{
	[ ! -d "$share/symvers" ] ||
		find "$share/symvers" -name Module.symvers -printf '%h\n' |
			sed 's,.*/,,' | sort -u
}

uninstall_modules()
{
	local release updates

	for release in $(installed_kernels); do
		updates=$modroot/lib/modules/$release/updates
		[ -d "$updates" ] || continue
		writing "$updates" rm -f "$updates"/pyalloc.ko{,.gz,.xz,.zst}
		writing "$updates" rmdir --ignore-fail-on-non-empty "$updates"
		index_modules "$release"
	done
}

# Debian has /usr/local/share/man and bin, and nothing below.
uninstall()
{
	local tool file into

	uninstall_modules
	writing "$prefix/share" rm -rf "$share"
	for tool in $(tool_names); do
		writing "$prefix/bin" rm -f "$prefix/bin/$tool"
	done
	page_files | while read -r file into; do
		into=$prefix/$into
		[ -d "$into" ] || continue
		writing "$into" rm -f "$into/${file##*/}"
		writing "$into" rmdir --ignore-fail-on-non-empty "$into"
	done
}

# A kernel's makefiles can have none.
[[ $top != *[[:blank:]]* ]] ||
	die "there is a blank in $top: move it to a path without one"
[ $# != 0 ] || set -- module dev tools man
for part; do
	case $part in
	module) install_module ;;
	dev) install_dev ;;
	tools) install_tools ;;
	build-tools) build_tools ;;
	man) page_files | put ;;
	uninstall) uninstall ;;
	*) die "there is no part '$part'" ;;
	esac
done
