"""Files in folders that others may be able to write to: only ordinary files of ours count.

A link there might lead to something else that this user may write, and a pipe would make us wait.
"""

from __future__ import annotations

import os
import stat
from typing import Final

_FLAGS: Final = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY


class NotOursError(OSError):
    """What lies there is not an ordinary file of ours."""


def open_own(path: str, flags: int) -> int:
    """Return a descriptor of the file at `path`, which only its owner may use if it is created.

    Raises:
        NotOursError: if it is not an ordinary file of ours, or has other names as well.
        OSError: if it cannot be opened.
    """
    file = os.open(path, flags | _FLAGS, 0o600)
    found = os.fstat(file)
    if stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid() and found.st_nlink == 1:
        return file
    os.close(file)
    raise NotOursError(None, "is not an ordinary file of yours alone", path)
