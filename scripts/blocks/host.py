# SPDX-License-Identifier: GPL-2.0
"""Commands that are not run on this machine, as they would build for long, or
change it: whether what they name is there.
"""

import pathlib
import re
import shlex
import subprocess

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
# What changes a machine, and has no business in a block that runs on it.
FORBIDDEN = {'insmod', 'rmmod', 'modprobe', 'dkms', 'dpkg', 'reboot', 'mount',
             'depmod', 'systemctl', 'sysctl', 'kexec', 'lintian'}


def output(*command):
    done = subprocess.run(command, cwd=TOP, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def read(path):
    return (TOP / path).read_text()


def check_tiers(words):
    tiers = set(re.findall(r'^([\w.-]+) +\S+ +-t ', read('scripts/test.sh'),
                           re.M))
    return [f'{word} is no tier' for word in words if word not in tiers]


def check_groups(words):
    groups = re.search(r'^all_groups=[\'"]?([^\'"]*)', read('scripts/bench/workloads.sh'),
                       re.M)[1].split()
    return [f'{word} is no group of bench.sh' for word in words
            if word not in groups]


def check_variables(assignments):
    for name, value in assignments:
        if name == 'TIERS':
            yield from check_tiers(value.split())
        elif name == 'BENCH':
            yield from check_groups(value.split())
        elif name.startswith('PYALLOC_'):
            code, _ = output('grep', '-rq', name, 'scripts', 'Makefile')
            if code:
                yield f'nobody reads {name}'


def check_make(words):
    """Words of `make` in our own folder: variables and targets."""
    targets = [word for word in words if '=' not in word and
               not word.startswith('-')]
    yield from check_variables(word.split('=', 1) for word in words
                               if '=' in word)
    for target in targets or ['all']:
        code, said = output('make', '-n', 'KDIR=', target)
        if code:
            yield said.strip().splitlines()[-1]


def check_packages(words):
    for word in words:
        if word.startswith(('-', './', '../')):
            continue
        code, said = output('apt-cache', 'show', '--no-all-versions', word)
        if code or not said.strip():
            yield f'Debian has no package {word}'


def check_script(script, words):
    if not (TOP / script).exists():
        yield f'there is no {script}'
    elif script == 'scripts/test.sh':
        yield from check_tiers(word for word in words if word != '-a')
    elif script == 'scripts/bench.sh':
        yield from check_groups(words)


def split(command):
    """Its assignments and its words, without sudo."""
    try:
        words = shlex.split(command, comments=True)
    except ValueError:
        return [], []
    assignments = []
    while words and (words[0] in ('sudo', 'time') or
                     re.match(r'[A-Z_]+=', words[0])):
        word = words.pop(0)
        if '=' in word:
            assignments.append(word.split('=', 1))
    return assignments, words


def look(command):
    """None if a command is to be run, else what is wrong with it."""
    assignments, words = split(command)
    wrong = list(check_variables(assignments))
    match words:
        case [] | ['cd', *_]:
            return wrong or None
        case ['make', *rest] if '-C' not in rest and 'M=' not in command:
            return wrong + list(check_make(rest))
        case ['apt' | 'apt-get', 'install', *rest]:
            return wrong + list(check_packages(rest))
        case ['apt' | 'apt-get', *_]:
            return wrong
        case [('scripts/test.sh' | 'scripts/bench.sh' | 'scripts/run.sh' |
               'scripts/check.sh' | '.ci/run') as script, *rest]:
            return wrong + list(check_script(script, rest))
        case [word, *_] if word in FORBIDDEN:
            return wrong + [f'{word} changes this machine']
    return wrong or None
