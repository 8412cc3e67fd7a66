#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""docs_test.py: builds the documentation (htmldocs.sh) and asks it whether it
has all that there is: symbols, files of debugfs, parameters, pages, pictures,
and whether its links lead anywhere.

The last line is `N passed, N failed`.
"""

import html.parser
import pathlib
import re
import subprocess
import sys
import tempfile
from urllib.parse import unquote

TOP = pathlib.Path(__file__).resolve().parent.parent
DOCS = TOP / 'Documentation'
IMAGES = DOCS / 'images'
HTML = TOP / 'build' / 'html'
DEBUGFS = '/sys/kernel/debug/pyalloc/'


def sources(*patterns):
    """The text of all files that match."""
    return '\n'.join(path.read_text() for pattern in patterns
                     for path in sorted(TOP.glob(pattern)))


def without_comments(text):
    return re.sub(r'/\*.*?\*/', ' ', text, flags=re.S)


class Page(html.parser.HTMLParser):
    """A built page: its links, places to link to, and symbols.

    entries has for each described symbol the words from its signature to the
    next one's, and signatures the words of that alone.
    """

    def __init__(self, path):
        super().__init__()
        self.links, self.places, self.words = [], set(), []
        self.entries, self.signatures = {}, {}
        self.symbol = self.in_signature = None
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if 'id' in attributes:
            self.places.add(attributes['id'])
        self.links += [attributes[name] for name in ('href', 'src')
                       if attributes.get(name)]
        if tag == 'dt' and attributes.get('id', '').startswith('c.'):
            self.symbol = self.in_signature = attributes['id'][2:]
            self.entries[self.symbol] = ''
            self.signatures[self.symbol] = ''
        elif tag in ('h1', 'h2', 'h3'):
            self.symbol = None

    def handle_endtag(self, tag):
        if tag == 'dt':
            self.in_signature = None

    def handle_data(self, data):
        self.words.append(data)
        if self.in_signature:
            self.signatures[self.symbol] += data
        elif self.symbol:
            self.entries[self.symbol] += data

    @property
    def text(self):
        return ''.join(self.words)


# === Each check gives the mistakes it finds, a line each ===

def exported():
    return re.findall(r'EXPORT_SYMBOL_GPL\((\w+)\);', sources('pyalloc/*.c'))


def public_symbols():
    """What is exported, and declared for clients."""
    headers = without_comments(sources('include/linux/*.h'))
    return {symbol for symbol in exported()
            if re.search(rf'\b{symbol}\b', headers)}


def returns_nothing(signature):
    return re.match(r'(notrace\s+)?void\s+\w', ' '.join(signature.split()))


def undocumented(page):
    """A symbol has an entry with its contexts, or stands behind another."""
    behind = page.text[page.text.rindex('Symbols behind these'):]
    for symbol in sorted(public_symbols()):
        entry = page.entries.get(symbol)
        if entry is None:
            if not re.search(rf'\b{symbol}\b', behind):
                yield f'{symbol} is exported and not in api.rst'
            continue
        if 'Context' not in entry:
            yield f'{symbol} has no Context'
        if 'Return' not in entry and \
                not returns_nothing(page.signatures[symbol]):
            yield f'{symbol} has no Return'


def undescribed(page):
    """Whatever kernel-doc a public header has is in the page."""
    for name in re.findall(r'^/\*\*\n \* (?:struct |enum )?(\w+)(?:\(\))? - ',
                           sources('include/linux/*.h'), re.M):
        if name not in page.entries:
            yield f'{name} has a description that api.rst leaves out'


def is_private(symbol):
    """Private headers have it; no client can mean it."""
    headers = without_comments(sources('pyalloc/*.h', 'kunit/*.h'))
    return re.search(rf'\b{symbol}\b', headers)


def stray_symbols():
    for symbol in sorted(set(exported()) - public_symbols()):
        if not is_private(symbol):
            yield f'{symbol} is exported, and no header has it'


def debugfs_files():
    """The files' names, as the code makes them."""
    return re.findall(r'debugfs_create_file(?:_unsafe)?\(\s*"(\w+)"',
                      sources('pyalloc/debugfs*.c'))


def missing_files(page):
    """Each file has an entry in the ABI, and each entry a file."""
    files = debugfs_files()
    entries = re.findall(rf'{DEBUGFS}([\w/<>]*)', page.text)
    names = {entry.split('/')[-1] for entry in entries}
    yield from (f'{name} of debugfs is not in debugfs.rst'
                for name in files if name not in names)
    whats = re.findall(rf'^What:\s+{DEBUGFS}(\S*)$',
                       sources('Documentation/ABI/testing/*'), re.M)
    yield from (f'the ABI has {what}, and debugfs has not' for what in whats
                if what and what.split('/')[-1] not in files)
    # The page begins with a table for people.
    table = page.text[:page.text.index('What follows is')]
    yield from (f'{what} is not in the table of debugfs.rst' for what in whats
                if what and not re.search(
                    rf'\b{"trace/" if "/" in what else what}', table)
                and what.split('/')[0] not in ('heap',))


def missing_parameters():
    made = set(re.findall(r'^module_param\((\w+)', sources('pyalloc/*.c'),
                          re.M))
    told = set(re.findall(r'^   \* - ``(\w+)``',
                          (DOCS / 'parameters.rst').read_text(), re.M))
    yield from (f'parameter {name} is not in parameters.rst'
                for name in made - told)
    yield from (f'parameters.rst has {name}, and the module has not'
                for name in told - made)


def toctree(page):
    """The pages that a page's tables of contents name."""
    text = (DOCS / f'{page}.rst').read_text()
    for block in re.findall(r'^\.\. toctree::\n((?:(?: +.*)?\n)*)', text,
                            re.M):
        yield from (line.strip() for line in block.splitlines()
                    if line.strip() and not line.strip().startswith(':'))


def unreachable_pages():
    seen, left = set(), ['index']
    while left:
        page = left.pop()
        if page not in seen and (DOCS / f'{page}.rst').exists():
            seen.add(page)
            left += toctree(page)
    for path in sorted(DOCS.glob('*.rst')):
        if path.stem not in seen:
            yield f'no way leads from index.rst to {path.name}'


def texts():
    return sorted([*TOP.glob('*.md'), *DOCS.glob('*.rst')])


def pictures_of(path):
    """The pictures that a page shows, as paths."""
    text = path.read_text()
    found = re.findall(r'^\.\. (?:figure|image):: (\S+)', text, re.M) + \
        re.findall(r'!\[[^]]*\]\(([^)\s]+)', text) + \
        re.findall(r'<img[^>]*\bsrc="([^"]+)"', text)
    return [(path.parent / name).resolve() for name in found
            if '://' not in name]


def wrong_pictures():
    shown = {picture: path for path in texts()
             for picture in pictures_of(path)}
    yield from (f'{path.name} shows {picture.name}, which is not there'
                for picture, path in shown.items() if not picture.exists())
    for picture in sorted([*IMAGES.rglob('*.svg'), *IMAGES.rglob('*.png')]):
        if picture.resolve() not in shown:
            yield f'nobody shows {picture.relative_to(TOP)}'


def stale_pictures():
    """draw.py draws what lies there."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, IMAGES / 'draw.py', folder],
                       check=True)
        drawn = sorted(pathlib.Path(folder).iterdir())
        assert drawn
        yield from (f'{one.name} is not what draw.py draws' for one in drawn
                    if not (IMAGES / one.name).exists() or
                    one.read_text() != (IMAGES / one.name).read_text())


def dead_links():
    """Links of pages as they are in the tree."""
    for path in texts():
        text = path.read_text()
        links = re.findall(r'\]\(([^)\s]+)\)', text) \
            if path.suffix == '.md' else \
            re.findall(r'`[^`<]*<([^`>]+)>`__?', text)
        for link in links:
            target = link.split('#')[0]
            if target and '://' not in link and \
                    not link.startswith('mailto:') and \
                    not (path.parent / target).exists():
                yield f'{path.name} leads to {link}, which is not there'


def dead_paths():
    """Paths of Documentation that any file names."""
    named = re.compile(r'\bDocumentation/[\w./-]*\w')
    for path in [*texts(), *TOP.glob('pyalloc/*.[ch]'), TOP / 'Kconfig',
                 *TOP.glob('include/linux/*.h'), *TOP.glob('samples/*/*.c')]:
        for name in named.findall(path.read_text()):
            # What stands in a kernel tree, or is a family of files.
            if name.startswith('Documentation/mm/') or \
                    (TOP / name).exists() or \
                    any(DOCS.parent.glob(name + '*')):
                continue
            yield f'{path.relative_to(TOP)} names {name}, which is not there'


def dead_html_links(pages):
    for path, page in pages.items():
        for link in page.links:
            if '://' in link or link.startswith(('mailto:', 'data:')):
                continue
            target, _, place = link.partition('#')
            to = (path.parent / unquote(target)).resolve() if target else path
            if not to.exists():
                yield f'{path.name} leads to {link}, which is not there'
            elif place and to in pages and \
                    unquote(place) not in pages[to].places:
                yield f'{path.name} leads to {link}, where nothing is'


def build():
    done = subprocess.run([TOP / 'scripts' / 'htmldocs.sh'], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout.splitlines() if done.returncode else []


def judge(name, mistakes):
    """One result: passed without a mistake."""
    mistakes = list(mistakes)
    for mistake in mistakes:
        print(f'FAIL docs: {name}: {mistake}')
    return not mistakes


def main():
    results = [judge('builds without a warning', build())]
    pages = {path.resolve(): Page(path) for path in HTML.glob('*.html')}
    api = pages.get(HTML / 'api.html')
    debugfs = pages.get(HTML / 'debugfs.html')
    if not api or not debugfs:
        print('FAIL docs: there are no pages\n0 passed, 1 failed')
        return 1
    checks = {
        'symbols': undocumented(api),
        'descriptions': undescribed(api),
        'symbols for tests': stray_symbols(),
        'debugfs': missing_files(debugfs),
        'parameters': missing_parameters(),
        'pages': unreachable_pages(),
        'pictures': wrong_pictures(),
        'drawn pictures': stale_pictures(),
        'links': dead_links(),
        'paths': dead_paths(),
        'links of the built pages': dead_html_links(pages),
    }
    results += [judge(name, check) for name, check in checks.items()]
    print(f'{results.count(True)} passed, {results.count(False)} failed')
    return False in results


if __name__ == '__main__':
    sys.exit(main())
