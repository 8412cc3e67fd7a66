# SPDX-License-Identifier: GPL-2.0
# Writing nonsense to any file of the debugfs directory is an error and
# changes nothing.

# Every file is tried with root's rights; most are not for writing at all.
spoil()
{
	local file=$1

	for text in garbage "" -1 99999999999999999999 "1 1" 0x; do
		if printf '%s\n' "$text" 2> /dev/null > "$file"; then
			echo "$file took '$text'"
			return 1
		fi
	done
	if head -c 100000 /dev/zero 2> /dev/null > "$file"; then
		echo "$file took 100000 zero bytes"
		return 1
	fi
	check_ok
}

readable()
{
	cat "$1" > /dev/null
}

try load-for-garbage load
if loaded pyalloc; then
	find $debugfs -type f > /tmp/files
	while read -r file; do
		try "garbage-${file#"$debugfs"/}" spoil "$file"
	done < /tmp/files
	try check-after-garbage check_ok
	try unload-after-garbage unload
fi
