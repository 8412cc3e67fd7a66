# SPDX-License-Identifier: GPL-2.0
"""What a page shows a command to say, and whether it says that.

Figures and addresses may differ, `...` stands for anything, a line of it
alone for any number of lines, and how columns are spaced does not matter.
The log's time stamps are nobody's business.
"""

import re

SIGN = r'(?:(?<![\w.])[+-])?'
# What differs from run to run, and what may stand in its place.
FIGURES = [
    (r'\.\.\.', r'.*'),
    (r'0x[0-9a-f]+', r'0x[0-9a-f]+'),
    (r'\b(?=[a-f]*[0-9])[0-9a-f]{8,}\b',
     r'(?:[0-9a-f]{8,}|\d+|\(____ptrval____\))'),
    (f'{SIGN}\\d+(?:\\.\\d+)? (?:[KMGT]i)?B\\b',
     r'[+-]?\d+(?:\.\d+)? (?:[KMGT]i)?B'),
    (f'{SIGN}\\d+(?:[.,]\\d+)*', r'[+-]?\d+(?:[.,]\d+)*'),
    (r'\s+', r'\\s+'),
]
TOKEN = re.compile('|'.join(f'({figure})' for figure, _ in FIGURES))
STAMP = re.compile(r'^(<\d+>)?\[ *\d+\.\d+\] ')


def pattern(line):
    """The regular expression for a line."""
    found, at = '', 0
    for token in TOKEN.finditer(line):
        found += re.escape(line[at:token.start()])
        found += FIGURES[token.lastindex - 1][1].replace('\\\\', '\\')
        at = token.end()
    return re.compile(found + re.escape(line[at:]))


def plain(line):
    return STAMP.sub('', line).strip()


def lines_of(text):
    lines = [plain(line) for line in text.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def difference(expected, said):
    """None if a text is what was expected of it, else why not, in a line."""
    wanted, got = lines_of(expected), lines_of(said)
    reached = {0}
    for number, line in enumerate(wanted):
        if line == '...':
            reached = set(range(min(reached), len(got) + 1))
            continue
        form = pattern(line)
        after = {at + 1 for at in reached
                 if at < len(got) and form.fullmatch(got[at])}
        if not after:
            return missing(wanted, number, got, max(reached), min(reached))
        reached = after
    if len(got) not in reached:
        return f'it says more: "{got[max(reached)]}"'
    return None


def missing(wanted, number, got, last, first):
    line = wanted[number]
    if number and wanted[number - 1] == '...':
        return f'"{line}" does not come after line {first}'
    if last >= len(got):
        return f'"{line}" does not come'
    return f'"{line}" is to come, and there is "{got[last]}"'
