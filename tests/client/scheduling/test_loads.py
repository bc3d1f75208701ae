"""What servers have said of their places, for as long as it is believed."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.scheduling.loads import BELIEVED, Loads
from twisted_distcc.jobs.model import Load


class LoadsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.loads = Loads(self.clock.seconds)

    def lines(self, *, given: int) -> list[int]:
        """Return the line at red before each of some jobs that are given to it, and after the last."""
        lines = [self.loads.line("red")]
        for _ in range(given):
            self.loads.given("red")
            lines.append(self.loads.line("red"))
        return lines

    def test_nothing_was_said(self) -> None:
        """A server that says nothing is never full, however much it is given."""
        self.assertEqual(self.lines(given=3), [0, 0, 0, 0])

    def test_table(self) -> None:
        """What was given since counts against what was said, and the next word begins anew."""
        for load, lines in (
            (Load(2, 0), [0, 0, 1, 2]),
            (Load(0, 0), [1, 2, 3, 4]),
            (Load(0, 7), [8, 9, 10, 11]),
            (Load(2**32 - 1, 2**32 - 1), [0, 0, 0, 0]),
        ):
            self.loads.told("red", load)
            self.assertEqual(self.lines(given=3), lines, load)

    def test_each_for_itself(self) -> None:
        """What one server says is nothing about another one."""
        self.loads.told("red", Load(0, 5))
        self.assertEqual((self.loads.line("red"), self.loads.line("green")), (6, 0))

    def test_old_news(self) -> None:
        """What was said is forgotten after a while, and what was given since makes it no younger."""
        self.loads.told("red", Load(0, 5))
        self.clock.advance(BELIEVED - 1)
        self.assertEqual(self.lines(given=1), [6, 7])
        self.clock.advance(1)
        self.assertEqual(self.lines(given=1), [0, 0])
