"""What a file of a job holds, however it is kept.

A `FileContent` is the content of one file: the model of a job hands it on, and how its bytes are kept is
its own matter.  Today they are packed, in memory at a client and in a spool at a server
(`packed_content`); a store of files by their digests would be another way.

The contents of a job's files may lie in one place, such as a spool with a file of its own.  That is
their `Contents`: whoever reads them opens it, and whoever ends the life of the job discards it::

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

    All that reads them raises `OSError` where they cannot be read, and `RemoteProtocolError` where they
    are not what a peer said they were.
    """

    @property
    def length(self) -> int:
        """How many bytes it takes, as it is kept."""
        ...

    def identify(self, hashed: Hash, /) -> None:
        """Feed `hashed` with what tells this content from all others."""
        ...

    def largest(self) -> int:
        """Return a number of bytes that there cannot be more of, without expanding them."""
        ...

    def read(self, ceiling: int, /) -> bytes:
        """Return the bytes; raise `BodyTooLargeError` if there are more than `ceiling`.

        That may take as much memory as `largest` says.
        """
        ...

    def write(self, descriptor: int, ceiling: int, run_filter: RunFilter, /) -> int:
        """Write the bytes into an empty file, within bounds on memory, and return how many there are.

        Raises:
            BodyTooLargeError: if there are, or may be, more than `ceiling`.
            OSError: if the disk takes no more.
        """
        ...


class Contents:
    """What the contents of some files lie in: as this one stands, nothing but memory.

    Attributes:
        length: the bytes of all of them, as they are kept.
    """

    def __init__(self, length: int = 0) -> None:
        self.length: int = length

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Let the contents be read; several threads may do so at a time.

        Raises:
            OSError: if they cannot be read, or were discarded.
        """
        yield

    def discard(self) -> None:
        """Give up the contents."""


IN_MEMORY: Final = Contents()
"""Of contents that are a client's own, and lie in its memory anyway."""
