"""What is recorded of compiles: what became of each, at which host, why, and for how long."""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.defer import Deferred

from tests.client.in_memory import (
    DispatchTestCase,
    FakeServer,
    Told,
    failing_server,
    good_server,
    held_server,
    refusing,
)
from twisted_distcc.client.invocation import Finished, Invocation, Outcome, RunHere
from twisted_distcc.client.journal.unit_record import COMPILER, UnitRecord
from twisted_distcc.client.journal.unit_watch import UnitWatch
from twisted_distcc.client.recorded_dispatch import Recorded
from twisted_distcc.content.body import Body
from twisted_distcc.jobs.model import Reply

NOW = 1_700_000_000.0


class Kept:
    """A journal in memory."""

    def __init__(self) -> None:
        self.units: list[tuple[str, UnitRecord]] = []

    def add(self, directory: str, unit: UnitRecord) -> None:
        self.units.append((directory, unit))


class RecordedTests(DispatchTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.kept = Kept()
        self.recorded = Recorded(self.dispatcher, self.kept, now=lambda: NOW)

    def begin(self, invocation: Invocation) -> Deferred[Outcome]:
        self.told = Told(watch=UnitWatch(self.network.seconds, build=7))
        running = Deferred.fromCoroutine(self.recorded.run(invocation, self.told))
        self.network.settle()
        return running

    def unit(self) -> UnitRecord:
        """Return what was recorded, which is one unit, of this user's."""
        [(directory, unit)] = self.kept.units
        self.assertEqual(directory, str(self.distcc))
        self.assertEqual((unit.folder, unit.build), (str(self.work), 7))
        return unit

    def ended(self, outcome: Outcome) -> None:
        """End the compiler that was left to the caller."""
        assert isinstance(outcome, RunHere)
        assert outcome.ended is not None
        self.assertEqual(self.kept.units, [])
        outcome.ended()

    def test_remote(self) -> None:
        """A unit of a server is told with its host, its slot and its status."""
        self.serve(good_server())
        self.finished(self.compile())
        unit = self.unit()
        told = (unit.file, unit.became, unit.host, unit.slot, unit.status)
        self.assertEqual(told, ("hello.c", "text", "10.0.0.1/1", 0, 0))
        self.assertIn("does not say whether its gcc is this one", unit.reason)

    def test_times(self) -> None:
        """Its parts are as long as it took, whoever spent the time."""
        server = held_server()
        self.serve(server)
        running = self.begin(self.invocation())
        self.network.advance(5)
        server.replies[0].callback(Reply(0, object_file=Body.of(b"\x7fELF")))
        self.network.settle()
        self.successResultOf(running)
        unit = self.unit()
        self.assertEqual((unit.took, unit.began), (5.0, NOW - 5))
        self.assertEqual(unit.seconds(COMPILER), 5.0)
        self.assertGreater(unit.sent, 0)
        self.assertGreater(unit.received, 0)

    def test_local(self) -> None:
        """A unit that stays ends when its compiler does, and the reason is told."""
        self.serve(good_server())
        outcome = self.compile("gcc", "--coverage", "-c", "hello.c")
        self.network.advance(3)
        self.ended(self.here(outcome))
        unit = self.unit()
        self.assertEqual((unit.file, unit.became, unit.host, unit.slot), ("hello.c", "local", "", 0))
        self.assertTrue(unit.reason.startswith("--coverage "), unit)
        self.assertEqual((unit.seconds(COMPILER), unit.status), (3.0, None))

    def test_without_agent(self) -> None:
        """A process that becomes the compiler records it before."""
        self.recorded = replace(self.recorded, outlives=False)
        self.serve(good_server())
        self.here(self.compile("gcc", "hello.o", "-o", "hello"))
        self.assertEqual((self.unit().file, self.unit().became), ("hello", "local"))

    def test_a_compile_that_fails(self) -> None:
        """What a server cannot compile is compiled here, and is told so."""
        self.serve(failing_server())
        self.ended(self.compile())
        unit = self.unit()
        told = (unit.became, unit.host, unit.status, unit.reason)
        self.assertEqual(told, ("local", "", None, "the compile failed on the server (exit status 1)"))

    def test_hosts_that_fail(self) -> None:
        """Hosts that failed on the way are told with their faults."""
        self.serve(refusing, good_server())
        self.finished(self.compile())
        unit = self.unit()
        self.assertEqual(unit.host, "10.0.0.2/1")
        [(host, fault)] = unit.faults
        self.assertEqual((host, fault[:17]), ("10.0.0.1/1", "cannot be reached"))

    def test_failed(self) -> None:
        """A unit that nobody compiled is told, too."""
        self.serve(refusing)
        self.environ["DISTCC_FALLBACK"] = "0"
        self.assertIsInstance(self.compile(), Finished)
        self.assertEqual(self.unit().became, "failed")

    def test_interrupted(self) -> None:
        """So is one that was interrupted."""
        self.serve(held_server())
        running = self.begin(self.invocation())
        running.cancel()
        self.failureResultOf(running)
        self.assertEqual(self.unit().became, "interrupted")

    def test_off(self) -> None:
        """With `DISTCC_JOURNAL=0`, or without a home, nothing is recorded."""
        self.serve(FakeServer(lambda _: Reply(0, object_file=Body.of(b"\x7fELF"))))
        self.environ["DISTCC_JOURNAL"] = "0"
        self.finished(self.compile())
        self.assertEqual(self.kept.units, [])
