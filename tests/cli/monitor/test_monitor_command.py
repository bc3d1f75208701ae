"""The command line of the monitor."""

from __future__ import annotations

import os
import sys
import time
from io import BytesIO, TextIOWrapper
from typing import NoReturn
from unittest.mock import patch

from tests.cli.journals import JournalTestCase
from tests.client.journal.units import HOSTILE, unit
from twisted_distcc.cli.monitor import main


def interrupt(_: float) -> NoReturn:
    raise KeyboardInterrupt


class Terminal(TextIOWrapper):
    """A terminal whose character set is a small one."""

    def __init__(self) -> None:
        self.shown = BytesIO()
        super().__init__(self.shown, encoding="ascii")

    def isatty(self) -> bool:
        return True


class CommandTests(JournalTestCase):
    def test_once(self) -> None:
        """`--once` prints what there is now, without what a terminal obeys."""
        self.record([unit(HOSTILE, after=time.time() - unit().began - 2, host=HOSTILE)])
        status, said, error = self.run_command(main, "--once")
        self.assertEqual((status, error), (0, ""))
        self.assertRegex(
            said, r"^1 unit done in 1\.0 s; 0 in flight\.\n1 on servers \(100 %\), 0 here\.\n"
        )
        self.is_harmless(said)

    def test_lines(self) -> None:
        """Where there is no terminal, each unit that ends is a line, until Ctrl-C."""

        def sleep(_: float) -> None:
            self.patch(time, "sleep", interrupt)
            self.record([unit(HOSTILE)])

        self.patch(time, "sleep", sleep)
        status, said, error = self.run_command(main)
        self.assertEqual((status, error, said.count("\n")), (0, "", 1))
        self.is_harmless(said)

    def test_small_character_set(self) -> None:
        """A terminal that lacks a character is shown another one."""
        self.record([unit("é.c", after=time.time() - unit().began - 2)])
        terminal = Terminal()
        self.patch(sys, "stdout", terminal)
        self.patch(time, "sleep", interrupt)
        with patch.dict(os.environ, TERM="xterm", COLUMNS="40"):  # rich has kept this very mapping
            self.assertEqual(main([]), 0)
        terminal.flush()
        self.assertIn(b"  ?.c  compiled on", terminal.shown.getvalue())

    def test_usage(self) -> None:
        """What makes no sense is an error of usage."""
        for words in ("--port=5",), ("--once", "--web"), ("--interval=0",), ("--interval=x",):
            status, said, error = self.run_command(main, *words)
            self.assertEqual((status, said), (2, ""))
            self.assertTrue(error.startswith("usage: twisted-distcc monitor ["))

    def test_not_ours(self) -> None:
        """A journal that is not the user's own is an error, and is not read."""
        os.symlink("/etc/passwd", self.journal.path)
        status, said, error = self.run_command(main, "--once")
        self.assertEqual((status, said), (1, ""))
        self.assertIn("twisted-distcc monitor: ", error)
