"""A folder for the files of each compile, none of which outlives whoever made it for long.

In: the folder for temporary files.  Out: a folder in it, which is gone after the compile.  A process
that was killed leaves its folders; the next one that makes any, for the same user, clears them away.
Each living process holds a lock on its own.
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

# Parents that are known to be swept; one that is forgotten is swept again.
_MOST: Final = 1000
_PREFIX: Final = "tdistcc-job-"
# What a user asked to keep has another name, for no sweeper to find.
_KEPT_PREFIX: Final = "tdistcc-kept-"


@dataclass(frozen=True, slots=True)
class JobFolder:
    """One compile's folder.

    Attributes:
        path: where it is.
        kept: whether it stays when it is closed.
        lock: the descriptor that says that somebody uses it.
    """

    path: str
    kept: bool
    lock: int

    def close(self) -> None:
        """Remove it and all that is in it, unless it is to be kept."""
        if not self.kept:
            remove_folder(self.path)
        os.close(self.lock)


class JobFolders:
    """Makes folders, and clears away once what others have left beside them."""

    def __init__(self) -> None:
        self._swept = Bounded[str, None](_MOST)

    def new(self, parent: str, *, keep: bool) -> JobFolder:
        """Make a folder in `parent`.

        Raises:
            OSError: if none can be made, or if a sweeper was faster than the lock.
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
