"""Handle signals that must not end a process of ours.

A process that serves others should survive, say, a SIGUSR1 that is meant to rotate its log; by default
most signals kill.

The signals get a handler rather than being ignored, since programs that we start would inherit that.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable
from typing import Final

STRAY: Final = (
    signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGIO,
    signal.SIGPWR,
)  # fmt: skip
"""Signals that nobody has a reason to send to a server, an agent or a launcher."""
ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
"""Signals that ask a program to end, or a daemon to reload its settings."""


def heed(numbers: Iterable[int], told: Callable[[str], object] = lambda name: None) -> None:
    """Call `told` with the name of each signal of `numbers` that arrives, and carry on."""
    for number in numbers:
        signal.signal(number, lambda came, _frame: told(signal.Signals(came).name))
