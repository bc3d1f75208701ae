"""The file that tells a server's process number.

In: its path.  Out: the file, while the server lives.  Who removes it may be root no more.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

from twisted_distcc.observe.opening import open_own
from twisted_distcc.server.privileges import Account, hand_over

# Never by way of a link: root must not overwrite what somebody else made it point to.
_WRITE: Final = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC


def write_pid_file(path: str, account: Account | None) -> None:
    """Write our number into the file `path`, which will be `account`'s.

    Raises:
        OSError: if it cannot be written.
        PrivilegeError: if it cannot be given.
    """
    with open(open_own(path, _WRITE | os.O_CREAT, 0o644), "w") as file:
        file.truncate()
        file.write(f"{os.getpid()}\n")
    hand_over(path, account)


def remove_pid_file(path: str) -> None:
    """Remove it; in a folder that is not ours to change, leave it empty."""
    try:
        os.unlink(path)
    except OSError:
        with suppress(OSError):
            os.close(os.open(path, _WRITE | os.O_TRUNC))
