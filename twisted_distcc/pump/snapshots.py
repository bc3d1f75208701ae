"""The real file system, in which nothing is looked at twice while a snapshot is taken.

`Snapshots` is a `Disk` that inside `with disk.snapshot():` asks for each stamp, for each link, and for
the names in each folder once, and answers from memory from then on::

    with disk.snapshot():
        first, second = scan(one_unit), scan(another_unit)  # headers of both are looked at once

That is exact for compiles that have all begun before: what a compiler reads is read at some time after
its start, and so is what is remembered here.  A block must therefore not wait for anything.  Contents
are never remembered, and whoever reads them compares their stamps with those of another `Disk`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from twisted_distcc.pump.local_files import FOLDER, REGULAR, Disk

if TYPE_CHECKING:
    from twisted_distcc.pump.unit import Stamp

_Seen = TypeVar("_Seen")


class Snapshots(Disk):
    """The file systems of this machine, as this user sees them; for one thread."""

    def __init__(self) -> None:
        super().__init__()
        self._began: int | None = None
        self._files: dict[str, Stamp] = {}
        self._folders: dict[str, Stamp] = {}
        self._links: dict[str, str | None] = {}
        self._names: dict[str, frozenset[str]] = {}

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Look at nothing twice inside the `with` block, but for what is not there."""
        self._began = super().now_ns()
        try:
            yield
        finally:
            self._began = None
            self.look_again()

    def look_again(self) -> None:
        """Forget what was remembered, since it turned out to have changed."""
        self._files.clear()
        self._folders.clear()
        self._links.clear()
        self._names.clear()

    def stamp(self, path: str) -> Stamp | None:
        """Return the stamp of the regular file at `path`, following links."""
        found = self._files.get(path)
        return self._noted(self._files, path, self._stamp(path, REGULAR)) if found is None else found

    def folder_stamp(self, path: str) -> Stamp | None:
        """Return the stamp of the folder at `path`, following links."""
        found = self._folders.get(path)
        return self._noted(self._folders, path, self._stamp(path, FOLDER)) if found is None else found

    def names(self, path: str) -> frozenset[str] | None:
        """Return the names in the folder at `path`, following links."""
        found = self._names.get(path)
        return self._noted(self._names, path, super().names(path)) if found is None else found

    def _noted(self, known: dict[str, _Seen], path: str, found: _Seen | None) -> _Seen | None:
        """Return what was `found` at `path`, and note it while a snapshot is taken."""
        if found is not None and self._began is not None:
            known[path] = found
        return found

    def link(self, path: str) -> str | None:
        """Return the target stored in the symbolic link `path`; `None` if it is not a link."""
        if path in self._links:
            return self._links[path]
        target = super().link(path)
        if self._began is not None:
            self._links[path] = target
        return target

    def is_stream(self, path: str) -> bool:
        """Whether `path` leads to a pipe, a socket or a device, where reading consumes the data."""
        return path not in self._files and super().is_stream(path)

    def now_ns(self) -> int:
        """Return the time from which on changes may go unnoticed: when a snapshot began."""
        return super().now_ns() if self._began is None else self._began
