#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""verdict_test.py KUNIT-DIR: is verdict.py right about logs made by hand?

The last line is `N passed, N failed`.
"""

import contextlib
import io
import sys

import verdict

RESULTS = '''\
KTAP version 1
1..1
    KTAP version 1
    # Subtest: suite
    # module: a_kunit
    1..3
    ok 1 one
    ok 2 two # SKIP not here
    ok 3 three
# suite: pass:2 fail:0 skip:1 total:3
ok 1 suite
'''

BAD_RESULT = RESULTS.replace('ok 3 three', 'not ok 3 three').replace(
    'ok 1 suite', 'not ok 1 suite')
CUT_SHORT = RESULTS[:RESULTS.index('    ok 3')]
EMPTY = 'KTAP version 1\n1..0\n'
WARNING = '''\
------------[ cut here ]------------
pyalloc: a stray pointer
WARNING: CPU: 0 PID: 9 at heap.c:3 stray+0x8b/0x90 [pyalloc]
RIP: 0010:stray+0x8b/0x90
---[ end trace 0000000000000000 ]---
'''
TAINT = 'pyalloc: loading out-of-tree module taints kernel.\n'
EXPECT = '# case: expect-report: stray pointer\n'


def ktap(inside, status=0):
    return (f'pyalloc-test: begin suites ktap\n{inside}'
            f'pyalloc-test: end suites {status}\n')


def case(inside='', status=0):
    return (f'pyalloc-test: begin thing\n{inside}'
            f'pyalloc-test: end thing {status}\n')


TORTURE = 'pytorture: 1500 operations, 0 mismatches, seed 77\n'
DONE = 'pyalloc-test: done 0\nreboot: Power down\n'


def stamped(text):
    return ''.join(f'[    1.234567] {line}\r\n' for line in text.splitlines())


# What, the log, how many pass and fail.  A boot without trouble is one more.
LOGS = (
    ('good results', ktap(RESULTS) + DONE, 3, 0),
    ('with time stamps', stamped(ktap(RESULTS) + DONE), 3, 0),
    ('twice in a boot', ktap(RESULTS) + ktap(RESULTS) + DONE, 5, 0),
    ('results without marks', RESULTS + DONE, 3, 0),
    ('two modules in one case', ktap(RESULTS + RESULTS) + DONE, 5, 0),
    ('a plain case', case('some words\n') + DONE, 2, 0),
    ('the taint of a module', TAINT + case() + DONE, 2, 0),
    ('other talk', case('Spectre V2 : WARNING: none\nwarning: x\n') + DONE,
     2, 0),
    ('a bad result', ktap(BAD_RESULT) + DONE, 2, 1),
    ('results cut short', ktap(CUT_SHORT), 1, 2),
    ('no results', ktap('') + DONE, 1, 1),
    ('no tests in the results', ktap(EMPTY) + DONE, 1, 2),
    ('a case that fails', case(status=1) + DONE, 1, 1),
    ('a module that fails after its tests', ktap(RESULTS, 1) + DONE, 3, 1),
    ('a case without an end', 'pyalloc-test: begin x\n' + DONE, 1, 1),
    ('nothing at all', '', 0, 1),
    ('nothing tested', DONE, 1, 1),
    ('no end', case(), 1, 1),
    ('a time stamp with its caller',
     case(WARNING).replace('WARN', '[    1.234567][  T123] WARN') + DONE,
     1, 1),
    ('torture', case(TORTURE) + DONE, 2, 0),
    ('torture that found something', case(TORTURE.replace(' 0 ', ' 3 ')) + DONE,
     2, 1),
    ('time out', case() + 'pyalloc-boot: timed out after 9 s\n', 1, 1),
    ('a command that fails', case() + 'pyalloc-test: done 3\n', 1, 1),
    ('a warning', case(WARNING) + DONE, 1, 1),
    ('a warning with time stamps', stamped(case(WARNING) + DONE), 1, 1),
    ('two warnings', case(WARNING * 2) + DONE, 1, 2),
    ('an expected warning', case(EXPECT + WARNING) + DONE, 2, 0),
    ('one more than expected', case(EXPECT + WARNING * 2) + DONE, 1, 1),
    ('another than expected',
     case(EXPECT.replace('stray', 'double') + WARNING) + DONE, 1, 2),
    ('an expected warning that stays out', case(EXPECT) + DONE, 1, 1),
    ('an expected warning that is late',
     case(EXPECT) + case(WARNING) + DONE, 2, 2),
) + tuple((f'the report "{line}"', case(line + '\n') + DONE, 1, 1) for line in (
    'BUG: kernel NULL pointer dereference, address: 0000000000000008',
    'BUG: KASAN: slab-out-of-bounds in f+0x1/0x2 [pyalloc]',
    'BUG: KCSAN: data-race in f / g',
    'BUG: sleeping function called from invalid context at mm/x.c:1',
    'BUG: scheduling while atomic: insmod/7/0x2',
    'BUG kmalloc-64 (Tainted: G    B): Redzone overwritten',
    'kernel BUG at mm/slub.c:448!',
    'Oops: 0002 [#1] PREEMPT SMP NOPTI',
    'general protection fault, probably for non-canonical address 0xdead: 0',
    'Kernel panic - not syncing: Fatal exception',
    'WARNING: possible circular locking dependency detected',
    'WARNING: suspicious RCU usage',
    'INFO: trying to register non-static key.',
    'INFO: task insmod:7 blocked for more than 120 seconds.',
    'UBSAN: array-index-out-of-bounds in heap.c:1:2',
    'watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [insmod:7]',
    'rcu: INFO: rcu_preempt self-detected stall on CPU',
    'unreferenced object 0xffff888000000000 (size 64):',
    'kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)',
    'kmemleak: Cannot insert 0x1000 into the object search tree',
    'pytorture: FAILED: a free of 40 bytes in a thread',
    'Uhhuh. NMI received for unknown reason 30 on CPU 1.',
    "debugfs: Directory 'pyalloc' with parent '/' already present!",
    'irq 9: nobody cared (try booting with the "irqpoll" option)',
    'ODEBUG: free active (active state 0) object: 1 object type: work_struct',
    'list_add corruption. prev->next should be next',
    'DEBUG_LOCKS_WARN_ON(1)',
    'Out of memory: Killed process 7 (sh)',
    'sh[7]: segfault at 8 ip 0000000000000001',
    '[ BUG: Invalid wait context ]',
    'BUG: KCSAN: assert: race in f / g',
    'BUG: KCSAN: data-race in f+0x1/0x2 [pyalloc]',
    'BUG: scheduling in a non-blocking section: kworker/7/1',
    'BUG: assuming atomic context at heap.c:3',
    'BUG: MAX_LOCKDEP_CHAINS too low!',
    'WARNING: inconsistent lock state',
    'WARNING: bad unlock balance detected!',
    'WARNING: possible recursive locking detected',
    'UBSAN: shift-out-of-bounds in map.c:1:2',
    'Unable to handle kernel NULL pointer dereference at virtual address 8',
    'Internal error: Oops: 0000000096000004 [#1] PREEMPT SMP',
))

# What a log begins with, and what a table says of it.
BANNERS = (
    ('6.12.9+deb12-amd64 (mail@host) (gcc-12 (Debian 12.2.0-14+deb12u1) '
     '12.2.0, GNU ld (GNU Binutils for Debian) 2.40) #1 SMP',
     '6.12.9+deb12-amd64', 'gcc 12.2.0'),
    ('6.12.9 (me@here) (Debian clang version 14.0.6, Debian LLD 14.0.6) #1',
     '6.12.9', 'clang 14.0.6'),
    ('6.12.9 (me@here) (aarch64-linux-gnu-gcc (Debian 12.2.0-14) 12.2.0, '
     'GNU ld (GNU Binutils for Debian) 2.40) #1', '6.12.9', 'gcc 12.2.0'),
)


def judged(parser, what, log, passes, fails):
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        boot = verdict.judge(parser, 'self', log)
    if (boot.passed, boot.failed) == (passes, fails):
        return True
    print(f'FAIL verdict: {what}: {boot.passed} passed, '
          f'{boot.failed} failed, not {passes} and {fails}')
    print(shown.getvalue(), end='')
    return False


def rowed(parser, banner, release, compiler):
    log = stamped(f'Linux version {banner}\n{case(TORTURE * 2)}{DONE}')
    row = verdict.row(verdict.judge(parser, 'self', log)).split('\t')
    if row == [release, compiler, '2', '0', '3000', 'ok']:
        return True
    print(f'FAIL verdict: the row of "{banner}": {row}')
    return False


def main():
    parser = verdict.load_parser(sys.argv[1])
    results = [judged(parser, *log) for log in LOGS]
    results += [rowed(parser, *banner) for banner in BANNERS]
    print(f'{results.count(True)} passed, {results.count(False)} failed')
    return False in results


if __name__ == '__main__':
    sys.exit(main())
