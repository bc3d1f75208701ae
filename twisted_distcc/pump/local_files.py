"""The real file system, as the scanner sees it.

`Disk` takes absolute paths, and returns stamps, names, contents and links; `None` if there is nothing
there, or nothing readable.  It caches nothing but the stamp objects: one that is unchanged is returned
again, so that most comparisons are of identical objects.
"""

from __future__ import annotations

import os
import time

from twisted_distcc.pump.unit import Stamp

_KIND = 0o170000
REGULAR = 0o100000
FOLDER = 0o040000
_MOST_STAMPS = 200_000
"""Stamps that are kept; each takes about 250 bytes."""


class Disk:
    """The file systems of this machine, as this user sees them."""

    def __init__(self) -> None:
        self._made: dict[str, Stamp] = {}

    def stamp(self, path: str) -> Stamp | None:
        """Return the stamp of the regular file at `path`, following links."""
        return self._stamp(path, REGULAR)

    def folder_stamp(self, path: str) -> Stamp | None:
        """Return the stamp of the folder at `path`, following links."""
        return self._stamp(path, FOLDER)

    def names(self, path: str) -> frozenset[str] | None:
        """Return the names in the folder at `path`, following links."""
        try:
            return frozenset(os.listdir(path))
        except (OSError, ValueError):
            return None

    def read(self, path: str) -> bytes | None:
        """Return the contents of the regular file at `path`, following links."""
        try:
            with open(path, "rb", buffering=0) as file:
                return file.read()
        except (OSError, ValueError):
            return None

    def link(self, path: str) -> str | None:
        """Return the target stored in the symbolic link `path`; `None` if it is not a link."""
        try:
            return os.readlink(path)
        except (OSError, ValueError):
            return None

    def is_stream(self, path: str) -> bool:
        """Whether `path` leads to a pipe, a socket or a device, where reading consumes the data."""
        try:
            return os.stat(path).st_mode & _KIND not in {REGULAR, FOLDER}
        except (OSError, ValueError):
            return False

    def now_ns(self) -> int:
        """Return the time; the clock by which files are stamped lags by a tick at most."""
        return time.time_ns()

    def _stamp(self, path: str, kind: int) -> Stamp | None:
        try:
            found = os.stat(path)
        except (OSError, ValueError):
            return None
        if found.st_mode & _KIND != kind:
            return None
        stamp = self._made.get(path)
        if (
            stamp is not None
            and stamp.mtime_ns == found.st_mtime_ns
            and stamp.ctime_ns == found.st_ctime_ns
            and stamp.size == found.st_size
            and stamp.inode == found.st_ino
            and stamp.device == found.st_dev
        ):
            return stamp
        return self._new(path, found)

    def _new(self, path: str, found: os.stat_result) -> Stamp:
        if len(self._made) >= _MOST_STAMPS:
            self._made.clear()
        stamp = Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        self._made[path] = stamp
        return stamp
