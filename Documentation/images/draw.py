#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""draw.py [DIR]: draws the pictures of concepts.rst, as SVG files beside
itself or in DIR.

What is in a picture is said by its function; Drawing knows how it looks.
"""

import os
import sys
from xml.sax.saxutils import escape

WHERE = sys.argv[1] if len(sys.argv) > 1 else \
    os.path.dirname(os.path.abspath(__file__))

INK = "#222222"
FAINT = "#666666"
LINE = "#888888"
PAPER = "#ffffff"
# The colours of make bench's plots: these can be told apart by most people who
# see few colours, and in print.
BLUE, PALE_BLUE = "#0072b2", "#dcebf5"
ORANGE, PALE_ORANGE = "#e69f00", "#fbeccb"
GREEN, PALE_GREEN = "#009e73", "#d4eee5"
GREY, PALE_GREY = "#8c8c8c", "#f1f1f1"
BROWN = "#9c6c00"


class Drawing:
    """A picture: boxes, words and arrows, from the top left corner."""

    def __init__(self, name, width, height, title):
        self.name = name
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
            f'height="{height}" viewBox="0 0 {width} {height}" '
            f'font-family="DejaVu Sans, Verdana, sans-serif">',
            "<!-- SPDX-License-Identifier: GPL-2.0 -->",
            "<!-- drawn by draw.py -->",
            f"<title>{escape(title)}</title>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" '
            'markerWidth="8" markerHeight="8" orient="auto">'
            f'<path d="M0,0 L8,4 L0,8 z" fill="{INK}"/></marker></defs>',
        ]
        self.box(0, 0, width, height, PAPER, None, 0)

    def box(self, x, y, width, height, fill=PAPER, line=LINE, round=4,
            dash=False):
        """A rectangle; without a line's colour it has none."""
        stroke = f' stroke="{line}" stroke-width="1.2"' if line else ""
        dashes = ' stroke-dasharray="5 4"' if dash else ""
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" '
            f'rx="{round}" fill="{fill}"{stroke}{dashes}/>')

    def text(self, x, y, words, size=13, colour=INK, at="start", bold=False,
             code=False):
        """Lines of words, the first one's foot at y."""
        style = ' font-weight="bold"' if bold else ""
        if code:
            style += ' font-family="DejaVu Sans Mono, monospace"'
        for number, line in enumerate(words.split("\n")):
            self.parts.append(
                f'<text x="{x}" y="{y + number * (size + 5)}" '
                f'font-size="{size}" fill="{colour}" text-anchor="{at}"'
                f'{style}>{escape(line)}</text>')

    def arrow(self, *points, dash=False):
        """A line through points, with a tip at its end."""
        path = " ".join(f"{x},{y}" for x, y in points)
        dashes = ' stroke-dasharray="5 4"' if dash else ""
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{INK}" '
            f'stroke-width="1.4" marker-end="url(#tip)"{dashes}/>')

    def line(self, x1, y1, x2, y2, colour=LINE):
        self.parts.append(
            f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" '
            f'stroke="{colour}" stroke-width="1"/>')

    def save(self):
        path = os.path.join(WHERE, self.name + ".svg")
        with open(path, "w", encoding="utf-8") as out:
            out.write("\n".join(self.parts + ["</svg>", ""]))


def cells(drawing, x, y, width, height, fills, line=LINE):
    """A row of equal boxes, a colour each."""
    for number, fill in enumerate(fills):
        drawing.box(x + number * width, y, width, height, fill, line, 1)


def front(drawing, x, y, cpu, stocks):
    """A CPU's front: a row for each class, with what its stock holds."""
    drawing.box(x, y, 246, 112, PALE_GREY)
    drawing.text(x + 10, y + 20, f"front of CPU {cpu}", bold=True)
    for row, (size, colour, held) in enumerate(stocks):
        top = y + 32 + row * 25
        drawing.text(x + 10, top + 14, f"class {size}", 11, FAINT)
        cells(drawing, x + 76, top, 20, 18,
              [colour] * held + [PAPER] * (8 - held))


def arena(drawing, x, y, name, granules):
    """An arena's granules: a colour for each one's class, or none."""
    drawing.text(x, y - 7, name, 11, FAINT)
    cells(drawing, x, y, 30, 34, granules, INK)


def draw_heap():
    """What a heap is made of."""
    d = Drawing("heap", 900, 640, "A heap: fronts, depots, arenas, pools, "
                "blocks")
    d.box(14, 14, 872, 372, PAPER, INK, 8)
    d.text(28, 38, "heap", 15, bold=True)
    front(d, 28, 52, 0, [(16, BLUE, 5), (64, ORANGE, 3), (256, GREEN, 6)])
    front(d, 292, 52, 1, [(16, BLUE, 2), (64, ORANGE, 7), (256, GREEN, 1)])
    d.text(562, 74, "A front is one CPU's own free blocks.\n"
           "Each size class has a stock in it:\n"
           "an array of pointers. No lock, "
           "no\natomic operation; preemption is off.", 13)
    d.box(28, 184, 844, 188, "#fafafa")
    d.text(42, 206, "node", 13, bold=True)
    d.text(84, 206, "one NUMA node's part of the heap, under one lock", 13,
           FAINT)
    d.text(42, 238, "depot", 13, bold=True)
    cells(d, 104, 224, 12, 20, [BLUE] * 8)
    cells(d, 216, 224, 12, 20, [PAPER] * 8)
    cells(d, 328, 224, 12, 20, [GREEN] * 8)
    d.text(440, 239,
           "whole arrays, full or empty, that stocks swap theirs for",
           13, FAINT)
    arena(d, 42, 290, "arena 1, 16 KiB", [BLUE, GREEN, ORANGE, GREEN])
    arena(d, 192, 290, "arena 2, 16 KiB", [ORANGE, ORANGE, BLUE, PAPER])
    arena(d, 342, 290, "arena 3, 32 KiB",
          [GREEN, PAPER, PAPER, PAPER, BLUE, PAPER, PAPER, PAPER])
    d.text(600, 300, "An arena is taken from the kernel\nand goes back to it "
           "as one. Its\ngranules of 4 KiB hold pools, or\nnothing (white).",
           13)
    d.line(72, 324, 28, 420)
    d.line(102, 324, 572, 420)
    d.box(28, 420, 544, 76, PAPER, INK)
    d.text(40, 440, "pool", 13, bold=True)
    d.text(80, 440, "1, 2 or 4 granules; blocks of one size class, here 16 of "
           "256 bytes", 13, FAINT)
    live = [1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1]
    cells(d, 40, 452, 32.5, 30, [GREEN if full else PAPER for full in live])
    d.line(72.5, 482, 28, 540)
    d.line(105, 482, 400, 540)
    d.box(28, 540, 372, 84, PALE_GREEN, GREEN)
    d.text(40, 562, "block", 13, bold=True)
    d.text(40, 584, "256 bytes, all of them the client's. Nothing is\nbefore "
           "it, behind it, or in it while it is free.", 13)
    d.box(606, 420, 266, 204, PALE_GREY)
    d.text(618, 442, "descriptor of the arena", 13, bold=True)
    d.text(618, 466, "lies elsewhere, in kmalloc's\n"
           "memory: for each granule 32\n"
           "bytes with the pool's class,\nits count, its links, and a bit\n"
           "for each block, set while the\nblock is free.", 13)
    d.text(618, 586, "A write past a block's end hits\n"
           "the next block, and not this.",
           13, FAINT)
    d.arrow((606, 470), (578, 470))
    d.save()


LEVELS = [
    ("client", "a module", PALE_GREY, GREY),
    ("stock", "of this CPU's front", PALE_BLUE, BLUE),
    ("depot", "whole arrays", PALE_ORANGE, ORANGE),
    ("pool", "of its size class", PALE_ORANGE, ORANGE),
    ("arena", "free granules", PALE_ORANGE, ORANGE),
    ("kernel", "pages, vmalloc", PALE_GREY, GREY),
]

UP = [
    "pymem_malloc(): the block that\ncame in last goes out",
    "empty: its array is changed for\na full one of the depot",
    "none there: half of the array is\nfilled, from the fullest pools",
    "none has a free block: a pool is\nmade, in the fullest arena",
    "no granule is free: a new arena;\nif none is had, the block is raw's",
]

DOWN = [
    "pymem_free(): the map says the class;\nthe block goes on top",
    "full for the second time in a row: its\n"
    "array is changed for an empty one",
    "full for the first: the half that rested\n"
    "longest goes back, each to its pool",
    "the last block came back: the granules\nare free, for any class",
    "wholly free: it goes back after some\n"
    "seconds. Of sparse ones free pages do",
]


def draw_life():
    """How a block comes and goes."""
    d = Drawing("life", 900, 680, "The life of a block")
    d.text(190, 30, "malloc: upwards", 15, bold=True, at="middle")
    d.text(710, 30, "free: downwards", 15, bold=True, at="middle")
    for number, (name, words, fill, line) in enumerate(LEVELS):
        y = 48 + number * 112
        narrow = 44 if name == "depot" else 0
        d.box(330 + narrow, y, 240 - 2 * narrow, 56, fill, line)
        d.text(450, y + 24, name, 15, bold=True, at="middle")
        d.text(450, y + 44, words, 12, FAINT, at="middle")
    for number in range(5):
        y = 104 + number * 112
        # What the depot does not have goes past it.
        if number == 1:
            d.arrow((410, y + 56), (410, y + 2))
            d.arrow((490, y), (490, y + 54))
            d.arrow((350, y + 168), (350, y + 2))
            d.arrow((550, y), (550, y + 166))
        elif number == 2:
            d.arrow((450, y), (450, y + 54), dash=True)
        else:
            d.arrow((410, y + 56), (410, y + 2))
            d.arrow((490, y), (490, y + 54))
        d.text(318, y + 24, UP[number], 13, at="end")
        d.text(582, y + 24, DOWN[number], 13)
    d.text(440, 354, "trim", 11, FAINT, at="end")
    for y, words, colour in (
            (190, "no lock", BLUE), (302, "the node's lock", BROWN),
            (414, "the node's lock", BROWN), (526, "the node's lock", BROWN),
            (638, "no lock is held", FAINT)):
        d.text(20, y, words, 12, colour, bold=True)
        d.text(880, y, words, 12, colour, at="end", bold=True)
    d.save()


def field(drawing, x, y, width, words, fill, below=""):
    """A part of a word of bits."""
    drawing.box(x, y, width, 40, fill, INK, 2)
    drawing.text(x + width / 2, y + 25, words, 13, at="middle")
    drawing.text(x + width / 2, y + 57, below, 11, FAINT, at="middle")


def draw_map():
    """From an address to what it is."""
    d = Drawing("map", 900, 560, "The map: from an address to its pool")
    d.text(20, 32, "An address in the direct map, less where that begins", 15,
           bold=True)
    field(d, 20, 46, 300, "which 4 MiB", PALE_BLUE, "the higher bits")
    field(d, 320, 46, 200, "which granule in it", PALE_ORANGE, "10 bits")
    field(d, 520, 46, 200, "where in the granule", PALE_GREY, "12 bits")
    d.text(740, 64, "no look at the\nmemory itself, or\n"
           "at its struct page", 13,
           FAINT)
    d.text(20, 152, "flat array of leaves", 13, bold=True)
    cells(d, 20, 164, 34, 30, [PALE_GREY, PALE_GREY, PALE_BLUE, PALE_GREY,
                               PALE_BLUE, PALE_GREY, PALE_GREY, PALE_GREY])
    d.arrow((172, 112), (172, 161))
    d.text(20, 216, "grey: one shared page\nof zeros", 12, FAINT)
    d.text(534, 152, "leaf: a page of 1024 entries of 4 bytes", 13, bold=True)
    cells(d, 400, 164, 34, 30, [PAPER, PAPER, PALE_ORANGE, PALE_ORANGE,
                                PALE_ORANGE, PALE_ORANGE, PAPER, PAPER, PAPER,
                                PAPER])
    d.arrow((173, 179), (396, 179))
    d.arrow((420, 112), (420, 130), (519, 130), (519, 161))
    d.text(400, 224, "white: 0, nobody of ours. kfree() or\n"
           "vfree() take it if "
           "it can be theirs", 12, FAINT)
    d.text(20, 292, "entry", 15, bold=True)
    field(d, 100, 268, 330, "number of the arena", PALE_GREEN, "24 bits")
    field(d, 430, 268, 150, "code", PALE_ORANGE, "8 bits")
    d.arrow((519, 194), (519, 204), (740, 204), (740, 288), (584, 288))
    d.arrow((505, 330), (505, 392))
    d.arrow((265, 330), (265, 392))
    d.box(400, 396, 220, 146, PALE_BLUE, BLUE)
    d.text(412, 418, "fast path", 13, bold=True)
    d.text(412, 440, "A table of this CPU has for\neach code the stock that "
           "the\nblock goes into. Closed codes\nlead to one that is always\n"
           "busy: the slow path.", 13)
    d.box(100, 396, 280, 146, PALE_GREEN, GREEN)
    d.text(112, 418, "slow path", 13, bold=True)
    d.text(112, 440, "A table has the arena's descriptor,\n"
           "which says whose heap it is, which\n"
           "pool, whether the address is the start\n"
           "of a block, and whether that "
           "is free.", 13)
    d.box(640, 396, 240, 146, PALE_GREY)
    d.text(652, 418, "code", 13, bold=True)
    d.text(652, 440, "size class + 1; 0 while no pool\n"
           "lies there. Bit 7 closes "
           "it: private\nheaps' blocks, decorated ones,\n"
           "and those of the heap "
           "itself.", 13)
    d.arrow((560, 308), (560, 352), (760, 352), (760, 392), dash=True)
    d.save()


# What each caller may take, from the top; the last one is what is left then.
LADDERS = [
    ("may sleep", "process, GFP_KERNEL", BLUE,
     ["stock", "depot and pools", "new arena of pages,\n16 KiB to 1 MiB",
      "the same of\nother nodes", "new arena of vmalloc",
      "raw, for this block", "NULL"]),
    ("atomic", "process, softirq, hardirq:\nGFP_ATOMIC, GFP_NOWAIT", BLUE,
     ["stock", "depot and pools", "new arena of pages,\n16 KiB",
      "the same of\nother nodes", None, "raw, for this block", "NULL"]),
    ("no reclaim bit", "anywhere: gfp 0,\n__GFP_NOWARN alone", ORANGE,
     ["stock", "depot and pools", "the node's reserve", None, None, None,
      "NULL"]),
    ("NMI, RT atomic", "whatever the gfp", ORANGE,
     ["stock, if its CPU is\nnot inside it", "depot and pools;\nin NMI if the "
      "lock is free", "the node's reserve", None, None, None, "NULL"]),
]


def draw_contexts():
    """The ladder of each context."""
    d = Drawing("contexts", 900, 640, "What a request may take, by context")
    for column, (name, who, colour, rungs) in enumerate(LADDERS):
        x = 16 + column * 221
        d.text(x + 102, 30, name, 15, bold=True, at="middle")
        d.text(x + 102, 52, who, 12, FAINT, at="middle")
        last = None
        for number, words in enumerate(rungs):
            y = 86 + number * 80
            if words is None:
                continue
            fill = PALE_GREY if words == "NULL" else \
                PALE_BLUE if colour == BLUE else PALE_ORANGE
            line = GREY if words == "NULL" else colour
            d.box(x, y, 204, 50, fill, line)
            two = "\n" in words
            d.text(x + 102, y + (21 if two else 30), words, 13, at="middle",
                   bold=words == "NULL")
            if last is not None:
                d.arrow((x + 102, last), (x + 102, y - 2))
            last = y + 50
    d.save()


if __name__ == "__main__":
    for draw in (draw_heap, draw_life, draw_map, draw_contexts):
        draw()
