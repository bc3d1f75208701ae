"""Decide how many jobs run, how many wait, and when clients may send more.

Jobs that want a seat get one in the fair order of `fair_queue`; there are never more than the configured
number.  While too many wait, no connection of a client that has a job in the queue is read: the network
holds back what the disk should not have to take, and nobody is held back by others' jobs.  A complete
request waits in the queue from then on, as expanding it takes a while.

Work in threads before a job can start, such as judging a long command, takes no seat.  Python runs one
thread at a time, so more of them would only make each other and the reactor wait; and a client that
keeps them busy must not keep compilers idle as well.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Protocol

from twisted.internet.defer import Deferred

from twisted_distcc.policy.peer import STDIO, Peer
from twisted_distcc.policy.rules import PLAIN, Terms
from twisted_distcc.runtime.fair_turns import FairTurns
from twisted_distcc.server.quotas.holdings import Ceilings, Holdings
from twisted_distcc.server.scheduling.fair_queue import Line, Ticket

# How many jobs are prepared at once, of all clients and of one.
_PREPARATIONS: Final = 2
_PREPARATIONS_OF_ONE: Final = 1


class Pausable(Protocol):
    """A connection whose reading can be paused."""

    def pause(self) -> None:
        """Stop reading for now."""
        ...

    def resume(self) -> None:
        """Resume reading."""
        ...


class Admission:
    """Seats for jobs.

    Args:
        jobs: how many jobs may run at once.
        queue: how many complete requests may wait, to be expanded or for a seat, before reading is
            paused.
        ceilings: how much may be held for clients.
    """

    def __init__(self, jobs: int, queue: int, ceilings: Ceilings | None = None) -> None:
        self.jobs = jobs
        self.queue = queue
        self.running: int = 0
        self.crowded: bool = False
        self.holdings: Holdings = Holdings(ceilings)
        self._seating = False
        self._line: Line[Deferred[None]] = Line()
        self._readers: dict[Pausable, str] = {}
        self._preparing: dict[object, str] = {}
        self._preparations = FairTurns(_PREPARATIONS, _PREPARATIONS_OF_ONE)
        self._held: frozenset[str] = frozenset()
        self._begun: set[Peer] = set()

    @property
    def waiting(self) -> int:
        """How many jobs wait for a seat, or are not ready to ask for one yet."""
        return len(self._line) + len(self._preparing)

    @asynccontextmanager
    async def seat(self, peer: Peer = STDIO, terms: Terms = PLAIN) -> AsyncIterator[Callable[[], None]]:
        """Hold a seat, once it is the turn of `peer`'s identity, on these terms.

        It yields a function that passes the seat on early, when only this job's records are left to
        write. Cancelling leaves the queue.
        """
        ticket = self._enter(peer.identity, terms)
        await ticket.turn
        held = [ticket]
        self._begun.add(peer)

        def leave() -> None:
            while held:
                self._leave(held.pop())

        try:
            yield leave
        finally:
            self._begun.discard(peer)
            leave()

    @asynccontextmanager
    async def turn(self, peer: Peer = STDIO) -> AsyncIterator[None]:
        """Hold a turn for what must be done before a job of `peer` can start; it waits meanwhile."""
        request, identity = object(), peer.identity
        self._prepare(request, identity)
        try:
            await self._preparations.acquire(identity)
            try:
                yield
            finally:
                self._preparations.release(identity)
        finally:
            self._prepared(request)

    def has_begun(self, peer: Peer) -> bool:
        """Whether a job of `peer`, one network connection, has had a seat and is not over."""
        return peer in self._begun

    def reading(self, connection: Pausable, identity: str = "") -> None:
        """Add `connection` to those that are paused when it is crowded."""
        self._readers[connection] = identity
        if identity in self._held:
            connection.pause()

    def done_reading(self, connection: Pausable) -> None:
        """Remove `connection` from them."""
        self._readers.pop(connection, None)

    def expanding(self, connection: Pausable, identity: str = "") -> None:
        """Count the complete request of `connection` among the waiting jobs."""
        self._prepare(connection, identity)

    def done_expanding(self, connection: Pausable) -> None:
        """Stop counting it: it asks for a seat now, or never will."""
        self._prepared(connection)

    def _prepare(self, request: object, identity: str) -> None:
        self._preparing[request] = identity
        self._weigh()

    def _prepared(self, request: object) -> None:
        if self._preparing.pop(request, None) is not None:
            self._weigh()

    def _enter(self, identity: str, terms: Terms) -> Ticket[Deferred[None]]:
        ticket = Ticket(identity, terms, Deferred[None](lambda _: self._give_up(ticket)))
        self._line.join(ticket)
        self._go_on()
        return ticket

    def _leave(self, ticket: Ticket[Deferred[None]]) -> None:
        self.running -= 1
        self._line.release(ticket)
        self._go_on()

    def _give_up(self, ticket: Ticket[Deferred[None]]) -> None:
        self._line.leave(ticket)
        self._weigh()

    def _go_on(self) -> None:
        if not self._seating:
            self._seat()
            self._weigh()

    def _seat(self) -> None:
        """Assign free seats.  A job that is over at once leaves while this runs, on its stack."""
        self._seating = True
        while self._line and self.running < self.jobs and (ticket := self._line.call()) is not None:
            self.running += 1
            ticket.turn.callback(None)
        self._seating = False

    def _weigh(self) -> None:
        """Pause readers when the queue is full, and resume them when half of it is free."""
        self.crowded = self.waiting >= self.queue or (self.crowded and self.waiting > self.queue // 2)
        if not (self.crowded or self._held):
            return
        before, self._held = self._held, self._identities() if self.crowded else frozenset()
        for reader in self._readers_of(self._held - before):
            reader.pause()
        for reader in self._readers_of(before - self._held):
            reader.resume()

    def _identities(self) -> frozenset[str]:
        return self._line.identities | frozenset(self._preparing.values())

    def _readers_of(self, identities: frozenset[str]) -> list[Pausable]:
        if not identities:
            return []
        return [reader for reader, identity in self._readers.items() if identity in identities]
