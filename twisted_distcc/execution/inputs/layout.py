"""Work out where the files of a tree go, before any of them is written.

`lay_out` takes a `Tree`, whose names a peer chose, and what the server itself shows to compilers, and
returns a `Layout`: folders, files and links by paths that contain no link.  Names are resolved, not
trusted; contradictions are refused.  Nothing here touches the disk.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from twisted_distcc.execution.inputs.links import Links, is_within
from twisted_distcc.execution.inputs.names import (
    LONGEST_PART,
    BadTreeError,
    check_given,
    check_passive,
    check_place,
    parent,
    refused,
)
from twisted_distcc.jobs.model import FOLDER_MARK, InputFile, InputLink, Tree

_MOST_FOLDERS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Fixture:
    """What the server always shows to compilers.  No path contains a link.

    Attributes:
        folders, files: what is mounted.
        links: the links that lead there, and their targets.
        system: folders that are also mounted if a job's tree has nothing in any of them.
        is_program: returns whether what is mounted at a path can be executed.
        confines: whether nothing that a compiler reads from a tree can have it do harm.
        within: the folder in which it lies, at the same paths, if it is not this machine's own.
    """

    folders: frozenset[bytes] = frozenset()
    files: frozenset[bytes] = frozenset()
    links: tuple[tuple[bytes, bytes], ...] = ()
    system: tuple[bytes, ...] = ()
    is_program: Callable[[bytes], bool] = lambda _: False
    confines: bool = False
    within: bytes = b""


NOTHING: Final = Fixture()


@dataclass(frozen=True, slots=True)
class Layout:
    """A tree with all paths resolved: they are absolute in the tree, and contain no link.

    Attributes:
        own: a folder in the root that the tree does not use.
        folders: parents before children; the root, which is `b""`, is left out.
        files: files by path.
        links: targets by path.
        points: empty files, as mount points.
        system: folders over which the server's own are mounted.
        covers: what can be mounted in place of all that: whole folders, where the tree has nothing else.
    """

    own: bytes
    folders: tuple[bytes, ...]
    files: Mapping[bytes, InputFile]
    links: Mapping[bytes, bytes]
    points: frozenset[bytes] = frozenset()
    system: tuple[bytes, ...] = ()
    covers: tuple[bytes, ...] = ()


def lay_out(tree: Tree, fixture: Fixture = NOTHING) -> Layout:
    """Return the layout of `tree` around what `fixture` has.

    Raises:
        BadTreeError: if there is none.
    """
    mounts = fixture.folders | fixture.files
    links = Links(fixture.links, confined=fixture.confines)
    links.add_all((entry for entry in tree.entries if isinstance(entry, InputLink)), mounts)
    _check_programs(links, fixture, mounts)
    site = _Site(links, mounts, fixture.confines)
    for entry in tree.entries:
        if isinstance(entry, InputFile):
            site.add_file(entry)
    site.add_folder_for(tree.directory)
    for path in links.targets:
        site.add_folder(parent(path))
    system = () if site.has_any(fixture.system) else fixture.system
    for path in (*fixture.folders, *system):
        site.add_folder(path)
    for path in fixture.files:
        site.add_folder(parent(path))
    site.check()
    own = site.add_own()
    folders = tuple(sorted(site.folders - {b""}))
    shown = {*mounts, *system}
    fixed = dict(fixture.links).keys()
    others = {*site.folders - _above({*shown, *fixed}), *site.files, *links.targets.keys() - fixed}
    covers = _covers(shown, _above(others))
    return Layout(own, folders, site.files, links.targets, fixture.files, system, covers)


def _above(paths: Iterable[bytes]) -> set[bytes]:
    """Return these paths and all folders above them, without the root."""
    found: set[bytes] = set()
    for path in paths:
        above = path
        while above and above not in found:
            found.add(above)
            above = parent(above)
    return found


def _covers(mounts: Iterable[bytes], taken: Collection[bytes]) -> tuple[bytes, ...]:
    """Return the highest folders at or above `mounts` that are not taken."""

    def cover(path: bytes) -> bytes:
        above = parent(path)
        return cover(above) if above and above not in taken else path

    return tuple(sorted(set(map(cover, mounts))))


def _check_programs(links: Links, fixture: Fixture, mounts: Collection[bytes]) -> None:
    """Refuse links to executables: a driver could be made to run one by a name that it looks for."""
    for path in links.targets.keys() - dict(fixture.links).keys():
        leads = links.end(path, mounts)
        if leads is not None and is_within(leads, mounts) and fixture.is_program(leads):
            raise refused(path, "is a link to a program of this server's")


@dataclass(slots=True)
class _Site:
    """Collects files: no path contains a link, and none is inside what is mounted."""

    links: Links
    mounts: Collection[bytes]
    confines: bool
    files: dict[bytes, InputFile] = field(default_factory=dict)
    folders: set[bytes] = field(default_factory=lambda: {b""})
    _places: dict[bytes, bytes | None] = field(default_factory=dict)

    def add_file(self, file: InputFile) -> None:
        """Add `file` where its name leads."""
        given, _, name = file.name.rpartition(b"/")
        if given not in self._places:
            self._places[given] = self._place(file.name, given)
        folder = self._places[given]
        if folder is None or name == FOLDER_MARK:
            return
        if name in (b"", b".", b"..") or len(name) > LONGEST_PART or b"\0" in name:
            raise refused(file.name, "is not the name of a file")
        path = b"%b/%b" % (folder, name)
        if path in self.files:
            raise refused(file.name, "is there twice")
        if path in self.links.targets:
            raise refused(file.name, "is a file and a link")
        if path not in self.mounts:
            check_passive(path, confined=self.confines)
            self.files[path] = file

    def _place(self, name: bytes, given: bytes) -> bytes | None:
        """Add the folder that the client calls `given`; return `None` if the server has its own."""
        check_given(name)
        return self.add_folder_for(given)

    def add_folder_for(self, given: bytes) -> bytes | None:
        """Add a folder where `given` leads, and return its path; `None` if the server has its own."""
        check_given(given or b"/")
        path = self.links.follow(given)
        check_place(path)
        if is_within(path, self.mounts):
            return None
        self.add_folder(path)
        return path

    def add_folder(self, path: bytes) -> None:
        """Add a folder at plain `path`, and its parents."""
        while path not in self.folders:
            self.folders.add(path)
            if len(self.folders) > _MOST_FOLDERS:
                raise BadTreeError(f"the job's files lie in more than {_MOST_FOLDERS} folders")
            path = parent(path)

    def add_own(self) -> bytes:
        """Add an unused folder in the root, and return its path."""
        numbers = itertools.count()
        path = next(path for path in map(b"/.job-%d".__mod__, numbers) if not self.has_any((path,)))
        self.add_folder(path)
        return path

    def has_any(self, paths: Collection[bytes]) -> bool:
        """Whether anything at or above one of `paths` would be hidden or in the way."""
        return any(
            path in self.folders or is_within(path, self.files) or is_within(path, self.links.targets)
            for path in paths
        )

    def check(self) -> None:
        """Refuse paths that are two things at once."""
        for path in self.folders:
            if path in self.files:
                raise refused(path, "is a file and a folder")
            if path in self.links.targets:
                raise refused(path, "is a link and a folder")
        for path in self.links.targets:
            if path in self.mounts:
                raise refused(path, "is a link, and a program of this server's compiler")
