"""Read a tree of files that a peer sent as content, within bounds.

`walk` follows the digests from the root to all files, by absolute path::

    walked = walk(tree.root, tree.nodes.get)
    assert walked.files == [(b"/src/a.h", digest, 6)]

What is not there yet is in `missing`.  A `TreeWalk` goes on where a folder has come, so that each is
read once, however many come one by one; and it does so in small steps, between which other work can be
done::

    tree = TreeWalk(root, store.get)
    missing = set().union(*tree.steps(root))
    while missing:
        missing |= set().union(*tree.steps(missing.pop()))  # which has come

A folder may name another one twice, which may do the same, so a few small blobs can stand for more files
than anybody has memory for.  So everything counts as often as it is named, and before it is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from twisted_distcc.content.directories import PART, Directory, Link, Node, decode_parts
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

_Place: TypeAlias = tuple[bytes, int, int]
"""Where a directory is: its path, the size that its parent says, and how deep."""


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
    tree = TreeWalk(root, get, bounds)
    for _ in tree.steps(root):
        pass
    return tree.walked


class TreeWalk:
    """A walk through a tree of which directories come one by one.

    Attributes:
        walked: what was found so far.
        entries: how many entries the directories had that were read, as often as they are named.
        names: the bytes of all paths and links' targets among them.

    Args:
        root, get, bounds: as in `walk`.
    """

    def __init__(
        self, root: bytes, get: Callable[[bytes], bytes | None], bounds: Bounds = DEFAULT_BOUNDS
    ) -> None:
        self.walked = Walked(missing={root})
        self.entries: int = 0
        self.names: int = 0
        self._get = get
        self._bounds = bounds
        self._read: dict[bytes, tuple[list[Directory], int] | None] = {}
        self._directories = 1
        self._blocked: dict[bytes, list[_Place]] = {root: [(b"", _UNKNOWN, 0)]}

    def steps(self, digest: bytes) -> Iterator[set[bytes]]:
        """Go on below the directory `digest`, which was missing and may be there now, in small steps.

        Yields:
            After each step, the directories that were found to be missing.

        Raises:
            RemoteProtocolError: if it is not a tree, or is too large.
        """
        self.walked.missing.discard(digest)
        self._read.pop(digest, None)
        waiting = [(digest, place) for place in self._blocked.pop(digest, ())]
        while waiting:
            digest, (path, size, depth) = waiting.pop()
            if digest not in self._read:
                yield from self._decode(digest)
            parts = self._parts(digest, size)
            if parts is None:
                self._blocked.setdefault(digest, []).append((path, size, depth))
                yield {digest}
                continue
            below: list[tuple[bytes, _Place]] = []
            for part in parts:
                self._count(path, part, depth)
                self._add(path, part)
                for name, folder, length in part.folders:
                    below.append((folder, (b"%b/%b" % (path, name), length, depth + 1)))
                yield set()
            waiting.extend(reversed(below))

    def _add(self, path: bytes, part: Directory) -> None:
        walked, inside = self.walked, path + b"/"
        walked.files.extend([(inside + name, digest, size) for name, digest, size in part.files])
        walked.links.extend([(inside + name, target) for name, target in part.links])
        if path and not part.entries:
            walked.folders.append(path)

    def _parts(self, digest: bytes, size: int) -> list[Directory] | None:
        """Return a directory that was decoded; `None` if it is missing."""
        read = self._read[digest]
        if read is None:
            return None
        parts, length = read
        if size not in (length, _UNKNOWN):
            raise RemoteProtocolError(
                f"a directory has {length} bytes, and not {size} as its parent says"
            )
        return parts

    def _decode(self, digest: bytes) -> Iterator[set[bytes]]:
        """Read a directory, in steps."""
        data = self._get(digest)
        if data is None:
            self.walked.missing.add(digest)
            self._read[digest] = None
            return
        if len(data) > self._bounds.encoded:
            raise RemoteProtocolError(f"a directory has more than {self._bounds.encoded} bytes")
        parts: list[Directory] = []
        for part in decode_parts(data, self._bounds.entries - self.entries):
            parts.append(part)
            if part.entries == PART:
                yield set()
        self._read[digest] = parts, len(data)

    def _count(self, path: bytes, directory: Directory, depth: int) -> None:
        """Count what is in a part of the directory at `path` before anything is made of it."""
        if depth > self._bounds.depth:
            raise RemoteProtocolError(
                f"a tree has more than {self._bounds.depth} folders in one another"
            )
        self._directories += len(directory.folders)
        if self._directories > self._bounds.directories:
            raise RemoteProtocolError(f"a tree has more than {self._bounds.directories} folders")
        self.entries += directory.entries
        if self.entries > self._bounds.entries:
            raise RemoteProtocolError(f"a tree has more than {self._bounds.entries} entries")
        self.names += directory.entries * (len(path) + 1)
        self.names += sum([len(entry[0]) for group in directory for entry in group])
        self.names += sum([len(target) for _, target in directory.links])
        if self.names > self._bounds.names:
            raise RemoteProtocolError(
                f"a tree's names have more than {self._bounds.names} bytes together"
            )
