"""Signals that mean nothing to a process of ours, and by which it must not end.

In: a process that serves others.  Out: the same, which goes on when somebody sends it, say, SIGUSR1 to
have its log rotated.  The kernel's own answer to most signals is to kill.

The signals get a handler.  If they were ignored, the programs that we start would go on ignoring them.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable
from typing import Final

STRAY: Final = (
    signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGIO,
    signal.SIGPWR,
)  # fmt: skip
"""What nobody has a reason to send to a server, an agent or a launcher."""
ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
"""What asks a program to end, or a daemon to read its settings again."""


def heed(numbers: Iterable[int], told: Callable[[str], object] = lambda name: None) -> None:
    """Call `told` with the name of each of `numbers` that comes, and go on."""
    for number in numbers:
        signal.signal(number, lambda came, _frame: told(signal.Signals(came).name))
