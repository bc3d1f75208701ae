"""The content of a job's files, however it is stored.

A `FileContent` is the content of one file.  The model of a job passes it along without knowing how its
bytes are stored.  Today they are packed, in memory at a client and in a spool at a server
(`packed_content`); a content-addressed store would be another way.

The contents of a job's files may share one storage, such as a spool with a file of its own.  That is
their `Contents`: open it to read them, and discard it when the job is over::

    with tree.contents.opened():
        for file in files:
            file.content.write(descriptor, ceiling, run_filter)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol, TypeAlias

RunFilter: TypeAlias = Callable[[str, int, int, int], int]
"""Runs `content.filter` as a program: direction, ceiling, source and target; returns its exit status."""


class Hash(Protocol):
    """A hash of `hashlib`."""

    def update(self, data: bytes, /) -> None:
        """Take the next bytes."""
        ...


class FileContent(Protocol):
    """The bytes of one file.

    Every method that reads them raises `OSError` if they cannot be read, and `RemoteProtocolError` if
    they are not what a peer said they were.
    """

    @property
    def length(self) -> int:
        """The size in bytes, as stored."""
        ...

    def identify(self, hashed: Hash, /) -> None:
        """Feed `hashed` with data that identifies this content."""
        ...

    def largest(self) -> int:
        """Return an upper bound on the number of bytes, without expanding them."""
        ...

    def read(self, ceiling: int, /) -> bytes:
        """Return the bytes; raise `BodyTooLargeError` if there are more than `ceiling`.

        This may take as much memory as `largest` says.
        """
        ...

    def write(self, descriptor: int, ceiling: int, run_filter: RunFilter, /) -> int:
        """Write the bytes to an empty file, using bounded memory, and return how many there are.

        Raises:
            BodyTooLargeError: if there are, or may be, more than `ceiling`.
            OSError: if the disk takes no more.
        """
        ...


class Contents:
    """The storage that the contents of some files share; this base class is for plain memory.

    Attributes:
        length: the total size in bytes, as stored.
    """

    def __init__(self, length: int = 0) -> None:
        self.length: int = length

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Make the contents readable inside the `with` block; several threads may do so at once.

        Raises:
            OSError: if they cannot be read, or were discarded.
        """
        yield

    def discard(self) -> None:
        """Release the contents."""


IN_MEMORY: Final = Contents()
"""The storage of contents that a client holds in memory anyway."""
