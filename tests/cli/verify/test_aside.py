"""The user's files, while others stand in their places."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cli.verify.aside import folders_made, put_aside


class AsideTests(SynchronousTestCase):
    """`put_aside`."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.object = self.folder / "a.o"

    def test_free_and_back(self) -> None:
        """The path is free inside the block, and has the very same file after it."""
        self.object.write_text("mine")
        before = self.object.stat()
        with put_aside([str(self.object)]):
            self.assertFalse(self.object.exists())
            self.object.write_text("other")
        self.assertEqual(self.object.read_text(), "mine")
        after = self.object.stat()
        self.assertEqual((after.st_ino, after.st_mtime_ns), (before.st_ino, before.st_mtime_ns))
        self.assertEqual(os.listdir(self.folder), ["a.o"])

    def test_nothing_there(self) -> None:
        """What was not there is not there afterwards."""
        with put_aside([str(self.object)]):
            self.object.write_text("other")
        self.assertEqual(os.listdir(self.folder), [])

    def test_nothing_written(self) -> None:
        """A compile that writes nothing changes nothing."""
        self.object.write_text("mine")
        with put_aside([str(self.object), str(self.folder / "a.d")]):
            pass
        self.assertEqual(self.object.read_text(), "mine")
        self.assertEqual(os.listdir(self.folder), ["a.o"])

    def test_interrupted(self) -> None:
        """Ctrl-C gives the file back too."""
        self.object.write_text("mine")
        with self.assertRaises(KeyboardInterrupt), put_aside([str(self.object)]):
            raise KeyboardInterrupt
        self.assertEqual(self.object.read_text(), "mine")

    def test_folders(self) -> None:
        """Folders that a build tool would make are there for as long as it takes."""
        path = self.folder / "one" / "two" / "a.o"
        with folders_made([str(path), str(self.object)]):
            path.write_text("other")
            path.unlink()
        self.assertEqual(os.listdir(self.folder), [])

    def test_used_folder(self) -> None:
        """A folder that got a file in the meantime stays."""
        path = self.folder / "one" / "a.o"
        with folders_made([str(path)]):
            (self.folder / "one" / "b.o").write_text("a user's")
        self.assertEqual(os.listdir(self.folder / "one"), ["b.o"])

    def test_link(self) -> None:
        """A link is put aside itself, not what it leads to."""
        target = self.folder / "target"
        target.write_text("mine")
        self.object.symlink_to(target)
        with put_aside([str(self.object)]):
            self.object.write_text("other")
        self.assertEqual(os.readlink(self.object), str(target))
        self.assertEqual(target.read_text(), "mine")
