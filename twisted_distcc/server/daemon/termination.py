"""Termination by a signal, for a server that waits with `poll`.

SIGTERM, SIGINT, SIGQUIT or SIGHUP make a descriptor readable.  Nothing is interrupted: whoever waits
notices, ends what it is doing, and cleans up.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

from twisted_distcc.launcher.signals import ENDING, STRAY


class Ending:
    """The signals that terminate this process, deferred until it is ready."""

    def __init__(self) -> None:
        self.descriptor, told = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(told)
        # Blocked, as a handler would make the descriptor readable; programs that we start block nothing.
        signal.pthread_sigmask(signal.SIG_BLOCK, STRAY)
        for number in ENDING:
            signal.signal(number, _go_on)

    def end(self) -> None:
        """End by the signal that was received: whoever started us may check."""
        number = os.read(self.descriptor, 1)[0]
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _go_on(number: int, frame: FrameType | None) -> None:
    """Do nothing: the signal's number is in the pipe."""
