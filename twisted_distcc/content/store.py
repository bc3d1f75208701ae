"""A store of files that trees share, each on disk once and counted once.

A tree takes a file from the store by the digest of its content (`FileContent.identify`), or adds the
file that it made for the next tree to use.  The store counts the bytes of all files that it and the
trees hold.  Nobody who is given a file may be able to change it, so the store is for sandboxes only,
which mount it read-only.  It is thread-safe.
"""

from __future__ import annotations

import itertools
import os
from contextlib import suppress
from threading import Lock
from typing import Final, NamedTuple

_MOST_BYTES: Final = 192 * 1024 * 1024
_MOST_FILES: Final = 20_000


class Held(NamedTuple):
    """A file in use: a number that identifies it, and its expanded size in bytes."""

    number: int
    length: int


class Store:
    """A folder of recently used files.

    Attributes:
        bytes: the total size of all files that it or a tree holds, each counted once, however many
            names it has.

    Args:
        folder: the folder, which is created.
        most_bytes: the most bytes that it holds itself; the least recently used files go first.
    """

    def __init__(self, folder: str, most_bytes: int = _MOST_BYTES) -> None:
        os.makedirs(folder, 0o700, exist_ok=True)
        self.bytes: int = 0
        self._folder = os.fsencode(folder)
        self._most_bytes = most_bytes
        self._lock = Lock()
        self._numbers = itertools.count()
        self._holders: dict[int, int] = {}
        self._own: dict[bytes, Held] = {}
        self._own_bytes = 0

    def link_to(self, path: bytes, digest: bytes) -> Held | None:
        """Link the file of this digest to `path`; `None` if there is none.  The caller releases it."""
        with self._lock:
            held = self._own.pop(digest, None)
            if held is None:
                return None
            self._own[digest] = held
            self._hold(held)
        try:
            os.link(self._path(digest), path)
        except OSError:  # it has gone, or has more names than a file can have: the next one is kept
            with self._lock:
                self._let_go(held)
                if self._own.get(digest) is held:
                    self._drop(digest)
            return None
        return held

    def take(self, path: bytes, digest: bytes, length: int) -> Held:
        """Count the file at `path`, and keep it for others if possible.  The caller releases it."""
        held = self.count(length)
        with self._lock:
            if digest in self._own:
                return held
            try:
                os.link(path, self._path(digest))
            except FileNotFoundError:  # the folder is gone
                with suppress(OSError):
                    os.mkdir(self._folder, 0o700)
                return held
            except OSError:  # the file system has no links
                return held
            self._own[digest] = held
            self._own_bytes += length
            self._hold(held)
            while self._own_bytes > self._most_bytes or len(self._own) > _MOST_FILES:
                self._drop(next(iter(self._own)))
        return held

    def count(self, length: int) -> Held:
        """Count a file that belongs to one tree alone.  The caller releases it."""
        with self._lock:
            held = Held(next(self._numbers), length)
            self._hold(held)
        return held

    def release(self, held: Held) -> None:
        """Drop one holder's claim to a file; the last one's uncounts it."""
        with self._lock:
            self._let_go(held)

    def _hold(self, held: Held) -> None:
        holders = self._holders[held.number] = self._holders.get(held.number, 0) + 1
        if holders == 1:
            self.bytes += held.length

    def _let_go(self, held: Held) -> None:
        self._holders[held.number] -= 1
        if not self._holders[held.number]:
            del self._holders[held.number]
            self.bytes -= held.length

    def _drop(self, digest: bytes) -> None:
        held = self._own.pop(digest)
        self._own_bytes -= held.length
        self._let_go(held)
        with suppress(OSError):
            os.unlink(self._path(digest))

    def _path(self, digest: bytes) -> bytes:
        return b"%b/%b" % (self._folder, digest.hex().encode())
