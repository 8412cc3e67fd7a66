# SPDX-License-Identifier: GPL-2.0
"""A shell that runs commands one after the other: this machine's, or one in a
guest.  Both are shell.sh, and talk through a mailbox of files.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
SCRIPTS = HERE.parent
# How long one command may take, and a boot in all.
PATIENCE = 120
LIFE = 500


class Lost(Exception):
    """The shell is gone, or does not answer."""


class Session:
    """A shell in a folder, started with some arguments for Popen."""

    def __init__(self, folder, name, environment=None):
        self.log = folder.parent / f'{folder.name}-{name}.log'
        self.mailbox = folder / f'.{name}'
        shutil.rmtree(self.mailbox, ignore_errors=True)
        self.mailbox.mkdir()
        self.folder = folder
        self.number = 0
        with open(f'{self.log}.out', 'wb') as log:
            self.process = subprocess.Popen(
                self.arguments(), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd=folder, env=environment,
                start_new_session=True)

    def arguments(self):
        return ['bash', str(HERE / 'shell.sh'), str(self.mailbox)]

    def run(self, command):
        """Run a command; return its status and what it said."""
        self.number += 1
        draft = self.mailbox / 'draft'
        draft.write_text(command + '\n')
        draft.rename(self.mailbox / f'{self.number}.sh')
        status = self.wait_for(self.mailbox / f'{self.number}.status')
        said = (self.mailbox / f'{self.number}.said').read_bytes()
        return status, said.decode(errors='replace')

    def wait_for(self, answer):
        """The status, once it is there."""
        end = time.monotonic() + PATIENCE
        while not answer.exists():
            if self.process.poll() is not None:
                raise Lost(f'the shell is gone, see {self.log}')
            if time.monotonic() > end:
                raise Lost(f'no answer within {PATIENCE} s, see {self.log}')
            time.sleep(0.02)
        return int(answer.read_text())

    def end(self):
        (self.mailbox / 'end').touch()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(10)


class Guest(Session):
    """A shell in User-Mode Linux, with the same files."""

    def __init__(self, folder):
        super().__init__(folder, 'guest')

    def arguments(self):
        return [str(SCRIPTS / 'boot.sh'), '-t', str(LIFE), '-l', str(self.log),
                '-f', str(HERE / 'guest.sh'), '-f', str(HERE / 'shell.sh'),
                'uml', f". /guest.sh; serve '{self.folder.parent}' "
                f"'{self.folder}' '{self.mailbox}'"]
