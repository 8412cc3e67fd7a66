#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""pyalloctop_test.py [UNITTEST-ARGUMENTS]: is pyalloctop right about a folder
that was saved in a guest (testdata/report), and about what is done to it?

Builds it twice, the second time with the compiler's sanitizers, which mutated
folders are for.  Screens are looked at in tmux.  Needs neither pyalloc nor
root; scripts/guest/top.sh has what needs the module.  The last line is `N
passed, N failed`.
"""

import contextlib
import csv
import io
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE / 'pyalloctop'
MAN = HERE / 'pyalloctop.1'
REPORT = HERE / 'testdata' / 'report'
VIEWS = 'classes', 'heaps', 'domains', 'types', 'sites', 'modules', 'map'
TABLES = {'heaps': 'heaps', 'domains': 'domains', 'types': 'types',
          'sites': 'trace/statistics', 'modules': 'trace/modules',
          'classes': 'heap/default/classes', 'map': 'heap/default/arenas'}
SANITIZE = '-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all'
MUTATIONS = 600
PATIENCE = 30

# What a program opens is written down; what has a word in its name is refused.
SHIM = r'''
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int open(const char *path, int flags, ...)
{
	int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
	const char *log = getenv("SHIM_LOG"), *word = getenv("SHIM_WORD");
	FILE *file = log ? fopen(log, "a") : NULL;

	if (file) {
		fprintf(file, "%s\n", path);
		fclose(file);
	}
	if (word && strstr(path, word)) {
		errno = atoi(getenv("SHIM_ERROR"));
		return -1;
	}
	return real(path, flags, 0600);
}
'''


def build(into, *words):
    subprocess.run(['make', '-s', '-j2', '-C', SOURCE, f'O={into}', *words],
                   check=True, stdout=subprocess.DEVNULL)
    return into / 'pyalloctop'


class Done:
    def __init__(self, process):
        self.status = process.returncode
        self.out = process.stdout
        self.err = process.stderr
        self.lines = self.out.splitlines()
        self.table = self.lines[self.lines.index('') + 1:] \
            if '' in self.lines else []


class Case(unittest.TestCase):
    def setUp(self):
        work = tempfile.TemporaryDirectory(dir=WORK)
        self.addCleanup(work.cleanup)
        self.work = pathlib.Path(work.name)

    def copy(self, name='copy'):
        shutil.copytree(REPORT, self.work / name)
        return self.work / name

    def run_top(self, *options, program=None, env=None, **more):
        return Done(subprocess.run(
            [program or PROGRAM, *map(str, options)], text=True, check=False,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE,
            env={**os.environ, **(env or {})}, errors='surrogateescape',
            **more))

    def good(self, *options, **more):
        done = self.run_top(*options, **more)
        self.assertEqual((done.status, done.err), (0, ''))
        return done

    def look(self, *options, folder=REPORT):
        return self.good('--from', folder, *options)

    def bad(self, words, *options, status=1, **more):
        done = self.run_top(*options, **more)
        self.assertIn(words, done.err)
        self.assertEqual(done.status, status, done.err)
        self.assertEqual(len(done.err.splitlines()), status, done.err)
        return done

    def live(self, folder):
        return {'PYALLOC_DEBUGFS': str(folder)}


def rows_of(path):
    names, *rows = (REPORT / path).read_text().splitlines()
    names = names.split()[1:]
    return [dict(zip(names, row.split(' ', len(names) - 1))) for row in rows]


def change(path, old, new, count=1):
    """In one step, as a program may be reading."""
    text = path.read_bytes()
    assert old in text, (path, old)
    other = path.with_name('new')
    other.write_bytes(text.replace(old, new, count))
    other.rename(path)


def amounts(line):
    return [int(number) for number in re.findall(r'(\d+)[BKMG]?(?= |$)', line)]


class Tables(Case):
    def test_totals(self):
        held, arenas, blocks = (amounts(line) for line in
                                self.look().lines[1:4])
        for whole, *parts in held, arenas, blocks:
            self.assertEqual(whole, sum(parts))
        self.assertEqual(held[1], arenas[0])
        heaps = rows_of('heaps')
        self.assertEqual(arenas[0], sum(int(row['arena_bytes'])
                                        for row in heaps) // 1024)
        self.assertEqual(arenas[1], sum(int(row['bytes'])
                                        for row in heaps) // 1024)
        self.assertEqual(blocks[1], sum(int(row['blocks']) for row in heaps))

    def test_every_view_has_its_rows(self):
        for view in VIEWS:
            done = self.look('--view', view, '--once')
            rows = rows_of(TABLES[view])
            if view == 'classes':
                rows = [row for heap in ('default', 'pyobjects')
                        for row in rows_of(f'heap/{heap}/classes')
                        if row['pools'] != '0']
            if view == 'map':
                rows += rows_of('heap/pyobjects/arenas')
            self.assertEqual(len(done.table) - 1, len(rows), view)
            self.assertFalse([line for line in done.lines
                              if line != line.rstrip()])

    def test_a_saved_copy_says_so(self):
        self.assertIn('a saved copy of 2', self.look().lines[0])
        done = self.run_top('--from', REPORT, '-n', 3)
        self.assertEqual(done.status, 0)
        self.assertIn('is a saved copy', done.err)
        self.assertEqual(done.out, self.look().out)

    def test_columns(self):
        head, first, *_ = self.look('--view', 'heaps').table
        cells = dict(zip(head.split(), first.split()))
        row = rows_of('heaps')[0]
        self.assertEqual(cells['NAME'], 'default')
        self.assertEqual(cells['BLOCKS'], row['blocks'])
        self.assertEqual(cells['LIVE'], row['bytes'])
        self.assertEqual(cells['HELD'], f"{int(row['held_bytes']) >> 10}K")
        self.assertEqual(cells['GROWTH/s'], '-')

    def test_sort(self):
        def sizes(*options):
            return [int(line.split()[2]) for line in
                    self.look('--heap', 'default', *options).table[1:]]
        self.assertEqual(sizes('--sort', 'size'), sorted(sizes()))
        self.assertEqual(sizes('--sort', '-SIZE'),
                         sorted(sizes(), reverse=True))
        blocks = [int(line.split()[4]) for line in
                  self.look('--sort', 'blocks').table[1:]]
        self.assertEqual(blocks, sorted(blocks, reverse=True))
        names = [line.split()[0] for line in
                 self.look('--view', 'types', '--sort', 'name').table[1:]]
        self.assertEqual(names, sorted(names))

    def test_filter(self):
        def names(text):
            return [line.split()[0] for line in self.look(
                '--view', 'types', '--sort', 'name', '--filter',
                text).table[1:]]
        self.assertEqual(names('DICT'), ['dict', 'dict_table'])
        self.assertEqual(names('~^(int|str) '), ['int', 'str'])
        self.assertEqual(names('[pyleak]'), [])
        self.assertEqual(len(names('')), len(rows_of('types')))

    def test_map(self):
        out = self.look('--view', 'map', '--heap', 'pyobjects').out
        for row in rows_of('heap/pyobjects/arenas'):
            self.assertIn(row['map'], out)
        folder = self.copy()
        long = ('9' * 64 + '0' * 64 + '.-!5' * 32)
        change(folder / 'heap/default/arenas',
               rows_of('heap/default/arenas')[0]['map'].encode(),
               long.encode())
        out = self.look('--view', 'map', folder=folder).out
        self.assertIn(f'  {"9" * 64}\n  {"0" * 64}\n  {".-!5" * 16}\n', out)

    def test_more_columns_files_and_another_order(self):
        folder = self.copy()
        plain = self.look('--view', 'heaps').table
        lines = (folder / 'heaps').read_text().splitlines()
        cells = [line.replace('# ', '').split() for line in lines]
        (folder / 'heaps').write_text(''.join(
            mark + ' '.join([*reversed(row), more]) + '\n'
            for mark, row, more in zip(('# ', '', ''), cells,
                                       ('future', 'x', '1e9'))))
        (folder / 'news').write_bytes(b'\0\1\2')
        self.assertEqual(self.look('--view', 'heaps', folder=folder).table,
                         plain)

    def test_no_heap_is_walked_unless_it_is_asked_for(self):
        log = self.work / 'opened'
        for view in VIEWS:
            log.write_text('')
            self.good('--once', '--view', view,
                      env={**self.live(REPORT), 'LD_PRELOAD': str(SHIM_FILE),
                           'SHIM_LOG': str(log)})
            opened = {pathlib.Path(line).name
                      for line in log.read_text().splitlines()}
            self.assertIn('heaps', opened)
            dear = {'arenas', 'check', 'snapshot', 'statistics', 'modules',
                    'stats', 'hooks', 'fail_nth'}
            self.assertEqual(opened & dear, {
                'sites': {'statistics'}, 'modules': {'modules'},
                'map': {'arenas'}}.get(view, set()))


class ForPrograms(Case):
    def test_json(self):
        sample, = map(json.loads, self.look('--json').lines)
        for name in 'domains', 'heaps', 'types', 'faults':
            rows = rows_of(name)
            self.assertEqual([list(row) for row in sample[name]],
                             [list(row) for row in rows])
            self.assertEqual([[str(cell) for cell in row.values()]
                              for row in sample[name]],
                             [list(row.values()) for row in rows])
        self.assertEqual(sample['sites'][0]['call_site'],
                         rows_of('trace/statistics')[0]['call_site'])
        self.assertEqual(len(sample['classes']['pyobjects']),
                         len(rows_of('heap/pyobjects/classes')))
        self.assertIs(sample['saved'], True)
        self.assertEqual(sample['version']['tables'], 1)
        self.assertNotIn('arenas', sample)
        total = sample['totals']
        self.assertEqual(total['held'], total['arenas'] + total['raw'] +
                         total['metadata'])
        self.assertEqual(total['arenas'], total['live'] + total['cached'] +
                         total['free'])
        self.assertEqual(total['cached'], sum(
            int(row['size']) * int(row['cached'])
            for heap in ('default', 'pyobjects')
            for row in rows_of(f'heap/{heap}/classes')))
        domains = sum(int(row['bytes']) for row in rows_of('domains'))
        self.assertEqual(total['raw'],
                         domains - int(rows_of('heaps')[0]['bytes']))

    def test_json_with_the_map(self):
        sample = json.loads(self.look('--json', '--view', 'map').out)
        self.assertEqual([row['map'] for row in sample['arenas']['default']],
                         [row['map'] for row in
                          rows_of('heap/default/arenas')])

    def test_json_a_line_each_sample(self):
        lines = self.good('--json', '-d', 0.05, '-n', 3,
                          env=self.live(REPORT)).lines
        times = [json.loads(line)['time'] for line in lines]
        self.assertEqual(len(times), 3)
        self.assertEqual(times, sorted(set(times)))

    def test_csv(self):
        for view in VIEWS:
            out = self.look('--csv', '--view', view).out
            names, *rows = csv.reader(io.StringIO(out))
            given = rows_of(TABLES[view])
            self.assertEqual(names, ['time', *given[0]])
            self.assertEqual([row[1:] for row in rows],
                             [list(row.values()) for row in given])
            self.assertRegex(rows[0][0], r'^\d+\.\d{3}$')

    def test_csv_of_several_samples(self):
        lines = self.good('--csv', '--view', 'heaps', '-d', 0.05, '-n', 3,
                          env=self.live(REPORT)).lines
        self.assertEqual(len(lines), 1 + 3 * len(rows_of('heaps')))

    def test_csv_quotes(self):
        folder = self.copy()
        change(folder / 'trace/statistics', b'grow_log', b'a,"b"')
        out = self.look('--csv', '--view', 'sites', folder=folder).out
        self.assertIn('a,"b"', [row[-1].split('+')[0] for row in
                                csv.reader(io.StringIO(out))])


class Live(Case):
    """A folder that is not called a copy, and changes."""

    @contextlib.contextmanager
    def watch(self, folder, *options):
        with subprocess.Popen(
                [PROGRAM, *options], stdin=subprocess.DEVNULL, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env={**os.environ, **self.live(folder)}) as process:
            try:
                yield process
            finally:
                process.kill()

    def row(self, process, first):
        for line in process.stdout:
            if line.split()[:1] == [first]:
                return line.split()
        self.fail('it ended')

    def test_rates(self):
        folder = self.copy()
        bytes_ = rows_of('domains')[2]['bytes']
        with self.watch(folder, '-d', '0.05', '--view', 'domains') as top:
            self.assertEqual(self.row(top, 'object')[-3:], ['-', '-', '-'])
            self.assertEqual(self.row(top, 'object')[-3:], ['0', '0', '0'])
            change(folder / 'domains', f' {bytes_} '.encode(),
                   f' {int(bytes_) + 1000} '.encode())
            cells = self.row(top, 'object')
            while cells[-1] == '0':
                cells = self.row(top, 'object')
            # 1000 bytes, in as long as it took to look again.
            self.assertRegex(cells[-1], r'^\+\d')
            rate = float(cells[-1].rstrip('K')) * \
                (1024 if cells[-1].endswith('K') else 1)
            self.assertGreater(rate, 1000 / PATIENCE)
            while cells[-1] != '0':
                cells = self.row(top, 'object')

    def test_the_folder_goes(self):
        folder = self.copy()
        with self.watch(folder, '-d', '0.05', '--json') as top:
            self.assertTrue(top.stdout.readline())
            shutil.rmtree(folder)
            rest, err = top.communicate(timeout=PATIENCE)
            self.assertEqual(top.returncode, 1)
            self.assertRegex(err, 'not mounted|not there')
            for line in rest.splitlines():
                json.loads(line)

    def test_a_heap_comes_and_goes(self):
        folder = self.copy()
        with self.watch(folder, '-d', '0.05', '--json') as top:
            change(folder / 'heaps', b'pyobjects fine', b'other fine')
            while json.loads(top.stdout.readline())['heaps'][1]['name'] != \
                    'other':
                pass
            (folder / 'heap/pyobjects').rename(folder / 'heap/other')
            while 'other' not in json.loads(top.stdout.readline())['classes']:
                pass

    def test_who_reads_no_more(self):
        with self.watch(self.copy(), '-d', '0.05') as top:
            top.stdout.readline()
            top.stdout.close()
            self.assertEqual(top.wait(PATIENCE), -signal.SIGPIPE)
            self.assertEqual(top.stderr.read(), '')

    def test_a_full_disk(self):
        with open('/dev/full', 'w', encoding='ascii') as full:
            done = subprocess.run([PROGRAM, '--from', REPORT], stdout=full,
                                  stderr=subprocess.PIPE, text=True,
                                  check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn('No space left', done.stderr)

    def test_timeout(self):
        done = subprocess.run(['timeout', '0.5', PROGRAM, '-d', '0.1'],
                              env={**os.environ, **self.live(REPORT)},
                              stdin=subprocess.DEVNULL, capture_output=True,
                              check=False)
        self.assertEqual((done.returncode, done.stderr), (124, b''))
        self.assertIn(b'default', done.stdout)


class Saving(Case):
    def names(self, folder):
        return {path.relative_to(folder): path.read_bytes()
                for path in folder.rglob('*') if path.is_file()}

    def test_copy(self):
        folder = self.copy()
        for name in 'reclaim', 'trace/clear':
            (folder / name).touch(0o200)
        (folder / 'check').write_text('ok: all\n')
        new = self.work / 'new'
        done = self.good('--save', new, env=self.live(folder))
        self.assertEqual(self.names(new), self.names(REPORT))
        self.assertIn(f'{len(self.names(REPORT))} files', done.out)
        self.good('--from', new)
        with_check = self.work / 'with-check'
        without_question = self.work / 'without-question'
        self.good('--save', with_check, '--check', env=self.live(folder))
        # Who asked for an address is no business of who gets a report.
        (folder / 'whereis').write_text('# address\n0xffff888012345678\n')
        self.good('--save', without_question, env=self.live(folder))
        self.assertFalse((without_question / 'whereis').exists())
        self.assertEqual(len(self.names(with_check)),
                         len(self.names(REPORT)) + 1)

    def test_an_empty_directory_will_do(self):
        (self.work / 'empty').mkdir()
        self.good('--save', self.work / 'empty', env=self.live(REPORT))

    def test_refusals(self):
        full = self.work / 'full'
        full.mkdir()
        (full / 'mine').write_text('precious')
        self.bad('no empty directory', '--save', full, env=self.live(REPORT))
        self.assertEqual(self.names(full), {pathlib.Path('mine'): b'precious'})
        self.bad('no empty directory', '--save', full / 'mine',
                 env=self.live(REPORT))
        self.bad("can't be written", '--save', self.work / 'a/b',
                 env=self.live(REPORT))
        self.bad('is not there', '--save', self.work / 'x',
                 env=self.live(full))
        self.assertFalse((self.work / 'x').exists())


class Trouble(Case):
    def test_not_there(self):
        self.bad('debugfs is not mounted', env=self.live(self.work / 'no'))
        self.bad('there is no', env=self.live(self.work / 'no/such'))
        self.bad('there is no', '--from', self.work / 'no')
        self.bad("can't be read: Not a directory", '--from', MAN)
        self.bad('is this a whole copy', '--from', self.work)

    def shim(self, word, error):
        return {**self.live(REPORT), 'LD_PRELOAD': str(SHIM_FILE),
                'SHIM_WORD': word, 'SHIM_ERROR': str(error)}

    def test_not_allowed(self):
        self.bad('can be read by root only', env=self.shim('report', 13))
        self.bad('locked down', env=self.shim('version', 1))
        self.bad("heaps can't be read: Cannot allocate",
                 env=self.shim('heaps', 12))

    def test_an_older_module(self):
        folder = self.copy()
        (folder / 'version').unlink()
        self.bad('version is not there', '--from', folder)
        self.bad('this module is not one for pyalloctop',
                 env=self.live(folder))

    def test_a_newer_module(self):
        folder = self.copy()
        (folder / 'version').write_text('# api tables release\n2 2 9.0\n')
        for options in [['--json'], ['--once'], ['--csv'],
                        ['--save', self.work / 'to']]:
            self.bad('version:2: these are tables of version 2', '--from',
                     folder, *options)

    def spoiled(self, words, name, old, new, *options):
        folder = self.copy(f'copy-{time.monotonic_ns()}')
        change(folder / name, old, new)
        self.bad(words, '--from', folder, *options)

    def test_file_and_line(self):
        pools = rows_of('heaps')[0]['arena_bytes'].encode()
        for words, old, new in (
                ('heaps:1: there is no column', b'arena_bytes', b'bytes_arena'),
                ('heaps:1: there are two col', b'cached_blocks', b'blocks'),
                ('heaps:1: there is no line of', b'# name', b'name'),
                ('heaps:2: arena_bytes is below', pools, b'-' + pools),
                ('heaps:2: arena_bytes is not a n', pools, b'0x10'),
                ('heaps:2: arena_bytes is too l', pools, b'9' * 19),
                ('heaps:2: arena_bytes is too l', pools, b'9' * 99),
                ('heaps:2: there are 18 cells', b' -\n', b'\n'),
                ('heaps:2: there are more cells', pools, pools + b' 1'),
                ('heaps:2: this is not text', b'default', b'def\0ault'),
                ('heaps:3: the line is cut off', b'pyobjects\n', b'pyobj'),
                ('heaps:3: there is another heap', b'\npyobjects',
                 b'\ndefault'),
                ("heaps:3: '..' can't be a heap's name", b'\npyobjects',
                 b'\n..'),
                ("heaps:3: 'a/b' can't be a heap's name", b'\npyobjects',
                 b'\na/b')):
            self.spoiled(words, 'heaps', old, new)
        self.spoiled('arenas:2: the map has a', 'heap/default/arenas',
                     rows_of('heap/default/arenas')[0]['map'].encode(),
                     b'0123abc', '--view', 'map')
        self.spoiled('statistics:2: bytes is not', 'trace/statistics',
                     b'call_site\n', b'call_site\nx', '--view', 'sites')

    def test_what_is_no_file(self):
        folder = self.copy()
        (folder / 'heaps').unlink()
        for make in (lambda path: os.mkfifo(path), lambda path: path.mkdir(),
                     lambda path: path.symlink_to('/dev/zero')):
            make(folder / 'heaps')
            self.bad('heaps is not a file', '--from', folder)
            if (folder / 'heaps').is_dir():
                (folder / 'heaps').rmdir()
            else:
                (folder / 'heaps').unlink()
        with open(folder / 'heaps', 'wb') as file:
            file.truncate(1 << 40)
        self.bad('heaps is larger than 64 MiB', '--from', folder)
        (folder / 'heaps').write_bytes(b'')
        self.bad('heaps:1: there is no line', '--from', folder)

    def test_not_tracing(self):
        folder = self.copy()
        (folder / 'trace/nframe').write_text('0\n')
        for name in 'statistics', 'modules':
            path = folder / 'trace' / name
            path.write_text(path.read_text().splitlines()[0] + '\n')
        for view in 'sites', 'modules':
            self.bad(f'echo 1 > {folder}/trace/nframe', '--view', view,
                     env=self.live(folder))
        self.bad('Nothing was traced', '--from', folder, '--view', 'sites')
        sample = json.loads(self.good('--from', folder, '--json').out)
        self.assertEqual((sample['tracing'], sample['sites']), (False, []))

    def test_no_control_character_gets_out(self):
        folder = self.copy()
        change(folder / 'heaps', b' pyobjects\n',
               b' \x1b[31mred\x07\x7f\x9b\xe2\x80\xae\n')
        for options in ['--view', 'heaps'], ['--json'], ['--csv', '--view',
                                                         'heaps']:
            out = self.look(*options, folder=folder).out
            self.assertIn('?[31mred??', out)
            self.assertRegex(out, r'^[\n -~]*$')
        change(folder / 'heaps', b'default fine 8', b'default fine \x1b]0;8')
        done = self.bad("'?]0;8", '--from', folder)
        self.assertNotIn('\x1b', done.err)

    def test_huge_numbers(self):
        folder = self.copy()
        for name in 'heaps', 'domains':
            path = folder / name
            lines = path.read_text().splitlines()
            path.write_text('\n'.join(
                re.sub(r' \d+', f' {2**63 - 1}', line)
                for line in lines) + '\n')
        for view in VIEWS:
            self.look('--view', view, folder=folder)
        self.look('--json', folder=folder)


class Mutated(Case):
    """A real folder, changed at random, always in the same way."""

    WORDS = (b'-1', b'18446744073709551615', b'9' * 40, b'', b'nan', b'0x1',
             b'\x1b[2J', b'\xff\xfe', b'.', b'../..', b'%s%n', b'a' * 5000,
             b'-9223372036854775808', b'9223372036854775807', b'default')

    def spoil_text(self, rng, text):
        lines = text.split(b'\n')
        line = rng.randrange(len(lines))
        cells = lines[line].split(b' ')
        at = rng.randrange(len(text) + 1)
        kind = rng.randrange(9)
        if kind == 0:
            return text[:at]
        if kind == 1:
            return text[:at] + rng.randbytes(rng.randrange(1, 9)) + text[at:]
        if kind == 2:
            return text[:at] + rng.randbytes(1) + text[at + 1:]
        if kind == 3:
            del lines[line]
        elif kind == 4:
            lines[line:line] = [lines[line]] * rng.choice((1, 3, 500))
        elif kind == 5:
            del cells[rng.randrange(len(cells))]
        elif kind == 6:
            rng.shuffle(cells)
        else:
            cells[rng.randrange(len(cells))] = rng.choice(self.WORDS)
        if kind > 4:
            lines[line] = b' '.join(cells)
        return b'\n'.join(lines)

    def spoil(self, rng, folder, name):
        path = folder / name
        kind = rng.randrange(20)
        if kind == 0:
            path.unlink()
        elif kind == 1:
            path.write_bytes(rng.randbytes(rng.choice((0, 1, 100, 100000))))
        elif kind == 2:
            path.unlink()
            path.mkdir()
        else:
            for _ in range(rng.choice((1, 1, 1, 2, 5))):
                path.write_bytes(self.spoil_text(rng, path.read_bytes()))

    def options(self, rng):
        view = rng.choice(VIEWS)
        return rng.choice((
            ['--view', view], ['--view', view, '--csv'],
            ['--json', '--view', rng.choice(('classes', 'map'))],
            ['--view', view, '--filter', rng.choice(('~.*', 'py', '~(a|b)*'))],
            ['--view', view, '--heap', 'default']))

    def test_mutations(self):
        rng = random.Random(8)
        names = [name for name in sorted(
            str(path.relative_to(REPORT)) for path in REPORT.rglob('*')
            if path.is_file()) if name not in (
                'stats', 'hooks', 'fail_nth', 'trace/snapshot',
                'trace/sample_bytes')]
        statuses = [0, 0]
        for number in range(MUTATIONS):
            folder = self.copy(f'copy-{number}')
            name = rng.choice(names)
            self.spoil(rng, folder, name)
            options = self.options(rng)
            with self.subTest(number=number, name=name, options=options):
                done = self.run_top(
                    '--from', folder, *options, program=SANITIZED)
                self.assertIn(done.status, (0, 1), done.err)
                statuses[done.status] += 1
                self.assertRegex(done.out + done.err, r'^[\n -~]*$')
                if done.status:
                    self.assertRegex(done.err, r'^pyalloctop: [^\n]+\n$')
                else:
                    self.assertEqual(done.err, '')
            shutil.rmtree(folder)
        self.assertGreater(min(statuses), MUTATIONS / 10)

    def test_mutated_while_it_is_watched(self):
        """The differences between two folders that have little in common."""
        rng = random.Random(9)
        folder = self.copy()
        good = {name: (folder / name).read_bytes() for name in (
            'heaps', 'domains', 'types', 'heap/default/classes')}
        for view in VIEWS[:4]:
            with subprocess.Popen(
                    [SANITIZED, '-d', '0.05', '--view', view], text=True,
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env={**os.environ, **self.live(folder)}) as top:
                for _ in range(20):
                    for name, text in good.items():
                        new = folder / 'new'
                        new.write_bytes(self.reorder(rng, text))
                        new.rename(folder / name)
                    while not top.stdout.readline().startswith('pyalloctop'):
                        self.assertIsNone(top.poll(), top.stderr)
                top.kill()
                self.assertEqual(top.stderr.read(), '')

    def reorder(self, rng, text):
        head, *rows = text.splitlines(keepends=True)
        keep = [row for row in rows if rng.random() < .7 or
                row.startswith((b'default', b'pyobjects'))]
        rng.shuffle(keep)
        number = re.compile(rb'(?<= )\d+(?= )')
        return head + b''.join(number.sub(
            lambda _: str(rng.choice((0, 1, 7, 10**6, 2**62))).encode(),
            row) for row in keep)


class Options(Case):
    # What every option does, as a test of its own: words that are in what it
    # prints, and what goes with it.
    USES = {
        '--once': (['--once'], 'Held'),
        '--json': (['--json'], '{"time":'),
        '--csv': (['--csv'], 'time,class'),
        '--delay': (['-d', '0.05', '-n', '1'], 'Held'),
        '--count': (['-n', '1'], 'Held'),
        '--view': (['--view', 'domains'], 'CALLOCS'),
        '--sort': (['--sort', 'size'], 'Held'),
        '--filter': (['--filter', 'nothing-has-it'], 'HEAP'),
        '--heap': (['--heap', 'pyobjects'], 'pyobjects'),
        '--from': ([], 'a saved copy'),
        '--save': (['--save', '{work}/a'], 'files of'),
        '--check': (['--save', '{work}/b', '--check'], 'files of'),
        '--help': (['--help'], 'Usage'),
        '--version': (['--version'], 'pyalloctop '),
    }

    def of_help(self):
        found = set()
        for line in self.good('--help').lines:
            match = re.match(r'  (?:(-\w),|   ) (--[\w-]+)(?: ([A-Z]+))?  ',
                             line)
            if match:
                found.add(match.groups())
            self.assertLessEqual(len(line), 80, line)
        return found

    def of_man(self):
        text = MAN.read_text()
        text = text[text.index('.SH OPTIONS'):text.index('.SH VIEWS')]
        found = set()
        for line in re.findall(r'^\.TP\n(.*)', text, re.M):
            line = line.replace('\\-', '-')
            line = re.sub(r'\\f.|"', '', line.split(' ', 1)[1])
            match = re.match(r'(?:(-\w) *, *)?(--[\w-]+)(?: +([A-Z]+))?$',
                             line)
            self.assertTrue(match, line)
            found.add(match.groups())
        return found

    def test_help_and_man_agree(self):
        self.assertEqual(self.of_help(), self.of_man())

    def test_every_option_works(self):
        self.assertEqual({name for _, name, _ in self.of_help()},
                         set(self.USES))
        for name, (options, words) in self.USES.items():
            options = [option.format(work=self.work) for option in options]
            with self.subTest(name):
                self.assertIn(words, self.look(*options).out)

    def test_short_options(self):
        for short, name, _ in self.of_help():
            if short:
                value = [] if name == '--help' else ['1']
                self.assertEqual(
                    self.good('--from', REPORT, '-n1', short, *value).out,
                    self.good('--from', REPORT, '-n1', name, *value).out)

    def test_version_is_the_module_s(self):
        header = (HERE.parent / 'include/linux/pyalloc.h').read_text()
        version = re.search(r'PYALLOC_VERSION\s+"(.*)"', header)[1]
        self.assertEqual(self.good('--version').out,
                         f'pyalloctop {version}\n')

    def test_misuse(self):
        for options in (
                ['--view', 'nonsense'], ['--sort', 'nonsense'],
                ['--filter', '~('], ['--filter', 'x' * 500],
                ['-d', '0'], ['-d', 'x'], ['-d', 'nan'], ['-d', '1e99'],
                ['-n', '0'], ['-n', '-1'], ['-n', '1x'],
                ['-n', '99999999999999999999'], ['word'],
                ['--json', '--csv'], ['--json', '--sort', 'size'],
                ['--once', '-n', '2'], ['--save', 'x', '--json'],
                ['--check'], ['--nonsense'], ['--view']):
            done = self.run_top('--from', REPORT, *options)
            self.assertEqual((done.status, done.out), (2, ''), options)
            self.assertTrue(done.err.startswith(('pyalloctop: ',
                                                 str(PROGRAM))), options)
        self.bad("no heap 'none'", '--from', REPORT, '--heap', 'none')

    def test_man(self):
        for command in (['groff', '-man', '-ww', '-Tutf8'],
                        ['man', '--warnings', '-l']):
            if not shutil.which(command[0]):
                continue
            done = subprocess.run([*command, MAN], capture_output=True,
                                  check=False, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ''))
            self.assertIn('slabtop', re.sub('.\b', '', done.stdout))


class Terminal:
    """tmux, with one window."""

    number = 0

    def __init__(self, case, width, height, command, **env):
        Terminal.number += 1
        self.case = case
        self.width = width
        self.name = f'pyalloctop-{os.getpid()}-{Terminal.number}'
        env = {'LANG': 'C.UTF-8', 'TERM': 'screen', **env}
        words = ' '.join(f'{key}={value}' for key, value in env.items())
        self.tmux('-f', '/dev/null', 'new-session', '-d', '-x', width, '-y',
                  height, f'env -u LC_ALL {words} {command}; '
                  'echo "ended with $?"; stty -a | grep -o " echo "; cat')
        case.addCleanup(self.tmux, 'kill-server')

    def tmux(self, *words):
        return subprocess.run(
            ['tmux', '-u', '-L', self.name, *map(str, words)], check=False,
            capture_output=True, text=True, timeout=PATIENCE).stdout

    def look(self):
        return self.tmux('capture-pane', '-p')

    def ask(self, what):
        return self.tmux('display-message', '-p', f'#{{{what}}}').strip()

    def type(self, *keys):
        self.tmux('send-keys', *keys)

    def until(self, is_so, what):
        """The screen, once it is so."""
        end = time.monotonic() + PATIENCE
        while True:
            screen = self.look()
            if is_so(screen):
                return screen
            if time.monotonic() > end:
                self.case.fail(f'{what} is not to be seen in\n{screen}')
            time.sleep(0.02)

    def see(self, regex):
        screen = self.until(lambda text: re.search(regex, text, re.M), regex)
        for line in screen.splitlines():
            self.case.assertLessEqual(len(line), self.width)
        return screen


class Screens(Case):
    HEADINGS = {'classes': 'HEAP +CLASS +SIZE', 'heaps': 'NAME +BLOCKS +LIVE',
                'domains': 'NAME +BLOCKS +BYTES', 'types': 'NAME +HEAP +SIZE',
                'sites': ' *BYTES.*CALL-SITE', 'modules': ' *BYTES.*MODULE',
                'map': 'HEAP +ARENA'}

    def terminal(self, width=80, height=24, options='', folder=None,
                 saved=False, **env):
        folder = folder or REPORT
        if saved:
            options += f' --from {folder}'
        else:
            env['PYALLOC_DEBUGFS'] = folder
        return Terminal(self, width, height, f'{PROGRAM} {options}', **env)

    def test_every_view(self):
        for size in (80, 24), (200, 60):
            terminal = self.terminal(*size)
            for number, view in enumerate(VIEWS, 1):
                terminal.type(str(number))
                # What is drawn last tells that all is there.
                screen = terminal.see(
                    f'(?s)^{self.HEADINGS[view]}.*h help  q quit')
                lines = screen.splitlines()
                self.assertIn('pyalloc 0', lines[0])
                for line in lines[1:4]:
                    whole, *parts = amounts(line.split('   +')[0])
                    self.assertEqual(whole, sum(parts), line)
                self.assertIn('h help  q quit', lines[size[1] - 1])
            for at in range(len(VIEWS)):
                terminal.type('Tab')
                terminal.see(f'^{self.HEADINGS[VIEWS[at]]}')
            terminal.type('q')
            terminal.see('^ended with 0')

    def test_columns_fit(self):
        for width in 40, 80, 200:
            terminal = self.terminal(width)
            for number, view in enumerate(VIEWS, 1):
                whole = set(self.look('--view', view).table[0].split())
                label = {'sites': 'CALL-SITE',
                         'modules': 'MODULE'}.get(view, 'NAME')
                if 'HEAP' in self.HEADINGS[view][:4]:
                    label = 'HEAP'
                terminal.type(str(number))
                # A column is there as a whole or not at all.
                terminal.until(lambda screen, whole=whole, label=label: any(
                    {label} < set(line.split()) <= whole
                    for line in screen.splitlines()), f'{view} {width}')

    def test_help(self):
        terminal = self.terminal()
        for key in 'h', '?':
            terminal.type(key)
            screen = terminal.see('^any key goes back')
            self.assertIn('m               mark', screen)
            terminal.type('x')
            terminal.see('^HEAP')

    def test_filter(self):
        terminal = self.terminal(options='--view types')
        terminal.see('^tuple')
        terminal.type('/', 'dict')
        terminal.see('^filter .*: dict_')
        terminal.type('Enter')
        terminal.see('1-2 of 2')
        terminal.type('/', 'C-u', '~[', 'Enter')
        self.assertIn('1-2 of 2', terminal.see('Invalid|Unmatched'))
        terminal.type('/', 'x', 'BSpace', 'Escape')
        terminal.see('filter dict .*1-2 of 2')
        terminal.type('/', 'C-u', 'Enter')
        terminal.see('1-11 of 11')

    def test_sort(self):
        terminal = self.terminal(options='--view types')
        terminal.see('by LIVE')
        terminal.type('<', '<', '<')
        terminal.see('(?s)^bytes.*^dict .*by NAME')
        terminal.type('r')
        terminal.see('(?s)^tuple.*^str.*by NAME reversed')
        terminal.type('Right')
        terminal.see('by HEAP reversed')

    def test_heap(self):
        terminal = self.terminal()
        terminal.see('^default(?s:.*)heap all')
        terminal.type('[')
        self.assertNotRegex(terminal.see('heap pyobjects'), '(?m)^default')
        terminal.type(']', ']')
        self.assertNotRegex(terminal.see('heap default'), '(?m)^pyobjects')
        terminal.type('7')
        terminal.see('(?s)^default +3.*heap default')
        terminal.type('2', ']')
        terminal.see('this view is of all heaps')

    def test_mark(self):
        folder = self.copy()
        terminal = self.terminal(folder=folder,
                                 options='-d 0.1 --view heaps')
        terminal.type('m')
        terminal.see('CHANGES since')
        terminal.see('^default +0 +0 ')
        row = rows_of('heaps')[0]
        change(folder / 'heaps', b'default fine ' + row['blocks'].encode() +
               b' ' + row['bytes'].encode(),
               b'default fine %d %d' % (int(row['blocks']) + 7,
                                        int(row['bytes']) - 9))
        terminal.see(r'^default +\+7 +-9 ')
        terminal.type('u')
        terminal.see(f'^default +{int(row["blocks"]) + 7} ')
        self.assertNotIn('CHANGES', terminal.look())

    def test_pause(self):
        folder = self.copy()
        terminal = self.terminal(folder=folder,
                                 options='-d 0.05 --view modules')
        terminal.see('pyleak')
        terminal.type('p')
        still = terminal.see('PAUSED')
        change(folder / 'trace/modules', b'pyleak', b'gone_on')
        terminal.type('h')
        terminal.see('any key goes back')
        terminal.type('x')
        self.assertEqual(terminal.see('PAUSED'), still)
        terminal.type('Space')
        terminal.see('gone_on')

    def test_delay(self):
        terminal = self.terminal()
        terminal.see('every 1 s')
        terminal.type('d', 'C-u', '0.2', 'Enter')
        terminal.see(r'every 0\.2 s')
        terminal.type('d', 'C-u', 'soon', 'Enter')
        terminal.see('that is no delay')

    def test_bars(self):
        for lang, bars in ('C.UTF-8', '▁▁▁▁.*█'), ('C', '____.*#'):
            folder = self.copy(lang)
            terminal = self.terminal(options='-d 0.05', folder=folder,
                                     LANG=lang)
            terminal.see(bars[:4])
            change(folder / 'domains', b'\nraw', b'\nx 1 1 1 1 1 1 999999 1'
                   b'\nraw')
            terminal.see(f'^In use.*{bars}.* to ')

    def test_rows_move(self):
        terminal = self.terminal(options='--sort size')
        terminal.see(' 1-16 of')
        terminal.type('z')
        last = sum(len(rows_of(f'heap/{heap}/classes'))
                   for heap in ('default', 'pyobjects'))
        terminal.see(f' 1-16 of {last}')
        terminal.type('Down')
        terminal.see(' 2-17 of')
        terminal.type('NPage')
        terminal.see(' 17-32 of')
        terminal.type('End')
        terminal.see(f' {last - 15}-{last} of')
        terminal.type('NPage', 'Up')
        terminal.see(f' {last - 16}-{last - 1} of')
        terminal.type('Home')
        terminal.see(' 1-16 of')

    def test_saved(self):
        terminal = self.terminal(saved=True)
        terminal.see('a saved copy of')
        terminal.type('m')
        terminal.see('nothing changes in a saved copy')

    def test_not_tracing(self):
        folder = self.copy()
        (folder / 'trace/nframe').write_text('0\n')
        (folder / 'trace/statistics').write_text(
            '# bytes blocks average call_site\n')
        terminal = self.terminal(120, folder=folder, options='--view sites')
        terminal.see('^Nothing is traced; to begin: echo 1 > ')

    def test_resize(self):
        terminal = self.terminal(options='--view types')
        terminal.see('^NAME')
        self.assertNotIn('POLICY', terminal.look())
        for width, height, seen in (
                (200, 60, 'POLICY'), (30, 10, '^NAME'), (80, 3, '^NAME'),
                (80, 1, '^NAME'), (1, 1, '^N'), (7, 40, '^NAME'),
                (100, 30, 'In use')):
            terminal.width = width
            terminal.tmux('resize-window', '-x', width, '-y', height)
            terminal.see(seen)
        for key in (*'1234567h', 'x', '/', 'a', 'Escape'):
            terminal.width = 2
            terminal.tmux('resize-window', '-x', 2, '-y', 2)
            terminal.type(key)
        terminal.width = 80
        terminal.tmux('resize-window', '-x', 80, '-y', 24)
        terminal.type('q')
        terminal.see('^ended with 0')

    def test_given_back(self):
        for name, status in (('TERM', 143), ('INT', 130), ('HUP', 129)):
            terminal = self.terminal()
            terminal.see('^HEAP')
            self.assertEqual(terminal.ask('alternate_on'), '1')
            child = subprocess.run(
                ['pgrep', '-P', terminal.ask('pane_pid'), 'pyalloctop'],
                check=True, capture_output=True, text=True).stdout
            os.kill(int(child), getattr(signal, f'SIG{name}'))
            terminal.see(f'^ended with {status}\n echo')
            self.assertEqual(terminal.ask('alternate_on'), '0')
            self.assertEqual(terminal.ask('cursor_flag'), '1')

    def test_given_back_before_it_complains(self):
        folder = self.copy()
        terminal = self.terminal(folder=folder, options='-d 0.1')
        terminal.see('^HEAP')
        change(folder / 'heaps', b'default fine', b'default \x1b[31mfine 9')
        screen = terminal.see('^ended with 1\n echo')
        self.assertIn('heaps:2: there are more cells', screen)

    def test_count_and_timeout(self):
        terminal = self.terminal(options='-d 0.1 -n 3')
        terminal.see('^ended with 0')
        terminal = Terminal(self, 80, 24, f'timeout --foreground 1 {PROGRAM}',
                            PYALLOC_DEBUGFS=REPORT)
        terminal.see('^HEAP')
        terminal.see('^ended with 124\n echo')

    def test_terminals_that_are_none(self):
        for term in 'no-such-terminal', "''":
            terminal = self.terminal(options='--filter none', TERM=term)
            self.assertIn('Held', terminal.see('^ended with 0'))

    def test_a_signal_ends_it_where_the_terminal_is_unknown(self):
        for number in signal.SIGTERM, signal.SIGINT:
            master, slave = os.openpty()
            with subprocess.Popen(
                    [PROGRAM, '-d', '0.05'], stdin=slave, stdout=slave,
                    stderr=slave, start_new_session=True,
                    env={**os.environ, **self.live(self.copy(str(number))),
                         'TERM': 'nobody-knows'}) as top:
                os.close(slave)
                # The second sample: it is at what it does until it is ended.
                seen = b''
                while seen.count(b'HEAP') < 2:
                    seen += os.read(master, 65536)
                top.send_signal(number)
                self.assertEqual(top.wait(PATIENCE), -number)
            os.close(master)

    def test_once_on_a_terminal(self):
        terminal = self.terminal(options='--once --view heaps')
        screen = terminal.see('^ended with 0')
        self.assertRegex(screen, '(?m)^default .*\n^pyobjects ')
        self.assertNotIn('MODULE', screen)

    def test_no_control_character_gets_out(self):
        folder = self.copy()
        change(folder / 'heaps', b' pyobjects\n', b' \x1b[31mred\x07\n')
        terminal = self.terminal(200, folder=folder, options='--view heaps')
        terminal.see(r'\?\[31mred\?$')


class Style(unittest.TestCase):
    def test_lines(self):
        for file in MAN, pathlib.Path(__file__):
            for number, line in enumerate(file.read_text().splitlines(), 1):
                self.assertLess(len(line), 82, f'{file}:{number}')
                self.assertEqual(line, line.rstrip(), f'{file}:{number}')


def main():
    global WORK, PROGRAM, SANITIZED, SHIM_FILE
    # Started in the background, it would hand on that SIGINT is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as work:
        WORK = pathlib.Path(work)
        PROGRAM = build(WORK / 'plain')
        SANITIZED = build(WORK / 'sanitized', f'CFLAGS={SANITIZE}')
        SHIM_FILE = WORK / 'shim.so'
        (WORK / 'shim.c').write_text(SHIM)
        subprocess.run(['gcc', '-shared', '-fPIC', '-o', SHIM_FILE,
                        WORK / 'shim.c', '-ldl'], check=True)
        result = unittest.main(exit=False, verbosity=0, argv=[
            sys.argv[0], *sys.argv[1:]]).result
    # A test of which several parts fail has failed once.
    failed = len({test.id().split(' ')[0] for test, _ in (
        *result.failures, *result.errors)})
    passed = result.testsRun - failed
    sys.stderr.flush()
    print(f'{passed} passed, {failed} failed')
    return failed > 0 or not passed


if __name__ == '__main__':
    sys.exit(main())
