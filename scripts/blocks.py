#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""blocks.py [PAGE...]: the code blocks of README.md, the other pages in the
top folder and Documentation/*.rst, a line each: place, language and how
blocks-test.sh runs it.

A block has a language.  `text` is for diagrams and formats and is not run.  Of
every other one a comment right before it, which readers do not see, says how
it is run:

    .. run: guest, after replay          in reStructuredText
    <!-- run: guest, after replay -->    in Markdown

  guest         its commands run in User-Mode Linux, which has pyalloc loaded
                and this machine's programs
  host          they run on this machine, but for those that would build for
                long, or change it: these are looked at (host.py)
  none: REASON  it can't be run
  after NAME    after/NAME.sh runs first, in the guest
  file PATH     it equals that file of ours, or some lines of it
  as PATH       it is kept as that file, for what the page does later
  to PATH       the same, at the end of that file
  in PATH       its commands run in that folder
  with NAME     a part of a C file that with/NAME.h makes whole

`sh` is commands.  In `console` a line `$ COMMAND` is one, and what stands
under it is all that it says, where figures may differ and `...` stands for
anything.  The blocks of a page run in their order, in one boot and one copy of
the tree, in which the modules are built; each begins in its top folder.  `c` needs no comment: it is
built.
"""

import pathlib
import re
import sys
from typing import NamedTuple

TOP = pathlib.Path(__file__).resolve().parent.parent
PAGES = '*.md', 'Documentation/*.rst'

WORDS = {'guest': False, 'host': False, 'none': True, 'after': True,
         'file': True, 'as': True, 'to': True, 'in': True, 'with': True}
COMMANDS = 'sh', 'console'


class Wrong(Exception):
    """What is wrong with a block, in a line."""


class Block(NamedTuple):
    page: str
    line: int
    language: str
    comment: str
    text: str
    first: int = 0      # the line of the text's first

    @property
    def place(self):
        return f'{self.page}:{self.line}'

    @property
    def run(self):
        """What the comment says, as a dictionary of its words."""
        found = {}
        if self.comment.startswith('none:'):
            return {'none': self.comment.removeprefix('none:').strip()}
        for part in filter(None, re.split(r',\s*', self.comment)):
            word, _, value = part.partition(' ')
            if word not in WORDS or WORDS[word] != bool(value):
                raise Wrong(f'"{part}" is no way to run a block')
            found[word] = value.strip()
        return found

    def check(self):
        """Raise Wrong unless it says what it is and how it is run."""
        if not self.language:
            raise Wrong('it has no language')
        run = self.run
        if self.language == 'text':
            if re.search(r'^(\$ |pyalloc: )', self.text, re.M) and not run:
                raise Wrong('commands and the log are no text')
        elif self.language in COMMANDS:
            if not run.keys() & {'guest', 'host', 'none', 'as', 'to'}:
                raise Wrong('it does not say where it runs')
        elif self.language != 'c' and not run:
            raise Wrong('it does not say how it is run')
        if run.get('none') == '':
            raise Wrong('it does not say why it is not run')


def indentation(line):
    return len(line) - len(line.lstrip())


def body(lines, start, indent):
    """The lines from start on that stand deeper than indent, and the next."""
    end = start
    while end < len(lines) and (not lines[end].strip() or
                                indentation(lines[end]) > indent):
        end += 1
    found = lines[start:end]
    while found and not found[-1].strip():
        found.pop()
    return found, end


def dedent(lines):
    depth = min((indentation(line) for line in lines if line.strip()),
                default=0)
    return ''.join(line[depth:].rstrip() + '\n' for line in lines)


def options(lines):
    """How many lines of a directive's body are options or empty."""
    number = 0
    while number < len(lines) and (not lines[number].strip() or
                                   re.match(r'\s*:[\w-]+:', lines[number])):
        number += 1
    return number


def read_rst(page, lines):
    at, comment = 0, ''
    while at < len(lines):
        line, here, indent = lines[at], at + 1, indentation(lines[at])
        at += 1
        if found := re.match(r'\s*\.\. run: (.*)', line):
            more, at = body(lines, at, indent)
            comment = ' '.join([found[1], *(part.strip() for part in more)])
            continue
        if found := re.match(r'\s*\.\. (?:code-block|code|sourcecode)::(.*)',
                             line):
            found_body, at = body(lines, at, indent)
            skipped = options(found_body)
            yield Block(page, here, found[1].strip(), comment,
                        dedent(found_body[skipped:]), here + skipped + 1)
        elif re.match(r'(?!\s*\.\. ).*::\s*$', line) or \
                re.match(r'\s*\.\. parsed-literal::', line):
            found_body, at = body(lines, at, indent)
            yield Block(page, here, '', comment, dedent(found_body))
        elif not line.strip():
            continue
        elif comment:
            yield Block(page, here, '', comment, '')
        comment = ''


def read_md(page, lines):
    at, comment, in_list, before = 0, '', False, ''
    while at < len(lines):
        line, here = lines[at], at + 1
        at += 1
        if found := re.match(r'\s*<!-- run: (.*?) *-->', line):
            comment = found[1]
            continue
        if found := re.match(r'(\s*)(```+|~~~+)\s*(\S*)', line):
            start = at
            while at < len(lines) and lines[at].strip() != found[2]:
                at += 1
            yield Block(page, here, found[3], comment,
                        dedent(lines[start:at]), start + 1)
            at += 1
        elif line.startswith(('    ', '\t')) and not in_list and not before:
            found_body, at = body(lines, at - 1, 0)
            yield Block(page, here, '', comment, dedent(found_body))
        elif comment and line.strip():
            yield Block(page, here, '', comment, '')
        elif line.strip() and not line.startswith(' '):
            in_list = bool(re.match(r'([-*+]|\d+\.) ', line))
        before = line.strip()
        comment = comment if not before else ''


def pages(top=TOP):
    return [str(path.relative_to(top)) for pattern in PAGES
            for path in sorted(top.glob(pattern))]


def read(page, top=TOP):
    lines = (top / page).read_text().split('\n')
    reader = read_md if page.endswith('.md') else read_rst
    return list(reader(page, lines))


def main():
    for page in sys.argv[1:] or pages():
        for block in read(page):
            print(f'{block.place}: {block.language or "?"}: '
                  f'{block.comment or "-"}')


if __name__ == '__main__':
    main()
