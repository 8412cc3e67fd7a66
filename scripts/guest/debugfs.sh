# SPDX-License-Identifier: GPL-2.0
# What the guest's scripts share to read the tables of debugfs.  Sourced.

pyalloc=/sys/kernel/debug/pyalloc
pyreplay=/sys/kernel/debug/pyreplay
parameters=/sys/module/pyreplay/parameters

# cell FILE COLUMN [ROW]: what a table has under COLUMN, in the row that begins
# with ROW or in its first.  The table's `#` line names the columns.
cell()
{
	awk -v column="$2" -v row="${3:-}" '
		/^#/ {
			sub(/^# */, "")
			for (i = 1; i <= NF; i++)
				at[$i] = i
			next
		}
		(row == "" || $1 == row) && column in at {
			print $at[column]
			exit
		}' "$1"
}

# total FILE COLUMN: the sum of a column.
total()
{
	awk -v column="$2" '
		/^#/ {
			sub(/^# */, "")
			for (i = 1; i <= NF; i++)
				at[$i] = i
			next
		}
		column in at { sum += $at[column] }
		END { printf "%.0f\n", sum }' "$1"
}

# tell FILE WORD: writes WORD to FILE, quietly; its status is the answer.
tell()
{
	echo "$2" 2> /dev/null > "$1"
}
