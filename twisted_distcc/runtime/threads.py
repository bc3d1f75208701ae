"""Work in the threads of a reactor: the one seam to them.

Whatever waits for a disk, or takes the processor for longer than a millisecond or two, is done in a
thread, so that the reactor goes on meanwhile.  Programs use `ReactorThreads`; tests use whatever else
satisfies `Threads`, such as `twisted.internet.defer.execute`, which works at once::

    threads = ReactorThreads(reactor)
    digest = await threads(lambda: sha256(path))

Nobody can stop a thread: when its Deferred is cancelled the work goes on, and its result is dropped.
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
