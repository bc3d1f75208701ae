"""Hosts that failed as hosts, and are left alone for a while.

In: a host and whether it failed or served.  Out: whether it is to be avoided now.  This module
refuses to know what a failure is: whoever calls `avoid` has told a fault of the host (no
connection, rubbish, silence) from an error of the compiler, which never puts a host aside.

The note is distcc's own: a file `backoff_NAME_0` in the lock directory, whose time of change is
when the host failed, and which goes when the host has served again.  So all of a user's processes,
ours and distcc's, know what one of them found out.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from twisted_distcc.client.hosts import Localhost
from twisted_distcc.client.slots import open_for_writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted_distcc.client.hosts import Host, RemoteHost


class Backoff:
    """The notes about failed hosts in a lock directory.

    `period` is how many seconds a note holds (0: there are no notes); `now` is the wall clock, in
    seconds since the epoch, as the notes are shared by all processes.
    """

    def __init__(self, path: str, period: float, now: Callable[[], float]) -> None:
        self._path = path
        self._period = period
        self._now = now

    def avoid(self, host: RemoteHost) -> None:
        """Note that the host has failed just now.  Raises `LockDirectoryError`."""
        if self._period <= 0:
            return
        fd = open_for_writing(self._note(host))
        try:
            os.utime(fd, (self._now(), self._now()))
        finally:
            os.close(fd)

    def forgive(self, host: RemoteHost) -> None:
        """Note that the host has served, whatever was said about it before."""
        # A note that cannot be taken away runs out by itself: no reason to fail a job that is done.
        with contextlib.suppress(OSError):
            os.unlink(self._note(host))

    def is_avoided(self, host: Host) -> bool:
        """Whether the host failed within the period; a machine never avoids itself."""
        if self._period <= 0 or isinstance(host, Localhost):
            return False
        try:
            failed = os.stat(self._note(host)).st_mtime
        except OSError:
            return False
        # A note from the far future was left by a clock that has been set back since; distcc would
        # avoid the host until that time comes.
        return abs(self._now() - failed) < self._period

    def _note(self, host: RemoteHost) -> str:
        return f"{self._path}/backoff_{host.lock_name}_0"
