# SPDX-License-Identifier: GPL-2.0
"""pyalloc for gdb: whose is this address, in a live kernel or a vmcore.

  (gdb) source pyalloc-gdb.py
  (gdb) pyalloc types /path/to/pyalloc.ko
  (gdb) pyalloc whereis 0xffff888003f91000

with gdb started on vmlinux, and attached to QEMU's gdbstub, or with a vmcore that
has virtual addresses.  `pyalloc types` is needed once, where gdb has no debug
information of the module.
"""

import os
import sys

import gdb

_here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(_here, os.pardir, 'debugger'))

# pylint: disable=wrong-import-position
from pyalloc_inspect import Member, Pyalloc, Target, Type  # noqa: E402
from pyalloc_inspect import Unreadable, modules, spans  # noqa: E402

NUMBERS = (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_CHAR)


class GdbTarget(Target):
    """What gdb looks at now."""

    def __init__(self):
        self.types = {}
        self.bits = gdb.lookup_type('long').sizeof * 8
        if 'little' not in gdb.execute('show endian', to_string=True):
            self.order = 'big'

    def read(self, address, n):
        try:
            inferior = gdb.selected_inferior()
            return bytes(inferior.read_memory(address, n))
        except (gdb.MemoryError, gdb.error) as error:
            raise Unreadable(f'{address:#x}: {error}') from None

    def symbol(self, name):
        try:
            return int(gdb.parse_and_eval(f'(unsigned long)&{name}'))
        except gdb.error:
            return None

    def name_of(self, address):
        text = gdb.execute(f'info symbol {address:#x}', to_string=True)
        words = text.split(' in section ')[0].split(' + ')
        if len(text.split(' in section ')) < 2:
            return None
        return words[0], int(words[1]) if len(words) > 1 else 0

    def constant(self, name):
        try:
            return int(gdb.parse_and_eval(name))
        except gdb.error:
            raise Unreadable('no ' + name) from None

    def type(self, name):
        if name not in self.types:
            try:
                self.types[name] = convert(gdb.lookup_type(name))
            except gdb.error:
                return None
        return self.types[name]


def convert(kind):
    """A type of gdb's as a Type."""
    kind = kind.strip_typedefs()
    if kind.code == gdb.TYPE_CODE_ARRAY:
        element = convert(kind.target())
        low, high = kind.range()
        count = max(high - low + 1, 0)
        return Type(element.size * count, element=element, count=count)
    if kind.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
        members = {}
        add_members(kind, 0, members)
        return Type(kind.sizeof, members=members)
    signed = kind.code in NUMBERS and \
        int(gdb.Value(-1).cast(kind)) < 0
    return Type(kind.sizeof, signed=signed)


def add_members(kind, base, members):
    """Those of an anonymous struct or union are its parent's."""
    for field in kind.fields():
        if not hasattr(field, 'bitpos'):
            continue
        at = base + field.bitpos
        if not field.name:
            add_members(field.type.strip_typedefs(), at, members)
            continue
        members[field.name] = Member(convert, field.type, at, field.bitsize)


class Command(gdb.Command):
    """Looks into the module pyalloc.

pyalloc types FILE       read the module's types from pyalloc.ko
pyalloc whereis ADDRESS...  whose are these addresses
pyalloc heaps            all heaps
pyalloc arenas HEAP      a heap's arenas
pyalloc pool ADDRESS     the blocks of the pool at an address"""

    def __init__(self):
        super().__init__('pyalloc', gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        words = gdb.string_to_argv(argument)
        try:
            if words[:1] == ['types'] and len(words) == 2:
                add_types(words[1])
                return
            for line in Pyalloc(GdbTarget()).run(words):
                print(line)
        except Unreadable as error:
            raise gdb.GdbError(f'pyalloc: {error}') from None


def add_types(path):
    """Its text is where the kernel has it, so that frames have names."""
    if not os.path.exists(path):
        raise Unreadable(f'there is no {path}')
    for name, module in modules(GdbTarget()):
        if name == 'pyalloc':
            text = spans(module)[0][0]
            gdb.execute(f'add-symbol-file {path} {text:#x}', to_string=True)
            return
    raise Unreadable('pyalloc is not loaded there')


Command()
