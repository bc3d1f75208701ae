"""Commands that read a user's journal, run in this process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.journal.journal_file import JournalFile
from twisted_distcc.client.journal.unit_record import UnitRecord


class JournalTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.journal = JournalFile(str(self.folder))
        environ = mock.patch.dict(os.environ, {"DISTCC_DIR": str(self.folder)})
        environ.start()
        self.patch(time, "sleep", lambda _: None)
        self.addCleanup(environ.stop)

    def record(self, units: Iterable[UnitRecord]) -> None:
        self.journal.append(units)

    def run_command(self, main: Callable[[Sequence[str]], int], *arguments: str) -> tuple[int, str, str]:
        """Return the exit status, standard output and standard error of a command."""
        stdout, stderr = StringIO(), StringIO()
        with redirect_stdout(stdout), redirect_stderr(stderr):
            try:
                status = main(arguments)
            except SystemExit as stopped:
                status = int(str(stopped.code))
        return status, stdout.getvalue(), stderr.getvalue()

    def is_harmless(self, text: str) -> None:
        """Assert that a terminal would obey nothing in `text`, which has a hostile name."""
        self.assertIn("<script>", text)
        harmful = [character for character in text if not (character.isprintable() or character == "\n")]
        self.assertEqual(harmful, [])
