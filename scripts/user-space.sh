#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# user-space.sh ARCH: makes a guest's user space ready in the cache for kernels
# of ARCH (in the kernel's word) and prints its root directory: Debian's static
# busybox, and kmod with the libraries it needs.  The commands of busybox that
# load modules would try one whose init fails a second time.
#
# The packages are looked up and fetched with an apt that has its own state, so
# that the machine needs no foreign architecture.  They are kept under a name
# made of a hash of their files' names, which hold their versions.

. "$(dirname "$0")/lib.sh"

packages=(busybox-static kmod)

debian_architecture()
{
	case $1 in
	um | x86_64) echo amd64 ;;
	i386 | arm64) echo "$1" ;;
	*) die "which Debian runs on $1?" ;;
	esac
}

# apt ARGUMENT...: as on a machine of that architecture with nothing installed.
apt()
{
	apt-get -o Dir::State="$state" -o Dir::State::status="$state/status" \
		-o Dir::Cache="$state/cache" -o APT::Architecture="$arch" \
		-o APT::Architectures="$arch" -o APT::Sandbox::User=root \
		-o APT::Install-Recommends=no -o Acquire::Languages=none \
		-qq -y "$@"
}

# Some source may not have the architecture: what matters is in the others.
refresh_lists()
{
	[ -z "$(find "$state/fresh" -mtime -1 2> /dev/null)" ] || return 0
	mkdir -p "$state"/{lists,cache/archives}/partial
	: > "$state/status"
	if apt update > "$state/update.log" 2>&1 ||
	   apt --print-uris install "${packages[@]}" > /dev/null 2>&1; then
		touch "$state/fresh"
	else
		say "no new package lists for $arch (see $state/update.log)"
	fi
}

# What a program needs to run, as paths: its loader and libraries, and those
# that they need.
libraries_of()
{
	local name found

	readelf -dl "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p
		s,.*interpreter: .*/\(.*\)\],\1,p' | while read -r name; do
		found=$(cd "$files" && find . -path "*/lib*/$name")
		[ -n "$found" ] || die "$1 needs $name, which is not there"
		echo "$found"
		libraries_of "$files/$(head -n 1 <<< "$found")"
	done
}

add_program()
{
	local from=$1 to=$2 library

	cp "$files/$from" "$dir/root/$to"
	libraries_of "$files/$from" | sort -u | while read -r library; do
		mkdir -p "$dir/root/$(dirname "$library")"
		cp -L "$files/$library" "$dir/root/$library"
	done
}

fetch()
{
	local package tool

	say "fetching a user space for $arch"
	rm -rf "$dir"
	mkdir -p "$dir"/root/{bin,sbin}
	files=$(mktemp -d "$cache/download.XXXXXX")
	apt clean
	quietly "$state/download.log" apt --download-only install \
		"${packages[@]}"
	for package in "$state"/cache/archives/*.deb; do
		dpkg-deb -x "$package" "$files"
	done
	add_program bin/busybox bin/busybox
	add_program bin/kmod sbin/kmod
	for tool in insmod rmmod lsmod; do
		ln -s kmod "$dir/root/sbin/$tool"
	done
	ln -s busybox "$dir/root/bin/sh"
	rm -rf "$files"
	apt clean
	touch "$dir/ready"
}

user_space()
{
	local wanted

	refresh_lists
	wanted=$(apt --print-uris install "${packages[@]}" |
		awk '{ print $2 }' | sort)
	[ -n "$wanted" ] || die "apt knows no ${packages[*]} for $arch"
	dir=$cache/user-space-$arch-$(sha256sum <<< "$wanted" | cut -c 1-12)
	[ -e "$dir/ready" ] || fetch
	echo "$dir/root"
}

need binutils
arch=$(debian_architecture "${1:?which architecture?}")
state=$cache/apt-$arch
locked "user-space-$arch" user_space
