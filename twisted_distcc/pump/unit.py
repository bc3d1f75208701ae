"""What is known of the files that one compile may read.

In: nothing.  Out: the values that the room's modules hand to each other and to the client.  This module
refuses to know how files are found, read and sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from twisted_distcc.errors import DistccError


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells one state of a file or folder from the next: equal stamps mean equal contents.

    Attributes:
        device, inode: which file it is.
        size: in bytes.
        mtime_ns, ctime_ns: when its contents, and anything about it, changed last, in nanoseconds.
    """

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


class FileSystem(Protocol):
    """The seam to files.  Paths are absolute; what is not there, or not readable, is `None`."""

    def stamp(self, path: str, /) -> Stamp | None:
        """Give the stamp of the regular file that `path` leads to."""
        ...

    def folder_stamp(self, path: str, /) -> Stamp | None:
        """Give the stamp of the folder that `path` leads to."""
        ...

    def names(self, path: str, /) -> frozenset[str] | None:
        """Give the names in the folder that `path` leads to."""
        ...

    def read(self, path: str, /) -> bytes | None:
        """Give the contents of the regular file that `path` leads to."""
        ...

    def link(self, path: str, /) -> str | None:
        """Give where the symbolic link `path` itself leads, as it says it; `None` if it is none."""
        ...

    def is_stream(self, path: str, /) -> bool:
        """Tell whether `path` leads to a pipe, a socket or a device: what is read there is gone."""
        ...

    def now_ns(self) -> int:
        """Give the time that a file would get if it were changed now, in nanoseconds."""
        ...


@dataclass(frozen=True, slots=True)
class Unit:
    """What one compile may read; more than it does read is no harm, one file too few is.

    Attributes:
        files: absolute paths without `..`, links on the way kept, with the stamp that each had when it
            was looked at.
        folders: absolute paths of folders that the compiler looks in or walks through.
        clock: why it may say when it is compiled, or nothing; the compiler knows whether it does.
    """

    files: dict[str, Stamp]
    folders: frozenset[str]
    clock: str = ""

    def with_(self, other: Unit) -> Unit:
        """Give what either may read."""
        files = {**self.files, **other.files}
        return Unit(files, self.folders | other.folders, self.clock or other.clock)


@dataclass(frozen=True, slots=True)
class Laid:
    """The files of a unit as they are sent: links, and files by paths without links.

    Attributes:
        files: real paths, sorted; the file of each lies just there.
        links: the links on the way to them, and where each leads.
        folders: real paths of folders that hold none of `files`, and yet must be there.
    """

    files: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    folders: tuple[str, ...]


class UndecidedError(DistccError):
    """The scan cannot tell all files that a compile may read; the text says why.

    The compiler's own `-M` names what it reads.  What it does not name, such as files that it only asks
    for with `__has_include`, and folders that must be there, is in `partial`, as far as the scan came.
    """

    def __init__(self, text: str, partial: Unit | None = None) -> None:
        super().__init__(text)
        self.partial = partial if partial is not None else Unit({}, frozenset())


class NotForServersError(DistccError):
    """A compile must be preprocessed where its source lies; the text says why."""


class CallersOwnError(NotForServersError):
    """A file is its caller's alone, who has to compile it; see `callers`."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} can be opened by its caller alone")
