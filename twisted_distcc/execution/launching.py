"""Starting programs through a launcher, a small process beside this one.

In: commands.  Out: running programs, as from `ReactorSpawner`.  The kernel holds whoever starts a
program until that program runs, which on a machine that is busy compiling takes its time; a server or
an agent has others to serve meanwhile.  While nothing else runs nobody has to wait, and a program is
started in place: that is quicker.
"""

from __future__ import annotations

import os
import socket
import sys
from itertools import count
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_distcc.launcher.packets import (
    ENDED,
    LARGEST,
    kind_and_number,
    pack_kill,
    pack_start,
    unpack_ended,
    unpack_failed,
)
from twisted_distcc.launcher.starting import NOTHING
from twisted_distcc.processes import (
    CannotStartError,
    Command,
    Ended,
    ReactorSpawner,
    RunningProcess,
    start_arguments,
)

_ARGV: Final = (sys.executable, "-P", "-m", "twisted_distcc.launcher.program")
# Seconds after which a launcher that is far behind is asked once more.
_AGAIN: Final = 0.01


class LauncherSpawner:
    """Starts commands through a launcher, which is started when it is needed, and again if it dies.

    Args:
        reactor: provides `IReactorFDSet`.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._in_place = ReactorSpawner(reactor)
        self._running = 0
        self._launcher: _Launcher | None = None

    def __call__(self, command: Command) -> RunningProcess:
        """Start `command`, or raise `CannotStartError`; the launcher's refusal comes with the end."""
        process = self._in_place(command) if not self._running else self._launch(command)
        self._running += 1
        process.end().addBoth(self._one_less)
        return process

    def close(self) -> None:
        """End the launcher, and all that it started."""
        if self._launcher is not None:
            self._launcher.close()

    def _launch(self, command: Command) -> RunningProcess:
        if self._launcher is None or self._launcher.is_closed:
            self._launcher = _Launcher(self._reactor, self._in_place)
        return self._launcher.start(command) or self._in_place(command)

    def _one_less(self, _: object) -> None:
        self._running -= 1


class _Program:
    """One program that a launcher was asked for."""

    def __init__(self, launcher: _Launcher, number: int, name: str) -> None:
        self._launcher = launcher
        self._number = number
        self._name = name
        self._result: Ended | CannotStartError | None = None
        self._waiting: list[Deferred[Ended]] = []

    def end(self) -> Deferred[Ended]:
        waiting: Deferred[Ended] = Deferred(self._forget)
        self._waiting.append(waiting)
        self._tell()
        return waiting

    def kill(self) -> None:
        if self._result is None:
            self._launcher.kill(self._number)

    def ended(self, result: Ended) -> None:
        """It has ended."""
        self._result = result
        self._tell()

    def failed(self, reason: str) -> None:
        """It could not be started, or nobody can tell what became of it."""
        self._result = CannotStartError(f"cannot start {self._name}: {reason}")
        self._tell()

    def _tell(self) -> None:
        if self._result is None:
            return
        waiting, self._waiting = self._waiting, []
        for deferred in waiting:
            if isinstance(self._result, Ended):
                deferred.callback(self._result)
            else:
                deferred.errback(self._result)

    def _forget(self, waiting: Deferred[Ended]) -> None:
        if waiting in self._waiting:
            self._waiting.remove(waiting)


@implementer(IReadDescriptor)
class _Launcher:
    """A running launcher, and the programs that it was asked for."""

    def __init__(self, reactor: Any, spawn: ReactorSpawner) -> None:
        self._reactor = reactor
        self._numbers = count()
        self._programs: dict[int, _Program] = {}
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            spawn(Command(_ARGV, stdin=theirs.fileno()))
        self._socket.setblocking(False)
        self.is_closed = False
        reactor.addReader(self)

    def start(self, command: Command) -> _Program | None:
        """Have `command` started; `None` says that it has to be done in place."""
        number = next(self._numbers)
        try:
            argv, environ, directory, umask, streams = start_arguments(command)
        except FileNotFoundError:
            return None
        variables = [os.fsencode(f"{name}={value}") for name, value in environ.items()]
        words = [os.fsencode(word) for word in argv]
        packet = pack_start(number, umask, os.fsencode(directory or os.getcwd()), words, variables)
        descriptors = [self._null if stream == NOTHING else stream for stream in streams]
        try:
            if len(packet) > LARGEST:
                return None
            socket.send_fds(self._socket, [packet], descriptors)
        except OSError:  # it is gone, or so far behind that its socket takes no more
            return None
        program = self._programs[number] = _Program(self, number, argv[0])
        return program

    def kill(self, number: int) -> None:
        """Have a program killed."""
        try:
            self._socket.send(pack_kill(number))
        except BlockingIOError:
            self._reactor.callLater(_AGAIN, self.kill, number)
        except OSError:
            self.close()

    def close(self) -> None:
        """Part with it; it kills what it started, and ends."""
        if self.is_closed:
            return
        self.is_closed = True
        self._reactor.removeReader(self)
        self._socket.close()
        os.close(self._null)
        programs, self._programs = self._programs, {}
        for program in programs.values():
            program.failed("the launcher has ended")

    def fileno(self) -> int:
        return self._socket.fileno()

    def logPrefix(self) -> str:
        return "launcher"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor itself is coming to its end."""
        self.close()

    def doRead(self) -> None:
        """Take one packet."""
        try:
            packet = self._socket.recv(LARGEST)
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        if not packet:
            self.close()
            return
        kind, number = kind_and_number(packet)
        program = self._programs.pop(number)
        if kind == ENDED:
            program.ended(Ended(*unpack_ended(packet)))
        else:
            program.failed(os.strerror(unpack_failed(packet)))
