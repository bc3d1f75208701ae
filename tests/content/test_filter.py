"""The filter as a program: from file to file, within its limits."""

from __future__ import annotations

import random
import subprocess

from twisted.trial.unittest import SynchronousTestCase

from tests.content.test_lzo import burst
from twisted_distcc.content.filter import NO_ROOM, filter_argv
from twisted_distcc.content.lzo import compress, expand

MIB = 1024 * 1024


class FilterTests(SynchronousTestCase):
    def filter(self, direction: str, body: bytes, ceiling: int, target: str | None = None) -> int:
        """Run the filter; its result is in `self.result`."""
        source, self.result = self.mktemp(), target or self.mktemp()
        with open(source, "wb") as file:
            file.write(body)
        with open(source, "rb") as stdin, open(self.result, "wb") as stdout:
            argv = filter_argv(direction, ceiling)
            return subprocess.run(argv, stdin=stdin, stdout=stdout, timeout=30, check=False).returncode

    def filtered(self) -> bytes:
        with open(self.result, "rb") as file:
            return file.read()

    def test_there_and_back(self) -> None:
        """What it compresses it expands to the same bytes."""
        body = random.Random(7).randbytes(MIB) + bytes(MIB)
        self.assertEqual(self.filter("compress", body, 3 * MIB), 0)
        compressed = self.filtered()
        self.assertEqual(expand(compressed, 2 * MIB), body)
        self.assertEqual(self.filter("expand", compressed, 2 * MIB), 0)
        self.assertEqual(self.filtered(), body)

    def test_over_the_ceiling(self) -> None:
        """A body that is larger than its ceiling fails, and writes nothing."""
        status = self.filter("expand", compress(bytes(MIB)), MIB - 1)
        self.assertNotIn(status, (0, NO_ROOM))
        self.assertEqual(self.filtered(), b"")

    def test_a_burst_meets_the_limit_on_memory(self) -> None:
        """A body of four megabytes that would become a gigabyte fails where it is expanded."""
        status = self.filter("expand", burst(4 * MIB), MIB)
        self.assertNotIn(status, (0, NO_ROOM))
        self.assertEqual(self.filtered(), b"")

    def test_not_lzo(self) -> None:
        """Bytes that are no body fail as a body does."""
        self.assertNotIn(self.filter("expand", b"\xff" * 1000, MIB), (0, NO_ROOM))

    def test_a_full_disk_is_told_apart(self) -> None:
        """That there is no room to write is nobody's body's fault."""
        self.assertEqual(self.filter("expand", compress(bytes(MIB)), MIB, "/dev/full"), NO_ROOM)
