"""Being told to end by a signal, for a server that waits with `poll`.

In: SIGTERM, SIGINT, SIGQUIT or SIGHUP, at any moment.  Out: a descriptor that can be read from then on.
Nothing is interrupted by it: whoever waits sees it, ends what it does, and leaves nothing behind.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

from twisted_distcc.launcher.signals import ENDING, STRAY


class Ending:
    """The signals that end this process, held back until it is ready."""

    def __init__(self) -> None:
        self.descriptor, told = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(told)
        # A handler would be told of by the descriptor; what we start begins with nothing blocked.
        signal.pthread_sigmask(signal.SIG_BLOCK, STRAY)
        for number in ENDING:
            signal.signal(number, _go_on)

    def end(self) -> None:
        """End by the signal that came: whoever started us may look at it."""
        number = os.read(self.descriptor, 1)[0]
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _go_on(number: int, frame: FrameType | None) -> None:
    """Go on; the number is in the pipe."""
