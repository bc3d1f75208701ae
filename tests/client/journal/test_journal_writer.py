"""Writing the journals of one process: in batches, aside, and without ever failing."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import execute
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.client.journal.units import unit
from twisted_distcc.client.journal.journal_writer import JournalWriter
from twisted_distcc.client.journal.unit_record import UnitRecord


class WriterTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.written: list[tuple[str, list[str]]] = []
        self.fails: set[str] = set()
        self.writer = JournalWriter(self.clock, execute, self.write)

    def write(self, directory: str, units: Sequence[UnitRecord]) -> None:
        if directory in self.fails:
            raise OSError(28, "No space left on device")
        self.written.append((directory, [one.file for one in units]))

    def test_batches(self) -> None:
        """What is added within a second is written together, and then nothing is until more comes."""
        for name in ("a.c", "b.c"):
            self.writer.add("/h", unit(name))
        self.writer.add("/other", unit("c.c"))
        self.assertEqual(self.written, [])
        self.clock.advance(1)
        self.assertEqual(self.written, [("/h", ["a.c", "b.c"]), ("/other", ["c.c"])])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.writer.add("/h", unit("d.c"))
        self.clock.advance(1)
        self.assertEqual(self.written[2:], [("/h", ["d.c"])])

    def test_flush(self) -> None:
        """What waits is written before the process ends, once."""
        self.writer.add("/h", unit("a.c"))
        self.writer.flush()
        self.writer.flush()
        self.clock.advance(1)
        self.assertEqual(self.written, [("/h", ["a.c"])])

    def test_failures(self) -> None:
        """A journal that cannot be written costs its own records, and is told of once."""
        self.fails = {"/full"}
        for _ in range(3):
            self.writer.add("/full", unit())
            self.writer.add("/h", unit())
            self.clock.advance(1)
        self.writer.add("/full", unit())
        self.writer.flush()
        self.assertEqual(len(self.written), 3)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_too_many(self) -> None:
        """A disk that does not keep up costs records, not memory."""
        for _ in range(10_050):
            self.writer.add("/h", unit())
        self.writer.flush()
        self.assertEqual(len(self.written[0][1]), 10_000)
