"""Files in memory, as the scanner sees them, with a clock that each change moves on."""

from __future__ import annotations

import os
import posixpath

from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.pump.search import SearchPath
from twisted_distcc.pump.unit import Stamp

SYSTEM = SearchPath((), ("/usr/include",))
_HOUR_NS = 3_600_000_000_000
_FILE_TIME_NS = 1_700_000_000_123_456_789


class Files:
    """A file system of texts by path, and of links; folders are there because of what is in them."""

    def __init__(self, texts: dict[str, str], links: dict[str, str] | None = None) -> None:
        self._contents: dict[str, bytes] = {}
        self._links: dict[str, str] = links or {}
        self._stamps: dict[str, Stamp] = {}
        self._inodes = 0
        self.reads: list[str] = []
        self.streams: set[str] = set()
        self.time_ns = _FILE_TIME_NS
        for path, text in texts.items():
            self.write(path, text)
        self.time_ns += _HOUR_NS

    def write(self, path: str, text: str) -> None:
        """Write a file, at the present time."""
        new = path not in self._contents
        self._contents[path] = os.fsencode(text)
        self._touch(path, len(text))
        if new:
            self._enter(path)

    def remove(self, path: str) -> None:
        """Remove a file; its folder stays."""
        del self._contents[path], self._stamps[path]
        self._touch(posixpath.dirname(path), 0)

    def _enter(self, path: str) -> None:
        """Note the change in the folder, and make it if need be."""
        folder = posixpath.dirname(path)
        new = folder not in self._stamps
        self._touch(folder, 0)
        if new and folder != "/":
            self._enter(folder)

    def _touch(self, path: str, size: int) -> None:
        old = self._stamps.get(path)
        self._inodes += 1
        inode = old.inode if old is not None else self._inodes
        self._stamps[path] = Stamp(1, inode, size, self.time_ns, self.time_ns)

    def real(self, path: str) -> str:
        """Follow the links on the way to `path`."""
        real = ""
        for step in path.split("/"):
            if step in {"", "."}:
                continue
            if step == "..":
                real = posixpath.dirname(real).rstrip("/")
                continue
            real = f"{real}/{step}"
            if real in self._links:
                real = self.real(posixpath.join(posixpath.dirname(real), self._links[real]))
        return real or "/"

    def stamp(self, path: str) -> Stamp | None:
        """As the seam says."""
        real = self.real(path)
        return self._stamps[real] if real in self._contents else None

    def folder_stamp(self, path: str) -> Stamp | None:
        """As the seam says."""
        real = self.real(path)
        return self._stamps.get(real) if real not in self._contents else None

    def names(self, path: str) -> frozenset[str] | None:
        """As the seam says."""
        real = self.real(path)
        if self.folder_stamp(path) is None:
            return None
        everything = [*self._stamps, *self._links]
        names = frozenset(posixpath.basename(p) for p in everything if posixpath.dirname(p) == real)
        return names | {posixpath.basename(p) for p in self.streams if posixpath.dirname(p) == real}

    def is_stream(self, path: str) -> bool:
        """As the seam says."""
        return self.real(path) in self.streams

    def read(self, path: str) -> bytes | None:
        """As the seam says."""
        self.reads.append(path)
        return self._contents.get(self.real(path))

    def link(self, path: str) -> str | None:
        """As the seam says."""
        folder = self.real(posixpath.dirname(path))
        return self._links.get(posixpath.join(folder, posixpath.basename(path)))

    def now_ns(self) -> int:
        """As the seam says."""
        return self.time_ns


def compilation(command: str) -> Compilation:
    """Understand a command that travels."""
    found = parse(command.split())
    assert isinstance(found, Compilation), found
    return found
