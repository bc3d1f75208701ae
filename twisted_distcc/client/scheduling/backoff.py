"""Avoid hosts that failed, for a while.

A `Backoff` is told that a host failed, and why, or that it served; it says whether to avoid the host
now, why, and for how long.  The caller of `avoid` has distinguished a failure of the host (no
connection, garbage, silence) from an error of the compiler, for which a host is never avoided.

The note is distcc's own: a file `backoff_NAME_0` in the lock directory, whose modification time is when
the host failed, and which is removed when the host has served again.  So all of a user's processes, ours
and distcc's, share what one of them found out.

distcc's name for a host omits much of what was written: `@red` and `@red:/usr/bin/distccd` share a note.
We write into it which words failed, when and why, so that a user who corrects a word need not wait.  The
network namespace is part of a word: a host that is unreachable in one may serve in another.  A note
whose time is not that of its last line was made by distcc, and applies to all words.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from twisted_distcc.client.hosts import Localhost
from twisted_distcc.client.scheduling.slots import LockDirectoryError, open_for_writing
from twisted_distcc.client.terminal import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from twisted_distcc.client.hosts import Host, RemoteHost

_LONGEST_NOTE: Final = 16384
_LONGEST_REASON: Final = 500
_LONGEST_TIME: Final = 20
_NANO: Final = 1_000_000_000
_NOTE: Final = "backoff_"
# File systems stamp changes by clocks that tick every two seconds at the slowest.
_COARSE_TICK: Final = 2 * _NANO


@dataclass(frozen=True, slots=True)
class _Failure:
    """What a note says about one word; `at` is in nanoseconds since the epoch."""

    at: int
    word: str
    reason: str

    @classmethod
    def parse(cls, line: str) -> _Failure | None:
        """Parse a line of a note; return `None` if it is not one."""
        at, _, rest = line.partition(" ")
        word, separator, reason = rest.partition(" ")
        is_time = at.isdecimal() and len(at) <= _LONGEST_TIME
        return cls(int(at), word, reason) if separator and is_time else None

    def __str__(self) -> str:
        return f"{self.at} {self.word} {self.reason}\n"


class Backoff:
    """The notes about failed hosts in a lock directory.

    `period` is how many seconds a note is valid (0: there are no notes); `now` is the wall clock, in
    seconds since the epoch, as the notes are shared by all processes; `network` names the network
    namespace of this process, if it is known.
    """

    def __init__(self, path: str, period: float, now: Callable[[], float], network: str = "") -> None:
        self._path = path
        self._period = period
        self._now = now
        self._network = network
        self._known: frozenset[str] = frozenset()
        self._listed: int | None = None

    def avoid(self, host: RemoteHost, reason: str = "") -> None:
        """Note that the host has just failed, for `reason`.  Raises `LockDirectoryError`."""
        if self._period <= 0:
            return
        reason = " ".join(reason.split())[:_LONGEST_REASON]
        failure = _Failure(int(self._now() * _NANO), self._word(host), reason)
        self._write(host, [*self._others(host), failure])

    def forgive(self, host: RemoteHost) -> None:
        """Note that the host has served, and drop earlier failures of this word."""
        if _name(host) not in self._names():
            return
        # A note that cannot be removed expires by itself: no reason to fail a finished job.
        with contextlib.suppress(OSError, LockDirectoryError):
            if others := self._others(host):
                self._write(host, others)
            else:
                os.unlink(self._note(host))

    def usable(self, hosts: Collection[Host]) -> Collection[Host]:
        """Return those of `hosts` that are not avoided now."""
        if self._period <= 0 or not self._names():
            return hosts
        return [host for host in hosts if not self.is_avoided(host)]

    def is_avoided(self, host: Host) -> bool:
        """Whether the host failed within the period; this machine itself is never avoided."""
        return self._failure(host) is not None

    def why(self, host: Host) -> str:
        """Return a clause that says for how much longer the host is avoided, and why."""
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
        """Return the host's word, without its limit, which is irrelevant here, and the network."""
        return f"{replace(host, limit=1)}{self._network}"

    def _is_recent(self, at: int) -> bool:
        # A note from the far future was left by a clock that has been set back since; distcc would
        # avoid the host until that time comes.
        return abs(self._now() - at / _NANO) < self._period

    def _others(self, host: RemoteHost) -> list[_Failure]:
        """Return the failures noted for other words for the same machine."""
        try:
            noted = os.stat(self._note(host)).st_mtime_ns
        except OSError:
            return []
        failures = self._read(host, noted)
        return [one for one in failures if one.word != self._word(host) and self._is_recent(one.at)]

    def _read(self, host: RemoteHost, noted: int) -> list[_Failure]:
        """Read the note, modified at `noted`; the content of one made by distcc does not count."""
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
        return f"{self._path}/{_name(host)}"

    def _names(self) -> frozenset[str]:
        """Return the names of all notes; the directory is listed when it has changed.

        Others may note something at any time, and farms have many hosts: this asks the kernel once.
        """
        try:
            changed = os.stat(self._path).st_mtime_ns
            if changed != self._listed:
                names = os.listdir(self._path)
                self._known = frozenset(name for name in names if name.startswith(_NOTE))
                # It may have changed since it was listed, in the same tick of the file system's clock.
                is_settled = changed + _COARSE_TICK < time.time_ns()
                self._listed = changed if is_settled else None
        except OSError:
            return frozenset()
        return self._known


def _name(host: Host) -> str:
    return f"{_NOTE}{host.lock_name}_0"
