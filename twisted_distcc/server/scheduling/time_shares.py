"""The reactor's time, shared by client and not by connection.

In: connections that have something to read.  Out: each reads a little at a time, in an order in which
every client has as much as any other, whether he has one connection or hundreds.  A client who has used
up his share of a turn goes on in the next; between two turns the reactor does everything else.

Time is not measured but counted: what is read has a cost, in bytes of small tokens, each of which takes
about a tenth of a microsecond.  So the same bytes always take the same turns::

    shares = TimeShares(lambda turn: reactor.callLater(0, turn))
    shares.read(connection, "tcp:192.0.2.7")
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

CLIENT: Final = 16 * 1024
"""What one client may cost in a turn, if it is not the last piece that goes beyond it."""
TURN: Final = 2 * CLIENT
"""What a turn may cost, whoever reads."""


class Readable(Protocol):
    """Has something to read."""

    def read_some(self) -> int:
        """Read a little, and return what that cost; 0 if there was nothing."""
        ...

    @property
    def has_more(self) -> bool:
        """Whether there is something left to read."""
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
        # Who had a turn last stands last.
        self._waiting: dict[str, OrderedDict[Readable, None]] = {}

    def read(self, readable: Readable, who: str) -> None:
        """Let `readable` read: at once, as far as the time of `who` goes, and the rest in his turns."""
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
        """Have `readable`, which is gone, wait no more: it would be kept until its turn."""
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
