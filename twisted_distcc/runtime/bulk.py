"""Packing bodies with Twisted: threads and programs do the work, and the reactor goes on meanwhile.

In: a body.  Out: the same body, compressed or expanded.  What is done where is decided in `packing`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure

from twisted_distcc.content.body import Body
from twisted_distcc.jobs.packing import Packing
from twisted_distcc.runtime.fair_turns import FairTurns
from twisted_distcc.runtime.processes import Command, Ended, ReactorSpawner, Spawner, run

# Each filter may need gigabytes for a body that was made to burst, and each expansion in a thread some
# hundred megabytes; whoever comes later waits.
_FILTERS: Final = 2
_EXPANSIONS: Final = 2
# Threads that compress; there are others who need some of the reactor's ten.
_COMPRESSIONS: Final = 4


@dataclass(frozen=True, slots=True)
class Turns:
    """Lets so much go on at a time; one is for all bodies of a process.

    Attributes:
        filters: for programs.
        expansions: for threads that expand.
        compressions: for threads that compress.
    """

    filters: FairTurns = field(default_factory=lambda: FairTurns(_FILTERS))
    expansions: FairTurns = field(default_factory=lambda: FairTurns(_EXPANSIONS))
    compressions: FairTurns = field(default_factory=lambda: FairTurns(_COMPRESSIONS))

    @classmethod
    def shared(cls) -> Turns:
        """Return those of a server, of which one client has half at the most."""
        return cls(*(FairTurns(most, most // 2) for most in (_FILTERS, _EXPANSIONS, _COMPRESSIONS)))


class Threads(Protocol):
    """The seam to a pool of threads: runs `work` in one of them."""

    def __call__(self, work: Callable[[], Body], /) -> Deferred[Body]:
        """Give what `work` returns or raises."""
        ...


@dataclass(frozen=True, slots=True)
class ReactorThreads:
    """The threads of `reactor`."""

    reactor: IReactorThreads

    def __call__(self, work: Callable[[], Body]) -> Deferred[Body]:
        """Give what `work` returns or raises; cancelled, a thread goes on, and its body is given up."""
        pool = self.reactor.getThreadPool()
        return _outlived(deferToThreadPool(self.reactor, pool, work))


def _outlived(thread: Deferred[Body]) -> Deferred[Body]:
    """Give what `thread` gives; cancelled, it is not, but its body is given up."""
    wanted: Deferred[Body] = Deferred()

    def give(body: Body) -> None:
        if wanted.called:
            body.discard()
        else:
            wanted.callback(body)

    def fail(failure: Failure) -> None:
        if not wanted.called:
            wanted.errback(failure)

    thread.addCallbacks(give, fail)
    return wanted


@dataclass(frozen=True, slots=True)
class Bulk(Packing):
    """Compresses and expands bodies.

    Attributes:
        spawn: starts filters for the largest bodies.
        in_thread: works on middling ones.
        directory: where large bodies lie; `None` is the system's folder for temporary files.
        turns: lets some of what takes much memory or time go on at a time.
        client: whose bodies these are, for a fair order of the turns.
    """

    spawn: Spawner
    in_thread: Threads
    directory: str | None = None
    turns: Turns = field(default_factory=Turns)
    client: str = ""

    @classmethod
    def on(cls, reactor: Any) -> Bulk:
        """Give one that works on `reactor`, which provides `IReactorFDSet` and `IReactorThreads`.

        Large bodies lie in the system's temporary folder.
        """
        return cls(ReactorSpawner(reactor), ReactorThreads(reactor))

    def on_behalf_of(self, client: str) -> Bulk:
        """Return one that takes the turns of `client`."""
        return Bulk(self.spawn, self.in_thread, self.directory, self.turns, client)

    async def work(self, work: Callable[[], Body]) -> Body:
        """Return what `work` returns or raises, from a thread, in its turn."""
        return await self._in_turn(self.turns.compressions, work)

    async def expansion(self, work: Callable[[], Body]) -> Body:
        """Do as `work` does, in its turn."""
        return await self._in_turn(self.turns.expansions, work)

    async def _in_turn(self, turns: FairTurns, work: Callable[[], Body]) -> Body:
        """Do `work` in a thread, which keeps its turn to its end, whoever waits for it."""
        await turns.acquire(self.client)
        thread = self.in_thread(work)

        def end_turn(result: Body | Failure) -> Body | Failure:
            turns.release(self.client)
            return result

        thread.addBoth(end_turn)
        return await _outlived(thread)

    async def filter(self, command: Command) -> Ended:
        """Run a filter to its end, in its turn."""
        await self.turns.filters.acquire(self.client)
        try:
            return await run(self.spawn, command)
        finally:
            self.turns.filters.release(self.client)
