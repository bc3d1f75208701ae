"""Writes what has become of units to journals, many at a time and off their way.

`JournalWriter.add` only puts a record on a list.  Twice a second, if there are any, they are written in
a thread.  A journal that cannot be written, as on a full disk, fails nobody: its records are dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_distcc.client.journal.journal_file import JournalFile
from twisted_distcc.client.journal.unit_record import UnitRecord
from twisted_distcc.runtime.threads import Threads

PAUSE: Final = 0.5
"""Seconds until what is added is written, at most."""
# What comes faster than it can be written is dropped.
_MOST: Final = 10_000

_Batch = Mapping[str, Sequence[UnitRecord]]


class JournalWriter:
    """Writes the journals of one process.

    Args:
        clock: tells when to write.
        threads: write.
        write: is called with a directory and its records, in a thread.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        threads: Threads,
        write: Callable[[str, Sequence[UnitRecord]], None] = lambda directory, units: JournalFile(
            directory
        ).append(units),
    ) -> None:
        self._clock = clock
        self._threads = threads
        self._write = write
        self._waiting: dict[str, list[UnitRecord]] = {}
        self._count = 0
        self._later: IDelayedCall | None = None
        self._has_warned = False

    def add(self, directory: str, unit: UnitRecord) -> None:
        """Have `unit` written to the journal in `directory`."""
        if self._count >= _MOST:
            return
        self._count += 1
        self._waiting.setdefault(directory, []).append(unit)
        if self._later is None:
            self._later = self._clock.callLater(PAUSE, self._flush_aside)

    def flush(self) -> None:
        """Write now what waits, as before this process ends."""
        if self._later is not None and self._later.active():
            self._later.cancel()
        try:
            self._write_all(self._taken())
        except OSError as error:
            self._warn(error)

    def _flush_aside(self) -> None:
        batch = self._taken()
        self._threads(lambda: self._write_all(batch)).addErrback(self._failed)

    def _taken(self) -> _Batch:
        batch, self._waiting = self._waiting, {}
        self._count = 0
        self._later = None
        return batch

    def _write_all(self, batch: _Batch) -> None:
        """Write each journal, whatever becomes of the others; raise the last failure."""
        failed: OSError | None = None
        for directory, units in batch.items():
            try:
                self._write(directory, units)
            except OSError as error:
                failed = error
        if failed is not None:
            raise failed

    def _failed(self, failure: Failure) -> None:
        failure.trap(OSError)
        self._warn(failure.value)

    def _warn(self, error: BaseException | None) -> None:
        """Say once what is wrong: it may be so for a whole day."""
        if not self._has_warned:
            self._has_warned = True
            self._log.warn("what becomes of units is not recorded: {error}", error=error)
