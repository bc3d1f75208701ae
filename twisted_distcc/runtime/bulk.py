"""Compress and expand bodies with Twisted, in threads and processes, without blocking the reactor.

`Bulk` is the `Packing` of everything that has a reactor.  `content.packing` decides what is done where;
this module waits for it, and limits how much goes on at a time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_distcc.content.body import Body, Folder
from twisted_distcc.content.filter import filter_argv
from twisted_distcc.content.packing import Packing
from twisted_distcc.runtime.fair_turns import FairTurns
from twisted_distcc.runtime.processes import Command, ReactorSpawner, Spawner, run
from twisted_distcc.runtime.threads import ReactorThreads, Threads

# Each filter may need gigabytes for a decompression bomb, and each expansion in a thread a few hundred
# megabytes; the others wait.
_FILTERS: Final = 2
_EXPANSIONS: Final = 2
# Threads that compress; the reactor has ten, and others need some of them.
_COMPRESSIONS: Final = 4


@dataclass(frozen=True, slots=True)
class Turns:
    """Limits on concurrent work; all bodies of a process share one of these.

    Attributes:
        filters: for filter processes.
        expansions: for threads that expand.
        compressions: for threads that compress.
    """

    filters: FairTurns = field(default_factory=lambda: FairTurns(_FILTERS))
    expansions: FairTurns = field(default_factory=lambda: FairTurns(_EXPANSIONS))
    compressions: FairTurns = field(default_factory=lambda: FairTurns(_COMPRESSIONS))

    @classmethod
    def shared(cls) -> Turns:
        """Return the limits of a server, where one client may use half of each at most."""
        return cls(*(FairTurns(most, most // 2) for most in (_FILTERS, _EXPANSIONS, _COMPRESSIONS)))


def _outlived(thread: Deferred[Body]) -> Deferred[Body]:
    """Return the result of `thread`; if cancelled, `thread` goes on and its body is discarded."""
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
        spawn: starts filters, for the largest bodies.
        in_thread: runs work in a thread, for medium-sized ones.
        directory: where large bodies are kept; `None` is the system's folder for temporary files.
        turns: limits how much work that takes much memory or time goes on at once.
        client: whose bodies these are, so that turns can be shared fairly.
    """

    spawn: Spawner
    in_thread: Threads
    directory: Folder = None
    turns: Turns = field(default_factory=Turns)
    client: str = ""

    @classmethod
    def on(cls, reactor: Any) -> Bulk:
        """Return a `Bulk` that uses `reactor`, which provides `IReactorFDSet` and `IReactorThreads`.

        Large bodies go to the system's temporary folder.
        """
        return cls(ReactorSpawner(reactor), ReactorThreads(reactor))

    def on_behalf_of(self, client: str) -> Bulk:
        """Return a copy that takes turns on behalf of `client`."""
        return Bulk(self.spawn, self.in_thread, self.directory, self.turns, client)

    async def work(self, work: Callable[[], Body]) -> Body:
        """Run `work` in a thread, in its turn, and return what it returns."""
        return await self._in_turn(self.turns.compressions, work)

    async def expansion(self, work: Callable[[], Body]) -> Body:
        """Like `work`, with the turns of expansions."""
        return await self._in_turn(self.turns.expansions, work)

    async def _in_turn(self, turns: FairTurns, work: Callable[[], Body]) -> Body:
        """Run `work` in a thread, which keeps its turn until it ends, even if nobody waits any more."""
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
