"""The file that the journal of a user's units is kept in, which any number of processes append to.

    journal = JournalFile("/home/alice/.distcc")
    journal.append([record])
    units = journal.read().units

It is a file of JSON lines in the user's configuration directory, beside the hosts.  When it is full it
becomes the old one, and a new one begins; so it is bounded.  It is only written, and only believed, if
it is an ordinary file of the user's own: in a directory that others can write to it might be a link to
something else.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from twisted_distcc.client.journal.unit_record import LONGEST, UnitRecord
from twisted_distcc.own_files import open_own
from twisted_distcc.own_folders import make_own_folder

LARGEST: Final = 8 << 20
"""The bytes at which a journal is full: some 25,000 units."""
# A batch of records may reach beyond what is full.
_MOST_READ: Final = 4 * LARGEST
_ZERO: Final = b'{"zero":'


@dataclass(frozen=True, slots=True)
class Units:
    """What is in a journal.

    Attributes:
        units: the units since it was last set to zero, in the order of their ends.
        damaged: how many lines could not be read.
    """

    units: list[UnitRecord] = field(default_factory=list)
    damaged: int = 0


@dataclass(frozen=True, slots=True)
class JournalFile:
    """The journal in the configuration directory `directory`."""

    directory: str
    largest: int = LARGEST

    @property
    def path(self) -> str:
        """The journal."""
        return f"{self.directory}/journal.jsonl"

    @property
    def old_path(self) -> str:
        """The journal that was full before."""
        return f"{self.directory}/journal.1.jsonl"

    def append(self, units: Iterable[UnitRecord]) -> None:
        """Append `units`.

        Raises:
            OSError: if that is not possible.
        """
        self._append(b"".join(unit.line() for unit in units))

    def zero(self) -> None:
        """Have all units so far not count any more."""
        self._append(b"%s%d}\n" % (_ZERO, time.time()))

    def read(self) -> Units:
        """Return what is there; nothing is, if there is no journal.

        Raises:
            OSError: if it cannot be read, or is not ours.
        """
        found = Units()
        damaged = 0
        for line in self._lines():
            if line.startswith(_ZERO):
                found.units.clear()
                damaged = 0
            elif (unit := UnitRecord.parse(line)) is not None:
                found.units.append(unit)
            elif line.strip():
                damaged += 1
        return Units(found.units, damaged)

    def _append(self, lines: bytes) -> None:
        file = self._opened()
        try:
            written = os.write(file, lines)
            if written < len(lines):  # the disk is full: what comes next begins a line of its own
                os.write(file, b"\n")
        finally:
            os.close(file)

    def _opened(self) -> int:
        file = self._open()
        if os.fstat(file).st_size < self.largest:
            return file
        try:
            self._turn_over(file)
        finally:
            os.close(file)
        return self._open()

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        try:
            return open_own(self.path, flags)
        except FileNotFoundError:
            make_own_folder(self.directory)
            return open_own(self.path, flags)

    def _turn_over(self, file: int) -> None:
        """Make the full `file` the old one, unless another process does so or has done so."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if os.fstat(file).st_ino == os.lstat(self.path).st_ino:
            os.rename(self.path, self.old_path)

    def _lines(self) -> Iterator[bytes]:
        for path in (self.old_path, self.path):
            try:
                file = open_own(path, os.O_RDONLY)
            except FileNotFoundError:
                continue
            with open(file, "rb") as opened:
                yield from lines_of(opened.read(_MOST_READ))


def lines_of(text: bytes) -> Iterator[bytes]:
    """Yield the lines of `text`, of which those that are too long are cut short, and so are damaged."""
    return (line[:LONGEST] for line in text.split(b"\n") if line)
