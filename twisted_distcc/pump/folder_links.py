"""Which names in a folder are links, remembered for as long as the folder's stamp holds.

In: units.  Out: `Laid`, as from `lay`, for a tenth of the calls of the operating system: most names on
the way to a file are no links, and are not asked about again.  This module refuses to know what lies
where links lead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted_distcc.pump.folders import settled
from twisted_distcc.pump.laying import lay

if TYPE_CHECKING:
    from twisted_distcc.pump.unit import FileSystem, Laid, Stamp, Unit

_MOST_FOLDERS = 20_000


class Layer:
    """Lays units, one after the other.  What is known of a folder is checked once for each."""

    def __init__(self, files: FileSystem) -> None:
        self._files = files
        self._known: dict[str, tuple[Stamp, dict[str, str | None]]] = {}

    def lay(self, unit: Unit) -> Laid:
        """Do as `lay` does."""
        if len(self._known) > _MOST_FOLDERS:
            self._known.clear()
        return lay(unit, _Checked(self._files, self._known))


class _Checked:
    """The links of one moment."""

    def __init__(self, files: FileSystem, known: dict[str, tuple[Stamp, dict[str, str | None]]]) -> None:
        self._files = files
        self._known = known
        self._now: dict[str, dict[str, str | None]] = {}

    def link(self, path: str) -> str | None:
        """Give where the link `path` leads, as `FileSystem` does."""
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
        """Give what is known of the names in `folder`, where that still holds."""
        stamp = self._files.folder_stamp(folder)
        known = self._known.get(folder)
        if known is not None and stamp == known[0]:
            return known[1]
        links: dict[str, str | None] = {}
        if stamp is not None and settled(stamp, self._files.now_ns()):
            self._known[folder] = stamp, links
        return links
