"""Follows a journal as it grows, for those who watch a build."""

from __future__ import annotations

import os
from typing import Final

from twisted_distcc.client.journal.journal_file import JournalFile, lines_of
from twisted_distcc.client.journal.unit_record import UnitRecord
from twisted_distcc.own_files import open_own

_PIECE: Final = 1 << 20


class JournalTail:
    """A journal from its beginning, and on to wherever it grows.

    Close it when it is not needed any more.

    Args:
        journal: the journal.
    """

    def __init__(self, journal: JournalFile) -> None:
        self._journal = journal
        self._file: int | None = None
        self._rest = b""

    def news(self) -> list[UnitRecord]:
        """Return the units that have been added since the last call; at first all that are there.

        Raises:
            OSError: if the journal cannot be read, or is not ours.
        """
        text = self._rest + self._read()
        whole, newline, self._rest = text.rpartition(b"\n")
        units = map(UnitRecord.parse, lines_of(whole + newline))
        return [unit for unit in units if unit is not None]

    def close(self) -> None:
        """Read no more."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _read(self) -> bytes:
        """Return what has come, to the end of the journal that is not full yet."""
        text = b""
        if self._file is None:
            self._follow(self._journal.old_path)
        while True:
            text += self._read_on()
            if self._is_latest() or not self._follow(self._journal.path):
                return text

    def _read_on(self) -> bytes:
        if self._file is None:
            return b""
        if os.fstat(self._file).st_size < os.lseek(self._file, 0, os.SEEK_CUR):  # cut short by hand
            os.lseek(self._file, 0, os.SEEK_SET)
        return b"".join(iter(lambda: os.read(self._file or -1, _PIECE), b""))

    def _is_latest(self) -> bool:
        """Whether the file that we read is still the journal: a full one is replaced."""
        if self._file is None:
            return False
        try:
            found = os.lstat(self._journal.path)
        except FileNotFoundError:
            return True
        return os.path.samestat(found, os.fstat(self._file))

    def _follow(self, path: str) -> bool:
        """Go on with the file at `path`, if there is one."""
        try:
            file = open_own(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        self.close()
        self._file = file
        return True
