"""Which digests are made at once, and which in a thread."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.messages.body import Body
from twisted_distcc.observe.content import content_of
from twisted_distcc.observe.jobs import Content
from twisted_distcc.server.digests import Digests


class DigestsTests(SynchronousTestCase):
    def test_large_bodies_have_a_thread(self) -> None:
        """Up to a megabyte is done at once; what takes longer does not hold the reactor up."""
        threads: list[int] = []

        def in_thread(work: Callable[[], Content]) -> Deferred[Content]:
            threads.append(1)
            return succeed(work())

        for length, expected in ((0, 0), (1 << 20, 0), ((1 << 20) + 1, 1)):
            threads.clear()
            body = Body.of(bytes(length))
            digest = Deferred.fromCoroutine(Digests(in_thread)(body))
            self.assertEqual(self.successResultOf(digest), content_of(body))
            self.assertEqual(len(threads), expected, length)
