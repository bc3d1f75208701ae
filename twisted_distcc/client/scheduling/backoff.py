"""Hosts that failed as hosts, and are left alone for a while.

In: a host, and why it failed or that it served.  Out: whether it is to be avoided now, why, and for how
long.  Whoever calls `avoid` has told a fault of the host (no connection, rubbish, silence) from an error
of the compiler, which never puts a host aside.

The note is distcc's own: a file `backoff_NAME_0` in the lock directory, whose time of change is
when the host failed, and which goes when the host has served again.  So all of a user's processes,
ours and distcc's, know what one of them found out.

distcc's name for a host leaves out much of what was written: `@red` and `@red:/usr/bin/distccd` share a
note.  We write into it which words failed, when and why; whoever corrects a word need not wait.  The
network namespace counts as part of a word: what is out of reach in one may serve in another.  A note
whose time is not that of its last line was made by distcc, and holds for all words.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from twisted_distcc.client.hosts import Localhost
from twisted_distcc.client.scheduling.slots import LockDirectoryError, open_for_writing
from twisted_distcc.client.terminal import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted_distcc.client.hosts import Host, RemoteHost

_LONGEST_NOTE: Final = 16384
_LONGEST_REASON: Final = 500
_LONGEST_TIME: Final = 20
_NANO: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Failure:
    """What a note says of one word: `at` is in nanoseconds since the epoch."""

    at: int
    word: str
    reason: str

    @classmethod
    def parse(cls, line: str) -> _Failure | None:
        """Read a line of a note; `None` if it is not one."""
        at, _, rest = line.partition(" ")
        word, separator, reason = rest.partition(" ")
        is_time = at.isdecimal() and len(at) <= _LONGEST_TIME
        return cls(int(at), word, reason) if separator and is_time else None

    def __str__(self) -> str:
        return f"{self.at} {self.word} {self.reason}\n"


class Backoff:
    """The notes about failed hosts in a lock directory.

    `period` is how many seconds a note holds (0: there are no notes); `now` is the wall clock, in
    seconds since the epoch, as the notes are shared by all processes; `network` names the network
    namespace of this process, if it is known.
    """

    def __init__(self, path: str, period: float, now: Callable[[], float], network: str = "") -> None:
        self._path = path
        self._period = period
        self._now = now
        self._network = network

    def avoid(self, host: RemoteHost, reason: str = "") -> None:
        """Note that the host has failed just now, for `reason`.  Raises `LockDirectoryError`."""
        if self._period <= 0:
            return
        reason = " ".join(reason.split())[:_LONGEST_REASON]
        failure = _Failure(int(self._now() * _NANO), self._word(host), reason)
        self._write(host, [*self._others(host), failure])

    def forgive(self, host: RemoteHost) -> None:
        """Note that the host has served, whatever was said before about this word for it."""
        # A note that cannot be taken away runs out by itself: no reason to fail a job that is done.
        with contextlib.suppress(OSError, LockDirectoryError):
            if others := self._others(host):
                self._write(host, others)
            else:
                os.unlink(self._note(host))

    def is_avoided(self, host: Host) -> bool:
        """Whether the host failed within the period; a machine never avoids itself."""
        return self._failure(host) is not None

    def why(self, host: Host) -> str:
        """Say for how long the host is avoided yet, and why."""
        failure = self._failure(host)
        if failure is None:
            return f"{host} is not avoided any more"
        left = self._period - abs(self._now() - failure.at / _NANO)
        reason = failure.reason or "distcc noted that it failed"
        return f"{host} is avoided for {max(left, 1):.0f} s more: {reason}"

    def _failure(self, host: Host) -> _Failure | None:
        if self._period <= 0 or isinstance(host, Localhost):
            return None
        try:
            noted = os.stat(self._note(host)).st_mtime_ns
        except OSError:
            return None
        if not self._is_recent(noted):
            return None
        failures = self._read(host, noted)
        if not failures:
            return _Failure(noted, "", "")
        mine = (failure for failure in failures if failure.word == self._word(host))
        return next((failure for failure in mine if self._is_recent(failure.at)), None)

    def _word(self, host: Host) -> str:
        """Write the host without its limit, which has no part in a failure, and the network."""
        return f"{replace(host, limit=1)}{self._network}"

    def _is_recent(self, at: int) -> bool:
        # A note from the far future was left by a clock that has been set back since; distcc would
        # avoid the host until that time comes.
        return abs(self._now() - at / _NANO) < self._period

    def _others(self, host: RemoteHost) -> list[_Failure]:
        """Return what is noted of other words for the same machine."""
        try:
            noted = os.stat(self._note(host)).st_mtime_ns
        except OSError:
            return []
        failures = self._read(host, noted)
        return [one for one in failures if one.word != self._word(host) and self._is_recent(one.at)]

    def _read(self, host: RemoteHost, noted: int) -> list[_Failure]:
        """Read the note, whose time of change is `noted`; distcc's has nothing that counts."""
        try:
            with open(self._note(host), "rb") as file:
                text = os.fsdecode(shown(file.read(_LONGEST_NOTE), utf_8=True))
        except OSError:
            return []
        read = [_Failure.parse(line) for line in text.splitlines()]
        failures = [failure for failure in read if failure is not None]
        return failures if failures and failures[-1].at == noted else []

    def _write(self, host: RemoteHost, failures: list[_Failure]) -> None:
        fd = open_for_writing(self._note(host))
        with open(fd, "wb") as file:
            file.write(os.fsencode("".join(map(str, failures))))
            file.truncate()
            file.flush()
            os.utime(fd, ns=(failures[-1].at, failures[-1].at))

    def _note(self, host: RemoteHost) -> str:
        return f"{self._path}/backoff_{host.lock_name}_0"
