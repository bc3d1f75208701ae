"""The launcher as a program: `python -m twisted_distcc.launcher.program`, started by its owner.

It receives packets on standard input, which is a socket, and answers with packets that say what became
of each program.  When the owner's end of the socket closes, everything still running is killed.  No
signal ends a launcher: one that is sent to all processes of a service is for the owner to act on, which
may have jobs to finish.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
from collections.abc import Sequence
from typing import Final

from twisted_distcc.launcher.packets import (
    KILL,
    LARGEST,
    MOST_STREAMS,
    kind_and_number,
    pack_ended,
    pack_failed,
    pack_ready,
    unpack_start,
)
from twisted_distcc.launcher.signals import ENDING, STRAY, heed
from twisted_distcc.launcher.starting import end_all, kill, reap, start

_OWNER: Final = 0
_BESIDE: Final = socket.CMSG_LEN(MOST_STREAMS * struct.calcsize("i"))


class Launcher:
    """The running programs, and the socket on which they were requested."""

    def __init__(self, owner: socket.socket) -> None:
        self._owner = owner
        self._poll = select.epoll()
        self._poll.register(owner.fileno(), select.EPOLLIN)
        self._numbers: dict[int, int] = {}  # by pidfd
        self._pids: dict[int, int] = {}  # by number

    def serve(self) -> None:
        """Serve until the owner is gone, and then kill whatever it started."""
        self._tell(pack_ready())
        try:
            while self._turn():
                pass
        finally:
            end_all(self._pids.values())

    def _turn(self) -> bool:
        """Handle what is due; return `False` if the owner is gone."""
        for descriptor, _ in self._poll.poll():
            if descriptor in self._numbers:
                self._reap(descriptor)
            elif not self._obey():
                return False
        return True

    def _obey(self) -> bool:
        try:
            # Not by `recv_fds`, which drops flags: the next program to start would get them all.
            packet, beside, _, _ = self._owner.recvmsg(LARGEST, _BESIDE, socket.MSG_CMSG_CLOEXEC)
        except ConnectionResetError:  # it went without reading all that was said
            return False
        if not packet:
            return False
        streams = memoryview(b"".join(data for _, _, data in beside)).cast("i")
        kind, number = kind_and_number(packet)
        if kind == KILL:
            self._kill(number)
        else:
            self._start(number, packet, streams)
        return True

    def _start(self, number: int, packet: bytes, streams: Sequence[int]) -> None:
        count, umask, expendable, directory, argv, environ = unpack_start(packet)
        try:
            if len(streams) < count:  # the system drops what we have no descriptors left for
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            self._watch(number, start(argv, environ, directory or None, umask, streams, expendable))
        except OSError as error:
            self._tell(pack_failed(number, error.errno or errno.EIO))
        except ValueError:
            self._tell(pack_failed(number, errno.EINVAL))
        finally:
            for stream in streams:
                os.close(stream)

    def _watch(self, number: int, pid: int) -> None:
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:  # no descriptor is left to watch it by
            kill(pid)
            reap(pid)
            raise
        self._numbers[pidfd], self._pids[number] = number, pid
        self._poll.register(pidfd, select.EPOLLIN)

    def _kill(self, number: int) -> None:
        if number in self._pids:
            kill(self._pids[number])

    def _reap(self, pidfd: int) -> None:
        """Kill a program's group, then reap it: while it is a zombie, the group's ID is not reused."""
        # By hand: a program that is just starting shares our descriptors for a moment yet, and a closed
        # one that is still watched would be taken for the next of its number.
        self._poll.unregister(pidfd)
        number = self._numbers.pop(pidfd)
        self._kill(number)
        status, user, system = reap(self._pids.pop(number))
        os.close(pidfd)
        self._tell(pack_ended(number, status, user, system))

    def _tell(self, packet: bytes) -> None:
        """Send `packet`; a missing owner is noticed where packets are read."""
        try:
            self._owner.send(packet)
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.ECONNRESET):
                raise


def main() -> None:
    """Serve the owner."""
    heed((*ENDING, *STRAY))
    with socket.socket(fileno=_OWNER) as owner:
        Launcher(owner).serve()


if __name__ == "__main__":
    main()
