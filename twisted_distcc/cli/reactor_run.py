"""Run a coroutine on Twisted's reactor from start to end, for commands that are plain functions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


def run_to_end(work: Callable[[Any], Awaitable[T]]) -> T:
    """Run `work(reactor)`, and return its result or raise its exception; a process does this once.

    Raises:
        KeyboardInterrupt: if the user interrupts it.
    """
    from twisted.internet import reactor

    results: list[T | Failure] = []

    async def run() -> T:
        return await work(reactor)

    def begin() -> None:
        Deferred.fromCoroutine(run()).addBoth(end)

    def end(result: T | Failure) -> None:
        results.append(result)
        reactor.stop()

    reactor.callWhenRunning(begin)
    reactor.run()
    if not results:
        raise KeyboardInterrupt
    result = results[0]
    if isinstance(result, Failure):
        result.raiseException()
    return result
