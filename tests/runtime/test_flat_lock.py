"""A lock that many wait for."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.runtime.flat_lock import FlatLock


class FlatLockTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.lock = FlatLock()
        self.order: list[int] = []
        self.inside = 0

    def begin(self, number: int, until: Deferred[None] | None = None) -> Deferred[None]:
        return Deferred.fromCoroutine(self.hold(number, until))

    async def hold(self, number: int, until: Deferred[None] | None) -> None:
        async with self.lock:
            self.inside += 1
            self.assertEqual(self.inside, 1)
            self.order.append(number)
            try:
                if until is not None:
                    await until
            finally:
                self.inside -= 1

    def test_alone(self) -> None:
        """Who finds it free has it at once, again and again."""
        for number in range(3):
            self.successResultOf(self.begin(number))
        self.assertEqual(self.order, [0, 1, 2])

    def test_thousands(self) -> None:
        """However many wait, all get it, in order; some hold it for a while, and some fail."""
        first, pause, fault = Deferred[None](), Deferred[None](), Deferred[None]()
        holding = self.begin(0, first)
        pauses = {1500: pause, 2500: fault}
        running = [self.begin(number, pauses.get(number)) for number in range(1, 3000)]
        self.assertNoResult(running[0])
        first.callback(None)
        self.successResultOf(holding)
        self.assertEqual(len(self.order), 1501)
        late = self.begin(3000)
        pause.callback(None)
        fault.errback(ValueError())
        self.failureResultOf(running.pop(2499), ValueError)
        for one in (*running, late):
            self.successResultOf(one)
        self.assertEqual(self.order, list(range(3001)))

    def test_given_up(self) -> None:
        """Who gives up waiting is passed over; who gives up while holding it hands it over."""
        holding = self.begin(0, Deferred())
        second, third = self.begin(1), self.begin(2)
        second.cancel()
        self.failureResultOf(second, CancelledError)
        holding.cancel()
        self.failureResultOf(holding, CancelledError)
        self.successResultOf(third)
        self.assertEqual(self.order, [0, 2])
