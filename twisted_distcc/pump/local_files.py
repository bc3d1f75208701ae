"""The real files: what the scanner sees of this machine.

In: absolute paths.  Out: stamps, names, contents, links, by the calls of the operating system; `None`
where there is nothing, or nothing that may be read.  This module refuses to remember anything but stamps
that it has made before, which it gives again where they still hold: who compares two mostly finds one.
"""

from __future__ import annotations

import os
import time

from twisted_distcc.pump.unit import Stamp

_KIND = 0o170000
_REGULAR = 0o100000
_FOLDER = 0o040000
_MOST_STAMPS = 200_000
"""Stamps kept at a time, of about 250 bytes with their numbers."""


class Disk:
    """The file systems of this machine, as this user sees them."""

    def __init__(self) -> None:
        self._made: dict[str, Stamp] = {}

    def stamp(self, path: str) -> Stamp | None:
        """Give the stamp of the regular file that `path` leads to."""
        return self._stamp(path, _REGULAR)

    def folder_stamp(self, path: str) -> Stamp | None:
        """Give the stamp of the folder that `path` leads to."""
        return self._stamp(path, _FOLDER)

    def names(self, path: str) -> frozenset[str] | None:
        """Give the names in the folder that `path` leads to."""
        try:
            return frozenset(os.listdir(path))
        except (OSError, ValueError):
            return None

    def read(self, path: str) -> bytes | None:
        """Give the contents of the regular file that `path` leads to."""
        try:
            with open(path, "rb", buffering=0) as file:
                return file.read()
        except (OSError, ValueError):
            return None

    def link(self, path: str) -> str | None:
        """Give where the symbolic link `path` itself leads, as it says it; `None` if it is none."""
        try:
            return os.readlink(path)
        except (OSError, ValueError):
            return None

    def is_stream(self, path: str) -> bool:
        """Tell whether `path` leads to a pipe, a socket or a device: what is read there is gone."""
        try:
            return os.stat(path).st_mode & _KIND not in {_REGULAR, _FOLDER}
        except (OSError, ValueError):
            return False

    def now_ns(self) -> int:
        """Give the time; the clock by which files are stamped lags behind by a tick at most."""
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
