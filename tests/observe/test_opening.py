"""What root opens for its administrator, and what others may have put there."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.server.standing import require_root
from twisted_distcc.observe.audit import AuditLog, NoAuditLogError
from twisted_distcc.observe.lines import LineFile
from twisted_distcc.observe.opening import PlantedFileError, open_own
from twisted_distcc.server.pid_file import PidFile

ANOTHER = 3


class OpeningTests(SynchronousTestCase):
    """Root, in a folder of another user's."""

    def setUp(self) -> None:
        require_root()
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.precious = self.folder.with_suffix(".precious")
        self.precious.write_text("precious")
        self.path = self.folder / "log"
        os.chown(self.folder, ANOTHER, -1)

    def refused(self) -> None:
        """Nothing opens what lies there, and nothing was done to what it leads to."""
        path = str(self.path)
        self.assertRaises(PlantedFileError, open_own, path, os.O_WRONLY | os.O_APPEND)
        self.assertRaises(PlantedFileError, LineFile, path)
        self.assertRaises(NoAuditLogError, AuditLog, path, lambda: 0.0, self.fail)
        self.assertRaises(OSError, PidFile, path)
        self.assertEqual(self.precious.read_text(), "precious")

    def test_links(self) -> None:
        """A link is not followed, whether anything is at its end or not."""
        self.path.symlink_to(self.precious)
        self.refused()
        self.path.unlink()
        self.path.symlink_to(self.folder / "missing")
        self.refused()
        self.assertFalse((self.folder / "missing").exists())

    def test_second_names(self) -> None:
        """A file that has another name, too, may be root's elsewhere."""
        os.link(self.precious, self.path)
        self.refused()

    def test_what_is_no_file(self) -> None:
        """Neither is a pipe opened, which would hold the server up."""
        os.mkfifo(self.path)
        self.assertRaises(OSError, open_own, str(self.path), os.O_WRONLY)

    def test_files(self) -> None:
        """A file that is there, or is not yet, is opened."""
        for _ in range(2):
            with open(open_own(str(self.path), os.O_WRONLY | os.O_CREAT | os.O_APPEND), "a") as file:
                file.write("line\n")
        self.assertEqual(self.path.read_text(), "line\nline\n")

    def test_folders_of_roots_own(self) -> None:
        """Where root alone can make links, they lead where root wants."""
        os.chown(self.folder, 0, -1)
        self.path.symlink_to(self.precious)
        os.close(open_own(str(self.path), os.O_WRONLY | os.O_APPEND))
        self.folder.chmod(0o777)
        self.refused()
