"""Files that are looked at once while a snapshot is taken, and anew at all other times."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.pump.snapshots import Snapshots


class SnapshotsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.file = self.folder / "a.h"
        self.file.write_text("int a;")
        self.disk = Snapshots()

    def test_once(self) -> None:
        """In a snapshot a file, a folder and a link are looked at once, however often one asks."""
        with patch("os.stat", wraps=os.stat) as stat, patch("os.readlink", wraps=os.readlink) as read:
            with self.disk.snapshot():
                for _ in range(3):
                    self.assertIsNotNone(self.disk.stamp(str(self.file)))
                    self.assertIsNotNone(self.disk.folder_stamp(str(self.folder)))
                    self.assertIsNone(self.disk.link(str(self.file)))
                    self.assertFalse(self.disk.is_stream(str(self.file)))
            self.assertEqual((stat.call_count, read.call_count), (2, 1))

    def test_an_edit_between_two(self) -> None:
        """What was edited after a snapshot has another stamp in the next one, and outside of any."""
        with self.disk.snapshot():
            before = self.disk.stamp(str(self.file))
        self.file.write_text("long a;")
        after = self.disk.stamp(str(self.file))
        with self.disk.snapshot():
            self.assertEqual(self.disk.stamp(str(self.file)), after)
        self.assertNotEqual(before, after)

    def test_an_edit_within_one(self) -> None:
        """A file that is found to have changed in the middle is looked at again."""
        with self.disk.snapshot():
            before = self.disk.stamp(str(self.file))
            self.file.write_text("long a;")
            self.assertEqual(self.disk.stamp(str(self.file)), before)
            self.disk.look_again()
            self.assertNotEqual(self.disk.stamp(str(self.file)), before)

    def test_what_is_not_there(self) -> None:
        """That a file is missing is not remembered: it may come at any time."""
        with self.disk.snapshot():
            self.assertIsNone(self.disk.stamp(str(self.folder / "b.h")))
            (self.folder / "b.h").touch()
            self.assertIsNotNone(self.disk.stamp(str(self.folder / "b.h")))

    def test_the_time(self) -> None:
        """Changes count from the beginning of the snapshot: later they may have gone unnoticed."""
        with self.disk.snapshot(), patch("time.time_ns", return_value=1 << 62):
            self.assertLess(self.disk.now_ns(), 1 << 62)
        with patch("time.time_ns", return_value=1 << 62):
            self.assertEqual(self.disk.now_ns(), 1 << 62)

    def test_names_once(self) -> None:
        """In a snapshot a folder is listed once, and anew in the next."""
        with patch("os.listdir", wraps=os.listdir) as listdir, self.disk.snapshot():
            before = [self.disk.names(str(self.folder)) for _ in range(3)]
            self.assertEqual((listdir.call_count, before), (1, [{"a.h"}] * 3))
        (self.folder / "b.h").touch()
        with self.disk.snapshot():
            self.assertEqual(self.disk.names(str(self.folder)), {"a.h", "b.h"})
