"""Folders for compiles: what their owners remove, and what is cleared away after those who could not."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from unittest.mock import Mock, patch

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.results import compile_folders
from twisted_distcc.client.results.compile_folders import JobFolders, NoFolderError


class JobFoldersTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.parent = Path(self.mktemp())
        self.parent.mkdir()

    def left_by_the_dead(self) -> Path:
        """Make a folder with a file in it, whose owner is no more."""
        folder = JobFolders().new(str(self.parent), keep=False)
        path = Path(folder)
        (path / "source.i").write_text("int x;")
        with patch.object(compile_folders, "remove_folder"):
            folder.close()  # its lock is gone, as at the end of a process
        return path

    def sweep(self) -> None:
        JobFolders().new(str(self.parent), keep=False).close()

    def test_removed_when_closed(self) -> None:
        """A folder is its owner's alone, and goes with all that is in it."""
        folder = JobFolders().new(str(self.parent), keep=False)
        (Path(folder) / "source.i").write_text("int x;")
        self.assertEqual(os.stat(folder).st_mode & 0o777, 0o700)
        folder.close()
        self.assertEqual(list(self.parent.iterdir()), [])

    def test_only_when_wanted(self) -> None:
        """There is a folder only once somebody asks for its path, and until it is closed."""
        folder = JobFolders().new(str(self.parent), keep=False)
        self.assertEqual(list(self.parent.iterdir()), [])
        self.assertEqual(os.fspath(folder), os.fspath(folder))
        folder.close()
        self.assertRaises(NoFolderError, os.fspath, folder)
        self.assertEqual(list(self.parent.iterdir()), [])

    def test_while_others_begin(self) -> None:
        """A process that sweeps at any moment does not remove a folder that is just being created."""

        def made_and_swept(**options: str) -> str:
            made = tempfile.mkdtemp(**options)
            self.sweep()
            return made

        folder = JobFolders().new(str(self.parent), keep=False)
        self.addCleanup(folder.close)
        with patch.object(compile_folders, "tempfile", Mock(mkdtemp=made_and_swept)):
            self.assertTrue(os.path.isdir(folder))
        self.sweep()
        self.assertTrue(os.path.isdir(folder))

    def test_kept(self) -> None:
        """What is to be kept stays, then and for ever."""
        folder = JobFolders().new(str(self.parent), keep=True)
        path = Path(folder)
        folder.close()
        self.sweep()
        self.assertEqual(list(self.parent.iterdir()), [path])

    def test_what_the_dead_left(self) -> None:
        """The folder of a process that was killed goes when another one makes its first."""
        self.left_by_the_dead()
        self.sweep()
        self.assertEqual(list(self.parent.iterdir()), [])

    def test_the_living(self) -> None:
        """A folder whose owner lives stays."""
        folder = JobFolders().new(str(self.parent), keep=False)
        self.addCleanup(folder.close)
        path = Path(folder)
        self.sweep()
        self.assertEqual(list(self.parent.iterdir()), [path])

    def test_other_users(self) -> None:
        """A folder of another user's stays."""
        path = self.left_by_the_dead()
        with patch("os.geteuid", return_value=os.geteuid() + 1):
            self.sweep()
        self.assertEqual(list(self.parent.iterdir()), [path])

    def test_links(self) -> None:
        """A link by that name is not followed, whoever planted it."""
        (self.parent / "else").mkdir()
        (self.parent / "else" / "precious").touch()
        (self.parent / "tdistcc-job-x").symlink_to("else")
        self.sweep()
        self.assertTrue((self.parent / "else" / "precious").exists())

    def test_no_room(self) -> None:
        """Where no folder can be made, that is said, and nothing is left open."""
        opened = len(os.listdir("/proc/self/fd"))
        with self.assertRaises(NoFolderError):
            os.fspath(JobFolders().new(str(self.parent / "none"), keep=False))
        self.assertEqual(len(os.listdir("/proc/self/fd")), opened)
