"""Following a journal: from its beginning, over files that are full, and whatever is in them."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.client.journal.units import unit
from twisted_distcc.client.journal.journal_file import JournalFile
from twisted_distcc.client.journal.journal_tail import JournalTail
from twisted_distcc.own_files import NotOursError


class TailTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.journal = JournalFile(str(self.folder), largest=len(unit("00").line()) * 10)
        self.tail = JournalTail(self.journal)
        self.addCleanup(self.tail.close)

    def record(self, *numbers: int) -> None:
        for number in numbers:
            self.journal.append([unit(f"{number:02}")])

    def news(self) -> list[int]:
        return [int(record.file) for record in self.tail.news()]

    def test_as_it_grows(self) -> None:
        """A journal that is not there yet has nothing; then each unit is news once."""
        self.assertEqual(self.news(), [])
        self.record(1, 2)
        self.assertEqual([self.news(), self.news()], [[1, 2], []])
        self.record(3)
        self.assertEqual([self.news(), self.news()], [[3], []])

    def test_full(self) -> None:
        """Where a full journal becomes the old one, nothing is lost and nothing comes twice."""
        self.record(*range(12))
        self.assertEqual(self.news(), [*range(12)])
        self.record(*range(12, 25))
        self.assertEqual(self.news(), [*range(12, 25)])

    def test_half_a_line(self) -> None:
        """A line that is being written is news when it is whole; one that is damaged never is."""
        self.record(1)
        line = unit("02").line()
        with open(self.journal.path, "ab", buffering=0) as file:
            file.write(b"\xff damaged\n" + line[:20])
            self.assertEqual(self.news(), [1])
            file.write(line[20:])
        self.assertEqual(self.news(), [2])

    def test_emptied(self) -> None:
        """A journal that its user has emptied is followed from its new beginning."""
        self.record(1, 2, 3)
        self.assertEqual(len(self.news()), 3)
        os.truncate(self.journal.path, 0)
        self.record(4)
        self.assertEqual(self.news(), [4])

    def test_removed(self) -> None:
        """So is one that its user has removed."""
        self.record(1)
        self.assertEqual(self.news(), [1])
        os.unlink(self.journal.path)
        self.assertEqual(self.news(), [])
        self.record(2)
        self.assertEqual(self.news(), [2])

    def test_not_ours(self) -> None:
        """A link in its place is not followed."""
        self.folder.mkdir()
        os.symlink("/etc/passwd", self.journal.path)
        with self.assertRaises((NotOursError, OSError)):
            self.tail.news()
