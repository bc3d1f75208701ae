"""Read a tree of files that a peer sent as content, within bounds.

`walk` follows the digests from the root to all files, by absolute path::

    walked = walk(tree.root, tree.nodes.get)
    assert walked.files == [(b"/src/a.h", digest, 6)]

What is not there yet is in `missing`; once it has come, walk again.

A folder may name another one twice, which may do the same, so a few small blobs can stand for more files
than anybody has memory for.  So everything counts as often as it is named, and before it is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from twisted_distcc.content.directories import Directory, Link, Node, decode
from twisted_distcc.errors import RemoteProtocolError


@dataclass(frozen=True, slots=True)
class Bounds:
    """Ceilings on a tree; everything counts as often as it is named.

    Attributes:
        entries: files, folders and links.
        directories: folders, with the root.
        depth: folders on the way from the root to a folder.
        names: bytes of all paths and links' targets together; they are kept in memory.
        encoded: bytes of one encoded folder.
    """

    entries: int = 100_000
    directories: int = 20_000
    depth: int = 200
    names: int = 16 * 1024 * 1024
    encoded: int = 16 * 1024 * 1024


DEFAULT_BOUNDS: Final = Bounds()
_UNKNOWN: Final = -1  # nobody says the size of a root


@dataclass(frozen=True, slots=True)
class Walked:
    """What is in a tree, by absolute path.

    Attributes:
        files: paths with digests and sizes; the sizes are the peer's claims.
        links: paths with targets.
        folders: those that are empty; the root is not named.
        missing: digests of directories that are not there, so that more files may be known later.
    """

    files: list[Node] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    folders: list[bytes] = field(default_factory=list)
    missing: set[bytes] = field(default_factory=set)


def walk(root: bytes, get: Callable[[bytes], bytes | None], bounds: Bounds = DEFAULT_BOUNDS) -> Walked:
    """Return what is in the tree whose root has the digest `root`.

    Args:
        root: the digest of a directory.
        get: returns an encoded directory by its digest, or `None` if it is not there.  What it returns
            is trusted to have that digest.
        bounds: the most that there may be.

    Raises:
        RemoteProtocolError: if it is not a tree, or is too large.
    """
    walker = _Walker(get, bounds)
    waiting = [(b"", root, _UNKNOWN, 0)]
    while waiting:
        path, digest, size, depth = waiting.pop()
        directory = walker.directory(digest, size)
        if directory is None:
            continue
        walker.count(path, directory, depth)
        _add(walker.walked, path, directory)
        for name, digest, size in reversed(directory.folders):
            waiting.append((b"%b/%b" % (path, name), digest, size, depth + 1))
    return walker.walked


def _add(walked: Walked, path: bytes, directory: Directory) -> None:
    inside = path + b"/"
    walked.files.extend([(inside + name, digest, size) for name, digest, size in directory.files])
    walked.links.extend([(inside + name, target) for name, target in directory.links])
    if path and not directory.entries:
        walked.folders.append(path)


@dataclass(slots=True)
class _Walker:
    """Reads directories, and counts what is in them."""

    get: Callable[[bytes], bytes | None]
    bounds: Bounds
    walked: Walked = field(default_factory=Walked)
    _read: dict[bytes, tuple[Directory, int] | None] = field(default_factory=dict)
    _directories: int = 0
    _entries: int = 0
    _names: int = 0

    def directory(self, digest: bytes, size: int) -> Directory | None:
        """Return a directory; `None` if it is missing."""
        self._directories += 1
        if self._directories > self.bounds.directories:
            raise RemoteProtocolError(f"a tree has more than {self.bounds.directories} folders")
        if digest not in self._read:
            self._read[digest] = self._decoded(digest)
        read = self._read[digest]
        if read is None:
            return None
        directory, length = read
        if size not in (length, _UNKNOWN):
            raise RemoteProtocolError(
                f"a directory has {length} bytes, and not {size} as its parent says"
            )
        return directory

    def _decoded(self, digest: bytes) -> tuple[Directory, int] | None:
        data = self.get(digest)
        if data is None:
            self.walked.missing.add(digest)
            return None
        if len(data) > self.bounds.encoded:
            raise RemoteProtocolError(f"a directory has more than {self.bounds.encoded} bytes")
        return decode(data, self.bounds.entries - self._entries), len(data)

    def count(self, path: bytes, directory: Directory, depth: int) -> None:
        """Count what is in the directory at `path` before anything is made of it."""
        if depth > self.bounds.depth:
            raise RemoteProtocolError(f"a tree has more than {self.bounds.depth} folders in one another")
        self._entries += directory.entries
        if self._entries > self.bounds.entries:
            raise RemoteProtocolError(f"a tree has more than {self.bounds.entries} entries")
        self._names += directory.entries * (len(path) + 1)
        self._names += sum([len(entry[0]) for group in directory for entry in group])
        self._names += sum([len(target) for _, target in directory.links])
        if self._names > self.bounds.names:
            raise RemoteProtocolError(
                f"a tree's names have more than {self.bounds.names} bytes together"
            )
