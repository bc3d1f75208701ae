"""Resolve the files of a unit to real files, and the links on the way to them.

`lay` turns a `Unit` into a `Laid`, without reading any files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from twisted_distcc.pump.unit import Laid

if TYPE_CHECKING:
    from twisted_distcc.pump.unit import Unit

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


def lay(unit: Unit, files: HasLinks) -> Laid:
    """Find the real files of `unit`, and the links that lead to them.

    A unit's folders are included as well: as a link, through a file below them, or explicitly.
    """
    links = Links(files)
    found = {links.real(path) for path in unit.files}
    folders = {links.real(path) for path in unit.folders}
    folders.update(links.real(path.rpartition("/")[0]) for path in unit.files)
    folders |= links.walked
    folders.discard(_DEVICES)
    return Laid(
        files=tuple(sorted(found)),
        links=tuple(sorted(links.links.items())),
        folders=tuple(sorted(_empty(folders, found | links.links.keys()))),
    )


def _empty(folders: set[str], others: set[str]) -> set[str]:
    """Return the folders that contain none of `others`, nor another of the folders."""
    above: set[str] = set()
    for path in (*others, *folders):
        folder = path.rpartition("/")[0]
        while folder and folder not in above:
            above.add(folder)
            folder = folder.rpartition("/")[0]
    return {folder or "/" for folder in folders if folder and folder not in above}


def has_plain_names(unit: Unit, laid: Laid) -> bool:
    """Whether all compilers write the names of these files the same way in dependency files."""
    links = (path for link in laid.links for path in link)
    return _UNLIKE.search("/".join((*unit.files, *unit.folders, *links))) is None
