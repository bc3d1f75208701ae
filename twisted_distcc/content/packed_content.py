"""The contents of files, each compressed with LZO1X by itself, as version 3 of the protocol sends them.

A client packs a file once (`PackedContent.of`) and sends it often.  A server takes the files of a job
into a `PackedSpool`, one after the other: one body, however many they are.  They are expanded when they
are wanted::

    spool = PackedSpool()
    content = spool.add(len(packed))
    spool.write(packed)
    spool.finish()
    with spool.opened():
        assert content.read(ceiling=1024) == b"int a;"

What may burst is expanded by a program of its own, whose memory is bounded: the format does not say how
much there is.  Of what takes much memory little goes on at a time, whatever the number of jobs.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock
from typing import Final, Protocol

from twisted_distcc.content.body import EMPTY, Part, Spool, in_pieces
from twisted_distcc.content.file_content import Contents, FileContent, Hash, RunFilter
from twisted_distcc.content.filter import NO_ROOM
from twisted_distcc.content.lzo import compress, expand, largest_expansion
from twisted_distcc.errors import BodyTooLargeError

# What may be taken in memory at once; a source is smaller, but for a few amalgamations.
_IN_MEMORY: Final = 64 * 1024 * 1024
# So many bytes become 4 MiB at the most; most headers have fewer.
_SMALL: Final = 16 * 1024
# As many as `runtime.bulk` lets expand bodies: a thread may need some hundred megabytes for one file,
# and a program gigabytes.  Each job waits in a thread of its own.
_TURNS: Final = BoundedSemaphore(2)


class Kept(Protocol):
    """What packed bytes lie in.

    Attributes:
        part: reads parts of it.
    """

    part: Part


@dataclass(slots=True, eq=False)  # not frozen: a job has hundreds, and that would double what one costs
class PackedContent:
    """One file's bytes, compressed; a `FileContent`.

    Attributes:
        kept: what they lie in.
        start, length: which part of that they are.
    """

    kept: Kept
    start: int
    length: int

    @classmethod
    def of(cls, data: bytes) -> PackedContent:
        """Pack `data`, in memory."""
        return cls.packed(compress(data))

    @classmethod
    def packed(cls, packed: bytes) -> PackedContent:
        """Keep what is packed already, in memory."""
        return cls(_InMemory(packed), 0, len(packed))

    def data(self) -> bytes:
        """Return the bytes as they are kept, compressed."""
        return self.kept.part(self.start, self.length)

    def pieces(self) -> Iterable[bytes]:
        """Return the bytes as they are kept, in pieces that are not large."""
        return in_pieces(self.kept.part, self.start, self.length)

    def identify(self, hashed: Hash) -> None:
        """Feed `hashed` with the bytes as they are kept: to expand them would cost more."""
        for piece in in_pieces(self.kept.part, self.start, self.length):
            hashed.update(piece)

    def largest(self) -> int:
        """Return a number of bytes that they cannot expand beyond."""
        return largest_expansion(self.data())

    def read(self, ceiling: int) -> bytes:
        """Return the bytes, expanded; see `FileContent`."""
        return expand(self.data(), ceiling)

    def write(self, descriptor: int, ceiling: int, run_filter: RunFilter) -> int:
        """Write the bytes, expanded; see `FileContent`.

        They are not taken into memory before it is their turn.
        """
        with nullcontext() if self.length <= _SMALL else _TURNS:
            packed = self.data()
            if largest_expansion(packed) > _IN_MEMORY:
                return _filtered(packed, descriptor, ceiling, run_filter)
            data = expand(packed, ceiling)
            left = memoryview(data)
            while left:
                left = left[os.write(descriptor, left) :]
            return len(data)


def packed_form(content: FileContent) -> PackedContent:
    """Return `content` as version 3 of the protocol sends it, which it mostly is already."""
    return content if isinstance(content, PackedContent) else PackedContent.of(content.read(sys.maxsize))


class _InMemory:
    """Bytes in memory."""

    __slots__ = ("part",)

    def __init__(self, data: bytes) -> None:
        self.part: Part = lambda start, length: data[start : start + length]


class PackedSpool(Contents):
    """Takes the packed bytes of one file after the other: in memory, or in one file once they are many.

    Args:
        directory: where that file is; `None` is the system's temporary folder.
    """

    def __init__(self, directory: str | None = None) -> None:
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
        """Have all bytes, which can be read from now on.

        Raises:
            OSError: if the disk takes no more.
        """
        self._body, self._spool = self._spool.finish(), Spool()

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Let the contents be read; see `Contents`."""
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
        """Give up what was taken; whoever has it open can read on."""
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
