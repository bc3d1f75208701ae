"""Packing bodies with Twisted: threads and programs do the work, and the reactor goes on meanwhile.

`Bulk` is the `Packing` of everything that has a reactor.  What is done where is decided in
`content.packing`; here it is waited for, and only so much goes on at a time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_distcc.content.body import Body
from twisted_distcc.content.filter import filter_argv
from twisted_distcc.content.packing import Packing
from twisted_distcc.runtime.fair_turns import FairTurns
from twisted_distcc.runtime.processes import Command, ReactorSpawner, Spawner, run
from twisted_distcc.runtime.threads import ReactorThreads, Threads

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


def _outlived(thread: Deferred[Body]) -> Deferred[Body]:
    """Return what `thread` gives; when this is cancelled `thread` goes on, and its body is discarded."""
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

    async def filter(self, direction: str, ceiling: int, source: int, target: int) -> int:
        """Run a filter, in its turn, and return its exit status."""
        command = Command(filter_argv(direction, ceiling), stdin=source, stdout=target)
        await self.turns.filters.acquire(self.client)
        try:
            return os.waitstatus_to_exitcode((await run(self.spawn, command)).status)
        finally:
            self.turns.filters.release(self.client)
