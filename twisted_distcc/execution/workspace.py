"""Folders for jobs: one for the server, one in it for each job, and nothing left behind.

In: the folder for temporary files.  Out: `Workspaces`, and a `Workspace` for each job.  A server that
was killed leaves its folder; the next one that starts, as the same user, clears it away.  Each living
server holds a lock on its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "twisted-distccd-"
_LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Workspace:
    """One job's folder, and the places in it.

    Attributes:
        path: the folder; the compiler's own temporary files go there as well.
    """

    path: str

    def place(self, name: str) -> str:
        """Give the path of `name` in it."""
        return f"{self.path}/{name}"

    def remove(self) -> None:
        """Remove the folder and all that is in it."""
        try:
            for name in os.listdir(self.path):
                os.unlink(f"{self.path}/{name}")
            os.rmdir(self.path)
        except OSError:  # a folder in it, or a file that has just come or gone
            shutil.rmtree(self.path, ignore_errors=True)


class Workspaces:
    """The server's folder.

    Args:
        parent: where to make it; `None` is the system's folder for temporary files.
    """

    def __init__(self, parent: str | None = None) -> None:
        within = parent or tempfile.gettempdir()
        _sweep(within)
        self.path = tempfile.mkdtemp(prefix=_PREFIX, dir=within)
        self.spool = f"{self.path}/spool"
        self._lock = _hold(self.path)
        self._numbers = itertools.count(1)
        os.mkdir(self.spool)

    def new(self) -> Workspace:
        """Make a folder for one job.

        Raises:
            OSError: if the disk takes no more.
        """
        workspace = Workspace(f"{self.path}/{next(self._numbers)}")
        os.mkdir(workspace.path, 0o700)
        return workspace

    def close(self) -> None:
        """Remove the server's folder."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _hold(folder: str) -> int:
    """Make the lock of `folder`, which is locked when it appears: no sweeper can be faster."""
    making = f"{folder}/{_LOCK}.new"
    descriptor = os.open(making, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.rename(making, f"{folder}/{_LOCK}")
    return descriptor


def _sweep(parent: str) -> None:
    """Remove the folders of our own user's servers that are no more."""
    for folder in Path(parent).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.lstat().st_uid == os.geteuid() and not folder.is_symlink():
                _remove_if_left(folder)


def _remove_if_left(folder: Path) -> None:
    with open(folder / _LOCK, "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
