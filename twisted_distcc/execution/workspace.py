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
from dataclasses import dataclass
from threading import Lock
from typing import Final

from twisted_distcc.content.body import temporary_folder

_PREFIX = "twisted-distccd-"
_LOCK = "lock"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Empty folders that are kept, of all owners: one for each job that ran at a time, as a rule.
_MOST_CLEARED: Final = 64


@dataclass(frozen=True, slots=True)
class Workspace:
    """One job's folder, and the places in it.

    Attributes:
        path: the folder; the compiler's own temporary files go there as well.
        owner: whose jobs it is for.
    """

    path: str
    owner: str = ""

    def path_of(self, name: str) -> str:
        """Return the path of `name` in it."""
        return f"{self.path}/{name}"

    def clear(self) -> bool:
        """Remove the files in it; tell whether the folder is empty now, as it is as a rule."""
        return _clear(self.path)

    def remove(self) -> None:
        """Remove the folder and all that is in it."""
        remove_folder(self.path)


def remove_folder(path: str) -> None:
    """Remove the folder `path`, which holds some files as a rule, and all that is in it."""
    if _clear(path):
        with contextlib.suppress(OSError):
            os.rmdir(path)
            return
    _remove_tree(path)


def _remove_tree(path: str) -> None:
    import shutil  # takes longer to load than a server for one job to start

    shutil.rmtree(path, ignore_errors=True)


def _clear(path: str) -> bool:
    """Remove the files in the folder `path`, which others may have put a link in place of meanwhile."""
    try:
        folder = os.open(path, _FOLDER)
    except OSError:
        return False
    try:
        for name in os.listdir(folder):
            os.unlink(name, dir_fd=folder)
    except OSError:  # a folder in it, or a file that has just come or gone
        return False
    finally:
        os.close(folder)
    return True


class Workspaces:
    """The server's folder.

    Args:
        parent: where to make it; `None` is the system's folder for temporary files.
    """

    def __init__(self, parent: str | None = None) -> None:
        within = parent or temporary_folder()
        _sweep(within)
        self.path = f"{within}/{_PREFIX}{os.urandom(8).hex()}"
        os.mkdir(self.path, 0o700)
        self.spool = f"{self.path}/spool"
        self._lock = _hold(self.path)
        self._numbers = itertools.count(1)
        self._cleared: list[Workspace] = []
        self._lock_of_cleared = Lock()
        os.mkdir(self.spool)

    def new(self, owner: str = "") -> Workspace:
        """Return an empty folder for one job of `owner`, in which nobody else has had one.

        Raises:
            OSError: if the disk takes no more.
        """
        with self._lock_of_cleared:
            for place in reversed(range(len(self._cleared))):
                if self._cleared[place].owner == owner:
                    return self._cleared.pop(place)
        workspace = Workspace(f"{self.path}/{next(self._numbers)}", owner)
        os.mkdir(workspace.path, 0o700)
        return workspace

    def take_back(self, workspace: Workspace) -> None:
        """Clear the folder of a job that is over, and keep it for another of the same owner.

        To remove a folder and make the next costs ext4 a sixth of all the time that a server has for
        a job whose compiler costs nothing.
        """
        if not workspace.clear():
            workspace.remove()
            return
        with self._lock_of_cleared:
            self._cleared.append(workspace)
            left = self._cleared.pop(0) if len(self._cleared) > _MOST_CLEARED else None
        if left is not None:
            left.remove()

    def close(self) -> None:
        """Remove the server's folder."""
        for folder in (self.spool, *(workspace.path for workspace in self._cleared)):
            remove_folder(folder)
        remove_folder(self.path)
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
    with contextlib.suppress(PermissionError), os.scandir(parent) as found:
        for folder in found:
            if folder.name.startswith(_PREFIX):
                with contextlib.suppress(OSError):
                    _remove_if_left(folder)


def _remove_if_left(folder: os.DirEntry[str]) -> None:
    if folder.stat(follow_symlinks=False).st_uid != os.geteuid() or folder.is_symlink():
        return
    with open(f"{folder.path}/{_LOCK}", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove_tree(folder.path)
