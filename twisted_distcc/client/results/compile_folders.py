"""Temporary folders, one for each compile that needs one, which do not outlive their process for long.

`JobFolders.new` returns a folder in the folder for temporary files, to be closed after the compile.  It
is created when somebody asks for its path: most compiles fit into memory and never do, and creating and
removing it would be a tenth of what they cost.  A process that was killed leaves its folders behind; the
next process of the same user that makes compiles removes them.  Each living process holds a lock on its
own.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import tempfile
from pathlib import Path
from threading import Lock
from typing import Final

from twisted_distcc.bounded import Bounded
from twisted_distcc.execution.workspace import remove_folder

# Parents that have been swept; one that is forgotten is swept again.
_MOST: Final = 1000
_PREFIX: Final = "tdistcc-job-"
# Folders that a user asked to keep have another name, which no sweeper matches, and so have those that
# are not locked yet.
_KEPT_PREFIX: Final = "tdistcc-kept-"
_NEW_PREFIX: Final = "tdistcc-new-"


class NoFolderError(OSError):
    """No folder for temporary files can be created."""


class JobFolder(os.PathLike[str]):
    """One compile's folder: `os.fspath` returns its path, and creates it the first time.

    Threads may ask for it, even for a compile that was cancelled meanwhile.
    """

    def __init__(self, parent: str, *, kept: bool) -> None:
        self._parent = parent
        self._kept = kept
        self._creating = Lock()
        self._made: tuple[str, int] | None = None  # its path, and the descriptor that locks it
        self._is_closed = False

    def __fspath__(self) -> str:
        """Return the path of the folder, which exists now.

        Raises:
            NoFolderError: if it cannot be created, or after `close`.
        """
        with self._creating:
            if self._is_closed:
                raise NoFolderError(errno.ENOENT, "its compile is over", self._parent)
            if self._made is None:
                self._made = self._make()
            return self._made[0]

    def _make(self) -> tuple[str, int]:
        prefix = _KEPT_PREFIX if self._kept else _PREFIX
        try:
            made = tempfile.mkdtemp(prefix=_NEW_PREFIX, dir=self._parent)
            path = os.path.join(self._parent, prefix + os.path.basename(made).removeprefix(_NEW_PREFIX))
            return path, _locked_before_it_appears(made, path)
        except OSError as error:
            raise NoFolderError(error.errno, error.strerror, error.filename) from error

    def close(self) -> None:
        """Remove the folder and its contents, unless it is to be kept."""
        with self._creating:
            made, self._made, self._is_closed = self._made, None, True
        if made is not None:
            _close(*made, kept=self._kept)


class JobFolders:
    """Returns folders, and removes once what others have left beside them."""

    def __init__(self) -> None:
        self._swept = Bounded[str, None](_MOST)

    def new(self, parent: str, *, keep: bool) -> JobFolder:
        """Return a folder in `parent`; with `keep` it is still there after it was closed."""
        self._sweep(parent)
        return JobFolder(parent, kept=keep)

    def _sweep(self, parent: str) -> None:
        if parent in self._swept:
            return
        self._swept[parent] = None
        for folder in Path(parent).glob(f"{_PREFIX}*"):
            with contextlib.suppress(OSError):
                if folder.lstat().st_uid == os.geteuid():
                    _remove_if_left(folder)


def _remove_if_left(folder: Path) -> None:
    _close(str(folder), _lock(str(folder)), kept=False)


def _locked_before_it_appears(made: str, path: str) -> int:
    """Lock the folder `made`, and rename it to `path`: so no sweeper is faster than the lock."""
    lock = _lock(made)
    try:
        os.rename(made, path)
    except OSError:
        os.close(lock)
        raise
    return lock


def _close(path: str, lock: int, *, kept: bool) -> None:
    if not kept:
        remove_folder(path)
    os.close(lock)


def _lock(folder: str) -> int:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
