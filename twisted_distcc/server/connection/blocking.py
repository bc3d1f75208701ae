"""Blocking versions of what an `Exchange` waits with, for a server of a single connection.

An async function that awaits only these never suspends: `done` runs it to its end like a plain call.
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
    """Run `story`, whose waiting all blocks this process, and return its result."""
    try:
        story.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("a story awaits something that does not block")


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
        """Hold a seat, at once: nobody else wants it."""
        yield lambda: None

    @asynccontextmanager
    async def turn(self, peer: Peer) -> AsyncIterator[None]:
        """Hold a seat for what is done before a job can start; likewise at once."""
        yield

    def seconds(self) -> float:
        """Return the seconds since some fixed moment."""
        return monotonic()


class HeldPacking(Packing):
    """Packs bodies in this process, and the largest in child processes.

    Children are forks of this process, which has no threads: an interpreter takes longer to start than
    most bodies to pack, and a process that has given up root may not be able to start ours.
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
    """Run `work`, which returns an exit status, in a fork of this process; return its process id."""
    pid = os.fork()
    if pid:
        return pid
    status = os.EX_SOFTWARE
    try:
        os.setpgid(0, 0)
        status = work()
    finally:
        os._exit(status)
