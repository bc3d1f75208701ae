"""Safely open the files that a server writes for its administrator: logs, job records, its pid file.

Such files are often below a folder of the user that root becomes.  That user, once compromised, could
leave a link there, in place of the file or of any folder above it, and have root write to one of root's
files at the next start.  So `open_own` walks the path itself, from one open folder to the next, and
checks for each who can change it.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

_ROOT: Final = 0
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_FOLDER: Final = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# The most links that the kernel follows (path_resolution(7)).
_MOST_LINKS: Final = 40
_PROCESSES: Final = "/proc"


class PlantedFileError(OSError):
    """Somebody else may have chosen the file that root should write to."""


def open_own(path: str, flags: int, mode: int = 0o644) -> int:
    """Open `path` as `os.open` does; root follows no link that another user may have made.

    Links are trusted as long as only root can change all the folders on the way so far.

    Raises:
        PlantedFileError: if there is a link on the way, or the file has other names or is not a regular
            file, where others can create such.
        OSError: if it cannot be opened.
    """
    flags |= os.O_CLOEXEC
    if os.geteuid() != _ROOT:
        return os.open(path, flags, mode)
    try:
        return _opened_by_root(path, flags, mode)
    except OSError as error:
        error.filename = path if error.filename else None
        raise


def _opened_by_root(path: str, flags: int, mode: int) -> int:
    way = _Way(path)
    try:
        name = way.to_the_last(follow=not flags & os.O_NOFOLLOW)
        return _opened(way, name, flags, mode)
    finally:
        os.close(way.folder)


def _opened(way: _Way, name: str, flags: int, mode: int) -> int:
    if way.is_roots_alone:
        links = 0 if way.is_of_processes() else os.O_NOFOLLOW
        return os.open(name, flags | links, mode, dir_fd=way.folder)
    descriptor = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, mode, dir_fd=way.folder)
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
        return descriptor
    os.close(descriptor)
    raise PlantedFileError(
        f"{way.path} is not a regular file, or has extra links, in a folder that is not root's alone"
    )


class _Way:
    """A walk along `path`, folder by folder.

    Attributes:
        path: the path.
        folder: a descriptor of the last folder that was reached.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.folder = os.open("/", _FOLDER)
        self._found = os.fstat(self.folder)
        self._is_roots = True
        self._left = _parts(os.path.abspath(path))
        self._links = 0

    @property
    def is_roots_alone(self) -> bool:
        """Whether only root can change what is in the folder, and in all those on the way to it."""
        return self._is_roots and self._found.st_uid == _ROOT and not self._found.st_mode & _OTHERS_WRITE

    def to_the_last(self, *, follow: bool) -> str:
        """Walk to the file's folder, and return the file's name there; `follow` it if that is a link."""
        while self._left:
            name = self._left.pop()
            is_last = not self._left
            if (follow or not is_last) and (target := self._target(name, is_last)) is not None:
                self._follow(target)
            elif is_last:
                return name
            else:
                self._enter(name)
        return "."

    def is_of_processes(self) -> bool:
        """Whether it is in `/proc`, where links are the kernel's, and mean open files, not paths."""
        try:
            return self._found.st_dev == os.stat(_PROCESSES).st_dev
        except OSError:
            return False

    def _target(self, name: str, is_last: bool) -> str | None:
        """Return the target of the link `name`; `None` if it is not a link, or does not exist."""
        if is_last and self.is_of_processes():
            return None
        try:
            return os.readlink(name, dir_fd=self.folder)
        except OSError:
            return None

    def _follow(self, target: str) -> None:
        if not self.is_roots_alone:
            raise PlantedFileError(
                f"a link is on the way to {self.path}, in a folder that is not root's alone"
            )
        self._links += 1
        if self._links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), self.path)
        self._left += _parts(target)
        if target.startswith("/"):
            self._enter("/")

    def _enter(self, name: str) -> None:
        entered, left = os.open(name, _FOLDER, dir_fd=self.folder), self.folder
        self.folder = entered
        os.close(left)
        before, self._found = self._found, os.fstat(entered)
        self._is_roots = self._is_roots_choice(before)

    def _is_roots_choice(self, before: os.stat_result) -> bool:
        # In a sticky folder nobody can replace a folder of root's.
        if not self._is_roots or before.st_uid != _ROOT:
            return False
        is_sticky = bool(before.st_mode & stat.S_ISVTX) and self._found.st_uid == _ROOT
        return is_sticky or not before.st_mode & _OTHERS_WRITE


def _parts(path: str) -> list[str]:
    """Return the components of `path`, the last one first."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]
