"""The journal's file: several writers, full, damaged, or not what it should be."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from tests.client.journal.units import unit
from twisted_distcc.client.journal.journal_file import JournalFile
from twisted_distcc.own_files import NotOursError


class JournalTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.journal = JournalFile(str(self.folder))

    def files(self) -> list[str]:
        return [record.file for record in self.journal.read().units]


class WritingTests(JournalTestCase):
    def test_new(self) -> None:
        """The first record makes the folder and the file, which nobody else can read."""
        self.journal.append([unit("a.c"), unit("b.c")])
        JournalFile(str(self.folder)).append([unit("c.c")])
        self.assertEqual(self.files(), ["a.c", "b.c", "c.c"])
        self.assertEqual(os.stat(self.journal.path).st_mode & 0o777, 0o600)

    def test_bounded(self) -> None:
        """A full journal becomes the old one, and the one before that goes."""
        journal = JournalFile(str(self.folder), largest=len(unit("00").line()) * 10)
        for number in range(35):
            journal.append([unit(f"{number:02}")])
        kept = [record.file for record in journal.read().units]
        self.assertEqual(kept, [f"{number:02}" for number in range(20, 35)])
        self.assertEqual(len(os.listdir(self.folder)), 2)

    def test_turned_over_by_another(self) -> None:
        """Of two processes that find it full, one turns it over, and nothing is lost."""
        journal = JournalFile(str(self.folder), largest=1)
        journal.append([unit("a.c")])
        really = os.rename

        def rename(*names: str) -> None:
            journal.append([unit("b.c")])  # while the other one has it locked
            really(*names)

        with mock.patch("os.rename", rename):
            journal.append([unit("c.c")])
        self.assertEqual([record.file for record in journal.read().units], ["a.c", "b.c", "c.c"])

    def test_zero(self) -> None:
        """What was before it is set to zero does not count."""
        self.journal.append([unit("a.c")])
        self.journal.zero()
        self.journal.append([unit("b.c")])
        self.assertEqual(self.files(), ["b.c"])

    def test_full_disk(self) -> None:
        """A line that a full disk cut short spoils none of those that follow."""
        self.journal.append([unit("a.c")])
        with mock.patch("os.write", self.half):
            self.journal.append([unit("b.c")])
        self.journal.append([unit("c.c")])
        self.assertEqual(self.files(), ["a.c", "c.c"])
        self.assertEqual(self.journal.read().damaged, 1)

    def half(self, file: int, data: bytes) -> int:
        """Write half of `data`, as there is no more space."""
        return os.pwrite(file, data[: (len(data) + 1) // 2], 0)  # it appends wherever


class HostileTests(JournalTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder.mkdir()
        self.other = self.folder / "other"
        self.other.write_bytes(b"precious\n")

    def refuses(self) -> None:
        with self.assertRaises(OSError):
            self.journal.append([unit()])
        with self.assertRaises(OSError):
            self.journal.read()
        self.assertEqual(self.other.read_bytes(), b"precious\n")

    def test_link(self) -> None:
        """A link is neither written nor read, symbolic or hard."""
        os.symlink(self.other, self.journal.path)
        self.refuses()
        os.unlink(self.journal.path)
        os.link(self.other, self.journal.path)
        self.refuses()

    def test_no_file(self) -> None:
        """A pipe, a device or a folder is not waited for, and not written."""
        os.mkfifo(self.journal.path)
        self.refuses()
        os.unlink(self.journal.path)
        os.mkdir(self.journal.path)
        self.refuses()

    def test_of_another_user(self) -> None:
        """A file of somebody else's is neither written nor read."""
        self.journal.append([unit()])
        with mock.patch("os.getuid", return_value=os.geteuid() + 1):
            self.assertRaises(NotOursError, self.journal.append, [unit()])
            self.assertRaises(NotOursError, self.journal.read)

    def test_damaged(self) -> None:
        """Bytes that are no lines of ours are counted, and passed over."""
        self.journal.append([unit("a.c")])
        with open(self.journal.path, "ab") as file:
            file.write(b"\xff\x00\n\n{}\n" + b"x" * 100_000 + b"\n")
        self.journal.append([unit("b.c")])
        self.assertEqual(self.files(), ["a.c", "b.c"])
        self.assertEqual(self.journal.read().damaged, 3)

    def test_nothing(self) -> None:
        """No journal has no units."""
        self.assertEqual(JournalFile("/nonexistent").read().units, [])
