"""Folders for jobs: one for the server, with one inside for each job, and nothing left behind.

`Workspaces` creates the server's folder, and a `Workspace` for each job.  A server that was killed
leaves its folder behind; the next one that starts as the same user removes it.  Each running server
holds a lock in its own, and one on it, which tells systemd-tmpfiles to leave it alone.
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
# Empty folders that are kept, for all owners: usually one for each concurrent job.
_MOST_CLEARED: Final = 64


@dataclass(frozen=True, slots=True)
class Workspace:
    """One job's folder.

    Attributes:
        path: the folder; the compiler's own temporary files go there as well.
        owner: whose jobs it is for.
    """

    path: str
    owner: str = ""

    def path_of(self, name: str) -> str:
        """Return the path of `name` in the folder."""
        return f"{self.path}/{name}"

    def clear(self) -> bool:
        """Remove the files in it; return whether the folder is now empty, as it usually is."""
        return _clear(self.path)

    def remove(self) -> None:
        """Remove the folder and everything in it."""
        remove_folder(self.path)


def remove_folder(path: str) -> None:
    """Remove the folder `path` and everything in it, which is usually a few files."""
    if _clear(path):
        with contextlib.suppress(OSError):
            os.rmdir(path)
            return
    _remove_tree(path)


def _remove_tree(path: str) -> None:
    import shutil  # takes longer to load than a server for one job to start

    shutil.rmtree(path, ignore_errors=True)


def _clear(path: str) -> bool:
    """Remove the files in the folder `path`, which others may have replaced with a link meanwhile."""
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
        parent: where to create it; `None` is the system's folder for temporary files.
    """

    def __init__(self, parent: str | None = None) -> None:
        within = parent or temporary_folder()
        _sweep(within)
        self.path = f"{within}/{_PREFIX}{os.urandom(8).hex()}"
        self.spool = f"{self.path}/spool"
        self._locks: list[int] = []
        self._make()
        self._numbers = itertools.count(1)
        self._cleared: list[Workspace] = []
        self._lock_of_cleared = Lock()

    def restore(self) -> bool:
        """Make the folder again if it is gone; return whether it was.

        Raises:
            OSError: if it cannot be made, or somebody else has made one in its place.
        """
        if os.path.isdir(self.spool):
            return False
        if os.path.lexists(self.path):  # some of it is left, and must be ours
            os.rename(self.path, f"{self.path}.old")
            _remove_tree(f"{self.path}.old")
        self._make()
        return True

    def _make(self) -> None:
        os.mkdir(self.path, 0o700)
        self._release()
        self._locks = [_hold(self.path), _hold_all(self.path)]
        os.mkdir(self.spool)

    def _release(self) -> None:
        while self._locks:
            os.close(self._locks.pop())

    def new(self, owner: str = "") -> Workspace:
        """Return an empty folder for one job of `owner`, which nobody else has used.

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
        """Clear the folder of a finished job, and keep it for another of the same owner.

        On ext4, removing a folder and creating the next takes a sixth of a server's time for a job,
        not counting the compiler.
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
        self._release()


def _hold(folder: str) -> int:
    """Create the lock of `folder`, which is locked before it appears, so that no sweeper is faster."""
    making = f"{folder}/{_LOCK}.new"
    descriptor = os.open(making, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.rename(making, f"{folder}/{_LOCK}")
    return descriptor


def _hold_all(folder: str) -> int:
    """Lock `folder` against whoever removes what has not been used for long."""
    descriptor = os.open(folder, _FOLDER)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def _sweep(parent: str) -> None:
    """Remove the folders of our own user's servers that no longer run."""
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
