#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""pytrace_test.py [UNITTEST-ARGUMENTS]: is pytrace right about snapshots made
by hand, and does it stay calm about everything else?

Runs anywhere, without pyalloc.  The last line is `N passed, N failed`.
"""

import contextlib
import csv
import importlib.machinery
import importlib.util
import io
import itertools
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
import unittest.mock
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
PYTRACE = HERE / 'pytrace'
MAN = HERE / 'pytrace.1'
COMMANDS = 'take', 'show', 'compare', 'flame'

HEADER = '# domain bytes requested blocks age_ms frames\n'
PARSE = ('parse_line+0x1c/0x50 [pyleak];do_work+0x33/0x90 [pyleak];'
         'process_one_work+0x174/0x330')
PARSE_LATER = PARSE.replace('0x1c', '0x2c')
GROW = 'grow_buffer+0x2b/0x70 [pyleak]'
GONE = 'code that is gone'
WORKER = 'kthread+0xe/0x10;ret_from_fork+0x1/0x2'
SNAPSHOT = HEADER + f'''\
mem 64 40 1 1234 {PARSE}
mem 64 50 1 99 {PARSE}
mem 32 20 1 5 {PARSE_LATER}
raw 8192 5000 1 50 {GROW}
17 123 123 1 99 {GONE}
object 1024 1000 4 7200000 {WORKER}
'''
SITES = '''\
bytes  requested  blocks  average  oldest_ms  name
 8192       5000       1     8192         50  grow_buffer+0x2b [pyleak]
 1024       1000       4      256    7200000  kthread+0xe
  128         90       2       64       1234  parse_line+0x1c [pyleak]
  123        123       1      123         99  code that is gone
   32         20       1       32          5  parse_line+0x2c [pyleak]
 9499       6233       9     1055    7200000  total
'''
OLD = HEADER + f'''\
mem 100 90 1 10 gone_soon+0x1/0x2 [old]
mem 64 64 1 10 same+0x1/0x2
mem 64 64 1 10 shrinks+0x1/0x2
mem 64 64 1 10 shrinks+0x1/0x2
mem 16 16 1 10 grows+0x1/0x2
mem 50 50 1 10 moves+0x1/0x2
'''
NEW = HEADER + f'''\
mem 64 64 1 10 same+0x1/0x2
mem 64 64 1 10 shrinks+0x1/0x2
mem 1016 16 1 10 grows+0x1/0x2
mem 100 99 2 10 brand_new+0x1/0x2 [young]
mem 25 25 1 10 moves+0x1/0x2
mem 25 25 1 10 moves+0x1/0x2
'''
CHANGES = '''\
bytes  +/-bytes  blocks  +/-blocks  name
 1016     +1000       1         +0  grows+0x1
  100      +100       2         +2  brand_new+0x1 [young]
    0      -100       0         -1  gone_soon+0x1 [old]
   64       -64       1         -1  shrinks+0x1
   50        +0       2         +1  moves+0x1
 1294      +936       7         +1  total
'''
CHANGES_FOR_PEOPLE = '''\
  bytes  +/-bytes  blocks  +/-blocks  name
 1016 B   +1000 B       1         +0  grows+0x1
  100 B    +100 B       2         +2  brand_new+0x1 [young]
    0 B    -100 B       0         -1  gone_soon+0x1 [old]
   64 B     -64 B       1         -1  shrinks+0x1
   50 B      +0 B       2         +1  moves+0x1
1.3 KiB    +936 B       7         +1  total
'''
NOTHING = ('pytrace: nothing is traced (is tracing on? '
           'echo 1 > /sys/kernel/debug/pyalloc/trace/nframe)\n')
SVG = '{http://www.w3.org/2000/svg}'


def load():
    loader = importlib.machinery.SourceFileLoader('pytrace', str(PYTRACE))
    spec = importlib.util.spec_from_loader('pytrace', loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


sys.dont_write_bytecode = True
pytrace = load()


class Result:
    """What a run of pytrace came to."""

    def __init__(self, done):
        self.status = done.returncode
        self.raw = done.stdout
        self.out = done.stdout.decode(errors='replace')
        self.err = done.stderr.decode()
        self.lines = self.out.splitlines()


def run(*arguments, text='', **how):
    """Run pytrace with a snapshot, or any bytes, as its standard input."""
    if isinstance(text, str):
        text = text.encode()
    if 'stdin' not in how:
        how['input'] = text
    return Result(subprocess.run(
        [sys.executable, PYTRACE, *map(str, arguments)],
        capture_output=True, check=False, timeout=60, **how))


class Case(unittest.TestCase):
    """A test with a folder of its own."""

    maxDiff = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def save(self, name, text):
        file = self.folder / name
        if isinstance(text, str):
            text = text.encode()
        file.write_bytes(text)
        return file

    def good(self, *arguments, text=SNAPSHOT):
        done = run(*arguments, text=text)
        self.assertEqual((done.status, done.err), (0, ''), arguments)
        return done

    def bad(self, what, *arguments, status=1, **how):
        done = run(*arguments, **how)
        self.assertEqual(done.status, status, done.err)
        self.assertRegex(done.err, rf'\Apytrace: .*{what}.*\n\Z')
        self.assertEqual(done.out, '')
        return done

    def names(self, *arguments, text=SNAPSHOT):
        """The names in a table that was asked for with filters or so."""
        done = self.good('show', '--csv', '-', *arguments, text=text)
        return [row['name'] for row in csv.DictReader(done.lines)]


class Show(Case):
    def test_sites(self):
        self.assertEqual(self.good('show', '--bytes', '-').out, SITES)

    def test_for_people(self):
        self.assertEqual(self.good('show', '-', '--top', '2').out, '''\
  bytes  requested  blocks  average  oldest  name
8.0 KiB    4.9 KiB       1  8.0 KiB   50 ms  grow_buffer+0x2b [pyleak]
1.0 KiB     1000 B       4    256 B   2.0 h  kthread+0xe
9.3 KiB    6.1 KiB       9  1.0 KiB   2.0 h  total
''')

    def test_by_function(self):
        out = self.good('show', '-', '--bytes', '--by', 'function').out
        self.assertEqual(out, '''\
bytes  requested  blocks  average  oldest_ms  name
 8192       5000       1     8192         50  grow_buffer
 1024       1000       4      256    7200000  kthread
  160        110       3       53       1234  parse_line
  123        123       1      123         99  code that is gone
 9499       6233       9     1055    7200000  total
''')

    def test_by_module(self):
        out = self.good('show', '-', '--bytes', '--by', 'module').out
        self.assertEqual(out, '''\
bytes  requested  blocks  average  oldest_ms  name
 8352       5110       4     2088       1234  pyleak
 1024       1000       4      256    7200000  kernel
  123        123       1      123         99  gone
 9499       6233       9     1055    7200000  total
''')

    def test_by_trace(self):
        self.assertEqual(self.names('--by', 'trace'), [
            'grow_buffer+0x2b [pyleak]', 'kthread+0xe;ret_from_fork+0x1',
            'parse_line+0x1c [pyleak];do_work+0x33 [pyleak];'
            'process_one_work+0x174', GONE,
            'parse_line+0x2c [pyleak];do_work+0x33 [pyleak];'
            'process_one_work+0x174'])

    def test_sort(self):
        orders = {
            'bytes': 'grow kthr pars code', 'requested': 'grow kthr code pars',
            'blocks': 'kthr pars grow code', 'average': 'grow kthr code pars',
            'oldest': 'kthr pars code grow', 'name': 'code grow kthr pars',
        }
        for key, names in orders.items():
            shown = self.names('--sort', key, '--by', 'function')
            self.assertEqual([name[:4] for name in shown], names.split(), key)

    def test_equals_are_sorted_by_name(self):
        rows = ''.join(f'mem 8 8 1 1 {name}+0x1/0x2\n' for name in 'bdac')
        for key in 'bytes', 'requested', 'blocks', 'average', 'oldest':
            names = self.names('--sort', key, '--by', 'function',
                               text=HEADER + rows)
            self.assertEqual(names, list('abcd'))

    def test_top(self):
        out = self.good('show', '-', '--bytes', '--top', '1').lines
        self.assertEqual(len(out), 3)
        self.assertEqual(out[-1].split(), SITES.splitlines()[-1].split())
        self.assertEqual(len(self.names('--top', '3')), 3)
        self.assertEqual(len(self.names('--top', '99')), 5)

    def test_json(self):
        told = json.loads(self.good('show', '-', '--json', '--top', '1').out)
        self.assertEqual(told, {
            'version': 1, 'command': 'show', 'by': 'site',
            'groups': [{
                'bytes': 8192, 'requested': 5000, 'blocks': 1,
                'average': 8192, 'oldest_ms': 50,
                'name': 'grow_buffer+0x2b [pyleak]'}],
            'total': {'bytes': 9499, 'requested': 6233, 'blocks': 9,
                      'average': 1055, 'oldest_ms': 7200000}})

    def test_csv(self):
        text = HEADER + 'mem 8 8 1 1 a,b "c"+0x1/0x2\n'
        self.assertEqual(
            self.good('show', '-', '--csv', text=text).out,
            'bytes,requested,blocks,average,oldest_ms,name\n'
            '8,8,1,8,1,"a,b ""c""+0x1"\n')

    def test_builds_are_one_site(self):
        text = (HEADER + 'mem 8 8 1 1 f+0x1/0x2 [m 0123abcd]\n'
                'mem 8 8 1 1 f+0x1/0x2 [m 4567cdef]\n'
                'mem 8 8 1 1 f+0x1/0x2 [m]\n')
        self.assertEqual(self.good('show', '-', '--bytes', text=text).lines[1],
                         '   24         24       3        8          1  '
                         'f+0x1 [m]')

    def test_large_numbers(self):
        most = 2 ** 64 - 1
        row = f'mem {most} {most} {most} {most} f+0x1/0x2\n'
        out = self.good('show', '-', '--json', text=HEADER + row * 3).out
        self.assertEqual(json.loads(out)['total']['bytes'], 3 * most)
        self.good('show', '-', text=HEADER + row)
        self.good('flame', '--svg', '-', text=HEADER + row)

    def test_no_blocks(self):
        text = HEADER + 'mem 0 0 0 0 f+0x1/0x2\n'
        self.assertIn(' 0 B ', self.good('show', '-', text=text).out)
        self.assertEqual(self.good('flame', '-', text=text).out, '')
        self.assertIn('</svg>',
                      self.good('flame', '-', '--svg', text=text).out)


class Frames(Case):
    """What becomes of the kernel's words for a frame."""

    def test_frames(self):
        frames = {
            'f+0x1c/0x50 [m]': ('f+0x1c [m]', 'f', 'm'),
            'f+0x1c/0x50': ('f+0x1c', 'f', 'kernel'),
            'f+0x1c/0x50 [m 00ff]': ('f+0x1c [m]', 'f', 'm'),
            'f.isra.0+0x1/0x5 [m_n]': ('f.isra.0+0x1 [m_n]', 'f.isra.0',
                                       'm_n'),
            GONE: (GONE, GONE, 'gone'),
            '0xffffffff81000000': ('0xffffffff81000000',) * 2 + ('kernel',),
            'f [m]': ('f [m]', 'f', 'm'),
            # cut short for want of room
            'f+0x1c/0x50 [lon': ('f+0x1c [lon]', 'f', 'lon'),
            'f+0x1c/0x50 [': ('f+0x1c', 'f', 'kernel'),
            'f+0x1c/0x': ('f+0x1c', 'f', 'kernel'),
            'f+0x1c': ('f+0x1c', 'f', 'kernel'),
        }
        for text, frame in frames.items():
            self.assertEqual(tuple(pytrace.parse_frame(text)), frame, text)

    def test_odd_rows(self):
        def sites(text):
            return [frame.site for frame in pytrace.parse_frames(text)]

        self.assertEqual(sites(b';;a+0x1/0x2; ;b+0x1/0x2;'),
                         ['a+0x1', 'b+0x1'])
        self.assertEqual(sites(b';'), ['?'])
        self.assertEqual(sites('\xe9'.encode()), ['\\xc3\\xa9'])

    def test_spaces(self):
        text = HEADER + 'mem 8 8 1 1 a b+0x1/0x2 [m];code that is gone\n'
        self.assertEqual(self.names(text=text), ['a b+0x1 [m]'])


class Numbers(unittest.TestCase):
    def test_bytes(self):
        shown = {
            0: '0 B', 99: '99 B', 1023: '1023 B', 1024: '1.0 KiB',
            1280: '1.2 KiB', 102297: '99.9 KiB', 102399: '100 KiB',
            150000: '146 KiB', 1048575: '1.0 MiB', 1048576: '1.0 MiB',
            5 << 30: '5.0 GiB', 2000 << 30: '2000 GiB',
        }
        for count, text in shown.items():
            self.assertEqual(pytrace.human_bytes(count), text)

    def test_ages(self):
        shown = {0: '0 ms', 999: '999 ms', 1000: '1.0 s', 59900: '59.9 s',
                 59999: '1.0 m', 90000: '1.5 m', 7200000: '2.0 h',
                 86400000: '1.0 d', 200 * 86400000: '200 d'}
        for age, text in shown.items():
            self.assertEqual(pytrace.human_age(age), text)


class Compare(Case):
    def setUp(self):
        super().setUp()
        self.old = self.save('old', OLD)
        self.new = self.save('new', NEW)

    def compare(self, *arguments):
        return self.good('compare', self.old, self.new, *arguments).out

    def test_changes(self):
        self.assertEqual(self.compare('--bytes'), CHANGES)
        self.assertEqual(self.compare(), CHANGES_FOR_PEOPLE)

    def test_backwards(self):
        out = self.good('compare', self.new, self.old, '--bytes').out
        self.assertEqual(out, '''\
bytes  +/-bytes  blocks  +/-blocks  name
   16     -1000       1         +0  grows+0x1
  100      +100       1         +1  gone_soon+0x1 [old]
    0      -100       0         -2  brand_new+0x1 [young]
  128       +64       2         +1  shrinks+0x1
   50        +0       1         -1  moves+0x1
  358      -936       6         -1  total
''')

    def test_all(self):
        lines = CHANGES.splitlines(keepends=True)
        lines.insert(5, '   64        +0       1         +0  same+0x1\n')
        self.assertEqual(self.compare('--bytes', '--all'), ''.join(lines))

    def test_same(self):
        out = self.good('compare', self.old, self.old).lines
        self.assertEqual(len(out), 2)
        out = self.good('compare', self.old, self.old, '--all').lines
        self.assertEqual(len(out), 7)

    def test_equal_differences(self):
        """By bytes, then the difference in blocks, blocks, the name."""
        old = ['big 1000 5', 'd 20 1', 'c 20 1', 'b 20 2', 'a 20 1']
        new = ['big 1010 5', 'd 30 9', 'c 30 2', 'b 30 3', 'a 30 2',
               'e 10 1']
        for name, rows in ('old', old), ('new', new):
            self.save(name, HEADER + ''.join(
                'mem {1} 1 {2} 1 {0}+0x0/0x1\n'.format(*row.split())
                for row in rows))
        out = self.compare('--csv', '--by', 'function').splitlines()[1:]
        self.assertEqual(out, [
            '1010,10,5,0,big', '30,10,9,8,d', '30,10,3,1,b', '30,10,2,1,a',
            '30,10,2,1,c', '10,10,1,1,e'])

    def test_top(self):
        out = self.compare('--bytes', '--top', '1').splitlines()
        self.assertEqual([line.split() for line in out],
                         [CHANGES.splitlines()[i].split()
                          for i in (0, 1, -1)])

    def test_by_module(self):
        self.assertEqual(self.compare('--by', 'module', '--csv'), '''\
bytes,bytes_diff,blocks,blocks_diff,name
1194,936,5,0,kernel
100,100,2,2,young
0,-100,0,-1,old
''')

    def test_json(self):
        told = json.loads(self.compare('--json', '--module', 'young'))
        self.assertEqual(told, {
            'version': 1, 'command': 'compare', 'by': 'site',
            'groups': [{'bytes': 100, 'bytes_diff': 100, 'blocks': 2,
                        'blocks_diff': 2, 'name': 'brand_new+0x1 [young]'}],
            'total': {'bytes': 100, 'bytes_diff': 100, 'blocks': 2,
                      'blocks_diff': 2}})

    def test_filters_go_for_both(self):
        out = self.compare('--csv', '--function', 's*', '--function', '!same',
                           '--max-size', '64')
        self.assertEqual(out.splitlines()[1:], ['64,-64,1,-1,shrinks+0x1'])

    def test_stdin(self):
        for pair in ('-', self.new), (self.old, '-'):
            text = OLD if pair[0] == '-' else NEW
            done = self.good('compare', *pair, '--bytes', text=text)
            self.assertEqual(done.out, CHANGES)
        self.bad('read once', 'compare', '-', '-', status=2)

    def test_nothing_then_something(self):
        self.save('old', HEADER)
        out = self.compare('--csv', '--top', '1').splitlines()
        self.assertEqual(out[1], '1016,1016,1,1,grows+0x1')
        self.save('new', HEADER)
        done = run('compare', self.old, self.new)
        self.assertEqual((done.status, done.err), (0, NOTHING))


class FilterTest(Case):
    def functions(self, *arguments):
        return sorted(self.names('--by', 'function', *arguments))

    def test_module(self):
        self.assertEqual(self.functions('--module', 'py*'),
                         ['grow_buffer', 'parse_line'])
        self.assertEqual(self.functions('--module', 'pylea'), [])
        self.assertEqual(self.functions('--module', 'kernel'), ['kthread'])
        self.assertEqual(self.functions('--module', '!pyleak'),
                         [GONE, 'kthread'])
        self.assertEqual(
            self.functions('--module', 'kernel', '--module', 'gone'),
            [GONE, 'kthread'])

    def test_function(self):
        self.assertEqual(self.functions('--function', '*_*'),
                         ['grow_buffer', 'parse_line'])
        self.assertEqual(
            self.functions('--function', '*_*', '--function', '!grow*'),
            ['parse_line'])
        self.assertEqual(
            self.functions('--function', 'KTHREAD'), [])
        self.assertEqual(self.functions('--function', 'do_work'), [])
        self.assertEqual(self.functions('--function', 'grow*',
                                        '--module', 'kernel'), [])

    def test_all_frames(self):
        def among_all(*arguments):
            return self.functions('--all-frames', *arguments)

        self.assertEqual(among_all('--function', 'do_work'), ['parse_line'])
        self.assertEqual(among_all('--function', '!do_work'),
                         [GONE, 'grow_buffer', 'kthread'])
        self.assertEqual(among_all('--module', 'kernel'),
                         ['kthread', 'parse_line'])
        self.assertEqual(
            among_all('--module', 'pyleak', '--module', '!kernel'),
            ['grow_buffer'])

    def test_domain(self):
        for domain, name in (('raw', 'grow_buffer'), ('mem', 'parse_line'),
                             ('object', 'kthread'), ('17', GONE)):
            self.assertEqual(self.functions('--domain', domain), [name])
        self.assertEqual(self.functions('--domain', '18'), [])
        self.assertEqual(
            self.functions('--domain', 'raw', '--domain', '017'),
            [GONE, 'grow_buffer'])

    def test_size(self):
        """kthread's row stands for four blocks of 250 bytes."""
        self.assertEqual(self.functions('--min-size', '250'),
                         ['grow_buffer', 'kthread'])
        self.assertEqual(self.functions('--min-size', '251'), ['grow_buffer'])
        self.assertEqual(self.functions('--max-size', '250'),
                         [GONE, 'kthread', 'parse_line'])
        self.assertEqual(self.functions('--max-size', '249'),
                         [GONE, 'parse_line'])
        self.assertEqual(
            self.functions('--min-size', '100', '--max-size', '4K'),
            [GONE, 'kthread'])
        self.assertEqual(self.functions('--min-size', '5000'),
                         ['grow_buffer'])
        self.assertEqual(self.functions('--min-size', '1M'), [])
        self.assertEqual(len(self.functions('--max-size', '1G')), 4)

    def test_size_is_of_a_row(self):
        out = self.good('show', '-', '--bytes', '--max-size', '40',
                        '--by', 'function').lines[1]
        self.assertEqual(out.split()[:3], ['96', '60', '2'])

    def test_age(self):
        self.assertEqual(self.functions('--min-age', '2h'), ['kthread'])
        self.assertEqual(self.functions('--min-age', '121m'), [])
        self.assertEqual(self.functions('--min-age', '1'),
                         ['kthread', 'parse_line'])
        self.assertEqual(self.functions('--min-age', '1.234s'),
                         ['kthread', 'parse_line'])
        self.assertEqual(self.functions('--min-age', '1235ms'), ['kthread'])
        self.assertEqual(self.functions('--max-age', '98ms'),
                         ['grow_buffer', 'parse_line'])
        self.assertEqual(self.functions('--max-age', '99ms',
                                        '--min-age', '0.099'),
                         [GONE, 'parse_line'])
        self.assertEqual(len(self.functions('--max-age', '1d')), 4)

    def test_nothing_is_left(self):
        out = self.good('show', '-', '--module', 'none').lines
        self.assertEqual(len(out), 2)

    def test_every_command(self):
        chosen = '--domain', 'raw', '--module', 'pyleak', '--min-age', '50ms'
        self.assertEqual(self.good('take', '-', *chosen).out,
                         f'{HEADER}raw 8192 5000 1 50 {GROW}\n')
        self.assertEqual(self.good('flame', '-', *chosen).out,
                         'grow_buffer 8192\n')
        old = self.save('old', HEADER)
        self.assertEqual(
            self.good('compare', old, '-', '--csv', *chosen).lines[1:],
            ['8192,8192,1,1,grow_buffer+0x2b [pyleak]'])


class Flame(Case):
    def test_folded(self):
        self.assertEqual(self.good('flame', '-').out, f'''\
code that is gone 123
grow_buffer 8192
process_one_work;do_work;parse_line 160
ret_from_fork;kthread 1024
''')

    def test_sites(self):
        out = self.good('flame', '-', '--by', 'site', '--domain', 'mem').out
        self.assertEqual(out, '''\
process_one_work+0x174;do_work+0x33 [pyleak];parse_line+0x1c [pyleak] 128
process_one_work+0x174;do_work+0x33 [pyleak];parse_line+0x2c [pyleak] 32
''')

    def test_blocks(self):
        out = self.good('flame', '-', '--blocks').lines
        self.assertEqual([line.split()[-1] for line in out],
                         ['1', '1', '3', '4'])

    def test_against(self):
        old = self.save('old', OLD)
        out = self.good('flame', '-', '--against', old, text=NEW)
        self.assertEqual(out.out, 'brand_new 100\ngrows 1000\n')
        out = self.good('flame', '-', '--against', old, '--blocks', text=NEW)
        self.assertEqual(out.out, 'brand_new 2\nmoves 1\n')
        self.bad('read once', 'flame', '-', '--against', '-', status=2)

    def test_against_picture(self):
        old = self.save('old', OLD)
        out = self.good('flame', '-', '--svg', '--against', old, text=NEW)
        self.assertIn('that grew', out.out)
        self.assertEqual(boxes(out.out)['all'][2], 1200)
        self.assertEqual(set(boxes(out.out)), {'all', 'brand_new', 'grows'})


def boxes(text):
    """The boxes of a picture: by name, what its title says, x, width and y."""
    found = {}
    root = xml.etree.ElementTree.fromstring(text)
    for box in root.iter(f'{SVG}g'):
        rect = box.find(f'{SVG}rect')
        name, what = re.fullmatch(r'(.*) \((.*)\)',
                                  box.find(f'{SVG}title').text).groups()
        x, width, y = (float(rect.get(key)) for key in ('x', 'width', 'y'))
        found[name] = what, x, width, y
    return found


class Picture(Case):
    def picture(self, *arguments, text=SNAPSHOT):
        return self.good('flame', '--svg', '-', *arguments, text=text).out

    def test_titles(self):
        found = boxes(self.picture())
        self.assertEqual(found['all'][0], '9.3 KiB, 9499 bytes, 100.00%')
        self.assertEqual(found['parse_line'][0], '160 B, 160 bytes, 1.68%')
        found = boxes(self.picture('--blocks'))
        self.assertEqual(found['parse_line'][0], '3 blocks, 33.33%')

    def test_widths(self):
        found = boxes(self.picture())
        whole = found['all'][2]
        self.assertEqual(whole, 1200)
        first = ['code that is gone', 'grow_buffer', 'process_one_work',
                 'ret_from_fork']
        for name, size in zip(first, (123, 8192, 160, 1024)):
            self.assertAlmostEqual(found[name][2], whole * size / 9499,
                                   delta=0.011)
        self.assertAlmostEqual(sum(found[name][2] for name in first), whole,
                               places=4)
        for left, right in itertools.pairwise(first):
            self.assertAlmostEqual(found[left][1] + found[left][2],
                                   found[right][1], places=4)

    def test_depth(self):
        """Who is called stands upon its caller, and is no wider."""
        found = boxes(self.picture())
        stack = 'all', 'process_one_work', 'do_work', 'parse_line'
        for below, above in itertools.pairwise(stack):
            self.assertEqual(found[below][3] - found[above][3], pytrace.ROW)
            self.assertGreaterEqual(found[above][1], found[below][1])
            self.assertLessEqual(found[above][1] + found[above][2],
                                 found[below][1] + found[below][2] + 0.001)

    def test_all_is_inside(self):
        text = self.picture()
        root = xml.etree.ElementTree.fromstring(text)
        height = float(root.get('height'))
        for _, x, width, y in boxes(text).values():
            self.assertTrue(0 <= x <= x + width <= float(root.get('width')))
            self.assertTrue(0 <= y <= height - pytrace.ROW)

    def test_text_is_clipped(self):
        name = 'a_function_with_a_long_name'
        text = HEADER + (f'mem 1 1 1 1 {name}+0x0/0x1\n'
                         f'mem 11 11 1 1 b+0x0/0x1\n')
        root = xml.etree.ElementTree.fromstring(self.picture(text=text))
        inner = root.findall(f'{SVG}g/{SVG}svg')
        self.assertEqual(len(inner), 3)
        for label in inner:
            self.assertEqual(label.get('overflow'), 'hidden')
            told = label.find(f'{SVG}text').text
            self.assertLessEqual(len(told) * 7, float(label.get('width')))
        self.assertIn(f'{name[:10]}..', [label.find(f'{SVG}text').text
                                         for label in inner])

    def test_markup_in_names(self):
        name = '<b>&"\']]>'
        text = HEADER + f'mem 8 8 1 1 {name}+0x1/0x2\n'
        found = boxes(self.picture(text=text))
        self.assertIn(name, found)

    def test_needs_nothing_else(self):
        text = self.picture()
        self.assertNotIn('<script', text)
        self.assertNotIn('href', text)
        self.assertEqual(re.findall('https?://[^"]*', text),
                         ['http://www.w3.org/2000/svg'])

    def test_same_again(self):
        """Whatever the order of rows and the seed of Python's hashes."""
        header, *rows = SNAPSHOT.splitlines(keepends=True)
        text = header + ''.join(reversed(rows))
        pictures = {run('flame', '--svg', '-', text=text,
                        env={'PYTHONHASHSEED': str(seed)}).out
                    for seed, text in enumerate((SNAPSHOT, text, text))}
        self.assertEqual(len(pictures), 1)

    def test_nothing(self):
        done = run('flame', '--svg', '-', text=HEADER)
        self.assertEqual((done.status, done.err), (0, NOTHING))
        xml.etree.ElementTree.fromstring(done.out)

    def test_deep(self):
        frames = ';'.join(f'f{number}+0x0/0x1' for number in range(3000))
        text = HEADER + f'mem 8 8 1 1 {frames}\n'
        self.assertEqual(len(boxes(self.picture(text=text))), 3001)

    def test_many(self):
        """Random stacks: each level is as wide as what is above, or wider."""
        rng = random.Random(7)
        rows = ''.join(
            f'mem {rng.randrange(1, 999)} 1 1 1 ' + ';'.join(
                f'{rng.choice("abc")}{depth}+0x0/0x1'
                for depth in range(rng.randrange(3, 5), -1, -1)) + '\n'
            for _ in range(60))
        root = xml.etree.ElementTree.fromstring(
            self.picture(text=HEADER + rows))
        levels = {}
        for rect in root.findall(f'{SVG}g/{SVG}rect'):
            level = float(rect.get('y'))
            levels[level] = levels.get(level, 0) + float(rect.get('width'))
        widths = [levels[level] for level in sorted(levels)]
        self.assertEqual(widths[-1], 1200)
        # all stacks have four levels at least
        for width in widths[1:]:
            self.assertAlmostEqual(width, 1200, delta=1)
        self.assertLess(widths[0], 1190)


class Take(Case):
    def test_stdout(self):
        self.assertEqual(self.good('take', '-').out, SNAPSHOT)
        self.assertEqual(self.good('take', '-', '-o', '-').out, SNAPSHOT)

    def test_bytes_stay(self):
        text = HEADER.encode() + b'mem 1 1 1 1 \xff\xfe+0x1/0x2\n'
        self.assertEqual(run('take', '-', text=text).raw, text)

    def test_file(self):
        for option in '-o', '--output':
            file = self.folder / f'saved{option}'
            self.assertEqual(self.good('take', '-', option, file).out, '')
            self.assertEqual(file.read_text(), SNAPSHOT)
            self.assertEqual(self.good('show', file, '--bytes').out, SITES)

    def test_onto_itself(self):
        file = self.save('saved', SNAPSHOT)
        self.good('take', file, '-o', file, '--domain', 'mem')
        self.assertEqual(len(file.read_text().splitlines()), 4)

    def test_link(self):
        link = self.folder / 'link'
        link.symlink_to('target')
        self.good('take', '-', '-o', link)
        self.assertTrue(link.is_symlink())
        self.assertEqual((self.folder / 'target').read_text(), SNAPSHOT)

    def test_device(self):
        self.good('take', '-', '-o', '/dev/null')
        self.assertTrue(pathlib.Path('/dev/null').is_char_device())
        self.bad('No space left', 'take', '-', '-o', '/dev/full',
                 text=SNAPSHOT)

    def test_bad_input_changes_nothing(self):
        file = self.save('saved', 'precious')
        self.bad('cut short', 'take', '-', '-o', file, text=SNAPSHOT[:-1])
        self.bad('line 8', 'take', '-', '-o', file, text=SNAPSHOT + 'x\n')
        self.assertEqual(file.read_text(), 'precious')
        self.assertEqual(os.listdir(self.folder), ['saved'])

    def test_nowhere(self):
        self.bad('No such file', 'take', '-', '-o', self.folder / 'no/file',
                 text=SNAPSHOT)

    def test_killed(self):
        """By what timeout sends: it dies of it and leaves no half a file."""
        for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
            with self.start('-o', self.folder / 'saved') as process:
                process.stdin.write(SNAPSHOT.encode())
                process.stdin.flush()
                self.wait_for_part()
                self.assertEqual(self.kill(process, number), -number)
                process.stdin.close()
                self.assertEqual(process.stderr.read(), b'')
            self.assertEqual(os.listdir(self.folder), [])

    def start(self, *arguments):
        return subprocess.Popen(
            [sys.executable, PYTRACE, 'take', '-', *arguments],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE)

    def kill(self, process, number):
        """Once more, if it came just as the program began to wait for input,
        which Python then tells it at the next one only."""
        for _ in range(30):
            process.send_signal(number)
            try:
                return process.wait(1)
            except subprocess.TimeoutExpired:
                pass
        return None

    def wait_for_part(self):
        for _ in range(1000):
            if os.listdir(self.folder):
                return
            time.sleep(0.01)
        self.fail('it does not begin')


class Sources(Case):
    def test_file_and_stdin(self):
        file = self.save('a', SNAPSHOT)
        self.assertEqual(self.good('show', file, '--bytes').out, SITES)
        with open(file, 'rb') as stdin:
            self.assertEqual(run('show', '-', '--bytes', stdin=stdin).out,
                             SITES)

    def test_folders(self):
        (self.folder / 'trace').mkdir()
        self.save('trace/snapshot', SNAPSHOT)
        for folder in self.folder, self.folder / 'trace':
            self.assertEqual(self.good('show', folder, '--bytes').out, SITES)
        self.save('snapshot', HEADER)
        self.assertEqual(self.good('show', self.folder, '--bytes').out, SITES)

    def test_empty_folder(self):
        self.bad('no snapshot in this folder', 'show', self.folder)

    def test_no_file(self):
        self.bad('no such file', 'show', self.folder / 'none')
        self.bad('no such file', 'compare', self.save('a', OLD),
                 self.folder / 'none')
        self.bad('no such file', 'flame', '-', '--against',
                 self.folder / 'none', text=NEW)

    def test_closed_stdin(self):
        for command in 'take -', 'show -':
            done = shell(f'{command} <&-')
            self.assertEqual(done.status, 1)
            self.assertEqual(done.err, 'pytrace: standard input is closed\n')

    def test_slow_pipe(self):
        done = shell('show - --bytes', before='(head -n 2 {0}; sleep 0.2; '
                     'tail -n +3 {0}) |'.format(self.save('a', SNAPSHOT)))
        self.assertEqual(done.out, SITES)

    def test_broken_file(self):
        """A read that fails: of memory that is not there."""
        self.bad('Input/output error', 'show', '/proc/self/mem')

    def test_more_than_one_part(self):
        rows = ''.join(f'mem 64 40 1 {number} {PARSE}\n'
                       for number in range(30000))
        self.assertGreater(len(rows), 2 * pytrace.CHUNK)
        self.assertEqual(
            self.good('show', '-', '--csv', text=HEADER + rows).lines[1],
            '1920000,1200000,30000,64,29999,parse_line+0x1c [pyleak]')
        self.assertEqual(self.good('take', '-', text=HEADER + rows).out,
                         HEADER + rows)
        self.bad('line 30002 ', 'show', '-', text=HEADER + rows + 'x\n')


class Kernel(unittest.TestCase):
    """What is told of a debugfs that lacks something."""

    def told(self, error, mounted=False, loaded=False):
        said = io.StringIO()
        exists = os.path.exists

        def pretend(path):
            return loaded if path == pytrace.PYALLOC else exists(path)

        with (unittest.mock.patch('builtins.open', side_effect=error),
              unittest.mock.patch('os.path.ismount', return_value=mounted),
              unittest.mock.patch('os.path.exists', pretend),
              contextlib.redirect_stderr(said)):
            self.assertEqual(pytrace.main(['show']), 1)
        start, message = said.getvalue().split(': ', 1)
        self.assertEqual(start, 'pytrace')
        path, message = message.split(': ', 1)
        self.assertEqual(path, '/sys/kernel/debug/pyalloc/trace/snapshot')
        self.assertEqual(message.count('\n'), 1)
        return message

    def test_not_mounted(self):
        self.assertIn('debugfs is not mounted',
                      self.told(FileNotFoundError(2, 'No such file')))

    def test_not_loaded(self):
        self.assertIn('not loaded', self.told(
            FileNotFoundError(2, 'No such file'), mounted=True))

    def test_no_trace(self):
        self.assertIn('cannot trace', self.told(
            FileNotFoundError(2, 'No such'), mounted=True, loaded=True))

    def test_not_root(self):
        self.assertIn('permission denied (be root)',
                      self.told(PermissionError(13, 'Permission denied')))

    def test_no_memory(self):
        self.assertIn('Cannot allocate',
                      self.told(OSError(12, 'Cannot allocate memory')))

    def test_not_readable(self):
        """As somebody else, if that can be tried."""
        if os.geteuid():
            self.skipTest('not root')
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            file = pathlib.Path(folder, 'a')
            file.write_text(SNAPSHOT)
            file.chmod(0)
            # The script may lie where somebody else may not read it either.
            script = shutil.copy(PYTRACE, folder)
            done = subprocess.run(
                ['/usr/bin/env', 'python3', script, 'show', str(file)],
                capture_output=True, check=False, text=True, user=65534)
            if 'pytrace' not in done.stderr:
                self.skipTest('nobody has no Python')
            self.assertEqual(done.stderr,
                             f'pytrace: {file}: permission denied\n')
            self.assertEqual(done.returncode, 1)


class BadInput(Case):
    def every(self, what, text):
        """Each of the commands says so in one line."""
        self.bad(what, 'show', '-', text=text)
        self.bad(what, 'compare', '-', self.save('a', OLD), text=text)
        self.bad(what, 'flame', '-', '--svg', text=text)
        done = run('take', '-', text=text)
        self.assertEqual(done.status, 1)
        self.assertRegex(done.err, rf'\Apytrace: .*{what}.*\n\Z')

    def test_tracing_is_off(self):
        done = run('show', '-', text=HEADER)
        self.assertEqual((done.status, done.err), (0, NOTHING))
        self.assertEqual(len(done.lines), 2)
        done = run('show', '-', '--json', text=HEADER)
        self.assertEqual((done.status, done.err), (0, NOTHING))
        self.assertEqual(json.loads(done.out)['groups'], [])
        done = run('flame', '-', text=HEADER)
        self.assertEqual((done.status, done.err, done.out), (0, NOTHING, ''))
        done = run('take', '-', text=HEADER)
        self.assertEqual((done.status, done.err, done.out),
                         (0, NOTHING, HEADER))

    def test_empty(self):
        self.every('it is empty', '')

    def test_garbage(self):
        self.every('no line of names', 'hello\n')
        self.every('no line of names', SNAPSHOT.split('\n', 1)[1])
        self.every('no line of names', bytes(range(256)) * 99)
        self.every('no line of names', '\n' + SNAPSHOT)
        self.every('cut short', '#' * 9999)
        self.every('no column "domain"', '# some other file\n')
        self.every('line 2', HEADER.encode() + b'\x00\xff' * 99 + b'\n')
        self.every('cut short', HEADER.encode() + b'\xff' * 99)

    def test_truncated(self):
        self.every('cut short', HEADER[:-1])
        self.every('cut short', SNAPSHOT[:-1])
        self.every('cut short', SNAPSHOT[:-30])

    def test_lines_cut(self):
        for line in ('mem', 'mem 64 40 1', 'mem 64 40 1 99', '', ' ',
                     'mem 64 40 1 99 ', 'mem  64 40 1 99 f', '64 40 1 99 f'):
            text = f'{SNAPSHOT}{line}\nmem 64 40 1 9 f\n'
            with self.subTest(line):
                self.bad('line 8 ', 'show', '-', text=text)

    def test_numbers(self):
        for number in ('-1', '+1', '1_0', '0x10', '1.5', '', '9' * 21,
                       '9' * 5000, '\u0663', 'nan'):
            row = f'mem {number} 40 1 1 f+0x1/0x2\n'
            with self.subTest(number):
                self.bad('line 2 ', 'show', '-', text=HEADER + row)

    def test_controls(self):
        for code in (*range(9), *range(11, 32), 127):
            text = f'{SNAPSHOT}mem 64 40 1 9 f{chr(code)}[31m\n'
            with self.subTest(code):
                self.bad('line 8 ', 'show', '-', text=text)

    def test_endless_line(self):
        with open('/dev/zero', 'rb') as zero:
            self.bad('no line of names', 'show', '-', stdin=zero)
        text = HEADER + 'x' * (3 * pytrace.CHUNK)
        self.every('line without an end', text)

    def test_other_version(self):
        """Columns are found by name, wherever they are."""
        text = '# frames\n'
        self.every('no column "domain"', text)
        names = HEADER[1:].split()
        for name in names:
            rest = ' '.join(other for other in names if other != name)
            self.every(f'no column "{name}"', f'# {rest}\n')
            self.every(f'two columns "{name}"', f'{HEADER[:-1]} {name}\n')

    def test_columns_that_are_new(self):
        text = ('# age_ms cpu requested domain blocks bytes node frames\n'
                '1 x 40 mem 2 64 0,1 f+0x1/0x2 [m];code that is gone\n')
        self.assertEqual(self.good('show', '-', '--csv', text=text).lines[1],
                         '64,40,2,32,1,f+0x1 [m]')
        text = ('#domain bytes requested blocks age_ms frames cpu\n'
                'mem 64 40 2 1 code that is gone 3\n')
        self.assertEqual(self.good('show', '-', '--csv', text=text).lines[1],
                         f'64,40,2,32,1,{GONE}')
        self.assertEqual(
            self.good('take', '-', '--domain', 'mem', text=text).out, text)

    def test_new_domain(self):
        text = HEADER + 'percpu 64 40 1 1 f+0x1/0x2\n'
        self.assertEqual(self.names(text=text), ['f+0x1'])


def mutate(rng, data):
    """Spoil some bytes of a snapshot."""
    data = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        place = rng.randrange(len(data) + 1)
        how = rng.randrange(5)
        if how == 0:
            data[place:place + 1] = bytes([rng.randrange(256)])
        elif how == 1:
            del data[place:place + rng.randrange(20)]
        elif how == 2:
            data[place:place] = rng.choice(
                (b'\n', b' ', b';', b'[', b']', b'\0', b'+0x', b'#', b'9'))
        elif how == 3:
            data[place:place] = data[rng.randrange(len(data)):][:50]
        else:
            del data[max(place, 20):]
    return bytes(data)


class Mutations(Case):
    """Never a traceback."""

    RUNS = (
        ['show', '--by', 'trace'], ['show', '--json', '--min-size', '10'],
        ['show', '--csv', '--all-frames', '--function', '!p*'],
        ['flame'], ['flame', '--svg'], ['take', '--module', 'p*'],
        ['take', '--max-age', '1'], ['flame', '--by', 'site', '--blocks'],
    )

    def call(self, arguments):
        """As run() does, but without a process, of which there are many."""
        out = io.TextIOWrapper(io.BytesIO(), 'ascii')
        said = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said):
            status = pytrace.main(arguments)
        out.flush()
        self.assertIn(status, (0, 1))
        if status:
            self.assertRegex(said.getvalue(), r'\Apytrace: .*\n\Z')
        return status, out.buffer.getvalue().decode(
            errors='replace')

    def test_in_process(self):
        rng = random.Random(20240229)
        statuses = set()
        for turn in range(2000):
            data = mutate(rng, SNAPSHOT.encode())
            file = self.save('a', data)
            arguments = self.RUNS[turn % len(self.RUNS)]
            with self.subTest(data=data, arguments=arguments):
                status, out = self.call([*arguments, str(file)])
                if '--svg' in arguments and not status:
                    xml.etree.ElementTree.fromstring(out)
                if '--json' in arguments and not status:
                    json.loads(out)
            statuses.add(status)
        self.assertEqual(statuses, {0, 1})

    def test_pairs(self):
        rng = random.Random(5)
        for _ in range(300):
            old = self.save('old', mutate(rng, OLD.encode()))
            new = self.save('new', mutate(rng, NEW.encode()))
            self.call(['compare', str(old), str(new)])
            self.call(['flame', str(new), '--against', str(old)])

    def test_processes(self):
        rng = random.Random(3)
        for turn in range(40):
            data = mutate(rng, SNAPSHOT.encode())
            done = run(*self.RUNS[turn % len(self.RUNS)], '-', text=data)
            self.assertIn(done.status, (0, 1, 2), data)
            self.assertNotIn('Traceback', done.err, data)

    def test_random_bytes(self):
        rng = random.Random(4)
        for size in range(400):
            head = HEADER.encode() if size % 2 else b'# '
            file = self.save('a', head + rng.randbytes(size))
            self.call(['show', str(file)])

    def test_each_truncation(self):
        whole = SNAPSHOT.encode()
        for size in range(len(whole)):
            status, _ = self.call(['show', str(self.save('a', whole[:size]))])
            complete = whole[:size].endswith(b'\n')
            self.assertEqual(status, 0 if complete else 1, size)


class Arguments(Case):
    def test_wrong(self):
        for what, arguments in (
                ('COMMAND', []), ('invalid choice', ['shw']),
                ('unrecognized', ['show', '--nonsense']),
                ('unrecognized', ['show', '-', 'more']),
                ('unrecognized', ['show', '--mod', 'x']),
                ('invalid choice', ['show', '--by', 'line']),
                ('invalid choice', ['show', '--sort', 'count']),
                ('invalid choice', ['flame', '--by', 'module']),
                ('not a number above 0', ['show', '--top', '0']),
                ('not a number above 0', ['show', '--top', '-3']),
                ('not a number above 0', ['show', '--top', 'x']),
                ('not allowed with', ['show', '--json', '--csv']),
                ('required', ['compare']), ('required', ['compare', 'a']),
                ('not raw, mem', ['show', '--domain', 'memory']),
                ('not a size', ['show', '--min-size', '1T']),
                ('not a size', ['show', '--max-size', '-1']),
                ('not a size', ['show', '--max-size', '']),
                ('not an age', ['show', '--min-age', '5 s']),
                ('not an age', ['take', '--max-age', 'old']),
                ('empty GLOB', ['show', '--module', '']),
                ('empty GLOB', ['flame', '--function', '!']),
                ('expected one argument', ['take', '-o']),
                ('a b', ['show', '--a\nb'])):
            with self.subTest(arguments=arguments):
                self.bad(what, *arguments, status=2)

    def test_odd_globs(self):
        for glob in '[', '[!', '[z-a]', '*' * 50 + 'x', '(', '\\', '!!', '?':
            self.good('show', '-', f'--module={glob}')

    def test_help(self):
        for command in COMMANDS:
            done = self.good(command, '--help')
            self.assertIn(f'example: pytrace {command} ', done.out)
            self.assertEqual(done.out, self.good(command, '-h').out)
        done = self.good('--help')
        self.assertIn('example: pytrace show', done.out)
        for command in COMMANDS:
            self.assertRegex(done.out, rf'\n +{command} ')

    def test_version(self):
        """It is that of the module in the same tree."""
        top = pathlib.Path(__file__).parent.parent
        header = top / 'include/linux/pyalloc.h'
        release = re.search(r'PYALLOC_VERSION\s+"(.*)"', header.read_text())
        self.assertEqual(self.good('--version').out,
                         f'pytrace {release[1]}\n')

    def test_examples_work(self):
        """What --help and the man page show are good command lines."""
        examples = re.findall('^example: (pytrace .*)$', ''.join(
            self.good(command, '--help').out for command in COMMANDS), re.M)
        examples += man_examples()
        self.assertGreaterEqual(len(examples), 8)
        (self.folder / 'trace').mkdir()
        self.save('trace/snapshot', SNAPSHOT)
        for name in 'before', 'after':
            self.save(name, SNAPSHOT)
        for example in examples:
            example = example.replace('/sys/kernel/debug/pyalloc', '.')
            words = example.removeprefix('pytrace ')
            # all of them but compare read debugfs
            if words.startswith('compare'):
                done = shell(words, cwd=self.folder)
            else:
                command, rest = words.split(' ', 1)
                done = shell(f'{command} . {rest}', cwd=self.folder)
            self.assertEqual((done.status, done.err), (0, ''), example)
        self.assertIn('<svg', (self.folder / 'grew.svg').read_text())


def shell(words, before='', after='', **how):
    """Run pytrace by way of bash; the status is that of pytrace."""
    script = (f'{before} {sys.executable} {PYTRACE} {words} {after}\n'
              f'exit ${{PIPESTATUS[{1 if before else 0}]}}')
    return Result(subprocess.run(['bash', '-c', script], check=False,
                                 capture_output=True, timeout=60, **how))


class Output(Case):
    def setUp(self):
        super().setUp()
        rows = ''.join(f'mem {number} 1 1 1 f{number}+0x1/0x2\n'
                       for number in range(1, 20001))
        self.many = self.save('many', HEADER + rows)

    def test_closed_pipe(self):
        for words in (f'show {self.many}', f'show --json {self.many}',
                      f'show --csv {self.many}', f'take {self.many}',
                      f'flame {self.many}', f'flame --svg {self.many}',
                      f'compare {self.many} {self.save("a", OLD)}'):
            with self.subTest(words):
                done = shell(words, after='| head -n 1')
                self.assertEqual(done.err, '')
                self.assertEqual(done.status, 128 + signal.SIGPIPE)
                self.assertEqual(len(done.lines), 1)

    def test_small_output_to_a_closed_pipe(self):
        done = shell(f'show {self.save("a", OLD)}', after='| true')
        self.assertEqual(done.err, '')
        self.assertIn(done.status, (0, 128 + signal.SIGPIPE))

    def test_closed_pipe_in_vain(self):
        """Even if who started it ignores SIGPIPE."""
        done = Result(subprocess.run(
            ['bash', '-c', f"trap '' PIPE; {sys.executable} {PYTRACE} show "
             f'{self.many} | head -n 1; exit $PIPESTATUS'],
            capture_output=True, check=False))
        self.assertEqual((done.status, done.err), (141, ''))

    def test_full(self):
        for words, buffered in itertools.product(
                (f'show {self.many}', f'take {self.many}', '--help'), '01'):
            done = shell(words, after='> /dev/full',
                         env={**os.environ, 'PYTHONUNBUFFERED':
                              buffered.strip('0')})
            self.assertEqual(
                (done.status, done.err),
                (1, 'pytrace: standard output: No space left on device\n'))

    def test_closed(self):
        done = shell(f'show {self.many}', after='>&-')
        self.assertEqual((done.status, done.err),
                         (1, 'pytrace: standard output is closed\n'))
        done = shell('show /none', after='2>&-')
        self.assertEqual((done.status, done.out, done.err), (1, '', ''))

    def test_timeout(self):
        done = shell(f'show {self.many} --top 1', before='true | timeout 30')
        self.assertEqual(done.status, 0)
        self.assertEqual(len(done.lines), 3)

    def test_plain(self):
        """No colours, not even on a terminal; and no locale is needed."""
        for words in ('show', 'flame'):
            done = run(words, self.many, env={'LC_ALL': 'C',
                                              'FORCE_COLOR': '1'})
            self.assertEqual((done.status, done.err), (0, ''))
            self.assertNotIn('\x1b', done.out)
        odd = self.save('odd', HEADER + 'mem 1 1 1 1 \xe9+0x0/0x1\n')
        done = run('show', odd, env={'LC_ALL': 'C', 'PYTHONUTF8': '0',
                                     'PYTHONCOERCECLOCALE': '0'})
        self.assertEqual((done.status, done.err), (0, ''))

    def test_executable(self):
        self.assertTrue(os.access(PYTRACE, os.X_OK))
        first, second, *_ = PYTRACE.read_text().splitlines()
        self.assertEqual(first, '#!/usr/bin/env python3')
        self.assertEqual(second, '# SPDX-License-Identifier: GPL-2.0')


class Large(Case):
    """Quick, and with little memory.  The limits are loose: of a slow box."""

    def test_large(self):
        rng = random.Random(1)
        stacks = [';'.join(f'f{rng.randrange(500)}+0x1/0x2 [m]'
                           for _ in range(8)) for _ in range(1000)]
        rows = 200000
        with open(self.folder / 'large', 'w', encoding='ascii') as file:
            file.write(HEADER)
            file.writelines(f'mem 64 40 1 {number} {rng.choice(stacks)}\n'
                            for number in range(rows))
        start = time.monotonic()
        out = self.good('show', self.folder / 'large', '--csv',
                        '--by', 'module').lines[1]
        self.assertLess(time.monotonic() - start, 20)
        self.assertEqual(out, f'{64 * rows},{40 * rows},{rows},64,'
                         f'{rows - 1},m')
        self.assertLess(self.peak('large'), self.peak('few') + 24 * 1024)

    def peak(self, name):
        """The KiB that a run takes at most."""
        if name == 'few':
            self.save(name, SNAPSHOT)
        code = ('import resource, subprocess, sys\n'
                'subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)\n'
                'print(resource.getrusage(resource.RUSAGE_CHILDREN)'
                '.ru_maxrss)')
        return int(subprocess.check_output(
            [sys.executable, '-c', code, sys.executable, PYTRACE, 'show',
             self.folder / name]))


# === The man page ===

def man_lines():
    return MAN.read_text().splitlines()


def man_examples():
    text = MAN.read_text().split('.SH EXAMPLES')[1]
    lines = text.split('.EX\n')[1].split('.EE')[0].splitlines()
    return [line.replace('\\(aq', "'").replace('\\-', '-') for line in lines]


def plain(line):
    """A line of roff without what is only for its looks."""
    line = re.sub(r'^\.(BI|B|BR) ', '', line)
    line = re.sub(r'\\f[BIRP]', '', line).replace('\\-', '-')
    return line.replace('"', '')


def man_options():
    """The options of each section: of commands, and of filters."""
    options = {}
    section = None
    previous = ''
    for line in man_lines():
        if line.startswith(('.SH', '.SS')):
            section = options.setdefault(line[4:], [])
        elif previous in ('.TP', '.TQ'):
            section.append(' '.join(plain(line).split()))
        previous = line
    return options


def help_options(command):
    """The options of a command as --help lists them, but -h."""
    text = run(command, '--help', env={'COLUMNS': '200'}).out
    found = re.findall(r'^  (-.*?)(?:  .*)?$', text, re.MULTILINE)
    return [option for option in found if option != '-h, --help']


class Man(unittest.TestCase):
    def test_options(self):
        options = man_options()
        for command in COMMANDS:
            self.assertEqual(
                sorted(help_options(command)),
                sorted(options[command] + options['FILTERS']), command)

    def test_order(self):
        options = man_options()
        for command in COMMANDS:
            self.assertEqual(help_options(command),
                             options[command] + options['FILTERS'])

    def test_defaults(self):
        text = MAN.read_text()
        for path in pytrace.SNAPSHOT, f'{pytrace.PYALLOC}/trace/nframe':
            self.assertIn(path, text)

    def test_roff(self):
        for command in (['groff', '-man', '-ww', '-Tutf8'],
                        ['man', '--warnings', '-l']):
            if not shutil.which(command[0]):
                continue
            done = subprocess.run([*command, MAN], capture_output=True,
                                  check=False, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ''))
            self.assertIn('compare', done.stdout)


class Style(unittest.TestCase):
    def test_lines(self):
        for file in PYTRACE, MAN, pathlib.Path(__file__):
            for number, line in enumerate(file.read_text().splitlines(), 1):
                self.assertLess(len(line), 80, f'{file}:{number}')
                self.assertEqual(line, line.rstrip(), f'{file}:{number}')


def main():
    # Started in the background, it would hand on that SIGINT is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    program = unittest.main(exit=False, verbosity=0, argv=[
        sys.argv[0], *sys.argv[1:]])
    result = program.result
    # A test of which several parts fail has failed once.
    failed = len({test.id().split(' ')[0] for test, _ in (
        *result.failures, *result.errors)} |
                 {test.id() for test in result.unexpectedSuccesses})
    passed = result.testsRun - failed - len(result.skipped)
    sys.stderr.flush()
    print(f'{passed} passed, {failed} failed')
    return failed > 0 or not passed


if __name__ == '__main__':
    sys.exit(main())
