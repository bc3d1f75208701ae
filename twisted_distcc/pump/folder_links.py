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


class _Folder:
    """What is known of the names in one folder, while its stamp is this one."""

    __slots__ = ("plain", "stamp", "targets")

    def __init__(self, stamp: Stamp | None) -> None:
        self.stamp = stamp
        self.plain: set[str] = set()
        self.targets: dict[str, str] = {}


class Layer:
    """Lays out units one after the other, and checks each folder's cache once per unit."""

    def __init__(self, files: FileSystem) -> None:
        self._files = files
        self._known: dict[str, _Folder] = {}

    def lay(self, unit: Unit) -> Laid:
        """Return what `lay` returns."""
        if len(self._known) > _MOST_FOLDERS:
            self._known.clear()
        checked = _Checked(self._files, self._known)
        return lay(unit, checked, checked.not_plain)


class _Checked:
    """The links at one moment."""

    def __init__(self, files: FileSystem, known: dict[str, _Folder]) -> None:
        self._files = files
        self._known = known
        self._now: dict[str, _Folder] = {}

    def link(self, path: str) -> str | None:
        """Return the target of the link `path`, as `FileSystem` does."""
        folder, _, name = path.rpartition("/")
        found = self._now.get(folder) or self._folder(folder)
        if name in found.plain:
            return None
        target = found.targets.get(name) or self._files.link(path)
        if target is None:
            found.plain.add(name)
        else:
            found.targets[name] = target
        return target

    def not_plain(self, folder: str, names: set[str]) -> set[str]:
        """Return those of `names` in `folder` that are not known to be no links."""
        return names - (self._now.get(folder) or self._folder(folder)).plain

    def _folder(self, path: str) -> _Folder:
        """Return what is known about the folder at `path`, if that is still valid."""
        stamp = self._files.folder_stamp(path or "/")
        found = self._known.get(path)
        if found is None or found.stamp != stamp:
            found = _Folder(stamp)
            if stamp is not None and settled(stamp, self._files.now_ns()):
                self._known[path] = found
        self._now[path] = found
        return found
