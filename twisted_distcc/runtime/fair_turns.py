"""A fair semaphore: a few places for heavy work, shared among clients.

`acquire` returns a Deferred that fires when the client gets a place.  Clients take turns: of those
waiting, the one least recently served is next, however many places another client asks for.  No client
ever has more than its share, so a place soon becomes free for the next.
"""

from __future__ import annotations

from collections import Counter, deque

from twisted.internet.defer import Deferred


class FairTurns:
    """A semaphore that is fair to clients.

    Args:
        most: the number of places.
        share: how many one client may have at a time; all of them by default.
    """

    def __init__(self, most: int, share: int | None = None) -> None:
        self.free: int = most
        """The number of free places."""
        self._share = most if share is None else share
        self._held: Counter[str] = Counter()
        # The most recently served client comes last.
        self._waiting: dict[str, deque[Deferred[None]]] = {}

    def acquire(self, who: str) -> Deferred[None]:
        """Return a Deferred that fires when `who` gets a place; cancel it to stop waiting."""
        turn: Deferred[None] = Deferred(lambda turn: self._give_up(who, turn))
        self._waiting.setdefault(who, deque()).append(turn)
        self._go_on()
        return turn

    def release(self, who: str) -> None:
        """Return one of `who`'s places."""
        self.free += 1
        self._held[who] -= 1
        if not self._held[who]:
            del self._held[who]
        self._go_on()

    def _go_on(self) -> None:
        while self.free and (who := self._next()) is not None:
            waiting = self._waiting.pop(who)
            turn = waiting.popleft()
            if waiting:
                self._waiting[who] = waiting
            self.free -= 1
            self._held[who] += 1
            turn.callback(None)

    def _next(self) -> str | None:
        return next((who for who in self._waiting if self._held[who] < self._share), None)

    def _give_up(self, who: str, turn: Deferred[None]) -> None:
        self._waiting[who].remove(turn)
        if not self._waiting[who]:
            del self._waiting[who]
