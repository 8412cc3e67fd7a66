#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""options_test.py: do each tool, its --help and its man page agree on its
options, and each script in scripts/ and the comment at its top?

Looks at every program in tools/; those that are compiled are built first.  The
last line is `N passed, N failed`.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

TOOLS = pathlib.Path(__file__).resolve().parent
SCRIPTS = TOOLS.parent / 'scripts'
OPTION = re.compile(r'(?<![\w-])--?[A-Za-z][\w-]*')
REFUSED = re.compile(r'unrecogni[sz]ed|invalid option|unknown option', re.I)
# A page in words, as wide as it takes to break none.
MAN = {'MANWIDTH': '500', 'MANROFFOPT': '-c', 'LC_ALL': 'C.UTF-8'}

passed = failed = 0


def check(name, wrong):
    """Count a case, with what is wrong in it."""
    global passed, failed
    wrong = list(wrong)
    passed, failed = passed + (not wrong), failed + bool(wrong)
    for line in wrong:
        print(f'FAIL {name}: {line}')


def run(*command, **more):
    """What a command says, on both streams, and its status."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command, text=True, errors='replace', cwd=folder, timeout=60,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=os.environ | more)
    return done.stdout, done.returncode


def entries(text):
    """Options that have a line of their own: what stands first in it."""
    for line in text.splitlines():
        if found := re.match(r' {1,11}(-.*?)(?:  |$)', line):
            yield from OPTION.findall(found[1])


def helps(tool):
    """The --help of a tool and of its commands, by their names."""
    text, _ = run(tool, '--help')
    found = {'': text}
    commands = text.partition('positional arguments:')[2].partition('\n\n')[0]
    for command in re.findall(r'^    (\w+)  ', commands, re.M):
        found[command], _ = run(tool, command, '--help')
    return found


def page_text(page):
    text, _ = run('man', '-l', page, **MAN)
    return re.sub('.\b', '', text)


def differences(helped, paged):
    yield from (f'{option} is in --help and not in the man page'
                for option in sorted(helped - paged))
    yield from (f'{option} is in the man page and not in --help'
                for option in sorted(paged - helped))


def not_taken(tool, found):
    """Options that --help has and the tool does not."""
    for command, text in found.items():
        words = [tool] + [command] * bool(command)
        for option in sorted(set(entries(text))):
            said, status = run(*words, option, TERM='dumb')
            if REFUSED.search(said) or status < 0:
                yield f'{command} {option}: {said.strip()}'


def no_refusal(tool, found):
    """Whether an option that is none is not called that, in a line."""
    heard = []
    for command in found:
        said, status = run(tool, *filter(None, [command]), '--no-such-option')
        heard.append(said)
        if status <= 0 or 'Traceback' in said:
            yield f'{command} ends with {status}: {said.strip()}'
    # What a command can't do without may be missed first.
    if not any('no-such-option' in said or 'required' in said
               for said in heard[1:] or heard):
        yield f'--no-such-option is not named: {heard[0].strip()}'


def lint(page):
    """What the two readers of man pages complain of."""
    said, _ = run('man', '--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z',
                  page, **MAN)
    yield from (line for line in said.splitlines() if 'warning' in line)
    said, _ = run('mandoc', '-T', 'lint', '-W', 'warning', page)
    # Pages have no date on purpose: their release is what counts.
    yield from (line for line in said.splitlines()
                if 'missing date' not in line)


def check_tool(tool, found, known):
    """A tool whose helps are found, where all tools know some options."""
    page = TOOLS / f'{tool.name}.1'
    if not page.exists():
        return check(tool.name, ['it has no man page'])
    helped = {option for text in found.values() for option in entries(text)}
    text = page_text(page)
    spoken = set(OPTION.findall(text))
    check(f'{tool.name} options', differences(
        helped, set(entries(text)) | spoken & helped))
    check(f'{tool.name} speaks', (
        f'the man page speaks of {option}' for option in sorted(spoken - known)
        if option.startswith('--')))
    check(f'{tool.name} takes', not_taken(tool, found))
    check(f'{tool.name} refuses', no_refusal(tool, found))


def check_script(script):
    """Letters that a script takes, and those that its top tells."""
    text = script.read_text()
    top = re.split(r'^(?!#)', text, maxsplit=1, flags=re.M)[0]
    told = set(re.findall(r'(?<![\w-])-([A-Za-z])\b', top))
    taken = set(re.findall(r'^\s*-([A-Za-z])\)', text, re.M))
    for letters in re.findall(r'\bgetopts (\S+)', text):
        taken |= set(letters) - {':'}
    taken |= set(re.findall(r'\$\{1:-\}" = -([A-Za-z])\b', text))
    check(script.name, differences({f'-{letter}' for letter in taken},
                                   {f'-{letter}' for letter in told}))


def tools():
    """Programs in tools/, and those that are compiled from a folder of it."""
    for path in sorted(TOOLS.iterdir()):
        if path.is_file() and os.access(path, os.X_OK) and not path.suffix:
            yield path
    for makefile in sorted(TOOLS.glob('*/Makefile')):
        built = TOOLS.parent / 'build/tools'
        built.mkdir(parents=True, exist_ok=True)
        said, status = run('make', '-C', makefile.parent, f'O={built}')
        check(f'{makefile.parent.name} builds', [said] if status else [])
        if not status:
            yield built / makefile.parent.name


def main():
    found = {tool: helps(tool) for tool in tools()}
    known = {option for texts in found.values() for text in texts.values()
             for option in entries(text)}
    for tool, texts in found.items():
        check_tool(tool, texts, known)
    for page in sorted(TOOLS.glob('*.[1-9]')) + sorted(
            TOOLS.parent.glob('Documentation/man/*.[1-9]')):
        check(page.name, lint(page))
    for script in sorted(SCRIPTS.glob('*.sh')):
        check_script(script)
    print(f'{passed} passed, {failed} failed')
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
