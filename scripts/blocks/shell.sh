# SPDX-License-Identifier: GPL-2.0
# What runs a page's commands, one after the other in one shell, here or in the
# guest: waits for DIRECTORY/N.sh, runs it, and leaves DIRECTORY/N.said and
# N.status.  Ends when DIRECTORY/end is there.  Arguments: DIRECTORY.
# shellcheck shell=bash

mailbox=$1
number=1

sudo()
{
	"$@"
}

# The guest has no /lib/modules, and nothing can be put there.
modprobe()
{
	case $1 in
	-r) rmmod "$2" ;;
	*) insmod "${mailbox%/*}/modules/$1.ko" "${@:2}" ;;
	esac
}

while :; do
	until [ -e "$mailbox/$number.sh" ]; do
		[ ! -e "$mailbox/end" ] || exit 0
		sleep 0.02
	done
	# shellcheck disable=SC1090
	. "$mailbox/$number.sh" > "$mailbox/$number.said" 2>&1 < /dev/null
	echo $? > "$mailbox/status"
	mv "$mailbox/status" "$mailbox/$number.status"
	number=$((number + 1))
done
