"""How many jobs run, how many wait, and when nobody may send more.

In: jobs that want a seat, and connections that are being read.  Out: seats in the order of asking, never
more than there are; and, while too many wait, all reading stands still, so that the network holds back
what the disk should not have to take.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from twisted.internet.defer import Deferred


class Pausable(Protocol):
    """A connection whose reading can stand still."""

    def pause(self) -> None:
        """Read no more for now."""
        ...

    def resume(self) -> None:
        """Read on."""
        ...


class Admission:
    """Seats for jobs.

    Args:
        jobs: how many jobs may run at a time.
        queue: how many complete requests may wait for a seat before all reading stands still.
    """

    def __init__(self, jobs: int, queue: int) -> None:
        self.jobs = jobs
        self.queue = queue
        self.running: int = 0
        self.crowded: bool = False
        self._seating = False
        self._waiting: deque[Deferred[None]] = deque()
        self._readers: set[Pausable] = set()

    @property
    def waiting(self) -> int:
        """How many jobs wait for a seat."""
        return len(self._waiting)

    @asynccontextmanager
    async def seat(self) -> AsyncIterator[None]:
        """Hold a seat: it is entered when one is free, and cancelling gives the place in line up."""
        await self._enter()
        try:
            yield
        finally:
            self._leave()

    def reading(self, connection: Pausable) -> None:
        """Count `connection` among those that are held back when it is crowded."""
        self._readers.add(connection)
        if self.crowded:
            connection.pause()

    def done_reading(self, connection: Pausable) -> None:
        """Count `connection` no more."""
        self._readers.discard(connection)

    def _enter(self) -> Deferred[None]:
        turn: Deferred[None] = Deferred(self._give_up)
        if self.running < self.jobs and not self._waiting:
            self.running += 1
            turn.callback(None)
            return turn
        self._waiting.append(turn)
        self._weigh()
        return turn

    def _leave(self) -> None:
        self.running -= 1
        if not self._seating:
            self._seat()
            self._weigh()

    def _seat(self) -> None:
        """Give free seats away.  A job that is over at once leaves while this runs, on its stack."""
        self._seating = True
        while self._waiting and self.running < self.jobs:
            self.running += 1
            self._waiting.popleft().callback(None)
        self._seating = False

    def _give_up(self, turn: Deferred[None]) -> None:
        self._waiting.remove(turn)
        self._weigh()

    def _weigh(self) -> None:
        """Hold readers back when the queue is full, let them go on when half of it is free."""
        if not self.crowded and self.waiting >= self.queue:
            self.crowded = True
            for reader in tuple(self._readers):
                reader.pause()
        elif self.crowded and self.waiting <= self.queue // 2:
            self.crowded = False
            for reader in tuple(self._readers):
                reader.resume()
