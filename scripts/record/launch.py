# SPDX-License-Identifier: GPL-2.0
"""Runs a Python program and records what it allocates.

launch.py RECORDER OUT PROGRAM [ARGUMENT...]

RECORDER is the shared library that recorder.c makes.  The recording begins
just before the program's first line and ends after its last, also when it
ends by an exception or sys.exit(); OUT becomes the trace.
"""

import ctypes
import os
import re
import runpy
import sys


def load(path):
    # PyDLL keeps the GIL, which replacing allocators needs.
    recorder = ctypes.PyDLL(path)
    recorder.pyrecord_start.restype = None
    recorder.pyrecord_stop.restype = None
    recorder.pyrecord_trouble.restype = ctypes.c_char_p
    recorder.pyrecord_write.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
    return recorder


def trace_name(path):
    stem = os.path.basename(path).removesuffix(".trc")
    return re.sub(r"[^A-Za-z0-9._-]", "_", stem)[:47] or "trace"


def write(recorder, path):
    trouble = recorder.pyrecord_trouble()
    if trouble:
        print(f"launch.py: the recording ends early: {trouble.decode()}",
              file=sys.stderr)
    error = recorder.pyrecord_write(os.fsencode(path),
                                    trace_name(path).encode())
    if error:
        sys.exit(f"launch.py: {path}: {os.strerror(-error)}")


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    recorder = load(os.path.abspath(sys.argv[1]))
    out = os.path.abspath(sys.argv[2])
    sys.argv = sys.argv[3:]
    sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
    process = os.getpid()
    recorder.pyrecord_start()
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    finally:
        recorder.pyrecord_stop()
        if os.getpid() == process:
            write(recorder, out)


main()
