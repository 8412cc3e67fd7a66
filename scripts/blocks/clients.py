# SPDX-License-Identifier: GPL-2.0
"""The C blocks of all pages as modules, built against a kernel's headers and
pyalloc's.  Whole modules are built as they are.  Parts of a file become one
module, with what with/NAME.h declares; statements among them become functions.
"""

import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
HEADERS = ['linux/module.h', 'linux/slab.h', 'linux/rcupdate.h',
           'linux/spinlock.h', 'linux/seq_file.h', 'linux/pyalloc.h']
# What is no mistake in a part of a file.
LENIENT = ['-Wno-unused', '-Wno-missing-prototypes', '-Wno-unused-function',
           '-Wno-declaration-after-statement', '-Wno-missing-declarations',
           '-Wno-unused-but-set-variable', '-Wno-maybe-uninitialized']


def is_whole(block):
    return bool(re.search(r'\b(module_init|MODULE_LICENSE)\(', block.text))


def name_of(block):
    stem = pathlib.Path(block.page).stem.replace('-', '_').lower()
    return f'{stem}_{block.line}'


def is_file_scope(text):
    """Functions begin with a brace of their own, macros define things."""
    return bool(re.search(r'^({$|DEFINE_|EXPORT_|module_)', text, re.M))


def part(block):
    """A C file that has the block in it."""
    lines = [line if line.strip() != '...' else ''
             for line in block.text.splitlines()]
    includes = [line for line in lines if line.startswith('#include')]
    rest = '\n'.join('' if line in includes else line for line in lines)
    context = block.run.get('with')
    source = ''.join(f'#include <{header}>\n' for header in HEADERS)
    source += '\n'.join(includes) + '\n'
    if context:
        source += f'#include "with/{context}.h"\n'
    place = f'#line {block.first} "{block.page}"\n'
    if is_file_scope(rest):
        return f'{source}{place}{rest}\n'
    name = f'block_{name_of(block)}'
    return (f'{source}long {name}(void);\nlong {name}(void)\n{{\n'
            f'{place}{rest}\nreturn 0;\n}}\n')


def whole(block):
    return f'#line {block.first} "{block.page}"\n{block.text}'


def write(path, text):
    """Write a file, unless it is like that: make looks at its time."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


class Kernel:
    """A test kernel to build for: its headers and pyalloc's modules."""

    def __init__(self, name):
        self.name = name
        self.modules = self.ask('modules.sh')
        self.directory = self.ask('kernel.sh')
        self.arch = (self.directory / 'arch').read_text().strip()

    def ask(self, script):
        return pathlib.Path(subprocess.run(
            [HERE.parent / script, self.name], check=True, text=True,
            stdout=subprocess.PIPE).stdout.strip())

    @property
    def build(self):
        return self.directory / 'build'

    @property
    def symbols(self):
        return self.modules / 'Module.symvers'


def build(kernel, folder, parts, wholes, files=()):
    """Build blocks, and files, in a folder; what make said."""
    folder.mkdir(parents=True, exist_ok=True)
    for block in parts:
        write(folder / f'{name_of(block)}.c', part(block))
    for block in wholes:
        write(folder / f'{name_of(block)}.c', whole(block))
    for file in files:
        write(folder / file.name, file.read_text())
    names = [name_of(block) for block in wholes] + [file.stem for file in files]
    kbuild = f'ccflags-y := -I{kernel.modules}/include -I{HERE}\n'
    kbuild += ''.join(f'obj-m += {name}.o\n' for name in names)
    if parts:
        write(folder / 'parts_main.c', '#include <linux/module.h>\n'
              'MODULE_DESCRIPTION("parts");\nMODULE_LICENSE("GPL");\n')
        objects = ' '.join(f'{name_of(block)}.o' for block in parts)
        kbuild += f'obj-m += parts.o\nparts-y := parts_main.o {objects}\n'
        kbuild += ''.join(f'CFLAGS_{name_of(block)}.o := {" ".join(LENIENT)}\n'
                          for block in parts)
    write(folder / 'Kbuild', kbuild)
    return subprocess.run(
        ['make', '-k', '-C', kernel.build, f'M={folder}', f'ARCH={kernel.arch}',
         'CONFIG_DEBUG_INFO_BTF_MODULES=', '-j2',
         f'KBUILD_EXTRA_SYMBOLS={kernel.symbols}', 'modules'],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout


def complaints(block, folder, output):
    """What the compiler and modpost say of a block."""
    last = block.first + block.text.count('\n')
    for found in re.finditer(r'^(?:\S*/)?([\w.-]+):(\d+):[\d:]* '
                             r'(?:warning|(?:fatal )?error): (.*)', output, re.M):
        file, line, what = found[1], int(found[2]), found[3]
        if file == f'{name_of(block)}.c' or (
                file == pathlib.Path(block.page).name and
                block.first <= line <= last):
            yield f'line {line}: {what}'
    for symbol in re.findall(r'modpost: "(\w+)" \[.*\] undefined', output):
        if re.search(rf'\b{symbol}\b', block.text):
            yield f'{symbol}() is not exported'
    if not (folder / f'{name_of(block)}.o').exists():
        yield 'it does not compile'
