#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""page_test.py PAGE MODULE LISTING: does the module's manual page say what is?

MODULE is pyalloc.ko; LISTING has, of a kernel with it loaded without
parameters, the files in debugfs, a path a line, and the parameters with their
values as `grep . /sys/module/pyalloc/parameters/*` prints them.  The last line
is `N passed, N failed`.
"""

import re
import subprocess
import sys

DEBUGFS = '/sys/kernel/debug/pyalloc/'
PARAMETERS = '/sys/module/pyalloc/parameters/'


def entries(page, section):
    """What a section of the page has: names and the texts after them."""
    body = re.search(rf'^\.SH {section}\n(.*?)^\.SH ', page, re.M | re.S)
    for entry in body[1].split('\n.TP\n')[1:]:
        head, text = entry.split('\n', 1)
        yield head.split()[1], text


def parameters_of_page(page):
    """Names and defaults."""
    found = {}
    for head, text in entries(page, 'MODULE PARAMETERS'):
        default = re.search(r'^Default: (\S+)\.$', text, re.M)
        found[head.rstrip('=')] = default and default[1]
    return found


def files_of_page(page):
    return {name for name, _ in entries(page, 'FILES')}


def parameters_of_module(module):
    said = subprocess.run(['/sbin/modinfo', '-F', 'parm', module], check=True,
                          capture_output=True, text=True).stdout
    return {line.split(':')[0] for line in said.splitlines()}


def files_of_kernel(listing):
    """A heap's name is whatever its client gave it."""
    return {re.sub(r'/heap/[^/]*/', '/heap/NAME/', line)
            for line in listing if line.startswith(DEBUGFS)}


def values_of_kernel(listing):
    found = {}
    for line in listing:
        if line.startswith(PARAMETERS):
            name, value = line[len(PARAMETERS):].split(':', 1)
            found[name] = {'N': '0', 'Y': '1'}.get(value, value)
    return found


def difference(page, real):
    """What one of the two has alone."""
    return ([f'{name} is not in the page' for name in sorted(real - page)] +
            [f'{name} is in the page alone' for name in sorted(page - real)])


def wrong_defaults(page, real):
    return [f'{name} is {real[name]}, and {page.get(name)} in the page'
            for name in sorted(real) if page.get(name) != real[name]]


def warnings_of_groff(path):
    said = subprocess.run(['groff', '-man', '-Tutf8', '-ww', '-z', path],
                          check=False, capture_output=True, text=True)
    return said.stderr.splitlines()


def main():
    path, module, listing = sys.argv[1:]
    with open(path, encoding='utf-8') as file:
        page = file.read()
    with open(listing, encoding='utf-8') as file:
        lines = file.read().replace('\r', '').splitlines()
    parameters = parameters_of_page(page)
    cases = {
        'parameters': difference(set(parameters),
                                 parameters_of_module(module)),
        'defaults': wrong_defaults(parameters, values_of_kernel(lines)),
        'files': difference(files_of_page(page), files_of_kernel(lines)),
        'groff': warnings_of_groff(path),
    }
    for name, troubles in cases.items():
        for trouble in troubles:
            print(f'FAIL {name}: {trouble}')
    failed = sum(bool(troubles) for troubles in cases.values())
    print(f'{len(cases) - failed} passed, {failed} failed')
    return failed > 0


if __name__ == '__main__':
    sys.exit(main())
