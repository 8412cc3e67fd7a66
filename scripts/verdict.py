#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""verdict.py --kunit DIR [--tier NAME] LOG: did this boot go well?

Counts the cases that the log of a boot tells of and prints what failed; the
last line is `N passed, N failed`, the exit status 0 when nothing failed and
something ran.  DIR is tools/testing/kunit of a kernel tree: KTAP results are
read by the kernel's own parser.

A case is a result in KTAP, or a pair of marks (see scripts/guest/lib.sh).
The boot itself is one more: it fails by whatever a kernel says when it is in
trouble, by a time limit, or by ending without its last mark.

Besides, `--row FILE` gets one line of what a table of many boots needs, with
tabs between: the kernel's release and compiler as its first line tells them,
passed, failed, the operations that torture tests counted, and ok or FAILED.

A test that provokes such a report says so first with a line that holds
`expect-report: REGEX`.  It covers one report, until the case's result, and a
report that is expected and does not come is a failure.
"""

import argparse
import contextlib
import io
import pathlib
import re
import sys

# What begins a line of the log beside the message: level, time, caller.  Some
# messages begin with a bracket, too.
PREFIX = re.compile(r'^(?:<\d+>)?(?:\[ *(?:\d+\.\d+|[CT]\d+)\]\s?)*')

TROUBLE = re.compile('|'.join((
    r'Kernel panic',
    r'kernel BUG at',
    r'(?:\[ )?BUG:? ',
    r'(?:WARNING|INFO|UBSAN|ODEBUG): ',
    r'DEBUG_LOCKS_WARN_ON',
    r'Oops',
    r'general protection fault',
    r'(?:list_add|list_del) corruption',
    r'unreferenced object',
    r'kmemleak: [1-9]\d* new suspected',
    # It turns itself off then; the words for that are kmemleak=off's too.
    r'kmemleak: Cannot ',
    r'watchdog: BUG',
    r'NMI watchdog: Watchdog detected',
    r'rcu: INFO: .*stall',
    r'refcount_t: ',
    r'usercopy: Kernel memory',
    r'pytorture: FAILED',
    r'Uhhuh\. NMI received',
    r'debugfs: .* already present',
    r'irq \d+: nobody cared',
    r'Out of memory',
    r'(?:Unable to handle|Internal error)',
    r'.*\bsegfault at ',
    r'kmem_cache_destroy .*still has objects',
    r'Kernel mode (?:signal|fault)',
)))

# Begins with words of the above and is no report.
HARMLESS = re.compile(r'INFO: (?:lockdep is turned off|NMI handler)')

CUT_HERE = '------------[ cut here ]------------'
EXPECT = re.compile(r'expect-report: (.+)$')
MARK = re.compile(r'pyalloc-test: (begin|end|done) ?(.*)$')
TORTURE = re.compile(r'pytorture: (\d+) operations, (\d+) mismatches, '
                     r'seed (\S+)')
BANNER = re.compile(r'Linux version (\S+) .*?(gcc|clang)\b.*? (\d+\.\d+\.\d+)[,)]')
RESULT = re.compile(r'\s*(?:not )?ok \d+')


def message(line):
    return line[PREFIX.match(line).end():]


class Boot:
    """What one log says, counted while its lines go by."""

    def __init__(self, parser, tier):
        self.parser = parser
        self.tier = tier
        self.passed = 0
        self.failed = 0
        self.skipped = 0
        self.cases = 0
        self.operations = 0
        self.release = self.compiler = '?'

    def ok(self, count=1):
        self.passed += count

    def fail(self, what, lines=()):
        self.failed += 1
        print(f'FAIL {self.tier}: {what}')
        for line in lines:
            print(f'     | {line}')

    # Cases between marks

    def read_cases(self, lines):
        name, kind, inside = None, '', []
        for line in lines:
            mark = MARK.match(message(line))
            if not mark:
                inside.append(line)
                continue
            verb, words = mark[1], mark[2].split()
            if name:
                status = words[-1] if verb == 'end' and words else 'none'
                self.end_case(name, kind, inside, status)
            elif verb == 'end':
                self.fail(f'{mark[2]}: ended and never began')
            else:
                self.read_ktap(inside)
            name, kind, inside = None, '', []
            if verb == 'begin' and words:
                name, kind = words[0], ' '.join(words[1:])
        if name:
            self.end_case(name, kind, inside, 'none')
        else:
            self.read_ktap(inside)

    def end_case(self, name, kind, lines, status):
        results = self.read_ktap(lines, name)
        if status == 'none':
            self.fail(f'{name}: did not end', lines[-5:])
        elif status != '0':
            self.fail(f'{name}: exit status {status}', lines[-20:])
        elif kind == 'ktap' and not results:
            self.fail(f'{name}: no results', lines[-20:])
        elif kind != 'ktap':
            self.cases += 1
            self.ok()

    # Results in KTAP

    def read_ktap(self, lines, name=''):
        """Each module's results begin with an unindented version line."""
        streams = []
        for line in map(message, lines):
            if re.match(r'K?TAP version', line):
                streams.append([])
            if streams:
                streams[-1].append(line)
        results = 0
        for stream in streams:
            results += self.count_ktap(stream, name)
        return results

    def count_ktap(self, stream, name):
        with contextlib.redirect_stdout(io.StringIO()):
            test = self.parser.parse_run_tests(stream)
        counts = test.counts
        self.ok(counts.passed)
        self.skipped += counts.skipped
        before = self.failed
        self.name_failures(test, name)
        # The parser's word counts, should the names have missed some.
        for _ in range(counts.failed + counts.crashed -
                       (self.failed - before)):
            self.fail(f'{name}: a result is missing or failed')
        if counts.errors and self.failed == before:
            self.fail(f'{name}: the results are not well formed', stream[-20:])
        self.cases += counts.total()
        return counts.total()

    def name_failures(self, test, path):
        """A suite that fails of itself counts; one with failed cases not."""
        for sub in test.subtests:
            where = f'{path}/{sub.name or "?"}'
            before = self.failed
            self.name_failures(sub, where)
            if not sub.ok_status() and self.failed == before:
                self.fail(f'{where}: {sub.status.name.lower()}', sub.log)

    # Torture

    def read_torture(self, lines):
        """A run without a mismatch is no case: the suite that ran it is."""
        for run in filter(None, map(TORTURE.match, map(message, lines))):
            self.operations += int(run[1])
            if int(run[2]):
                self.fail(f'{run[2]} mismatches with the seed {run[3]}')

    # Trouble

    def read_trouble(self, lines):
        expected, before = [], self.failed
        for number, line in enumerate(lines):
            text = message(line)
            wish = EXPECT.search(text)
            if wish:
                expected.append(wish[1])
            elif self.is_trouble(text):
                report = self.report(lines, number)
                wish = self.wish_for(expected, report)
                if wish:
                    expected.remove(wish)
                else:
                    self.fail('the kernel reports', report)
            elif RESULT.match(text) or MARK.match(text):
                self.unfulfilled(expected)
        self.unfulfilled(expected)
        return self.failed == before

    @staticmethod
    def is_trouble(text):
        return TROUBLE.match(text) and not HARMLESS.match(text)

    @staticmethod
    def report(lines, number):
        """The report around its telling line: its end is only guessed."""
        first = number
        for back in range(number, max(number - 12, -1), -1):
            if CUT_HERE in lines[back]:
                first = back
                break
        last = number + 1
        while last < min(number + 40, len(lines)):
            text = message(lines[last])
            last += 1
            if 'end trace' in text or MARK.match(text):
                break
        return lines[first:last]

    @staticmethod
    def wish_for(expected, report):
        head = '\n'.join(report[:12])
        return next((wish for wish in expected if re.search(wish, head)), None)

    def unfulfilled(self, expected):
        for wish in expected:
            self.fail(f'the report /{wish}/ was expected and did not come')
        expected.clear()

    # Beginning and end

    def read_banner(self, lines):
        for line in lines:
            banner = BANNER.match(message(line))
            if banner:
                self.release = banner[1]
                self.compiler = f'{banner[2]} {banner[3]}'
                return

    def read_end(self, lines):
        before = self.failed
        for line in lines:
            if 'pyalloc-boot: timed out' in line:
                self.fail(message(line)[len('pyalloc-boot: '):], lines[-20:])
        done = [mark[2] for mark in map(MARK.match, map(message, lines))
                if mark and mark[1] == 'done']
        if not done and self.failed == before:
            self.fail('the guest died before its end', lines[-20:])
        elif done and done[-1] != '0':
            self.fail(f'a command in the guest ended with {done[-1]}')
        return self.failed == before


def judge(parser, tier, text):
    lines = text.replace('\r', '').splitlines()
    boot = Boot(parser, tier)
    boot.read_banner(lines)
    boot.read_cases(lines)
    boot.read_torture(lines)
    clean = boot.read_trouble(lines)
    if boot.read_end(lines) and clean:
        boot.ok()
    if boot.cases == 0 and boot.failed == 0:
        boot.fail('nothing was tested')
    return boot


def row(boot):
    return '\t'.join(map(str, (
        boot.release, boot.compiler, boot.passed, boot.failed,
        boot.operations, 'FAILED' if boot.failed else 'ok')))


def load_parser(directory):
    # The tree may not be ours to write compiled files into.
    sys.dont_write_bytecode = True
    sys.path.insert(0, directory)
    import kunit_parser
    import kunit_printer
    # It prints as it goes; what to show is decided here.
    kunit_parser.stdout = kunit_printer.Printer(io.StringIO())
    return kunit_parser


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument('--kunit', required=True)
    options.add_argument('--tier', default='boot')
    options.add_argument('--row', type=pathlib.Path)
    options.add_argument('log', type=pathlib.Path)
    options = options.parse_args()

    text = options.log.read_text(errors='replace')
    boot = judge(load_parser(options.kunit), options.tier, text)
    if options.row:
        options.row.write_text(row(boot) + '\n')
    if boot.skipped:
        print(f'{options.tier}: {boot.skipped} skipped')
    print(f'{boot.passed} passed, {boot.failed} failed')
    return boot.failed != 0


if __name__ == '__main__':
    sys.exit(main())
