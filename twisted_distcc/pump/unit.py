"""The values that describe the files that one compile may read.

The modules of this package pass them to each other and to the client.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from twisted_distcc.errors import DistccError


@dataclass(frozen=True, slots=True)
class Stamp:
    """The state of a file or folder: equal stamps mean equal contents.

    Attributes:
        device, inode: identify the file.
        size: in bytes.
        mtime_ns, ctime_ns: when its contents, or anything about it, last changed, in nanoseconds.
    """

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


class FileSystem(Protocol):
    """The seam to files.  Paths are absolute; what does not exist, or is not readable, is `None`."""

    def stamp(self, path: str, /) -> Stamp | None:
        """Return the stamp of the regular file at `path`, following links."""
        ...

    def folder_stamp(self, path: str, /) -> Stamp | None:
        """Return the stamp of the folder at `path`, following links."""
        ...

    def names(self, path: str, /) -> frozenset[str] | None:
        """Return the names in the folder at `path`, following links."""
        ...

    def read(self, path: str, /) -> bytes | None:
        """Return the contents of the regular file at `path`, following links."""
        ...

    def link(self, path: str, /) -> str | None:
        """Return the target stored in the symbolic link `path`; `None` if it is not a link."""
        ...

    def is_stream(self, path: str, /) -> bool:
        """Whether `path` leads to a pipe, a socket or a device, where reading consumes the data."""
        ...

    def now_ns(self) -> int:
        """Return the time that a file would get if it were changed now, in nanoseconds."""
        ...


@dataclass(frozen=True, slots=True)
class Unit:
    """The files that one compile may read: too many do no harm, one too few does.

    Attributes:
        files: absolute paths without `..`, with links unresolved, each with the stamp that it had when
            it was scanned.
        folders: absolute paths of folders that the compiler searches or walks through.
        clock: why the result may depend on the time; empty if not.  Only the compiler knows for sure.
        stamped: the same of the time of a file, for `__TIMESTAMP__`.
        precompiled: precompiled headers that may be read in place of headers, or folders of such.
    """

    files: dict[str, Stamp]
    folders: frozenset[str]
    clock: str = ""
    stamped: str = ""
    precompiled: frozenset[str] = frozenset()

    def with_(self, other: Unit) -> Unit:
        """Return the union of both units."""
        files = {**self.files, **other.files}
        clock, stamped = self.clock or other.clock, self.stamped or other.stamped
        folders, precompiled = self.folders | other.folders, self.precompiled | other.precompiled
        return Unit(files, folders, clock, stamped, precompiled)


@dataclass(frozen=True, slots=True)
class Laid:
    """The files of a unit as they are sent: links, and files by their real paths.

    Attributes:
        files: real paths, sorted.
        links: the links on the way to them, and their targets.
        folders: real paths of folders that contain none of `files` but must exist.
    """

    files: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    folders: tuple[str, ...]


class UndecidedError(DistccError):
    """The scan cannot determine all files that a compile may read; the text says why.

    The compiler's own `-M` names what it reads.  What it does not name, such as files that it only asks
    for with `__has_include`, and folders that must be there, is in `partial`, as far as the scan came.
    """

    def __init__(self, text: str, partial: Unit | None = None) -> None:
        super().__init__(text)
        self.partial = partial if partial is not None else Unit({}, frozenset())


class NotForServersError(DistccError):
    """A compile must be preprocessed where its source is; the text says why."""


class CallersOwnError(NotForServersError):
    """Only the caller can open a file, and so has to compile it; see `callers`."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} can be opened by its caller alone")


class OwnConfigurationError(CallersOwnError):
    """The compiler reads options from a file that is no part of what servers compare."""

    def __init__(self, path: str) -> None:
        NotForServersError.__init__(self, f"clang reads options for this target from {path}")
