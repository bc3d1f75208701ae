"""Slots that all of a user's processes share."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.scheduling.slots import LockDirectoryError, Slot, SlotDirectory


class SlotTestCase(SynchronousTestCase):
    """Each test has a lock directory of its own, which does not exist yet."""

    def setUp(self) -> None:
        self.path = os.path.join(self.mktemp(), "lock")
        self.slots = SlotDirectory(self.path)

    def acquire(self, name: str, limit: int) -> Slot:
        """Take a slot that has to be free, and give it back after the test."""
        slot = self.slots.try_acquire(name, limit)
        assert slot is not None
        self.addCleanup(slot.release)
        return slot


class AcquireTests(SlotTestCase):
    def test_slots_are_taken_from_the_lowest(self) -> None:
        """Slots are given out in order up to the limit, and then none."""
        taken = [self.acquire("tcp_red_3632", 3).index for _ in range(3)]
        self.assertEqual(taken, [0, 1, 2])
        self.assertIsNone(self.slots.try_acquire("tcp_red_3632", 3))

    def test_a_slot_given_back_is_the_next_one_taken(self) -> None:
        """The lowest free slot is taken, though higher ones are in use."""
        first, second = self.acquire("tcp_red_3632", 3), self.acquire("tcp_red_3632", 3)
        first.release()
        again = self.acquire("tcp_red_3632", 3)
        self.assertEqual((again.name, again.index, second.index), ("tcp_red_3632", 0, 1))

    def test_hosts_do_not_share_slots(self) -> None:
        """A host whose name begins like another's has slots of its own."""
        self.acquire("tcp_red_3632", 1)
        self.assertEqual(self.acquire("tcp_red_363", 1).index, 0)

    def test_others_slots_are_not_taken(self) -> None:
        """What somebody else holds in the same directory is passed over, and counted."""
        self.acquire("tcp_red_3632", 4)
        somebody = SlotDirectory(self.path)
        slot = somebody.try_acquire("tcp_red_3632", 4)
        assert slot is not None
        self.assertEqual(slot.index, 1)
        self.assertEqual(self.slots.in_use("tcp_red_3632", 4), 2)
        self.assertIsNone(self.slots.try_slot("tcp_red_3632", 1))
        slot.release()
        self.assertEqual(self.slots.in_use("tcp_red_3632", 4), 1)
        self.assertIsNotNone(self.acquire("tcp_red_3632", 4))

    def test_the_files_are_distccs(self) -> None:
        """Slots are empty files with distcc's names, and no file is made for what is not asked."""
        self.acquire("tcp_::1_3632", 2)
        self.acquire("localhost", 2)
        self.assertEqual(self.slots.in_use("ssh_blue", 4), 0)
        files = sorted(os.listdir(self.path))
        self.assertEqual(files, ["cpu_localhost_0", "cpu_tcp_::1_3632_0"])

    def test_counting_takes_nothing(self) -> None:
        """Looking at slots leaves both the free ones free and the taken ones taken."""
        slot = self.acquire("tcp_red_3632", 2)
        self.assertEqual(self.slots.in_use("tcp_red_3632", 2), 1)
        self.assertIsNone(SlotDirectory(self.path).try_slot("tcp_red_3632", 0))
        slot.release()
        self.assertEqual(self.slots.in_use("tcp_red_3632", 2), 0)

    def test_a_directory_that_vanishes_is_made_again(self) -> None:
        """Whoever empties the configuration directory does not stop a resident process."""
        self.acquire("tcp_red_3632", 1).release()
        shutil.rmtree(self.path)
        self.assertEqual(self.acquire("tcp_red_3632", 1).index, 0)

    def test_our_own_slots_do_not_vanish(self) -> None:
        """Though its file is gone, what we hold is not taken by us once more."""
        self.acquire("tcp_red_3632", 2)
        shutil.rmtree(self.path)
        self.assertEqual(self.acquire("tcp_red_3632", 2).index, 1)
        self.assertIsNone(self.slots.try_acquire("tcp_red_3632", 2))


class ReleaseTests(SlotTestCase):
    def test_releasing_twice_is_harmless(self) -> None:
        """A second release neither closes a stranger's descriptor nor frees a stranger's slot."""
        slot = self.acquire("tcp_red_3632", 1)
        slot.release()
        again = self.acquire("tcp_red_3632", 1)
        slot.release()
        os.fstat(again.fd)
        self.assertIsNone(self.slots.try_acquire("tcp_red_3632", 1))

    def test_watchers_hear_of_each_release_once(self) -> None:
        """Who watches is told once per slot, when the slot is free already."""
        free: list[int] = []
        self.slots.watch(lambda: free.append(2 - self.slots.in_use("tcp_red_3632", 2)))
        first, second = self.acquire("tcp_red_3632", 2), self.acquire("tcp_red_3632", 2)
        self.assertEqual(free, [])
        first.release()
        first.release()
        second.release()
        self.assertEqual(free, [1, 2])


class InheritanceTests(SlotTestCase):
    def test_no_child_holds_a_slot_by_accident(self) -> None:
        """A compiler that is started while a slot is held does not keep it."""
        slot = self.acquire("localhost", 1)
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False) as child:
            slot.release()
            self.assertEqual(self.slots.in_use("localhost", 1), 0)
            child.kill()

    def test_a_child_that_is_given_the_slot_holds_it(self) -> None:
        """A slot that was handed to a child is free when the kernel says that the child is gone."""
        slot = self.acquire("localhost", 1)
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[slot.fd]) as child:
            slot.release()
            self.assertEqual(self.slots.in_use("localhost", 1), 1)
            self.assertIsNone(self.slots.try_acquire("localhost", 1))
            child.kill()
        self.assertEqual(self.acquire("localhost", 1).index, 0)


class TroubleTests(SlotTestCase):
    def test_a_directory_that_cannot_be_made(self) -> None:
        """Where a file stands in the way, the error names the lock file and a way out."""
        with open(os.path.dirname(self.path), "w"):
            pass
        error = self.assertRaises(LockDirectoryError, self.slots.try_acquire, "tcp_red_3632", 1)
        self.assertEqual(
            str(error),
            f"cannot write the lock file {self.path}/cpu_tcp_red_3632_0: Not a directory;"
            " set DISTCC_DIR to a directory of yours",
        )
        self.assertEqual(error.exit_code, 107)

    def test_a_lock_file_that_cannot_be_opened(self) -> None:
        """A lock file that is none is an error, and takes no slot."""
        os.makedirs(os.path.join(self.path, "cpu_tcp_red_3632_0"))
        self.assertRaises(LockDirectoryError, self.slots.try_slot, "tcp_red_3632", 0)
        self.assertEqual(self.acquire("tcp_blue_3632", 1).index, 0)

    def test_a_lock_directory_that_cannot_be_read(self) -> None:
        """Counting slots where there can be none is the same error."""
        with open(os.path.dirname(self.path), "w"):
            pass
        self.assertRaises(LockDirectoryError, self.slots.in_use, "tcp_red_3632", 1)

    def test_a_file_system_without_locks(self) -> None:
        """Where the kernel has no locks to give, the error says so, and nothing stays open."""

        def no_locks(fd: int, command: int, argument: bytes) -> bytes:
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

        self.patch(fcntl, "fcntl", no_locks)
        before = os.listdir("/proc/self/fd")
        error = self.assertRaises(LockDirectoryError, self.slots.try_slot, "tcp_red_3632", 0)
        self.assertEqual(
            str(error),
            f"cannot lock the file {self.path}/cpu_tcp_red_3632_0: No locks available",
        )
        self.assertEqual(os.listdir("/proc/self/fd"), before)
