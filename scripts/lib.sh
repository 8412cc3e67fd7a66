# SPDX-License-Identifier: GPL-2.0
# What every script here shares: where the cache is, how to speak, how to
# install what is missing.  Sourced, never run.
#
# With PYALLOC_NO_INSTALL set nothing is installed, nor is there a cache: so
# packages are built, by who may have no home.
# shellcheck shell=bash disable=SC2034 # what is set here is used elsewhere

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-~}/.cache}/pyalloc
# Not all that is here needs it: who does will say so.
[ -n "${PYALLOC_NO_INSTALL:-}" ] || mkdir -p "$cache" 2> /dev/null || true

say()
{
	printf '%s\n' "$*" >&2
}

die()
{
	say "$(basename "$0"): $*"
	exit 1
}

# Runs a command with its output in a log, which is shown if it fails.
quietly()
{
	local log=$1
	shift
	"$@" > "$log" 2>&1 && return
	tail -n 40 "$log" >&2
	die "'$1' failed, its whole output is in $log"
}

need_cache()
{
	[ -w "$cache" ] ||
		die "no cache at $cache: say XDG_CACHE_HOME=/another/directory"
}

# Package lists are fetched once a day at the most.  Without a network the old
# ones will do: what they lead to may be in the cache.
refresh_package_lists()
{
	[ -n "$(find "$cache/package-lists" -mtime -1 2> /dev/null)" ] &&
		[ -z "$(find /etc/apt/sources.list* \
			-newer "$cache/package-lists" 2> /dev/null)" ] &&
		apt-cache show linux-source > /dev/null 2>&1 && return
	if as_root apt-get update -qq > "$cache/apt-update.log" 2>&1; then
		touch "$cache/package-lists"
	else
		say "no new package lists (see $cache/apt-update.log)"
	fi
}

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# need PACKAGE...: installs those Debian packages that are not there yet.
need()
{
	local missing=() package

	for package; do
		dpkg-query -W -f '${db:Status-Status}\n' "$package" 2> /dev/null |
			grep -qx installed || missing+=("$package")
	done
	[ ${#missing[@]} = 0 ] && return
	[ -z "${PYALLOC_NO_INSTALL:-}" ] ||
		die "not installed: ${missing[*]}"
	command -v apt-get > /dev/null ||
		die "this is not Debian: please install ${missing[*]}"
	say "installing ${missing[*]}"
	need_cache
	refresh_package_lists
	# Another one may be installing, too.
	DEBIAN_FRONTEND=noninteractive quietly "$cache/apt-install.log" \
		as_root apt-get -o DPkg::Lock::Timeout=300 install -qq \
		--no-install-recommends "${missing[@]}"
}

# Adds up the lines `N passed, N failed` of its input, prints the sum in the
# same form, and fails when something failed or nothing ran.
add_up()
{
	awk '
		/^[0-9]+ passed, [0-9]+ failed$/ { passed += $1; failed += $3 }
		END {
			printf "%d passed, %d failed\n", passed, failed
			exit failed > 0 || passed == 0
		}'
}

# Runs a command while holding a lock on a file of the cache, so that two
# runs started at once do not build the same thing.
locked()
{
	local name=$1
	shift
	need_cache
	(
		flock 9
		"$@"
	) 9> "$cache/$name.lock"
}

# The words with which make builds modules for the kernel in a directory of
# kernel.sh, a line each.
kernel_words()
{
	if [ -e "$1/words" ]; then
		tr ' ' '\n' < "$1/words"
	else
		echo "ARCH=$(cat "$1/arch")"
	fi
}
