"""A command of the user's that runs in the terminal's foreground while this process serves it.

In: a command and its environment.  Out: its exit status.  It has our streams, our process group, and
whatever else was left open for it (make's job server, say).  This module refuses to know what is served
meanwhile.

What the terminal sends goes to both: like a shell, this process leaves it to the command what Ctrl-C
means.  Other requests to end are handed on to it.
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
# Python ignores these from its start, and a program that it starts would go on ignoring them.
_DEFAULT_AGAIN: Final = (signal.SIGPIPE, signal.SIGXFSZ)


class CannotRunError(DistccError):
    """A command could not be started; the exit status is what a shell gives then."""

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
        """The reactor comes to its end, which waits for us."""

    def doRead(self) -> None:
        """Take its exit status: its own, or 128 and the signal that killed it."""
        if os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return
        self._reactor.removeReader(self)
        code = os.waitstatus_to_exitcode(reap(self.pid)[0])
        os.close(self._pidfd)
        self.ended.callback(code if code >= 0 else 128 - code)

    def signal(self, number: int) -> None:
        """Send it a signal, unless it is over and its number may be another's."""
        if not self.ended.called:
            os.kill(self.pid, number)


class SignalsHandedOn:
    """A block in which what is sent to us ends nothing here: the command gets it, once it is there.

    What we were started to ignore (by nohup, say), we and the command go on to ignore.  What we heed the
    command finds as if we did not.
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
        """Hand on to `command` what has come so far, and what comes."""
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
