#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""pyallocmap_test.py [UNITTEST-ARGUMENTS]: do the pictures show what their
input says, and does pyallocmap stay calm about everything else?

Runs anywhere, without pyalloc; needs python3-matplotlib.  What testdata/arenas
has is from scripts/pictures.sh.  The last line is `N passed, N failed`.
"""

import collections
import contextlib
import importlib.machinery
import importlib.util
import io
import itertools
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = HERE / 'pyallocmap'
MAN = HERE / 'pyallocmap.1'
HEADER = HERE.parent / 'include/linux/pyalloc.h'
REAL = HERE / 'testdata/arenas'
VERBS = 'map', 'series'
SVG = '{http://www.w3.org/2000/svg}'
# A pixel of CSS in the units of matplotlib's SVG.
POINT = 0.75

COLUMNS = '# id source node kib pools free_pools blocks bytes map\n'
# Arena 3 is held by few, 4 by many, 5 by none; 7 has all there can be.
ARENAS = COLUMNS + '''\
3 pages 0 16 1 3 2 128 .0..
4 pages 0 32 8 0 900 29000 95939909
5 vmalloc 0 16 0 4 0 0 ....
6 client 1 8 1 1 1 64 .-0-
7 pages 0 56 11 2 300 20000 0123456789.-!.-!
9 pages 0 4 1 0 1 8 -0--
'''
FEW = [(9, 4, 1), (3, 16, 2), (6, 8, 1)]
HEAPS = '''\
# name blocks cached_blocks held_bytes
default 1000 204 1
'''
VERSION = '# api tables release\n2 1 0.8.0\n'
SERIES_HEADER = 'time,name,bytes,held_bytes,raw_bytes,arena_bytes\n'
SERIES = SERIES_HEADER + '''\
1000.000,default,0,0,0,0
1000.000,jool,100000,400000,0,400000
1001.500,default,300000,1000000,0,1000000
1001.500,jool,100000,200000,0,200000
1003.000,default,100000,500000,0,500000
1003.000,jool,0,0,0,0
'''


def load():
    loader = importlib.machinery.SourceFileLoader('pyallocmap', str(PROGRAM))
    spec = importlib.util.spec_from_loader('pyallocmap', loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


sys.dont_write_bytecode = True
pyallocmap = load()


class Result:
    """What a run came to."""

    def __init__(self, status, out, err):
        self.status = status
        self.raw = out
        self.out = out.decode(errors='replace')
        self.err = err


def run(*arguments, stdin=b'', **how):
    """Run it as a program."""
    if 'stdout' not in how:
        how['stdout'] = subprocess.PIPE
    done = subprocess.run(
        [sys.executable, '-B', PROGRAM, *map(str, arguments)], input=stdin,
        stderr=subprocess.PIPE, check=False, timeout=120, **how)
    return Result(done.returncode, done.stdout or b'', done.stderr.decode())


def call(*arguments, stdin=b''):
    """Call its main(), which takes a tenth of the time."""
    out, err = io.TextIOWrapper(io.BytesIO()), io.StringIO()
    given = io.TextIOWrapper(io.BytesIO(stdin))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), \
            unittest.mock.patch('sys.stdin', given):
        try:
            status = pyallocmap.main([*map(str, arguments)])
        except SystemExit as end:
            status = end.code or 0
        out.flush()
    return Result(status, out.buffer.getvalue(), err.getvalue())


class Picture:
    """An SVG: its shapes, its texts, its size in pixels."""

    def __init__(self, data):
        self.root = xml.etree.ElementTree.fromstring(data)
        self.width = self.pixels(self.root.get('width'))
        self.height = self.pixels(self.root.get('height'))
        self.groups = collections.defaultdict(list)
        for group in self.root.iter(f'{SVG}g'):
            if group.get('id'):
                self.groups[group.get('id')].append(group)

    @staticmethod
    def pixels(text):
        return float(text.removesuffix('pt')) / POINT

    def lines(self, gid):
        """The polygons and lines of a shape, as lists of points in pixels."""
        lines = []
        for group in self.groups.get(gid, ()):
            for path in group.iter(f'{SVG}path'):
                for part in path.get('d').split('M')[1:]:
                    numbers = [float(word) / POINT for word in
                               re.findall(r'-?[\d.]+', part)]
                    lines.append(list(zip(numbers[::2], numbers[1::2])))
        return lines

    def boxes(self, gid):
        """Left, top, right and bottom of each."""
        return [(min(x for x, _ in line), min(y for _, y in line),
                 max(x for x, _ in line), max(y for _, y in line))
                for line in self.lines(gid)]

    def text(self, gid):
        return ' '.join(''.join(group.itertext()).strip()
                        for group in self.groups[gid])

    def all_text(self):
        return ' '.join(''.join(text.itertext()).strip()
                        for text in self.root.iter(f'{SVG}text'))

    def labels(self, heap='default'):
        """The arenas that have labels, in order, and their numbers."""
        return [(int(gid.split(':')[2]), int(self.text(gid)))
                for gid in self.groups if gid.startswith(f'{heap}:label:')]

    def pages(self, heap='default'):
        """How many squares there are of each state."""
        prefix = f'{heap}:page:'
        return {gid.removeprefix(prefix): len(self.lines(gid))
                for gid in self.groups if gid.startswith(prefix)}

    def arenas(self, heap='default'):
        prefix = f'{heap}:arena:'
        return {gid.removeprefix(prefix): len(self.lines(gid))
                for gid in self.groups if gid.startswith(prefix)}


STATES = {'.': 'free', '-': 'gone', '!': 'condemned'}


def states_of(table):
    """How many pages of each state a table has."""
    maps = ''.join(line.split()[-1] for line in table.splitlines()[1:])
    return {STATES.get(state, state): count
            for state, count in collections.Counter(maps).items()}


def made_up(count, sizes, seed):
    """A table of many arenas of some sizes in pages."""
    rng = random.Random(seed)
    rows = []
    for number in range(1, count + 1):
        share = rng.choice((0, 0.05, 0.5, 0.95, rng.random()))
        pages = ''.join(
            rng.choice('0123456789') if rng.random() < share else
            rng.choice('....-!') for _ in range(rng.choice(sizes)))
        pools = sum(map(str.isdigit, pages))
        blocks = pools * rng.choice((1, 40))
        rows.append(f'{number} pages 0 {4 * (len(pages) - pages.count("-"))} '
                    f'{pools} {pages.count(".")} {blocks} {blocks * 64} '
                    f'{pages}\n')
    return COLUMNS + ''.join(rows)


class Case(unittest.TestCase):
    """A test with a folder of its own."""

    maxDiff = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def save(self, name, text):
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def heaps(self, **tables):
        """A copy of debugfs' folder with such heaps."""
        home = self.folder / 'copy'
        for name, table in tables.items():
            self.save(f'copy/heap/{name}/arenas', table)
        return home

    def good(self, *arguments, stdin=b''):
        done = call(*arguments, stdin=stdin)
        self.assertEqual((done.status, done.err), (0, ''), arguments)
        return done

    def picture(self, *arguments, stdin=b''):
        return Picture(self.good(*arguments, '-o', '-', stdin=stdin).raw)

    def map(self, *arguments, **tables):
        tables = tables or {'default': ARENAS}
        return self.picture('map', '--from', self.heaps(**tables), *arguments)

    def series(self, *arguments, text=SERIES):
        return self.picture('series', '-', *arguments, stdin=text.encode())

    def bad(self, what, *arguments, status=1, stdin=b''):
        done = call(*arguments, '-o', self.folder / 'none.svg', stdin=stdin)
        self.assertEqual(done.status, status, (arguments, done.err))
        self.assertRegex(done.err, rf'\Apyallocmap: .*{what}.*\n\Z')
        self.assertFalse((self.folder / 'none.svg').exists())


class Map(Case):
    def test_every_page_is_there(self):
        self.assertEqual(self.map().pages(), states_of(ARENAS))

    def test_every_arena_is_in_its_band(self):
        self.assertEqual(self.map().arenas(),
                         {'few': 3, 'rest': 2, 'empty': 1})

    def test_few_are_called_out(self):
        text = self.map().text('default:title:few')
        self.assertEqual(text, '3 arenas, 28 KiB, are held by 4 blocks')

    def test_the_others_are_told(self):
        shown = self.map()
        self.assertEqual(shown.text('default:title:rest'),
                         '2 arenas, 88 KiB, are held by 1200 blocks')
        self.assertEqual(shown.text('default:title:empty'),
                         '1 arena, 16 KiB, is held by no block')

    def test_one(self):
        shown = self.map(default=COLUMNS + '1 pages 0 16 1 3 1 64 ..0.\n')
        self.assertEqual(shown.text('default:title:few'),
                         '1 arena, 16 KiB, is held by 1 block')

    def test_totals(self):
        self.heaps(default=ARENAS)
        self.save('copy/heaps', HEAPS)
        shown = self.map()
        self.assertEqual(shown.text('default:title'),
                         'heap default: 132 KiB in 6 arenas')
        self.assertIn(
            '36 % of it, 48.0 KiB, is in 1204 blocks out of the pools: '
            '1000 with clients, 204 in fronts; 28 KiB went back; '
            '2 pages condemned', shown.all_text())

    def test_labels_by_what_a_block_holds(self):
        """The most KiB a block first, and below each how many blocks."""
        order = sorted(FEW, key=lambda row: (-row[1] / row[2], -row[1]))
        self.assertEqual(self.map().labels(),
                         [(number, blocks) for number, _, blocks in order])

    def test_few_option(self):
        shown = self.map('--few', '512')
        self.assertEqual(shown.arenas(), {'few': 5, 'empty': 1})
        self.assertIn('at most 512 blocks a page', shown.all_text())

    def test_none_is_held_by_few(self):
        shown = self.map(default=COLUMNS + '1 pages 0 16 4 0 99 9999 9999\n')
        self.assertEqual(shown.text('default:title:few'),
                         'No arena is held by one block a page or less.')

    def test_condemned(self):
        """No block is out, and yet the arena does not go back."""
        table = (COLUMNS + '1 pages 0 16 0 3 0 0 .!..\n'
                 '2 pages 0 16 0 4 0 0 ....\n3 pages 0 16 1 2 1 8 0!..\n')
        shown = self.map(default=table)
        self.assertEqual(shown.arenas(),
                         {'few': 1, 'condemned': 1, 'empty': 1})
        self.assertEqual(shown.text('default:title:condemned'), '1 arena, '
                         '16 KiB, is held by condemned pools alone')

    def test_tile_shows_its_arena(self):
        """A page is where it is in the map: down, then right."""
        shown = self.map(default=COLUMNS + '1 pages 0 16 2 2 9 9 .0.9\n')
        left, top, right, bottom = shown.boxes('default:arena:rest')[0]
        middle = (left + right) / 2, (top + bottom) / 2
        low, full = (shown.boxes(f'default:page:{state}')[0]
                     for state in '09')
        self.assertTrue(low[2] <= middle[0] + 1 and low[1] >= middle[1] - 1)
        self.assertTrue(full[0] >= middle[0] - 1 and full[1] >= middle[1] - 1)

    def test_real(self):
        for moment in 'peak', 'end':
            shown = self.picture('map', '--from', REAL / moment)
            table = (REAL / moment / 'heap/default/arenas').read_text()
            self.assertEqual(shown.pages(), states_of(table))
            self.assertEqual(sum(shown.arenas().values()),
                             len(table.splitlines()) - 1)

    def test_real_few(self):
        """What is called out, worked out anew from the table."""
        table = (REAL / 'end/heap/default/arenas').read_text()
        rows = [line.split() for line in table.splitlines()[1:]]
        few = [(int(row[3]), int(row[6])) for row in rows
               if 0 < int(row[6]) <= int(row[3]) / 4]
        shown = self.picture('map', '--from', REAL / 'end')
        self.assertGreater(len(few), 9)
        self.assertEqual(len(shown.labels()), len(few))
        self.assertEqual(sum(blocks for _, blocks in shown.labels()),
                         sum(blocks for _, blocks in few))
        self.assertRegex(shown.text('default:title:few'),
                         rf'\A{len(few)} arenas, .* are held by '
                         rf'{sum(blocks for _, blocks in few)} blocks\Z')

    def test_legend_has_what_is_shown(self):
        text = self.map().all_text()
        for words in 'went back to the kernel', 'condemned pool', 'free page':
            self.assertIn(words, text)
        plain = self.map(default=COLUMNS + '1 pages 0 16 4 0 9 99 9999\n')
        self.assertNotIn('condemned pool', plain.all_text())

    def test_more_columns(self):
        table = ''.join(f'{line} more\n' for line in ARENAS.splitlines())
        self.assertEqual(self.map(default=table).pages(), states_of(ARENAS))

    def test_columns_by_name(self):
        lines = [line.removeprefix('# ').split()[::-1]
                 for line in ARENAS.splitlines()]
        lines[0].insert(0, '#')
        table = ''.join(f'{" ".join(line)}\n' for line in lines)
        self.assertEqual(self.map(default=table).labels(), self.map().labels())


class Heaps(Case):
    def setUp(self):
        super().setUp()
        big = made_up(5, (16,), 2)
        self.tables = {'default': ARENAS, 'big': big, 'none': COLUMNS,
                       'ty.5': COLUMNS + '1 pages 0 16 1 3 1 64 ..0.\n'}

    def shown(self, *arguments):
        picture = self.map(*arguments, **self.tables)
        return [gid.split(':')[0] for gid in picture.groups
                if gid.endswith(':title')], picture

    def test_all_by_size(self):
        names, picture = self.shown()
        self.assertEqual(names, ['big', 'default', 'ty.5'])
        self.assertEqual(picture.pages('ty.5'), {'0': 1, 'free': 3})
        self.assertEqual(picture.pages(), states_of(ARENAS))

    def test_heap(self):
        self.assertEqual(self.shown('--heap', 'default')[0], ['default'])
        self.assertEqual(self.shown('--heap=ty.5', '--heap=big')[0],
                         ['ty.5', 'big'])
        self.assertEqual(self.shown('--heap=big', '--heap=big')[0], ['big'])
        self.assertEqual(self.shown('--heap=none')[0], ['none'])

    def test_top(self):
        names, picture = self.shown('--top', '1')
        self.assertEqual(names, ['big'])
        self.assertEqual(picture.text('left-out'),
                         'Not shown: 2 smaller heaps with 148 KiB.')

    def test_unknown(self):
        self.bad("there is no heap 'x'; there are: big, default, none, ty.5",
                 'map', '--from', self.heaps(**self.tables), '--heap', 'x')

    def test_nothing(self):
        self.assertEqual(self.map(none=COLUMNS).text('none'),
                         'No heap has an arena.')

    def test_heap_that_goes(self):
        """Between the list of heaps and its turn."""
        home = self.heaps(**self.tables)
        listed = ['big', 'gone', 'ty.5']
        with unittest.mock.patch('os.listdir', return_value=listed):
            heaps = pyallocmap.read_heaps(str(home), [])
        self.assertEqual([heap.name for heap in heaps], ['big', 'ty.5'])
        (home / 'heap/big/arenas').unlink()
        self.bad('big/arenas: no such file', 'map', '--from', home)

    def test_one_file(self):
        file = self.save('arenas', ARENAS)
        shown = self.picture('map', '--from', file)
        self.assertEqual(shown.pages('arenas'), states_of(ARENAS))
        shown = self.picture('map', '--from', '-', '--heap', 'mine',
                             stdin=ARENAS.encode())
        self.assertEqual(shown.pages('mine'), states_of(ARENAS))
        self.bad('only one heap', 'map', '--from', file, '--heap=a',
                 '--heap=b', status=2)


class Layout(Case):
    """Whatever there is, it is in the picture, and nothing covers another."""

    def check(self, picture, width):
        tiles = []
        for gid in picture.groups:
            boxes = picture.boxes(gid) if ':arena:' in gid else []
            tiles += boxes
        self.assertGreater(len(tiles), 0)
        for left, top, right, bottom in tiles:
            self.assertTrue(0 < left < right < width)
            self.assertTrue(0 < top < bottom < picture.height)
        # By rows of pixels: who begins last must begin behind all before.
        for one, other in self.neighbours(tiles):
            self.assertTrue(one[2] <= other[0] or other[2] <= one[0] or
                            one[3] <= other[1] or other[3] <= one[1],
                            (one, other))

    @staticmethod
    def neighbours(tiles):
        cells = collections.defaultdict(list)
        for tile in tiles:
            for x in range(int(tile[0] // 64), int(tile[2] // 64) + 1):
                for y in range(int(tile[1] // 64), int(tile[3] // 64) + 1):
                    cells[x, y].append(tile)
        for cell in cells.values():
            yield from itertools.combinations(cell, 2)

    def texts_fit(self, table, width):
        heap = pyallocmap.Heap('default', pyallocmap.read_arenas(
            self.save('arenas', table)), 10, 20)
        args = unittest.mock.Mock(few=1, width=width, title=None)
        figure = pyallocmap.draw_map([heap], [], args)
        for text in figure.axes[0].texts:
            measured = pyallocmap.text_width(
                text.get_text(), text.get_fontsize() / POINT,
                text.get_fontweight())
            self.assertLessEqual(text.get_position()[0] + measured, width)

    def test_sizes(self):
        for count, sizes in ((1, (4,)), (1, (256,)), (30, (4, 8)),
                             (40, (4, 64, 256)), (300, (4, 8, 12)),
                             (3, (1, 2, 3, 5, 7))):
            table = made_up(count, sizes, count)
            for width in 320, 800:
                with self.subTest(count=count, sizes=sizes, width=width):
                    picture = self.map('--width', width, default=table)
                    self.assertAlmostEqual(picture.width, width, 2)
                    self.check(picture, width)
                    self.assertEqual(picture.pages(), states_of(table))

    def test_two_thousand(self):
        table = made_up(2000, (4, 4, 8), 7)
        picture = self.map(default=table)
        self.check(picture, 800)
        self.assertEqual(picture.pages(), states_of(table))
        self.assertLess(picture.height, 1600)

    def test_two_thousand_large(self):
        """There a square is many pages, and the file has an end."""
        table = made_up(2000, (256, 128), 8)
        done = self.good('map', '--from', self.heaps(default=table), '-o', '-')
        picture = Picture(done.raw)
        self.check(picture, 800)
        self.assertEqual(sum(picture.arenas().values()), 2000)
        self.assertLess(len(done.raw), 4 << 20)
        self.assertLess(picture.height, 1600)

    def test_many_that_few_hold(self):
        rows = (f'{number} pages 0 16 1 3 {number % 4 + 1} 64 0...\n'
                for number in range(1, 400))
        picture = self.map(default=COLUMNS + ''.join(rows))
        self.assertEqual(picture.labels(), [])
        self.assertIn('first: 4 (16 KiB, 1 block), 8 (16 KiB, 1 block), 12',
                      picture.all_text())
        self.check(picture, 800)

    def test_texts_fit(self):
        for width in 320, 500, 800:
            self.texts_fit(ARENAS, width)
            self.texts_fit(made_up(40, (4, 64), 3), width)

    def test_square_of_pages(self):
        for pages, square in (('....', '.'), ('----', '-'), ('-.--', '.'),
                              ('0...', '0'), ('9090', '4'), ('99!9', '!'),
                              ('9', '9')):
            self.assertEqual(pyallocmap.square_of(pages), square)


class Series(Case):
    def heights(self, picture, gid):
        """Of a curve, its points' heights above the lowest of all."""
        ground = max(y for _, y in picture.lines('live')[0])
        return [ground - y for _, y in picture.lines(gid)[0]]

    def check_curve(self, picture, gid, values):
        heights = self.heights(picture, gid)
        self.assertEqual(len(heights), len(values))
        scale = max(heights) / max(values)
        for height, value in zip(heights, values):
            self.assertAlmostEqual(height / scale, value,
                                   delta=max(values) / 500)
        return scale

    def test_all_heaps(self):
        text = SERIES + '1004.5,default,0,0,0,0\n'
        picture = self.series(text=text)
        live = self.check_curve(picture, 'live', [100000, 400000, 100000, 0])
        held = self.check_curve(picture, 'held', [400000, 1200000, 500000, 0])
        self.assertAlmostEqual(live, held, delta=held / 100)
        self.assertIn('difference', picture.groups)
        self.assertEqual(picture.text('title'),
                         'Live and held bytes of all heaps')

    def test_words(self):
        picture = self.series()
        self.assertEqual(picture.text('words-0'),
                         'at most 1.1 MiB held, of it 391 KiB live; at the '
                         'end 488 KiB held, 97.7 KiB live')
        self.assertEqual(picture.text('words-1'),
                         'held and not live: at most 781 KiB, after 1.5 s')

    def test_heap(self):
        picture = self.series('--heap', 'jool')
        self.check_curve(picture, 'live', [100000, 100000, 0])
        self.check_curve(picture, 'held', [400000, 200000, 0])
        self.assertIn('of heap jool', picture.text('title'))
        both = self.series('--heap=jool', '--heap=default', '--title=x')
        self.assertEqual(both.lines('held'),
                         self.series('--title=x').lines('held'))
        self.bad("there is no heap 'x'; there are: default, jool", 'series',
                 self.save('s.csv', SERIES), '--heap', 'x')

    def test_real(self):
        rows = [line.split(',') for line in
                (REAL / 'series.csv').read_text().splitlines()]
        place = rows[0].index('held_bytes')
        most = max(int(row[place]) for row in rows[1:])
        picture = self.picture('series', REAL / 'series.csv')
        self.assertIn(f'at most {pyallocmap.human_bytes(most)} held',
                      picture.text('words-0'))
        held, live = (max(self.heights(picture, gid))
                      for gid in ('held', 'live'))
        size = max(int(row[rows[0].index('bytes')]) for row in rows[1:])
        self.assertAlmostEqual(live / held, size / most, 2)

    def test_one_sample(self):
        for row in '5,default,1,2,0,2\n', '0,default,0,0,0,0\n':
            self.assertIn('held', self.series(text=SERIES_HEADER + row).groups)

    def test_samples_of_one_time(self):
        """A heap's name comes once in a sample, even if the clock stands."""
        row = '5,default,100,200,0,200\n'
        rows = pyallocmap.Series(str(self.save('s', SERIES_HEADER + 3 * row)))
        samples = list(pyallocmap.add_up(rows.rows(), []))
        self.assertEqual(samples, 3 * [(5.0, 100, 200)])

    def test_raw_blocks(self):
        """They are live if they are held, and not where kmalloc() has them."""
        for held, arenas, live in (
                (1500, 1000, 900), (1000, 1000, 400), (1510, 1000, 900)):
            row = f'5,x,400,{held},500,{arenas}\n'
            series = pyallocmap.Series(str(self.save('s', SERIES_HEADER + row)))
            self.assertEqual(next(series.rows()).live, live)

    def test_thinned(self):
        rng = random.Random(4)
        samples = [pyallocmap.Sample(at / 10, rng.randrange(10 ** 9),
                                     10 ** 9 + rng.randrange(10 ** 9))
                   for at in range(100000)]
        kept = pyallocmap.thinned(samples, 800)
        self.assertLess(len(kept), 5600)
        self.assertEqual(kept, sorted(set(kept)))
        for value in 'live', 'held':
            for extreme in min, max:
                self.assertEqual(
                    extreme(getattr(sample, value) for sample in kept),
                    extreme(getattr(sample, value) for sample in samples))
        self.assertEqual((kept[0], kept[-1]), (samples[0], samples[-1]))

    def test_units(self):
        for seconds, word in ((2, 'seconds'), (600, 'minutes'),
                              (90000, 'hours'), (900000, 'days')):
            text = (SERIES_HEADER + '1000000000,x,1,9,0,9\n'
                    f'{1000000000 + seconds},x,1,9,0,9\n')
            self.assertIn(f'{word} since', self.series(text=text).all_text())

    def test_counted_columns(self):
        """Other columns may come and go; two of four need not be there."""
        text = ('held_bytes,new,time,bytes,name\n'
                '10,?,1,5,default\n20,?,2,5,default\n')
        self.check_curve(self.series(text='held_bytes,new,time,bytes,name\n'
                                     '10,?,1,5,default\n20,?,2,0,default\n'),
                         'held', [10, 20])
        self.series(text=text)


class Output(Case):
    def size(self, data):
        """A PNG's width and height."""
        self.assertEqual(data[:8], b'\x89PNG\r\n\x1a\n')
        return struct.unpack('>II', data[16:24])

    def test_png(self):
        for verb in (['map', '--from', REAL / 'end'],
                     ['series', REAL / 'series.csv']):
            for width in 333, 800:
                data = self.good(*verb, '-o', '-', '--format', 'png',
                                 '--width', width).raw
                svg = self.picture(*verb, '--width', width)
                self.assertEqual(self.size(data), (width, round(svg.height)))
                self.assertAlmostEqual(svg.width, width, 2)

    def test_format_by_name(self):
        for name, begin in (('a.svg', b'<?xml'), ('a.png', b'\x89PNG'),
                            ('a.b.PNG', b'\x89PNG')):
            self.good('series', REAL / 'series.csv', '-o', self.folder / name)
            data = (self.folder / name).read_bytes()
            self.assertEqual(data[:len(begin)], begin)
        self.good('series', REAL / 'series.csv', '-o', self.folder / 'x.svg',
                  '--format', 'png')
        self.size((self.folder / 'x.svg').read_bytes())

    def test_format_unknown(self):
        for name in 'x', 'x.jpg', 'svg', '.svg':
            done = call('series', REAL / 'series.csv', '-o',
                        self.folder / name)
            self.assertEqual(done.status, 2)
            self.assertIn('neither in .svg nor in .png', done.err)

    def test_same_again(self):
        """Whoever draws it, wherever: not a byte differs."""
        self.save('matplotlibrc', 'font.size: 40\nsvg.fonttype: path\n'
                  'axes.facecolor: red\nbackend: tkagg\n')
        plain = {'PATH': os.environ['PATH'], 'HOME': str(self.folder / 'home')}
        others = ({}, {'HOME': '/nonexistent', 'TZ': 'Asia/Tokyo'},
                  {**plain, 'MPLBACKEND': 'garbage', 'LC_ALL': 'de_DE.UTF-8'},
                  {**plain, 'MPLCONFIGDIR': str(self.folder),
                   'DISPLAY': ':9', 'SOURCE_DATE_EPOCH': '1'})
        for form in 'svg', 'png':
            for verb in (['map', '--from', REAL / 'end'],
                         ['series', REAL / 'series.csv']):
                arguments = [*verb, '-o', '-', '--format', form]
                drawn = {run(*arguments, env=plain).raw}
                for other in others if verb[0] == 'map' else ():
                    done = run(*arguments, env=other, cwd=self.folder)
                    self.assertEqual((done.status, done.err), (0, ''), other)
                    drawn.add(done.raw)
                drawn.add(self.good(*arguments).raw)
                self.assertEqual(len(drawn), 1)

    def test_no_date(self):
        text = self.good('map', '--from', REAL / 'end', '-o', '-').out
        self.assertNotIn('dc:date', text)

    def test_titles(self):
        for title in ('plain', '$x^2$', '$', '<a & "b">', 'a\\b', '{', '%s',
                      'ünï 東京 \U0001f600'):
            picture = self.series('--title', title)
            self.assertEqual(picture.text('title'), title)
            self.assertEqual(self.map('--title', title).text('title'), title)

    def test_odd_titles(self):
        for title in '\x01\x1b[31m', '\udcff', 'a\nb', '\ufffe', ' ', '\x7f':
            self.series('--title', title)
            self.map('--title', title)
        self.series('--title', 'x' * 3000)

    def test_not_writable(self):
        for path, what in ((self.folder / 'no/x.svg', 'No such file'),
                           (self.folder, 'Is a directory'),
                           ('/dev/full', 'No space left')):
            done = call('series', REAL / 'series.csv', '-o', path,
                        '--format', 'svg')
            self.assertEqual(done.status, 1)
            self.assertRegex(done.err, rf'\Apyallocmap: .*: {what}.*\n\Z')

    def test_full(self):
        with open('/dev/full', 'wb') as full:
            done = run('series', REAL / 'series.csv', '-o', '-', stdout=full)
        self.assertEqual(done.status, 1)
        self.assertRegex(done.err, r'\Apyallocmap: standard output: No space '
                         r'left on device\n\Z')

    def test_nobody_reads(self):
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, 'wb') as pipe:
            done = run('map', '--from', REAL / 'end', '-o', '-', stdout=pipe)
        self.assertEqual((done.status, done.err), (-signal.SIGPIPE, ''))

    def test_closed(self):
        for closing, verb, what in (
                ('>&-', f'series {REAL}/series.csv', 'output'),
                ('<&-', 'series -', 'input')):
            done = subprocess.run(
                f'{sys.executable} {PROGRAM} {verb} -o - {closing}',
                shell=True, check=False, stderr=subprocess.PIPE,
                stdout=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(done.stderr.decode(), 'pyallocmap: standard '
                             f'{what} is closed\n')

    def test_interrupt(self):
        """While it reads: it must have taken more than a pipe can hold."""
        program = subprocess.Popen(
            [sys.executable, '-B', PROGRAM, 'series', '-', '-o', '-'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        with program:
            row = b'5,default,1,2,0,2\n'
            program.stdin.write(SERIES_HEADER.encode() + 30000 * row)
            program.stdin.flush()
            program.send_signal(signal.SIGINT)
            program.wait(timeout=60)
            self.assertEqual(program.returncode, -signal.SIGINT)
            self.assertEqual(program.stderr.read(), b'')


class Trouble(Case):
    """What can be wrong with the input, and where it is."""

    def bad_map(self, what, table):
        self.bad(what, 'map', '--from', self.heaps(default=table))

    def bad_series(self, what, text):
        self.bad(what, 'series', self.save('s.csv', text))

    def test_arenas(self):
        row = '1 pages 0 16 1 3 1 64 0...\n'
        for what, table in (
                ('arenas: empty', ''),
                ('arenas:1: not a table', 'garbage\n'),
                ("arenas:1: the columns have no 'map'", COLUMNS.replace(
                    ' map', '')),
                ("arenas:1: two columns are named 'kib'", COLUMNS.replace(
                    'node', 'kib')),
                ('arenas:2: 8 columns and not 9',
                 COLUMNS + row.replace(' 0...', '')),
                ('arenas:2: cut short', COLUMNS + row[:-1]),
                ('arenas:1: cut short', COLUMNS[:-1]),
                ('arenas:2: 0 columns', COLUMNS + '\n' + row),
                ('arenas:3: arena 1 is there twice', COLUMNS + row + row),
                ("arenas:2: map is '0..x'", COLUMNS +
                 row.replace('0...', '0..x')),
                ("arenas:2: kib is '-16'", COLUMNS + row.replace('16', '-16')),
                ("arenas:2: blocks is '1e3'", COLUMNS +
                 row.replace(' 1 64', ' 1e3 64')),
                ("arenas:2: id is '9999999999999999999999'", COLUMNS +
                 '9' * 22 + row[1:]),
                ('arenas:2: the arena holds more', COLUMNS +
                 row.replace('16', '20')),
                ('arenas:2: the blocks are more', COLUMNS +
                 row.replace('64', '16385')),
                ('arenas:2: the blocks are more', COLUMNS +
                 row.replace(' 1 64', ' 2049 64')),
                ('arenas:2: map is too long', COLUMNS +
                 row.replace('0...', '.' * 5000)),
                ('arenas:2: the line is too long', COLUMNS +
                 row.replace('0...', '.' * 70000)),
                ('arenas:2: not text', COLUMNS + row.replace('p', '\0')),
                ('arenas:2: not text', COLUMNS + row.replace('p', 'ü')),
                ('arenas:2: not text', (COLUMNS + row).encode().replace(
                    b'pages', b'\xff\xfe')),
                ('arenas:2: not text', COLUMNS + row.replace('p', '\x1b'))):
            with self.subTest(what=what):
                self.bad_map(what, table)

    def test_series(self):
        row = '5,default,1,2,0,2\n'
        for what, text in (
                ('s.csv: empty', ''),
                ("s.csv:1: there is no column 'time' \\(is it from", ARENAS),
                ("s.csv:1: the columns have no 'held_bytes'",
                 'time,name,bytes\n'),
                ("s.csv:1: two columns are named 'bytes'",
                 'time,name,bytes,bytes,held_bytes\n'),
                ('s.csv: there is no sample', SERIES_HEADER),
                ('s.csv:2: cut short', SERIES_HEADER + row[:-1]),
                ('s.csv:2: 5 columns and not 6',
                 SERIES_HEADER + row.replace(',0', '')),
                ('s.csv:3: an empty line', SERIES_HEADER + row + '\n' + row),
                ("s.csv:2: time is 'nan'",
                 SERIES_HEADER + row.replace('5,', 'nan,')),
                ("s.csv:2: time is '1e999'",
                 SERIES_HEADER + row.replace('5,', '1e999,')),
                ("s.csv:2: bytes is '-1'",
                 SERIES_HEADER + row.replace(',1,', ',-1,')),
                ('s.csv:3: its time is before',
                 SERIES_HEADER + row + row.replace('5', '4')),
                ('s.csv:2: not CSV', SERIES_HEADER + '"' + row),
                ('s.csv:2: not text', SERIES_HEADER + row.replace('f', '\0')),
                ('s.csv:1: not text', b'\x89PNG\r\n\x1a\n')):
            with self.subTest(what=what):
                self.bad_series(what, text)

    def test_stdin(self):
        self.bad('standard input:1: not a table', 'map', '--from', '-',
                 stdin=b'garbage\n')
        self.bad('standard input:2: cut short', 'series', '-',
                 stdin=SERIES_HEADER.encode() + b'1')

    def test_version(self):
        home = self.heaps(default=ARENAS)
        for what, text in (
                ('version: tables of version 2, from pyalloc 9.1: this '
                 'pyallocmap knows 1', '# api tables release\n3 2 9.1\n'),
                ("version:2: tables is 'x'", '# api tables release\n3 x 9\n'),
                ("version:1: the columns have no 'tables'", '# api\n2\n'),
                ('version:1: 0 rows', '# api tables release\n'),
                ('version: empty', '')):
            self.save('copy/version', text)
            self.bad(what.replace('version: tables', r'version:\d: tables'),
                     'map', '--from', home)
        self.save('copy/version', '# api tables release more\n9 1 9 9\n')
        self.good('map', '--from', home, '-o', '-')

    def test_counts(self):
        home = self.heaps(default=ARENAS)
        self.save('copy/heaps', '# name blocks cached_blocks\ndefault x 1\n')
        self.bad("heaps:2: blocks is 'x'", 'map', '--from', home)

    def test_no_copy(self):
        self.bad('not a copy of pyalloc', 'map', '--from', self.folder)
        self.bad('no such file or folder', 'map', '--from',
                 self.folder / 'none')
        self.bad('no such file or folder', 'series', self.folder / 'none')
        self.bad('Is a directory', 'series', self.folder)
        self.save('heap', '')
        self.bad('heap: Not a directory', 'map', '--from', self.folder)

    def test_debugfs(self):
        """Of debugfs' own folder it says what is missing."""
        for mounted, loaded, what in (
                (False, False, 'debugfs is not mounted'),
                (True, False, 'pyalloc is not loaded'),
                (True, True, 'this pyalloc has no such file')):
            with unittest.mock.patch('os.path.ismount', return_value=mounted), \
                    unittest.mock.patch('os.path.exists',
                                        return_value=loaded):
                self.assertIn(what, pyallocmap.why_missing(
                    f'{pyallocmap.PYALLOC}/heap'))
        with unittest.mock.patch('os.listdir',
                                 side_effect=PermissionError(1, 'no')):
            self.bad(r'permission denied \(be root', 'map')
        with unittest.mock.patch('os.listdir',
                                 side_effect=FileNotFoundError(2, 'no')), \
                unittest.mock.patch('os.path.ismount', return_value=False):
            self.bad('debugfs is not mounted', 'map')

    def test_permission(self):
        file = str(self.save('s.csv', SERIES))
        with unittest.mock.patch('builtins.open',
                                 side_effect=PermissionError(13, 'no')):
            with self.assertRaisesRegex(pyallocmap.Trouble,
                                        's.csv: permission denied'):
                pyallocmap.read_series(file, [])

    def test_no_matplotlib(self):
        done = subprocess.run(
            [sys.executable, '-S', '-B', PROGRAM, 'series',
             REAL / 'series.csv', '-o', '-'], capture_output=True,
            check=False, text=True)
        self.assertEqual((done.returncode, done.stdout), (1, ''))
        self.assertRegex(done.stderr, r'\Apyallocmap: matplotlib is not '
                         r'installed \(apt install python3-matplotlib\).*\n\Z')

    def test_arguments(self):
        for what, *arguments in (
                ('COMMAND',), ('invalid choice', 'draw'),
                ('required: -o/--output', 'map'),
                ('required: FILE', 'series', '-o', 'x.svg'),
                ("'0' is not a number from 1", 'map', '--few', '0'),
                ("'x' is not a number from 1", 'map', '--top', 'x'),
                ("'319' is not a number from 320 to 8000", 'map', '--width',
                 '319'),
                ("'9' \\* 50|'9999", 'map', '--width', '9' * 50),
                ('invalid choice', 'map', '--format', 'gif'),
                ('unrecognized', 'map', '-o', 'x.svg', '--nothing'),
                ('unrecognized', 'map', '-o', 'x.svg', '--out')):
            done = call(*arguments)
            self.assertEqual(done.status, 2, arguments)
            self.assertRegex(done.err, rf'\Apyallocmap: .*{what}.*\n\Z')


class Mutated(Case):
    """Hundreds of inputs that are almost right."""

    WORDS = (b'-1', b'0', b'1e9', b'nan', b'inf', b'99999999999999999999',
             b'9223372036854775807', b'\0', b'\xff', b'#', b'', b'"', b',,',
             b'....', b'!', b'%s', b'$x$', b'\r')

    def mutate(self, rng, data):
        kind = rng.randrange(7)
        at = rng.randrange(len(data))
        if kind == 0:
            return data[:at]
        if kind == 1:
            return data[:at] + bytes([rng.randrange(256)]) + data[at + 1:]
        if kind == 2:
            return data[:at] + data[at + rng.randrange(1, 20):]
        if kind == 3:
            return data[:at] + data[rng.randrange(len(data)):]
        if kind == 4:
            lines = data.splitlines(keepends=True)
            lines.insert(rng.randrange(len(lines)), rng.choice(lines))
            return b''.join(lines)
        words = re.split(rb'([ ,\n])', data)
        words[2 * rng.randrange(len(words) // 2 + 1)] = rng.choice(self.WORDS)
        return b''.join(words)

    def mutants(self, seed, data, count):
        rng = random.Random(seed)
        for _ in range(count):
            mutant = data
            for _ in range(rng.choice((1, 1, 2, 5))):
                mutant = self.mutate(rng, mutant or b'\n')
            yield mutant

    def judge(self, name, done, mutant):
        """A picture, or one line that names the file, and the line in it."""
        if done.status == 0:
            self.assertEqual(done.err, '', mutant)
            Picture(done.raw)
            return
        self.assertEqual(done.status, 1, mutant)
        self.assertRegex(done.err, rf'\Apyallocmap: [^\n]*/{name}'
                         r'(:\d+: |: empty|: there is no sample)[^\n]*\n\Z')
        self.assertTrue(done.err[:-1].isprintable())

    def hunt(self, name, data, count, *arguments):
        statuses = collections.Counter()
        for mutant in self.mutants(name, data, count):
            self.save(f'copy/{name}', mutant)
            done = call(*arguments, '-o', '-', '--width', '320')
            self.judge(name, done, mutant)
            statuses[done.status] += 1
        # A test of which nothing gets through, or all, would tell nothing.
        self.assertGreater(statuses[1], count // 5)
        return statuses

    def test_arenas(self):
        home = self.heaps(default=ARENAS)
        statuses = self.hunt('heap/default/arenas', ARENAS.encode(), 300,
                             'map', '--from', home)
        self.assertGreater(statuses[0], 5)

    def test_version(self):
        home = self.heaps(default=COLUMNS)
        self.hunt('version', VERSION.encode(), 100, 'map', '--from', home)

    def test_counts(self):
        home = self.heaps(default=COLUMNS)
        self.hunt('heaps', HEAPS.encode(), 100, 'map', '--from', home)

    def test_series(self):
        statuses = self.hunt('s.csv', SERIES.encode(), 300, 'series',
                             self.folder / 'copy/s.csv')
        self.assertGreater(statuses[0], 5)

    def test_noise(self):
        rng = random.Random(9)
        home = self.heaps(default=ARENAS)
        for _ in range(60):
            noise = rng.randbytes(rng.randrange(1, 3000))
            file = self.save('copy/heap/default/arenas', noise)
            done = call('map', '--from', home, '-o', '-')
            self.assertEqual(done.status, 1)
            done = call('series', file, '-o', '-')
            self.assertEqual(done.status, 1)
            self.judge('arenas', done, noise)


# What each option is tried with, and must change in what is drawn.
EXERCISES = {
    'map': {'--from DIR': ['--from', REAL / 'peak'],
            '--top N': ['--top', '1'], '--few N': ['--few', '9'],
            '--heap NAME': ['--heap', 'small'],
            '--format {svg,png}': ['--format', 'png'],
            '--title TEXT': ['--title', 'x'], '--width PIXELS':
            ['--width', '400']},
    'series': {'--heap NAME': ['--heap', 'jool'],
               '--format {svg,png}': ['--format', 'png'],
               '--title TEXT': ['--title', 'x'],
               '--width PIXELS': ['--width', '400']},
}
OUTPUT = '-o FILE, --output FILE'


def help_options(verb):
    """The options of a verb as --help lists them, but -h."""
    with unittest.mock.patch.dict('os.environ', COLUMNS='200'):
        text = call(verb, '--help').out
    found = re.findall(r'^  (-.*?)(?:  .*)?$', text, re.MULTILINE)
    return [option for option in found if option != '-h, --help']


def man_options():
    """The options of each section of the man page, as --help has them."""
    options = collections.defaultdict(list)
    section = None
    lines = iter(MAN.read_text().splitlines())
    for line in lines:
        if line.startswith(('.SH ', '.SS ')):
            section = line[4:].strip('"')
        elif line in ('.TP', '.TQ'):
            words = re.sub(r'\\f.|\.B[IR]* |"', '', next(lines))
            words = re.sub(r' +', ' ', words.replace('\\-', '-')).strip()
            if words.startswith('-'):
                options[section].append(words)
    return options


class Help(Case):
    def setUp(self):
        super().setUp()
        self.home = self.heaps(default=ARENAS, small=COLUMNS +
                               '1 pages 0 16 1 3 1 64 ..0.\n')
        self.plain = {'map': ['map', '--from', self.home],
                      'series': ['series', self.save('s.csv', SERIES)]}

    def test_every_option_does_something(self):
        for verb in VERBS:
            self.assertEqual(sorted([*EXERCISES[verb], OUTPUT]),
                             sorted(help_options(verb)))
            plain = self.good(*self.plain[verb], '-o', '-').raw
            for option, words in EXERCISES[verb].items():
                done = self.good(*self.plain[verb], *words, '-o', '-')
                self.assertNotEqual(done.raw, plain, option)

    def test_output(self):
        for verb in VERBS:
            plain = self.good(*self.plain[verb], '-o', '-').raw
            for option in '-o', '--output':
                file = self.folder / f'{verb}{option}.svg'
                self.assertEqual(
                    self.good(*self.plain[verb], option, file).raw, b'')
                self.assertEqual(file.read_bytes(), plain)

    def test_man(self):
        options = man_options()
        for verb in VERBS:
            self.assertEqual(
                sorted(help_options(verb)),
                sorted(options[verb] + options['COMMON OPTIONS']))
        self.assertEqual(options['OPTIONS'], ['-h, --help', '--version'])

    def test_defaults(self):
        man = MAN.read_text().replace('\\-', '-')
        for verb in VERBS:
            text = call(verb, '--help').out
            for default in re.findall(r'default:\s+([^;)]*)', text):
                self.assertIn(default.split(',')[0].split(' (')[0], man)

    def test_help(self):
        for verb in VERBS:
            self.assertIn(f'example: pyallocmap {verb} ',
                          self.good(verb, '--help').out)
            self.assertEqual(self.good(verb, '--help').out,
                             self.good(verb, '-h').out)
        text = self.good('--help').out
        for verb in VERBS:
            self.assertRegex(text, rf'\n +{verb} ')

    def test_help_without_matplotlib(self):
        done = subprocess.run([sys.executable, '-S', '-B', PROGRAM, '--help'],
                              capture_output=True, check=False, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ''))

    def test_version(self):
        text = HEADER.read_text()
        release = re.search(r'define PYALLOC_VERSION\s+"(.*)"', text)[1]
        tables = re.search(r'define PYALLOC_TABLES\s+(\d+)', text)[1]
        self.assertEqual(self.good('--version').out,
                         f'pyallocmap {release}\n')
        self.assertEqual(pyallocmap.TABLES, int(tables))

    def test_examples_work(self):
        man = re.search(r'^\.EX\n(.*?)^\.EE', MAN.read_text().split(
            '.SH EXAMPLES')[1], re.MULTILINE | re.DOTALL)[1]
        lines = [line.replace('\\-', '-') for line in man.splitlines()]
        lines += re.findall('^example: (.*)$', ''.join(
            self.good(verb, '--help').out for verb in VERBS), re.MULTILINE)
        lines = [line for line in lines if line.startswith('pyallocmap')]
        self.assertGreaterEqual(len(lines), 5)
        self.save('heaps.csv', SERIES)
        for line in lines:
            words = line.split()[1:]
            if words[0] == 'map' and '--from' not in words:
                words += ['--from', str(self.home)]
            words = [word.replace('report/', f'{self.home}/').replace(
                'heap/sessions', 'heap/small').replace('sessions', 'small')
                for word in words]
            with contextlib.chdir(self.folder):
                self.good(*words)

    def test_roff(self):
        for command in (['groff', '-man', '-ww', '-Tutf8'],
                        ['man', '--warnings', '-l']):
            if not shutil.which(command[0]):
                continue
            done = subprocess.run([*command, MAN], capture_output=True,
                                  check=False, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ''))
            self.assertIn('series', done.stdout)


class Style(unittest.TestCase):
    def test_lines(self):
        for file in PROGRAM, MAN, pathlib.Path(__file__):
            for number, line in enumerate(file.read_text().splitlines(), 1):
                self.assertLessEqual(len(line), 80, f'{file}:{number}')
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
