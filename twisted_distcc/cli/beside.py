"""Run a user's command in the terminal's foreground while this process serves it.

`Beside` starts the command and fires `ended` with its exit status.  The command shares our streams and
process group, and inherits whatever else was left open for it (make's job server, for example).

A signal from the terminal reaches both processes; like a shell, this one leaves it to the command to
decide what Ctrl-C means.  Other requests to terminate are passed on to it (`SignalsHandedOn`).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_distcc.errors import DistccError
from twisted_distcc.launcher.starting import reap, started

_FROM_TERMINAL: Final = (signal.SIGINT, signal.SIGQUIT)
_HANDED_ON: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
# Python ignores these from its start, and a program that it starts would inherit that.
_DEFAULT_AGAIN: Final = (signal.SIGPIPE, signal.SIGXFSZ)


class CannotRunError(DistccError):
    """A command could not be started; the exit status is the one a shell would return."""

    exit_code = 126


@implementer(IReadDescriptor)
class Beside:
    """A running command, watched by `reactor` through its pidfd.

    Raises:
        CannotRunError: if it could not be started.
    """

    def __init__(self, reactor: IReactorFDSet, argv: Sequence[str], environ: Mapping[str, str]) -> None:
        self._reactor = reactor
        self.pid = _start(argv, environ)
        self._pidfd = os.pidfd_open(self.pid)
        self.ended: Deferred[int] = Deferred()
        reactor.addReader(self)

    def fileno(self) -> int:
        return self._pidfd

    def logPrefix(self) -> str:
        return "command"

    def connectionLost(self, reason: Failure) -> None:
        """Do nothing: the reactor is stopping, and we stop with it."""

    def doRead(self) -> None:
        """Collect the exit status: the command's own, or 128 plus the signal that killed it."""
        if os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return
        self._reactor.removeReader(self)
        code = os.waitstatus_to_exitcode(reap(self.pid)[0])
        os.close(self._pidfd)
        self.ended.callback(code if code >= 0 else 128 - code)

    def signal(self, number: int) -> None:
        """Send the command a signal, unless it has ended and its process id may have been reused."""
        if not self.ended.called:
            os.kill(self.pid, number)


class SignalsHandedOn:
    """A block in which signals do not end this process, but go to the command once it has started.

    Signals that we were started to ignore (by nohup, for example) stay ignored, here and in the command.
    Our own handlers are not inherited by the command.
    """

    def __init__(self) -> None:
        self._command: Beside | None = None
        self._early: list[int] = []
        self._before: dict[int, Any] = {}

    def __enter__(self) -> SignalsHandedOn:
        for number in (*_FROM_TERMINAL, *_HANDED_ON):
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._heed)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def to(self, command: Beside) -> None:
        """Pass on to `command` the signals that have arrived already, and those that will."""
        self._command = command
        for number in self._early:
            command.signal(number)

    def _heed(self, number: int, _frame: object) -> None:
        if self._command is None:
            self._early.append(number)
        elif number not in _FROM_TERMINAL:
            self._command.signal(number)


def _start(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    try:
        pid = os.posix_spawnp(argv[0], list(argv), environ, setsigdef=_DEFAULT_AGAIN)
        started(pid)
        return pid
    except FileNotFoundError:
        error = CannotRunError(f"{argv[0]}: command not found")
        error.exit_code = 127
        raise error from None
    except OSError as error:
        raise CannotRunError(f"cannot run {argv[0]}: {error.strerror}") from error
    except ValueError as error:
        raise CannotRunError(f"cannot run {argv[0]}: {error}") from error
