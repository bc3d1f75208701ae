"""Start programs through a launcher, a small helper process.

`LauncherSpawner` is used like `ReactorSpawner`.  The kernel suspends whoever starts a program until that
program runs, which can take a while on a machine that is busy compiling, and a server or an agent has
others to serve meanwhile.  Also, when a server or an agent is killed, its launcher ends everything that
it started, which would go on otherwise.

A command may name another helper, its `standby`, which takes the launcher's place.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import count
from typing import Any, Final

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_distcc.launcher.command import CannotStartError, Command, Ended, Standby, start_arguments
from twisted_distcc.launcher.packets import (
    ENDED,
    LARGEST,
    READY,
    kind_and_number,
    pack_kill,
    pack_start,
    unpack_ended,
    unpack_failed,
)
from twisted_distcc.launcher.starting import INHERITED_UMASK, NOTHING, start
from twisted_distcc.python import python_argv
from twisted_distcc.runtime.processes import Child, ReactorSpawner, RunningProcess
from twisted_distcc.runtime.standbys import Standbys

_ARGV: Final = tuple(python_argv("twisted_distcc.launcher.program"))
_STDERR: Final = 2
# Seconds after which a launcher that is far behind is tried again.
_AGAIN: Final = 0.01
# Seconds that a launcher may take to start; an interpreter takes a twentieth of one.
_PATIENCE: Final = 30


class LauncherSpawner:
    """Starts commands through a launcher, which is started on demand, and again if it dies.

    If no launcher can be started, commands are started in this process.

    Args:
        reactor: provides `IReactorFDSet`.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._in_place = ReactorSpawner(reactor)
        self._launcher: _Launcher | None = None
        self._standbys = Standbys(reactor, lambda standby: _Launcher(reactor, standby))

    def __call__(self, command: Command) -> RunningProcess:
        """Start `command`, or raise `CannotStartError`; a failure in the launcher fails `end`."""
        return self._asked_for(command) or self._launched(command) or self._in_place(command)

    def _asked_for(self, command: Command) -> RunningProcess | None:
        """Have its standby start `command`, if there is one."""
        if command.standby is None:
            return None
        try:
            return self._standbys.get(command.standby).start(command, command.asked)
        except OSError:
            return None

    def _launched(self, command: Command) -> RunningProcess | None:
        self.prepare()
        return None if self._launcher is None else self._launcher.start(command, command.argv)

    def prepare(self) -> None:
        """Start the launcher unless it is running, so that the next command need not wait for it."""
        if self._launcher is None or self._launcher.has_died:
            try:
                self._launcher = _Launcher(self._reactor)
            except OSError:  # without one a start takes longer, but it is one
                self._launcher = None

    def close(self) -> Deferred[None]:
        """End all that starts programs, and what they started; the Deferred fires when they are gone."""
        launcher, self._launcher = self._launcher, None
        ends = self._standbys.close() + ([] if launcher is None else [launcher.close()])
        return gatherResults(ends).addCallback(lambda _: None)


class _Program:
    """One program that a launcher was asked to start."""

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
        """Note that the program has ended."""
        self._result = result
        self._tell()

    def failed(self, reason: str) -> None:
        """Note that the program could not be started, or that its fate is unknown."""
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
    """A running launcher, and the programs that it was asked to start.

    Raises:
        OSError: if it cannot be started.
    """

    def __init__(self, reactor: Any, standby: Standby | None = None) -> None:
        self._reactor = reactor
        self._is_standby = standby is not None
        self._numbers = count()
        self._programs: dict[int, _Program] = {}
        with ExitStack() as opened:
            self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            opened.enter_context(self._socket)
            with theirs:
                self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
                opened.callback(os.close, self._null)
                self._pid = _start_helper(theirs, standby)
            self._opened = opened.pop_all()
        self._socket.setblocking(False)
        self._child: Child | None = None
        self._has_served = False
        reactor.addReader(self)

    @property
    def has_died(self) -> bool:
        """Whether it died after a successful start, so that starting another one makes sense."""
        return self._has_served and self._child is not None

    @property
    def is_busy(self) -> bool:
        """Whether a program that it has started is still running."""
        return bool(self._programs)

    def start(self, command: Command, argv: Sequence[str]) -> _Program | None:
        """Ask for `argv` to be started, otherwise as `command` says; return `None` if it cannot be."""
        self._await_first_word()
        if self._child is not None or not self._has_served:
            return None
        number = next(self._numbers)
        streams = (command.stdin, command.stdout, command.stderr, *command.beside)
        descriptors = [self._null if stream == NOTHING else stream for stream in streams]
        try:
            packet = _packet(number, len(streams), command, argv)
            if len(packet) > LARGEST:
                return None
            socket.send_fds(self._socket, [packet], descriptors)
        except (OSError, ValueError):
            # There is no such program, or none that can be given these words: that is told better in
            # place.  Or the launcher is gone, or so far behind that its socket takes no more.
            return None
        program = self._programs[number] = _Program(self, number, command.argv[0])
        return program

    def kill(self, number: int) -> None:
        """Ask for a program to be killed."""
        try:
            self._socket.send(pack_kill(number))
        except BlockingIOError:
            self._reactor.callLater(_AGAIN, self.kill, number)
        except OSError:
            self.close()

    def close(self) -> Deferred[None]:
        """Have it kill what it started, and end; the Deferred fires when it is gone."""
        if self._child is None:
            self._reactor.removeReader(self)
            self._opened.close()
            # Watched only now: a reactor that ends kills whom it watches, and this one must not be
            # killed before it has killed others.
            self._child = Child(self._reactor, self._pid)
            programs, self._programs = self._programs, {}
            for program in programs.values():
                program.failed("the launcher has ended")
        return self._child.end().addCallback(lambda _: None)

    def fileno(self) -> int:
        return self._socket.fileno()

    def logPrefix(self) -> str:
        return "launcher"

    def connectionLost(self, reason: Failure) -> None:
        """Close: the reactor itself is shutting down."""
        self.close()

    def _await_first_word(self) -> None:
        """Wait until it is ready; it may end before that, for example if it cannot read its files.

        Nobody waits for a standby: until it is ready, commands are started without it.
        """
        if self._has_served or self._child is not None or self._is_standby:
            return
        first_word = select.poll()
        first_word.register(self._socket, select.POLLIN)
        if first_word.poll(1000 * _PATIENCE):
            self.doRead()
        else:
            self.close()

    def doRead(self) -> None:
        """Receive one packet."""
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
        if kind == READY:
            self._has_served = True
            return
        program = self._programs.pop(number)
        if kind == ENDED:
            program.ended(Ended(*unpack_ended(packet)))
        else:
            program.failed(os.strerror(unpack_failed(packet)))


def _start_helper(theirs: socket.socket, standby: Standby | None) -> int:
    """Start a launcher, or a standby, on its end of a socket, with our own standard error.

    A standby may be killed first when memory runs out, as what it starts may be.
    """
    streams = theirs.fileno(), NOTHING, _STDERR
    if standby is None:
        return start(_ARGV, os.environ, None, INHERITED_UMASK, streams)
    beside = *streams, *standby.beside
    return start(standby.argv, {}, None, INHERITED_UMASK, beside, expendable=True)


def _packet(number: int, streams: int, command: Command, argv: Sequence[str]) -> bytes:
    words, environ, directory, umask, _, expendable = start_arguments(command, argv)
    variables = [os.fsencode(f"{name}={value}") for name, value in environ.items()]
    folder = os.fsencode(directory or "")
    encoded = [os.fsencode(word) for word in words]
    return pack_start(number, streams, umask, folder, encoded, variables, expendable=expendable)
