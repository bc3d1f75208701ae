"""A few places for work that is heavy, and who gets the next one.

In: who wants a place.  Out: a Deferred that fires when it is his.  Clients take turns: of those who
wait, the one who has been served longest ago is next, however many places another client asks for; and
one client never has more than his share, so a place becomes free for the next one soon.
"""

from __future__ import annotations

from collections import Counter, deque

from twisted.internet.defer import Deferred


class FairTurns:
    """Places, by client.

    Args:
        most: how many there are.
        share: how many one client may have at a time; all of them by default.
    """

    def __init__(self, most: int, share: int | None = None) -> None:
        self.free: int = most
        """Places that nobody has."""
        self._share = most if share is None else share
        self._held: Counter[str] = Counter()
        # Who was served last stands last.
        self._waiting: dict[str, deque[Deferred[None]]] = {}

    def acquire(self, who: str) -> Deferred[None]:
        """Wait for a place for `who`; cancelling gives up waiting."""
        turn: Deferred[None] = Deferred(lambda turn: self._give_up(who, turn))
        self._waiting.setdefault(who, deque()).append(turn)
        self._go_on()
        return turn

    def release(self, who: str) -> None:
        """Give a place of `who` back."""
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
