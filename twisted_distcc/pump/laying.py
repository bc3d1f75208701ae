"""Resolve the files of a unit to real files, and the links on the way to them.

`lay` turns a `Unit` into a `Laid`, without reading any files.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Protocol

from twisted_distcc.pump.unit import Laid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from twisted_distcc.pump.unit import Unit

    NotPlain = Callable[[str, set[str]], set[str]]

_DEVICES = "/dev"
"""The folder of /dev/null, which a compile may use; a server has its own `/dev`."""
MOST_LINKS = 40
"""The most links that Linux follows on one path."""
# Compilers differ in how they write these characters in a dependency file.
_UNLIKE = re.compile(r"[\x00-\x1f\x7f\\]")


class HasLinks(Protocol):
    """The part of a `FileSystem` that reads links."""

    def link(self, path: str, /) -> str | None:
        """Return the target stored in the symbolic link `path`; `None` if it is not a link."""
        ...


class Links:
    """Resolves paths link by link, and reads every link once."""

    def __init__(self, files: HasLinks) -> None:
        self._files = files
        self._real: dict[str, str] = {"": "", "/": ""}
        self.links: dict[str, str] = {}
        self.walked: set[str] = set()

    def real(self, path: str, links: int = 0) -> str:
        """Return the real path of the absolute `path`, and note the links on the way."""
        known = self._real.get(path)
        if known is not None:
            return known
        folder, _, name = path.rpartition("/")
        above = self.real(folder, links)
        self._real[path] = found = self._step(above, name, links)
        return found

    def below(self, folder: str, name: str) -> str:
        """Return the real path of `name` in `folder`, a real path; note the links on the way."""
        return self._step(folder, name, 0)

    def _step(self, folder: str, name: str, links: int) -> str:
        if name in {"", "."}:
            return folder
        if name == "..":
            self.walked.add(folder)
            return folder.rpartition("/")[0]
        path = f"{folder}/{name}"
        target = self._files.link(path)
        if target is None or links >= MOST_LINKS:
            return path
        self.links[path] = target
        return self.real(target if target.startswith("/") else f"{folder}/{target}", links + 1)


def lay(unit: Unit, files: HasLinks, not_plain: NotPlain = lambda _, names: names) -> Laid:
    """Find the real files of `unit`, and the links that lead to them.

    A unit's folders are included as well: as a link, through a file below them, or explicitly.

    Args:
        unit: the unit.
        files: tells links.
        not_plain: returns those of some names in a folder that may be links; whoever knows that of many
            names at once saves a question for each.
    """
    links = Links(files)
    found: set[str] = set()
    called: set[str] = set()  # by names that may lead over links
    folders = {links.real(path) for path in unit.folders}
    holding: set[str] = set()
    for folder, names in _by_folder(unit.files).items():
        real = links.real(folder)
        folders.add(real)
        odd = not_plain(real, names)
        plain = names - odd
        if plain:
            holding.add(real)
        if real != folder:
            found.update([f"{real}/{name}" for name in plain])
        called.update([f"{folder}/{name}" for name in (odd if real == folder else names)])
        for name in odd:
            path = links.below(real, name)
            found.add(path)
            holding.add(path.rpartition("/")[0])
    folders |= links.walked
    folders.discard(_DEVICES)
    holding.update(path.rpartition("/")[0] for path in links.links)
    return Laid(
        files=tuple(sorted(found.union(unit.files.keys() - called))),
        links=tuple(sorted(links.links.items())),
        folders=tuple(sorted(_empty(folders, holding))),
    )


def _by_folder(paths: Iterable[str]) -> dict[str, set[str]]:
    """Return the names of files by their folders."""
    names: defaultdict[str, set[str]] = defaultdict(set)
    for path in paths:
        folder, _, name = path.rpartition("/")
        names[folder].add(name)
    return names


def _empty(folders: set[str], holding: set[str]) -> set[str]:
    """Return the folders that are not `holding` anything, nor above another one that is."""
    above: set[str] = set()
    for path in (*holding, *(folder.rpartition("/")[0] for folder in folders)):
        folder = path
        while folder and folder not in above:
            above.add(folder)
            folder = folder.rpartition("/")[0]
    return {folder or "/" for folder in folders if folder and folder not in above}


def has_plain_names(unit: Unit, laid: Laid) -> bool:
    """Whether all compilers write the names of these files the same way in dependency files."""
    links = (path for link in laid.links for path in link)
    return _UNLIKE.search("/".join((*unit.files, *unit.folders, *links))) is None
