"""Two descriptors as one connection, for a server of a single client, which may block.

`Streams` reads, writes and runs programs, each with a deadline.  All waiting happens in one place, which
notices at once when the client goes away, or when we are told to end.

The descriptors are shared, with sshd or a shell, and so is their mode: it is not changed, and no more is
written at once than they take without blocking.
"""

from __future__ import annotations

import _socket  # `socket` costs more than all else here, and twistd-stdio starts once per job
import errno
import os
import select
import stat
from collections.abc import Mapping
from contextlib import suppress
from math import ceil
from time import monotonic
from typing import Final

from twisted_distcc.launcher.command import WATCHED, Command, Ended, Watch, start_command
from twisted_distcc.launcher.starting import kill, reap

_PIECE: Final = 256 * 1024
_BROKEN: Final = select.POLLERR | select.POLLHUP | select.POLLNVAL
_GONE: Final = frozenset({errno.EPIPE, errno.ECONNRESET, errno.ETIMEDOUT, errno.EHOSTUNREACH})


class GoneError(Exception):
    """The client has gone; whatever is done for it should end."""


class LateError(GoneError):
    """The client took longer than it may."""


class ToldToEndError(GoneError):
    """We have been told to end, whatever we are doing."""


class Streams:
    """A connection on two descriptors.

    Args:
        reading: the descriptor for what the client sends.
        writing: the descriptor for what it gets.
        told: a descriptor that becomes readable when we are told to end.
    """

    def __init__(self, reading: int, writing: int, told: int) -> None:
        self._reading = reading
        self._writing = writing
        self._told = told
        is_socket = stat.S_ISSOCK(os.fstat(writing).st_mode)
        self._socket = _socket.socket(fileno=os.dup(writing)) if is_socket else None

    def read(self, until: float) -> bytes:
        """Return the next bytes; empty at the end.

        Raises:
            GoneError: if the client goes away, or nothing comes before `until`, in `monotonic` time.
        """
        if not self._wait(until, {self._reading: select.POLLIN}):
            raise LateError
        return self._read()

    def write(self, data: bytes, until: float) -> None:
        """Send all of `data`.

        Raises:
            GoneError: if the client goes away, or does not take it all before `until`.
        """
        left = memoryview(data)
        while left:
            if not self._wait(until, {self._writing: select.POLLOUT}):
                raise LateError
            left = left[self._write(left) :]

    def half_close(self) -> None:
        """Let the client read to the end of what was sent."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(_socket.SHUT_WR)
            return
        nothing = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(nothing, self._writing, inheritable=False)
        os.close(nothing)

    def run(self, command: Command, seconds: float | None) -> Ended:
        """Run a program to its end, and leave nothing of its process group behind.

        Raises:
            CannotStartError: if it could not be started.
            GoneError: if the client goes away meanwhile.
            TimeoutError: if it runs for more than `seconds`.
        """
        return self.wait(start_command(command), seconds, command.watch)

    def wait(self, pid: int, seconds: float | None = None, watch: Watch | None = None) -> Ended:
        """Wait for a child to end; see `run`."""
        try:
            self._await_end(pid, None if seconds is None else monotonic() + seconds, watch)
        finally:
            kill(pid)  # it may be a zombie: its group's number is not reused yet
            ended = Ended(*reap(pid))
        return ended

    def _await_end(self, pid: int, until: float | None, watch: Watch | None) -> None:
        pidfd = os.pidfd_open(pid)
        wanted = {pidfd: select.POLLIN, self._reading: select.POLLIN}
        try:
            while pidfd not in (ready := self._wait(until if watch is None else _soon(until), wanted)):
                if watch is not None:
                    watch()
                if until is not None and monotonic() >= until:
                    raise TimeoutError
                # Bytes after the request are ignored.
                if self._reading in ready and not self._read():
                    raise GoneError
        finally:
            os.close(pidfd)

    def _wait(self, until: float | None, wanted: Mapping[int, int]) -> Mapping[int, int]:
        """Wait until one of `wanted` is ready, or until `until`; return those that are ready."""
        poll = select.poll()
        for descriptor, events in {self._writing: 0, self._told: select.POLLIN, **wanted}.items():
            poll.register(descriptor, events)
        ready = dict(poll.poll(None if until is None else max(0, ceil(1000 * (until - monotonic())))))
        if self._told in ready:
            raise ToldToEndError
        if ready.get(self._writing, 0) & _BROKEN:
            raise GoneError
        return ready

    def _read(self) -> bytes:
        try:
            return os.read(self._reading, _PIECE)
        except OSError as error:
            raise _translated(error) from error

    def _write(self, data: memoryview) -> int:
        """Send some of `data`; a pipe with any room has room for this many bytes (pipe(7))."""
        try:
            if self._socket is not None:
                return self._socket.send(data, _socket.MSG_DONTWAIT)
            return os.write(self._writing, data[: select.PIPE_BUF])
        except BlockingIOError:
            return 0
        except OSError as error:
            raise _translated(error) from error


def _soon(until: float | None) -> float:
    """Return when to look next, which is no later than `until`."""
    look = monotonic() + WATCHED
    return look if until is None else min(look, until)


def _translated(error: OSError) -> Exception:
    return GoneError() if error.errno in _GONE else error
