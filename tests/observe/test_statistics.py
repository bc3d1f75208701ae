"""What is counted of jobs and connections, and what of it is bounded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.observe.histogram import Histogram
from twisted_distcc.observe.job_records import JobRecord
from twisted_distcc.observe.last_hour import STEP, Point
from twisted_distcc.observe.progress import UNWATCHED
from twisted_distcc.observe.recorders import Recorders, RefusedConnection
from twisted_distcc.observe.statistics import OTHERS, Slow, Statistics, Usage
from twisted_distcc.policy.peer import tcp_peer
from twisted_distcc.policy.verdict import Refused

ALICE = tcp_peer("192.0.2.1", 1)
DONE = JobRecord(
    ALICE, "done", 1, "/usr/bin/gcc", "a.c", 0, received=100, sent=50, waited=0.3, ran=2.0, cpu=1.5,
    prepared=0.5,
)  # fmt: skip


class HistogramTests(SynchronousTestCase):
    def test_bounds(self) -> None:
        """A value on a bound is up to it; cumulative counts end with all values."""
        histogram = Histogram((0.1, 1.0))
        for value in (0.05, 0.1, 0.5, 7.0):
            histogram.add(value)
        self.assertEqual(histogram.counts, [2, 1, 1])
        self.assertEqual(list(histogram.cumulative()), [("0.1", 2.0), ("1.0", 3.0), ("+Inf", 4.0)])
        self.assertAlmostEqual(histogram.total, 7.65)


class StatisticsTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.statistics = Statistics(self.clock.seconds, self.clock.seconds)

    def job(self, **changes: Any) -> None:
        self.statistics.record(replace(DONE, **changes))


class JobTests(StatisticsTestCase):
    def test_done(self) -> None:
        """A compile adds to its result, to the times, to the bytes, and to its identity."""
        self.job()
        found = self.statistics
        self.assertEqual(found.jobs, {("ok", ""): 1})
        self.assertEqual((found.waited.total, found.prepared.total, found.ran.total), (0.3, 0.5, 1.5))
        self.assertEqual((found.inputs, found.outputs, found.cpu), (100, 50, 1.5))
        self.assertEqual(found.identities, {"tcp:192.0.2.1": Usage(1, 0, 1.5, 100, 50)})
        self.assertEqual(found.longest, Slow(2.0, 0.0, "a.c", "/usr/bin/gcc", "tcp:192.0.2.1"))

    def test_results(self) -> None:
        """Each end of a job is counted by itself, with the cause if there is one."""
        for changes in (
            {"status": 1},
            {"status": 128},
            {"status": 139},
            {"verdict": "cancelled"},
            {"verdict": "refused", "cause": "policy"},
            {"verdict": "failed", "cause": "sandbox-memory", "limits": ("sandbox-memory",)},
        ):
            self.job(**changes)
        self.assertEqual(
            self.statistics.jobs,
            {
                ("error", ""): 2, ("crash", ""): 1, ("cancelled", ""): 1,
                ("refused", "policy"): 1, ("failed", "sandbox-memory"): 1,
            },
        )  # fmt: skip
        self.assertEqual(self.statistics.limits, {"sandbox-memory": 1})
        self.assertEqual(self.statistics.count("error", "refused"), 3)
        self.assertEqual([remark.verdict for remark in self.statistics.remarks], ["refused", "failed"])

    def test_refused_connections(self) -> None:
        """They are remarked, whatever their number, up to the latest fifty."""
        for number in range(60):
            peer = tcp_peer("192.0.2.9", number)
            self.statistics.record(RefusedConnection(peer, Refused((f"number {number}",))))
        self.assertEqual(len(self.statistics.remarks), 50)
        self.assertEqual(self.statistics.remarks[-1].reason, "number 59")
        self.assertEqual(self.statistics.identities, {})

    def test_many_identities(self) -> None:
        """Those beyond the first hundred are counted together."""
        for number in range(250):
            self.job(peer=tcp_peer(f"10.0.0.{number}", 1))
        self.assertEqual(len(self.statistics.identities), 101)
        self.assertEqual(self.statistics.identities[OTHERS].jobs, 150)

    def test_slowest(self) -> None:
        """The twenty slowest are kept, for an hour."""
        for number in range(30):
            self.job(ran=float(number), source=f"{number}.c")
        slowest = [one.source for one in self.statistics.slowest]
        self.assertEqual(slowest, [f"{number}.c" for number in range(29, 9, -1)])
        self.clock.advance(3601)
        self.statistics.look(0, 0)
        self.job(ran=0.1, source="new.c")
        self.assertEqual([one.source for one in self.statistics.slowest], ["new.c"])
        assert self.statistics.longest is not None
        self.assertEqual(self.statistics.longest.source, "29.c")


class HourTests(StatisticsTestCase):
    def look(self, running: int, waiting: int, times: int = STEP) -> None:
        for _ in range(times):
            self.statistics.look(running, waiting)

    def test_points(self) -> None:
        """A point has what came to its end in it, and averages of what was looked at."""
        self.job()
        self.job(verdict="failed")
        self.statistics.traffic.received = 10
        self.look(2, 0, 5)
        self.look(5, 3, 10)
        self.job()
        self.assertEqual(self.statistics.finished_lately, 1)
        self.look(0, 0)
        self.assertEqual(
            list(self.statistics.hour.points), [Point(1, 1, 4.0, 2.0, 10, 0), Point(1, 0, 0.0, 0.0)]
        )
        self.assertEqual(self.statistics.hour.latest(STEP), [Point(1, 0)])

    def test_an_hour(self) -> None:
        """There are never more points than of one hour."""
        self.look(0, 0, 4000)
        self.assertEqual(len(self.statistics.hour.points) * STEP, 3600)


class ProgressTests(StatisticsTestCase):
    def test_in_flight(self) -> None:
        """A job is there with its stage until it is over; its end may be told twice."""
        recorders = Recorders([self.statistics], self.statistics.in_flight)
        progress = recorders.begin(replace(DONE, source=None))
        self.clock.advance(3)
        progress.reach("compiling", DONE)
        [job] = self.statistics.in_flight
        self.assertEqual((job.stage, job.record.source, job.arrived), ("compiling", "a.c", 0.0))
        progress.end()
        progress.end()
        self.assertEqual(len(self.statistics.in_flight), 0)

    def test_unwatched(self) -> None:
        """Where nobody wants to know, nothing is made for a job."""
        self.assertIs(Recorders([]).begin(DONE), UNWATCHED)
        UNWATCHED.reach("waiting", DONE)
        UNWATCHED.end()
