"""Trees of files as content: one digest stands for all files of a job.

`merkle` makes a tree of the paths of files with their digests, and of links and folders.  Each folder is
a blob that names what is in it (`directories`); the digest of the folder `/` covers all of them::

    digest = hashlib.sha256(b"int a;").digest()
    tree = merkle([(b"/src/a.h", digest, 6)], links=[(b"/src/b.h", b"a.h")], folders=[b"/build"])
    assert decode(tree.nodes[tree.root]).folders[0][0] == b"build"

Whoever makes one tree after the other keeps `EncodedFolders`: most folders of a job are those of the job
before it, and then cost a fifth.  What all trees have in common is a `Base`, of which only the folders
that a tree adds to are made anew.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain
from typing import Any, TypeVar

from twisted_distcc.content.directories import Directory, Link, Node, UnsendableTreeError, encode

Entry = TypeVar("Entry", bound=tuple[Any, ...])


@dataclass(frozen=True, slots=True)
class Merkle:
    """A tree.

    Attributes:
        root: the digest of the folder `/`.
        nodes: all folders by digest, encoded.
    """

    root: bytes
    nodes: Mapping[bytes, bytes]


class EncodedFolders:
    """The encodings of recently made folders: most folders of a tree are in the tree after it as well.

    It is for one thread at a time.

    Args:
        most: how many entries the folders that it remembers have together, more or less; each takes some
            300 bytes.
    """

    def __init__(self, most: int = 30_000) -> None:
        self._half = most // 2
        self._recent: dict[Directory, tuple[bytes, bytes]] = {}
        self._older: dict[Directory, tuple[bytes, bytes]] = {}
        self._entries = 0

    def encode(self, directory: Directory) -> tuple[bytes, bytes]:
        """Return the digest and the canonical form of `directory`, whose groups are tuples."""
        found = self._recent.get(directory)
        if found is None:
            found = self._older.get(directory) or _addressed(directory)
            self._remember(directory, found)
        return found

    def _remember(self, directory: Directory, encoded: tuple[bytes, bytes]) -> None:
        if self._entries > self._half:
            self._older, self._recent, self._entries = self._recent, {}, 0
        self._recent[directory] = encoded
        self._entries += 1 + directory.entries


@dataclass(frozen=True, slots=True)
class Base:
    """A tree to which others add.

    Attributes:
        tree: the tree.
        directories: its folders by path; the root's is empty.
    """

    tree: Merkle
    directories: Mapping[bytes, Directory]

    @classmethod
    def of(cls, files: Iterable[Node], links: Iterable[Link], programs: Iterable[Node]) -> Base:
        """Return the base of these files, links, and files that can be executed; see `merkle`."""
        plan = _Plan()
        plan.add(files, links, (), programs)
        tree = _made(plan, _addressed, {})
        return cls(tree, {path: plan.directory(path) for path in plan.paths()})


def _addressed(directory: Directory) -> tuple[bytes, bytes]:
    encoded = encode(directory)
    return sha256(encoded).digest(), encoded


def merkle(
    files: Iterable[Node],
    links: Iterable[Link] = (),
    folders: Iterable[bytes] = (),
    cache: EncodedFolders | None = None,
    base: Base | None = None,
) -> Merkle:
    """Return the tree of these files, links and folders, and of all folders that they are in.

    Args:
        files: absolute paths, with digests and sizes.
        links: absolute paths, with targets.
        folders: absolute paths of folders that may be empty.
        cache: remembers encodings from one tree to the next.
        base: what this tree adds to; its folders are among `nodes` if the tree adds to them.

    Raises:
        UnsendableTreeError: if a path is not absolute or not plain (`..`), not UTF-8, or there twice.
    """
    plan = _Plan()
    plan.add(files, links, folders, ())
    encode_folder = _addressed if cache is None else cache.encode
    return _made(plan, encode_folder, {} if base is None else base.directories)


def _made(
    plan: _Plan,
    encode_folder: Callable[[Directory], tuple[bytes, bytes]],
    base: Mapping[bytes, Directory],
) -> Merkle:
    nodes: dict[bytes, bytes] = {}
    # Backwards each folder comes after everything in it, and the root last.
    for path in sorted(plan.paths(), reverse=True):
        directory = plan.directory(path)
        if (below := base.get(path)) is not None:
            directory = _joined(below, directory)
        try:
            digest, encoded = encode_folder(directory)
        except UnsendableTreeError as error:
            raise UnsendableTreeError(f"{os.fsdecode(path)!r}: {error}") from None
        nodes[digest] = encoded
        plan.place(path, digest, len(encoded))
    return Merkle(digest, nodes)


def _joined(base: Directory, added: Directory) -> Directory:
    """Return a folder with what is in both; what is added replaces files, links and folders."""
    programs = {name for name, *_ in base.programs}
    files = [node for node in added.files if node[0] not in programs]
    return Directory(
        _both(base.files, files),
        _both(base.folders, added.folders),
        _both(base.links, added.links),
        base.programs,
    )


def _both(base: Sequence[Entry], added: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return the entries of both, sorted; of two with one name the one that is added."""
    if not added:
        return tuple(base)
    joined = {entry[0]: entry for entry in (*base, *added)}
    return tuple(joined[name] for name in sorted(joined))


@dataclass(slots=True)
class _Plan:
    """What is in each folder, by its path; the root's is empty."""

    files: defaultdict[bytes, list[Node]] = field(default_factory=lambda: defaultdict(list))
    links: defaultdict[bytes, list[Link]] = field(default_factory=lambda: defaultdict(list))
    folders: defaultdict[bytes, list[Node]] = field(default_factory=lambda: defaultdict(list))
    programs: defaultdict[bytes, list[Node]] = field(default_factory=lambda: defaultdict(list))
    named: list[bytes] = field(default_factory=list)

    def add(
        self,
        files: Iterable[Node],
        links: Iterable[Link],
        folders: Iterable[bytes],
        programs: Iterable[Node],
    ) -> None:
        for group, nodes in ((self.files, files), (self.programs, programs)):
            for path, digest, size in nodes:
                if path[:1] != b"/":
                    raise _relative(path)
                folder, _, name = path.rpartition(b"/")
                group[folder].append((name, digest, size))
        for path, target in links:
            if path[:1] != b"/":
                raise _relative(path)
            folder, _, name = path.rpartition(b"/")
            self.links[folder].append((name, target))
        for path in folders:
            if path[:1] != b"/":
                raise _relative(path)
            self.named.append(b"" if path == b"/" else path)

    def place(self, path: bytes, digest: bytes, size: int) -> None:
        """Put the folder at `path` into the one that it is in; the root is in none."""
        if path:
            folder, _, name = path.rpartition(b"/")
            self.folders[folder].append((name, digest, size))

    def paths(self) -> set[bytes]:
        """Return all folders that there have to be."""
        paths = {b""}
        for path in chain(self.files, self.links, self.programs, self.named):
            while path not in paths:
                paths.add(path)
                path = path.rpartition(b"/")[0]  # noqa: PLW2901  (up to one that is there)
        return paths

    def directory(self, path: bytes) -> Directory:
        """Return the folder at `path`; those in it have been added."""
        return Directory(
            tuple(sorted(self.files.get(path, ()))),
            tuple(sorted(self.folders.get(path, ()))),
            tuple(sorted(self.links.get(path, ()))),
            tuple(sorted(self.programs.get(path, ()))),
        )


def _relative(path: bytes) -> UnsendableTreeError:
    return UnsendableTreeError(f"{os.fsdecode(path)!r} is not an absolute path")
