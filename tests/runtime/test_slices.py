"""Long work in slices: who works long holds nobody up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.runtime.slices import SLICE, Slices


class Rounds(Clock):
    """A reactor whose rounds last a second: what is called later is called in the next one."""

    def callLater(self, when: float, what: Any, *args: Any, **kwargs: Any) -> IDelayedCall:
        return super().callLater(when + 1, what, *args, **kwargs)


class SlicesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Rounds()
        self.slices = Slices(self.clock)
        self.done: list[str] = []

    def steps(self, who: str, count: int) -> Iterator[int]:
        for _ in range(count):
            self.done.append(who)
            yield SLICE // 2

    def do(self, who: str, count: int) -> Deferred[None]:
        return Deferred.fromCoroutine(self.slices.do(self.steps(who, count), who))

    def rounds(self, count: int) -> None:
        for _ in range(count):
            self.clock.advance(1)

    def test_short(self) -> None:
        """What fits into a slice is done at once, and the reactor is not asked for anything."""
        self.successResultOf(self.do("ada", 1))
        self.assertEqual((self.done, self.clock.getDelayedCalls()), (["ada"], []))

    def test_long(self) -> None:
        """The rest of what does not is done a slice in each round."""
        doing = self.do("ada", 5)
        seen = []
        while not doing.called:
            seen.append(len(self.done))
            self.rounds(1)
        self.assertEqual(seen, [2, 4])

    def test_turns(self) -> None:
        """All clients together get one slice in a round, and one that has much to do waits longest."""
        many = [self.do("eve", 100) for _ in range(10)]
        honest = self.do("ada", 6)
        self.done.clear()
        self.rounds(1)
        self.assertEqual(len(self.done), 2)
        self.rounds(8)
        self.successResultOf(honest)
        for one in many:
            self.assertNoResult(one)
            one.cancel()
            self.failureResultOf(one, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_given_up(self) -> None:
        """Who gives up leaves the turn to others, and an error of the work is told."""
        first, second = self.do("ada", 10), self.do("ada", 3)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.rounds(2)
        self.successResultOf(second)
        failing = Deferred.fromCoroutine(self.slices.do((1 // left for left in (1, 0)), "ada"))
        self.failureResultOf(failing, ZeroDivisionError)
