# SPDX-License-Identifier: GPL-2.0
"""A small store of linked documents: the program that `make run` records.

Writes a library of articles in a simple markup, parses them into trees, keeps
them in a store with an index of words and a graph of links, ranks them, and
answers questions about them, while some are edited and others removed.  What
it does is what such programs do: many small objects, some of which live long.
It prints what it found.
"""

import collections
import heapq
import json
import random
import re
import sys

WORDS = ("arena block pool heap page cache node queue tree leaf graph edge "
         "path field record table index query store shard log lock thread "
         "event timer signal frame packet route link socket stream buffer "
         "cursor parser token symbol scope module object method value type "
         "string number list tuple set map key hash slot entry").split()

LINK = re.compile(r"\[\[([a-z0-9-]+)\]\]")
WORD = re.compile(r"[a-z]+")


class Element:
    """A node of a parsed article."""

    def __init__(self, kind, text="", level=0):
        self.kind = kind
        self.text = text
        self.level = level
        self.children = []

    def walk(self):
        yield self
        for child in self.children:
            yield from child.walk()

    def to_dict(self):
        return {"kind": self.kind, "text": self.text, "level": self.level,
                "children": [child.to_dict() for child in self.children]}

    @classmethod
    def from_dict(cls, data):
        element = cls(data["kind"], data["text"], data["level"])
        element.children = [cls.from_dict(child)
                            for child in data["children"]]
        return element


def parse(source):
    """Headings nest by their level; items gather in lists."""
    root = Element("article")
    path = [root]
    for line in source.splitlines():
        line = line.strip()
        if not line:
            continue
        if line.startswith("#"):
            marks, _, title = line.partition(" ")
            while path[-1].level >= len(marks):
                path.pop()
            section = Element("section", title, len(marks))
            path[-1].children.append(section)
            path.append(section)
        elif line.startswith("- "):
            siblings = path[-1].children
            if not siblings or siblings[-1].kind != "list":
                siblings.append(Element("list"))
            siblings[-1].children.append(Element("item", line[2:]))
        else:
            path[-1].children.append(Element("paragraph", line))
    return root


class Store:
    """Articles by name, with the words and the links that are in them."""

    def __init__(self):
        self.articles = {}
        self.index = collections.defaultdict(dict)
        self.links = {}

    def add(self, name, source):
        self.remove(name)
        tree = parse(source)
        self.articles[name] = tree
        self.links[name] = set()
        for element in tree.walk():
            self.links[name].update(LINK.findall(element.text))
            for word in WORD.findall(element.text):
                places = self.index[word]
                places[name] = places.get(name, 0) + 1

    def remove(self, name):
        if self.articles.pop(name, None) is None:
            return
        del self.links[name]
        for word in [word for word, places in self.index.items()
                     if places.pop(name, None) and not places]:
            del self.index[word]

    def search(self, words, limit=5):
        """The articles with all of the words, best first."""
        found = None
        for word in words:
            names = set(self.index.get(word, ()))
            found = names if found is None else found & names
        scored = ((sum(self.index[word][name] for word in words), name)
                  for name in found or ())
        return heapq.nlargest(limit, scored)

    def rank(self, rounds=8):
        """Importance by who links to whom."""
        rank = dict.fromkeys(self.links, 1.0)
        for _ in range(rounds):
            after = dict.fromkeys(self.links, 0.15)
            for name, targets in self.links.items():
                known = [target for target in targets if target in after]
                for target in known:
                    after[target] += 0.85 * rank[name] / len(known)
            rank = after
        return rank

    def route(self, start, goal):
        """The shortest way from one article to another, by links."""
        before = {start: None}
        queue = collections.deque([start])
        while queue:
            name = queue.popleft()
            if name == goal:
                break
            for target in sorted(self.links.get(name, ())):
                if target in self.links and target not in before:
                    before[target] = name
                    queue.append(target)
        way = []
        name = goal if goal in before else None
        while name is not None:
            way.append(name)
            name = before[name]
        return way[::-1]

    def save(self):
        return json.dumps({name: tree.to_dict()
                           for name, tree in self.articles.items()})

    @staticmethod
    def load(text):
        return {name: Element.from_dict(data)
                for name, data in json.loads(text).items()}


class Author:
    """Writes articles, always the same ones for the same seed."""

    def __init__(self, seed, articles):
        self.random = random.Random(seed)
        self.names = [f"{self.random.choice(WORDS)}-{number}"
                      for number in range(articles)]

    def sentence(self):
        words = self.random.choices(WORDS, k=self.random.randint(5, 14))
        if self.random.random() < 0.3:
            words.append(f"[[{self.random.choice(self.names)}]]")
        return " ".join(words)

    def article(self, name):
        lines = [f"# {name}"]
        for _ in range(self.random.randint(1, 4)):
            lines.append(f"## {self.random.choice(WORDS)}")
            for _ in range(self.random.randint(1, 3)):
                lines.append(self.sentence())
            for _ in range(self.random.randint(0, 4)):
                lines.append(f"- {self.sentence()}")
        return "\n".join(lines)


def main(articles=140):
    author = Author(1, articles)
    store = Store()
    for name in author.names:
        store.add(name, author.article(name))
    print(f"{len(store.articles)} articles, {len(store.index)} words, "
          f"{sum(map(len, store.links.values()))} links")

    best = heapq.nlargest(3, store.rank().items(), key=lambda pair: pair[1])
    print("most linked:", ", ".join(name for name, _ in best))

    answers = 0
    for _ in range(articles):
        answers += len(store.search(author.random.sample(WORDS, 2)))
    print(f"{answers} answers to {articles} searches")

    routes = [store.route(*author.random.sample(author.names, 2))
              for _ in range(articles // 20)]
    print("longest route:", " > ".join(max(routes, key=len)))

    for name in author.random.sample(author.names, articles // 4):
        store.add(name, author.article(name))
    text = store.save()
    copies = Store.load(text)
    print(f"saved {len(text)} characters, loaded {len(copies)} articles")

    for name in author.names[::2]:
        store.remove(name)
    best = heapq.nlargest(3, store.rank().items(), key=lambda pair: pair[1])
    print("after half are gone:", ", ".join(name for name, _ in best))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
