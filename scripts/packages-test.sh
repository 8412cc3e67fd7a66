#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# packages-test.sh: do the packages, `make dkms` and `make install` do what they
# say, and is nothing left when they are gone?  The last line is `N passed,
# N failed`.
#
# All of it happens in a root of its own that debootstrap makes, with the headers
# of Debian's 6.1 and 6.12, and in those two kernels in QEMU.  The root is made
# anew each week, from the mirrors that this machine's apt has, and kept in the
# cache.  build/packages-test keeps what was printed.

. "$(dirname "$0")/lib.sh"
. "$top/scripts/release.sh"

work=$top/build/packages-test
root=$work/root
kernels=(stock-6.1 stock-6.12)
# What a checkout installs for itself, which is no file of ours.
needed=(build-essential dkms kmod libncurses-dev python3)
passed=0
failed=0

# === Cases ===

# try NAME COMMAND...: passes when the command succeeds; else its output is
# shown.
try()
{
	local name=$1 log status
	shift

	log=$work/${name//[ \/]/-}.log
	# In a condition a failure would not end the function that has it.
	set +e
	(set -e; "$@") > "$log" 2>&1
	status=$?
	set -e
	if [ $status = 0 ]; then
		passed=$((passed + 1))
		echo "ok $name"
		return
	fi
	failed=$((failed + 1))
	echo "FAIL $name"
	tail -n 30 "$log" | sed 's/^/     | /'
}

not()
{
	if "$@"; then
		return 1
	fi
}

release_of()
{
	basename "$(readlink "$("$top/scripts/kernel.sh" "$1")/image")" |
		sed 's/^vmlinuz-//'
}

# === The root ===

# in_root COMMAND: for a shell in the root, where it has processes and mounts of
# its own.
in_root()
{
	as_root unshare --mount --pid --fork --mount-proc="$root/proc" \
		chroot "$root" env -i HOME=/root LC_ALL=C.UTF-8 \
		XDG_CACHE_HOME=/tmp/cache \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		DEBIAN_FRONTEND=noninteractive \
		bash -euo pipefail -c "$1" < /dev/null
}

# apt's own sources of Debian, a line each.
debian_sources()
{
	local keys=/usr/share/keyrings/debian-archive-keyring.gpg

	apt-get indextargets 'Created-By: Packages' 'Origin: Debian' --format \
		"deb [signed-by=$keys] \$(REPO_URI) \$(RELEASE) \$(COMPONENT)"
}

debian_mirror()
{
	debian_sources | awk '$4 == "bookworm" { print $3; exit }'
}

# The root with headers, up to date; what the packages depend on is fetched, and
# not installed.
make_base()
{
	local headers

	headers=$(printf 'linux-headers-%s ' "$@")
	as_root rm -rf "$root"
	quietly "$work/debootstrap.log" as_root env PATH="$PATH:/usr/sbin" \
		debootstrap --variant=minbase bookworm "$root" "$(debian_mirror)"
	debian_sources | as_root tee "$root/etc/apt/sources.list" > /dev/null
	apt-config dump Acquire | grep -E '^Acquire::(Check-|http|Retries)' |
		as_root tee "$root/etc/apt/apt.conf.d/90host" > /dev/null || true
	as_root cp /etc/resolv.conf "$root/etc/"
	# The kernel's own packages would make an initial RAM disk.
	quietly "$work/base.log" in_root "
		apt-get update -qq
		apt-get upgrade -qq -y
		apt-get install -qq -y --no-install-recommends $headers
		for kernel in $*; do depmod \$kernel; done"
}

fetch_dependencies()
{
	as_root cp "$top"/build/deb/*.deb "$root/tmp"
	quietly "$work/fetch.log" in_root '
		apt-get install -qq -y --no-install-recommends -d /tmp/*.deb
		apt-get install -qq -y --no-install-recommends -d '"${needed[*]}"
	as_root rm -f "$root"/tmp/*.deb
}

# What the base is made of is in its name.
base_name()
{
	{
		date +%G-%V
		printf '%s\n' "$@"
		grep -A 1 Depends: "$top/debian/control"
		sed -n '/^make_base/,/^}/p;/^fetch_dep/,/^}/p' "$0"
	} | sha256sum | cut -c 1-12
}

fresh_root()
{
	local base

	base=$cache/packages-root-$(base_name "$@").tar.zst
	if [ ! -e "$base" ]; then
		say "making a root with headers, once a week: some minutes"
		make_base "$@"
		fetch_dependencies
		as_root tar -C "$root" --zstd -cf "$base.part" .
		rm -f "$cache"/packages-root-*.tar.zst
		mv "$base.part" "$base"
	fi
	as_root rm -rf "$root"
	mkdir -p "$root"
	as_root tar -C "$root" --zstd -xf "$base"
	# DKMS's script for packages sees a running kernel, and would build for
	# that and the newest one alone.
	as_root mkdir -p "$root/lib/modules/$(uname -r)"
}

# Every file of the root, but for the packagers' own records and for /tmp.
look()
{
	as_root find "$root" -xdev \( -path "$root/proc" -o -path "$root/tmp" \
		-o -path "$root/var/log" -o -path "$root/var/cache/apt" \
		-o -path "$root/var/cache/ldconfig" \
		-o -path "$root/var/lib/dpkg/status*" \
		-o -path "$root/var/lib/apt/extended_states" \) -prune \
		-o -type f -exec sha256sum {} + \
		-o -printf '%M %U:%G %p %l\n' | LC_ALL=C sort
	as_root find "$root" -xdev -path "$root/proc" -prune \
		-o -path "$root/tmp" -prune -o -type f -printf '%M %U:%G %p\n' |
		LC_ALL=C sort
}

nothing_left()
{
	look > "$work/after"
	diff "$work/before" "$work/after"
}

# === The packages ===

same_version_everywhere()
{
	local file

	for file in "$top"/build/deb/*.deb; do
		[ "$(dpkg-deb -f "$file" Version)" = "$version" ]
	done
	[ "$(find "$top/build/deb" -name '*.deb' | wc -l)" = 3 ]
}

install_packages()
{
	in_root "apt-get install -y --no-install-recommends $*"
}

# What nothing installed depends on goes, recommended or not, as it came.
purge()
{
	in_root "apt-get purge -y --auto-remove \
		-o APT::AutoRemove::RecommendsImportant=false \
		-o APT::AutoRemove::SuggestsImportant=false $*"
}

# The README's client, with a Makefile of three lines.
put_client()
{
	local client=$root/tmp/client-$1

	as_root mkdir -p "$client"
	as_root cp "$top/samples/pyhello/pyhello.c" "$client"
	as_root tee "$client/Makefile" > /dev/null <<- 'END'
		obj-m := pyhello.o
		ccflags-y := -I$(PYALLOC)/include
		include /usr/share/pyalloc/client.mk
	END
}

no_warnings()
{
	not grep -iE 'warning|undefined|error:' "$1"
}

# With pyalloc-dev and the headers, and nothing else of pyalloc's.
build_client()
{
	local log=$work/client-$1.log

	put_client "$1"
	[ ! -e "$root/var/lib/dkms/pyalloc" ]
	in_root "make -C /tmp/client-$1 KDIR=/lib/modules/$1/build" 2>&1 |
		tee "$log"
	no_warnings "$log"
	[ "$(modinfo -F depends "$root/tmp/client-$1/pyhello.ko")" = pyalloc ]
}

built_by_dkms()
{
	local built=$root/var/lib/dkms/pyalloc/$version/$1/x86_64

	in_root "dkms status pyalloc/$version -k $1" | grep ': installed'
	no_warnings "$built/log/make.log"
	find "$root/lib/modules/$1/updates/dkms/" -name 'pyalloc.ko*' | grep .
	[ "$(in_root "modinfo -k $1 -F version pyalloc")" = "$version" ]
}

# The checksums that the client was built with are those of DKMS's build.
same_checksums()
{
	local made=$root/tmp/client-$1/.pyalloc/$version/$1/Module.symvers

	diff <(cut -f 1,2 "$made" | sort) \
		<(cut -f 1,2 "$root/var/lib/dkms/pyalloc/$version/$1"/*/Module.symvers |
			sort)
}

# Where DKMS is, a client is built without making them again.
uses_dkms_checksums()
{
	in_root "cd /tmp/client-$1 && make KDIR=/lib/modules/$1/build clean modules"
	[ ! -e "$root/tmp/client-$1/.pyalloc" ]
	[ -e "$root/tmp/client-$1/pyhello.ko" ]
}

# boot KERNEL RELEASE: DKMS's module and the client in the kernel itself.  The
# guest's output tells what the manual page has to have.
boot()
{
	local module log=$work/boot-$1.log

	module=$(find "$root/lib/modules/$2/updates/dkms/" -name 'pyalloc.ko*')
	# shellcheck disable=SC2016 # the guest's own words
	"$top/scripts/boot.sh" -t 300 -l "$log" -o "$work/guest-$1" \
		-m "$module" -m "$root/tmp/client-$2/pyhello.ko" "$1" '
		set -e
		insmod /modules/pyalloc.ko*
		insmod /modules/pyhello.ko
		grep "^pyalloc .* 1 pyhello," /proc/modules
		[ "$(awk "/^object|^mem/ { n += \$7 } END { print n }" \
			$debugfs/domains)" = 1 ]
		check_ok
		find $debugfs -type f > $OUTPUT
		grep . /sys/module/pyalloc/parameters/* > $OUTPUT
		rmmod pyhello
		rmmod pyalloc'
	not grep -E 'disagrees|no symbol version|BUG|WARNING|Oops' "$log"
}

tools_answer()
{
	local tool

	for tool in $(tool_names); do
		in_root "$tool --version" | grep -F "$version"
		in_root "$tool --help" | grep -F "$tool"
		in_root "zcat /usr/share/man/man1/$tool.1.gz" | grep -q '^\.SH NAME'
	done
}

# Nothing is loaded in the root: they have to say so, in a line, and fail.
tools_refuse()
{
	local tool

	for tool in $(tool_names); do
		case $tool in
		pyalloctop) refuses "$tool --once" ;;
		pytrace) refuses "$tool show" ;;
		pyallocmap) refuses "$tool map -o /tmp/map.svg" ;;
		*) die "$tool is not known to this test" ;;
		esac
	done
}

refuses()
{
	not in_root "$1" > "$work/refusal" 2>&1
	cat "$work/refusal"
	[ "$(wc -l < "$work/refusal")" = 1 ]
	not grep -q Traceback "$work/refusal"
}

# === The checkout in the root ===

put_checkout()
{
	as_root mkdir -p "$root/tmp/pyalloc"
	(
		cd "$top"
		tar -c --exclude=./build --exclude=./.git --exclude-vcs-ignores .
	) | as_root tar -C "$root/tmp/pyalloc" -x --no-same-owner
}

in_checkout()
{
	in_root "cd /tmp/pyalloc && $1"
}

installed_from_checkout()
{
	local symvers=usr/local/share/pyalloc/symvers/$version/$1/Module.symvers

	in_checkout "make install KDIR=/lib/modules/$1/build" 2>&1 |
		tee "$work/install.log"
	not grep -E '\.[ch]:.*warning' "$work/install.log"
	[ "$(in_root "modinfo -k $1 -F filename pyalloc")" = \
		"$(cd "$root" && find lib/modules/"$1"/updates -name 'pyalloc.ko*' -printf '/%p')" ]
	[ -e "$root/$symvers" ]
	[ -e "$root/usr/local/share/man/man4/pyalloc.4" ]
	in_root 'pytrace --version'
}

# The same in a tree that is to be packed: no file of the root's own changes.
installed_into_tree()
{
	in_checkout "make install KDIR=/lib/modules/$1/build \
		DESTDIR=/tmp/tree PREFIX=/opt"
	find "$root/tmp/tree" -name 'pyalloc.ko*' | grep "/lib/modules/$1/updates/"
	[ -e "$root/tmp/tree/opt/share/pyalloc/include/linux/pyalloc.h" ]
	nothing_left
	in_checkout 'make uninstall DESTDIR=/tmp/tree PREFIX=/opt'
	[ -z "$(find "$root/tmp/tree" ! -type d)" ]
}

client_of_installed()
{
	put_client local
	as_root sed -i 's,/usr/share,/usr/local/share,' \
		"$root/tmp/client-local/Makefile"
	in_root "make -C /tmp/client-local KDIR=/lib/modules/$1/build"
	[ ! -e "$root/tmp/client-local/.pyalloc" ]
	in_root "make -C /tmp/client-local KDIR=/lib/modules/$1/build \
		INSTALL_MOD_PATH=/tmp/client-local/tree modules_install"
	find "$root/tmp/client-local/tree/lib/modules/$1" -name 'pyhello.ko*' |
		grep .
}

uninstalled()
{
	in_checkout 'make uninstall'
	nothing_left
}

dkms_from_checkout()
{
	local release

	in_checkout 'make dkms'
	for release; do
		built_by_dkms "$release"
	done
}

dkms_removed()
{
	in_checkout 'make dkms-remove'
	nothing_left
}

# The package's files are not for `make dkms` to replace.
dkms_refused()
{
	not in_checkout 'make dkms'
	not in_checkout 'make dkms-remove'
	in_root "dkms status pyalloc/$version" | grep ': installed'
}

# Kernels before 6.1 are none of dkms.conf's, and all others are.
kernels_chosen()
{
	local pattern kernel

	# shellcheck disable=SC1091
	pattern=$(dkms_tree='' kernelver='' arch='' &&
		. "$top/debian/pyalloc-dkms.dkms" &&
		echo "$BUILD_EXCLUSIVE_KERNEL")
	for kernel in 6.1.0-9-amd64 6.2.1 6.10.3 6.12.117+deb12-amd64 7.0.1 10.2; do
		[[ $kernel =~ $pattern ]] || die "not $kernel"
	done
	for kernel in 6.0.19 5.10.0-9-amd64 5.61.1 4.19 3.16; do
		[[ ! $kernel =~ $pattern ]] || die "$kernel, too"
	done
}

page_is_whole()
{
	python3 "$top/scripts/page_test.py" "$top/Documentation/man/pyalloc.4" \
		"$root/lib/modules/$2/updates/dkms"/pyalloc.ko* "$work/guest-$1"
}

# === All of it ===

need debootstrap zstd kmod python3 groff-base
mkdir -p "$work"
trap 'as_root rm -rf "$root"' EXIT
trap 'exit 130' INT TERM
releases=()
for kernel in "${kernels[@]}"; do
	releases+=("$(release_of "$kernel")")
done

try "make deb, lintian" make -C "$top" --no-print-directory deb
try "one version" same_version_everywhere
try "kernels that dkms.conf takes" kernels_chosen
locked packages-root fresh_root "${releases[@]}"
look > "$work/before"
as_root cp "$top"/build/deb/*.deb "$root/tmp"

try "pyalloc-dev alone" install_packages /tmp/pyalloc-dev_*.deb
for release in "${releases[@]}"; do
	try "client of pyalloc-dev alone $release" build_client "$release"
done
try "all packages" install_packages '/tmp/pyalloc-*.deb'
for i in "${!kernels[@]}"; do
	kernel=${kernels[i]} release=${releases[i]}
	try "DKMS $release" built_by_dkms "$release"
	try "the same checksums $release" same_checksums "$release"
	try "boot $release" boot "$kernel" "$release"
	try "pyalloc(4) $release" page_is_whole "$kernel" "$release"
	try "client with DKMS $release" uses_dkms_checksums "$release"
done
try "tools" tools_answer
try "tools without the module" tools_refuse
put_checkout
as_root rm -rf "$root"/tmp/pyalloc/build
try "make dkms beside the package" dkms_refused
try "purge" purge pyalloc-dkms pyalloc-dev pyalloc-tools
try "purge leaves nothing" nothing_left

# From here on with what a checkout needs.
install_packages "${needed[@]}" > "$work/needed.log" 2>&1
look > "$work/before"
try "make dkms" dkms_from_checkout "${releases[@]}"
try "make dkms-remove leaves nothing" dkms_removed
try "make install" installed_from_checkout "${releases[1]}"
try "client after make install" client_of_installed "${releases[1]}"
try "make uninstall leaves nothing" uninstalled
try "make install into a tree" installed_into_tree "${releases[0]}"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
