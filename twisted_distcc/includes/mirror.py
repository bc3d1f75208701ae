"""A folder of what C distcc's client should send: compressed copies and links, in its own format.

A `Mirror` takes shapes, and returns the paths to name to the client, once all of them are in the folder.
A copy is reused as long as the stamp of its file is unchanged.

The client sends a path without its first three folders, and without `.lzo` or `.lzo.abs` at its end; it
sends a link as a link.  So `/src/a.h` is kept in `FOLDER/src/a.h.lzo`, and FOLDER is three folders deep.
Nothing is ever written through a link of the mirror's own: what was a link, and is a folder by now, is
created anew.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from twisted.internet.defer import Deferred

from twisted_distcc.client.inputs.file_cache import contents_as
from twisted_distcc.content.packed_content import PackedContent
from twisted_distcc.includes.shape import Copy, Shape
from twisted_distcc.pump.folders import settled
from twisted_distcc.pump.unit import FileSystem, Stamp
from twisted_distcc.runtime.flat_lock import FlatLock
from twisted_distcc.runtime.threads import Threads

DEPTH: Final = 3
"""How many leading folders of a path C distcc's client leaves out."""
MARK: Final = "forcing_technique_271828"
"""The name of a file that C distcc's client takes to stand for its folder."""
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A shape keyed by paths in the mirror, and the stamps of the files that are copied."""

    copies: Mapping[str, Copy]
    links: Mapping[str, str]
    marks: tuple[str, ...]
    stamps: Mapping[str, Stamp]


class Mirror:
    """The folder of one build.

    Args:
        folder: an empty folder that only we can enter, three folders deep.
        files: the files that are copied.
        threads: runs work in a thread.
    """

    def __init__(self, folder: str, files: FileSystem, threads: Threads) -> None:
        assert folder.count("/") == DEPTH
        self._root = folder
        self._files = files
        self._threads = threads
        self._turn = FlatLock()
        self._copies: dict[str, tuple[Stamp, str | None]] = {}
        self._marks: set[str] = set()
        self._links: dict[str, str] = {}
        self._folders: set[str] = {folder}

    async def hold(self, shape: Shape, stamps: Mapping[str, Stamp]) -> list[str]:
        """Put all of `shape` into the folder, and return the paths.

        Raises:
            FileChangedError: if a file no longer matches its stamp in `stamps`, or is gone.
            OSError: if the folder takes no more.
        """
        wanted = _Wanted(
            copies={self._place(copy): copy for copy in shape.copies},
            links={self._root + name: target for name, target in shape.links},
            marks=tuple(f"{self._root}{folder}/{MARK}" for folder in shape.folders),
            stamps=stamps,
        )
        held: Deferred[Any] = Deferred()  # who gives up waiting stops no thread in its middle
        Deferred.fromCoroutine(self._hold(wanted)).chainDeferred(held)
        await held
        return [*wanted.copies, *wanted.links, *wanted.marks]

    async def _hold(self, wanted: _Wanted) -> None:
        async with self._turn:
            missing = [
                place
                for place, copy in wanted.copies.items()
                if self._copies.get(place) != (wanted.stamps[copy.path], copy.line)
            ]
            if missing or not self._has(wanted):
                await self._threads(lambda: self._make(wanted, missing))

    def _place(self, copy: Copy) -> str:
        return f"{self._root}{copy.path}.lzo" + (".abs" if copy.line is not None else "")

    def _has(self, wanted: _Wanted) -> bool:
        return wanted.links.items() <= self._links.items() and self._marks.issuperset(wanted.marks)

    def _make(self, wanted: _Wanted, missing: Iterable[str]) -> None:
        """Create what is missing, in a thread; other callers wait for their turn."""
        begun = self._files.now_ns()
        for place in missing:
            copy = wanted.copies[place]
            stamp = wanted.stamps[copy.path]
            contents = contents_as(stamp, copy.path, self._files)
            self._write(place, PackedContent.of(_lined(contents, copy.line)).data())
            self._copies.pop(place, None)
            if settled(stamp, begun):
                self._copies[place] = (stamp, copy.line)
        for place, target in wanted.links.items():
            self._link(place, target)
        for place in set(wanted.marks) - self._marks:
            self._write(place, b"")
            self._marks.add(place)

    def _write(self, place: str, data: bytes) -> None:
        """Replace the file at `place` atomically: a client may be reading the old one."""
        self._folder(os.path.dirname(place))
        fresh = f"{self._root}/.new"
        with open(fresh, "wb") as file:
            file.write(data)
        os.replace(fresh, place)

    def _link(self, place: str, target: str) -> None:
        if self._links.get(place) == target:
            return
        self._folder(os.path.dirname(place))
        if place in self._folders:
            self._clear(place)
        fresh = f"{self._root}/.new-link"
        os.symlink(target, fresh)
        os.replace(fresh, place)
        self._links[place] = target

    def _folder(self, path: str) -> None:
        """Make sure that `path` is a folder of our own, and not a link to one of the user's."""
        if path in self._folders:
            return
        self._folder(os.path.dirname(path))
        if self._links.pop(path, None) is not None:
            os.unlink(path)
        os.mkdir(path)
        self._folders.add(path)

    def _clear(self, path: str) -> None:
        """Remove a folder of ours, and forget what was in it."""
        shutil.rmtree(path)
        below = f"{path}/"
        self._copies = {place: it for place, it in self._copies.items() if not place.startswith(below)}
        self._links = {place: it for place, it in self._links.items() if not place.startswith(below)}
        self._marks = {place for place in self._marks if not place.startswith(below)}
        self._folders = {place for place in self._folders if not f"{place}/".startswith(below)}


def _lined(contents: bytes, line: str | None) -> bytes:
    """Return `contents` with a `#line` that names its first line as line 1 of the file `line`."""
    if line is None:
        return contents
    named = os.fsencode(line).replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    bom = _BOM if contents.startswith(_BOM) else b""
    return b'%s#line 1 "%s"\n%s' % (bom, named, contents.removeprefix(bom))
