"""Opening the files that a server writes for its administrator: logs, accounts, its process number.

In: a path that an administrator gave.  Out: a descriptor.  Such files often lie in a folder of the user
whom root becomes.  That user, once taken over, could leave a link there, and have root write to a file
of root's at the next start.  This module refuses to know what is written.
"""

from __future__ import annotations

import os
import stat
from typing import Final

_ROOT: Final = 0
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


class PlantedFileError(OSError):
    """What root was to write to may be of somebody else's choosing."""


def open_own(path: str, flags: int, mode: int = 0o666) -> int:
    """Open `path` as `os.open` does; root follows no link that another user can have made.

    In folders that root alone can change, links lead where root wants.

    Raises:
        PlantedFileError: if it is a link, or has other names, or is no file, where others can make such.
        OSError: if it cannot be opened.
    """
    flags |= os.O_CLOEXEC
    if os.geteuid() != _ROOT or _is_roots_alone(os.path.dirname(path) or "."):
        return os.open(path, flags, mode)
    if os.path.islink(path):
        raise PlantedFileError(f"{path} is a link in a folder that is not root's alone")
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, mode)
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
        return descriptor
    os.close(descriptor)
    raise PlantedFileError(
        f"{path} is no file, or one with another name, in a folder that is not root's alone"
    )


def _is_roots_alone(folder: str) -> bool:
    try:
        found = os.stat(folder)
    except OSError:  # to open something there fails in the same way
        return False
    return found.st_uid == _ROOT and not found.st_mode & _OTHERS_WRITE
