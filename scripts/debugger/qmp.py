#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tells QEMU what to do by its machine protocol.

  qmp.py SOCKET dump FILE   dumps the guest's memory, by virtual addresses
  qmp.py SOCKET quit        ends it
"""

import json
import socket
import sys


def ask(stream, command, **arguments):
    """QEMU's answer; it tells of other events in between."""
    json.dump({'execute': command, 'arguments': arguments}, stream)
    stream.write('\n')
    stream.flush()
    for line in stream:
        answer = json.loads(line)
        if 'error' in answer:
            sys.exit(f"qmp.py: {answer['error']['desc']}")
        if 'return' in answer:
            return
    sys.exit('qmp.py: QEMU is gone')


def main(words):
    if words[1:2] not in (['dump'], ['quit']) or len(words) > 3:
        sys.exit(__doc__)
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(words[0])
        stream = link.makefile('rw')
        stream.readline()
        ask(stream, 'qmp_capabilities')
        if words[1] == 'dump':
            ask(stream, 'dump-guest-memory', paging=True,
                protocol='file:' + words[2])
        else:
            ask(stream, 'quit')


if __name__ == '__main__':
    main(sys.argv[1:])
