# SPDX-License-Identifier: GPL-2.0
# Other people's modules, unmodified, with the kernel's kmalloc() and with
# pyalloc's: the same work gives the same answers.  What each of them holds for
# it, and took for it where the machine's clock counts instructions, is told in
# lines that begin with `third-party: `.

. /guest/debugfs.sh

there=/third-party
export LD_LIBRARY_PATH=$there/lib
mappings=4000
files=400

# In nanoseconds, which are instructions under boot.sh -i.
clock()
{
	sed -n 's/^now at \([0-9]*\) nsecs/\1/p' /proc/timer_list
}

# What the kernel's allocator and pyalloc hold, in KiB, when each has given
# back what it can.
held_kib()
{
	local file bytes=0

	for file in /sys/kernel/slab/*/shrink; do
		tell "$file" 1
	done
	if loaded pyalloc; then
		tell $debugfs/reclaim 1
		bytes=$(($(total $debugfs/heaps arena_bytes) +
			 $(total $debugfs/heaps metadata_bytes)))
	fi
	awk -v bytes=$bytes '/^SUnreclaim:/ { print $2 + int(bytes / 1024) }' \
		/proc/meminfo
}

# figure MODULE VARIANT METRIC VALUE
figure()
{
	printf 'third-party: %s\t%s\t%s\t%s\n' "$@"
}

# timed MODULE VARIANT WHAT COMMAND...
timed()
{
	local module=$1 variant=$2 what=$3 start status
	shift 3

	start=$(clock)
	"$@"
	status=$?
	figure "$module" "$variant" "${what}_${CLOCK:-ns}" \
		$(($(clock) - start))
	return $status
}

# load_kernels NAME...: the kernel's own modules, if they are not built in.
load_kernels()
{
	local name

	for name; do
		loaded "$name" || [ ! -e "$there/kernel/$name.ko" ] ||
			insmod "$there/kernel/$name.ko" || return
	done
}

begin()
{
	[ "$1" = plain ] || load
}

# Nothing is left, and pyalloc is whole.
finish()
{
	[ "$1" = plain ] || { check_ok && unload; }
}

# Both variants have said the same.
same()
{
	[ -s "/tmp/$1.plain" ] && cmp "/tmp/$1.plain" "/tmp/$1.pyalloc" &&
		wc -l "/tmp/$1.plain"
}

# === Jool: addresses are translated by a table, which is a trie ===

# The table as its configuration has it.
write_mappings()
{
	awk -v n=$mappings 'BEGIN {
		print "{ \"instance\": \"default\", \"framework\": \"netfilter\","
		print "  \"eamt\": ["
		for (i = 0; i < n; i++)
			printf "    { \"ipv6 prefix\": \"2001:db8:%x::%x/128\"," \
			       " \"ipv4 prefix\": \"10.%d.%d.%d/32\" }%s\n", \
			       i % 97, i + 1, i % 3, int(i / 251), i % 251, \
			       i < n - 1 ? "," : ""
		print "  ] }"
	}' > /tmp/jool.json
}

# Answers go to the file named so.
use_jool()
{
	local variant=$1 to=/tmp/jool.$1 siit=$there/bin/jool_siit before i

	before=$(held_kib)
	timed jool "$variant" load \
		$siit file handle /tmp/jool.json || return
	figure jool "$variant" held_kib $(($(held_kib) - before))
	$siit eamt display --csv --no-headers | sort > "$to"
	for i in 1 7 100 250; do
		$siit eamt query "10.$((i % 3)).0.$i"
	done >> "$to" 2>&1
	$siit eamt add 2001:db8:ffff::1/128 192.0.2.1/32 >> "$to" 2>&1
	$siit eamt add 2001:db8:ffff::1/128 192.0.2.2/32 >> "$to" 2>&1
	$siit eamt remove 2001:db8:1::2/128 >> "$to" 2>&1
	$siit eamt display --csv --no-headers | wc -l >> "$to"
	timed jool "$variant" flush $siit eamt flush || return
	$siit eamt display --csv --no-headers | wc -l >> "$to"
	# Once more, over what was there.
	$siit file handle /tmp/jool.json && $siit instance remove default ||
		return
	figure jool "$variant" left_kib $(($(held_kib) - before))
}

run_jool()
{
	local variant=$1

	begin "$variant" && load_kernels x_tables &&
		insmod "$there/$variant/jool_common.ko" &&
		insmod "$there/$variant/jool_siit.ko" || return
	use_jool "$variant" || return
	rmmod jool_siit && rmmod jool_common && finish "$variant"
}

# === APFS: a file system, on an image in memory ===

make_files()
{
	local i

	mkdir /mnt/few /mnt/many || return
	for i in $(seq $files); do
		echo "file $i of $files" > "/mnt/many/a rather long name $i" ||
			return
	done
	for i in $(seq 1 7 $files); do
		ln "/mnt/many/a rather long name $i" "/mnt/few/$i" || return
	done
	for i in $(seq 1 2 $files); do
		rm "/mnt/many/a rather long name $i" || return
	done
	mv /mnt/few /mnt/some && ln -s many /mnt/link && sync
}

list_files()
{
	(cd /mnt && find . | sort && find . -type f | sort | xargs -d '\n' cat)
}

use_apfs()
{
	local variant=$1 to=/tmp/apfs.$1 before status=0

	before=$(held_kib)
	mount -t apfs -o readwrite,uid=0,gid=0 /dev/loop0 /mnt || return
	timed apfs "$variant" make make_files || status=1
	list_files > "$to"
	figure apfs "$variant" held_kib $(($(held_kib) - before))
	umount /mnt || return
	mount -t apfs /dev/loop0 /mnt || return
	timed apfs "$variant" list list_files >> "$to.twice"
	grep -v '^third-party' "$to.twice" | cmp - "$to" || status=1
	sed -n '/^third-party/p' "$to.twice"
	umount /mnt || status=1
	return $status
}

run_apfs()
{
	local variant=$1

	mkdir -p /mnt
	rm -f /tmp/apfs.image
	# Smaller ones have another format; it has holes.
	truncate -s 600M /tmp/apfs.image
	begin "$variant" && load_kernels crc32c_generic libcrc32c loop &&
		insmod "$there/$variant/apfs.ko" || return
	"$there/bin/mkapfs" /tmp/apfs.image > /dev/null &&
		losetup /dev/loop0 /tmp/apfs.image && use_apfs "$variant" ||
		return
	losetup -d /dev/loop0
	rmmod apfs && finish "$variant"
}

write_mappings
# THIRD_PARTY names one of them, and comes with the kernel's command line.
for module in ${THIRD_PARTY:-jool apfs}; do
	for variant in plain pyalloc; do
		try "third-party-$module-$variant" "run_$module" $variant
	done
	try "third-party-$module-same" same $module
done
