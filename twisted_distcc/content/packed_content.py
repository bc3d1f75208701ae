"""The contents of files, compressed one by one with LZO1X, as version 3 of the protocol sends them.

A client packs a file once (`PackedContent.of`) and sends it often.  A server collects the files of a job
in a `PackedSpool`, one after the other: one body, however many files there are.  They are expanded on
demand::

    spool = PackedSpool()
    content = spool.add(len(packed))
    spool.write(packed)
    spool.finish()
    with spool.opened():
        assert content.read(ceiling=1024) == b"int a;"

The format does not record the expanded size, so whatever may become too large is expanded by a separate
process with bounded memory.  Only a few expansions that take much memory run at once, however many jobs
there are.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock
from typing import Final, Protocol

from twisted_distcc.content.body import EMPTY, Folder, Part, Spool, in_pieces, write_all
from twisted_distcc.content.file_content import Contents, Hash, RunFilter
from twisted_distcc.content.filter import NO_ROOM
from twisted_distcc.content.lzo import compress, expand, largest_expansion
from twisted_distcc.errors import BodyTooLargeError

# The most that may be expanded in memory; all sources but a few amalgamations are smaller.
_IN_MEMORY: Final = 64 * 1024 * 1024
# This many bytes expand to 4 MiB at most; most headers have fewer.
_SMALL: Final = 16 * 1024
# As many as `runtime.bulk` lets expand bodies: a thread may need some hundred megabytes for one file,
# and a program gigabytes.  Each job waits in a thread of its own.
_TURNS: Final = BoundedSemaphore(2)


class Kept(Protocol):
    """The storage of packed bytes.

    Attributes:
        part: reads parts of it.
    """

    part: Part


@dataclass(slots=True, eq=False)  # not frozen: a job has hundreds, and that would double what one costs
class PackedContent:
    """One file's bytes, compressed; a `FileContent`.

    Attributes:
        kept: their storage.
        start, length: which part of it they are, in bytes.
    """

    kept: Kept
    start: int
    length: int

    @classmethod
    def of(cls, data: bytes) -> PackedContent:
        """Return `data` packed, in memory."""
        return cls.packed(compress(data))

    @classmethod
    def packed(cls, packed: bytes) -> PackedContent:
        """Return a content, in memory, of bytes that are packed already."""
        return cls(_InMemory(packed), 0, len(packed))

    def data(self) -> bytes:
        """Return the bytes as stored, compressed."""
        return self.kept.part(self.start, self.length)

    def pieces(self) -> Iterable[bytes]:
        """Return the bytes as stored, in pieces of bounded size."""
        return in_pieces(self.kept.part, self.start, self.length)

    def identify(self, hashed: Hash) -> None:
        """Feed `hashed` with the bytes as stored: expanding them would cost more."""
        for piece in in_pieces(self.kept.part, self.start, self.length):
            hashed.update(piece)

    def largest(self) -> int:
        """Return an upper bound on the expanded size, in bytes."""
        return largest_expansion(self.data())

    def read(self, ceiling: int) -> bytes:
        """Return the expanded bytes; see `FileContent`."""
        return expand(self.data(), ceiling)

    def write(self, descriptor: int, ceiling: int, run_filter: RunFilter) -> int:
        """Write the expanded bytes; see `FileContent`.

        They are not loaded into memory before it is their turn.
        """
        with nullcontext() if self.length <= _SMALL else _TURNS:
            packed = self.data()
            if largest_expansion(packed) > _IN_MEMORY:
                return _filtered(packed, descriptor, ceiling, run_filter)
            data = expand(packed, ceiling)
            write_all(descriptor, data)
            return len(data)


class _InMemory:
    """Bytes in memory."""

    __slots__ = ("part",)

    def __init__(self, data: bytes) -> None:
        self.part: Part = lambda start, length: data[start : start + length]


class PackedSpool(Contents):
    """Collects the packed bytes of file after file: in memory, or in one file once there are many.

    Args:
        directory: where that file is; `None` is the system's temporary folder.
    """

    def __init__(self, directory: Folder = None) -> None:
        super().__init__()
        self._spool = Spool(directory)
        self._body = EMPTY
        self._lock = Lock()
        self._readers = 0
        self._opened: AbstractContextManager[Part] | None = None
        self.part: Part = _not_open

    def add(self, length: int) -> PackedContent:
        """Return the content whose bytes are the next `length` to be written."""
        start = self.length
        self.length = start + length
        return PackedContent(self, start, length)

    def write(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            OSError: if the disk takes no more.
        """
        self._spool.write(data)

    def finish(self) -> None:
        """Note that all bytes have been written; from now on they can be read.

        Raises:
            OSError: if the disk takes no more.
        """
        self._body, self._spool = self._spool.finish(), Spool()

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Make the contents readable; see `Contents`."""
        with self._lock:
            if not self._readers:
                self._open()
            self._readers += 1
        try:
            yield
        finally:
            with self._lock:
                self._readers -= 1
                if not self._readers:
                    self._close()

    def discard(self) -> None:
        """Release what was taken; whoever has it open can go on reading."""
        self._spool.discard()
        self._body.discard()

    def _open(self) -> None:
        self._opened = self._body.opened()
        self.part = self._opened.__enter__()

    def _close(self) -> None:
        assert self._opened is not None
        opened, self.part, self._opened = self._opened, _not_open, None
        opened.__exit__(None, None, None)


def _not_open(start: int, length: int) -> bytes:
    raise AssertionError("contents are read only while they are open")


def _filtered(packed: bytes, descriptor: int, ceiling: int, run_filter: RunFilter) -> int:
    source = os.memfd_create("packed", os.MFD_CLOEXEC)
    try:
        os.write(source, packed)
        os.lseek(source, 0, os.SEEK_SET)
        code = run_filter("expand", ceiling, source, descriptor)
    finally:
        os.close(source)
    if code == NO_ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if code:
        raise BodyTooLargeError(f"a file of a job is not LZO1X, or expands to more than {ceiling} bytes")
    return os.fstat(descriptor).st_size
