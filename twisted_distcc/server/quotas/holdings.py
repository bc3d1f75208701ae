"""What a server holds for its clients at a time: connections, words in memory, bodies on disk.

In: who takes or gives back how much of what.  Out: nothing, or `CeilingMetError`, whose sentence goes to
the client.  Of each thing one client gets half at the most (`Tally`).  This module refuses to know how
anything is held, and for how long it may be.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from twisted_distcc.content.body import IN_MEMORY, Body
from twisted_distcc.errors import EXIT_IO_ERROR, DistccError
from twisted_distcc.policy.tally import Tally

_MIB: Final = 1024 * 1024
_GIB: Final = 1024 * _MIB

# What Python needs for a word of a command beside its bytes, or for half of an entry of a tree.
_PER_WORD: Final = 96


class CeilingMetError(DistccError):
    """A server holds as much as it may; another one may have room."""

    exit_code = EXIT_IO_ERROR


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The most that a server holds at a time.

    Attributes:
        connections: of all clients; each takes up to two descriptors, and some 400 KiB of memory if its
            client does not read what it asked for.
        words: bytes of memory for the words of all commands, and for the names of files that come with
            them; an honest command has some kilobytes, and the names of a thousand files some hundred.
        stored: bytes on disk, of sources that come or wait and of results that go; what a compiler has
            open while it runs is not counted here.
        turned_away: connections that are told why they cannot be; more are closed without a word.
    """

    connections: int = 1024
    words: int = 256 * _MIB
    stored: int = 16 * _GIB
    turned_away: int = 64


class Holdings:
    """What one server holds."""

    def __init__(self, ceilings: Ceilings | None = None) -> None:
        bounds = ceilings or Ceilings()
        self.connections = Tally(bounds.connections)
        self.words = Tally(bounds.words)
        self.stored = Tally(bounds.stored)
        self.turned_away = Tally(bounds.turned_away)


class Hold:
    """What is held for one connection of the client `who`."""

    def __init__(self, holdings: Holdings, who: str) -> None:
        self._holdings = holdings
        self._who = who
        self._taken: Counter[Tally] = Counter()

    def connect(self) -> None:
        """Take a place among the connections."""
        connections = self._holdings.connections
        if not self._take(connections, 1):
            raise CeilingMetError(
                f"this server has too many connections; it takes at most {connections.share} from one "
                "client (half of --max-connections)"
            )

    def turn_away(self) -> bool:
        """Take a place among those that are told why they cannot be served, if there is one left."""
        return self._take(self._holdings.turned_away, 1)

    def keep_words(self, count: int, length: int) -> None:
        """Make room in memory for words of `length` bytes together, until the connection ends."""
        if not self._take(self._holdings.words, length + count * _PER_WORD):
            raise CeilingMetError(
                "memory limit for commands reached: this command is too long, or has too many files"
            )

    def store(self, length: int) -> None:
        """Make room on disk for a body of `length` bytes, unless it is so small that it needs none."""
        if length > IN_MEMORY:
            self.store_files(length)

    def store_files(self, length: int) -> None:
        """Make room on disk for files of `length` bytes, however small: many make one body."""
        if not self._take(self._holdings.stored, length):
            raise CeilingMetError(
                f"this server stores as much as it may, and has no room for {length} bytes more "
                "(--max-stored; half of it for one client)"
            )

    def store_bodies(self, *bodies: Body) -> None:
        """Make room for bodies."""
        for body in bodies:
            self.store(body.length)

    def give_up_bodies(self) -> None:
        """Give back the room of all bodies."""
        self._give_back(self._holdings.stored)

    def end(self) -> None:
        """Give everything back."""
        for tally in tuple(self._taken):
            self._give_back(tally)

    def _take(self, tally: Tally, amount: int) -> bool:
        is_taken = tally.take(self._who, amount)
        if is_taken:
            self._taken[tally] += amount
        return is_taken

    def _give_back(self, tally: Tally) -> None:
        tally.give_back(self._who, self._taken.pop(tally, 0))
