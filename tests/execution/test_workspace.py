"""Folders for jobs: private, apart, and gone when their server is."""

from __future__ import annotations

import fcntl
import os
import shutil
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.execution import workspace
from twisted_distcc.execution.workspace import Workspaces


class WorkspaceTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.parent = self.mktemp()
        os.mkdir(self.parent)

    def files(self) -> list[str]:
        return os.listdir(self.parent)

    def started(self) -> Workspaces:
        """Start a server's folder, which is closed after the test."""
        workspaces = Workspaces(self.parent)
        self.addCleanup(workspaces.close)
        return workspaces

    def killed(self) -> str:
        """Leave the folder of a server that was killed, with a job's folder in it."""
        workspaces = Workspaces(self.parent)
        with open(workspaces.new().path_of("source.i"), "w") as file:
            file.write("int x;")
        workspaces._release()
        return workspaces.path


class CleanedUpTests(WorkspaceTestCase):
    def test_all_gone(self) -> None:
        """A server makes a folder again that somebody has removed, as private and locked as before."""
        workspaces = self.started()
        self.assertFalse(workspaces.restore())
        job = workspaces.new()
        shutil.rmtree(workspaces.path)
        self.assertTrue(workspaces.restore())
        self.assertEqual(os.stat(workspaces.path).st_mode & 0o777, 0o700)
        self.assertEqual(set(os.listdir(workspaces.path)), {"lock", "spool"})
        workspaces.take_back(job)
        self.assertTrue(os.path.isdir(workspaces.new().path))
        self.started()  # which sweeps
        self.assertFalse(workspaces.restore())

    def test_some_of_it_gone(self) -> None:
        """What is left of it goes, too."""
        workspaces = self.started()
        workspaces.new()
        os.rmdir(workspaces.spool)
        self.assertTrue(workspaces.restore())
        self.assertEqual(set(os.listdir(workspaces.path)), {"lock", "spool"})
        self.assertEqual(len(self.files()), 1)

    def test_nowhere_to_be(self) -> None:
        """It says so when it cannot be."""
        workspaces = self.started()
        shutil.rmtree(self.parent)
        self.assertRaises(FileNotFoundError, workspaces.restore)

    def test_cleaners_by_age(self) -> None:
        """A cleaner that locks what it goes through, as systemd-tmpfiles does, does not get this one."""
        folder = os.open(self.started().path, os.O_RDONLY)
        self.addCleanup(os.close, folder)
        self.assertRaises(BlockingIOError, fcntl.flock, folder, fcntl.LOCK_EX | fcntl.LOCK_NB)


class JobTests(WorkspaceTestCase):
    def test_each_job_has_a_folder_of_its_own(self) -> None:
        """Two jobs see different folders, which no other user may look into."""
        workspaces = self.started()
        one, other = workspaces.new(), workspaces.new()
        self.assertNotEqual(one.path, other.path)
        for path in (workspaces.path, one.path):
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o700)

    def test_removed_with_all_that_is_in_it(self) -> None:
        """Whatever the compiler left there goes, and nothing that a link there leads to."""
        workspaces, outside = self.started(), self.mktemp()
        os.mkdir(outside)
        job = workspaces.new()
        os.makedirs(job.path_of("a/b"))
        os.symlink(os.path.abspath(outside), job.path_of("a/link"))
        with open(job.path_of("a/b/c"), "w"):
            pass
        job.remove()
        self.assertEqual((os.path.exists(job.path), os.path.exists(outside)), (False, True))

    def test_removed_twice(self) -> None:
        """Removing what is gone is no error."""
        job = self.started().new()
        job.remove()
        job.remove()

    def test_a_cleared_folder_serves_again(self) -> None:
        """What one job left is gone before another gets its folder."""
        workspaces = self.started()
        job = workspaces.new()
        with open(job.path_of("source.i"), "w") as file:
            file.write("int x;")
        workspaces.take_back(job)
        again = workspaces.new()
        self.assertEqual((again.path, os.listdir(again.path)), (job.path, []))

    def test_a_cleared_folder_serves_its_owner_alone(self) -> None:
        """Whoever else comes has a new one; when it was made, and how large, tells of others' jobs."""
        workspaces = self.started()
        job = workspaces.new("ada")
        workspaces.take_back(job)
        other = workspaces.new("bob")
        self.assertNotEqual(other.path, job.path)
        workspaces.take_back(other)
        self.assertEqual(workspaces.new("ada"), job)

    def test_so_many_cleared_folders_and_no_more(self) -> None:
        """However many owners come, the folder that was given back first is removed."""
        workspaces = self.started()
        with patch.object(workspace, "_MOST_CLEARED", 2):
            jobs = [workspaces.new(str(number)) for number in range(3)]
            for job in jobs:
                workspaces.take_back(job)
        self.assertEqual([os.path.exists(job.path) for job in jobs], [False, True, True])

    def test_a_folder_in_use_serves_nobody_else(self) -> None:
        """Jobs at the same time are apart, whether their folders are new or were given back."""
        workspaces = self.started()
        workspaces.take_back(workspaces.new())
        jobs = [workspaces.new() for _ in range(3)]
        self.assertEqual(len({job.path for job in jobs}), 3)

    def test_a_folder_that_cannot_be_cleared_is_removed(self) -> None:
        """A compiler that made folders leaves nothing to the next job either."""
        workspaces = self.started()
        job = workspaces.new()
        os.mkdir(job.path_of("folder"))
        workspaces.take_back(job)
        self.assertFalse(os.path.exists(job.path))
        self.assertNotEqual(workspaces.new().path, job.path)

    def test_a_full_disk(self) -> None:
        """No room for a folder is an error of the system, for whoever asked."""
        workspaces = self.started()
        with patch("os.mkdir", side_effect=OSError(28, "No space left on device")):
            self.assertRaises(OSError, workspaces.new)


class ServerTests(WorkspaceTestCase):
    def test_closed(self) -> None:
        """A server that ends in order leaves nothing, though jobs left their folders."""
        workspaces = Workspaces(self.parent)
        workspaces.new()
        workspaces.close()
        self.assertEqual(self.files(), [])

    def test_what_a_killed_server_left_is_swept(self) -> None:
        """The next server removes it."""
        self.killed()
        workspaces = self.started()
        self.assertEqual(self.files(), [os.path.basename(workspaces.path)])

    def test_a_living_server_is_left_alone(self) -> None:
        """Servers side by side do not sweep each other."""
        one, other, third = self.started(), self.started(), self.started()
        self.assertEqual(len(self.files()), 3)
        for workspaces in (one, other, third):
            workspaces.new()

    def test_a_server_that_is_just_starting_is_left_alone(self) -> None:
        """At no moment of a start does another server's start take the folder away."""
        real = {name: getattr(os, name) for name in ("open", "rename", "mkdir")}
        swept = 0

        def sweeping(name: str):  # type: ignore[no-untyped-def]
            def call(path: str, *arguments: int, **more: int) -> object:
                nonlocal swept
                if "twisted-distccd-" in str(path) and not self.within:
                    swept += 1
                    self.sweep()
                return real[name](path, *arguments, **more)

            return call

        with (
            patch("os.open", sweeping("open")),
            patch("os.rename", sweeping("rename")),
            patch("os.mkdir", sweeping("mkdir")),
        ):
            workspaces = self.started()
        self.assertGreater(swept, 1)
        workspaces.new()

    within = False

    def sweep(self) -> None:
        """Do what another server does that starts now."""
        self.within = True
        Workspaces(self.parent).close()
        self.within = False

    def test_other_users_folders_are_left_alone(self) -> None:
        """A folder of another user, and a link with such a name, stay."""
        left = self.killed()
        target = self.mktemp()
        shutil.copytree(left, target)
        os.symlink(os.path.abspath(target), os.path.join(self.parent, "twisted-distccd-link"))
        with patch("os.geteuid", return_value=os.geteuid() + 1):
            self.started()
        self.assertTrue(os.path.exists(left))
        self.started()
        self.assertFalse(os.path.exists(left))
        self.assertTrue(os.listdir(target))
