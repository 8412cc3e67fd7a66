#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# dkms.sh: hands the module to DKMS, which builds it for each kernel whose
# headers are here, and for those to come.
#
# dkms.sh remove: takes it away again, every release of it that is not a
# package's.
# dkms.sh source DIR: only writes what DKMS gets.

. "$(dirname "$0")/lib.sh"
. "$top/scripts/release.sh"

source=/usr/src/pyalloc-$version
PATH=$PATH:/usr/sbin

is_a_packages()
{
	dpkg-query -S "/usr/src/pyalloc-$1" > /dev/null 2>&1
}

# The releases that DKMS knows or could be told of, a line each.
releases()
{
	local path

	for path in /usr/src/pyalloc-*/dkms.conf /var/lib/dkms/pyalloc/*/source; do
		case $path in
		/usr/src/*)
			grep -qsx 'PACKAGE_NAME="pyalloc"' "$path" || continue
			path=${path%/dkms.conf}
			echo "${path#/usr/src/pyalloc-}"
			;;
		*)
			[ ! -L "$path" ] || basename "${path%/source}"
			;;
		esac
	done | sort -u
}

no_packages()
{
	local release

	for release in $(releases); do
		! is_a_packages "$release" ||
			die "/usr/src/pyalloc-$release is a package's: apt remove pyalloc-dkms takes it away"
	done
}

register()
{
	local dir=$top/build/dkms

	rm -rf "$dir"
	put_dkms_source "$dir"
	as_root rm -rf "$source"
	as_root cp -r --no-preserve=ownership "$dir" "$source"
	as_root dkms add -m pyalloc -v "$version"
}

# 77 is DKMS's word for a kernel that dkms.conf rules out.
build_for()
{
	local status=0

	as_root dkms install -m pyalloc -v "$version" -k "$1" || status=$?
	case $status in
	77) say "$1 is older than 6.1" ;;
	*) return $status ;;
	esac
}

# A kernel that it cannot be built for keeps it from no other.
build_for_all()
{
	local build release failed=()

	for build in /lib/modules/*/build; do
		[ -e "$build/include" ] || continue
		release=$(basename "$(dirname "$build")")
		build_for "$release" || failed+=("$release")
	done
	[ ${#failed[@]} = 0 ] ||
		die "not built for ${failed[*]}: see the logs in /var/lib/dkms/pyalloc/$version"
}

unregister()
{
	local release

	for release in $(releases); do
		! is_a_packages "$release" || continue
		[ ! -e "/var/lib/dkms/pyalloc/$release" ] ||
			as_root dkms remove -m pyalloc -v "$release" --all
		as_root rm -rf "/usr/src/pyalloc-$release"
	done
}

case ${1:-} in
'')
	no_packages
	need dkms
	unregister
	register
	build_for_all
	;;
remove)
	unregister
	no_packages
	;;
source) put_dkms_source "${2:?into which directory?}" ;;
*) die "what is '$1'? See the top of $0" ;;
esac
