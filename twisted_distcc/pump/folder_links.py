"""A cache of which names in a folder are links, valid while the folder's stamp is unchanged.

`Layer.lay` returns a `Laid` as `lay` does, with a tenth of the system calls: most names on the way to a
file are not links, and are not checked again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted_distcc.pump.folders import settled
from twisted_distcc.pump.laying import lay

if TYPE_CHECKING:
    from twisted_distcc.pump.unit import FileSystem, Laid, Stamp, Unit

_MOST_FOLDERS = 20_000


class Layer:
    """Lays out units one after the other, and checks each folder's cache once per unit."""

    def __init__(self, files: FileSystem) -> None:
        self._files = files
        self._known: dict[str, tuple[Stamp, dict[str, str | None]]] = {}

    def lay(self, unit: Unit) -> Laid:
        """Return what `lay` returns."""
        if len(self._known) > _MOST_FOLDERS:
            self._known.clear()
        return lay(unit, _Checked(self._files, self._known))


class _Checked:
    """The links at one moment."""

    def __init__(self, files: FileSystem, known: dict[str, tuple[Stamp, dict[str, str | None]]]) -> None:
        self._files = files
        self._known = known
        self._now: dict[str, dict[str, str | None]] = {}

    def link(self, path: str) -> str | None:
        """Return the target of the link `path`, as `FileSystem` does."""
        folder, _, name = path.rpartition("/")
        links = self._now.get(folder)
        if links is None:
            links = self._now[folder] = self._links(folder or "/")
        try:
            return links[name]
        except KeyError:
            target = links[name] = self._files.link(path)
            return target

    def _links(self, folder: str) -> dict[str, str | None]:
        """Return what is cached about the names in `folder`, if that is still valid."""
        stamp = self._files.folder_stamp(folder)
        known = self._known.get(folder)
        if known is not None and stamp == known[0]:
            return known[1]
        links: dict[str, str | None] = {}
        if stamp is not None and settled(stamp, self._files.now_ns()):
            self._known[folder] = stamp, links
        return links
