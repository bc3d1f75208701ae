"""Streams that do not come on are late, and those that do are late in the end."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.runtime.stream_deadlines import Progress, StreamDeadlines, Transfers


class ProgressTests(SynchronousTestCase):
    def test_table(self) -> None:
        """A stream may rest for less than 60 seconds, and take less than 200 in all."""
        table = (
            ("one that moves", [(0, 1), (50, 2), (100, 3), (150, 4)], False),
            ("one that rests", [(0, 1), (59, 1)], False),
            ("one that stands still", [(0, 1), (30, 1), (60, 1)], True),
            ("one that stood still, and moves", [(0, 1), (60, 2)], False),
            ("one that moves for too long", [(second, second) for second in range(0, 201, 10)], True),
            ("one that goes back", [(0, 5), (60, -5)], False),
        )
        for what, looks, is_late in table:
            progress = Progress(60, 200)
            late: list[int] = []
            for now, moved in looks:
                late = progress.late(now, {7: moved})
            self.assertEqual(late, [7] * is_late, what)

    def test_each_for_itself(self) -> None:
        """One that is late makes no other late, and one that went begins anew when it comes back."""
        progress = Progress(60, 200)
        progress.late(0, {1: 5, 2: 5})
        self.assertEqual(progress.late(60, {1: 5, 2: 6}), [1])
        self.assertEqual(progress.late(70, {2: 6}), [])
        self.assertEqual(progress.late(80, {1: 5, 2: 7}), [])


class StreamDeadlinesTests(SynchronousTestCase):
    def test_until_it_is_stopped(self) -> None:
        """Each kind of transfer has its own time, and nothing is scheduled after the end."""
        clock, late = Clock(), list[int]()
        transfers = Transfers(lambda: {1: 0}, 600), Transfers(lambda: {2: int(clock.seconds())}, 30)
        deadlines = StreamDeadlines(clock, 40, transfers, late.append)
        clock.pump([10] * 4)
        self.assertEqual(late, [2])
        clock.advance(10)
        self.assertEqual(late, [2, 1, 2])
        deadlines.stop()
        self.assertEqual(clock.getDelayedCalls(), [])
