"""Recorded commands, run again: what is counted, and what is not."""

import os
import sys
from dataclasses import replace
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.clients import Client
from benchmarks.loading import LoadFailedError
from benchmarks.recording import Compilation, makefile
from benchmarks.repeating import floor, repeat
from tests.live import COMPUTES

_MARK = "TWISTED_DISTCC_BENCH"


class RepeatTests(SynchronousTestCase):
    """Commands run behind the client, and its processes are what is counted."""

    def setUp(self):
        """Make a client that says what it was given, and two commands."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        client = self.folder / "client"
        client.write_text(f'#!/bin/sh\necho "$@" >> {self.folder}/said\nexec "$@"\n')
        client.chmod(0o755)
        self.client = Client(
            str(client), {**os.environ, _MARK: "nobody", "XDG_RUNTIME_DIR": str(self.folder)}
        )
        self.rules = self.folder / "again.mk"

    def _rules(self, *commands: tuple[str, ...]) -> None:
        compilations = [Compilation(str(self.folder), command) for command in commands]
        self.rules.write_text(makefile(compilations))

    def test_every_command(self):
        """Each command is run once, by the client."""
        self._rules(("true", "1"), ("true", "2"))
        repeat(self.client, self.rules)
        said = (self.folder / "said").read_text().splitlines()
        self.assertEqual(sorted(said), ["true 1", "true 2"])

    def test_processes_below_count(self):
        """What the client starts is the client's CPU."""
        self._rules(("true",))
        idle = repeat(self.client, self.rules).cpu
        self._rules((sys.executable, "-c", COMPUTES))
        self.assertGreater(repeat(self.client, self.rules).cpu - idle, 0.2)

    def test_floor(self):
        """Without a client nothing is run."""
        self._rules(("touch", "made"))
        self.assertGreater(floor(self.client, self.rules), 0)
        self.assertFalse((self.folder / "made").exists())

    def test_failed(self):
        """A command that fails is no sample, and what it said is told."""
        self._rules(("sh", "-c", "echo no such luck >&2; false"))
        error = self.assertRaises(LoadFailedError, repeat, self.client, self.rules)
        self.assertIn("no such luck", str(error))

    def test_entered(self):
        """A client of another network is started there."""
        self._rules(("true",))
        made = self.folder / "entered"
        enter = ("sh", "-c", f'touch {made}; exec "$@"', "sh")
        repeat(replace(self.client, enter=enter), self.rules)
        self.assertTrue(made.exists())
