"""How many jobs run, how many wait, and when nobody may send more.

In: jobs that want a seat, and connections that are being read.  Out: seats, never more than there are,
in the fair order of `fair_queue`.  While too many wait, nobody who has a job in the queue is read from:
the network holds back what the disk should not have to take, and nobody is held back by others' jobs.
A request that is whole waits in the queue from then on: expanding it takes its time.

What is done in threads before a job can begin, such as judging a long command, takes no seat.  Python
runs one thread at a time, so more of them would only keep each other and the reactor waiting; and a
client who keeps them busy must not keep compilers idle as well.
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

# How much is prepared for jobs at a time, of all clients and of one.
_PREPARATIONS: Final = 2
_PREPARATIONS_OF_ONE: Final = 1


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
        queue: how many complete requests may wait, to be expanded or for a seat, before reading stands
            still.
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
        """Hold a seat: it is entered when it is the turn of `peer`'s identity, on these terms.

        What it gives leaves the seat to the next job, when only the accounts of this one are left to do.
        Cancelling gives the place in line up.
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
        """Hold a turn for what is done before a job of `peer` can begin; meanwhile that job waits."""
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
        """Whether a job of `peer`, one connection of a network, has had a seat and is not over."""
        return peer in self._begun

    def reading(self, connection: Pausable, identity: str = "") -> None:
        """Count `connection` among those that are held back when it is crowded."""
        self._readers[connection] = identity
        if identity in self._held:
            connection.pause()

    def done_reading(self, connection: Pausable) -> None:
        """Count `connection` no more."""
        self._readers.pop(connection, None)

    def expanding(self, connection: Pausable, identity: str = "") -> None:
        """Count the request of `connection`, which is whole, among the jobs that wait."""
        self._prepare(connection, identity)

    def done_expanding(self, connection: Pausable) -> None:
        """Count it no more: it asks for a seat now, or never will."""
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
        """Give free seats away.  A job that is over at once leaves while this runs, on its stack."""
        self._seating = True
        while self._line and self.running < self.jobs and (ticket := self._line.call()) is not None:
            self.running += 1
            ticket.turn.callback(None)
        self._seating = False

    def _weigh(self) -> None:
        """Hold readers back when the line is full, let them go on when half of it is free."""
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
