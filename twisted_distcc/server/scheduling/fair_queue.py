"""The queue of jobs that wait for a seat.

A `Line` holds tickets, each with an identity and its terms, and calls them in an order that nobody can
manipulate: the highest priority first; within it the identities in turn; for one identity, first come,
first served; and nobody who has all of its slots in use.  The module knows nothing of Twisted, and does
not look into a ticket's `turn`.
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
    """A place in the queue, equal only to itself; `turn` is for its owner to use."""

    identity: str
    terms: Terms
    turn: T


class Line(Generic[T]):
    """The waiting tickets, and how many of each identity's are in use."""

    def __init__(self) -> None:
        self._length = 0
        self._in_use: Counter[str] = Counter()
        # Priority -> identity -> tickets; identities are in the order of their turns.
        self._waiting: dict[int, dict[str, deque[Ticket[T]]]] = {}

    def __len__(self) -> int:
        """Return how many tickets wait."""
        return self._length

    @property
    def identities(self) -> frozenset[str]:
        """The identities of the waiting tickets."""
        return frozenset(identity for level in self._waiting.values() for identity in level)

    def join(self, ticket: Ticket[T]) -> None:
        """Put `ticket` at the end of its identity's tickets."""
        level = self._waiting.setdefault(ticket.terms.priority, {})
        level.setdefault(ticket.identity, deque()).append(ticket)
        self._length += 1

    def leave(self, ticket: Ticket[T]) -> None:
        """Remove a waiting ticket."""
        self._tickets(ticket).remove(ticket)
        self._tidy(ticket)

    def call(self) -> Ticket[T] | None:
        """Remove and return the next ticket, and count one more slot of its identity as in use."""
        ticket = next(self._callable(), None)
        if ticket is None:
            return None
        level = self._waiting[ticket.terms.priority]
        tickets = level.pop(ticket.identity)
        tickets.popleft()
        level[ticket.identity] = tickets  # its next turn comes last
        self._tidy(ticket)
        self._in_use[ticket.identity] += 1
        return ticket

    def release(self, ticket: Ticket[T]) -> None:
        """Count the slot of a called ticket as free."""
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
        """Remove one ticket from the count, and any empty entries that it leaves."""
        self._length -= 1
        level = self._waiting[ticket.terms.priority]
        if not level[ticket.identity]:
            del level[ticket.identity]
        if not level:
            del self._waiting[ticket.terms.priority]
