# SPDX-License-Identifier: GPL-2.0
# Fifty rounds of loading and unloading lose no memory.

rounds=50
# A leak of one page a round is 200 KiB.  The kernel's own caches (of names,
# of symbols, per CPU) move free memory by some tens of KiB meanwhile; a
# kernel that holds freed memory back to find bugs moves it by far more.
tolerance=160
grep -q ' kasan_report$' /proc/kallsyms && tolerance=8192

round()
{
	load && unload
}

reload()
{
	local before after i

	# What the first loads build once and keep is not lost.
	for i in 1 2 3 4 5; do
		round || return
	done
	before=$(free_kib)
	for i in $(seq "$rounds"); do
		round || return
	done
	after=$(free_kib)
	echo "free: $before KiB before, $after KiB after $rounds rounds"
	[ $((before - after)) -le $tolerance ]
}

try reload reload
