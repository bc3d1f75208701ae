"""The seams of a server that is held by whatever it waits for, and serves nobody else meanwhile.

In: `Streams`.  Out: what `exchange` and `packing` wait with.  A coroutine that waits with nothing else
never stops in between: `done` runs it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, ClassVar, TypeVar

from twisted_distcc.content.body import Body
from twisted_distcc.content.filter import run_filter
from twisted_distcc.content.packing import Packing
from twisted_distcc.launcher.command import Command, Ended
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.rules import Terms
from twisted_distcc.server.connection.streams import GoneError, Streams

T = TypeVar("T")


def done(story: Coroutine[Any, Any, T]) -> T:
    """Give what `story` gives, all of whose waiting holds us."""
    try:
        story.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("a story waits for what does not hold us")


class Held:
    """Programs, seats and a clock for an `Exchange`."""

    cancelled: ClassVar[type[Exception]] = GoneError

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    async def __call__(self, command: Command, seconds: float | None) -> Ended:
        """Run `command` to its end; see `Streams.run`."""
        return self._streams.run(command, seconds)

    async def aside(self, work: Callable[[], T]) -> T:
        """Do `work`."""
        return work()

    @asynccontextmanager
    async def seat(self, peer: Peer, terms: Terms) -> AsyncIterator[Callable[[], None]]:
        """Hold a seat: there is nobody else to want it."""
        yield lambda: None

    @asynccontextmanager
    async def turn(self, peer: Peer) -> AsyncIterator[None]:
        """Hold a seat for what is done before a job can begin, likewise."""
        yield

    def seconds(self) -> float:
        """Give the seconds since some moment."""
        return monotonic()


class HeldPacking(Packing):
    """Packs bodies here, and the largest in processes of their own.

    Those are copies of this one, which has no threads: an interpreter takes longer to start than most
    bodies to pack, and whoever has given root away may not be able to start ours.
    """

    __slots__ = ("_streams", "directory")

    def __init__(self, streams: Streams, directory: str) -> None:
        self._streams = streams
        self.directory = directory

    async def work(self, work: Callable[[], Body]) -> Body:
        """Do `work`."""
        return work()

    async def filter(self, direction: str, ceiling: int, source: int, target: int) -> int:
        """Run a filter to its end, and return its exit status."""
        ended = self._streams.wait(_fork(lambda: run_filter(direction, ceiling, source, target)))
        return os.waitstatus_to_exitcode(ended.status)


def _fork(work: Callable[[], int]) -> int:
    """Run `work`, which returns an exit status, in a copy of this process; return its number."""
    pid = os.fork()
    if pid:
        return pid
    status = os.EX_SOFTWARE
    try:
        os.setpgid(0, 0)
        status = work()
    finally:
        os._exit(status)
