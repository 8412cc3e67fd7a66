#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""run.py [PAGE...]: runs the code blocks of the pages, as blocks.py tells.

A line FAIL for each that is not as its page has it; the last line is `N
passed, N failed`.  All that happened stays in build/blocks.
"""

import concurrent.futures
import itertools
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import blocks  # noqa: E402
import clients  # noqa: E402
import expected  # noqa: E402
import host  # noqa: E402
import session  # noqa: E402

TOP = blocks.TOP
# Where pages are read from: another folder is for trying some out.
SOURCE = pathlib.Path(os.environ.get('PYALLOC_PAGES', TOP))
BUILD = TOP / 'build/blocks'


def is_complete(command):
    """Whether a shell would not ask for more."""
    done = subprocess.run(['bash', '-n'], input=command + '\n', text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return not done.stdout and not command.endswith('\\')


def commands(block):
    """Pairs of a command and what it is shown to say; None if nothing is."""
    command, said = '', None
    for line in block.text.splitlines():
        if command and not is_complete(command):
            command += '\n' + line.removeprefix('> ')
        elif block.language == 'sh':
            if command.strip():
                yield command, None
            command = line
        elif line.startswith('$ '):
            if command:
                yield command, said
            command, said = line[2:], ''
        elif not command:
            raise blocks.Wrong(f'"{line}" comes before any command')
        else:
            said += line + '\n'
    if command.strip():
        yield command, said


class Page:
    """A page's blocks, a copy of the tree for them, and its two shells."""

    def __init__(self, name, kernel, found):
        self.name, self.kernel, self.blocks = name, kernel, found
        self.folder = BUILD / pathlib.Path(name).stem
        self.host = self.guest = None
        self.copy_tree()
        # What is elsewhere on a reader's machine.
        self.places = [
            ('/lib/modules/$(uname -r)/build', kernel.build),
            ('/path/to/pyalloc', self.folder),
            ('/modules/', f'{self.folder}/modules/')]

    def copy_tree(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(TOP, self.folder, symlinks=True,
                        ignore=shutil.ignore_patterns(
                            'build', '.git', '*.o', '*.ko', '*.cmd', '*.mod*'))
        (self.folder / 'modules').mkdir()
        for file in self.kernel.modules.rglob('*.ko'):
            shutil.copy(file,
                        self.folder / file.relative_to(self.kernel.modules))
            shutil.copy(file, self.folder / 'modules')
        own = HERE / 'files' / pathlib.Path(self.name).stem
        if own.exists():
            shutil.copytree(own, self.folder, dirs_exist_ok=True)
        shutil.copy(self.kernel.symbols, self.folder)
        (self.folder / 'build').mkdir()
        for part in 'traces', 'tools':
            if (TOP / 'build' / part).exists():
                shutil.copytree(TOP / 'build' / part,
                                self.folder / 'build' / part)

    def host_shell(self):
        if not self.host:
            environment = dict(os.environ, ARCH=self.kernel.arch)
            self.host = session.Session(self.folder, 'host', environment)
        return self.host

    def guest_shell(self):
        if not self.guest:
            self.guest = session.Guest(self.folder)
            self.execute(self.guest, f'CLIENTS={BUILD}/uml; '
                                     'dmesg -C; insmod ./pyalloc.ko', None)
        return self.guest

    def shell(self, where):
        return self.host_shell() if where == 'host' else self.guest_shell()

    def execute(self, shell, command, said):
        """Run a command, which is to succeed or to be shown to fail."""
        for written, ours in self.places:
            command = command.replace(written, str(ours))
        try:
            status, answer = shell.run(command)
        except session.Lost as lost:
            raise blocks.Wrong(f'`{command}`: {lost}') from lost
        wrong = None
        if said is not None:
            wrong = expected.difference(said, answer)
        if not wrong and status and not (said or '').replace('...', '').strip():
            wrong = f'its status is {status}'
        if wrong:
            shown = ''.join(f'\n     | {line}' for line
                            in answer.splitlines()[-30:])
            raise blocks.Wrong(f'`{command}`: {wrong}{shown}')

    def run_commands(self, block, run):
        where = 'host' if 'host' in run else 'guest'
        if 'after' in run:
            script = f'scripts/blocks/after/{run["after"]}.sh'
            self.execute(self.guest_shell(),
                         f'(cd {self.folder}; set -e; . ./{script})', None)
        self.execute(self.shell(where),
                     f'cd {self.folder / run.get("in", "")}', None)
        for command, said in commands(block):
            wrong = host.look(command) if where == 'host' else None
            if wrong:
                raise blocks.Wrong(f'`{command}`: {"; ".join(wrong)}')
            if wrong is None:
                self.execute(self.shell(where), command, said)

    def keep(self, block, run):
        """Write a block to the file that it is said to be (a part of)."""
        for word, mode in ('as', 'w'), ('to', 'a'):
            if word in run:
                path = self.folder / run[word]
                path.parent.mkdir(parents=True, exist_ok=True)
                with open(path, mode) as file:
                    file.write(block.text)
        if run.get('to', '').endswith('Kbuild'):
            self.build(path.parent)

    def build(self, folder):
        self.execute(self.host_shell(),
                     f'make -C {self.kernel.build} M={folder} '
                     f'PYALLOC={self.folder} modules '
                     f'KBUILD_EXTRA_SYMBOLS={self.folder}/Module.symvers', None)

    def run_block(self, block):
        block.check()
        run = block.run
        if 'file' in run and block.text not in (TOP / run['file']).read_text():
            raise blocks.Wrong(f'it is not what {run["file"]} has')
        self.keep(block, run)
        if run.keys() & {'host', 'guest'} and block.language in blocks.COMMANDS:
            self.run_commands(block, run)

    def results(self):
        """Pairs of a block and what is wrong with it, or None."""
        try:
            for block in self.blocks:
                try:
                    self.run_block(block)
                    yield block, None
                except blocks.Wrong as wrong:
                    yield block, str(wrong)
        finally:
            self.end()

    def end(self):
        for shell in self.host, self.guest:
            if shell:
                shell.end()


def words(block):
    """How a block is run; that it can't be is said where it is tried."""
    try:
        return block.run
    except blocks.Wrong:
        return {}


def to_build(block):
    return block.language == 'c' and not words(block).keys() & {'file', 'none'}


def build_clients(found, uml):
    """Build all C blocks; a dictionary of what is wrong, by place."""
    found = [block for block in found if to_build(block)]
    wholes = [block for block in found if clients.is_whole(block)]
    parts = [block for block in found if not clients.is_whole(block)]
    stock = clients.Kernel('stock-6.12')
    files = sorted((HERE / 'clients').glob('*.c'))
    said = {BUILD / 'stock-6.12':
            clients.build(stock, BUILD / 'stock-6.12', parts, wholes),
            BUILD / 'uml':
            clients.build(uml, BUILD / 'uml', [], wholes, files)}
    wrong = {}
    for block in found:
        for folder, output in said.items():
            if folder.name == 'uml' and block in parts:
                continue
            for what in clients.complaints(block, folder, output):
                wrong.setdefault(block.place, what)
    for file in files:
        if not (BUILD / 'uml' / f'{file.stem}.ko').exists():
            print(f'{file}: it does not build:\n{said[BUILD / "uml"]}')
    return wrong


LOAD = """\
insmod {file} && rmmod {name} && grep -q ^ok /sys/kernel/debug/pyalloc/check &&
	! dmesg | grep -E 'WARNING|BUG:|leaves'"""


def load_clients(found, uml):
    """Load each whole client in a guest; what is wrong, by place."""
    page = Page('clients', uml, [])
    wrong = {}
    for block in found:
        if not to_build(block) or not clients.is_whole(block):
            continue
        name = clients.name_of(block)
        try:
            page.execute(page.guest_shell(), LOAD.format(
                file=BUILD / f'uml/{name}.ko', name=name), None)
        except blocks.Wrong as what:
            wrong[block.place] = str(what)
    page.end()
    return wrong


def unused(found):
    """Files beside this one that no block names."""
    named = {item for block in found for item in words(block).items()}
    for word, suffix in ('after', '.sh'), ('with', '.h'):
        for path in (HERE / word).glob(f'*{suffix}'):
            text = ''.join(file.read_text() for file in HERE.rglob('*.[ch]'))
            if (word, path.stem) not in named and path.name not in text:
                yield path.relative_to(TOP)


def run_page(name, found, uml):
    mine = [block for block in found if block.page == name]
    return list(Page(name, uml, mine).results())


def say(results):
    """Print what is wrong, and how many blocks are right and wrong."""
    passed = failed = 0
    for place, what in results:
        passed, failed = passed + (not what), failed + bool(what)
        if what:
            print(f'FAIL {place}: {what}', flush=True)
    print(f'{passed} passed, {failed} failed')
    return 1 if failed or not passed else 0


def results(chosen, found):
    """Pairs of a place and what is wrong there, or None."""
    uml = clients.Kernel('uml')
    wrong = build_clients(found, uml)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        loaded = pool.submit(load_clients, found, uml)
        pages = pool.map(lambda name: run_page(name, found, uml), chosen)
        for block, what in itertools.chain.from_iterable(pages):
            yield block.place, (what or wrong.get(block.place) or
                                loaded.result().get(block.place))
    if chosen == blocks.pages(SOURCE):
        for path in unused(found):
            yield path, 'no block names it'


def main():
    chosen = sys.argv[1:] or blocks.pages(SOURCE)
    BUILD.mkdir(parents=True, exist_ok=True)
    found = [block for page in chosen for block in blocks.read(page, SOURCE)]
    return say(results(chosen, found))


if __name__ == '__main__':
    sys.exit(main())
