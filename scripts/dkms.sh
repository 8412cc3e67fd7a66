#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# dkms.sh: hands the module to DKMS, which builds it for each kernel whose
# headers are here, and for those to come.
#
# dkms.sh remove: takes it away again.
# dkms.sh source DIR: only writes what DKMS gets.

. "$(dirname "$0")/lib.sh"
. "$top/scripts/release.sh"

source=/usr/src/pyalloc-$version
PATH=$PATH:/usr/sbin

not_a_packages()
{
	! dpkg-query -S "$source" > /dev/null 2>&1 ||
		die "$source is a package's: apt remove pyalloc-dkms does it"
}

register()
{
	local dir=$top/build/dkms

	rm -rf "$dir"
	put_dkms_source "$dir"
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

build_for_all()
{
	local build

	for build in /lib/modules/*/build; do
		[ ! -e "$build/include" ] ||
			build_for "$(basename "$(dirname "$build")")"
	done
}

unregister()
{
	[ ! -e "/var/lib/dkms/pyalloc/$version" ] ||
		as_root dkms remove -m pyalloc -v "$version" --all
	as_root rm -rf "$source"
}

case ${1:-} in
'')
	not_a_packages
	need dkms
	unregister
	register
	build_for_all
	;;
remove)
	not_a_packages
	unregister
	;;
source) put_dkms_source "${2:?into which directory?}" ;;
*) die "what is '$1'? See the top of $0" ;;
esac
