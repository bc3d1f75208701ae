"""The file with a server's process id.

It is opened while whoever starts the server can still be told about an error, written by the process
that serves, and removed at its end, by when that process may no longer be root.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

from twisted_distcc.observe.opening import open_own
from twisted_distcc.server.daemon.privileges import hand_over
from twisted_distcc.server.options.account import Account

# Never follow a link: root must not overwrite what someone else made it point to.
_WRITE: Final = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class PidFile:
    """The file at `path`, which is created if necessary.

    Raises:
        OSError: if it cannot be opened for writing.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = open(open_own(path, _WRITE | os.O_CREAT, 0o644), "w")  # noqa: SIM115

    def write(self, account: Account | None) -> None:
        """Write our process id into it, and make `account` its owner.

        Raises:
            PrivilegeError: if the owner cannot be changed.
        """
        with self._file as file:
            file.truncate()
            file.write(f"{os.getpid()}\n")
        hand_over(self._path, account)

    def remove(self) -> None:
        """Remove it; if the folder is not writable for us, leave it empty."""
        try:
            os.unlink(self._path)
        except OSError:
            with suppress(OSError):
                os.close(os.open(self._path, _WRITE | os.O_TRUNC))
