#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""blocks_test.py: are blocks found where they are, and is what a command says
told from what a page shows?  The last line is `N passed, N failed`.
"""

import pathlib
import sys

SCRIPTS = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(SCRIPTS), str(SCRIPTS / 'blocks')]

import blocks  # noqa: E402
import clients  # noqa: E402
import expected  # noqa: E402
import looks  # noqa: E402
import run  # noqa: E402

passed = failed = 0

# What is shown, what is said, and whether they agree.
SAID = [
    ('a 12 b', '[   1.250000] a   7 b\n', True),
    ('a 12 b', 'a 12 c', False),
    ('a\nb', 'a\nx\nb', False),
    ('a\n...\nb', 'a\nx\ny\nb', True),
    ('a\n...\nb', 'a\nx', False),
    ('...\nb\nc', 'b\nx\nb\nc', True),
    ('a', 'a\nb', False),
    ('a\n...', 'a\nb', True),
    ('a', '', False),
    ('', '', True),
    ('', 'a', False),
    ('at 0000000070b3d26f', 'at (____ptrval____)', True),
    ('from f+0x1/0x20 [m]', 'from f+0x71/0xa0 [m]', True),
    ('from f+0x1/0x20 [m]', 'from g+0x71/0xa0 [m]', False),
    ('+1.6 KiB x', '-656 B  x', True),
    ('78 fd fd', '01 fd fe', False),
    ('a ... c', 'a b b c', True),
]

RST = '''\
Text::

    literal

.. run: guest, after replay
.. code-block:: console
   :name: x

   $ cat a
   b

.. run: none: it is
   too long
.. code-block:: sh

   long

.. run: host

No block.
'''
RST_BLOCKS = [
    (1, '', '', 'literal\n'),
    (6, 'console', 'guest, after replay', '$ cat a\nb\n'),
    (14, 'sh', 'none: it is too long', 'long\n'),
    (20, '', 'host', ''),
]

MD = '''\
- item

      of the item

<!-- run: host -->
```sh
ls
```

Text

    indented
'''
MD_BLOCKS = [(6, 'sh', 'host', 'ls\n'), (12, '', '', 'indented\n')]

# Blocks that are no good: language, comment, text.
WRONG = [('', '', 'x'), ('sh', '', 'ls'), ('console', 'after x', '$ ls'),
         ('make', '', 'a := b'), ('sh', 'host, soon', 'ls'),
         ('sh', 'none:', 'ls'), ('text', '', '$ ls'),
         ('text', '', 'pyalloc: x')]
RIGHT = [('c', '', 'f();'), ('text', '', 'a -> b'), ('sh', 'host', 'ls'),
         ('make', 'to Kbuild', 'a := b'), ('sh', 'none: why', 'ls')]

# Commands that are looked at, and what is wrong with them.
LOOKS = [('make test TIERS="uml pytrace"', []),
         ('make nonsense', ['nonsense']),
         ('make test TIERS=nonsense', ['nonsense is no tier']),
         ('make bench BENCH="pairs what"', ['what is no group']),
         ('PYALLOC_NOTHING=1 make test', ['nobody reads PYALLOC_NOTHING']),
         ('scripts/test.sh -a uml', []), ('sudo insmod x.ko', ['changes'])]


def check(name, right):
    global passed, failed
    passed, failed = passed + bool(right), failed + (not right)
    if not right:
        print(f'FAIL {name}')


def block(language, comment, text):
    return blocks.Block('x.rst', 1, language, comment, text, 2)


def is_wrong(parts):
    try:
        block(*parts).check()
    except blocks.Wrong:
        return True
    return False


def is_looked_at(command, wanted):
    got = looks.look(command, 'host')
    return got is not None and len(got) == len(wanted) and \
        all(part in line for part, line in zip(wanted, got))


def main():
    for shown, said, agree in SAID:
        check(f'{shown!r} and {said!r}',
              (expected.difference(shown, said) is None) == agree)
    for reader, text, wanted in (blocks.read_rst, RST, RST_BLOCKS), \
            (blocks.read_md, MD, MD_BLOCKS):
        found = [(one.line, one.language, one.comment, one.text)
                 for one in reader('x', text.split('\n'))]
        check(f'{reader.__name__}: {found}', found == wanted)
    for parts in WRONG:
        check(f'{parts} is wrong', is_wrong(parts))
    for parts in RIGHT:
        check(f'{parts} is right', not is_wrong(parts))
    for command, wanted in LOOKS:
        check(command, is_looked_at(command, wanted))
    check('commands', list(run.commands(block(
        'console', '', '$ for i in 1\ndo ls; done\nx\n$ a \\\n  b\n'))) ==
        [('for i in 1\ndo ls; done', 'x\n'), ('a \\\n  b', '')])
    check('statements', 'return 0;' in clients.part(block('c', '', 'f();\n')))
    check('functions', 'return 0;' not in clients.part(
        block('c', '', 'void f(void)\n{\n}\n')))
    print(f'{passed} passed, {failed} failed')
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
