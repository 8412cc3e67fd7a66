# SPDX-License-Identifier: GPL-2.0
# The guest's side of a page: sees this machine's files, of which it may write
# to one folder and what is in it, and there does what shell.sh is told, as
#   . /guest.sh; serve WRITABLE FOLDER MAILBOX
# shellcheck shell=dash

serve()
{
	local root=/machine

	mkdir -p $root
	mount -t hostfs -o ro,/ none $root
	mount -t tmpfs tmpfs $root/tmp
	mkdir -p "$root$1" 2> /dev/null
	mount -t hostfs -o "$1" none "$root$1"
	for each in /proc /sys /dev /sys/kernel/debug; do
		mount --bind $each $root$each
	done
	cp /shell.sh $root/tmp/
	chroot $root /usr/bin/env -i HOME=/tmp TERM=xterm LANG=C.UTF-8 \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin /bin/bash -c \
		"cd '$2' && . /tmp/shell.sh '$3'"
}
