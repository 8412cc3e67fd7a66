#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Shows, checks and makes allocation traces.

trc.py info FILE...       what a trace's header says
trc.py verify FILE...     follows every op and compares with the header
trc.py make OUT [OPS [SEED]]   a small trace of random ops, for tests
trc.py break HOW OUT      a trace that has to be refused; HOW is one of
                          {faults}

A trace is a header of 512 bytes and one 32-bit little-endian word an op:
2 bits op (free, malloc, realloc, calloc), 2 bits domain (raw, mem, obj,
libc), 18 bits slot and 10 bits size; 1023 says that the size is in the next
word.  The slot that was freed last is the first to be used again.
"""

import array
import random
import struct
import sys
import zlib

FREE, MALLOC, REALLOC, CALLOC = range(4)
DOMAINS = ("raw", "mem", "obj", "libc")
MAGIC = b"PYATRC01"
HEADER = struct.Struct("<8s10IQIIQQ48s34I4I232x")
FIELDS = ("magic header_bytes flags ops words slots malloc calloc realloc "
          "free live peak_bytes peak_op crc sum_bytes reserved name").split()
NEXT_WORD = 1023
MAX_SLOTS = 1 << 18


class Bad(Exception):
    """A trace that is not one."""


def unpack(data):
    if len(data) < HEADER.size:
        raise Bad("shorter than a header")
    values = HEADER.unpack_from(data)
    header = dict(zip(FIELDS, values))
    header["sizes"] = list(values[len(FIELDS):len(FIELDS) + 34])
    header["domains"] = list(values[-4:])
    if header["magic"] != MAGIC or header["header_bytes"] != HEADER.size:
        raise Bad("not a trace")
    header["name"] = header["name"].split(b"\0")[0].decode("ascii")
    return header


def pack(header):
    values = dict(header, name=header["name"].encode("ascii"))
    return HEADER.pack(*(values[field] for field in FIELDS),
                       *header["sizes"], *header["domains"])


def to_words(body):
    words = array.array("I", body)
    if sys.byteorder == "big":
        words.byteswap()
    return words


def ops(words):
    """Yields (op, domain, slot, size)."""
    rest = iter(words)
    for word in rest:
        size = word & 1023
        if size == NEXT_WORD:
            size = next(rest, None)
            if size is None:
                raise Bad("the last size is past the end")
        yield word >> 30, word >> 28 & 3, word >> 10 & 0x3ffff, size


class Replay:
    """Follows ops, and so knows what the header has to say."""

    def __init__(self):
        self.live = {}
        self.free = []
        self.found = dict.fromkeys(FIELDS, 0)
        self.found.update(sizes=[0] * 34, domains=[0] * 4)
        self.live_bytes = 0
        self.kinds = [0] * 4

    def expected_slot(self):
        """The slot an allocation has to use."""
        return self.free[-1] if self.free else self.found["slots"]

    def step(self, op, domain, slot, size):
        if op == FREE:
            self.step_free(domain, slot, size)
        else:
            if op == REALLOC:
                self.step_realloc(slot)
            else:
                self.step_new(slot)
            self.live[slot] = domain, size
            self.live_bytes += size
            self.found["domains"][domain] += 1
            self.found["sizes"][33 if size > 512 else (size + 15) // 16] += 1
            self.found["sum_bytes"] += size
        if self.live_bytes > self.found["peak_bytes"]:
            self.found["peak_bytes"] = self.live_bytes
            self.found["peak_op"] = self.found["ops"]
        self.found["ops"] += 1
        self.kinds[op] += 1

    def step_free(self, domain, slot, size):
        if slot not in self.live:
            raise Bad("a free of an empty slot")
        if size:
            raise Bad("a free with a size")
        if self.live[slot][0] != domain:
            raise Bad("a free from another domain than the allocation's")
        self.live_bytes -= self.live.pop(slot)[1]
        self.free.append(slot)

    def step_realloc(self, slot):
        if slot not in self.live:
            raise Bad("a realloc of an empty slot")
        self.live_bytes -= self.live[slot][1]

    def step_new(self, slot):
        if slot != self.expected_slot():
            raise Bad(f"slot {slot} and not {self.expected_slot()}, "
                      "the one freed last")
        if self.free:
            self.free.pop()
        else:
            self.found["slots"] += 1

    def header(self, name, words):
        body = words.tobytes()
        free, malloc, realloc, calloc = self.kinds
        return dict(self.found, magic=MAGIC, header_bytes=HEADER.size,
                    words=len(words), malloc=malloc, calloc=calloc,
                    realloc=realloc, free=free, live=len(self.live),
                    crc=zlib.crc32(body), name=name)


def verify(data):
    header = unpack(data)
    words = to_words(data[HEADER.size:len(data) // 4 * 4])
    if len(data) != HEADER.size + 4 * header["words"]:
        raise Bad("truncated, or longer than its header says")
    replay = Replay()
    try:
        for op in ops(words):
            replay.step(*op)
    except Bad as bad:
        raise Bad(f"op {replay.found['ops']}: {bad}") from None
    found = replay.header(header["name"], words)
    found["flags"] = header["flags"]
    for field, value in found.items():
        if header[field] != value:
            raise Bad(f"{field} is {header[field]} in the header, "
                      f"{value} in the body")
    return header


def info(header):
    def share(part, whole):
        return f"{100 * part / whole:.1f} %" if whole else "-"

    requests = sum(header["domains"])
    small = requests - header["sizes"][33]
    print(f"name        {header['name']}")
    print(f"ops         {header['ops']}")
    for kind in ("malloc", "calloc", "realloc", "free"):
        print(f"  {kind:<10}{header[kind]} ({share(header[kind], header['ops'])})")
    print(f"requests    {requests}")
    for domain, count in zip(DOMAINS, header["domains"]):
        print(f"  {domain:<10}{count} ({share(count, requests)})")
    print(f"up to 512   {share(small, requests)}")
    print(f"mean size   {header['sum_bytes'] / max(requests, 1):.1f}")
    print(f"slots       {header['slots']}")
    print(f"peak        {header['peak_bytes']} bytes at op {header['peak_op']}")
    print(f"live at end {header['live']}")


def size_of(rng):
    """Sizes as Python has them: mostly small, a few none, some large."""
    roll = rng.random()
    if roll < 0.03:
        return 0
    if roll < 0.90:
        return rng.randint(1, 128)
    if roll < 0.98:
        return rng.randint(129, 1100)
    return rng.randint(1000, 100000)


def random_op(rng, replay):
    roll = rng.random()
    if replay.live and roll < 0.45:
        slot = rng.choice(list(replay.live))
        return FREE, replay.live[slot][0], slot, 0
    if replay.live and roll < 0.55:
        slot = rng.choice(list(replay.live))
        return REALLOC, replay.live[slot][0], slot, size_of(rng)
    op = CALLOC if roll > 0.95 else MALLOC
    return op, rng.randrange(4), replay.expected_slot(), size_of(rng)


def make(n_ops, seed, name):
    rng = random.Random(seed)
    replay = Replay()
    words = array.array("I")
    for _ in range(n_ops):
        op, domain, slot, size = random_op(rng, replay)
        replay.step(op, domain, slot, size)
        head = op << 30 | domain << 28 | slot << 10
        words.extend([head | size] if size < NEXT_WORD
                     else [head | NEXT_WORD, size])
    if sys.byteorder == "big":
        words.byteswap()
    return replay.header(name, words), words


# What a trace can be wrong in.  Each takes a good header and body and changes
# one thing; the checksum is made right again unless it is the one thing.
def break_magic(header, words):
    header["magic"] = b"PYATRC99"


def break_words(header, words):
    words.pop()


def break_crc(header, words):
    header["crc"] ^= 1


def break_slot(header, words):
    words[0] |= 0x3ffff << 10


def break_free(header, words):
    words[0] &= (1 << 28) - (1 << 10)


def break_realloc(header, words):
    words[0] = words[0] & (1 << 30) - 1 | REALLOC << 30


def break_taken(header, words):
    words[1] = words[0]


def break_size(header, words):
    words[-1] = MALLOC << 30 | header["slots"] - 1 << 10 | NEXT_WORD


def break_slots(header, words):
    header["slots"] += 1


def break_many(header, words):
    header["slots"] = 1 << 30


def break_peak(header, words):
    header["peak_bytes"] += 8


def break_ops(header, words):
    header["ops"] -= 1


def break_name(header, words):
    header["name"] = "two words"


FAULTS = {name[len("break_"):]: function
          for name, function in list(globals().items())
          if name.startswith("break_")}


def broken(how):
    header, words = make(64, 1, how)
    FAULTS[how](header, words)
    if how != "crc":
        header["crc"] = zlib.crc32(words.tobytes())
    return pack(header) + words.tobytes()


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def command_info(*paths):
    for path in paths:
        info(unpack(read(path)))


def command_verify(*paths):
    for path in paths:
        try:
            header = verify(read(path))
        except Bad as bad:
            raise Bad(f"{path}: {bad}") from None
        print(f"{path}: {header['name']}: {header['ops']} ops, at most "
              f"{header['slots']} blocks live, {header['peak_bytes']} bytes "
              "at the peak: right")


def command_make(path, n_ops="10000", seed="1"):
    name = path.rpartition("/")[2].removesuffix(".trc")
    header, words = make(int(n_ops), int(seed), name)
    write(path, pack(header) + words.tobytes())


def command_break(how, path):
    write(path, broken(how))


COMMANDS = {"info": command_info, "verify": command_verify,
            "make": command_make, "break": command_break}


def usage():
    sys.exit(__doc__.format(faults=" ".join(FAULTS)))


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in COMMANDS:
        usage()
    try:
        COMMANDS[sys.argv[1]](*sys.argv[2:])
    except (Bad, OSError) as error:
        sys.exit(f"trc.py: {error}")
    except (TypeError, KeyError):
        usage()


if __name__ == "__main__":
    main()
