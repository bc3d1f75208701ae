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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_distcc.errors import DistccError

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
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self._pidfd)
        self.ended.callback(code if code >= 0 else 128 - code)

    @contextmanager
    def signals_handed_on(self) -> Iterator[None]:
        """Have the command get, while the block lasts, what is sent to us.

        What we were started to ignore (by nohup, say), the command goes on to ignore.
        """

        def hand_on(number: int, _frame: Any) -> None:
            if not self.ended.called:  # it is not reaped yet: the number is still its own
                os.kill(self.pid, number)

        before = {number: signal.signal(number, hand_on) for number in _HANDED_ON}
        before |= {number: signal.signal(number, signal.SIG_IGN) for number in _FROM_TERMINAL}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _start(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    try:
        return os.posix_spawnp(argv[0], list(argv), environ, setsigdef=_DEFAULT_AGAIN)
    except FileNotFoundError:
        error = CannotRunError(f"there is no command {argv[0]}")
        error.exit_code = 127
        raise error from None
    except (OSError, ValueError) as error:
        raise CannotRunError(f"cannot run {argv[0]}: {error}") from error
