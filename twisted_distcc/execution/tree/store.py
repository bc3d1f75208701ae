"""Files that trees have in common, each on the disk once.

In: files, by the digest of what they hold, packed.  Out: the same files under other names.  Whoever gets
one must not be able to change it, so it is for sandboxes alone, which show it read-only.  It may be used
by several threads.
"""

from __future__ import annotations

import os
from contextlib import suppress
from threading import Lock
from typing import Final

_MOST_BYTES: Final = 256 * 1024 * 1024
_MOST_FILES: Final = 20_000


class Store:
    """A folder of files that were used of late.

    Args:
        folder: the folder, which is made.
        most_bytes: of all files, expanded; those that nobody used for longest go first.
    """

    def __init__(self, folder: str, most_bytes: int = _MOST_BYTES) -> None:
        os.makedirs(folder, 0o700, exist_ok=True)
        self._folder = os.fsencode(folder)
        self._most_bytes = most_bytes
        self._lock = Lock()
        self._lengths: dict[bytes, int] = {}
        self._bytes = 0

    def link_to(self, place: bytes, digest: bytes) -> int | None:
        """Have a file at `place`, and give its length; `None` says that there is none such."""
        with self._lock:
            length = self._lengths.pop(digest, None)
            if length is None:
                return None
            self._lengths[digest] = length
        try:
            os.link(self._path(digest), place)
        except OSError:  # it has just gone, or has more names than a file can have
            return None
        return length

    def take(self, place: bytes, digest: bytes, length: int) -> None:
        """Keep the file at `place` for others."""
        try:
            os.link(place, self._path(digest))
        except OSError:  # it is there already, or the file system has no links
            return
        with self._lock:
            self._bytes += length - self._lengths.pop(digest, 0)
            self._lengths[digest] = length
            while self._bytes > self._most_bytes or len(self._lengths) > _MOST_FILES:
                self._drop(next(iter(self._lengths)))

    def _drop(self, digest: bytes) -> None:
        self._bytes -= self._lengths.pop(digest)
        with suppress(OSError):
            os.unlink(self._path(digest))

    def _path(self, digest: bytes) -> bytes:
        return b"%b/%b" % (self._folder, digest.hex().encode())
