#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# pictures.sh: makes the pictures in Documentation/images, of what `make run`
# replays: live against held bytes while the program runs, and the arenas at its
# peak and where it ends, when it has freed most of what it had.  What they are
# drawn from stays in build/pictures, and so do the same pictures as PNG.
#
# PYALLOC_KERNEL names another x86-64 test kernel than stock-6.12,
# PYALLOC_TRACE a trace to replay instead of a recording.

. "$(dirname "$0")/lib.sh"

kernel=${PYALLOC_KERNEL:-stock-6.12}
trace=${PYALLOC_TRACE:-$top/build/traces/docstore.trc}
into=$top/build/pictures
images=$top/Documentation/images

record()
{
	[ ! -e "$trace" ] || return 0
	say "recording a Python program"
	mkdir -p "$(dirname "$trace")"
	quietly "$top/build/record.log" "$top/scripts/record/record.sh" "$trace"
}

# hold_at_end OUT: the trace with one block more at its end, which is so large
# that the program holds the most then: there pyreplay can be held.  It is
# raw, and takes nothing of the heap.
hold_at_end()
{
	PYTHONPATH=$top/scripts/record python3 -B - "$trace" "$1" << 'END'
import sys
import trc

data = trc.read(sys.argv[1])
words = trc.to_words(data[trc.HEADER.size:])
replay = trc.Replay()
for op in trc.ops(words):
    replay.step(*op)
slot = replay.expected_slot()
size = replay.found["peak_bytes"] - replay.live_bytes + 4096
replay.step(trc.MALLOC, trc.DOMAINS.index("raw"), slot, size)
words.extend([trc.MALLOC << 30 | slot << 10 | trc.NEXT_WORD, size])
if sys.byteorder == "big":
    words.byteswap()
trc.write(sys.argv[2], trc.pack(replay.header("end", words)) +
          words.tobytes())
END
}

boot_guest()
{
	local modules

	modules=$("$top/scripts/modules.sh" "$kernel")
	say "booting $kernel"
	"$top/scripts/boot.sh" -t 300 -l "$into/boot.log" -o "$into/output" \
		-m "$modules/pyalloc.ko" \
		-m "$modules/samples/pyreplay/pyreplay.ko" \
		-f "$into/run.trc:/traces" -f "$into/end.trc:/traces" \
		"$kernel" ". /guest/pictures.sh" ||
		die "that did not go well: see $into/output and $into/boot.log"
	grep -q '^== end' "$into/output" || die "$into/output is cut short"
}

# What the guest printed after `== NAME` becomes the file NAME.
cut_out()
{
	mkdir -p "$into"/{peak,end}/heap/default
	tr -d '\r' < "$into/output" | awk -v into="$into" '
		/^== / { name = $2; next }
		name && name != "end" { print > (into "/" name) }'
}

# draw VERB NAME ARGUMENT...: both kinds of picture.
draw()
{
	local verb=$1 name=$2
	shift 2

	"$top/tools/pyallocmap" "$verb" -o "$images/$name.svg" "$@"
	"$top/tools/pyallocmap" "$verb" -o "$into/$name.png" "$@"
}

need python3 python3-matplotlib
record
rm -rf "$into"
mkdir -p "$into" "$images"
cp "$trace" "$into/run.trc"
hold_at_end "$into/end.trc"
boot_guest
cut_out
draw series series "$into/series.csv" \
	--title "A Python program: live and held bytes"
draw map arenas --from "$into/end" \
	--title "Which blocks hold which arenas, when the program has freed most"
draw map arenas-peak --from "$into/peak" \
	--title "The same heap, while the program holds the most"
say "the pictures are in $images"
