# SPDX-License-Identifier: GPL-2.0
"""Looks into pyalloc from outside: whose is this address, which heaps are
there, what lies in a pool.

Nothing here runs in the kernel that is looked at, takes a lock or trusts a
pointer more than it has to: what can't be read is told as such.  A debugger
lends its eyes by way of a Target; drgn's and gdb's are in pyalloc.py and
pyalloc-gdb.py.  Structures are laid out as the debugger's DWARF says.  What
DWARF does not have, names of macros, is below.

pyalloc's own variables are found by the symbols that the kernel keeps of the
module, so no debugger needs to know where it was loaded.
"""

import bisect

GRANULE_SHIFT = 12          # map.h: PYGRANULE_SHIFT
GRANULE = 1 << GRANULE_SHIFT
ARENA_SHIFT = 8             # map.h: PYMAP_ARENA_SHIFT
HOOK_HEAD = 16              # hook.h: PYHOOK_HEAD
MARK_SHIFT = 15             # mark.h: PYMARK_SHIFT
SITE_GONE = 1               # site.h: PYSITE_GONE
DEPOT_ALIGN = 4             # the kernel's stack depot: a handle's steps
NEAR_BITS = 128             # heap.h: a pool's bits that lie in its descriptor
CHUNK = 128                 # map.h: PYMAP_PER_CHUNK
DOMAINS = ('raw', 'mem', 'object')
SOURCES = ('auto', 'pages', 'vmalloc')

USAGE = 'whereis ADDRESS... | heaps | arenas HEAP | pool ADDRESS'

WHEREIS_COLUMNS = ('address heap arena source node pool class kind size block '
                   'offset state domain bytes age_ms site')
HEAPS_COLUMNS = 'name classes blocks cached_blocks pools arenas arena_bytes'
ARENAS_COLUMNS = 'id source node kib pools free_pools blocks bytes map'
POOL_COLUMNS = 'block address state domain bytes site'


class Unreadable(Exception):
    """What was asked about is not there to be read."""


class Target:
    """What a debugger has to provide.

    bits, order, page  64, 'little' and 4096, of the kernel that is looked at
    read(address, n)   n bytes of its memory, or Unreadable
    symbol(name)       where the kernel, not a module, has it, or None
    name_of(address)   (name, offset) of the kernel's own code, or None
    type(name)         a Type, by a name such as `struct pypool`, or None
    constant(name)     an enumerator's value
    """

    bits = 64
    order = 'little'
    page = 4096

    def word(self, address):
        return self.number(address, self.bits // 8)

    def number(self, address, size):
        return int.from_bytes(self.read(address & self.mask, size), self.order)

    @property
    def mask(self):
        return (1 << self.bits) - 1


class Type:
    """How something lies in memory: a number, a struct or an array of those."""

    def __init__(self, size, signed=False, members=None, element=None,
                 count=0):
        self.size = size
        self.signed = signed
        self.members = members      # name: Member; bits is 0 but for a field
        self.element = element
        self.count = count


class Member:
    """(Type, offset in bits, bits) of a member; the first is worked out when it
    is asked for, as types lead to each other."""

    def __init__(self, convert, kind, at, bits):
        self.convert, self.kind, self.rest = convert, kind, (at, bits)
        self.done = None

    def __iter__(self):
        return iter((self[0],) + self.rest)

    def __getitem__(self, i):
        if i:
            return self.rest[i - 1]
        if not self.done:
            self.done = self.convert(self.kind)
        return self.done


class Struct:
    """A struct in the target's memory, whose members are attributes."""

    def __init__(self, target, kind, address):
        self.target_, self.type_ = target, kind
        self.address_ = address & target.mask

    def __getattr__(self, name):
        try:
            kind, at, bits = self.type_.members[name]
        except KeyError:
            raise AttributeError(name) from None
        value = view(self.target_, kind, self.address_ + at // 8)
        if bits:
            value = value >> at % 8 & (1 << bits) - 1
        return value

    def has(self, name):
        return name in self.type_.members

    @property
    def class_(self):
        """A member whose name is a word of Python's."""
        return self.__getattr__('class')

    def at(self, name):
        """A member's address."""
        return self.address_ + self.type_.members[name][1] // 8


class Array:
    """An array in the target's memory; one without a length goes on."""

    def __init__(self, target, kind, address):
        self.target_, self.type_, self.address_ = target, kind, address

    def __getitem__(self, i):
        if self.type_.count and not 0 <= i < self.type_.count:
            raise IndexError(i)
        return view(self.target_, self.type_.element,
                    self.address_ + i * self.type_.element.size)

    def __len__(self):
        return self.type_.count


def view(target, kind, address):
    if kind.members is not None:
        return Struct(target, kind, address)
    if kind.element:
        return Array(target, kind, address)
    data = target.read(address & target.mask, kind.size)
    return int.from_bytes(data, target.order, signed=kind.signed)


class Symbols:
    """The symbols of one module, as the kernel keeps them."""

    def __init__(self, target, module):
        table = Struct(target, target.type('struct mod_kallsyms'),
                       module.kallsyms)
        entry = 24 if target.bits == 64 else 16
        data = target.read(table.symtab, entry * table.num_symtab)
        names = {}
        order = target.order
        for at in range(0, len(data), entry):
            name = int.from_bytes(data[at:at + 4], order)
            value = data[at + 8:at + 16] if entry == 24 else data[at + 4:at + 8]
            names.setdefault(name, []).append(int.from_bytes(value, order))
        end = max(names, default=0) + 512
        text = self.text(target, table.strtab, end)
        self.values = {}
        for name, values in names.items():
            word = text[name:text.find(b'\0', name)].decode('ascii', 'replace')
            if word:
                self.values.setdefault(word, []).extend(values)
        pairs = sorted((value, word) for word, values in self.values.items()
                       for value in values)
        self.addresses = [value for value, _ in pairs]
        self.words = [word for _, word in pairs]

    @staticmethod
    def text(target, address, size):
        """The names, of which the last may end where memory does."""
        while True:
            try:
                return target.read(address, size) + b'\0'
            except Unreadable:
                size -= 64
                if size <= 0:
                    raise

    def name_of(self, address):
        i = bisect.bisect_right(self.addresses, address) - 1
        return self.words[i], address - self.addresses[i]


class Where(dict):
    """A row of whereis, by column."""

    def __missing__(self, column):
        return '-'

    def __str__(self):
        return ' '.join(str(self[name]) for name in WHEREIS_COLUMNS.split())


class Pyalloc:
    """The module in a target."""

    def __init__(self, target):
        self.target = target
        self.symbols = {}
        self.ranges = []
        for name, module in modules(target):
            self.ranges += [(at, size, name) for at, size in spans(module)]
            if module.kallsyms:
                self.symbols[name] = module
        if 'pyalloc' not in self.symbols:
            raise Unreadable('pyalloc is not loaded there')
        self.own = self.symbols_of('pyalloc')
        if not target.type('struct pyheap'):
            raise Unreadable('no types of pyalloc: load the debug information '
                             'of pyalloc.ko')
        self.states = {target.constant('PYPOOL_' + name): name.lower()
                       for name in ('FULL', 'TAIL', 'NONE', 'HOLE',
                                    'CONDEMNED')}
        self.full = target.constant('PYPOOL_FULL')
        # heap.h: clients' classes, the heap's own, and the first twice more.
        self.classes = self.members('pyclasses')['class'][0].count
        self.class_max = self.members('pyfront')['swapped_at'][0].count
        self.decorated = self.classes - 2 * self.class_max
        self.sampled = self.classes - self.class_max
        # map.h: a leaf is a page of entries of 4 bytes.
        self.leaf_bytes = GRANULE * target.page // 4
        self.caches = {}

    # === The kernel ===

    def list_of(self, name, kind, member):
        return list_of(self.target, self.variable(name),
                       self.target.type('struct ' + kind), member)

    def symbols_of(self, name):
        if not isinstance(self.symbols[name], Symbols):
            self.symbols[name] = Symbols(self.target, self.symbols[name])
        return self.symbols[name]

    def variable(self, name, which=0):
        """Where pyalloc has a variable; of those with one name, as linked."""
        try:
            return self.own.values[name][which]
        except (KeyError, IndexError):
            raise Unreadable('pyalloc has no ' + name) from None

    def pointer(self, name, which=0):
        return self.target.word(self.variable(name, which))

    def struct(self, name, address):
        return Struct(self.target, self.target.type('struct ' + name), address)

    def members(self, name):
        return self.target.type('struct ' + name).members

    def text_at(self, address, most=64):
        return text_at(self.target, address, most)

    def cpus(self):
        """What is added to a per-CPU pointer, for each possible CPU."""
        offsets = self.target.symbol('__per_cpu_offset')
        mask = self.target.symbol('__cpu_possible_mask')
        if offsets is None or mask is None:
            return [0]
        step = self.target.bits // 8
        number = self.target.symbol('nr_cpu_ids')
        most = self.target.number(number, 4) if number else self.target.bits
        bits = [self.target.word(mask + i // self.target.bits * step) >>
                i % self.target.bits & 1 for i in range(most)]
        return [self.target.word(offsets + i * step)
                for i, bit in enumerate(bits) if bit]

    def frame(self, address):
        """An address of code, as the kernel tells it."""
        for at, size, name in self.ranges:
            if at <= address < at + size and name in self.symbols:
                word, offset = self.symbols_of(name).name_of(address)
                return f'{word}+{offset:#x} [{name}]'
        found = self.target.name_of(address)
        return f'{found[0]}+{found[1]:#x}' if found else f'{address:#x}'

    # === The map ===

    def chunks(self):
        number = self.pointer('pymap_nr_chunks')
        at = self.pointer('pymap_chunks')
        return [self.target.word(at + i * self.target.bits // 8)
                for i in range(number)]

    def arenas(self, heap=None):
        """All arenas, or those of a heap, by number."""
        step = self.target.bits // 8
        for chunk in filter(None, self.chunks()):
            table = self.target.read(chunk, CHUNK * step)
            for i in range(0, len(table), step):
                at = int.from_bytes(table[i:i + step], self.target.order)
                arena = self.struct('pyarena', at) if at else None
                if arena and (not heap or arena.heap == heap.address_):
                    yield arena

    def by_map(self, address):
        """The arena that the map has for an address in the direct map."""
        pymap = self.struct('pymap', self.variable('pymap'))
        offset = address - pymap.base
        leaf = offset // (self.leaf_bytes)
        if not 0 <= leaf < pymap.nr_leaves:
            return None
        at = self.target.word(pymap.leaves + leaf * self.target.bits // 8)
        entry = self.target.number(at + (offset >> GRANULE_SHIFT) * 4, 4)
        number = entry >> ARENA_SHIFT
        chunk = self.chunks()[number // CHUNK] if number else 0
        if not chunk:
            return None
        at = self.target.word(chunk + number % CHUNK * self.target.bits // 8)
        return self.struct('pyarena', at) if at else None

    def arena_of(self, address):
        arena = self.by_map(address)
        if arena and has(arena, address):
            return arena
        found = None
        for arena in self.arenas():
            if has(arena, address):
                found = arena
                granule = address - arena.base >> GRANULE_SHIFT
                if self.state_of(self.descriptor(arena, granule)) != 'hole':
                    return arena
        return found

    # === Heaps ===

    def heaps(self):
        return list(self.list_of('pyheaps', 'pyheap', 'list'))

    def heap_named(self, name):
        for heap in self.heaps():
            if self.text_at(heap.name) == name:
                return heap
        raise Unreadable(f'there is no heap {name}')

    def nodes(self, heap):
        number = self.target.symbol('nr_node_ids')
        most = self.target.number(number, 4) if number else 1
        for i in range(most):
            at = self.target.word(heap.node + i * self.target.bits // 8)
            if at:
                yield self.struct('pynode', at)

    def node_class(self, node, index):
        table, at, _ = self.members('pynode')['class']
        return Struct(self.target, table.element,
                      node.address_ + at // 8 + index * table.element.size)

    def class_at(self, heap, index):
        table, at, _ = self.members('pyclasses')['class']
        if index >= self.classes:
            return None
        found = Struct(self.target, table.element,
                       heap.classes + at // 8 + index * table.element.size)
        return found if found.blocks else None

    def nr_classes(self, heap):
        return self.struct('pyclasses', heap.classes).nr

    # === Pools ===

    def descriptor(self, arena, granule):
        kind = self.target.type('struct pypool')
        return Struct(self.target, kind, arena.pools + granule * kind.size)

    def state_of(self, pool):
        return self.states.get(pool.fullness, 'pool')

    def pool_at(self, arena, address):
        """(descriptor of the pool, its first granule), at any granule."""
        granule = address - arena.base >> GRANULE_SHIFT
        pool = self.descriptor(arena, granule)
        while granule and self.state_of(pool) == 'tail':
            granule -= 1
            pool = self.descriptor(arena, granule)
        return pool, granule

    def kind_of(self, index):
        if index >= self.sampled:
            return 'sampled', index - self.sampled
        if index >= self.decorated:
            return 'decorated', index - self.decorated
        if index >= self.class_max:
            return 'meta', index - self.class_max
        return 'plain', index

    def free_bits(self, size, pool):
        """A set bit a free block of the pool."""
        words = -(-size.blocks // self.target.bits)
        at = pool.far_free if size.blocks > NEAR_BITS else pool.at('free')
        return sum(self.target.word(at + i * self.target.bits // 8) <<
                   i * self.target.bits for i in range(words))

    # === Free blocks out of the pools ===

    def stock_blocks(self, front, nr):
        kind = self.target.type('struct pyfront')
        stocks = kind.members['stock'][1] // 8
        size = self.target.type('struct pystock').size
        for i in range(nr):
            stock = self.struct('pystock', front + stocks + i * size)
            slots = 1 << stock.slots_shift
            floor = stock.end - slots * self.target.bits // 8
            yield from self.words(floor, stock.top)

    def words(self, floor, top):
        """What lies between the slot at the floor and the top."""
        step = self.target.bits // 8
        number = min(max((top - floor) // step - 1, 0), 1 << 16)
        if not number:
            return
        data = self.target.read(floor + step, number * step)
        for i in range(0, len(data), step):
            yield int.from_bytes(data[i:i + step], self.target.order)

    def depot_blocks(self, node, heap, index):
        state = self.node_class(node, index)
        slots = 1 << self.class_at(heap, index).slots_shift
        array = state.depot.full
        for _ in range(state.depot.nr_full):
            if not array:
                return
            yield from self.words(array, array + slots * self.target.bits // 8)
            array = self.follow(array)

    def follow(self, place):
        """The link that lies at a place: see link.h."""
        bits, mask = self.target.bits, self.target.mask
        salt = (place >> 20 | place << bits - 20) & mask
        return (self.target.word(place) ^ self.pointer('pylink_secret') ^
                salt) & mask

    def resting_blocks(self, heap, cpu):
        size = self.target.type('struct pyquarantine').size
        for i in range(self.nr_classes(heap)):
            rest = self.struct('pyquarantine',
                               heap.quarantine + cpu + i * size)
            if not rest.ring:
                continue
            step = self.target.bits // 8
            yield from filter(None, self.words(rest.ring - step, rest.end))
            yield from self.words(rest.at('ready'), rest.top)

    def cached(self, heap):
        """Free blocks of a heap that are out of its pools: where they are."""
        if heap.address_ not in self.caches:
            found = {}
            for state, block in self.find_cached(heap):
                found[block] = state
            self.caches[heap.address_] = found
        return self.caches[heap.address_]

    def find_cached(self, heap):
        nr = self.nr_classes(heap)
        fronts = [heap.front + cpu & self.target.mask
                  for cpu in self.cpus()] if heap.front else []
        for front in [heap.own_front] if heap.own_front else fronts:
            for block in self.stock_blocks(front, nr):
                yield 'front', block
        for node in self.nodes(heap):
            for i in range(nr):
                for block in self.depot_blocks(node, heap, i):
                    yield 'depot', block
        for cpu in self.cpus() if heap.quarantine else []:
            for block in self.resting_blocks(heap, cpu):
                yield 'quarantine', block
        for block in self.reserved(heap):
            yield 'reserve', block

    def reserved(self, heap):
        at = heap.reserves
        while at:
            reserve = self.struct('pyreserve', at)
            floor = reserve.at('slot') - self.target.bits // 8
            yield from filter(None, self.words(
                floor, reserve.at('slot') + reserve.nr * self.target.bits // 8))
            at = reserve.next

    def listed(self):
        """Objects on the lists of types."""
        if 'types' in self.caches:
            return self.caches['types']
        found = self.caches['types'] = set()
        size = self.target.type('struct pyfreelist').size
        for info in self.list_of('types', 'pytype_info', 'list'):
            for cpu in self.cpus():
                for i in range(info.nr_lists):
                    freelist = self.struct('pyfreelist',
                                           info.lists + cpu + i * size)
                    found.update(self.words(freelist.array, freelist.top))
        return found

    # === Blocks ===

    def block_state(self, heap, kind, base, is_free):
        if is_free:
            return 'free'
        if kind == 'meta':
            return 'own'
        client = base + (HOOK_HEAD if kind == 'decorated' else 0)
        record = self.record_of(client)
        if record and record.state == self.target.constant('PYRECORD_KEPT'):
            return 'kept'
        if client in self.listed():
            return 'list'
        return self.cached(heap).get(base, 'live')

    def decoration(self, base):
        """(domain, bytes, waits) of a decorated block, or None."""
        head = self.target.read(base, HOOK_HEAD)
        letter = chr(head[8])
        domain = {'r': 0, 'm': 1, 'o': 2}.get(letter.lower())
        if domain is None or head[9:] != b'\xfd' * 7:
            return None
        return (DOMAINS[domain], int.from_bytes(head[:8], 'big'),
                letter.isupper())

    def fill_in_block(self, where, heap, kind, base, is_free):
        where['state'] = self.block_state(heap, kind, base, is_free)
        if kind == 'decorated' and where['state'] == 'live':
            seen = self.decoration(base)
            if seen and seen[2]:
                where['state'] = 'grace'
            elif seen:
                where['domain'], where['bytes'] = seen[:2]
        if where['state'] == 'live':
            self.fill_in_site(where, base + (HOOK_HEAD if kind == 'decorated'
                                             else 0))

    def whereis(self, address):
        """A Where for any address."""
        address &= self.target.mask
        where = Where(address=f'{address:#x}', state='none')
        arena = self.arena_of(address)
        if arena:
            self.fill_in_arena(where, arena, address)
        else:
            self.fill_in_record(where, address)
        if where['state'] == 'none':
            self.fill_in_site(where, address)
        return where

    def fill_in_arena(self, where, arena, address):
        node = self.struct('pynode', arena.node)
        heap = self.struct('pyheap', arena.heap)
        pool, granule = self.pool_at(arena, address)
        where.update(heap=self.text_at(heap.name), arena=arena.number,
                     source=self.source_of(arena), node=node.nid,
                     pool=address - arena.base >> GRANULE_SHIFT)
        state = self.state_of(pool)
        if state in ('none', 'hole'):
            where['state'] = 'empty' if state == 'none' else 'hole'
            return
        size = self.class_at(heap, pool.class_)
        if not size:
            where['state'] = 'condemned'
            return
        where['pool'] = granule
        self.fill_in_pool(where, heap, pool, size,
                          address - arena.base - (granule << GRANULE_SHIFT))
        if state == 'condemned':
            where['state'] = state

    def fill_in_pool(self, where, heap, pool, size, offset):
        kind, index = self.kind_of(pool.class_)
        address = int(where['address'], 16)
        block = offset // size.size
        where.update({'class': index, 'kind': kind, 'size': size.size})
        if block >= size.blocks:
            where.update(state='rest', offset=offset)
            return
        where.update(block=block, offset=offset % size.size)
        is_free = self.free_bits(size, pool) >> block & 1
        self.fill_in_block(where, heap, kind, address - offset % size.size,
                           is_free)

    def source_of(self, arena):
        return 'client' if arena.allocator else SOURCES[arena.source]

    # === Blocks of raw ===

    def chain(self, name, which, member):
        """Each entry of a hash table of pyalloc's."""
        table = self.pointer('buckets', which)
        if not table:
            return
        number = 1 << self.target.number(self.variable('bucket_bits', which), 4)
        step = self.target.bits // 8
        kind = self.target.type('struct ' + name)
        offset = kind.members[member][1] // 8
        heads = self.target.read(table, number * step)
        for i in range(0, len(heads), step):
            at = int.from_bytes(heads[i:i + step], self.target.order)
            while at:
                yield self.struct(name, at - offset)
                at = self.target.word(at)

    def records(self):
        if 'records' not in self.caches:
            self.caches['records'] = list(self.chain('pyrecord', 0, 'hash'))
        return self.caches['records']

    def record_of(self, client):
        for record in self.records():
            if record.ptr == client:
                return record
        return None

    def room_of(self, record):
        if record.is_plain:
            return record.room
        overhead = self.target.number(self.variable('pyhook_overhead'), 4)
        return record.size + overhead + 15 & ~15

    def fill_in_record(self, where, address):
        for record in self.records():
            room = self.room_of(record)
            if not 0 <= address - record.base < room:
                continue
            where.update(self.of_record(record, room),
                         offset=address - record.base)
            if where['state'] == 'live':
                self.fill_in_site(where, record.ptr)
            return

    def of_record(self, record, room):
        states = {self.target.constant('PYRECORD_' + name): state
                  for name, state in (('LIVE', 'live'), ('GRACE', 'grace'),
                                      ('FREE', 'quarantine'),
                                      ('KEPT', 'kept'))}
        state = states.get(record.state, 'none')
        heap = '-'
        if record.heap:
            owner = self.struct('pyheap', record.heap)
            heap = self.text_at(owner.name)
            if state == 'live' and record.base in set(self.reserved(owner)):
                state = 'reserve'
        return dict(heap=heap, state=state, size=room, bytes=record.size,
                    kind='raw' if record.is_plain else 'decorated-raw',
                    domain=DOMAINS[record.domain])

    # === Traces ===

    def trace(self):
        at = self.pointer('pytrace_now')
        return self.struct('pytrace', at) if at else None

    def mark_of(self, client):
        """What is noted of a block in a pool of the direct map, or None."""
        leaves = self.pointer('pymark_leaves')
        arena = self.by_map(client)
        if not leaves or not arena or not has(arena, client):
            return None
        pool, granule = self.pool_at(arena, client)
        size = self.class_at(self.struct('pyheap', arena.heap),
                             pool.class_)
        if not size:
            return None
        base = arena.base + (granule << GRANULE_SHIFT)
        word = self.mark_word(leaves, base)
        index = (client - base) // size.size
        if not word or index >> (word & MARK_SHIFT):
            return None
        step = self.target.type('struct pymark').size
        return self.struct('pymark', (word & ~MARK_SHIFT) + index * step)

    def mark_word(self, leaves, base):
        pymap = self.struct('pymap', self.variable('pymap'))
        offset = base - pymap.base
        step = self.target.bits // 8
        leaf = self.target.word(leaves + offset // (self.leaf_bytes)
                                * step)
        return self.target.word(leaf + (offset >> GRANULE_SHIFT) * step)

    def entry_at(self, address, epoch):
        """What the ledger has of an address, in the trace that there is."""
        for entry in self.chain('pyledger_entry', 1, 'hash'):
            if entry.site and entry.epoch == epoch and \
               0 <= address - entry.ptr < max(entry.usable, 1):
                return entry
        return None

    def fill_in_site(self, where, client):
        trace = self.trace()
        if not trace:
            return
        noted = self.mark_of(client)
        if not noted or not noted.site or noted.epoch != trace.epoch:
            noted = self.entry_at(client, trace.epoch)
        if not noted:
            return
        domain = noted.domain
        where.update(domain=DOMAINS[domain] if domain < 3 else domain,
                     bytes=noted.size, site=self.site(trace, noted.site))
        if where['state'] == 'none':
            where.update(kind='raw' if domain < 3 else 'tracked',
                         state='live', size=max(noted.usable, 1),
                         offset=client - noted.ptr)

    def site(self, trace, number):
        kind = self.target.type('struct pysite')
        sites = self.struct('pysites', trace.sites)
        site = self.struct('pysite', sites.at('site') + number * kind.size)
        if site.name:
            return self.text_at(site.name, 4096)
        frames = self.stack(site.stack) if site.stack else [site.caller]
        return ';'.join(map(self.frame, frames))

    def stack(self, handle):
        """The frames that the kernel's stack depot keeps."""
        parts = self.target.type('union handle_parts')
        pools = self.target.symbol('stack_pools') or \
            self.target.symbol('stack_slabs')
        if not parts or not pools:
            return []
        index, first = self.part(parts, handle, 'pool_index_plus_1'), 1
        if index is None:
            index, first = self.part(parts, handle, 'pool_index'), 0
        if index is None:
            index, first = self.part(parts, handle, 'slabindex'), 0
        step = self.target.bits // 8
        table = self.depot_table(pools)
        pool = self.target.word(table + (index - first) * step)
        at = pool + (self.part(parts, handle, 'offset') << DEPOT_ALIGN)
        record = self.struct('stack_record', at)
        return list(self.words(record.at('entries') - step,
                               record.at('entries') + record.size * step))

    def depot_table(self, pools):
        """An array, or since 6.9 a pointer to one."""
        first = self.target.word(pools)
        older = self.target.symbol('stack_slabs') is not None
        return pools if older or not first else first

    @staticmethod
    def part(parts, handle, name):
        """A bit field of a handle, or None."""
        if name not in parts.members:
            return None
        _, at, bits = parts.members[name]
        return handle >> at & (1 << bits) - 1

    # === Tables ===

    def heap_row(self, heap):
        """The columns of HEAPS_COLUMNS, as the file heaps has them."""
        pools = out = meta = cached = arenas = granules = 0
        for node in self.nodes(heap):
            arenas += node.nr_arenas
            granules += node.granules
            for i in range(self.classes):
                state = self.node_class(node, i)
                pools += state.pools
                out += state.live
                meta += state.live if self.kind_of(i)[0] == 'meta' else 0
        cached = sum(state != 'reserve'
                     for state in self.cached(heap).values())
        classes = self.text_at(self.struct('pyclasses', heap.classes).name)
        return (self.text_at(heap.name), classes, out - meta - cached, cached,
                pools, arenas, granules << GRANULE_SHIFT)

    def arena_row(self, arena):
        """The columns of ARENAS_COLUMNS, as the file arenas has them."""
        heap = self.struct('pyheap', arena.heap)
        pools = free = blocks = used = granule = 0
        text = ''
        while granule < arena.granules:
            pool = self.descriptor(arena, granule)
            state = self.state_of(pool)
            size = self.class_at(heap, pool.class_)
            free += state == 'none'
            if state not in ('pool', 'full') or not size:
                text += {'none': '.', 'hole': '-'}.get(state, '!')
                granule += 1
                continue
            pools += 1
            blocks += pool.live
            used += pool.live * size.size
            text += str(pool.live * 9 // size.blocks) * size.granules
            granule += size.granules
        held = arena.granules - arena.holes << GRANULE_SHIFT
        node = self.struct('pynode', arena.node)
        return (arena.number, self.source_of(arena), node.nid, held >> 10,
                pools, free, blocks, used, text)

    def pool_rows(self, address):
        """A row a block of the pool at an address."""
        arena = self.arena_of(address)
        if not arena:
            raise Unreadable(f'{address:#x} lies in no arena')
        heap = self.struct('pyheap', arena.heap)
        pool, granule = self.pool_at(arena, address)
        size = self.class_at(heap, pool.class_)
        if self.state_of(pool) not in ('pool', 'full') or not size:
            raise Unreadable(f'{address:#x} lies in no pool')
        kind = self.kind_of(pool.class_)[0]
        free = self.free_bits(size, pool)
        base = arena.base + (granule << GRANULE_SHIFT)
        for i in range(size.blocks):
            where = Where()
            self.fill_in_block(where, heap, kind, base + i * size.size,
                               free >> i & 1)
            yield (i, f'{base + i * size.size:#x}', where['state'],
                   where['domain'], where['bytes'], where['site'])

    # === What a person asks ===

    def run(self, words):
        """Answers a command: the lines of a table."""
        commands = {'whereis': (1, 99, self.tell_whereis),
                    'heaps': (0, 0, self.tell_heaps),
                    'arenas': (1, 1, self.tell_arenas),
                    'pool': (1, 1, self.tell_pool)}
        least, most, tell = commands.get(words[0] if words else '',
                                         (1, 0, None))
        if not least <= len(words) - 1 <= most:
            raise Unreadable('it is ' + USAGE)
        # What is looked at may have run on since.
        self.caches = {}
        return tell(*words[1:])

    def tell_whereis(self, *addresses):
        yield '# ' + WHEREIS_COLUMNS
        for address in addresses:
            yield str(self.whereis(parse(address)))

    def tell_heaps(self):
        yield '# ' + HEAPS_COLUMNS
        for heap in self.heaps():
            yield ' '.join(map(str, self.heap_row(heap)))

    def tell_arenas(self, name):
        yield '# ' + ARENAS_COLUMNS
        for arena in self.arenas(self.heap_named(name)):
            yield ' '.join(map(str, self.arena_row(arena)))

    def tell_pool(self, address):
        yield '# ' + POOL_COLUMNS
        for row in self.pool_rows(parse(address)):
            yield ' '.join(map(str, row))


def list_of(target, head, kind, member):
    """The structs on one of the kernel's lists."""
    at = target.word(head)
    offset = kind.members[member][1] // 8
    while at != head:
        yield Struct(target, kind, at - offset)
        at = target.word(at)


def text_at(target, address, most):
    text = b''
    while address and len(text) < most:
        byte = target.read(address + len(text), 1)
        if byte == b'\0':
            break
        text += byte
    return text.decode('utf-8', 'replace')


def modules(target):
    """(name, struct module) of each that is loaded."""
    head = target.symbol('modules')
    kind = target.type('struct module')
    if head is None or kind is None:
        raise Unreadable('no symbols of the kernel: give the debugger its '
                         'vmlinux')
    for module in list_of(target, head, kind, 'list'):
        yield text_at(target, module.at('name'), 64), module


def has(arena, address):
    return 0 <= address - arena.base < arena.granules << GRANULE_SHIFT


def parse(word):
    try:
        return int(word, 16)
    except ValueError:
        raise Unreadable(f"'{word}' is not an address") from None


def spans(module):
    """(address, bytes) of what a module has loaded; 6.4 made it an array."""
    if module.has('mem'):
        return [(part.base, part.size) for part in module.mem]
    return [(part.base, part.size)
            for part in (module.core_layout, module.init_layout)]
