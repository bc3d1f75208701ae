"""One search for all who want the same thing at the same time."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.single_flight import Shared


class SharedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.shared: Shared[str, int] = Shared()
        self.searches: list[Deferred[int]] = []
        self.cancelled = 0

    def get(self, key: str = "key") -> Deferred[int]:
        return self.shared.get(key, self.find)

    def find(self) -> Coroutine[Deferred[int], Any, int]:
        search: Deferred[int] = Deferred(self.cancel)
        self.searches.append(search)
        return self.wait(search)

    async def wait(self, search: Deferred[int]) -> int:
        return await search

    def cancel(self, search: Deferred[int]) -> None:
        self.cancelled += 1

    def test_one_search(self) -> None:
        """All get what the first one's search finds, at once."""
        waiting = [self.get() for _ in range(3)]
        self.searches[0].callback(7)
        self.assertEqual([self.successResultOf(one) for one in waiting], [7, 7, 7])
        self.assertEqual(len(self.searches), 1)

    def test_another_key(self) -> None:
        """What has another key is another search."""
        waiting = self.get(), self.get("other")
        self.searches[1].callback(2)
        self.assertEqual(self.successResultOf(waiting[1]), 2)
        self.assertNoResult(waiting[0])

    def test_nothing_is_remembered(self) -> None:
        """Who comes when a search is over begins another."""
        for number in range(2):
            waiting = self.get()
            self.searches[number].callback(number)
            self.assertEqual(self.successResultOf(waiting), number)

    def test_a_failure(self) -> None:
        """A failure is everybody's, and the next one searches anew."""
        waiting = [self.get(), self.get()]
        self.searches[0].errback(ValueError())
        for one in waiting:
            self.failureResultOf(one, ValueError)
        again = self.get()
        self.searches[1].callback(1)
        self.assertEqual(self.successResultOf(again), 1)

    def test_one_leaves(self) -> None:
        """Whoever began it may leave: the others get what they wait for."""
        first, second = self.get(), self.get()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertEqual(self.cancelled, 0)
        self.searches[0].callback(3)
        self.assertEqual(self.successResultOf(second), 3)

    def test_all_leave(self) -> None:
        """When nobody is left the search is given up, and the next one's is its own."""
        waiting = [self.get(), self.get()]
        for one in waiting:
            one.cancel()
            self.failureResultOf(one, CancelledError)
        self.assertEqual(self.cancelled, 1)
        again = self.get()
        self.searches[1].callback(4)
        self.assertEqual(self.successResultOf(again), 4)

    def test_at_once(self) -> None:
        """A search that waits for nothing is over before anybody could join it."""

        async def find() -> int:
            return 5

        for _ in range(2):
            self.assertEqual(self.successResultOf(self.shared.get("key", find)), 5)
