"""Cached listings of the folders that compilers search, and lookup of names in them.

`Folders` takes paths and names, and returns listings and paths, each of which is checked once per unit.
It does not read files.

That a file is *not* in a folder counts as much as that it is.  Both are known from the folder's listing,
and a listing holds as long as the folder's stamp does: so one question for each folder answers for all
names that were ever looked for there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted_distcc.pump.laying import MOST_LINKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted_distcc.pump.unit import FileSystem, Stamp

_TICK_NS = 20_000_000
"""An upper bound on the tick of the kernel's coarse clock, by which files are stamped."""
_COARSE_TICK_NS = 2_000_000_000
"""The same for file systems with a resolution of one or two seconds."""
_SECOND_NS = 1_000_000_000

PRECOMPILED = ".gch"
"""The suffix of what gcc looks for beside each header: a precompiled one, or a folder of several."""
_NOTHING: tuple[str, frozenset[str]] = ("", frozenset())


def settled(stamp: Stamp, now_ns: int) -> bool:
    """Whether any change from `now_ns` on is sure to produce a different stamp."""
    tick = _TICK_NS if stamp.ctime_ns % _SECOND_NS else _COARSE_TICK_NS
    return stamp.ctime_ns + tick < now_ns


class Listing:
    """The names in one folder, when it had this stamp."""

    __slots__ = ("names", "precompiled", "seen", "settled", "stamp")

    def __init__(self) -> None:
        self.stamp: Stamp | None = None
        self.names: frozenset[str] | None = None
        self.precompiled: frozenset[str] = frozenset()
        self.settled = False
        self.seen = 0


class Looked:
    """What one search depends on, collected as it proceeds.

    Attributes:
        folders: those listed or walked through, and those that do not exist.
        odd: paths that are, or may be, listed, and yet do not lead to a regular file.
        precompiled: what gcc finds beside headers, or where they were looked for.
    """

    __slots__ = ("folders", "odd", "precompiled")

    def __init__(self) -> None:
        self.folders: set[str] = set()
        self.odd: set[str] = set()
        self.precompiled: set[str] = set()


class Folders:
    """Folders by their paths.  `changed` is told of names that came or went; of None: of anything."""

    def __init__(self, files: FileSystem, changed: Callable[[frozenset[str] | None], None]) -> None:
        self._files = files
        self._changed = changed
        self._known: dict[str, Listing] = {}
        self._clean: dict[str, tuple[str, frozenset[str]]] = {}
        self._unit = 0
        self.now_ns = 0

    def begin(self) -> None:
        """Start a new unit: from now on every folder is checked again when it is used."""
        self._unit += 1
        self.now_ns = self._files.now_ns()

    def trim(self, most: int) -> None:
        """Forget the least recently used folders, if there are more than `most`.

        The same limit applies to paths with `..`.
        """
        if len(self._known) > most:
            oldest = sorted(self._known, key=lambda path: self._known[path].seen)
            for path in oldest[: len(oldest) - most // 2]:
                del self._known[path]
            self._clean.clear()
        if len(self._clean) > most:
            self._clean.clear()

    def look(self, path: str) -> Listing | None:
        """Return the current listing of a folder; None if it does not exist."""
        known = self._known.get(path)
        if known is None:
            known = self._known[path] = Listing()
            self._list(path, known, self._files.folder_stamp(path))
        elif known.seen != self._unit:
            self._check(path, known)
        known.seen = self._unit
        return known if known.stamp is not None else None

    def stamp(self, path: str) -> Stamp | None:
        """Return the current stamp of a folder; None if it does not exist."""
        found = self.look(path)
        return found.stamp if found is not None else None

    def _check(self, path: str, known: Listing) -> None:
        stamp = self._files.folder_stamp(path)
        if stamp == known.stamp and (known.settled or stamp is None):
            return
        old, names = known.stamp, known.names
        self._list(path, known, stamp)
        if not _same_folder(old, stamp) or names is None or known.names is None:
            # Another folder, or one that may not be listed: what is known below it is worth nothing.
            self._clean.clear()
            self._changed(None)
        elif names is not known.names and (came_or_went := names ^ known.names):
            self._changed(came_or_went.union(*map(_headers, came_or_went)))

    def _list(self, path: str, known: Listing, stamp: Stamp | None) -> None:
        # The stamp is older than the names: if it is unchanged next time, so are they.
        known.stamp = stamp
        known.settled = stamp is not None and settled(stamp, self.now_ns)
        names = self._files.names(path) if stamp is not None else None
        if names is not known.names:
            known.names = names
            known.precompiled = frozenset(name for name in names or () if name.endswith(PRECOMPILED))

    def find(self, folder: str, name: str, looked: Looked) -> str | None:
        """Return the path of the file `name` below `folder`, a clean path that exists."""
        if "/" in name:
            found = self._below(folder, name, looked)
            if found is None:
                return None
            folder, name = found
        looked.folders.add(folder)
        listing = self.look(folder)
        if listing is None:
            return None
        if listing.precompiled and f"{name}{PRECOMPILED}" in listing.precompiled:
            looked.precompiled.add(_joined(folder.removesuffix("/"), f"{name}{PRECOMPILED}"))
        if listing.names is not None and name not in listing.names:
            return None
        path = f"{folder}/{name}" if folder != "/" else f"/{name}"
        if self._files.stamp(path) is None:
            looked.odd.add(path)
            return None
        return path

    def _below(self, folder: str, name: str, looked: Looked) -> tuple[str, str] | None:
        """Walk through the folders in `name`."""
        *steps, last = name.split("/")
        for step in steps:
            if step in {"", "."}:
                continue
            looked.folders.add(folder)
            listing = self.look(folder)
            if listing is None or (
                step != ".." and listing.names is not None and step not in listing.names
            ):
                return None
            folder = self.clean(f"{folder}/{step}", looked)
        looked.folders.add(folder)
        return (folder, last) if self.look(folder) is not None else None

    def clean(self, path: str, looked: Looked) -> str:
        """Return an equivalent of `path` without `..` and `.`; note the folders walked through."""
        if "/." not in path and "//" not in path and not path.endswith("/"):
            return path
        for folder in self._clean.get(path, _NOTHING)[1]:
            self.look(folder)  # if it is another one, all is forgotten
        found = self._clean.get(path)
        if found is None:
            walked: set[str] = set()
            found = self._clean[path] = (self._cleaned(path, walked), frozenset(walked))
        looked.folders |= found[1]
        return found[0]

    def _cleaned(self, path: str, walked: set[str], links: int = 0) -> str:
        clean = ""
        for step in path.split("/"):
            if step in {"", "."}:
                continue
            if step != "..":
                clean = f"{clean}/{step}"
                continue
            # The folder above a link is that above where it leads.
            walked.add(clean or "/")
            while links < MOST_LINKS and (target := self._files.link(clean)) is not None:
                links += 1
                above = clean.rpartition("/")[0]
                clean = self._cleaned(_joined(above, target), walked, links).removesuffix("/")
                walked.add(clean or "/")
            clean = clean.rpartition("/")[0]
        return clean or "/"


def _joined(folder: str, name: str) -> str:
    return name if name.startswith("/") else f"{folder}/{name}"


def _same_folder(one: Stamp | None, other: Stamp | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.device, one.inode) == (other.device, other.inode)


def _headers(name: str) -> tuple[str, ...]:
    """Return the header that a precompiled one stands for."""
    return (name.removesuffix(PRECOMPILED),) if name.endswith(PRECOMPILED) else ()
