"""A unit's stopwatch: the parts add up to the whole, whatever happens."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.journal.unit_record import (
    COMPILER,
    DELIVERY,
    HOST,
    INPUTS,
    QUEUE,
    START,
    TRANSFER,
)
from twisted_distcc.client.journal.unit_watch import UnitWatch


class WatchTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.watch = UnitWatch(self.clock.seconds, build=7)

    def passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def test_parts(self) -> None:
        """Each part lasts until the next one begins; a part that continues is one part."""
        for part, seconds in ((INPUTS, 1), (HOST, 2), (HOST, 3), (INPUTS, 4), (DELIVERY, 0)):
            self.watch.enter(part)
            self.passes(seconds)
        record = self.watch.record(lambda: 100.0, "/w")
        self.assertEqual(record.parts, ((INPUTS, 1_000_000), (HOST, 5_000_000), (INPUTS, 4_000_000)))
        self.assertEqual((record.took, record.began, record.ended), (10.0, 90.0, 100.0))

    def test_age(self) -> None:
        """What was before is a part of it, too."""
        watch = UnitWatch(self.clock.seconds, age=2.5)
        self.assertEqual(watch.age, 2.5)
        self.passes(1)
        record = watch.record(lambda: 100.0, "/w")
        self.assertEqual(record.parts, ((START, 2_500_000), (INPUTS, 1_000_000)))
        self.assertEqual((record.began, record.ended), (96.5, 100.0))

    def test_served(self) -> None:
        """What a server tells of its time is taken out of the time on the way."""
        self.watch.enter(TRANSFER)
        self.passes(10)
        self.watch.served(DELIVERY, 1, 5, 4.5)
        self.passes(1)
        record = self.watch.record(lambda: 0.0, "/w")
        self.assertEqual(
            record.parts,
            (
                (TRANSFER, 2_000_000),
                (QUEUE, 1_000_000),
                (COMPILER, 5_000_000),
                (TRANSFER, 2_000_000),
                (DELIVERY, 1_000_000),
            ),
        )
        self.assertEqual(record.cpu, 4_500_000)

    def test_a_server_that_lies(self) -> None:
        """A server that claims more time than there was, or less than none, changes no sum."""
        for waited, ran in ((1e9, 1e9), (-5, 20), (0, 1e9), (3, 1e300)):
            watch = UnitWatch(self.clock.seconds)
            self.passes(1)
            watch.enter(TRANSFER)
            self.passes(10)
            watch.served(DELIVERY, waited, ran, -1)
            self.assertEqual(watch.record(lambda: 0.0, "/w").took, 11.0)

    def test_no_fraction_is_lost(self) -> None:
        """A thousand parts of less than a microsecond are as long together as they were."""
        for _ in range(1000):
            self.watch.enter(HOST)
            self.passes(0.4e-6)
            self.watch.enter(INPUTS)
            self.passes(0.3e-6)
        self.assertEqual(sum(length for _, length in self.watch.record(lambda: 0.0, "/w").parts), 700)

    def test_a_host_that_fails(self) -> None:
        """It is remembered, and is not the one that compiled the unit."""
        self.watch.at("red", 3)
        self.watch.failed("hung up")
        record = self.watch.record(lambda: 0.0, "/w")
        self.assertEqual((record.faults, record.host, record.slot), ((("red", "hung up"),), "", -1))
