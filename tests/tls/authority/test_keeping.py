"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.tls.authority.keeping import (
    PUBLIC,
    SECRET,
    is_free,
    new_folder,
    remove_unfinished,
    replace_file,
)


def mode(path: Path) -> int:
    """Give the permissions of a file."""
    return path.stat().st_mode & 0o777


class KeepingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()
        self.root.mkdir()
        self.addCleanup(os.umask, os.umask(0o022))

    def test_replaced(self) -> None:
        """A file has its new bytes and its own permissions, whatever the umask takes away."""
        os.umask(0o277)
        for data, wanted in ((b"old", SECRET), (b"new", PUBLIC)):
            replace_file(self.root / "file", data, wanted)
            self.assertEqual((self.root / "file").read_bytes(), data)
            self.assertEqual(mode(self.root / "file"), wanted)
        self.assertEqual(os.listdir(self.root), ["file"])

    def test_not_replaced(self) -> None:
        """Where the new one cannot be written whole, the old one stays, and nothing beside it."""
        replace_file(self.root / "file", b"old", PUBLIC)
        with patch("os.fsync", side_effect=OSError("the disk is full")), self.assertRaises(OSError):
            replace_file(self.root / "file", b"new", PUBLIC)
        self.assertEqual((self.root / "file").read_bytes(), b"old")
        self.assertEqual(os.listdir(self.root), ["file"])

    def test_folder(self) -> None:
        """A folder is its owner's alone, and holds the files with their permissions."""
        new_folder(self.root / "a", {"key": (b"k", SECRET), "list": (b"l", PUBLIC)})
        self.assertEqual(mode(self.root / "a"), 0o700)
        self.assertEqual(mode(self.root / "a" / "key"), SECRET)
        self.assertEqual(mode(self.root / "a" / "list"), PUBLIC)
        self.assertEqual((self.root / "a" / "key").read_bytes(), b"k")

    def test_folder_in_the_way(self) -> None:
        """A folder with something in it stays, whoever was first, and nothing is left beside it."""
        new_folder(self.root / "a", {"key": (b"1", SECRET)})
        with self.assertRaises(OSError):
            new_folder(self.root / "a", {"key": (b"2", SECRET)})
        self.assertEqual((self.root / "a" / "key").read_bytes(), b"1")
        self.assertEqual(os.listdir(self.root), ["a"])

    def test_what_the_dead_left(self) -> None:
        """What a process that was killed has left goes, at whatever depth, and nothing else."""
        (self.root / "deep").mkdir()
        killed = patch("os.rename", side_effect=KeyboardInterrupt)
        with killed, patch("os.unlink"), patch("shutil.rmtree"):
            for path in (self.root / "file", self.root / "deep" / "file"):
                with self.assertRaises(KeyboardInterrupt):
                    replace_file(path, b"half", SECRET)
            with self.assertRaises(KeyboardInterrupt):
                new_folder(self.root / "folder", {"key": (b"k", SECRET)})
        self.assertEqual(len(os.listdir(self.root)), 3)
        remove_unfinished(self.root)
        self.assertEqual([str(path.relative_to(self.root)) for path in self.root.rglob("*")], ["deep"])

    def test_free(self) -> None:
        """Nothing and an empty folder are free; a file, a dead link and a full folder are not."""
        (self.root / "empty").mkdir()
        (self.root / "file").touch()
        (self.root / "link").symlink_to("nowhere")
        self.assertTrue(is_free(self.root / "empty"))
        self.assertTrue(is_free(self.root / "none"))
        for path in (self.root, self.root / "file", self.root / "link"):
            self.assertFalse(is_free(path))
