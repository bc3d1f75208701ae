"""Capture what a program writes to its standard output or error.

The program writes to a descriptor, and what it wrote becomes a `Body`.  The descriptor is a file in
memory, which costs nothing while empty and cannot grow beyond its ceiling, whatever the program does.
"""

from __future__ import annotations

import fcntl
import os
from types import TracebackType
from typing import Final, Self

from twisted_distcc.content.body import PIECE, Body, Spool

MOST_OUTPUT: Final = 16 * 1024 * 1024
"""The most bytes of one stream; C++ at its worst writes a few hundred kilobytes."""

# A write that would go over the ceiling fails whole; programs write this much at once at most.
_AT_ONCE: Final = 64 * 1024

LONGEST_WHOLE: Final = MOST_OUTPUT - _AT_ONCE
"""The length, in bytes, beyond which part of a stream may be missing."""

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")

_LAST_WORDS: Final = 64 * 1024


class OutputCapture:
    """One captured stream, a context manager; leaving the context closes it."""

    def __init__(self, name: str) -> None:
        self.descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.descriptor, MOST_OUTPUT)
        fcntl.fcntl(self.descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)

    def read(self, directory: str) -> Body:
        """Return the output up to its first gap; a large one is a file in `directory`.

        Raises:
            OSError: if the disk takes no more.
        """
        spool = Spool(directory)
        length = self._length()
        for start in range(0, length, PIECE):
            spool.write(os.pread(self.descriptor, min(PIECE, length - start), start))
        if length > LONGEST_WHOLE:
            spool.write(b"\n(what was said beyond %d bytes is left out)\n" % length)
        return spool.finish()

    def ended_with(self, words: bytes) -> bool:
        """Whether `words` occur near the end of the output."""
        return words in self.last()

    def last(self) -> bytes:
        """Return the last 64 KiB of the output."""
        length = self._length()
        start = max(0, length - _LAST_WORDS)
        return os.pread(self.descriptor, length - start, start)

    def _length(self) -> int:
        """Return the length of the output: text ends before the zeros that fill the last page."""
        end = os.lseek(self.descriptor, 0, os.SEEK_HOLE)
        start = max(0, end - _PAGE)
        return start + len(os.pread(self.descriptor, end - start, start).rstrip(b"\0"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.descriptor)
