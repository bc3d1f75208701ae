"""Who is next: the line of jobs that wait for a seat.

In: tickets, each of an identity, with its terms.  Out: one after the other, in an order that nobody can
bend to his own use: the highest priority first, within it each identity in turn, and of an identity what
came first; and nobody who has all of his slots in use.  This module knows no Twisted: what a ticket is
good for is its owner's business.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from twisted_distcc.policy.rules import Terms

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Ticket(Generic[T]):
    """A place in line; `turn` is its owner's, and tells no ticket from another."""

    identity: str
    terms: Terms
    turn: T


class Line(Generic[T]):
    """Tickets that wait, and how many of each identity's are in use."""

    def __init__(self) -> None:
        self._length = 0
        self._in_use: Counter[str] = Counter()
        # Priority -> identity -> tickets; the order of the identities is the order of their turns.
        self._waiting: dict[int, dict[str, deque[Ticket[T]]]] = {}

    def __len__(self) -> int:
        """Give how many tickets wait."""
        return self._length

    @property
    def identities(self) -> frozenset[str]:
        """Whose tickets wait."""
        return frozenset(identity for level in self._waiting.values() for identity in level)

    def join(self, ticket: Ticket[T]) -> None:
        """Put `ticket` at the end of its identity's."""
        level = self._waiting.setdefault(ticket.terms.priority, {})
        level.setdefault(ticket.identity, deque()).append(ticket)
        self._length += 1

    def leave(self, ticket: Ticket[T]) -> None:
        """Take a ticket that waits away."""
        self._tickets(ticket).remove(ticket)
        self._tidy(ticket)

    def call(self) -> Ticket[T] | None:
        """Take who is next out of the line, and count a slot of his as in use."""
        ticket = next(self._callable(), None)
        if ticket is None:
            return None
        level = self._waiting[ticket.terms.priority]
        tickets = level.pop(ticket.identity)
        tickets.popleft()
        level[ticket.identity] = tickets  # the last to have another turn
        self._tidy(ticket)
        self._in_use[ticket.identity] += 1
        return ticket

    def release(self, ticket: Ticket[T]) -> None:
        """Count the slot of a ticket that was called as free."""
        self._in_use[ticket.identity] -= 1
        if not self._in_use[ticket.identity]:
            del self._in_use[ticket.identity]

    def _callable(self) -> Iterator[Ticket[T]]:
        for priority in sorted(self._waiting, reverse=True):
            for identity, tickets in self._waiting[priority].items():
                first = tickets[0]
                if first.terms.slots is None or self._in_use[identity] < first.terms.slots:
                    yield first

    def _tickets(self, ticket: Ticket[T]) -> deque[Ticket[T]]:
        return self._waiting[ticket.terms.priority][ticket.identity]

    def _tidy(self, ticket: Ticket[T]) -> None:
        """Count one ticket out, and forget what it leaves empty."""
        self._length -= 1
        level = self._waiting[ticket.terms.priority]
        if not level[ticket.identity]:
            del level[ticket.identity]
        if not level:
            del self._waiting[ticket.terms.priority]
