"""Temporary folders, one for each compile, which do not outlive their process for long.

`JobFolders.new` creates a folder in the folder for temporary files, to be closed after the compile.  A
process that was killed leaves its folders behind; the next process of the same user that creates any
removes them.  Each living process holds a lock on its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from twisted_distcc.bounded import Bounded
from twisted_distcc.execution.workspace import remove_folder

# Parents that have been swept; one that is forgotten is swept again.
_MOST: Final = 1000
_PREFIX: Final = "tdistcc-job-"
# Folders that a user asked to keep have another name, which no sweeper matches.
_KEPT_PREFIX: Final = "tdistcc-kept-"


@dataclass(frozen=True, slots=True)
class JobFolder:
    """One compile's folder.

    Attributes:
        path: its path.
        kept: whether it stays when it is closed.
        lock: the descriptor whose lock marks it as in use.
    """

    path: str
    kept: bool
    lock: int

    def close(self) -> None:
        """Remove the folder and its contents, unless it is to be kept."""
        if not self.kept:
            remove_folder(self.path)
        os.close(self.lock)


class JobFolders:
    """Creates folders, and removes once what others have left beside them."""

    def __init__(self) -> None:
        self._swept = Bounded[str, None](_MOST)

    def new(self, parent: str, *, keep: bool) -> JobFolder:
        """Create a folder in `parent`.

        Raises:
            OSError: if none can be created, or if a sweeper was faster than the lock.
        """
        self._sweep(parent)
        path = tempfile.mkdtemp(prefix=_KEPT_PREFIX if keep else _PREFIX, dir=parent)
        return JobFolder(path, keep, _lock(path))

    def _sweep(self, parent: str) -> None:
        if parent in self._swept:
            return
        self._swept[parent] = None
        for folder in Path(parent).glob(f"{_PREFIX}*"):
            with contextlib.suppress(OSError):
                if folder.lstat().st_uid == os.geteuid():
                    _remove_if_left(folder)


def _remove_if_left(folder: Path) -> None:
    JobFolder(str(folder), False, _lock(str(folder))).close()


def _lock(folder: str) -> int:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
