"""Contexts that are entered and left aside, and what becomes of them when nobody waits any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.server.job.threaded_context import entered, entered_aside


class Threads:
    """Threads that work when the test says so, whoever waits for them or not."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Callable[[], Any], Deferred[Any]]] = []

    async def aside(self, work: Callable[[], Any]) -> Any:
        done: Deferred[Any] = Deferred(lambda _: None)
        self._waiting.append((work, done))
        return await done

    def work(self) -> None:
        work, done = self._waiting.pop(0)
        try:
            result = work()
        except Exception as error:
            if not done.called:
                done.errback(error)
            return
        if not done.called:
            done.callback(result)


class EnteringTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.said: list[str] = []
        self.threads = Threads()
        self.inside: Deferred[None] = Deferred()

    @contextmanager
    def context(self, fault: Exception | None = None) -> Iterator[str]:
        if fault is not None:
            raise fault
        self.said.append("entered")
        try:
            yield "value"
        except BaseException as error:
            self.said.append(type(error).__name__)
            raise
        finally:
            self.said.append("left")

    def job(self, fault: Exception | None = None) -> Deferred[str]:
        async def use() -> str:
            async with entered_aside(self.threads, self.context(fault)) as value:
                self.said.append(value)
                await self.inside
            return "done"

        return Deferred.fromCoroutine(use())

    def test_in_turn(self) -> None:
        """It is entered aside, used, and left aside."""
        job = self.job()
        self.assertEqual(self.said, [])
        self.threads.work()
        self.assertEqual(self.said, ["entered", "value"])
        self.inside.callback(None)
        self.assertNoResult(job)
        self.threads.work()
        self.assertEqual((self.said[2:], self.successResultOf(job)), (["left"], "done"))

    def test_an_error(self) -> None:
        """It hears of the error that it is left for, which goes on."""
        job = self.job()
        self.threads.work()
        self.inside.errback(KeyError())
        self.threads.work()
        self.failureResultOf(job, KeyError)
        self.assertEqual(self.said[2:], ["KeyError", "left"])

    def test_no_entrance(self) -> None:
        """One that cannot be entered is not left."""
        job = self.job(OSError("full"))
        self.threads.work()
        self.threads.work()
        self.failureResultOf(job, OSError)
        self.assertEqual(self.said, [])

    def test_gone_while_entering(self) -> None:
        """One that nobody waits for any more is left all the same, whoever of the two comes last."""
        job = self.job()
        job.cancel()
        self.threads.work()
        self.assertEqual(self.said, ["entered"])
        self.threads.work()
        self.assertEqual(self.said, ["entered", "CancelledError", "left"])
        self.failureResultOf(job, CancelledError)

    def test_gone_before_entering(self) -> None:
        """The same if it is given up first, by a thread that is faster."""
        job = self.job()
        job.cancel()
        self.threads._waiting.reverse()
        self.threads.work()
        self.failureResultOf(job, CancelledError)
        self.assertEqual(self.said, [])
        self.threads.work()
        self.assertEqual(self.said, ["entered", "CancelledError", "left"])

    def test_at_once(self) -> None:
        """What takes no time is entered here."""

        async def use() -> str:
            async with entered(self.context()) as value:
                return value

        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(use())), "value")
        self.assertEqual(self.said, ["entered", "left"])
