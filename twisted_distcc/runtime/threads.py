"""Run work in the threads of a reactor; this is the one seam to them.

Whatever waits for a disk, or takes the processor for longer than a millisecond or two, runs in a thread,
so that the reactor stays responsive.  Programs use `ReactorThreads`; tests use anything else that
satisfies `Threads`, such as `twisted.internet.defer.execute`, which runs the work at once::

    threads = ReactorThreads(reactor)
    digest = await threads(lambda: sha256(path))

A thread cannot be stopped: if its Deferred is cancelled, the work goes on, and its result is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool

T = TypeVar("T")


class Threads(Protocol):
    """Runs work in a thread."""

    def __call__(self, work: Callable[[], T], /) -> Deferred[T]:
        """Run `work`, and return a Deferred of what it returns or raises."""
        ...


@dataclass(frozen=True, slots=True)
class ReactorThreads:
    """The threads of `reactor`, which provides `IReactorThreads`."""

    reactor: Any

    def __call__(self, work: Callable[[], T]) -> Deferred[T]:
        """Run `work`, and return a Deferred of what it returns or raises."""
        return deferToThreadPool(self.reactor, self.reactor.getThreadPool(), work)
