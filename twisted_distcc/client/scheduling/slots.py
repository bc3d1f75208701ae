"""Slots, which limit how many jobs all of a user's processes together give one host at a time.

A `SlotDirectory` takes a host's lock name and its limit, and returns a `Slot` that is exclusive until it
is released or every process that inherited it has ended.  It never waits.

A slot is a write lock on `cpu_NAME_INDEX` in the lock directory: the same files that distcc locks, so
one limit applies to users of both.  distcc uses POSIX record locks, which a process loses as soon as it
closes any descriptor of the file, and which do not keep a process from taking a slot twice.  Open file
description locks (fcntl(2), `F_OFD_SETLK`) conflict with those and have neither flaw; moreover, a child
that inherits the descriptor keeps holding the slot.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections import defaultdict
from typing import TYPE_CHECKING

from twisted_distcc.errors import EXIT_IO_ERROR, DistccError

if TYPE_CHECKING:
    from collections.abc import Callable

# struct flock of fcntl(2): type, whence, start, length, process, and padding to its full size.
# Zeroes for start and length mean the whole file; the process must be zero for these locks.
_FLOCK = struct.Struct("hhqqi0q")
_WRITE_LOCK = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


class LockDirectoryError(DistccError):
    """The directory for lock files cannot be used."""

    exit_code = EXIT_IO_ERROR


class Slot:
    """The right to run one job on one host.

    `name` is the host's lock name, `index` counts its slots from 0, and `fd` is the descriptor that
    holds the lock: a child that inherits it keeps the slot taken until it ends.
    """

    __slots__ = ("_released", "fd", "index", "name")

    def __init__(self, name: str, index: int, fd: int, released: Callable[[Slot], None]) -> None:
        self.name = name
        self.index = index
        self.fd = fd
        self._released: Callable[[Slot], None] | None = released

    def release(self) -> None:
        """Release the slot; doing so twice is harmless."""
        released, self._released = self._released, None
        if released is not None:
            os.close(self.fd)
            released(self)


class SlotDirectory:
    """The slots of all hosts, as files in one directory, which is created if missing."""

    def __init__(self, path: str) -> None:
        self._path = path
        # Our own slots are known to be taken without asking the kernel: that makes a search through
        # a large farm cheap for the process that holds most of it, and keeps us within the limits
        # even if somebody removes the files.
        self._held: defaultdict[str, set[int]] = defaultdict(set)
        self._watchers: list[Callable[[], None]] = []

    def watch(self, released: Callable[[], None]) -> None:
        """Call `released` whenever a slot that was acquired here has been released."""
        self._watchers.append(released)

    def try_acquire(self, name: str, limit: int) -> Slot | None:
        """Take the free slot with the lowest index below `limit`; return None if all are taken."""
        slots = (self.try_slot(name, index) for index in range(limit))
        return next((slot for slot in slots if slot is not None), None)

    def next_free(self, name: str, index: int) -> int:
        """Return the first index from `index` on whose slot this process does not hold itself."""
        held = self._held.get(name, ())
        while index in held:
            index += 1
        return index

    def try_slot(self, name: str, index: int) -> Slot | None:
        """Take this slot; return None if it is taken.  Raises `LockDirectoryError`."""
        if index in self._held.get(name, ()):
            return None
        path = self._slot_path(name, index)
        fd = open_for_writing(path)
        if not _lock(fd, path):
            return None
        self._held[name].add(index)
        return Slot(name, index, fd, self._forget)

    def in_use(self, name: str, limit: int) -> int:
        """Return how many slots below `limit` are taken, by any process."""
        return sum(self._is_taken(name, index) for index in range(limit))

    def _is_taken(self, name: str, index: int) -> bool:
        path = self._slot_path(name, index)
        try:
            return _is_locked(path)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise LockDirectoryError(f"cannot read {path}: {error.strerror}") from error

    def _slot_path(self, name: str, index: int) -> str:
        return f"{self._path}/cpu_{name}_{index}"

    def _forget(self, slot: Slot) -> None:
        held = self._held[slot.name]
        held.discard(slot.index)
        if not held:
            del self._held[slot.name]
        for watcher in self._watchers:
            watcher()


def open_for_writing(path: str) -> int:
    """Open a file in the lock directory, creating both if missing.

    The file is not truncated, and no child inherits the descriptor by accident.  Raises
    `LockDirectoryError`, which names the file and the reason.
    """
    try:
        return _open_or_create(path)
    except OSError as error:
        raise LockDirectoryError(
            f"cannot write the lock file {path}: {error.strerror};"
            " set DISTCC_DIR to a directory of yours"
        ) from error


def _open_or_create(path: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT
    try:
        return os.open(path, flags, 0o644)
    except FileNotFoundError:
        from twisted_distcc.own_folders import make_own_folder  # tdistcc needs it once in a lifetime

        make_own_folder(os.path.dirname(path))
        return os.open(path, flags, 0o644)


def _lock(fd: int, path: str) -> bool:
    """Lock the file and return True, or close it and return False."""
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _WRITE_LOCK)
    except OSError as error:
        os.close(fd)
        if error.errno in {errno.EAGAIN, errno.EACCES}:
            return False
        raise LockDirectoryError(f"cannot lock the file {path}: {error.strerror}") from error
    return True


def _is_locked(path: str) -> bool:
    fd = os.open(path, os.O_RDONLY)
    try:
        holder = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _WRITE_LOCK)
    finally:
        os.close(fd)
    return bool(_FLOCK.unpack(holder)[0] != fcntl.F_UNLCK)
