#!/usr/bin/drgn
# SPDX-License-Identifier: GPL-2.0
"""pyalloc for drgn: whose is this address, in a vmcore or a live kernel.

  drgn -c VMCORE -s VMLINUX pyalloc.py [-m PYALLOC.KO] COMMAND

Commands: whereis ADDRESS... | heaps | arenas HEAP | pool ADDRESS

In a session of drgn's:

  >>> import pyalloc
  >>> p = pyalloc.attach(prog, '/path/to/pyalloc.ko')
  >>> print(p.whereis(0xffff888003f91000))

-m is needed where drgn has no debug information of the module.
"""

import os
import sys

import drgn

_here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(_here, os.pardir, 'debugger'))

# pylint: disable=wrong-import-position
from pyalloc_inspect import Member, Pyalloc, Target, Type, Unreadable  # noqa: E402


class DrgnTarget(Target):
    """A program of drgn's; types that it lacks come from the module's file."""

    def __init__(self, program, module=None):
        self.program = program
        self.programs = [program]
        self.types = {}
        flags = program.platform.flags
        if not flags & drgn.PlatformFlags.IS_64_BIT:
            self.bits = 32
        if not flags & drgn.PlatformFlags.IS_LITTLE_ENDIAN:
            self.order = 'big'
        if module:
            self.programs.append(types_of(module))

    def read(self, address, n):
        try:
            return self.program.read(address, n)
        except drgn.FaultError as fault:
            raise Unreadable(f'{address:#x}: {fault}') from None

    def symbol(self, name):
        try:
            return self.program.symbol(name).address
        except LookupError:
            return None

    def name_of(self, address):
        try:
            symbol = self.program.symbol(address)
        except LookupError:
            return None
        return symbol.name, address - symbol.address

    def look_up(self, find, name):
        for program in self.programs:
            try:
                return find(program, name)
            except LookupError:
                pass
        return None

    def constant(self, name):
        found = self.look_up(lambda program, name: program.constant(name),
                             name)
        if found is None:
            raise Unreadable('no ' + name)
        return found.value_()

    def type(self, name):
        if name not in self.types:
            found = self.look_up(lambda program, name: program.type(name),
                                 name)
            self.types[name] = found and convert(found)
        return self.types[name]


def types_of(module):
    """A program that has a module's types and nothing else."""
    program = drgn.Program()
    try:
        program.load_debug_info([module])
    except (OSError, drgn.MissingDebugInfoError) as error:
        raise Unreadable(f'{module}: {error}') from None
    return program


def convert(kind):
    """A type of drgn's as a Type."""
    kind = strip(kind)
    if kind.kind == drgn.TypeKind.ARRAY:
        element = convert(kind.type)
        count = kind.length or 0
        return Type(element.size * count, element=element, count=count)
    if kind.kind in (drgn.TypeKind.STRUCT, drgn.TypeKind.UNION):
        members = {}
        add_members(kind, 0, members)
        return Type(kind.size or 0, members=members)
    if kind.kind in (drgn.TypeKind.VOID, drgn.TypeKind.FUNCTION):
        return Type(0)
    signed = kind.kind == drgn.TypeKind.INT and kind.is_signed
    return Type(drgn.sizeof(kind), signed=signed)


def add_members(kind, base, members):
    """Those of an anonymous struct or union are its parent's."""
    for member in kind.members or ():
        at = base + member.bit_offset
        if member.name is None:
            add_members(strip(member.type), at, members)
            continue
        members[member.name] = Member(convert, member.type, at,
                                      member.bit_field_size or 0)


def strip(kind):
    while kind.kind == drgn.TypeKind.TYPEDEF:
        kind = kind.type
    return kind


def attach(program, module=None):
    """A Pyalloc of a program."""
    return Pyalloc(DrgnTarget(program, module))


def main(program, words):
    module = None
    if words[:1] == ['-m']:
        if len(words) < 2:
            sys.exit(__doc__)
        module, words = words[1], words[2:]
    if not words or words[0] in ('-h', '--help'):
        sys.exit(__doc__)
    try:
        for line in attach(program, module).run(words):
            print(line)
    except Unreadable as error:
        sys.exit(f'pyalloc.py: {error}')


if __name__ == '__main__':
    if 'prog' not in globals():
        sys.exit(__doc__)
    main(prog, sys.argv[1:])  # noqa: F821 pylint: disable=undefined-variable
