"""Slots and notes of failed hosts are shared with the real distcc."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.hosts import Localhost, TcpHost
from twisted_distcc.client.scheduling.backoff import Backoff
from twisted_distcc.client.scheduling.slots import SlotDirectory

DISTCC = shutil.which("distcc")
PATIENCE = 30  # seconds, for a process that starts on a loaded machine


class DistccTests(SynchronousTestCase):
    """distcc talks to a host that is a socket of the test's: it accepts, and never answers."""

    if DISTCC is None or shutil.which("gcc") is None:
        skip = "distcc and gcc are not installed (Debian: apt-get install distcc gcc)"

    def setUp(self) -> None:
        self.directory = os.path.abspath(self.mktemp())
        os.mkdir(self.directory)
        self.source = os.path.join(self.directory, "a.i")
        with open(self.source, "w") as source:
            source.write("int a;\n")
        path = os.path.join(self.directory, "lock")
        self.slots = SlotDirectory(path)
        self.backoff = Backoff(path, 60, time.time)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(PATIENCE)
        self.addCleanup(self.listener.close)
        self.host = TcpHost("127.0.0.1", self.listener.getsockname()[1], limit=2)

    def distcc(self, hosts: str) -> subprocess.Popen[str]:
        """Start distcc; its messages can be read from `stderr`."""
        environ = {
            "PATH": "/usr/bin:/bin",
            "DISTCC_DIR": self.directory,
            "DISTCC_HOSTS": hosts,
            "DISTCC_FALLBACK": "0",
            "DISTCC_VERBOSE": "1",
            "DISTCC_PAUSE_TIME_MSEC": "10",
        }
        command = [str(DISTCC), "gcc", "-c", self.source, "-o", self.source + ".o"]
        process = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process: subprocess.Popen[str]) -> None:
        with process:
            process.kill()

    def test_distccs_slots_are_taken(self) -> None:
        """While distcc has a job on a host, its slot is not ours, and it is when distcc is done."""
        process = self.distcc(str(self.host))
        connection, _ = self.listener.accept()
        self.assertEqual(self.slots.in_use(self.host.lock_name, 2), 1)
        self.assertIsNone(self.slots.try_slot(self.host.lock_name, 0))
        ours = self.slots.try_acquire(self.host.lock_name, 2)
        assert ours is not None
        self.addCleanup(ours.release)
        self.assertEqual(ours.index, 1)
        connection.close()
        process.communicate(timeout=PATIENCE)
        self.assertEqual(self.slots.in_use(self.host.lock_name, 2), 1)

    def test_our_slots_are_taken(self) -> None:
        """distcc waits while we hold all slots of the host, and goes on when one is free."""
        held = [self.slots.try_acquire(self.host.lock_name, 2) for _ in range(2)]
        process = self.distcc(str(self.host))
        self.assertEqual(self.busy_slots(process), {0, 1})
        for slot in held:
            assert slot is not None
            slot.release()
        connection, _ = self.listener.accept()
        connection.close()

    def test_local_slots_are_the_same(self) -> None:
        """distcc's compiles on localhost and our local jobs count together."""
        held = [self.slots.try_acquire(Localhost().lock_name, 2) for _ in range(2)]
        process = self.distcc("localhost")
        self.assertEqual(self.busy_slots(process), {0, 1})
        for slot in held:
            assert slot is not None
            slot.release()
        process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 0)

    def busy_slots(self, process: subprocess.Popen[str]) -> set[int]:
        """Read which slots distcc finds busy before it goes to sleep."""
        assert process.stderr is not None
        busy: set[int] = set()
        for line in process.stderr:
            if line.endswith(" is busy\n"):
                busy.add(int(line.removesuffix(" is busy\n").rpartition("_")[2]))
            if "nothing available" in line:
                return busy
        raise AssertionError("distcc ended without waiting for a slot")

    def test_we_avoid_whom_distcc_avoids(self) -> None:
        """A host that hung up on distcc is one that we leave alone."""
        process = self.distcc(str(self.host))
        connection, _ = self.listener.accept()
        self.assertFalse(self.backoff.is_avoided(self.host))
        connection.close()
        process.communicate(timeout=PATIENCE)
        self.assertTrue(self.backoff.is_avoided(self.host))

    def test_distcc_avoids_whom_we_avoid(self) -> None:
        """distcc does not call a host that failed us, until we forgive it."""
        self.backoff.avoid(self.host)
        process = self.distcc(str(self.host))
        process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 116)
        self.backoff.forgive(self.host)
        process = self.distcc(str(self.host))
        connection, _ = self.listener.accept()
        connection.close()
