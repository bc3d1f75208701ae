"""Share the reactor's time by client, not by connection.

Connections that have data read a little at a time, in an order that gives every client as much as any
other, whether it has one connection or hundreds.  A client that has used up its share of a turn
continues in the next; between two turns the reactor does everything else.

Time is not measured but counted: reading has a cost, in bytes of small tokens, each of which takes about
a tenth of a microsecond.  So the same bytes always take the same turns::

    shares = TimeShares(lambda turn: reactor.callLater(0, turn))
    shares.read(connection, "tcp:192.0.2.7")
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

CLIENT: Final = 16 * 1024
"""What one client may cost in a turn; its last piece may exceed it."""
TURN: Final = 2 * CLIENT
"""What a turn may cost, for all clients together."""


class Readable(Protocol):
    """Something that has data to read."""

    def read_some(self) -> int:
        """Read a little, and return the cost; 0 if there was nothing to read."""
        ...

    @property
    def has_more(self) -> bool:
        """Whether there is more to read."""
        ...


class TimeShares:
    """Shares of the reactor's time.

    Args:
        soon: calls a function once the reactor has done everything else that is due.
    """

    def __init__(self, soon: Callable[[Callable[[], None]], object]) -> None:
        self._soon = soon
        self._is_due = False
        self._spent: Counter[str] = Counter()
        self._total = 0
        self._queued: set[Readable] = set()
        # The client whose turn was latest is last.
        self._waiting: dict[str, OrderedDict[Readable, None]] = {}

    def read(self, readable: Readable, who: str) -> None:
        """Let `readable` read: at once while `who` has time left, and the rest in its turns."""
        if readable in self._queued:
            return
        if who not in self._waiting:
            while self._has_time(who):
                if not self._read_some(readable, who):
                    return
        self._queued.add(readable)
        self._waiting.setdefault(who, OrderedDict())[readable] = None
        self._ask_for_turn()

    def forget(self, readable: Readable, who: str) -> None:
        """Forget `readable`, which is gone: otherwise it would be kept until its turn."""
        self._queued.discard(readable)
        if who in self._waiting:
            self._waiting[who].pop(readable, None)

    def _has_time(self, who: str) -> bool:
        return self._total < TURN and self._spent[who] < CLIENT

    def _read_some(self, readable: Readable, who: str) -> bool:
        """Read a little; return whether there is more."""
        cost = readable.read_some()
        self._spent[who] += cost
        self._total += cost
        return readable.has_more

    def _ask_for_turn(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._soon(self._turn)

    def _turn(self) -> None:
        self._is_due = False
        self._spent.clear()
        self._total = 0
        for who in tuple(self._waiting):
            if self._has_time(who):
                self._serve(who)
        if self._waiting:
            self._ask_for_turn()

    def _serve(self, who: str) -> None:
        """Let the connections of `who` read, one after the other, while there is time."""
        connections = self._waiting[who]
        while connections and self._has_time(who):
            readable, _ = connections.popitem(last=False)
            if self._read_some(readable, who):
                connections[readable] = None
            else:
                self._queued.discard(readable)
        del self._waiting[who]
        if connections:
            self._waiting[who] = connections
