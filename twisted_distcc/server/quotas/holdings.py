"""Limits on what a server holds for its clients: connections, words in memory, bodies on disk.

A `Hold` takes and returns shares for one connection, or raises `CeilingMetError`, whose message goes to
the client.  One client gets at most half of each thing (`Tally`).
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

# Python's overhead for a word of a command, or for half of an entry of a tree.
_PER_WORD: Final = 96


class CeilingMetError(DistccError):
    """A server holds as much as it may; another one may have room."""

    exit_code = EXIT_IO_ERROR


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The most that a server holds at once.

    Attributes:
        connections: of all clients; each takes up to two descriptors, and some 400 KiB of memory if its
            client does not read what it asked for.
        words: bytes of memory for the words of all commands, and for the names of files that come with
            them; an honest command has some kilobytes, and the names of a thousand files some hundred.
        stored: bytes on disk, of sources received or waiting and of results being sent; what a compiler
            has open while it runs is not counted here.
        turned_away: connections that are told why they are refused; more are closed without a word.
        toolchains: bytes on disk, of toolchains that clients have brought; they are kept.
    """

    connections: int = 1024
    words: int = 256 * _MIB
    stored: int = 16 * _GIB
    turned_away: int = 64
    toolchains: int = 4 * _GIB


class Holdings:
    """What one server holds for its clients."""

    def __init__(self, ceilings: Ceilings | None = None) -> None:
        bounds = ceilings or Ceilings()
        self.connections = Tally(bounds.connections)
        self.words = Tally(bounds.words)
        self.stored = Tally(bounds.stored)
        self.turned_away = Tally(bounds.turned_away)
        self.toolchains = bounds.toolchains


class Hold:
    """What is held for one connection of the client `who`."""

    def __init__(self, holdings: Holdings, who: str) -> None:
        self._holdings = holdings
        self._who = who
        self._taken: Counter[Tally] = Counter()

    def connect(self) -> None:
        """Take a connection."""
        connections = self._holdings.connections
        if not self._take(connections, 1):
            raise CeilingMetError(
                f"this server has too many connections; it accepts at most {connections.share} from one "
                "client (half of --max-connections)"
            )

    def turn_away(self) -> bool:
        """Take a place among connections that are told why they are refused, if one is left."""
        return self._take(self._holdings.turned_away, 1)

    def keep_words(self, count: int, length: int) -> None:
        """Reserve memory for words of `length` bytes in all, until the connection ends."""
        if not self._take(self._holdings.words, length + count * _PER_WORD):
            raise CeilingMetError(
                "memory limit for commands reached: this command is too long, or has too many files"
            )

    def store(self, length: int) -> None:
        """Reserve disk space for a body of `length` bytes, unless it is small enough for memory."""
        if length > IN_MEMORY:
            self.store_files(length)

    def store_files(self, length: int) -> None:
        """Reserve disk space for files of `length` bytes, however small: many make one body."""
        if not self._take(self._holdings.stored, length):
            raise CeilingMetError(
                f"this server stores as much as it may, and has no room for {length} bytes more "
                "(--max-stored; half of it for one client)"
            )

    def store_bodies(self, *bodies: Body) -> None:
        """Reserve space for bodies."""
        for body in bodies:
            self.store(body.length)

    def give_up_bodies(self) -> None:
        """Release the space of all bodies."""
        self._give_back(self._holdings.stored)

    def end(self) -> None:
        """Release everything."""
        for tally in tuple(self._taken):
            self._give_back(tally)

    def _take(self, tally: Tally, amount: int) -> bool:
        is_taken = tally.take(self._who, amount)
        if is_taken:
            self._taken[tally] += amount
        return is_taken

    def _give_back(self, tally: Tally) -> None:
        tally.give_back(self._who, self._taken.pop(tally, 0))
